//! What a plan knows of layers of others: what the lock says.

use super::{State, Wanted};
use crate::lock::Lock;
use crate::project::{Build, LayerSize, Project};

/// Says of the builds' layers what the lock knows of them.
pub fn fill(builds: &mut [Build], project: &Project, lock: &Lock) {
    for build in builds {
        let target = build.target;
        for used in &mut build.layers {
            let Some(wanted) = Wanted::named(&used.name, target, project) else { continue };
            if let State::Holds(locked) = wanted.state(lock) {
                used.arn = Some(locked.arn.to_string());
                used.locked = Some(LayerSize { packed: locked.packed, unpacked: locked.unpacked });
            }
        }
    }
}
