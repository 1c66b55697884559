//! An image as an OCI layout (a folder, or a tar of it), as one root file system.
//!
//! What must stay true: no byte of a blob is believed before its digest was compared; layers are unpacked into private
//! temporary files that have no name, never into a folder; what hostile layers can cost is bounded by the largest image
//! that Lambda takes. Sources: the OCI image specification 1.1 (layout, manifest, config, layer); for what Lambda refuses,
//! <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>.

mod layer;
mod python;
mod store;
mod unpacked;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

pub use store::Store;
pub(super) use store::is_tar;
pub use unpacked::{Layer, Unpacked};

use super::Source;
use crate::check::{Finding, LAYERS, TASK};
use crate::error::Result;
use crate::lambda::{self, Architecture, PythonVersion};

const CHECK: &str = "image";

/// What an image says of itself.
#[derive(Debug, Default)]
pub struct Image {
    /// What its command names, if that is a handler.
    pub handler: Option<String>,
    /// Folders in which its Python looks for modules, without its own library.
    pub search_path: Vec<String>,
    /// Its Python.
    pub python: Option<PythonVersion>,
    /// Its architecture.
    pub architecture: Option<Architecture>,
    /// Bytes of all layers, unpacked.
    pub unpacked: u64,
    /// Variables that it sets for the function's own code.
    pub variables: BTreeMap<String, String>,
    /// The digest of its manifest.
    pub manifest: String,
    /// The digest of its configuration.
    pub config: String,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Configuration {
    architecture: String,
    os: String,
    #[serde(default)]
    config: Option<Run>,
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Run {
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// Reads an image. What is wrong with it is among the findings, and ends the reading where it has to.
pub(super) fn read(path: &Path, store: &Store) -> Result<(Source, Image)> {
    let mut source = Source::default();
    let mut image = Image::default();
    match read_into(store, &mut Unpacked::default(), &mut source, &mut image)? {
        Ok(()) => {}
        Err(reason) => {
            let finding = Finding { path: None, ..Finding::error(CHECK, "", reason) };
            source
                .findings
                .push(finding.with_hint(format!("{} is not an image that can be pushed and run", path.display())));
        }
    }
    Ok((source, image))
}

/// The inner result says what is wrong with the image.
pub(super) fn read_into(
    store: &Store,
    unpacked: &mut Unpacked,
    source: &mut Source,
    image: &mut Image,
) -> Result<std::result::Result<(), String>> {
    let manifest: Manifest = match find_manifest(store, source)? {
        Ok((digest, manifest)) => {
            image.manifest = digest;
            manifest
        }
        Err(reason) => return Ok(Err(reason)),
    };
    image.config.clone_from(&manifest.config.digest);
    let config: Configuration = match store.json(&manifest.config.digest)? {
        Ok(config) => config,
        Err(reason) => return Ok(Err(reason)),
    };
    image.architecture = match config.architecture.as_str() {
        "amd64" => Some(Architecture::X86_64),
        "arm64" => Some(Architecture::Arm64),
        _ => None,
    };
    if image.architecture.is_none() || config.os != "linux" {
        return Ok(Err(format!(
            "it is for {}/{}; Lambda runs linux/amd64 and linux/arm64",
            config.os, config.architecture
        )));
    }
    if config.rootfs.diff_ids.len() != manifest.layers.len() {
        let (layers, ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        return Ok(Err(format!("its manifest has {layers} layers and its configuration {ids}")));
    }
    let mut root = layer::Root::default();
    for (descriptor, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
        if let Some(reason) = refused_layer(descriptor, &manifest) {
            source.findings.push(Finding { path: None, ..Finding::error("image-layer", "", reason) });
        }
        let left = lambda::IMAGE_BYTES.saturating_sub(image.unpacked);
        match unpacked.layer(store, &descriptor.digest, diff_id, left)? {
            Ok(layer) => {
                image.unpacked += layer.unpacked;
                match root.apply(&layer.file, &descriptor.digest) {
                    Ok(findings) => source.findings.extend(findings),
                    Err(reason) => return Ok(Err(format!("layer {}: {reason}", descriptor.digest))),
                }
                image.layers.push(layer);
            }
            Err(reason) => return Ok(Err(reason)),
        }
    }
    let layer::Root { files, folders, links, .. } = root;
    source.files = files;
    source.folders = folders;
    source.links = links;
    describe(&config.config.unwrap_or_default(), source, image);
    Ok(Ok(()))
}

/// The one manifest of a layout, with its digest.
fn find_manifest(store: &Store, source: &mut Source) -> Result<std::result::Result<(String, Manifest), String>> {
    let index: Index = match store.index()? {
        Ok(index) => index,
        Err(reason) => return Ok(Err(reason)),
    };
    let is_attestation = |descriptor: &&Descriptor| {
        descriptor.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
    };
    let mut manifests: Vec<Descriptor> = index.manifests;
    // A layout may wrap one index in another once; Lambda takes none.
    if let [only] = manifests.as_slice()
        && (only.media_type.contains("index") || only.media_type.contains("manifest.list"))
    {
        let inner: Index = match store.json(&only.digest)? {
            Ok(index) => index,
            Err(reason) => return Ok(Err(reason)),
        };
        let finding =
            Finding::error("image-index", "", "it is an image index; Lambda takes one manifest for one architecture");
        source.findings.push(
            Finding { path: None, ..finding }
                .with_hint("docker buildx build --platform linux/amd64 --provenance=false --sbom=false"),
        );
        manifests = inner.manifests;
    }
    let mut images: Vec<Descriptor> =
        manifests.iter().filter(|descriptor| !is_attestation(descriptor)).cloned().collect();
    // An image with two tags is in the index twice.
    images.sort_by(|left, right| left.digest.cmp(&right.digest));
    images.dedup_by(|left, right| left.digest == right.digest);
    match images.as_slice() {
        [] => Ok(Err("its index names no image".into())),
        [only] => Ok(store.json(&only.digest)?.map(|manifest| (only.digest.clone(), manifest))),
        several => Ok(Err(format!("its index names {} images; Lambda takes one", several.len()))),
    }
}

/// Layers that Lambda does not take.
fn refused_layer(descriptor: &Descriptor, manifest: &Manifest) -> Option<String> {
    let media_type = descriptor.media_type.as_str();
    if media_type.contains("zstd") {
        return Some(format!("layer {} is packed with zstd; use gzip", descriptor.digest));
    }
    let docker = manifest.media_type.contains("vnd.docker") || media_type.contains("vnd.docker");
    (docker && !media_type.contains("gzip"))
        .then(|| format!("layer {} is not packed: UnsupportedImageLayerDetected; use gzip", descriptor.digest))
}

/// What the configuration and the files say of how it runs.
fn describe(run: &Run, source: &Source, image: &mut Image) {
    let variable = |name: &str| {
        run.env
            .iter()
            .flatten()
            .find_map(|line| line.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    let command: Vec<&str> = run.entrypoint.iter().chain(&run.cmd).flatten().map(String::as_str).collect();
    let is_lambda = command.iter().any(|part| part.contains("awslambdaric") || part.ends_with("lambda-entrypoint.sh"));
    image.handler = command
        .last()
        .filter(|last| is_lambda && last.contains('.') && !last.contains(' ') && !last.ends_with(".sh"))
        .map(|last| (*last).to_owned());
    let root = python::Root { files: &source.files, links: &source.links };
    let python = python::find(&root, &command, variable("PATH"));
    image.python = python.version;
    let absolute = |path: &&str| path.starts_with('/') && path.len() > 1;
    let mut own: Vec<&str> =
        [variable("LAMBDA_TASK_ROOT"), run.working_dir.as_deref()].into_iter().flatten().filter(absolute).collect();
    if own.is_empty() {
        own.push(TASK);
    }
    own.extend(variable("PYTHONPATH").into_iter().flat_map(|path| path.split(':')).filter(absolute));
    let mut own: Vec<String> = own.into_iter().map(|path| path.trim_end_matches('/').to_owned()).collect();
    if let Some(python) = image.python {
        own.push(format!("{LAYERS}/python/lib/python{python}/site-packages"));
        own.push(format!("{LAYERS}/python"));
    }
    own.extend(python.folders);
    own.push("/var/runtime".into());
    let mut seen = BTreeSet::new();
    own.retain(|folder| seen.insert(folder.clone()));
    image.search_path = own;
    image.variables = run
        .env
        .iter()
        .flatten()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| is_for_the_function(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
}

/// Whether a variable is the function's business rather than the system's, Python's or Lambda's.
fn is_for_the_function(name: &str) -> bool {
    !matches!(name, "" | "PATH" | "HOME" | "LANG" | "TZ" | "TMPDIR" | "_HANDLER")
        && !["LD_", "PYTHON", "LAMBDA_", "AWS_"].iter().any(|start| name.starts_with(start))
}
