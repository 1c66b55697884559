//! Who needs whom, whatever that was read from: the ways that lead to a distribution, and what only it needs.
//!
//! What must stay true: circles end; the same requirements give the same answers; however many ways there are, only a few
//! are walked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

/// A distribution (`extra` none), or one of its extras, which needs more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    /// Normalised name.
    pub name: String,
    /// Normalised name of the extra.
    pub extra: Option<String>,
}

impl Node {
    /// A distribution itself.
    pub(super) fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), extra: None }
    }
}

/// What each one needs, with the versions that it takes as it writes them (empty for any).
pub(super) type Needs = BTreeMap<Node, BTreeMap<Node, BTreeSet<String>>>;

/// Why a distribution is at the beginning of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// The requirements name it.
    Requested,
    /// Nothing in the artifact requires it: it was named, or left over.
    Unneeded,
    /// Only what it needs itself requires it.
    Circle,
}

/// One link of a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Step {
    /// Normalised name.
    pub name: String,
    /// The extra of it that needs the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<String>,
    /// The versions that the one before takes; empty for any, and of the first.
    pub versions: String,
}

/// The shortest ways to a distribution from each root that leads to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chains {
    /// The first few, the shortest first.
    pub chains: Vec<(Root, Vec<Step>)>,
    /// How many more there are.
    pub more: u64,
}

/// A set of distributions and what they need of each other.
#[derive(Debug)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    index: BTreeMap<Node, usize>,
    /// Of each node, sorted.
    needs: Vec<Vec<(usize, String)>>,
    needed_by: Vec<Vec<usize>>,
    roots: BTreeMap<usize, Root>,
}

impl Graph {
    /// Each key of `needs`, and whatever these need, is a node. What no chain from a requested one reaches has roots of its own.
    pub(super) fn new(needs: &Needs, requested: &BTreeSet<String>) -> Self {
        let all: BTreeSet<&Node> = needs.iter().flat_map(|(node, needed)| needed.keys().chain([node])).collect();
        let nodes: Vec<Node> = all.into_iter().cloned().collect();
        let index: BTreeMap<Node, usize> =
            nodes.iter().cloned().enumerate().map(|(place, node)| (node, place)).collect();
        let needs: Vec<Vec<(usize, String)>> = nodes
            .iter()
            .map(|node| {
                let needed = needs.get(node).into_iter().flatten();
                let joined = |versions: &BTreeSet<String>| {
                    versions.iter().filter(|one| !one.is_empty()).cloned().collect::<Vec<_>>().join(", ")
                };
                needed.map(|(node, versions)| (index[node], joined(versions))).collect()
            })
            .collect();
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        for (from, needed) in needs.iter().enumerate() {
            for (to, _) in needed {
                needed_by[*to].push(from);
            }
        }
        let mut graph = Self { nodes, index, needs, needed_by, roots: BTreeMap::new() };
        graph.find_roots(requested);
        graph
    }

    fn find_roots(&mut self, requested: &BTreeSet<String>) {
        for (place, node) in self.nodes.iter().enumerate() {
            let is_needed = || self.needed_by[place].iter().any(|by| self.nodes[*by].name != node.name);
            if node.extra.is_none() && requested.contains(&node.name) {
                self.roots.insert(place, Root::Requested);
            } else if node.extra.is_none() && !is_needed() {
                self.roots.insert(place, Root::Unneeded);
            }
        }
        let mut reached = self.reach(self.roots.keys().copied(), &|_| false);
        // Of what is left, what ends last needs all that needs it: it is of the first circle of a row.
        for place in self.by_end(&reached).into_iter().rev() {
            if !reached[place] {
                self.roots.insert(place, Root::Circle);
                for (one, more) in reached.iter_mut().zip(self.reach([place].into_iter(), &|_| false)) {
                    *one |= more;
                }
            }
        }
    }

    /// What these need, directly or not, and they themselves, without what is passed over.
    fn reach(&self, from: impl Iterator<Item = usize>, passed: &dyn Fn(usize) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut waiting: Vec<usize> = from.filter(|place| !passed(*place)).collect();
        while let Some(place) = waiting.pop() {
            if !std::mem::replace(&mut reached[place], true) {
                waiting.extend(self.needs[place].iter().map(|(to, _)| *to).filter(|to| !passed(*to)));
            }
        }
        reached
    }

    /// The nodes in the order in which a search in depth is done with them.
    fn by_end(&self, passed: &[bool]) -> Vec<usize> {
        let mut seen = passed.to_vec();
        let mut ended = Vec::new();
        // Extras last: whoever asks for one also needs its distribution.
        let mut starts: Vec<usize> = (0..self.nodes.len()).collect();
        starts.sort_by_key(|place| self.nodes[*place].extra.is_some());
        for start in starts {
            let mut path = if std::mem::replace(&mut seen[start], true) { Vec::new() } else { vec![(start, 0)] };
            while let Some((place, next)) = path.last_mut() {
                if let Some((to, _)) = self.needs[*place].get(*next) {
                    *next += 1;
                    let to = *to;
                    if !std::mem::replace(&mut seen[to], true) {
                        path.push((to, 0));
                    }
                } else {
                    ended.push(*place);
                    path.pop();
                }
            }
        }
        ended
    }

    /// Whether a distribution is known.
    pub(super) fn has(&self, name: &str) -> bool {
        self.index.contains_key(&Node::plain(name))
    }

    /// Why a distribution would be there if nothing required it.
    pub(super) fn root(&self, name: &str) -> Option<Root> {
        self.roots.get(self.index.get(&Node::plain(name))?).copied()
    }

    /// The other distributions that need one themselves, with the versions that they take.
    pub(super) fn needed_by(&self, name: &str) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let Some(place) = self.index.get(&Node::plain(name)) else { return BTreeMap::new() };
        for by in self.needed_by[*place].iter().filter(|by| self.nodes[**by].name != name) {
            let versions = self.needs[*by].iter().filter(|(to, _)| to == place).map(|(_, versions)| versions.as_str());
            let known = found.entry(self.nodes[*by].name.clone()).or_default();
            known.extend(versions.filter(|versions| !versions.is_empty()));
        }
        found.into_iter().map(|(name, versions)| (name, versions.into_iter().collect::<Vec<_>>().join(", "))).collect()
    }

    /// The shortest ways to a distribution from each root that leads to it, at most so many.
    pub(super) fn chains(&self, name: &str, most: usize) -> Chains {
        let Some(target) = self.index.get(&Node::plain(name)).copied() else { return Chains::default() };
        let mut distances: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut order = vec![target];
        let mut waiting = VecDeque::from([(target, 0)]);
        distances[target] = Some(0);
        while let Some((place, distance)) = waiting.pop_front() {
            for by in &self.needed_by[place] {
                if distances[*by].is_none() {
                    distances[*by] = Some(distance + 1);
                    order.push(*by);
                    waiting.push_back((*by, distance + 1));
                }
            }
        }
        let distances = &distances;
        let nearer = |place: usize| {
            let distance = distances[place];
            self.needs[place].iter().filter(move |(to, _)| distances[*to].map(|nearer| nearer + 1) == distance)
        };
        let mut ways = vec![0_u64; self.nodes.len()];
        ways[target] = 1;
        for place in order.iter().skip(1) {
            ways[*place] = nearer(*place).fold(0, |sum, (to, _)| sum.saturating_add(ways[*to]));
        }
        let mut roots: Vec<(usize, Root)> =
            self.roots.iter().map(|(place, root)| (*place, *root)).filter(|(place, _)| ways[*place] > 0).collect();
        roots.sort_by_key(|(place, _)| (distances[*place], *place));
        let mut chains = Vec::new();
        for (start, root) in &roots {
            let mut path = vec![nearer(*start)];
            let mut steps = vec![self.step(*start, "")];
            while !path.is_empty() {
                let is_there = path.len() == distances[*start].unwrap_or_default() + 1;
                if is_there && chains.len() < most {
                    chains.push((*root, steps.clone()));
                }
                let next =
                    if is_there || chains.len() == most { None } else { path.last_mut().and_then(Iterator::next) };
                if let Some((to, versions)) = next {
                    path.push(nearer(*to));
                    steps.push(self.step(*to, versions));
                } else {
                    path.pop();
                    steps.pop();
                }
            }
        }
        let all = roots.iter().fold(0_u64, |sum, (place, _)| sum.saturating_add(ways[*place]));
        Chains { more: all - chains.len() as u64, chains }
    }

    fn step(&self, place: usize, versions: &str) -> Step {
        let Node { name, extra } = self.nodes[place].clone();
        Step { name, extra, versions: versions.to_owned() }
    }

    /// The other distributions that go with one: what it needs, and neither the requirements nor anything that stays. What
    /// is whole elsewhere has all that it needs there.
    pub(super) fn only_through(&self, name: &str, is_elsewhere: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
        let is_it = |place: usize| self.nodes[place].name == name;
        let is_passed = |place: usize| is_it(place) || is_elsewhere(&self.nodes[place].name);
        let stays = self.reach(self.roots.keys().copied(), &is_passed);
        let its = self.reach((0..self.nodes.len()).filter(|place| is_it(*place)), &|_| false);
        let staying: BTreeSet<&str> =
            self.nodes.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(node, _)| node.name.as_str()).collect();
        let going = self.nodes.iter().zip(&its).filter(|(_, its)| **its).map(|(node, _)| node.name.as_str());
        going.filter(|other| *other != name && !staying.contains(other)).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(text: &str) -> Node {
        match text.trim_end_matches(']').split_once('[') {
            Some((name, extra)) => Node { name: name.into(), extra: Some(extra.into()) },
            None => Node::plain(text),
        }
    }

    /// `("a", "b>=1 c")`: a needs b and c.
    fn graph(described: &[(&str, &str)], requested: &[&str]) -> Graph {
        let mut needs = Needs::new();
        for (from, to) in described {
            let needed = needs.entry(node(from)).or_default();
            for text in to.split_whitespace() {
                let (name, versions) = text.split_at(text.find(['>', '<', '=']).unwrap_or(text.len()));
                needed.entry(node(name)).or_default().insert(versions.to_owned());
            }
        }
        Graph::new(&needs, &requested.iter().map(|name| (*name).to_owned()).collect())
    }

    fn shown(chains: &Chains) -> Vec<String> {
        let step = |step: &Step| {
            let extra = step.extra.as_ref().map(|extra| format!("[{extra}]")).unwrap_or_default();
            format!("{}{extra}{}", step.name, step.versions)
        };
        chains.chains.iter().map(|(_, steps)| steps.iter().map(step).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn each_root_has_its_shortest_ways() {
        let graph = graph(
            &[
                ("pandas", "dateutil>=2.8 numpy"),
                ("dateutil", "six>=1.5"),
                ("xray", "botocore"),
                ("botocore", "dateutil"),
                ("six", ""),
            ],
            &["pandas", "xray", "numpy"],
        );
        assert_eq!(
            shown(&graph.chains("six", 5)),
            ["pandas dateutil>=2.8 six>=1.5", "xray botocore dateutil six>=1.5"]
        );
        assert_eq!(shown(&graph.chains("numpy", 5)), ["numpy", "pandas numpy"]);
        assert_eq!(graph.chains("six", 1).more, 1);
        assert_eq!(graph.chains("absent", 5), Chains::default());
        assert_eq!(graph.needed_by("six"), BTreeMap::from([("dateutil".into(), ">=1.5".into())]));
    }

    #[test]
    fn a_diamond_has_two_ways_and_goes_as_a_whole() {
        let graph = graph(&[("top", "left right"), ("left", "low"), ("right", "low")], &["top"]);
        assert_eq!(shown(&graph.chains("low", 5)), ["top left low", "top right low"]);
        assert_eq!(graph.only_through("top", &|_| false), ["left", "low", "right"].map(str::to_owned).into());
        assert_eq!(graph.only_through("left", &|_| false), BTreeSet::new());
    }

    #[test]
    fn what_others_need_or_requirements_name_stays() {
        let described = [("a", "shared own named"), ("b", "shared")];
        assert_eq!(graph(&described, &["a", "b", "named"]).only_through("a", &|_| false), ["own".to_owned()].into());
        // Of an artifact that nobody built here, what nobody needs was named.
        let foreign = graph(&described, &[]);
        assert_eq!(foreign.root("a"), Some(Root::Unneeded));
        assert_eq!(foreign.only_through("a", &|_| false), ["named", "own"].map(str::to_owned).into());
    }

    #[test]
    fn what_is_elsewhere_keeps_nothing_here() {
        let graph =
            graph(&[("pandas", "dateutil"), ("xray", "botocore"), ("botocore", "dateutil")], &["pandas", "xray"]);
        assert_eq!(graph.only_through("pandas", &|_| false), BTreeSet::new());
        assert_eq!(graph.only_through("pandas", &|name| name == "botocore"), ["dateutil".to_owned()].into());
    }

    #[test]
    fn circles_end_and_have_a_beginning() {
        let graph = graph(&[("d", ""), ("x", "y"), ("y", "x d"), ("self", "self"), ("z", "x")], &[]);
        assert_eq!(shown(&graph.chains("d", 5)), ["z x y d"]);
        assert_eq!(graph.root("self"), Some(Root::Unneeded));
        let alone = self::graph(&[("d", ""), ("x", "y"), ("y", "x d")], &[]);
        assert_eq!((alone.root("x"), alone.root("y"), alone.root("d")), (Some(Root::Circle), None, None));
        assert_eq!(shown(&alone.chains("d", 5)), ["x y d"]);
        assert_eq!(alone.only_through("x", &|_| false), ["d", "y"].map(str::to_owned).into());
        assert_eq!(alone.only_through("y", &|_| false), ["d".to_owned()].into());
    }

    #[test]
    fn extras_need_more_than_their_distribution() {
        let graph = graph(
            &[
                ("app", "tool tool[fast]"),
                ("other", "tool"),
                ("tool", "base"),
                ("tool[fast]", "speed>=2"),
                ("speed", ""),
            ],
            &["app", "other"],
        );
        assert_eq!(shown(&graph.chains("speed", 5)), ["app tool[fast] speed>=2"]);
        assert_eq!(graph.only_through("app", &|_| false), ["speed".to_owned()].into());
        assert_eq!(graph.needed_by("speed"), BTreeMap::from([("tool".into(), ">=2".into())]));
    }

    #[test]
    fn of_very_many_ways_a_few_are_walked() {
        // Two ways at each of 80 steps: more than a u64 counts.
        let mut described: Vec<(String, String)> = Vec::new();
        for step in 0..80 {
            let next = format!("j{:02}", step + 1);
            described.push((format!("j{step:02}"), format!("a{step:02} b{step:02}")));
            described.push((format!("a{step:02}"), next.clone()));
            described.push((format!("b{step:02}"), next));
        }
        let described: Vec<(&str, &str)> = described.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        let chains = graph(&described, &["j00"]).chains("j80", 3);
        assert_eq!((chains.chains.len(), chains.more), (3, u64::MAX - 3));
    }

    proptest! {
        #[test]
        fn whatever_needs_whatever_every_one_has_a_chain(edges in proptest::collection::vec((0_u8..12, 0_u8..12), 1..40)) {
            let mut needs = Needs::new();
            for (from, to) in &edges {
                let needed = needs.entry(Node::plain(&format!("n{from}"))).or_default();
                needed.entry(Node::plain(&format!("n{to}"))).or_default().insert(String::new());
            }
            let graph = Graph::new(&needs, &BTreeSet::new());
            for node in &graph.nodes {
                let chains = graph.chains(&node.name, 4);
                prop_assert!(!chains.chains.is_empty(), "{}", node.name);
                for (_, steps) in &chains.chains {
                    let names: BTreeSet<&str> = steps.iter().map(|step| step.name.as_str()).collect();
                    prop_assert_eq!(names.len(), steps.len());
                }
                prop_assert!(!graph.only_through(&node.name, &|_| false).contains(&node.name));
            }
        }
    }
}
