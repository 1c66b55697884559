//! `pack layer`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::nothing_here;
use super::options::{Chosen, Options, Otherwise, Runtime, SetName, output};
use crate::build::{BuildPlan, Product, User};
use crate::error::{Error, Result};
use crate::lock;
use crate::project::{Content, Layer as Parts, LayerBuild, Project, Requirements, Selection};
use crate::system;

const EXAMPLES: &str = "\
Examples:
  pack layer data                       layers/data.txt, and what is in layers/data/
  pack layer                            every layer, as the matrix of pack.toml says
  pack layer -r reqs.txt --name data    any requirements
  pack layer data --versioned           in python/lib/python3.13/site-packages/, for that Python alone
  pack layer data --slim deep --for report --for import

A layer's folder is laid out as Lambda unpacks it to /opt: python/ has modules, beside those of the requirements; lib/ has
libraries, bin/ programs. A .packignore in it keeps files out.";

/// Build the ZIP of layers.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Layer {
    /// A name under layers/ or in pack.toml, or the path of a requirements file or of a folder; all layers if none is
    /// given
    #[arg(value_name = "LAYER", conflicts_with = "name")]
    layers: Vec<String>,

    #[command(flatten)]
    runtime: Runtime,

    /// What the layer has: a requirements file as pip understands it, pyproject.toml, pylock.toml, uv.lock, poetry.lock
    /// or Pipfile.lock; may be repeated [default: as pack.toml says, else layers/<LAYER>.txt, or a file of these in the layer's
    /// folder]
    #[arg(short, long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,

    #[command(flatten)]
    chosen: Chosen,

    /// What to call the layer of these requirements
    #[arg(long, value_name = "NAME", requires = "requirements")]
    name: Option<String>,

    /// Where to write the ZIP; a folder for several [default: dist/layers/<LAYER>-python<VERSION>-<ARCH>.zip]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Put distributions into python/lib/python<VERSION>/site-packages/, where only that Python looks, instead of python/
    #[arg(long)]
    versioned: bool,

    /// A function that uses the layer, by its name or path, beside those that list it in pack.toml: what it imports or
    /// names stays in the layer; with --slim deep also what the distributions of its requirements do. Without any,
    /// --slim deep leaves optional parts in; may be repeated
    #[arg(long = "for", value_name = "FUNCTION")]
    users: Vec<String>,

    #[command(flatten)]
    options: Options,
}

impl Layer {
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Path::new("");
        let mut project = Project::load(root)?;
        let users = self.users.iter().map(|name| project.function(root, name)).collect::<Result<Vec<_>>>()?;
        let builds = self.builds(&mut project, root)?;
        let several = builds.len() > 1;
        let builds =
            builds.into_iter().map(|build| self.plan(build, &project, &users, several)).collect::<Result<Vec<_>>>()?;
        self.options.build(builds)
    }

    /// The builds that the command line and the project file mean.
    fn builds(&self, project: &mut Project, root: &Path) -> Result<Vec<LayerBuild>> {
        let selection =
            Selection { python: self.runtime.python, architecture: self.runtime.arch, ..Selection::default() };
        let names = self.names(project, root)?;
        if !names.is_empty() {
            let builds = names.iter().map(|name| project.builds_of_layer(name, &selection));
            return Ok(builds.collect::<Result<Vec<_>>>()?.concat());
        }
        let builds = project.builds(&selection)?.layers;
        if builds.is_empty() {
            return Err(match project.layers.values().find(|layer| matches!(layer.content, Content::Own { .. })) {
                None => nothing_here(
                    "there is no layers/ folder with layers here",
                    "write the requirements of one into layers/NAME.txt, or give them: pack layer -r FILE --name NAME",
                ),
                Some(layer) => Error::usage(
                    "no function has a layer of this project in what the matrix builds",
                    format!("pack layer {} builds one all the same; pack plan shows the matrix", layer.name),
                ),
            });
        }
        Ok(builds)
    }

    /// The layers that are named.
    fn names(&self, project: &mut Project, root: &Path) -> Result<Vec<String>> {
        if let Some(name) = &self.name {
            if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(Error::usage(
                    format!("--name: {name:?} cannot be the name of a file"),
                    "example: --name data",
                ));
            }
            project.add_layer(Parts { name: name.clone(), files: None, requirements: Vec::new() });
            return Ok(vec![name.clone()]);
        }
        if self.layers.is_empty() && !self.requirements.is_empty() {
            return Err(Error::usage(
                "-r names the requirements of one layer, and nothing says which",
                "add --name NAME",
            ));
        }
        let mut names: Vec<String> = Vec::new();
        for argument in &self.layers {
            let name = project.layer(root, argument)?;
            if names.contains(&name) {
                return Err(Error::usage(format!("two layers would be called {name}"), "build them one by one"));
            }
            names.push(name);
        }
        Ok(names)
    }

    fn plan(&self, build: LayerBuild, project: &Project, users: &[String], several: bool) -> Result<BuildPlan> {
        let target = build.target;
        let requirements = self.chosen.requirements(&self.requirements, &build.requirements, &build.choice, target)?;
        if requirements.is_empty() && build.files.is_none() {
            return Err(Error::usage(
                format!("the layer {} has no requirements and no files", build.layer),
                "give -r FILE",
            ));
        }
        let output = output(self.output.as_deref(), &build.output, several);
        let build = LayerBuild { versioned: self.versioned || build.versioned, output, ..build };
        let is_locked = !build.is_argument && self.chosen.are_the_projects(&self.requirements);
        plan(&self.options, build, project, users, requirements, is_locked)
    }
}

/// The plan of a layer's build.
pub(super) fn plan(
    options: &Options,
    build: LayerBuild,
    project: &Project,
    users: &[String],
    requirements: Requirements,
    is_locked: bool,
) -> Result<BuildPlan> {
    let mut named = build.users;
    named.extend(users.iter().filter(|name| !build.functions.contains(name)).map(|name| (name.clone(), None)));
    let user = |(name, packaging)| Some(User { function: project.functions.get(&name)?.function.clone(), packaging });
    let users = named.into_iter().filter_map(user).collect();
    let set = is_locked.then(|| SetName { name: lock::layer_set(&build.layer), packaging: None });
    let layer = Parts { name: build.layer, files: build.files, requirements: build.requirements };
    let product = Product::Layer { layer, versioned: build.versioned, users };
    let plan = options.plan(
        product,
        build.target,
        requirements,
        &system::destination(&build.output)?,
        Otherwise::from(build.settings),
    )?;
    options.with_lock(plan, set)
}
