//! Words that several formats have in common.

use super::change::{Change, PartChange};
use super::model::{Artifact, FileKind, Kind, Limit, LimitKind, Part, PartKind, Removed};
pub(crate) use crate::size::shown;
use crate::size::{Verdict, exact, human};
use crate::slim::Rule;

/// Rules that the line of a changed part names.
const RULES_NAMED: usize = 3;

impl Kind {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Zip => "a function's ZIP",
            Self::Layer => "a layer's ZIP",
            Self::Image => "an image",
            Self::Folder => "a folder",
        }
    }
}

impl FileKind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Library => "shared libraries",
            Self::Bytecode => "bytecode",
            Self::Source => "Python sources",
            Self::Data => "data",
        }
    }
}

/// `workload, a function's ZIP, Python 3.13, x86_64`.
pub(super) fn description(artifact: &Artifact) -> String {
    let name = artifact.of.iter().cloned();
    let python = artifact.python.map(|python| format!("Python {python}"));
    let architecture = artifact.architecture.map(|architecture| architecture.to_string());
    let words: Vec<String> = name.chain([artifact.kind.words().to_owned()]).chain(python).chain(architecture).collect();
    shown(&words.join(", "))
}

/// `pandas 3.1.1`, `requests/ (folder)`, `the function's own files`.
pub(super) fn part(name: &str, version: Option<&str>, kind: PartKind) -> String {
    shown(&match (kind, version) {
        (PartKind::Distribution, Some(version)) => format!("{name} {version}"),
        (PartKind::Distribution | PartKind::Folder, _) => name.to_owned(),
        (PartKind::Own, _) => format!("the {name}'s own"),
        (PartKind::Base, _) => "the base image".to_owned(),
    })
}

pub(super) fn of_part(one: &Part) -> String {
    part(&one.name, one.version.as_deref(), one.kind)
}

/// `81.3 % of 262,144,000, 49,093,085 left`.
pub(super) fn limit(limit: &Limit) -> String {
    let percent = limit.percent();
    let most = exact(limit.most);
    if let Some(left) = limit.most.checked_sub(limit.bytes) {
        return format!("{percent:.1} % of {most}, {} left", exact(left));
    }
    let what = match limit.limit {
        LimitKind::DirectUpload => "the upload goes through S3",
        LimitKind::Unpacked | LimitKind::Image => "too large for Lambda",
    };
    format!("{percent:.1} % of {most}, {} over: {what}", exact(limit.bytes - limit.most))
}

/// What a limit is about.
pub(super) fn limited(artifact: &Artifact, limit: LimitKind) -> &'static str {
    match limit {
        LimitKind::Unpacked if artifact.with_layers.is_some() => "with layers",
        LimitKind::Unpacked | LimitKind::Image => "unpacked",
        LimitKind::DirectUpload => "packed",
    }
}

/// What a budget says: by how much it is broken and what grew, or that it is kept.
pub(super) fn verdict(verdict: &Verdict) -> String {
    let Verdict { budget, subject, bytes, most, said, from, .. } = verdict;
    verdict.sentence().unwrap_or_else(|| {
        let said = if *said == most.to_string() { String::new() } else { format!(" ({said})") };
        // The name of a distribution's budget has the distribution in it.
        let subject = subject.as_ref().filter(|subject| !budget.ends_with(subject.as_str()));
        let subject = subject.map(|subject| format!(" {subject}:")).unwrap_or_default();
        shown(&format!("{budget}:{subject} {} of {}{said} of {from}", exact(*bytes), exact(*most)))
    })
}

/// What a removal is called: a recipe's part by its name.
pub(super) fn removal(removed: &Removed) -> String {
    shown(&match &removed.component {
        Some(component) => format!("{}: {component}", removed.part),
        None => removed.rule.title().to_owned(),
    })
}

/// `+4.1 MB`, `-1.2 kB`, `±0`.
pub(super) fn difference(bytes: i64) -> String {
    match bytes {
        0 => "±0 B".into(),
        1.. => format!("+{}", human(bytes.unsigned_abs())),
        _ => format!("-{}", human(bytes.unsigned_abs())),
    }
}

/// The difference of two sizes.
pub(super) fn between(before: u64, after: u64) -> i64 {
    let bytes = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    bytes(after).saturating_sub(bytes(before))
}

/// `pandas 3.1.1 → 3.2.0`, with the mark of what became of it.
pub(super) fn changed(change: &PartChange) -> (char, String) {
    let PartChange { name, kind, before, after, .. } = change;
    let version = |size: &super::change::PartSize| size.version.clone();
    let (old, new) = (before.as_ref().and_then(version), after.as_ref().and_then(version));
    match (before, after) {
        (None, _) => ('+', part(name, new.as_deref(), *kind)),
        (_, None) => ('-', part(name, old.as_deref(), *kind)),
        _ if old == new => ('~', part(name, new.as_deref(), *kind)),
        _ => {
            let unknown = || "?".to_owned();
            ('~', shown(&format!("{name} {} → {}", old.unwrap_or_else(unknown), new.unwrap_or_else(unknown))))
        }
    }
}

/// `of which tests 0 (15.4 MB removed)`: what of a part slimming keeps out of the artifact.
pub(super) fn pruned(change: &PartChange) -> Option<String> {
    let is_whole = |rule: Rule| {
        matches!(
            rule,
            Rule::Tests
                | Rule::Documentation
                | Rule::Sources
                | Rule::StaticLibraries
                | Rule::TypeStubs
                | Rule::LibraryCopies
                | Rule::Component
                | Rule::CompiledSources
        )
    };
    // What was pruned before as well explains nothing.
    let rules = change.removed.iter().filter(|rule| rule.after > 0 && rule.before != rule.after && is_whole(rule.rule));
    let named: Vec<String> =
        rules.take(RULES_NAMED).map(|rule| format!("{} 0 ({} pruned)", rule.rule.title(), human(rule.after))).collect();
    (!named.is_empty() && change.after.is_some()).then(|| format!("of which {}", named.join(", ")))
}

/// The bytes that count against the limit, before and now.
pub(super) fn totals(artifact: &Artifact, change: &Change) -> (u64, u64) {
    let before = change.before.unpacked_with_layers.unwrap_or(change.before.unpacked);
    (before, artifact.unpacked_with_layers())
}
