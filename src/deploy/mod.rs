//! What a project is to have on AWS, what is there, and what makes the one of the other.
//!
//! What must stay true: all of this is pure. Nothing here asks anybody or knows the SDK: `aws` reads what is there into the
//! types of `state.rs`, and carries out what `difference.rs` says. The same project, artifacts and account give the same
//! desired state, byte for byte, names included: that is what makes an interrupted run one that can be gone on with.

mod calls;
mod dashboard;
mod desired;
mod difference;
mod names;
mod observed;
mod policies;
mod remains;
mod room;
mod state;
mod text;

pub use calls::{Call, policy};
pub use dashboard::marker as dashboard_marker;
pub use desired::{Artifact, Artifacts, Code, Desired, Function, Layer, LayerRef, Repository, Role, Row, object_key};
pub use difference::{Action, Change, Field, Only, Plan};
pub use names::{Names, refuse_project};
pub use observed::{Found, Observed, Owner};
pub use remains::Remains;
pub use room::{CodeStorage, code_added};
pub use state::{
    AliasState, BucketState, DashboardState, DeadLetters, FunctionState, Kind, LayerState, LogGroupState, MappingState,
    QueueState, RepositoryState, Resource, RoleState,
};

/// The tag that says whose a resource is.
pub const PROJECT_TAG: &str = "pack:project";

/// The tag with the digest of a resource's desired state.
pub const DIGEST_TAG: &str = "pack:digest";

/// Where a project is deployed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The account's twelve digits.
    pub account: String,
    /// The Region.
    pub region: String,
    /// Whether its S3 speaks TLS. A stand-in for AWS on this machine mostly does not: buckets that demand it would shut everybody out.
    #[serde(skip)]
    pub has_tls: bool,
}

impl Place {
    /// The ARN of something of this account and Region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, account, region, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of a bucket.
    pub fn bucket(&self, name: &str) -> String {
        format!("arn:{}:s3:::{name}", self.partition)
    }

    /// The ARN of something of IAM, which has no Region.
    pub fn iam(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account)
    }

    /// The host of ECR's private registry.
    pub fn registry(&self) -> String {
        let domain = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{}.dkr.ecr.{}.{domain}", self.account, self.region)
    }
}
