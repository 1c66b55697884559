//! One ZIP, image or folder as it is, for who compares: no link is followed, nothing lies anywhere in Lambda yet.
//!
//! What must stay true: whoever gets contents gets all of them. What a check would tell and pass over (a member that is
//! broken, or there twice) is an error here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Image, Source, Store, Unpacked, Which, looks_like_a_layer, oci, read};
use crate::archive::Archive;
use crate::check::{File, Severity};
use crate::error::{Error, Result};
use crate::lambda::Architecture;

/// What a path turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An archive.
    Zip,
    /// An image, with the bytes of its manifest and of its configuration.
    Image {
        /// Bytes of the manifest; 0 of what `docker save` wrote, which has none.
        manifest: u64,
        /// Bytes of the configuration.
        config: u64,
    },
    /// Files of this machine.
    Folder,
}

/// All that is in it; paths have no leading slash.
#[derive(Debug)]
pub struct Contents {
    /// What it is.
    pub kind: Kind,
    /// Files, of an image those of the root file system.
    pub files: BTreeMap<String, File<'static>>,
    /// Permission bits of folders that are entries of their own.
    pub folders: BTreeMap<String, u32>,
    /// Symbolic links, with what they name.
    pub links: BTreeMap<String, String>,
    /// What an image says of itself.
    pub image: Image,
    /// An image's configuration as it is.
    pub config: Vec<u8>,
    /// Of a ZIP, itself.
    pub archive: Option<Arc<Archive>>,
    /// Whether Python finds what is there only as a layer.
    pub is_layer: bool,
}

/// Reads what is at a path, of several images the one for the architecture; layers that are unpacked already are taken, and
/// others added.
pub fn contents(path: &Path, architecture: Option<Architecture>, unpacked: &mut Unpacked) -> Result<Contents> {
    if path.exists()
        && let Some(found) = oci::find(path, architecture)?
    {
        let store = found.map_err(|reason| wrong(path, reason))?;
        return of_image(path, &store, &Which { architecture, ..Which::default() }, unpacked);
    }
    let kind = if path.is_dir() { Kind::Folder } else { Kind::Zip };
    Contents::new(path, kind, read(path)?)
}

fn of_image(path: &Path, store: &Store, which: &Which, unpacked: &mut Unpacked) -> Result<Contents> {
    let wrong = |reason| wrong(path, reason);
    let (mut source, mut image) = (Source::default(), Image::default());
    oci::read_into(store, which, unpacked, &mut source, &mut image)?.map_err(wrong)?;
    // That Lambda would refuse it is no reason not to compare it.
    source.findings.clear();
    let manifest = match &image.manifest {
        Some(digest) => store.raw(digest)?.map_err(wrong)?.len() as u64,
        None => 0,
    };
    let config = store.raw(&image.config)?.map_err(wrong)?;
    let kind = Kind::Image { manifest, config: config.len() as u64 };
    Ok(Contents { image, config, ..Contents::new(path, kind, source)? })
}

impl Contents {
    fn new(path: &Path, kind: Kind, source: Source) -> Result<Self> {
        let mut errors = source.findings.iter().filter(|finding| finding.severity == Severity::Error);
        if let Some(first) = errors.next() {
            let file = first.path.as_deref().filter(|path| !path.is_empty());
            let reason = file.map_or_else(|| first.reason.clone(), |file| format!("{file}: {}", first.reason));
            return Err(wrong(path, reason));
        }
        let is_layer = looks_like_a_layer(&source);
        let Source { files, folders, links, archive, .. } = source;
        Ok(Self { kind, files, folders, links, image: Image::default(), config: Vec::new(), archive, is_layer })
    }
}

fn wrong(path: &Path, reason: String) -> Error {
    Error::Compare { path: path.display().to_string(), reason }
}
