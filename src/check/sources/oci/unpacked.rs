//! Layers that were unpacked: images that are looked at together often share theirs, and then share the files too.
//!
//! What must stay true: a layer is known by both of its digests, which were compared when it was unpacked.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::store::{Checked, Packing, Store, Tar};
use crate::error::Result;
use crate::lambda;
use crate::registry::Digest;

/// A layer, unpacked into a file without a name.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The digest that the manifest has.
    pub digest: String,
    /// The digest of its tar, which the configuration has.
    pub diff_id: String,
    /// Bytes as it is packed.
    pub packed: u64,
    /// Bytes of its tar.
    pub unpacked: u64,
    /// The tar.
    pub file: Arc<File>,
    /// What it is packed with.
    pub(super) packing: Packing,
}

/// All of them, by digest and by that of the tar.
#[derive(Debug, Default)]
pub struct Unpacked(BTreeMap<(String, String), Layer>);

impl Unpacked {
    /// Whether a layer of that digest need not be read again.
    pub fn has(&self, digest: &str) -> bool {
        self.0.keys().any(|(known, _)| known == digest)
    }

    /// Unpacks layers that were packed here, all at once: what they cost is known. What is wrong with one is told when it is asked for.
    /// Each has its digest, that of its tar, and its file.
    pub fn own<'a>(layers: impl IntoParallelIterator<Item = (Digest, Digest, &'a Path)>) -> Result<Self> {
        let read = layers.into_par_iter().map(|(digest, diff_id, file)| {
            let (digest, diff_id) = (digest.to_string(), diff_id.to_string());
            let layer = read(&Store::of_blob(&digest, file), &digest, &diff_id, lambda::IMAGE_BYTES)?;
            Ok(layer.ok().map(|layer| ((digest, diff_id), layer)))
        });
        Ok(Self(read.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()))
    }

    /// A layer of a layout, or what is wrong with it.
    pub(super) fn layer(&mut self, store: &Store, digest: &str, diff_id: &str, limit: u64) -> Result<Checked<Layer>> {
        let key = (digest.to_owned(), diff_id.to_owned());
        if let Some(layer) = self.0.get(&key).filter(|layer| layer.unpacked <= limit) {
            return Ok(Ok(layer.clone()));
        }
        let layer = match read(store, digest, diff_id, limit)? {
            Ok(layer) => layer,
            Err(reason) => return Ok(Err(reason)),
        };
        self.0.insert(key, layer.clone());
        Ok(Ok(layer))
    }
}

fn read(store: &Store, digest: &str, diff_id: &str, limit: u64) -> Result<Checked<Layer>> {
    let Tar { file, bytes: unpacked, packing } = match store.layer(digest, diff_id, limit)? {
        Ok(layer) => layer,
        Err(reason) => return Ok(Err(reason)),
    };
    let packed = store.length(digest)?.unwrap_or_default();
    Ok(Ok(Layer { digest: digest.to_owned(), diff_id: diff_id.to_owned(), packed, unpacked, file, packing }))
}
