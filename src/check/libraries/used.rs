//! Which libraries are loaded for sure when the package they belong to is used.
//!
//! An extension module that the target's Python would import is; so is all that it needs. A package without one
//! loads its libraries by ctypes or cffi (lightgbm, xgboost), so those that no other library needs count too. What
//! is left are plugins: a package opens them if they fit, and goes without them if they do not.

use std::collections::BTreeSet;

use super::cures::is_optional;
use super::graph::Graph;
use super::naming::module;
use super::{name, package, root};
use crate::lambda::Target;

/// By their place in the graph.
pub(super) fn find(graph: &Graph, target: Target) -> BTreeSet<usize> {
    let is_module = |path: &str, modules: &[String]| {
        let is_init = |name: &str| modules.iter().any(|init| init.split_once('_').is_some_and(|(_, of)| of == name));
        module(path, target).is_some_and(|(name, _)| is_init(name))
    };

    let with_modules: BTreeSet<&str> = (0..graph.len())
        .filter(|&index| is_module(graph.path(index), &graph.library(index).modules))
        .map(|index| package(graph.path(index)))
        .collect();
    let mut needed = vec![false; graph.len()];
    for index in 0..graph.len() {
        graph.needs(index).for_each(|other| needed[other] = true);
    }
    let is_root = |&index: &usize| {
        let (path, library) = (graph.path(index), graph.library(index));
        let by_ctypes =
            !needed[index] && !library.is_program && !with_modules.contains(package(path)) && has_package(path);
        (is_module(path, &library.modules) || by_ctypes) && !is_optional(path)
    };
    let mut open: Vec<usize> = graph.loadable().filter(is_root).collect();
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
