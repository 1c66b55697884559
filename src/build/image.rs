//! `pack image`: the row of stages of a ZIP, whose files then become layers above a base.

use super::{BuildPlan, Made, lint};
use crate::archive::Archive;
use crate::cache::Cache;
use crate::check;
use crate::error::{Error, Result};
use crate::image::{Image, Payload, Pin, Plan, Report};
use crate::lock;
use crate::progress::Progress;
use crate::size::SizeReport;

/// Puts what was made above a base, and writes, loads and pushes it as the plan says.
pub(super) fn finish(
    build: &BuildPlan,
    plan: &Plan,
    made: Made,
    cache: &Cache,
    progress: &mut Progress,
) -> Result<SizeReport> {
    let Made { artifact, mut report, owners, .. } = made;
    let Some(handler) = report.handler.clone() else {
        return Err(Error::usage(
            format!("an image has its handler in it, and none was found in {}", build.product.name().as_str()),
            "name it: --handler MODULE.FUNCTION, or handler in pack.toml",
        ));
    };
    let path = artifact.file.path();
    let archive = Archive::open(path).map_err(|error| Error::io("read", path)(std::io::Error::other(error)))?;
    let payload = Payload { archive: &archive, owners: &owners, handler: &handler };
    let client = plan.client()?;
    let image = Image::make(plan, build.target, &payload, &client, cache, progress)?;
    if build.check && !plan.verify {
        let (named, known) = ((plan.tag.as_str(), handler.as_str()), &report.findings);
        let more =
            progress.phase("check image", |progress| lint::image(build, &image, named, known, cache, progress))?;
        report.findings = check::sorted(report.findings.into_iter().chain(more).collect());
    }
    let mut of_image = image.report();
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

fn with_image(mut report: SizeReport, image: Report) -> SizeReport {
    image.digest.trim_start_matches("sha256:").clone_into(&mut report.sha256);
    report.packed = image.own;
    report.image = Some(image);
    report
}
