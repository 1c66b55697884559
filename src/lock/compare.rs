//! What differs: between two states of a set, and between a set and the files that it was made from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use pep508_rs::VersionOrUrl;
use pep508_rs::pep440_rs::Version;

use super::inputs::{self, Input};
use super::model::{InLayer, LockedLayer, Origin, Set, Wheel};
use crate::error::Result;
use crate::python::{markers, normalise, requirement};

/// One line of what changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A distribution that was not there.
    Added(Wheel),
    /// One that is no longer there.
    Removed(Wheel),
    /// Another version, another file, or another place.
    Moved(Wheel, Wheel),
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(Wheel { name, version, .. }) => write!(formatter, "+ {name} {version}"),
            Self::Removed(Wheel { name, version, .. }) => write!(formatter, "- {name} {version}"),
            Self::Moved(old, new) if old.version != new.version => {
                write!(formatter, "{} {} → {}", old.name, old.version, new.version)
            }
            Self::Moved(old, new) if old.shown() != new.shown() => {
                write!(formatter, "{} {}: {} → {}", old.name, old.version, old.shown(), new.shown())
            }
            Self::Moved(old, new) if old.origin != new.origin => {
                write!(formatter, "{} {}: {} has other bytes, or is elsewhere", old.name, old.version, new.shown())
            }
            Self::Moved(old, new) => {
                let is = if new.requested { "is required as it is now" } else { "is a dependency now" };
                write!(formatter, "{} {}: {is}", old.name, old.version)
            }
        }
    }
}

/// What changed in the wheels of a set, by name.
pub fn changes(old: Option<&Set>, new: Option<&Set>) -> Vec<Change> {
    let by_name = |set: Option<&Set>| -> BTreeMap<String, Wheel> {
        let wheels = set.map(|set| set.wheels.clone()).unwrap_or_default();
        wheels.into_iter().map(|wheel| (wheel.name.clone(), wheel)).collect()
    };
    let (mut old, new) = (by_name(old), by_name(new));
    let mut changes = Vec::new();
    for (name, wheel) in new {
        match old.remove(&name) {
            None => changes.push((name, Change::Added(wheel))),
            Some(before) if before != wheel => changes.push((name, Change::Moved(before, wheel))),
            Some(_) => {}
        }
    }
    changes.extend(old.into_iter().map(|(name, wheel)| (name, Change::Removed(wheel))));
    changes.sort_by(|(left, _), (right, _)| left.cmp(right));
    changes.into_iter().map(|(_, change)| change).collect()
}

/// What changed in a layer of somebody else's, in lines.
pub fn layer_changes(old: Option<&LockedLayer>, new: &LockedLayer) -> Vec<String> {
    let mut lines = Vec::new();
    match old {
        None => lines.push(format!("+ {}, {} bytes unpacked", new.arn, new.unpacked)),
        Some(old) if old.arn != new.arn => lines.push(format!("{} → {}", old.arn, new.arn)),
        Some(old) if old == new => {}
        Some(_) => lines.push(format!("{} was measured again", new.arn)),
    }
    let by_name = |layer: Option<&LockedLayer>| -> BTreeMap<String, String> {
        let all = layer.map(|layer| layer.distributions.clone()).unwrap_or_default();
        all.into_iter().map(|InLayer { name, version, .. }| (name, version)).collect()
    };
    let (before, after) = (by_name(old), by_name(Some(new)));
    for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        match (before.get(name), after.get(name)) {
            (None, Some(version)) if old.is_some() => lines.push(format!("+ {name} {version}")),
            (Some(version), None) => lines.push(format!("- {name} {version}")),
            (Some(before), Some(after)) if before != after => lines.push(format!("{name} {before} → {after}")),
            _ => {}
        }
    }
    lines
}

/// Why a set no longer holds, in lines; empty where it does.
pub fn outdated(set: &Set, now: &[Input], requirements: &[PathBuf]) -> Result<Vec<String>> {
    let digests = |inputs: &[Input]| -> BTreeMap<String, String> {
        inputs.iter().map(|input| (input.path.clone(), input.sha256.clone())).collect()
    };
    let (then, now) = (digests(&set.inputs), digests(now));
    let mut reasons = Vec::new();
    for path in then.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
        match (then.get(path), now.get(path)) {
            (Some(_), None) => reasons.push(format!("{path} is no longer there or no longer belongs to it")),
            (None, Some(_)) => reasons.push(format!("{path} was not there or did not belong to it")),
            (Some(before), Some(after)) if before != after => reasons.push(format!("{path} changed")),
            _ => {}
        }
    }
    if !reasons.is_empty() {
        reasons.extend(differences(set, requirements)?);
    }
    Ok(reasons)
}

/// Requirements that the lock has no wheel for, and wheels that nothing requires by name any more. Only what can be
/// read off the lines; it explains, and decides nothing.
fn differences(set: &Set, files: &[PathBuf]) -> Result<Vec<String>> {
    let environment = markers::environment(set.id.target);
    let wheels: BTreeMap<&str, &Wheel> = set.wheels.iter().map(|wheel| (wheel.name.as_str(), wheel)).collect();
    let mut named = BTreeSet::new();
    let (mut lines, mut certain) = (Vec::new(), true);
    for line in inputs::requirement_lines(files)? {
        // A line may go on with options: `six==1.17.0 --hash=…`.
        let text = line.split(" --").next().unwrap_or_default().trim();
        let Some(requirement) = requirement::parse(text).filter(|_| !line.starts_with('-')) else {
            // `-e folder` and paths bring something whose name is not in the line.
            certain &= line.starts_with("--") || line.starts_with("-r") || line.starts_with("-c");
            continue;
        };
        if !requirement.evaluate_markers(&environment, &[]) {
            continue;
        }
        let name = normalise(requirement.name.as_ref());
        match (wheels.get(name.as_str()), &requirement.version_or_url) {
            (None, _) => lines.push(format!("+ {name}: not in the lock")),
            (Some(wheel), Some(VersionOrUrl::VersionSpecifier(wanted)))
                if wheel.version.parse::<Version>().is_ok_and(|version| !wanted.contains(&version)) =>
            {
                lines.push(format!("{name} {}: {wanted} is required", wheel.version));
            }
            _ => {}
        }
        named.insert(name);
    }
    let from_lines = |wheel: &&Wheel| wheel.requested && !matches!(wheel.origin, Origin::Folder { .. });
    let gone = set.wheels.iter().filter(from_lines).filter(|wheel| certain && !named.contains(&wheel.name));
    lines.extend(gone.map(|wheel| format!("- {}: no longer required by name", wheel.name)));
    Ok(lines)
}
