//! What a push of the second sends to where the first is: blobs by digest. Of a ZIP an upload always sends all. What layers
//! will be that are packed by whoever pushes, as those of `docker save`, nobody knows yet.

use std::collections::BTreeSet;

use serde::Serialize;

use super::side::Side;
use crate::check::sources::Kind;

/// What is sent.
#[derive(Debug, Serialize)]
pub struct Sends {
    /// Bytes of all of it.
    pub bytes: u64,
    /// What it is.
    pub blobs: Vec<Blob>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Blob {
    /// What it is.
    pub kind: BlobKind,
    /// Its digest.
    pub digest: String,
    /// Its bytes.
    pub bytes: u64,
}

/// What is sent as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobKind {
    /// A ZIP.
    Archive,
    /// A layer of an image.
    Layer,
    /// An image's configuration.
    Configuration,
    /// An image's manifest.
    Manifest,
}

pub(super) fn of(before: &Side, after: &Side) -> Option<Sends> {
    if matches!(after.contents.kind, Kind::Folder) || after.is_saved() {
        return None;
    }
    let mut there: BTreeSet<String> = match before.contents.kind {
        Kind::Image { .. } => blobs(before).into_iter().map(|blob| blob.digest).collect(),
        Kind::Zip | Kind::Folder => BTreeSet::new(),
    };
    let blobs: Vec<Blob> = blobs(after).into_iter().filter(|blob| there.insert(blob.digest.clone())).collect();
    let bytes = blobs.iter().map(|blob| blob.bytes).sum();
    Some(Sends { bytes, blobs })
}

fn blobs(side: &Side) -> Vec<Blob> {
    let blob = |kind, digest: &str, bytes| Blob { kind, digest: digest.to_owned(), bytes };
    match side.contents.kind {
        Kind::Folder => Vec::new(),
        Kind::Zip => vec![blob(BlobKind::Archive, side.digest.as_deref().unwrap_or_default(), side.packed)],
        Kind::Image { manifest, config } => {
            let image = &side.contents.image;
            let config = blob(BlobKind::Configuration, &image.config, config);
            let Some(digest) = &image.manifest else { return vec![config] };
            let layers = image.layers.iter().map(|layer| blob(BlobKind::Layer, &layer.digest, layer.packed));
            layers.chain([config, blob(BlobKind::Manifest, digest, manifest)]).collect()
        }
    }
}
