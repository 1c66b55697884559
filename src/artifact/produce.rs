//! A tree becomes a ZIP: each file read, stripped if it is a library, packed, and written in order.
//!
//! What must stay true: memory is bounded whatever the artifact's size, and the bytes do not depend on threads or on
//! what the member cache had.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::deflate::{DEFLATE_VERSION, Packed, pack};
use super::ordered::ordered;
use super::zip_writer::ZipWriter;
use crate::archive::Archive;
use crate::cache::{MemberCache, MemberCacheWriter};
use crate::elf::strip::{Unstripped, is_elf, strip};
use crate::error::{Error, Result};
use crate::resolve::Distribution;
use crate::system::{AtomicFile, HashedWrite};
use crate::tree::{self, Entry, Owner, Site, Source, Tree};

/// What may be held between reading and writing, in bytes of unpacked files. Packing one needs up to three times its
/// size: read, stripped, packed.
const BUDGET: u64 = 96 << 20;

/// Changes with what stripping does to a file.
const STRIP_VERSION: u32 = 5;

/// Changes with what compiling and normalising make of a source.
const BYTECODE_VERSION: u32 = 1;

/// What an artifact is made of.
pub struct Input<'a> {
    /// The files. What caches keep is known by a tree's paths: it is the same for a function and a layer.
    pub tree: &'a Tree,
    /// Where they lie.
    pub site: &'a Site,
    /// Whose wheels the files are in.
    pub distributions: &'a [Distribution],
    /// What earlier builds made of each distribution's files.
    pub members: &'a [MemberCache],
    /// What earlier builds compiled of each distribution's sources.
    pub bytecode: &'a [MemberCache],
    /// Whether a file's symbols may go.
    pub strips: &'a (dyn Fn(&str) -> bool + Sync),
    /// Threads that pack.
    pub threads: usize,
}

/// Bytes of a part of an artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Files.
    pub files: u64,
    /// Unpacked bytes.
    pub unpacked: u64,
    /// Packed bytes, without the ZIP's headers.
    pub packed: u64,
}

/// A ZIP that is written and not yet in its place.
#[derive(Debug)]
pub struct Artifact {
    /// The file.
    pub file: AtomicFile,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Bytes of the file.
    pub packed: u64,
    /// Bytes that Lambda unpacks.
    pub unpacked: u64,
    /// By who brought it.
    pub by_owner: BTreeMap<Owner, Sizes>,
    /// Files that lost their symbols, with the bytes saved.
    pub stripped: Vec<(String, u64, Owner)>,
    /// Libraries left as they were, wholly or in part, with the reason.
    pub unstripped: Vec<(String, String)>,
}

impl Artifact {
    /// The ZIP, to be read.
    pub fn open(&self) -> Result<Archive> {
        let path = self.file.path();
        Archive::open(path).map_err(|error| Error::io("read", path)(io::Error::other(error)))
    }
}

/// The member cache's variant for a wheel's own files.
pub fn member_variant() -> String {
    format!("strip{STRIP_VERSION}-deflate{DEFLATE_VERSION}")
}

/// The member cache's variant for the bytecode that an interpreter makes of a wheel's sources where they lie: bytecode
/// has its source's path.
pub fn bytecode_variant(interpreter: &str, site: &Site) -> String {
    let place = site.packages().trim_start_matches('/').replace('/', "-");
    format!("bytecode{BYTECODE_VERSION}-cpython{interpreter}-{place}-deflate{DEFLATE_VERSION}")
}

struct Made {
    packed: Packed,
    /// Why it was not stripped in full; empty where it was, or where there was nothing to remove.
    unstripped: String,
}

/// Which cache a file of a distribution is kept in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    Members(usize),
    Bytecode(usize),
}

impl Input<'_> {
    fn bucket(&self, path: &str, entry: &Entry) -> Option<Bucket> {
        match entry.source {
            Source::Wheel { distribution, .. } if (self.strips)(path) => Some(Bucket::Members(distribution)),
            Source::Compiled { distribution, .. } | Source::Cached { distribution, .. } => {
                Some(Bucket::Bytecode(distribution))
            }
            _ => None,
        }
    }

    fn cache(&self, bucket: Bucket) -> &MemberCache {
        match bucket {
            Bucket::Members(distribution) => &self.members[distribution],
            Bucket::Bytecode(distribution) => &self.bytecode[distribution],
        }
    }

    fn is_kept(&self, path: &str, entry: &Entry) -> bool {
        match entry.source {
            Source::Wheel { .. } => {
                self.bucket(path, entry).is_some_and(|bucket| self.cache(bucket).find(path).is_some())
            }
            Source::Cached { .. } => true,
            _ => false,
        }
    }

    fn make(&self, path: &str, entry: &Entry) -> Result<Made> {
        let kept = self.bucket(path, entry).and_then(|bucket| {
            let cache = self.cache(bucket);
            let member = cache.find(path)?;
            Some(Made { packed: cache.packed(member)?, unstripped: cache.note(member).to_owned() })
        });
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let mut bytes = tree::read(entry, self.distributions)?;
        let mut unstripped = None;
        if (self.strips)(path) && is_elf(&bytes) {
            match strip(&bytes) {
                Ok(stripped) => {
                    bytes = stripped.bytes;
                    unstripped = stripped.gaps_kept.map(Unstripped::GapsKept);
                }
                Err(reason) => unstripped = Some(reason),
            }
        }
        let reason = unstripped.filter(|reason| *reason != Unstripped::NothingToRemove);
        Ok(Made { packed: pack(bytes), unstripped: reason.map(|reason| reason.to_string()).unwrap_or_default() })
    }
}

/// Writes the ZIP beside `target`; it is the caller's to put it in its place.
pub fn write_zip(input: &Input<'_>, target: &Path) -> Result<Artifact> {
    let file = io::BufWriter::with_capacity(1 << 20, AtomicFile::create(target)?);
    let mut zip = ZipWriter::new(HashedWrite::new(file));
    let mut kept = start_caches(input);
    let mut by_owner: BTreeMap<Owner, Sizes> = BTreeMap::new();
    let (mut stripped, mut unstripped, mut unpacked) = (Vec::new(), Vec::new(), 0);
    let mut entries: Vec<(Cow<'_, str>, &String, &Entry)> =
        input.tree.iter().map(|(path, entry)| (input.site.in_zip(path), path, entry)).collect();
    entries.sort_unstable_by(|(left, ..), (right, ..)| left.cmp(right));
    ordered(
        &entries,
        input.threads,
        BUDGET,
        |(_, _, entry)| entry.size,
        |(_, path, entry)| input.make(path, entry),
        |(in_zip, path, entry), made| {
            let Made { packed, unstripped: reason } = &made;
            zip.add(in_zip, entry.executable, packed).map_err(Error::io("write", target))?;
            if let Some(writer) = input.bucket(path, entry).and_then(|bucket| kept.get_mut(&bucket)) {
                // What cannot be kept costs the next build time, and this one nothing.
                let _ = writer.add(path, packed, reason);
            }
            let sizes = by_owner.entry(entry.owner).or_default();
            sizes.files += 1;
            sizes.unpacked += packed.size;
            sizes.packed += packed.bytes.len() as u64;
            unpacked += packed.size;
            if packed.size < entry.size && !matches!(entry.source, Source::Cached { .. }) {
                stripped.push(((*path).clone(), entry.size - packed.size, entry.owner));
            }
            if !made.unstripped.is_empty() {
                unstripped.push(((*path).clone(), made.unstripped));
            }
            Ok(())
        },
    )?;
    finish_caches(input, kept);
    let hashed = zip.finish().map_err(Error::io("write", target))?;
    let (sha256, written) = (data_encoding::HEXLOWER.encode(&hashed.sha256()), hashed.written);
    let file = hashed.inner.into_inner().map_err(|error| Error::io("write", target)(error.into_error()))?;
    Ok(Artifact { file, sha256, packed: written, unpacked, by_owner, stripped, unstripped })
}

/// Cache files are rewritten only where this build makes something that they lack. A cache that cannot be written is
/// done without.
fn start_caches(input: &Input<'_>) -> BTreeMap<Bucket, MemberCacheWriter> {
    let mut lacking: Vec<Bucket> = input
        .tree
        .iter()
        .filter(|(path, entry)| !input.is_kept(path, entry))
        .filter_map(|(path, entry)| input.bucket(path, entry))
        .collect();
    lacking.sort_unstable();
    lacking.dedup();
    lacking.into_iter().filter_map(|bucket| Some((bucket, input.cache(bucket).replace().ok()?))).collect()
}

/// What an old cache file has beyond this build's files is taken over.
fn finish_caches(input: &Input<'_>, writers: BTreeMap<Bucket, MemberCacheWriter>) {
    for (bucket, mut writer) in writers {
        let cache = input.cache(bucket);
        for (member, path) in cache.paths() {
            let written = input.tree.get(path).is_some_and(|entry| input.bucket(path, entry) == Some(bucket));
            if !written && let Some(packed) = cache.packed(member) {
                let _ = writer.add(path, &packed, cache.note(member));
            }
        }
        let _ = writer.finish();
    }
}
