//! Byte-identical copies of one shared library in one folder, of which only some names are ever asked for.
//!
//! Wheels cannot hold symbolic links, so that `libx.so`, `libx.so.1` and `libx.so.1.2` become three files. A name stays
//! if it is the library's soname, if a library in the artifact needs it, if it is a Python module, if a source writes it
//! down, or if a source of the same distribution or of the function puts names in `.so` together; one always stays.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::survey::Survey;
use crate::elf::dynamic::{self, Dynamic};
use crate::elf::is_library_name;
use crate::error::Result;
use crate::resolve::Distribution;
use crate::tree::{Entry, Source, Tree, read};

/// The copies that nothing names.
pub(super) fn find(tree: &Tree, distributions: &[Distribution], survey: &Survey) -> Result<Vec<String>> {
    let libraries: Vec<(&String, &Entry)> = tree.iter().filter(|(path, _)| is_library_name(path)).collect();
    let mut groups: BTreeMap<(&str, u64, u32), Vec<&String>> = BTreeMap::new();
    for (path, entry) in &libraries {
        if let Source::Wheel { distribution, member } = entry.source {
            let member = &distributions[distribution].wheel.archive.members()[member];
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            groups.entry((folder, member.size, member.crc)).or_default().push(path);
        }
    }
    groups.retain(|_, paths| paths.len() > 1);
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let names: BTreeMap<&String, Names> = libraries
        .par_iter()
        .map(|(path, entry)| {
            let bytes = read(entry, distributions)?;
            Ok(dynamic::read(&bytes).map(|dynamic| (*path, Names::of(&dynamic))))
        })
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    let needed: BTreeSet<&str> = names.values().flat_map(|names| names.needed.iter().map(String::as_str)).collect();
    let mut unnamed = Vec::new();
    for paths in groups.values() {
        // Equal bytes have equal dynamic sections; what is no library is no business of this rule.
        let Some(library) = names.get(paths[0]) else { continue };
        let wanted = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            let module = format!("PyInit_{}", name.split('.').next().unwrap_or(name));
            library.soname.as_deref() == Some(name)
                || needed.contains(name)
                || library.modules.contains(&module)
                || survey.modules.iter().any(|module| module.mentions.contains(name))
                || (name.ends_with(".so") && survey.completes_library_names(tree[path].owner))
        };
        let mut copies: Vec<&String> = paths.iter().filter(|path| !wanted(path)).copied().collect();
        if copies.len() == paths.len() {
            copies.remove(0);
        }
        unnamed.extend(copies.into_iter().cloned());
    }
    Ok(unnamed)
}

/// What is kept of a library that was read.
struct Names {
    soname: Option<String>,
    needed: Vec<String>,
    /// The init functions of the modules that it can be imported as.
    modules: Vec<String>,
}

impl Names {
    fn of(dynamic: &Dynamic) -> Self {
        Self {
            soname: dynamic.soname.as_deref().map(str::to_owned),
            needed: dynamic.needed.iter().map(|name| name.clone().into_owned()).collect(),
            modules: dynamic.init_functions().map(str::to_owned).collect(),
        }
    }
}
