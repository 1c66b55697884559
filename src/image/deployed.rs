//! An image that is written as a layout, on its way into a registry: nothing of it is made again.
//!
//! What must stay true: what is pushed is what the layout has, by its digest; the manifest goes last.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::base;
use super::push::Pushed;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::progress::Progress;
use crate::registry::{Asked, Client, Digest, Reference, Source, Upload};

/// The digest of the image in a layout.
pub fn layout_digest(layout: &Path, target: Target) -> Result<Digest> {
    let (manifest, ..) = base::of_layout(layout, target, &|reason| wrong(layout, &reason))?;
    Ok(manifest.descriptor.digest)
}

/// The same, and the packed bytes of all its layers, those of its base included.
pub fn layout_digest_and_bytes(layout: &Path, target: Target) -> Result<(Digest, u64)> {
    let (manifest, ..) = base::of_layout(layout, target, &|reason| wrong(layout, &reason))?;
    let bytes = manifest.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    Ok((manifest.descriptor.digest, bytes))
}

/// Pushes the image of a layout in a folder; nothing is done where the registry has it, and nothing is said then.
pub fn push_layout(
    layout: &Path,
    target: Target,
    to: &Reference,
    client: &Arc<Client>,
    progress: &Progress,
) -> Result<Option<Pushed>> {
    let (manifest, config, _) = base::of_layout(layout, target, &|reason| wrong(layout, &reason))?;
    let digest = manifest.descriptor.digest;
    let repository = client.repository(to, progress)?;
    if repository.head(&Asked::Digest(digest))?.is_some() {
        return Ok(None);
    }
    let file = |digest: &Digest| layout.join("blobs/sha256").join(digest.hex());
    let files: Vec<PathBuf> = manifest.layers.iter().map(|layer| file(&layer.digest)).collect();
    let layers = manifest.layers.iter().zip(&files);
    let layers = layers.map(|(descriptor, file)| Upload { descriptor, source: Source::File(file), mount_from: None });
    let config = Upload { descriptor: &manifest.config, source: Source::Bytes(&config), mount_from: None };
    let uploads: Vec<Upload<'_>> = layers.chain([config]).collect();
    let ways = repository.push_blobs(&uploads)?;
    let pushed = repository.push_manifest(&to.asked(), &manifest.descriptor.media_type, &manifest.raw)?;
    if pushed != digest {
        return Err(wrong(layout, "the registry has another digest of it"));
    }
    Ok(Some(Pushed::new(to.clone().with_digest(digest).to_string(), &uploads, &ways)))
}

fn wrong(layout: &Path, reason: &str) -> Error {
    Error::Compare { path: layout.display().to_string(), reason: reason.to_owned() }
}
