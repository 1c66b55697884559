//! An image to a registry, or into a local engine.
//!
//! What must stay true: the base's layers go from registry to registry, mounted where that can be, and are not fetched where the
//! target has them; the manifest goes last, so that a name never leads to half an image.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Image, layout};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::registry::{Client, Reference, Sent, Source, Upload};
use crate::system::{self, CommandError};

/// What loads a tar of an image.
const ENGINES: &[&str] = &["docker", "podman"];

/// What became of an image's blobs: its layers and its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The image's name there, with its digest.
    pub name: String,
    /// Those that were sent.
    pub sent: Amount,
    /// Those that the registry took from another of its repositories.
    pub mounted: Amount,
    /// Those that were there.
    pub there: Amount,
}

/// How many blobs, and how large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How many.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Pushed {
    /// Counts each blob once, whatever how often the image has it.
    pub(super) fn new(name: String, uploads: &[Upload<'_>], ways: &[Sent]) -> Self {
        let mut pushed = Self { name, ..Self::default() };
        let mut seen = BTreeSet::new();
        for (upload, way) in uploads.iter().zip(ways).filter(|(upload, _)| seen.insert(upload.descriptor.digest)) {
            let amount = match way {
                Sent::Sent => &mut pushed.sent,
                Sent::Mounted => &mut pushed.mounted,
                Sent::There => &mut pushed.there,
            };
            amount.blobs += 1;
            amount.bytes += upload.descriptor.size;
        }
        pushed
    }
}

/// Pushes it, and says what that took.
pub(super) fn push(
    image: &Image,
    to: &Reference,
    client: &Arc<Client>,
    cache: &Cache,
    progress: &Progress,
) -> Result<Pushed> {
    let repository = client.repository(to, progress)?;
    let base = image.base.reference();
    // A layout's layers become files, unless they are there; of those in a registry some may be in the cache.
    let folder = cache.temporary_folder()?;
    let mut files: Vec<Option<PathBuf>> = Vec::new();
    for layer in &image.layers {
        let descriptor = &layer.descriptor;
        files.push(match (&layer.file, &base) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(_)) => image.base.kept_layer(descriptor)?,
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
    let elsewhere = base.filter(|_| files.contains(&None));
    let elsewhere = elsewhere.map(|reference| client.repository(reference, progress)).transpose()?;
    let beside = base.filter(|base| base.registry() == to.registry()).map(Reference::repository);
    let layers = image.layers.iter().zip(&files).filter_map(|(layer, file)| {
        let source = match (file, &elsewhere) {
            (Some(file), _) => Source::File(file),
            (None, Some(repository)) => Source::Blob(repository),
            (None, None) => return None,
        };
        let mount_from = if layer.file.is_none() { beside } else { None };
        Some(Upload { descriptor: &layer.descriptor, source, mount_from })
    });
    let config = Upload { descriptor: &image.config.0, source: Source::Bytes(&image.config.1), mount_from: None };
    let uploads: Vec<Upload<'_>> = layers.chain([config]).collect();
    let ways = repository.push_blobs(&uploads)?;
    let (descriptor, raw) = &image.manifest;
    let digest = repository.push_manifest(&to.asked(), &descriptor.media_type, raw)?;
    Ok(Pushed::new(to.clone().with_digest(digest).to_string(), &uploads, &ways))
}

/// Loads it into the engine of this machine, and gives the name that it has there.
pub(super) fn load(image: &Image, tag: &str, cache: &Cache, progress: &Progress) -> Result<String> {
    let engines: Vec<PathBuf> =
        ENGINES.iter().filter_map(|name| system::find_on_path(name).into_iter().next()).collect();
    if engines.is_empty() {
        return Err(Error::usage(
            format!("there is no {} on PATH to load the image into", ENGINES.join(" and no ")),
            "install one; or write a file with --output FILE.tar, and load it elsewhere",
        ));
    }
    let folder = cache.temporary_folder()?;
    let path = folder.path().join("image.tar");
    layout::tar(image, &path, tag, progress)?;
    // A client is often there whose daemon is not running.
    let mut failures = Vec::new();
    for engine in &engines {
        let shown = engine.display();
        let mut command = Command::new(engine);
        command.args(["load", "--input"]).arg(&path);
        match system::run(command, b"", "loading the image", &format!("{shown} load")) {
            Ok(_) => {
                for failure in &failures {
                    progress.say(&format!("{failure}\n{shown} has it now"));
                }
                return Ok(tag.to_owned());
            }
            Err(error) => failures.push(format!("{shown} did not load it: {}", why(&error))),
        }
    }
    Err(Error::Load { failures })
}

/// What an engine said last, on one line.
fn why(error: &CommandError) -> String {
    match error {
        CommandError::Failed { status, last_lines, .. } if last_lines.trim().is_empty() => {
            format!("it ended with {status}")
        }
        CommandError::Failed { last_lines, .. } => last_lines.split_whitespace().collect::<Vec<_>>().join(" "),
        CommandError::Start { source, .. } => format!("it cannot be started ({source})"),
        CommandError::Late { .. } => error.to_string(),
    }
}
