//! Credentials and a Region for AWS's clients, as AWS's own chain finds them.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// One answer of the API, connecting included.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the SDK's calls run in.
pub(super) fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().map_err(Error::io("start", "the runtime of AWS's SDK"))
}

/// What clients are made of, and the Region. `action` is what the credentials have to allow.
pub(super) async fn configure(region: Option<&str>, action: &str) -> Result<(SdkConfig, String)> {
    let patience = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(patience);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    let Some(region) = config.region().map(ToString::to_string) else {
        return Err(Error::out_of_reach(
            "the AWS Region is not known",
            "region in [project] of pack.toml names it; AWS_REGION and the profile's region count too",
        ));
    };
    let none = || {
        Error::out_of_reach(
            "there are no AWS credentials here",
            format!(
                "any that the AWS command line takes will do (aws sso login, AWS_PROFILE, a role): they need {action}"
            ),
        )
    };
    // Now, so that their absence is told from what a call can run into.
    let found = config.credentials_provider().ok_or_else(none)?.provide_credentials().await;
    // Why one that is configured failed may have anything in it: a program's arguments, an answer.
    let credentials = found.map_err(|error| match error {
        CredentialsError::CredentialsNotLoaded(_) => none(),
        _ => Error::out_of_reach(
            "AWS credentials are configured here, and could not be loaded",
            "aws sts get-caller-identity says why; aws sso login renews those of a session",
        ),
    })?;
    let provider = SharedCredentialsProvider::new(credentials);
    Ok((config.into_builder().credentials_provider(provider).build(), region))
}
