//! What a person means: a path in an artifact, a distribution or a folder.
//!
//! What must stay true: a path that is there is meant before anything else, so that every file can be asked about; what
//! slimming removed is known too.

use super::Opened;
use crate::build::Name;
use crate::python::normalise;
use crate::report::model::{Entry, Kind, PartKind};

/// Names that a message lists.
const LISTED: usize = 40;

/// What is meant, in one artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// A file or link that is or was there.
    File(String),
    /// A distribution, by its normalised name.
    Distribution(String),
    /// A folder that has or had files, with its slash.
    Folder(String),
}

/// What is meant; nothing where the artifact does not know it.
pub(super) fn find(asked: &str, opened: &Opened) -> Option<Meant> {
    let paths = paths(asked, opened);
    if let Some(path) = paths.iter().find(|path| entry(opened, path).is_some() || was_there(opened, path)) {
        return Some(Meant::File(path.clone()));
    }
    let name = normalise(asked);
    if !asked.ends_with('/') && is_distribution(&name, opened) {
        return Some(Meant::Distribution(name));
    }
    let folders = paths.into_iter().map(|path| path + "/");
    folders.into_iter().find(|folder| is_folder(opened, folder)).map(Meant::Folder)
}

/// The file or link of a path.
pub(super) fn entry<'o>(opened: &'o Opened, path: &str) -> Option<&'o Entry> {
    let entries = &opened.artifact.entries;
    entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok().map(|index| &entries[index])
}

fn was_there(opened: &Opened, path: &str) -> bool {
    opened.removed().any(|(removed, _)| removed == path)
}

fn is_folder(opened: &Opened, folder: &str) -> bool {
    let entries = &opened.artifact.entries;
    let first = entries.partition_point(|entry| entry.path.as_str() < folder);
    entries.get(first).is_some_and(|entry| entry.path.starts_with(folder))
        || opened.removed().any(|(removed, _)| removed.starts_with(folder))
}

fn is_distribution(name: &str, opened: &Opened) -> bool {
    let is_part = opened.part(name).is_some();
    let in_record = opened.record.as_ref().is_some_and(|record| {
        record.resolved.iter().any(|one| one.name == name)
            || record.layers.iter().any(|layer| layer.distributions.iter().any(|one| one.name == name))
    });
    is_part || in_record || opened.graph.has(name) || opened.base.contains_key(name)
}

/// The paths in the artifact that may be meant, without a slash at the end.
fn paths(asked: &str, opened: &Opened) -> Vec<String> {
    let mut path = asked;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Vec::new();
    }
    let mut paths = vec![path.to_owned()];
    if opened.artifact.kind != Kind::Image {
        // As it lies in Lambda.
        let root = if opened.artifact.kind == Kind::Layer { "opt/" } else { "var/task/" };
        paths.extend(path.strip_prefix(root).map(str::to_owned));
    }
    paths.extend(opened.sites.places(path));
    // As it lies in the project.
    let own = opened.record.as_ref().map(|record| match &record.name {
        Name::Function(name) => format!("functions/{name}/"),
        Name::Layer(name) => format!("layers/{name}/"),
    });
    if let Some(inside) = own.and_then(|own| path.strip_prefix(&own).map(str::to_owned)) {
        paths.extend(opened.sites.places(&inside));
    }
    paths
}

/// What there is that looks like what was asked, for a message.
pub(super) fn near(asked: &str, all: &[Opened]) -> String {
    let file = asked.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_path = asked.contains(['/', '.']) && !file.is_empty();
    let same = || {
        let entries = all.iter().flat_map(|opened| &opened.artifact.entries).map(|entry| entry.path.as_str());
        let removed = all.iter().flat_map(Opened::removed_paths);
        entries
            .map(str::to_owned)
            .chain(removed)
            .find(|path| path.strip_suffix(file).is_some_and(|folder| folder.is_empty() || folder.ends_with('/')))
    };
    if let Some(path) = is_path.then(same).flatten() {
        return format!("did you mean {}?", crate::report::shown(&path));
    }
    let mut names: Vec<String> = all
        .iter()
        .flat_map(|opened| {
            let parts = opened.artifact.parts.iter().filter(|part| part.kind == PartKind::Distribution);
            let resolved = opened.record.iter().flat_map(|record| &record.resolved);
            parts.map(|part| &part.name).chain(resolved.map(|one| &one.name))
        })
        .map(|name| crate::report::shown(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let hint = crate::project::manifest::suggestion(asked, names.iter().map(String::as_str), "distributions in it");
    match hint.match_indices(", ").nth(LISTED) {
        Some((end, _)) => format!("{}, …", &hint[..end]),
        None => hint,
    }
}
