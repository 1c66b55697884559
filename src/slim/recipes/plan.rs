//! Which parts go: all that may, less those that something which stays needs, until nothing changes.

use std::collections::BTreeSet;

use super::{Found, Kept, Part, Request, evidence};
use crate::check::libraries::{Dangling, Graph};
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
    let graph = Graph::of(&survey.libraries, request.target);
    let mut parts: Vec<(Part, Globs)> = parts.into_iter().zip(guards).collect();
    // A part that stays needs what it imports, so every round looks at what is left. The order of the parts decides
    // nothing: a round judges all of them by the same state.
    loop {
        let going: BTreeSet<&str> = parts.iter().flat_map(|(part, _)| &part.files).map(String::as_str).collect();
        let goes = |path: &str| going.contains(path);
        let removed: BTreeSet<String> = going.iter().map(|path| survey.site.in_lambda(path)).collect();
        let removed: BTreeSet<&str> = removed.iter().map(String::as_str).collect();
        let mut reasons: Vec<Option<String>> =
            parts.iter().map(|(part, guarded)| evidence::needed_by(part, survey, &goes, guarded)).collect();
        let mut keep = |through: &[&str], reason: String| {
            for ((part, _), known) in parts.iter().zip(&mut reasons) {
                if through.iter().any(|path| part.files.contains(survey.site.of_lambda(path))) {
                    known.get_or_insert_with(|| reason.clone());
                }
            }
        };
        for loss in graph.losses(&removed) {
            let path = survey.site.of_lambda(loss.path);
            keep(&loss.through, format!("{path} uses a symbol of its libraries, or of what they load"));
        }
        let mut rewritten = Vec::new();
        for file in graph.dangling(&removed) {
            let path = survey.site.of_lambda(file.path);
            match without_needs(path, &file, tree, distributions, request)? {
                Ok(bytes) => {
                    let is_of =
                        |part: &Part| file.removed.iter().any(|path| part.files.contains(survey.site.of_lambda(path)));
                    let concerned = parts.iter().filter(|(part, _)| is_of(part));
                    let titles = concerned.map(|(part, _)| part.title.component.clone()).collect();
                    rewritten.push((path.to_owned(), bytes.into(), titles));
                }
                Err(reason) => keep(&file.removed, reason),
            }
        }
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

/// The bytes of a library without the names that lead nowhere any more, or why it cannot be without them.
fn without_needs(
    path: &str,
    file: &Dangling<'_>,
    tree: &Tree,
    distributions: &[Distribution],
    request: &Request<'_>,
) -> Result<std::result::Result<Vec<u8>, String>> {
    if !file.doubtful.is_empty() {
        return Ok(Err(format!("{path} needs {}, and more than one file goes by that name", file.doubtful.join(", "))));
    }
    let names = file.names.join(", ");
    if request.keep.matches(path) || stays_as_it_is(tree, path) {
        return Ok(Err(format!("{path} needs {names} and is kept as it is")));
    }
    let bytes = read(&tree[path], distributions)?;
    Ok(needed::drop(&bytes, &file.names).map_err(|reason| format!("{path} needs {names}: {reason}")))
}
