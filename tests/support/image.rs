//! Images as OCI layouts.

use std::io::Write;

use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{Pack, sha256};

/// An OCI layout in a folder.
pub(crate) struct Layout<'a> {
    /// The project that it lies in.
    pub(crate) pack: &'a Pack,
    /// Its folder there.
    pub(crate) folder: &'static str,
}

impl Layout<'_> {
    fn blob(&self, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        self.pack.write(&format!("{}/blobs/sha256/{digest}", self.folder), bytes);
        format!("sha256:{digest}")
    }

    /// Writes an image of layers that AWS's base image is under; `media` is what the manifest says of them.
    pub(crate) fn write(&self, layers: &[Vec<u8>], architecture: &str, media: &str) {
        let run = json!({
            "Env": ["LAMBDA_TASK_ROOT=/var/task"], "Entrypoint": ["/lambda-entrypoint.sh"], "Cmd": ["app.handler"],
        });
        self.write_with(layers, architecture, media, &run);
    }

    /// Writes an image that says itself how it is run.
    pub(crate) fn write_with(&self, layers: &[Vec<u8>], architecture: &str, media: &str, run: &Value) {
        let mut descriptors = Vec::new();
        let mut ids = Vec::new();
        for layer in layers {
            let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(layer).unwrap();
            let gzip = gzip.finish().unwrap();
            descriptors.push(json!({"mediaType": media, "digest": self.blob(&gzip), "size": gzip.len()}));
            ids.push(format!("sha256:{}", sha256(layer)));
        }
        let rootfs = json!({"type": "layers", "diff_ids": ids});
        let config = json!({"architecture": architecture, "os": "linux", "rootfs": rootfs, "config": run}).to_string();
        let (config_type, manifest_type) = if media.contains("docker") {
            ("application/vnd.docker.container.image.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
        } else {
            ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.manifest.v1+json")
        };
        let digest = self.blob(config.as_bytes());
        let config = json!({"mediaType": config_type, "digest": digest, "size": config.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": descriptors});
        let manifest = manifest.to_string();
        let digest = self.blob(manifest.as_bytes());
        let manifest = json!({"digest": digest, "mediaType": manifest_type, "size": manifest.len()});
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        self.pack.write(&format!("{}/index.json", self.folder), index.to_string());
        self.pack.write(&format!("{}/oci-layout", self.folder), r#"{"imageLayoutVersion": "1.0.0"}"#);
    }
}

impl Layout<'_> {
    fn read(&self, digest: &Value) -> Value {
        let hex = &digest.as_str().unwrap()[7..];
        let path = self.pack.path(format!("{}/blobs/sha256/{hex}", self.folder));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn name(&self, descriptor: &mut Value, bytes: &[u8]) {
        descriptor["digest"] = self.blob(bytes).into();
        descriptor["size"] = bytes.len().into();
    }

    /// Changes the manifest, the configuration and the packed layers of an image that is written, and names them anew.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Value, &mut Value, &mut Vec<Vec<u8>>)) {
        let path = self.pack.path(format!("{}/index.json", self.folder));
        let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut manifest = self.read(&index["manifests"][0]["digest"]);
        let mut config = self.read(&manifest["config"]["digest"]);
        let blob = |layer: &Value| {
            let hex = &layer["digest"].as_str().unwrap()[7..];
            std::fs::read(self.pack.path(format!("{}/blobs/sha256/{hex}", self.folder))).unwrap()
        };
        let before: Vec<Vec<u8>> = manifest["layers"].as_array().unwrap().iter().map(blob).collect();
        let mut layers = before.clone();
        change(&mut manifest, &mut config, &mut layers);
        for (number, layer) in layers.iter().enumerate().filter(|(number, layer)| before.get(*number) != Some(*layer)) {
            self.name(&mut manifest["layers"][number], layer);
        }
        self.name(&mut manifest["config"], config.to_string().as_bytes());
        self.name(&mut index["manifests"][0], manifest.to_string().as_bytes());
        if manifest["mediaType"].is_string() {
            index["manifests"][0]["mediaType"] = manifest["mediaType"].clone();
        }
        std::fs::write(path, index.to_string()).unwrap();
    }

    /// Puts the image into an index for two architectures, with an attestation; the other image is not there.
    pub(crate) fn wrap(&self) {
        let path = self.pack.path(format!("{}/index.json", self.folder));
        let index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let media_type = index["manifests"][0]["mediaType"].as_str().unwrap();
        let of = |number: char, platform: Value| json!({"mediaType": media_type, "size": 7, "platform": platform, "digest": format!("sha256:{}", number.to_string().repeat(64))});
        let mut image = index["manifests"][0].clone();
        image["platform"] = json!({"os": "linux", "architecture": "amd64"});
        let other = of('0', json!({"os": "linux", "architecture": "arm64"}));
        let mut attestation = of('1', json!({"os": "unknown", "architecture": "unknown"}));
        attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
        let media_type = "application/vnd.oci.image.index.v1+json";
        let inner = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [image, other, attestation]});
        let mut outer = json!({"mediaType": media_type});
        self.name(&mut outer, inner.to_string().as_bytes());
        std::fs::write(path, json!({"schemaVersion": 2, "manifests": [outer]}).to_string()).unwrap();
    }
}

/// The media type of a packed layer.
pub(crate) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What the images of [`Layout::write`] start.
pub(crate) const ENTRYPOINT: (&str, &str) = ("lambda-entrypoint.sh", "#!/bin/sh\n");

/// A layer with every folder an entry of its own; a name that ends with `->` is a link to its content, and what begins
/// with `#!` can be run.
pub(crate) fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut folders = std::collections::BTreeSet::new();
    for (path, text) in files {
        for (end, _) in path.match_indices('/') {
            if folders.insert(path[..end].to_owned()) {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(0o755);
                header.set_size(0);
                tar.append_data(&mut header, &path[..end], std::io::empty()).unwrap();
            }
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(if text.starts_with("#!") { 0o755 } else { 0o644 });
        if let Some(path) = path.strip_suffix("->") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, path, text).unwrap();
        } else {
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
    }
    tar.into_inner().unwrap()
}
