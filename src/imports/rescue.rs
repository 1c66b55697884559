//! Which removal an import failed of: the ledger knows what was taken out, the failure what was looked for.

use super::failure::{Ending, Failure, Missing};
use crate::slim::{Removal, Rule};
use crate::tree::{Owner, Site};

/// Removals that explain a failure, and what was missed.
#[derive(Debug, PartialEq, Eq)]
pub struct Blame<'a> {
    /// What was taken out.
    pub removals: Vec<&'a Removal>,
    /// What the import looked for, in words.
    pub missed: String,
}

/// The removals that a failure names; none if nothing that was taken out has the name of what is missing.
pub fn blame<'a>(failure: &Failure, removals: &[&'a Removal], site: &Site) -> Option<Blame<'a>> {
    failure.missing().into_iter().find_map(|missing| {
        let mut found: Vec<&Removal> =
            removals.iter().copied().filter(|removal| explains(removal, &missing, removals, site)).collect();
        // The rule that took the module itself: what other rules took from below it is another matter.
        if let Missing::Module(name) = &missing
            && found.iter().any(|removal| is_itself(&removal.path, name))
        {
            let rules: Vec<(Rule, Option<&String>)> = found
                .iter()
                .filter(|removal| is_itself(&removal.path, name))
                .map(|removal| (removal.rule, removal.component.as_ref()))
                .collect();
            found.retain(|removal| rules.contains(&(removal.rule, removal.component.as_ref())));
        }
        let missed = match missing {
            Missing::Module(name) | Missing::Library(name) => name,
            Missing::File(path) | Missing::Loadable(path) => site.of_lambda(&path).to_owned(),
            Missing::Metadata(name) => format!("the metadata of {name}"),
        };
        (!found.is_empty()).then_some(Blame { removals: found, missed })
    })
}

/// Whose files a failure is about where no removal explains it: the distribution in whose module it happened.
pub fn scene(failure: &Failure, site: &Site, owner: impl Fn(&str) -> Option<Owner>) -> Vec<Owner> {
    let Ending::Raised(chain) = &failure.ending else { return Vec::new() };
    chain.iter().filter_map(|raised| owner(site.of_lambda(&raised.file))).collect()
}

fn explains(removal: &Removal, missing: &Missing, removals: &[&Removal], site: &Site) -> bool {
    let path = removal.path.as_str();
    let is_at = |place: &str| path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
    // A file that only lost its symbols, or a name in its table of needs, is still there.
    let is_gone = !matches!(removal.rule, Rule::Symbols | Rule::NeededEntries);
    match missing {
        Missing::Module(name) => {
            let stem = name.replace('.', "/");
            let is_module = path.strip_prefix(&stem).is_some_and(|rest| {
                rest.starts_with('/') || (rest.starts_with('.') && !rest[1..].contains('/') && is_code(rest))
            });
            is_gone && is_module
        }
        Missing::File(file) => is_gone && is_at(site.of_lambda(file.trim_end_matches('/'))),
        Missing::Library(name) => is_gone && path.rsplit('/').next() == Some(name),
        Missing::Loadable(file) => {
            let file = site.of_lambda(file);
            let stripped = removals.iter().any(|other| other.rule == Rule::Symbols && other.path == file);
            // Its own symbols, or a library that it took them from.
            if removal.rule == Rule::Symbols { path == file } else { !stripped && is_library(path) }
        }
        Missing::Metadata(name) => {
            let folder = path.split('/').next().unwrap_or_default();
            let distribution = folder.strip_suffix(".dist-info").and_then(|folder| folder.split('-').next());
            is_gone
                && distribution.is_some_and(|found| crate::python::normalise(found) == crate::python::normalise(name))
        }
    }
}

/// Whether a path is the module's own file: `a/b.py` or `a/b/__init__.py` of `a.b`.
fn is_itself(path: &str, module: &str) -> bool {
    let rest = path.strip_prefix(&module.replace('.', "/")).unwrap_or_default();
    let file = rest.strip_prefix("/__init__").unwrap_or(rest);
    file.starts_with('.') && !file.contains('/') && [".py", ".pyc", ".so"].iter().any(|ending| file.ends_with(ending))
}

fn is_code(ending: &str) -> bool {
    [".py", ".pyc", ".pyi", ".so"].iter().any(|known| ending.ends_with(known))
}

fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".so") || name.contains(".so.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::Raised;

    fn removal(path: &str, rule: Rule, owner: usize) -> Removal {
        Removal { path: path.into(), rule, bytes: 1, owner: Owner::Distribution(owner), component: None }
    }

    fn failure(r#type: &str, message: &str, about: &str) -> Failure {
        let raised = Raised {
            r#type: r#type.into(),
            message: message.into(),
            about: about.into(),
            module: "a".into(),
            file: "/var/task/a/__init__.py".into(),
            ..Raised::default()
        };
        Failure { module: "a".into(), is_handler: false, ending: Ending::Raised(vec![raised]), output: String::new() }
    }

    /// The paths that a failure is blamed on.
    fn blamed(failure: &Failure) -> Vec<String> {
        let removals = [
            removal("a/tests/__init__.py", Rule::Tests, 0),
            removal("a/tests/_natype.py", Rule::Tests, 0),
            removal("a/tests_more/x.py", Rule::Tests, 0),
            removal("b/tests/__init__.py", Rule::Tests, 1),
            removal("a/docs/api.yaml", Rule::Documentation, 0),
            removal("a/__init__.pyi", Rule::TypeStubs, 0),
            removal("a/_c.so", Rule::Symbols, 0),
            removal("a/libx.so.1", Rule::LibraryCopies, 0),
            removal("a-1.0.dist-info/RECORD", Rule::InstallerFiles, 0),
            removal("c/core.py", Rule::Excluded, 2),
            removal("d/tool/__init__.py", Rule::Component, 3),
            removal("d/tool/more.py", Rule::Component, 3),
            removal("d/tool/__init__.pyi", Rule::TypeStubs, 3),
            removal("d/tool/tests/__init__.py", Rule::Tests, 3),
        ];
        let removals: Vec<&Removal> = removals.iter().collect();
        blame(failure, &removals, &Site::function())
            .map(|blame| blame.removals.into_iter().map(|removal| removal.path.clone()).collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_module_is_found_by_its_path() {
        let gone = failure("ModuleNotFoundError", "No module named 'a.tests._natype'", "a.tests._natype");
        assert_eq!(blamed(&gone), ["a/tests/_natype.py"]);
        let folder = failure("ModuleNotFoundError", "No module named 'a.tests'", "a.tests");
        assert_eq!(blamed(&folder), ["a/tests/__init__.py", "a/tests/_natype.py"]);
        let name = failure("ImportError", "cannot import name 'tests' from 'b' (/var/task/b/__init__.py)", "b");
        assert_eq!(blamed(&name), ["b/tests/__init__.py"]);
        let tool = failure("ModuleNotFoundError", "No module named 'd.tool'", "d.tool");
        assert_eq!(blamed(&tool), ["d/tool/__init__.py", "d/tool/more.py"], "what other rules took stays out");
        let excluded = failure("ModuleNotFoundError", "No module named 'c.core'", "c.core");
        assert_eq!(blamed(&excluded), ["c/core.py"]);
    }

    #[test]
    fn files_libraries_symbols_and_metadata() {
        let file = failure("FileNotFoundError", "[Errno 2]", "/var/task/a/docs/api.yaml");
        assert_eq!(blamed(&file), ["a/docs/api.yaml"]);
        let folder = failure("FileNotFoundError", "[Errno 2]", "/var/task/a/docs");
        assert_eq!(blamed(&folder), ["a/docs/api.yaml"]);
        let library = failure("ImportError", "libx.so.1: cannot open shared object file: No such file", "a._c");
        assert_eq!(blamed(&library), ["a/libx.so.1"]);
        let symbol = failure("ImportError", "/var/task/a/_c.so: undefined symbol: f", "a._c");
        assert_eq!(blamed(&symbol), ["a/_c.so"]);
        let metadata = failure("importlib.metadata.PackageNotFoundError", "No package metadata was found for A", "A");
        assert_eq!(blamed(&metadata), ["a-1.0.dist-info/RECORD"]);
    }

    #[test]
    fn what_has_another_name_is_not_blamed() {
        for other in [
            failure("ModuleNotFoundError", "No module named 'x'", "x"),
            failure("KeyError", "'TABLE'", ""),
            failure("FileNotFoundError", "[Errno 2]", "/var/task"),
            failure("FileNotFoundError", "[Errno 2]", "/etc/a/docs"),
        ] {
            assert_eq!(blamed(&other), [""; 0]);
        }
    }

    #[test]
    fn the_scene_is_the_distribution_whose_module_failed() {
        let owner = |path: &str| (path == "a/__init__.py").then_some(Owner::Distribution(7));
        assert_eq!(scene(&failure("KeyError", "'x'", ""), &Site::function(), owner), [Owner::Distribution(7)]);
    }
}
