//! Folders that are taken away whatever their modes.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

/// Removes a folder with all that is in it, folders that nobody may write to included. What cannot be removed stays.
pub fn remove_folder(folder: &Path) {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_dir());
    // Before it is looked into, which may take the permission to.
    let folders: Vec<PathBuf> =
        entries.map(walkdir::DirEntry::into_path).inspect(|folder| make_writable(folder)).collect();
    // Thousands of files, by folders in parallel; then the folders.
    folders.par_iter().for_each(|folder| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        for file in files.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir())) {
            let _ = fs::remove_file(file.path());
        }
    });
    let _ = fs::remove_dir_all(folder);
}

#[cfg(unix)]
fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
}

#[cfg(not(unix))]
fn make_writable(_: &Path) {}
