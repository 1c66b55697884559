//! An image of a registry, fetched as a layout into a folder that its caller throws away.
//!
//! What must stay true: a blob is in the folder only after its digest was compared, and none is fetched of an image whose
//! packed layers are more than Lambda takes of unpacked ones. Which image of an index is meant says the reader of layouts.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{Index, Store, choose};
use crate::error::{Error, Result};
use crate::lambda::{self, Architecture};
use crate::progress::Progress;
use crate::registry::{Asked, Client, Descriptor, Document, Manifest, Reference, Repository};

/// Fetches what a reference names, and of an index the image that would be looked into.
pub(in super::super) fn fetch(
    reference: &Reference,
    architecture: Option<Architecture>,
    client: &Client,
    folder: &Path,
    progress: &Progress,
) -> Result<Store> {
    let repository = client.repository(reference, progress)?;
    let document = repository.manifest(&reference.asked())?;
    lead_to(document.descriptor(), folder)?;
    let image = match document {
        Document::Image(manifest) => Some(manifest),
        Document::Index(index) => {
            write(folder, &blob(&index.descriptor.digest.to_string()), &index.raw)?;
            image_of(&repository, &index.raw, architecture)?
        }
    };
    if let Some(manifest) = image {
        image_into(&repository, &manifest, &|_| false, folder, progress)?;
    }
    Ok(Store::Folder(folder.to_owned()))
}

/// Fetches one image as a layout, but for the layers that somebody has already.
pub fn fetch_image(
    repository: &Repository<'_>,
    manifest: &Manifest,
    has: &dyn Fn(&str) -> bool,
    folder: &Path,
    progress: &Progress,
) -> Result<()> {
    lead_to(&manifest.descriptor, folder)?;
    image_into(repository, manifest, has, folder, progress)
}

/// What makes a layout of a folder.
fn lead_to(descriptor: &Descriptor, folder: &Path) -> Result<()> {
    let index = json!({"schemaVersion": 2, "manifests": [descriptor]}).to_string();
    write(folder, "index.json", index.as_bytes())?;
    write(folder, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
}

/// The image of an index; nothing where it is not known which.
fn image_of(repository: &Repository<'_>, raw: &[u8], architecture: Option<Architecture>) -> Result<Option<Manifest>> {
    let chosen = serde_json::from_slice(raw).ok().and_then(|index: Index| choose(index.manifests, architecture).ok());
    let Some(digest) = chosen.and_then(|chosen| chosen.digest.parse().ok()) else { return Ok(None) };
    match repository.manifest(&Asked::Digest(digest))? {
        Document::Image(manifest) => Ok(Some(manifest)),
        Document::Index(_) => Ok(None),
    }
}

fn image_into(
    repository: &Repository<'_>,
    manifest: &Manifest,
    has: &dyn Fn(&str) -> bool,
    folder: &Path,
    progress: &Progress,
) -> Result<()> {
    write(folder, &blob(&manifest.descriptor.digest.to_string()), &manifest.raw)?;
    let config = repository.config(manifest)?;
    write(folder, &blob(&manifest.config.digest.to_string()), &config)?;
    let packed = manifest.layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
    if packed > lambda::IMAGE_BYTES {
        return Ok(());
    }
    for layer in &manifest.layers {
        let digest = layer.digest.to_string();
        let path = folder.join(blob(&digest));
        if !has(&digest) && !path.exists() {
            progress.say(&format!("fetching {} ({} bytes)", layer.digest.short(), layer.size));
            repository.download(layer, &path)?;
        }
    }
    Ok(())
}

fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
    fs::write(&path, bytes).map_err(Error::io("write", &path))
}
