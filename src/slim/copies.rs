//! Byte-identical copies of one shared library in one folder, of which only some names are ever asked for.
//!
//! Wheels cannot hold symbolic links, so that `libx.so`, `libx.so.1` and `libx.so.1.2` become three files. A name stays
//! if it is the library's soname, if a library in the artifact needs it, if it is a Python module, if a source or a
//! compiled file has it, or if a source of the same distribution or of the function puts such names together; one always
//! stays.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::survey::Survey;
use crate::elf::is_library_name;
use crate::resolve::Distribution;
use crate::tree::{Source, Tree};

/// The copies of a tree, by what makes them equal.
pub(super) struct Copies<'a>(Vec<Vec<&'a str>>);

impl<'a> Copies<'a> {
    /// Equal size and CRC-32 is equal bytes here: every wheel was compared with its RECORD.
    pub(super) fn of(tree: &'a Tree, distributions: &[Distribution]) -> Self {
        let mut groups: BTreeMap<(&str, u64, u32), Vec<&str>> = BTreeMap::new();
        for (path, entry) in tree.iter().filter(|(path, _)| is_library_name(path)) {
            if let Source::Wheel { distribution, member } = entry.source {
                let member = &distributions[distribution].wheel.archive.members()[member];
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                groups.entry((folder, member.size, member.crc)).or_default().push(path);
            }
        }
        Self(groups.into_values().filter(|paths| paths.len() > 1).collect())
    }

    /// The names that other files may have.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().flatten().map(|path| name(path).to_owned())
    }

    /// Those that nothing names.
    pub(super) fn unnamed(&self, tree: &Tree, survey: &Survey, index: &Index<'_>) -> Vec<String> {
        let libraries = || tree.keys().filter_map(|path| survey.library(path));
        let needed: BTreeSet<&str> = libraries().flat_map(|library| &library.needed).map(|path| name(path)).collect();
        let mut unnamed = Vec::new();
        for paths in &self.0 {
            // Equal bytes have equal dynamic sections; what is no library is no business of this rule.
            let Some(library) = survey.library(paths[0]) else { continue };
            let wanted = |path: &str| {
                let name = name(path);
                let module = format!("PyInit_{}", name.split('.').next().unwrap_or(name));
                library.soname.as_deref() == Some(name)
                    || needed.contains(name)
                    || library.modules.contains(&module)
                    || index.is_mentioned(name)
                    || tree.get(path).is_none_or(|entry| index.completes_library(entry.owner, name))
            };
            let mut copies: Vec<&str> = paths.iter().filter(|path| !wanted(path)).copied().collect();
            if copies.len() == paths.len() {
                copies.remove(0);
            }
            unnamed.extend(copies.into_iter().map(str::to_owned));
        }
        unnamed
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
