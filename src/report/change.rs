//! What differs between an artifact and its baseline. Pure.
//!
//! It is about sizes: a file whose content changed and whose size did not is the same here (`pack diff` compares contents).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::model::{Artifact, Part, PartKind, Removed, Report};
use crate::slim::Rule;

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The baseline.
    pub before: Before,
    /// Parts that came, went, have another version or another size; the largest difference first.
    pub parts: Vec<PartChange>,
    /// Files that came, went or have another size; the largest difference first.
    pub files: Vec<FileChange>,
}

/// The baseline's totals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// As it was named when its report was made.
    pub name: String,
    /// Its digest.
    pub digest: Option<String>,
    /// Its packed bytes.
    pub packed: Option<u64>,
    /// Its unpacked bytes.
    pub unpacked: u64,
    /// The same with its layers, where it has any.
    pub unpacked_with_layers: Option<u64>,
    /// How many files and links.
    pub files: u64,
}

/// A part that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartChange {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub kind: PartKind,
    /// In the baseline; none where it is new.
    pub before: Option<PartSize>,
    /// Now; none where it is gone.
    pub after: Option<PartSize>,
    /// What slimming removes of it by rule, where both sides say it; most first.
    pub removed: Vec<RuleChange>,
}

/// How large a part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSize {
    /// Its version.
    pub version: Option<String>,
    /// Files and links.
    pub files: u64,
    /// Unpacked bytes.
    pub unpacked: u64,
    /// Packed bytes; none where they are not known by file.
    pub packed: Option<u64>,
}

/// What a rule removes of a part on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleChange {
    /// The rule.
    pub rule: Rule,
    /// Bytes in the baseline.
    pub before: u64,
    /// Bytes now.
    pub after: u64,
}

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// Unpacked bytes in the baseline; none where it is new.
    pub before: Option<u64>,
    /// Unpacked bytes now; none where it is gone.
    pub after: Option<u64>,
}

impl PartChange {
    /// Bytes more, or less than nothing.
    pub fn difference(&self) -> i64 {
        difference(self.before.as_ref().map(|size| size.unpacked), self.after.as_ref().map(|size| size.unpacked))
    }
}

impl FileChange {
    /// Bytes more, or less than nothing.
    pub fn difference(&self) -> i64 {
        difference(self.before, self.after)
    }
}

impl Change {
    /// What became of an artifact since its baseline.
    pub fn between(before: &Artifact, after: &Artifact) -> Self {
        Self {
            before: Before {
                name: before.name.clone(),
                digest: before.digest.clone(),
                packed: before.packed,
                unpacked: before.unpacked,
                unpacked_with_layers: before.with_layers.as_ref().map(|with| with.unpacked),
                files: before.files,
            },
            parts: parts(before, after),
            files: files(before, after),
        }
    }
}

impl Report {
    /// What an artifact is compared with: that of its name, whether it is over the limit or not; that of its digest, if it
    /// is of the same function or layer; or the only one where there is one of each.
    pub fn baseline_of<'b>(&self, artifact: &Artifact, baseline: &'b Self) -> Option<&'b Artifact> {
        let is_alone = self.artifacts.len() == 1 && baseline.artifacts.len() == 1;
        let plain = |name: &str| name.trim_start_matches("./").replace(".over-limit.zip", ".zip");
        let find = |is_same: &dyn Fn(&Artifact) -> bool| baseline.artifacts.iter().find(|before| is_same(before));
        let named = find(&|before| before.name == artifact.name);
        named
            .or_else(|| find(&|before| plain(&before.name) == plain(&artifact.name)))
            .or_else(|| {
                find(&|before| {
                    before.digest.is_some() && (&before.digest, &before.of) == (&artifact.digest, &artifact.of)
                })
            })
            .or(baseline.artifacts.first().filter(|_| is_alone))
    }
}

fn parts(before: &Artifact, after: &Artifact) -> Vec<PartChange> {
    type Key<'a> = (&'a str, PartKind);
    fn by_name(artifact: &Artifact) -> BTreeMap<Key<'_>, &Part> {
        artifact.parts.iter().map(|part| ((part.name.as_str(), part.kind), part)).collect()
    }
    let (old, new) = (by_name(before), by_name(after));
    let keys: BTreeSet<Key<'_>> = old.keys().chain(new.keys()).copied().collect();
    let size = |part: &&Part| PartSize {
        version: part.version.clone(),
        files: part.files,
        unpacked: part.unpacked,
        packed: part.packed,
    };
    let mut changes: Vec<PartChange> = keys
        .into_iter()
        .map(|key| PartChange {
            name: key.0.to_owned(),
            kind: key.1,
            before: old.get(&key).map(size),
            after: new.get(&key).map(size),
            removed: match (&before.removed, &after.removed) {
                (Some(old), Some(new)) => removed(old, new, key.0),
                _ => Vec::new(),
            },
        })
        .filter(|change| {
            let facts = |size: &PartSize| (size.version.clone(), size.unpacked, size.files);
            change.before.as_ref().map(facts) != change.after.as_ref().map(facts)
        })
        .collect();
    changes.sort_by_key(|change| Reverse(change.difference().unsigned_abs()));
    changes
}

fn removed(before: &[Removed], after: &[Removed], part: &str) -> Vec<RuleChange> {
    fn sums(removed: &[Removed], part: &str) -> BTreeMap<Rule, u64> {
        let mut sums = BTreeMap::new();
        for one in removed.iter().filter(|one| one.part == part) {
            let sum: &mut u64 = sums.entry(one.rule).or_default();
            *sum = sum.saturating_add(one.bytes);
        }
        sums
    }
    let (old, new) = (sums(before, part), sums(after, part));
    let rules: BTreeSet<Rule> = old.keys().chain(new.keys()).copied().collect();
    let bytes = |sums: &BTreeMap<Rule, u64>, rule| sums.get(&rule).copied().unwrap_or_default();
    let mut changes: Vec<RuleChange> = rules
        .into_iter()
        .map(|rule| RuleChange { rule, before: bytes(&old, rule), after: bytes(&new, rule) })
        .collect();
    changes.sort_by_key(|change| Reverse(change.after));
    changes
}

fn files(before: &Artifact, after: &Artifact) -> Vec<FileChange> {
    fn sizes(artifact: &Artifact) -> BTreeMap<&str, u64> {
        artifact.entries.iter().map(|entry| (entry.path.as_str(), entry.unpacked)).collect()
    }
    let (old, new) = (sizes(before), sizes(after));
    let paths: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let change = |path: &str| FileChange {
        path: path.to_owned(),
        before: old.get(path).copied(),
        after: new.get(path).copied(),
    };
    let mut changes: Vec<FileChange> =
        paths.into_iter().map(change).filter(|change| change.before != change.after).collect();
    changes.sort_by_key(|change| Reverse(change.difference().unsigned_abs()));
    changes
}

fn difference(before: Option<u64>, after: Option<u64>) -> i64 {
    let bytes = |size: Option<u64>| i64::try_from(size.unwrap_or_default()).unwrap_or(i64::MAX);
    bytes(after).saturating_sub(bytes(before))
}
