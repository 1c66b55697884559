//! Asking pip again where there was an answer before: what need not change stays.
//!
//! pip knows constraints, which are hard, and no preferences. So the old versions are constraints; those that pip says
//! are in the way are taken away, and it is asked again, until it finds something or none are left. What is settled (by
//! layers) is a constraint that stays.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use pep508_rs::pep440_rs::Version;

use super::{Answer, ask, unavailable};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::project::Requirements;
use crate::python::interpreter::Interpreter;
use crate::python::normalise;
use crate::system::CommandError;

/// Causes of one conflict that an error shows.
const SHOWN: usize = 3;

/// How long pip may look for versions that go with what is settled.
const LIMIT: Duration = Duration::from_mins(1);

/// How often some pins are taken away before all are.
const ROUNDS: usize = 8;

/// Asks pip with versions that are settled, and with old versions by name, which it keeps to where it can.
pub fn ask_pinned(
    interpreter: &Interpreter,
    target: Target,
    requirements: &Requirements,
    settled: &[String],
    mut pins: BTreeMap<String, String>,
    cache: &Cache,
    offline: bool,
) -> Result<Answer> {
    // Without anything settled pip finds something soon; else it may look through all versions of everything.
    let limit = (!settled.is_empty()).then_some(LIMIT);
    let ask = |constraints: &[String], limit| {
        self::ask(interpreter, target, requirements, constraints, cache, offline, limit)
    };
    let is_late =
        |error: &Error| matches!(error, Error::Command(error) if matches!(**error, CommandError::Late { .. }));
    for _ in 0..ROUNDS {
        if pins.is_empty() {
            break;
        }
        let pinned = pins.iter().map(|(name, version)| format!("{name}=={version}"));
        let constraints: Vec<String> = settled.iter().cloned().chain(pinned).collect();
        let error = match ask(&constraints, limit) {
            Err(error @ Error::IndexUnreachable { .. }) => return Err(error),
            Err(error) if is_late(&error) => break,
            Err(error) => error,
            answer => return answer,
        };
        let before = pins.len();
        for name in in_the_way(&error) {
            pins.remove(&name);
        }
        if pins.len() == before {
            break;
        }
    }
    match ask(settled, limit) {
        Err(error) if is_late(&error) => {
            // With what pip takes otherwise it says at once what does not go together.
            let free = ask(&[], None)?;
            let taken = free.items.iter().filter(|item| !item.is_direct);
            let taken = taken.map(|item| (normalise(&item.metadata.name), item.metadata.version.clone()));
            let is_open = |name: &str| !settled.iter().any(|line| line.split("==").next() == Some(name));
            let taken = taken.filter(|(name, _)| is_open(name)).map(|(name, version)| format!("{name}=={version}"));
            ask(&settled.iter().cloned().chain(taken).collect::<Vec<_>>(), None)
        }
        answer => answer,
    }
}

/// A constraint that cannot be kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The constrained distribution's normalised name.
    pub name: String,
    /// What asks for something else, in pip's words.
    pub causes: String,
}

/// The constraints that an error blames, with what they contradict; those alone of which pip says what that is, if there are
/// any. pip lists all that it came across, whether it contradicts something or not.
pub fn refusals(error: &Error) -> Vec<Refusal> {
    let Error::Command(command) = error else {
        return in_the_way(error).into_iter().map(|name| Refusal { name, causes: error.to_string() }).collect();
    };
    let causes = causes(command.messages());
    let mut blamed = constraints(command.messages());
    blamed.sort();
    blamed.dedup();
    let all: Vec<(String, Vec<&String>)> = blamed
        .into_iter()
        .map(|(name, version)| {
            let contradicting = causes.iter().filter(|cause| contradicts(cause, &name, version.as_ref())).collect();
            (name, contradicting)
        })
        .collect();
    let is_known = all.iter().any(|(_, causes)| !causes.is_empty());
    all.into_iter()
        .filter(|(_, causes)| !is_known || !causes.is_empty())
        .map(|(name, own)| {
            let own: Vec<&str> =
                if is_known { own } else { causes.iter().collect() }.into_iter().map(String::as_str).collect();
            let more = own.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            Refusal { name, causes: own[..own.len().min(SHOWN)].join("; ") + &more }
        })
        .collect()
}

/// What pip lists beside constraints, each once: `The user requested six==1.17.0`, `pandas 2.3.1 depends on numpy>=1.26.0`.
fn causes(messages: &str) -> Vec<String> {
    let lines = messages.lines().skip_while(|line| !line.contains("The conflict is caused by")).skip(1);
    let lines = lines.map(str::trim).take_while(|line| !line.is_empty());
    let mut seen = HashSet::new();
    lines.filter(|line| !line.contains("(constraint)") && seen.insert(*line)).map(str::to_owned).collect()
}

/// Whether a cause asks for another version of a distribution, or for one that cannot be told.
fn contradicts(cause: &str, name: &str, version: Option<&Version>) -> bool {
    let asked = cause.split_once(" depends on ").or_else(|| cause.split_once("The user requested "));
    let Some((_, asked)) = asked else { return false };
    let wanted = asked.split(';').next().unwrap_or(asked);
    if unavailable::name(wanted.trim()) != name {
        return false;
    }
    // pip writes `numpy<3 and >=2` for `numpy<3,>=2`.
    let specifiers = unavailable::specifiers(&wanted.replace(" and ", ","));
    match (specifiers, version) {
        (Some(specifiers), Some(version)) => !specifiers.contains(version),
        _ => true,
    }
}

/// The distributions whose constraints an error blames.
fn in_the_way(error: &Error) -> Vec<String> {
    match error {
        Error::Command(error) => constraints(error.messages()).into_iter().map(|(name, _)| name).collect(),
        Error::NoWheel { requirement, .. } | Error::NoDistribution { requirement, .. } => {
            vec![unavailable::name(requirement)]
        }
        _ => Vec::new(),
    }
}

/// pip lists what contradicts each other, a line each: here the constraints, with the version that they ask for.
fn constraints(messages: &str) -> Vec<(String, Option<Version>)> {
    let blamed = messages.lines().filter_map(|line| line.split_once("The user requested (constraint) "));
    let version = |requirement: &str| requirement.split_once("==").and_then(|(_, version)| version.trim().parse().ok());
    blamed.map(|(_, requirement)| (unavailable::name(requirement.trim()), version(requirement))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constraints_that_pip_blames_are_read() {
        let said = "\
ERROR: Cannot install boto3==1.40.1 because these package versions have conflicting dependencies.

The conflict is caused by:
    boto3 1.40.1 depends on botocore<1.41.0 and >=1.40.1
    The user requested (constraint) Boto_Core==1.39.0

To fix this you could try to:
";
        assert_eq!(constraints(said), [("boto-core".to_owned(), "1.39.0".parse().ok())]);
        let cause = "boto3 1.40.1 depends on botocore<1.41.0 and >=1.40.1";
        assert_eq!(causes(said), [cause]);
        let is = |cause, version: &str| contradicts(cause, "botocore", version.parse().ok().as_ref());
        assert!(is(cause, "1.39.0") && !is(cause, "1.40.5") && !is("boto3 1 depends on six<1", "1.39.0"));
        assert!(is("The user requested botocore", "x") && !is("The user requested botocore>=1; os_name", "2"));
        assert_eq!((constraints("ERROR: something else"), causes("ERROR: x")), (vec![], vec![]));
    }
}
