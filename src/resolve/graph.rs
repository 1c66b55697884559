//! Who needs whom, and the order in which pip installs.
//!
//! pip installs dependencies before what needs them: it weighs each distribution by how late it becomes a leaf when
//! leaves are taken off again and again, and sorts by weight and name, both falling. An extra counts as a node of its
//! own between the two, as it does in pip's resolver.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, Requirement, VersionOrUrl};

use crate::lambda::Target;
use crate::python::normalise;
use crate::python::report::Item;

/// That one distribution needs another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Who needs it.
    pub by: String,
    /// The versions that it takes, as it writes them; empty for any.
    pub versions: String,
    /// Whether it refuses versions newer than some version.
    pub bounded_above: bool,
}

/// A distribution, or one of its extras.
type Node = (String, Option<String>);

/// The requirements between the distributions of a report.
#[derive(Debug)]
pub(super) struct Graph {
    edges: BTreeMap<Node, BTreeSet<Node>>,
    needs: BTreeMap<String, Vec<Need>>,
}

impl Graph {
    /// Reads the requirements of every distribution, with markers judged as in the target.
    pub(super) fn new(items: &[Item], target: Target) -> Self {
        let known: BTreeMap<String, &Item> = items.iter().map(|item| (normalise(&item.metadata.name), item)).collect();
        let environment = environment(target);
        let mut graph = Self { edges: BTreeMap::new(), needs: BTreeMap::new() };
        let mut pending: Vec<Node> = Vec::new();
        for (name, item) in &known {
            pending.push((name.clone(), None));
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
                if !known.contains_key(&needed) {
                    continue;
                }
                if requirement.extras.is_empty() {
                    targets.insert((needed.clone(), None));
                }
                targets
                    .extend(requirement.extras.iter().map(|extra| (needed.clone(), Some(normalise(extra.as_ref())))));
                graph.needs.entry(needed).or_default().push(need(name, &requirement));
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
        // What is left goes in circles; pip breaks them by depth from the root. By name is as good and always the same.
        weights.extend(left.keys().filter(|node| node.1.is_none()).map(|node| (0, node.0.as_str())));
        weights.sort_by(|a, b| b.cmp(a));
        weights.into_iter().map(|(_, name)| name.to_owned()).collect()
    }
}

/// The requirements that hold for a distribution itself (`extra` none) or come with one of its extras.
fn requirements(item: &Item, extra: Option<&str>, environment: &MarkerEnvironment) -> Vec<Requirement> {
    let extras: Vec<ExtraName> = extra.and_then(|extra| ExtraName::from_str(extra).ok()).into_iter().collect();
    item.metadata
        .requires_dist
        .iter()
        // What cannot be parsed, pip has already understood; here it only costs a place in the order.
        .filter_map(|text| Requirement::from_str(text).ok())
        .filter(|requirement| {
            let plain = requirement.evaluate_markers(environment, &[]);
            if extra.is_some() { !plain && requirement.evaluate_markers(environment, &extras) } else { plain }
        })
        .collect()
}

fn need(by: &str, requirement: &Requirement) -> Need {
    let (versions, bounded_above) = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
            let open = specifiers.iter().all(|specifier| {
                use pep508_rs::pep440_rs::Operator;
                matches!(
                    specifier.operator(),
                    Operator::GreaterThan | Operator::GreaterThanEqual | Operator::NotEqual | Operator::NotEqualStar
                )
            });
            (specifiers.to_string(), !open)
        }
        Some(VersionOrUrl::Url(_)) => ("@ URL".to_owned(), true),
        None => (String::new(), false),
    };
    Need { by: by.to_owned(), versions, bounded_above }
}

fn environment(target: Target) -> MarkerEnvironment {
    let full = target.python.full();
    let short = target.python.to_string();
    let builder = MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: "posix",
        platform_machine: target.architecture.machine(),
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: &full,
        python_version: &short,
        sys_platform: "linux",
    };
    #[expect(clippy::expect_used, reason = "the versions come from a table of our own, and a test builds every one")]
    MarkerEnvironment::try_from(builder).expect("a version of the table of runtimes")
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
        report::parse(report.to_string().as_bytes()).unwrap()
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
            ("app", &["old; python_version < '3.11'", "tool[fast]>=1,<2"]),
            ("old", &[]),
            ("tool", &["speed; extra == 'fast'", "other; extra == 'slow'"]),
            ("speed", &[]),
            ("other", &[]),
        ];
        let graph = Graph::new(&items(described), target("3.13"));
        assert!(!graph.needs().contains_key("old"));
        assert!(!graph.needs().contains_key("other"));
        assert_eq!(graph.needs()["speed"][0].by, "tool");
        assert!(graph.needs()["tool"][0].bounded_above);
        let graph = Graph::new(&items(described), target("3.10"));
        assert!(!graph.needs()["old"][0].bounded_above);
    }

    #[test]
    fn every_runtime_has_an_environment() {
        for minor in 10..=14 {
            environment(target(&format!("3.{minor}")));
        }
    }
}
