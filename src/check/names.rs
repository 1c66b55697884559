//! Names that mean different files on different systems.

use super::{Files, Finding, LAYERS, TASK};
use crate::archive::{Collision, collisions};

/// Names that collide.
pub(super) fn check(files: &Files) -> Vec<Finding> {
    let paths = [TASK, LAYERS].into_iter().flat_map(|root| files.below(root)).map(|(path, _)| (path.as_str(), false));
    // The system of an image is not unpacked from a ZIP.
    let is_ours = |path: &&String| [TASK, LAYERS].iter().any(|root| path.starts_with(&format!("{root}/")));
    let folders = files.folders.keys().filter(is_ours).map(|path| (path.as_str(), true));
    let found = collisions(paths.chain(folders));
    found.into_iter().map(finding).collect()
}

fn finding(collision: Collision) -> Finding {
    match collision {
        Collision::FileAndFolder(path) => {
            Finding::error("name-collision", path, "it is a file and a folder: only one of them is unpacked")
        }
        Collision::Case(other, path) => {
            let reason = format!("{other} and it differ only by case: on macOS and Windows they are one");
            Finding::warning("name-case", path, reason)
        }
    }
    .with_hint("rename one of them")
}
