//! Names that mean different files on different systems.

use std::collections::BTreeMap;

use super::{Files, Finding, LAYERS, TASK};

/// Names that collide.
pub(super) fn check(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    for root in [TASK, LAYERS] {
        for (path, _) in files.below(root) {
            if files.has_folder(path) {
                findings.push(
                    Finding::error("name-collision", path, "it is a file and a folder: only one of them is unpacked")
                        .with_hint("rename one of them"),
                );
            }
            // Folders first: all that is below two that collide would collide as well.
            let ends = path[root.len() + 1..].match_indices('/').map(|(at, _)| root.len() + 1 + at);
            for end in ends.chain([path.len()]) {
                let part = &path[..end];
                match folded.insert(part.to_lowercase(), part) {
                    Some(other) if other != part => {
                        let reason = format!("{other} and it differ only by case: on macOS and Windows they are one");
                        findings.push(Finding::warning("name-case", part, reason).with_hint("rename one of them"));
                        break;
                    }
                    _ => {}
                }
            }
        }
    }
    findings
}
