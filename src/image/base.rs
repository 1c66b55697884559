//! The image below: its manifest and configuration, and where its layers are.
//!
//! What must stay true: nothing of a base is believed before its digest was compared, and its layers are not fetched
//! unless somebody needs their bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::config;
use super::look::Question;
use super::pulled::Pulled;
use crate::cache::Cache;
use crate::check::sources::{Facts, Store};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::progress::Progress;
use crate::registry::{Client, Descriptor, Digest, Document, Index, Manifest, Platform, Reference, printable};
use crate::size::human;

/// What a path may begin with, as skopeo writes it.
const LAYOUT: &str = "oci:";

/// A base.
pub struct Base {
    /// As the user names it.
    pub name: String,
    /// Its manifest.
    pub(super) manifest: Manifest,
    /// Its configuration, read and as it is.
    pub(super) config: (Map<String, Value>, Vec<u8>),
    /// Where its layers are.
    place: Place,
}

/// Where the blobs of a base are.
enum Place {
    /// In an OCI layout.
    Layout(Store),
    /// In a registry, as far as they are not in the cache.
    Registry(Pulled),
}

impl fmt::Debug for Base {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Base").field(&self.name).field(&self.descriptor().digest).finish()
    }
}

impl Base {
    /// The base that a user names, for a target: the path of a layout, or a reference, which may have to have a digest.
    pub(super) fn find(
        question: &Question<'_>,
        client: &Arc<Client>,
        cache: &Cache,
        progress: &Progress,
    ) -> Result<Self> {
        let Question { name, digest, target, offline, .. } = *question;
        let wrong = |reason: String| Error::Base { name: name.to_owned(), reason };
        let (manifest, raw, place) = if is_layout(name) {
            let (manifest, config, store) = of_layout(path_of(name), target, &wrong)?;
            (manifest, config, Place::Layout(store))
        } else {
            let reference = reference_of(name)?;
            let reference = match digest {
                Some(digest) => reference.with_digest(digest),
                None => reference,
            };
            let (client, cache) = (client.clone(), cache.clone());
            let pulled = Pulled { name: name.to_owned(), reference, client, cache, offline };
            let (manifest, config) = pulled.described(target.architecture, progress)?;
            (manifest, config, Place::Registry(pulled))
        };
        let config = config::read(&raw).map_err(|reason| wrong(format!("its configuration {reason}")))?;
        let (own, wanted) = (config::platform(&config), Platform::of(target.architecture).to_string());
        if own != wanted {
            return Err(wrong(format!("it is for {}, and the function for {wanted}", printable(&own))));
        }
        if config::diff_ids(&config).map(|ids| ids.len()) != Some(manifest.layers.len()) {
            return Err(wrong("its manifest and its configuration do not have the same layers".into()));
        }
        if let Some(layer) = manifest.layers.iter().find(|layer| !layer.media_type.as_str().ends_with("gzip")) {
            return Err(wrong(format!("its layer {} is not packed with gzip, which Lambda wants", layer.digest)));
        }
        Ok(Self { name: name.to_owned(), manifest, config: (config, raw), place })
    }

    /// What names its manifest.
    pub fn descriptor(&self) -> &Descriptor {
        &self.manifest.descriptor
    }

    /// Whether it is of Docker's family; then so is what is put above it.
    pub(super) fn is_docker(&self) -> bool {
        self.manifest.descriptor.media_type.is_docker() || self.manifest.config.media_type.is_docker()
    }

    /// Copies a layer. Where its digest is not right that is an error, and what was written is not to be used.
    pub(super) fn copy(&self, layer: &Descriptor, to: &mut dyn Write, progress: &Progress) -> Result<()> {
        let wrong = |reason| Error::Base { name: self.name.clone(), reason };
        match &self.place {
            Place::Layout(store) => match store.copy(&layer.digest.to_string(), to)?.map_err(wrong)? {
                bytes if bytes == layer.size => Ok(()),
                bytes => {
                    let said = layer.size;
                    Err(wrong(format!("its layer {} has {bytes} bytes, its manifest says {said}", layer.digest)))
                }
            },
            Place::Registry(pulled) => {
                let path = pulled.layer(layer, progress)?;
                let mut file = File::open(&path).map_err(Error::io("read", &path))?;
                io::copy(&mut file, to).map(drop).map_err(Error::io("copy a layer of", &self.name))
            }
        }
    }

    /// A layer's file, where one of a registry is in the cache.
    pub(super) fn kept_layer(&self, layer: &Descriptor) -> Result<Option<PathBuf>> {
        match &self.place {
            Place::Layout(_) => Ok(None),
            Place::Registry(pulled) => pulled.kept_layer(layer),
        }
    }

    /// Refuses a build without a network that needs the bytes of layers which are in a registry alone.
    pub(super) fn refuse_missing_layers(&self) -> Result<()> {
        match &self.place {
            Place::Layout(_) => Ok(()),
            Place::Registry(pulled) => pulled.refuse_missing(&self.manifest.layers),
        }
    }

    /// What of its files matters for what is put above it: every layer is read, and none is kept.
    pub(super) fn facts(&self, progress: &Progress) -> Result<Facts> {
        let layers: Vec<String> = self.manifest.layers.iter().map(|layer| layer.digest.to_string()).collect();
        let packed: u64 = self.manifest.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
        let mut open = |number: usize| match &self.place {
            Place::Layout(store) => store.reader(&layers[number]),
            Place::Registry(pulled) => pulled.passing(&self.manifest.layers[number], progress).map(Ok),
        };
        progress.say(&format!("looking into {} ({} packed)", self.name, human(packed)));
        let facts = Facts::read(&self.config.1, &layers, &mut open)?;
        facts.map_err(|reason| Error::Base { name: self.name.clone(), reason })
    }

    /// The layout that its layers are in; none of one in a registry.
    pub(super) fn layout(&self) -> Option<&Store> {
        match &self.place {
            Place::Layout(store) => Some(store),
            Place::Registry(_) => None,
        }
    }

    /// The repository that its layers are in; none of a layout.
    pub(super) fn reference(&self) -> Option<&Reference> {
        match &self.place {
            Place::Layout(_) => None,
            Place::Registry(pulled) => Some(&pulled.reference),
        }
    }
}

/// The reference that a base is named by. What is none may have a password in it, and is not shown.
pub(super) fn reference_of(name: &str) -> Result<Reference> {
    let wrong = |reason: String| {
        Error::usage(
            format!("the base: {reason}"),
            "example: public.ecr.aws/lambda/python:3.13, or the path of an OCI layout",
        )
    };
    name.parse().map_err(wrong)
}

/// Whether a name is that of AWS's own repository: what is in these images is known.
pub(super) fn is_called_as_awss(name: &str) -> bool {
    let repository = if is_layout(name) { None } else { name.parse::<Reference>().ok() };
    let repository = repository.map(|reference| reference.repository().to_owned()).unwrap_or_default();
    let ends_with = |name: &str| repository == name || repository.ends_with(&format!("/{name}"));
    ends_with("lambda/python") || ends_with("amazon/aws-lambda-python")
}

/// Whether a name is the path of a layout, and no reference. A folder of one word that is no layout (`ubuntu`) is there for something
/// else, and hides no image of that name.
pub fn is_layout(name: &str) -> bool {
    if name.starts_with(['.', '/']) || name.starts_with(LAYOUT) {
        return true;
    }
    let path = Path::new(name);
    let has = |file: &str| path.join(file).is_file();
    path.is_file() || (path.is_dir() && (name.contains('/') || has("oci-layout") || has("index.json")))
}

/// What names all that a layout has; nothing where the name is a reference.
pub(super) fn index_digest(name: &str) -> Result<Option<Digest>> {
    if !is_layout(name) {
        return Ok(None);
    }
    let index = Store::find(path_of(name))?.map(|store| store.small("index.json")).transpose()?;
    Ok(index.and_then(Result::ok).map(|index| Digest::of(&index)))
}

fn path_of(name: &str) -> &Path {
    Path::new(name.strip_prefix(LAYOUT).unwrap_or(name))
}

/// The image of a layout, with its configuration.
pub(super) fn of_layout(
    path: &Path,
    target: Target,
    wrong: &dyn Fn(String) -> Error,
) -> Result<(Manifest, Vec<u8>, Store)> {
    let store = Store::find(path)?.ok_or_else(|| wrong("it is neither an OCI layout nor a tar of one".into()))?;
    let raw = store.small("index.json")?.map_err(wrong)?;
    let Document::Index(index) = Document::parse(raw, None).map_err(wrong)? else {
        return Err(wrong("its index.json is no index".into()));
    };
    let manifest = image_of(&store, &index, &Platform::of(target.architecture), true, wrong)?;
    let config = small(&store, &manifest.config.digest)?.map_err(wrong)?;
    Ok((manifest, config, store))
}

/// A manifest or configuration of a layout.
fn small(store: &Store, digest: &Digest) -> Result<Result<Vec<u8>, String>> {
    store.raw(&digest.to_string())
}

/// The image of an index for a platform; a layout's index may lead to another once.
fn image_of(
    store: &Store,
    index: &Index,
    wanted: &Platform,
    is_outer: bool,
    wrong: &dyn Fn(String) -> Error,
) -> Result<Manifest> {
    let images: Vec<_> = index.manifests.iter().filter(|descriptor| !descriptor.is_attestation()).collect();
    let chosen = match images.as_slice() {
        // What a layout leads to need not say its platform.
        [only] if is_outer => only,
        _ => index.choose(wanted).map_err(|there| {
            let there = if there.is_empty() { "none at all".into() } else { there.join(", ") };
            wrong(format!("it has no image for {wanted}; it has {there}"))
        })?,
    };
    let raw = small(store, &chosen.digest)?.map_err(wrong)?;
    match Document::parse(raw, Some(chosen.media_type.as_str())).map_err(wrong)? {
        Document::Image(manifest) => Ok(manifest),
        Document::Index(inner) if is_outer => image_of(store, &inner, wanted, false, wrong),
        Document::Index(_) => Err(wrong("its index leads to an index of indexes".into())),
    }
}
