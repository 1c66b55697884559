//! `pack init`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::{print, warn};
use crate::error::Result;
use crate::project::Start;

const EXAMPLES: &str = "\
Examples:
  mkdir hello && cd hello && pack init && pack zip
  pack init                             beside requirements.txt, pyproject.toml, a lock, functions/

In an empty folder (README, LICENSE and hidden files do not count) it writes a function, its
requirements and pack.toml; where there are requirements and no sources, a function with these.
Elsewhere it writes only pack.toml, which points to what is there: functions/NAME, or each source
that defines lambda_handler or handler(event, context), here or up to two folders down. Nothing
is asked, and no file is written over.";

/// Begin a project: write pack.toml for what is here, or a first function.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Init {}

impl Init {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Path::new("");
        let start = Start::of(root)?;
        for found in &start.found {
            warn(&format!("found: {found}\n"));
        }
        for path in start.write(root)? {
            print(&format!("{}\n", path.display()))?;
        }
        warn("next: pack plan shows what is built, pack zip builds it\n");
        Ok(ExitCode::SUCCESS)
    }
}
