//! The throw-away copy that is imported from: `root/var/task`, `root/opt`, `root/var/runtime`, and `tmp` beside them.
//!
//! What must stay true: nothing is written outside of its own folder, files are 444 or 555 and folders 555 while package
//! code runs, and all of it is gone afterwards.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::place::Place;
use crate::check::{File, Files};
use crate::error::{Error, Result};

/// Where the runtime has what it ships.
pub const RUNTIME: &str = "/var/runtime";

/// Folders that are there even if nothing is in them.
const FOLDERS: &[&str] = &["/var/task", RUNTIME, "/opt"];

/// Above this, files are unpacked one after the other, so that only one is in memory.
const LARGE_BYTES: u64 = 64 << 20;

/// A copy of files; removed when it is dropped.
#[derive(Debug)]
pub struct ThrowAway {
    place: Place,
}

impl ThrowAway {
    /// Unpacks files, in parallel: into memory where they fit, else into a new folder within `disk`.
    /// An image's other files are not copied.
    pub fn of(files: &Files, disk: &Path) -> Result<Self> {
        let size = copied(files).map(|(_, file)| file.size).sum();
        if let Some(place) = Place::in_memory(size) {
            // Less memory than it seemed: the disk will do.
            if let Ok(copy) = Self::unpack(files, place) {
                return Ok(copy);
            }
        }
        Self::unpack(files, Place::on_disk(disk)?)
    }

    fn unpack(files: &Files, place: Place) -> Result<Self> {
        let copy = Self { place };
        let mut folders: BTreeSet<PathBuf> = FOLDERS.iter().map(|path| copy.at(path)).collect();
        folders.insert(copy.tmp());
        folders.extend(copied(files).filter_map(|(path, _)| copy.at(path).parent().map(Path::to_owned)));
        for folder in folders {
            fs::create_dir_all(&folder).map_err(Error::io("create the folder", folder))?;
        }
        let write = |(path, file): (&String, &File)| put(&copy.at(path), file.mode & 0o111 != 0, &files.read(file)?);
        let (large, small): (Vec<_>, Vec<_>) = copied(files).partition(|(_, file)| file.size > LARGE_BYTES);
        small.into_par_iter().try_for_each(write)?;
        large.into_iter().try_for_each(write)?;
        Ok(copy)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// What stands for the file system's root.
    pub fn root(&self) -> PathBuf {
        self.folder().join("root")
    }

    /// The only place that can be written to.
    pub fn tmp(&self) -> PathBuf {
        self.folder().join("tmp")
    }

    /// Writes a file, in the place of another if there is one.
    pub fn write(&self, path: &str, executable: bool, bytes: &[u8]) -> Result<()> {
        self.remove(path)?;
        let path = self.at(path);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
        put(&path, executable, bytes)
    }

    /// Takes a file out again.
    pub fn remove(&self, path: &str) -> Result<()> {
        let path = self.at(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Takes away every folder's permission to write.
    pub fn seal(&self) {
        self.set_folders(0o555);
    }

    /// Gives it back, so that more can be written.
    pub fn unseal(&self) {
        self.set_folders(0o755);
    }

    fn set_folders(&self, mode: u32) {
        // One that cannot be set is one that package code cannot write to either.
        for entry in walkdir::WalkDir::new(self.root()).into_iter().flatten().filter(|entry| entry.file_type().is_dir())
        {
            let _ = fs::set_permissions(entry.path(), Permissions::from_mode(mode));
        }
    }

    /// Where a path of Lambda is here.
    fn at(&self, path: &str) -> PathBuf {
        let mut place = self.root();
        // Paths of files are normal already; what is not would stay inside all the same.
        place.extend(Path::new(path).components().filter(|component| matches!(component, Component::Normal(_))));
        place
    }
}

/// What a function sees: its own files, its layers', the runtime's.
fn copied<'f, 'a>(files: &'f Files<'a>) -> impl Iterator<Item = (&'f String, &'f File<'a>)> {
    FOLDERS.iter().flat_map(|folder| files.below(folder))
}

fn put(path: &Path, executable: bool, bytes: &[u8]) -> Result<()> {
    let mode = if executable { 0o555 } else { 0o444 };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::{Entry, Owner, Source, Tree};

    #[test]
    fn is_laid_out_as_in_lambda_and_gone_afterwards() {
        let entry = |text: &str, executable| Entry {
            executable,
            owner: Owner::Function,
            source: Source::Memory(Arc::from(text.as_bytes())),
            size: text.len() as u64,
        };
        let tree: Tree = [("app.py".to_owned(), entry("a", false)), ("bin/x".to_owned(), entry("b", true))].into();
        let disk = tempfile::tempdir().unwrap();
        let copy = ThrowAway::unpack(&Files::of_tree(&tree, &[]), Place::on_disk(disk.path()).unwrap()).unwrap();
        copy.seal();
        let mode = |path: &str| fs::metadata(copy.root().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("var/task/app.py"), mode("var/task/bin/x"), mode("var/task/bin")), (0o444, 0o555, 0o555));
        copy.unseal();
        copy.write("/var/task/../../../app.py", false, b"stays inside").unwrap();
        copy.write("/var/task/app.py", false, b"changed").unwrap();
        assert_eq!(fs::read(copy.root().join("var/task/app.py")).unwrap(), b"changed");
        copy.seal();
        drop(copy);
        assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    }
}
