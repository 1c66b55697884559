//! The state of a resource: the same type for what is to be and for what is there, so that comparing is comparing fields.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A kind of resource, in the order in which they are made; they are deleted in reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A bucket of S3.
    Bucket,
    /// A queue of SQS.
    Queue,
    /// A role of IAM.
    Role,
    /// A log group of `CloudWatch`.
    LogGroup,
    /// A repository of ECR.
    Repository,
    /// A ZIP in the bucket of artifacts.
    Object,
    /// An image in the repository.
    Image,
    /// A version of a layer.
    Layer,
    /// A function.
    Function,
    /// An alias of a function, and the version that it leads to.
    Alias,
    /// An event source mapping, from the queue to a function.
    Mapping,
    /// A dashboard of `CloudWatch`.
    Dashboard,
}

impl Kind {
    /// What a person calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Queue => "queue",
            Self::Role => "role",
            Self::LogGroup => "log group",
            Self::Repository => "repository",
            Self::Object => "object",
            Self::Image => "image",
            Self::Layer => "layer",
            Self::Function => "function",
            Self::Alias => "alias",
            Self::Mapping => "mapping",
            Self::Dashboard => "dashboard",
        }
    }
}

/// Something that a project is to have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Its name, the only one of its kind in account and Region.
    pub name: String,
    /// Its state, a JSON object: one of the types below. What is null is not known yet, and not compared.
    pub state: Value,
    /// Its tags, where it takes any.
    pub tags: BTreeMap<String, String>,
}

/// Of a bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BucketState {
    /// `AES256`, or another way that somebody chose.
    pub encryption: String,
    /// Whether old versions of objects are kept.
    pub versioning: bool,
    /// Whether everything public is blocked.
    pub blocks_public_access: bool,
    /// Its policy.
    pub policy: Value,
}

/// Of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueState {
    /// Seconds in which a message that was taken has to be done with.
    pub visibility_timeout: u32,
    /// Seconds that a message is kept.
    pub retention: u32,
    /// Whether SQS encrypts with its own keys.
    pub encrypted: bool,
    /// Where messages go that failed too often. Without any: `false`, so that it is compared.
    #[serde(serialize_with = "or_false")]
    pub dead_letters: Option<DeadLetters>,
}

/// Where messages go that failed too often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetters {
    /// The ARN of the queue.
    pub queue: String,
    /// So many times.
    pub after: u32,
}

/// Of a role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoleState {
    /// Who may be it.
    pub trust: Value,
    /// What it may: its policy called [`RoleState::POLICY`].
    pub policy: Value,
}

impl RoleState {
    /// The name of the role's own policy.
    pub const POLICY: &'static str = "pack";
}

/// Of a log group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogGroupState {
    /// Days; 0 for always.
    pub retention: u32,
}

/// Of a repository.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RepositoryState {
    /// Who may take images.
    pub policy: Value,
    /// Which images go, and when.
    pub lifecycle: Value,
}

/// Of a version of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerState {
    /// SHA-256 of its ZIP in hexadecimal.
    pub sha256: Option<String>,
    /// `python3.13`.
    pub runtimes: Vec<String>,
    /// `x86_64`, `arm64`.
    pub architectures: Vec<String>,
}

/// Of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionState {
    /// `Zip` or `Image`.
    pub package: String,
    /// SHA-256 of its ZIP, or the digest of its image without `sha256:`, in hexadecimal.
    pub code: Option<String>,
    /// `python3.13`; none for an image.
    pub runtime: Option<String>,
    /// None for an image, which says it itself.
    pub handler: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// MB.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// MB of `/tmp`.
    pub ephemeral_storage: u32,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// ARNs of layer versions.
    pub layers: Vec<String>,
    /// The ARN of its role.
    pub role: String,
    /// Whether X-Ray traces every call that asks for it (`Active`).
    pub tracing: bool,
    /// Whether published versions start from a snapshot.
    pub snap_start: bool,
    /// What it is: [`FunctionState::description`].
    pub description: String,
    /// How often Lambda tries again what was invoked asynchronously.
    pub retries: u32,
}

impl FunctionState {
    /// How a project's functions describe themselves: what a listing of all functions shows, which has no tags.
    pub fn description(project: &str) -> String {
        format!("{}={project}", super::PROJECT_TAG)
    }
}

/// Of an alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AliasState {
    /// The digest of the function's desired state when its version was published: the description of the version.
    pub serves: Option<String>,
}

/// Of an event source mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappingState {
    /// What it invokes: the function, or its alias.
    pub invokes: String,
    /// Messages of an event.
    pub batch_size: u32,
    /// Executions at once; 0 for as many as Lambda wants.
    pub maximum_concurrency: u32,
    /// Whether the function says which messages failed.
    pub reports_failures: bool,
    /// Whether it works.
    pub enabled: bool,
}

/// Of a dashboard.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DashboardState {
    /// Its body.
    pub body: Value,
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn or_false<S: serde::Serializer>(value: &Option<DeadLetters>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_bool(false),
    }
}
