//! The matrix: which builds a project has. Pure, and always in the same order: functions and layers by name, packagings as the
//! file has them, Python versions and architectures upwards.
//!
//! A memory size changes no artifact: one build serves all of a function's.

mod cells;
mod functions;
mod layers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::function::Function;
use super::load::Project;
use super::manifest::{Method, suggestion};
use super::requirements::Choice;
use super::settings::{LayerSettings, Origin, Settings};
use crate::error::{Error, Result};
use crate::lambda::{Architecture, PythonVersion, Target};

/// Which of a project's builds are meant; what is empty or none leaves it open.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Functions by name.
    pub functions: Vec<String>,
    /// A packaging by name.
    pub packaging: Option<String>,
    /// A Python version.
    pub python: Option<PythonVersion>,
    /// An architecture.
    pub architecture: Option<Architecture>,
}

/// One artifact of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The function's name.
    pub function: String,
    /// The packaging's name.
    pub packaging: String,
    /// How.
    pub method: Method,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// Memory sizes in MB that it serves; none for Lambda's own default.
    pub memory: Vec<u32>,
    /// The function's folder or file.
    pub source: PathBuf,
    /// Requirement files, in order.
    pub requirements: Vec<PathBuf>,
    /// What is taken of them.
    #[serde(flatten)]
    pub choice: Choice,
    /// Layers in Lambda's order.
    pub layers: Vec<UsedLayer>,
    /// Layers that the function lists and an image cannot have.
    pub layers_left_out: Vec<String>,
    /// The base image, if it is one and the project names it.
    pub base: Option<String>,
    /// What starts the handler in an image whose base has nothing that does.
    pub entrypoint: Option<Vec<String>>,
    /// Labels of an image.
    pub labels: BTreeMap<String, String>,
    /// Where the artifact goes.
    pub output: PathBuf,
    /// What holds for it.
    pub settings: Settings,
    /// What is not as always, and why.
    pub why: Vec<Origin>,
    /// Whether it is of a path of the command line that is no part of the project.
    #[serde(skip)]
    pub is_argument: bool,
}

/// A layer as a function has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsedLayer {
    /// Its name in the project.
    pub name: String,
    /// The ZIP, if it is built here.
    pub output: Option<PathBuf>,
    /// The ARN of somebody else's, if the Region is known; without a version, the newest is meant.
    pub arn: Option<String>,
    /// How large somebody else's is, where the lock knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<LayerSize>,
}

/// How large a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LayerSize {
    /// Bytes of its ZIP.
    pub packed: u64,
    /// Bytes it unpacks to.
    pub unpacked: u64,
}

/// One artifact of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerBuild {
    /// The layer's name.
    pub layer: String,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// Requirement files, in order.
    pub requirements: Vec<PathBuf>,
    /// What is taken of them.
    #[serde(flatten)]
    pub choice: Choice,
    /// A folder of files that come along.
    pub files: Option<PathBuf>,
    /// Whether modules lie in a folder of their Python version.
    pub versioned: bool,
    /// Functions that have it.
    pub functions: Vec<String>,
    /// The same, with what the lock calls the packaging in which they have it.
    #[serde(skip)]
    pub users: BTreeSet<(String, Option<String>)>,
    /// Where the ZIP goes.
    pub output: PathBuf,
    /// What holds for it.
    pub settings: LayerSettings,
    /// What is not as always, and why.
    pub why: Vec<Origin>,
    /// Whether it is of the command line, and no part of the project.
    #[serde(skip)]
    pub is_argument: bool,
}

/// Functions, and what the lock calls the packaging of each.
type Users = BTreeSet<(String, Option<String>)>;

/// What a project builds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Builds {
    /// Of functions.
    pub functions: Vec<Build>,
    /// Of layers.
    pub layers: Vec<LayerBuild>,
}

/// Where artifacts go.
const FOLDER: &str = "dist";

impl Project {
    /// The builds that are meant. What the command line names is built, even where the matrix does not have it.
    pub fn builds(&self, selection: &Selection) -> Result<Builds> {
        if let Some(name) = &selection.packaging
            && self.packaging(name).is_none()
        {
            let names = self.packagings.iter().map(|packaging| packaging.name.as_str());
            return Err(Error::usage(
                format!("there is no packaging {name:?}"),
                suggestion(name, names, "packagings here") + "; a table [packaging.NAME] in pack.toml makes one",
            ));
        }
        let mut cells = self.cells();
        cells.retain(|cell| self.is_meant(cell, selection));
        if cells.is_empty() {
            cells = self.product(&self.axes_of(selection)).into_iter().collect();
        }
        let functions = self.builds_of(&cells);
        refuse_one_place(&functions)?;
        let layers = self.layer_builds(&functions, selection);
        Ok(Builds { functions, layers })
    }
}

impl Build {
    /// The function, with the requirements that hold for this build.
    pub fn function(&self) -> Function {
        Function {
            name: self.function.clone(),
            source: self.source.clone(),
            requirements: self.requirements.clone(),
            choice: self.choice.clone(),
        }
    }

    /// What the lock calls the packaging in its set of requirements: where the function's layers decide versions, its name.
    pub fn packaging_of_lock(&self) -> Option<String> {
        (self.method == Method::Layers).then(|| self.packaging.clone())
    }
}

/// `1024, 1769 MB`.
pub fn sizes_shown(sizes: &[u32]) -> String {
    sizes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ") + " MB"
}

/// Two builds must not write one file: `a-b` packaged as `c`, and `a` packaged as `b-c`.
fn refuse_one_place(builds: &[Build]) -> Result<()> {
    let mut seen: BTreeMap<&Path, &Build> = BTreeMap::new();
    for build in builds {
        if let Some(other) = seen.insert(&build.output, build) {
            return Err(Error::usage(
                format!(
                    "{} packaged as {} and {} packaged as {} would both be {}",
                    other.function,
                    other.packaging,
                    build.function,
                    build.packaging,
                    build.output.display()
                ),
                "give one of the functions or packagings another name",
            ));
        }
    }
    Ok(())
}
