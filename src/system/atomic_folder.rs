//! A folder that is whole or not there at all: written beside its target, and put into its place by renaming.
//!
//! What must stay true: the target is there, old or new, at every moment where the system can exchange two names; nobody sweeps
//! what another still writes, or has written and not renamed yet. So the lock is a file of its own beside the folder
//! (`.NAME.x.partial` and `.NAME.x.partial.d`), held until the end; what a killed process left can be told by its free lock.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::atomic::{AtomicFile, SUFFIX, folder_of, prefix};
use crate::error::{Error, Result};

/// What a folder's name has behind its lock's.
const END: &str = ".d";

/// How often a target that comes and goes meanwhile is tried again.
const TRIES: usize = 16;

/// A folder being written.
#[derive(Debug)]
pub struct AtomicFolder {
    folder: PathBuf,
    target: PathBuf,
    /// Held as long as this lives.
    _lock: AtomicFile,
}

impl AtomicFolder {
    /// Starts to write `target`.
    pub fn create(target: &Path) -> Result<Self> {
        let parent = folder_of(target);
        fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
        sweep(parent, prefix(target).as_encoded_bytes());
        let lock = AtomicFile::create(target)?;
        let folder = behind(lock.path(), END);
        fs::create_dir(&folder).map_err(Error::io("create the folder", &folder))?;
        Ok(Self { folder, target: target.to_owned(), _lock: lock })
    }

    /// Where its files go until then.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Puts it into the target's place; what was there is removed.
    pub fn persist(self) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("write", &self.target)(error);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // 755 whatever the umask.
            fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        }
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        for _ in 0..TRIES {
            match renameat_with(CWD, &self.folder, CWD, &self.target, RenameFlags::EXCHANGE) {
                // What was the target is the folder now, and goes when this is dropped.
                Ok(()) => return Ok(()),
                Err(Errno::NOENT) => match fs::rename(&self.folder, &self.target) {
                    // Another one has put its own there in between.
                    Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {}
                    renamed => return renamed.map_err(failed),
                },
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return self.replace().map_err(failed),
                Err(error) => return Err(failed(error.into())),
            }
        }
        Err(failed(std::io::Error::other("others write it all the time")))
    }

    /// In two steps, where two names cannot be exchanged in one.
    fn replace(&self) -> std::io::Result<()> {
        let old = behind(&self.folder, END);
        fs::rename(&self.target, &old)?;
        if let Err(error) = fs::rename(&self.folder, &self.target) {
            fs::rename(&old, &self.target)?;
            return Err(error);
        }
        super::remove_folder(&old);
        Ok(())
    }
}

impl Drop for AtomicFolder {
    fn drop(&mut self) {
        super::remove_folder(&self.folder);
    }
}

fn behind(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

fn sweep(parent: &Path, prefix: &[u8]) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let lock = path.to_str().map(|path| path.trim_end_matches(END)).filter(|lock| lock.ends_with(SUFFIX));
        let is_folder = name.as_encoded_bytes().ends_with(END.as_bytes()) && path.is_dir();
        if let Some(lock) = lock.filter(|_| is_folder && name.as_encoded_bytes().starts_with(prefix)) {
            let held = File::open(lock).is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            if !held {
                super::remove_folder(&path);
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
        let folder = AtomicFolder::create(&target).unwrap();
        fs::write(folder.path().join("file"), "third").unwrap();
        folder.replace().unwrap();
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "third");
    }

    #[test]
    fn what_is_not_finished_is_not_seen_and_swept() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("image");
        write(&target, "old");
        let held = AtomicFolder::create(&target).unwrap();
        let killed = root.path().join(format!(".image.x{SUFFIX}{END}"));
        fs::create_dir(&killed).unwrap();
        write(&target, "new");
        assert!(held.path().is_dir() && !killed.exists());
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "new");
    }

    #[test]
    fn many_at_once_leave_a_whole_one() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("image");
        std::thread::scope(|scope| {
            for number in 0..4 {
                let target = &target;
                scope.spawn(move || (0..25).for_each(|round| write(target, &format!("{number} {round}"))));
            }
        });
        assert!(fs::read_to_string(target.join("file")).unwrap().ends_with(" 24"));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
