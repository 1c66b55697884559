//! What all modules of an owner say together, so that each question about a name is one look.

use std::collections::{HashMap, HashSet};

use super::survey::{Module, is_below};
use crate::tree::Owner;

/// More middles of library names than any distribution puts together: then any name may be.
const MOST_MIDDLES: usize = 100;

#[derive(Debug, Default)]
struct Said<'a> {
    /// Each name with the first and the last module that mentions it. Modules are in the order of their paths, in which
    /// those of a folder are neighbours: if neither is in the folder, or one is not, somebody outside mentions it.
    mentions: HashMap<&'a str, (&'a str, &'a str)>,
    /// How names that are put together end, begin, and what is in the middle of those of libraries.
    ends: HashSet<&'a str>,
    begins: HashSet<&'a str>,
    middles: HashSet<&'a str>,
    reads_stubs: bool,
}

/// The answers.
#[derive(Debug)]
pub(super) struct Index<'a>(HashMap<Owner, Said<'a>>);

impl<'a> Index<'a> {
    /// Of these modules, which are in the order of their paths.
    pub(super) fn of(modules: impl IntoIterator<Item = &'a Module>) -> Self {
        let mut index: HashMap<Owner, Said<'a>> = HashMap::new();
        for module in modules {
            let said = index.entry(module.owner).or_default();
            for name in &module.mentions {
                said.mentions.entry(name).or_insert((&module.path, &module.path)).1 = &module.path;
            }
            for part in &module.partial {
                match (part.before, part.after) {
                    (true, false) => drop(said.ends.insert(&part.text)),
                    (false, true) => drop(said.begins.insert(&part.text)),
                    _ if part.text.contains(".so") => drop(said.middles.insert(&part.text)),
                    _ => {}
                }
            }
            said.reads_stubs |= module.reads_stubs;
        }
        Self(index)
    }

    /// What is said by that owner, and by the function.
    fn of_owner(&self, owner: Owner) -> impl Iterator<Item = &Said<'a>> {
        let function = self.0.get(&Owner::Function).filter(|_| owner != Owner::Function);
        self.0.get(&owner).into_iter().chain(function)
    }

    /// Whether a module of that owner, or of the function, writes the name down as a part of a path, outside of `folder`.
    pub(super) fn mentions(&self, owner: Owner, name: &str, folder: Option<&str>) -> bool {
        let outside = |path: &str| folder.is_none_or(|folder| !is_below(path, folder));
        self.of_owner(owner)
            .filter_map(|said| said.mentions.get(name))
            .any(|(first, last)| outside(first) || outside(last))
    }

    /// Whether any module writes the name down.
    pub(super) fn is_mentioned(&self, name: &str) -> bool {
        self.0.values().any(|said| said.mentions.contains_key(name))
    }

    /// Whether a module of that owner, or of the function, puts a file's name together that may be this one.
    pub(super) fn completes(&self, owner: Owner, name: &str) -> bool {
        let Some(dot) = name.rfind('.') else { return false };
        let places = || name.char_indices().map(|(place, _)| place);
        self.of_owner(owner).any(|said| {
            // Its ending at least is written down.
            places().take_while(|place| *place <= dot).any(|place| said.ends.contains(&name[place..]))
        })
    }

    /// The same for the name of a library, which goes on after its `.so`.
    pub(super) fn completes_library(&self, owner: Owner, name: &str) -> bool {
        let places = || name.char_indices().map(|(place, _)| place);
        let speaks = |part: &str| part.contains(".so");
        self.of_owner(owner).any(|said| {
            (name.ends_with(".so") && said.mentions.contains_key(".so"))
                || places().any(|place| speaks(&name[place..]) && said.ends.contains(&name[place..]))
                || places().any(|place| speaks(&name[..place]) && said.begins.contains(&name[..place]))
                || said.middles.len() > MOST_MIDDLES
                || said.middles.iter().any(|part| name.contains(part))
        })
    }

    /// Whether a module of that owner reads stubs when it runs.
    pub(super) fn reads_stubs(&self, owner: Owner) -> bool {
        self.0.get(&owner).is_some_and(|said| said.reads_stubs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::survey::{Survey, Wanted};
    use super::*;
    use crate::tree::{Entry, Source, Tree};

    const OWNER: Owner = Owner::Distribution(0);

    fn survey(files: &[(&str, &str)]) -> Survey {
        let entry = |text: &str| Entry {
            executable: false,
            owner: OWNER,
            source: Source::Memory(text.as_bytes().into()),
            size: text.len() as u64,
        };
        let tree: Tree = files.iter().map(|(path, text)| ((*path).to_owned(), entry(text))).collect();
        Survey::of(&tree, &[], &Wanted::default()).unwrap()
    }

    #[test]
    fn a_folder_that_only_names_itself() {
        let survey = survey(&[
            ("a/docs/x.py", "'a' + 'docs'"),
            ("a/docs/y.py", "f('docs')"),
            ("a/docs-x.py", ""),
            ("b/docs/x.py", "f('a/docs')"),
        ]);
        let index = survey.index();
        assert!(index.mentions(OWNER, "docs", Some("a/docs")) && index.mentions(OWNER, "docs", Some("b/docs")));
        let survey = super::tests::survey(&[("a/docs/x.py", "f('docs')"), ("a/docs/y.py", "f('docs')")]);
        assert!(!survey.index().mentions(OWNER, "docs", Some("a/docs")));
        assert!(survey.index().mentions(OWNER, "docs", None));
        assert!(!survey.index().mentions(Owner::Distribution(1), "docs", None));
    }

    #[test]
    fn names_that_are_put_together() {
        let survey = survey(&[("a.py", "x = f'{n}.h', f'a.{k}', f'{n}_x.pyi', f'{a}.{b}'")]);
        let completes = |name: &str| survey.index().completes(OWNER, name);
        assert!(completes("a.h") && completes("a_x.pyi"));
        assert!(!completes("a.hpp") && !completes("a.pyi") && !completes("h"));
    }

    #[test]
    fn libraries_whose_names_are_put_together() {
        for (source, named, other) in [
            ("x = f'lib{n}.so'", "libx.so", "libx.so.1"),
            ("x = n + '.so'", "libx.so", "libx.so.1"),
            ("x = '.so'", "libx.so", "libx.so.1"),
            ("x = f'libx.so.{v}'", "libx.so.1", "liby.so.1"),
            ("x = 'lib%s.so.%d' % n", "libx.so.1", "libx.so"),
            ("x = f'{n}.so.1'", "libx.so.1", "libx.so.2"),
        ] {
            let survey = survey(&[("a.py", source)]);
            let completes = |name: &str| survey.index().completes_library(OWNER, name);
            assert!(completes(named) && !completes(other), "{source}");
        }
    }
}
