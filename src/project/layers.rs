//! The layers of a project: those of the convention, what `layers/NAME.toml` or `[layers.NAME]` says of them, and public ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::layer;
use super::manifest::{self, LayerEntry, Manifest, Mistake, Versions};
use super::requirements::Choice;
use crate::error::Result;
use crate::lambda::{LayerArn, PublicLayer, Target};

/// A layer of the project.
#[derive(Clone, Debug)]
pub struct ProjectLayer {
    /// What functions call it.
    pub name: String,
    /// What is in it.
    pub content: Content,
    /// What the project says of it.
    pub entry: Option<LayerEntry>,
    /// Whether it is of the command line, and no part of the project.
    pub is_argument: bool,
}

/// What a layer is made of.
#[derive(Clone, Debug)]
pub enum Content {
    /// It is built here.
    Own {
        /// Requirement files, in order.
        requirements: Vec<PathBuf>,
        /// What is taken of them.
        choice: Choice,
        /// A folder of files that come along.
        files: Option<PathBuf>,
        /// Whether modules lie in `python/lib/python3.x/site-packages`.
        versioned: bool,
    },
    /// Somebody publishes it.
    Published(Published),
}

/// A layer that somebody publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// A layer for each runtime and architecture, known by a short name; versions if any are written.
    Public(PublicLayer, Option<Versions>),
    /// A layer by its ARN; versions if any are written beside it.
    Arn(LayerArn, Option<Versions>),
}

impl Published {
    /// Its ARN for a target; none where that takes a Region and none is known.
    pub fn arn(&self, region: Option<&str>, target: Target) -> Option<LayerArn> {
        let of = |versions: &Option<Versions>| versions.as_ref().and_then(|versions| versions.of(target));
        match self {
            Self::Public(layer, versions) => Some(layer.arn(region?, target, of(versions))),
            Self::Arn(arn, versions) => Some(LayerArn { version: arn.version.or(of(versions)), ..arn.clone() }),
        }
    }
}

/// Every layer of a project, by name.
pub(super) fn all(
    root: &Path,
    manifest: &Manifest,
    mistakes: &mut Vec<Mistake>,
) -> Result<BTreeMap<String, ProjectLayer>> {
    let folder = root.join("layers");
    let mut names: BTreeSet<String> = layer::all_layers(root).into_iter().map(|layer| layer.name).collect();
    names.extend(manifest.layers.keys().cloned());
    names.extend(described(&folder));
    let mut layers = BTreeMap::new();
    for name in names {
        let own = manifest::read_layer(&folder.join(format!("{name}.toml")))?;
        let in_file = manifest.layers.get(&name).cloned();
        if let (Some(own), Some(in_file)) = (&own, &in_file) {
            mistakes.push(in_file.place.mistake(
                format!("the layer {name:?} has a file of its own, {}", own.place.path().display()),
                "say it in one of the two",
            ));
        }
        let entry = own.or(in_file);
        if let Some(content) = content(root, &name, entry.as_ref(), mistakes) {
            layers.insert(name.clone(), ProjectLayer { name, content, entry, is_argument: false });
        }
    }
    Ok(layers)
}

/// The layers that have a file of their own with settings.
fn described(folder: &Path) -> impl Iterator<Item = String> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let stem = name.strip_suffix(".toml").filter(|_| !name.starts_with("pylock.") && entry.path().is_file())?;
        (!stem.starts_with(['.', '_']) && !stem.is_empty()).then(|| stem.to_owned())
    })
}

fn content(root: &Path, name: &str, entry: Option<&LayerEntry>, mistakes: &mut Vec<Mistake>) -> Option<Content> {
    if let Some(entry) = entry
        && (entry.public.is_some() || entry.arn.is_some())
    {
        return published(name, entry, mistakes).map(Content::Published);
    }
    let folder = root.join("layers");
    let files = match entry.and_then(|entry| entry.files.as_ref()) {
        Some(files) => {
            let path = root.join(&files.value);
            if !path.is_dir() {
                mistakes.push(files.place.mistake(
                    format!("there is no folder {}", path.display()),
                    "files is a folder whose content goes into the layer",
                ));
            }
            Some(path)
        }
        None => Some(folder.join(name)).filter(|files| files.is_dir()),
    };
    let requirements = if let Some(listed) = entry.and_then(|entry| entry.requirements.as_ref()) {
        super::load::existing(root, &listed.value, mistakes)
    } else {
        layer::required(&folder, name, files.as_deref())
    };
    if let Some(entry) = entry {
        if let Some(version) = &entry.version {
            mistakes.push(version.place.mistake(
                format!("the layer {name:?} is built here and gets its version when it is published"),
                "version belongs to a layer with public or arn",
            ));
        }
        if files.is_none() && requirements.is_empty() && entry.requirements.is_none() {
            mistakes.push(entry.place.mistake(
                format!("the layer {name:?} has nothing in it"),
                format!(
                    "write layers/{name}.txt (requirements) or layers/{name}/ (files), or say requirements, files, public or arn"
                ),
            ));
        }
    }
    let versioned = entry.and_then(|entry| entry.versioned.as_ref()).is_some_and(|versioned| versioned.value);
    let choice = entry.map(|entry| super::load::chosen(&entry.settings)).unwrap_or_default();
    Some(Content::Own { requirements, choice, files, versioned })
}

/// A layer of somebody else's: nothing of how it is made can be said.
fn published(name: &str, entry: &LayerEntry, mistakes: &mut Vec<Mistake>) -> Option<Published> {
    let LayerEntry { requirements, files, settings, versioned, public, arn, version, budgets, .. } = entry;
    let made = [
        requirements.as_ref().map(|at| (&at.place, "requirements")),
        files.as_ref().map(|at| (&at.place, "files")),
        versioned.as_ref().map(|at| (&at.place, "versioned")),
        settings.extras.as_ref().map(|at| (&at.place, "extras")),
        settings.groups.as_ref().map(|at| (&at.place, "groups")),
        settings.slim.as_ref().map(|at| (&at.place, "slim")),
        settings.bytecode.as_ref().map(|at| (&at.place, "bytecode")),
        settings.keep.as_ref().map(|at| (&at.place, "keep")),
        settings.exclude.as_ref().map(|at| (&at.place, "exclude")),
        settings.aws_services.as_ref().map(|at| (&at.place, "aws-services")),
        settings.bundle_sdk.as_ref().map(|at| (&at.place, "bundle-sdk")),
        budgets.as_ref().map(|at| (&at.place, "budgets")),
    ];
    for (place, key) in made.into_iter().flatten() {
        mistakes.push(place.mistake(
            format!("the layer {name:?} is somebody else's, so that {key} cannot change it"),
            "leave it away; or leave public and arn away, and the layer is built here",
        ));
    }
    let versions = version.as_ref().map(|version| version.value.clone());
    match (public, arn) {
        (Some(_), Some(arn)) => {
            mistakes.push(arn.place.mistake(
                format!("the layer {name:?} is named twice, as public and by its ARN"),
                "leave one of the two away",
            ));
            None
        }
        (Some(public), None) => Some(Published::Public(public.value, versions)),
        (None, arn) => {
            let found = arn.as_ref()?.value.clone();
            if let (Some(version), Some(_)) = (version, found.version) {
                mistakes.push(version.place.mistake("the ARN has a version already", "leave one of the two away"));
            }
            Some(Published::Arn(found, versions))
        }
    }
}
