//! Folders that are taken away whatever their modes.

use std::fs;
use std::path::Path;

/// Removes a folder with all that is in it, folders that nobody may write to included. What cannot be removed stays.
pub fn remove_folder(folder: &Path) {
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_dir()) {
        make_writable(entry.path());
    }
    let _ = fs::remove_dir_all(folder);
}

#[cfg(unix)]
fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
}

#[cfg(not(unix))]
fn make_writable(_: &Path) {}
