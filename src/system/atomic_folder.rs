//! A folder that is whole or not there at all: written beside its target, and put into its place by renaming.
//!
//! What must stay true: the target is there, old or new, at every moment where the system can exchange two names; and what a
//! killed process left is swept by the next one, which can tell it by its free lock.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use super::atomic::{SUFFIX, folder_of, prefix};
use crate::error::{Error, Result};

/// Held while the folder is written; not a part of it.
const LOCK: &str = ".lock";

/// A folder being written.
#[derive(Debug)]
pub struct AtomicFolder {
    folder: TempDir,
    lock: File,
    target: PathBuf,
}

impl AtomicFolder {
    /// Starts to write `target`.
    pub fn create(target: &Path) -> Result<Self> {
        let parent = folder_of(target);
        fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
        let prefix = prefix(target);
        sweep(parent, prefix.as_encoded_bytes());
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(SUFFIX)
            .tempdir_in(parent)
            .map_err(Error::io("create a folder in", parent))?;
        let path = folder.path().join(LOCK);
        let lock = File::create(&path).map_err(Error::io("write", &path))?;
        // A file system without locks has no sweeping either.
        let _ = lock.try_lock();
        Ok(Self { folder, lock, target: target.to_owned() })
    }

    /// Where its files go until then.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts it into the target's place; what was there is removed.
    pub fn persist(self) -> Result<()> {
        let Self { folder, lock, target } = self;
        let failed = |error: std::io::Error| Error::io("write", &target)(error);
        fs::remove_file(folder.path().join(LOCK)).map_err(failed)?;
        drop(lock);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary folders are private; this one is ordinary.
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(failed)?;
        }
        if !target.exists() {
            return fs::rename(folder.keep(), &target).map_err(failed);
        }
        if renameat_with(CWD, folder.path(), CWD, &target, RenameFlags::EXCHANGE).is_ok() {
            // What was the target is the temporary folder now, and goes with it.
            return folder.close().map_err(failed);
        }
        let new = folder.keep();
        let old = tempfile::tempdir_in(folder_of(&target)).map_err(failed)?;
        fs::rename(&target, old.path().join("old")).map_err(failed)?;
        fs::rename(new, &target).map_err(failed)
    }
}

fn sweep(parent: &Path, prefix: &[u8]) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(prefix) && bytes.ends_with(SUFFIX.as_bytes()) && entry.path().is_dir() {
            let lock = File::open(entry.path().join(LOCK));
            let is_held = lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            if !is_held {
                super::remove_folder(&entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(target: &Path, text: &str) {
        let folder = AtomicFolder::create(target).unwrap();
        fs::write(folder.path().join("file"), text).unwrap();
        folder.persist().unwrap();
    }

    #[test]
    fn a_new_one_takes_the_place_of_the_old_one() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("image");
        for text in ["old", "new"] {
            write(&target, text);
            assert_eq!(fs::read_to_string(target.join("file")).unwrap(), text);
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing else is left");
            assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_is_not_finished_is_not_seen_and_swept() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("image");
        write(&target, "old");
        let held = AtomicFolder::create(&target).unwrap();
        let killed = root.path().join(".image.x").to_str().unwrap().to_owned() + SUFFIX;
        fs::create_dir(&killed).unwrap();
        fs::write(Path::new(&killed).join(LOCK), "").unwrap();
        write(&target, "new");
        assert!(held.path().is_dir() && !Path::new(&killed).exists());
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "new");
    }
}
