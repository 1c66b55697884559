//! Every call of AWS's API that deploying makes: what it takes to be allowed, and on what. `aws` makes no call that is not here; what a
//! refusal names and what `--print-policy` prints is made of the same table, so that they cannot differ.
//!
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/>.

use serde_json::{Value, json};

use super::{Place, names::Names};

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
    /// The role.
    Role,
    /// The functions' log groups.
    LogGroups,
    /// The repository.
    Repository,
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
    PassRole = "iam:PassRole", Role;

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
    /// Who may take images; Lambda asks for it too, with the rights of who deploys.
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
    BatchCheckLayerAvailability = "ecr:BatchCheckLayerAvailability", Repository;
    /// Pushing.
    InitiateLayerUpload = "ecr:InitiateLayerUpload", Repository;
    /// Pushing.
    UploadLayerPart = "ecr:UploadLayerPart", Repository;
    /// Pushing.
    CompleteLayerUpload = "ecr:CompleteLayerUpload", Repository;
    /// Pushing.
    PutImage = "ecr:PutImage", Repository;
    /// Whether an image is there; and Lambda, with the rights of who deploys.
    BatchGetImage = "ecr:BatchGetImage", Repository;
    /// Lambda, with the rights of who deploys.
    GetDownloadUrlForLayer = "ecr:GetDownloadUrlForLayer", Repository;

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
    /// All functions.
    ListFunctions = "lambda:ListFunctions", All;
    /// A function.
    GetFunction = "lambda:GetFunction", Functions;
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
pub fn policy(place: &Place, names: &Names, functions: &[&str], layers: &[&str], public_layers: &[String]) -> Value {
    let buckets = [place.bucket(&names.artifacts), place.bucket(&names.data)];
    let own = |service, kind: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| place.arn(service, &format!("{kind}:{name}"))).collect()
    };
    let layers = own("lambda", "layer", layers);
    let resources = |on: On| -> Vec<String> {
        match on {
            On::All => vec!["*".into()],
            On::Buckets => buckets.to_vec(),
            On::Objects => buckets.iter().map(|bucket| format!("{bucket}/*")).collect(),
            On::Queues => vec![place.arn("sqs", &names.queue), place.arn("sqs", &names.dead_letters)],
            On::Role => vec![place.iam(&format!("role/{}", names.role))],
            On::LogGroups => functions
                .iter()
                .flat_map(|name| ["", ":*"].map(|end| place.arn("logs", &format!("log-group:/aws/lambda/{name}{end}"))))
                .collect(),
            On::Repository => vec![place.arn("ecr", &format!("repository/{}", names.repository))],
            On::Layers => layers.clone(),
            On::LayerVersions => {
                layers.iter().map(|arn| format!("{arn}:*")).chain(public_layers.iter().cloned()).collect()
            }
            // With a colon: versions and aliases.
            On::Functions => functions
                .iter()
                .flat_map(|name| ["", ":*"].map(|end| place.arn("lambda", &format!("function:{name}{end}"))))
                .collect(),
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
