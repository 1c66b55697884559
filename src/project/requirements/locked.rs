//! What a lock file lists, as files for pip.
//!
//! Everything is listed, so pip looks for no dependencies: a lock may differ from what its distributions say on purpose
//! (overrides). pip asks for all hashes as soon as it sees one, and has none of folders and repositories: those are a second
//! question.

use std::collections::BTreeSet;

/// Lines for pip.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Locked {
    /// Where to look.
    pub(super) options: Vec<String>,
    /// Files with their hashes.
    pub(super) hashed: Vec<String>,
    /// Folders, repositories, and what the lock has no hash of.
    pub(super) unhashed: Vec<String>,
    /// What is required itself rather than by something else, as far as that is known.
    pub(super) direct: BTreeSet<String>,
}

impl Locked {
    /// The texts of the files, each a question of its own, with a word for its name.
    pub(super) fn texts(&self) -> Vec<(&'static str, String)> {
        [("", &self.hashed), (".unhashed", &self.unhashed)]
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .map(|(name, lines)| {
                let lines: Vec<&str> = self.options.iter().chain(lines).map(String::as_str).collect();
                (name, lines.join("\n") + "\n")
            })
            .collect()
    }
}
