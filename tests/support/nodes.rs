//! A root file system as a list that can be compared: path, kind, mode, owner, time, content.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sha256;

/// By absolute path.
pub(crate) type Nodes = BTreeMap<String, Node>;

/// A file, a folder or a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) content: Content,
    /// The twelve lowest bits; of a link always 777.
    pub(crate) mode: u32,
    /// User and group; none where the unpacking user could set no other than its own.
    pub(crate) owner: Option<(u64, u64)>,
    /// Whole seconds; none for folders, which get new ones as they are filled.
    pub(crate) mtime: Option<i64>,
}

/// What a node has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    Folder,
    /// The target.
    Link(String),
    /// The SHA-256 of the bytes.
    File(String),
}

impl Node {
    /// What an image of ours has for a file.
    pub(crate) fn file(bytes: &[u8], mode: u32, mtime: i64) -> Self {
        Self { content: Content::File(sha256(bytes)), mode, owner: Some((0, 0)), mtime: Some(mtime) }
    }

    /// What an image of ours has for a folder.
    pub(crate) fn folder() -> Self {
        Self { content: Content::Folder, mode: 0o755, owner: Some((0, 0)), mtime: None }
    }
}

/// What lies below a folder.
pub(crate) fn nodes_of_folder(root: &Path, has_owners: bool) -> Nodes {
    let mut nodes = Nodes::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        let content = if metadata.is_dir() {
            Content::Folder
        } else if metadata.is_symlink() {
            Content::Link(fs::read_link(entry.path()).unwrap().display().to_string())
        } else {
            Content::File(sha256(&fs::read(entry.path()).unwrap()))
        };
        let node = Node {
            mode: if metadata.is_symlink() { 0o777 } else { metadata.mode() & 0o7777 },
            owner: has_owners.then(|| (metadata.uid().into(), metadata.gid().into())),
            mtime: (content != Content::Folder).then(|| metadata.mtime()),
            content,
        };
        nodes.insert(format!("/{}", entry.path().strip_prefix(root).unwrap().display()), node);
    }
    nodes
}

/// What a tar of a root file system has, as `docker export` writes it.
pub(crate) fn nodes_of_tar(tar: impl Read) -> Nodes {
    let mut nodes = Nodes::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = format!("/{}", entry.path().unwrap().display()).trim_end_matches('/').to_owned();
        let header = entry.header();
        let mode = header.mode().unwrap() & 0o7777;
        let (owner, mtime) = ((header.uid().unwrap(), header.gid().unwrap()), header.mtime().unwrap());
        let content = match header.entry_type() {
            tar::EntryType::Directory => Content::Folder,
            tar::EntryType::Symlink => Content::Link(entry.link_name().unwrap().unwrap().display().to_string()),
            tar::EntryType::Link => {
                let target = format!("/{}", entry.link_name().unwrap().unwrap().display());
                nodes.get(&target).map(|node: &Node| node.content.clone()).unwrap()
            }
            _ => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                Content::File(sha256(&bytes))
            }
        };
        let mtime = (content != Content::Folder).then(|| i64::try_from(mtime).unwrap());
        nodes.insert(path, Node { content, mode, owner: Some(owner), mtime });
    }
    nodes
}

/// Fails with a line for each difference, but not with thousands of them. An owner that one side does not know is not compared.
#[track_caller]
pub(crate) fn assert_same_nodes(found: &Nodes, expected: &Nodes) {
    let mut lines = Vec::new();
    for path in found.keys().chain(expected.keys().filter(|path| !found.contains_key(*path))) {
        match (found.get(path), expected.get(path)) {
            (Some(found), Some(expected)) => {
                let mut found = found.clone();
                if found.owner.is_none() || expected.owner.is_none() {
                    found.owner = expected.owner;
                }
                if found != *expected {
                    lines.push(format!("{path}: {found:?}, expected {expected:?}"));
                }
            }
            (Some(found), None) => lines.push(format!("{path}: {found:?}, expected nothing")),
            (None, expected) => lines.push(format!("{path}: nothing, expected {expected:?}")),
        }
    }
    let shown = lines.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(lines.is_empty(), "{} differences:\n{shown}", lines.len());
}
