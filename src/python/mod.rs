//! Python's own formats: wheels, requirements, pip's reports, sources and bytecode.

pub mod bytecode;
pub mod cython;
pub mod exporter;
pub mod interpreter;
pub mod licence;
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

use std::path::Path;

use pep508_rs::pep440_rs::Version;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
pub use wheel::{Placed, Wheel, WheelError};
pub use wheel_name::{WheelFilename, is_distribution_name, normalise};

/// What a `file:` URL's path keeps as it is, beside letters and digits.
const FILE_URL: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'+');

/// An absolute path as pip's `file:` URL.
pub fn file_url(path: &Path) -> String {
    format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), FILE_URL))
}

/// Whether two texts are one version: `1.0` is `1.0.0`.
pub fn is_same_version(one: &str, other: &str) -> bool {
    match (one.parse::<Version>(), other.parse::<Version>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
