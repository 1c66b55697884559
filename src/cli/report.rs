//! `pack report`.

mod baseline;
mod commit;

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;

use self::baseline::Baseline;
use super::check::Check;
use super::pulled::Pulled;
use super::{nothing_here, print};
use crate::check::Severity;
use crate::check::sources::Unpacked;
use crate::diff::{Registries, path_of};
use crate::error::{Error, Result};
use crate::progress::{Progress, Verbosity};
use crate::project::{Project, Selection};
use crate::report::model::{FunctionLayer, Kind, PartKind, VERSION};
use crate::report::{self, Artifact, Change, Look, Measured, Report as Sizes};
use crate::sbom;
use crate::size::{Budget, Budgets, Key};
use crate::system::AtomicFile;

const EXAMPLES: &str = "\
Examples:
  pack report                                   what the project has built, against Lambda's limits
  pack report app.zip                           any ZIP, whoever made it
  pack report app.zip layer.zip                 a function with its layers
  pack report registry.example.com/team/job:1.4
  pack report --format markdown=size.md --format text
  pack report --format html=size.html           a page with a map of every file
  pack report --save main.json                  on the main branch; then, on another one:
  pack report --baseline main.json --budget unpacked-growth=1MB
  pack report new.zip --baseline old.zip
  pack report --baseline git:origin/main        what the project builds now, and at that commit
  pack report app.zip --sbom                    app.zip.cdx.json: what is in it, as CycloneDX

Exit status: 1 if a limit of Lambda's, a budget (of pack.toml or --budget) or a check (--check) is broken.";

/// Say what artifacts are made of, how far they are from Lambda's limits, and what changed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Report {
    /// A ZIP, a layer's ZIP, a folder, an image's OCI layout or docker-archive, or an image in a registry; of several
    /// ZIPs one function has the others as its layers [default: what the project has built]
    #[arg(value_name = "ARTIFACT")]
    artifacts: Vec<String>,

    /// text, json, markdown, html (a page) or github (annotations), to standard output or into a file; may be repeated [default: text]
    #[arg(long = "format", value_name = "FORMAT[=FILE]")]
    formats: Vec<Output>,

    /// Write the report as JSON into a file, for --baseline
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// What to compare with: a report that --save wrote, another artifact, or git:REF: a branch, tag or commit of the repository, as
    /// which the same artifacts of the project are built in a temporary folder
    #[arg(long, value_name = "FILE|ARTIFACT|git:REF")]
    baseline: Option<String>,

    /// Check too whether Lambda will load what is on this machine, as pack check does; findings are in every format
    #[arg(long)]
    check: bool,

    /// The most that each artifact may have, in place of what pack.toml says of the same: packed, unpacked, packed-growth,
    /// unpacked-growth, image-layer or distributions.NAME; bytes (200MB) or a share of the limit, for growth of the baseline
    /// (80%); may be repeated
    #[arg(long = "budget", value_name = "KEY=SIZE")]
    budgets: Vec<Budget>,

    /// Write the SBOM (CycloneDX 1.6, JSON) of each artifact too: every distribution in it with version, licence and wheel; of one
    /// artifact into a file that is named [default: beside it, as ARTIFACT.cdx.json]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "clap's way to have an option whose value may be left out")]
    sbom: Option<Option<PathBuf>>,

    #[command(flatten)]
    pulled: Pulled,

    /// List every part, file and removal in the text
    #[arg(short, long)]
    verbose: bool,
}

/// A format, and where it goes.
#[derive(Clone)]
struct Output {
    format: Format,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Markdown,
    Html,
    Github,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("after = comes a file".into()),
            Some((format, file)) => (format, Some(file.into())),
            None => (text, None),
        };
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            "markdown" | "md" => Format::Markdown,
            "html" => Format::Html,
            "github" => Format::Github,
            other => return Err(format!("{other:?} is none of text, json, markdown, html, github")),
        };
        Ok(Self { format, file })
    }
}

impl Report {
    pub(super) fn run(self) -> Result<ExitCode> {
        let outputs = self.outputs()?;
        let progress = Progress::new(Verbosity::Normal);
        self.warn_of_growth(&progress);
        let registries = self.pulled.registries("pack report", &progress);
        let names = if self.artifacts.is_empty() {
            let (found, missing) = built("pack report app.zip")?;
            if !missing.is_empty() {
                let (count, all) = (missing.len(), missing.len() + found.len());
                let which = if self.verbose || count == 1 { missing.join(", ") } else { "-v says which".into() };
                progress.say(&format!("{count} of {all} artifacts of the project are not built: {which}"));
            }
            found
        } else {
            self.artifacts.clone()
        };
        let place = |name: &str| self.sbom.as_ref().map(|file| sbom_of(name, file.as_deref(), names.len())).transpose();
        let mut report = measure(&names, !self.artifacts.is_empty(), &registries, &place)?;
        let baseline = self.baseline.as_deref().map(|name| Baseline::read(name, &report, &registries)).transpose()?;
        let budgets = budgets_of_project()?;
        self.compare(&mut report, baseline.as_ref(), &budgets, &progress);
        if self.check {
            check(&mut report, &progress)?;
        }
        warn_of_absent(&report, &progress);
        if let Some(file) = &self.save {
            write(file, &json(&report)?)?;
            progress.say(&format!("wrote {}", file.display()));
        }
        for output in &outputs {
            let text = self.text(&report, output)?;
            match &output.file {
                Some(file) => {
                    write(file, &text)?;
                    progress.say(&format!("wrote {}", file.display()));
                }
                None => print(&text)?,
            }
        }
        for line in report.artifacts.iter().flat_map(report::broken) {
            progress.fail(&format!("error: {line}"));
        }
        Ok(ExitCode::from(u8::from(report.artifacts.iter().any(Artifact::is_broken))))
    }

    /// Says of each artifact what became of it since the baseline, and what its budgets say.
    fn compare(
        &self,
        report: &mut Sizes,
        baseline: Option<&Baseline>,
        budgets: &[(PathBuf, Budgets)],
        progress: &Progress,
    ) {
        for index in 0..report.artifacts.len() {
            let before = baseline.and_then(|baseline| report.baseline_of(&report.artifacts[index], &baseline.sizes));
            let artifact = &mut report.artifacts[index];
            if let (Some(name), None) = (&self.baseline, before) {
                progress.warn(&format!("{name} has nothing of {}: it is not compared", artifact.name));
            }
            artifact.change = before.map(|before| Change::between(before, artifact));
            if let (Some(change), Some(shown)) = (&mut artifact.change, baseline.and_then(|it| it.shown.as_ref())) {
                change.before.name.clone_from(shown);
            }
            let is_meant = |output: &Path| is_of(&artifact.name, output);
            let of_project = budgets.iter().find(|(output, _)| is_meant(output)).map(|(_, budgets)| budgets);
            let mut all = of_project.cloned().unwrap_or_default();
            all.extend(self.budgets.iter().cloned());
            artifact.judge(&all, before);
        }
    }

    /// Says that budgets on growth of the command line are not judged, where nothing is at hand to compare with.
    fn warn_of_growth(&self, progress: &Progress) {
        let growth = |budget: &&Budget| matches!(budget.key, Key::PackedGrowth | Key::UnpackedGrowth);
        if let (Some(budget), None) = (self.budgets.iter().find(growth), &self.baseline) {
            progress.warn(&format!("--budget {} is not judged without --baseline", budget.key));
        }
    }

    /// What is written: text where nothing was asked for.
    fn outputs(&self) -> Result<Vec<Output>> {
        let files = self.formats.iter().filter_map(|output| output.file.as_ref());
        let files = files.chain(&self.save).chain(self.sbom.iter().flatten());
        let mut files: Vec<&Path> = files.map(|file| plain(file)).collect();
        files.sort_unstable();
        if let Some(pair) = files.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::usage(
                format!("two formats would be written to {}", pair[0].display()),
                "give each its file",
            ));
        }
        let is_artifact = |file: &&&Path| self.artifacts.iter().any(|name| plain(path_of(name)) == **file);
        if let Some(file) = files.iter().find(is_artifact) {
            return Err(Error::usage(
                format!("{} is an artifact to be measured, and would be written over", file.display()),
                "give the report another file",
            ));
        }
        if self.formats.is_empty() {
            return Ok(vec![Output { format: Format::Text, file: None }]);
        }
        let to_output = || self.formats.iter().filter(|output| output.file.is_none());
        let is_alone = |output: &Output| matches!(output.format, Format::Json | Format::Html);
        if to_output().any(is_alone) && to_output().count() > 1 {
            return Err(Error::usage(
                "JSON or HTML and another format would both go to standard output",
                "write one of them into a file: --format json=size.json --format text",
            ));
        }
        Ok(self.formats.clone())
    }

    fn text(&self, report: &Sizes, output: &Output) -> Result<String> {
        Ok(match output.format {
            Format::Json => json(report)?,
            Format::Markdown => report::markdown(report),
            Format::Html => report::html(report),
            Format::Github => report::annotations::annotations(report),
            Format::Text => {
                let is_terminal = output.file.is_none() && std::io::stdout().is_terminal();
                let width = if is_terminal { usize::from(console::Term::stdout().size().1) } else { 100 };
                let colour = is_terminal && console::colors_enabled();
                report::text(report, Look { width, colour, every: self.verbose })
            }
        })
    }
}

/// The budgets of what the project builds, where there is a project.
fn budgets_of_project() -> Result<Vec<(PathBuf, Budgets)>> {
    if !Path::new("pack.toml").is_file() {
        return Ok(Vec::new());
    }
    let builds = Project::load(Path::new(""))?.builds(&Selection::default())?;
    let functions = builds.functions.into_iter().map(|build| (build.output, build.settings.budgets));
    let layers = builds.layers.into_iter().map(|build| (build.output, build.settings.budgets));
    Ok(functions.chain(layers).collect())
}

/// The artifacts of the project that are there, and those that are not.
pub(super) fn built(example: &str) -> Result<(Vec<String>, Vec<String>)> {
    let project = Project::load(Path::new(""))?;
    if project.functions.is_empty() {
        return Err(nothing_here(
            "there is no functions/ folder with functions here, and no artifact was named",
            &format!("name one: {example}"),
        ));
    }
    let builds = project.builds(&Selection::default())?;
    let layers = builds.layers.iter().map(|build| &build.output);
    let outputs: Vec<&PathBuf> = builds.functions.iter().map(|build| &build.output).chain(layers).collect();
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for output in &outputs {
        // A build that got too large leaves the one before it, and one that did not takes what was too large away.
        match [over_limit(output), PathBuf::clone(output)].into_iter().find(|path| path.exists()) {
            Some(path) => found.push(path.display().to_string()),
            None => missing.push(output.display().to_string()),
        }
    }
    if found.is_empty() {
        return Err(Error::usage("nothing of the project is built yet", "pack zip and pack image build it"));
    }
    Ok((found, missing))
}

/// Measures artifacts; of several ZIPs that a person named, of which one is a function's, the others are its layers.
/// `sbom` says where the SBOM of one goes.
fn measure(
    names: &[String],
    is_named: bool,
    registries: &Registries<'_>,
    sbom: &dyn Fn(&str) -> Result<Option<PathBuf>>,
) -> Result<Sizes> {
    let mut unpacked = Unpacked::default();
    let mut artifacts = Vec::new();
    let sboms = names.iter().map(|name| sbom(name)).collect::<Result<Vec<_>>>()?;
    for (name, sbom) in names.iter().zip(sboms) {
        let (measured, contents) = report::open(name, registries, &mut unpacked)?;
        if let Some(path) = sbom {
            write(&path, &sbom::json(&measured, &contents)?)?;
            registries.progress.say(&format!("wrote {}", path.display()));
        }
        let Measured { artifact, .. } = measured;
        artifacts.push(artifact);
    }
    let is_layer = |artifact: &Artifact| artifact.kind == Kind::Layer;
    let functions = artifacts.iter().filter(|artifact| matches!(artifact.kind, Kind::Zip | Kind::Folder)).count();
    let layers: Vec<FunctionLayer> = artifacts
        .iter()
        .filter(|artifact| is_layer(artifact))
        .map(|layer| FunctionLayer {
            name: layer.name.clone(),
            packed: layer.packed.unwrap_or_default(),
            unpacked: layer.unpacked,
        })
        .collect();
    for function in artifacts.iter_mut().filter(|artifact| matches!(artifact.kind, Kind::Zip | Kind::Folder)) {
        let known = function.with_layers.take().map(|with| with.layers).unwrap_or_default();
        // As they are now, where they are among what is measured.
        let now = |layer: FunctionLayer| layers.iter().find(|now| now.name == layer.name).cloned().unwrap_or(layer);
        let mut all: Vec<FunctionLayer> = known.into_iter().map(now).collect();
        if functions == 1 && is_named {
            let more = layers.iter().filter(|layer| !all.iter().any(|known| known.name == layer.name));
            let more: Vec<FunctionLayer> = more.cloned().collect();
            all.extend(more);
        }
        function.set_layers(all);
    }
    Ok(Sizes { version: VERSION, artifacts })
}

/// Says that a budget is about a distribution that nothing has: its name may be mistyped.
fn warn_of_absent(report: &Sizes, progress: &Progress) {
    let verdicts = report.artifacts.iter().flat_map(|artifact| &artifact.budgets);
    let names = verdicts.filter(|verdict| verdict.budget.starts_with("distributions."));
    let names: BTreeSet<&String> = names.filter_map(|verdict| verdict.subject.as_ref()).collect();
    for name in names {
        let mut parts = report.artifacts.iter().flat_map(|artifact| &artifact.parts);
        if !parts.any(|part| part.name == *name && part.kind == PartKind::Distribution) {
            progress.warn(&format!("there is a budget for {name}, and nothing that is reported has it"));
        }
    }
}

/// Adds what a check finds, of a function with its layers as far as they are at hand.
fn check(report: &mut Sizes, progress: &Progress) -> Result<()> {
    for artifact in &mut report.artifacts {
        let path = path_of(&artifact.name);
        if !path.exists() {
            continue;
        }
        let layers = artifact.with_layers.iter().flat_map(|with| &with.layers);
        let (here, away): (Vec<PathBuf>, Vec<PathBuf>) =
            layers.map(|layer| PathBuf::from(&layer.name)).partition(|layer| layer.is_file());
        let mut findings = Check::findings(path, here, artifact.python, artifact.architecture)?;
        if let Some(away) = away.first() {
            // What is missing may be in a layer that is not here.
            progress.warn(&format!("{}: checked without its layer {}", artifact.name, away.display()));
            for finding in findings.iter_mut().filter(|finding| finding.check.ends_with("-missing")) {
                finding.severity = Severity::Warning;
            }
        }
        // That is among the limits.
        findings.retain(|finding| finding.check != "too-large");
        artifact.findings = findings;
    }
    Ok(())
}

/// Where the SBOM of one of some artifacts goes.
fn sbom_of(name: &str, file: Option<&Path>, artifacts: usize) -> Result<PathBuf> {
    match file {
        Some(_) if artifacts > 1 => Err(Error::usage(
            "one file cannot hold the SBOMs of several artifacts",
            "--sbom without a file writes each beside its artifact",
        )),
        Some(file) => Ok(file.to_owned()),
        None if path_of(name).exists() => Ok(sbom::beside(path_of(name))),
        None => Err(Error::usage(
            format!("there is no place beside {name}, which is not on this machine, for its SBOM"),
            "name a file: --sbom=FILE",
        )),
    }
}

/// `./a` is `a`.
fn plain(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// Whether an artifact is what a build of the project writes.
fn is_of(name: &str, output: &Path) -> bool {
    let path = path_of(name);
    let is_output = |output: &Path| {
        path == output
            || path.canonicalize().ok().is_some_and(|path| output.canonicalize().is_ok_and(|output| output == path))
    };
    is_output(output) || is_output(&over_limit(output))
}

/// What `pack zip` calls a ZIP that is above Lambda's limit.
fn over_limit(output: &Path) -> PathBuf {
    output.with_extension("over-limit.zip")
}

fn json(report: &Sizes) -> Result<String> {
    let text = serde_json::to_string(report).map_err(|error| Error::io("write", "JSON")(error.into()))?;
    Ok(text + "\n")
}

/// Writes a file as a whole; a device or a pipe is written as it is.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let is_special = std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir());
    if is_special {
        return std::fs::write(path, text).map_err(Error::io("write", path));
    }
    let mut file = AtomicFile::create(&crate::system::destination(path)?)?;
    file.write_all(text.as_bytes()).map_err(Error::io("write", path))?;
    file.persist()
}
