//! Whether an image is what is there already: one digest, since that of the manifest has those of all the rest in it.
//!
//! What must stay true: nothing is written; a layout whose manifest is the right one and whose blobs are not is another.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Image, base, is_tar};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::progress::Progress;
use crate::registry::{Client, Digest, Reference};

/// Compares with a layout, whose blobs are read.
pub(super) fn layout(image: &Image, place: &Path, target: Target) -> Result<String> {
    let shown = place.display().to_string();
    let broken = |reason: String| Error::Compare { path: shown.clone(), reason };
    if !place.exists() {
        return Err(Error::usage(
            format!("there is no {shown} to compare with"),
            "--output names the layout or tar that was built, --push the name that was pushed",
        ));
    }
    let (manifest, _, store) = base::of_layout(place, target, &broken)?;
    compare(image, &shown, manifest.descriptor.digest)?;
    for layer in &manifest.layers {
        store.copy(&layer.digest.to_string(), &mut io::sink())?.map_err(broken)?;
    }
    Ok(shown)
}

/// Compares with what a tag or digest leads to.
pub(super) fn pushed(image: &Image, to: &Reference, client: &Arc<Client>, progress: &Progress) -> Result<String> {
    let shown = to.to_string();
    let there = client.repository(to, progress)?.head(&to.asked())?;
    let there = there.ok_or_else(|| Error::Compare {
        path: shown.clone(),
        reason: "nothing of that name is in the registry".into(),
    })?;
    compare(image, &shown, there)?;
    Ok(shown)
}

fn compare(image: &Image, place: &str, there: Digest) -> Result<()> {
    let built = image.manifest.0.digest;
    if there == built {
        return Ok(());
    }
    let other = if is_tar(Path::new(place)) { "OTHER.tar" } else { "OTHER" };
    Err(Error::Differs {
        place: place.to_owned(),
        there: there.to_string(),
        built: built.to_string(),
        hint: format!("to see what differs: pack image … --output {other}, then pack diff {place} {other}"),
    })
}
