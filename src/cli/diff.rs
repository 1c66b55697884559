//! `pack diff`.

use std::process::ExitCode;

use clap::Args;

use super::pulled::Pulled;
use super::{print, to_json};
use crate::diff;
use crate::error::Result;
use crate::progress::{Progress, Verbosity};

const EXAMPLES: &str = "\
Examples:
  pack diff old.zip dist/app-python3.13-x86_64.zip        what a release changes
  pack diff registry.example.com/team/job:1.4 dist/app-image-python3.13-x86_64
                                                          what a push of it would send
  pack diff old.tar new.tar -v                            every file; tars of layouts, or of docker save
  pack diff app.zip dist/app-image-python3.13-x86_64      a ZIP with /var/task of an image
  pack diff a.zip b.zip --json | jq '.distributions'
  pack diff a.zip b.zip --exit-code                       for scripts: 1 if they differ

Nothing is unpacked into folders, and nothing of it is run. Files are compared by content,
permission bits and what links name; owners and times are not looked at.";

/// Say what differs between two ZIPs, layers or images, and what a push of the second would send.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Diff {
    /// A ZIP, an image's OCI layout (a folder, or a tar of it), an image as docker save writes it, an image in a registry with a tag
    /// or digest, or a folder
    #[arg(value_name = "A")]
    before: String,

    /// The same; a ZIP or folder is compared with /var/task of an image
    #[arg(value_name = "B")]
    after: String,

    #[command(flatten)]
    pulled: Pulled,

    /// End with 1 if they differ
    #[arg(long)]
    exit_code: bool,

    /// List every file and layer
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,

    /// Write everything that differs as JSON; all sizes in bytes
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub(super) fn run(self) -> Result<ExitCode> {
        let progress = Progress::new(Verbosity::Normal);
        let registries = self.pulled.registries("pack diff", &progress);
        let diff = diff::diff(&self.before, &self.after, &registries)?;
        if self.json {
            print(&format!("{:#}\n", to_json(&diff)?))?;
        } else {
            print(&diff.text(self.verbose))?;
        }
        Ok(ExitCode::from(u8::from(self.exit_code && !diff.same)))
    }
}
