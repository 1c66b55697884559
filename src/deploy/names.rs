//! How the things of a project are called on AWS. Two that would have one name are an error that names both.

use std::collections::BTreeMap;

use super::Place;
use super::desired::Row;
use crate::error::{Error, Result};
use crate::lambda::{FUNCTION_NAME, Target};
use crate::project::manifest::Row as Line;
use crate::project::{At, Build, Project};

/// The names of what a project has once.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Names {
    /// The bucket of the ZIPs.
    pub artifacts: String,
    /// The bucket that the functions write to.
    pub data: String,
    /// The queue.
    pub queue: String,
    /// The queue of what failed too often.
    pub dead_letters: String,
    /// The role that is made where none is given.
    pub role: String,
    /// The repository in ECR, or with a host in front in another registry.
    pub repository: String,
    /// The dashboard.
    pub dashboard: String,
}

/// The longest names: of a bucket, a queue, a role, and a layer.
const BUCKET: usize = 63;
const QUEUE: usize = 80;
const ROLE: usize = 64;
const LAYER: usize = 140;

/// The longest project: `pack:project=NAME` is a description, which has 256 characters at most.
const PROJECT: usize = 256 - "pack:project=".len();

impl Names {
    /// Those that `[deploy]` says, else such as nobody else has: names of buckets are for all accounts together, those of roles and
    /// dashboards for all Regions.
    pub fn of(project: &Project, place: &Place) -> Self {
        let deploy = &project.manifest.deploy;
        let (name, account, region) = (&project.name, &place.account, &place.region);
        let own = |entry: &Option<At<String>>| entry.as_ref().map(|entry| entry.value.clone());
        let bucket = |what: &str| {
            let end = format!("-{what}-{account}-{region}");
            shortened(&small(name, ""), BUCKET - end.len()) + &end
        };
        let word = plain(name);
        let end = format!("-{region}-lambda");
        Self {
            artifacts: own(&deploy.artifacts).unwrap_or_else(|| bucket("artifacts")),
            data: own(&deploy.data).unwrap_or_else(|| bucket("data")),
            queue: shortened(&word, QUEUE),
            dead_letters: shortened(&word, QUEUE - "-dead-letters".len()) + "-dead-letters",
            role: shortened(&word, ROLE - end.len()) + &end,
            repository: own(&deploy.repository).unwrap_or_else(|| small(name, "._")),
            dashboard: shortened(&format!("{word}-{region}"), 255),
        }
    }
}

/// The template of function names: what `[deploy]` says; else the axes of the matrix that the project file writes down are in it, so
/// that one value less leaves the other names as they are.
pub(super) fn template(project: &Project) -> String {
    let manifest = &project.manifest;
    if let Some(template) = &manifest.deploy.name {
        return template.value.clone();
    }
    let matrix = &manifest.matrix;
    let named = |is_named: fn(&Line) -> bool| matrix.include.iter().any(is_named);
    let axes = [
        ("packaging", !manifest.packagings.is_empty() || matrix.packaging.is_some()),
        ("python", matrix.python.is_some() || named(|row| row.python.is_some())),
        ("architecture", matrix.architectures.is_some() || named(|row| row.architecture.is_some())),
        ("memory", matrix.memory.is_some() || named(|row| row.memory.is_some())),
    ];
    let axes = axes.into_iter().filter(|(_, is_named)| *is_named).map(|(axis, _)| format!("-{{{axis}}}"));
    "{project}-{function}".to_owned() + &axes.collect::<String>()
}

/// The name of a function.
pub(super) fn function(template: &str, project: &str, build: &Build, memory: u32) -> String {
    let Target { python, architecture } = build.target;
    let name = template
        .replace("{project}", &plain(project))
        .replace("{function}", &plain(&build.function))
        .replace("{packaging}", &plain(&build.packaging))
        .replace("{method}", build.method.word())
        .replace("{python}", &plain(&python.to_string()))
        .replace("{architecture}", &architecture.to_string());
    name.replace("{memory}", &memory.to_string())
}

/// The name of a layer for a target.
pub(super) fn layer(project: &str, layer: &str, target: Target) -> String {
    shortened(&plain(&format!("{project}-{layer}-{target}")), LAYER)
}

/// Refuses two rows of one name, and names that Lambda does not take.
pub(super) fn refuse(names: &[(String, Row)]) -> Result<()> {
    let mut seen: BTreeMap<&str, &Row> = BTreeMap::new();
    for (name, row) in names {
        if name.len() > FUNCTION_NAME {
            return Err(Error::usage(
                format!(
                    "{row} would be called {name}, which has {} characters; Lambda takes {FUNCTION_NAME}",
                    name.len()
                ),
                "name in [deploy] of pack.toml takes a shorter template: name = \"{function}-{memory}\"",
            ));
        }
        if let Some(other) = seen.insert(name, row) {
            return Err(Error::usage(
                format!("{other} and {row} would both be called {name}"),
                "name in [deploy] of pack.toml has to tell them apart: {function}, {packaging}, {python}, {architecture}, {memory}; \
                 other characters than letters, digits, - and _ become -",
            ));
        }
    }
    Ok(())
}

/// Refuses a project's name that AWS does not take as a tag: all that is made has it as one, functions and layers in their description too.
pub fn refuse_project(name: &str) -> Result<()> {
    let is_taken = |letter: char| letter.is_alphanumeric() || " +-=._:/@".contains(letter);
    let reason = if let Some(letter) = name.chars().find(|letter| !is_taken(*letter)) {
        format!("AWS takes no {letter:?} in a tag's value")
    } else if name.chars().count() > PROJECT {
        format!("it has more than {PROJECT} characters")
    } else if name.to_ascii_lowercase().starts_with("aws:") {
        "AWS keeps what begins with aws: to itself".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::usage(
        format!("a project called {name:?} cannot be deployed: {reason}"),
        "name in [project] of pack.toml may have letters, digits, spaces and + - = . _ : / @",
    ))
}

/// Letters, digits, `-` and `_`; all else becomes `-`.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' }).collect()
}

/// Small letters and digits with single `-` between them, or one of `also`.
fn small(text: &str, also: &str) -> String {
    let mut name = String::new();
    for letter in text.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() {
            name.push(letter);
        } else if name.ends_with(|end: char| end.is_ascii_alphanumeric()) {
            name.push(if also.contains(letter) { letter } else { '-' });
        }
    }
    let name = name.trim_end_matches(|end: char| !end.is_ascii_alphanumeric());
    if name.len() < 2 { format!("project{name}") } else { name.to_owned() }
}

/// A name that is too long keeps its beginning, and gets a digest of the whole.
fn shortened(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let digest = super::desired::digest(&name);
    format!("{}-{}", name[..most - 9].trim_end_matches('-'), &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_called_as_a_tag_may_be() {
        for name in ["reports", "My Project_1.0", "a+b=c:d/e@f-g", "Über"] {
            assert!(refuse_project(name).is_ok(), "{name}");
        }
        for name in ["a,b", "a\tb", "a&b", "it's", "AWS:x", &"x".repeat(244)] {
            assert!(refuse_project(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_are_such_as_aws_takes() {
        assert_eq!(plain("a.b c_d-3.12"), "a-b-c_d-3-12");
        assert_eq!(
            (small("My..Project_1-", ""), small("My_Project", "_")),
            ("my-project-1".into(), "my_project".into())
        );
        assert_eq!((small("Ä", ""), small("a", "")), ("project".into(), "projecta".into()));
        let long = shortened(&"x".repeat(70), 63);
        assert_eq!(long.len(), 63);
        assert_ne!(long, shortened(&"x".repeat(71), 63));
    }
}
