//! Why pip finds nothing: its words read, and what does exist listed.

use std::collections::BTreeSet;

use pep508_rs::VersionOrUrl;
use pep508_rs::pep440_rs::{Version, VersionSpecifiers};

use crate::error::Error;
use crate::python::pip::{Pip, Question, Source};
use crate::python::{WheelFilename, normalise, requirement};

/// Wheels or versions that an error lists.
const SHOWN: usize = 6;

/// The requirement that pip finds no distribution for, if that is what the error says.
pub(super) fn requirement(error: &Error) -> Option<String> {
    let Error::Command(error) = error else { return None };
    error.messages().lines().find_map(|line| {
        let text = line.split_once("No matching distribution found for ")?.1;
        Some(text.split(" (from ").next().unwrap_or(text).trim().to_owned())
    })
}

/// What pip says of a connection that it could not make, if that is why it found nothing.
pub(super) fn unreachable(error: &Error) -> Option<String> {
    let Error::Command(error) = error else { return None };
    error.messages().lines().find_map(|line| {
        let (_, cause) = line.split_once("after connection broken by ")?;
        let cause = cause.rsplit_once(": /").map_or(cause, |(cause, _)| cause).trim_matches('\'');
        // `NewConnectionError('<…object at 0x…>: Failed to establish …')`
        Some(cause.rsplit_once(">: ").map_or(cause, |(_, cause)| cause).trim_end_matches(['\'', '"', ')']).to_owned())
    })
}

/// Why an index gave no page, in pip's words, unless it only does not have the distribution.
fn refusal(said: &str) -> Option<String> {
    said.lines().filter_map(|line| line.split_once("Could not fetch URL ")).find_map(|(_, line)| {
        let (_, reason) = line.split_once(": ")?;
        let reason = reason.trim_end_matches(" - skipping");
        // `401 Client Error: Unauthorized for url: …`
        let reason = reason.split(" for url: ").next().unwrap_or(reason);
        (!reason.starts_with("404 ")).then(|| reason.to_owned())
    })
}

/// The last line of pip's traceback, if it broke down instead of saying what is wrong.
pub(super) fn breakdown(error: &Error) -> Option<String> {
    let Error::Command(error) = error else { return None };
    error.messages().contains("Traceback (most recent call last)").then(|| {
        let mut lines = error.messages().lines().filter(|line| !line.trim().is_empty() && !line.starts_with(' '));
        lines.next_back().unwrap_or("it gives no reason").to_owned()
    })
}

/// Names the file that pip broke down over: the last wheel that it speaks of.
pub(super) fn describe_breakdown(pip: &Pip<'_>, question: &Question, reason: String) -> Error {
    let said = pip.explain(question);
    let mut words = said.lines().flat_map(|line| line.split([' ', '/', '#', '?', '\'', '"']));
    let file = words.rfind(|word| word.ends_with(".whl")).unwrap_or("a requirement").to_owned();
    Error::Unreadable { file, reason }
}

/// Tells "there is none at all" from "there is none for the target".
pub(super) fn describe(pip: &Pip<'_>, question: &Question, requirement: &str, not_built: &str) -> Error {
    let offline = matches!(pip.source, Source::Links(_));
    let said = pip.explain(question);
    let seen = Seen::read(&said, &name(requirement));
    let wanted = specifiers(requirement);
    let fits = |version: &Version| wanted.as_ref().is_none_or(|wanted| wanted.contains(version));
    let wheels: Vec<String> =
        seen.wheels.iter().filter(|(version, _)| fits(version)).map(|(_, name)| name.clone()).collect();
    if offline || (wheels.is_empty() && !seen.sources.iter().any(fits)) {
        let versions: Vec<String> = seen.versions().iter().take(SHOWN).map(ToString::to_string).collect();
        return Error::NoDistribution {
            requirement: requirement.to_owned(),
            versions,
            offline,
            refused: refusal(&said),
        };
    }
    Error::NoWheel {
        requirement: requirement.to_owned(),
        target: pip.target,
        wheels: wheels.into_iter().take(SHOWN).collect(),
        not_built: not_built.to_owned(),
    }
}

/// The distribution's normalised name.
pub(super) fn name(requirement: &str) -> String {
    let end = requirement.find(|character: char| !(character.is_alphanumeric() || "-_.".contains(character)));
    normalise(&requirement[..end.unwrap_or(requirement.len())])
}

pub(super) fn specifiers(requirement: &str) -> Option<VersionSpecifiers> {
    match requirement::parse(requirement)?.version_or_url? {
        VersionOrUrl::VersionSpecifier(specifiers) => Some(specifiers),
        VersionOrUrl::Url(_) => None,
    }
}

/// What pip came across, newest first.
#[derive(Debug, Default)]
struct Seen {
    /// Wheels that do not fit the target.
    wheels: Vec<(Version, String)>,
    /// Versions that exist as sources.
    sources: Vec<Version>,
    /// Versions that fit the target.
    fitting: Vec<Version>,
}

impl Seen {
    /// Reads what pip says of one distribution; it speaks of others as well.
    fn read(said: &str, wanted: &str) -> Self {
        let mut seen = Self::default();
        let mut known = BTreeSet::new();
        for line in said.lines() {
            if let Some((before, versions)) = line.split_once(" (from versions: ")
                && before.rsplit_once("requirement ").is_some_and(|(_, requirement)| name(requirement) == wanted)
            {
                seen.fitting.extend(versions.trim_end_matches(')').split(", ").filter_map(|text| text.parse().ok()));
            }
            let Some((_, link)) = line.split_once("Skipping link: ") else { continue };
            let Some(file) =
                link.split(['/', ' ', '#', '?']).rfind(|part| part.ends_with(".whl") || part.ends_with(".tar.gz"))
            else {
                continue;
            };
            if !known.insert(file) {
                continue;
            }
            if let Ok(wheel) = file.parse::<WheelFilename>() {
                if normalise(&wheel.distribution) != wanted {
                    continue;
                }
                seen.wheels.extend(wheel.version.parse().ok().map(|version| (version, file.to_owned())));
            } else if let Some((project, version)) = file.trim_end_matches(".tar.gz").rsplit_once('-')
                && normalise(project) == wanted
            {
                seen.sources.extend(version.parse::<Version>().ok());
            }
        }
        seen.wheels.sort_by(|left, right| right.cmp(left));
        seen
    }

    fn versions(&self) -> Vec<&Version> {
        let all: BTreeSet<&Version> =
            self.wheels.iter().map(|(version, _)| version).chain(&self.sources).chain(&self.fitting).collect();
        all.into_iter().rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
  Skipping link: none of the wheel's tags (cp39-cp39-win_amd64) are compatible (run pip debug --verbose to show compatible tags): https://host/a-9.0-cp39-cp39-win_amd64.whl#sha256=00 (from https://host/a/)
  Skipping link: none of the wheel's tags (cp39-cp39-win_amd64) are compatible (run pip debug --verbose to show compatible tags): https://host/a-10.0-cp39-cp39-win_amd64.whl#sha256=00 (from https://host/a/)
  Skipping link: No sources permitted for a: https://host/a-11.0.tar.gz (from https://host/a/)
Skipping link: not a file: https://host/a/
  Skipping link: wrong project name (not a): https://host/b-12.0-py3-none-any.whl
ERROR: Could not find a version that satisfies the requirement a (from versions: 1.0, 2.0)
";

    #[test]
    fn what_exists_is_read_newest_first() {
        let seen = Seen::read(SAID, "a");
        let names: Vec<&str> = seen.wheels.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["a-10.0-cp39-cp39-win_amd64.whl", "a-9.0-cp39-cp39-win_amd64.whl"]);
        let versions: Vec<String> = seen.versions().iter().map(ToString::to_string).collect();
        assert_eq!(versions, ["11.0", "10.0", "9.0", "2.0", "1.0"]);
    }

    #[test]
    fn an_index_that_refuses_is_told_from_one_that_has_nothing() {
        let said = |reason: &str| {
            format!("Could not fetch URL http://u:****@host/a/: {reason} for url: http://host/a/ - skipping")
        };
        assert_eq!(refusal(&said("401 Client Error: Unauthorized")).unwrap(), "401 Client Error: Unauthorized");
        assert_eq!(refusal(&said("404 Client Error: Not Found")), None);
        assert_eq!(refusal(SAID), None);
    }

    #[test]
    fn the_version_bounds_are_read() {
        assert!(!specifiers("a>=10").unwrap().contains(&"9.0".parse().unwrap()));
        assert!(specifiers("a").is_none());
    }
}
