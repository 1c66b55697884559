//! Python's own formats: wheels, requirements, pip's reports, sources and bytecode.

pub mod bytecode;
pub mod cython;
pub mod exporter;
pub mod interpreter;
pub mod markers;
pub mod marshal;
pub mod metadata;
pub mod pip;
pub mod report;
pub mod requirement;
pub mod source;
pub mod stdlib;
mod wheel;
mod wheel_name;
pub mod wheel_tags;

use pep508_rs::pep440_rs::Version;
pub use wheel::{Placed, Wheel, WheelError};
pub use wheel_name::{WheelFilename, normalise};

/// Whether two texts are one version: `1.0` is `1.0.0`.
pub fn is_same_version(one: &str, other: &str) -> bool {
    match (one.parse::<Version>(), other.parse::<Version>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
