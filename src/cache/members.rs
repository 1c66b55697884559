//! What was made of a wheel's files (stripped, compiled, packed), kept so that the next build only copies it.
//!
//! `members-v2/<wheel's SHA-256>/<variant>.zip` is an ordinary ZIP whose members are packed as the artifact needs them.
//! The variant names everything else that the bytes depend on. Each member has a seal over all that is taken from the file,
//! so that nothing has to be unpacked to know that it is what it was. A cache that cannot be read is one that is not there.

use std::path::PathBuf;
use std::sync::Arc;

use libdeflater::Crc;

use super::Cache;
use crate::archive::Archive;
use crate::artifact::{Packed, ZipWriter};
use crate::error::{Error, Result};
use crate::system::AtomicFile;

const MEMBERS: &str = "members-v2";

impl Cache {
    fn members_path(&self, sha256: &str, variant: &str) -> PathBuf {
        self.root().join(MEMBERS).join(sha256).join(format!("{variant}.zip"))
    }

    /// What is kept of a wheel in a variant.
    pub fn members(&self, sha256: &str, variant: &str) -> MemberCache {
        let path = self.members_path(sha256, variant);
        MemberCache { archive: Archive::open(&path).ok().map(Arc::new), path }
    }
}

/// Characters of a seal, which stands before the note.
const SEAL: usize = 8;

/// A checksum of everything that is taken from a cache file for one member.
fn seal(path: &str, packed: &Packed, note: &str) -> String {
    let mut crc = Crc::new();
    crc.update(&packed.bytes);
    crc.update(format!("{path}\0{}\0{}\0{}\0{note}", packed.deflated, packed.crc, packed.size).as_bytes());
    format!("{:08x}", crc.sum())
}

/// The files of one wheel in one variant, as an earlier build made them.
#[derive(Debug)]
pub struct MemberCache {
    archive: Option<Arc<Archive>>,
    path: PathBuf,
}

impl MemberCache {
    /// The place of a file by its path in the artifact.
    pub fn find(&self, path: &str) -> Option<usize> {
        self.archive.as_ref()?.find(path)
    }

    /// The same with the archive that it is in, if its bytes are still what they were.
    pub fn locate(&self, path: &str) -> Option<(Arc<Archive>, usize)> {
        let member = self.find(path)?;
        self.packed(member)?;
        Some((self.archive.clone()?, member))
    }

    /// A file as it is packed; none when its bytes are no longer what they were: one broken file spoils the whole cache file,
    /// which is removed, and the next build makes it again.
    pub fn packed(&self, index: usize) -> Option<Packed> {
        let archive = self.archive.as_ref()?;
        let member = archive.members().get(index)?;
        let packed = archive.packed(index).ok().map(|bytes| Packed {
            bytes,
            deflated: member.deflated,
            crc: member.crc,
            size: member.size,
        });
        let intact =
            packed.filter(|packed| member.note.get(..SEAL) == Some(&seal(&member.name, packed, self.note(index))));
        if intact.is_none() {
            let _ = std::fs::remove_file(&self.path);
        }
        intact
    }

    /// What was noted of a file when it was made; empty where there is nothing to say.
    pub fn note(&self, member: usize) -> &str {
        let archive = self.archive.as_ref().and_then(|archive| archive.members().get(member));
        archive.and_then(|member| member.note.get(SEAL..)).unwrap_or_default()
    }

    /// Starts the cache file that will replace this one.
    pub fn replace(&self) -> Result<MemberCacheWriter> {
        Ok(MemberCacheWriter {
            zip: ZipWriter::new(AtomicFile::create(&self.path)?),
            path: self.path.clone(),
            whole: true,
        })
    }

    /// The paths that it has.
    pub fn paths(&self) -> impl Iterator<Item = (usize, &str)> {
        let members = self.archive.as_ref().map(|archive| archive.members()).unwrap_or_default();
        members.iter().enumerate().map(|(index, member)| (index, member.name.as_str()))
    }
}

/// A cache file being written.
#[derive(Debug)]
pub struct MemberCacheWriter {
    zip: ZipWriter<AtomicFile>,
    path: PathBuf,
    whole: bool,
}

impl MemberCacheWriter {
    /// Keeps a file, with a note.
    pub fn add(&mut self, path: &str, packed: &Packed, note: &str) -> Result<()> {
        let sealed = seal(path, packed, note) + note;
        let added = self.zip.add_noted(path, false, packed, &sealed).map_err(Error::io("write", &self.path));
        self.whole &= added.is_ok();
        added
    }

    /// Puts it in the old one's place, unless something could not be written to it.
    pub fn finish(self) -> Result<()> {
        if !self.whole {
            return Ok(());
        }
        let file = self.zip.finish().map_err(Error::io("write", &self.path))?;
        file.persist_unsynced()
    }
}
