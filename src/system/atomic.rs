//! A file that appears under its name whole or not at all.
//!
//! It is written beside its target and renamed. While it is written its lock is held, so that what a killed process
//! left behind can be told from what another is still writing, and swept.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Leftovers are recognised by this ending and nothing else.
pub(super) const SUFFIX: &str = ".partial";

/// Where a file that is asked for by this path is written: for a link, at what it leads to. What is there and is no file
/// (a device, a pipe) would be replaced by one, and is refused.
pub fn destination(path: &Path) -> Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Error::usage(
            format!("{} is there and is not a regular file", path.display()),
            "name a file that may be replaced, or one that is not there yet",
        )),
        Ok(_) if path.is_symlink() => path.canonicalize().map_err(Error::io("find", path)),
        _ => Ok(path.to_owned()),
    }
}

/// Removes what killed processes left of earlier tries to write `target`.
pub fn sweep_leftovers(target: &Path) {
    sweep(folder_of(target), &prefix(target));
}

pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file being written.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts to write `target`; makes its folder if need be and sweeps what killed processes left of earlier tries.
    pub fn create(target: &Path) -> Result<Self> {
        let folder = folder_of(target);
        std::fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
        let prefix = prefix(target);
        sweep(folder, &prefix);
        loop {
            let file = tempfile::Builder::new()
                .prefix(&prefix)
                .suffix(SUFFIX)
                .tempfile_in(folder)
                .map_err(Error::io("create a file in", folder))?;
            // Another process may sweep the file before its lock is held: then a new one is made. A file system
            // without locks has no sweeping either.
            let taken = matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock));
            if !taken && file.path().exists() {
                return Ok(Self { file, target: target.to_owned() });
            }
        }
    }

    /// Where its bytes are until then.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Renames it to its target, or to another name in the same folder.
    pub fn persist_as(self, target: &Path) -> Result<()> {
        self.finish(target)?;
        self.file.persist(target).map_err(|error| Error::io("write", target)(error.error))?;
        Ok(())
    }

    /// Renames it to its target, if nothing is there.
    pub fn persist_new(self) -> Result<()> {
        self.finish(&self.target)?;
        self.file.persist_noclobber(&self.target).map_err(|error| Error::io("write", &self.target)(error.error))?;
        Ok(())
    }

    /// Makes it an ordinary file that is on the disk.
    fn finish(&self, target: &Path) -> Result<()> {
        self.make_ordinary(target)?;
        self.file.as_file().sync_all().map_err(Error::io("write", target))
    }

    fn make_ordinary(&self, target: &Path) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private; an artifact is an ordinary file. 644 whatever the umask.
            let mode = std::fs::Permissions::from_mode(0o644);
            self.file.as_file().set_permissions(mode).map_err(Error::io("write", target))?;
        }
        Ok(())
    }

    /// As [`AtomicFile::persist`], without waiting for the disk: for what can be made again.
    pub fn persist_unsynced(self) -> Result<()> {
        self.file.persist(&self.target).map_err(|error| Error::io("write", &self.target)(error.error))?;
        Ok(())
    }

    /// The same under another name of the same file system, for everybody to read.
    pub fn persist_unsynced_as(self, target: &Path) -> Result<()> {
        self.make_ordinary(target)?;
        self.file.persist(target).map_err(|error| Error::io("write", target)(error.error))?;
        Ok(())
    }

    /// Renames it to its target.
    pub fn persist(self) -> Result<()> {
        let target = self.target.clone();
        self.persist_as(&target)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn prefix(target: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

/// Removes this target's leftovers. A failure is left to the next try: sweeping must never stop a build.
fn sweep(folder: &Path, prefix: &OsString) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(prefix.as_encoded_bytes()) && bytes.ends_with(SUFFIX.as_bytes()) {
            // Held until the file is gone: else its maker might lock it in between, and write into what nobody finds.
            let file = File::open(entry.path()).ok().filter(|file| file.try_lock().is_ok());
            if file.is_some() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn appears_only_when_persisted() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"x").unwrap();
        assert!(!target.exists());
        file.persist().unwrap();
        assert_eq!(names(folder.path()), ["a.zip"]);
        drop(AtomicFile::create(&target).unwrap());
        assert_eq!(names(folder.path()), ["a.zip"], "a dropped file leaves nothing, and the old one stays");
    }

    #[test]
    fn a_new_file_takes_no_place_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.toml");
        AtomicFile::create(&target).unwrap().persist_new().unwrap();
        std::fs::write(&target, "mine").unwrap();
        assert!(AtomicFile::create(&target).unwrap().persist_new().is_err());
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        assert_eq!(names(folder.path()), ["a.toml"]);
    }

    #[test]
    fn sweeps_what_a_killed_process_left_and_not_what_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.zip");
        std::fs::write(folder.path().join(".a.zip.dead.partial"), b"").unwrap();
        std::fs::write(folder.path().join(".b.zip.dead.partial"), b"").unwrap();
        let first = AtomicFile::create(&target).unwrap();
        let second = AtomicFile::create(&target).unwrap();
        let left = names(folder.path());
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(!left.contains(&".a.zip.dead.partial".to_owned()));
        drop((first, second));
    }
}
