//! Blobs of a layout, in a folder, in a tar of it, in what `docker save` wrote or not written yet, each compared with its
//! digest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::listed::Listed;
use crate::error::{Error, Result};

/// Manifests and configurations: ECR takes manifests of 4 MiB.
const JSON_BYTES: u64 = 4 << 20;

/// What is wrong with the image, in words.
pub(in super::super) type Checked<T> = std::result::Result<T, String>;

/// A file of a layout that is not written yet.
#[derive(Clone, Debug)]
pub enum Piece {
    /// What it has.
    Bytes(Vec<u8>),
    /// Where its bytes are.
    File(PathBuf),
}

/// What a layer is packed with, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    None,
}

impl Packing {
    /// By the first bytes.
    pub(super) fn of(magic: [u8; 4]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A layer, unpacked into a file without a name.
#[derive(Debug)]
pub(super) struct Tar {
    pub file: Arc<File>,
    pub bytes: u64,
    pub packing: Packing,
}

/// Where a layout's files are.
#[derive(Clone, Debug)]
pub enum Store {
    /// A folder.
    Folder(PathBuf),
    /// A tar: where each file's bytes are in it.
    Tar {
        /// The tar.
        path: PathBuf,
        /// Open.
        file: Arc<File>,
        /// Offset and length by path.
        places: BTreeMap<String, (u64, u64)>,
    },
    /// Nowhere yet: what a layout will have, and the layout that has the rest.
    Made {
        /// By path in the layout.
        pieces: BTreeMap<String, Piece>,
        /// Where the layers below are.
        below: Option<Box<Store>>,
    },
    /// What `docker save` wrote.
    Saved {
        /// What a layout has and this has not, by path: the index, and a manifest that nobody else has.
        made: BTreeMap<String, Vec<u8>>,
        /// The rest.
        blobs: Box<Store>,
    },
}

impl Store {
    /// The layout at a path, if there is one.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        if path.is_dir() {
            return Ok(path.join("oci-layout").is_file().then(|| Self::Folder(path.to_owned())));
        }
        let listed = Listed::of(path)?.and_then(std::result::Result::ok);
        Ok(listed.and_then(|listed| Self::of_tar(path, listed).ok()))
    }

    /// The layout in a tar; else the tar again.
    pub(super) fn of_tar(path: &Path, listed: Listed) -> std::result::Result<Self, Listed> {
        if !listed.places.contains_key("oci-layout") {
            return Err(listed);
        }
        let Listed { file, places, .. } = listed;
        Ok(Self::Tar { path: path.to_owned(), file, places })
    }

    /// Whether it is what `docker save` wrote: its manifest is made here, and whoever pushes it packs the layers.
    pub(super) fn is_saved(&self) -> bool {
        matches!(self, Self::Saved { .. })
    }

    /// A file of the layout, and its length.
    fn open(&self, name: &str) -> Result<Option<(Box<dyn Read>, u64)>> {
        match self {
            Self::Folder(folder) => file(&folder.join(name)),
            Self::Made { pieces, below } => match (pieces.get(name), below) {
                (Some(Piece::Bytes(bytes)), _) => {
                    Ok(Some((Box::new(io::Cursor::new(bytes.clone())), bytes.len() as u64)))
                }
                (Some(Piece::File(path)), _) => file(path),
                (None, Some(below)) => below.open(name),
                (None, None) => Ok(None),
            },
            Self::Saved { made, blobs } => match made.get(name) {
                Some(bytes) => Ok(Some((Box::new(io::Cursor::new(bytes.clone())), bytes.len() as u64))),
                None => blobs.open(name),
            },
            Self::Tar { file, places, .. } => Ok(places.get(name).map(|(offset, length)| {
                let part = Part { file: Arc::clone(file), at: *offset, left: *length };
                (Box::new(BufReader::with_capacity(1 << 16, part)) as Box<dyn Read>, *length)
            })),
        }
    }

    /// A layout that has one blob, in that file.
    pub(super) fn of_blob(digest: &str, file: &Path) -> Self {
        let pieces = blob(digest).map(|name| (name, Piece::File(file.to_owned())));
        Self::Made { pieces: pieces.into_iter().collect(), below: None }
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> Error {
        Error::io("read", self.path())
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Folder(path) | Self::Tar { path, .. } => path.clone(),
            Self::Saved { blobs, .. } => blobs.path(),
            Self::Made { .. } => "a blob of the image".into(),
        }
    }

    /// `index.json`.
    pub(super) fn index<T: DeserializeOwned>(&self) -> Result<Checked<T>> {
        Ok(self.small("index.json")?.and_then(|bytes| parse("index.json", &bytes)))
    }

    /// A blob that is JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, digest: &str) -> Result<Checked<T>> {
        Ok(self.raw(digest)?.and_then(|bytes| parse(digest, &bytes)))
    }

    /// A manifest or configuration as it is.
    pub fn raw(&self, digest: &str) -> Result<Checked<Vec<u8>>> {
        let name = match blob(digest) {
            Ok(name) => name,
            Err(reason) => return Ok(Err(reason)),
        };
        let bytes = match self.small(&name)? {
            Ok(bytes) => bytes,
            Err(reason) => return Ok(Err(reason)),
        };
        let actual = HEXLOWER.encode(&Sha256::digest(&bytes));
        if !name.ends_with(&actual) {
            return Ok(Err(format!("{name} has SHA-256 {actual}")));
        }
        Ok(Ok(bytes))
    }

    /// Copies a blob as it is; who reads the copy has to know that the digest was right only if this says so.
    pub fn copy(&self, digest: &str, to: &mut dyn Write) -> Result<Checked<u64>> {
        let name = match blob(digest) {
            Ok(name) => name,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some((reader, _)) = self.open(&name)? else { return Ok(Err(format!("{name} is missing"))) };
        let mut reader = Hashing { inner: reader, hasher: Sha256::new() };
        let bytes = io::copy(&mut reader, to).map_err(self.failed())?;
        let actual = HEXLOWER.encode(&reader.hasher.finalize());
        Ok(if name.ends_with(&actual) { Ok(bytes) } else { Err(format!("{name} has SHA-256 {actual}")) })
    }

    /// `index.json`, or another file that describes the layout.
    pub fn small(&self, name: &str) -> Result<Checked<Vec<u8>>> {
        let Some((reader, length)) = self.open(name)? else { return Ok(Err(format!("{name} is missing"))) };
        if let Some(reason) = too_long(name, length) {
            return Ok(Err(reason));
        }
        let mut bytes = Vec::new();
        reader.take(JSON_BYTES).read_to_end(&mut bytes).map_err(self.failed())?;
        Ok(Ok(bytes))
    }

    /// A blob, whose digest is the reader's to compare.
    pub fn reader(&self, digest: &str) -> Result<std::result::Result<Box<dyn Read>, String>> {
        let name = match blob(digest) {
            Ok(name) => name,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(self.open(&name)?.map(|(reader, _)| reader).ok_or_else(|| format!("{name} is missing")))
    }

    /// The length of a blob; nothing where it is missing or has no name that a blob can have.
    pub(super) fn length(&self, digest: &str) -> Result<Option<u64>> {
        let Ok(name) = blob(digest) else { return Ok(None) };
        Ok(self.open(&name)?.map(|(_, length)| length))
    }

    /// A layer, unpacked. Both digests are compared.
    pub(super) fn layer(&self, digest: &str, diff_id: &str, limit: u64) -> Result<Checked<Tar>> {
        let name = match blob(digest).and_then(|name| blob(diff_id).map(|_| name)) {
            Ok(name) => name,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some((reader, _)) = self.open(&name)? else { return Ok(Err(format!("{name} is missing"))) };
        let unpacked = tempfile::tempfile().map_err(Error::io("write", std::env::temp_dir()))?;
        let mut packed = Hashing { inner: reader, hasher: Sha256::new() };
        let mut magic = [0; 4];
        let read = read_up_to(&mut packed, &mut magic).map_err(self.failed())?;
        let start = io::Cursor::new(magic[..read].to_vec());
        let packing = Packing::of(magic);
        let outcome = match packing {
            Packing::Gzip => {
                let mut gzip = MultiGzDecoder::new(BufReader::new(start.chain(&mut packed)));
                copy(&mut gzip, &unpacked, limit)?
            }
            Packing::Zstd => Err("it is packed with zstd, which Lambda does not unpack; use gzip".into()),
            Packing::None => copy(&mut start.chain(&mut packed), &unpacked, limit)?,
        };
        // What follows the packed data is part of the blob; and a blob that is not the right one need not unpack.
        io::copy(&mut packed, &mut io::sink()).map_err(self.failed())?;
        let actual = HEXLOWER.encode(&packed.hasher.finalize());
        if digest.strip_prefix("sha256:") != Some(&actual) {
            let who = if self.is_saved() { "configuration" } else { "manifest" };
            return Ok(Err(format!("layer {digest} has SHA-256 {actual}: it is not the layer that its {who} names")));
        }
        let (bytes, actual_diff) = match outcome {
            Ok(copied) => copied,
            Err(reason) => return Ok(Err(format!("layer {digest}: {reason}"))),
        };
        if diff_id.strip_prefix("sha256:") != Some(&actual_diff) {
            return Ok(Err(format!(
                "layer {digest} unpacks to SHA-256 {actual_diff}, its configuration says {diff_id}"
            )));
        }
        Ok(Ok(Tar { file: Arc::new(unpacked), bytes, packing }))
    }
}

/// What is said of a description that is longer than any.
pub(super) fn too_long(name: &str, length: u64) -> Option<String> {
    (length > JSON_BYTES).then(|| format!("{name} has {length} bytes; at most {JSON_BYTES} are read"))
}

/// A file of this machine, if it is there, and its length.
fn file(path: &Path) -> Result<Option<(Box<dyn Read>, u64)>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(Error::io("read", path))?,
    };
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    Ok(Some((Box::new(BufReader::new(file)), length)))
}

/// Whether a file is a tar, by its magic.
pub(in super::super) fn is_tar(path: &Path) -> Result<bool> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut magic = [0; 5];
    Ok(file.read_exact_at(&mut magic, 257).is_ok() && &magic == b"ustar")
}

/// Unpacks, counts and hashes; the inner result says why the layer is none.
fn copy(from: &mut dyn Read, to: &File, limit: u64) -> Result<Checked<(u64, String)>> {
    let failed = |error: io::Error| Error::io("write", std::env::temp_dir())(error);
    let mut output = BufWriter::with_capacity(1 << 20, to);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(format!("it cannot be unpacked ({error})"))),
        };
        bytes += read as u64;
        if bytes > limit {
            return Ok(Err("with it the image unpacks to more than 10 GB (SizeLimitExceeded)".into()));
        }
        hasher.update(&buffer[..read]);
        output.write_all(&buffer[..read]).map_err(failed)?;
    }
    output.flush().map_err(failed)?;
    Ok(Ok((bytes, HEXLOWER.encode(&hasher.finalize()))))
}

pub(super) fn read_up_to(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// `sha256:…` → `blobs/sha256/…`, and nothing else, since the digest becomes a path.
pub(super) fn blob(digest: &str) -> Checked<String> {
    match digest.strip_prefix("sha256:") {
        Some(hex) if hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => {
            Ok(format!("blobs/sha256/{hex}"))
        }
        _ => Err(format!("{digest:?} is not a SHA-256 digest")),
    }
}

pub(super) fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Checked<T> {
    serde_json::from_slice(bytes).map_err(|error| format!("{name} cannot be read: {error}"))
}

/// A part of a file, read at its own position.
pub(super) struct Part {
    pub file: Arc<File>,
    pub at: u64,
    pub left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

pub(super) struct Hashing<R> {
    pub inner: R,
    pub hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_to_more_than_lambda_takes_is_not_unpacked_whole() {
        let file = tempfile::tempfile().unwrap();
        let copied = copy(&mut io::repeat(0).take(1 << 30), &file, 1 << 20).unwrap();
        assert!(copied.unwrap_err().contains("SizeLimitExceeded"));
        assert!(file.metadata().unwrap().len() <= 1 << 20);
        assert_eq!(copy(&mut io::repeat(0).take(1 << 20), &file, 1 << 20).unwrap().unwrap().0, 1 << 20);
    }
}
