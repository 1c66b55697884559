//! The Python interpreters of this machine: found, asked what they are, and chosen from.
//!
//! Looked through, in this order: PATH, pyenv's versions, uv's. pyenv's shims are passed over: they are slow, and
//! what they lead to lies in the versions folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::lambda::{PythonVersion, Target};
use crate::system;

/// Asked of every interpreter. The working directory is taken off the path first: its files are not the interpreter's.
const PROBE: &str = "\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json, platform
try:
    import pip
    pip = pip.__version__
except Exception:
    pip = None
print(json.dumps({
    'implementation': sys.implementation.name,
    'version': list(sys.version_info[:3]),
    'final': sys.version_info.releaselevel == 'final',
    'gil': bool(getattr(sys, '_is_gil_enabled', lambda: True)()),
    'system': platform.system(),
    'machine': platform.machine(),
    'pip': pip,
}))
";

/// The oldest pip whose `--report` has the stable format that is read here.
pub const OLDEST_PIP: &str = "23.0";

/// An interpreter and what it says of itself.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// Its executable.
    pub path: PathBuf,
    facts: Facts,
}

#[derive(Clone, Debug, Deserialize)]
struct Facts {
    implementation: String,
    version: (u8, u8, u8),
    r#final: bool,
    gil: bool,
    system: String,
    machine: String,
    pip: Option<String>,
}

impl Interpreter {
    /// Runs an executable to ask what it is.
    fn ask(path: &Path) -> Result<Self, String> {
        let mut command = Command::new(path);
        command.arg("-c").arg(PROBE).env("PYTHONSAFEPATH", "1");
        let output = system::run(command, b"", "asking Python for its version", &path.display().to_string())
            .map_err(|error| error.to_string())?;
        let facts =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("its answer is no JSON: {error}"))?;
        Ok(Self { path: path.to_owned(), facts })
    }

    /// `3.13.0`.
    pub fn version(&self) -> String {
        let (major, minor, patch) = self.facts.version;
        format!("{major}.{minor}.{patch}")
    }

    /// Whether its bytecode is the runtime's: the same minor version of a released `CPython`.
    pub fn compiles_for(&self, python: PythonVersion) -> bool {
        self.facts.implementation == "cpython"
            && self.facts.r#final
            && self.facts.gil
            && (self.facts.version.0, self.facts.version.1) == (3, python.minor())
    }

    /// Whether what it builds natively can run on the target.
    pub fn builds_for(&self, target: Target) -> bool {
        self.compiles_for(target.python)
            && self.facts.system == "Linux"
            && self.facts.machine == target.architecture.machine()
    }

    /// pip's version, where there is a pip new enough.
    pub fn pip(&self) -> Option<&str> {
        self.facts.pip.as_deref().filter(|version| release(version) >= release(OLDEST_PIP))
    }

    /// The machine and version, as an error names them.
    pub fn describe_kind(&self) -> String {
        format!("{} {} with Python {}", self.facts.system, self.facts.machine, self.version())
    }

    fn describe(&self) -> String {
        let pip = self.facts.pip.as_deref().map_or_else(|| "no pip".into(), |version| format!("pip {version}"));
        format!("{} ({}, {pip})", self.path.display(), self.version())
    }
}

fn release(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// What a build uses Python for.
#[derive(Debug)]
pub struct Interpreters {
    /// Runs pip.
    pub pip: Interpreter,
    /// Compiles bytecode; none where no interpreter of the target's minor version was found.
    pub compiler: Option<Interpreter>,
}

/// Finds the interpreters for a target, or takes the one that the user names.
pub fn find(target: Target, named: Option<&Path>) -> Result<Interpreters> {
    if let Some(path) = named {
        let refuse = |reason| Error::Interpreter { path: path.to_owned(), reason };
        let interpreter = Interpreter::ask(path).map_err(refuse)?;
        if interpreter.pip().is_none() {
            return Err(refuse(format!("it has no pip {OLDEST_PIP} or newer: {}", interpreter.describe())));
        }
        let compiler = interpreter.compiles_for(target.python).then(|| interpreter.clone());
        let compiler = compiler.or_else(|| {
            candidates(target.python)
                .iter()
                .find_map(|path| Interpreter::ask(path).ok().filter(|found| found.compiles_for(target.python)))
        });
        return Ok(Interpreters { pip: interpreter, compiler });
    }
    let mut compiler = None;
    let mut seen = Vec::new();
    // The target's own version first: then one interpreter does both, and may build what has no wheel.
    for path in candidates(target.python).into_iter().chain(any_version()) {
        let interpreter = match Interpreter::ask(&path) {
            Ok(interpreter) => interpreter,
            Err(reason) => {
                seen.push(format!("{} ({})", path.display(), reason.lines().next().unwrap_or_default()));
                continue;
            }
        };
        if compiler.is_none() && interpreter.compiles_for(target.python) {
            compiler = Some(interpreter.clone());
        }
        if interpreter.pip().is_some() {
            return Ok(Interpreters { pip: interpreter, compiler });
        }
        seen.push(interpreter.describe());
    }
    Err(Error::NoPip { minimum: OLDEST_PIP, seen })
}

/// The target's own interpreter, if there is one here; what it has beside itself does not matter.
pub fn find_target(target: Target) -> Option<Interpreter> {
    let asked = candidates(target.python).into_iter().filter_map(|path| Interpreter::ask(&path).ok());
    asked.into_iter().find(|interpreter| interpreter.compiles_for(target.python))
}

/// Executables that should be the target's minor version.
fn candidates(python: PythonVersion) -> Vec<PathBuf> {
    let name = format!("python{python}");
    let mut paths = system::find_on_path(&name);
    for (folder, prefix) in [(pyenv_versions(), format!("{python}.")), (uv_pythons(), format!("cpython-{python}."))] {
        paths
            .extend(versions_in(folder.as_deref(), &prefix).into_iter().map(|version| version.join("bin").join(&name)));
    }
    paths.retain(|path| path.is_file());
    paths
}

/// Executables of whatever version, newest first where the version shows.
fn any_version() -> Vec<PathBuf> {
    let mut paths = system::find_on_path("python3");
    paths.extend(system::find_on_path("python"));
    for (folder, prefix) in [(pyenv_versions(), "3."), (uv_pythons(), "cpython-3.")] {
        paths.extend(versions_in(folder.as_deref(), prefix).into_iter().map(|version| version.join("bin/python3")));
    }
    paths.retain(|path| path.is_file());
    paths
}

/// The folders that begin with `prefix`, newest version first.
fn versions_in(folder: Option<&Path>, prefix: &str) -> Vec<PathBuf> {
    let Some(entries) = folder.and_then(|folder| std::fs::read_dir(folder).ok()) else { return Vec::new() };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| name.starts_with(prefix))?;
            let numbers =
                name.trim_start_matches("cpython-").split(['.', '-']).map_while(|part| part.parse().ok()).collect();
            Some((numbers, entry.path()))
        })
        .collect();
    found.sort_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, path)| path).collect()
}

fn pyenv_versions() -> Option<PathBuf> {
    let root =
        std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".pyenv")))?;
    Some(root.join("versions"))
}

fn uv_pythons() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("UV_PYTHON_INSTALL_DIR") {
        return Some(folder.into());
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(std::env::home_dir()?.join(".local/share")))?;
    Some(data.join("uv/python"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_folders_come_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["3.13.2", "3.13.10", "3.12.1", "3.13.0rc1"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let names: Vec<_> = versions_in(Some(folder.path()), "3.13.")
            .into_iter()
            .map(|path| path.file_name().unwrap().to_owned().into_string().unwrap())
            .collect();
        assert_eq!(names, ["3.13.10", "3.13.2", "3.13.0rc1"]);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(release("23.0.1") >= release(OLDEST_PIP));
        assert!(release("22.3.1") < release(OLDEST_PIP));
        assert!(release("100.1") >= release(OLDEST_PIP));
    }
}
