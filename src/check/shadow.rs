//! Modules that take the place of others of their name: `random.py` in front of the standard library's, which every
//! library then gets.
//!
//! A name in /var/task goes before the standard library and before layers; only what the interpreter has inside cannot
//! be replaced. A folder without `__init__.py` replaces nothing.

use std::collections::BTreeSet;

use super::installed::{Installation, Owner};
use super::modules::{Kind, Module, Modules};
use super::reach::{Loaded, Reach};
use super::{Finding, Question, TASK};
use crate::lambda;
use crate::lambda::LAYERS;
use crate::python::source::Import;
use crate::python::stdlib;

/// Top-level modules of the function that shadow something.
pub(super) fn check(
    modules: &Modules,
    installation: &Installation,
    question: &Question,
    reach: &Reach,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tops: BTreeSet<&str> =
        modules.files.below(TASK).filter_map(|(path, _)| path[TASK.len() + 1..].split(['/', '.']).next()).collect();
    for name in tops {
        let Some(found) = modules
            .find_in(&[TASK.to_owned()], name)
            .filter(|found| !matches!(found.kind, Kind::Namespace | Kind::Foreign))
        else {
            continue;
        };
        let owner = installation.owner(&found.path);
        if let Some(module) = stdlib::find(name, question.target.python) {
            findings.extend(standard(name, &found, owner, module.is_fixed, installation, reach));
        } else if !matches!(owner, Owner::Distribution(_)) {
            findings.extend(dependency(name, &found, modules, reach));
        }
    }
    findings
}

fn standard(
    name: &str,
    found: &Module,
    owner: Owner,
    is_fixed: bool,
    installation: &Installation,
    reach: &Reach,
) -> Option<Finding> {
    const CHECK: &str = "shadows-stdlib";
    let hint = format!("rename it: {name} is a name of Python's own");
    if let Owner::Distribution(distribution) = owner {
        let reason = format!("{distribution} brings a module that takes the place of the standard library's {name}");
        return (!is_fixed).then(|| {
            Finding::warning(CHECK, &found.path, reason)
                .with_hint(format!("{distribution} is not needed for this Python; leave it out of the requirements"))
        });
    }
    if is_fixed {
        let reason = format!("it is never imported: Python has loaded its own {name} before it looks here");
        return Some(Finding::warning(CHECK, &found.path, reason).with_hint(hint));
    }
    let others = if reach.certain { importers(name, found, reach) } else { Vec::new() };
    // Its author may mean to replace the module for the function's own sources, but not for a library, nor for itself.
    let victim = others.iter().find(|path| ***path == found.path || installation.owner(path) != Owner::Function);
    Some(
        match victim {
            Some(path) if **path == found.path => Finding::error(
                CHECK,
                &found.path,
                format!("it imports {name}, which is itself and not the standard library's"),
            ),
            Some(path) => Finding::error(
                CHECK,
                &found.path,
                format!("it takes the place of the standard library's {name}, which {path} imports"),
            ),
            None => {
                Finding::warning(CHECK, &found.path, format!("it takes the place of the standard library's {name}"))
            }
        }
        .with_hint(hint),
    )
}

/// A file of the function in front of a package of a layer, of the runtime, or beside it.
fn dependency(name: &str, found: &Module, modules: &Modules, reach: &Reach) -> Option<Finding> {
    const CHECK: &str = "shadows-dependency";
    let hint = "rename it";
    if !found.folders.is_empty() {
        // A package and a file of one name in one folder: the package is found first.
        let file = format!("{TASK}/{name}.py");
        if modules.files.files.contains_key(&file) {
            let reason = format!("it is never imported: the folder {name} beside it is found first");
            return Some(Finding::warning(CHECK, &file, reason).with_hint(hint));
        }
    }
    let other = modules.find_in(modules.search_path.get(1..).unwrap_or_default(), name);
    if !found.folders.is_empty() {
        // A package in front of a layer's may be meant to be; what it lacks is found where it is imported.
        let of_layer = other.filter(|other| !matches!(other.kind, Kind::Namespace | Kind::Foreign))?;
        let reason = format!("the package takes the place of {}: /var/task comes before /opt", of_layer.path);
        return of_layer.path.starts_with(LAYERS).then(|| Finding::warning(CHECK, &found.path, reason).with_hint(hint));
    }
    let place = match &other {
        Some(other) if !other.folders.is_empty() && other.kind != Kind::Namespace => other.path.clone(),
        // six is one file, in the runtime as well as where anyone brings it.
        None if lambda::is_runtime_module(name) && name != "six" => format!("the runtime's {name}"),
        _ => return None,
    };
    let inside = format!("{name}.");
    let victim = reach.sources.iter().filter(|_| reach.certain).find(|(path, loaded)| {
        **path == found.path && imports(loaded, name)
            || always(loaded).any(|import| import.level == 0 && import.module.starts_with(&inside))
    });
    let reason = format!("it takes the place of {place}");
    Some(
        match victim {
            Some((path, _)) => Finding::error(CHECK, &found.path, format!("{reason}, which {path} imports")),
            None => Finding::warning(CHECK, &found.path, reason),
        }
        .with_hint(hint),
    )
}

/// Its imports that are certain to run.
fn always(loaded: &Loaded) -> impl Iterator<Item = &Import> {
    loaded.scan.imports.iter().filter(|import| import.always)
}

fn imports(loaded: &Loaded, name: &str) -> bool {
    always(loaded).any(|import| import.level == 0 && import.module.split('.').next() == Some(name))
}

/// The sources that are loaded and import a top-level module.
fn importers<'a>(name: &str, found: &Module, reach: &'a Reach) -> Vec<&'a String> {
    let inside = found.folders.first().map(|folder| format!("{folder}/"));
    reach
        .sources
        .iter()
        .filter(|(_, loaded)| imports(loaded, name))
        // A package may import itself by its name.
        .filter(|(path, _)| inside.as_ref().is_none_or(|inside| !path.starts_with(inside.as_str())))
        .map(|(path, _)| path)
        .collect()
}
