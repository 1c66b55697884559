//! Which files, links and folders are on one side only, and which differ.
//!
//! Folders of ZIPs are entries or not as the packer likes: of them only modes that both sides say are compared. Of images a
//! folder that came or went is told where nothing in it came or went with it.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::Serialize;

use super::digest::{is_one, sha256};
use super::entry::{Entries, Entry, State};
use crate::check::{File, LARGE_BYTES, Origin};
use crate::error::Result;

/// What came of the comparison.
#[derive(Debug, Default, Serialize)]
pub struct FileChanges {
    /// Only in the second, by path.
    pub added: Vec<OneSided>,
    /// Only in the first, by path.
    pub removed: Vec<OneSided>,
    /// In both, by path.
    pub changed: Vec<Changed>,
    /// How many files and links are the same in both.
    pub unchanged: usize,
}

/// What is on one side only.
#[derive(Debug, Serialize)]
pub struct OneSided {
    /// Its path.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub state: State,
}

/// What is on both sides, and differs.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// Its path.
    pub path: String,
    /// Whether the content is another, or what a link names, or what it is at all.
    pub content: bool,
    /// Whether the permission bits are others.
    pub mode: bool,
    /// In the first.
    pub before: State,
    /// In the second.
    pub after: State,
}

impl FileChanges {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Compares, and also gives the paths of all that differs.
pub(super) fn compare<'a>(
    old: &Entries<'a>,
    new: &Entries<'a>,
    with_folders: bool,
) -> Result<(FileChanges, BTreeSet<&'a str>)> {
    let mut changes = FileChanges {
        added: one_sided(new, old, with_folders),
        removed: one_sided(old, new, with_folders),
        ..FileChanges::default()
    };
    let both = old.iter().filter_map(|(path, before)| Some((*path, *before, *new.get(path)?)));
    let (mut open, mut decided): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for (path, before, after) in both {
        match (before, after) {
            (Entry::File(left), Entry::File(right)) if !is_one(left, right) => open.push((path, left, right)),
            _ => decided.push((path, before, after)),
        }
    }
    for (path, before, after) in decided {
        let (content, mode) = match (before, after) {
            (Entry::File(left), Entry::File(right)) => (false, left.mode != right.mode),
            (Entry::Link(left), Entry::Link(right)) => (left != right, false),
            (Entry::Folder(left), Entry::Folder(right)) => (false, left != right),
            _ => (true, false),
        };
        if content || mode {
            let (before, after) = (before.state(None), after.state(None));
            changes.changed.push(Changed { path: path.to_owned(), content, mode, before, after });
        } else if !matches!(before, Entry::Folder(_)) {
            changes.unchanged += 1;
        }
    }
    for ((path, left, right), digests) in open.iter().zip(digests(&open)?) {
        let (content, mode) = (digests.0 != digests.1, left.mode != right.mode);
        if content || mode {
            let before = Entry::File(left).state(Some(digests.0));
            let after = Entry::File(right).state(Some(digests.1));
            changes.changed.push(Changed { path: (*path).to_owned(), content, mode, before, after });
        } else {
            changes.unchanged += 1;
        }
    }
    changes.changed.sort_by(|left, right| left.path.cmp(&right.path));
    let touched = |path: &&&str| {
        let is_changed =
            |path: &str| changes.changed.binary_search_by(|changed| changed.path.as_str().cmp(path)).is_ok();
        !(old.contains_key(**path) && new.contains_key(**path)) || is_changed(path)
    };
    let touched = old.keys().chain(new.keys()).filter(touched).copied().collect();
    Ok((changes, touched))
}

/// What one side has and the other has not.
fn one_sided(of: &Entries<'_>, other: &Entries<'_>, with_folders: bool) -> Vec<OneSided> {
    let only: Vec<(&str, &Entry<'_>)> =
        of.iter().filter(|(path, _)| !other.contains_key(**path)).map(|(path, entry)| (*path, entry)).collect();
    let stands_alone = |folder: &str| {
        let below = format!("{folder}/");
        let next = only.partition_point(|(path, _)| *path < below.as_str());
        with_folders && !only.get(next).is_some_and(|(path, _)| path.starts_with(&below))
    };
    only.iter()
        .filter(|(path, entry)| !matches!(entry, Entry::Folder(_)) || stands_alone(path))
        .map(|(path, entry)| OneSided { path: (*path).to_owned(), state: entry.state(None) })
        .collect()
}

/// The digests of pairs of files: those that are read as a whole and are large one after the other.
fn digests(pairs: &[(&str, &File<'static>, &File<'static>)]) -> Result<Vec<(String, String)>> {
    let is_large = |file: &File<'_>| matches!(file.origin, Origin::Zip { .. }) && file.size > LARGE_BYTES;
    let is_alone = |index: &usize| is_large(pairs[*index].1) || is_large(pairs[*index].2);
    let read = |index: usize| Ok((index, (sha256(pairs[index].1)?, sha256(pairs[index].2)?)));
    let mut all: Vec<_> =
        (0..pairs.len()).into_par_iter().filter(|index| !is_alone(index)).map(read).collect::<Result<_>>()?;
    all.extend((0..pairs.len()).filter(is_alone).map(read).collect::<Result<Vec<_>>>()?);
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, digests)| digests).collect())
}
