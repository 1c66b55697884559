//! One layer: a tar of some files of a packed ZIP, gzipped.
//!
//! What must stay true, since Lambda refuses or misreads the rest: every parent folder is an entry of its own before its
//! children (`MissingParentDirectory`); modes are 644 and 755, the owner is 0; entries are sorted; nothing of the time or of
//! this machine is in it; whiteouts and links are never written. Source of the format: POSIX pax interchange, OCI image
//! specification 1.1 (layer.md).

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use tar::{Builder, EntryType, Header};

use super::gzip::{GZIP_VERSION, Gzip};
use crate::archive::Archive;
use crate::cache::{Blob, Cache};
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

/// Writes a layer, or takes the one that an earlier build packed of the same tar. `time` is that of every entry, in seconds.
pub(super) fn write(archive: &Archive, files: &[File], time: u64, cache: &Cache) -> Result<Layer> {
    let failed = |error| Error::io("write", "a layer")(error);
    let mut hashed = HashedWrite::new(io::sink());
    tar(archive, files, time, &mut hashed)?;
    let (diff_id, unpacked) = (Digest::from(hashed.sha256()), hashed.written);
    let key = format!("{}-tar{TAR_VERSION}-gzip{GZIP_VERSION}", diff_id.hex());
    if let Some(blob) = cache.blob(&key)? {
        return Ok(Layer { blob, diff_id, unpacked });
    }
    let mut file = cache.new_blob(&key)?;
    let mut packed = HashedWrite::new(BufWriter::with_capacity(1 << 20, &mut file));
    {
        let mut gzip = Gzip::new(&mut packed).map_err(failed)?;
        tar(archive, files, time, &mut gzip)?;
        gzip.finish().map_err(failed)?;
    }
    packed.flush().map_err(failed)?;
    let (digest, size) = (Digest::from(packed.sha256()), packed.written);
    drop(packed);
    let blob = cache.keep_blob(&key, file, digest, size)?;
    Ok(Layer { blob, diff_id, unpacked })
}

fn tar(archive: &Archive, files: &[File], time: u64, out: &mut impl Write) -> Result<()> {
    let failed = |error| Error::io("write", "a layer")(error);
    let mut builder = Builder::new(out);
    let mut entries: Vec<(String, Option<&File>)> = files.iter().map(|file| (file.path.clone(), Some(file))).collect();
    entries.extend(parents(files).into_iter().map(|folder| (folder, None)));
    entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    for (path, file) in entries {
        let bytes = match file {
            Some(file) => archive.read(file.member).map_err(|error| failed(io::Error::other(error)))?,
            None => Vec::new(),
        };
        let mut header = Header::new_ustar();
        header.set_entry_type(if file.is_some() { EntryType::Regular } else { EntryType::Directory });
        header.set_mode(if file.is_none_or(|file| file.executable) { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(time);
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

/// Every folder above the files, with its slash, so that it is sorted before what is in it.
fn parents(files: &[File]) -> BTreeSet<String> {
    let above = |file: &File| -> Vec<String> {
        file.path.match_indices('/').map(|(at, _)| file.path[..=at].to_owned()).collect()
    };
    files.iter().flat_map(above).collect()
}
