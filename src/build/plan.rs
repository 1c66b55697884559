//! What a build would do, for `--dry-run`: the same values that the build goes by.

use serde::Serialize;

use super::{BuildPlan, Name, Policy, Product};
use crate::cache::Cache;
use crate::image;
use crate::lambda::Target;
use crate::layers::Layer;
use crate::project::FunctionFile;
use crate::python::interpreter::Interpreters;
use crate::python::normalise;
use crate::resolve::{self, Answer};
use crate::slim::Level;

/// One wheel of a plan.
#[derive(Debug, Serialize)]
pub struct PlannedWheel {
    /// Normalised name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Whether the requirements name it.
    pub requested: bool,
    /// The file; for what is built first, what it is built from.
    pub file: String,
    /// Its SHA-256, where it is known.
    pub sha256: Option<String>,
    /// Whether it is in the cache.
    pub cached: bool,
    /// The layer that has it, in the same version: it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
}

/// Paths in the ZIP, as JSON has them: `"function_files": […]`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnFiles {
    /// Of a function.
    FunctionFiles(Vec<String>),
    /// Of a layer.
    LayerFiles(Vec<String>),
}

impl OwnFiles {
    fn paths(&self) -> &[String] {
        match self {
            Self::FunctionFiles(paths) | Self::LayerFiles(paths) => paths,
        }
    }
}

/// What is particular to an image that is not made yet.
#[derive(Debug, Serialize)]
pub struct PlannedImage {
    /// The base as it is named.
    pub base: String,
    /// Its digest, where the lock has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where it would be pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<String>,
    /// Whether it would be loaded into an engine of this machine.
    pub load: bool,
    /// Whether it would be written to the output.
    pub write: bool,
}

impl PlannedImage {
    fn new(plan: &image::Plan) -> Self {
        Self {
            base: plan.base.clone(),
            digest: plan.digest().map(|digest| digest.to_string()),
            push: plan.push.as_ref().map(ToString::to_string),
            load: plan.load,
            write: plan.write,
        }
    }

    fn lines(&self) -> Vec<String> {
        let digest = self.digest.as_ref().map(|digest| format!(" ({digest})")).unwrap_or_default();
        let mut lines = vec![format!("base          {}{digest}", self.base)];
        lines.extend(self.push.as_ref().map(|push| format!("push          {push}")));
        if self.load {
            lines.push("load          into the engine of this machine".into());
        }
        lines
    }
}

/// A build that has not happened.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// What would be built.
    #[serde(flatten)]
    pub name: Name,
    /// Its sources.
    pub source: Option<String>,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// Its newest platform tag.
    pub newest_platform_tag: String,
    /// Where the ZIP would go.
    pub output: String,
    /// Requirement files.
    pub requirements: Vec<String>,
    /// How much would be slimmed.
    pub slim: Level,
    /// What bytecode it would have.
    pub bytecode: Policy,
    /// The interpreter that runs pip.
    pub pip_interpreter: String,
    /// The interpreter that compiles, if there is one.
    pub compile_interpreter: Option<String>,
    /// The function's layers: their ZIPs, or names and ARNs.
    pub layers: Vec<String>,
    /// What an image is made above, and where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<PlannedImage>,
    /// The function's or layer's own files.
    #[serde(flatten)]
    pub files: OwnFiles,
    /// The wheels.
    pub wheels: Vec<PlannedWheel>,
}

impl Plan {
    pub(super) fn new(
        build: &BuildPlan,
        python: &Interpreters,
        cache: &Cache,
        files: &[FunctionFile],
        answer: &Answer,
    ) -> Self {
        let mut wheels: Vec<PlannedWheel> = answer
            .items
            .iter()
            .map(|item| PlannedWheel {
                name: normalise(&item.metadata.name),
                version: item.metadata.version.clone(),
                requested: item.requested,
                file: item.filename(),
                sha256: item.sha256().map(str::to_owned),
                cached: resolve::is_cached(item, build.target, cache),
                layer: build.layers.same(&normalise(&item.metadata.name), &item.metadata.version),
            })
            .collect();
        wheels.sort_by(|left, right| left.name.cmp(&right.name));
        let own = files.iter().map(|file| file.path.clone()).collect();
        Self {
            name: build.product.name(),
            source: build.product.source().map(|source| source.display().to_string()),
            target: build.target,
            newest_platform_tag: build.target.newest_tag(),
            output: build.output.display().to_string(),
            requirements: build.requirements.sources.iter().map(|path| path.display().to_string()).collect(),
            slim: build.slim.level,
            bytecode: build.bytecode,
            pip_interpreter: python.pip.path.display().to_string(),
            compile_interpreter: python.compiler.as_ref().map(|compiler| compiler.path.display().to_string()),
            layers: build.layers.all.iter().map(Layer::shown).collect(),
            image: build.image.as_ref().map(PlannedImage::new),
            files: match build.product {
                Product::Function(_) => OwnFiles::FunctionFiles(own),
                Product::Layer { .. } => OwnFiles::LayerFiles(own),
            },
            wheels,
        }
    }

    /// As a person reads it.
    pub fn text(&self) -> String {
        let compiler = match (&self.compile_interpreter, self.bytecode) {
            (_, Policy::None) => "none".to_owned(),
            (Some(interpreter), policy) => {
                format!("{} by {interpreter}", if policy == Policy::Only { "only" } else { "compiled" })
            }
            (None, _) => format!("none: no CPython {} was found", self.target.python),
        };
        let own = self.files.paths();
        let mut lines = vec![
            format!(
                "{:<13} {} ({}{} file{})",
                self.name.kind(),
                self.name.as_str(),
                self.source.as_ref().map(|source| format!("{source}, ")).unwrap_or_default(),
                own.len(),
                if own.len() == 1 { "" } else { "s" }
            ),
            format!("target        {} (wheels up to {})", self.target, self.newest_platform_tag),
            format!(
                "requirements  {}",
                if self.requirements.is_empty() { "none".into() } else { self.requirements.join(", ") }
            ),
            format!("pip           {}", self.pip_interpreter),
            format!("bytecode      {compiler}"),
            format!("wheels        {}", self.wheels.len()),
        ];
        if self.image.as_ref().is_none_or(|image| image.write) {
            lines.insert(5, format!("output        {}", self.output));
        }
        if !self.layers.is_empty() {
            lines.insert(3, format!("layers        {}", self.layers.join(", ")));
        }
        lines.splice(2..2, self.image.iter().flat_map(PlannedImage::lines));
        lines.splice(1..1, own.iter().map(|path| format!("  {path}")));
        lines.extend(self.wheels.iter().map(|wheel| {
            format!(
                "  {} {}{}{}",
                if wheel.cached { "cached" } else { "fetch " },
                wheel.file,
                if wheel.requested { "" } else { "  (dependency)" },
                wheel.layer.as_ref().map(|layer| format!("  (left out: in {layer})")).unwrap_or_default()
            )
        }));
        lines.join("\n") + "\n"
    }
}
