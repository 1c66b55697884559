//! The function's own files: everything in its folder but what does not belong into an artifact.
//!
//! `.packignore` has the format of `.gitignore` and comes after the defaults, so that a `!line` takes one back.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use walkdir::WalkDir;

use super::Function;
use crate::error::{Error, Result};

/// What no function ships: version control, environments, caches, editors' files, its own tests, its requirements,
/// and files that hold secrets.
const DEFAULTS: &str = "\
.git
.gitignore
.gitattributes
.hg
.svn
.packignore
.venv
venv/
.tox
.nox
node_modules/
__pycache__/
*.py[cod]
*.egg-info/
.pytest_cache
.mypy_cache
.ruff_cache
.ipynb_checkpoints
.coverage
htmlcov/
.idea
.vscode
*.swp
*~
.DS_Store
Thumbs.db
.env
.env.*
.aws
.aws-sam
.serverless
.terraform
*.pem
/tests/
/test/
/dist/
test_*.py
*_test.py
conftest.py
/requirements*.txt
";

/// One file of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFile {
    /// Its path in the artifact.
    pub path: String,
    /// Its path on this machine.
    pub source: PathBuf,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Its size in bytes.
    pub size: u64,
}

/// The files that a function ships, by path. Symbolic links are followed: what they lead to is shipped.
pub fn collect(function: &Function) -> Result<Vec<FunctionFile>> {
    let root = &function.source;
    if root.is_file() {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![file(name, root)?]);
    }
    let ignored = rules(root)?;
    let mut files = Vec::new();
    let walk = WalkDir::new(root).follow_links(true).min_depth(1).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !ignored.matched(entry.path(), entry.file_type().is_dir()).is_ignore()) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            Error::io("read", path)(error.into())
        })?;
        if entry.file_type().is_file() {
            files.push(file(path_in(root, entry.path())?, entry.path())?);
        }
    }
    Ok(files)
}

fn rules(root: &Path) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new(root);
    let wrong = |error: ignore::Error| {
        Error::usage(format!("a rule of .packignore cannot be read: {error}"), "its format is that of .gitignore")
    };
    for line in DEFAULTS.lines() {
        builder.add_line(None, line).map_err(wrong)?;
    }
    let own = root.join(".packignore");
    if own.is_file()
        && let Some(error) = builder.add(&own)
    {
        return Err(wrong(error));
    }
    builder.build().map_err(wrong)
}

fn path_in(root: &Path, path: &Path) -> Result<String> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let components: Option<Vec<&str>> = relative.iter().map(|component| component.to_str()).collect();
    components.map(|components| components.join("/")).filter(|path| !path.chars().any(char::is_control)).ok_or_else(
        || {
            Error::usage(
                format!("{} has a name that is not plain UTF-8", path.display()),
                "rename it, or keep it out with a line in .packignore",
            )
        },
    )
}

fn file(path: String, source: &Path) -> Result<FunctionFile> {
    let metadata = source.metadata().map_err(Error::io("read", source))?;
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0;
    #[cfg(not(unix))]
    let executable = false;
    Ok(FunctionFile { path, source: source.to_owned(), executable, size: metadata.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let function = Function { name: "f".into(), source: root.path().to_owned(), requirements: Vec::new() };
        collect(&function).unwrap().into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn what_does_not_belong_stays_out() {
        let files = [
            ("app.py", ""),
            ("lib/tests/data.json", ""),
            ("tests/test_app.py", ""),
            ("test_app.py", ""),
            ("__pycache__/app.cpython-313.pyc", ""),
            (".git/config", ""),
            (".env", "SECRET=1"),
            ("requirements.txt", ""),
            ("lib/requirements.txt", ""),
        ];
        assert_eq!(shipped(&files), ["app.py", "lib/requirements.txt", "lib/tests/data.json"]);
    }

    #[test]
    fn packignore_adds_and_takes_back() {
        let files = [("app.py", ""), (".env", ""), ("big.csv", ""), (".packignore", "*.csv\n!.env\n")];
        assert_eq!(shipped(&files), [".env", "app.py"]);
    }
}
