//! An image to a registry, or into a local engine.
//!
//! What must stay true: the base's layers go from registry to registry, mounted where that can be, and are not fetched where the
//! target has them; the manifest goes last, so that a name never leads to half an image.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use super::{Image, layout};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::registry::{Client, Reference, Source, Upload};
use crate::system;

/// What loads a tar of an image.
const ENGINES: &[&str] = &["docker", "podman"];

/// Pushes it, and gives its name with the digest.
pub(super) fn push(
    image: &Image,
    to: &Reference,
    client: &Arc<Client>,
    cache: &Cache,
    progress: &Progress,
) -> Result<String> {
    let repository = client.repository(to, progress)?;
    let base = image.base.reference().map(|reference| client.repository(reference, progress)).transpose()?;
    // A layout's layers become files, unless they are there.
    let folder = cache.temporary_folder()?;
    let mut files: Vec<Option<PathBuf>> = Vec::new();
    for layer in &image.layers {
        let descriptor = &layer.descriptor;
        files.push(match (&layer.file, &base) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(_)) => None,
            (None, None) => {
                let path = folder.path().join(descriptor.digest.hex());
                if !repository.has_blob(&descriptor.digest)? {
                    let mut file = std::fs::File::create(&path).map_err(Error::io("write", &path))?;
                    image.base.copy(descriptor, &mut file, progress)?;
                }
                Some(path)
            }
        });
    }
    let layers = image.layers.iter().zip(&files).filter_map(|(layer, file)| {
        let source = match (file, &base) {
            (Some(file), _) => Source::File(file),
            (None, Some(base)) => Source::Blob(base),
            (None, None) => return None,
        };
        Some(Upload { descriptor: &layer.descriptor, source, mount_from: None })
    });
    let config = Upload { descriptor: &image.config.0, source: Source::Bytes(&image.config.1), mount_from: None };
    let uploads: Vec<Upload<'_>> = layers.chain([config]).collect();
    repository.push_blobs(&uploads)?;
    let (descriptor, raw) = &image.manifest;
    let digest = repository.push_manifest(&to.asked(), &descriptor.media_type, raw)?;
    Ok(to.clone().with_digest(digest).to_string())
}

/// Loads it into the engine of this machine, and gives the name that it has there.
pub(super) fn load(image: &Image, tag: &str, cache: &Cache, progress: &Progress) -> Result<String> {
    let found = ENGINES.iter().flat_map(|name| system::find_on_path(name)).next();
    let engine = found.ok_or_else(|| {
        Error::usage(
            format!("there is no {} on PATH to load the image into", ENGINES.join(" and no ")),
            "install one; or write a file with --output FILE.tar, and load it elsewhere",
        )
    })?;
    let folder = cache.temporary_folder()?;
    let path = folder.path().join("image.tar");
    layout::tar(image, &path, tag, progress)?;
    let mut command = Command::new(&engine);
    command.args(["load", "--input"]).arg(&path);
    system::run(command, b"", "loading the image", &format!("{} load", engine.display()))?;
    Ok(tag.to_owned())
}
