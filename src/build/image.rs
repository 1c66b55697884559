//! `pack image`: the row of stages of a ZIP, whose files then become layers above a base.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{BuildPlan, lint};
use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::check;
use crate::check::sources::Unpacked;
use crate::error::{Error, Result};
use crate::image::{Bringer, CLIENT, Image, OwnLayers, Payload, Pin, Plan, Report};
use crate::lambda::is_in_sdk;
use crate::lock;
use crate::progress::Progress;
use crate::size::SizeReport;

/// The handler, without which there is no image.
pub(super) fn handler<'a>(build: &BuildPlan, found: Option<&'a str>) -> Result<&'a str> {
    found.ok_or_else(|| {
        Error::usage(
            format!("an image has its handler in it, and none was found in {}", build.product.name().as_str()),
            "name it: --handler MODULE.FUNCTION, or handler in pack.toml",
        )
    })
}

/// What goes above a base.
pub(super) struct Above {
    layers: OwnLayers,
    /// Those of the layers that nobody has looked into yet, unpacked.
    unpacked: Unpacked,
    /// How long it took.
    pub(super) time: Duration,
}

/// Packs the layers that go above a base.
pub(super) fn layers(
    build: &BuildPlan,
    plan: &Plan,
    artifact: &Artifact,
    owners: &BTreeMap<String, Arc<Bringer>>,
    by_place: &BTreeSet<String>,
    cache: &Cache,
) -> Result<Above> {
    let start = Instant::now();
    let archive = artifact.open()?;
    // What a folder, a commit or a file has is not known by its version.
    let has = |name: &str, version: &str| !by_place.contains(name) && plan.seen.provided.has(name, version);
    let layers = Payload { archive: &archive, owners }.layers(build.target, &has, cache)?;
    let is_known = |digest| !build.check || plan.verify || lint::is_good(digest, cache);
    let unpacked = layers.unpack(&is_known)?;
    Ok(Above { layers, unpacked, time: start.elapsed() })
}

/// Puts layers above a base, and writes, loads and pushes the image as the plan says.
pub(super) fn finish(
    build: &BuildPlan,
    plan: &Plan,
    mut report: SizeReport,
    above: Above,
    cache: &Cache,
    progress: &mut Progress,
) -> Result<SizeReport> {
    let Above { layers, mut unpacked, .. } = above;
    let handler = handler(build, report.handler.as_deref())?.to_owned();
    let left_out = layers.left_out.clone();
    leave_out(&mut report, &left_out);
    report.warnings.extend(notes(plan, &report));
    let client = plan.client()?;
    let image = Image::make(plan, build.target, &handler, layers, &client, cache, progress)?;
    if build.check && !plan.verify {
        let (named, known) = ((plan.tag.as_str(), handler.as_str()), &report.findings);
        let more = progress.phase("check image", |progress| {
            lint::image(build, &image, &mut unpacked, named, known, cache, progress)
        })?;
        report.findings = check::sorted(report.findings.into_iter().chain(more).collect());
    }
    let mut of_image = image.report();
    of_image.in_base = left_out.into_iter().collect();
    of_image.entrypoint = plan.start().map(<[String]>::to_vec);
    report.path.clone_from(&of_image.digest);
    if plan.verify {
        if plan.write {
            of_image.verified.push(image.verify_layout(&build.output, build.target)?);
        }
        if let Some(to) = &plan.push {
            of_image.verified.push(progress.phase("verify", |progress| image.verify_pushed(to, &client, progress))?);
        }
        return Ok(with_image(report, of_image));
    }
    if let Pin::Record(file, id) = &plan.pin {
        lock::update(file, |lock| lock.replace_base(id.clone(), image.base_digest()))?;
    }
    if plan.write {
        progress.phase("write", |progress| image.write(&build.output, &plan.tag, progress))?;
        report.path = build.output.display().to_string();
    }
    if plan.load {
        of_image.names.push(progress.phase("load", |progress| image.load(&plan.tag, cache, progress))?);
    }
    if let Some(to) = &plan.push {
        let pushed = progress.phase("push", |progress| image.push(to, &client, cache, progress))?;
        of_image.names.push(pushed.name.clone());
        of_image.pushed = Some(pushed);
    }
    if let (false, Some(name)) = (plan.write, of_image.names.last()) {
        report.path.clone_from(name);
    }
    Ok(with_image(report, of_image))
}

/// Takes what the base has out of what is told of the image.
fn leave_out(report: &mut SizeReport, left_out: &BTreeSet<String>) {
    let (gone, parts) = std::mem::take(&mut report.parts).into_iter().partition::<Vec<_>, _>(|part| {
        part.version.as_ref().is_some_and(|version| left_out.contains(&format!("{} {version}", part.name)))
    });
    report.parts = parts;
    let bytes: u64 = gone.iter().map(|part| part.unpacked).sum();
    report.unpacked -= bytes;
    report.unpacked_with_layers -= bytes;
}

/// What a person should know of the base: what it has in other versions, and that its entrypoint is not taken.
fn notes(plan: &Plan, report: &SizeReport) -> Vec<String> {
    let (provided, base) = (&plan.seen.provided, &plan.base);
    // That AWS's own SDK is another one than the function's says the report.
    let is_told = |name: &str| provided.is_of_aws && is_in_sdk(name);
    let parts = report.parts.iter().filter(|part| !is_told(&part.name));
    let shadowed = parts.filter_map(|part| provided.shadowed(&part.name, part.version.as_ref()?, base));
    let replaced = provided.replaced.iter().map(|own| {
        format!(
            "the base {base} starts {:?}, in which nothing was seen that asks Lambda for events: {:?} takes its place; --entrypoint \
             names another one",
            own.join(" "),
            plan.start().unwrap_or_default().join(" ")
        )
    });
    let unseen = provided.unseen.iter().map(|own| {
        format!(
            "the base {base} starts {:?}, and nobody saw that it asks Lambda for events; where it does not, --entrypoint names what does \
             ('/usr/local/bin/python -m {CLIENT}', with {CLIENT} among the requirements)",
            own.join(" ")
        )
    });
    shadowed.chain(replaced).chain(unseen).collect()
}

fn with_image(mut report: SizeReport, image: Report) -> SizeReport {
    image.digest.trim_start_matches("sha256:").clone_into(&mut report.sha256);
    report.packed = image.own;
    report.image = Some(image);
    report
}
