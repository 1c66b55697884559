//! What the distributions of an artifact say that they require, where no record of pack's says it.
//!
//! Markers are judged as in the artifact's target, and extras are followed from who asks for them, as a resolution does it.
//! What must stay true: no METADATA makes this take long: texts, nodes and judged markers are counted.
//! Source: <https://packaging.python.org/en/latest/specifications/core-metadata/> (Requires-Dist), PEP 508.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep508_rs::{ExtraName, MarkerEnvironment, Requirement, VerbatimUrl, VersionOrUrl};

use super::graph::{Graph, Needs, Node};
use crate::check::Files;
use crate::check::sources::Contents;
use crate::error::Result;
use crate::lambda::Target;
use crate::python::{markers, metadata, normalise, requirement};
use crate::report::installed;

/// Larger METADATA is passed over, as `pack check` does it.
const METADATA_BYTES: u64 = 16 << 20;

/// Bytes of a name or version.
const FIELD_BYTES: usize = 256;

/// Bytes of all requirements together: those of 500 common distributions have 1 MB.
pub(crate) const REQUIREMENTS_BYTES: usize = 4 << 20;

/// Markers that are judged. An environment of 500 distributions has 20,000.
const JUDGED: usize = 2_000_000;

/// A distribution as its METADATA has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    /// Its version.
    pub version: String,
    /// Each Requires-Dist.
    pub requires: Vec<String>,
}

/// The distributions of which `is_meant` takes the path of METADATA, by normalised name; of two of one name the first.
pub(super) fn read(contents: &Contents, is_meant: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Installed>> {
    let files = Files::default();
    let mut left = REQUIREMENTS_BYTES;
    let mut found = BTreeMap::new();
    for path in installed(contents).into_iter().filter(|path| is_meant(path)) {
        let Some(file) = contents.files.get(&path).filter(|file| file.size <= METADATA_BYTES) else { continue };
        let bytes = files.read(file)?;
        let fields = metadata::headers(&String::from_utf8_lossy(&bytes));
        let is_plain =
            |value: &&str| value.len() <= FIELD_BYTES && !value.is_empty() && !value.chars().any(char::is_control);
        let value = |name| metadata::values(&fields, name).find(is_plain);
        let (Some(name), Some(version)) = (value("name"), value("version")) else { continue };
        let mut requires = Vec::new();
        for text in metadata::values(&fields, "requires-dist") {
            let Some(rest) = left.checked_sub(text.len()) else { break };
            left = rest;
            requires.push(text.to_owned());
        }
        found.entry(normalise(name)).or_insert(Installed { version: version.to_owned(), requires });
    }
    Ok(found)
}

/// Who of them needs whom; what they need and is not among them is a node too.
pub(super) fn graph(installed: &BTreeMap<String, Installed>, target: Target) -> Graph {
    let requires = installed.iter().map(|(name, one)| (name.as_str(), one.requires.as_slice())).collect();
    Graph::new(&needs(&requires, target), &BTreeSet::new())
}

/// What each of these distributions needs, and each of their extras that somebody asks for, by each Requires-Dist.
pub(super) fn needs(requires: &BTreeMap<&str, &[String]>, target: Target) -> Needs {
    let environment = markers::environment(target);
    let parsed: BTreeMap<&str, Vec<Requirement<VerbatimUrl>>> = requires
        .iter()
        .map(|(name, texts)| (*name, texts.iter().filter_map(|text| requirement::parse(text)).collect()))
        .collect();
    let mut needs = Needs::new();
    let mut waiting: Vec<Node> = requires.keys().map(|name| Node::plain(name)).collect();
    let mut left = JUDGED;
    while let Some(node) = waiting.pop() {
        if needs.contains_key(&node) {
            continue;
        }
        let mut needed: BTreeMap<Node, BTreeSet<String>> = BTreeMap::new();
        let all = parsed.get(node.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        left = left.saturating_sub(all.len());
        let all = if left == 0 { &[] } else { all };
        for one in all.iter().filter(|one| holds(one, node.extra.as_deref(), &environment)) {
            let name = normalise(one.name.as_ref());
            let versions = match &one.version_or_url {
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.to_string(),
                Some(VersionOrUrl::Url(_)) => "@ URL".to_owned(),
                None => String::new(),
            };
            let extras = one.extras.iter().map(|extra| Some(normalise(extra.as_ref())));
            for extra in extras.chain([None]) {
                let target = Node { name: name.clone(), extra };
                let is_known = requires.contains_key(name.as_str());
                if !is_known && target.extra.is_some() {
                    continue;
                }
                if is_known && !needed.contains_key(&target) {
                    waiting.push(target.clone());
                }
                needed.entry(target).or_default().insert(versions.clone());
            }
        }
        needs.insert(node, needed);
    }
    needs
}

/// Whether a requirement holds for a distribution itself, or comes with one of its extras.
fn holds(one: &Requirement<VerbatimUrl>, extra: Option<&str>, environment: &MarkerEnvironment) -> bool {
    let plain = one.evaluate_markers(environment, &[]);
    match extra.map(ExtraName::from_str) {
        None => plain,
        Some(Ok(extra)) => !plain && one.evaluate_markers(environment, &[extra]),
        Some(Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::Root;
    use super::*;
    use crate::lambda::Architecture;

    fn of(described: &[(&str, &[&str])], python: &str) -> Graph {
        let installed = described.iter().map(|(name, requires)| {
            let requires = requires.iter().map(|text| (*text).to_owned()).collect();
            ((*name).to_owned(), Installed { version: "1".into(), requires })
        });
        let target = Target { python: python.parse().unwrap(), architecture: Architecture::X86_64 };
        graph(&installed.collect(), target)
    }

    #[test]
    fn markers_and_extras_decide() {
        let described: &[(&str, &[&str])] = &[
            (
                "app",
                &["Old_One; python_version < '3.11'", "tool[fast]>=1,<2", "absent>3; platform_machine == 'x86_64'"],
            ),
            ("old-one", &[]),
            ("tool", &["speed>2; extra == 'fast'", "other; extra == 'slow'"]),
            ("speed", &[]),
            ("other", &[]),
        ];
        let graph = of(described, "3.13");
        assert_eq!(graph.root("old-one"), Some(Root::Unneeded));
        assert_eq!(graph.root("other"), Some(Root::Unneeded));
        assert_eq!(graph.needed_by("speed"), BTreeMap::from([("tool".into(), ">2".into())]));
        assert_eq!(graph.needed_by("tool"), BTreeMap::from([("app".into(), ">=1, <2".into())]));
        assert_eq!(graph.needed_by("absent"), BTreeMap::from([("app".into(), ">3".into())]));
        assert_eq!(of(described, "3.10").root("old-one"), None);
    }

    #[test]
    fn an_extra_may_ask_for_others_of_its_own() {
        let described: &[(&str, &[&str])] = &[
            ("app", &["tool[all]"]),
            ("tool", &["tool[a,b]; extra == 'all'", "one; extra == 'a'", "two; extra == 'b'"]),
            ("one", &[]),
            ("two", &["tool[all]"]),
        ];
        let graph = of(described, "3.13");
        assert_eq!(graph.only_through("app", &|_| false), ["tool", "one", "two"].map(str::to_owned).into());
        assert_eq!(graph.chains("two", 5).chains[0].1.len(), 4);
    }

    #[test]
    fn very_many_extras_end() {
        let extras: Vec<String> = (0..400).map(|number| format!("e{number}")).collect();
        let requires: Vec<String> =
            (0..400).map(|number| format!("a[{}]; extra == 'e{number}'", extras.join(","))).collect();
        let asks = format!("a[{}]", extras.join(","));
        let requires: Vec<&str> = requires.iter().map(String::as_str).chain([asks.as_str()]).collect();
        let started = std::time::Instant::now();
        assert_eq!(of(&[("a", &requires)], "3.13").root("a"), Some(Root::Unneeded));
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }
}
