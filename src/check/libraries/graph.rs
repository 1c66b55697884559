//! Who needs whom among the libraries of an artifact, and who uses what of whom.
//!
//! Slimming asks it before a library goes:
//!
//! ```text
//! let survey = Survey::of(&files)?;         // or Survey::of_bytes([(path, bytes), …])
//! let graph = Graph::of(&survey, target);
//! graph.needers(library)                    // the files with a DT_NEEDED that leads to it
//! graph.names(needer, library)              // the names to give to `elf::needed::drop`
//! graph.uses(needer, library)               // the needer itself wants a symbol that the library defines
//! graph.broken_without(&removed)            // the files that stay and would miss a symbol
//! ```
//!
//! A removal is sound for the loader if `broken_without` is empty: then every `DT_NEEDED` that leads from a kept file to a
//! removed one can be dropped. What code does with `dlopen` and ctypes, no graph can know.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::facts::{Library, Survey};
use super::is_ours;
use super::naming::{Suffix, module};
use super::search::{Found, Search};
use crate::lambda::Target;

/// The libraries of the target's machine and what each of their needs leads to.
pub struct Graph<'a> {
    pub(super) search: Search<'a>,
    /// For each library, in the order of its `DT_NEEDED`.
    pub(super) found: Vec<Vec<Found>>,
    target: Target,
}

impl<'a> Graph<'a> {
    /// Looks up every need.
    pub fn of(survey: &'a Survey, target: Target) -> Self {
        let search = Search::of(survey, target);
        let found = (0..search.libraries.len()).into_par_iter().map(|index| search.find_all(index)).collect();
        Self { search, found, target }
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Those of the function and its layers that somebody may load: not an extension module that only another Python
    /// would look for.
    pub(super) fn loadable(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter(|&index| is_ours(self.path(index))).filter(|&index| {
            !module(self.path(index), self.target).is_some_and(|(_, suffix)| matches!(suffix, Suffix::Other(_)))
        })
    }

    pub(super) fn path(&self, index: usize) -> &'a str {
        self.search.libraries[index].0
    }

    pub(super) fn library(&self, index: usize) -> &'a Library {
        self.search.libraries[index].1
    }

    /// What a library's needs lead to in the artifact, for sure or perhaps.
    pub(super) fn needs(&self, index: usize) -> impl Iterator<Item = usize> {
        self.found[index]
            .iter()
            .flat_map(|found| match found {
                Found::Here(other) => std::slice::from_ref(other),
                Found::Elsewhere(others) => others,
                Found::System | Found::Open | Found::Nowhere => &[],
            })
            .copied()
    }

    /// A library and all that it needs, directly or not, but for those left out.
    fn closure(&self, index: usize, without: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut seen = BTreeSet::from([index]);
        let mut open = vec![index];
        while let Some(next) = open.pop() {
            for other in self.needs(next) {
                if !without.contains(&other) && seen.insert(other) {
                    open.push(other);
                }
            }
        }
        seen
    }

    /// The files that need this one by a `DT_NEEDED` of their own, in the order of their paths.
    pub fn needers(&self, library: &str) -> Vec<&'a str> {
        let Some(index) = self.search.index(library) else { return Vec::new() };
        (0..self.len())
            .filter(|&other| other != index && self.needs(other).any(|need| need == index))
            .map(|other| self.path(other))
            .collect()
    }

    /// The names in one file's `DT_NEEDED` that lead to another.
    pub fn names(&self, needer: &str, library: &str) -> Vec<&'a str> {
        let (Some(needer), Some(library)) = (self.search.index(needer), self.search.index(library)) else {
            return Vec::new();
        };
        let leads = |found: &Found| match found {
            Found::Here(index) => *index == library,
            Found::Elsewhere(indices) => indices.contains(&library),
            Found::System | Found::Open | Found::Nowhere => false,
        };
        let names = self.library(needer).needed.iter().zip(&self.found[needer]);
        names.filter(|(_, found)| leads(found)).map(|(name, _)| name.as_str()).collect()
    }

    /// Whether a file wants a symbol, weakly or not, that the other defines.
    pub fn uses(&self, needer: &str, library: &str) -> bool {
        match (self.search.index(needer), self.search.index(library)) {
            (Some(needer), Some(library)) => meet(&self.library(needer).wanted, &self.library(library).defined),
            _ => false,
        }
    }

    /// The files that stay and lose something when these go: a symbol that nothing else they load defines, be it of a
    /// removed library or of one that only a removed library brought along; or a library that they ask a version of.
    pub fn broken_without(&self, removed: &BTreeSet<&str>) -> Vec<&'a str> {
        let removed: BTreeSet<usize> = removed.iter().filter_map(|path| self.search.index(path)).collect();
        let breaks = |index: &usize| {
            let library = self.library(*index);
            let asks_version = library.needed.iter().zip(&self.found[*index]).any(|(name, found)| {
                let leads = match found {
                    Found::Here(other) => removed.contains(other),
                    Found::Elsewhere(others) => others.iter().all(|other| removed.contains(other)),
                    _ => false,
                };
                leads && library.version_needs.iter().any(|(asked, versions)| asked == name && !versions.is_empty())
            });
            if asks_version {
                return true;
            }
            let after = self.closure(*index, &removed);
            let mut lost = self.closure(*index, &BTreeSet::new());
            lost.extend(&removed);
            lost.retain(|other| !after.contains(other));
            library.wanted.iter().any(|symbol| {
                let defines = |other: &usize| self.library(*other).defined.binary_search(symbol).is_ok();
                lost.iter().any(defines) && !after.iter().any(defines)
            })
        };
        (0..self.len()).filter(|index| !removed.contains(index)).filter(breaks).map(|index| self.path(index)).collect()
    }
}

/// Whether two sorted lists have a common element.
fn meet(a: &[u64], b: &[u64]) -> bool {
    let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
    few.iter().any(|element| many.binary_search(element).is_ok())
}
