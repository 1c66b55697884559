//! Registries of container images: what is pulled from them and pushed to them.
//!
//! Written for what `pack image` needs, which `oci-client` has not: one streaming PUT for each blob (ECR does not take
//! chunks dependably), retries with a fresh session, mounts that may be declined, and memory that does not grow with a
//! layer. Blocking: a few connections at a time need threads, not a runtime.
//!
//! What must stay true: no byte is handed on as a manifest or as the end of a blob before its digest was compared; nothing
//! that a registry says is believed in its length, depth or number; nothing secret is in a message. Sources: OCI
//! distribution specification 1.1; Docker Registry HTTP API V2; for what ECR does otherwise,
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/> and the reports of its users.

mod auth;
mod blob;
mod challenge;
mod client;
mod credentials;
mod descriptor;
mod digest;
mod ecr;
mod error;
mod http;
mod location;
mod manifest;
mod media_type;
mod patience;
mod pull;
mod push;
mod reference;
mod refusal;
mod repository;
mod secret;
mod tls;
mod token;

pub use blob::BlobReader;
pub use challenge::Challenge;
pub use client::{Client, Options};
pub use credentials::{Credential, Credentials, EcrPasswords};
pub use descriptor::{Descriptor, Platform};
pub use digest::Digest;
pub use ecr::account_and_region as ecr_host;
pub use error::RegistryError;
pub use manifest::{Document, Index, MANIFEST_BYTES, Manifest};
pub use media_type::MediaType;
pub use patience::Patience;
pub use push::{Sent, Source, Upload};
pub use reference::{Asked, Reference};
pub use refusal::Refusal;
pub(crate) use refusal::printable;
pub use repository::Repository;
pub use secret::Secret;
#[cfg(feature = "aws")]
pub(crate) use tls::roots as trusted_roots;
