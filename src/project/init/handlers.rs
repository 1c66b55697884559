//! Where handlers lie in a folder that was not laid out for pack.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::names;
use crate::check;
use crate::error::{Error, Result};

/// Where no function is, beside hidden folders.
const PASSED_OVER: &[&str] = &[
    "build",
    "cdk.out",
    "dist",
    "docs",
    "env",
    "examples",
    "layers",
    "node_modules",
    "requirements",
    "scripts",
    "site-packages",
    "test",
    "tests",
    "venv",
];
/// How far down it is looked for.
const DEPTH: usize = 2;
/// As much of a source is read.
const MOST_BYTES: u64 = 1 << 20;

/// A handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handler {
    /// The folder that a function is made of; empty for the project's own.
    pub(super) source: PathBuf,
    /// The packages between the folder and the module.
    packages: Vec<String>,
    module: String,
    /// Its name in the module.
    pub(super) function: &'static str,
}

impl Handler {
    /// As Lambda takes it.
    pub(super) fn dotted(&self) -> String {
        let names = self.packages.iter().chain([&self.module]).map(String::as_str);
        names.chain([self.function]).collect::<Vec<_>>().join(".")
    }

    /// Its module's folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.packages.iter().fold(self.source.clone(), |folder, package| folder.join(package))
    }

    /// Its module's file.
    pub(super) fn file(&self) -> PathBuf {
        self.folder().join(format!("{}.py", self.module))
    }

    /// What its function may be called: as the folder, or as the module if the folder has several.
    pub(super) fn name(&self, project: &str, alone: bool) -> String {
        let folder = self.folder();
        match folder.file_name() {
            _ if !alone => self.module.clone(),
            None => project.to_owned(),
            // A folder of this name says only that there are sources.
            Some(name) if name == "src" || name == "app" => project.to_owned(),
            Some(name) => name.to_string_lossy().into_owned(),
        }
    }
}

/// The handlers that are least far down: those that can hardly be anything else, or the only one that may be one. None, if
/// there is no source at all.
pub(super) fn find(root: &Path) -> Result<Option<Vec<Handler>>> {
    let mut level = vec![Place::default()];
    let (mut possible, mut has_sources) = (Vec::new(), false);
    for depth in 0..=DEPTH {
        let mut certain = Vec::new();
        for place in &level {
            let modules = place.modules(root);
            has_sources |= !modules.is_empty();
            let found = place.handlers(root, &modules)?;
            certain.extend(found.iter().filter(|(_, certain)| *certain).map(|(handler, _)| handler.clone()));
            possible.extend(found.into_iter().map(|(handler, _)| handler));
        }
        if !certain.is_empty() {
            return Ok(Some(certain));
        }
        if depth < DEPTH {
            level = level.iter().flat_map(|place| place.below(root)).collect();
        }
    }
    Ok(has_sources.then(|| if possible.len() == 1 { possible } else { Vec::new() }))
}

/// A folder that may have a handler.
#[derive(Debug, Default)]
struct Place {
    source: PathBuf,
    packages: Vec<String>,
}

impl Place {
    fn folder(&self, root: &Path) -> PathBuf {
        self.packages.iter().fold(root.join(&self.source), |folder, package| folder.join(package))
    }

    /// The folders in it. A package is imported from the folder that it lies in.
    fn below(&self, root: &Path) -> Vec<Self> {
        let folder = self.folder(root);
        // One that cannot be listed, such as a database's, has no function.
        let names = names(&folder).unwrap_or_default();
        let is_meant = |name: &String| {
            let path = folder.join(name);
            is_plain(name)
                && !path.is_symlink()
                && !PASSED_OVER.contains(&name.as_str())
                && path.is_dir()
                && !path.join("pyvenv.cfg").exists()
        };
        let within = |name: String| {
            let mut place = Self { source: self.source.clone(), packages: self.packages.clone() };
            if folder.join(&name).join("__init__.py").is_file() || !self.packages.is_empty() {
                place.packages.push(name);
            } else {
                place.source.push(name);
            }
            place
        };
        names.into_iter().filter(is_meant).map(within).collect()
    }

    /// The names of its modules that may have a handler.
    fn modules(&self, root: &Path) -> Vec<String> {
        let folder = self.folder(root);
        let is_meant = |module: &str| {
            let is_tools = module.starts_with("test_") || matches!(module, "conftest" | "setup");
            is_plain(module) && !module.contains('.') && !is_tools && folder.join(format!("{module}.py")).is_file()
        };
        let names = names(&folder).unwrap_or_default();
        let modules = names.iter().filter_map(|name| name.strip_suffix(".py"));
        modules.filter(|module| is_meant(module)).map(str::to_owned).collect()
    }

    /// Its handlers, each with whether it can hardly be anything else; one a module.
    fn handlers(&self, root: &Path, modules: &[String]) -> Result<Vec<(Handler, bool)>> {
        let mut found = Vec::new();
        for module in modules {
            let handlers = check::handlers(&read(&self.folder(root).join(format!("{module}.py")))?);
            let Some(&(function, certain)) = handlers.iter().find(|(_, certain)| *certain).or(handlers.first()) else {
                continue;
            };
            let (source, packages) = (self.source.clone(), self.packages.clone());
            found.push((Handler { source, packages, module: module.clone(), function }, certain));
        }
        Ok(found)
    }
}

/// Whether a name can be written down, and is neither hidden nor private.
fn is_plain(name: &str) -> bool {
    !name.starts_with(['.', '_']) && !name.contains(|letter: char| letter.is_control() || letter == '\u{fffd}')
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLER: &str = "def handler(event, context): pass\n";

    fn found(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let told = |handler: &Handler| (handler.source.display().to_string(), handler.dotted());
        find(root.path()).unwrap().unwrap_or_default().iter().map(told).collect()
    }

    fn pair(source: &str, handler: &str) -> (String, String) {
        (source.into(), handler.into())
    }

    #[test]
    fn the_nearest_folder_that_has_handlers_counts() {
        let below = ("src/job.py", HANDLER);
        assert_eq!(found(&[("app.py", HANDLER), below]), [pair("", "app.handler")]);
        assert_eq!(found(&[("app.py", "import json\n"), below]), [pair("src", "job.handler")]);
        assert_eq!(
            found(&[("lambdas/b/app.py", HANDLER), ("lambdas/a/app.py", HANDLER)]),
            [pair("lambdas/a", "app.handler"), pair("lambdas/b", "app.handler")]
        );
        assert_eq!(found(&[("a/b/c/app.py", HANDLER)]), []);
    }

    #[test]
    fn a_package_is_imported_from_the_folder_that_it_lies_in() {
        assert_eq!(found(&[("pkg/__init__.py", ""), ("pkg/app.py", HANDLER)]), [pair("", "pkg.app.handler")]);
        assert_eq!(
            found(&[("src/pkg/__init__.py", ""), ("src/pkg/app.py", HANDLER)]),
            [pair("src", "pkg.app.handler")]
        );
    }

    #[test]
    fn what_is_no_functions_own_is_passed_over() {
        for path in ["tests/app.py", "venv/app.py", ".tox/app.py", "test_app.py", "setup.py", "_app.py", "a.b.py"] {
            assert_eq!(found(&[(path, HANDLER)]), [], "{path}");
        }
        assert_eq!(found(&[("it/pyvenv.cfg", ""), ("it/app.py", HANDLER)]), []);
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("app.py"), HANDLER).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("link")).unwrap();
        assert_eq!(find(root.path()).unwrap(), None);
    }

    #[test]
    fn what_may_be_a_handler_counts_if_it_is_the_only_one() {
        let app = ("app.py", "handler = Mangum(app)\n");
        assert_eq!(found(&[app]), [pair("", "app.handler")]);
        assert_eq!(found(&[app, ("log.py", "handler = StreamHandler()\n")]), []);
        assert_eq!(
            found(&[app, ("src/job.py", "def lambda_handler(e, c): pass\n")]),
            [pair("src", "job.lambda_handler")]
        );
    }
}
