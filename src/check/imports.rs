//! Imports that fail as soon as the handler is loaded: `ModuleNotFoundError`, and relative imports outside of packages.
//!
//! What must stay true: an error is one only where nothing could bring the module after all. The function's own sources may
//! put a folder on the path, or a module into `sys.modules`, before they import; a library does so for names that it
//! writes down.

use std::collections::BTreeSet;

use super::installed::{Installation, Owner};
use super::modules::{Kind, Modules};
use super::reach::{Broken, Reach, absolute};
use super::{Finding, Severity};
use crate::error::Result;

const CHECK: &str = "import-missing";

/// The modules of [`Reach::missing`] that nothing can bring.
pub(super) fn certain<'a>(
    modules: &Modules,
    installation: &Installation,
    reach: &'a Reach,
) -> Result<BTreeSet<&'a str>> {
    if !reach.certain || reach.missing.is_empty() || own_sources_move(modules, installation, reach)? {
        return Ok(BTreeSet::new());
    }
    let brought = |module: &str| {
        reach.sources.values().any(|loaded| {
            loaded.scan.moves_imports && loaded.scan.strings.binary_search_by(|text| text.as_str().cmp(module)).is_ok()
        })
    };
    Ok(reach.missing.keys().map(String::as_str).filter(|module| !brought(module)).collect())
}

/// What is imported whenever the handler is, and is nowhere.
pub(super) fn check(modules: &Modules, reach: &Reach, certain: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, importers) in &reach.missing {
        let Some(first) = importers.first() else { continue };
        let elsewhere =
            modules.files.files.keys().find(|path| {
                path.split('/').any(|part| part == module || part.split('.').next() == Some(module.as_str()))
            });
        let others = match importers.len() - 1 {
            0 => String::new(),
            1 => " (and 1 more source)".to_owned(),
            more => format!(" (and {more} more sources)"),
        };
        let reason = match elsewhere {
            Some(place) => {
                format!("it imports {module}{others}, which is not where Python looks, but there is {place}")
            }
            None => format!("it imports {module}{others}, and neither the artifact nor the runtime has it"),
        };
        let is_certain = elsewhere.is_none() && certain.contains(module.as_str());
        let severity = if is_certain { Severity::Error } else { Severity::Warning };
        findings.push(Finding { severity, ..Finding::error(CHECK, first, reason) }.with_hint(format!(
            "add what brings it to the requirements; --provided {module} says that a layer or a mounted file system does"
        )));
    }
    findings
}

/// Imports of the function's own that cannot work though the packages are there.
pub(super) fn broken(modules: &Modules, installation: &Installation, reach: &Reach) -> Result<Vec<Finding>> {
    let is_own = |path: &str| installation.owner(path) == Owner::Function;
    let of_own = |broken: &&Broken| is_own(broken.package.as_ref().unwrap_or(&broken.importer));
    let broken: Vec<&Broken> = reach.broken.iter().filter(of_own).collect();
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let may_move = !reach.certain || own_sources_move(modules, installation, reach)?;
    let findings = broken.into_iter().filter_map(|Broken { importer, import, package }| {
        let (reason, hint, is_certain) = match package {
            None => (
                format!("it imports {import} relative to a package, and there is none: \"attempted relative import\""),
                "write the module's name from the function's folder, or name the handler as PACKAGE/MODULE.FUNCTION",
                true,
            ),
            Some(package) => (
                format!("it imports {import}, and {package} has no such module"),
                "mend the name, or ship the module",
                // Another part of a namespace may lie in a layer.
                modules.files.files.contains_key(package),
            ),
        };
        let severity = if is_certain && !may_move { Severity::Error } else { Severity::Warning };
        // What is compiled may make modules of its own.
        let is_compiled = package.as_ref().is_some_and(|package| reach.others.contains_key(package));
        (!is_compiled).then(|| Finding { severity, ..Finding::error(CHECK, importer, reason) }.with_hint(hint))
    });
    Ok(findings.collect())
}

/// Whether a source of the function's own that may be loaded changes where modules are found.
fn own_sources_move(modules: &Modules, installation: &Installation, reach: &Reach) -> Result<bool> {
    let is_own = |path: &str| !matches!(installation.owner(path), Owner::Distribution(_));
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut waiting: Vec<(String, String)> = Vec::new();
    for (path, loaded) in reach.sources.iter().filter(|(path, _)| is_own(path)) {
        seen.insert(path.clone());
        waiting.push((loaded.name.clone(), path.clone()));
    }
    while let Some((name, path)) = waiting.pop() {
        let read;
        let scan = if let Some(loaded) = reach.sources.get(&path) {
            &loaded.scan
        } else {
            read = modules.scan(&path)?.0;
            &read
        };
        if scan.moves_imports {
            return Ok(true);
        }
        // However they are imported: a `try` around the one that unpacks the requirements is usual.
        for import in &scan.imports {
            let Some(module) = absolute(&name, &path, import) else { continue };
            let submodule = import.name.as_ref().map(|name| format!("{module}.{name}"));
            for module in [Some(module), submodule].into_iter().flatten() {
                for (name, found) in modules.way(&module).0 {
                    if found.kind == Kind::Source && is_own(&found.path) && seen.insert(found.path.clone()) {
                        waiting.push((name.to_owned(), found.path));
                    }
                }
            }
        }
    }
    Ok(false)
}
