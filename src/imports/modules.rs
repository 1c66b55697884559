//! Which modules the distributions of an artifact bring: what somebody would write after `import`.
//!
//! Packages and modules at the top; below a folder that is only a namespace (`google/cloud/storage`), the packages
//! in it. Folders that are no packages and hold data or scripts (`share`, `bin`) have nothing to import.

use std::collections::{BTreeMap, BTreeSet};

use super::RUNTIME;
use crate::check::Files;
use crate::lambda::PythonVersion;
use crate::tree::{Entry, Owner, Site, Tree};

/// How deep packages in namespaces are looked for.
const DEPTH: usize = 4;

/// At the top of a wheel by accident, or run rather than imported.
const SKIPPED: &[&str] = &["bin", "conftest", "doc", "docs", "example", "examples", "setup", "test", "tests"];

/// Those of a tree that is being built: for every distribution, the largest first. One that loads shows that what it
/// loads does too. A function's own modules are its handler's to load; a layer's own are for others to import.
pub fn of_tree(tree: &Tree, site: &Site, python: PythonVersion) -> Vec<(String, Owner)> {
    let mut sizes: BTreeMap<Owner, u64> = BTreeMap::new();
    for entry in tree.values() {
        *sizes.entry(entry.owner).or_default() += entry.size;
    }
    let is_brought = |entry: &Entry| entry.owner != Owner::Function || *site != Site::function();
    let owners: BTreeMap<&str, Owner> = tree
        .iter()
        .filter(|(_, entry)| is_brought(entry))
        .filter_map(|(path, entry)| Some((site.importable(path)?, entry.owner)))
        .collect();
    let found: BTreeMap<String, Owner> =
        importable(owners.keys().copied(), python).into_iter().map(|(name, path)| (name, owners[path])).collect();
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|left, right| sizes[&right.1].cmp(&sizes[&left.1]).then_with(|| left.0.cmp(&right.0)));
    found
}

/// Those of files that were built before: packages, and modules that a distribution's metadata names. Whose the other
/// modules of the function's own folders are, the function's or a distribution's, cannot be told. What the runtime ships and
/// what a system has for itself is left out. Each with the path that makes it a module.
pub fn of_files(files: &Files, search_path: &[String], python: PythonVersion) -> BTreeMap<String, String> {
    let roots: Vec<String> = search_path
        .iter()
        .filter(|folder| *folder != RUNTIME && !folder.ends_with("/lib/python3/dist-packages"))
        .map(|folder| format!("{folder}/"))
        .collect();
    let mut found = BTreeMap::new();
    for root in &roots {
        // /opt/python has the folders of single Pythons in it.
        let is_elsewhere = |path: &str| {
            let inner = roots.iter().filter(|other| other.len() > root.len() && other.starts_with(root.as_str()));
            inner.into_iter().any(|other| path.starts_with(other.as_str()))
                || (root == "/opt/python/" && path.starts_with("/opt/python/lib/"))
        };
        let here = || files.starting_with(root.clone()).filter(|(path, _)| !is_elsewhere(path));
        let named: BTreeSet<String> = here()
            .filter(|(path, _)| path.ends_with(".dist-info/top_level.txt"))
            .flat_map(|(_, file)| files.read(file).map(|text| String::from_utf8_lossy(&text).into_owned()))
            .flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
            .collect();
        let is_for_packages = root.starts_with("/opt/python/") || root.ends_with("-packages/");
        let is_distribution = |name: &str, path: &str| {
            !path.ends_with(".py") || path.contains('/') || named.contains(name) || is_for_packages
        };
        let paths = here().map(|(path, _)| &path[root.len()..]);
        let modules: Vec<(String, &str)> = importable(paths, python);
        // Python takes the first that it finds.
        for (name, path) in modules.into_iter().filter(|(name, path)| is_distribution(name, path)) {
            found.entry(name).or_insert_with(|| format!("{root}{path}"));
        }
    }
    found
}

/// Dotted names with the file that makes each one a module.
fn importable<'a>(paths: impl Iterator<Item = &'a str>, python: PythonVersion) -> Vec<(String, &'a str)> {
    let modules: BTreeMap<String, &str> = paths.filter_map(|path| Some((module(path, python)?, path))).collect();
    modules
        .iter()
        .filter(|(name, path)| {
            let parents: Vec<&str> = name.match_indices('.').map(|(end, _)| &name[..end]).collect();
            // Below a package, the package's own import is enough. Plain modules below a namespace are often scripts.
            !parents.iter().any(|parent| modules.contains_key(*parent))
                && (parents.is_empty() || is_package(path) || !path.ends_with(".py"))
                && parents.len() < DEPTH
        })
        .map(|(name, path)| (name.clone(), *path))
        .collect()
}

fn is_package(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("__init__."))
}

/// The module that a file is: `a/b/__init__.py` → `a.b`; none for what cannot be imported by a name.
fn module(path: &str, python: PythonVersion) -> Option<String> {
    let tag = format!(".cpython-3{}-", python.minor());
    let stem = if let Some(stem) = path.strip_suffix(".py").or_else(|| path.strip_suffix(".pyc")) {
        stem
    } else {
        let whole = path.strip_suffix(".so")?;
        match whole.find(&tag) {
            Some(end) => &whole[..end],
            None => whole.strip_suffix(".abi3").unwrap_or(whole),
        }
    };
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let parts: Vec<&str> = stem.split('/').collect();
    let is_name = |part: &&str| {
        part.chars().next().is_some_and(|first| first == '_' || first.is_alphabetic())
            && part.chars().all(|character| character == '_' || character.is_alphanumeric())
    };
    let plain = parts.iter().all(is_name) && !SKIPPED.contains(&parts[0]);
    let special = parts.iter().any(|part| matches!(*part, "__pycache__" | "__main__" | "__init__"));
    (plain && !special && !(path.ends_with(".so") && parts[parts.len() - 1].starts_with("lib")))
        .then(|| parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<String> {
        importable(paths.iter().copied(), "3.13".parse().unwrap()).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn packages_modules_and_extensions_at_the_top() {
        let paths = [
            "pandas/__init__.py",
            "pandas/core/__init__.py",
            "six.py",
            "_cffi_backend.cpython-313-x86_64-linux-gnu.so",
            "old.cpython-312-x86_64-linux-gnu.so",
            "_rust.abi3.so",
            "only/__init__.pyc",
            "only/__pycache__/x.cpython-313.pyc",
        ];
        assert_eq!(names(&paths), ["_cffi_backend", "_rust", "only", "pandas", "six"]);
    }

    #[test]
    fn namespaces_are_entered_and_data_is_not() {
        let paths = [
            "google/cloud/storage/__init__.py",
            "google/cloud/storage/blob/__init__.py",
            "google/_upb/_message.abi3.so",
            "share/jupyter/run.py",
            "bin/x.py",
            "a-1.dist-info/x.py",
            "numpy.libs/libx.so",
            "lib/libfoo.so",
            "tests/__init__.py",
            "__main__.py",
            "setup.py",
            "1st.py",
        ];
        assert_eq!(names(&paths), ["google._upb._message", "google.cloud.storage"]);
    }
}
