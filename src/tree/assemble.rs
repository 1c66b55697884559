//! The wheels and the function's files, laid over each other as `pip install --target` lays them.
//!
//! Distributions come in pip's installation order, and where two bring one path the later one's file stays. The
//! function's own files come last.

use std::collections::BTreeMap;

use super::{Entry, Owner, Site, Source, Tree};
use crate::error::{Error, Result};
use crate::lambda::PythonVersion;
use crate::project::FunctionFile;
use crate::resolve::Distribution;
use crate::tree;

/// A path that two bring, with different bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The path in the ZIP.
    pub path: String,
    /// Whose file was laid down first and is gone.
    pub lost: Owner,
    /// Whose file is in the artifact.
    pub kept: Owner,
}

/// A tree, and what was covered on the way.
#[derive(Debug)]
pub struct Assembled {
    /// The files.
    pub tree: Tree,
    /// Paths that two brought with different bytes.
    pub overlaps: Vec<Overlap>,
}

/// Lays the distributions' files and those of the function's or layer's own over each other.
pub fn assemble(
    distributions: &[Distribution],
    own: &[FunctionFile],
    python: PythonVersion,
    at: &Site,
) -> Result<Assembled> {
    let mut tree = Tree::new();
    let mut overlaps = Vec::new();
    let mut checksums: BTreeMap<String, (u64, u32)> = BTreeMap::new();
    for (index, distribution) in distributions.iter().enumerate() {
        let wheel = &distribution.wheel;
        let placed = wheel.placed().map_err(|source| Error::wheel(&wheel.filename, source))?;
        for place in placed {
            let member = &wheel.archive.members()[place.member];
            let owner = Owner::Distribution(index);
            // Every wheel was compared with RECORD when it was cached: equal size and CRC-32 is equal bytes here.
            let checksum = (member.size, member.crc);
            let before = checksums.insert(place.path.clone(), checksum);
            let mut source = Source::Wheel { distribution: index, member: place.member };
            let mut size = member.size;
            if place.script
                && let Some(bytes) = with_interpreter(
                    &tree::read(&Entry { executable: true, owner, source: source.clone(), size }, distributions)?,
                    python,
                )
            {
                size = bytes.len() as u64;
                source = Source::Memory(bytes.into());
            }
            let entry = Entry { executable: place.executable, owner, source, size };
            if let (Some(lost), Some(before)) = (tree.insert(place.path.clone(), entry), before)
                && before != checksum
            {
                let path = at.in_zip(&place.path).into_owned();
                overlaps.push(Overlap { path, lost: lost.owner, kept: owner });
            }
        }
    }
    for file in own {
        let entry = Entry {
            executable: file.executable,
            owner: Owner::Function,
            source: Source::File(file.source.clone()),
            size: file.size,
        };
        if let Some(lost) = tree.insert(at.path(&file.path).into_owned(), entry) {
            overlaps.push(Overlap { path: file.path.clone(), lost: lost.owner, kept: Owner::Function });
        }
    }
    check_folders(&tree, distributions, at)?;
    Ok(Assembled { tree, overlaps })
}

/// Refuses a path that would have to be a file and a folder.
fn check_folders(tree: &Tree, distributions: &[Distribution], at: &Site) -> Result<()> {
    for (path, entry) in tree {
        let path = at.in_zip(path);
        for (end, _) in path.match_indices('/') {
            if let Some(file) = tree.get(at.path(&path[..end]).as_ref()) {
                return Err(Error::FileAndFolder {
                    path: path[..end].to_owned(),
                    file_owner: describe(file.owner, distributions, at),
                    folder_owner: describe(entry.owner, distributions, at),
                });
            }
        }
    }
    Ok(())
}

/// A wheel's script begins with `#!python`; the runtime's interpreter goes there, as installers do it.
fn with_interpreter(script: &[u8], python: PythonVersion) -> Option<Vec<u8>> {
    let rest = script.strip_prefix(b"#!python")?;
    let line = rest.iter().position(|byte| *byte == b'\n')?;
    Some([format!("#!/var/lang/bin/python{python}").as_bytes(), &rest[line..]].concat())
}

impl Overlap {
    /// As a warning says it.
    pub fn describe(&self, distributions: &[Distribution], at: &Site) -> String {
        let (lost, kept) = (describe(self.lost, distributions, at), describe(self.kept, distributions, at));
        format!("{} is in {lost} and in {kept}; the artifact has the one of {kept}, as pip would", self.path)
    }
}

fn describe(owner: Owner, distributions: &[Distribution], at: &Site) -> String {
    match owner {
        Owner::Distribution(index) => format!("{} {}", distributions[index].name, distributions[index].version),
        Owner::Function => at.owner().to_owned(),
    }
}
