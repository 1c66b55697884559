//! What compiled files say about parts: which libraries they name, whose symbols they use, which modules they import.
//!
//! What must stay true: a file's need of a library is dropped only if no symbol that it asks for is defined there. A
//! file that uses a symbol of a library, in whatever way it is loaded, keeps that library.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use memchr::memmem;
use rayon::prelude::*;

use super::Part;
use crate::elf::dynamic;
use crate::elf::is_library_name;
use crate::elf::strip::is_elf;
use crate::error::Result;
use crate::resolve::Distribution;
use crate::tree::{Entry, Tree, read};

/// What is known of one compiled file.
#[derive(Debug, Default)]
pub(super) struct Library {
    /// Names that it goes by: its file's and its soname.
    pub names: BTreeSet<String>,
    /// Libraries that it names.
    pub needs: Vec<String>,
    /// Symbols of parts that it wants, and whether it can do without.
    wants: Vec<(u32, bool)>,
    /// Symbols of parts that it defines.
    defines: Vec<u32>,
    /// Modules of parts that it writes down.
    pub modules: BTreeSet<String>,
}

/// All of a tree's.
#[derive(Debug)]
pub(super) struct Libraries {
    by_path: BTreeMap<String, Library>,
    symbols: Vec<String>,
}

impl Libraries {
    /// Reads every compiled file of a tree, with an eye on these parts.
    pub(super) fn of(tree: &Tree, distributions: &[Distribution], parts: &[Part]) -> Result<Self> {
        let files: Vec<(&String, &Entry)> = tree.iter().filter(|(path, _)| is_library_name(path)).collect();
        let in_parts = |path: &str| parts.iter().any(|part| part.files.contains(path));
        let mut defined: BTreeSet<Vec<u8>> = BTreeSet::new();
        for (_, entry) in files.iter().filter(|(path, _)| in_parts(path)) {
            let bytes = read(entry, distributions)?;
            if let Some(dynamic) = dynamic::read(&bytes) {
                defined
                    .extend(dynamic.symbols.iter().filter(|symbol| symbol.defined).map(|symbol| symbol.name.to_vec()));
            }
        }
        let mut places: HashMap<&[u8], u32> = HashMap::new();
        for (place, name) in (0..).zip(&defined) {
            places.insert(name, place);
        }
        let modules: BTreeSet<&str> = parts
            .iter()
            .flat_map(|part| &part.wanted.modules)
            .map(String::as_str)
            .filter(|m| m.contains('.'))
            .collect();
        let read_one = |path: &String, entry: &Entry| -> Result<Option<Library>> {
            let bytes = read(entry, distributions)?;
            if !is_elf(&bytes) {
                return Ok(None);
            }
            let mut library = Library::default();
            library.names.insert(file_name(path).to_owned());
            library.modules = modules
                .iter()
                .filter(|module| memmem::find(&bytes, module.as_bytes()).is_some())
                .map(|module| (*module).to_owned())
                .collect();
            let Some(dynamic) = dynamic::read(&bytes) else { return Ok(Some(library)) };
            library.names.extend(dynamic.soname.iter().map(ToString::to_string));
            library.needs = dynamic.needed.iter().map(ToString::to_string).collect();
            for symbol in &dynamic.symbols {
                let Some(place) = places.get(symbol.name) else { continue };
                if symbol.defined {
                    library.defines.push(*place);
                } else {
                    library.wants.push((*place, symbol.weak));
                }
            }
            Ok(Some(library))
        };
        let by_path = files
            .into_par_iter()
            .map(|(path, entry)| Ok(read_one(path, entry)?.map(|library| (path.clone(), library))))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        let symbols = defined.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Ok(Self { by_path, symbols })
    }

    /// The files that stay.
    pub(super) fn staying<'a>(
        &'a self,
        goes: &'a dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'a String, &'a Library)> {
        self.by_path.iter().filter(move |(path, _)| !goes(path))
    }

    /// Names that libraries go by which all go.
    pub(super) fn vanishing(&self, goes: &dyn Fn(&str) -> bool) -> BTreeMap<&str, Vec<&str>> {
        let staying: BTreeSet<&str> =
            self.staying(goes).flat_map(|(_, library)| &library.names).map(String::as_str).collect();
        let mut vanishing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (path, library) in self.by_path.iter().filter(|(path, _)| goes(path)) {
            for name in library.names.iter().filter(|name| !staying.contains(name.as_str())) {
                vanishing.entry(name).or_default().push(path);
            }
        }
        vanishing
    }

    /// The first file that stays and uses a symbol of a part's libraries, as a sentence.
    pub(super) fn user_of(&self, part: &Part, goes: &dyn Fn(&str) -> bool) -> Option<String> {
        let parts: Vec<&Library> = part.files.iter().filter_map(|path| self.by_path.get(path)).collect();
        let defined: BTreeSet<u32> = parts.iter().flat_map(|library| &library.defines).copied().collect();
        if defined.is_empty() {
            return None;
        }
        let names: BTreeSet<&str> = parts.iter().flat_map(|library| &library.names).map(String::as_str).collect();
        let elsewhere: BTreeSet<u32> = self.staying(goes).flat_map(|(_, library)| &library.defines).copied().collect();
        self.staying(goes).find_map(|(path, library)| {
            // Who names the library gets its symbols from there; who does not may get them through another.
            let direct = library.needs.iter().any(|name| names.contains(name.as_str()));
            let used = library
                .wants
                .iter()
                .find(|(symbol, weak)| defined.contains(symbol) && (direct || (!weak && !elsewhere.contains(symbol))));
            used.map(|(symbol, _)| format!("{path} uses its symbol {}", self.symbols[*symbol as usize]))
        })
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
