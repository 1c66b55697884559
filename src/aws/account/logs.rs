//! Log groups: made before the functions are, so that Lambda makes none itself, which would have neither tags nor an end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Clients, Tags, each, failure, is_missing, is_there};
use crate::deploy::{Call, Found, LogGroupState, Owner, PROJECT_TAG};
use crate::error::Result;

/// Log groups that begin so, with the days that they keep logs.
pub(super) async fn list(aws: &Clients, beginning: &str) -> Result<BTreeMap<String, u32>> {
    let mut groups = BTreeMap::new();
    let mut next = None;
    loop {
        let request = aws.logs.describe_log_groups().log_group_name_prefix(beginning).set_next_token(next).send();
        let answer = aws.call(Call::DescribeLogGroups, "*", request).await?;
        groups.extend(answer.log_groups().iter().filter_map(|group| {
            let days = group.retention_in_days().and_then(|days| u32::try_from(days).ok());
            Some((group.log_group_name()?.to_owned(), days.unwrap_or(0)))
        }));
        next = answer.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(groups);
        }
    }
}

/// Whose they are.
pub(super) async fn read(
    aws: &Arc<Clients>,
    groups: BTreeMap<String, u32>,
    project: &str,
) -> Result<Vec<(String, Found)>> {
    let found = each(groups, |(name, retention)| {
        let (aws, project) = (aws.clone(), project.to_owned());
        async move {
            let arn = arn(&aws, &name);
            let request = aws.logs.list_tags_for_resource().resource_arn(&arn).send();
            let Some(answer) = aws.ask(Call::ListLogTags, &arn, request).await? else { return Ok(None) };
            let tags: Tags = answer.tags().cloned().unwrap_or_default().into_iter().collect();
            Ok(Some((name, Found::of(Owner::of(&tags, &project), &LogGroupState { retention }, tags))))
        }
    });
    Ok(found.await?.into_iter().flatten().collect())
}

/// The names of the project's among all that functions have. What these credentials may not look at is somebody else's.
pub(super) async fn names(aws: &Arc<Clients>, project: &str) -> Result<Vec<String>> {
    let groups = list(aws, "/aws/lambda/").await?;
    let owned = each(groups.into_keys(), |name| {
        let (aws, project) = (aws.clone(), project.to_owned());
        async move {
            let arn = arn(&aws, &name);
            let request = aws.logs.list_tags_for_resource().resource_arn(&arn).send();
            match aws.raw(Call::ListLogTags, request).await {
                Ok(answer) => {
                    let is_ours = answer.tags().and_then(|tags| tags.get(PROJECT_TAG)) == Some(&project);
                    Ok(is_ours.then_some(name))
                }
                Err(error) if is_missing(&error) || failure::answer(&error) == failure::Answer::Refused => Ok(None),
                Err(error) => Err(failure::of_call(&error, Call::ListLogTags.action(), &arn)),
            }
        }
    });
    Ok(owned.await?.into_iter().flatten().collect())
}

fn arn(aws: &Clients, name: &str) -> String {
    aws.place.arn("logs", &format!("log-group:{name}"))
}

pub(super) async fn put(aws: &Clients, name: &str, state: &LogGroupState, tags: &Tags, is_new: bool) -> Result<()> {
    let arn = arn(aws, name);
    let tags: HashMap<String, String> = tags.clone().into_iter().collect();
    if is_new {
        let request = || aws.logs.create_log_group().log_group_name(name).set_tags(Some(tags.clone())).send();
        match aws.patiently_raw(Call::CreateLogGroup, |code, _| code == "OperationAbortedException", request).await {
            Ok(_) => {}
            Err(error) if is_there(&error) => {}
            Err(error) => return Err(failure::of_call(&error, Call::CreateLogGroup.action(), &arn)),
        }
    }
    let days = i32::try_from(state.retention).unwrap_or(i32::MAX);
    let request = aws.logs.put_retention_policy().log_group_name(name).retention_in_days(days).send();
    aws.call(Call::PutRetentionPolicy, &arn, request).await?;
    if !is_new {
        let request = aws.logs.tag_resource().resource_arn(&arn).set_tags(Some(tags)).send();
        aws.call(Call::TagLogGroup, &arn, request).await?;
    }
    Ok(())
}

pub(super) async fn delete(aws: &Clients, name: &str) -> Result<()> {
    let request = aws.logs.delete_log_group().log_group_name(name).send();
    aws.ask(Call::DeleteLogGroup, &arn(aws, name), request).await.map(drop)
}
