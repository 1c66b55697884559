//! An image as an OCI layout (a folder, a tar of it, one that is not written yet, or what a registry has) or as
//! `docker save` writes it, as one root file system.
//!
//! What must stay true: no byte of a blob is believed before its digest was compared; layers are unpacked into private
//! temporary files that have no name, never into a folder; what hostile layers can cost is bounded by the largest image
//! that Lambda takes. Sources: the OCI image specification 1.1 (layout, manifest, config, layer); for what Lambda refuses,
//! <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>.

mod base;
mod command;
mod facts;
mod layer;
mod listed;
mod python;
mod remote;
mod rules;
mod saved;
mod store;
mod unpacked;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use base::python_of;
pub use facts::{Fact, Facts};
use listed::Listed;
pub(super) use remote::fetch;
pub use remote::fetch_image;
use rules::whole;
use serde::Deserialize;
pub(super) use store::{Checked, is_tar};
pub use store::{Piece, Store};
pub use unpacked::{Layer, Unpacked};

use super::Source;
use crate::check::{Finding, LAYERS, TASK};
use crate::error::Result;
use crate::lambda::{self, Architecture, PythonVersion, Target};
use crate::registry::Platform;

const CHECK: &str = "image";

/// Which image is read, and how much of it.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// The one of an index.
    pub architecture: Option<Architecture>,
    /// Layers, by digest, that are not looked into, with their unpacked bytes where these are known. Then only what the
    /// manifest, the configuration and the other layers say is checked.
    pub unread: BTreeMap<String, Option<u64>>,
    /// How many layers are those of a base, where that is known.
    pub base_layers: Option<usize>,
}

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
    /// The digest of its manifest; nothing of what `docker save` wrote, which has none.
    pub manifest: Option<String>,
    /// The digest of its configuration.
    pub config: String,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// How many of them are those of a base, where that is known or can be seen.
    pub base_layers: Option<usize>,
}

impl Image {
    /// What of it is for another target than the one that is meant.
    pub fn unlike(&self, target: Target) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(python) = self.python.filter(|python| *python != target.python) {
            let reason = format!("it runs Python {python}, and the function is for Python {}", target.python);
            findings.push(
                whole(Finding::error("image-python", "", reason))
                    .with_hint(format!("take a base with Python {}, or --python {python}", target.python)),
            );
        }
        if let Some(architecture) = self.architecture.filter(|architecture| *architecture != target.architecture) {
            let reason = format!(
                "it is for {architecture}, and the function for {}: \"exec format error\" (Runtime.InvalidEntrypoint)",
                target.architecture
            );
            findings.push(
                whole(Finding::error("image-architecture", "", reason))
                    .with_hint(format!("build it for {}, or --arch {architecture}", target.architecture)),
            );
        }
        findings
    }
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
    size: Option<u64>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    platform: Option<Platform>,
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
    #[serde(default)]
    history: Option<Vec<Past>>,
}

#[derive(Deserialize)]
struct Past {
    #[serde(default)]
    empty_layer: bool,
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

/// The image at a path, if it is one, or what is wrong with it. An archive may have several, of which that for the
/// architecture is taken.
pub(super) fn find(path: &Path, architecture: Option<Architecture>) -> Result<Option<Checked<Store>>> {
    if path.is_dir() {
        return Ok(Store::find(path)?.map(Ok));
    }
    let listed = match Listed::of(path)? {
        Some(Ok(listed)) => listed,
        Some(Err(reason)) => return Ok(Some(Err(reason))),
        None => return Ok(None),
    };
    match Store::of_tar(path, listed) {
        Ok(store) => Ok(Some(Ok(store))),
        Err(listed) if listed.place(saved::MANIFEST).is_ok() => saved::layout(path, listed, architecture).map(Some),
        Err(_) => Ok(None),
    }
}

/// What is said of an image that cannot be read.
pub(super) fn unreadable(name: &str, reason: String) -> Source {
    let finding = whole(Finding::error(CHECK, "", reason));
    let finding = finding.with_hint(format!("{name} is not an image that can be pushed and run"));
    Source { findings: vec![finding], ..Source::default() }
}

/// Reads an image. What is wrong with it is among the findings, and ends the reading where it has to.
pub(super) fn read(name: &str, store: &Store, which: &Which, unpacked: &mut Unpacked) -> Result<(Source, Image)> {
    let mut source = Source::default();
    let mut image = Image::default();
    if let Err(reason) = read_into(store, which, unpacked, &mut source, &mut image)? {
        source.findings.extend(unreadable(name, reason).findings);
    }
    Ok((source, image))
}

/// The inner result says what is wrong with the image.
pub(super) fn read_into(
    store: &Store,
    which: &Which,
    unpacked: &mut Unpacked,
    source: &mut Source,
    image: &mut Image,
) -> Result<std::result::Result<(), String>> {
    let manifest = match find_manifest(store, which.architecture, source)? {
        Ok((digest, manifest)) => {
            image.manifest = (!store.is_saved()).then_some(digest);
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
    source.findings.extend(rules::manifest(&manifest, &config));
    if let Some(reason) = too_large(manifest.layers.iter().map(|layer| layer.size.unwrap_or_default())) {
        return Ok(Err(reason));
    }
    let root = match stack(store, &manifest, &config.rootfs.diff_ids, (which, unpacked), source, image)? {
        Ok(root) => root,
        Err(reason) => return Ok(Err(reason)),
    };
    let layer::Root { files, folders, links, .. } = root;
    source.files = files;
    source.folders = folders;
    source.links = links;
    describe(&config.config.unwrap_or_default(), which.unread.is_empty(), source, image);
    Ok(Ok(()))
}

/// The layers of an image over each other.
fn stack(
    store: &Store,
    manifest: &Manifest,
    diff_ids: &[String],
    (which, unpacked): (&Which, &mut Unpacked),
    source: &mut Source,
    image: &mut Image,
) -> Result<std::result::Result<layer::Root, String>> {
    let mut root = layer::Root::default();
    let mut base = base::Base::default();
    // How layers are packed says nothing of an image whose layers are packed when it is pushed.
    let packed = |descriptor: &Descriptor, packing| {
        if store.is_saved() { None } else { rules::layer(descriptor, manifest, packing) }
    };
    for (number, (descriptor, diff_id)) in manifest.layers.iter().zip(diff_ids).enumerate() {
        if let Some(bytes) = which.unread.get(&descriptor.digest) {
            source.findings.extend(packed(descriptor, None));
            image.unpacked += bytes.unwrap_or_default();
            continue;
        }
        let limit = lambda::IMAGE_BYTES.saturating_sub(image.unpacked);
        let layer = match unpacked.layer(store, &descriptor.digest, diff_id, limit)? {
            Ok(layer) => layer,
            Err(reason) => {
                source.findings.extend(packed(descriptor, None));
                return Ok(Err(reason));
            }
        };
        source.findings.extend(packed(descriptor, Some(layer.packing)));
        if let Some(said) = descriptor.size.filter(|said| *said != layer.packed) {
            // A registry does not take a manifest whose sizes are wrong.
            return Ok(Err(format!("{} has {} bytes, its manifest says {said}", descriptor.digest, layer.packed)));
        }
        image.unpacked += layer.unpacked;
        match root.apply(&layer.file, &descriptor.digest, &mut base) {
            Ok(findings) => source.findings.extend(findings),
            Err(reason) => return Ok(Err(format!("layer {}: {reason}", descriptor.digest))),
        }
        base.note(number + 1, which.base_layers, &root);
        image.layers.push(layer);
    }
    source.findings.extend(base.findings());
    image.base_layers = base.layers();
    Ok(Ok(root))
}

/// Packed layers that are more than Lambda takes of unpacked ones need not be unpacked.
fn too_large(sizes: impl Iterator<Item = u64>) -> Option<String> {
    let packed = sizes.fold(0, u64::saturating_add);
    (packed > lambda::IMAGE_BYTES).then(|| {
        format!(
            "its layers have {packed} bytes packed already; Lambda takes {} unpacked (SizeLimitExceeded)",
            lambda::IMAGE_BYTES
        )
    })
}

/// The one manifest of a layout, with its digest.
fn find_manifest(
    store: &Store,
    architecture: Option<Architecture>,
    source: &mut Source,
) -> Result<std::result::Result<(String, Manifest), String>> {
    let index: Index = match store.index()? {
        Ok(index) => index,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut manifests = index.manifests;
    // A layout may wrap one index in another once; Lambda takes none.
    if let [only] = manifests.as_slice()
        && is_index(&only.media_type)
    {
        let inner: Index = match store.json(&only.digest)? {
            Ok(index) => index,
            Err(reason) => return Ok(Err(reason)),
        };
        let attested = if inner.manifests.iter().any(Descriptor::is_attestation) { ", with attestations" } else { "" };
        let reason = format!(
            "it is an image index{attested}; Lambda takes one manifest for one architecture: {}",
            rules::UNSUPPORTED
        );
        source.findings.push(
            whole(Finding::error("image-index", "", reason))
                .with_hint("docker buildx build --platform linux/amd64 --provenance=false --sbom=false"),
        );
        manifests = inner.manifests;
    }
    let chosen = match choose(manifests, architecture) {
        Ok(chosen) => chosen,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(store.json(&chosen.digest)?.map(|mut manifest: Manifest| {
        if manifest.media_type.is_empty() {
            manifest.media_type = chosen.media_type;
        }
        (chosen.digest, manifest)
    }))
}

fn is_index(media_type: &str) -> bool {
    media_type.contains("index") || media_type.contains("manifest.list")
}

impl Descriptor {
    fn is_attestation(&self) -> bool {
        self.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
    }
}

/// The image of an index that is looked into.
fn choose(manifests: Vec<Descriptor>, architecture: Option<Architecture>) -> std::result::Result<Descriptor, String> {
    let mut images: Vec<Descriptor> = manifests.into_iter().filter(|descriptor| !descriptor.is_attestation()).collect();
    // An image with two tags is in the index twice.
    images.sort_by(|left, right| left.digest.cmp(&right.digest));
    images.dedup_by(|left, right| left.digest == right.digest);
    let number = images.len();
    if let (2.., Some(architecture)) = (number, architecture) {
        let wanted = Platform::of(architecture);
        images.retain(|image| image.platform.as_ref().is_some_and(|platform| platform.serves(&wanted)));
        if images.is_empty() {
            return Err(format!("its index names {number} images, and none for {wanted}"));
        }
    }
    let left = images.len();
    match (images.pop(), left) {
        (Some(only), 1) => Ok(only),
        (None, _) => Err("its index names no image".into()),
        _ if architecture.is_some() => {
            Err(format!("its index names {left} images for one architecture; Lambda takes one"))
        }
        _ => Err(format!("its index names {number} images; Lambda takes one (--arch says which to look into)")),
    }
}

/// What the configuration and the files say of how it runs.
fn describe(run: &Run, is_whole: bool, source: &mut Source, image: &mut Image) {
    let variable = |name: &str| {
        run.env
            .iter()
            .flatten()
            .find_map(|line| line.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    let words = |words: &'_ Option<Vec<String>>| words.iter().flatten().cloned().collect::<Vec<String>>();
    let (entrypoint, command) = (words(&run.entrypoint), words(&run.cmd));
    let entrypoint: Vec<&str> = entrypoint.iter().map(String::as_str).collect();
    let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    let command: Vec<&str> = [&entrypoint[..], &arguments[..]].concat();
    let is_lambda = command.iter().any(|part| part.contains("awslambdaric") || part.ends_with("lambda-entrypoint.sh"));
    image.handler = command
        .last()
        .filter(|last| is_lambda && last.contains('.') && !last.contains(' ') && !last.ends_with(".sh"))
        .map(|last| (*last).to_owned());
    let root = python::Root { files: &source.files, links: &source.links };
    let python = python::find(&root, &command, variable("PATH"));
    let findings = if is_whole { command::check(&entrypoint, &arguments, variable("PATH"), &root) } else { Vec::new() };
    // What the files say goes before what a variable says that anything may have set.
    image.python = if is_whole { python.version } else { variable("PYTHON_VERSION").and_then(base::version) };
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
    source.findings.extend(findings);
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
