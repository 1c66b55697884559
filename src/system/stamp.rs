//! Whether a file or folder is as it was left, by its size and time, without reading it.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

/// What tells a file from one that was written since.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Stamp {
    bytes: u64,
    /// Nanoseconds.
    modified: u128,
}

impl Stamp {
    /// Of a file, or of all files of a folder; none where there is neither.
    pub fn of(path: &Path) -> Option<Self> {
        let mut stamp: Option<Self> = None;
        for entry in WalkDir::new(path).follow_root_links(true) {
            let metadata = entry.ok()?.metadata().ok()?;
            if metadata.is_file() {
                let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
                let before = stamp.unwrap_or(Self { bytes: 0, modified: 0 });
                stamp = Some(Self { bytes: before.bytes + metadata.len(), modified: before.modified.max(modified) });
            }
        }
        stamp
    }

    /// Of the program that runs.
    pub fn of_program() -> Option<Self> {
        Self::of(&std::env::current_exe().ok()?)
    }
}
