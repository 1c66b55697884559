//! A place for thousands of files that live for seconds: in memory where there is room, as a busy disk takes ten times as long.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// What several root file systems take.
const ROOM: u64 = 4 << 30;

/// A temporary folder.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if room(memory).is_some_and(|room| room >= ROOM) { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("pack-test").tempdir_in(folder).unwrap()
}

/// The bytes that are free there.
fn room(folder: &Path) -> Option<u64> {
    let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(folder).output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().nth(1)?.trim().parse().ok()
}
