//! `pack check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{print, to_json};
use crate::check::sources::{self, Opened};
use crate::check::{self, Question, Report, Severity, Shape};
use crate::error::Result;
use crate::lambda::{Architecture, PythonVersion, Target};

const EXAMPLES: &str = "\
Examples:
  pack check dist/workload-python3.13-x86_64.zip
  pack check app.zip --handler app.main --python 3.12 --arch arm64
  pack check app.zip numpy-layer.zip            a function with its layers
  pack check app.zip --layer shared/            what --layer names is a layer however it looks
  pack check build/ --json | jq '.findings[].check'

Nothing is run, so that any target can be checked on any machine.";

/// Say whether Lambda will load a ZIP, a layer or a folder; several are one function with its layers.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// A function's ZIP, a layer's ZIP, or a folder with what either would have
    #[arg(value_name = "PATH", required_unless_present = "layers")]
    paths: Vec<PathBuf>,

    /// A ZIP or folder that is a layer; may be repeated, in the order in which the function has them
    #[arg(long = "layer", value_name = "PATH")]
    layers: Vec<PathBuf>,

    /// Python version of the Lambda runtime [default: what the files say, else 3.13]
    #[arg(long, value_name = "VERSION")]
    python: Option<PythonVersion>,

    #[arg(long, value_name = "ARCH", help = "Architecture of the function [default: what the files say, else x86_64]")]
    arch: Option<Architecture>,

    /// The handler, MODULE.FUNCTION [default: the only one that a top-level module defines]
    #[arg(long, value_name = "HANDLER")]
    handler: Option<String>,

    /// A top-level module that comes from elsewhere: a layer that is not at hand, a mounted file system; may be repeated
    #[arg(long = "provided", value_name = "MODULE")]
    provided: Vec<String>,

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
        let opened = sources::open(&self.paths, &self.layers)?;
        let (target, known) = self.target(&opened);
        let mut question = Question::new(target, opened.shape);
        question.provided = self.provided.into_iter().collect();
        question.handler = self.handler;
        if question.handler.is_none() && opened.shape == Shape::Function {
            question.handler = check::detect_handler(&opened.files, &question)?;
        }
        let mut findings = opened.findings;
        findings.extend(check::check(&opened.files, &question)?);
        findings.extend(check::limits(&opened.sizes, opened.shape));
        if self.strict {
            for finding in &mut findings {
                finding.severity = Severity::Error;
            }
        }
        let report = Report::new(opened.parts, target, known, question.handler, opened.sizes, check::sorted(findings));
        if self.json {
            print(&format!("{:#}\n", to_json(&report)?))?;
        } else {
            print(&report.text(self.quiet))?;
        }
        Ok(ExitCode::from(u8::from(report.errors > 0)))
    }

    /// What to check for, and how that is known.
    fn target(&self, opened: &Opened) -> (Target, String) {
        let default = "by default";
        let (python, python_known) = match (self.python, opened.python) {
            (Some(python), _) => (python, "as given"),
            (None, Some(seen)) => seen,
            (None, None) => (PythonVersion::DEFAULT, default),
        };
        let (architecture, architecture_known) = match (self.arch, opened.architecture) {
            (Some(architecture), _) => (architecture, "as given"),
            (None, Some(seen)) => seen,
            (None, None) => (Architecture::X86_64, default),
        };
        let known = if python_known == architecture_known {
            python_known.to_owned()
        } else {
            format!("Python {python_known}, architecture {architecture_known}")
        };
        (Target { python, architecture }, known)
    }
}
