//! `pack schema`.

use std::process::ExitCode;

use clap::Args;

use super::print;
use crate::error::Result;
use crate::project::manifest;

const EXAMPLES: &str = "\
Examples:
  pack schema > pack.schema.json        then, as the first line of pack.toml:
                                        #:schema ./pack.schema.json

Editors that read it (Even Better TOML, taplo, tombi) complete keys, explain them and mark mistakes.";

/// Print the JSON Schema of pack.toml, for editors.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(super) fn run(self) -> Result<ExitCode> {
        print(&format!("{:#}\n", manifest::schema()))?;
        Ok(ExitCode::SUCCESS)
    }
}
