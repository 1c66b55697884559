//! Folders of tests, documentation and examples that nothing shipped needs.
//!
//! A folder is a candidate by its name and content, and goes only if no module outside of all candidates imports it.
//! A candidate that stays makes what it imports stay as well.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::{Module, Survey, is_below};
use crate::tree::{Owner, Tree};

const TESTS: &[&str] = &["tests", "test"];
const DOCUMENTATION: &[&str] = &["docs", "doc", "examples", "example"];
/// Where wheels' data schemes put manuals.
const SHARED_DOCUMENTATION: &[&str] = &["share/doc", "share/info", "share/man"];

/// Files in test folders, pytest's `conftest.py`, and compiled modules of tests, that nothing shipped imports.
pub(super) fn tests(tree: &Tree, survey: &Survey) -> Vec<String> {
    let mut candidates = folders(tree, TESTS);
    // A folder of data may be called `test` as well: only what holds test code is one.
    candidates.retain(|_, files| files.iter().any(|path| is_test_code(path)));
    for (path, entry) in tree {
        let module = if is_conftest(path) { path.strip_suffix(".py") } else { compiled_tests(path) };
        let Some(module) = module.filter(|_| is_distribution(entry.owner)) else { continue };
        if !candidates.keys().any(|folder| is_below(path, folder)) {
            candidates.insert(module.to_owned(), vec![path]);
        }
    }
    unneeded(candidates, survey, |_| false)
}

/// Files in folders of documentation and examples that nothing shipped imports, and that no source of the same
/// distribution names.
pub(super) fn documentation(tree: &Tree, survey: &Survey) -> Vec<String> {
    let mut candidates = folders(tree, DOCUMENTATION);
    candidates.retain(|folder, _| !SHARED_DOCUMENTATION.contains(&folder.as_str()));
    let named = |folder: &str| {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        let owners: BTreeSet<Owner> =
            tree.iter().filter(|(path, _)| is_below(path, folder)).map(|(_, entry)| entry.owner).collect();
        owners.iter().any(|owner| survey.mentions(*owner, name, Some(folder)))
    };
    let mut found = unneeded(candidates, survey, named);
    found.extend(
        tree.iter()
            .filter(|(path, entry)| {
                is_distribution(entry.owner) && SHARED_DOCUMENTATION.iter().any(|folder| is_below(path, folder))
            })
            .map(|(path, _)| path.clone()),
    );
    found.sort_unstable();
    found.dedup();
    found
}

fn is_distribution(owner: Owner) -> bool {
    owner != Owner::Function
}

fn is_conftest(path: &str) -> bool {
    path.rsplit('/').next() == Some("conftest.py")
}

/// `numpy/_core/_umath_tests.cpython-313-x86_64-linux-gnu.so`, `scipy/special/_test_internal.abi3.so`: the path without
/// its ending. Nothing public begins with an underscore.
fn compiled_tests(path: &str) -> Option<&str> {
    let folder = path.rfind('/').map_or(0, |slash| slash + 1);
    let stem = path[folder..].strip_suffix(".so")?.split('.').next()?;
    let named = stem.starts_with('_') && (stem.ends_with("_tests") || stem.starts_with("_test_"));
    named.then(|| &path[..folder + stem.len()])
}

fn is_test_code(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".py").is_some_and(|stem| {
        stem.starts_with("test") || stem.ends_with("_test") || matches!(stem, "__init__" | "conftest")
    })
}

/// The outermost folders of these names in distributions, with their files; never inside dist-info.
fn folders<'a>(tree: &'a Tree, names: &[&str]) -> BTreeMap<String, Vec<&'a String>> {
    let mut folders: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for (path, entry) in tree {
        let top = path.split('/').next().unwrap_or_default();
        if !is_distribution(entry.owner) || top.ends_with(".dist-info") {
            continue;
        }
        let mut start = 0;
        for (end, _) in path.match_indices('/') {
            if names.contains(&&path[start..end]) {
                folders.entry(path[..end].to_owned()).or_default().push(path);
                break;
            }
            start = end + 1;
        }
    }
    // A folder can be shared with the function; then it is the function's.
    folders
        .retain(|folder, _| !tree.iter().any(|(path, entry)| entry.owner == Owner::Function && is_below(path, folder)));
    folders
}

fn unneeded(
    mut candidates: BTreeMap<String, Vec<&String>>,
    survey: &Survey,
    named: impl Fn(&str) -> bool,
) -> Vec<String> {
    candidates.retain(|folder, _| !named(folder));
    loop {
        let dotted: BTreeMap<String, &String> =
            candidates.keys().map(|folder| (folder.replace('/', "."), folder)).collect();
        let gone: BTreeSet<&str> = candidates.values().flatten().map(|path| path.as_str()).collect();
        let needed: BTreeSet<String> = survey
            .modules
            .iter()
            .filter(|module| !gone.contains(module.path.as_str()))
            .flat_map(|module| imported(module, &dotted))
            .cloned()
            .collect();
        if needed.is_empty() {
            return gone.into_iter().map(str::to_owned).collect();
        }
        candidates.retain(|folder, _| !needed.contains(folder));
    }
}

/// The candidates that a module imports something of.
fn imported<'a>(module: &'a Module, dotted: &'a BTreeMap<String, &'a String>) -> impl Iterator<Item = &'a String> {
    module.imports.iter().flat_map(move |import| {
        let ends = import.match_indices('.').map(|(end, _)| end).chain([import.len()]);
        ends.filter_map(move |end| dotted.get(&import[..end]).copied())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::{Entry, Source};

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(path, text)| {
                let owner = if path.contains('/') { Owner::Distribution(0) } else { Owner::Function };
                let source = Source::Memory(Arc::from(text.as_bytes()));
                ((*path).to_owned(), Entry { executable: false, owner, source, size: text.len() as u64 })
            })
            .collect()
    }

    fn found(rule: fn(&Tree, &Survey) -> Vec<String>, files: &[(&str, &str)]) -> Vec<String> {
        let tree = tree(files);
        rule(&tree, &Survey::of(&tree, &[], &BTreeSet::new()).unwrap())
    }

    #[test]
    fn tests_that_nobody_imports_go() {
        let files = [
            ("lib/__init__.py", ""),
            ("lib/conftest.py", "from lib.tests import fixtures"),
            ("lib/tests/__init__.py", ""),
            ("lib/tests/data/a.csv", ""),
            ("lib/sub/test/test_a.py", "from lib.tests import x"),
            ("lib/data/test/a.csv", ""),
            ("lib/_x_tests.cpython-313-x86_64-linux-gnu.so", ""),
            ("lib/_test_used.abi3.so", ""),
            ("lib/core.py", "from lib import _test_used"),
            ("lib/latest_tests.so", ""),
        ];
        let gone = [
            "lib/_x_tests.cpython-313-x86_64-linux-gnu.so",
            "lib/conftest.py",
            "lib/sub/test/test_a.py",
            "lib/tests/__init__.py",
            "lib/tests/data/a.csv",
        ];
        assert_eq!(found(super::tests, &files), gone);
    }

    #[test]
    fn tests_that_shipped_code_imports_stay_with_what_they_import() {
        let files = [
            ("lib/core.py", "from .tests import _natype"),
            ("lib/tests/__init__.py", "from lib.sub.tests import helper"),
            ("lib/sub/tests/__init__.py", ""),
            ("lib/other/tests/__init__.py", ""),
        ];
        assert_eq!(found(super::tests, &files), ["lib/other/tests/__init__.py"]);
        let by_function = [("app.py", "import lib.tests.fixtures"), ("lib/tests/__init__.py", "")];
        assert!(found(super::tests, &by_function).is_empty());
        let by_string = [("lib/run.py", "load('lib.tests')"), ("lib/tests/__init__.py", "")];
        assert!(found(super::tests, &by_string).is_empty());
    }

    #[test]
    fn documentation_that_is_code_or_data_stays() {
        let files = [
            ("botocore/client.py", "from botocore.docs import generate"),
            ("botocore/docs/__init__.py", ""),
            ("api/app.py", "open(root / 'docs' / 'openapi.yaml')"),
            ("api/docs/openapi.yaml", ""),
            ("lib/docs/guide.rst", ""),
            ("share/man/man1/x.1", ""),
            ("x.dist-info/docs/licence", ""),
        ];
        // `api` and `lib` are one distribution here, so its sources name "docs": nothing of that name goes.
        assert_eq!(found(documentation, &files), ["share/man/man1/x.1"]);
        let plain = [("lib/a.py", ""), ("lib/docs/guide.rst", ""), ("lib/examples/a.py", "'docs'")];
        assert_eq!(found(documentation, &plain).len(), 1, "the example is gone; its mention of docs still counts");
    }
}
