//! Every call of AWS's API that deploying makes: what it takes to be allowed, and on what. `aws` makes no call that is not here; what a
//! refusal names and what `--print-policy` prints is made of the same table, so that they cannot differ.
//!
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/>.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::policies::common_beginning;
use super::{Desired, LayerRef, Role, names};
use crate::lambda::host_of;
use crate::registry::ecr_host;

/// So many functions are listed where their names do not begin with the project's. AWS takes 6,144 characters of a policy that is
/// managed, and 10,240 of a role's own.
const LISTED: usize = 5;

/// What a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// What has no resource of its own.
    All,
    /// The two buckets.
    Buckets,
    /// What is in them.
    Objects,
    /// The queues.
    Queues,
    /// The role that is made.
    Role,
    /// The role that functions get.
    PassedRole,
    /// The functions' log groups.
    LogGroups,
    /// The repository that is made.
    Repository,
    /// The repository that images are pushed to, if it is ECR's.
    Images,
    /// The project's layers.
    Layers,
    /// Versions of its layers and of the public ones.
    LayerVersions,
    /// The functions.
    Functions,
    /// The dashboard.
    Dashboard,
}

macro_rules! calls {
    ($($(#[$about:meta])* $name:ident = $action:literal, $on:ident;)*) => {
        /// A call, or a permission that one needs beside its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Call { $($(#[$about])* $name,)* }

        impl Call {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What has to be allowed.
            pub fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }

            /// On what.
            pub fn on(self) -> On {
                match self { $(Self::$name => On::$on,)* }
            }
        }
    };
}

calls! {
    /// Whose credentials they are.
    GetCallerIdentity = "sts:GetCallerIdentity", All;

    /// Whether a bucket is there, and whose.
    HeadBucket = "s3:ListBucket", Buckets;
    /// All buckets.
    ListBuckets = "s3:ListAllMyBuckets", All;
    /// Makes a bucket.
    CreateBucket = "s3:CreateBucket", Buckets;
    /// Its tags.
    GetBucketTagging = "s3:GetBucketTagging", Buckets;
    /// Sets its tags.
    PutBucketTagging = "s3:PutBucketTagging", Buckets;
    /// Whether old versions are kept.
    GetBucketVersioning = "s3:GetBucketVersioning", Buckets;
    /// Keeps old versions.
    PutBucketVersioning = "s3:PutBucketVersioning", Buckets;
    /// How it encrypts.
    GetBucketEncryption = "s3:GetEncryptionConfiguration", Buckets;
    /// Sets how it encrypts.
    PutBucketEncryption = "s3:PutEncryptionConfiguration", Buckets;
    /// Whether it can be public.
    GetPublicAccessBlock = "s3:GetBucketPublicAccessBlock", Buckets;
    /// Blocks everything public.
    PutPublicAccessBlock = "s3:PutBucketPublicAccessBlock", Buckets;
    /// Its policy.
    GetBucketPolicy = "s3:GetBucketPolicy", Buckets;
    /// Sets its policy.
    PutBucketPolicy = "s3:PutBucketPolicy", Buckets;
    /// What is in it.
    ListObjects = "s3:ListBucket", Buckets;
    /// Everything that was ever in it.
    ListObjectVersions = "s3:ListBucketVersions", Buckets;
    /// Uploads that nobody ended.
    ListMultipartUploads = "s3:ListBucketMultipartUploads", Buckets;
    /// Deletes a bucket.
    DeleteBucket = "s3:DeleteBucket", Buckets;
    /// Whether an object is there; and Lambda, which reads it with the rights of who deploys.
    HeadObject = "s3:GetObject", Objects;
    /// Uploads an object, or a part of one.
    PutObject = "s3:PutObject", Objects;
    /// Ends an upload without an object.
    AbortMultipartUpload = "s3:AbortMultipartUpload", Objects;
    /// Deletes an object.
    DeleteObjects = "s3:DeleteObject", Objects;
    /// Deletes an old version of an object.
    DeleteObjectVersions = "s3:DeleteObjectVersion", Objects;

    /// Whether a queue is there.
    GetQueueUrl = "sqs:GetQueueUrl", Queues;
    /// What it is like.
    GetQueueAttributes = "sqs:GetQueueAttributes", Queues;
    /// Its tags.
    ListQueueTags = "sqs:ListQueueTags", Queues;
    /// Makes a queue.
    CreateQueue = "sqs:CreateQueue", Queues;
    /// Changes it.
    SetQueueAttributes = "sqs:SetQueueAttributes", Queues;
    /// Tags it.
    TagQueue = "sqs:TagQueue", Queues;
    /// Deletes it.
    DeleteQueue = "sqs:DeleteQueue", Queues;

    /// The role.
    GetRole = "iam:GetRole", Role;
    /// What it may.
    GetRolePolicy = "iam:GetRolePolicy", Role;
    /// Makes it.
    CreateRole = "iam:CreateRole", Role;
    /// Sets who may be it.
    UpdateAssumeRolePolicy = "iam:UpdateAssumeRolePolicy", Role;
    /// Sets what it may.
    PutRolePolicy = "iam:PutRolePolicy", Role;
    /// Tags it.
    TagRole = "iam:TagRole", Role;
    /// Takes its policy away.
    DeleteRolePolicy = "iam:DeleteRolePolicy", Role;
    /// Deletes it.
    DeleteRole = "iam:DeleteRole", Role;
    /// Gives it to functions.
    PassRole = "iam:PassRole", PassedRole;

    /// Log groups.
    DescribeLogGroups = "logs:DescribeLogGroups", All;
    /// The tags of one.
    ListLogTags = "logs:ListTagsForResource", LogGroups;
    /// Makes one.
    CreateLogGroup = "logs:CreateLogGroup", LogGroups;
    /// Sets how long it keeps logs.
    PutRetentionPolicy = "logs:PutRetentionPolicy", LogGroups;
    /// Tags it.
    TagLogGroup = "logs:TagResource", LogGroups;
    /// Deletes it.
    DeleteLogGroup = "logs:DeleteLogGroup", LogGroups;

    /// The repository.
    DescribeRepositories = "ecr:DescribeRepositories", Repository;
    /// Its tags.
    ListRepositoryTags = "ecr:ListTagsForResource", Repository;
    /// Who may take images.
    GetRepositoryPolicy = "ecr:GetRepositoryPolicy", Repository;
    /// Which images go.
    GetLifecyclePolicy = "ecr:GetLifecyclePolicy", Repository;
    /// Makes it.
    CreateRepository = "ecr:CreateRepository", Repository;
    /// Sets who may take images.
    SetRepositoryPolicy = "ecr:SetRepositoryPolicy", Repository;
    /// Sets which images go.
    PutLifecyclePolicy = "ecr:PutLifecyclePolicy", Repository;
    /// Tags it.
    TagRepository = "ecr:TagResource", Repository;
    /// Its images.
    ListImages = "ecr:ListImages", Repository;
    /// Deletes it.
    DeleteRepository = "ecr:DeleteRepository", Repository;
    /// The password of the registry.
    GetAuthorizationToken = "ecr:GetAuthorizationToken", All;
    /// Pushing: which layers are there.
    BatchCheckLayerAvailability = "ecr:BatchCheckLayerAvailability", Images;
    /// Pushing.
    InitiateLayerUpload = "ecr:InitiateLayerUpload", Images;
    /// Pushing.
    UploadLayerPart = "ecr:UploadLayerPart", Images;
    /// Pushing.
    CompleteLayerUpload = "ecr:CompleteLayerUpload", Images;
    /// Pushing.
    PutImage = "ecr:PutImage", Images;
    /// Whether an image is there; and Lambda, with the rights of who deploys.
    BatchGetImage = "ecr:BatchGetImage", Images;
    /// Lambda, with the rights of who deploys.
    GetDownloadUrlForLayer = "ecr:GetDownloadUrlForLayer", Images;
    /// Lambda, with the rights of who deploys.
    LambdaGetRepositoryPolicy = "ecr:GetRepositoryPolicy", Images;

    /// Versions of a layer.
    ListLayerVersions = "lambda:ListLayerVersions", Layers;
    /// One of them; and Lambda, for a function that is to have it.
    GetLayerVersion = "lambda:GetLayerVersion", LayerVersions;
    /// All layers.
    ListLayers = "lambda:ListLayers", All;
    /// Makes a version.
    PublishLayerVersion = "lambda:PublishLayerVersion", Layers;
    /// Deletes a version.
    DeleteLayerVersion = "lambda:DeleteLayerVersion", LayerVersions;
    /// How much code there may be, and is.
    GetAccountSettings = "lambda:GetAccountSettings", All;
    /// All functions.
    ListFunctions = "lambda:ListFunctions", All;
    /// A function.
    GetFunction = "lambda:GetFunction", Functions;
    /// Its tags: without it `GetFunction` shows all but them.
    ListFunctionTags = "lambda:ListTags", Functions;
    /// Its configuration, or that of a version.
    GetFunctionConfiguration = "lambda:GetFunctionConfiguration", Functions;
    /// Makes a function.
    CreateFunction = "lambda:CreateFunction", Functions;
    /// Changes its code.
    UpdateFunctionCode = "lambda:UpdateFunctionCode", Functions;
    /// Changes its configuration.
    UpdateFunctionConfiguration = "lambda:UpdateFunctionConfiguration", Functions;
    /// Tags it, or a mapping.
    TagFunction = "lambda:TagResource", All;
    /// Deletes it.
    DeleteFunction = "lambda:DeleteFunction", Functions;
    /// How often it is tried again.
    GetFunctionEventInvokeConfig = "lambda:GetFunctionEventInvokeConfig", Functions;
    /// Sets how often it is tried again.
    PutFunctionEventInvokeConfig = "lambda:PutFunctionEventInvokeConfig", Functions;
    /// Its aliases.
    GetAlias = "lambda:GetAlias", Functions;
    /// Makes a version.
    PublishVersion = "lambda:PublishVersion", Functions;
    /// Makes an alias.
    CreateAlias = "lambda:CreateAlias", Functions;
    /// Leads it to another version.
    UpdateAlias = "lambda:UpdateAlias", Functions;
    /// Deletes it.
    DeleteAlias = "lambda:DeleteAlias", Functions;
    /// Mappings.
    ListEventSourceMappings = "lambda:ListEventSourceMappings", All;
    /// One of them.
    GetEventSourceMapping = "lambda:GetEventSourceMapping", All;
    /// Makes one.
    CreateEventSourceMapping = "lambda:CreateEventSourceMapping", All;
    /// Changes one.
    UpdateEventSourceMapping = "lambda:UpdateEventSourceMapping", All;
    /// Deletes one.
    DeleteEventSourceMapping = "lambda:DeleteEventSourceMapping", All;

    /// The dashboard.
    GetDashboard = "cloudwatch:GetDashboard", Dashboard;
    /// Makes or changes it.
    PutDashboard = "cloudwatch:PutDashboard", Dashboard;
    /// Deletes it.
    DeleteDashboards = "cloudwatch:DeleteDashboards", Dashboard;
}

/// The least policy of who deploys and destroys a project.
pub fn policy(desired: &Desired) -> Value {
    let (place, names) = (&desired.place, &desired.names);
    let buckets = [place.bucket(&names.artifacts), place.bucket(&names.data)];
    let functions: Vec<&str> = desired.functions.iter().map(|function| function.name.as_str()).collect();
    let functions = patterns(&desired.project, &functions);
    // All that it ever had are called so.
    let layers = place.arn("lambda", &format!("layer:{}-*", names::plain(&desired.project)));
    let resources = |on: On| -> Vec<String> {
        match on {
            On::All => vec!["*".into()],
            On::Buckets => buckets.to_vec(),
            On::Objects => buckets.iter().map(|bucket| format!("{bucket}/*")).collect(),
            On::Queues => vec![place.arn("sqs", &names.queue), place.arn("sqs", &names.dead_letters)],
            On::Role => vec![place.iam(&format!("role/{}", names.role))],
            On::PassedRole => match &desired.role {
                Role::Own(_) => vec![place.iam(&format!("role/{}", names.role))],
                Role::Given(arn) => vec![arn.clone()],
            },
            On::LogGroups => {
                functions.iter().map(|name| place.arn("logs", &format!("log-group:/aws/lambda/{name}"))).collect()
            }
            On::Repository => own_repository(desired).into_iter().collect(),
            On::Images => own_repository(desired).or_else(|| ecr_repository(desired)).into_iter().collect(),
            On::Layers => vec![layers.clone()],
            On::LayerVersions => [format!("{layers}:*")].into_iter().chain(published_layers(desired)).collect(),
            // With a colon: versions and aliases.
            On::Functions => functions.iter().map(|name| place.arn("lambda", &format!("function:{name}"))).collect(),
            On::Dashboard => {
                vec![format!("arn:{}:cloudwatch::{}:dashboard/{}", place.partition, place.account, names.dashboard)]
            }
        }
    };
    let mut kinds: Vec<On> = Call::ALL.iter().map(|call| call.on()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let statements: Vec<Value> = kinds
        .into_iter()
        .map(|on| {
            let mut actions: Vec<&str> = Call::ALL.iter().filter(|call| call.on() == on).map(|call| call.action()).collect();
            actions.sort_unstable();
            actions.dedup();
            (on, actions, resources(on))
        })
        .filter(|(.., resources)| !resources.is_empty())
        .map(|(on, actions, resources)| {
            json!({ "Sid": format!("{on:?}"), "Effect": "Allow", "Action": actions, "Resource": resources })
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Names as resources have them, with what comes after a colon. Where all begin with the project's name, its beginning stands for them, so
/// that what an older pack.toml has made is meant too; where many begin with something else, that does.
fn patterns(project: &str, names: &[&str]) -> Vec<String> {
    match beginning(&names::plain(project), names) {
        Some(beginning) => vec![format!("{beginning}*")],
        None => names.iter().flat_map(|name| ["", ":*"].map(|end| format!("{name}{end}"))).collect(),
    }
}

/// A beginning with a `-` or `_` at its end, and no part of a word: `r*` would be anybody's.
fn beginning<'a>(project: &str, names: &[&'a str]) -> Option<&'a str> {
    let common = common_beginning(names);
    let ends = |end: usize| common[end..].starts_with(['-', '_']);
    let own = Some(project.len()).filter(|end| common.starts_with(project) && ends(*end));
    let shared = || common.rfind(['-', '_']).filter(|_| names.len() > LISTED);
    let beginning = &common[..=own.or_else(shared)?];
    beginning.contains(|letter: char| letter.is_ascii_alphanumeric()).then_some(beginning)
}

/// The repository that is made, if none of a registry is named.
fn own_repository(desired: &Desired) -> Option<String> {
    let name = &desired.names.repository;
    host_of(name).is_none().then(|| desired.place.arn("ecr", &format!("repository/{name}")))
}

/// The one that is named, if its registry is AWS's.
fn ecr_repository(desired: &Desired) -> Option<String> {
    let (host, name) = desired.names.repository.split_once('/')?;
    let (account, region) = ecr_host(host)?;
    Some(format!("arn:{}:ecr:{region}:{account}:repository/{name}", desired.place.partition))
}

/// Versions of somebody else's layers.
fn published_layers(desired: &Desired) -> BTreeSet<String> {
    let layers = desired.functions.iter().flat_map(|function| &function.layers);
    let published = layers.filter_map(|layer| match layer {
        LayerRef::Published(arn) if arn.starts_with("arn:") => Some(arn.clone()),
        _ => None,
    });
    published.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_what_they_begin_with_and_never_everything() {
        // Rows that are gone are called so too.
        assert_eq!(patterns("reports", &["reports-job"]), ["reports-*"]);
        assert_eq!(patterns("my.reports", &["my-reports_a", "my-reports_b"]), ["my-reports_*"]);
        assert_eq!(patterns("reports", &["perf-1", "perf-2"]), ["perf-1", "perf-1:*", "perf-2", "perf-2:*"]);
        let many =
            |beginning: &str| -> Vec<String> { ('a'..='h').map(|letter| format!("{beginning}{letter}")).collect() };
        let of = |names: &[String]| patterns("reports", &names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(of(&many("perf_zip-")), ["perf_zip-*"]);
        // No part of a word, and not all that the account has.
        for beginning in ["", "-", "r", "reportsx"] {
            assert_eq!(of(&many(beginning)).len(), 16, "{beginning}");
        }
        assert!(patterns("reports", &[]).is_empty());
    }
}
