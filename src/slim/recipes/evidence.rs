//! Who imports a part or says its names.

use super::super::survey::{Module, Survey};
use super::data::Wanted;
use super::{Globs, Part};
use crate::tree::Owner;

/// The first source outside of what goes that needs a part, as a sentence.
pub(super) fn needed_by_source(
    part: &Part,
    survey: &Survey,
    goes: &dyn Fn(&str) -> bool,
    guarded: &Globs,
) -> Option<String> {
    survey
        .modules
        .iter()
        .filter(|module| !part.files.contains(&module.path) && !goes(&module.path) && !guarded.matches(&module.path))
        .find_map(|module| needs(module, &part.wanted, part.owner))
}

fn needs(module: &Module, wanted: &Wanted, owner: Owner) -> Option<String> {
    if let Some(import) = wanted.modules.iter().find(|known| module.imports.iter().any(|import| is_in(import, known))) {
        return Some(format!("{} imports {import}", module.path));
    }
    // `import_module(f"package.{name}")`. What a distribution says so of itself is mostly a message.
    let may_be = |import: &String, known: &str| import.ends_with('.') && known.starts_with(import.as_str());
    if module.owner != owner
        && let Some(known) =
            wanted.modules.iter().find(|known| module.imports.iter().any(|import| may_be(import, known)))
    {
        return Some(format!("{} puts the name of a module together that may be {known}", module.path));
    }
    let word = wanted.words.iter().find(|word| module.words.contains(word.as_str()))?;
    // What a distribution's own sources say of itself is in the recipe; a guard that is missing keeps the part.
    let whose = if module.owner == owner { "of the same distribution " } else { "" };
    Some(format!("{} {whose}says {word}", module.path))
}

/// Whether an import is of a module or of something in it.
fn is_in(import: &str, module: &str) -> bool {
    import.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
