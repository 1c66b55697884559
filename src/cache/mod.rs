//! What is kept between builds, by content: wheels, layers of others and what was fetched of base images by SHA-256, and what was
//! made of wheels.
//!
//! What must stay true: a file appears in the cache whole or not at all, only after it was checked, and its name says
//! which bytes it has; deleting any of it, or all of it, costs time and nothing else. A bucket's number changes with
//! its format.

mod bases;
mod blobs;
mod facts;
mod layers;
mod members;
mod results;
mod wheels;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use blobs::Blob;
pub use facts::Facts;
pub use layers::Arriving;
pub use members::{MemberCache, MemberCacheWriter};
pub use results::Results;

use crate::error::{Error, Result};
use crate::system;

/// A folder under `tmp` older than this was left by a process that was killed.
const ABANDONED: Duration = Duration::from_hours(24);

/// The cache's folder.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the cache: the folder given, else `pack` in the user's cache folder.
    pub fn open(folder: Option<&Path>) -> Result<Self> {
        let root = folder
            .map(Path::to_owned)
            .or_else(|| {
                Some(
                    std::env::var_os("XDG_CACHE_HOME")
                        .map(PathBuf::from)
                        .filter(|path| path.is_absolute())?
                        .join("pack"),
                )
            })
            .or_else(|| Some(std::env::home_dir()?.join(".cache/pack")))
            .ok_or_else(|| {
                Error::usage(
                    "there is no home folder to keep the cache in",
                    "name one with --cache-dir or PACK_CACHE_DIR",
                )
            })?;
        let cache = Self { root };
        let tmp = cache.root.join("tmp");
        std::fs::create_dir_all(&tmp).map_err(Error::io("create the folder", &tmp))?;
        sweep(&tmp);
        Ok(cache)
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where folders can be made that a killed process may leave behind: they are swept.
    pub fn temporary_place(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// A folder that is removed when it is dropped, on the cache's own file system.
    pub fn temporary_folder(&self) -> Result<tempfile::TempDir> {
        let tmp = self.root.join("tmp");
        tempfile::tempdir_in(&tmp).map_err(Error::io("create a folder in", tmp))
    }
}

fn sweep(tmp: &Path) {
    for entry in std::fs::read_dir(tmp).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::now());
        if modified.elapsed().is_ok_and(|age| age > ABANDONED) {
            system::remove_folder(&entry.path());
        }
    }
}
