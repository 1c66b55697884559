//! What the shipped Python sources say: which modules they import, and which names and paths they write down.
//!
//! The rules ask here instead of guessing from a folder's name: `botocore.docs` is code.

use std::collections::{BTreeSet, HashSet};

use memchr::memmem;
use rayon::prelude::*;

use crate::error::Result;
use crate::python::source;
use crate::resolve::Distribution;
use crate::tree::{Owner, Tree, read};

/// What reads `.pyi` files at run time: `lazy_loader.attach_stub`, as scikit-image and others use it.
const STUB_READER: &str = "attach_stub";

/// What analysers that bundle stubs call them (jedi, mypy).
const STUB_NAMES: &[&str] = &[".pyi", "*.pyi", "pyi", "__init__.pyi", "builtins.pyi", "typeshed"];

/// How the end of a library's name looks in a source that puts the name together: `f"lib{name}.so"`, `"lib%s.so"`,
/// `name + ".so"`.
const NAME_ENDS: &[&str] = &["}.so", "%s.so", "\".so\"", "'.so'"];

/// One source file.
#[derive(Debug)]
pub(super) struct Module {
    /// Its path in the artifact.
    pub path: String,
    /// Whose it is.
    pub owner: Owner,
    /// Dotted names that it imports, or that it writes down as a string that could be one.
    pub imports: Vec<String>,
    /// The parts of every string that could be a path.
    pub mentions: HashSet<String>,
    /// Those of the words searched for that it says: as an identifier or a whole string, or inside of a string what is no
    /// identifier (`s3://`); in the function's own sources anywhere at all.
    pub words: HashSet<String>,
    /// Whether it reads stubs when it runs.
    pub reads_stubs: bool,
    /// Whether it puts file names in `.so` together when it runs.
    pub completes_library_names: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Survey {
    /// One for each source file, and one for each distribution's entry points.
    pub modules: Vec<Module>,
}

impl Survey {
    /// Reads every source file of a tree, in parallel, with an eye on some words.
    pub(super) fn of(tree: &Tree, distributions: &[Distribution], words: &BTreeSet<&str>) -> Result<Self> {
        let modules = tree
            .par_iter()
            .filter(|(path, _)| path.ends_with(".py") || path.ends_with(".dist-info/entry_points.txt"))
            .map(|(path, entry)| {
                let bytes = read(entry, distributions)?;
                let text = &bytes;
                Ok(if path.ends_with(".py") {
                    module(path, entry.owner, text, words)
                } else {
                    entry_points(path, entry.owner, text)
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { modules })
    }

    /// Whether a source of that owner, or of the function, puts file names in `.so` together.
    pub(super) fn completes_library_names(&self, owner: Owner) -> bool {
        let of = |module: &&Module| module.owner == owner || module.owner == Owner::Function;
        self.modules.iter().filter(of).any(|module| module.completes_library_names)
    }

    /// Whether a source of that owner writes the name down as a part of a path, outside of `folder`.
    pub(super) fn mentions(&self, owner: Owner, name: &str, folder: Option<&str>) -> bool {
        self.modules.iter().any(|module| {
            (module.owner == owner || module.owner == Owner::Function)
                && module.mentions.contains(name)
                && folder.is_none_or(|folder| !is_below(&module.path, folder))
        })
    }
}

/// Whether a path is in a folder.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn module(path: &str, owner: Owner, text: &[u8], words: &BTreeSet<&str>) -> Module {
    let scan = source::scan(text);
    let package: Vec<&str> = path.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    let mut imports = Vec::new();
    for import in &scan.imports {
        let Some(module) = absolute(&package, import.level, &import.module) else { continue };
        if let Some(name) = &import.name {
            imports.push(if module.is_empty() { name.clone() } else { format!("{module}.{name}") });
        }
        imports.push(module);
    }
    let mut mentions = HashSet::new();
    for string in &scan.strings {
        if string.contains('.') && !string.contains('/') {
            let level = string.len() - string.trim_start_matches('.').len();
            imports.extend(absolute(&package, level, &string[level..]));
        }
        mentions.extend(string.split('/').filter(|part| !part.is_empty()).map(str::to_owned));
    }
    imports.sort_unstable();
    imports.dedup();
    let reads_stubs = STUB_NAMES.iter().any(|name| mentions.contains(*name)) || source::mentions(text, STUB_READER);
    let said = |word: &&&str| {
        memmem::find(text, word.as_bytes()).is_some()
            && (owner == Owner::Function
                || mentions.contains(**word)
                || if is_identifier(word) { source::mentions(text, word) } else { source::says(text, word) })
    };
    let completes_library_names = NAME_ENDS.iter().any(|end| memmem::find(text, end.as_bytes()).is_some());
    let words = words.iter().filter(said).map(|word| (*word).to_owned()).collect();
    Module { path: path.to_owned(), owner, imports, mentions, words, reads_stubs, completes_library_names }
}

fn is_identifier(word: &str) -> bool {
    word.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// An import's dotted name seen from the top.
fn absolute(package: &[&str], level: usize, module: &str) -> Option<String> {
    if level == 0 {
        return Some(module.to_owned());
    }
    let mut parts: Vec<&str> = package.get(..(package.len() + 1).checked_sub(level)?)?.to_vec();
    if !module.is_empty() {
        parts.push(module);
    }
    Some(parts.join("."))
}

/// `name = package.module:object [extra]`: what importlib.metadata loads on request.
fn entry_points(path: &str, owner: Owner, text: &[u8]) -> Module {
    let text = String::from_utf8_lossy(text);
    let imports = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(_, value)| value.split([':', '[']).next().unwrap_or_default().trim().to_owned())
        .collect();
    Module {
        path: path.to_owned(),
        owner,
        imports,
        mentions: HashSet::new(),
        words: HashSet::new(),
        reads_stubs: false,
        completes_library_names: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(path: &str, text: &str) -> Vec<String> {
        module(path, Owner::Function, text.as_bytes(), &BTreeSet::new()).imports
    }

    #[test]
    fn relative_imports_are_seen_from_the_top() {
        assert_eq!(
            imports("a/b/c.py", "from . import x\nfrom .y import z\nfrom ..t import u\n"),
            ["a.b", "a.b.x", "a.b.y", "a.b.y.z", "a.t", "a.t.u"]
        );
        assert_eq!(imports("a/__init__.py", "from .tests import run\n"), ["a.tests", "a.tests.run"]);
        assert_eq!(imports("a.py", "from ...x import y\n"), [""; 0]);
    }

    #[test]
    fn strings_that_could_be_modules_count() {
        assert_eq!(
            imports("a/b.py", "importlib.import_module('a.tests.x')\nload('.tests')\n"),
            ["a.tests", "a.tests.x"]
        );
    }

    #[test]
    fn paths_are_taken_apart() {
        let module = module("a/b.py", Owner::Function, b"open('docs/openapi.yaml')", &BTreeSet::new());
        assert!(module.mentions.contains("docs") && module.mentions.contains("openapi.yaml"));
    }

    #[test]
    fn entry_points_name_modules() {
        let module = entry_points(
            "x.dist-info/entry_points.txt",
            Owner::Function,
            b"[group]\nname = a.tests.plugin:load [extra]\n",
        );
        assert_eq!(module.imports, ["a.tests.plugin"]);
    }
}
