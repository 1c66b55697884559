//! The newest version of a layer.
//!
//! A layer's owner can list its versions. Others cannot: a layer's policy can allow `lambda:GetLayerVersion` and nothing else
//! (`AddLayerVersionPermission`), and of a version that is not there AWS says to them, too, that they may not see it. So
//! versions are tried upwards from one that there was, some at a time, until none of those is there.

use aws_sdk_lambda::Client;
use tokio::task::JoinSet;

use super::failure::{self, Answer};
use crate::error::{Error, Result};
use crate::lambda::LayerArn;

/// Versions that are tried at once. Lambda takes 15 calls a second.
const WINDOW: u32 = 8;

/// Versions that are tried at most.
const MOST: u32 = 2000;

pub(super) async fn find(client: &Client, arn: &LayerArn, known: Option<u32>) -> Result<u32> {
    let arn = LayerArn { version: None, ..arn.clone() };
    let listed = client.list_layer_versions().layer_name(arn.to_string()).max_items(50).send().await;
    match listed {
        Ok(output) => {
            // The newest comes first; who wants to be sure looks.
            let versions = output.layer_versions.unwrap_or_default();
            let newest = versions.iter().map(|version| version.version).max();
            newest
                .and_then(|version| u32::try_from(version).ok())
                .filter(|version| *version > 0)
                .ok_or_else(|| Error::aws(format!("AWS has no version of {arn}"), "check account, name and Region"))
        }
        Err(error) if failure::answer(&error) == Answer::Refused => probe(client, &arn, known).await,
        Err(error) => Err(failure::of(&error, "ListLayerVersions", &arn)),
    }
}

async fn probe(client: &Client, arn: &LayerArn, known: Option<u32>) -> Result<u32> {
    let first = known.unwrap_or(1).max(1);
    let (mut newest, mut from) = (None, first);
    while from - first < MOST {
        let Some(found) = newest_of(client, arn, from).await? else {
            return newest.ok_or_else(|| {
                Error::aws(
                    format!("AWS shows no version of {arn} from {first} to {}", from.saturating_add(WINDOW - 1)),
                    "write version = N beside it in pack.toml, if you know one; leave the target out of the matrix, if its owner has no \
                     layer for it; or these credentials lack lambda:GetLayerVersion",
                )
            });
        };
        (newest, from) = (Some(found), from.saturating_add(WINDOW));
    }
    Err(Error::aws(
        format!("{arn} has more than {MOST} versions from {first} on"),
        "write version = N beside it in pack.toml",
    ))
}

/// The newest of some versions, if any of them is there.
async fn newest_of(client: &Client, arn: &LayerArn, from: u32) -> Result<Option<u32>> {
    let mut asked = JoinSet::new();
    for version in from..from.saturating_add(WINDOW) {
        let arn = LayerArn { version: Some(version), ..arn.clone() };
        let answer = client.get_layer_version_by_arn().arn(arn.to_string()).send();
        asked.spawn(async move {
            match answer.await {
                Ok(_) => Ok(Some(version)),
                Err(error) if failure::answer(&error) == Answer::Other => {
                    Err(failure::of(&error, "GetLayerVersion", &arn))
                }
                Err(_) => Ok(None),
            }
        });
    }
    let mut newest = None;
    while let Some(answer) = asked.join_next().await {
        let broken = |_| Error::aws(format!("versions of {arn} could not be tried"), "try again");
        newest = newest.max(answer.map_err(broken)??);
    }
    Ok(newest)
}
