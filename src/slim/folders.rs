//! Folders of tests, documentation and examples that nothing shipped needs.
//!
//! A folder is a candidate by its name and content, and goes only if no module outside of all candidates imports it.
//! A candidate that stays makes what it imports stay as well. Data that lies among tests stays if a source that stays
//! names its folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::data_of_tests;
use super::index::Index;
use super::survey::{Module, Survey, is_below};
use crate::tree::{Owner, Tree};

const TESTS: &[&str] = &["tests", "test"];
const DOCUMENTATION: &[&str] = &["docs", "doc", "examples", "example"];
/// Where wheels' data schemes put manuals.
const SHARED_DOCUMENTATION: &[&str] = &["share/doc", "share/info", "share/man"];

/// Bytes of all candidates' names together. Compiled files are searched for all of them at once; ordinary sets of
/// distributions have some ten thousand.
const MOST_NAMES: usize = 1 << 20;

/// What could go, by folder or by module, with its files.
pub(super) type Candidates<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// What could go of a tree.
pub(super) struct Folders<'a> {
    tests: Candidates<'a>,
    documentation: Candidates<'a>,
}

impl<'a> Folders<'a> {
    /// Test folders, pytest's `conftest.py` and compiled modules of tests; folders of documentation and examples. None
    /// where their names are more than compiled files can be searched for.
    pub(super) fn of(tree: &'a Tree) -> Self {
        let mut documentation = folders(tree, DOCUMENTATION);
        documentation.retain(|folder, _| !SHARED_DOCUMENTATION.contains(folder));
        let found = Self { tests: test_code(tree), documentation };
        if found.names().map(|name| name.len()).sum::<usize>() > MOST_NAMES {
            return Self { tests: Candidates::new(), documentation: Candidates::new() };
        }
        found
    }

    /// The dotted names of all that could go.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.tests.keys().chain(self.documentation.keys()).map(|folder| folder.replace('/', "."))
    }

    /// The files of tests that nothing shipped imports or names.
    pub(super) fn tests(&self, survey: &Survey) -> Vec<String> {
        let unneeded = unneeded(&self.tests, survey, |_| false);
        data_of_tests::without_named(&unneeded, survey)
    }

    /// The files of documentation and examples that nothing shipped imports, and that no source of the same
    /// distribution names.
    pub(super) fn documentation(&self, tree: &Tree, survey: &Survey, index: &Index<'_>) -> Vec<String> {
        let named = |folder: &str| {
            let name = folder.rsplit('/').next().unwrap_or(folder);
            let files = self.documentation.get(folder).into_iter().flatten();
            let owners: BTreeSet<Owner> = files.filter_map(|path| tree.get(*path)).map(|entry| entry.owner).collect();
            owners.iter().any(|owner| index.mentions(*owner, name, Some(folder)))
        };
        let unneeded = unneeded(&self.documentation, survey, named);
        let mut found: Vec<String> =
            unneeded.values().flat_map(|files| files.iter().map(|path| (*path).to_owned())).collect();
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
}

fn test_code(tree: &Tree) -> Candidates<'_> {
    let mut candidates = folders(tree, TESTS);
    candidates.retain(|folder, files| is_test_code(folder, files));
    for (path, entry) in tree {
        let module = if is_conftest(path) { path.strip_suffix(".py") } else { compiled_tests(path) };
        let Some(module) = module.filter(|_| is_distribution(entry.owner)) else { continue };
        let is_in_one = path.match_indices('/').any(|(end, _)| candidates.contains_key(&path[..end]));
        if !is_in_one {
            candidates.insert(module, vec![path]);
        }
    }
    candidates
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

/// Whether a folder has code of tests. One of data may be called `test` as well (`data/train`, `data/test`), and be a
/// package so that its data is found: then it has `__init__.py` alone beside it.
fn is_test_code(folder: &str, files: &[&str]) -> bool {
    let sources = || files.iter().filter_map(|path| path.rsplit('/').next()?.strip_suffix(".py"));
    let is_named = |stem: &str| stem.starts_with("test") || stem.ends_with("_test") || stem == "conftest";
    let is_package = || files.iter().any(|path| path.strip_prefix(folder) == Some("/__init__.py"));
    let has_data = || files.iter().any(|path| data_of_tests::is_data(path));
    sources().any(is_named) || (is_package() && (sources().any(|stem| stem != "__init__") || !has_data()))
}

/// The outermost folders of these names in distributions, with their files; never inside dist-info.
fn folders<'a>(tree: &'a Tree, names: &[&str]) -> Candidates<'a> {
    let mut folders = Candidates::new();
    for (path, entry) in tree {
        let top = path.split('/').next().unwrap_or_default();
        if !is_distribution(entry.owner) || top.ends_with(".dist-info") {
            continue;
        }
        let mut start = 0;
        for (end, _) in path.match_indices('/') {
            if names.contains(&&path[start..end]) {
                folders.entry(&path[..end]).or_default().push(path.as_str());
                break;
            }
            start = end + 1;
        }
    }
    // A folder can be shared with the function; then it is the function's.
    folders.retain(|folder, _| {
        let start = format!("{folder}/");
        let mut inside = tree.range(start.clone()..).take_while(|(path, _)| path.starts_with(&start));
        inside.all(|(_, entry)| is_distribution(entry.owner))
    });
    folders
}

/// The candidates that nothing which stays needs. Each module is looked at once, when it is known to stay.
fn unneeded<'a>(candidates: &Candidates<'a>, survey: &Survey, named: impl Fn(&str) -> bool) -> Candidates<'a> {
    let dotted: HashMap<String, &str> = candidates.keys().map(|folder| (folder.replace('/', "."), *folder)).collect();
    let candidate_of: HashMap<&str, &str> =
        candidates.iter().flat_map(|(folder, files)| files.iter().map(|path| (*path, *folder))).collect();
    let mut modules_of: HashMap<&str, Vec<&Module>> = HashMap::new();
    let mut open: Vec<&Module> = Vec::new();
    for module in &survey.modules {
        match candidate_of.get(module.path.as_str()) {
            Some(folder) => modules_of.entry(folder).or_default().push(module),
            None => open.push(module),
        }
    }
    let mut needed: BTreeSet<&str> = candidates.keys().copied().filter(|folder| named(folder)).collect();
    open.extend(needed.iter().filter_map(|folder| modules_of.get(folder)).flatten());
    while let Some(module) = open.pop() {
        for folder in imported(module, &dotted) {
            if needed.insert(folder) {
                open.extend(modules_of.get(folder).into_iter().flatten());
            }
        }
    }
    candidates
        .iter()
        .filter(|(folder, _)| !needed.contains(*folder))
        .map(|(folder, files)| (*folder, files.clone()))
        .collect()
}

/// The candidates that a module imports something of, or may by parts of their names.
fn imported<'a>(module: &Module, dotted: &HashMap<String, &'a str>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for import in &module.imports {
        let ends = import.match_indices('.').map(|(end, _)| end).chain([import.len()]);
        found.extend(ends.filter_map(|end| dotted.get(&import[..end]).copied()));
    }
    let names = TESTS.iter().chain(DOCUMENTATION).filter(|name| {
        let relative =
            |mention: &String| mention.strip_prefix('.').and_then(|rest| rest.split('.').next()) == Some(**name);
        module.mentions.iter().any(relative) || (module.loads_by_name && module.mentions.contains(**name))
    });
    for name in names {
        let packages = module.imports.iter().chain(&module.mentions);
        found.extend(packages.filter_map(|package| dotted.get(&format!("{package}.{name}")).copied()));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::survey::Wanted;
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

    fn tests_of(files: &[(&str, &str)]) -> Vec<String> {
        let tree = tree(files);
        Folders::of(&tree).tests(&Survey::of(&tree, &[], &Wanted::default()).unwrap())
    }

    fn documentation_of(files: &[(&str, &str)]) -> Vec<String> {
        let tree = tree(files);
        let survey = Survey::of(&tree, &[], &Wanted::default()).unwrap();
        Folders::of(&tree).documentation(&tree, &survey, &survey.index())
    }

    #[test]
    fn tests_that_nobody_imports_go() {
        let files = [
            ("lib/__init__.py", ""),
            ("lib/conftest.py", "from lib.tests import fixtures"),
            ("lib/tests/__init__.py", ""),
            ("lib/tests/data/a.csv", ""),
            ("lib/tests/helpers.py", ""),
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
            "lib/tests/helpers.py",
        ];
        assert_eq!(tests_of(&files), gone);
    }

    #[test]
    fn tests_that_shipped_code_imports_stay_with_what_they_import() {
        let files = [
            ("lib/core.py", "from .tests import _natype"),
            ("lib/tests/__init__.py", "from lib.sub.tests import helper"),
            ("lib/sub/tests/__init__.py", ""),
            ("lib/other/tests/__init__.py", ""),
            ("lib/other/tests/test_x.py", ""),
        ];
        assert_eq!(tests_of(&files), ["lib/other/tests/__init__.py", "lib/other/tests/test_x.py"]);
        let by_function = [("app.py", "import lib.tests.fixtures"), ("lib/tests/__init__.py", "")];
        assert!(tests_of(&by_function).is_empty());
        let by_string = [("lib/run.py", "load('lib.tests')"), ("lib/tests/__init__.py", "")];
        assert!(tests_of(&by_string).is_empty());
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
        assert_eq!(documentation_of(&files), ["share/man/man1/x.1"]);
        let plain = [("lib/a.py", ""), ("lib/docs/guide.rst", ""), ("lib/examples/a.py", "'docs'")];
        assert_eq!(documentation_of(&plain).len(), 1, "the example is gone; its mention of docs still counts");
    }
}
