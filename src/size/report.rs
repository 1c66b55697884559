//! The report of a build as a value: what JSON shows and the text is made of. All sizes in bytes.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Budgets, Measured, OwnLayer, SizedPart, Sizes, Verdict};
use crate::artifact::Artifact;
use crate::build::{BuildPlan, Name, Policy, WithBytecode};
use crate::check::Finding;
use crate::image;
use crate::imports;
use crate::lambda::{self, Target};
use crate::layers::Layer;
use crate::python::licence::{self, Licence};
use crate::python::metadata;
use crate::resolve::Distribution;
use crate::slim::{Kept, Level, PartName, Rule, Slimmed};
use crate::tree::Owner;

/// One part of an artifact.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part {
    /// A distribution's normalised name; `function` or `layer` for its own files.
    pub name: String,
    /// A distribution's version.
    pub version: Option<String>,
    /// Files.
    pub files: u64,
    /// Unpacked bytes.
    pub unpacked: u64,
    /// Packed bytes, without the ZIP's own headers, which belong to nobody.
    pub packed: u64,
}

impl Part {
    fn sized(&self) -> SizedPart<'_> {
        SizedPart {
            name: &self.name,
            version: self.version.as_deref(),
            is_distribution: self.version.is_some(),
            unpacked: self.unpacked,
        }
    }
}

/// What one slimming rule took out.
#[derive(Debug, Serialize, Deserialize)]
pub struct Slimming {
    /// The rule.
    pub rule: Rule,
    /// The part, where a recipe knows it.
    #[serde(flatten)]
    pub part: Option<PartName>,
    /// Files it took out or made smaller.
    pub files: u64,
    /// Bytes less.
    pub bytes: u64,
}

/// One removal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removed {
    /// The path it had in the ZIP.
    pub path: String,
    /// Why.
    pub rule: Rule,
    /// Bytes less.
    pub bytes: u64,
    /// Whose it was.
    pub owner: String,
    /// The part of its owner that it belongs to, where a recipe took it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
}

/// A library that was not stripped, or not in full.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unstripped {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A distribution of the resolution, whether it is in the artifact or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resolved {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether the requirements name it.
    pub requested: bool,
    /// Who needs it.
    pub needed_by: Vec<NeededBy>,
    /// The name of its wheel's file.
    pub wheel: String,
    /// SHA-256 of its wheel.
    pub sha256: String,
    /// Its licences, as its METADATA declares them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<Licence>,
}

/// That another distribution needs one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NeededBy {
    /// The other's normalised name.
    pub name: String,
    /// The versions that it takes, as it writes them; empty for any.
    pub versions: String,
}

/// What was decided about a distribution that the runtime ships.
#[derive(Debug, Serialize, Deserialize)]
pub struct RuntimeDistribution {
    /// Its name.
    pub name: String,
    /// The version that was resolved.
    pub version: String,
    /// Whether it is in the artifact.
    pub bundled: bool,
    /// Why.
    pub reason: String,
}

/// How long a phase took.
#[derive(Debug, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Milliseconds.
    pub milliseconds: u64,
}

/// What a build made.
#[derive(Debug, Serialize, Deserialize)]
pub struct SizeReport {
    /// The artifact.
    pub path: String,
    /// What was built.
    #[serde(flatten)]
    pub name: Name,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// The handler, if it was given or found.
    pub handler: Option<String>,
    /// SHA-256 of the artifact, in hexadecimal; of an image that of its manifest.
    pub sha256: String,
    /// Bytes of the artifact; of an image those that a registry with the base lacks.
    pub packed: u64,
    /// Bytes it unpacks to.
    pub unpacked: u64,
    /// Bytes that it and its layers unpack to.
    pub unpacked_with_layers: u64,
    /// Lambda's limit for `unpacked_with_layers`.
    pub unpacked_limit: u64,
    /// Whether it is above the limit.
    pub over_limit: bool,
    /// Whether it has to be uploaded through S3.
    pub needs_s3: bool,
    /// How much was slimmed.
    pub slim: Level,
    /// What bytecode it has.
    pub bytecode: Policy,
    /// The version of the interpreter that compiled it: another patch version may give other bytes.
    pub bytecode_interpreter: Option<String>,
    /// Sources that Python would not compile.
    pub uncompiled: u64,
    /// What is particular to an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<image::Report>,
    /// The function's layers, in Lambda's order.
    pub layers: Vec<Layer>,
    /// The requirement files.
    pub requirements: Vec<String>,
    /// Every distribution that they resolve to, by name.
    pub resolved: Vec<Resolved>,
    /// Its parts, largest first.
    pub parts: Vec<Part>,
    /// What slimming took out, by rule, most first.
    pub slimmed: Vec<Slimming>,
    /// Every removal, by path.
    pub removed: Vec<Removed>,
    /// Parts that could have gone and are needed, or may be.
    pub kept: Vec<Kept>,
    /// Libraries that were not stripped, or not in full, though they have something to remove.
    pub unstripped: Vec<Unstripped>,
    /// The runtime's own distributions among the resolved ones.
    pub runtime: Vec<RuntimeDistribution>,
    /// What the import test found.
    pub imports: imports::Report,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What the check found, none of it an error.
    pub findings: Vec<Finding>,
    /// Where the time went.
    pub phases: Vec<Phase>,
}

impl SizeReport {
    /// The same with the times of the phases.
    #[must_use]
    pub fn with_phases(mut self, phases: &[(&'static str, Duration)]) -> Self {
        self.phases = phases
            .iter()
            .map(|(name, time)| Phase {
                name: (*name).to_owned(),
                milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            })
            .collect();
        self
    }

    /// The same with what the check found.
    #[must_use]
    pub fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    /// What budgets say of it; of an image, of what is above the base. There is no baseline: growth is not judged.
    pub fn judged(&self, budgets: &Budgets) -> Vec<Verdict> {
        let own_layers = || self.image.iter().flat_map(|image| &image.layers).filter(|layer| !layer.of_base);
        let packed = if self.image.is_some() { own_layers().map(|layer| layer.packed).sum() } else { self.packed };
        let artifact = Measured {
            is_image: self.image.is_some(),
            sizes: Sizes {
                packed: Some(packed),
                unpacked: self.unpacked_with_layers,
                parts: self.parts.iter().map(Part::sized).collect(),
            },
            own_layers: own_layers().map(|layer| OwnLayer { name: &layer.what, packed: layer.packed }).collect(),
        };
        budgets.judge(&artifact, None)
    }

    /// Puts the report of a build together.
    #[expect(clippy::too_many_arguments, reason = "it gathers what the stages gave, each under its own name")]
    pub fn new(
        build: &BuildPlan,
        handler: Option<String>,
        path: &Path,
        artifact: &Artifact,
        distributions: &[Distribution],
        slimmed: &Slimmed,
        bytecode: &WithBytecode,
        imports: imports::Report,
        warnings: Vec<String>,
    ) -> Self {
        let name = |owner: Owner| match owner {
            Owner::Distribution(index) => distributions[index].name.clone(),
            Owner::Function => build.product.name().kind().to_owned(),
        };
        let site = build.site();
        let mut parts: Vec<Part> = artifact
            .by_owner
            .iter()
            .map(|(owner, sizes)| Part {
                name: name(*owner),
                version: match owner {
                    Owner::Distribution(index) => Some(distributions[*index].version.clone()),
                    Owner::Function => None,
                },
                files: sizes.files,
                unpacked: sizes.unpacked,
                packed: sizes.packed,
            })
            .collect();
        parts.sort_by(|left, right| right.unpacked.cmp(&left.unpacked).then_with(|| left.name.cmp(&right.name)));
        let mut totals: Vec<Slimming> = slimmed
            .ledger
            .totals()
            .into_iter()
            .map(|((rule, part), (files, bytes))| {
                let part = part
                    .map(|(owner, component)| PartName { distribution: name(owner), component: component.to_owned() });
                Slimming { rule, part, files, bytes }
            })
            .collect();
        totals.sort_by(|left, right| {
            right.bytes.cmp(&left.bytes).then_with(|| (left.rule, &left.part).cmp(&(right.rule, &right.part)))
        });
        let removed = slimmed
            .ledger
            .removals()
            .into_iter()
            .map(|removal| Removed {
                path: site.in_zip(&removal.path).into_owned(),
                rule: removal.rule,
                bytes: removal.bytes,
                owner: name(removal.owner),
                component: removal.component.clone(),
            })
            .collect();
        let mut runtime: Vec<RuntimeDistribution> = slimmed
            .sdk
            .iter()
            .map(|decision| {
                let Distribution { name, version, .. } = &distributions[decision.distribution];
                RuntimeDistribution {
                    name: name.clone(),
                    version: version.clone(),
                    bundled: decision.bundled,
                    reason: decision.reason.clone(),
                }
            })
            .collect();
        runtime.sort_by(|left, right| left.name.cmp(&right.name));
        let mut resolved: Vec<Resolved> = distributions.iter().map(Resolved::from).collect();
        resolved.sort_by(|left, right| left.name.cmp(&right.name));
        let unpacked_with_layers = artifact.unpacked + build.layers.unpacked();
        Self {
            path: path.display().to_string(),
            name: build.product.name(),
            target: build.target,
            handler,
            sha256: artifact.sha256.clone(),
            packed: artifact.packed,
            unpacked: artifact.unpacked,
            unpacked_limit: build.unpacked_limit(),
            unpacked_with_layers,
            over_limit: unpacked_with_layers > build.unpacked_limit(),
            needs_s3: build.image.is_none() && artifact.packed > lambda::DIRECT_UPLOAD_BYTES,
            image: None,
            slim: build.slim.level,
            bytecode: bytecode.policy,
            bytecode_interpreter: bytecode.interpreter.clone(),
            uncompiled: bytecode.refused.len() as u64,
            layers: build.layers.all.clone(),
            requirements: build.requirements.sources.iter().map(|path| named(path)).collect(),
            resolved,
            parts,
            slimmed: totals,
            removed,
            kept: slimmed.kept.clone(),
            unstripped: artifact
                .unstripped
                .iter()
                .map(|(path, reason)| Unstripped { path: site.in_zip(path).into_owned(), reason: reason.clone() })
                .collect(),
            runtime,
            imports,
            warnings,
            findings: Vec::new(),
            phases: Vec::new(),
        }
    }
}

impl From<&Distribution> for Resolved {
    fn from(distribution: &Distribution) -> Self {
        let Distribution { name, version, requested, needed_by, sha256, wheel, .. } = distribution;
        let needed_by =
            needed_by.iter().map(|need| NeededBy { name: need.by.clone(), versions: need.versions.clone() });
        // It was read before: the resolution goes by it.
        let licences = wheel.metadata("METADATA").map(|text| licence::of(&metadata::headers(&text)));
        let licences = licences.unwrap_or_default();
        Self {
            name: name.clone(),
            version: version.clone(),
            requested: *requested,
            needed_by: needed_by.collect(),
            wheel: wheel.filename.to_string(),
            sha256: sha256.clone(),
            licences,
        }
    }
}

/// A file as it was named; of one that was named by its place on this machine only its own name.
pub(super) fn named(path: &Path) -> String {
    let name = path.file_name().filter(|_| path.is_absolute()).map(Path::new);
    name.unwrap_or(path).display().to_string()
}
