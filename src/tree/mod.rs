//! Every file of an artifact, before any is written.
//!
//! What must stay true: paths are `/`-separated and unique, no path is a file and a folder at once, and an entry knows who
//! brought it. Where they lie in Lambda, [`Site`] says. Stages take a tree and give a tree; bytes are read only when they
//! are needed.

mod assemble;
mod site;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use assemble::{Assembled, Overlap, assemble};
pub use site::Site;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::resolve::Distribution;

/// Who brought a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The distribution at that place of the resolution.
    Distribution(usize),
    /// The function's own folder; the layer's own, where a layer is built.
    #[default]
    Function,
}

/// Where an entry's bytes are.
#[derive(Clone, Debug)]
pub enum Source {
    /// A member of a wheel.
    Wheel {
        /// The distribution's place in the resolution.
        distribution: usize,
        /// The member's place in its archive.
        member: usize,
    },
    /// A file on this machine.
    File(PathBuf),
    /// A member of an archive that is only looked at: a layer of the function that is built.
    Member {
        /// The archive.
        archive: Arc<Archive>,
        /// The member's place in it.
        member: usize,
    },
    /// Made by this build.
    Memory(Arc<[u8]>),
    /// Bytecode that this build made of a distribution's source.
    Compiled {
        /// The distribution's place in the resolution.
        distribution: usize,
        /// The whole `.pyc`.
        bytes: Arc<[u8]>,
    },
    /// Bytecode that an earlier build made, kept packed, in the cache of a distribution's bytecode.
    Cached {
        /// The distribution's place in the resolution.
        distribution: usize,
        /// The cache's file.
        archive: Arc<Archive>,
        /// The member's place in it.
        member: usize,
    },
}

/// A file of the artifact.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whether it is executable (mode 755, else 644).
    pub executable: bool,
    /// Who brought it.
    pub owner: Owner,
    /// Where its bytes are.
    pub source: Source,
    /// Its size in bytes, before any rewriting.
    pub size: u64,
}

/// The files by path.
pub type Tree = BTreeMap<String, Entry>;

/// Reads an entry's bytes as its source has them.
pub fn read(entry: &Entry, distributions: &[Distribution]) -> Result<Vec<u8>> {
    match &entry.source {
        Source::Wheel { distribution, member } => {
            let wheel = &distributions[*distribution].wheel;
            wheel.archive.read(*member).map_err(|source| Error::wheel(&wheel.filename, source))
        }
        Source::File(path) => std::fs::read(path).map_err(Error::io("read", path)),
        Source::Memory(bytes) | Source::Compiled { bytes, .. } => Ok(bytes.to_vec()),
        Source::Cached { archive, member, .. } | Source::Member { archive, member } => {
            archive.read(*member).map_err(|error| Error::io("read", archive.path())(std::io::Error::other(error)))
        }
    }
}

/// An entry that is asked several questions, and read once at most.
pub struct Asked<'a> {
    entry: &'a Entry,
    distributions: &'a [Distribution],
    bytes: OnceCell<Vec<u8>>,
}

impl<'a> Asked<'a> {
    /// Reads nothing yet.
    pub fn new(entry: &'a Entry, distributions: &'a [Distribution]) -> Self {
        Self { entry, distributions, bytes: OnceCell::new() }
    }

    /// What `say` says of its bytes, under a name for the question: a wheel's file that was asked before is not read again.
    pub fn said<T: Serialize + DeserializeOwned>(&self, what: &str, say: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let read = || {
            if self.bytes.get().is_none() {
                let _ = self.bytes.set(read(self.entry, self.distributions)?);
            }
            Ok(say(self.bytes.get().map_or(&[], Vec::as_slice)))
        };
        match &self.entry.source {
            Source::Wheel { distribution, member } => self.distributions[*distribution].facts.of(*member, what, read),
            _ => read(),
        }
    }
}
