//! AWS's API. Nothing else knows the SDK, which the cargo feature `aws` brings; without it, every question ends with a
//! sentence that says so.
//!
//! What must stay true: no credential and no query of a presigned URL is in an error, a log or a file; what is downloaded is
//! bounded before it is read, and is what AWS says it is by its SHA-256.

#[cfg(not(feature = "aws"))]
mod absent;
mod access;
#[cfg(feature = "aws")]
#[expect(clippy::large_futures, reason = "the SDK's own are; each ends up on the heap, where it is spawned")]
mod account;
#[cfg(feature = "aws")]
mod cold;
#[cfg(feature = "aws")]
mod connect;
#[cfg(feature = "aws")]
mod download;
#[cfg(feature = "aws")]
mod ecr;
#[cfg(feature = "aws")]
mod failure;
#[cfg(feature = "aws")]
mod invoke;
mod invoking;
#[cfg(feature = "aws")]
mod lambda;
#[cfg(feature = "aws")]
mod newest;
#[cfg(feature = "aws")]
mod send;
mod sending;

use std::sync::Arc;

use crate::registry::Credentials;

#[cfg(not(feature = "aws"))]
use absent::Ecr;
#[cfg(not(feature = "aws"))]
pub use absent::{Account, Lambda, chill, invoke, send};
pub use access::Access;
#[cfg(feature = "aws")]
pub use account::Account;
#[cfg(feature = "aws")]
pub use cold::chill;
#[cfg(feature = "aws")]
use ecr::Ecr;
#[cfg(feature = "aws")]
pub use invoke::invoke;
pub use invoking::{Invocation, Invoking};
#[cfg(feature = "aws")]
pub use lambda::Lambda;
#[cfg(feature = "aws")]
pub use send::send;
pub use sending::{Sending, Sent};

/// Who asks registries: what Podman's and Docker's files and helpers have, and where they have nothing for one of ECR, AWS's API, with
/// the profile that the command line names.
pub fn registry_credentials(profile: Option<&str>) -> Credentials {
    Credentials::from_environment().with_ecr(Arc::new(Ecr::of(profile)))
}

/// A part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Buckets, the role, log groups, the repository, queues, and the ZIPs.
    Places,
    /// Layers, functions, what leads to them, the dashboard; then what goes.
    Functions,
}

/// What stays of a project that is destroyed, since it has something in it that cannot be made again, or that others may want.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Keep {
    /// A bucket of data that is not empty.
    pub data: bool,
    /// A bucket of artifacts that is not empty.
    pub artifacts: bool,
    /// A repository that is not empty.
    pub images: bool,
    /// Log groups.
    pub logs: bool,
}

/// What AWS says of a layer's version.
#[derive(Debug)]
pub struct LayerVersion {
    /// SHA-256 of its archive in hexadecimal.
    pub sha256: String,
    /// Bytes of the archive.
    pub packed: u64,
    /// Where the archive is for some minutes.
    #[cfg(feature = "aws")]
    location: Location,
}

/// A presigned URL: who has it can read what it names. It is not shown.
#[cfg(feature = "aws")]
struct Location(String);

#[cfg(feature = "aws")]
impl std::fmt::Debug for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Location(…)")
    }
}
