//! Dependency groups that include each other (PEP 735):
//! <https://packaging.python.org/en/latest/specifications/dependency-groups/>.
//!
//! What must stay true: however groups include each other, each is read once, and no depth of them costs stack.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::pyproject::listed;
use crate::error::Error;
use crate::python::normalise;

/// By the names that the file has.
pub(super) type Groups = BTreeMap<String, Vec<Item>>;

/// A requirement, or another group.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a requirement, or {include-group = \"NAME\"}")]
pub(super) enum Item {
    Requirement(String),
    Include(Include),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Include {
    include_group: String,
}

/// Why groups cannot be read.
#[derive(Debug, PartialEq)]
pub(super) enum Wrong {
    Unknown { name: String, known: Vec<String> },
    Twice(String, String),
    Circle(Vec<String>),
}

impl Wrong {
    pub(super) fn of(self, path: &Path) -> Error {
        match self {
            Self::Unknown { name, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                Error::requirements(
                    path,
                    format!("it has no dependency group {name:?}"),
                    listed("dependency groups", &known),
                )
            }
            Self::Twice(one, other) => Error::requirements(
                path,
                format!("the dependency groups {one:?} and {other:?} have one name when normalised"),
                "rename one of them",
            ),
            Self::Circle(names) => Error::requirements(
                path,
                format!("dependency groups include each other in a circle: {}", names.join(" → ")),
                "take one of the include-group entries out",
            ),
        }
    }
}

pub(super) fn has(groups: &Groups, name: &str) -> bool {
    groups.keys().any(|key| normalise(key) == normalise(name))
}

/// The requirements of a group and of all that it includes, in order, each group once.
pub(super) fn expand<'a>(groups: &'a Groups, name: &str) -> Result<Vec<&'a str>, Wrong> {
    let mut known: BTreeMap<String, (&String, &Vec<Item>)> = BTreeMap::new();
    for (key, items) in groups {
        if let Some((other, _)) = known.insert(normalise(key), (key, items)) {
            return Err(Wrong::Twice(other.clone(), key.clone()));
        }
    }
    let unknown = |name: &str| Wrong::Unknown { name: name.to_owned(), known: groups.keys().cloned().collect() };
    let open = |name: &str| {
        let name = normalise(name);
        let (_, items) = known.get(&name).ok_or_else(|| unknown(&name))?;
        Ok((name, items.iter()))
    };
    let mut texts = Vec::new();
    let mut done: Vec<String> = Vec::new();
    let mut way = vec![open(name)?];
    while let Some((_, items)) = way.last_mut() {
        match items.next() {
            Some(Item::Requirement(text)) => texts.push(text.as_str()),
            Some(Item::Include(Include { include_group })) => {
                let next = open(include_group)?;
                if let Some(start) = way.iter().position(|(name, _)| *name == next.0) {
                    let circle = way[start..].iter().map(|(name, _)| name.clone()).chain([next.0]).collect();
                    return Err(Wrong::Circle(circle));
                }
                if !done.contains(&next.0) {
                    way.push(next);
                }
            }
            None => done.extend(way.pop().map(|(name, _)| name)),
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Groups {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_included_comes_in_its_place_and_once() {
        let groups = groups(
            "A_b = ['x', {include-group = 'c'}, 'y', {include-group = 'C'}]\nc = ['z', {include-group = 'd'}]\nd = ['w']",
        );
        assert_eq!(expand(&groups, "a-B").unwrap(), ["x", "z", "w", "y"]);
        assert!(has(&groups, "a.b") && !has(&groups, "b"));
    }

    #[test]
    fn circles_unknown_names_and_double_names_are_refused() {
        let circle = groups("a = [{include-group = 'b'}]\nb = [{include-group = 'c'}]\nc = [{include-group = 'B'}]");
        assert_eq!(expand(&circle, "a"), Err(Wrong::Circle(["b", "c", "b"].map(str::to_owned).into())));
        let error = Wrong::Circle(vec!["a".into(), "a".into()]).of(Path::new("pyproject.toml"));
        assert_eq!(error.to_string(), "pyproject.toml: dependency groups include each other in a circle: a → a");
        let known = vec!["a".to_owned()];
        assert_eq!(expand(&groups("a = []"), "b"), Err(Wrong::Unknown { name: "b".into(), known }));
        assert_eq!(expand(&groups("a = []\nA = []"), "a"), Err(Wrong::Twice("A".into(), "a".into())));
        assert!(toml::from_str::<Groups>("a = [{include-group = 'b', x = 1}]").is_err());
        assert!(toml::from_str::<Groups>("a = [1]").is_err());
    }

    #[test]
    fn deep_and_wide_groups_cost_little() {
        let one = |n| format!("g{n} = [{{include-group = 'g{}'}}]\n", n + 1);
        let deep: String = (0..3000).map(one).collect();
        assert_eq!(expand(&groups(&format!("{deep}g3000 = ['x']")), "g0").unwrap(), ["x"]);
        let twice = |n| format!("g{n} = [{{include-group = 'g{0}'}}, {{include-group = 'g{0}'}}]\n", n + 1);
        let wide: String = (0..200).map(twice).collect();
        assert_eq!(expand(&groups(&format!("{wide}g200 = ['x']")), "g0").unwrap(), ["x"]);
    }
}
