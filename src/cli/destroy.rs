//! `pack destroy`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::deployment::{Asking, Deployment, Format, confirmed};
use super::{print, to_json, warn};
use crate::aws::Keep;
use crate::deploy::{Artifacts, Remains};
use crate::error::Result;
use crate::progress::{Progress, Verbosity};

const EXAMPLES: &str = "\
Examples:
  pack destroy                          list what would be deleted, and ask
  pack destroy --dry-run                list it only
  pack destroy --yes --with-data --with-artifacts --with-images --with-logs
                                        everything, with all that is in it

Deleted is what has the project's tag: also what an older pack.toml made. Buckets and repositories that are
not empty and log groups stay, unless a flag says otherwise; the next pack deploy finds them again.";

/// Delete what pack deploy has made.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Destroy {
    /// Delete the bucket of data with all its objects
    #[arg(long)]
    with_data: bool,

    /// Delete the bucket of artifacts with all ZIPs
    #[arg(long)]
    with_artifacts: bool,

    /// Delete the repository with all images
    #[arg(long)]
    with_images: bool,

    /// Delete the log groups with all logs
    #[arg(long)]
    with_logs: bool,

    /// List what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    #[command(flatten)]
    asking: Asking,
}

impl Destroy {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut deployment = Deployment::load(&self.asking.who)?;
        let account = deployment.connect(&self.asking)?;
        let desired = deployment.desired(&Artifacts::new(), account.place())?;
        let observed = account.read(&desired, &None)?;
        let keep = Keep {
            data: !self.with_data,
            artifacts: !self.with_artifacts,
            images: !self.with_images,
            logs: !self.with_logs,
        };
        let remains = account.remains(&desired, &observed, &keep)?;
        let going = remains.iter().filter(|one| one.kept.is_none()).count();
        if self.format == Format::Text {
            print(&text(&remains))?;
        }
        let goes_on = !self.dry_run && going > 0;
        if goes_on {
            let what = format!("{going} things are deleted for good");
            if !confirmed(self.yes, &format!("{what}. Go on?"), &what)? {
                warn("nothing was deleted\n");
                return Ok(ExitCode::from(1));
            }
            account.destroy(&desired.project, &remains, &Arc::new(Progress::new(Verbosity::Normal)))?;
        }
        if self.format == Format::Json {
            let answer = json!({ "project": desired.project, "place": desired.place, "deleted": goes_on, "found": to_json(&remains)? });
            print(&format!("{answer:#}\n"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(remains: &[Remains]) -> String {
    if remains.is_empty() {
        return "nothing of this project is there\n".into();
    }
    let mut text = String::new();
    for Remains { kind, name, kept, .. } in remains {
        let _ = match kept {
            None => writeln!(text, "- {} {name}", kind.word()),
            Some(why) => writeln!(text, "  {} {name} stays: {why}", kind.word()),
        };
    }
    text
}
