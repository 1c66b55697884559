//! What was fetched of base images, by digest: manifests, configurations and layers. `bases-v1/<digest>`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Cache;
use crate::error::{Error, Result};
use crate::registry::{Descriptor, Digest, MANIFEST_BYTES};
use crate::system::{AtomicFile, sha256_of};

const BASES: &str = "bases-v1";

impl Cache {
    /// Where a part of a base is, or will be: whoever writes it there has compared its digest.
    pub fn base_place(&self, digest: &Digest) -> PathBuf {
        self.root().join(BASES).join(digest.hex())
    }

    /// A manifest or configuration, if it is cached and still has its digest; one that has not is removed.
    pub fn base_document(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let path = self.base_place(digest);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(MANIFEST_BYTES + 1).read_to_end(&mut bytes)) {
            Ok(_) if Digest::of(&bytes) == *digest => Ok(Some(bytes)),
            // What is longer is a layer, which somebody's manifest calls its configuration.
            Ok(_) if bytes.len() as u64 > MANIFEST_BYTES => Ok(None),
            Ok(_) => remove(&path).map(|()| None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Keeps a manifest or configuration of that digest.
    pub fn keep_base_document(&self, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let path = self.base_place(digest);
        let mut file = AtomicFile::create(&path)?;
        file.write_all(bytes).map_err(Error::io("write", &path))?;
        file.persist_unsynced()
    }

    /// A layer, if it is cached and still has its digest; one that has not is removed.
    pub fn base_layer(&self, layer: &Descriptor) -> Result<Option<PathBuf>> {
        let path = self.base_place(&layer.digest);
        if !path.is_file() {
            return Ok(None);
        }
        if sha256_of(&path)? != layer.digest.hex() {
            return remove(&path).map(|()| None);
        }
        Ok(Some(path))
    }
}

/// Another build may be quicker.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::MediaType;

    #[test]
    fn what_is_spoiled_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(folder.path())).unwrap();
        let layer = Descriptor::of(MediaType::OciLayer, b"{}");
        let digest = layer.digest;
        assert_eq!((cache.base_document(&digest).unwrap(), cache.base_layer(&layer).unwrap()), (None, None));
        cache.keep_base_document(&digest, b"{}").unwrap();
        assert_eq!(cache.base_document(&digest).unwrap().unwrap(), b"{}");
        assert_eq!(cache.base_layer(&layer).unwrap(), Some(cache.base_place(&digest)));
        for spoil in [b"{x".to_vec(), vec![b' '; usize::try_from(MANIFEST_BYTES).unwrap() + 9]] {
            fs::write(cache.base_place(&digest), &spoil).unwrap();
            assert_eq!(cache.base_document(&digest).unwrap(), None);
            fs::write(cache.base_place(&digest), &spoil).unwrap();
            assert_eq!(cache.base_layer(&layer).unwrap(), None);
            assert!(!cache.base_place(&digest).exists());
        }
    }
}
