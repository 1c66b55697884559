//! A base in a registry: its manifest, configuration and layers, out of the cache or fetched and then kept there.
//!
//! What must stay true: of a base that is named by digest nothing is asked for that the cache has; a tag is always asked for, since
//! only its registry knows what it names; with `--offline` nobody is asked; nothing is believed before its digest was compared.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::Architecture;
use crate::progress::Progress;
use crate::registry::{Client, Descriptor, Digest, Document, Manifest, Platform, Reference};

/// Where a base comes from that is no layout.
pub(super) struct Pulled {
    /// As the user names it.
    pub(super) name: String,
    /// What the registry is asked for; with the lock's digest where there is one.
    pub(super) reference: Reference,
    pub(super) client: Arc<Client>,
    pub(super) cache: Cache,
    pub(super) offline: bool,
}

impl Pulled {
    /// Its manifest and configuration.
    pub(super) fn described(&self, architecture: Architecture, progress: &Progress) -> Result<(Manifest, Vec<u8>)> {
        if let Some(kept) = self.kept(architecture)? {
            return Ok(kept);
        }
        if self.offline {
            return Err(self.unknown());
        }
        let repository = self.client.repository(&self.reference, progress)?;
        let (index, manifest) = repository.image_with_index(&self.reference.asked(), architecture)?;
        let config = repository.config(&manifest)?;
        if let Some(index) = index {
            self.keep(&index.descriptor, &index.raw)?;
        }
        self.keep(&manifest.descriptor, &manifest.raw)?;
        self.cache.keep_base_document(&manifest.config.digest, &config)?;
        Ok((manifest, config))
    }

    fn kept(&self, architecture: Architecture) -> Result<Option<(Manifest, Vec<u8>)>> {
        let Some(digest) = self.reference.digest() else { return Ok(None) };
        let manifest = match self.document(&digest)? {
            Some(Document::Image(manifest)) => manifest,
            Some(Document::Index(index)) => {
                let Ok(chosen) = index.choose(&Platform::of(architecture)) else { return Ok(None) };
                match self.document(&chosen.digest)? {
                    Some(Document::Image(manifest)) if manifest.descriptor.size == chosen.size => manifest,
                    _ => return Ok(None),
                }
            }
            None => return Ok(None),
        };
        let config = self.cache.base_document(&manifest.config.digest)?;
        let config = config.filter(|config| config.len() as u64 == manifest.config.size);
        Ok(config.map(|config| (manifest, config)))
    }

    fn document(&self, digest: &Digest) -> Result<Option<Document>> {
        let raw = self.cache.base_document(digest)?;
        Ok(raw.and_then(|raw| Document::parse(raw, None).ok()))
    }

    /// Keeps what says itself what it is; the type of anything else is known from the registry's answer alone.
    fn keep(&self, descriptor: &Descriptor, raw: &[u8]) -> Result<()> {
        let says_itself = Document::parse(raw.to_vec(), None)
            .is_ok_and(|document| document.descriptor().media_type == descriptor.media_type);
        if says_itself { self.cache.keep_base_document(&descriptor.digest, raw) } else { Ok(()) }
    }

    fn unknown(&self) -> Error {
        let name = &self.name;
        if self.reference.digest().is_none() {
            return Error::usage(
                format!(
                    "--offline uses no network, and the base {name} would: which image a tag names only its registry knows"
                ),
                "build it once without --offline: in a project pack.lock then has its digest; or name it by one (NAME@sha256:…)",
            );
        }
        Error::usage(
            format!(
                "--offline uses no network, and the manifest and configuration of the base {name} are not in the cache"
            ),
            "build it once without --offline",
        )
    }

    /// A layer's file, if it is in the cache.
    pub(super) fn kept_layer(&self, layer: &Descriptor) -> Result<Option<PathBuf>> {
        self.cache.base_layer(layer)
    }

    /// A layer's file.
    pub(super) fn layer(&self, layer: &Descriptor, progress: &Progress) -> Result<PathBuf> {
        if let Some(path) = self.kept_layer(layer)? {
            return Ok(path);
        }
        if self.offline {
            return Err(self.without(&[layer]));
        }
        progress.say(&format!("fetching {} of {}", layer.digest.short(), self.name));
        let path = self.cache.base_place(&layer.digest);
        self.client.repository(&self.reference, progress)?.download(layer, &path)?;
        Ok(path)
    }

    /// A layer's bytes, which are kept nowhere if they are not in the cache.
    pub(super) fn passing<'r>(&'r self, layer: &Descriptor, progress: &'r Progress) -> Result<Box<dyn Read + 'r>> {
        if let Some(path) = self.kept_layer(layer)? {
            return Ok(Box::new(File::open(&path).map_err(Error::io("read", &path))?));
        }
        if self.offline {
            return Err(self.without(&[layer]));
        }
        Ok(Box::new(self.client.repository(&self.reference, progress)?.blob(layer)?))
    }

    /// Refuses a build without a network that needs layers which are not here.
    pub(super) fn refuse_missing(&self, layers: &[Descriptor]) -> Result<()> {
        let missing = layers.iter().filter(|layer| !self.cache.base_place(&layer.digest).is_file());
        let missing: Vec<&Descriptor> = missing.collect();
        if missing.is_empty() { Ok(()) } else { Err(self.without(&missing)) }
    }

    fn without(&self, layers: &[&Descriptor]) -> Error {
        let bytes = layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
        let digests: Vec<String> = layers.iter().map(|layer| layer.digest.short()).collect();
        let (are, digests) = (if layers.len() == 1 { "layer is" } else { "layers are" }, digests.join(", "));
        Error::usage(
            format!(
                "--offline uses no network, and of the base {} {} {are} not in the cache ({digests}; {bytes} bytes)",
                self.name,
                layers.len()
            ),
            "build it once without --offline, with --output: the layers that are written are kept",
        )
    }
}
