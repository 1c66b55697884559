//! Where a throw-away copy lies: in memory (`/dev/shm`) where that has room, else on a disk.
//!
//! Thousands of small files are written, read once and removed; on many disks that takes longer than the imports. A lock
//! is held while a copy is used, so that what a killed process left can be told from what another one uses, and swept.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::system;

const MEMORY: &str = "/dev/shm";
const PREFIX: &str = "pack-imports-";
const LOCK: &str = "lock";

/// Copies above this go to the disk: nothing that Lambda takes as a ZIP is larger.
const MEMORY_BYTES: u64 = 400 << 20;

/// How many times its size has to be free.
const ROOM: u64 = 4;

/// A folder of one's own; removed when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
    _lock: File,
}

impl Place {
    /// A folder in memory, if that can hold so many bytes and libraries can be loaded from it.
    pub(super) fn in_memory(bytes: u64) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let memory = fs::read_to_string("/proc/meminfo").ok()?;
        let fits = bytes <= MEMORY_BYTES && available(&memory)? >= bytes * ROOM;
        (fits && is_executable_memory(&mounts)).then(|| Self::within(Path::new(MEMORY)).ok()).flatten()
    }

    /// A folder within another.
    pub(super) fn on_disk(folder: &Path) -> Result<Self> {
        Self::within(folder)
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn within(parent: &Path) -> Result<Self> {
        sweep(parent);
        let failed = |error| Error::io("create a folder in", parent)(error);
        loop {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).map_err(failed)?;
            let lock = File::create(folder.path().join(LOCK)).map_err(failed)?;
            // Another process may sweep it before its lock is held: then a new one is made.
            let taken = matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
            if !taken && folder.path().join(LOCK).exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        system::remove_folder(self.folder.path());
    }
}

/// Removes what killed processes left. A failure is left to the next try: sweeping must never stop a build.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    for folder in ours.map(|entry| entry.path()).collect::<Vec<PathBuf>>() {
        if let Ok(lock) = File::open(folder.join(LOCK))
            && lock.try_lock().is_ok()
        {
            system::remove_folder(&folder);
        }
    }
}

/// `MemAvailable` of /proc/meminfo, in bytes.
fn available(memory: &str) -> Option<u64> {
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Whether files in `/dev/shm` may be executed, by the table of mounts; container engines forbid it.
fn is_executable_memory(mounts: &str) -> bool {
    let options = mounts.lines().rev().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        (words.next() == Some(MEMORY) && words.next() == Some("tmpfs")).then(|| words.next()).flatten()
    });
    options.is_some_and(|options| options.split(',').all(|option| option != "noexec" && option != "ro"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_to_be_there_and_may_not_forbid_execution() {
        assert_eq!(available("MemTotal: 8 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 8 kB\n"), None);
        let open = "tmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0\n";
        let shut = "shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0\n";
        assert!(is_executable_memory(open));
        assert!(!is_executable_memory(shut) && !is_executable_memory(""));
        assert!(!is_executable_memory(&format!("{open}{shut}")), "the last mount counts");
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_used_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let used = Place::on_disk(parent.path()).unwrap();
        let left = parent.path().join("pack-imports-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        fs::create_dir(parent.path().join("somebody-elses")).unwrap();
        let second = Place::on_disk(parent.path()).unwrap();
        assert!(!left.exists() && used.folder().exists() && second.folder().exists());
        assert!(parent.path().join("somebody-elses").exists());
    }
}
