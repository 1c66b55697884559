//! The builds of layers: for the targets of the functions that have them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Build, FOLDER, LayerBuild, Selection, Users};
use crate::error::Result;
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::project::layers::{Content, ProjectLayer};
use crate::project::load::{Member, Project};
use crate::project::settings::{Origins, of_layer};

impl Project {
    /// The layers that these functions have; and without a selection, those that no function has: for the whole matrix.
    pub(super) fn layer_builds(&self, functions: &[Build], selection: &Selection) -> Vec<LayerBuild> {
        let mut builds = Vec::new();
        for layer in self.layers.values() {
            let has_it = |build: &&Build| build.layers.iter().any(|used| used.name == layer.name);
            let mut targets: BTreeMap<(PythonVersion, Architecture), Users> = BTreeMap::new();
            for build in functions.iter().filter(has_it) {
                let users = targets.entry((build.target.python, build.target.architecture)).or_default();
                users.insert((build.function.clone(), build.packaging_of_lock()));
            }
            if targets.is_empty()
                && !self.is_listed(layer)
                && selection.functions.is_empty()
                && selection.packaging.is_none()
            {
                targets.extend(self.targets(selection).into_iter().map(|target| (target, Users::new())));
            }
            for ((python, architecture), users) in targets {
                builds.extend(self.layer_build(layer, Target { python, architecture }, users));
            }
        }
        builds
    }

    /// The builds of one layer: those of the matrix; where it has none, one for each of its targets.
    pub fn builds_of_layer(&self, name: &str, selection: &Selection) -> Result<Vec<LayerBuild>> {
        let mut builds = self.builds(selection)?.layers;
        builds.retain(|build| build.layer == name);
        if let (true, Some(layer)) = (builds.is_empty(), self.layers.get(name)) {
            let listing = self.functions.values().filter(|member| self.lists(member, layer));
            let users: Users = listing.map(|member| (member.function.name.clone(), None)).collect();
            let targets = self.targets(selection).into_iter();
            builds.extend(targets.filter_map(|(python, architecture)| {
                self.layer_build(layer, Target { python, architecture }, users.clone())
            }));
        }
        Ok(builds)
    }

    /// Every Python version on every architecture.
    pub(super) fn targets(&self, selection: &Selection) -> BTreeSet<(PythonVersion, Architecture)> {
        let axes = self.axes_of(selection);
        let architectures = &axes.architectures;
        axes.pythons
            .iter()
            .flat_map(|python| architectures.iter().map(move |architecture| (*python, *architecture)))
            .collect()
    }

    /// Whether any function has it, in any packaging.
    pub(super) fn is_listed(&self, layer: &ProjectLayer) -> bool {
        self.functions.values().any(|member| self.lists(member, layer))
    }

    /// Whether a function has it, in any packaging.
    pub(super) fn lists(&self, member: &Member, layer: &ProjectLayer) -> bool {
        self.packagings.iter().any(|packaging| {
            self.layers_of(member, packaging).0.is_some_and(|layers| layers.contains(&layer.name.as_str()))
        })
    }

    pub(super) fn layer_build(&self, layer: &ProjectLayer, target: Target, users: Users) -> Option<LayerBuild> {
        let Content::Own { requirements, choice, files, versioned } = &layer.content else { return None };
        let mut origins = Origins::default();
        if !choice.is_empty() {
            let from = layer.entry.as_ref().map(|entry| entry.place.path().display().to_string());
            origins.note("beside them", choice.to_string(), &from.unwrap_or_default());
        }
        let settings = of_layer(self, &layer.name, layer.entry.as_ref(), &mut origins);
        Some(LayerBuild {
            is_argument: layer.is_argument,
            layer: layer.name.clone(),
            target,
            requirements: requirements.clone(),
            choice: choice.clone(),
            files: files.clone(),
            versioned: *versioned,
            functions: users.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            users,
            output: layer_output(&layer.name, target),
            settings,
            why: origins.0,
        })
    }
}

pub(super) fn layer_output(name: &str, target: Target) -> PathBuf {
    Path::new(FOLDER).join("layers").join(format!("{name}-{target}.zip"))
}
