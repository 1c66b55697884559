//! Manifests and indexes: the bytes as the registry has them, whose digest was compared, and what pack reads in them.
//!
//! What must stay true: a document is one thing or the other. One that has both `manifests` and `layers` is refused, since
//! two readers would see two images (CVE-2021-41190). Sources: OCI image specification 1.1 (manifest.md,
//! image-index.md); Docker image manifest V2, schema 2.

use serde::Deserialize;

use super::descriptor::{Descriptor, Platform};
use super::digest::Digest;
use super::media_type::MediaType;
use super::refusal::printable;

/// The largest manifest that ECR takes, and the least that the distribution specification wants registries to take.
pub const MANIFEST_BYTES: u64 = 4 << 20;

/// What a tag or digest leads to.
#[derive(Clone, Debug)]
pub enum Document {
    /// An image.
    Image(Manifest),
    /// Images for several platforms.
    Index(Index),
}

/// An image's manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its bytes.
    pub raw: Vec<u8>,
    /// What names it.
    pub descriptor: Descriptor,
    /// What names its configuration.
    pub config: Descriptor,
    /// What names its layers, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// An image index or manifest list.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its bytes.
    pub raw: Vec<u8>,
    /// What names it.
    pub descriptor: Descriptor,
    /// What it leads to, in its order.
    pub manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: u64,
    media_type: Option<MediaType>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl Document {
    /// Reads a manifest or index; `answered` is the type that the registry gave it. The error is the rest of a sentence
    /// about the document.
    pub fn parse(raw: Vec<u8>, answered: Option<&str>) -> Result<Self, String> {
        let answered = answered.map(MediaType::from);
        let fields: Fields = serde_json::from_slice(&raw).map_err(|error| {
            let said = answered.as_ref().map_or_else(|| "nothing".into(), |answered| printable(answered.as_str()));
            format!("it is not a manifest ({}; Content-Type: {said})", printable(&error.to_string()))
        })?;
        if fields.schema_version != 2 {
            return Err(format!("its schema version is {}; only 2 is supported", fields.schema_version));
        }
        let is_known = |media_type: &MediaType| media_type.is_index() || media_type.is_manifest();
        let answered = answered.filter(is_known);
        if let (Some(own), Some(answered)) = (&fields.media_type, &answered)
            && own != answered
        {
            return Err(format!("it says that it is {}, and the registry {answered}", printable(own.as_str())));
        }
        let media_type = fields.media_type.or(answered);
        let named = |default| {
            let descriptor = Descriptor::of(media_type.clone().unwrap_or(default), &raw);
            (descriptor.media_type.clone(), descriptor)
        };
        match (fields.config, fields.layers, fields.manifests) {
            (Some(config), Some(layers), None) => {
                let (media_type, descriptor) = named(MediaType::OciManifest);
                if !media_type.is_manifest() {
                    return Err(format!("it has layers and is {}", printable(media_type.as_str())));
                }
                Ok(Self::Image(Manifest { raw, descriptor, config, layers }))
            }
            (None, None, Some(manifests)) => {
                let (media_type, descriptor) = named(MediaType::OciIndex);
                if !media_type.is_index() {
                    return Err(format!("it has manifests and is {}", printable(media_type.as_str())));
                }
                Ok(Self::Index(Index { raw, descriptor, manifests }))
            }
            _ => Err("it is neither an image's manifest nor an index".into()),
        }
    }

    /// What names it.
    pub fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Image(manifest) => &manifest.descriptor,
            Self::Index(index) => &index.descriptor,
        }
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.descriptor().digest
    }
}

impl Index {
    /// The image for a platform; the error lists what there is.
    pub fn choose(&self, wanted: &Platform) -> Result<&Descriptor, Vec<String>> {
        let images = || self.manifests.iter().filter(|descriptor| !descriptor.is_attestation());
        let serves = |descriptor: &&Descriptor| descriptor.platform.as_ref().is_some_and(|own| own.serves(wanted));
        images().find(serves).ok_or_else(|| {
            let mut there: Vec<String> = images()
                .map(|image| image.platform.as_ref().map_or("no platform".into(), |own| printable(&own.to_string())))
                .collect();
            there.sort();
            there.dedup();
            there
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    fn entry(platform: &str) -> String {
        let digest = Digest::of(platform.as_bytes());
        let mut parts = platform.split('/');
        let (os, architecture) = (parts.next().unwrap(), parts.next().unwrap());
        let variant = parts.next().map(|variant| format!(r#","variant":"{variant}""#)).unwrap_or_default();
        format!(
            r#"{{"mediaType":"{OCI}","digest":"{digest}","size":7,"platform":{{"os":"{os}","architecture":"{architecture}"{variant}}}}}"#
        )
    }

    fn index(platforms: &[&str]) -> Index {
        let entries: Vec<_> = platforms.iter().map(|platform| entry(platform)).collect();
        let raw = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
        match Document::parse(raw.into_bytes(), Some(INDEX)).unwrap() {
            Document::Index(index) => index,
            Document::Image(_) => panic!("an index"),
        }
    }

    #[test]
    fn an_index_has_the_image_for_lambda_or_says_what_it_has() {
        let choose = |platforms: &[&str], architecture: &str| {
            let wanted = Platform { os: "linux".into(), architecture: architecture.into(), variant: None };
            index(platforms).choose(&wanted).map(|descriptor| descriptor.platform.as_ref().unwrap().to_string())
        };
        let usual = ["linux/arm/v7", "unknown/unknown", "linux/arm64/v8", "linux/amd64", "windows/amd64"];
        assert_eq!(choose(&usual, "amd64").unwrap(), "linux/amd64");
        assert_eq!(choose(&usual, "arm64").unwrap(), "linux/arm64/v8");
        assert_eq!(choose(&["linux/arm64/v9", "linux/arm64"], "arm64").unwrap(), "linux/arm64");
        assert_eq!(
            choose(&["linux/amd64/v3", "unknown/unknown", "linux/s390x"], "amd64").unwrap_err(),
            ["linux/amd64/v3", "linux/s390x"]
        );
        assert!(choose(&[], "amd64").unwrap_err().is_empty());
    }

    #[test]
    fn a_document_is_one_thing() {
        let config = format!(
            r#"{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":2}}"#,
            Digest::of(b"{}")
        );
        let parse = |body: &str, answered: Option<&str>| {
            Document::parse(body.as_bytes().to_vec(), answered).map(|document| document.descriptor().media_type.clone())
        };
        let image = format!(r#""schemaVersion":2,"config":{config},"layers":[]"#);
        assert_eq!(parse(&format!("{{{image}}}"), None), Ok(MediaType::OciManifest));
        assert_eq!(
            parse(&format!("{{{image}}}"), Some("application/vnd.docker.distribution.manifest.v2+json")),
            Ok(MediaType::DockerManifest)
        );
        for (body, answered, reason) in [
            (format!(r#"{{{image},"manifests":[]}}"#), None, "neither"),
            (format!(r#"{{{image},"mediaType":"{OCI}"}}"#), Some(INDEX), "says that it is"),
            (format!(r#"{{{image},"mediaType":"{INDEX}"}}"#), None, "has layers"),
            (format!("{{{image}}}"), Some(INDEX), "has layers"),
            (r#"{"schemaVersion":2,"manifests":[]}"#.into(), Some(OCI), "has manifests"),
            (r#"{"schemaVersion":1}"#.into(), None, "schema version is 1"),
            ("<html>".into(), Some("text/html"), "Content-Type: text/html"),
            ("[".repeat(100_000), None, "not a manifest"),
        ] {
            let error = parse(&body, answered).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Document::parse(bytes, None);
        }
    }
}
