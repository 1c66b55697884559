//! Queues.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::{Value, json};

use super::{Clients, Tags, odd};
use crate::deploy::{Call, DeadLetters, Found, Owner, QueueState};
use crate::error::Result;

pub(super) async fn read(aws: &Clients, name: &str, project: &str) -> Result<Option<Found>> {
    let arn = aws.place.arn("sqs", name);
    let url = aws.sqs.get_queue_url().queue_name(name).send();
    let Some(url) = aws.ask(Call::GetQueueUrl, &arn, url).await? else { return Ok(None) };
    let url = url.queue_url().ok_or_else(|| odd("a URL", name))?.to_owned();
    let tags = aws.sqs.list_queue_tags().queue_url(&url).send();
    // One that was deleted a moment ago still has a URL.
    let Some(tags) = aws.ask(Call::ListQueueTags, &arn, tags).await? else { return Ok(None) };
    let tags: Tags = tags.tags().cloned().unwrap_or_default().into_iter().collect();
    let attributes = aws.sqs.get_queue_attributes().queue_url(&url).attribute_names(Name::All).send();
    let Some(attributes) = aws.ask(Call::GetQueueAttributes, &arn, attributes).await? else { return Ok(None) };
    let text = |name: &Name| attributes.attributes().and_then(|all| all.get(name)).map(String::as_str);
    let number = |name: &Name| text(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let redrive: Option<Value> = text(&Name::RedrivePolicy).and_then(|text| serde_json::from_str(text).ok());
    let state = QueueState {
        visibility_timeout: number(&Name::VisibilityTimeout),
        retention: number(&Name::MessageRetentionPeriod),
        encrypted: text(&Name::SqsManagedSseEnabled) == Some("true"),
        dead_letters: redrive.and_then(|redrive| {
            let after = &redrive["maxReceiveCount"];
            let after = after.as_u64().or_else(|| after.as_str()?.parse().ok())?;
            let queue = redrive["deadLetterTargetArn"].as_str()?.to_owned();
            Some(DeadLetters { queue, after: u32::try_from(after).ok()? })
        }),
    };
    Ok(Some(Found { handle: url, ..Found::of(Owner::of(&tags, project), &state, tags) }))
}

/// Makes it, or gives it the state that it is to have.
pub(super) async fn put(
    aws: &Clients,
    name: &str,
    state: &QueueState,
    tags: &Tags,
    found: Option<&Found>,
) -> Result<()> {
    let arn = aws.place.arn("sqs", name);
    let attributes = attributes(state);
    let tags: HashMap<String, String> = tags.clone().into_iter().collect();
    let Some(found) = found else {
        let request = || {
            let request = aws.sqs.create_queue().queue_name(name).set_attributes(Some(attributes.clone()));
            request.set_tags(Some(tags.clone())).send()
        };
        // For a minute, a queue of the same name that was deleted is in the way; so is one whose letters are to go to a new one.
        let passes = |code: &str, words: &str| {
            code.ends_with("QueueDeletedRecently")
                || (code.ends_with("NonExistentQueue") || words.contains("Dead letter target does not exist"))
        };
        return aws.patiently(Call::CreateQueue, &arn, passes, request).await.map(drop);
    };
    let mut attributes = attributes;
    if state.dead_letters.is_none() && found.state["dead_letters"] != false {
        // Nothing takes away what somebody has set.
        attributes.insert(Name::RedrivePolicy, String::new());
    }
    let request = aws.sqs.set_queue_attributes().queue_url(&found.handle).set_attributes(Some(attributes)).send();
    aws.call(Call::SetQueueAttributes, &arn, request).await?;
    let request = aws.sqs.tag_queue().queue_url(&found.handle).set_tags(Some(tags)).send();
    aws.call(Call::TagQueue, &arn, request).await.map(drop)
}

fn attributes(state: &QueueState) -> HashMap<Name, String> {
    let mut attributes = HashMap::from([
        (Name::VisibilityTimeout, state.visibility_timeout.to_string()),
        (Name::MessageRetentionPeriod, state.retention.to_string()),
        (Name::SqsManagedSseEnabled, state.encrypted.to_string()),
    ]);
    if let Some(DeadLetters { queue, after }) = &state.dead_letters {
        let redrive = json!({ "deadLetterTargetArn": queue, "maxReceiveCount": after });
        attributes.insert(Name::RedrivePolicy, redrive.to_string());
    }
    attributes
}

pub(super) async fn delete(aws: &Clients, name: &str, url: &str) -> Result<()> {
    let request = aws.sqs.delete_queue().queue_url(url).send();
    aws.ask(Call::DeleteQueue, &aws.place.arn("sqs", name), request).await.map(drop)
}
