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
