//! Files, links and folders of one side by path, and how a state of one is shown.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::side::Side;
use crate::check::File;

/// What is at a path.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    File(&'a File<'static>),
    Link(&'a str),
    Folder(u32),
}

/// All of them, by path without a leading slash.
pub(super) type Entries<'a> = BTreeMap<&'a str, Entry<'a>>;

/// A state, as a report has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum State {
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// Permission bits, in octal digits.
        #[serde(serialize_with = "octal")]
        mode: u32,
        /// Of its content, where it was compared.
        #[serde(skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// A symbolic link.
    Link {
        /// What it names.
        target: String,
    },
    /// A folder.
    Folder {
        /// Permission bits, in octal digits.
        #[serde(serialize_with = "octal")]
        mode: u32,
    },
}

impl State {
    /// Bytes of a file.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Link { .. } | Self::Folder { .. } => 0,
        }
    }
}

impl Entry<'_> {
    pub(super) fn state(&self, sha256: Option<String>) -> State {
        match self {
            Self::File(file) => State::File { size: file.size, mode: file.mode, sha256 },
            Self::Link(target) => State::Link { target: (*target).to_owned() },
            Self::Folder(mode) => State::Folder { mode: *mode },
        }
    }
}

/// What a side has; of an image only what is below a folder, if one is named.
pub(super) fn entries<'a>(side: &'a Side, below: Option<&str>) -> Entries<'a> {
    let below = below.filter(|_| side.is_image()).map(|folder| format!("{}/", folder.trim_start_matches('/')));
    let place = |path: &'a String| match &below {
        Some(folder) => path.strip_prefix(folder.as_str()),
        None => Some(path.as_str()),
    };
    let contents = &side.contents;
    let folders = contents.folders.iter().filter_map(|(path, mode)| Some((place(path)?, Entry::Folder(*mode))));
    let links = contents.links.iter().filter_map(|(path, target)| Some((place(path)?, Entry::Link(target))));
    let files = contents.files.iter().filter_map(|(path, file)| Some((place(path)?, Entry::File(file))));
    folders.chain(links).chain(files).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:o}"))
}
