//! Layers of images as they were packed: `blobs-v1/<key>/<digest>`, where the key names the tar and what packed it.

use std::fs;
use std::path::PathBuf;

use super::Cache;
use crate::error::{Error, Result};
use crate::registry::Digest;
use crate::system::{AtomicFile, sha256_of};

const BLOBS: &str = "blobs-v1";

/// A file by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Where it is.
    pub path: PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

impl Cache {
    /// What was packed under that key, if it still has its digest; what has not is removed.
    pub fn blob(&self, key: &str) -> Result<Option<Blob>> {
        let folder = self.root().join(BLOBS).join(key);
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Some(digest) =
                entry.file_name().to_str().and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok())
            else {
                continue;
            };
            let path = entry.path();
            if sha256_of(&path)? == digest.hex() {
                let size = fs::metadata(&path).map_err(Error::io("read", &path))?.len();
                return Ok(Some(Blob { path, digest, size }));
            }
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(None)
    }

    /// Starts to write one.
    pub fn new_blob(&self) -> Result<AtomicFile> {
        AtomicFile::create(&self.root().join(BLOBS).join("blob"))
    }

    /// Keeps what was written. Nobody waits for the disk: a blob is compared with its digest before it is taken.
    pub fn keep_blob(&self, key: &str, file: AtomicFile, digest: Digest, size: u64) -> Result<Blob> {
        let folder = self.root().join(BLOBS).join(key);
        fs::create_dir_all(&folder).map_err(Error::io("create the folder", &folder))?;
        let path = folder.join(digest.hex());
        file.persist_unsynced_as(&path)?;
        Ok(Blob { path, digest, size })
    }
}
