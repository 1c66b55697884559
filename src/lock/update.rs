//! Reading the file, and changing it while others may do the same.
//!
//! What must stay true: whoever changes the lock reads it again while it holds the project's folder, changes only its
//! own sets, and puts the whole file in its place at once. So two builds lose nothing of each other, and a build that
//! is killed leaves the file as it was or as it should be.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::model::Lock;
use super::read;
use crate::error::{Error, Result};
use crate::system::{self, AtomicFile};

/// The largest lock that is read. One of a hundred functions for ten targets has some ten megabytes.
const BYTES: u64 = 64 << 20;

/// Reads a lock; one that is not there is empty.
pub fn load(path: &Path) -> Result<Lock> {
    // A lock that holds is not written again: then nobody else would take away what a killed build left.
    system::sweep_leftovers(path);
    let Some(text) = read_text(path)? else { return Ok(Lock::default()) };
    read::parse(&text, path)
}

fn read_text(path: &Path) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    let wrong = |message: &str| Error::Lock {
        message: format!("{} {message}", path.display()),
        hint: "take it from version control again; or delete it and run `pack lock`".into(),
    };
    if bytes.len() as u64 > BYTES {
        return Err(wrong("is too large to be a lock"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| wrong("is not UTF-8"))
}

/// Changes the lock on the disk. A change that changes nothing writes nothing.
pub fn update(path: &Path, change: impl FnOnce(&mut Lock)) -> Result<()> {
    let path = system::destination(path)?;
    let _held = hold(&path)?;
    let before = read_text(&path)?;
    let mut lock = before.as_deref().map_or(Ok(Lock::default()), |text| read::parse(text, &path))?;
    change(&mut lock);
    let text = lock.text();
    if before.as_deref() == Some(text.as_str()) {
        return Ok(());
    }
    let mut file = AtomicFile::create(&path)?;
    file.write_all(text.as_bytes()).map_err(Error::io("write", &path))?;
    file.persist()
}

/// Waits until no other process changes a lock in that folder. The folder itself is what is held: nothing is left
/// behind, and unlike a file in it no editor puts another in its place.
fn hold(path: &Path) -> Result<Option<File>> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = File::open(folder).map_err(Error::io("read", folder))?;
    match file.lock() {
        Ok(()) => Ok(Some(file)),
        // A file system without locks: then the last of two writers wins, with a whole file.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(Error::io("lock", folder)(error)),
    }
}
