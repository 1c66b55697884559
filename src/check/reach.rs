//! Which modules are certainly loaded when the handler's module is: those that imports in no block lead to.
//!
//! What must stay true: nothing is here that Python might not load. An import in `try`, `if` or a function may never
//! run, and one of a submodule may find a name instead, so that such a module only counts if the package does not
//! define the name.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::modules::{Kind, Modules};
use super::{Question, Shape};
use crate::error::Result;
use crate::lambda;
use crate::python::source::{Import, Scan};
use crate::python::stdlib;

/// A source that is loaded.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its dotted name.
    pub name: String,
    /// What it says.
    pub scan: Scan,
}

/// All that is loaded.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Sources by path.
    pub sources: BTreeMap<String, Loaded>,
    /// Top-level modules that nothing ships, with the paths of the sources that import them.
    pub missing: BTreeMap<String, Vec<String>>,
}

/// Everything that importing these modules loads.
pub(super) fn from(modules: &Modules, question: &Question, roots: &[String]) -> Result<Reach> {
    let mut reach = Reach::default();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut names: BTreeSet<(String, String)> = BTreeSet::new();
    let mut waiting: Vec<(String, String)> = Vec::new();
    for root in roots {
        load(root, modules, &mut seen, &mut waiting);
    }
    while !waiting.is_empty() {
        let scanned: Vec<(String, Loaded)> = waiting
            .into_par_iter()
            .map(|(name, path)| Ok((path.clone(), Loaded { name, scan: modules.scan(&path)? })))
            .collect::<Result<_>>()?;
        waiting = Vec::new();
        for (path, loaded) in scanned {
            for import in loaded.scan.imports.iter().filter(|import| import.always) {
                let Some(module) = absolute(&loaded.name, &path, import) else { continue };
                let top = module.split('.').next().unwrap_or_default();
                if load(&module, modules, &mut seen, &mut waiting) || import.level > 0 || top.is_empty() {
                    names.extend(import.name.clone().map(|name| (module, name)));
                } else if modules.find(top).is_none() && !comes_with_python(top, question) {
                    let importers = reach.missing.entry(top.to_owned()).or_default();
                    if importers.last() != Some(&path) {
                        importers.push(path.clone());
                    }
                }
            }
            reach.sources.insert(path, loaded);
        }
        if waiting.is_empty() {
            // Now that every package was read, what its names are is known.
            for (package, name) in std::mem::take(&mut names) {
                let defined = modules
                    .find(&package)
                    .and_then(|found| Some(reach.sources.get(&found.path)?.scan.defines(&name)))
                    .unwrap_or(false);
                if !defined && name != "*" {
                    load(&format!("{package}.{name}"), modules, &mut seen, &mut waiting);
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

/// Puts a module and the packages around it on the list; false if there is no such module.
fn load(module: &str, modules: &Modules, seen: &mut BTreeSet<String>, waiting: &mut Vec<(String, String)>) -> bool {
    if seen.contains(module) {
        return true;
    }
    let mut folders = modules.search_path.to_vec();
    let mut name = String::new();
    for part in module.split('.') {
        let Some(found) = modules.find_in(&folders, part) else { return false };
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(part);
        folders = found.folders;
        if seen.insert(name.clone()) && found.kind == Kind::Source {
            waiting.push((name.clone(), found.path));
        }
    }
    true
}

/// What the runtime has itself, or what was said to come from elsewhere.
fn comes_with_python(top: &str, question: &Question) -> bool {
    question.provided.contains(top)
        || top == "__main__"
        || stdlib::find(top, question.target.python).is_some()
        || (question.shape != Shape::Image && lambda::is_runtime_module(top))
}

/// An import's dotted name seen from the top.
fn absolute(name: &str, path: &str, import: &Import) -> Option<String> {
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
