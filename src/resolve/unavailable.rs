//! Why pip finds nothing: its words read, and the wheels that do exist listed.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::python::pip::Pip;

/// Wheels an error lists.
const WHEELS_SHOWN: usize = 6;

/// The requirement that pip finds no distribution for, if that is what the error says.
pub(super) fn requirement(error: &Error) -> Option<String> {
    let Error::Command(error) = error else { return None };
    error.messages().lines().find_map(|line| {
        let text = line.split_once("No matching distribution found for ")?.1;
        Some(text.split(" (from ").next().unwrap_or(text).trim().to_owned())
    })
}

/// Tells "there is none at all" from "there is none for the target".
pub(super) fn describe(pip: &Pip<'_>, requirement: &str, not_built: &str) -> Error {
    let said = pip.explain(requirement);
    let wheels = wheels_passed_over(&said);
    let sources = said.lines().any(|line| line.contains("Skipping link: No sources permitted"));
    if wheels.is_empty() && !sources {
        let versions = said
            .lines()
            .find_map(|line| Some(line.split_once("(from versions: ")?.1.trim_end_matches(')').to_owned()))
            .unwrap_or_default();
        return Error::NoDistribution { requirement: requirement.to_owned(), versions: last(&versions) };
    }
    Error::NoWheel { requirement: requirement.to_owned(), target: pip.target, wheels, not_built: not_built.to_owned() }
}

/// The newest wheels that pip saw and that do not fit, newest first: indexes list versions in rising order.
fn wheels_passed_over(said: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut wheels: Vec<String> = said
        .lines()
        .filter(|line| line.contains("Skipping link: none of the wheel's tags"))
        .filter_map(|line| line.split(['/', ' ', '#', '?']).rfind(|part| part.ends_with(".whl")).map(str::to_owned))
        .filter(|wheel| seen.insert(wheel.clone()))
        .collect();
    wheels.reverse();
    wheels.truncate(WHEELS_SHOWN);
    wheels
}

/// The end of a long list of versions: the newest.
fn last(versions: &str) -> String {
    let all: Vec<&str> = versions.split(", ").collect();
    let newest = &all[all.len().saturating_sub(10)..];
    if newest.len() < all.len() { format!("…, {}", newest.join(", ")) } else { newest.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_are_read_from_what_pip_says() {
        let said = "  Skipping link: none of the wheel's tags (cp39-cp39-win_amd64) are compatible (run pip debug --verbose to show \
                    compatible tags): https://host/a-1-cp39-cp39-win_amd64.whl#sha256=00 (from https://host/a/)\n\
                    Skipping link: not a file: https://host/a/\n";
        assert_eq!(wheels_passed_over(said), ["a-1-cp39-cp39-win_amd64.whl"]);
    }

    #[test]
    fn long_lists_keep_their_end() {
        assert_eq!(last("1, 2"), "1, 2");
        assert_eq!(last("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"), "…, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11");
    }
}
