//! What differs between two ZIPs, layers, images or folders: by file, by distribution, by layer, and what a push would send.
//!
//! What must stay true: two files are the same only if their bytes are, by SHA-256, or if they are one file of a layer that
//! both images have; nothing is unpacked but layers, into files without a name; memory does not grow with the size of files
//! in images. Owners and times of files are not compared: what differs in them alone is told by the digests of the layers.

mod digest;
mod distributions;
mod entry;
mod files;
mod layers;
mod pulled;
mod sends;
mod side;
mod text;

use serde::Serialize;

pub use distributions::DistributionChange;
pub use entry::State;
pub use files::{Changed, FileChanges, OneSided};
pub use layers::{LayerChange, Whose, seen};
pub use pulled::Registries;
pub use sends::{Blob, BlobKind, Sends};
pub use side::{Side, Summary, path_of};

use crate::check::sources::Unpacked;
use crate::error::Result;

/// Everything that differs. All sizes in bytes.
#[derive(Debug, Serialize)]
pub struct Diff {
    /// Whether both are the same: by their digests where both have one of the same kind, of images else by the digests of
    /// their configurations, which name the layers as they are unpacked; else by their files.
    pub same: bool,
    /// The first.
    pub before: Summary,
    /// The second.
    pub after: Summary,
    /// The folder of an image that is compared with what is no image; else all is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<&'static str>,
    /// Files, links, and folders of their own.
    pub files: FileChanges,
    /// Distributions that came, went, or have another version.
    pub distributions: Vec<DistributionChange>,
    /// Layers of the second image, and those that only the first has.
    pub layers: Vec<LayerChange>,
    /// Keys of an image's configuration that have other values.
    pub configuration: Vec<String>,
    /// What it takes to push the second to where the first is; nothing of a folder, nor of an image as `docker save` writes it.
    pub sends: Option<Sends>,
}

/// Compares what two arguments name.
pub fn diff(before: &str, after: &str, registries: &Registries<'_>) -> Result<Diff> {
    let mut unpacked = Unpacked::default();
    // What is on this machine first: what it has need not be fetched.
    let command = registries.command;
    let (before, after) = if side::is_here(before, command)? || !side::is_here(after, command)? {
        let before = Side::open(before, registries, &mut unpacked)?;
        (before, Side::open(after, registries, &mut unpacked)?)
    } else {
        let after = Side::open(after, registries, &mut unpacked)?;
        (Side::open(before, registries, &mut unpacked)?, after)
    };
    compare(&before, &after)
}

fn compare(before: &Side, after: &Side) -> Result<Diff> {
    let compared = (before.is_image() != after.is_image()).then_some(crate::lambda::TASK);
    let (old, new) = (entry::entries(before, compared), entry::entries(after, compared));
    let compares_images = before.is_image() && after.is_image();
    let (files, touched) = files::compare(&old, &new, compares_images)?;
    let (before_summary, after_summary) = (before.summary(&old), after.summary(&new));
    let same = match (&before_summary.digest, &after_summary.digest) {
        (Some(old), Some(new)) if before_summary.kind == after_summary.kind => old == new,
        _ if compares_images => before.contents.image.config == after.contents.image.config,
        _ => files.is_empty(),
    };
    Ok(Diff {
        same,
        before: before_summary,
        after: after_summary,
        compared,
        distributions: distributions::changes(&old, &new, &touched)?,
        layers: if compares_images { layers::changes(before, after) } else { Vec::new() },
        configuration: if compares_images { layers::configuration(before, after) } else { Vec::new() },
        sends: sends::of(before, after),
        files,
    })
}
