//! `version` of a layer that somebody else publishes. AWS numbers versions by layer name, and public layers have a name for
//! each runtime and architecture: so it is one number, or one for each Python version or target.

use std::collections::BTreeMap;

use super::shape;
use crate::lambda::{Architecture, PythonVersion, Target};

/// What a version is written for: a Python version, or one of its targets.
type For = (PythonVersion, Option<Architecture>);

/// Versions of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// This one, whatever it is for.
    One(u32),
    /// One for each of these; of what is not among them, the newest.
    Each(BTreeMap<For, u32>),
}

impl Versions {
    /// The version for a target; none for the newest.
    pub fn of(&self, target: Target) -> Option<u32> {
        match self {
            Self::One(version) => Some(*version),
            Self::Each(versions) => {
                let of = |architecture| versions.get(&(target.python, architecture)).copied();
                of(Some(target.architecture)).or_else(|| of(None))
            }
        }
    }
}

/// `3.13`, or `3.13-arm64`.
pub(super) fn key(text: &str) -> Option<For> {
    match text.split_once('-') {
        None => Some((text.parse().ok()?, None)),
        Some((python, architecture)) => Some((python.parse().ok()?, Some(shape::architecture(architecture)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_goes_over_its_python() {
        let versions = Versions::Each(
            [("3.12", 21), ("3.13", 4), ("3.13-arm64", 5)].map(|(text, version)| (key(text).unwrap(), version)).into(),
        );
        let of = |python: &str, architecture| versions.of(Target { python: python.parse().unwrap(), architecture });
        assert_eq!(of("3.12", Architecture::Arm64), Some(21));
        assert_eq!(of("3.13", Architecture::X86_64), Some(4));
        assert_eq!(of("3.13", Architecture::Arm64), Some(5));
        assert_eq!(of("3.14", Architecture::Arm64), None);
        assert!(["", "3.9", "3.13-", "3.13-mips", "-arm64", "arm64"].into_iter().all(|text| key(text).is_none()));
    }
}
