//! The exporters of lock files that only their own tool reads: `uv export`, `poetry export`. Each writes a requirements file
//! with hashes from the lock as it is; neither resolves, and no network is needed.

use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};
use crate::system::{self, CommandError};

/// What a shell, and pyenv's stand-ins, end with when there is no such command.
const NOT_FOUND: i32 = 127;

/// `uv export`, of the project in `folder`, which may be a member of a workspace.
pub fn uv(lock: &Path, folder: &Path, extras: &[String], groups: &[String]) -> Result<String> {
    let mut command = Command::new("uv");
    command.args(["export", "--frozen", "--offline", "--no-emit-project", "--no-default-groups", "--no-editable"]);
    command.args(["--format", "requirements.txt", "--no-header", "--no-annotate", "--quiet", "--no-progress"]);
    command.arg("--project").arg(folder);
    chosen(&mut command, "--extra", extras);
    chosen(&mut command, "--group", groups);
    command.env("UV_PYTHON_DOWNLOADS", "never").env_remove("UV_LOCKED").env_remove("UV_OUTPUT_FILE");
    run(command, lock, "uv", "install uv (pipx install uv, or pip install uv)")
}

/// `poetry export`, of the project in `folder`.
pub fn poetry(lock: &Path, folder: &Path, extras: &[String], groups: &[String]) -> Result<String> {
    let mut command = Command::new("poetry");
    command.args(["export", "--format", "requirements.txt", "--no-interaction", "--no-ansi"]);
    command.arg("--directory").arg(folder);
    chosen(&mut command, "--extras", extras);
    chosen(&mut command, "--with", groups);
    command.env("POETRY_WARNINGS_EXPORT", "false").env("POETRY_VIRTUALENVS_CREATE", "false");
    let install =
        "install poetry and its export plugin (pipx install poetry && pipx inject poetry poetry-plugin-export)";
    match run(command, lock, "poetry", install) {
        Err(Error::Command(error)) if error.all_output().contains("command export does not exist") => {
            Err(Error::requirements(
                lock,
                "poetry reads it with poetry-plugin-export, which is not installed",
                "install it: pipx inject poetry poetry-plugin-export, or poetry self add poetry-plugin-export",
            ))
        }
        result => result,
    }
}

fn chosen(command: &mut Command, option: &str, names: &[String]) {
    command.args(names.iter().map(|name| format!("{option}={name}")));
}

fn run(command: Command, lock: &Path, program: &str, install: &str) -> Result<String> {
    let what = format!("exporting {} with {program}", lock.display());
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let argv = format!("{program} {}", words.join(" "));
    match system::run(command, b"", &what, &argv) {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) if is_missing(&error) => Err(Error::requirements(
            lock,
            format!("only {program} reads it, and {program} is not installed"),
            format!("{install}; or write a requirements file with it elsewhere, and name that with -r"),
        )),
        Err(error) => Err(error.into()),
    }
}

fn is_missing(error: &CommandError) -> bool {
    match error {
        CommandError::Start { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        CommandError::Failed { status, .. } => status.code() == Some(NOT_FOUND),
        CommandError::Late { .. } => false,
    }
}
