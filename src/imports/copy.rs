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
use tempfile::TempDir;

use crate::check::Files;
use crate::error::{Error, Result};
use crate::system;

/// Where the runtime has what it ships.
pub const RUNTIME: &str = "/var/runtime";

/// Folders that are there even if nothing is in them.
const FOLDERS: &[&str] = &["/var/task", RUNTIME, "/opt"];

/// Above this, files are unpacked one after the other, so that only one is in memory.
const LARGE_BYTES: u64 = 64 << 20;

/// A copy on this machine's disk; removed when it is dropped.
#[derive(Debug)]
pub struct ThrowAway {
    folder: TempDir,
}

impl ThrowAway {
    /// Unpacks files, in parallel, into a new folder within `place`.
    pub fn of(files: &Files, place: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(place).map_err(Error::io("create a folder in", place))?;
        let copy = Self { folder };
        let mut folders: BTreeSet<PathBuf> = FOLDERS.iter().map(|path| copy.place(path)).collect();
        folders.insert(copy.tmp());
        folders.extend(files.files.keys().filter_map(|path| copy.place(path).parent().map(Path::to_owned)));
        for folder in folders {
            fs::create_dir_all(&folder).map_err(Error::io("create the folder", folder))?;
        }
        let write = |(path, file): (&String, &crate::check::File)| {
            put(&copy.place(path), file.mode & 0o111 != 0, &files.read(file)?)
        };
        let (large, small): (Vec<_>, Vec<_>) = files.files.iter().partition(|(_, file)| file.size > LARGE_BYTES);
        small.into_par_iter().try_for_each(write)?;
        large.into_iter().try_for_each(write)?;
        Ok(copy)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
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
        let path = self.place(path);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
        put(&path, executable, bytes)
    }

    /// Takes a file out again.
    pub fn remove(&self, path: &str) -> Result<()> {
        let path = self.place(path);
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
    fn place(&self, path: &str) -> PathBuf {
        let mut place = self.root();
        // Paths of files are normal already; what is not would stay inside all the same.
        place.extend(Path::new(path).components().filter(|component| matches!(component, Component::Normal(_))));
        place
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        system::remove_folder(self.folder.path());
    }
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
        let place = tempfile::tempdir().unwrap();
        let copy = ThrowAway::of(&Files::of_tree(&tree, &[]), place.path()).unwrap();
        copy.seal();
        let mode = |path: &str| fs::metadata(copy.root().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("var/task/app.py"), mode("var/task/bin/x"), mode("var/task/bin")), (0o444, 0o555, 0o555));
        copy.unseal();
        copy.write("/var/task/../../../app.py", false, b"stays inside").unwrap();
        copy.write("/var/task/app.py", false, b"changed").unwrap();
        assert_eq!(fs::read(copy.root().join("var/task/app.py")).unwrap(), b"changed");
        copy.seal();
        drop(copy);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
