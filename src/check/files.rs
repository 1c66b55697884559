//! Files as they will lie in Lambda's file system, wherever their bytes are now.
//!
//! What must stay true: paths are absolute, normal and unique (`/var/task/app.py`, `/opt/python/pkg/x.so`); bytes are
//! read only when a check asks for them. For an image every file of its root file system is here, its own system
//! libraries (`/lib64`, `/usr/lib64`) included, under every path that a link makes for it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Bound;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::archive::{Archive, Modified};
use crate::error::{Error, Result};
pub use crate::lambda::{LAYERS, TASK};
use crate::resolve::Distribution;
use crate::tree::{self, Entry, Owner, Site, Tree};

/// Files above this are read one at a time, so that only one of them is in memory.
pub const LARGE_BYTES: u64 = 32 << 20;

/// Where a file's bytes are now.
#[derive(Clone, Debug)]
pub enum Origin<'a> {
    /// In a tree that is being built.
    Tree(&'a Entry),
    /// In a ZIP.
    Zip {
        /// The archive.
        archive: Arc<Archive>,
        /// The member's place in it.
        member: usize,
    },
    /// On this machine.
    Disk(PathBuf),
    /// A part of an open file: of the unpacked layer of an image.
    Part {
        /// The file.
        file: Arc<std::fs::File>,
        /// Where the part begins.
        offset: u64,
    },
}

/// One file.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// Where its bytes are.
    pub origin: Origin<'a>,
}

/// All of them, by path.
#[derive(Debug, Default)]
pub struct Files<'a> {
    /// By path in Lambda.
    pub files: BTreeMap<String, File<'a>>,
    /// Permission bits of folders, where they are known.
    pub folders: BTreeMap<String, u32>,
    /// Whose wheels a tree's entries are in.
    distributions: &'a [Distribution],
}

impl<'a> Files<'a> {
    /// A tree, where Lambda puts its files.
    pub fn of_tree(tree: &'a Tree, distributions: &'a [Distribution], site: &Site) -> Self {
        let file = |entry: &'a Entry| File {
            size: entry.size,
            mode: if entry.executable { 0o755 } else { 0o644 },
            origin: Origin::Tree(entry),
        };
        let files = tree.iter().map(|(path, entry)| (site.in_lambda(path), file(entry))).collect();
        Self { files, folders: BTreeMap::new(), distributions }
    }

    /// The whole content of a file.
    pub fn read(&self, file: &File) -> Result<Vec<u8>> {
        match &file.origin {
            Origin::Tree(entry) => tree::read(entry, self.distributions),
            Origin::Zip { archive, member } => {
                archive.read(*member).map_err(|error| Error::io("read", archive.path())(std::io::Error::other(error)))
            }
            Origin::Disk(path) => std::fs::read(path).map_err(Error::io("read", path)),
            Origin::Part { file: whole, offset } => {
                let failed = Error::io("read", "the unpacked layer of an image");
                let length = usize::try_from(file.size).map_err(std::io::Error::other);
                let read = length.and_then(|length| {
                    let mut bytes = vec![0; length];
                    whole.read_exact_at(&mut bytes, *offset)?;
                    Ok(bytes)
                });
                read.map_err(failed)
            }
        }
    }

    /// What `say` says of a file's content; of a wheel's file only if that is not known yet under the name of the question.
    pub fn said<T: Serialize + DeserializeOwned>(
        &self,
        file: &File,
        what: &str,
        say: impl FnOnce(&[u8]) -> T,
    ) -> Result<T> {
        match &file.origin {
            Origin::Tree(entry) => tree::Asked::new(entry, self.distributions).said(what, say),
            _ => Ok(say(&self.read(file)?)),
        }
    }

    /// The first bytes of a file.
    pub fn start(&self, file: &File, length: usize) -> Result<Vec<u8>> {
        match &file.origin {
            Origin::Zip { archive, member } => archive
                .start(*member, length)
                .map_err(|error| Error::io("read", archive.path())(std::io::Error::other(error))),
            Origin::Disk(path) => {
                let mut bytes = Vec::new();
                std::fs::File::open(path)
                    .and_then(|file| file.take(length as u64).read_to_end(&mut bytes))
                    .map_err(Error::io("read", path))?;
                Ok(bytes)
            }
            Origin::Part { .. } => self.read(&File { size: file.size.min(length as u64), ..file.clone() }),
            Origin::Tree(entry) => {
                let mut bytes = tree::read(entry, self.distributions)?;
                bytes.truncate(length);
                Ok(bytes)
            }
        }
    }

    /// When a file was last changed, where that is known and will still be true on Lambda.
    pub fn modified(&self, file: &File) -> Option<Modified> {
        match &file.origin {
            Origin::Zip { archive, member } => Some(archive.members()[*member].modified),
            Origin::Disk(path) => {
                let time = std::fs::metadata(path).ok()?.modified().ok()?;
                let seconds = time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
                Some(Modified::Exactly(i64::try_from(seconds).ok()?))
            }
            Origin::Tree(_) | Origin::Part { .. } => None,
        }
    }

    /// Who brought a file, where the build knows.
    pub fn owner(&self, file: &File) -> Option<Owner> {
        match &file.origin {
            Origin::Tree(entry) => Some(entry.owner),
            _ => None,
        }
    }

    /// The normalised name of a distribution of the build.
    pub fn distribution(&self, owner: Owner) -> Option<&'a str> {
        match owner {
            Owner::Distribution(index) => self.distributions.get(index).map(|known| known.name.as_str()),
            Owner::Function => None,
        }
    }

    /// The files below a folder, at any depth.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = (&String, &File<'a>)> {
        self.starting_with(format!("{folder}/"))
    }

    /// The files whose paths start with a text.
    pub fn starting_with(&self, start: String) -> impl Iterator<Item = (&String, &File<'a>)> {
        self.files
            .range::<String, _>((Bound::Included(&start), Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(&start))
    }

    /// Whether there is a folder of that path with a file in it.
    pub fn has_folder(&self, folder: &str) -> bool {
        self.below(folder).next().is_some()
    }
}
