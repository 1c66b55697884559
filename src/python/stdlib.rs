//! The names of the standard library's modules, version by version.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::lambda::PythonVersion;

/// Data, with its source at its top.
const NAMES: &str = include_str!("stdlib.txt");

/// A module of the standard library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StdlibModule {
    /// Whether Python finds its own before it looks into any folder.
    pub is_fixed: bool,
}

/// First and last minor version, and whether it is fixed, by name.
static MODULES: LazyLock<HashMap<&'static str, (u8, u8, bool)>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let mut columns = line.split(' ');
        let name = columns.next()?;
        let mut minor = || columns.next()?.parse().ok();
        Some((name, (minor()?, minor()?, columns.next() == Some("!"))))
    };
    NAMES.lines().filter_map(line).collect()
});

/// The standard library's module of a top-level name.
pub fn find(name: &str, python: PythonVersion) -> Option<StdlibModule> {
    let (first, last, is_fixed) = *MODULES.get(name)?;
    (first..=last).contains(&python.minor()).then_some(StdlibModule { is_fixed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_and_go_with_versions() {
        let has = |name, python: &str| find(name, python.parse().unwrap()).is_some();
        assert!(has("json", "3.10") && has("random", "3.14"));
        assert!(!has("tomllib", "3.10") && has("tomllib", "3.11"));
        assert!(has("distutils", "3.11") && !has("distutils", "3.12"));
        assert!(has("cgi", "3.12") && !has("cgi", "3.13"));
        assert!(has("annotationlib", "3.14") && !has("annotationlib", "3.13"));
        assert!(!has("numpy", "3.13") && !has("#", "3.13") && !has("", "3.13"));
    }

    #[test]
    fn what_the_interpreter_has_inside_cannot_be_shadowed() {
        let fixed = |name| find(name, PythonVersion::DEFAULT).unwrap().is_fixed;
        assert!(fixed("sys") && fixed("time") && fixed("os"));
        assert!(!fixed("random") && !fixed("json") && !fixed("types"));
    }
}
