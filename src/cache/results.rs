//! What came of a piece of work, as JSON under a key that names everything that it depends on: what import tests found
//! (`imports-v1/<key>`), what builds made (`builds-v1/<key>`), which layers of images are as Lambda wants them
//! (`layer-checks-v1/<key>`), what bases of images have (`base-facts-v1/<key>`). A result that cannot be read is one that is not there.

use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cache;
use crate::error::{Error, Result};
use crate::system::AtomicFile;

/// Whose results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    /// Of import tests.
    Imports,
    /// Of builds.
    Builds,
    /// Of checks of layers of images.
    Layers,
    /// Of tars that layers of images are packed from.
    Tars,
    /// Of looks into bases of images.
    Bases,
}

impl Results {
    fn bucket(self) -> &'static str {
        match self {
            Self::Imports => "imports-v1",
            Self::Builds => "builds-v1",
            Self::Layers => "layer-checks-v1",
            Self::Tars => "layer-tars-v1",
            Self::Bases => "base-facts-v1",
        }
    }
}

impl Cache {
    /// An earlier result.
    pub fn result<T: DeserializeOwned>(&self, of: Results, key: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.root().join(of.bucket()).join(key)).ok()?).ok()
    }

    /// Keeps a result.
    pub fn remember_result(&self, of: Results, key: &str, result: &impl Serialize) -> Result<()> {
        let path = self.root().join(of.bucket()).join(key);
        let text = serde_json::to_vec(result).map_err(|error| Error::io("write", &path)(error.into()))?;
        let mut file = AtomicFile::create(&path)?;
        file.write_all(&text).map_err(Error::io("write", &path))?;
        file.persist_unsynced()
    }
}
