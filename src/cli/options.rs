//! What `pack zip` and `pack layer` have in common: their options, and how builds are carried out and shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::report::write;
use super::{describe, print, to_json, variable};
use crate::build::{self, BuildPlan, Policy, Product};
use crate::cache::Cache;
use crate::check::sources::Unpacked;
use crate::diff::Registries;
use crate::error::{Error, Result};
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::lock::{self, Entry, SetId};
use crate::progress::{Progress, Verbosity};
use crate::project::{Choice, LayerSettings, Requirements, Settings};
use crate::python::interpreter::{self, Interpreters};
use crate::report;
use crate::sbom;
use crate::size::{Budgets, SizeReport, Verdict};
use crate::slim::{self, Globs, Level, SdkPolicy};

/// What an artifact is built for.
#[derive(Args, Default)]
pub(super) struct Runtime {
    /// Python version of the Lambda runtime [default: those of the matrix in pack.toml, else 3.13]
    #[arg(long, value_name = "VERSION")]
    pub(super) python: Option<PythonVersion>,

    /// Architecture of the function [default: those of the matrix in pack.toml, else 64-bit x86]
    #[arg(long, value_name = "ARCH")]
    pub(super) arch: Option<Architecture>,
}

/// What the lock calls a set of requirements.
pub(super) struct SetName {
    pub(super) name: String,
    /// The packaging, where the wheels depend on it.
    pub(super) packaging: Option<String>,
}

/// What is taken beside the dependencies.
#[derive(Args, Default)]
pub(super) struct Chosen {
    /// An extra of pyproject.toml or of a lock file, beside its dependencies; may be repeated
    #[arg(long = "extra", value_name = "NAME")]
    extras: Vec<String>,

    /// A dependency group of pyproject.toml or of a lock file (of Pipfile.lock: a category), beside its dependencies; may
    /// be repeated
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
}

impl Chosen {
    /// Whether the requirements are those that the project says, and nothing else.
    pub(super) fn are_the_projects(&self, given: &[PathBuf]) -> bool {
        given.is_empty() && self.extras.is_empty() && self.groups.is_empty()
    }

    /// What the files that were given require, else those of the project.
    /// Extras and groups of the command line go over those of pack.toml, and beside -r those do not count.
    pub(super) fn requirements(
        &self,
        given: &[PathBuf],
        projects: &[PathBuf],
        of_project: &Choice,
        target: Target,
    ) -> Result<Requirements> {
        let own = Choice { extras: self.extras.clone(), groups: self.groups.clone() };
        let files = if given.is_empty() { projects } else { given };
        let choice = if given.is_empty() && own.is_empty() { of_project } else { &own };
        Requirements::read(files, choice, target)
    }
}

/// How it is built.
#[derive(Args, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Options {
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

    /// Write the SBOM (CycloneDX 1.6, JSON) beside each artifact, as ARTIFACT.cdx.json: every distribution with version, licence
    /// and the SHA-256 of its wheel
    #[arg(long)]
    sbom: bool,

    /// Use no network: resolve from the wheels in the cache
    #[arg(long)]
    offline: bool,

    /// Fail if pack.lock, which is kept beside pack.toml, is out of date; without this it is brought up to date
    #[arg(long, conflicts_with_all = ["requirements", "extras", "groups"])]
    locked: bool,

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

    /// Nothing is shown of what is made: another command goes on with it.
    #[arg(skip)]
    hands_on: bool,
}

/// How artifacts are built for a command that goes on with them: as `pack zip`, `pack layer` and `pack image` build them.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Building {
    /// Fail if pack.lock is out of date; without this it is brought up to date
    #[arg(long)]
    locked: bool,

    /// The Python that runs pip [default: the runtime's version on PATH, in pyenv's or uv's folders, else any]
    #[arg(long, value_name = "PATH")]
    python_executable: Option<PathBuf>,

    /// Where wheels are kept between builds [default: pack in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "PACK_CACHE_DIR", hide_env_values = true)]
    cache_dir: Option<PathBuf>,

    /// Threads to use [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,

    /// Build without the import test
    #[arg(long)]
    no_import_test: bool,

    /// Say less: errors, and what was asked for
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Say more
    #[arg(short, long)]
    verbose: bool,
}

impl Building {
    /// The options of a build.
    pub(super) fn options(&self) -> Options {
        Options {
            locked: self.locked,
            python_executable: self.python_executable.clone(),
            cache_dir: self.cache_dir.clone(),
            jobs: self.jobs,
            no_import_test: self.no_import_test,
            quiet: self.quiet,
            verbose: self.verbose,
            hands_on: true,
            ..Options::default()
        }
    }
}

/// What holds where the command line says nothing.
pub(super) struct Otherwise {
    pub(super) handler: Option<String>,
    slim: Level,
    bytecode: Policy,
    keep: Vec<String>,
    exclude: Vec<String>,
    aws_services: Vec<String>,
    provided: Vec<String>,
    pub(super) sdk: SdkPolicy,
    /// Of a function in Lambda, and so of its import test.
    environment: BTreeMap<String, String>,
    budgets: Budgets,
}

impl From<Settings> for Otherwise {
    fn from(settings: Settings) -> Self {
        Self {
            handler: settings.handler,
            slim: settings.slim,
            bytecode: settings.bytecode,
            keep: settings.keep,
            exclude: settings.exclude,
            aws_services: settings.aws_services,
            provided: settings.provided,
            sdk: settings.bundle_sdk,
            environment: settings.environment,
            budgets: settings.budgets,
        }
    }
}

impl From<LayerSettings> for Otherwise {
    fn from(settings: LayerSettings) -> Self {
        Self {
            handler: None,
            slim: settings.slim,
            bytecode: settings.bytecode,
            keep: settings.keep,
            exclude: settings.exclude,
            aws_services: settings.aws_services,
            provided: Vec::new(),
            sdk: settings.bundle_sdk,
            environment: BTreeMap::new(),
            budgets: settings.budgets,
        }
    }
}

impl Options {
    /// The plan of one build: what the command line says goes over what the project says.
    pub(super) fn plan(
        &self,
        product: Product,
        target: Target,
        requirements: Requirements,
        output: &Path,
        otherwise: Otherwise,
    ) -> Result<BuildPlan> {
        let level = self.slim.unwrap_or(otherwise.slim);
        if !self.aws_services.is_empty() && level != Level::Deep {
            return Err(Error::usage(
                "--aws-services says what --slim deep has to leave, and nothing else takes definitions of services out",
                "add --slim deep, or leave --aws-services away",
            ));
        }
        let sdk = match (self.bundle_sdk, self.no_bundle_sdk) {
            (true, _) => SdkPolicy::Bundle,
            (_, true) => SdkPolicy::Omit,
            _ => otherwise.sdk,
        };
        let or = |given: &Vec<String>, otherwise| if given.is_empty() { otherwise } else { given.clone() };
        let handler = otherwise.handler;
        let site = product.site(target.python);
        Ok(BuildPlan {
            slim: slim::Options {
                level,
                target,
                users_known: product.users_known(),
                handler: handler.clone(),
                sdk,
                keep: Globs::new("--keep", &or(&self.keep, otherwise.keep))?.within(&site),
                exclude: Globs::new("--exclude", &or(&self.exclude, otherwise.exclude))?.within(&site),
                services: or(&self.aws_services, otherwise.aws_services),
                site,
            },
            product,
            target,
            requirements,
            output: output.to_owned(),
            handler,
            check: !self.no_check,
            provided: or(&self.provided, otherwise.provided).into_iter().collect(),
            bytecode: self.bytecode.unwrap_or(otherwise.bytecode),
            imports: build::ImportTest {
                wanted: !self.no_import_test,
                command: self.import_command.clone(),
                variables: otherwise.environment.into_iter().chain(self.import_env.iter().cloned()).collect(),
            },
            layers: Arc::default(),
            allow_shadow: false,
            budgets: otherwise.budgets,
            image: None,
            lock: None,
            near: None,
            offline: self.offline,
            threads: self.threads(),
        })
    }

    /// Those for the layers of a function that is built: what is in them is the project's to say, and not this command's.
    pub(super) fn for_layers(&self) -> Self {
        Self {
            slim: None,
            bytecode: None,
            keep: Vec::new(),
            exclude: Vec::new(),
            aws_services: Vec::new(),
            bundle_sdk: false,
            no_bundle_sdk: false,
            provided: Vec::new(),
            ..self.clone()
        }
    }

    /// The build by the lock's entry of a set; none where the requirements are not the project's.
    pub(super) fn with_lock(&self, mut build: BuildPlan, set: Option<SetName>) -> Result<BuildPlan> {
        let is_project = Path::new("pack.toml").is_file();
        if self.locked && !is_project {
            return Err(Error::usage(
                "--locked goes by pack.lock, which only a project with a pack.toml has, and there is none here",
                "run it where pack.toml is, or leave --locked away",
            ));
        }
        if self.locked && set.is_none() {
            return Err(Error::usage(
                format!(
                    "--locked goes by pack.lock, which has nothing for {} as the command line wants it",
                    build.product.name().as_str()
                ),
                "leave -r, --extra, --group, --layer, or the path that is no part of the project, away; or --locked",
            ));
        }
        if is_project && !build.requirements.is_empty() {
            build.lock = set.map(|SetName { name, packaging }| Entry {
                file: lock::FILE.into(),
                id: SetId { name, packaging, target: build.target },
                requirements: build.requirements.clone(),
                frozen: self.locked,
            });
        }
        Ok(build)
    }

    /// The cache that the builds use.
    pub(super) fn cache(&self) -> Result<Cache> {
        Cache::open(self.cache_dir.as_deref())
    }

    /// Whether no network may be used.
    pub(super) fn is_offline(&self) -> bool {
        self.offline
    }

    /// Whether the lock has to hold.
    pub(super) fn is_locked(&self) -> bool {
        self.locked
    }

    /// Says what goes on before it all begins.
    pub(super) fn say(&self, line: &str) {
        Progress::new(self.verbosity()).say(line);
    }

    /// Whether nothing is to be built.
    pub(super) fn only_plans(&self) -> bool {
        self.dry_run
    }

    /// Carries builds out, or shows what they would do.
    pub(super) fn build(&self, builds: Vec<BuildPlan>) -> Result<ExitCode> {
        self.build_after(&[], |_, _| Ok(builds))
    }

    /// The same with builds that cannot be planned before the first ones are done. They are told which of these nobody can use,
    /// and say what is not made because of it.
    pub(super) fn build_after(
        &self,
        first: &[BuildPlan],
        rest: impl FnOnce(&BTreeSet<PathBuf>, &mut BTreeSet<PathBuf>) -> Result<Vec<BuildPlan>>,
    ) -> Result<ExitCode> {
        let mut made = Made::default();
        let outcome = self.make(first, rest, &mut made);
        // What was built before a failure was built, and is told.
        match made.json.as_slice() {
            [] => {}
            [one] => print(&format!("{one:#}\n"))?,
            several => print(&format!("{:#}\n", serde_json::Value::from(several)))?,
        }
        outcome?;
        let progress = Progress::new(self.verbosity());
        for same in made.layers.values().filter(|same| same.len() > 1) {
            progress.say(&format!("{} have the same bytes: one layer version serves them all", same.join(", ")));
        }
        if !made.failed.is_empty() {
            let names: Vec<String> = made.failed.iter().map(|path| path.display().to_string()).collect();
            progress.fail(&format!("not built: {}", names.join(", ")));
            made.status = made.status.max(1);
        }
        Ok(ExitCode::from(made.status))
    }

    /// The same for a command that goes on with what is made: by where it is, what is known of it. What failed is told.
    pub(super) fn reports_after(
        &self,
        first: &[BuildPlan],
        rest: impl FnOnce(&BTreeSet<PathBuf>, &mut BTreeSet<PathBuf>) -> Result<Vec<BuildPlan>>,
    ) -> Result<Vec<(PathBuf, SizeReport)>> {
        let mut made = Made::default();
        self.make(first, rest, &mut made)?;
        if made.status == 0 && made.failed.is_empty() {
            return Ok(made.reports);
        }
        let names: Vec<String> =
            made.failed.iter().chain(&made.over_limit).map(|path| path.display().to_string()).collect();
        Err(Error::aws(
            format!(
                "not everything was built: {}",
                if names.is_empty() { "see above".into() } else { names.join(", ") }
            ),
            "nothing was deployed; mend what is told above",
        ))
    }

    fn make(
        &self,
        first: &[BuildPlan],
        rest: impl FnOnce(&BTreeSet<PathBuf>, &mut BTreeSet<PathBuf>) -> Result<Vec<BuildPlan>>,
        made: &mut Made,
    ) -> Result<()> {
        // Fails only if a pool exists already, which then serves.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(self.threads()).build_global();
        let cache = self.cache()?;
        self.build_all(first, false, &cache, made)?;
        let unusable = made.failed.iter().chain(&made.over_limit).cloned().collect();
        let rest = rest(&unusable, &mut made.failed)?;
        let is_alone = first.is_empty() && rest.len() == 1;
        self.build_all(&rest, is_alone, &cache, made)
    }

    /// One after the other. One that fails is told, and the others are built all the same: they have nothing to do with it.
    fn build_all(&self, builds: &[BuildPlan], is_alone: bool, cache: &Cache, made: &mut Made) -> Result<()> {
        check_outputs(builds)?;
        let pythons = self.interpreters(builds)?;
        for build in builds {
            let mut progress = Progress::new(self.verbosity());
            let Some((_, python)) = pythons.iter().find(|(target, _)| *target == build.target) else { continue };
            let Err(error) = self.build_one(build, python, cache, &mut progress, made) else { continue };
            progress.finish();
            // Without an index all the others would wait for it in vain.
            if is_alone || matches!(error, Error::IndexUnreachable { .. }) {
                return Err(error);
            }
            progress.fail(&format!("{}:\n{}", build.output.display(), describe(&error)));
            made.status = made.status.max(error.status());
            made.failed.insert(build.output.clone());
        }
        Ok(())
    }

    /// Tells why something is not built.
    pub(super) fn fail(&self, output: &Path, error: &Error) {
        self.progress().fail(&format!("{}:\n{}", output.display(), describe(error)));
    }

    /// What a person sees meanwhile.
    pub(super) fn progress(&self) -> Progress {
        Progress::new(self.verbosity())
    }

    /// Says what a person has to know however quiet it is to be.
    pub(super) fn warn_always(&self, line: &str) {
        Progress::new(self.verbosity()).fail(&format!("warning: {line}"));
    }

    /// Says something that a person should know before it all begins.
    pub(super) fn warn(&self, line: &str) {
        Progress::new(self.verbosity()).warn(line);
    }

    /// What runs pip and compiles for each target, looked for once.
    fn interpreters(&self, builds: &[BuildPlan]) -> Result<Vec<(Target, Interpreters)>> {
        let mut pythons: Vec<(Target, Interpreters)> = Vec::new();
        for target in builds.iter().map(|build| build.target) {
            if !pythons.iter().any(|(known, _)| *known == target) {
                pythons.push((target, interpreter::find(target, self.python_executable.as_deref())?));
            }
        }
        Ok(pythons)
    }

    /// Builds or plans one artifact and shows it.
    fn build_one(
        &self,
        build: &BuildPlan,
        python: &Interpreters,
        cache: &Cache,
        progress: &mut Progress,
        made: &mut Made,
    ) -> Result<()> {
        if self.dry_run {
            let plan = build::plan(build, python, cache, progress)?;
            progress.finish();
            if self.json {
                made.json.push(to_json(&plan)?);
            } else {
                print(&plan.text())?;
            }
            return Ok(());
        }
        let report = build::artifact(build, python, cache, progress)?.with_phases(progress.phases());
        let sbom = if self.sbom { write_sbom(&report, build, progress)? } else { None };
        progress.finish();
        if !self.sbom {
            warn_of_old_sbom(&report, progress);
        }
        if let Some(path) = sbom {
            progress.say(&format!("SBOM: {}", path.display()));
        }
        if self.json {
            made.json.push(to_json(&report)?);
        } else if !self.hands_on {
            self.print(&report)?;
        }
        for warning in &report.warnings {
            progress.warn(warning);
        }
        for finding in &report.findings {
            progress.warn(&finding.line());
        }
        progress.fail(&report.problem());
        let broken: Vec<String> = report.judged(&build.budgets).iter().filter_map(Verdict::sentence).collect();
        for sentence in &broken {
            progress.fail(&format!("{}: {sentence}", report.path));
        }
        made.status = made.status.max(u8::from(report.over_limit || !broken.is_empty()));
        if report.over_limit {
            made.over_limit.insert(build.output.clone());
        }
        if self.hands_on {
            made.reports.push((build.output.clone(), report));
        } else if matches!(build.product, Product::Layer { .. }) {
            made.layers.entry(report.sha256).or_default().push(report.path);
        }
        Ok(())
    }

    fn print(&self, report: &SizeReport) -> Result<()> {
        match report.verified() {
            Some(lines) => print(&lines),
            None if self.quiet => print(&format!("{}\n", report.path)),
            None => print(&report.text(self.verbose)),
        }
    }

    fn threads(&self) -> usize {
        self.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into)
    }

    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// Writes the SBOM of what was built beside it; none of what was only compared, loaded or pushed.
fn write_sbom(report: &SizeReport, build: &BuildPlan, progress: &mut Progress) -> Result<Option<PathBuf>> {
    if build.image.as_ref().is_some_and(|plan| !plan.write || plan.verify) {
        return Ok(None);
    }
    let path = sbom::beside(Path::new(&report.path));
    let text = progress.phase("sbom", |progress| {
        let registries = Registries {
            command: "pack",
            architecture: build.target.architecture,
            insecure: false,
            profile: None,
            progress,
        };
        let (measured, contents) = report::open(&report.path, &registries, &mut Unpacked::default())?;
        sbom::json(&measured, &contents)
    })?;
    write(&path, &text)?;
    Ok(Some(path))
}

/// Says that the SBOM beside an artifact is that of another one, which an earlier build left there.
fn warn_of_old_sbom(report: &SizeReport, progress: &Progress) {
    let path = sbom::beside(Path::new(&report.path));
    if std::fs::read_to_string(&path).is_ok_and(|text| !text.contains(&report.sha256)) {
        progress.warn(&format!("{} is of an earlier artifact; --sbom writes it anew", path.display()));
    }
}

/// What came of several builds.
#[derive(Default)]
struct Made {
    json: Vec<serde_json::Value>,
    /// How the process ends.
    status: u8,
    /// What was not written.
    failed: BTreeSet<PathBuf>,
    /// What Lambda would not take.
    over_limit: BTreeSet<PathBuf>,
    /// What is known of what was made, for who goes on with it.
    reports: Vec<(PathBuf, SizeReport)>,
    /// Layers by SHA-256.
    layers: BTreeMap<String, Vec<String>>,
}

/// Where an artifact goes: where the command line says, a path or a folder, else where the project says.
pub(super) fn output(given: Option<&Path>, otherwise: &Path, several: bool) -> PathBuf {
    match given {
        None => otherwise.to_owned(),
        Some(path) if is_folder(path, several) => path.join(otherwise.file_name().unwrap_or_default()),
        Some(path) => path.to_owned(),
    }
}

/// Whether an output is meant as a folder: it is one, it is written as one, or it cannot be the ZIP of several builds.
fn is_folder(path: &Path, several: bool) -> bool {
    let named = path.as_os_str().to_string_lossy().ends_with('/');
    path.is_dir() || named || (several && !path.exists() && path.extension().is_none())
}

/// What several builds are: of several functions or layers, or of one.
fn two_what(builds: &[BuildPlan]) -> String {
    let names: Vec<_> = builds.iter().map(|build| build.product.name()).collect();
    let several = names.windows(2).any(|pair| pair[0] != pair[1]);
    if several { format!("{}s", names[0].kind()) } else { "artifacts".into() }
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
