//! What import tests found: `imports-v1/<key>`, JSON. The key names the artifact's bytes and everything else that a
//! result depends on; an answer that cannot be read is one that is not there.

use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cache;
use crate::error::{Error, Result};
use crate::system::AtomicFile;

const IMPORTS: &str = "imports-v1";

impl Cache {
    /// The result of an earlier test.
    pub fn import_result<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.root().join(IMPORTS).join(key)).ok()?).ok()
    }

    /// Keeps a result.
    pub fn remember_import_result(&self, key: &str, result: &impl Serialize) -> Result<()> {
        let path = self.root().join(IMPORTS).join(key);
        let text = serde_json::to_vec(result).map_err(|error| Error::io("write", &path)(error.into()))?;
        let mut file = AtomicFile::create(&path)?;
        file.write_all(&text).map_err(Error::io("write", &path))?;
        file.persist_unsynced()
    }
}
