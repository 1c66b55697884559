//! `pack layer`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::options::{Chosen, Options, Runtime, is_folder};
use crate::build::{BuildPlan, Product};
use crate::error::{Error, Result};
use crate::lock;
use crate::project::{self, Function, Layer as Parts};

const EXAMPLES: &str = "\
Examples:
  pack layer data                       layers/data.txt, and what is in layers/data/
  pack layer                            every layer under layers/
  pack layer -r reqs.txt --name data    any requirements
  pack layer data --versioned           in python/lib/python3.13/site-packages/, for that Python alone
  pack layer data --slim deep --for report --for import

A layer's folder is laid out as Lambda unpacks it to /opt: python/ has modules, beside those of the requirements; lib/ has
libraries, bin/ programs. A .packignore in it keeps files out.";

/// Build the ZIP of layers.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Layer {
    /// A name under layers/, or the path of a requirements file or of a folder; all of layers/ if none is given
    #[arg(value_name = "LAYER", conflicts_with = "name")]
    layers: Vec<String>,

    #[command(flatten)]
    runtime: Runtime,

    /// What the layer has: a requirements file as pip understands it, pyproject.toml, pylock.toml, uv.lock, poetry.lock
    /// or Pipfile.lock; may be repeated [default: layers/<LAYER>.txt, or requirements.txt in the layer's folder]
    #[arg(short, long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,

    #[command(flatten)]
    chosen: Chosen,

    /// What to call the layer of these requirements
    #[arg(long, value_name = "NAME", requires = "requirements")]
    name: Option<String>,

    /// Where to write the ZIP; a folder for several layers [default: dist/layers/<LAYER>-python<VERSION>-<ARCH>.zip]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Put distributions into python/lib/python<VERSION>/site-packages/, where only that Python looks, instead of python/
    #[arg(long)]
    versioned: bool,

    /// A function that uses the layer, by its name or path: what it imports or names stays in the layer. Without any,
    /// --slim deep leaves optional parts in; may be repeated
    #[arg(long = "for", value_name = "FUNCTION")]
    users: Vec<String>,

    #[command(flatten)]
    options: Options,
}

impl Layer {
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Path::new("");
        let users = self.users.iter().map(|name| project::find(root, name)).collect::<Result<Vec<_>>>()?;
        let layers = self.layers(root)?;
        let several = layers.len() > 1;
        let builds = layers.into_iter().map(|layer| self.plan(layer, &users, several)).collect::<Result<Vec<_>>>()?;
        self.options.build(&builds, &self.runtime)
    }

    fn layers(&self, root: &Path) -> Result<Vec<Parts>> {
        if let Some(name) = &self.name {
            if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(Error::usage(
                    format!("--name: {name:?} cannot be the name of a file"),
                    "example: --name data",
                ));
            }
            return Ok(vec![Parts { name: name.clone(), files: None, requirements: Vec::new() }]);
        }
        if !self.layers.is_empty() {
            return self.layers.iter().map(|name| project::find_layer(root, name)).collect();
        }
        if !self.requirements.is_empty() {
            return Err(Error::usage(
                "-r names the requirements of one layer, and nothing says which",
                "add --name NAME",
            ));
        }
        let all = project::all_layers(root);
        if all.is_empty() {
            return Err(Error::usage(
                "there is no layers/ folder with layers here",
                "write the requirements of one into layers/NAME.txt, or give them: pack layer -r FILE --name NAME",
            ));
        }
        Ok(all)
    }

    fn plan(&self, layer: Parts, users: &[Function], several: bool) -> Result<BuildPlan> {
        let target = self.runtime.target();
        let requirements = self.chosen.requirements(&self.requirements, &layer.requirements, target)?;
        if requirements.is_empty() && layer.files.is_none() {
            return Err(Error::usage(
                format!("the layer {} has no requirements and no files", layer.name),
                "give -r FILE",
            ));
        }
        let file = format!("{}-{target}.zip", layer.name);
        let output = match &self.output {
            None => Path::new("dist/layers").join(file),
            Some(path) if is_folder(path, several) => path.join(file),
            Some(path) => path.clone(),
        };
        let set = self.chosen.are_the_projects(&self.requirements).then(|| lock::layer_set(&layer.name));
        let product = Product::Layer { layer, versioned: self.versioned, users: users.to_vec() };
        self.options.with_lock(self.options.plan(product, target, requirements, &output, None)?, set)
    }
}
