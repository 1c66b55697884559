//! `pack zip`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::options::{Chosen, Options, Runtime, is_folder};
use crate::build::{BuildPlan, Product};
use crate::error::{Error, Result};
use crate::project::{self, Function};

const EXAMPLES: &str = "\
Examples:
  pack zip workload                     functions/workload with requirements/workload.txt
  pack zip                              every function under functions/
  pack zip src/report -r reqs.txt       any folder, with its requirements
  pack zip src/report -r uv.lock        a lock or pyproject.toml; --extra and --group choose from it
  pack zip job.py --python 3.12 --arch arm64 --output job.zip
  pack zip workload --dry-run           what would be built, from which wheels
  pack zip workload --json | jq .unpacked

A .packignore (in the format of .gitignore) keeps files of the function out. Version control,
virtual environments, __pycache__, .env, its own tests and editors' files stay out anyway.";

/// Build the deployment package (ZIP) of functions.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Zip {
    /// A name under functions/, or the path of a folder or .py file; all of functions/ if none is given
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    #[command(flatten)]
    runtime: Runtime,

    /// What the function requires: a requirements file as pip understands it, pyproject.toml, pylock.toml, uv.lock,
    /// poetry.lock or Pipfile.lock; may be repeated [default: requirements/<FUNCTION>.txt, or the first of requirements.txt,
    /// pylock.toml, uv.lock, poetry.lock, Pipfile.lock and pyproject.toml beside the function's sources]
    #[arg(short, long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,

    #[command(flatten)]
    chosen: Chosen,

    /// Where to write the ZIP; a folder for several functions [default: dist/<FUNCTION>-python<VERSION>-<ARCH>.zip]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// The handler, MODULE.FUNCTION, which has to be in the artifact
    #[arg(long, value_name = "HANDLER")]
    handler: Option<String>,

    #[command(flatten)]
    options: Options,
}

impl Zip {
    pub(super) fn run(self) -> Result<ExitCode> {
        let functions = self.functions(Path::new(""))?;
        let several = functions.len() > 1;
        let builds = functions.into_iter().map(|function| self.plan(function, several)).collect::<Result<Vec<_>>>()?;
        self.options.build(&builds, &self.runtime)
    }

    fn functions(&self, root: &Path) -> Result<Vec<Function>> {
        if !self.functions.is_empty() {
            return self.functions.iter().map(|name| project::find(root, name)).collect();
        }
        let all = project::all(root);
        if all.is_empty() {
            return Err(Error::usage(
                "there is no functions/ folder with functions here",
                "name the folder or .py file of your function: pack zip PATH [-r requirements.txt]",
            ));
        }
        Ok(all)
    }

    fn plan(&self, function: Function, several: bool) -> Result<BuildPlan> {
        let target = self.runtime.target();
        let requirements = self.chosen.requirements(&self.requirements, &function.requirements, target)?;
        let file = format!("{}-{target}.zip", function.name);
        let output = match &self.output {
            None => Path::new("dist").join(file),
            Some(path) if is_folder(path, several) => path.join(file),
            Some(path) => path.clone(),
        };
        let set = self.chosen.are_the_projects(&self.requirements).then(|| function.name.clone());
        let build =
            self.options.plan(Product::Function(function), target, requirements, &output, self.handler.clone())?;
        self.options.with_lock(build, set)
    }
}
