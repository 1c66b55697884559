//! The record that pack keeps beside an artifact: what cannot be seen in it any more. `a.zip` has it in `a.zip.pack.json`.
//!
//! What must stay true: it names its artifact by digest, so that one of another artifact is never believed; the same build
//! writes the same bytes; nothing of this machine and no secret is in it. Losing it loses a report's details and nothing else.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::report::{Removed, Resolved, SizeReport};
use crate::build::{Name, Policy};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::layers::Layer;
use crate::slim::{Kept, Level};
use crate::system::{AtomicFile, sweep_leftovers};

/// The version of the format: another one is not read.
const VERSION: u32 = 1;

/// The most bytes that are read: a record has about a hundred for each file that was removed.
const MOST_BYTES: u64 = 64 << 20;

/// What is known of an artifact.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// `sha256:…`: of a ZIP, or of an image's manifest.
    pub digest: String,
    /// What was built.
    #[serde(flatten)]
    pub name: Name,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// How much was slimmed.
    pub slim: Level,
    /// What bytecode it has.
    pub bytecode: Policy,
    /// A function's layers, in Lambda's order.
    pub layers: Vec<Layer>,
    /// How many of an image's layers are its base's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_layers: Option<usize>,
    /// The requirement files that it was made of, as the build was told.
    pub requirements: Vec<String>,
    /// Every distribution of the resolution, those included that are not in the artifact.
    pub resolved: Vec<Resolved>,
    /// Every removal, by path.
    pub removed: Vec<Removed>,
    /// Optional parts that stayed, with the reason.
    pub kept: Vec<Kept>,
}

impl Record {
    fn of(report: &SizeReport) -> Self {
        let base_layers = |image: &crate::image::Report| image.layers.iter().filter(|layer| layer.of_base).count();
        Self {
            version: VERSION,
            digest: format!("sha256:{}", report.sha256),
            name: report.name.clone(),
            target: report.target,
            slim: report.slim,
            bytecode: report.bytecode,
            layers: report.layers.iter().cloned().map(without_machine).collect(),
            base_layers: report.image.as_ref().map(base_layers),
            requirements: report.requirements.clone(),
            resolved: report.resolved.clone(),
            removed: report.removed.clone(),
            kept: report.kept.clone(),
        }
    }

    /// Where that of an artifact is.
    pub fn beside(artifact: &Path) -> PathBuf {
        // `folder/` is `folder`.
        let mut name = OsString::from(artifact.components().as_path().as_os_str());
        name.push(".pack.json");
        name.into()
    }

    /// Writes that of an artifact, unless it is there.
    pub fn write(report: &SizeReport) -> Result<()> {
        let path = Self::beside(Path::new(&report.path));
        let mut bytes =
            serde_json::to_vec(&Self::of(report)).map_err(|error| Error::io("write", &path)(error.into()))?;
        bytes.push(b'\n');
        if std::fs::metadata(&path).is_ok_and(|there| there.len() == bytes.len() as u64)
            && std::fs::read(&path).is_ok_and(|there| there == bytes)
        {
            sweep_leftovers(&path);
            return Ok(());
        }
        let mut file = AtomicFile::create(&path)?;
        file.write_all(&bytes).map_err(Error::io("write", &path))?;
        file.persist()
    }

    /// That of an artifact with a digest; none where there is none, or only that of another artifact.
    pub fn read(artifact: &Path, digest: &str) -> Option<Self> {
        let path = Self::beside(artifact);
        let is_small = std::fs::metadata(&path).is_ok_and(|there| there.is_file() && there.len() <= MOST_BYTES);
        if !is_small {
            return None;
        }
        let bytes = std::fs::read(&path).ok()?;
        let record: Self = serde_json::from_slice(&bytes).ok()?;
        (record.version == VERSION && record.digest == digest).then_some(record)
    }
}

/// A layer without the folder of this machine that it was named in.
fn without_machine(layer: Layer) -> Layer {
    let path = layer.path.map(|path| super::report::named(Path::new(&path)));
    Layer { path, ..layer }
}
