//! The observed state: what is there, as `aws` has read it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::PROJECT_TAG;
use super::state::Kind;

/// Whose something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The project's.
    Ours,
    /// Somebody's: what its tag or its description says, or that nothing says it.
    Other(String),
}

impl Owner {
    /// By the tags of something.
    pub fn of(tags: &BTreeMap<String, String>, project: &str) -> Self {
        match tags.get(PROJECT_TAG) {
            Some(name) if name == project => Self::Ours,
            Some(name) => Self::Other(format!("its tag {PROJECT_TAG} says {name:?}")),
            None => Self::Other(format!("it has no tag {PROJECT_TAG}")),
        }
    }
}

/// A resource that is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Whose it is.
    pub owner: Owner,
    /// Its state, as the types of `state.rs` have it.
    pub state: Value,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What changing it takes: the URL of a queue, the revision of a function, the UUID of a mapping.
    #[serde(skip)]
    pub handle: String,
    /// Why it cannot be changed and has to be made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// Everything that is there and concerns a project.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Observed {
    /// By kind and name.
    #[serde(skip)]
    pub found: BTreeMap<(Kind, String), Found>,
    /// Versions of layers that are as they are to be, by the layer's name: their ARNs.
    pub layer_versions: BTreeMap<String, String>,
    /// Keys of ZIPs that are in the bucket of artifacts, of those that are wanted.
    pub objects: BTreeSet<String>,
}

impl Found {
    /// Something that can be changed.
    pub fn of(owner: Owner, state: &impl Serialize, tags: BTreeMap<String, String>) -> Self {
        let state = serde_json::to_value(state).unwrap_or(Value::Null);
        Self { owner, state, tags, handle: String::new(), broken: None }
    }
}

impl Observed {
    /// What is there of a kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Found> {
        self.found.get(&(kind, name.to_owned()))
    }
}
