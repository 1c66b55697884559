//! Which modules are certainly loaded when others are: those that imports which always run lead to.
//!
//! What must stay true: nothing is here that Python might not load. An import in `if` or a function may never run, and one
//! of a submodule may find a name instead, so that such a module only counts if the package cannot have the name.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::modules::{Kind, Module, Modules};
use super::{Question, Shape};
use crate::error::Result;
use crate::lambda;
use crate::python::source::{Import, Scan};
use crate::python::stdlib;

/// Extension modules that a package loads whenever it is imported, though none of its statements always does: `OpenCV`
/// calls `importlib` (cv2/__init__.py, `bootstrap`), numpy's imports stand in an `else` (`numpy/__init__.py`).
const UNSEEN: &[(&str, &str)] =
    &[("cv2", "cv2.cv2"), ("numpy", "numpy._core._multiarray_umath"), ("numpy", "numpy.core._multiarray_umath")];

/// Sources that are followed to find out whether a `*` import brings a name; a chain of more is not known to end.
const MOST_STARS: usize = 64;

/// A source that is loaded.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its dotted name.
    pub name: String,
    /// What it says.
    pub scan: Scan,
    /// Whether it has NUL bytes.
    pub has_nul: bool,
}

/// An import that fails though its top-level package is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Broken {
    /// The source that has it.
    pub importer: String,
    /// What it imports, as it stands there.
    pub import: String,
    /// What does not have it: the package's or module's file, for a namespace its folder; none where a relative import
    /// stands in no package.
    pub package: Option<String>,
}

/// All that is loaded.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Whether it is loaded whatever the function does: what it started from is. Else it is loaded by who imports that.
    pub certain: bool,
    /// Sources by path.
    pub sources: BTreeMap<String, Loaded>,
    /// What else is loaded as a module, or is all that there is of one, by path.
    pub others: BTreeMap<String, Kind>,
    /// Top-level modules that nothing ships, with the paths of the sources that import them.
    pub missing: BTreeMap<String, Vec<String>>,
    /// Other imports that fail.
    pub broken: BTreeSet<Broken>,
}

/// How far the search for a module comes.
enum Way {
    /// To the module.
    Whole,
    /// To a package that does not have the next part.
    Until(Module),
    /// Not even to its top-level package.
    Nowhere,
}

/// Everything that importing these modules loads.
pub(super) fn from(modules: &Modules, question: &Question, roots: &[String], certain: bool) -> Result<Reach> {
    let mut reach = Reach { certain, ..Reach::default() };
    let mut walk = Walk { modules, seen: BTreeSet::new(), waiting: Vec::new() };
    let mut names: BTreeSet<(String, String)> = BTreeSet::new();
    for root in roots {
        walk.load(root, &mut reach);
    }
    while !walk.waiting.is_empty() {
        let scanned: Vec<(String, Loaded)> = std::mem::take(&mut walk.waiting)
            .into_par_iter()
            .map(|(name, path)| {
                let (scan, has_nul) = modules.scan(&path)?;
                Ok((path, Loaded { name, scan, has_nul }))
            })
            .collect::<Result<_>>()?;
        for (path, loaded) in scanned {
            for import in loaded.scan.imports.iter().filter(|import| import.always) {
                let Some(module) = absolute(&loaded.name, &path, import) else {
                    reach.broken.insert(Broken { importer: path.clone(), import: written(import), package: None });
                    continue;
                };
                let top = module.split('.').next().unwrap_or_default();
                // Python has its own of these before it looks into any folder.
                if import.level == 0 && stdlib::find(top, question.target.python).is_some_and(|module| module.is_fixed)
                {
                    continue;
                }
                match walk.load(&module, &mut reach) {
                    Way::Whole => names.extend(import.name.clone().map(|name| (module, name))),
                    Way::Until(_) if question.provided.contains(top) => {}
                    Way::Until(package) => {
                        let package = Some(package.path);
                        reach.broken.insert(Broken { importer: path.clone(), import: written(import), package });
                    }
                    Way::Nowhere if import.level > 0 || top.is_empty() || comes_with_python(top, question) => {}
                    Way::Nowhere => {
                        let importers = reach.missing.entry(top.to_owned()).or_default();
                        if importers.last() != Some(&path) {
                            importers.push(path.clone());
                        }
                    }
                }
            }
            reach.sources.insert(path, loaded);
        }
        if walk.waiting.is_empty() {
            // Now that every package was read, what its names are is known.
            for (package, name) in std::mem::take(&mut names) {
                if name != "*" && !may_have(&package, &name, modules, &reach) {
                    walk.load(&format!("{package}.{name}"), &mut reach);
                }
            }
        }
    }
    for importers in reach.missing.values_mut() {
        importers.sort_unstable();
        importers.dedup();
    }
    Ok(reach)
}

struct Walk<'a> {
    modules: &'a Modules<'a>,
    /// Dotted names.
    seen: BTreeSet<String>,
    /// Sources to be read: dotted name and path.
    waiting: Vec<(String, String)>,
}

impl Walk<'_> {
    /// Loads a module and the packages around it.
    fn load(&mut self, module: &str, reach: &mut Reach) -> Way {
        if self.seen.contains(module) {
            return Way::Whole;
        }
        let (found, is_whole) = self.modules.way(module);
        for (name, found) in &found {
            if !self.seen.insert((*name).to_owned()) {
                continue;
            }
            match found.kind {
                Kind::Source => {
                    self.waiting.push(((*name).to_owned(), found.path.clone()));
                    for (_, unseen) in UNSEEN.iter().filter(|(package, _)| package == name) {
                        self.load(unseen, reach);
                    }
                }
                Kind::Namespace => {}
                kind => drop(reach.others.insert(found.path.clone(), kind)),
            }
        }
        match found.into_iter().next_back() {
            Some(_) if is_whole => Way::Whole,
            Some((_, last)) => Way::Until(last),
            None => Way::Nowhere,
        }
    }
}

/// Whether a package may have a name by itself, so that no submodule is looked for.
fn may_have(package: &str, name: &str, modules: &Modules, reach: &Reach) -> bool {
    let Some(found) = modules.find(package) else { return true };
    match found.kind {
        Kind::Source => {}
        Kind::Namespace => return false,
        Kind::Extension | Kind::Foreign | Kind::Bytecode => return true,
    }
    let mut seen = BTreeSet::from([found.path.clone()]);
    let mut waiting = vec![found.path];
    while let Some(path) = waiting.pop() {
        // What was not read may do anything.
        let Some(Loaded { name: own, scan, .. }) = reach.sources.get(&path) else { return true };
        let is_own = path.ends_with("/__init__.py") && scan.from_here.contains(name);
        if scan.defines(name) && !is_own || scan.defines("__getattr__") || scan.binds_unseen || scan.moves_imports {
            return true;
        }
        for import in scan.imports.iter().filter(|import| import.name.as_deref() == Some("*")) {
            let Some(starred) = absolute(own, &path, import).and_then(|module| modules.find(&module)) else {
                return true;
            };
            if seen.insert(starred.path.clone()) {
                waiting.push(starred.path);
            }
        }
        if seen.len() > MOST_STARS {
            return true;
        }
    }
    false
}

/// What the runtime has itself, or what was said to come from elsewhere.
fn comes_with_python(top: &str, question: &Question) -> bool {
    question.provided.contains(top)
        || top == "__main__"
        || stdlib::find(top, question.target.python).is_some()
        || (question.shape != Shape::Image && lambda::is_runtime_module(top))
}

/// An import's module as it stands in the source: `.utils`, `pkg.helpers`.
fn written(import: &Import) -> String {
    format!("{}{}", ".".repeat(import.level.min(MOST_STARS)), import.module)
}

/// An import's dotted name seen from the top; none where it leads out of the top-level package.
pub(crate) fn absolute(name: &str, path: &str, import: &Import) -> Option<String> {
    if import.level == 0 {
        return Some(import.module.clone());
    }
    let parts: Vec<&str> = name.split('.').collect();
    let is_package = path.ends_with("/__init__.py");
    let up = import.level - usize::from(is_package);
    let mut parts = parts.get(..parts.len().checked_sub(up)?)?.to_vec();
    if parts.is_empty() {
        return None;
    }
    if !import.module.is_empty() {
        parts.push(&import.module);
    }
    Some(parts.join("."))
}
