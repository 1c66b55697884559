//! Archives of layers that others publish, by SHA-256: `layers-v1/<digest>.zip`.

use std::io::Write;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::Cache;
use crate::error::{Error, Result};
use crate::system::{AtomicFile, sha256_of};

const LAYERS: &str = "layers-v1";

impl Cache {
    fn layer_path(&self, sha256: &str) -> PathBuf {
        self.root().join(LAYERS).join(format!("{sha256}.zip"))
    }

    /// The archive of that digest, if it is cached and still has that digest; one that does not is removed.
    pub fn layer(&self, sha256: &str) -> Result<Option<PathBuf>> {
        let path = self.layer_path(sha256);
        if !path.is_file() {
            return Ok(None);
        }
        if sha256_of(&path)? != sha256 {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            return Ok(None);
        }
        Ok(Some(path))
    }

    /// Starts to write the archive that is to have that digest.
    pub fn admit_layer(&self, sha256: &str) -> Result<Arriving> {
        let target = self.layer_path(sha256);
        Ok(Arriving { file: AtomicFile::create(&target)?, hasher: Sha256::new(), expected: sha256.to_owned(), target })
    }
}

/// An archive that is being downloaded.
#[derive(Debug)]
pub struct Arriving {
    file: AtomicFile,
    hasher: Sha256,
    expected: String,
    target: PathBuf,
}

impl Arriving {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(Error::io("write", &self.target))
    }

    /// Takes it into the cache if it has the digest that it is to have; `name` is what an error calls it.
    pub fn finish(self, name: &str) -> Result<PathBuf> {
        let actual = data_encoding::HEXLOWER.encode(&self.hasher.finalize());
        if actual != self.expected {
            return Err(Error::aws(
                format!("the archive of {name} came with SHA-256 {actual}, and AWS says {}", self.expected),
                "it changed on the way: do not use it; try again, and check the proxy",
            ));
        }
        self.file.persist()?;
        Ok(self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_taken_in_by_its_digest_and_not_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(folder.path())).unwrap();
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(b"PK"));
        let arrive = |bytes: &[u8]| {
            let mut arriving = cache.admit_layer(&sha256).unwrap();
            arriving.add(bytes).unwrap();
            arriving.finish("it")
        };
        assert!(matches!(arrive(b"PX"), Err(Error::Aws { .. })));
        assert_eq!(std::fs::read_dir(folder.path().join(LAYERS)).unwrap().count(), 0, "nothing is left of it");
        assert_eq!(cache.layer(&sha256).unwrap(), None);
        let path = arrive(b"PK").unwrap();
        assert_eq!(cache.layer(&sha256).unwrap(), Some(path.clone()));
        std::fs::write(&path, b"PX").unwrap();
        assert_eq!(cache.layer(&sha256).unwrap(), None);
        assert!(!path.exists());
    }
}
