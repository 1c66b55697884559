//! Buckets. What has no tags from the call that makes it: a bucket gets them from the next one, so that one that is untagged and empty,
//! has a name that only pack gives (account and Region are in it) and belongs to this very account is taken for one that an interrupted run has
//! made.

use std::sync::Arc;

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    Tag, Tagging, VersioningConfiguration,
};
use serde_json::Value;

use super::{Clients, Tags, each, failure, is_coded, is_missing, is_there, odd};
use crate::deploy::{BucketState, Call, Found, Owner, PROJECT_TAG};
use crate::error::{Error, Result};

/// The most buckets that one call lists.
const LISTED: i32 = 1000;

/// A bucket that is there.
pub(super) async fn read(aws: &Clients, name: &str, project: &str) -> Result<Option<Found>> {
    let (arn, account) = (aws.place.bucket(name), aws.place.account.as_str());
    let head = aws.s3.head_bucket().bucket(name).send();
    match aws.raw(Call::HeadBucket, head).await {
        Ok(_) => {}
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 301) => {
            return Ok(Some(somebodys(&format!("it is in another Region than {}", aws.place.region))));
        }
        Err(error) if failure::answer(&error) == failure::Answer::Refused => {
            return Ok(Some(somebodys("it is somebody else's, or these credentials lack s3:ListBucket on it")));
        }
        Err(error) => return Err(failure::of_call(&error, Call::HeadBucket.action(), &arn)),
    }
    // Whoever else has it may have allowed us to look.
    let tags = aws.s3.get_bucket_tagging().bucket(name).expected_bucket_owner(account).send();
    let tags = match aws.raw(Call::GetBucketTagging, tags).await {
        Ok(answer) => answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        Err(error) if is_missing(&error) => Tags::new(),
        Err(error) => return Err(failure::of_call(&error, Call::GetBucketTagging.action(), &arn)),
    };
    let mut owner = Owner::of(&tags, project);
    // A name that somebody chose may be that of a bucket which somebody made for it.
    let is_generated = name.ends_with(&format!("-{account}-{}", aws.place.region));
    if tags.is_empty() && is_generated {
        let listed = aws.s3.list_objects_v2().bucket(name).expected_bucket_owner(account).max_keys(1).send();
        if aws.call(Call::ListObjects, &arn, listed).await?.contents().is_empty() {
            owner = Owner::Ours;
        }
    }
    if owner != Owner::Ours {
        return Ok(Some(Found { owner, ..somebodys("") }));
    }
    let versioning = aws.s3.get_bucket_versioning().bucket(name).send();
    let versioning = aws.call(Call::GetBucketVersioning, &arn, versioning).await?;
    let encryption = aws.s3.get_bucket_encryption().bucket(name).send();
    let encryption = aws.ask(Call::GetBucketEncryption, &arn, encryption).await?;
    let encryption = encryption.as_ref().and_then(|answer| {
        let rules = answer.server_side_encryption_configuration()?.rules().first()?;
        Some(rules.apply_server_side_encryption_by_default()?.sse_algorithm().as_str().to_owned())
    });
    let blocked = aws.s3.get_public_access_block().bucket(name).send();
    let blocked = aws.ask(Call::GetPublicAccessBlock, &arn, blocked).await?;
    let blocked = blocked.as_ref().and_then(|answer| answer.public_access_block_configuration());
    let policy = aws.s3.get_bucket_policy().bucket(name).send();
    let policy = aws.ask(Call::GetBucketPolicy, &arn, policy).await?;
    let state = BucketState {
        encryption: encryption.unwrap_or_default(),
        versioning: versioning.status() == Some(&BucketVersioningStatus::Enabled),
        blocks_public_access: blocked.is_some_and(|blocked| {
            [
                blocked.block_public_acls(),
                blocked.block_public_policy(),
                blocked.ignore_public_acls(),
                blocked.restrict_public_buckets(),
            ]
            .iter()
            .all(|is_blocked| *is_blocked == Some(true))
        }),
        policy: policy.and_then(|answer| serde_json::from_str(answer.policy()?).ok()).unwrap_or(Value::Null),
    };
    Ok(Some(Found::of(owner, &state, tags)))
}

fn somebodys(why: &str) -> Found {
    Found::of(Owner::Other(why.to_owned()), &(), Tags::new())
}

/// Makes it, unless it is there, and gives it the state that it is to have.
pub(super) async fn put(
    aws: &Clients,
    name: &str,
    state: &BucketState,
    tags: &Tags,
    found: Option<&Found>,
) -> Result<()> {
    let arn = aws.place.bucket(name);
    if found.is_none() {
        create(aws, name, &arn).await?;
    }
    // S3 puts these in the place of all that it has: those of others stay.
    let mut all = found.map(|found| found.tags.clone()).unwrap_or_default();
    all.extend(tags.clone());
    let set = all.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let set = set.collect::<Result<Vec<_>, _>>().map_err(|_| odd("tags", name))?;
    let tagging = Tagging::builder().set_tag_set(Some(set)).build().map_err(|_| odd("tags", name))?;
    let request = || aws.s3.put_bucket_tagging().bucket(name).tagging(tagging.clone()).send();
    aws.patiently(Call::PutBucketTagging, &arn, passes, request).await?;
    let blocked = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let request =
        || aws.s3.put_public_access_block().bucket(name).public_access_block_configuration(blocked.clone()).send();
    aws.patiently(Call::PutPublicAccessBlock, &arn, passes, request).await?;
    let by_default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
    let by_default = by_default.map_err(|_| odd("an encryption", name))?;
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_default).build();
    let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(|_| odd("rules", name))?;
    let request =
        || aws.s3.put_bucket_encryption().bucket(name).server_side_encryption_configuration(rules.clone()).send();
    aws.patiently(Call::PutBucketEncryption, &arn, passes, request).await?;
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = || aws.s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning.clone()).send();
    aws.patiently(Call::PutBucketVersioning, &arn, passes, request).await?;
    if state.policy.is_null() {
        return Ok(());
    }
    let request = || aws.s3.put_bucket_policy().bucket(name).policy(state.policy.to_string()).send();
    aws.patiently(Call::PutBucketPolicy, &arn, passes, request).await?;
    Ok(())
}

/// What S3 says of a bucket that was made or changed a moment ago, and is not seen everywhere yet.
fn passes(code: &str, _: &str) -> bool {
    matches!(code, "NoSuchBucket" | "OperationAborted")
}

async fn create(aws: &Clients, name: &str, arn: &str) -> Result<()> {
    let region = aws.place.region.as_str();
    // The oldest Region has no name here.
    let place = (region != "us-east-1").then(|| {
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
    });
    let request = || aws.s3.create_bucket().bucket(name).set_create_bucket_configuration(place.clone()).send();
    // S3 needs a while to forget a bucket of the same name.
    match aws.patiently_raw(Call::CreateBucket, |code, _| code == "OperationAborted", request).await {
        Ok(_) => Ok(()),
        Err(error) if is_coded(&error, "BucketAlreadyExists") => Err(Error::aws(
            format!("the bucket {name} is somebody else's: names of buckets are for all accounts together"),
            "give it another name: artifacts and data in [deploy] of pack.toml",
        )),
        Err(error) if is_there(&error) => Ok(()),
        Err(error) => Err(failure::of_call(&error, Call::CreateBucket.action(), arn)),
    }
}

/// Deletes it, with all that is in it or only if nothing is: what came into it since somebody looked is not lost.
pub(super) async fn delete(aws: &Clients, name: &str, with_contents: bool) -> Result<()> {
    if with_contents {
        super::objects::clear(aws, name).await?;
    }
    let request = aws.s3.delete_bucket().bucket(name).send();
    match aws.raw(Call::DeleteBucket, request).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) if is_coded(&error, "BucketNotEmpty") => Err(Error::aws(
            format!("something was written into the bucket {name} meanwhile: it stays"),
            "run it again: it says which flag deletes what is in it",
        )),
        Err(error) => Err(failure::of_call(&error, Call::DeleteBucket.action(), &aws.place.bucket(name))),
    }
}

/// The names of all buckets of this Region that have the project's tag, as far as they can be looked at.
pub(super) async fn names(aws: &Arc<Clients>, project: &str) -> Result<Vec<String>> {
    let (mut names, mut next) = (Vec::new(), None);
    loop {
        let request = aws.s3.list_buckets().bucket_region(&aws.place.region).max_buckets(LISTED);
        let listed = aws.call(Call::ListBuckets, "*", request.set_continuation_token(next).send()).await?;
        names.extend(listed.buckets().iter().filter_map(|bucket| bucket.name().map(str::to_owned)));
        next = listed.continuation_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    let owned = each(names, |name| {
        let (aws, project) = (aws.clone(), project.to_owned());
        async move {
            let request = aws.s3.get_bucket_tagging().bucket(&name).send();
            match aws.raw(Call::GetBucketTagging, request).await {
                Ok(answer) => {
                    let is_ours = answer.tag_set().iter().any(|tag| tag.key() == PROJECT_TAG && tag.value() == project);
                    Ok(is_ours.then_some(name))
                }
                // What has no tags or may not be looked at is not ours.
                Err(error) if is_missing(&error) || failure::answer(&error) == failure::Answer::Refused => Ok(None),
                Err(error) => Err(failure::of_call(&error, Call::GetBucketTagging.action(), &aws.place.bucket(&name))),
            }
        }
    });
    Ok(owned.await?.into_iter().flatten().collect())
}
