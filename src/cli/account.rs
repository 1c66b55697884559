//! Who asks AWS, and where: options of every command that does.

use clap::Args;

use crate::aws::Access;
use crate::lambda::is_region;
use crate::project::Project;

/// Who asks.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Profile {
    #[arg(
        long = "profile",
        value_name = "NAME",
        help = "The profile of AWS's configuration files whose credentials are taken [default: what AWS's own chain finds: variables, \
                AWS_PROFILE, a role]"
    )]
    pub(super) name: Option<String>,
}

/// Who asks, and where.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Account {
    #[arg(
        long,
        value_name = "REGION",
        value_parser = region,
        help = "The AWS Region [default: as pack.toml says, else AWS_REGION, else the profile's]"
    )]
    region: Option<String>,

    #[command(flatten)]
    profile: Profile,
}

impl Account {
    /// As the clients of AWS take it.
    pub(super) fn access(&self) -> Access {
        Access { region: self.region.clone(), profile: self.profile.name.clone() }
    }

    /// The same, with the Region of a project where the command line says none.
    pub(super) fn access_for(&self, project: &Project) -> Access {
        Access { region: self.region.clone().or_else(|| project.region.clone()), ..self.access() }
    }

    /// Has a project mean the Region that is given.
    pub(super) fn set_region(&self, project: &mut Project) {
        if let Some(region) = &self.region {
            project.region = Some(region.clone());
        }
    }

    /// The part of it that says who asks.
    pub(super) fn profile_only(&self) -> Profile {
        self.profile.clone()
    }

    /// The profile that is given.
    pub(super) fn profile(&self) -> Option<&str> {
        self.profile.name.as_deref()
    }
}

/// A Region as the command line has it.
pub(super) fn region(text: &str) -> Result<String, String> {
    if is_region(text) { Ok(text.to_owned()) } else { Err("a Region is written like eu-west-1".into()) }
}
