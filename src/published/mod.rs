//! Layers that somebody else publishes: which version a project means, whether the lock still says so, and their archives.
//!
//! What must stay true: a version that the lock has stays until somebody asks for another; AWS is asked only for what neither
//! the lock nor the cache has; and what cannot be had is an error, never a layer without bytes.

mod finder;
mod plan;

pub use finder::Finder;
pub use plan::fill;

use crate::lambda::{LayerArn, Target};
use crate::lock::{Lock, LockedLayer};
use crate::project::{Build, Content, Project, Published};

/// A layer of somebody else's, as a project has it for a target.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the project calls it.
    pub name: String,
    /// What it is taken for.
    pub target: Target,
    published: Published,
    /// As the project says; else that of the lock counts, else that of AWS's own chain.
    region: Option<String>,
}

/// What the lock says of one.
#[derive(Debug)]
pub enum State<'a> {
    /// This.
    Holds(&'a LockedLayer),
    /// Something that the project no longer means: why.
    Outdated(String),
    /// Nothing.
    Unknown,
}

impl Wanted {
    /// Those of a build, in Lambda's order.
    pub fn of(build: &Build, project: &Project) -> Vec<Self> {
        build.layers.iter().filter_map(|used| Self::named(&used.name, build.target, project)).collect()
    }

    fn named(name: &str, target: Target, project: &Project) -> Option<Self> {
        let Content::Published(published) = &project.layers.get(name)?.content else { return None };
        Some(Self { name: name.to_owned(), target, published: published.clone(), region: project.region.clone() })
    }

    /// Whether the lock has it as the project means it.
    pub fn state<'l>(&self, lock: &'l Lock) -> State<'l> {
        let Some(locked) = lock.layer(&self.name, self.target) else { return State::Unknown };
        let Some(meant) = self.arn(Some(&locked.arn.region)) else { return State::Unknown };
        if without_version(&meant) != without_version(&locked.arn) {
            return State::Outdated(format!("pack.toml means {meant}, and the lock has {}", locked.arn));
        }
        match (meant.version, locked.arn.version) {
            (Some(says), Some(has)) if says != has => {
                State::Outdated(format!("pack.toml says version {says}, and the lock has {has}"))
            }
            _ => State::Holds(locked),
        }
    }

    /// The version that the project says.
    pub fn version(&self) -> Option<u32> {
        self.arn(Some("")).and_then(|arn| arn.version)
    }

    /// Its ARN, with a version if the project says one; `otherwise` is the Region where the project says none.
    fn arn(&self, otherwise: Option<&str>) -> Option<LayerArn> {
        self.published.arn(self.region.as_deref().or(otherwise), self.target)
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({})", self.name, self.target)
    }
}

fn without_version(arn: &LayerArn) -> LayerArn {
    LayerArn { version: None, ..arn.clone() }
}
