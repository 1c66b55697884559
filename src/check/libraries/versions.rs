//! Versions of symbols that the library, in the runtime or in the artifact, does not have: the loader refuses such a file
//! before it looks at a symbol (``version `GLIBC_2.38' not found``).

use std::collections::{BTreeMap, HashMap};

use super::graph::Graph;
use super::search::Found;
use super::used::Used;
use super::{and_more, name, package};
use crate::check::finding::Finding;
use crate::lambda::Target;
use crate::lambda::system::System;

/// What one finding speaks of: a package, the library and what it has, and whether it fails for sure: the files are sure
/// to be loaded, and the runtime is sure not to have it.
type Subject<'a> = (&'a str, String, bool);

pub(super) fn check(graph: &Graph, used: &Used, target: Target) -> Vec<Finding> {
    let system = System::of(target.python);
    let mut lacking: BTreeMap<Subject, Vec<(&str, String)>> = BTreeMap::new();
    for index in graph.loadable() {
        let (path, library) = (graph.path(index), graph.library(index));
        let found: HashMap<&str, &Found> = library.needed.iter().map(String::as_str).zip(&graph.found[index]).collect();
        for (needed, versions) in &library.version_needs {
            match found.get(needed.as_str()) {
                Some(Found::Here(other)) => {
                    let definitions = &graph.library(*other).version_definitions;
                    // A library without versions serves any wish; the loader only mutters.
                    let lacks = |version: &&String| !definitions.is_empty() && !definitions.contains(*version);
                    if let Some(version) = versions.iter().find(lacks) {
                        let reason = format!("{}, which does not define it", graph.path(*other));
                        let key = (package(path), reason, used.is_sure(index));
                        lacking.entry(key).or_default().push((path, version.clone()));
                    }
                }
                Some(Found::System) => {
                    let too_new = versions.iter().filter_map(|version| Some((version, system.lacks(version)?)));
                    // The newest of each family that is too new.
                    let mut newest: BTreeMap<(String, bool), &String> = BTreeMap::new();
                    for (version, lack) in too_new {
                        let entry = newest.entry((lack.newest, lack.is_open)).or_insert(version);
                        if numbers(version) > numbers(entry) {
                            *entry = version;
                        }
                    }
                    for ((has, is_open), version) in newest {
                        let perhaps = if is_open { "; newer images of it have more" } else { "" };
                        let reason = format!("{needed}, which ends at {has} in Lambda's {}{perhaps}", system.name);
                        let key = (package(path), reason, !is_open && used.is_sure(index));
                        lacking.entry(key).or_default().push((path, version.clone()));
                    }
                }
                // Of a missing library there is a finding already; of any other, nobody knows the versions.
                Some(Found::Open | Found::Elsewhere(_) | Found::Nowhere) | None => {}
            }
        }
    }
    let findings = lacking.into_iter().map(|((_, of, is_used), mut files)| {
        // The file that asks for the newest says it best.
        files.sort_by(|(a, x), (b, y)| numbers(y).cmp(&numbers(x)).then(a.cmp(b)));
        let (path, version) = &files[0];
        let reason = format!("it needs {version}{} of {of}", and_more(files.len() - 1));
        let finding = if is_used { Finding::error } else { Finding::warning };
        let tag = target.newest_tag();
        let hint = format!(
            "{} was built on a newer system: take a wheel tagged {tag} or older, or build it in the runtime's image",
            name(path)
        );
        finding("library-version", path, reason).with_hint(hint)
    });
    findings.collect()
}

fn numbers(version: &str) -> Vec<u32> {
    version.split(|letter: char| !letter.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}
