//! Wheels by SHA-256: `wheels-v1/<digest>/<file name>`, and `built-v1/<key>`, which names the wheel that was built
//! from a source of a known digest.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Cache;
use crate::error::{Error, Result};
use crate::python::Wheel;
use crate::system::{AtomicFile, sha256_of};

const WHEELS: &str = "wheels-v1";
const BUILT: &str = "built-v1";

impl Cache {
    /// The wheel of that digest, if it is cached and still has that digest; one that does not is removed.
    pub fn wheel(&self, sha256: &str) -> Result<Option<Wheel>> {
        let folder = self.root().join(WHEELS).join(sha256);
        let Some(path) = first_file(&folder) else { return Ok(None) };
        if sha256_of(&path)? != sha256 {
            fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
            return Ok(None);
        }
        open(&path).map(Some)
    }

    /// Whether a wheel of that digest is cached, without looking into it.
    pub fn wheel_exists(&self, sha256: &str) -> bool {
        first_file(&self.root().join(WHEELS).join(sha256)).is_some()
    }

    /// Takes a wheel into the cache once its digest is the expected one and every member is what RECORD says.
    /// Returns its digest.
    pub fn admit_wheel(&self, path: &Path, expected: Option<&str>) -> Result<String> {
        let sha256 = sha256_of(path)?;
        let filename = path.file_name().unwrap_or_default();
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            let file = filename.to_string_lossy().into_owned();
            return Err(Error::Digest { file, expected: expected.to_owned(), actual: sha256 });
        }
        let wheel = open(path)?;
        wheel.verify().and_then(|()| wheel.placed()).map_err(untrusted(path))?;
        let folder = self.root().join(WHEELS).join(&sha256);
        fs::create_dir_all(&folder).map_err(Error::io("create the folder", &folder))?;
        let target = folder.join(filename);
        fs::rename(path, &target).map_err(Error::io("write", target))?;
        Ok(sha256)
    }

    /// The digest of the wheel that was built from the source that the key names.
    pub fn built_wheel(&self, key: &str) -> Option<String> {
        let text = fs::read_to_string(self.root().join(BUILT).join(key)).ok()?;
        (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
    }

    /// Remembers which wheel was built from the source that the key names.
    pub fn remember_built_wheel(&self, key: &str, sha256: &str) -> Result<()> {
        let path = self.root().join(BUILT).join(key);
        let mut file = AtomicFile::create(&path)?;
        file.write_all(sha256.as_bytes()).map_err(Error::io("write", &path))?;
        file.persist()
    }

    /// Every cached wheel with its digest, for a page of links.
    pub fn wheel_paths(&self) -> Vec<(String, PathBuf)> {
        let mut wheels: Vec<_> = fs::read_dir(self.root().join(WHEELS))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().into_string().ok()?, first_file(&entry.path())?)))
            .collect();
        wheels.sort();
        wheels
    }
}

fn open(path: &Path) -> Result<Wheel> {
    Wheel::open(path).map_err(untrusted(path))
}

fn untrusted(path: &Path) -> impl FnOnce(crate::python::WheelError) -> Error {
    let wheel = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    move |source| Error::wheel(&wheel, source)
}

fn first_file(folder: &Path) -> Option<PathBuf> {
    let wheels = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    wheels.filter(|path| path.extension().is_some_and(|end| end == "whl")).min()
}
