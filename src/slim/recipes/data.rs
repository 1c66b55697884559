//! The recipes as they are written down: a TOML file for each distribution, compiled into the binary.
//!
//! What must stay true: every part says what it is for, how that was found out and what was measured; a test reads all
//! of them.

use std::collections::BTreeMap;
use std::str::FromStr;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use serde::Deserialize;

use super::super::{Globs, Level};
use crate::error::{Error, Result};

macro_rules! recipes {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("data/", $name, ".toml")))),*]
    };
}

/// Every recipe, by the distribution's normalised name.
const RECIPES: &[(&str, &str)] = recipes![
    "aws-lambda-powertools",
    "awswrangler",
    "boto3",
    "botocore",
    "duckdb",
    "lightgbm",
    "llvmlite",
    "matplotlib",
    "numba",
    "numpy",
    "nvidia-nccl-cu12",
    "nvidia-nccl-cu13",
    "onnxruntime",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "polars",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "spacy",
    "statsmodels",
    "torch",
    "xgboost-cpu",
];

/// The recipe of a distribution, if there is one.
pub(super) fn of(name: &str) -> Result<Option<Recipe>> {
    let Some((_, text)) = RECIPES.iter().find(|(known, _)| *known == name) else { return Ok(None) };
    parse(name, text).map(Some)
}

fn parse(name: &str, text: &str) -> Result<Recipe> {
    toml::from_str(text).map_err(|error| Error::Recipe { name: name.to_owned(), reason: error.to_string() })
}

/// What is known of a distribution.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(test), expect(dead_code, reason = "a part is written down for its readers; the test looks at it"))]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    /// The newest version that was looked at.
    pub looked_at: String,
    /// What was found where nothing, or little, can go.
    #[serde(default)]
    pub note: Option<String>,
    /// Parts that can go.
    #[serde(default)]
    pub components: Vec<Component>,
    /// Definitions of AWS services.
    #[serde(default)]
    pub services: Option<Services>,
}

/// A part of a distribution.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(test), expect(dead_code, reason = "as above"))]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    /// Its name, for reports.
    pub name: String,
    /// The level at which it may go.
    pub level: Depth,
    /// The versions whose files were looked at.
    #[serde(deserialize_with = "parsed")]
    pub versions: VersionSpecifiers,
    /// Its files, as globs.
    pub paths: Paths,
    /// What would need it.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// What it is for.
    pub purpose: String,
    /// How it is known that others do without it.
    pub evidence: String,
    /// Bytes in the artifact, on `x86_64` and without bytecode, of the version that was looked at.
    pub bytes: u64,
}

/// Whatever would need a part.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Its modules: what imports one of these needs it.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Names that only its users write: identifiers in any source, and any text in the function's own.
    #[serde(default)]
    pub words: Vec<String>,
    /// Who names it and does without it, by path, with the reason.
    #[serde(default)]
    pub guarded: BTreeMap<String, String>,
}

/// The level at which a part goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Depth {
    /// Nothing public is lost.
    Standard,
    /// An optional function is lost that nobody uses.
    Deep,
}

/// Definitions of AWS services, a folder for each.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(test), expect(dead_code, reason = "as above"))]
#[serde(deny_unknown_fields)]
pub(super) struct Services {
    /// The part's name, for reports.
    pub component: String,
    /// The folder whose folders are the services.
    pub folder: String,
    /// Whether every service has a folder here.
    #[serde(default)]
    pub complete: bool,
    /// Services that the SDK itself asks for, with the reason.
    pub always: BTreeMap<String, String>,
    /// Other names of services.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
    /// What a source imports that makes clients.
    pub sdk: Vec<String>,
    /// The distributions of the SDK, whose own sources name services without asking for them.
    pub own: Vec<String>,
    /// Identifiers of what makes a client.
    pub clients: Vec<String>,
    /// The name of the argument that says which, the first.
    pub argument: String,
    /// How it is known that the rest is not read.
    pub evidence: String,
    /// Bytes of the folder in the version that was looked at.
    pub bytes: u64,
}

/// Globs over paths in the artifact.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(super) struct Paths(Globs);

impl TryFrom<Vec<String>> for Paths {
    type Error = Error;

    fn try_from(patterns: Vec<String>) -> Result<Self> {
        Globs::new("paths", &patterns).map(Self)
    }
}

impl Paths {
    /// Whether a path is meant.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.0.matches(path)
    }
}

fn parsed<'de, D: serde::Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(source: D) -> Result<T, D::Error> {
    String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
}

impl Recipe {
    /// Every word that sources are searched for.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let of_clients = self.services.iter().flat_map(Services::makers);
        self.components.iter().flat_map(|component| &component.wanted.words).chain(of_clients).map(String::as_str)
    }
}

impl Services {
    /// Names that a source says which makes clients.
    pub(super) fn makers(&self) -> impl Iterator<Item = &String> {
        self.clients.iter().chain([&self.argument])
    }
}

impl Component {
    /// Whether it may go from this version at this level.
    pub(super) fn concerns(&self, version: &str, level: Level) -> bool {
        let depth = match self.level {
            Depth::Standard => Level::Standard,
            Depth::Deep => Level::Deep,
        };
        level >= depth && version.parse::<Version>().is_ok_and(|version| self.versions.contains(&version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::normalise;

    #[test]
    fn every_recipe_is_sound() {
        let mut last = "";
        for (name, text) in RECIPES {
            assert!(last < *name, "{name} is not in its place");
            last = name;
            assert_eq!(normalise(name), *name);
            let recipe = parse(name, text).unwrap();
            recipe.looked_at.parse::<Version>().unwrap();
            assert!(
                recipe.note.is_some() || !recipe.components.is_empty() || recipe.services.is_some(),
                "{name} says nothing"
            );
            let mut names = Vec::new();
            for component in &recipe.components {
                let whose = format!("{name}: {}", component.name);
                assert!(!names.contains(&&component.name), "{whose} is there twice");
                names.push(&component.name);
                assert!(component.bytes > 0, "{whose} was not measured");
                assert!(component.purpose.len() > 10 && component.evidence.len() > 20, "{whose} has no evidence");
                let in_range = component.versions.contains(&recipe.looked_at.parse().unwrap());
                assert!(in_range, "{whose}: {} is outside of its versions", recipe.looked_at);
                let Wanted { modules, words, guarded } = &component.wanted;
                assert!(!modules.is_empty() || !words.is_empty(), "{whose}: nothing would be seen to need it");
                assert!(guarded.values().all(|reason| reason.len() > 10), "{whose}: a guard without a reason");
            }
            if let Some(services) = &recipe.services {
                assert!(services.bytes > 0 && services.evidence.len() > 20, "{name}: services without evidence");
            }
        }
    }

    #[test]
    fn a_recipe_with_an_unknown_key_is_refused() {
        let error = parse("x", "looked_at = '1'\ncomponent = []\n").unwrap_err().to_string();
        assert!(error.contains("recipe of x"), "{error}");
    }
}
