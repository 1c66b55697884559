//! Layers laid over each other: a tar's entries, whiteouts, links. Source: OCI image specification 1.1, `layer.md`.
//!
//! The `tar` crate reads headers; what it would read into memory without a bound (long names, PAX records) is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File as DiskFile;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tar::EntryType;

use super::super::links::{self, Astray, Links, Patience};
use super::base::Base;
use crate::archive::{COMPONENT_BYTES, PATH_BYTES};
use crate::check::{File, Finding, Origin};

/// The most that a long name or a PAX header may have.
const RECORD_BYTES: u64 = 1 << 20;

/// The most entries of all layers. AWS's base image has 18,000.
const ENTRIES: usize = 2_000_000;

/// The most bytes of all names and targets of links of all layers.
const NAME_BYTES: usize = 256 << 20;

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File { offset: u64, size: u64, mode: u32 },
    Folder { mode: u32 },
    Link { target: String },
    HardLink { target: String },
    Other,
}

/// One entry, under a path without a leading slash.
#[derive(Debug)]
pub(super) struct Entry {
    pub path: String,
    pub kind: Kind,
}

/// How much more is read.
#[derive(Debug)]
pub(super) struct Room {
    entries: usize,
    name_bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { entries: ENTRIES, name_bytes: NAME_BYTES }
    }
}

impl Room {
    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        let target = match &entry.kind {
            Kind::Link { target } | Kind::HardLink { target } => target.len(),
            _ => 0,
        };
        let left = self.entries.checked_sub(1);
        self.entries = left.ok_or_else(|| format!("with it there are more than {ENTRIES} files"))?;
        let left = self.name_bytes.checked_sub(entry.path.len() + target);
        self.name_bytes = left.ok_or_else(|| format!("with it the names have more than {NAME_BYTES} bytes"))?;
        Ok(())
    }
}

/// The entries of a tar in their order, or why it is none.
pub(super) fn entries(file: &Arc<DiskFile>, room: &mut Room) -> Result<Vec<Entry>, String> {
    let length = file.metadata().map_err(|error| unreadable(&error))?.len();
    let mut archive = tar::Archive::new(BufReader::new(Whole { file: Arc::clone(file), at: 0 }));
    let listed = archive.entries_with_seek().map_err(|error| unreadable(&error))?;
    list(listed, room, &mut |_, offset, size, _| {
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err("it ends inside of a file".into());
        }
        Ok(offset)
    })
}

/// What becomes of a file that passes: its path, its size, its bytes → what stands for its offset.
pub(super) type Keep<'a> = &'a mut dyn FnMut(&str, u64, &mut dyn Read) -> Result<u64, String>;

/// The same of a stream, whose files are gone once they were passed: `keep` is given each with its path and size, and says
/// what stands for its offset.
pub(super) fn passing(stream: &mut dyn Read, room: &mut Room, keep: Keep<'_>) -> Result<Vec<Entry>, String> {
    let mut archive = tar::Archive::new(stream);
    let listed = archive.entries().map_err(|error| unreadable(&error))?;
    list(listed, room, &mut |path, _, size, file| keep(path, size, file))
}

fn unreadable(error: &std::io::Error) -> String {
    format!("it is not a whole tar ({error})")
}

/// What becomes of a file: its path, where it is in the tar, its size, its bytes → its offset.
type Place<'a> = &'a mut dyn FnMut(&str, u64, u64, &mut dyn Read) -> Result<u64, String>;

fn list<R: Read>(listed: tar::Entries<'_, R>, room: &mut Room, place: Place<'_>) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let (mut long_name, mut long_link) = (None, None);
    for entry in listed.raw(true) {
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        let kind = entry.header().entry_type();
        let (offset, size) =
            (entry.raw_file_position(), entry.header().entry_size().map_err(|error| unreadable(&error))?);
        let is_record = matches!(kind, EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader);
        if is_record || kind == EntryType::XGlobalHeader {
            place("", offset, size, &mut entry)?;
        }
        if is_record {
            if size > RECORD_BYTES {
                return Err(format!("a name of it has {size} bytes"));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
            match kind {
                EntryType::GNULongName => long_name = Some(text(&bytes)),
                EntryType::GNULongLink => long_link = Some(text(&bytes)),
                _ => {
                    for record in tar::PaxExtensions::new(&bytes) {
                        let record = record.map_err(|error| unreadable(&error))?;
                        match record.key_bytes() {
                            b"path" => long_name = Some(text(record.value_bytes())),
                            b"linkpath" => long_link = Some(text(record.value_bytes())),
                            b"size" => return Err("a file of it is larger than 8 GB".into()),
                            _ => {}
                        }
                    }
                }
            }
            continue;
        }
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let path = long_name.take().unwrap_or_else(|| text(&entry.header().path_bytes()));
        let link = long_link.take().or_else(|| entry.header().link_name_bytes().map(|bytes| text(&bytes)));
        let mode = entry.header().mode().map_err(|error| unreadable(&error))? & 0o7777;
        let path = inside(&path)?;
        let offset = place(&path, offset, size, &mut entry)?;
        let kind = match kind {
            EntryType::Regular | EntryType::Continuous => Kind::File { offset, size, mode },
            EntryType::Directory => Kind::Folder { mode },
            EntryType::Symlink => Kind::Link { target: link.map(short).transpose()?.unwrap_or_default() },
            EntryType::Link => Kind::HardLink { target: inside(&link.unwrap_or_default())? },
            EntryType::GNUSparse => return Err("it has a sparse file".into()),
            _ => Kind::Other,
        };
        let entry = Entry { path, kind };
        room.take(&entry)?;
        entries.push(entry);
    }
    Ok(entries)
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A path that Linux takes.
fn short(path: String) -> Result<String, String> {
    if path.len() > PATH_BYTES {
        return Err(format!("a path in it has {} bytes; Linux takes {PATH_BYTES}", path.len()));
    }
    Ok(path)
}

/// A path without `.`, and without a way out.
fn inside(path: &str) -> Result<String, String> {
    let path = short(path.to_owned())?;
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(format!("{path:?} climbs out of the image"));
    }
    if let Some(part) = parts.iter().find(|part| part.len() > COMPONENT_BYTES) {
        return Err(format!("a name in it has {} bytes; Linux takes {COMPONENT_BYTES}", part.len()));
    }
    Ok(parts.join("/"))
}

/// Where a path leads, in words if nowhere.
fn resolve(path: &str, links: &Links, patience: &mut Patience) -> Result<String, String> {
    links::resolve(path, links, patience).map_err(|astray| match astray {
        Astray::Circle => "its links go in circles".into(),
        Astray::Exhausted => "its links are too many to follow".into(),
    })
}

/// A root file system; paths have no leading slash.
#[derive(Debug, Default)]
pub(super) struct Root {
    pub files: BTreeMap<String, File<'static>>,
    pub folders: BTreeMap<String, u32>,
    pub links: Links,
    room: Room,
    patience: Patience,
}

impl Root {
    /// Lays a layer over what is there, or says why it is none.
    pub(super) fn apply(
        &mut self,
        layer: &Arc<DiskFile>,
        digest: &str,
        base: &mut Base,
    ) -> Result<Vec<Finding>, String> {
        let entries = entries(layer, &mut self.room)?;
        let findings = oddities(&entries, digest);
        self.lay(entries, layer, base)?;
        Ok(findings)
    }

    /// Lays a layer over what is there while it passes; `file` is the one that all offsets are said to be of.
    pub(super) fn apply_passing(
        &mut self,
        stream: &mut dyn Read,
        file: &Arc<DiskFile>,
        keep: Keep<'_>,
    ) -> Result<(), String> {
        let entries = passing(stream, &mut self.room, keep)?;
        self.lay(entries, file, &mut Base::default())
    }

    fn lay(&mut self, entries: Vec<Entry>, layer: &Arc<DiskFile>, base: &mut Base) -> Result<(), String> {
        // Whiteouts are about the layers below only, wherever they stand in this one.
        for entry in &entries {
            let (parent, name) = split(&entry.path);
            let parent = resolve(parent, &self.links, &mut self.patience)?;
            if name == ".wh..wh..opq" {
                base.touch(&parent, true);
                self.remove_below(&parent);
            } else if let Some(name) = name.strip_prefix(".wh.") {
                let path = join(&parent, name);
                base.touch(&path, true);
                self.remove(&path);
            }
        }
        for Entry { path, kind } in entries {
            let (parent, name) = split(&path);
            if name.starts_with(".wh.") || name.is_empty() {
                continue;
            }
            let parent = resolve(parent, &self.links, &mut self.patience)?;
            let path = join(&parent, name);
            base.touch(&path, !matches!(kind, Kind::Folder { .. }));
            match kind {
                Kind::Folder { mode } => {
                    self.files.remove(&path);
                    self.links.remove(&path);
                    self.folders.insert(path, mode);
                }
                Kind::File { offset, size, mode } => {
                    self.remove(&path);
                    let origin = Origin::Part { file: Arc::clone(layer), offset };
                    self.files.insert(path, File { size, mode, origin });
                }
                Kind::HardLink { target } => {
                    let target = resolve(&target, &self.links, &mut self.patience)?;
                    let file = self.files.get(&target).cloned();
                    self.remove(&path);
                    if let Some(file) = file {
                        self.files.insert(path, file);
                    }
                }
                Kind::Link { target } => {
                    self.remove(&path);
                    self.links.insert(path, target);
                }
                Kind::Other => self.remove(&path),
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.files.remove(path);
        self.links.remove(path);
        self.folders.remove(path);
        self.remove_below(path);
    }

    fn remove_below(&mut self, folder: &str) {
        fn cut<T>(map: &mut BTreeMap<String, T>, start: &str) {
            let gone: Vec<String> = map
                .range(start.to_owned()..)
                .map(|(path, _)| path)
                .take_while(|path| path.starts_with(start))
                .cloned()
                .collect();
            for path in gone {
                map.remove(&path);
            }
        }
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        cut(&mut self.files, &start);
        cut(&mut self.folders, &start);
        cut(&mut self.links, &start);
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// What Lambda does not take of the entries of one layer, and what readers take differently.
fn oddities(entries: &[Entry], digest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let orphans = without_parents(entries);
    if let Some(first) = orphans.first() {
        let reason = format!(
            "layer {digest} has {} files whose folders are not entries before them: Lambda refuses that (InvalidImage, MissingParentDirectory)",
            orphans.len()
        );
        findings.push(
            Finding::error("image-layer", first, reason)
                .with_hint("build the layer with the folders as entries of their own"),
        );
    }
    let mut seen = BTreeSet::new();
    let again: Vec<&Entry> = entries.iter().filter(|entry| !seen.insert(entry.path.as_str())).collect();
    let again: Vec<&Entry> = again.into_iter().filter(|entry| !matches!(entry.kind, Kind::Folder { .. })).collect();
    if let Some(first) = again.first() {
        let reason =
            format!("layer {digest} has {} entries again: which of them stays depends on the reader", again.len());
        findings
            .push(Finding::warning("image-layer", &first.path, reason).with_hint("write each path once in a layer"));
    }
    findings
}

/// Entries whose folder is no entry before them.
fn without_parents(entries: &[Entry]) -> Vec<String> {
    let mut seen: BTreeSet<&str> = BTreeSet::from([""]);
    let mut orphans = Vec::new();
    for entry in entries {
        if !seen.contains(split(&entry.path).0) {
            orphans.push(entry.path.clone());
        }
        if matches!(entry.kind, Kind::Folder { .. } | Kind::Link { .. }) {
            seen.insert(&entry.path);
        }
    }
    orphans
}

/// A file read at a position of its own, since several may read it.
struct Whole {
    file: Arc<DiskFile>,
    at: u64,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl std::io::Seek for Whole {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            std::io::SeekFrom::Start(at) => Some(at),
            std::io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
            std::io::SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| std::io::Error::other("a place before the file"))?;
        Ok(self.at)
    }
}
