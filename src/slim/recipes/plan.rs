//! Which parts go: all that may, less those that something which stays needs, until nothing changes.

use std::collections::BTreeSet;

use super::libraries::Libraries;
use super::{Found, Kept, Part, Request, evidence};
use crate::elf::needed;
use crate::error::Result;
use crate::resolve::Distribution;
use crate::slim::Globs;
use crate::slim::stays_as_it_is;
use crate::slim::survey::Survey;
use crate::tree::{Tree, read};

/// Adds what goes, what is rewritten and what stays to `found`.
pub(super) fn decide(
    parts: Vec<Part>,
    tree: &Tree,
    distributions: &[Distribution],
    survey: &Survey,
    request: &Request<'_>,
    found: &mut Found,
) -> Result<()> {
    let guards = parts
        .iter()
        .map(|part| Globs::new("guarded", &part.wanted.guarded.keys().cloned().collect::<Vec<_>>()))
        .collect::<Result<Vec<_>>>()?;
    let libraries = Libraries::of(tree, distributions, &parts)?;
    let mut parts: Vec<(Part, Globs)> = parts.into_iter().zip(guards).collect();
    // A part that stays needs what it imports, so every round looks at what is left. The order of the parts decides
    // nothing: a round judges all of them by the same state.
    loop {
        let going: BTreeSet<&str> = parts.iter().flat_map(|(part, _)| &part.files).map(String::as_str).collect();
        let goes = |path: &str| going.contains(path);
        let reasons: Vec<Option<String>> = parts
            .iter()
            .map(|(part, guarded)| {
                evidence::needed_by_source(part, survey, &goes, guarded)
                    .or_else(|| named_by_library(part, &libraries, &goes, guarded))
                    .or_else(|| libraries.user_of(part, &goes))
            })
            .collect();
        let (rewritten, refused) = drop_needs(&parts, &libraries, tree, distributions, request, &goes)?;
        let reasons: Vec<Option<String>> =
            reasons.into_iter().zip(refused).map(|(reason, refused)| reason.or(refused)).collect();
        if reasons.iter().all(Option::is_none) {
            found.rewritten = rewritten;
            found.gone = parts
                .iter()
                .flat_map(|(part, _)| part.files.iter().map(|path| (path.clone(), part.title.component.clone())))
                .collect();
            return Ok(());
        }
        let mut left = Vec::new();
        for (part, reason) in parts.into_iter().zip(reasons) {
            match reason {
                Some(reason) => found.kept.push(Kept { part: part.0.title, reason }),
                None => left.push(part),
            }
        }
        parts = left;
    }
}

/// The first compiled file that stays and writes down the name of one of the part's modules, as a sentence.
fn named_by_library(
    part: &Part,
    libraries: &Libraries,
    goes: &dyn Fn(&str) -> bool,
    guarded: &Globs,
) -> Option<String> {
    libraries.staying(goes).filter(|(path, _)| !guarded.matches(path)).find_map(|(path, library)| {
        let module = part.wanted.modules.iter().find(|module| library.modules.contains(*module))?;
        Some(format!("{path} names {module}"))
    })
}

type Rewritten = Vec<(String, std::sync::Arc<[u8]>, BTreeSet<String>)>;

/// Takes the libraries that go out of what those that stay need. For each part a reason, where that cannot be done.
fn drop_needs(
    parts: &[(Part, Globs)],
    libraries: &Libraries,
    tree: &Tree,
    distributions: &[Distribution],
    request: &Request<'_>,
    goes: &dyn Fn(&str) -> bool,
) -> Result<(Rewritten, Vec<Option<String>>)> {
    let vanishing = libraries.vanishing(goes);
    let part_of = |name: &str| -> Vec<usize> {
        let paths = vanishing.get(name).map(Vec::as_slice).unwrap_or_default();
        (0..parts.len()).filter(|place| paths.iter().any(|path| parts[*place].0.files.contains(*path))).collect()
    };
    let mut rewritten = Vec::new();
    let mut refused: Vec<Option<String>> = parts.iter().map(|_| None).collect();
    for (path, library) in libraries.staying(goes) {
        let names: Vec<&str> =
            library.needs.iter().map(String::as_str).filter(|name| vanishing.contains_key(name)).collect();
        if names.is_empty() {
            continue;
        }
        let concerned: BTreeSet<usize> = names.iter().flat_map(|name| part_of(name)).collect();
        let outcome = if request.keep.matches(path) || stays_as_it_is(tree, path) {
            Err(format!("{path} needs {} and is kept as it is", names.join(", ")))
        } else {
            let bytes = read(&tree[path], distributions)?;
            needed::drop(&bytes, &names).map_err(|reason| format!("{path} needs {}: {reason}", names.join(", ")))
        };
        match outcome {
            Ok(bytes) => {
                let titles = concerned.iter().map(|place| parts[*place].0.title.component.clone()).collect();
                rewritten.push((path.clone(), bytes.into(), titles));
            }
            Err(reason) => {
                for place in concerned {
                    refused[place].get_or_insert_with(|| reason.clone());
                }
            }
        }
    }
    Ok((rewritten, refused))
}
