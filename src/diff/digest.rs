//! The SHA-256 of a file, wherever its bytes are. Only members of ZIPs are held as a whole.

use std::fs::File as DiskFile;
use std::io::Read;
use std::os::unix::fs::FileExt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::check::{File, Files, Origin};
use crate::error::{Error, Result};

const BUFFER: usize = 1 << 17;

pub(super) fn sha256(file: &File<'_>) -> Result<String> {
    let mut hasher = Sha256::new();
    match &file.origin {
        Origin::Part { file: whole, offset } => {
            let mut buffer = vec![0; BUFFER];
            let (mut at, mut left) = (*offset, file.size);
            while left > 0 {
                let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let read = whole.read_exact_at(&mut buffer[..length], at);
                read.map_err(Error::io("read", "the unpacked layer of an image"))?;
                hasher.update(&buffer[..length]);
                at += length as u64;
                left -= length as u64;
            }
        }
        Origin::Disk(path) => {
            let mut from = DiskFile::open(path).map_err(Error::io("read", path))?;
            let mut buffer = vec![0; BUFFER];
            loop {
                match from.read(&mut buffer).map_err(Error::io("read", path))? {
                    0 => break,
                    read => hasher.update(&buffer[..read]),
                }
            }
        }
        Origin::Zip { .. } | Origin::Tree(_) => hasher.update(Files::default().read(file)?),
    }
    Ok(HEXLOWER.encode(&hasher.finalize()))
}

/// Whether two files are one and the same, so that nothing need be read.
pub(super) fn is_one(left: &File<'_>, right: &File<'_>) -> bool {
    match (&left.origin, &right.origin) {
        (Origin::Part { file: one, offset: here }, Origin::Part { file: other, offset: there }) => {
            std::sync::Arc::ptr_eq(one, other) && here == there && left.size == right.size
        }
        _ => false,
    }
}
