//! `pack.lock`: for each set of requirements and target the exact wheels, so that a build decides nothing.
//!
//! What must stay true: the same content has the same bytes, in an order that makes short diffs; no credential and no
//! path of a machine is in it; a build goes by an entry only while the files that it was made from are unchanged; and
//! what is written replaces only the sets of the command that writes.

mod answer;
mod bases;
mod compare;
mod inputs;
mod layers;
mod model;
mod read;
#[cfg(test)]
mod tests;
mod update;
mod write;

use std::path::{Path, PathBuf};

pub use answer::{pins, set_of, to_answer};
pub use bases::BaseId;
pub use compare::{Change, changes, layer_changes, outdated};
pub use inputs::{Input, with_added};
pub use layers::{LeftOut, OfLayers, beside_layers};
pub use model::{InLayer, Lock, LockedLayer, Origin, Place, Set, SetId, Wheel};
pub use read::parse;
pub use update::{load, update};

use crate::error::{Error, Result};
use crate::project::Requirements;
use crate::resolve::Answer;

/// The file beside `pack.toml`.
pub const FILE: &str = "pack.lock";

/// The format that is written, and the only one that is read.
pub const VERSION: i64 = 1;

/// What the set of a layer is called; a function's is called as the function.
pub fn layer_set(layer: &str) -> String {
    format!("layer:{layer}")
}

/// A layer of somebody else's as it is read again: what could not be must not be written.
pub fn readable(layer: LockedLayer) -> Result<LockedLayer> {
    let mut lock = Lock::default();
    let shown = layer.arn.to_string();
    lock.replace_layer(layer);
    let mut read = read::parse(&lock.text(), Path::new(&shown))?;
    read.layers.pop().ok_or_else(|| Error::Lock {
        message: format!("{shown} cannot be put into a lock"),
        hint: "name the layer differently".into(),
    })
}

/// Which entry of which lock a build goes by.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The lock's path; it is there or it will be.
    pub file: PathBuf,
    /// The set.
    pub id: SetId,
    /// What it is made from: where the files that a person keeps are unchanged, the entry holds.
    pub requirements: Requirements,
    /// Whether an entry that does not hold is an error (`--locked`).
    pub frozen: bool,
}

/// What the lock says to an [`Entry`].
#[derive(Debug)]
pub enum State {
    /// These wheels.
    Holds(Set),
    /// Nothing that holds.
    Outdated {
        /// What it said before.
        old: Option<Set>,
        /// Why that no longer holds, in lines.
        reasons: Vec<String>,
    },
}

impl Entry {
    /// The project's folder, which paths in the lock start from.
    pub fn root(&self) -> &Path {
        match self.file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// Reads the lock, and compares the entry with what is there now.
    pub fn state(&self) -> Result<State> {
        self.state_in(&load(&self.file)?)
    }

    /// The same with a lock that was read.
    pub fn state_in(&self, lock: &Lock) -> Result<State> {
        let Some(old) = lock.set(&self.id).cloned() else {
            return Ok(State::Outdated { old: None, reasons: vec!["it is not in the lock yet".into()] });
        };
        let mut reasons = outdated(&old, &self.read_inputs()?, &self.requirements.files())?;
        if old.added != self.requirements.added {
            let named = |names: &[String]| if names.is_empty() { "nothing".into() } else { names.join(", ") };
            let (had, wanted) = (named(&old.added), named(&self.requirements.added));
            reasons.insert(0, format!("it has {had} beside what its files require, and the base takes {wanted}"));
        }
        if old.choice != self.requirements.choice {
            reasons.insert(0, format!("it has {}, and {} are to be taken", old.choice, self.requirements.choice));
        }
        Ok(if reasons.is_empty() { State::Holds(old) } else { State::Outdated { old: Some(old), reasons } })
    }

    /// The digests of the files that it is made from.
    pub fn read_inputs(&self) -> Result<Vec<Input>> {
        inputs::read(self.root(), &self.requirements.inputs(), &self.requirements.own_files())
    }

    /// The set that an answer of pip's makes. `inputs` were read before pip was asked, so that a file that changed
    /// meanwhile makes the entry outdated.
    pub fn set(&self, inputs: Vec<Input>, answer: &Answer) -> Result<Set> {
        set_of(&self.id, inputs, (&self.requirements.choice, &self.requirements.added), answer, self.root())
    }

    /// Why nothing is built with `--locked`.
    pub fn refuse(&self, reasons: &[String]) -> Error {
        Error::Lock {
            message: format!("{} is out of date for {}:\n  {}", self.file.display(), self.id, reasons.join("\n  ")),
            hint: "pack lock brings it up to date; commit the result".into(),
        }
    }
}
