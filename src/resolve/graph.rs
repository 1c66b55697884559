//! Who needs whom, and the order in which pip installs.
//!
//! pip installs dependencies before what needs them: it weighs each distribution by how late it becomes a leaf when
//! leaves are taken off again and again; what goes in circles weighs what the longest way to it from the user's
//! requirements counts. It sorts by weight and name, both falling. An extra counts as a node of its own between the
//! two, as it does in pip's resolver.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, MarkerEnvironment, Requirement, VersionOrUrl};

use crate::lambda::{self, Target};
use crate::python::report::Item;
use crate::python::{markers, normalise, requirement};

/// That one distribution needs another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Who needs it.
    pub by: String,
    /// The versions that it takes, as it writes them; empty for any.
    pub versions: String,
    /// Whether it takes only what is close to the resolved version: such a need cannot be left to a runtime that moves.
    pub narrow: bool,
}

/// A distribution, or one of its extras.
type Node = (String, Option<String>);

/// The requirements between the distributions of a report.
#[derive(Debug)]
pub(super) struct Graph {
    /// What the user's requirements name, with their extras.
    roots: BTreeSet<Node>,
    edges: BTreeMap<Node, BTreeSet<Node>>,
    needs: BTreeMap<String, Vec<Need>>,
    /// What a folder requires and no distribution of the report is: a folder can change after it was resolved.
    unmet: Option<String>,
}

impl Graph {
    /// Reads the requirements of every distribution, with markers judged as in the target.
    pub(super) fn new(items: &[Item], target: Target) -> Self {
        let known: BTreeMap<String, &Item> = items.iter().map(|item| (normalise(&item.metadata.name), item)).collect();
        let environment = markers::environment(target);
        let mut graph = Self { roots: BTreeSet::new(), edges: BTreeMap::new(), needs: BTreeMap::new(), unmet: None };
        let mut pending: Vec<Node> = Vec::new();
        for (name, item) in &known {
            pending.push((name.clone(), None));
            if item.requested {
                graph.roots.insert((name.clone(), None));
                graph.roots.extend(item.requested_extras.iter().map(|extra| (name.clone(), Some(normalise(extra)))));
            }
            pending.extend(item.requested_extras.iter().map(|extra| (name.clone(), Some(normalise(extra)))));
        }
        while let Some(node) = pending.pop() {
            if graph.edges.contains_key(&node) {
                continue;
            }
            let (name, extra) = &node;
            let mut targets = BTreeSet::new();
            if extra.is_some() {
                targets.insert((name.clone(), None));
            }
            for requirement in
                known.get(name).map(|item| requirements(item, extra.as_deref(), &environment)).unwrap_or_default()
            {
                let needed = normalise(requirement.name.as_ref());
                let Some(found) = known.get(&needed) else {
                    let folder = known.get(name).is_some_and(|item| item.is_folder());
                    graph.unmet = graph.unmet.or_else(|| folder.then(|| format!("{name} requires {needed} now")));
                    continue;
                };
                let version = found.metadata.version.as_str();
                if known.get(name).is_some_and(|item| item.is_folder()) && !takes(&requirement, version) {
                    graph.unmet = Some(format!("{name} requires another {needed} than {version} now"));
                }
                if requirement.extras.is_empty() {
                    targets.insert((needed.clone(), None));
                }
                targets
                    .extend(requirement.extras.iter().map(|extra| (needed.clone(), Some(normalise(extra.as_ref())))));
                let need = need(name, &requirement, version);
                graph.needs.entry(needed).or_default().push(need);
            }
            pending.extend(targets.iter().cloned());
            graph.edges.insert(node, targets);
        }
        for needs in graph.needs.values_mut() {
            needs.sort_by(|left, right| (&left.by, &left.versions).cmp(&(&right.by, &right.versions)));
            needs.dedup();
        }
        graph
    }

    /// For each distribution, who needs it.
    pub(super) fn needs(&self) -> &BTreeMap<String, Vec<Need>> {
        &self.needs
    }

    /// What a folder requires and is not there in such a version, in words.
    pub(super) fn unmet(&self) -> Option<&str> {
        self.unmet.as_deref()
    }

    /// The names in pip's installation order.
    pub(super) fn installation_order(&self) -> Vec<String> {
        let mut left: BTreeMap<&Node, BTreeSet<&Node>> =
            self.edges.iter().map(|(node, targets)| (node, targets.iter().collect())).collect();
        let mut weights: Vec<(usize, &str)> = Vec::new();
        while !left.is_empty() {
            let leaves: Vec<&Node> =
                left.iter().filter(|(_, targets)| targets.is_empty()).map(|(node, _)| *node).collect();
            if leaves.is_empty() {
                break;
            }
            let weight = left.len();
            weights.extend(leaves.iter().filter(|node| node.1.is_none()).map(|node| (weight, node.0.as_str())));
            for leaf in &leaves {
                left.remove(leaf);
            }
            for targets in left.values_mut() {
                targets.retain(|target| !leaves.contains(target));
            }
        }
        let mut circles: BTreeMap<&Node, usize> = left.keys().map(|node| (*node, 0)).collect();
        let mut path = Vec::new();
        let mut steps = STEPS;
        for root in self.roots.iter().filter_map(|root| left.get_key_value(root)) {
            weigh(root.0, &left, &mut path, &mut circles, &mut steps);
        }
        weights.extend(
            circles.iter().filter(|(node, _)| node.1.is_none()).map(|(node, weight)| (*weight, node.0.as_str())),
        );
        weights.sort_by(|a, b| b.cmp(a));
        weights.into_iter().map(|(_, name)| name.to_owned()).collect()
    }
}

/// Steps through circles. They are few and small; a set of wheels made to be slow loses the order, nothing else.
const STEPS: usize = 200_000;

/// Walks every way from a node, and gives each node the length of the longest way to it.
fn weigh<'a>(
    node: &'a Node,
    left: &BTreeMap<&'a Node, BTreeSet<&'a Node>>,
    path: &mut Vec<&'a Node>,
    weights: &mut BTreeMap<&'a Node, usize>,
    steps: &mut usize,
) {
    if path.contains(&node) || *steps == 0 {
        return;
    }
    *steps -= 1;
    path.push(node);
    for target in left.get(node).into_iter().flatten() {
        weigh(target, left, path, weights, steps);
    }
    path.pop();
    // The root of everything, which is no distribution, is one step further up.
    let length = path.len() + 1;
    weights.entry(node).and_modify(|weight| *weight = length.max(*weight));
}

/// The requirements that hold for a distribution itself (`extra` none) or come with one of its extras.
fn requirements(item: &Item, extra: Option<&str>, environment: &MarkerEnvironment) -> Vec<Requirement> {
    let extras: Vec<ExtraName> = extra.and_then(|extra| ExtraName::from_str(extra).ok()).into_iter().collect();
    item.metadata
        .requires_dist
        .iter()
        // What cannot be parsed, pip has already understood; here it only costs a place in the order.
        .filter_map(|text| requirement::parse(text))
        .filter(|requirement| {
            let plain = requirement.evaluate_markers(environment, &[]);
            if extra.is_some() { !plain && requirement.evaluate_markers(environment, &extras) } else { plain }
        })
        .collect()
}

/// Whether a requirement takes a version; one that cannot be compared does.
fn takes(requirement: &Requirement, version: &str) -> bool {
    match (&requirement.version_or_url, version.parse::<Version>()) {
        (Some(VersionOrUrl::VersionSpecifier(specifiers)), Ok(version)) => specifiers.contains(&version),
        _ => true,
    }
}

fn need(by: &str, requirement: &Requirement, resolved: &str) -> Need {
    let (versions, narrow) = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => (specifiers.to_string(), is_narrow(specifiers, resolved)),
        Some(VersionOrUrl::Url(_)) => ("@ URL".to_owned(), true),
        None => (String::new(), false),
    };
    Need { by: by.to_owned(), versions, narrow }
}

/// Whether the specifiers refuse a later minor version of the resolved major one, or one that is a few minors older.
fn is_narrow(specifiers: &VersionSpecifiers, resolved: &str) -> bool {
    let Ok(version) = resolved.parse::<Version>() else { return true };
    let release = version.release();
    let (major, minor) = (release.first().copied().unwrap_or(0), release.get(1).copied().unwrap_or(0));
    let later = Version::new([major, minor + 1000]);
    let older = Version::new([major, minor.saturating_sub(lambda::SDK_LAG_MINORS), 0]);
    !specifiers.contains(&later) || !specifiers.contains(&older)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Architecture;
    use crate::python::report;

    fn items(described: &[(&str, &[&str])]) -> Vec<Item> {
        let install: Vec<_> = described
            .iter()
            .map(|(name, requires)| {
                serde_json::json!({"download_info": {"url": "https://host/x.whl", "archive_info": {}}, "is_direct": false,
                    "requested": false, "metadata": {"name": name, "version": "1", "requires_dist": requires}})
            })
            .collect();
        let report = serde_json::json!({"version": "1", "install": install});
        report::parse(report.to_string().as_bytes()).unwrap().install
    }

    fn target(python: &str) -> Target {
        Target { python: python.parse().unwrap(), architecture: Architecture::X86_64 }
    }

    #[test]
    fn dependencies_come_before_what_needs_them() {
        let items = items(&[("app", &["b", "a"]), ("a", &["c"]), ("b", &[]), ("c", &[])]);
        assert_eq!(Graph::new(&items, target("3.13")).installation_order(), ["c", "b", "a", "app"]);
    }

    #[test]
    fn a_circle_ends() {
        let items = items(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]);
        assert_eq!(Graph::new(&items, target("3.13")).installation_order(), ["c", "b", "a"]);
    }

    #[test]
    fn markers_and_extras_decide() {
        let described: &[(&str, &[&str])] = &[
            ("app", &["old; python_version < '3.11'", "tool[fast]>=1,<1.1"]),
            ("old", &[]),
            ("tool", &["speed; extra == 'fast'", "other; extra == 'slow'"]),
            ("speed", &[]),
            ("other", &[]),
        ];
        let graph = Graph::new(&items(described), target("3.13"));
        assert!(!graph.needs().contains_key("old"));
        assert!(!graph.needs().contains_key("other"));
        assert_eq!(graph.needs()["speed"][0].by, "tool");
        assert!(graph.needs()["tool"][0].narrow);
        let graph = Graph::new(&items(described), target("3.10"));
        assert!(!graph.needs()["old"][0].narrow);
    }

    #[test]
    fn a_need_is_narrow_if_a_moving_runtime_would_not_do() {
        let narrow = |text: &str| is_narrow(&text.parse().unwrap(), "1.44.5");
        assert!(!narrow(">=1.20.32,<2") && !narrow(">=1.11.3") && !narrow("!=1.30.0"));
        assert!(narrow(">=1.44.5") && narrow("<1.45,>=1.40") && narrow("==1.44.5") && narrow("~=1.44.0"));
    }
}
