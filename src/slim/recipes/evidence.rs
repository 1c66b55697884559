//! Who imports a part or says its names.

use super::super::survey::{Kind, Module, Survey, is_in};
use super::data::Wanted;
use super::{Globs, Part};
use crate::tree::Owner;

/// The first file outside of what goes that needs a part, as a sentence.
pub(super) fn needed_by(part: &Part, survey: &Survey, goes: &dyn Fn(&str) -> bool, guarded: &Globs) -> Option<String> {
    survey
        .modules
        .iter()
        .filter(|module| !part.files.contains(&module.path) && !goes(&module.path) && !guarded.matches(&module.path))
        .find_map(|module| needs(module, &part.wanted, part.owner))
}

fn needs(module: &Module, wanted: &Wanted, owner: Owner) -> Option<String> {
    let who = if module.path.is_empty() { "the handler" } else { &module.path };
    let verb = if module.kind == Kind::Source { "imports" } else { "names" };
    if let Some(import) = wanted.modules.iter().find(|known| module.imports.iter().any(|import| is_in(import, known))) {
        return Some(format!("{who} {verb} {import}"));
    }
    if let Some(import) = wanted.modules.iter().find(|known| module.joins(known)) {
        return Some(format!("{who} imports {import} by parts of its name"));
    }
    let opens = |known: &&String| module.opens.iter().any(|package| *package != **known && is_in(known, package));
    if let Some(import) = wanted.modules.iter().find(opens) {
        return Some(format!("{who} imports by names that only a run knows, which may be {import}"));
    }
    // A distribution's own libraries define what others say.
    let says = |word: &&String| module.words.contains(word.as_str());
    let word = wanted.words.iter().filter(|_| module.kind != Kind::Compiled || module.owner != owner).find(says)?;
    // What a distribution's own sources say of itself is in the recipe; a guard that is missing keeps the part.
    let whose = if module.owner == owner { "of the same distribution " } else { "" };
    Some(format!("{who} {whose}says {word}"))
}
