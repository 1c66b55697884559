//! The base images of a lock: which digest a tag has led to, so that the same image comes out until somebody wants a newer one.

use std::fmt::Write as _;

use serde::Deserialize;

use super::model::Lock;
use super::write::quoted;
use crate::lambda::Architecture;
use crate::registry::{Digest, Reference};

/// A base by its reference, for one architecture.
pub type BaseId = (Reference, Architecture);

impl Lock {
    /// The digest of a base's manifest.
    pub fn base(&self, id: &BaseId) -> Option<Digest> {
        self.bases.get(id).copied()
    }

    /// All of them.
    pub fn bases(&self) -> impl Iterator<Item = (&BaseId, &Digest)> {
        self.bases.iter()
    }

    /// Says which digest a base has.
    pub fn replace_base(&mut self, id: BaseId, digest: Digest) {
        self.bases.insert(id, digest);
    }

    /// Takes a base out.
    pub fn remove_base(&mut self, id: &BaseId) {
        self.bases.remove(id);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBase {
    image: String,
    architecture: String,
    digest: String,
}

pub(super) fn read(raw: &RawBase) -> Result<(BaseId, Digest), String> {
    let reference: Reference = raw.image.parse()?;
    if reference.to_string() != raw.image || reference.digest().is_some() {
        return Err(format!("{:?} is not how a base is written here", raw.image));
    }
    let architecture = clap::ValueEnum::from_str(&raw.architecture, false)
        .map_err(|_| format!("{:?} is no architecture", raw.architecture))?;
    Ok(((reference, architecture), raw.digest.parse()?))
}

pub(super) fn write(text: &mut String, (reference, architecture): &BaseId, digest: &Digest) {
    let image = quoted(&reference.to_string());
    let _ = writeln!(text, "\n[[base]]\nimage = {image}\narchitecture = \"{architecture}\"\ndigest = \"{digest}\"");
}
