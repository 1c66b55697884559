//! `pack why`.

use std::process::ExitCode;

use clap::Args;

use super::pulled::Pulled;
use super::report::built;
use super::{print, to_json};
use crate::check::sources::Unpacked;
use crate::error::{Error, Result};
use crate::progress::{Progress, Verbosity};
use crate::why::model::{VERSION, Why as Answers};
use crate::why::{self, Opened};

const EXAMPLES: &str = "\
Examples:
  pack why six                                  what requires it, what it costs, who imports it, what goes with it
  pack why pandas/tests/ dist/app-python3.13-x86_64.zip
                                                which rule removed it, and what would keep it
  pack why pyarrow/libarrow_flight.so.2600      whose a file is, and whether it was stripped
  pack why botocore                             also of what is left to the runtime, a layer or a base
  pack why numpy foreign.zip                    any artifact, whoever made it
  pack why six --json | jq '.answers[].required.chains'

What differs in sizes alone is told once for all artifacts. Exit status: 2 if no artifact knows it.";

/// Say why a file or a distribution is in an artifact, or is not, and what it would save to remove it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Why {
    /// A path in the artifact (of an image also /var/task/…), a distribution, or a folder
    #[arg(value_name = "PATH|DISTRIBUTION")]
    asked: String,

    /// A ZIP, a layer's ZIP, a folder, an image's OCI layout or docker-archive, or an image in a registry [default: what the
    /// project has built]
    #[arg(value_name = "ARTIFACT")]
    artifact: Option<String>,

    #[command(flatten)]
    pulled: Pulled,

    /// Write an answer for each artifact as JSON; all sizes in bytes
    #[arg(long)]
    json: bool,
}

impl Why {
    pub(super) fn run(self) -> Result<ExitCode> {
        let progress = Progress::new(Verbosity::Normal);
        let registries = self.pulled.registries("pack why", &progress);
        let names = match &self.artifact {
            Some(name) => vec![name.clone()],
            None => built("pack why six app.zip")?.0,
        };
        let mut unpacked = Unpacked::default();
        let mut answers = Vec::new();
        let mut without = Vec::new();
        for name in &names {
            let opened = Opened::open(name, &registries, &mut unpacked)?;
            match opened.answer(&self.asked)? {
                Some(answer) => answers.push(answer),
                None => without.push(opened),
            }
        }
        if answers.is_empty() {
            return Err(Error::usage(
                format!("{} has nothing of {}", names.join(", "), self.asked),
                why::near(&self.asked, &without),
            ));
        }
        let why = Answers { version: VERSION, asked: self.asked, answers };
        if self.json {
            print(&format!("{:#}\n", to_json(&why)?))?;
        } else {
            let mut text = why::text(&why);
            if !without.is_empty() {
                let names: Vec<&str> = without.iter().map(Opened::name).collect();
                text = format!("{text}\nnot in {}\n", names.join(", "));
            }
            print(&text)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
