//! Markers of a lock file: those of requirements, and `'name' in extras`, `'name' in dependency_groups` (PEP 751).

use pep508_rs::MarkerEnvironment;

use crate::python::{normalise, requirement};

/// Conditions that hold always, and never.
const TRUE: &str = "python_version >= '3'";
const FALSE: &str = "python_version < '3'";

/// Normalised names that the choice has.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) extras: Vec<String>,
    pub(super) groups: Vec<String>,
}

/// Whether a marker holds; none if it cannot be read.
pub(super) fn holds(marker: &str, chosen: &Chosen, environment: &MarkerEnvironment) -> Option<bool> {
    let plain = without_sets(marker, chosen)?;
    let requirement = requirement::parse(&format!("a ; {plain}"))?;
    Some(requirement.evaluate_markers(environment, &[]))
}

/// Where a quoted text or a word begins and ends.
type Token<'a> = (usize, usize, &'a str);

/// Puts a plain condition wherever a set is asked for a name.
fn without_sets(marker: &str, chosen: &Chosen) -> Option<String> {
    let tokens = tokens(marker)?;
    let word = |index: usize| tokens.get(index).map_or("", |(_, _, text)| *text);
    let mut plain = String::new();
    let mut end = 0;
    for (index, (start, _, text)) in tokens.iter().enumerate().filter(|(_, (.., text))| text.starts_with(['\'', '"'])) {
        let (is_in, set) = match (word(index + 1), word(index + 2)) {
            ("in", _) => (true, index + 2),
            ("not", "in") => (false, index + 3),
            _ => continue,
        };
        let names = match word(set) {
            "extras" => &chosen.extras,
            "dependency_groups" => &chosen.groups,
            _ => continue,
        };
        let name = normalise(text.get(1..text.len() - 1)?);
        plain.push_str(marker.get(end..*start)?);
        plain.push_str(if names.contains(&name) == is_in { TRUE } else { FALSE });
        end = tokens[set].1;
    }
    plain.push_str(marker.get(end..)?);
    Some(plain)
}

fn tokens(marker: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut characters = marker.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        let mut end = start + character.len_utf8();
        if matches!(character, '\'' | '"') {
            end = characters.find(|(_, next)| *next == character)?.0 + 1;
        } else if is_word(character) {
            while let Some((at, next)) = characters.next_if(|(_, next)| is_word(*next)) {
                end = at + next.len_utf8();
            }
        } else {
            continue;
        }
        tokens.push((start, end, marker.get(start..end)?));
    }
    Some(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lambda::{Architecture, Target};
    use crate::python::markers;

    fn judge(marker: &str) -> Option<bool> {
        let target = Target { python: "3.13".parse().unwrap(), architecture: Architecture::Arm64 };
        let chosen = Chosen { extras: vec!["s3-x".into()], groups: vec!["default".into()] };
        holds(marker, &chosen, &markers::environment(target))
    }

    #[test]
    fn sets_and_values_are_judged() {
        for (marker, expected) in [
            ("'S3_x' in extras", true),
            ("'other' in extras", false),
            ("\"other\" not in extras", true),
            ("'default' in dependency_groups and 'other' not in dependency_groups", true),
            ("('x' in extras or 'default' in dependency_groups) and sys_platform == 'linux'", true),
            ("'x' in extras or sys_platform == 'win32'", false),
            ("platform_machine == 'aarch64' and python_full_version >= '3.13'", true),
            ("'linux' in sys_platform", true),
            ("sys_platform == 'in extras'", false),
        ] {
            assert_eq!(judge(marker), Some(expected), "{marker}");
        }
        for odd in ["'x' in", "extras", "x in extras", "'x", "'x' in groups", "'\u{e9}' in extras and", ""] {
            assert_eq!(judge(odd), None, "{odd}");
        }
    }

    #[test]
    fn many_sets_cost_nothing() {
        let marker: Vec<String> =
            (0..30).map(|n| format!("('x{n}' in extras and 'y{n}' in dependency_groups)")).collect();
        let started = std::time::Instant::now();
        let _ = judge(&marker.join(" or "));
        assert!(started.elapsed().as_secs() < 5);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = judge(&text);
        }

        #[test]
        fn nor_does_text_that_looks_right(text in "(['a\"() ]| in | not in |extras|and|or|os_name|=='x'|dependency_groups){0,12}") {
            let _ = judge(&text);
        }
    }
}
