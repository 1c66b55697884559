//! Files as they will lie in Lambda's file system, wherever their bytes are now.
//!
//! What must stay true: paths are absolute, normal and unique (`/var/task/app.py`, `/opt/python/pkg/x.so`); bytes are
//! read only when a check asks for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::resolve::Distribution;
use crate::tree::{self, Entry, Tree};

/// Where a function's own folder is.
pub const TASK: &str = "/var/task";

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
    /// Whose wheels a tree's entries are in.
    distributions: &'a [Distribution],
}

impl<'a> Files<'a> {
    /// A tree as a function's ZIP has it.
    pub fn of_tree(tree: &'a Tree, distributions: &'a [Distribution]) -> Self {
        let file = |entry: &'a Entry| File {
            size: entry.size,
            mode: if entry.executable { 0o755 } else { 0o644 },
            origin: Origin::Tree(entry),
        };
        let files = tree.iter().map(|(path, entry)| (format!("{TASK}/{path}"), file(entry))).collect();
        Self { files, distributions }
    }

    /// The whole content of a file.
    pub fn read(&self, file: &File) -> Result<Vec<u8>> {
        match &file.origin {
            Origin::Tree(entry) => tree::read(entry, self.distributions),
            Origin::Zip { archive, member } => {
                archive.read(*member).map_err(|error| Error::io("read", archive.path())(std::io::Error::other(error)))
            }
            Origin::Disk(path) => std::fs::read(path).map_err(Error::io("read", path)),
        }
    }
}
