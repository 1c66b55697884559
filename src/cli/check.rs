//! `pack check`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{print, to_json, variable};
use crate::check::sources::{self, Opened};
use crate::check::{self, Assumed, Checked, Question, Report, Severity};
use crate::error::Result;
use crate::imports;
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::python::bytecode::Compiler;
use crate::python::interpreter;

const EXAMPLES: &str = "\
Examples:
  pack check dist/workload-python3.13-x86_64.zip
  pack check app.zip --handler app.main --python 3.12 --arch arm64
  pack check app.zip numpy-layer.zip            a function with its layers
  pack check app.zip --layer shared/            what --layer names is a layer however it looks
  pack check image/                             an image as an OCI layout, or a tar of it
  pack check build/ --json | jq '.findings[].check'

Nothing of it is run, so that any target can be checked on any machine. Where the runtime's Python is on this one, it
compiles the function's own sources that the handler loads.";

/// Say whether Lambda will load a ZIP, a layer, an image or a folder; several are one function with its layers.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Check {
    /// A function's ZIP, a layer's ZIP, an image's OCI layout, or a folder with what a ZIP would have
    #[arg(value_name = "PATH", required_unless_present = "layers")]
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
        help = "Architecture of the function [default: what its compiled files are for, else x86_64]"
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
        let opened = sources::open(&self.paths, &self.layers, self.handler.as_deref())?;
        let (target, known, assumed) = self.target(&opened)?;
        let mut question = Question { assumed, ..Question::new(target, opened.shape) };
        question.provided = self.provided.into_iter().collect();
        question.handler = self.handler;
        let mut variables = BTreeMap::new();
        if let Some(image) = &opened.image {
            question.search_path.clone_from(&image.search_path);
            question.handler = question.handler.or_else(|| image.handler.clone());
            variables.clone_from(&image.variables);
        }
        variables.extend(self.import_env);
        check::find_handler(&opened.files, &mut question)?;
        let Checked { findings: found, loaded } = check::check(&opened.files, &question)?;
        let mut findings = opened.findings;
        findings.extend(found);
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
        let report = Report::new(opened.parts, target, known, question.handler, opened.sizes, check::sorted(findings))
            .with_imports(imports);
        if self.json {
            print(&format!("{:#}\n", to_json(&report)?))?;
        } else {
            print(&report.text(self.quiet))?;
        }
        Ok(ExitCode::from(u8::from(report.errors > 0)))
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
