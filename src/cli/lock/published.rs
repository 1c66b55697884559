//! Layers of others in `pack lock`: which the project has, what the lock is to say of them, and what is out of date.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::lock::{self, Lock, LockedLayer};
use crate::progress::Progress;
use crate::published::{Finder, State, Wanted};

/// What came of looking for them.
#[derive(Default)]
pub(super) struct Resolved {
    /// What the lock is to say.
    pub(super) layers: Vec<LockedLayer>,
    /// Those of which nobody knows what they have, as the project means them.
    pub(super) unknown: BTreeSet<(String, Target)>,
}

/// Which of them are to be newer.
pub(super) enum Newer<'a> {
    /// Every one.
    All,
    /// Those of these names.
    Named(&'a [String]),
}

impl Newer<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|named| named == name),
        }
    }

    /// Whether somebody asks for this one by its name: then it is no small matter if it cannot be had.
    fn insists_on(&self, name: &str) -> bool {
        matches!(self, Self::Named(_)) && self.has(name)
    }
}

/// What the lock is to say of each. Where AWS is out of reach, what holds stays, and the rest is told.
pub(super) fn resolve(
    wanted: &[Wanted],
    lock: &Lock,
    newer: &Newer<'_>,
    finder: &mut Finder<'_>,
    progress: &Progress,
) -> Result<Resolved> {
    let mut resolved = Resolved::default();
    let mut told = BTreeSet::new();
    for wanted in wanted {
        let holds = matches!(wanted.state(lock), State::Holds(_));
        if finder.asks() && (!holds || newer.has(&wanted.name)) {
            progress.say(&format!("looking for the layer {wanted}"));
        }
        match finder.resolve(wanted, lock, newer.has(&wanted.name)) {
            Ok(layer) => resolved.layers.push(layer),
            Err(error @ Error::Aws { is_out_of_reach: true, .. }) if !newer.insists_on(&wanted.name) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                let what = if holds { "stays as it is" } else { "is not locked, and what has it is not built" };
                let line = format!("the layer {} {what}: {error}{hint}", wanted.name);
                if told.insert(line.clone()) {
                    progress.warn(&line);
                }
                match wanted.state(lock) {
                    State::Holds(layer) => resolved.layers.push(layer.clone()),
                    _ => drop(resolved.unknown.insert((wanted.name.clone(), wanted.target))),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(resolved)
}

/// The same without asking anybody: what the lock does not say as the project means it, a line each.
///
/// A lock that has no layer of others at all is that of a project that never could ask AWS: that is told, and no error.
pub(super) fn check(wanted: &[Wanted], lock: &Lock, progress: &Progress) -> (Resolved, Vec<String>) {
    let (mut resolved, mut lines, mut never) = (Resolved::default(), Vec::new(), BTreeSet::new());
    for wanted in wanted {
        match wanted.state(lock) {
            State::Holds(layer) => {
                resolved.layers.push(layer.clone());
                continue;
            }
            State::Unknown if lock.layers().is_empty() => drop(never.insert(wanted.name.as_str())),
            State::Unknown => lines.push(format!("{wanted}:\n  the layer is not in the lock yet")),
            State::Outdated(reason) => lines.push(format!("{wanted}:\n  {reason}")),
        }
        resolved.unknown.insert((wanted.name.clone(), wanted.target));
    }
    for layer in lock.layers().iter().filter(|layer| !wanted.iter().any(|wanted| wanted.name == layer.name)) {
        lines.push(format!("{layer}: the project has no such layer of others"));
    }
    if !never.is_empty() {
        let names = never.into_iter().collect::<Vec<_>>().join(", ");
        progress.warn(&format!(
            "{} knows no layer of others ({names}): what has them is not built until pack lock, with AWS credentials, has looked",
            lock::FILE
        ));
    }
    (resolved, lines)
}

/// What the lock has and the project has not. A command for some targets says nothing of the others.
pub(super) fn gone(lock: &Lock, wanted: &[Wanted], some_targets: bool) -> Vec<(String, Target)> {
    let stays = |layer: &&LockedLayer| {
        let mut same = wanted.iter().filter(|wanted| wanted.name == layer.name);
        same.any(|wanted| some_targets || wanted.target == layer.target)
    };
    let gone = lock.layers().iter().filter(|layer| !stays(layer));
    gone.map(|layer| (layer.name.clone(), layer.target)).collect()
}

/// What changed.
pub(super) fn text(before: &Lock, after: &[LockedLayer], gone: &[(String, Target)]) -> String {
    let mut text = String::new();
    for (name, target) in gone {
        let _ = writeln!(text, "- layer {name} ({target})");
    }
    for layer in after {
        let changes = lock::layer_changes(before.layer(&layer.name, layer.target), layer);
        if !changes.is_empty() {
            let _ = writeln!(text, "layer {layer}");
        }
        for change in changes {
            let _ = writeln!(text, "  {change}");
        }
    }
    text
}

/// Of layers that were to be newer, those that are not, and why.
pub(super) fn stays(before: &Lock, after: &[LockedLayer], wanted: &[Wanted], names: &[String]) -> String {
    let mut text = String::new();
    let moved = |layer: &LockedLayer| before.layer(&layer.name, layer.target) != Some(layer);
    for name in names {
        let Some(first) = wanted.iter().find(|wanted| wanted.name == *name) else { continue };
        if !after.iter().any(|layer| layer.name == *name && moved(layer)) {
            let why = match first.version() {
                Some(_) => "pack.toml says its version",
                None => "it is the newest that AWS shows",
            };
            let _ = writeln!(text, "the layer {name} stays: {why}");
        }
    }
    text
}
