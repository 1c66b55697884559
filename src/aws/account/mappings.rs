//! Event source mappings from the project's queue. One is the project's since both of its ends are.

use std::time::Duration;

use aws_sdk_lambda::types::{EventSourceMappingConfiguration, FunctionResponseType, ScalingConfig};

use super::wait::{Pauses, passes_in_lambda};
use super::{Clients, Tags, is_coded, odd};
use crate::deploy::{Call, Found, MappingState, Owner, PROJECT_TAG};
use crate::error::{Error, Result};

/// A mapping is on its way for about a minute.
const SETTLED: Duration = Duration::from_mins(5);

/// All mappings of a queue, by the function's name; their handles are their UUIDs. A mapping through an alias and one past it are two of
/// one function: the second is called `FUNCTION#UUID`.
pub(super) async fn read(aws: &Clients, queue: &str) -> Result<Vec<(String, Found)>> {
    let (mut mappings, mut next): (Vec<(String, Found)>, _) = (Vec::new(), None);
    loop {
        let request = aws.lambda.list_event_source_mappings().event_source_arn(queue).set_marker(next).send();
        let answer = aws.call(Call::ListEventSourceMappings, "*", request).await?;
        for mapping in answer.event_source_mappings() {
            if mapping.state() == Some("Deleting") {
                continue;
            }
            let Some((invokes, uuid)) = mapping.function_arn().zip(mapping.uuid()) else { continue };
            let Some(function) = invokes.split(':').nth(6) else { continue };
            let found =
                Found { handle: uuid.to_owned(), ..Found::of(Owner::Ours, &state(mapping, invokes), Tags::new()) };
            let is_taken = mappings.iter().any(|(name, _)| name == function);
            let name = if is_taken { format!("{function}#{uuid}") } else { function.to_owned() };
            mappings.push((name, found));
        }
        next = answer.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(mappings);
        }
    }
}

fn state(mapping: &EventSourceMappingConfiguration, invokes: &str) -> MappingState {
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    MappingState {
        invokes: invokes.to_owned(),
        batch_size: number(mapping.batch_size()),
        maximum_concurrency: number(mapping.scaling_config().and_then(ScalingConfig::maximum_concurrency)),
        reports_failures: mapping.function_response_types().contains(&FunctionResponseType::ReportBatchItemFailures),
        enabled: !matches!(mapping.state(), Some("Disabled" | "Disabling")),
    }
}

pub(super) async fn put(
    aws: &Clients,
    name: &str,
    queue: &str,
    state: &MappingState,
    project: &str,
    found: Option<&Found>,
) -> Result<()> {
    let arn = state.invokes.as_str();
    // 0 is no number of executions: an empty configuration takes a limit away.
    let most = (state.maximum_concurrency > 0).then(|| i32::try_from(state.maximum_concurrency).unwrap_or(i32::MAX));
    let scaling = ScalingConfig::builder().set_maximum_concurrency(most).build();
    let batch = i32::try_from(state.batch_size).unwrap_or(i32::MAX);
    let passes = |code: &str, words: &str| {
        passes_in_lambda(code, words)
            || (code == "InvalidParameterValueException"
                && (words.contains("permission") || words.contains("does not exist")))
    };
    let uuid = if let Some(found) = found {
        let request = || {
            let request =
                aws.lambda.update_event_source_mapping().uuid(&found.handle).function_name(arn).batch_size(batch);
            let request = request.scaling_config(scaling.clone()).enabled(state.enabled);
            request.function_response_types(FunctionResponseType::ReportBatchItemFailures).send()
        };
        aws.patiently(Call::UpdateEventSourceMapping, arn, passes, request).await?;
        found.handle.clone()
    } else {
        let request = || {
            let request = aws.lambda.create_event_source_mapping().event_source_arn(queue).function_name(arn);
            let request = request.batch_size(batch).enabled(state.enabled);
            let request = request.set_scaling_config(most.map(|_| scaling.clone()));
            let request = request.function_response_types(FunctionResponseType::ReportBatchItemFailures);
            request.tags(PROJECT_TAG, project).send()
        };
        let mut going = Pauses::until(SETTLED);
        loop {
            match aws.patiently_raw(Call::CreateEventSourceMapping, passes, request).await {
                Ok(answer) => break answer.uuid().ok_or_else(|| odd("a UUID", arn))?.to_owned(),
                Err(error) if is_coded(&error, "ResourceConflictException") => {
                    // An earlier try of the same call made it; or one that is being deleted is not gone yet.
                    let known = read(aws, queue).await?.into_iter().find(|(function, _)| function == name);
                    match known {
                        Some((_, found)) => break found.handle,
                        None if going.pause().await => {}
                        None => return Err(odd("the mapping", arn)),
                    }
                }
                Err(error) => {
                    return Err(super::failure::of_call(&error, Call::CreateEventSourceMapping.action(), arn));
                }
            }
        }
    };
    settled(aws, &uuid, name, state.enabled).await
}

/// Waits until a mapping does what it is to do.
async fn settled(aws: &Clients, uuid: &str, name: &str, enabled: bool) -> Result<()> {
    let mut pauses = Pauses::until(SETTLED);
    loop {
        let request = aws.lambda.get_event_source_mapping().uuid(uuid).send();
        let answer = aws.call(Call::GetEventSourceMapping, "*", request).await?;
        let wanted = if enabled { "Enabled" } else { "Disabled" };
        if answer.state() == Some(wanted) || answer.state().is_none() {
            return Ok(());
        }
        if !pauses.pause().await {
            return Err(Error::aws(
                format!("the mapping of {name} is {} and not {wanted}", answer.state().unwrap_or_default()),
                "run it again; the console shows what Lambda says of the trigger",
            ));
        }
    }
}

pub(super) async fn delete(aws: &Clients, uuid: &str) -> Result<()> {
    let request = || aws.lambda.delete_event_source_mapping().uuid(uuid).send();
    match aws.patiently_raw(Call::DeleteEventSourceMapping, |code, _| code == "ResourceInUseException", request).await {
        Ok(_) => Ok(()),
        Err(error) if super::is_missing(&error) => Ok(()),
        Err(error) => Err(super::failure::of_call(&error, Call::DeleteEventSourceMapping.action(), "*")),
    }
}
