//! Artifacts that are there, read as whoever takes them would: nothing is built, and what cannot be read is an error.

use std::path::Path;

use rayon::prelude::*;

use crate::check::sources::{self, Opened};
use crate::check::{self, Question, Severity, Shape};
use crate::deploy::{Artifact, Artifacts};
use crate::error::{Error, Result};
use crate::image;
use crate::lambda::Target;
use crate::project::{Builds, Method};
use crate::system;

/// What of a project is built, by the paths that the project gives.
pub fn artifacts(builds: &Builds) -> Result<Artifacts> {
    let functions = builds.functions.par_iter().filter(|build| build.output.exists()).map(|build| {
        let (output, target) = (&build.output, build.target);
        let artifact = match build.method {
            Method::Image => of_image(output, target)?,
            Method::Zip | Method::Layers => of_function(output, target, build.settings.handler.clone())?,
        };
        Ok((output.clone(), artifact))
    });
    let layers = builds.layers.par_iter().filter(|build| build.output.exists());
    let layers = layers.map(|build| Ok((build.output.clone(), of_layer(&build.output, build.target)?)));
    functions.chain(layers).collect()
}

fn of_function(path: &Path, target: Target, handler: Option<String>) -> Result<Artifact> {
    let opened = sources::open(&[path.to_owned()], &[], handler.as_deref(), Some(target.architecture))?;
    let mut question = Question { handler, ..Question::new(target, Shape::Function) };
    check::find_handler(&opened.files, &mut question)?;
    zip(path, &opened, question.handler)
}

fn of_layer(path: &Path, target: Target) -> Result<Artifact> {
    let opened = sources::open(&[], &[path.to_owned()], None, Some(target.architecture))?;
    zip(path, &opened, None)
}

fn zip(path: &Path, opened: &Opened, handler: Option<String>) -> Result<Artifact> {
    refuse_broken(path, opened)?;
    let sizes = &opened.sizes;
    let sha256 = system::sha256_of(path)?;
    Ok(Artifact { path: path.to_owned(), sha256, packed: sizes.packed, unpacked: sizes.unpacked, handler })
}

fn of_image(path: &Path, target: Target) -> Result<Artifact> {
    let opened = sources::open(&[path.to_owned()], &[], None, Some(target.architecture))?;
    refuse_broken(path, &opened)?;
    let (digest, packed) = image::layout_digest_and_bytes(path, target)?;
    // An image says its handler itself.
    let handler = Some(String::new());
    Ok(Artifact { path: path.to_owned(), sha256: digest.hex(), packed, unpacked: opened.sizes.unpacked, handler })
}

/// What is wrong with the container itself: of its files `pack check` tells.
fn refuse_broken(path: &Path, opened: &Opened) -> Result<()> {
    match opened.findings.iter().find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(Error::usage(
            format!("{} is nothing that Lambda takes: {}", path.display(), finding.reason),
            format!("pack check {} tells more; building it again replaces it", path.display()),
        )),
        None => Ok(()),
    }
}
