//! Who needs whom among the libraries of an artifact, and who uses what of whom.
//!
//! Slimming asks it before a library goes:
//!
//! ```text
//! let survey = Survey::of(&files)?;         // or Survey::of_bytes([(path, bytes), …])
//! let graph = Graph::of(&survey, target);
//! graph.losses(&removed)      // the files that stay and would miss a symbol, and what they have it through
//! graph.dangling(&removed)    // the names to give to `elf::needed::drop`
//! ```
//!
//! A removal is sound for the loader if nothing is lost: then every `DT_NEEDED` that leads from a kept file to a removed
//! one can be dropped, and has to be. What code does with `dlopen` and ctypes, no graph can know.

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;

use super::facts::{Library, Survey};
use super::is_ours;
use super::naming::{Suffix, module};
use super::search::{Found, Search};
use crate::lambda::Target;

/// A file that stays and would lose something.
#[derive(Debug, PartialEq, Eq)]
pub struct Loss<'a> {
    /// The file.
    pub path: &'a str,
    /// Those of the removed files that it has it through.
    pub through: Vec<&'a str>,
}

/// A file that stays and needs removed ones by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Dangling<'a> {
    /// The file.
    pub path: &'a str,
    /// Names in its `DT_NEEDED` that lead to removed files and nowhere else.
    pub names: Vec<&'a str>,
    /// Names that a removed file goes by, and one that stays as well: which of them is loaded, nobody knows.
    pub doubtful: Vec<&'a str>,
    /// Those of the removed files that any of the names lead to.
    pub removed: Vec<&'a str>,
}

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

    /// Which file needs which, for sure or perhaps.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        (0..self.len()).flat_map(move |index| self.needs(index).map(move |other| (self.path(index), self.path(other))))
    }

    /// What a library's needs lead to in the artifact, for sure or perhaps.
    pub(super) fn needs(&self, index: usize) -> impl Iterator<Item = usize> {
        self.found[index].iter().flat_map(leads).copied()
    }

    /// For each library whether one needs it, directly or not, or is it; but for those left out.
    fn closure(&self, index: usize, without: &BTreeSet<usize>) -> Vec<bool> {
        let mut seen = vec![false; self.len()];
        seen[index] = true;
        let mut open = vec![index];
        while let Some(next) = open.pop() {
            for other in self.needs(next) {
                if !without.contains(&other) && !std::mem::replace(&mut seen[other], true) {
                    open.push(other);
                }
            }
        }
        seen
    }

    /// For each library whether it needs one of these, directly or not.
    fn needers(&self, of: &BTreeSet<usize>) -> Vec<bool> {
        let mut needers: Vec<Vec<usize>> = vec![Vec::new(); self.len()];
        for index in 0..self.len() {
            self.needs(index).for_each(|other| needers[other].push(index));
        }
        let mut seen = vec![false; self.len()];
        let mut open: Vec<usize> = of.iter().copied().collect();
        while let Some(next) = open.pop() {
            for &needer in &needers[next] {
                if !std::mem::replace(&mut seen[needer], true) {
                    open.push(needer);
                }
            }
        }
        seen
    }

    fn indices(&self, paths: &BTreeSet<&str>) -> BTreeSet<usize> {
        paths.iter().filter_map(|path| self.search.index(path)).collect()
    }

    /// The files that stay and lose something when these go: a symbol that nothing else they load defines, be it of a
    /// removed library or of one that only a removed library brought along; or a library that they ask a version of.
    pub fn losses(&self, removed: &BTreeSet<&str>) -> Vec<Loss<'a>> {
        let removed = self.indices(removed);
        let of_removed = self.definers(removed.iter().copied());
        let needers = self.needers(&removed);
        let may_lose = |index: &usize| {
            let mut wanted = self.library(*index).wanted.iter();
            !removed.contains(index) && (needers[*index] || wanted.any(|symbol| of_removed.contains_key(symbol)))
        };
        let nothing = BTreeSet::new();
        let brought: Vec<(usize, Vec<bool>)> =
            removed.iter().map(|index| (*index, self.closure(*index, &nothing))).collect();
        let loss = |index: usize| {
            let mut through = self.versions_asked(index, &removed);
            through.extend(self.definer_lost(index, &removed).into_iter().flat_map(|definer| {
                brought.iter().filter(move |(_, brings)| brings[definer]).map(|(index, _)| *index)
            }));
            let through: Vec<&str> = through.into_iter().map(|index| self.path(index)).collect();
            (!through.is_empty()).then(|| Loss { path: self.path(index), through })
        };
        (0..self.len()).filter(may_lose).filter_map(loss).collect()
    }

    /// Those of the removed libraries that a file asks versions of.
    fn versions_asked(&self, index: usize, removed: &BTreeSet<usize>) -> BTreeSet<usize> {
        let library = self.library(index);
        let asks =
            |name: &str| library.version_needs.iter().any(|(asked, versions)| asked == name && !versions.is_empty());
        let needs = library.needed.iter().zip(&self.found[index]).filter(|(name, _)| asks(name));
        needs.map(|(_, found)| leads(found)).filter(|to| only(to, removed)).flatten().copied().collect()
    }

    /// The first library that a file loses which defines a symbol that it wants and nobody else gives it.
    fn definer_lost(&self, index: usize, removed: &BTreeSet<usize>) -> Option<usize> {
        let after = self.closure(index, removed);
        let before = self.closure(index, &BTreeSet::new());
        let lost = (0..self.len()).filter(|other| (before[*other] || removed.contains(other)) && !after[*other]);
        let definers = self.definers(lost);
        self.library(index).wanted.iter().find_map(|symbol| {
            let definer = definers.get(symbol)?;
            let is_there = |other: usize| after[other] && self.library(other).defined.binary_search(symbol).is_ok();
            (!(0..self.len()).any(is_there)).then_some(*definer)
        })
    }

    /// Each symbol that these define, with the first that does.
    fn definers(&self, libraries: impl Iterator<Item = usize>) -> HashMap<u64, usize> {
        let mut definers = HashMap::new();
        for index in libraries {
            for symbol in &self.library(index).defined {
                definers.entry(*symbol).or_insert(index);
            }
        }
        definers
    }

    /// The files that stay and have a `DT_NEEDED` which leads to one of these.
    pub fn dangling(&self, removed: &BTreeSet<&str>) -> Vec<Dangling<'a>> {
        let removed = self.indices(removed);
        let stays = |index: &usize| !removed.contains(index);
        let of = |index: usize| {
            let path = self.path(index);
            let mut dangling = Dangling { path, names: Vec::new(), doubtful: Vec::new(), removed: Vec::new() };
            for (name, found) in self.library(index).needed.iter().zip(&self.found[index]) {
                let gone: Vec<&str> =
                    leads(found).iter().filter(|other| !stays(other)).map(|other| self.path(*other)).collect();
                if !gone.is_empty() {
                    let names = if only(leads(found), &removed) { &mut dangling.names } else { &mut dangling.doubtful };
                    names.push(name);
                    dangling.removed.extend(gone);
                }
            }
            (!dangling.removed.is_empty()).then_some(dangling)
        };
        (0..self.len()).filter(stays).filter_map(of).collect()
    }
}

/// The files of the artifact that a need leads to, for sure or perhaps.
fn leads(found: &Found) -> &[usize] {
    match found {
        Found::Here(other) => std::slice::from_ref(other),
        Found::Elsewhere(others) => others,
        Found::System | Found::Open | Found::Nowhere => &[],
    }
}

/// Whether there are any, and all of them are removed.
fn only(leads: &[usize], removed: &BTreeSet<usize>) -> bool {
    !leads.is_empty() && leads.iter().all(|other| removed.contains(other))
}
