//! `pack zip`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::options::{Chosen, Options, Otherwise, Runtime, output};
use crate::build::{BuildPlan, Product};
use crate::error::{Error, Result};
use crate::lambda::PythonVersion;
use crate::layers::Layers;
use crate::project::{Build, Method, Project, Selection};

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

Of the methods in pack.toml, this builds zip; with --layer instead the method layers, whose layers
pack layer builds. Nothing builds images yet.";

/// Build the deployment package (ZIP) of functions.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Zip {
    /// A name under functions/ or in pack.toml, or the path of a folder or .py file; all functions if none is given
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    #[command(flatten)]
    runtime: Runtime,

    /// Only this packaging of pack.toml [default: every one with the method zip]
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
    #[arg(long, requires = "layers")]
    allow_shadow: bool,

    #[command(flatten)]
    options: Options,
}

impl Zip {
    pub(super) fn run(self) -> Result<ExitCode> {
        let builds = self.builds(Path::new(""))?;
        let several = builds.len() > 1;
        let mut layers: BTreeMap<PythonVersion, Arc<Layers>> = BTreeMap::new();
        let mut plans = Vec::new();
        for build in builds {
            let python = build.target.python;
            let layers = match layers.entry(python) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => place.insert(Arc::new(Layers::read(&self.layers, python)?)).clone(),
            };
            plans.push(BuildPlan { layers, allow_shadow: self.allow_shadow, ..self.plan(build, several)? });
        }
        self.options.build(&plans)
    }

    /// The builds that the command line and the project file mean, of those that make one ZIP.
    fn builds(&self, root: &Path) -> Result<Vec<Build>> {
        let mut project = Project::load(root)?;
        let mut functions: Vec<String> = Vec::new();
        for argument in &self.functions {
            let name = project.function(root, argument)?;
            if functions.contains(&name) {
                return Err(Error::usage(format!("two functions would be called {name}"), "build them one by one"));
            }
            functions.push(name);
        }
        if project.functions.is_empty() {
            return Err(Error::usage(
                "there is no functions/ folder with functions here",
                "name the folder or .py file of your function: pack zip PATH [-r requirements.txt]",
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
        // What the method layers asks for by itself comes here: its layers' ZIPs are `Build::layer_zips`. Until then they are
        // named on the command line.
        let with_layers = !self.layers.is_empty() && builds.iter().any(|build| build.method == Method::Layers);
        let method = if with_layers { Method::Layers } else { Method::Zip };
        let (builds, others): (Vec<_>, Vec<_>) = builds.into_iter().partition(|build| build.method == method);
        if let (true, Some(other)) = (builds.is_empty(), others.first()) {
            return Err(Error::usage(
                format!(
                    "{} is packaged as {}, which is not one ZIP with everything in it, and pack zip makes no other yet",
                    other.function, other.packaging
                ),
                "--packaging names one with the method zip; with the method layers, --layer has to name the layers; pack plan \
                 shows all of them",
            ));
        }
        Ok(builds)
    }

    fn plan(&self, build: Build, several: bool) -> Result<BuildPlan> {
        let (function, target) = (build.function(), build.target);
        let requirements = self.chosen.requirements(&self.requirements, &function.requirements, target)?;
        let output = output(self.output.as_deref(), &build.output, several);
        let mut otherwise = Otherwise::from(build.settings);
        otherwise.handler = self.handler.clone().or(otherwise.handler);
        let set = self.chosen.are_the_projects(&self.requirements).then(|| function.name.clone());
        let build = self.options.plan(Product::Function(function), target, requirements, &output, otherwise)?;
        self.options.with_lock(build, set)
    }
}
