//! `pack check`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::account::Profile;
use super::{print, to_json, variable};
use crate::aws;
use crate::cache::Cache;
use crate::check::sources::{self, Opened};
use crate::check::{self, Assumed, Checked, Finding, Question, Report, Severity};
use crate::error::{Error, Result};
use crate::imports;
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::progress::{Progress, Verbosity};
use crate::python::bytecode::Compiler;
use crate::python::interpreter;
use crate::registry::{self, Client, Reference};

const EXAMPLES: &str = "\
Examples:
  pack check dist/workload-python3.13-x86_64.zip
  pack check app.zip --handler app.main --python 3.12 --arch arm64
  pack check app.zip numpy-layer.zip            a function with its layers
  pack check app.zip --layer shared/            what --layer names is a layer however it looks
  pack check image/                             an image as an OCI layout, or a tar of it
  pack check saved.tar                          an image as docker save writes it
  pack check registry.example.com/team/job:1.4  an image in a registry, whoever built it
  pack check build/ --json | jq '.findings[].check'

Nothing of it is run, so that any target can be checked on any machine. Where the runtime's Python is on this one, it
compiles the function's own sources that the handler loads.";

/// Say whether Lambda will load a ZIP, a layer, an image or a folder; several are one function with its layers.
#[derive(Args, Default)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Check {
    /// A function's ZIP, a layer's ZIP, an image (its OCI layout, or the tar of docker save), a folder with what a ZIP would have;
    /// or, where nothing of that path is there, an image in a registry: HOST/NAME, NAME:TAG or NAME@DIGEST
    #[arg(value_name = "PATH|IMAGE", required_unless_present = "layers")]
    paths: Vec<PathBuf>,

    /// A ZIP or folder that is a layer; may be repeated, in the order in which the function has them
    #[arg(long = "layer", value_name = "PATH")]
    layers: Vec<PathBuf>,

    /// Python version of the Lambda runtime [default: what its compiled files are for, else 3.13]
    #[arg(long, value_name = "VERSION")]
    python: Option<PythonVersion>,

    #[arg(
        long,
        value_name = "ARCH",
        help = "Architecture of the function, and which image of an index or of an archive to look into [default: what its compiled \
                files are for, else x86_64]"
    )]
    arch: Option<Architecture>,

    /// The handler, MODULE.FUNCTION [default: the only one that a top-level module defines]
    #[arg(long, value_name = "HANDLER")]
    handler: Option<String>,

    /// A top-level module that comes from elsewhere: a layer that is not at hand, a mounted file system; may be repeated
    #[arg(long = "provided", value_name = "MODULE")]
    provided: Vec<String>,

    /// Import the handler and the packages too: in a read-only copy, without network, without variables of yours. It runs
    /// their import code, and needs the runtime's Python on this machine or --import-command
    #[arg(long)]
    import: bool,

    /// A Python for --import where the runtime's does not run here: an emulator with its options
    /// (qemu-aarch64-static -L SYSROOT SYSROOT/usr/bin/python3.13)
    #[arg(long, value_name = "COMMAND", env = "PACK_IMPORT_COMMAND", hide_env_values = true)]
    import_command: Option<String>,

    /// A variable that the function needs when it is imported; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    import_env: Vec<(String, String)>,

    /// Registries on other machines may speak plain HTTP; credentials are those of docker login and podman login (for ECR else
    /// AWS's own, in a pack with the cargo feature aws)
    #[arg(long)]
    insecure: bool,

    #[command(flatten)]
    profile: Profile,

    /// Where the layers of an image in a registry lie while they are looked at [default: pack in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "PACK_CACHE_DIR", hide_env_values = true)]
    cache_dir: Option<PathBuf>,

    /// Take warnings as errors
    #[arg(long)]
    strict: bool,

    /// Write the report as JSON
    #[arg(long)]
    json: bool,

    /// Print findings only
    #[arg(short, long)]
    quiet: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (is_json, is_quiet) = (self.json, self.quiet);
        let report = self.report()?;
        if is_json {
            print(&format!("{:#}\n", to_json(&report)?))?;
        } else {
            print(&report.text(is_quiet))?;
        }
        Ok(ExitCode::from(u8::from(report.errors > 0)))
    }

    /// What is found in an artifact of this machine with its layers, for a command that shows it among other things.
    pub(super) fn findings(
        path: &Path,
        layers: Vec<PathBuf>,
        python: Option<PythonVersion>,
        arch: Option<Architecture>,
    ) -> Result<Vec<Finding>> {
        let check = Self { paths: vec![path.to_owned()], layers, python, arch, ..Self::default() };
        check.report().map(|report| report.findings)
    }

    fn report(self) -> Result<Report> {
        let opened = self.open()?;
        let (target, known, assumed) = self.target(&opened)?;
        let mut question = Question { assumed, ..Question::new(target, opened.shape) };
        question.provided = self.provided.into_iter().collect();
        question.handler = self.handler;
        let mut variables = BTreeMap::new();
        let mut unlike = Vec::new();
        if let Some(image) = &opened.image {
            question = question.of_image(image);
            variables.clone_from(&image.variables);
            unlike = image.unlike(target);
        }
        variables.extend(self.import_env);
        check::find_handler(&opened.files, &mut question)?;
        let Checked { findings: found, loaded } = check::check(&opened.files, &question)?;
        let mut findings = opened.findings;
        findings.extend(found);
        findings.extend(unlike);
        findings.extend(check::limits(&opened.sizes, opened.shape));
        let has_own = loaded.values().any(|is_own| *is_own);
        let interpreter = if self.import || has_own { interpreter::find_target(target) } else { None };
        if let Some(interpreter) = interpreter.as_ref().filter(|_| has_own) {
            let compiler = Compiler::limited(interpreter, target.python);
            findings.extend(check::refused(&opened.files, &loaded, &compiler, target.python));
        }
        let imports = if self.import {
            let runner = imports::runner(self.import_command.as_deref(), interpreter.as_ref(), target)?;
            let threads = std::thread::available_parallelism().map_or(1, Into::into);
            let (report, mut found) = match runner {
                Ok(runner) => imports::findings(&opened.files, &question, &runner, &variables, threads)?,
                Err(reason) => imports::skipped(reason, "--import-command names a Python that runs here"),
            };
            // What may be no handler need not load as one.
            for finding in found.iter_mut().filter(|finding| question.guessed && finding.check == "import-handler") {
                finding.severity = Severity::Warning;
            }
            findings.extend(found);
            Some(report)
        } else {
            None
        };
        if self.strict {
            for finding in &mut findings {
                finding.severity = Severity::Error;
            }
        }
        let findings = check::sorted(findings);
        Ok(Report::new(opened.parts, target, known, question.handler, opened.sizes, findings).with_imports(imports))
    }

    /// What was named: what is there as a path goes before an image of that name.
    fn open(&self) -> Result<Opened> {
        if let ([path], []) = (self.paths.as_slice(), self.layers.as_slice())
            && !path.exists()
            && let Some(reference) = reference(path)?
        {
            let credentials = aws::registry_credentials(self.profile.name.as_deref());
            let options = registry::Options { insecure: self.insecure, credentials, ..registry::Options::default() };
            let progress = Progress::new(if self.quiet { Verbosity::Quiet } else { Verbosity::Normal });
            let cache = Cache::open(self.cache_dir.as_deref())?;
            let opened = sources::pull(&reference, self.arch, &Client::new(options)?, &cache, &progress);
            progress.finish();
            return opened.map_err(|source| Error::Neither { path: path.clone(), source: Box::new(source) });
        }
        sources::open(&self.paths, &self.layers, self.handler.as_deref(), self.arch)
    }

    /// What to check for, how that is known, and what of it is a default.
    fn target(&self, opened: &Opened) -> Result<(Target, String, Assumed)> {
        let (default, files) = ("by default", "from the compiled files");
        let is_open = self.python.or(opened.python.map(|(python, _)| python)).is_none()
            || self.arch.or(opened.architecture.map(|(architecture, _)| architecture)).is_none();
        let (seen_python, seen_architecture) = if is_open { check::seen(&opened.files)? } else { (None, None) };
        let (python, python_known) = match (self.python, opened.python, seen_python) {
            (Some(python), ..) => (python, "as given"),
            (None, Some(seen), _) => seen,
            (None, None, Some(python)) => (python, files),
            (None, None, None) => (PythonVersion::DEFAULT, default),
        };
        let (architecture, architecture_known) = match (self.arch, opened.architecture, seen_architecture) {
            (Some(architecture), ..) => (architecture, "as given"),
            (None, Some(seen), _) => seen,
            (None, None, Some(architecture)) => (architecture, files),
            (None, None, None) => (Architecture::X86_64, default),
        };
        let assumed = Assumed { python: python_known == default, architecture: architecture_known == default };
        let known = if python_known == architecture_known {
            python_known.to_owned()
        } else {
            format!("Python {python_known}, architecture {architecture_known}")
        };
        Ok((Target { python, architecture }, known, assumed))
    }
}

/// The image that is meant where nothing lies at a path: one with its registry, a tag or a digest, so that no mistyped
/// name of a file is asked for anywhere.
fn reference(path: &Path) -> Result<Option<Reference>> {
    let Some(text) = path.to_str().filter(|text| !text.starts_with(['.', '/', '~'])) else { return Ok(None) };
    let neither = |reason: String| {
        Error::usage(
            format!("there is no {text}, and as the name of an image it cannot be read: {reason}"),
            "pack check takes ZIPs, layers, images (OCI layouts, or as docker save writes them), folders, and images in registries (HOST/NAME:TAG)",
        )
    };
    let reference: Reference = text.parse().map_err(neither)?;
    let says_where = text.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost");
    let says_which = text.contains('@') || text.rsplit('/').next().is_some_and(|name| name.contains(':'));
    if says_which || (says_where && path.extension().is_none_or(|end| end != "zip" && end != "tar")) {
        return Ok(Some(reference));
    }
    Err(neither("it has neither a registry nor a tag".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_where_it_is_or_which() {
        for image in ["python:3.13", "localhost/a", "127.0.0.1:5000/a", "public.ecr.aws/lambda/python", "a.zip:1"] {
            assert!(reference(Path::new(image)).unwrap().is_some(), "{image}");
        }
        for none in ["app.zip", "dist/app", "dist.d/app.zip", "image.tar", "A b"] {
            let error = reference(Path::new(none)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("there is no {none}, and as the name of an image")), "{error}");
        }
        for path in ["./a:1", "/a:1", "~/a"] {
            assert!(reference(Path::new(path)).unwrap().is_none(), "{path}");
        }
    }
}
