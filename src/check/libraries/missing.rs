//! Libraries that a file needs and that neither the artifact nor the runtime has.

use std::collections::{BTreeMap, BTreeSet};

use super::cures::cure;
use super::graph::Graph;
use super::package;
use super::search::Found;
use super::used::Used;
use crate::check::finding::Finding;
use crate::lambda::Target;
use crate::lambda::system::System;

/// What one finding speaks of: a package, a cure, whether the library is open rather than missing, and whether the files
/// are sure to be loaded.
type Subject<'a> = (&'a str, &'static str, bool, bool);

/// How many libraries one finding names.
const NAMED: usize = 4;

pub(super) fn check(graph: &Graph, used: &Used, target: Target) -> Vec<Finding> {
    // One finding for what has one cure in one package: ten modules that need three libraries of X11 say nothing more than
    // one does.
    let mut missing: BTreeMap<Subject, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for index in graph.loadable() {
        let (path, library) = (graph.path(index), graph.library(index));
        for (needed, found) in library.needed.iter().zip(&graph.found[index]) {
            let open = *found == Found::Open;
            if open || *found == Found::Nowhere {
                let key = (package(path), cure(needed), open, used.is_sure(index));
                missing.entry(key).or_default().entry(needed).or_default().push(path);
            }
        }
    }
    let system = System::of(target.python).name;
    let findings = missing.into_iter().map(|((_, cure, open, is_used), libraries)| {
        let named: Vec<&str> = libraries.keys().copied().take(NAMED).collect();
        let more = match libraries.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = format!("{}{more}", named.join(", "));
        let paths: BTreeSet<&str> = libraries.into_values().flatten().collect();
        let path = paths.first().copied().unwrap_or_default();
        let also = match paths.len() {
            0 | 1 => String::new(),
            2 => ", as does 1 more file".into(),
            more => format!(", as do {} more files", more - 1),
        };
        if open {
            let reason = format!(
                "it needs {named}{also}: AWS's images have that; whether the runtime for ZIPs has it is not known"
            );
            return Finding::warning("library-open", path, reason)
                .with_hint(format!("try it on Lambda; if it fails: {cure}"));
        }
        let place = if graph.search.is_image { "the image".to_owned() } else { format!("Lambda's {system}") };
        let reason = format!("it needs {named}{also}: neither the artifact nor {place} has that");
        let finding = if is_used { Finding::error } else { Finding::warning };
        finding("library-missing", path, reason).with_hint(cure)
    });
    findings.collect()
}
