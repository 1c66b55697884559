//! The manifest of artifacts: what lies where, and by which digests Lambda and registries know it. `docs/artifacts.md` describes it.

use std::path::Path;

use serde::Serialize;

use super::{base64, not_built};
use crate::deploy::{Artifact, Artifacts, object_key};
use crate::error::Result;
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::lock::Lock;
use crate::project::{Builds, Method, Project, UsedLayer};
use crate::published;

/// The version of the format. One with fields more stays the same; one that changes or drops some is the next.
pub const VERSION: u32 = 1;

/// The artifacts of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// [`VERSION`]
    version: u32,
    /// The project's name.
    project: String,
    /// Layers, then functions, in the order of the matrix.
    artifacts: Vec<Entry>,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// The ZIP of a function.
    Zip,
    /// The ZIP of a layer.
    Layer,
    /// The image of a function, as a layout in a folder.
    Image,
}

/// An artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Entry {
    kind: Kind,
    path: String,
    function: Option<String>,
    layer: Option<String>,
    packaging: Option<String>,
    python: PythonVersion,
    architecture: Architecture,
    /// MB; none for Lambda's own default.
    memory: Vec<u32>,
    handler: Option<String>,
    sha256: Option<String>,
    /// As Lambda reports it.
    code_sha256: Option<String>,
    image_digest: Option<String>,
    s3_key: Option<String>,
    packed_bytes: u64,
    unpacked_bytes: u64,
    layers: Vec<LayerOf>,
}

/// A layer of a function: one of these artifacts, or somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct LayerOf {
    name: String,
    path: Option<String>,
    arn: Option<String>,
}

impl Manifest {
    /// Of everything that a project builds, which has to be there.
    pub fn of(project: &Project, mut builds: Builds, lock: &Lock, artifacts: &Artifacts) -> Result<Self> {
        published::fill(&mut builds.functions, project, lock);
        // A layer that no function has need not be there.
        let is_used = |output: &Path| {
            let mut used = builds.functions.iter().flat_map(|build| &build.layers);
            used.any(|used| used.output.as_deref() == Some(output))
        };
        builds.layers.retain(|build| is_used(&build.output) || artifacts.contains_key(&build.output));
        let layers = builds.layers.iter().map(|build| &build.output);
        let outputs = layers.chain(builds.functions.iter().map(|build| &build.output));
        let missing: Vec<String> =
            outputs.filter(|output| !artifacts.contains_key(*output)).map(|output| shown(output)).collect();
        if !missing.is_empty() {
            let is_missing = |method: fn(Method) -> bool| {
                let mut functions = builds.functions.iter().filter(|build| method(build.method));
                functions.any(|build| !artifacts.contains_key(&build.output))
            };
            return Err(not_built(
                &missing,
                builds.layers.iter().any(|build| !artifacts.contains_key(&build.output)),
                is_missing(|method| method != Method::Image),
                is_missing(|method| method == Method::Image),
            ));
        }
        let layers = builds.layers.iter().filter_map(|build| {
            let entry = Entry::of(Kind::Layer, artifacts.get(&build.output)?, build.target);
            Some(Entry { layer: Some(build.layer.clone()), ..entry })
        });
        let functions = builds.functions.iter().filter_map(|build| {
            let kind = if build.method == Method::Image { Kind::Image } else { Kind::Zip };
            let entry = Entry::of(kind, artifacts.get(&build.output)?, build.target);
            Some(Entry {
                function: Some(build.function.clone()),
                packaging: Some(build.packaging.clone()),
                memory: build.memory.clone(),
                layers: build.layers.iter().map(LayerOf::from).collect(),
                ..entry
            })
        });
        Ok(Self { version: VERSION, project: project.name.clone(), artifacts: layers.chain(functions).collect() })
    }
}

impl Entry {
    fn of(kind: Kind, artifact: &Artifact, target: Target) -> Self {
        let zip = (kind != Kind::Image).then_some(&artifact.sha256);
        Self {
            kind,
            path: shown(&artifact.path),
            function: None,
            layer: None,
            packaging: None,
            python: target.python,
            architecture: target.architecture,
            memory: Vec::new(),
            handler: artifact.handler.clone().filter(|handler| !handler.is_empty()),
            sha256: zip.cloned(),
            code_sha256: zip.map(|sha256| base64(sha256)),
            image_digest: (kind == Kind::Image).then(|| format!("sha256:{}", artifact.sha256)),
            s3_key: zip.map(|sha256| object_key(sha256)),
            packed_bytes: artifact.packed,
            unpacked_bytes: artifact.unpacked,
            layers: Vec::new(),
        }
    }
}

impl From<&UsedLayer> for LayerOf {
    fn from(used: &UsedLayer) -> Self {
        let path = used.output.as_ref().map(|output| shown(output));
        Self { name: used.name.clone(), path, arn: used.arn.clone() }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
