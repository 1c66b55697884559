//! The part of an image that is its base: which of its files the layers above take away or write again, and which Python
//! it runs by what it is called.
//!
//! Lambda keeps the layers of its own bases near; what is laid over them is fetched beside, and starts slower. Source:
//! <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>; "On-demand Container Loading in AWS Lambda" (USENIX
//! ATC 2023).

use std::collections::BTreeSet;

use super::layer::Root;
use super::rules::whole;
use crate::check::Finding;
use crate::lambda::PythonVersion;
use crate::registry::Reference;

/// What AWS's bases have.
const AWS: [&str; 3] = ["lambda-entrypoint.sh", "var/runtime/", "var/lang/"];

/// The files of the base, once its last layer was read.
#[derive(Debug, Default)]
pub(super) struct Base {
    files: Option<BTreeSet<String>>,
    /// How many layers those are.
    layers: usize,
    taken: BTreeSet<String>,
}

impl Base {
    /// Notes that so many layers were read. Where nobody knows how many are the base's, those are that have what AWS's have.
    pub(super) fn note(&mut self, layers: usize, known: Option<usize>, root: &Root) {
        let is_whole = || match known {
            Some(known) => layers == known,
            None => AWS.iter().all(|start| {
                root.files.range((*start).to_owned()..).next().is_some_and(|(path, _)| path.starts_with(start))
            }),
        };
        if self.files.is_none() && is_whole() {
            self.files = Some(root.files.keys().chain(root.links.keys()).cloned().collect());
            self.layers = layers;
        }
    }

    /// How many layers it has, where it was seen.
    pub(super) fn layers(&self) -> Option<usize> {
        self.files.as_ref().map(|_| self.layers)
    }

    /// A layer above writes a path, or takes it away with everything below it.
    pub(super) fn touch(&mut self, path: &str, with_below: bool) {
        let Some(files) = &self.files else { return };
        if files.contains(path) {
            self.taken.insert(path.to_owned());
        }
        let below = format!("{path}/");
        if with_below && let Some(first) = files.range(below.clone()..).next().filter(|file| file.starts_with(&below)) {
            self.taken.insert(first.clone());
        }
    }

    /// What was taken.
    pub(super) fn findings(&self) -> Option<Finding> {
        let first = self.taken.first()?;
        let others = match self.taken.len() - 1 {
            0 => String::new(),
            number => format!(" and {number} more"),
        };
        let reason = format!(
            "layers above the base write it again or take it away{others}: the base stays as large, and a function starts slower"
        );
        let finding = Finding { path: Some(first.clone()), ..whole(Finding::warning("image-base", "", reason)) };
        Some(finding.with_hint("leave the base as it is; put other versions into /var/task"))
    }
}

/// The Python of an image that is called by it: `lambda/python:3.13`, `python:3.13-slim`.
pub fn python_of(reference: &Reference) -> Option<PythonVersion> {
    let name = reference.repository().rsplit('/').next();
    version(reference.tag().filter(|_| name == Some("python"))?)
}

/// `3.13`, `3.13.2`, `3.13-x86_64`; nothing of what is no runtime's.
pub(super) fn version(text: &str) -> Option<PythonVersion> {
    let rest = text.strip_prefix("3.")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    format!("3.{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_the_python_of_a_python_only() {
        let of = |name: &str| python_of(&name.parse().unwrap()).map(|python| python.to_string());
        assert_eq!(of("public.ecr.aws/lambda/python:3.13").as_deref(), Some("3.13"));
        assert_eq!(of("public.ecr.aws/lambda/python:3.12.2025.01.01-arm64").as_deref(), Some("3.12"));
        assert_eq!(of("python:3.11-slim").as_deref(), Some("3.11"));
        for unknown in
            ["team/base:3.13", "python:latest", "python:3.1", "python:313", "public.ecr.aws/lambda/provided:al2023"]
        {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }
}
