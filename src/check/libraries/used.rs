//! Which libraries are loaded for sure when what the function imports, or who imports a package, is imported.
//!
//! An extension module that an import which always runs leads to is; so is all that it needs. A package without one
//! opens its libraries by ctypes or cffi (lightgbm, xgboost): for sure where its loaded sources import either and write
//! the library's name down, or have only that one. What is left are plugins and optional modules: a package opens them
//! if they fit, and goes without them if they do not.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;
use super::naming::module;
use super::{name, package, root};
use crate::check::modules::Kind;
use crate::check::reach::Reach;
use crate::lambda::Target;

/// Libraries by their place in the graph.
pub(super) struct Used {
    /// Those that are loaded for sure.
    pub(super) surely: BTreeSet<usize>,
    /// Those that Python or a package opens if it wants to, with the others among them.
    pub(super) perhaps: BTreeSet<usize>,
}

impl Used {
    pub(super) fn is_sure(&self, index: usize) -> bool {
        self.surely.contains(&index)
    }
}

/// What is loaded of the libraries.
pub(super) fn find(graph: &Graph, target: Target, loads: &Reach) -> Used {
    let is_module = |path: &str, modules: &[String]| {
        let is_init = |name: &str| modules.iter().any(|init| init.split_once('_').is_some_and(|(_, of)| of == name));
        module(path, target).is_some_and(|(name, _)| is_init(name))
    };
    let (mut modules, mut opened) = (Vec::new(), Vec::new());
    let with_modules: BTreeSet<&str> = (0..graph.len())
        .filter(|&index| is_module(graph.path(index), &graph.library(index).modules))
        .map(|index| package(graph.path(index)))
        .collect();
    let mut needed = vec![false; graph.len()];
    for index in 0..graph.len() {
        graph.needs(index).for_each(|other| needed[other] = true);
    }
    for index in graph.loadable() {
        let (path, library) = (graph.path(index), graph.library(index));
        if is_module(path, &library.modules) {
            modules.push(index);
        } else if !needed[index] && !library.is_program && !with_modules.contains(package(path)) && has_package(path) {
            opened.push(index);
        }
    }
    let imported =
        modules.iter().copied().filter(|&index| loads.others.get(graph.path(index)) == Some(&Kind::Extension));
    let surely = imported.chain(by_name(graph, &opened, loads)).collect();
    Used { surely: with_needs(graph, surely), perhaps: with_needs(graph, modules.into_iter().chain(opened).collect()) }
}

/// Libraries of packages whose loaded sources open them.
fn by_name<'a>(graph: &'a Graph, opened: &'a [usize], loads: &'a Reach) -> impl Iterator<Item = usize> + 'a {
    let mut of_packages: BTreeMap<&str, usize> = BTreeMap::new();
    for &index in opened {
        *of_packages.entry(package(graph.path(index))).or_default() += 1;
    }
    opened.iter().copied().filter(move |&index| {
        let package = package(graph.path(index));
        let folder = format!("{package}/");
        let sources = || {
            loads
                .sources
                .range(folder.clone()..)
                .take_while(|(path, _)| path.starts_with(&folder))
                .map(|(_, loaded)| &loaded.scan)
        };
        let opens = |module: &str| matches!(module.split('.').next(), Some("ctypes" | "cffi"));
        let mut imports = sources().flat_map(|scan| &scan.imports);
        let named = || {
            let is_it = |text: &String| name(text) == name(graph.path(index));
            sources().any(|scan| scan.strings.iter().any(is_it))
        };
        imports.any(|import| import.always && opens(&import.module)) && (of_packages[package] == 1 || named())
    })
}

/// These and all that they need.
fn with_needs(graph: &Graph, mut open: Vec<usize>) -> BTreeSet<usize> {
    let mut used: BTreeSet<usize> = open.iter().copied().collect();
    while let Some(index) = open.pop() {
        for other in graph.needs(index) {
            if used.insert(other) {
                open.push(other);
            }
        }
    }
    used
}

/// `numpy.libs` is no package, but where auditwheel puts the libraries of one; nor is `lib`, where the loader looks.
fn has_package(path: &str) -> bool {
    let package = package(path);
    root(path).is_some() && package != path && !package.ends_with(".libs") && name(package) != "lib"
}
