//! What the distributions say of themselves: the Python and the other distributions that they need, and what they were
//! built for.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerEnvironment, VersionOrUrl};

use super::installed::{Installation, Installed, MOST_REQUIREMENTS, Owner};
use super::modules::Kind;
use super::reach::Reach;
use super::target::{compiled_for, version};
use super::{Finding, Question, Shape};
use crate::lambda::{self, Target};
use crate::python::{markers, metadata, normalise, requirement};

/// Everything that METADATA and WHEEL ask for and the files do not give. `missing` are the modules that are certain to be.
pub(super) fn check(
    installation: &Installation,
    question: &Question,
    reach: &Reach,
    loads: &Reach,
    missing: &BTreeSet<&str>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: BTreeMap<&str, &Installed> = BTreeMap::new();
    // Distributions of which an extension module is loaded that the target's Python does not look for.
    let unusable: BTreeSet<&str> = loads
        .others
        .iter()
        .filter(|(_, kind)| **kind == Kind::Foreign)
        .filter_map(|(path, _)| named(installation.owner(path)))
        .collect();
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
        findings.extend(tags(distribution, question, unusable.contains(distribution.name.as_str())));
    }
    // Distributions by the normalised name of a module that they import in vain, with the source that does.
    let mut lacking: BTreeMap<(String, &str), (&str, &str)> = BTreeMap::new();
    for (module, importers) in reach.missing.iter().filter(|(module, _)| missing.contains(module.as_str())) {
        for importer in importers {
            if let Some(distribution) = named(installation.owner(importer)) {
                lacking.entry((normalise(module), distribution)).or_insert((importer, module));
            }
        }
    }
    let environment = markers::environment(question.target);
    for distribution in first.values() {
        findings.extend(requirements(distribution, &first, question, &environment, &lacking));
    }
    findings
}

fn named(owner: Owner<'_>) -> Option<&str> {
    match owner {
        Owner::Distribution(name) => Some(name),
        Owner::Function | Owner::Unknown => None,
    }
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

/// A wheel with compiled parts has to be one of the target's, if any of them is loaded.
fn tags(distribution: &Installed, question: &Question, is_loaded: bool) -> Option<Finding> {
    let target = question.target;
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
    let (pythons, machines): (Vec<_>, Vec<_>) = tags.iter().filter_map(|tag| compiled_for(tag)).unzip();
    let python = pythons.into_iter().flatten().next().and_then(version);
    let hint = format!(
        "install it for Lambda: pip install --platform {} --python-version {} --only-binary=:all: …, or use pack zip{}",
        target.newest_tag(),
        target.python,
        question.or_say(python, machines.first().copied())
    );
    let finding = if is_loaded { Finding::error } else { Finding::warning };
    Some(finding("wheel-tag", &distribution.info, reason).with_hint(hint))
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

/// What is required and not here. An error where a source of the distribution is certain to import it.
fn requirements(
    distribution: &Installed,
    others: &BTreeMap<&str, &Installed>,
    question: &Question,
    environment: &MarkerEnvironment,
    lacking: &BTreeMap<(String, &str), (&str, &str)>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let by = format!("{} {}", distribution.name, distribution.version);
    let lines: Vec<&str> = metadata::values(&distribution.metadata, "requires-dist").collect();
    if lines.len() > MOST_REQUIREMENTS {
        let reason = format!("{by} has more than {MOST_REQUIREMENTS} requirements; the others are not looked at");
        findings.push(Finding::warning("requires-dist", &distribution.info, reason));
    }
    for text in lines.into_iter().take(MOST_REQUIREMENTS) {
        // pip refuses what cannot be parsed, or reads it in a way of its own.
        let Some(requirement) = requirement::parse(text) else { continue };
        if !requirement.evaluate_markers(environment, &[]) {
            continue;
        }
        let name = normalise(requirement.name.as_ref());
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
                let reason = format!("{by} requires {name}, which is not here");
                let hint = format!("install {name}, or put it into a layer");
                let finding = match lacking.get(&(name, distribution.name.as_str())) {
                    Some((importer, module)) => Finding::error(
                        "requires-dist",
                        &distribution.info,
                        format!("{reason}, and {importer} imports {module}"),
                    ),
                    None => Finding::warning("requires-dist", &distribution.info, reason),
                };
                findings.push(finding.with_hint(hint));
            }
        }
    }
    findings
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
