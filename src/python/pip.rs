//! pip, run as a child process: it decides which distributions satisfy the requirements, fetches wheels and builds
//! what has none. All of its own configuration (indexes, credentials, proxies, certificates, find-links) applies.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::interpreter::Interpreter;
use super::report::{self, Report};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::system::{self, CommandError, Output};

const SHIM: &str = include_str!("pip_shim.py");

/// The requirements file that is a pipe; the shim knows it by this name.
const STDIN: &str = "/dev/stdin";

/// Where pip looks for distributions.
#[derive(Clone, Debug)]
pub enum Source {
    /// Its configured indexes and find-links.
    Configured,
    /// Nothing but the wheels that this page of links names.
    Links(PathBuf),
}

/// How pip may come by a wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdists {
    /// Wheels only, chosen by the target's tags, whatever this machine is.
    Refused,
    /// What has no wheel is built; only where this machine is of the target's kind.
    Built,
}

/// What pip is to fetch or build.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Each a requirement with its hash, or an option. They go through a pipe, so that a URL's credentials are not
    /// stored.
    pub lines: &'a [String],
    /// Requirement files of which the options count and the requirements do not.
    pub option_files: &'a [PathBuf],
    /// Whether every requirement has to have a hash.
    pub hashes: bool,
}

/// Requirement files that pip reads in one call.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Whether they list everything: then pip looks for no dependencies.
    pub locked: bool,
    /// Lines as in a file of constraints.
    pub constraints: Vec<String>,
}

/// A pip that works for a target.
#[derive(Debug)]
pub struct Pip<'a> {
    /// What runs it.
    pub interpreter: &'a Interpreter,
    /// What wheels are chosen for.
    pub target: Target,
    /// Where wheels come from.
    pub source: Source,
    /// How long one call may take.
    pub limit: Option<Duration>,
}

impl Pip<'_> {
    /// Asks pip which distributions the requirement files need, without installing anything.
    pub fn resolve(&self, question: &Question, sdists: Sdists) -> Result<Report> {
        let output = self.ask(question, sdists, "--quiet")?;
        report::parse(&output.stdout)
    }

    /// What pip says while it resolves, at its most talkative: what it passes over and why.
    pub fn explain(&self, question: &Question) -> String {
        match self.ask(question, Sdists::Refused, "-vv") {
            Ok(output) => output.stderr,
            Err(Error::Command(error)) => error.all_output(),
            Err(_) => String::new(),
        }
    }

    fn ask(&self, question: &Question, sdists: Sdists, voice: &str) -> Result<Output> {
        let mut arguments = words(&["install", "--dry-run", "--ignore-installed", voice, "--report", "-"]);
        let folder = tempfile::tempdir().map_err(Error::io("create a folder in", std::env::temp_dir()))?;
        // Older pips want a target folder for --platform; a dry run writes nothing to it.
        arguments.extend(["--target".into(), folder.path().join("target").display().to_string()]);
        match sdists {
            Sdists::Refused => arguments.extend(self.restriction()),
            Sdists::Built => arguments.push("--prefer-binary".into()),
        }
        if question.locked {
            arguments.push("--no-deps".into());
        }
        for file in &question.files {
            arguments.extend(["--requirement".into(), file.display().to_string()]);
        }
        if !question.constraints.is_empty() {
            arguments.extend(words(&["--constraint", STDIN]));
        }
        let stdin = question.constraints.join("\n");
        Ok(self.run(&arguments, stdin.as_bytes(), sdists, false, "resolving the requirements with pip")?)
    }

    /// Fetches wheels into a folder.
    pub fn download(&self, wanted: &Wanted<'_>, folder: &Path) -> Result<(), CommandError> {
        let mut arguments = words(&["download", "--no-deps", "--quiet"]);
        arguments.extend(self.restriction());
        arguments.extend(["--dest".into(), folder.display().to_string()]);
        self.get(arguments, wanted, Sdists::Refused, "fetching wheels with pip")
    }

    /// Builds one requirement (a folder, an archive of sources, a repository) into a wheel in `folder`.
    pub fn build(&self, wanted: &Wanted<'_>, folder: &Path) -> Result<(), CommandError> {
        let mut arguments = words(&["wheel", "--no-deps", "--quiet"]);
        arguments.extend(["--wheel-dir".into(), folder.display().to_string()]);
        self.get(arguments, wanted, Sdists::Built, "building a wheel with pip")
    }

    fn get(
        &self,
        mut arguments: Vec<String>,
        wanted: &Wanted<'_>,
        sdists: Sdists,
        what: &str,
    ) -> Result<(), CommandError> {
        if wanted.hashes {
            arguments.push("--require-hashes".into());
        }
        for file in wanted.option_files {
            arguments.extend(["--requirement".into(), file.display().to_string()]);
        }
        arguments.extend(words(&["--requirement", STDIN]));
        let options_only = !wanted.option_files.is_empty();
        self.run(&arguments, wanted.lines.join("\n").as_bytes(), sdists, options_only, what).map(drop)
    }

    fn restriction(&self) -> Vec<String> {
        let mut arguments = words(&["--only-binary", ":all:", "--implementation", "cp"]);
        arguments.extend(["--python-version".into(), self.target.python.full()]);
        for tag in self.target.platform_tags() {
            arguments.extend(["--platform".into(), tag]);
        }
        arguments
    }

    fn run(
        &self,
        arguments: &[String],
        stdin: &[u8],
        sdists: Sdists,
        options_only: bool,
        what: &str,
    ) -> Result<Output, CommandError> {
        let settings = json!({
            "environment": self.target.marker_environment(),
            "glibc": (sdists == Sdists::Built).then(|| self.target.python.glibc_minor()),
            "offline": matches!(self.source, Source::Links(_)),
            "options_only": options_only,
        });
        let mut command = Command::new(&self.interpreter.path);
        command.args(["-c", SHIM]).arg(settings.to_string()).args(arguments);
        command.args(["--disable-pip-version-check", "--no-input", "--no-color"]);
        if let Source::Links(page) = &self.source {
            command.args(["--retries", "0", "--no-index", "--find-links"]).arg(page);
            command.env("GIT_ALLOW_PROTOCOL", "file");
        }
        // Settings of an interactive pip that contradict a dry run, or mix messages into its report.
        for setting in ["PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_VERBOSE", "PIP_QUIET"] {
            command.env(setting, "0");
        }
        for setting in ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_LOG"] {
            command.env_remove(setting);
        }
        command.env("PYTHONSAFEPATH", "1").env("PYTHONIOENCODING", "utf-8");
        // Sources that are built on the way should not carry the time of day.
        if std::env::var_os("SOURCE_DATE_EPOCH").is_none() {
            command.env("SOURCE_DATE_EPOCH", "315532800");
        }
        let argv = format!("{} -m pip {}", self.interpreter.path.display(), shorten(arguments));
        let _scratch = scratch(&mut command).map_err(|source| CommandError::Start { program: argv.clone(), source })?;
        system::run_within(command, stdin, what, &argv, self.limit)
    }
}

/// Where pip and what builds for it work, gone once pip has ended. pip leaves everything that it has fetched where it is when it is
/// killed. setuptools would work in the user's folder: it would leave `build` and `*.egg-info` there, and put into the wheel what an
/// earlier build left, modules that are gone included; a configuration file of distutils sends it elsewhere, unless the user has one.
fn scratch(command: &mut Command) -> std::io::Result<tempfile::TempDir> {
    const CONFIGURATION: &str = "DIST_EXTRA_CONFIG";
    let folder = tempfile::tempdir()?;
    let [tmp, build, info] = ["tmp", "build", "egg-info"].map(|name| folder.path().join(name));
    std::fs::create_dir(&tmp)?;
    command.env("TMPDIR", tmp);
    if std::env::var_os(CONFIGURATION).is_none() {
        std::fs::create_dir(&info)?;
        let text = format!("[build]\nbuild_base = {}\n[egg_info]\negg_base = {}\n", build.display(), info.display());
        let file = folder.path().join("setup.cfg");
        std::fs::write(&file, text)?;
        command.env(CONFIGURATION, file);
    }
    Ok(folder)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// An error need not list thirty platform tags: the first says what the target is.
fn shorten(arguments: &[String]) -> String {
    let mut shown: Vec<&str> = Vec::new();
    let mut words = arguments.iter().map(String::as_str);
    let mut tags = 0;
    while let Some(word) = words.next() {
        if word == "--platform" {
            tags += 1;
            let tag = words.next().unwrap_or_default();
            match tags {
                1 => shown.extend([word, tag]),
                2 => shown.push("…"),
                _ => {}
            }
        } else {
            shown.push(word);
        }
    }
    shown.join(" ")
}
