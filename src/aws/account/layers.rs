//! Versions of the project's layers. They take no tags, and never change; their description says whose they are. One that has the bytes
//! and the runtimes that are wanted is taken again.

use std::sync::Arc;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput, Runtime};

use super::wait::Pauses;
use super::{Clients, PATIENCE, Tags, each, failure, odd};
use crate::deploy::{Call, Found, Layer, LayerState, Owner, object_key};
use crate::error::Result;

/// Versions that are looked into: what is wanted is nearly always the newest.
const LOOKED_INTO: usize = 20;

/// A version that is there.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) number: i64,
    pub(super) arn: String,
    pub(super) description: String,
    runtimes: Vec<String>,
    architectures: Vec<String>,
}

/// All versions of a layer, the newest first.
pub(super) async fn versions(aws: &Clients, name: &str) -> Result<Vec<Version>> {
    let (mut versions, mut next) = (Vec::new(), None);
    loop {
        let request = aws.lambda.list_layer_versions().layer_name(name).set_marker(next).send();
        let Some(answer) = aws.ask(Call::ListLayerVersions, &arn(aws, name), request).await? else { break };
        versions.extend(answer.layer_versions().iter().filter_map(|version| {
            Some(Version {
                number: version.version(),
                arn: version.layer_version_arn()?.to_owned(),
                description: version.description().unwrap_or_default().to_owned(),
                runtimes: version.compatible_runtimes().iter().map(|runtime| runtime.as_str().to_owned()).collect(),
                architectures: version.compatible_architectures().iter().map(|one| one.as_str().to_owned()).collect(),
            })
        }));
        next = answer.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.number));
    Ok(versions)
}

fn arn(aws: &Clients, name: &str) -> String {
    aws.place.arn("lambda", &format!("layer:{name}"))
}

/// The version that is as it is to be, with its ARN; else the newest.
pub(super) async fn read(aws: &Clients, layer: &Layer) -> Result<Option<(Found, Option<String>)>> {
    let versions = versions(aws, &layer.name).await?;
    let Some(newest) = versions.first() else { return Ok(None) };
    if newest.description != layer.description {
        let owner = Owner::Other(format!("the description of its newest version is {:?}", newest.description));
        return Ok(Some((Found::of(owner, &(), Tags::new()), None)));
    }
    let wanted = layer.state();
    let mut first = None;
    let own = versions.iter().filter(|version| version.description == layer.description);
    for version in own.take(if wanted.sha256.is_some() { LOOKED_INTO } else { 1 }) {
        let state = state(aws, &layer.name, version).await?;
        let found = Found::of(Owner::Ours, &state, Tags::new());
        let is_it = wanted.sha256.as_ref().is_none_or(|sha256| state.sha256.as_ref() == Some(sha256));
        if is_it && state.runtimes == wanted.runtimes && state.architectures == wanted.architectures {
            return Ok(Some((found, Some(version.arn.clone()))));
        }
        first = first.or(Some(found));
    }
    Ok(first.map(|found| (found, None)))
}

async fn state(aws: &Clients, name: &str, version: &Version) -> Result<LayerState> {
    let request = aws.lambda.get_layer_version().layer_name(name).version_number(version.number).send();
    let answer = aws.call(Call::GetLayerVersion, &version.arn, request).await?;
    let sha256 = answer.content().and_then(|content| content.code_sha256()).and_then(hexadecimal);
    Ok(LayerState { sha256, runtimes: version.runtimes.clone(), architectures: version.architectures.clone() })
}

/// What AWS gives in base64.
pub(super) fn hexadecimal(base64: &str) -> Option<String> {
    data_encoding::BASE64.decode(base64.as_bytes()).ok().map(|bytes| data_encoding::HEXLOWER.encode(&bytes))
}

/// Publishes a version of what was uploaded, and gives its ARN. A try of which nobody knows how it ended is not made again before it was
/// looked whether there is a version now: another one would be one too many.
pub(super) async fn publish(aws: &Clients, layer: &Layer, bucket: &str) -> Result<String> {
    let artifact = layer.artifact.as_ref().ok_or_else(|| odd("bytes", &layer.name))?;
    let state = layer.state();
    let content = LayerVersionContentInput::builder().s3_bucket(bucket).s3_key(object_key(&artifact.sha256)).build();
    let once = aws_sdk_lambda::config::Builder::new().retry_config(aws_config::retry::RetryConfig::disabled());
    let mut pauses = Pauses::until(PATIENCE);
    loop {
        let request = aws
            .lambda
            .publish_layer_version()
            .layer_name(&layer.name)
            .description(&layer.description)
            .content(content.clone())
            .set_compatible_runtimes(Some(state.runtimes.iter().map(|name| Runtime::from(name.as_str())).collect()))
            .set_compatible_architectures(Some(
                state.architectures.iter().map(|name| Architecture::from(name.as_str())).collect(),
            ))
            .customize()
            .config_override(once.clone())
            .send();
        let error = match aws.raw(Call::PublishLayerVersion, request).await {
            Ok(answer) => {
                return answer.layer_version_arn().map(str::to_owned).ok_or_else(|| odd("an ARN", &layer.name));
            }
            Err(error) => error,
        };
        if !may_pass(&error) || !pauses.pause().await {
            return Err(failure::of_call(&error, Call::PublishLayerVersion.action(), &arn(aws, &layer.name)));
        }
        if let Some((_, Some(arn))) = read(aws, layer).await? {
            return Ok(arn);
        }
    }
}

/// Whether a call failed of something that may be otherwise in a moment.
fn may_pass<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let is_throttled = error.code().is_some_and(|code| code.contains("TooManyRequests") || code.contains("Throttl"));
    let is_servers = error.raw_response().is_none_or(|response| response.status().as_u16() >= 500);
    is_throttled || is_servers
}

/// The names of all layers whose newest version is the project's.
pub(super) async fn names(aws: &Clients, project: &str) -> Result<Vec<String>> {
    let (mut names, mut next) = (Vec::new(), None);
    loop {
        let request = aws.lambda.list_layers().set_marker(next).send();
        let answer = aws.call(Call::ListLayers, "*", request).await?;
        names.extend(answer.layers().iter().filter_map(|layer| {
            let description = layer.latest_matching_version()?.description()?;
            (description == Layer::marker(project)).then(|| layer.layer_name().map(str::to_owned))?
        }));
        next = answer.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(names);
        }
    }
}

/// Deletes the project's versions of a layer.
pub(super) async fn delete(aws: &Arc<Clients>, name: &str, project: &str) -> Result<()> {
    let own = versions(aws, name).await?.into_iter().filter(|version| version.description == Layer::marker(project));
    let deleted = each(own, |version| {
        let (aws, name) = (aws.clone(), name.to_owned());
        async move {
            let request = aws.lambda.delete_layer_version().layer_name(&name).version_number(version.number).send();
            aws.ask(Call::DeleteLayerVersion, &version.arn, request).await.map(drop)
        }
    });
    deleted.await.map(drop)
}
