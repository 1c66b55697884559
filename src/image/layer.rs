//! One layer: a tar of some files of a packed ZIP, gzipped. The files stay packed as they are in the ZIP.
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

use super::gzip::{GZIP_VERSION, Gzip, Piece};
use crate::archive::{Archive, Member};
use crate::artifact::{DEFLATE_VERSION, Packed, ordered, pack};
use crate::cache::{Blob, Cache, Results};
use crate::error::{Error, Result};
use crate::registry::Digest;
use crate::system::HashedWrite;

/// Changes with the tar that is written.
const TAR_VERSION: u32 = 1;

/// What a tar is made of (POSIX ustar).
const BLOCK: u64 = 512;

/// A tar up to this size is packed as one: files that are like each other take less room then, and nobody waits for it.
const SMALL_BYTES: u64 = 4 << 20;

/// Bytes that are unpacked and wait to be written; they are held packed as well.
const BUDGET: u64 = 96 << 20;

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
        format!("{}-tar{TAR_VERSION}-gzip{GZIP_VERSION}-deflate{DEFLATE_VERSION}", self.diff_id.hex())
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

    /// Writes the layer.
    pub(super) fn write(&self, cache: &Cache, threads: usize) -> Result<Layer> {
        let mut file = cache.new_blob()?;
        let mut packed = HashedWrite::new(BufWriter::with_capacity(1 << 20, &mut file));
        let mut gzip = Gzip::new(&mut packed).map_err(failed)?;
        let mut tar = HashedWrite::new(io::sink());
        let mut steps = self.steps()?;
        if steps.iter().map(|step| self.weight(step)).sum::<u64>() <= SMALL_BYTES {
            steps = vec![Step { head: self.plain(&steps)?, member: None }];
        }
        ordered(
            &steps,
            threads,
            BUDGET,
            |step| self.weight(step),
            |step| self.pieces(step),
            |_, pieces| {
                for (piece, plain) in pieces {
                    tar.write_all(&plain).and_then(|()| gzip.add(&piece)).map_err(failed)?;
                }
                Ok(())
            },
        )?;
        gzip.finish().and_then(Write::flush).map_err(failed)?;
        let (digest, size) = (Digest::from(packed.sha256()), packed.written);
        drop(packed);
        let known = Known::of(&tar);
        let blob = cache.keep_blob(&known.key(), file, digest, size)?;
        if let Some(key) = self.key() {
            // What cannot be kept is made again.
            let _ = cache.remember_result(Results::Tars, &key, &known);
        }
        Ok(Layer { blob, diff_id: known.diff_id, unpacked: known.unpacked })
    }

    fn weight(&self, step: &Step) -> u64 {
        step.member.map_or(0, |member| self.archive.members()[member].size) + step.head.len() as u64
    }

    /// The tar of these steps.
    fn plain(&self, steps: &[Step]) -> Result<Vec<u8>> {
        let mut tar = Vec::new();
        for step in steps {
            tar.extend(&step.head);
            if let Some(member) = step.member {
                tar.extend(self.archive.read(member).map_err(|error| failed(io::Error::other(error)))?);
            }
        }
        Ok(tar)
    }

    /// A step of the tar, packed, and as it is in the tar.
    fn pieces(&self, step: &Step) -> Result<Vec<(Piece, Vec<u8>)>> {
        let mut pieces = vec![Piece::of(pack(step.head.clone())).map_err(failed)?];
        if let Some(index) = step.member {
            let bytes = self.archive.packed(index).map_err(|error| failed(io::Error::other(error)))?;
            let Member { deflated, crc, size, .. } = self.archive.members()[index];
            pieces.push(Piece::of(Packed { bytes, deflated, crc, size }).map_err(failed)?);
        }
        Ok(pieces)
    }

    /// The whole tar, without the files' bytes.
    fn steps(&self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        let mut builder = Builder::new(Vec::new());
        let mut entries: Vec<(String, Option<&File>)> =
            self.files.iter().map(|file| (file.path.clone(), Some(file))).collect();
        entries.extend(parents(&self.files).into_iter().map(|folder| (folder, None)));
        entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        for (path, file) in entries {
            let size = file.map_or(0, |file| self.archive.members()[file.member].size);
            let mut header = Header::new_ustar();
            header.set_entry_type(if file.is_some() { EntryType::Regular } else { EntryType::Directory });
            header.set_mode(if file.is_none_or(|file| file.executable) { 0o755 } else { 0o644 });
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(self.time);
            header.set_size(size);
            let is_plain = path.len() <= PLAIN_BYTES && path.is_ascii() && header.set_path(&path).is_ok();
            if !is_plain {
                builder.append_pax_extensions([("path", path.as_bytes())]).map_err(failed)?;
                // A reader that knows no pax gets something short that is no other file.
                let digest = Digest::of(path.as_bytes()).hex();
                header.set_path(format!("long/{digest}")).map_err(failed)?;
            }
            header.set_cksum();
            let head = builder.get_mut();
            head.extend(header.as_bytes());
            if let Some(file) = file {
                // What fills the file's last block is before the next header.
                let rest = size.next_multiple_of(BLOCK) - size;
                let next = vec![0; usize::try_from(rest).unwrap_or_default()];
                steps.push(Step { head: std::mem::replace(head, next), member: Some(file.member) });
            }
        }
        steps.push(Step { head: builder.into_inner().map_err(failed)?, member: None });
        Ok(steps)
    }
}

/// A part of a tar: bytes of its own, then a file's.
struct Step {
    head: Vec<u8>,
    member: Option<usize>,
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
