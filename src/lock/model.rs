//! What a lock says. Values are checked where they are read, and hold whatever reads or makes them.

use std::collections::BTreeMap;
use std::fmt;

use super::bases::BaseId;
use super::inputs::Input;
use crate::lambda::{LayerArn, Target};
use crate::project::Choice;
use crate::registry::Digest;

/// A whole lock: sets in order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// By [`SetId`].
    pub(super) sets: Vec<Set>,
    /// By name and target.
    pub(super) layers: Vec<LockedLayer>,
    /// Of base images.
    pub(super) bases: BTreeMap<BaseId, Digest>,
}

/// A layer that somebody else publishes, for one target. A version of it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedLayer {
    /// What the project calls it.
    pub name: String,
    /// What it is taken for.
    pub target: Target,
    /// Its ARN with the version.
    pub arn: LayerArn,
    /// SHA-256 of its archive in hexadecimal.
    pub sha256: String,
    /// Bytes of the archive.
    pub packed: u64,
    /// Bytes it unpacks to.
    pub unpacked: u64,
    /// What the target's Python imports of it, by name.
    pub distributions: Vec<InLayer>,
}

/// A distribution of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InLayer {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it lies in `python/lib/python3.x/site-packages`, where Python looks first.
    pub versioned: bool,
}

/// Which requirements, and for what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetId {
    /// A function's name, or `layer:NAME`.
    pub name: String,
    /// The packaging, where a function's wheels depend on it.
    pub packaging: Option<String>,
    /// What the wheels are for.
    pub target: Target,
}

/// The wheels of one set of requirements for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Which.
    pub id: SetId,
    /// The files that it was made from, by path.
    pub inputs: Vec<Input>,
    /// What was taken of them.
    pub choice: Choice,
    /// Distributions that no file names: what an image's base lacks.
    pub added: Vec<String>,
    /// By name.
    pub wheels: Vec<Wheel>,
}

/// One distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// Its normalised name.
    pub name: String,
    /// Its version; for a folder the one that it had.
    pub version: String,
    /// Where its bytes come from.
    pub origin: Origin,
    /// Whether the requirement files name it.
    pub requested: bool,
    /// The extras that they ask of it.
    pub extras: Vec<String>,
}

/// Where a wheel comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One file: a wheel, or an archive of sources from which a wheel was built.
    File {
        /// Its name.
        file: String,
        /// SHA-256 in hexadecimal.
        sha256: String,
        /// Where it was.
        place: Place,
        /// The folder in an archive of sources that holds several projects.
        subdirectory: Option<String>,
    },
    /// A commit of a repository.
    Repository {
        /// With the system before a plus: `git+https://host/path`.
        url: String,
        /// The commit.
        commit: String,
        /// The folder of the project in it.
        subdirectory: Option<String>,
    },
    /// A folder with sources. It can change unseen: it is built each time, and its version and digest decide nothing.
    Folder {
        /// From the project's folder.
        path: String,
    },
}

/// Where a file was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an index, or where else pip looks: which one is the user's configuration.
    Index,
    /// At a URL that the requirements name; without what can hold a credential.
    Url(String),
    /// On this machine, from the project's folder.
    Path(String),
}

impl Lock {
    /// Its sets.
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// The set of that name and target.
    pub fn set(&self, id: &SetId) -> Option<&Set> {
        self.sets.iter().find(|set| set.id == *id)
    }

    /// Puts a set in the place of the one with its name and target.
    pub fn replace(&mut self, set: Set) {
        match self.sets.binary_search_by(|other| other.id.cmp(&set.id)) {
            Ok(index) => self.sets[index] = set,
            Err(index) => self.sets.insert(index, set),
        }
    }

    /// Takes a set out.
    pub fn remove(&mut self, id: &SetId) {
        self.sets.retain(|set| set.id != *id);
    }

    /// Its layers of others.
    pub fn layers(&self) -> &[LockedLayer] {
        &self.layers
    }

    /// The layer of that name for a target.
    pub fn layer(&self, name: &str, target: Target) -> Option<&LockedLayer> {
        self.layers.iter().find(|layer| layer.name == name && layer.target == target)
    }

    /// Puts a layer in the place of the one with its name and target.
    pub fn replace_layer(&mut self, layer: LockedLayer) {
        match self.layers.binary_search_by(|other| other.key().cmp(&layer.key())) {
            Ok(index) => self.layers[index] = layer,
            Err(index) => self.layers.insert(index, layer),
        }
    }

    /// Takes a layer out.
    pub fn remove_layer(&mut self, name: &str, target: Target) {
        self.layers.retain(|layer| layer.name != name || layer.target != target);
    }
}

impl LockedLayer {
    /// What it is found and sorted by.
    pub(super) fn key(&self) -> (&str, Target) {
        (&self.name, self.target)
    }
}

impl fmt::Display for LockedLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name, self.target)
    }
}

impl Set {
    /// Whether what it names cannot change by itself: folders and files of this machine can.
    pub fn is_settled(&self) -> bool {
        !self
            .wheels
            .iter()
            .any(|wheel| matches!(wheel.origin, Origin::Folder { .. } | Origin::File { place: Place::Path(_), .. }))
    }
}

impl Wheel {
    /// Whether a wheel has to be built from it.
    pub fn is_source(&self) -> bool {
        !matches!(&self.origin, Origin::File { file, .. } if file.ends_with(".whl"))
    }

    /// The name of its file, or where its sources are.
    pub fn shown(&self) -> &str {
        match &self.origin {
            Origin::File { file, .. } => file,
            Origin::Repository { url, .. } => url,
            Origin::Folder { path } => path,
        }
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, packaging, target } = self;
        match packaging {
            Some(packaging) => write!(formatter, "{name} ({packaging}, {target})"),
            None => write!(formatter, "{name} ({target})"),
        }
    }
}
