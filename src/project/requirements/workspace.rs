//! uv workspaces: one uv.lock at the root, for all members.

use std::path::{Path, PathBuf};

use super::pyproject::PyProject;

/// The uv.lock of the workspace that a folder is a member of. A lock in the folder itself is its own.
pub(super) fn lock_of(folder: &Path) -> Option<PathBuf> {
    let real = folder.canonicalize().ok()?;
    real.ancestors().skip(1).find_map(|root| {
        let lock = root.join("uv.lock");
        let file = root.join("pyproject.toml");
        let is_root = lock.is_file() && file.is_file();
        let project = is_root.then(|| PyProject::read(&file).ok())??;
        project.has_member(real.strip_prefix(root).ok()?).then_some(lock)
    })
}
