//! Which file Python would take for a module, in the order in which it looks.
//!
//! Source: `importlib._bootstrap_external`, `FileFinder.find_spec`: in a folder a package goes before an extension, that
//! before a source, that before bytecode without a source; a folder without `__init__` is a namespace, which only counts
//! if no later folder has the module.

use std::collections::BTreeSet;

use super::libraries::{is_anothers, suffixes};
use super::{Files, Question, Shape};
use crate::error::Result;
use crate::lambda::Target;
use crate::python::source::{self, Scan};

/// How deep packages in namespaces are looked for.
const DEPTH: usize = 4;

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A source, which can be read.
    Source,
    /// A shared library that the target's Python looks for.
    Extension,
    /// A shared library that only another Python looks for: to the target's there is no such module.
    Foreign,
    /// A `.pyc` without a source.
    Bytecode,
    /// Folders without `__init__`.
    Namespace,
}

/// A module that was found.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// What it is.
    pub kind: Kind,
    /// The file; for a namespace its first folder.
    pub path: String,
    /// Where its submodules are looked for; empty for what is no package.
    pub folders: Vec<String>,
}

/// The files, seen as modules.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    pub files: &'a Files<'a>,
    pub search_path: &'a [String],
    target: Target,
    /// What an extension module's name ends with, in the order in which Python tries them.
    suffixes: Vec<String>,
}

impl<'a> Modules<'a> {
    pub(super) fn new(files: &'a Files<'a>, question: &'a Question) -> Self {
        let suffixes = suffixes(question.target, question.shape == Shape::Image);
        Self { files, search_path: &question.search_path, target: question.target, suffixes }
    }

    /// The file that `import a.b.c` ends at.
    pub(super) fn find(&self, module: &str) -> Option<Module> {
        let (mut found, is_whole) = self.way(module);
        found.pop().filter(|_| is_whole).map(|(_, found)| found)
    }

    /// The packages on the way to a module and itself, each with its dotted name, as far as they are there; and whether
    /// that is all of them.
    pub(super) fn way<'m>(&self, module: &'m str) -> (Vec<(&'m str, Module)>, bool) {
        let mut found: Vec<(&str, Module)> = Vec::new();
        let mut start = 0;
        for part in module.split('.') {
            let folders = found.last().map_or(self.search_path, |(_, package)| &package.folders);
            let Some(next) = self.find_in(folders, part) else { return (found, false) };
            found.push((&module[..start + part.len()], next));
            start += part.len() + 1;
        }
        (found, true)
    }

    /// The module of one name in folders.
    pub(super) fn find_in(&self, folders: &[String], name: &str) -> Option<Module> {
        if name.is_empty() {
            return None;
        }
        let mut namespace = Vec::new();
        let mut foreign = None;
        for folder in folders {
            let place = format!("{folder}/{name}");
            let package = self.file(&format!("{place}/__init__"));
            let is_package = package.is_some();
            if let Some((kind, path)) = package.or_else(|| self.file(&place)) {
                let folders = if is_package { vec![place.clone()] } else { Vec::new() };
                let module = Module { kind, path, folders };
                if kind != Kind::Foreign {
                    return Some(module);
                }
                foreign.get_or_insert(module);
            }
            if self.files.has_folder(&place) {
                namespace.push(place);
            }
        }
        match namespace.first() {
            Some(path) => Some(Module { kind: Kind::Namespace, path: path.clone(), folders: namespace }),
            None => foreign,
        }
    }

    /// The file of a module whose path without an ending this is.
    fn file(&self, stem: &str) -> Option<(Kind, String)> {
        let extensions = self.suffixes.iter().map(|suffix| (Kind::Extension, suffix.as_str()));
        extensions
            .chain([(Kind::Source, ".py"), (Kind::Bytecode, ".pyc")])
            .map(|(kind, ending)| (kind, format!("{stem}{ending}")))
            .find(|(_, path)| self.files.files.contains_key(path))
            .or_else(|| {
                let mut others = self.files.starting_with(format!("{stem}.")).map(|(path, _)| path);
                let other = others.find(|path| !path[stem.len()..].contains('/') && is_anothers(path, self.target))?;
                Some((Kind::Foreign, other.clone()))
            })
    }

    /// What can be imported by itself, each by its dotted name: what is at the top of the search path; below what is
    /// only a namespace, packages and extension modules. Other modules there are often scripts.
    pub(super) fn importable(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting: Vec<(String, Vec<String>)> = vec![(String::new(), self.search_path.to_vec())];
        while let Some((parent, folders)) = waiting.pop() {
            for name in self.names_in(&folders) {
                let Some(module) = self.find_in(&folders, name) else { continue };
                let dotted = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
                match module.kind {
                    Kind::Namespace if dotted.split('.').count() < DEPTH => waiting.push((dotted, module.folders)),
                    Kind::Namespace => {}
                    Kind::Source | Kind::Bytecode if !parent.is_empty() && module.folders.is_empty() => {}
                    _ => found.push(dotted),
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// The names that folders may have modules of.
    fn names_in(&self, folders: &[String]) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for folder in folders {
            for (path, _) in self.files.below(folder) {
                let inside = &path[folder.len() + 1..];
                let name = match inside.split_once('/') {
                    Some((name, _)) => name,
                    None if [".py", ".pyc", ".so"].iter().any(|ending| inside.ends_with(ending)) => {
                        inside.split('.').next().unwrap_or_default()
                    }
                    None => continue,
                };
                if !name.is_empty() && !name.contains('.') && name != "__pycache__" {
                    names.insert(name);
                }
            }
        }
        names
    }

    /// A source's text; nothing if it is not there.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.files.files.get(path).map_or_else(|| Ok(Vec::new()), |file| self.files.read(file))
    }

    /// What a source says, and whether it has NUL bytes; nothing if it is not there.
    pub(super) fn scan(&self, path: &str) -> Result<(Scan, bool)> {
        let Some(file) = self.files.files.get(path) else { return Ok(Default::default()) };
        self.files.said(file, "scan", |text| (source::scan(text), source::has_nul(text)))
    }
}
