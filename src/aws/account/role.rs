//! The role of the functions, with one policy of its own.

use aws_sdk_iam::types::Tag;
use serde_json::Value;

use super::{Clients, Tags, is_there, odd};
use crate::deploy::{Call, Found, Owner, RoleState};
use crate::error::Result;

pub(super) async fn read(aws: &Clients, name: &str, project: &str) -> Result<Option<Found>> {
    let arn = arn(aws, name);
    let role = aws.iam.get_role().role_name(name).send();
    let Some(answer) = aws.ask(Call::GetRole, &arn, role).await? else { return Ok(None) };
    let role = answer.role().ok_or_else(|| odd("the role", name))?;
    let tags: Tags = role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
    let policy = aws.iam.get_role_policy().role_name(name).policy_name(RoleState::POLICY).send();
    let policy = aws.ask(Call::GetRolePolicy, &arn, policy).await?;
    let state = RoleState {
        trust: role.assume_role_policy_document().map_or(Value::Null, document),
        policy: policy.map_or(Value::Null, |answer| document(answer.policy_document())),
    };
    Ok(Some(Found::of(Owner::of(&tags, project), &state, tags)))
}

fn arn(aws: &Clients, name: &str) -> String {
    aws.place.iam(&format!("role/{name}"))
}

/// IAM escapes documents as a URL would.
fn document(text: &str) -> Value {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

pub(super) async fn put(aws: &Clients, name: &str, state: &RoleState, tags: &Tags, is_new: bool) -> Result<()> {
    let arn = arn(aws, name);
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags = tags.collect::<Result<Vec<_>, _>>().map_err(|_| odd("tags", name))?;
    let trust = state.trust.to_string();
    if is_new {
        let request = aws.iam.create_role().role_name(name).assume_role_policy_document(&trust);
        let request = request.description("Of functions that pack deploys").set_tags(Some(tags.clone())).send();
        match aws.raw(Call::CreateRole, request).await {
            Ok(_) => {}
            Err(error) if is_there(&error) => {}
            Err(error) => return Err(super::failure::of_call(&error, Call::CreateRole.action(), &arn)),
        }
    } else {
        let request = aws.iam.update_assume_role_policy().role_name(name).policy_document(&trust).send();
        aws.call(Call::UpdateAssumeRolePolicy, &arn, request).await?;
    }
    let policy = state.policy.to_string();
    let request =
        || aws.iam.put_role_policy().role_name(name).policy_name(RoleState::POLICY).policy_document(&policy).send();
    aws.patiently(Call::PutRolePolicy, &arn, |code, _| is_new && code == "NoSuchEntity", request).await?;
    // Last, so that the digest is there when all else is.
    if !is_new {
        let request = aws.iam.tag_role().role_name(name).set_tags(Some(tags)).send();
        aws.call(Call::TagRole, &arn, request).await?;
    }
    Ok(())
}

pub(super) async fn delete(aws: &Clients, name: &str) -> Result<()> {
    let arn = arn(aws, name);
    let request = aws.iam.delete_role_policy().role_name(name).policy_name(RoleState::POLICY).send();
    aws.ask(Call::DeleteRolePolicy, &arn, request).await?;
    let request = || aws.iam.delete_role().role_name(name).send();
    match aws.patiently_raw(Call::DeleteRole, |code, _| code == "ConcurrentModification", request).await {
        Ok(_) => Ok(()),
        Err(error) if super::is_missing(&error) => Ok(()),
        Err(error) => Err(super::failure::of_call(&error, Call::DeleteRole.action(), &arn)),
    }
}
