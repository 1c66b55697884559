//! A Git repository around a project of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Pack;

/// A repository with a project at its top or in a folder of it.
pub(crate) struct Repository {
    top: PathBuf,
}

impl Repository {
    /// Begins one whose first commit has all that the project has, but its wheels and artifacts.
    pub(crate) fn of(pack: &Pack) -> Self {
        let repository = Self { top: pack.path("") };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        // Not in .gitignore: that would be a file of the project.
        fs::write(repository.top.join(".git/info/exclude"), "/wheels\ndist/\n").unwrap();
        repository.commit("first");
        repository
    }

    /// Commits everything.
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    /// Begins a branch at another one.
    pub(crate) fn branch(&self, name: &str, at: &str) {
        self.git(&["switch", "--quiet", "--force-create", name, at]);
    }

    /// What `git ARGUMENTS` says.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.top, arguments)
    }

    /// Every file of the working tree and of `.git`, with its size and time of change.
    pub(crate) fn state(&self) -> Vec<String> {
        let mut state = Vec::new();
        for entry in walkdir::WalkDir::new(&self.top).sort_by_file_name() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            state.push(format!("{} {} {:?}", entry.path().display(), metadata.len(), metadata.modified().unwrap()));
        }
        state
    }
}

/// Git as nobody has set it up.
#[track_caller]
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).envs([
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.com"),
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
