//! Where images of registries come from: options of every command that looks into any artifact.

use clap::Args;

use super::account::Profile;
use crate::diff::Registries;
use crate::lambda::Architecture;
use crate::progress::Progress;

/// Which image, and how registries are asked.
#[derive(Args)]
pub(super) struct Pulled {
    /// Which image of an index is meant, or of an archive with several
    #[arg(long, value_name = "ARCH", default_value_t = Architecture::X86_64)]
    arch: Architecture,

    /// Registries on other machines may speak plain HTTP
    #[arg(long)]
    insecure: bool,

    #[command(flatten)]
    profile: Profile,
}

impl Pulled {
    /// The same for who opens artifacts.
    pub(super) fn registries<'a>(&'a self, command: &'static str, progress: &'a Progress) -> Registries<'a> {
        let profile = self.profile.name.as_deref();
        Registries { command, architecture: self.arch, insecure: self.insecure, profile, progress }
    }
}
