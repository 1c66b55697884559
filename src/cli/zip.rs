//! `pack zip`.

mod archives;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use self::archives::Archives;
use super::account::Account;
use super::options::{Chosen, Options, Otherwise, Runtime, SetName, output};
use super::{layer, nothing_here};
use crate::build::{BuildPlan, Product};
use crate::error::{Error, Result};
use crate::lambda::{PythonVersion, Target};
use crate::layers::{Given, Layers};
use crate::project::{Build, Method, Project, Requirements, Selection, UsedLayer};
use crate::size::SizeReport;
use crate::system;

const EXAMPLES: &str = "\
Examples:
  pack zip workload                     functions/workload with requirements/workload.txt
  pack zip                              every function, as the matrix of pack.toml says
  pack zip src/report -r reqs.txt       any folder, with its requirements
  pack zip src/report -r uv.lock        a lock or pyproject.toml; --extra and --group choose from it
  pack zip job.py --python 3.12 --arch arm64 --output job.zip
  pack zip workload --layer data.zip    without what the layer data.zip has
  pack zip workload --dry-run           what would be built, from which wheels
  pack zip workload --json | jq .unpacked

A .packignore (in the format of .gitignore) keeps files of the function out. Version control,
virtual environments, __pycache__, .env, its own tests and editors' files stay out anyway.

Of the methods in pack.toml, this builds zip and layers: the layers of the project first, then the
functions without what these have. Layers of others (public, arn) are taken in the version that
pack.lock says, from the cache or from AWS, which takes credentials and a pack with the cargo
feature aws. Where one cannot be had, the packaging is passed over; --layer builds it with ZIPs
that you have. pack image builds images.";

/// Build the deployment package (ZIP) of functions.
#[derive(Args, Default)]
#[command(after_help = EXAMPLES)]
pub(super) struct Zip {
    /// A name under functions/ or in pack.toml, or the path of a folder or .py file; all functions if none is given
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    #[command(flatten)]
    runtime: Runtime,

    /// Only this packaging of pack.toml [default: every one with the method zip or layers]
    #[arg(long, value_name = "NAME")]
    packaging: Option<String>,

    /// What the function requires: a requirements file as pip understands it, pyproject.toml, pylock.toml, uv.lock,
    /// poetry.lock or Pipfile.lock; may be repeated [default: as pack.toml says, else requirements/<FUNCTION>.txt, or the
    /// first of requirements.txt, pylock.toml, uv.lock, poetry.lock, Pipfile.lock and pyproject.toml beside the function's sources]
    #[arg(short, long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,

    #[command(flatten)]
    chosen: Chosen,

    /// Where to write the ZIP; a folder for several [default: dist/<FUNCTION>-python<VERSION>-<ARCH>.zip, with the
    /// packaging's name after the function's if it is not zip]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// The handler, MODULE.FUNCTION, which has to be in the artifact
    #[arg(long, value_name = "HANDLER")]
    handler: Option<String>,

    /// The ZIP of a layer that the function has; may be repeated, in Lambda's order (at most 5). Distributions that it
    /// has are taken in its versions and left out of the function
    #[arg(long = "layer", value_name = "PATH")]
    layers: Vec<PathBuf>,

    /// Where the requirements do not go together with a layer's version of a distribution, bundle another one: Python
    /// imports that, since /var/task comes before /opt. Without this it is an error
    #[arg(long)]
    allow_shadow: bool,

    #[command(flatten)]
    account: Account,

    #[command(flatten)]
    options: Options,
}

impl Zip {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut project = Project::load(Path::new(""))?;
        self.account.set_region(&mut project);
        let (builds, archives) = self.builds(&mut project, Path::new(""))?;
        if self.allow_shadow && self.layers.is_empty() && builds.iter().all(|build| build.method != Method::Layers) {
            return Err(Error::usage(
                "--allow-shadow is about a function's layers, and there are none here",
                "--layer names the ZIP of one, pack.toml those of the project",
            ));
        }
        let layers = self.layers_of(&builds, &project)?;
        self.options
            .build_after(&layers, |unusable, failed| self.plans(self.without(builds, unusable, failed), &archives))
    }

    /// The ZIPs of some functions of a project with those of their layers, for a command that goes on with them.
    pub(super) fn reports(
        project: &mut Project,
        functions: Vec<String>,
        options: Options,
        account: Account,
    ) -> Result<Vec<(PathBuf, SizeReport)>> {
        let zip = Self { functions, account, options, ..Self::default() };
        let (builds, archives) = zip.builds(project, Path::new(""))?;
        let layers = zip.layers_of(&builds, project)?;
        zip.options
            .reports_after(&layers, |unusable, failed| zip.plans(zip.without(builds, unusable, failed), &archives))
    }

    /// The builds that the command line and the project file mean, of those that make one ZIP; and their layers of others.
    fn builds(&self, project: &mut Project, root: &Path) -> Result<(Vec<Build>, Archives)> {
        let mut functions: Vec<String> = Vec::new();
        for argument in &self.functions {
            let name = project.function(root, argument)?;
            if functions.contains(&name) {
                return Err(Error::usage(format!("two functions would be called {name}"), "build them one by one"));
            }
            functions.push(name);
        }
        if project.functions.is_empty() {
            return Err(nothing_here(
                "there is no functions/ folder with functions here",
                "name the folder or .py file of your function: pack zip PATH [-r requirements.txt]; or begin a project: pack init",
            ));
        }
        let selection = Selection {
            functions: functions.clone(),
            packaging: self.packaging.clone(),
            python: self.runtime.python,
            architecture: self.runtime.arch,
        };
        let mut builds = project.builds(&selection)?.functions;
        // In the order of the command line.
        builds.sort_by_key(|build| functions.iter().position(|name| *name == build.function));
        if !self.layers.is_empty() {
            // Those with layers, of functions that have any.
            let with_layers: BTreeSet<String> = builds
                .iter()
                .filter(|build| build.method == Method::Layers)
                .map(|build| build.function.clone())
                .collect();
            builds.retain(|build| build.method == Method::Layers || !with_layers.contains(&build.function));
        }
        let (images, mut builds): (Vec<_>, Vec<_>) =
            builds.into_iter().partition(|build| build.method == Method::Image);
        if let (true, Some(Build { function, packaging, .. })) = (builds.is_empty(), images.first()) {
            return Err(Error::usage(
                format!("{function} is packaged as {packaging}, which is an image"),
                "pack image builds it; --packaging names another packaging; pack plan shows all",
            ));
        }
        let archives = if self.layers.is_empty() {
            Archives::of(&builds, project, &self.options, &self.account.access_for(project))?
        } else {
            Archives::default()
        };
        let mut reasons = BTreeSet::new();
        builds.retain(|build| {
            let reason = why_not(build, &archives);
            reasons.extend(reason.clone());
            reason.is_none()
        });
        if let (true, Some(reason)) = (builds.is_empty(), reasons.first()) {
            return Err(Error::usage(
                reason.clone(),
                "--packaging names another; --layer names ZIPs of layers, in place of those that pack.toml says; pack plan \
                 shows all",
            ));
        }
        for reason in reasons {
            self.options.warn_always(&format!("passed over: {reason}"));
        }
        Ok((builds, archives))
    }

    /// The layers that the builds have and that are built here, each once.
    fn layers_of(&self, builds: &[Build], project: &Project) -> Result<Vec<BuildPlan>> {
        if !self.layers.is_empty() {
            return Ok(Vec::new());
        }
        let mut plans: BTreeMap<PathBuf, BuildPlan> = BTreeMap::new();
        for build in builds.iter().filter(|build| build.method == Method::Layers) {
            let Target { python, architecture } = build.target;
            // Of all functions: a layer keeps what any of them needs.
            let selection =
                Selection { python: Some(python), architecture: Some(architecture), ..Selection::default() };
            for used in &build.layers {
                for layer in project.builds_of_layer(&used.name, &selection)? {
                    if !plans.contains_key(&layer.output) {
                        let requirements = Requirements::read(&layer.requirements, &layer.choice, layer.target)?;
                        let output = layer.output.clone();
                        plans.insert(
                            output,
                            layer::plan(&self.options.for_layers(), layer, project, &[], requirements, true)?,
                        );
                    }
                }
            }
        }
        Ok(plans.into_values().collect())
    }

    /// Those whose layers can be used; the others have failed.
    fn without(
        &self,
        mut builds: Vec<Build>,
        unusable: &BTreeSet<PathBuf>,
        failed: &mut BTreeSet<PathBuf>,
    ) -> Vec<Build> {
        let is_unusable =
            |zip: &&Path| unusable.contains(*zip) || zip.canonicalize().is_ok_and(|zip| unusable.contains(&zip));
        builds.retain(|build| {
            let zips = build.layers.iter().filter_map(|layer| layer.output.as_deref());
            let missing = zips.into_iter().find(is_unusable);
            if let Some(zip) = missing {
                let (output, zip) = (&build.output, zip.display());
                self.options.warn(&format!("{} is not built: its layer {zip} cannot be used", output.display()));
                failed.insert(output.clone());
            }
            missing.is_none()
        });
        builds
    }

    /// The functions' plans, once their layers are there.
    fn plans(&self, builds: Vec<Build>, archives: &Archives) -> Result<Vec<BuildPlan>> {
        let several = builds.len() > 1;
        let mut known: BTreeMap<(PythonVersion, Vec<Given>), Arc<Layers>> = BTreeMap::new();
        let mut plans = Vec::new();
        for build in builds {
            let mut given: Vec<Given> = match build.method {
                Method::Layers if self.layers.is_empty() => layers_of(&build, archives),
                _ => self.layers.iter().cloned().map(Given::Zip).collect(),
            };
            if self.options.only_plans() && self.layers.is_empty() {
                given.retain(|given| {
                    let Given::Zip(zip) = given else { return true };
                    let is_there = zip.is_file();
                    if !is_there {
                        self.options.warn(&format!("{} is not built yet: the plan is without it", zip.display()));
                    }
                    is_there
                });
            }
            let python = build.target.python;
            let layers = match known.entry((python, given)) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => {
                    let layers = Arc::new(Layers::read(&place.key().1, python)?);
                    place.insert(layers).clone()
                }
            };
            plans.push(BuildPlan { layers, allow_shadow: self.allow_shadow, ..self.plan(build, several)? });
        }
        Ok(plans)
    }

    fn plan(&self, build: Build, several: bool) -> Result<BuildPlan> {
        let (function, target) = (build.function(), build.target);
        let requirements =
            self.chosen.requirements(&self.requirements, &function.requirements, &function.choice, target)?;
        let output = system::destination(&output(self.output.as_deref(), &build.output, several))?;
        let packaging = build.packaging_of_lock();
        let mut otherwise = Otherwise::from(build.settings);
        otherwise.handler = self.handler.clone().or(otherwise.handler);
        let is_locked =
            !build.is_argument && self.layers.is_empty() && self.chosen.are_the_projects(&self.requirements);
        let set = is_locked.then(|| SetName { name: function.name.clone(), packaging });
        let build = self.options.plan(Product::Function(function), target, requirements, &output, otherwise)?;
        self.options.with_lock(build, set)
    }
}

/// The layers of a build in Lambda's order, the project's own and those of others.
fn layers_of(build: &Build, archives: &Archives) -> Vec<Given> {
    let given = |used: &UsedLayer| match (&used.output, archives.get(&used.name, build.target)) {
        (Some(output), _) => Some(Given::Zip(output.clone())),
        (None, Some(Ok(given))) => Some(given.clone()),
        (None, _) => None,
    };
    build.layers.iter().filter_map(given).collect()
}

/// Why a build is not made; nothing where it is.
fn why_not(build: &Build, archives: &Archives) -> Option<String> {
    let Build { function, packaging, target, .. } = build;
    build.layers.iter().find_map(|layer| match archives.get(&layer.name, *target) {
        Some(Err(reason)) => {
            Some(format!("{function} is packaged as {packaging}, and its layer {} cannot be had: {reason}", layer.name))
        }
        _ => None,
    })
}
