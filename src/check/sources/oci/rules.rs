//! What Lambda does not take of a manifest and its configuration, by what they say; no layer is looked into.
//!
//! An error is what Lambda's own answers are known of; what only other readers refuse, or costs time, is a warning.
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>; for the answers, reports of users
//! (aws-lambda-roadmap issue 82, `rules_oci` issues 645 and 777, `rules_aws` issue 103).

use super::store::Packing;
use super::{CHECK, Configuration, Descriptor, Manifest};
use crate::check::Finding;
use crate::registry::MediaType;

/// What Lambda says where it knows no such type.
pub(super) const UNSUPPORTED: &str =
    "\"The image manifest, config or layer media type for the source image … is not supported\"";

/// What overlay file systems stack; engines refuse more ("max depth exceeded").
const MOST_LAYERS: usize = 127;

const LAYER: &str = "image-layer";

/// A finding about the image as a whole.
pub(super) fn whole(finding: Finding) -> Finding {
    Finding { path: None, ..finding }
}

/// What is wrong with a manifest and its configuration together.
pub(super) fn manifest(manifest: &Manifest, config: &Configuration) -> Vec<Finding> {
    let mut findings = Vec::new();
    let config_type = MediaType::from(manifest.config.media_type.as_str());
    if let MediaType::Other(name) = &config_type
        && !name.is_empty()
    {
        let reason = format!("its configuration has the media type {name}: {UNSUPPORTED}");
        findings.push(whole(Finding::error(CHECK, "", reason)).with_hint("it is no image that can be run"));
    }
    let named = [manifest.media_type.as_str(), manifest.config.media_type.as_str()].into_iter();
    let named = named.chain(manifest.layers.iter().map(|layer| layer.media_type.as_str()));
    let has = |family: &str| named.clone().any(|media_type| media_type.contains(family));
    if has("vnd.docker.") && has("vnd.oci.") {
        let reason = "it mixes media types of Docker and of OCI: skopeo and cri-o refuse that, and nothing says that Lambda takes it";
        findings.push(
            whole(Finding::warning(CHECK, "", reason))
                .with_hint("write it anew in one family: skopeo copy --format v2s2, or --format oci"),
        );
    }
    let layers = manifest.layers.len();
    if layers > MOST_LAYERS {
        let reason = format!("it has {layers} layers; engines stack {MOST_LAYERS} (\"max depth exceeded\")");
        findings.push(
            whole(Finding::warning(CHECK, "", reason)).with_hint("put files that change together into one layer"),
        );
    }
    if let Some(history) = &config.history {
        let entries = history.iter().filter(|entry| !entry.empty_layer).count();
        if entries != layers {
            let reason =
                format!("its history has {entries} layers and its manifest {layers}: readers take one for the other");
            findings.push(
                whole(Finding::warning("image-history", "", reason))
                    .with_hint("write an entry for each layer, or leave the history out"),
            );
        }
    }
    findings
}

/// What is wrong with how a layer is packed, by its media type and, where it was read, by its bytes.
pub(super) fn layer(layer: &Descriptor, manifest: &Manifest, packing: Option<Packing>) -> Option<Finding> {
    let (media_type, digest) = (layer.media_type.as_str(), &layer.digest);
    let error = |reason: String| Some(whole(Finding::error(LAYER, "", reason)));
    let hint = "pack layers with gzip: skopeo copy --dest-compress-format gzip, buildx --output …,compression=gzip,force-compression=true";
    if media_type.contains("zstd") {
        return error(format!("layer {digest} is packed with zstd; use gzip: {UNSUPPORTED}"))
            .map(|finding| finding.with_hint(hint));
    }
    let is_tar = media_type.ends_with(".tar");
    if MediaType::from(media_type) == MediaType::Other(media_type.to_owned())
        && !(is_tar || media_type.is_empty() || media_type.contains("gzip"))
    {
        let what = if media_type.contains("in-toto") { ": it is an attestation, and no image" } else { "" };
        return error(format!("layer {digest} has the media type {media_type}{what}: {UNSUPPORTED}"))
            .map(|finding| finding.with_hint("docker buildx build --provenance=false --sbom=false"));
    }
    let is_docker = manifest.media_type.contains("vnd.docker") || media_type.contains("vnd.docker");
    let says_gzip = media_type.contains("gzip");
    let is_plain = packing == Some(Packing::None);
    if if says_gzip { is_plain } else { is_docker } {
        return error(format!("layer {digest} is not packed: UnsupportedImageLayerDetected; use gzip"))
            .map(|finding| finding.with_hint(hint));
    }
    let reason = format!(
        "layer {digest} is not packed: a push sends all of it, and Lambda refuses such layers under a Docker manifest"
    );
    (is_tar || is_plain).then(|| whole(Finding::warning(LAYER, "", reason)).with_hint(hint))
}
