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

pub use wheel::{Placed, Wheel, WheelError};
pub use wheel_name::{WheelFilename, normalise};
