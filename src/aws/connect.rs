//! Credentials and a Region for AWS's clients: what the command line names, else what AWS's own chain finds.

use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::runtime::{Builder, Runtime};

use super::Access;
use crate::error::{Error, Result};

/// One answer of the API, connecting included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Credentials that end sooner are asked for again.
const LEFT: Duration = Duration::from_mins(5);

/// What the SDK's calls run in.
pub(super) fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().map_err(Error::io("start", "the runtime of AWS's SDK"))
}

/// What clients are made of, and the Region. `action` is what the credentials have to allow.
pub(super) async fn configure(access: &Access, action: &str) -> Result<(SdkConfig, String)> {
    let patience = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(patience);
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    let Some(region) = config.region().map(ToString::to_string) else {
        return Err(Error::out_of_reach(
            "the AWS Region is not known",
            "--region or region in [project] of pack.toml names it; AWS_REGION and the profile's region count too",
        ));
    };
    let chain = match &access.profile {
        Some(profile) => Some(of_profile(profile, &region)),
        None => config.credentials_provider(),
    };
    let chain = chain.ok_or_else(|| nothing(action))?;
    // Now, so that their absence is told from what a call can run into.
    let first = chain.provide_credentials().await.map_err(|error| not_loaded(&error, access, action))?;
    let provider = SharedCredentialsProvider::new(Loaded { first, chain });
    Ok((config.into_builder().credentials_provider(provider).build(), region))
}

/// Of a profile alone: whoever names one on the command line does not mean what variables have.
fn of_profile(profile: &str, region: &str) -> SharedCredentialsProvider {
    let place = ProviderConfig::without_region().with_region(Some(Region::new(region.to_owned())));
    let provider = ProfileFileCredentialsProvider::builder().configure(&place).profile_name(profile).build();
    SharedCredentialsProvider::new(provider)
}

fn nothing(action: &str) -> Error {
    Error::out_of_reach(
        "there are no AWS credentials here",
        format!("any that the AWS command line takes will do (aws sso login, AWS_PROFILE, a role): they need {action}"),
    )
}

/// Why credentials that are configured failed may have anything in it: a program's arguments, an answer.
fn not_loaded(error: &CredentialsError, access: &Access, action: &str) -> Error {
    match (&access.profile, error) {
        (Some(profile), _) => Error::out_of_reach(
            format!("the AWS profile {profile:?} gives no credentials"),
            format!(
                "aws configure list-profiles says which there are; aws sso login --profile {profile} renews those of a session"
            ),
        ),
        (None, CredentialsError::CredentialsNotLoaded(_)) => nothing(action),
        (None, _) => Error::out_of_reach(
            "AWS credentials are configured here, and could not be loaded",
            "aws sts get-caller-identity says why; aws sso login renews those of a session",
        ),
    }
}

/// Credentials that were found, and whom to ask when these end.
#[derive(Debug)]
struct Loaded {
    first: Credentials,
    chain: SharedCredentialsProvider,
}

impl ProvideCredentials for Loaded {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let last = SystemTime::now() + LEFT;
        if self.first.expiry().is_none_or(|expiry| expiry > last) {
            return future::ProvideCredentials::ready(Ok(self.first.clone()));
        }
        self.chain.provide_credentials()
    }
}
