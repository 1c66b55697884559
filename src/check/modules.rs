//! Which file Python would take for a module, in the order in which it looks.
//!
//! Source: `importlib._bootstrap_external`, `FileFinder.find_spec`: in a folder a package goes before an extension, that
//! before a source, that before bytecode without a source; a folder without `__init__` is a namespace, which only counts
//! if no later folder has the module.

use super::{Files, Question};
use crate::error::Result;
use crate::python::source::{self, Scan};

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A source, which can be read.
    Source,
    /// A shared library.
    Extension,
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
}

impl<'a> Modules<'a> {
    pub(super) fn new(files: &'a Files<'a>, question: &'a Question) -> Self {
        Self { files, search_path: &question.search_path }
    }

    /// The file that `import a.b.c` ends at.
    pub(super) fn find(&self, module: &str) -> Option<Module> {
        let mut folders = self.search_path.to_vec();
        let mut found = None;
        for name in module.split('.') {
            let module = self.find_in(&folders, name)?;
            folders.clone_from(&module.folders);
            found = Some(module);
        }
        found
    }

    /// The module of one name in folders.
    pub(super) fn find_in(&self, folders: &[String], name: &str) -> Option<Module> {
        if name.is_empty() {
            return None;
        }
        let mut namespace = Vec::new();
        for folder in folders {
            let place = format!("{folder}/{name}");
            if let Some((kind, path)) = self.file(&format!("{place}/__init__")) {
                return Some(Module { kind, path, folders: vec![place] });
            }
            if let Some((kind, path)) = self.file(&place) {
                return Some(Module { kind, path, folders: Vec::new() });
            }
            if self.files.has_folder(&place) {
                namespace.push(place);
            }
        }
        let path = namespace.first()?.clone();
        Some(Module { kind: Kind::Namespace, path, folders: namespace })
    }

    /// The file of a module whose path without an ending this is. Whether an extension is for this Python is asked
    /// elsewhere: it is found, and cannot be loaded.
    fn file(&self, stem: &str) -> Option<(Kind, String)> {
        let extension = self
            .files
            .starting_with(format!("{stem}."))
            .find(|(path, _)| path.ends_with(".so") && !path[stem.len()..].contains('/'));
        if let Some((path, _)) = extension {
            return Some((Kind::Extension, path.clone()));
        }
        [(Kind::Source, "py"), (Kind::Bytecode, "pyc")]
            .into_iter()
            .map(|(kind, ending)| (kind, format!("{stem}.{ending}")))
            .find(|(_, path)| self.files.files.contains_key(path))
    }

    /// Whether a source has one of these texts anywhere.
    pub(super) fn has_text(&self, path: &str, texts: &[&str]) -> Result<bool> {
        let Some(file) = self.files.files.get(path) else { return Ok(false) };
        let source = self.files.read(file)?;
        Ok(texts.iter().any(|text| memchr::memmem::find(&source, text.as_bytes()).is_some()))
    }

    /// What a source says; nothing if it is not there.
    pub(super) fn scan(&self, path: &str) -> Result<Scan> {
        match self.files.files.get(path) {
            Some(file) => Ok(source::scan(&self.files.read(file)?)),
            None => Ok(Scan::default()),
        }
    }
}
