//! Where requirements lie by convention.

use std::path::{Path, PathBuf};

use super::pyproject::PyProject;
use super::workspace;

/// The file beside a function's sources that says what it requires: what was written for pip first, then locks, then
/// what is resolved anew.
pub(in crate::project) fn beside(folder: &Path) -> Option<PathBuf> {
    let has = |name: &str| folder.join(name).is_file();
    let project = has("pyproject.toml");
    let lock = [
        ("requirements.txt", true),
        ("pylock.toml", true),
        ("uv.lock", project),
        ("poetry.lock", project),
        ("Pipfile.lock", true),
        ("pyproject.toml", project && says_something(folder)),
    ];
    lock.into_iter().find(|(name, counts)| *counts && has(name)).map(|(name, _)| folder.join(name))
}

/// What a folder `requirements` has for a function's name.
pub(in crate::project) fn named(folder: &Path, name: &str) -> Option<PathBuf> {
    [format!("{name}.txt"), format!("pylock.{name}.toml")]
        .into_iter()
        .map(|file| folder.join(file))
        .find(|path| path.is_file())
}

/// Whether a pyproject.toml is about dependencies, rather than about how tools are set. One that cannot be read counts: the
/// error is then told.
fn says_something(folder: &Path) -> bool {
    let project = PyProject::read(&folder.join("pyproject.toml"));
    project.map_or(true, |project| project.has_requirements()) || workspace::lock_of(folder).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_file_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let found = || beside(folder.path()).map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("pyproject.toml", "[tool.ruff]\nline-length = 100");
        assert_eq!(found(), None);
        write("pyproject.toml", "[project");
        assert_eq!(found().as_deref(), Some("pyproject.toml"));
        for name in ["Pipfile.lock", "poetry.lock", "uv.lock", "pylock.toml", "requirements.txt"] {
            write(name, "");
            assert_eq!(found().as_deref(), Some(name));
        }
        std::fs::remove_file(folder.path().join("pyproject.toml")).unwrap();
        for name in ["requirements.txt", "pylock.toml"] {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        assert_eq!(found().as_deref(), Some("Pipfile.lock"), "locks of uv and poetry need their pyproject.toml");
    }

    #[test]
    fn a_member_of_a_workspace_has_the_workspaces_lock() {
        let root = tempfile::tempdir().unwrap();
        let member = root.path().join("apps/one");
        std::fs::create_dir_all(&member).unwrap();
        std::fs::write(member.join("pyproject.toml"), "[project]\nname = 'one'").unwrap();
        assert_eq!(beside(&member), None);
        std::fs::write(root.path().join("uv.lock"), "").unwrap();
        std::fs::write(root.path().join("pyproject.toml"), "[tool.uv.workspace]\nmembers = ['apps/*']").unwrap();
        assert_eq!(beside(&member), Some(member.join("pyproject.toml")));
        assert_eq!(workspace::lock_of(&member), Some(root.path().canonicalize().unwrap().join("uv.lock")));
        assert_eq!(workspace::lock_of(root.path()), None);
    }

    #[test]
    fn a_function_has_a_file_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(named(folder.path(), "job"), None);
        std::fs::write(folder.path().join("pylock.job.toml"), "").unwrap();
        assert_eq!(named(folder.path(), "job"), Some(folder.path().join("pylock.job.toml")));
        std::fs::write(folder.path().join("job.txt"), "").unwrap();
        assert_eq!(named(folder.path(), "job"), Some(folder.path().join("job.txt")));
    }
}
