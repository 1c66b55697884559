//! One layer: a tar of some files of a packed ZIP, gzipped.
//!
//! What must stay true, since Lambda refuses or misreads the rest: every parent folder is an entry of its own before its
//! children (`MissingParentDirectory`); modes are 644 and 755, the owner is 0; entries are sorted; nothing of the time or of
//! this machine is in it; whiteouts and links are never written. Source of the format: POSIX pax interchange, OCI image
//! specification 1.1 (layer.md).

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::gzip::{GZIP_VERSION, Gzip};
use crate::archive::Archive;
use crate::cache::{Blob, Cache, Results};
use crate::error::{Error, Result};
use crate::registry::Digest;
use crate::system::HashedWrite;

/// Changes with the tar that is written.
const TAR_VERSION: u32 = 1;

/// The longest path that a ustar header is tried with.
const PLAIN_BYTES: usize = 100;

/// A file of a layer.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Without a slash before it: `var/task/app.py`.
    pub path: String,
    /// Whether it is 755.
    pub executable: bool,
    /// Its place in the archive.
    pub member: usize,
}

/// A layer that is written.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// What it is packed as.
    pub blob: Blob,
    /// The digest of the tar.
    pub diff_id: Digest,
    /// Bytes of the tar.
    pub unpacked: u64,
}

/// What is known of a tar without making it again.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Known {
    diff_id: Digest,
    unpacked: u64,
}

impl Known {
    fn of(tar: &HashedWrite<impl Write>) -> Self {
        Self { diff_id: Digest::from(tar.sha256()), unpacked: tar.written }
    }

    /// What names the tar and what packs it.
    fn key(self) -> String {
        format!("{}-tar{TAR_VERSION}-gzip{GZIP_VERSION}", self.diff_id.hex())
    }

    fn layer(self, cache: &Cache) -> Result<Option<Layer>> {
        let blob = cache.blob(&self.key())?;
        Ok(blob.map(|blob| Layer { blob, diff_id: self.diff_id, unpacked: self.unpacked }))
    }
}

/// What is put into a layer.
#[derive(Debug)]
pub(super) struct Content<'a> {
    /// Where the files are.
    pub archive: &'a Archive,
    /// The files.
    pub files: Vec<File>,
    /// SHA-256 of the wheels that they come from; empty where they come from elsewhere.
    pub wheels: Vec<&'a str>,
    /// The time of every entry, in seconds.
    pub time: u64,
}

impl Content<'_> {
    /// Everything that the tar depends on, where wheels have all of it: then nothing has to be read. What was made of a
    /// wheel's file can only differ by build, which the checksum in the archive's directory tells.
    fn key(&self) -> Option<String> {
        let mut hasher = Sha256::new();
        hasher.update(format!("tar{TAR_VERSION} {} {:?}", self.time, self.wheels));
        for File { path, executable, member } in &self.files {
            let member = &self.archive.members()[*member];
            hasher.update(format!("\0{path}\0{executable} {} {}", member.size, member.crc));
        }
        (!self.wheels.is_empty()).then(|| data_encoding::HEXLOWER.encode(&hasher.finalize()))
    }

    /// The layer as an earlier build packed it.
    pub(super) fn recall(&self, cache: &Cache) -> Result<Option<Layer>> {
        let known = self.key().and_then(|key| cache.result::<Known>(Results::Tars, &key));
        known.map_or(Ok(None), |known| known.layer(cache))
    }

    /// Writes the layer, or takes the one that an earlier build packed of the same tar.
    pub(super) fn write(&self, cache: &Cache) -> Result<Layer> {
        let mut hashed = HashedWrite::new(io::sink());
        self.tar(&mut hashed)?;
        let known = Known::of(&hashed);
        let layer = match known.layer(cache)? {
            Some(layer) => layer,
            None => Layer { blob: self.pack(&known.key(), cache)?, diff_id: known.diff_id, unpacked: known.unpacked },
        };
        if let Some(key) = self.key() {
            // What cannot be kept is made again.
            let _ = cache.remember_result(Results::Tars, &key, &known);
        }
        Ok(layer)
    }

    fn pack(&self, key: &str, cache: &Cache) -> Result<Blob> {
        let mut file = cache.new_blob(key)?;
        let mut packed = HashedWrite::new(BufWriter::with_capacity(1 << 20, &mut file));
        let mut gzip = Gzip::new(&mut packed).map_err(failed)?;
        self.tar(&mut gzip)?;
        gzip.finish().map_err(failed)?;
        packed.flush().map_err(failed)?;
        let (digest, size) = (Digest::from(packed.sha256()), packed.written);
        drop(packed);
        cache.keep_blob(key, file, digest, size)
    }

    fn tar(&self, out: &mut impl Write) -> Result<()> {
        let mut builder = Builder::new(out);
        let mut entries: Vec<(String, Option<&File>)> =
            self.files.iter().map(|file| (file.path.clone(), Some(file))).collect();
        entries.extend(parents(&self.files).into_iter().map(|folder| (folder, None)));
        entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        for (path, file) in entries {
            let bytes = match file {
                Some(file) => self.archive.read(file.member).map_err(|error| failed(io::Error::other(error)))?,
                None => Vec::new(),
            };
            let mut header = Header::new_ustar();
            header.set_entry_type(if file.is_some() { EntryType::Regular } else { EntryType::Directory });
            header.set_mode(if file.is_none_or(|file| file.executable) { 0o755 } else { 0o644 });
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(self.time);
            header.set_size(bytes.len() as u64);
            let is_plain = path.len() <= PLAIN_BYTES && path.is_ascii() && header.set_path(&path).is_ok();
            if !is_plain {
                builder.append_pax_extensions([("path", path.as_bytes())]).map_err(failed)?;
                // A reader that knows no pax gets something short that is no other file.
                let digest = Digest::of(path.as_bytes()).hex();
                header.set_path(format!("long/{digest}")).map_err(failed)?;
            }
            header.set_cksum();
            builder.append(&header, bytes.as_slice()).map_err(failed)?;
        }
        builder.into_inner().map_err(failed)?;
        Ok(())
    }
}

fn failed(error: io::Error) -> Error {
    Error::io("write", "a layer")(error)
}

/// Every folder above the files, with its slash, so that it is sorted before what is in it.
fn parents(files: &[File]) -> BTreeSet<String> {
    let above = |file: &File| -> Vec<String> {
        file.path.match_indices('/').map(|(at, _)| file.path[..=at].to_owned()).collect()
    };
    files.iter().flat_map(above).collect()
}
