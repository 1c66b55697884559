//! Layers that were unpacked: images that are looked at together often share theirs, and then share the files too.
//!
//! What must stay true: a layer is known by both of its digests, which were compared when it was unpacked.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use rayon::prelude::*;

use super::store::{Checked, Packing, Store, Tar};
use crate::error::Result;

/// A layer, unpacked into a file without a name.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The digest that the manifest has.
    pub digest: String,
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

    /// Unpacks the layers that were packed here, all at once: what they cost is known. What is wrong with one is told when it is asked for.
    pub(super) fn own(&mut self, store: &Store, layers: &[(&str, &str)], limit: u64) -> Result<()> {
        let own = layers.par_iter().with_max_len(1).filter(|(digest, diff_id)| {
            store.is_made_here(digest) && !self.0.contains_key(&((*digest).to_owned(), (*diff_id).to_owned()))
        });
        let read = own.map(|(digest, diff_id)| Ok((*digest, *diff_id, read(store, digest, diff_id, limit)?)));
        for (digest, diff_id, layer) in read.collect::<Result<Vec<_>>>()? {
            self.0.extend(layer.ok().map(|layer| ((digest.to_owned(), diff_id.to_owned()), layer)));
        }
        Ok(())
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
    Ok(Ok(Layer { digest: digest.to_owned(), packed, unpacked, file, packing }))
}
