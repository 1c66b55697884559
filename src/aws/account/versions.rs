//! Published versions of functions, and the alias that leads to the newest. The description of a version is the digest of the function's
//! desired state: so a version that is there need not be compared, since it never changes.

use super::functions::ready;
use super::wait::passes_in_lambda;
use super::{Clients, Tags, is_coded, odd};
use crate::deploy::{AliasState, Call, Found, Owner};
use crate::error::Result;

/// The alias of a function; its handle is the version that it leads to.
pub(super) async fn read(aws: &Clients, function: &str, alias: &str) -> Result<Option<Found>> {
    let arn = arn(aws, function, alias);
    let request = aws.lambda.get_alias().function_name(function).name(alias).send();
    let Some(answer) = aws.ask(Call::GetAlias, &arn, request).await? else { return Ok(None) };
    let version = answer.function_version().ok_or_else(|| odd("a version", &arn))?.to_owned();
    let request = aws.lambda.get_function_configuration().function_name(function).qualifier(&version).send();
    let serves = aws.ask(Call::GetFunctionConfiguration, &arn, request).await?;
    let serves = serves.and_then(|answer| answer.description().map(str::to_owned));
    // It is the function's, and so of whoever has the function.
    let found = Found::of(Owner::Ours, &AliasState { serves: serves.or_else(|| Some(String::new())) }, Tags::new());
    Ok(Some(Found { handle: version, ..found }))
}

fn arn(aws: &Clients, function: &str, alias: &str) -> String {
    aws.place.arn("lambda", &format!("function:{function}:{alias}"))
}

/// Publishes a version, waits for it, and lets the alias lead to it.
pub(super) async fn put(aws: &Clients, function: &str, alias: &str, digest: &str, is_new: bool) -> Result<()> {
    let arn = arn(aws, function, alias);
    let revision = ready(aws, function, None).await?.revision;
    let request = || {
        let request = aws.lambda.publish_version().function_name(function).description(digest);
        request.set_revision_id((!revision.is_empty()).then(|| revision.clone())).send()
    };
    let published = aws.patiently(Call::PublishVersion, &arn, passes_in_lambda, request).await?;
    let version = published.version().ok_or_else(|| odd("a version", &arn))?.to_owned();
    ready(aws, function, Some(&version)).await?;
    if is_new {
        let request = aws.lambda.create_alias().function_name(function).name(alias).function_version(&version).send();
        match aws.raw(Call::CreateAlias, request).await {
            Ok(_) => return Ok(()),
            // An earlier try of the same call made it.
            Err(error) if is_coded(&error, "ResourceConflictException") => {}
            Err(error) => return Err(super::failure::of_call(&error, Call::CreateAlias.action(), &arn)),
        }
    }
    let request = || aws.lambda.update_alias().function_name(function).name(alias).function_version(&version).send();
    aws.patiently(Call::UpdateAlias, &arn, passes_in_lambda, request).await.map(drop)
}

pub(super) async fn delete(aws: &Clients, function: &str, alias: &str) -> Result<()> {
    let request = aws.lambda.delete_alias().function_name(function).name(alias).send();
    aws.ask(Call::DeleteAlias, &arn(aws, function, alias), request).await.map(drop)
}
