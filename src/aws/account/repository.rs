//! The repository of the images in ECR.

use aws_sdk_ecr::types::Tag;
use serde_json::Value;

use super::{Clients, Tags, is_there, odd};
use crate::deploy::{Call, Found, Owner, RepositoryState};
use crate::error::Result;

pub(super) async fn read(aws: &Clients, name: &str, project: &str) -> Result<Option<Found>> {
    let arn = arn(aws, name);
    let request = aws.ecr.describe_repositories().repository_names(name).send();
    if aws.ask(Call::DescribeRepositories, &arn, request).await?.is_none() {
        return Ok(None);
    }
    let request = aws.ecr.list_tags_for_resource().resource_arn(&arn).send();
    let tags = aws.call(Call::ListRepositoryTags, &arn, request).await?;
    let tags: Tags = tags.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
    let request = aws.ecr.get_repository_policy().repository_name(name).send();
    let policy = aws.ask(Call::GetRepositoryPolicy, &arn, request).await?;
    let request = aws.ecr.get_lifecycle_policy().repository_name(name).send();
    let lifecycle = aws.ask(Call::GetLifecyclePolicy, &arn, request).await?;
    let parsed = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let state = RepositoryState {
        policy: parsed(policy.as_ref().and_then(|answer| answer.policy_text())),
        lifecycle: parsed(lifecycle.as_ref().and_then(|answer| answer.lifecycle_policy_text())),
    };
    Ok(Some(Found::of(Owner::of(&tags, project), &state, tags)))
}

fn arn(aws: &Clients, name: &str) -> String {
    aws.place.arn("ecr", &format!("repository/{name}"))
}

pub(super) async fn put(aws: &Clients, name: &str, state: &RepositoryState, tags: &Tags, is_new: bool) -> Result<()> {
    let arn = arn(aws, name);
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags = tags.collect::<Result<Vec<_>, _>>().map_err(|_| odd("tags", name))?;
    if is_new {
        let request = aws.ecr.create_repository().repository_name(name).set_tags(Some(tags.clone())).send();
        match aws.raw(Call::CreateRepository, request).await {
            Ok(_) => {}
            Err(error) if is_there(&error) => {}
            Err(error) => return Err(super::failure::of_call(&error, Call::CreateRepository.action(), &arn)),
        }
    }
    let request = aws.ecr.set_repository_policy().repository_name(name).policy_text(state.policy.to_string()).send();
    aws.call(Call::SetRepositoryPolicy, &arn, request).await?;
    let text = state.lifecycle.to_string();
    let request = aws.ecr.put_lifecycle_policy().repository_name(name).lifecycle_policy_text(text).send();
    aws.call(Call::PutLifecyclePolicy, &arn, request).await?;
    if !is_new {
        let request = aws.ecr.tag_resource().resource_arn(&arn).set_tags(Some(tags)).send();
        aws.call(Call::TagRepository, &arn, request).await?;
    }
    Ok(())
}

/// Whether there is no image in it.
pub(super) async fn is_empty(aws: &Clients, name: &str) -> Result<bool> {
    let request = aws.ecr.list_images().repository_name(name).max_results(1).send();
    Ok(aws.call(Call::ListImages, &arn(aws, name), request).await?.image_ids().is_empty())
}

/// Deletes it, with its images or only if there is none.
pub(super) async fn delete(aws: &Clients, name: &str, with_contents: bool) -> Result<()> {
    let request = aws.ecr.delete_repository().repository_name(name).force(with_contents).send();
    aws.ask(Call::DeleteRepository, &arn(aws, name), request).await.map(drop)
}
