//! What compiled files name: extension modules, libraries and programs, and bytecode without a source.
//!
//! They import as sources do, and all that shows of it are the names in their bytes. One pass over a file looks for all
//! names at once. What must stay true: a name that a file may have counts as named; where a file was made to match too
//! often, all names do.

use aho_corasick::AhoCorasick;

use super::survey::{Kind, Module};
use crate::python::{cython, marshal, source};
use crate::tree::Owner;

/// Matches of one file that are looked at; a real library has some thousands.
const MOST_MATCHES: usize = 1 << 24;

/// Shorter words stand in compiled code by chance, or in a sentence: those count as a text of their own only.
const DISTINCT: usize = 8;

/// What `.pyc` files begin with: magic, flags, and what tells whether they are stale (PEP 552).
const BYTECODE_HEADER: usize = 16;

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// A module, by its dotted name.
    Module,
    /// A word of a recipe.
    Word,
    /// An AWS service.
    Service,
    /// A file.
    File,
}

/// Names that compiled files are searched for.
#[derive(Debug, Default)]
pub(super) struct Names {
    automaton: Option<AhoCorasick>,
    names: Vec<(Sort, String)>,
}

impl Names {
    /// All of these, in any order. Where there are more than can be looked for at once, none: the caller bounds them.
    pub(super) fn new(names: impl IntoIterator<Item = (Sort, String)>) -> Self {
        let mut names: Vec<(Sort, String)> = names.into_iter().filter(|(_, name)| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        let automaton = AhoCorasick::new(names.iter().map(|(_, name)| name)).ok().filter(|_| !names.is_empty());
        Self { automaton, names }
    }

    /// All of them, each once.
    pub(super) fn all(&self) -> &[(Sort, String)] {
        &self.names
    }

    /// Those that stand in the bytes. `strictly` is for what may have them by chance.
    fn find(&self, bytes: &[u8], strictly: bool) -> Vec<(Sort, &str)> {
        let mut found = vec![false; self.names.len()];
        for (count, place) in self.automaton.iter().flat_map(|names| names.find_overlapping_iter(bytes)).enumerate() {
            if count >= MOST_MATCHES {
                found.fill(true);
                break;
            }
            let name = place.pattern().as_usize();
            found[name] = found[name] || counts(self.names[name].0, strictly, bytes, place.range());
        }
        let names = self.names.iter().zip(found).filter(|(_, found)| *found);
        names.map(|((sort, name), _)| (*sort, name.as_str())).collect()
    }
}

fn counts(sort: Sort, strictly: bool, bytes: &[u8], place: std::ops::Range<usize>) -> bool {
    let before = place.start.checked_sub(1).map(|before| bytes[before]);
    let after = bytes.get(place.end).copied();
    match sort {
        Sort::Module => true,
        // `libx.so.1` in `libx.so.1.2` is another name.
        Sort::File => !after.is_some_and(|byte| byte == b'.' || byte.is_ascii_digit()),
        Sort::Word if place.len() >= DISTINCT => true,
        Sort::Word | Sort::Service => !strictly || (before, after) == (Some(0), Some(0)),
    }
}

/// What a library, an extension module or a program names.
pub(super) fn library(path: &str, owner: Owner, bytes: &[u8], names: &Names) -> Module {
    let mut module = Module::new(path, owner, Kind::Compiled);
    add(&mut module, names.find(bytes, owner != Owner::Function));
    for text in cython::texts(bytes) {
        add(&mut module, names.find(&text, false));
    }
    module
}

/// What bytecode without a source says: its strings are those of the source, imports among them.
pub(super) fn bytecode(
    path: &str,
    owner: Owner,
    bytes: &[u8],
    minor: u8,
    words: &source::Words,
    names: &Names,
) -> Module {
    let mut module = Module::new(path, owner, Kind::Compiled);
    let code = bytes.get(BYTECODE_HEADER..).unwrap_or_default();
    match marshal::strings(code, minor) {
        Ok(strings) => {
            let (strings, texts) = source::of_texts(strings.into_iter(), words);
            module.take(&strings, texts);
            // `from . import x` is no more than the name.
            module.imports.push(module.package().join("."));
            module.loads_by_name = true;
        }
        Err(_) => add(&mut module, names.find(bytes, false)),
    }
    module
}

fn add(module: &mut Module, found: Vec<(Sort, &str)>) {
    for (sort, name) in found {
        match sort {
            Sort::Module => module.imports.push(name.to_owned()),
            Sort::Word => drop(module.words.insert(name.to_owned())),
            Sort::Service | Sort::File => drop(module.mentions.insert(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner::Distribution(0);

    fn names() -> Names {
        let names = [
            (Sort::Module, "lib.tests"),
            (Sort::Word, "load_iris"),
            (Sort::Word, "f2py"),
            (Sort::Service, "sqs"),
            (Sort::File, "libx.so.1"),
        ];
        Names::new(names.map(|(sort, name)| (sort, name.to_owned())))
    }

    fn found(bytes: &[u8], strictly: bool) -> Vec<String> {
        names().find(bytes, strictly).into_iter().map(|(_, name)| name.to_owned()).collect()
    }

    #[test]
    fn names_stand_in_bytes_with_or_without_an_end() {
        assert_eq!(found(b"\0xlib.tests.helpersload_iris2\0sqs\0", true), ["lib.tests", "load_iris", "sqs"]);
        assert_eq!(found(b"made by f2py; xsqs\0", true), [""; 0], "by chance, or in a sentence");
        assert_eq!(found(b"made by f2py; xsqs\0", false), ["f2py", "sqs"]);
        assert_eq!(found(b"libx.so.1.2\0libx.so.10\0", true), [""; 0]);
        assert_eq!(found(b"libx.so.1.2\0libx.so.1\0", true), ["libx.so.1"]);
    }

    #[test]
    fn a_file_that_matches_without_end_has_all_names() {
        let nested: Vec<(Sort, String)> = (1..600).map(|length| (Sort::Service, "a".repeat(length))).collect();
        let names = Names::new(nested);
        assert_eq!(names.find(&vec![b'a'; 40_000], true).len(), 599);
        assert_eq!(names.find(b"\0aaa\0", true).len(), 1);
    }

    #[test]
    fn bytecode_says_what_its_source_said() {
        // A tuple of names as CPython 3.13 writes it.
        let mut bytes = vec![0; BYTECODE_HEADER];
        bytes.push(b')');
        let strings = ["lib", "tests", "pyarrow.flight", "load", "a/b.txt"];
        bytes.push(u8::try_from(strings.len()).unwrap());
        for string in strings {
            bytes.extend([b'z', u8::try_from(string.len()).unwrap()]);
            bytes.extend(string.as_bytes());
        }
        let module = bytecode("lib/x.pyc", OWNER, &bytes, 13, &source::Words::new(["load"]), &Names::default());
        assert!(module.imports.contains(&"pyarrow.flight".to_owned()), "{:?}", module.imports);
        assert!(module.mentions.contains("b.txt") && module.words.contains("load"));
        assert!(module.joins("lib.tests"));
        bytes.truncate(bytes.len() - 1);
        let module =
            bytecode("lib/x.pyc", OWNER, &[&bytes[..], b"lib.tests"].concat(), 13, &source::Words::default(), &names());
        assert_eq!(module.imports, ["lib.tests"], "what cannot be read is searched");
    }
}
