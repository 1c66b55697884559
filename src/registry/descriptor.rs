//! What names a blob or manifest: its type, digest and size (OCI image specification 1.1, descriptor.md).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::media_type::MediaType;
use crate::lambda::Architecture;

/// A pointer to content. What else a descriptor may have (`urls`, `data`) is neither used nor kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    pub media_type: MediaType,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// Notes, in a fixed order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What it runs on; in an index only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// The descriptor of bytes.
    pub fn of(media_type: MediaType, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// A descriptor without notes.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self { media_type, digest, size, annotations: BTreeMap::new(), platform: None }
    }

    /// Whether it is no image but what a builder says of one: `BuildKit` puts such manifests into an index, with a
    /// platform `unknown/unknown` (<https://docs.docker.com/build/metadata/attestations/attestation-storage/>).
    pub fn is_attestation(&self) -> bool {
        self.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
            || self.platform.as_ref().is_some_and(|platform| platform.os == "unknown")
    }
}

/// An operating system and a processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// As Go names it.
    pub os: String,
    /// As Go names it.
    pub architecture: String,
    /// `v8` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// What Lambda runs a function of this architecture on.
    pub fn of(architecture: Architecture) -> Self {
        let architecture = match architecture {
            Architecture::X86_64 => "amd64",
            Architecture::Arm64 => "arm64",
        };
        Self { os: "linux".into(), architecture: architecture.into(), variant: None }
    }

    /// Whether an image for `self` is one for `wanted`: `v8` is the baseline of arm64, and so says nothing.
    pub fn serves(&self, wanted: &Self) -> bool {
        let variant = self.variant.as_deref().unwrap_or_default();
        let is_baseline = variant.is_empty() || (variant == "v8" && self.architecture == "arm64");
        self.os == wanted.os && self.architecture == wanted.architecture && is_baseline
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(formatter, "/{variant}"),
        }
    }
}
