//! Symbols that nothing defines: the import fails with `undefined symbol`.
//!
//! Certain only where everything is known: all that the file needs, directly or not, is in the artifact or is a system
//! library whose symbols have versions, and the symbol has none. Whatever any library of the artifact defines counts
//! as defined, since another may have been loaded before with its symbols open to all. Python imports with
//! `RTLD_NOW`, so that one missing symbol suffices.

use std::collections::HashSet;

use rayon::prelude::*;

use super::facts::{hash, is_plain};
use super::graph::Graph;
use super::search::Found;
use super::used::Used;
use crate::check::files::Files;
use crate::check::finding::Finding;
use crate::elf::dynamic;
use crate::error::Result;
use crate::lambda::Target;
use crate::lambda::system::{is_c_library_symbol, is_versioned};

pub(super) fn check(files: &Files, graph: &Graph, used: &Used, target: Target) -> Result<Vec<Finding>> {
    let mut defined: HashSet<u64> = HashSet::new();
    for index in 0..graph.len() {
        defined.extend(&graph.library(index).defined);
    }
    let known = known(graph);
    // A file that asks the C library for nothing by version would take its symbols from Python's, without one.
    let asks_c = |index: usize| graph.library(index).version_needs.iter().any(|(name, _)| name == "libc.so.6");
    let suspects: Vec<usize> = used
        .perhaps
        .iter()
        .copied()
        .filter(|&index| {
            known[index] && asks_c(index) && graph.library(index).plain.iter().any(|symbol| !defined.contains(symbol))
        })
        .collect();
    // Rare, so that reading those files again costs less than keeping every name.
    let findings = suspects.into_par_iter().map(|index| {
        let path = graph.path(index);
        let Some(file) = files.files.get(path) else { return Ok(None) };
        let bytes = files.read(file)?;
        let Some(dynamic) = dynamic::read(&bytes) else { return Ok(None) };
        let missing: Vec<String> = dynamic
            .symbols
            .iter()
            .filter(|symbol| is_plain(symbol) && !defined.contains(&hash(symbol.name)))
            .map(|symbol| String::from_utf8_lossy(symbol.name).into_owned())
            .filter(|name| !is_c_library_symbol(name))
            .collect();
        let Some(first) = missing.first() else { return Ok(None) };
        let more = match missing.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let reason = format!(
            "it needs the symbol {first}{more}, which nothing in the artifact, Python or what it needs defines"
        );
        let hint = format!(
            "it was linked with another version of a library than the artifact has: take one wheel of it for {target}"
        );
        let finding = if used.is_sure(index) { Finding::error } else { Finding::warning };
        Ok(Some(finding("symbol-missing", path, reason).with_hint(hint)))
    });
    let findings: Vec<Option<Finding>> = findings.collect::<Result<_>>()?;
    Ok(findings.into_iter().flatten().collect())
}

/// Whether all that a library needs, directly or not, can be looked into or has versions.
fn known(graph: &Graph) -> Vec<bool> {
    let mut known: Vec<bool> = (0..graph.len())
        .map(|index| {
            let library = graph.library(index);
            let mut needed = library.needed.iter().zip(&graph.found[index]);
            needed.all(|(name, found)| match found {
                Found::Here(_) => true,
                Found::System => is_versioned(name),
                Found::Elsewhere(_) | Found::Open | Found::Nowhere => false,
            })
        })
        .collect();
    // What is unknown spreads to all that need it.
    let mut needers: Vec<Vec<usize>> = vec![Vec::new(); graph.len()];
    for index in 0..graph.len() {
        graph.needs(index).for_each(|other| needers[other].push(index));
    }
    let mut open: Vec<usize> = (0..graph.len()).filter(|&index| !known[index]).collect();
    while let Some(index) = open.pop() {
        for &needer in &needers[index] {
            if std::mem::replace(&mut known[needer], false) {
                open.push(needer);
            }
        }
    }
    known
}
