//! The throw-away copy that is imported from: `root/var/task`, `root/opt`, `root/var/runtime`, and wherever else an image
//! has modules; and `tmp` beside them.
//!
//! What must stay true: nothing is written outside of its own folder, files are 444 or 555 and folders 555 while package
//! code runs, and all of it is gone afterwards.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
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

/// The most folders that are made.
const MOST_FOLDERS: usize = 1_000_000;

/// A copy of files; removed when it is dropped.
#[derive(Debug)]
pub struct ThrowAway {
    place: Place,
}

impl ThrowAway {
    /// Unpacks what lies in the folders of a search path, and in Lambda's own, in parallel: into memory where it fits, else
    /// into a new folder within `disk`.
    pub fn of(files: &Files, search_path: &[String], disk: &Path) -> Result<Self> {
        let copied = copied(files, search_path);
        if let Some(place) = Place::in_memory(copied.values().map(|file| file.size).sum()) {
            // Less memory than it seemed: the disk will do.
            if let Ok(copy) = Self::unpack(files, &copied, search_path, place) {
                return Ok(copy);
            }
        }
        Self::unpack(files, &copied, search_path, Place::on_disk(disk)?)
    }

    fn unpack(files: &Files, copied: &Copied, search_path: &[String], place: Place) -> Result<Self> {
        let copy = Self { place };
        fs::create_dir(copy.tmp()).map_err(Error::io("create the folder", copy.tmp()))?;
        // A function starts in the first of its search path.
        let start = search_path.first().map(String::as_str);
        let mut folders: BTreeSet<&str> = FOLDERS.iter().copied().chain(start).collect();
        folders.extend(copied.keys().filter_map(|path| Some(path.rsplit_once('/')?.0)));
        if count(&folders) > MOST_FOLDERS {
            let many = std::io::Error::other(format!("there are more than {MOST_FOLDERS}"));
            return Err(Error::io("create the folders of", "the copy")(many));
        }
        for folder in folders {
            fs::create_dir_all(copy.at(folder)).map_err(Error::io("create a copy of the folder", folder))?;
        }
        let write = |(path, file): (&&String, &&File)| {
            let bytes = files.read(file)?;
            put(&copy.at(path), file.mode & 0o111 != 0, &bytes).map_err(Error::io("write a copy of", path.as_str()))
        };
        let (large, mut small): (Vec<_>, Vec<_>) = copied.iter().partition(|(_, file)| file.size > LARGE_BYTES);
        // The largest first, or one of them would be waited for in the end.
        small.sort_by_key(|(_, file)| Reverse(file.size));
        small.into_par_iter().with_max_len(1).try_for_each(write)?;
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
        put(&path, executable, bytes).map_err(Error::io("write", path))
    }

    /// Says beside the files which of them are the function's own. One whose name a list of lines cannot have is left away.
    pub fn list_own(&self, paths: &[String]) -> Result<()> {
        let place = self.folder().join("own");
        let lines = paths.iter().filter(|path| !path.contains(['\n', '\r'])).map(|path| format!("{path}\n"));
        fs::write(&place, lines.collect::<String>()).map_err(Error::io("write", &place))
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

type Copied<'f, 'a> = BTreeMap<&'f String, &'f File<'a>>;

/// What a function sees: its own files, its layers', the runtime's, and an image's where its Python looks.
fn copied<'f, 'a>(files: &'f Files<'a>, search_path: &[String]) -> Copied<'f, 'a> {
    FOLDERS
        .iter()
        .copied()
        .chain(search_path.iter().map(String::as_str))
        .flat_map(|folder| files.below(folder))
        .collect()
}

/// How many folders have to be made for these, the outer ones included.
fn count(folders: &BTreeSet<&str>) -> usize {
    let mut before = "";
    let mut count = 0;
    for folder in folders {
        let shared = folder.split('/').zip(before.split('/')).take_while(|(one, other)| one == other).count();
        count += folder.split('/').count() - shared;
        before = folder;
    }
    count
}

fn put(path: &Path, executable: bool, bytes: &[u8]) -> std::io::Result<()> {
    let mode = if executable { 0o555 } else { 0o444 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::{Entry, Owner, Site, Source, Tree};

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
        let files = Files::of_tree(&tree, &[], &Site::function());
        let place = Place::on_disk(disk.path()).unwrap();
        let copy = ThrowAway::unpack(&files, &copied(&files, &[]), &[], place).unwrap();
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

    #[test]
    fn folders_are_counted_once() {
        assert_eq!(count(&["/a/b", "/a/b/c", "/a/d"].into()), 4);
        assert_eq!(count(&["/a/b/c/d"].into()), 4);
    }
}
