//! The modules that a function bundles, apart from its own: those that were seen to load are not imported again for another
//! handler.
//!
//! What must stay true: what is passed over would load. So it depends on everything that such an import can see but what the
//! function's own files say; and a module counts only if it was imported without the handler, and Python opened none of these for it.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Packed;
use crate::archive::Archive;
use crate::cache::{Cache, Results};
use crate::imports::Imports;
use crate::resolve::Distribution;
use crate::tree::{Owner, Site};

pub(super) struct Others {
    /// A digest of the artifact: of own files only where they are, of others also wheels, sizes and checksums.
    pub(super) files: String,
    /// The own files, by their paths in Lambda.
    pub(super) own: Vec<String>,
}

impl Others {
    pub(super) fn of(packed: &Packed, distributions: &[Distribution], archive: &Archive, site: &Site) -> Self {
        let mut hasher = Sha256::new();
        let mut own = Vec::new();
        for member in archive.members() {
            hasher.update(format!("{}\0", member.name));
            match packed.compiled.tree.get(&member.name).map(|entry| entry.owner) {
                Some(Owner::Distribution(index)) => {
                    let wheel = &distributions[index].sha256;
                    hasher.update(format!("{wheel} {} {} {}\0", member.executable, member.size, member.crc));
                }
                _ => own.push(site.in_lambda(&member.name)),
            }
        }
        Self { files: data_encoding::HEXLOWER.encode(&hasher.finalize()), own }
    }

    /// The modules that loaded by themselves. None where any had a library of this machine: that has to be told each time.
    pub(super) fn that_load(imports: &Imports) -> BTreeSet<String> {
        if imports.foreign().is_empty() { imports.alone.clone() } else { BTreeSet::new() }
    }
}

/// Modules that were seen to load.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What the cache calls them; empty where they are not kept.
    key: String,
    modules: BTreeSet<String>,
}

impl Known {
    /// What earlier tests saw.
    pub(super) fn recall(key: String, cache: &Cache) -> Self {
        let modules = cache.result(Results::Imports, &key).unwrap_or_default();
        Self { key, modules }
    }

    /// Those of the modules that nobody saw yet.
    pub(super) fn lacks(&self, modules: &[String]) -> Vec<String> {
        modules.iter().filter(|module| !self.modules.contains(*module)).cloned().collect()
    }

    /// Keeps more of them. What cannot be kept is tested again.
    pub(super) fn add(&mut self, more: BTreeSet<String>, cache: &Cache) {
        if !self.key.is_empty() && !more.is_empty() {
            self.modules.extend(more);
            let _ = cache.remember_result(Results::Imports, &self.key, &self.modules);
        }
    }
}
