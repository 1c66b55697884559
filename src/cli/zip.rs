//! `pack zip`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{print, to_json, variable};
use crate::build::{self, BuildPlan, Policy};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::progress::{Progress, Verbosity};
use crate::project::{self, Method, Project, Selection};
use crate::python::interpreter::{self, Interpreters};
use crate::slim::{self, Globs, Level, SdkPolicy};
use crate::system;

const EXAMPLES: &str = "\
Examples:
  pack zip workload                     functions/workload with requirements/workload.txt
  pack zip                              every function, as the matrix of pack.toml says
  pack zip src/report -r reqs.txt       any folder, with its requirements
  pack zip job.py --python 3.12 --arch arm64 --output job.zip
  pack zip workload --dry-run           what would be built, from which wheels
  pack zip workload --json | jq .unpacked

A .packignore (in the format of .gitignore) keeps files of the function out. Version control,
virtual environments, __pycache__, .env, its own tests and editors' files stay out anyway.

Of the methods in pack.toml, this builds zip; nothing builds layers and image yet.";

/// Build the deployment package (ZIP) of functions.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Zip {
    /// A name under functions/ or in pack.toml, or the path of a folder or .py file; all functions if none is given
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// Python version of the Lambda runtime [default: those of the matrix in pack.toml, else 3.13]
    #[arg(long, value_name = "VERSION")]
    python: Option<PythonVersion>,

    /// Architecture of the function [default: those of the matrix in pack.toml, else 64-bit x86]
    #[arg(long, value_name = "ARCH")]
    arch: Option<Architecture>,

    /// Only this packaging of pack.toml [default: every one with the method zip]
    #[arg(long, value_name = "NAME")]
    packaging: Option<String>,

    /// A requirements file, as pip understands it; may be repeated [default: as pack.toml says, else
    /// requirements/<FUNCTION>.txt, or requirements.txt beside the function's sources]
    #[arg(short, long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,

    /// Where to write the ZIP; a folder for several [default: dist/<FUNCTION>-python<VERSION>-<ARCH>.zip, with the
    /// packaging's name after the function's if it is not zip]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// The handler, MODULE.FUNCTION, which has to be in the artifact
    #[arg(long, value_name = "HANDLER")]
    handler: Option<String>,

    /// How much to leave out [default: as pack.toml says, else standard]
    #[arg(long, value_enum)]
    slim: Option<Level>,

    /// Which bytecode to ship [default: as pack.toml says, else compiled]
    #[arg(long, value_enum)]
    bytecode: Option<Policy>,

    /// Never slim what matches this glob (path in the ZIP, or a folder); may be repeated
    #[arg(long, value_name = "GLOB")]
    keep: Vec<String>,

    /// Leave out what matches this glob (path in the ZIP, or a folder); may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// With --slim deep: AWS services whose definitions in botocore stay, beside those that the code names (s3,sqs)
    #[arg(long, value_name = "SERVICES", value_delimiter = ',')]
    aws_services: Vec<String>,

    /// Ship boto3 and what it needs, even if they only came along with something else
    #[arg(long, overrides_with = "no_bundle_sdk")]
    bundle_sdk: bool,

    /// Leave boto3 and what it needs to the runtime, even if the requirements name them
    #[arg(long, overrides_with = "bundle_sdk")]
    no_bundle_sdk: bool,

    /// A top-level module that the artifact need not have, since it comes from elsewhere (a layer that the function
    /// has as well, a mounted file system); may be repeated
    #[arg(long = "provided", value_name = "MODULE")]
    provided: Vec<String>,

    /// Do not check whether Lambda will load the artifact
    #[arg(long)]
    no_check: bool,

    /// Build without the import test, which runs the import code of the handler and of every package: in a read-only
    /// copy, without network, without variables of yours. On by default where the runtime's Python runs here; what an
    /// import turns out to need is put back
    #[arg(long)]
    no_import_test: bool,

    /// A Python for the import test where the runtime's does not run here: an emulator with its options
    /// (qemu-aarch64-static -L SYSROOT SYSROOT/usr/bin/python3.13)
    #[arg(long, value_name = "COMMAND", env = "PACK_IMPORT_COMMAND", hide_env_values = true)]
    import_command: Option<String>,

    /// A variable that the function needs when it is imported, for the import test; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    import_env: Vec<(String, String)>,

    /// Show what would be built, and build nothing
    #[arg(long)]
    dry_run: bool,

    /// Write the report (or the plan) as JSON
    #[arg(long)]
    json: bool,

    /// Use no network: resolve from the wheels in the cache
    #[arg(long)]
    offline: bool,

    /// The Python that runs pip [default: the runtime's version on PATH, in pyenv's or uv's folders, else any]
    #[arg(long, value_name = "PATH")]
    python_executable: Option<PathBuf>,

    /// Where wheels are kept between builds [default: pack in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "PACK_CACHE_DIR", hide_env_values = true)]
    cache_dir: Option<PathBuf>,

    /// Threads to use [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,

    /// Print only the artifact's path
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Say more: every removal, every library left as it was
    #[arg(short, long)]
    verbose: bool,
}

impl Zip {
    pub(super) fn run(self) -> Result<ExitCode> {
        let threads = self.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into);
        // Fails only if a pool exists already, which then serves.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        let builds = self.builds(threads)?;
        let cache = Cache::open(self.cache_dir.as_deref())?;
        // Each target's, once.
        let mut pythons: Vec<(Target, Interpreters)> = Vec::new();
        for target in builds.iter().map(|build| build.target) {
            if !pythons.iter().any(|(known, _)| *known == target) {
                pythons.push((target, interpreter::find(target, self.python_executable.as_deref())?));
            }
        }
        let mut json = Vec::new();
        let mut over_limit = false;
        let mut outcome = Ok(());
        for build in builds {
            let mut progress = Progress::new(self.verbosity());
            let Some((_, python)) = pythons.iter().find(|(target, _)| *target == build.target) else { continue };
            match self.build(&build, python, &cache, &mut progress, &mut json) {
                Ok(over) => over_limit |= over,
                Err(error) => {
                    progress.finish();
                    outcome = Err(error);
                    break;
                }
            }
        }
        // What was built before a failure was built, and is told.
        match json.as_slice() {
            [] => {}
            [one] => print(&format!("{one:#}\n"))?,
            several => print(&format!("{:#}\n", serde_json::Value::from(several)))?,
        }
        outcome.map(|()| ExitCode::from(u8::from(over_limit)))
    }

    /// Builds or plans one function and shows it. Returns whether it is over the limit.
    fn build(
        &self,
        build: &BuildPlan,
        python: &Interpreters,
        cache: &Cache,
        progress: &mut Progress,
        json: &mut Vec<serde_json::Value>,
    ) -> Result<bool> {
        if self.dry_run {
            let plan = build::plan(build, python, cache, progress)?;
            progress.finish();
            if self.json {
                json.push(to_json(&plan)?);
            } else {
                print(&plan.text())?;
            }
            return Ok(false);
        }
        let report = build::zip(build, python, cache, progress)?.with_phases(progress.phases());
        progress.finish();
        if self.json {
            json.push(to_json(&report)?);
        } else if self.quiet {
            print(&format!("{}\n", report.path))?;
        } else {
            print(&report.text(self.verbose))?;
        }
        for warning in &report.warnings {
            progress.warn(warning);
        }
        for finding in &report.findings {
            progress.warn(&finding.line());
        }
        progress.fail(&report.problem());
        Ok(report.over_limit)
    }

    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    /// The builds that the command line and the project file mean, of those that make one ZIP.
    fn builds(&self, threads: usize) -> Result<Vec<BuildPlan>> {
        let root = Path::new("");
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
            python: self.python,
            architecture: self.arch,
        };
        let mut builds = project.builds(&selection)?.functions;
        // In the order of the command line.
        builds.sort_by_key(|build| functions.iter().position(|name| *name == build.function));
        let (builds, others): (Vec<_>, Vec<_>) = builds.into_iter().partition(|build| build.method == Method::Zip);
        if let (true, Some(other)) = (builds.is_empty(), others.first()) {
            return Err(Error::usage(
                format!(
                    "{} is packaged as {}, which is not one ZIP with everything in it, and pack zip makes no other yet",
                    other.function, other.packaging
                ),
                "--packaging names one with the method zip; pack plan shows all of them",
            ));
        }
        let several = builds.len() > 1;
        let builds = builds.into_iter().map(|build| self.plan(build, threads, several)).collect::<Result<Vec<_>>>()?;
        check_outputs(&builds)?;
        Ok(builds)
    }

    /// What the command line says goes over what the project says.
    fn plan(&self, build: project::Build, threads: usize, several: bool) -> Result<BuildPlan> {
        let (function, target) = (build.function(), build.target);
        let settings = build.settings;
        let requirements =
            if self.requirements.is_empty() { function.requirements.clone() } else { self.requirements.clone() };
        if let Some(missing) = requirements.iter().find(|file| !file.is_file()) {
            return Err(Error::usage(
                format!("there is no file {}", missing.display()),
                "-r takes the path of a requirements file",
            ));
        }
        let output = match &self.output {
            None => build.output,
            Some(path) if is_folder(path, several) => path.join(build.output.file_name().unwrap_or_default()),
            Some(path) => path.clone(),
        };
        let level = self.slim.unwrap_or(settings.slim);
        if !self.aws_services.is_empty() && level != Level::Deep {
            return Err(Error::usage(
                "--aws-services says what --slim deep has to leave, and nothing else takes definitions of services out",
                "add --slim deep, or leave --aws-services away",
            ));
        }
        let sdk = match (self.bundle_sdk, self.no_bundle_sdk) {
            (true, _) => SdkPolicy::Bundle,
            (_, true) => SdkPolicy::Omit,
            _ => settings.bundle_sdk,
        };
        let handler = self.handler.clone().or(settings.handler);
        let or = |given: &Vec<String>, otherwise| if given.is_empty() { otherwise } else { given.clone() };
        Ok(BuildPlan {
            slim: slim::Options {
                level,
                target,
                handler: handler.clone(),
                sdk,
                keep: Globs::new("--keep", &or(&self.keep, settings.keep))?,
                exclude: Globs::new("--exclude", &or(&self.exclude, settings.exclude))?,
                services: or(&self.aws_services, settings.aws_services),
            },
            function,
            target,
            requirements,
            output: system::destination(&output)?,
            handler,
            check: !self.no_check,
            provided: or(&self.provided, settings.provided).into_iter().collect(),
            bytecode: self.bytecode.unwrap_or(settings.bytecode),
            imports: build::ImportTest {
                wanted: !self.no_import_test,
                command: self.import_command.clone(),
                variables: self.import_env.iter().cloned().collect(),
            },
            offline: self.offline,
            threads,
        })
    }
}

/// Whether an output is meant as a folder: it is one, it is written as one, or it cannot be the ZIP of several functions.
fn is_folder(path: &Path, several: bool) -> bool {
    let named = path.as_os_str().to_string_lossy().ends_with('/');
    path.is_dir() || named || (several && !path.exists() && path.extension().is_none())
}

/// What several builds are: of several functions, or of one.
fn two_what(builds: &[BuildPlan]) -> &'static str {
    let names = |pair: &[BuildPlan]| pair[0].function.name != pair[1].function.name;
    if builds.windows(2).any(names) { "functions" } else { "artifacts" }
}

/// Two builds must not write one file.
fn check_outputs(builds: &[BuildPlan]) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    match builds.iter().find(|build| !seen.insert(&build.output)) {
        Some(build) => Err(Error::usage(
            format!("two {} would be written to {}", two_what(builds), build.output.display()),
            "give a folder as --output, or build them one by one",
        )),
        None => Ok(()),
    }
}
