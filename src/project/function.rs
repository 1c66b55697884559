//! Which function is meant, and where its requirements are.

use std::path::{Path, PathBuf};

use super::requirements::{self, Choice};
use crate::error::{Error, Result};

/// A function's sources on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// What its artifacts are called.
    pub name: String,
    /// A folder, or one Python file.
    pub source: PathBuf,
    /// The requirement files that belong to it by convention.
    pub requirements: Vec<PathBuf>,
    /// What is taken of them.
    pub choice: Choice,
}

/// The function that an argument names: a name under `functions/`, or a path.
pub fn find(root: &Path, argument: &str) -> Result<Function> {
    let functions = root.join("functions");
    let plain = !argument.contains(['/', '\\']) && !matches!(argument, "" | "." | "..");
    if plain {
        for source in [functions.join(argument), functions.join(format!("{argument}.py"))] {
            if source.exists() {
                return Ok(at(&source, argument.strip_suffix(".py").unwrap_or(argument)));
            }
        }
    }
    let source = root.join(argument);
    let is_python = source.is_file() && source.extension().is_some_and(|end| end == "py");
    if !argument.is_empty() && (source.is_dir() || is_python) {
        let real = source.canonicalize().map_err(Error::io("read", &source))?;
        let stem = if real.is_dir() { real.file_name() } else { real.file_stem() };
        let name = stem.unwrap_or_default().to_string_lossy().into_owned();
        return Ok(at(&source, if name.is_empty() { "function" } else { &name }));
    }
    if source.is_file() {
        return Err(Error::usage(
            format!("{argument} is not a Python file"),
            "a function is a folder or a single .py file",
        ));
    }
    let known = all(root).iter().map(|function| function.name.clone()).collect::<Vec<_>>();
    Err(Error::usage(
        format!("there is no function {argument:?}"),
        match known.as_slice() {
            [] => {
                "give the path of a folder or of a .py file; names are looked up under functions/, which has none here"
                    .into()
            }
            names => format!("functions here: {}; or give the path of a folder or of a .py file", names.join(", ")),
        },
    ))
}

/// Every function under `functions/`, by name.
pub fn all(root: &Path) -> Vec<Function> {
    let mut functions: Vec<Function> = std::fs::read_dir(root.join("functions"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let name = entry.file_name().into_string().ok()?;
            let stem = if path.is_dir() { name.as_str() } else { name.strip_suffix(".py")? };
            (!stem.starts_with(['.', '_'])).then(|| at(&path, stem))
        })
        .collect();
    functions.sort_by(|left, right| left.name.cmp(&right.name));
    functions
}

pub(super) fn at(source: &Path, name: &str) -> Function {
    let beside = if source.is_dir() { source.to_owned() } else { source.parent().unwrap_or(Path::new("")).to_owned() };
    // However it was named: what lies in a folder `functions` has its requirements in the `requirements` beside that.
    let real = source.canonicalize().unwrap_or_else(|_| source.to_owned());
    let project = real.parent().filter(|parent| parent.file_name().is_some_and(|name| name == "functions"));
    let by_name = project
        .and_then(|functions| functions.parent())
        .and_then(|project| requirements::named(&project.join("requirements"), name))
        .map(|path| relative(&path));
    let requirements = by_name.or_else(|| requirements::beside(&beside)).into_iter().collect();
    Function { name: name.to_owned(), source: source.to_owned(), requirements, choice: Choice::default() }
}

/// A path as seen from the working directory, where it lies below it.
fn relative(path: &Path) -> PathBuf {
    let below = std::env::current_dir().and_then(|folder| folder.canonicalize()).ok();
    below.and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["functions/report", "requirements", "elsewhere/job"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in
            ["functions/tiny.py", "requirements/report.txt", "elsewhere/job/requirements.txt", "elsewhere/notes.md"]
        {
            std::fs::write(root.path().join(file), "").unwrap();
        }
        root
    }

    #[test]
    fn a_name_is_looked_up_under_functions() {
        let root = project();
        let function = find(root.path(), "report").unwrap();
        let requirements = root.path().canonicalize().unwrap().join("requirements/report.txt");
        assert_eq!(function.requirements, std::slice::from_ref(&requirements));
        assert_eq!(find(root.path(), "./functions/report").unwrap().requirements, [requirements]);
        assert_eq!(find(root.path(), "tiny").unwrap().source, root.path().join("functions/tiny.py"));
        assert_eq!(
            all(root.path()).iter().map(|function| function.name.as_str()).collect::<Vec<_>>(),
            ["report", "tiny"]
        );
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let root = project();
        let function = find(root.path(), "elsewhere/job").unwrap();
        assert_eq!((function.name.as_str(), function.requirements.len()), ("job", 1));
    }

    #[test]
    fn what_is_not_there_names_what_is() {
        let root = project();
        let error = find(root.path(), "reprot").unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "functions here: report, tiny; or give the path of a folder or of a .py file"
        );
        assert!(find(root.path(), "elsewhere/notes.md").is_err());
    }
}
