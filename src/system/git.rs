//! The Git repository that the working directory is in, as somewhere to read commits from.
//!
//! What must stay true: nothing of the repository changes, neither its working tree nor its index nor its settings, and none of its
//! hooks runs; a name of a commit is never taken for an option.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::{CommandError, Output, run};
use crate::error::{Error, Result};

/// What a hook that runs pack has set, and what would send a child of pack to the repository.
pub const VARIABLES: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// What a tree calls the commit of a submodule.
const SUBMODULE: &[u8] = b"160000 ";

/// A repository.
#[derive(Debug)]
pub struct Repository {
    /// Its own folder (`.git`).
    folder: PathBuf,
    /// The working directory, from the top of the working tree.
    prefix: PathBuf,
}

/// A commit of it.
#[derive(Debug)]
pub struct Commit {
    id: String,
}

impl Commit {
    /// The beginning of its name.
    pub fn short(&self) -> &str {
        &self.id[..12]
    }
}

impl Repository {
    /// That of the working directory.
    pub fn here() -> Result<Self> {
        let mut command = git();
        command.args(["rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-prefix"]);
        let said = run(command, b"", "looking for a repository", "git rev-parse").map_err(|error| match error {
            CommandError::Start { .. } => Error::usage(
                "a commit is compared with by git, which is not on PATH",
                "install it, or compare with a report that --save wrote",
            ),
            failed @ CommandError::Failed { .. } => no_repository(failed.messages().lines().last().unwrap_or_default()),
            other => other.into(),
        })?;
        let mut lines = said.stdout.split(|byte| *byte == b'\n');
        match (lines.next(), lines.next(), lines.next()) {
            (Some(b"true"), Some(folder), Some(prefix)) => Ok(Self { folder: path(folder), prefix: path(prefix) }),
            _ => Err(no_repository("the working directory is in no working tree")),
        }
    }

    /// The working directory, from the top of the working tree; empty at the top.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The commit that a name means.
    pub fn commit(&self, name: &str) -> Result<Commit> {
        let mut command = self.git();
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options"]).arg(format!("{name}^{{commit}}"));
        let is_id = |line: &&str| line.len() >= 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Ok(said) = run(command, b"", "looking for a commit", "git rev-parse")
            // An old git repeats the option.
            && let Some(id) = String::from_utf8_lossy(&said.stdout).lines().last().filter(is_id)
        {
            return Ok(Commit { id: id.to_owned() });
        }
        let hint = if self.is_shallow() {
            let branch = name.strip_prefix("origin/").unwrap_or("main");
            format!(
                "this clone has only the newest commits: git fetch --depth=1 origin {branch}:refs/remotes/origin/{branch}; or, in a \
                 workflow of GitHub, actions/checkout with fetch-depth: 0"
            )
        } else {
            "git branch --all and git tag show what there is; git fetch origin brings what is new".into()
        };
        Err(Error::usage(format!("there is no commit {name:?} in this repository"), hint))
    }

    /// Whether the history is cut off, as CIs clone it.
    fn is_shallow(&self) -> bool {
        let mut command = self.git();
        command.args(["rev-parse", "--is-shallow-repository"]);
        run(command, b"", "looking at the clone", "git rev-parse").is_ok_and(|said| said.stdout.starts_with(b"true"))
    }

    /// Writes every file of a commit into an empty folder, as a checkout would: with line ends and filters (LFS) as its attributes
    /// say. `index` is a path for Git's own use. Says which folders are submodules: they stay empty.
    pub fn write(&self, commit: &Commit, folder: &Path, index: &Path) -> Result<Vec<PathBuf>> {
        let step = |arguments: &[&str]| -> Result<Output> {
            let mut command = self.git();
            command.args(arguments).current_dir(folder).env("GIT_WORK_TREE", folder).env("GIT_INDEX_FILE", index);
            let what = format!("writing the files of {}", commit.short());
            Ok(run(command, b"", &what, &format!("git {}", arguments.join(" ")))?)
        };
        step(&["read-tree", &commit.id])?;
        step(&["checkout-index", "--all", "--force", "--quiet"])?;
        let listed = step(&["ls-files", "--stage", "-z"])?.stdout;
        let submodules = listed.split(|byte| *byte == 0).filter(|entry| entry.starts_with(SUBMODULE));
        Ok(submodules.filter_map(|entry| Some(path(entry.splitn(2, |byte| *byte == b'\t').nth(1)?))).collect())
    }

    fn git(&self) -> Command {
        let mut command = git();
        command.env("GIT_DIR", &self.folder);
        command
    }
}

/// Git, with what a repository's settings could have it do beside what it is asked to.
fn git() -> Command {
    let mut command = Command::new("git");
    for setting in [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.splitIndex=false",
        "core.sparseCheckout=false",
        "submodule.recurse=false",
    ] {
        command.args(["-c", setting]);
    }
    command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
    command
}

fn no_repository(reason: &str) -> Error {
    Error::usage(
        format!("a commit is taken from the Git repository of the working directory, and there is none: {reason}"),
        "run it in a clone; or compare with a report that --save wrote",
    )
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
