//! The media types of manifests, configurations and layers, in the two families that Lambda takes.
//!
//! Sources: OCI image specification 1.1 (media-types.md); Docker image manifest V2, schema 2.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A media type; all but the known ones are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// An OCI image index.
    OciIndex,
    /// A Docker manifest list.
    DockerList,
    /// An OCI image manifest.
    OciManifest,
    /// A Docker image manifest.
    DockerManifest,
    /// An OCI image configuration.
    OciConfig,
    /// A Docker image configuration.
    DockerConfig,
    /// A gzipped OCI layer.
    OciLayer,
    /// A gzipped Docker layer.
    DockerLayer,
    /// Anything else: an artifact, a layer that is packed otherwise.
    Other(String),
}

const NAMES: &[(MediaType, &str)] = &[
    (MediaType::OciIndex, "application/vnd.oci.image.index.v1+json"),
    (MediaType::DockerList, "application/vnd.docker.distribution.manifest.list.v2+json"),
    (MediaType::OciManifest, "application/vnd.oci.image.manifest.v1+json"),
    (MediaType::DockerManifest, "application/vnd.docker.distribution.manifest.v2+json"),
    (MediaType::OciConfig, "application/vnd.oci.image.config.v1+json"),
    (MediaType::DockerConfig, "application/vnd.docker.container.image.v1+json"),
    (MediaType::OciLayer, "application/vnd.oci.image.layer.v1.tar+gzip"),
    (MediaType::DockerLayer, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
];

/// The `Accept` of whoever asks for a manifest.
pub(super) const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

impl MediaType {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => NAMES.iter().find(|(media_type, _)| media_type == known).map_or("", |(_, name)| name),
        }
    }

    /// Whether it is an index or a manifest list.
    pub fn is_index(&self) -> bool {
        matches!(self, Self::OciIndex | Self::DockerList)
    }

    /// Whether it is an image's manifest.
    pub fn is_manifest(&self) -> bool {
        matches!(self, Self::OciManifest | Self::DockerManifest)
    }

    /// Whether it belongs to Docker's family.
    pub fn is_docker(&self) -> bool {
        matches!(self, Self::DockerList | Self::DockerManifest | Self::DockerConfig | Self::DockerLayer)
    }
}

impl From<&str> for MediaType {
    /// Parameters (`; charset=utf-8`) say nothing.
    fn from(text: &str) -> Self {
        let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match NAMES.iter().find(|(_, known)| *known == name) {
            Some((media_type, _)) => media_type.clone(),
            None => Self::Other(name),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_types_and_asked_for_where_it_is_a_manifest() {
        for (media_type, name) in NAMES {
            assert_eq!(&MediaType::from(*name), media_type);
            assert_eq!(media_type.as_str(), *name);
            assert_eq!(MANIFESTS.contains(name), media_type.is_index() || media_type.is_manifest());
        }
        assert_eq!(MediaType::from("Application/vnd.oci.image.index.v1+JSON; charset=utf-8"), MediaType::OciIndex);
    }
}
