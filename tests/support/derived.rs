//! Images made of a base image and one layer more, without `pack`: blobs of the base stay as they are.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{Installed, sha256};

/// Writes the image: the base's layers, this one, and the handler as its command.
pub(crate) fn derive(base: &Path, layout: &Path, layer: &[u8], handler: &str) {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let blob = |bytes: &[u8]| {
        let digest = sha256(bytes);
        fs::write(blobs.join(&digest), bytes).unwrap();
        json!({"digest": format!("sha256:{digest}"), "size": bytes.len()})
    };
    let read =
        |digest: &Value| -> Value { serde_json::from_slice(&fs::read(blob_path(base, digest)).unwrap()).unwrap() };
    let mut index: Value = serde_json::from_slice(&fs::read(base.join("index.json")).unwrap()).unwrap();
    let mut manifest = read(&index["manifests"][0]["digest"]);
    let mut config = read(&manifest["config"]["digest"]);
    for layer in manifest["layers"].as_array().unwrap() {
        let path = blob_path(base, &layer["digest"]);
        fs::hard_link(&path, blobs.join(path.file_name().unwrap()))
            .or_else(|_| fs::copy(&path, blobs.join(path.file_name().unwrap())).map(|_| ()))
            .unwrap();
    }
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(layer).unwrap();
    let mut added = blob(&gzip.finish().unwrap());
    added["mediaType"] = manifest["layers"][0]["mediaType"].clone();
    manifest["layers"].as_array_mut().unwrap().push(added);
    config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(format!("sha256:{}", sha256(layer)).into());
    config["config"]["Cmd"] = json!([handler]);
    if let Some(history) = config["history"].as_array_mut() {
        history.push(json!({"created_by": "a test"}));
    }
    let replace = |descriptor: &mut Value, value: &Value| {
        let made = blob(value.to_string().as_bytes());
        descriptor["digest"] = made["digest"].clone();
        descriptor["size"] = made["size"].clone();
    };
    replace(&mut manifest["config"], &config);
    replace(&mut index["manifests"][0], &manifest);
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn blob_path(layout: &Path, digest: &Value) -> std::path::PathBuf {
    layout.join("blobs/sha256").join(digest.as_str().unwrap().strip_prefix("sha256:").unwrap())
}

/// A layer with a ZIP's files in a folder (`var/task`), as Lambda unpacks them: every folder an entry, 755 and 644, of 1980.
pub(crate) fn task_layer(files: &BTreeMap<String, Installed>, folder: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut folders = std::collections::BTreeSet::new();
    let header = |kind, mode, size| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(315_532_800);
        header.set_size(size);
        header
    };
    for (path, file) in files {
        let path = format!("{folder}/{path}");
        for (end, _) in path.match_indices('/') {
            if folders.insert(path[..end].to_owned()) {
                let mut header = header(tar::EntryType::Directory, 0o755, 0);
                tar.append_data(&mut header, &path[..end], std::io::empty()).unwrap();
            }
        }
        let mode = if file.executable { 0o755 } else { 0o644 };
        let mut header = header(tar::EntryType::Regular, mode, file.bytes.len() as u64);
        tar.append_data(&mut header, path, file.bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}
