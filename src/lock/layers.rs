//! A function's set beside those of its layers: what these have decides versions.
//!
//! What must stay true: a set that was locked without building anything agrees with what a build then finds in the layers. What
//! of a layer's requirements will be in its ZIP is not always certain before it is built; what is not is a wish.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{InLayer, LockedLayer, Origin, Set, SetId, Wheel};
use crate::lambda;
use crate::python::is_same_version;
use crate::slim::{Globs, Level, SdkPolicy};

/// What layers have, by name, with versions.
#[derive(Clone, Debug, Default)]
pub struct OfLayers {
    /// What is in them for sure: a function takes no other version.
    pub certain: BTreeMap<String, String>,
    /// What may be left out of them.
    pub likely: BTreeMap<String, String>,
    /// Whose it is: the set of the layer.
    pub layers: BTreeMap<String, SetId>,
    /// What Python finds in the folder of its version, which it looks into first.
    first: BTreeSet<String>,
}

/// What decides which of its requirements a layer leaves out.
#[derive(Debug)]
pub struct LeftOut {
    /// How much is slimmed.
    pub level: Level,
    /// Whether what the runtime ships is in it.
    pub sdk: SdkPolicy,
    /// What the project excludes.
    pub exclude: Globs,
}

impl OfLayers {
    /// Takes in what a layer will have of its set. Of two layers with one distribution, Python finds the later one's.
    pub fn add(&mut self, set: &Set, left_out: &LeftOut) {
        for wheel in set.wheels.iter().filter(|wheel| !self.first.contains(&wheel.name)) {
            let known = if left_out.is_certain(wheel) { &mut self.certain } else { &mut self.likely };
            known.insert(wheel.name.clone(), wheel.version.clone());
            self.layers.insert(wheel.name.clone(), set.id.clone());
        }
    }
}

impl OfLayers {
    /// Takes in what a layer of somebody else has.
    pub fn add_published(&mut self, id: &SetId, layer: &LockedLayer) {
        for InLayer { name, version, versioned } in &layer.distributions {
            if *versioned || !self.first.contains(name) {
                self.certain.insert(name.clone(), version.clone());
                self.layers.insert(name.clone(), id.clone());
            }
            if *versioned {
                self.first.insert(name.clone());
            }
        }
    }
}

impl LeftOut {
    /// Whether a distribution is in the layer whatever the others need.
    fn is_certain(&self, wheel: &Wheel) -> bool {
        let may_be_the_runtimes = lambda::is_in_sdk(&wheel.name)
            && match self.sdk {
                SdkPolicy::Bundle => false,
                SdkPolicy::Omit => true,
                SdkPolicy::Auto => self.level != Level::None && !wheel.requested,
            };
        // A folder is built anew, in the version that it then has.
        let is_folder = matches!(wheel.origin, Origin::Folder { .. });
        let metadata = format!("{}-{}.dist-info/METADATA", wheel.name.replace('-', "_"), wheel.version);
        !may_be_the_runtimes && !is_folder && !self.exclude.matches(&metadata)
    }
}

/// Where a set's versions are not those of the function's layers, in lines.
pub fn beside_layers(set: &Set, of_layers: &BTreeMap<String, String>) -> Vec<String> {
    let differs = |wheel: &Wheel| {
        let other = of_layers.get(&wheel.name).filter(|other| !is_same_version(&wheel.version, other))?;
        Some(format!("{} {}: a layer has {other}", wheel.name, wheel.version))
    };
    set.wheels.iter().filter_map(differs).collect()
}
