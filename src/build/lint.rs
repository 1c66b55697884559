//! What Lambda would say of an image, before it is written, loaded or pushed.
//!
//! What must stay true: nothing is fetched for it. Where the base's layers are at hand the whole root file system is checked, as
//! `pack check` would; else the manifest, the configuration and the function's own layers. Of these a layer that was read once
//! and is as it should be is not unpacked again.

use super::{BuildPlan, stop_at_errors};
use crate::cache::{Cache, Results};
use crate::check::sources::{self, Opened, Unpacked};
use crate::check::{self, Finding, Question, Severity, Shape};
use crate::error::Result;
use crate::image::Image;
use crate::progress::Progress;
use crate::registry::Digest;

/// Whether a layer was read once, and is as it should be.
pub(super) fn is_good(digest: Digest, cache: &Cache) -> bool {
    cache.result(Results::Layers, &digest.hex()) == Some(true)
}

/// Warnings beside those that are known; an error ends the build.
pub(super) fn image(
    build: &BuildPlan,
    made: &Image,
    unpacked: &mut Unpacked,
    (tag, handler): (&str, &str),
    known: &[Finding],
    cache: &Cache,
    progress: &Progress,
) -> Result<Vec<Finding>> {
    let mut which = made.which(build.target);
    let is_whole = which.unread.is_empty();
    if !is_whole {
        let read = made.own_layers().filter(|(digest, _)| is_good(*digest, cache));
        which.unread.extend(read.map(|(digest, bytes)| (digest.to_string(), bytes)));
    }
    let Opened { files, mut findings, sizes, image, .. } = sources::image(tag, &made.store(), &which, unpacked)?;
    if findings.is_empty() {
        for (digest, _) in made.own_layers() {
            cache.remember_result(Results::Layers, &digest.hex(), &true)?;
        }
    }
    let mut image = image.unwrap_or_default();
    let (base, python) = made.base();
    image.python = image.python.or(python);
    findings.extend(image.unlike(build.target));
    findings.extend(check::limits(&sizes, Shape::Image));
    if image.python.is_none() {
        progress.say(&format!(
            "which Python {base} runs is not seen without its layers: it was not compared with {}",
            build.target.python
        ));
    }
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    // Where the base is another one, everything else follows from that.
    if !findings.iter().any(is_error) {
        let mut question = Question::new(build.target, Shape::Image).of_image(&image);
        question.handler = Some(handler.to_owned());
        question.provided.clone_from(&build.provided);
        findings.extend(if is_whole {
            check::check(&files, &question)?.findings
        } else {
            check::modes(&files, &question)
        });
    }
    let is_known =
        |finding: &Finding| known.iter().any(|other| (&other.check, &other.path) == (&finding.check, &finding.path));
    findings.retain(|finding| is_error(finding) || !is_known(finding));
    stop_at_errors(build, findings)
}
