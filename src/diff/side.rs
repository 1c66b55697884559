//! One side of a comparison: what an argument names, opened.

use std::path::Path;

use serde::Serialize;

use super::entry::{Entries, Entry};
use super::pulled::Registries;
use crate::check::sources::{Contents, Kind, Unpacked, contents};
use crate::error::{Error, Result};
use crate::system;

/// What a path may begin with, as skopeo writes it.
const LAYOUT: &str = "oci:";

/// What is compared.
#[derive(Debug)]
pub struct Side {
    /// As it was named.
    pub name: String,
    /// All that is in it.
    pub contents: Contents,
    /// What names it: of an image the manifest's digest, where it has one, of a ZIP the archive's.
    pub digest: Option<String>,
    /// Bytes of a ZIP.
    pub packed: u64,
}

/// What a report says of a side.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// As it was named.
    pub name: String,
    /// `zip`, `image` or `folder`.
    pub kind: &'static str,
    /// The digest of an image's manifest, or of a ZIP; what `docker save` wrote has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Files and links that are compared.
    pub files: usize,
    /// Bytes of these files.
    pub unpacked: u64,
    /// Bytes of a ZIP, or of an image's layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed: Option<u64>,
}

/// Whether an argument names something on this machine, and not in a registry.
pub(super) fn is_here(name: &str, command: &str) -> Result<bool> {
    let path = path_of(name);
    if path.exists() || name.starts_with(LAYOUT) {
        return Ok(true);
    }
    // Everything that could be a path could be an image of Docker Hub too: nobody is asked about a path that is mistyped.
    let is_reference = name.contains([':', '@']) && !name.starts_with(['.', '/']);
    if is_reference {
        return Ok(false);
    }
    Err(Error::usage(
        format!("there is no {name}"),
        format!(
            "{command} takes ZIPs, layers, folders, images (OCI layouts, or as docker save writes them), and images in a registry \
             with a tag or digest"
        ),
    ))
}

/// The path that an argument means.
pub fn path_of(name: &str) -> &Path {
    Path::new(name.strip_prefix(LAYOUT).unwrap_or(name))
}

impl Side {
    /// Opens what an argument names; layers that are unpacked already are taken.
    pub fn open(name: &str, registries: &Registries<'_>, unpacked: &mut Unpacked) -> Result<Self> {
        let path = path_of(name);
        let contents = if is_here(name, registries.command)? {
            contents(path, Some(registries.architecture), unpacked)?
        } else {
            registries.contents(name, unpacked)?
        };
        let (digest, packed) = match contents.kind {
            Kind::Folder => (None, 0),
            Kind::Image { .. } => (contents.image.manifest.clone(), 0),
            Kind::Zip => {
                let packed = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
                (Some(format!("sha256:{}", system::sha256_of(path)?)), packed)
            }
        };
        Ok(Self { name: name.to_owned(), contents, digest, packed })
    }

    pub(super) fn is_image(&self) -> bool {
        matches!(self.contents.kind, Kind::Image { .. })
    }

    /// Whether it is an image as `docker save` writes it, whose layers are packed when it is pushed.
    pub(super) fn is_saved(&self) -> bool {
        self.is_image() && self.contents.image.manifest.is_none()
    }

    pub(super) fn summary(&self, entries: &Entries<'_>) -> Summary {
        let layers = || self.contents.image.layers.iter().map(|layer| layer.packed).sum();
        let (kind, packed) = match self.contents.kind {
            Kind::Zip => ("zip", Some(self.packed)),
            Kind::Image { .. } => ("image", Some(layers())),
            Kind::Folder => ("folder", None),
        };
        let sizes = entries.values().map(|entry| match entry {
            Entry::File(file) => file.size,
            Entry::Link(_) | Entry::Folder(_) => 0,
        });
        Summary {
            name: self.name.clone(),
            kind,
            digest: self.digest.clone(),
            files: entries.values().filter(|entry| !matches!(entry, Entry::Folder(_))).count(),
            unpacked: sizes.sum(),
            packed,
        }
    }
}
