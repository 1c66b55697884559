//! What the distributions say of themselves: the Python and the other distributions that they need, and what they were
//! built for.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep508_rs::VersionOrUrl;
use pep508_rs::pep440_rs::{Version, VersionSpecifiers};

use super::installed::{Installation, Installed};
use super::modules::Modules;
use super::{Finding, Question, Shape, reach};
use crate::error::Result;
use crate::lambda::{self, Target};
use crate::python::{markers, metadata, normalise, requirement};

/// Everything that METADATA and WHEEL ask for and the files do not give.
pub(super) fn check(installation: &Installation, modules: &Modules, question: &Question) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut first: BTreeMap<&str, &Installed> = BTreeMap::new();
    for distribution in &installation.distributions {
        if let Some(other) = first.get(distribution.name.as_str()) {
            let reason = format!(
                "{} is here twice: {} in {}, which is used, and {}",
                distribution.name, other.version, other.info, distribution.version
            );
            findings.push(
                Finding::warning("distribution-twice", &distribution.info, reason)
                    .with_hint("remove one; files of both may be mixed"),
            );
            continue;
        }
        first.insert(&distribution.name, distribution);
        findings.extend(python(distribution, question.target));
        findings.extend(tags(distribution, question.target));
    }
    for distribution in first.values() {
        findings.extend(requirements(distribution, &first, installation, modules, question)?);
    }
    Ok(findings)
}

fn python(distribution: &Installed, target: Target) -> Option<Finding> {
    let text = metadata::values(&distribution.metadata, "requires-python").next()?;
    let specifiers = VersionSpecifiers::from_str(text).ok()?;
    let version: Version = target.python.full().parse().ok()?;
    let minor: Version = target.python.to_string().parse().ok()?;
    if specifiers.contains(&version) || specifiers.contains(&minor) {
        return None;
    }
    let Installed { name, version, .. } = distribution;
    let reason = format!("{name} {version} is for Python {text}, not for {}", target.python);
    let hint = format!("install a version for Python {}", target.python);
    Some(Finding::error("requires-python", &distribution.info, reason).with_hint(hint))
}

/// A wheel with compiled parts has to be one of the target's.
fn tags(distribution: &Installed, target: Target) -> Option<Finding> {
    let pure = metadata::values(&distribution.wheel, "root-is-purelib").next()?;
    if !pure.eq_ignore_ascii_case("false") {
        return None;
    }
    let tags: Vec<&str> = metadata::values(&distribution.wheel, "tag").collect();
    if tags.is_empty() || tags.iter().any(|tag| fits(tag, target)) {
        return None;
    }
    let shown: BTreeSet<&str> = tags.iter().copied().take(3).collect();
    let shown: Vec<&str> = shown.into_iter().collect();
    let reason = format!("{} {} was built for {}", distribution.name, distribution.version, shown.join(", "));
    let hint = format!(
        "install it for Lambda: pip install --platform {} --python-version {} --only-binary=:all: …, or use pack zip",
        target.newest_tag(),
        target.python
    );
    Some(Finding::error("wheel-tag", &distribution.info, reason).with_hint(hint))
}

/// Whether a wheel of that tag can be loaded. Which glibc its libraries really need is asked of the libraries, so that any
/// manylinux of the machine will do here.
fn fits(tag: &str, target: Target) -> bool {
    let mut parts = tag.split('-');
    let (Some(python), Some(abi), Some(platform), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return true;
    };
    let machine = target.architecture.machine();
    let minor = target.python.minor();
    let own_abi = format!("cp3{minor}");
    let on_platform = platform.split('.').any(|platform| {
        platform == "any"
            || ((platform.starts_with("manylinux") || platform.starts_with("linux_")) && platform.ends_with(machine))
    });
    let is_python = python.split('.').any(|python| match python.strip_prefix("cp3").map(u8::from_str) {
        Some(Ok(built)) if abi.split('.').any(|abi| abi == "abi3") || abi == "none" => built <= minor,
        Some(Ok(built)) => built == minor && abi.split('.').any(|abi| abi == own_abi),
        _ => {
            python == "py3"
                || python
                    .strip_prefix("py3")
                    .and_then(|text| text.parse::<u8>().ok())
                    .is_some_and(|built| built <= minor)
        }
    });
    on_platform && is_python
}

fn requirements(
    distribution: &Installed,
    others: &BTreeMap<&str, &Installed>,
    installation: &Installation,
    modules: &Modules,
    question: &Question,
) -> Result<Vec<Finding>> {
    let environment = markers::environment(question.target);
    let mut findings = Vec::new();
    for text in metadata::values(&distribution.metadata, "requires-dist") {
        // pip refuses what cannot be parsed, or reads it in a way of its own.
        let Some(requirement) = requirement::parse(text) else { continue };
        if !requirement.evaluate_markers(&environment, &[]) {
            continue;
        }
        let name = normalise(requirement.name.as_ref());
        let by = format!("{} {}", distribution.name, distribution.version);
        match others.get(name.as_str()) {
            Some(other) => {
                let Some(VersionOrUrl::VersionSpecifier(specifiers)) = &requirement.version_or_url else { continue };
                let Ok(version) = other.version.parse::<Version>() else { continue };
                if !specifiers.contains(&version) {
                    let reason = format!("{by} requires {name}{specifiers}, but {name} {version} is here");
                    findings.push(
                        Finding::warning("requires-dist", &distribution.info, reason)
                            .with_hint("install both in one call of pip, so that it can choose versions that agree"),
                    );
                }
            }
            None if question.shape != Shape::Image && lambda::is_in_sdk(&name) => {}
            None if question.provided.iter().any(|module| normalise(module) == name) => {}
            None => {
                let roots = installation.modules_of(distribution);
                let reach = reach::from(modules, question, &roots)?;
                let hint = format!("install {name}, or put it into a layer");
                let finding = match reach.missing.iter().next() {
                    Some((module, importers)) if question.shape != Shape::Layers => Finding::error(
                        "requires-dist",
                        &distribution.info,
                        format!(
                            "{by} requires {name}, which is not here, and {} imports {module}",
                            importers.first().map_or("it", String::as_str)
                        ),
                    ),
                    _ => Finding::warning(
                        "requires-dist",
                        &distribution.info,
                        format!("{by} requires {name}, which is not here"),
                    ),
                };
                findings.push(finding.with_hint(hint));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Architecture;

    #[test]
    fn tags_of_the_target_fit() {
        let target = |architecture| Target { python: "3.13".parse().unwrap(), architecture };
        for good in [
            "cp313-cp313-manylinux_2_28_x86_64",
            "cp39-abi3-manylinux2014_x86_64",
            "py3-none-any",
            "py2.py3-none-manylinux1_x86_64",
            "cp313-cp313-linux_x86_64",
            "py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "unknown",
        ] {
            assert!(fits(good, target(Architecture::X86_64)), "{good}");
        }
        for bad in [
            "cp312-cp312-manylinux_2_28_x86_64",
            "cp314-abi3-manylinux_2_28_x86_64",
            "cp313-cp313-musllinux_1_2_x86_64",
            "cp313-cp313-macosx_11_0_arm64",
            "cp313-cp313-win_amd64",
            "cp313-cp313t-manylinux_2_28_x86_64",
            "pp310-pypy310_pp73-manylinux_2_28_x86_64",
        ] {
            assert!(!fits(bad, target(Architecture::X86_64)), "{bad}");
        }
    }
}
