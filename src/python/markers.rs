//! What requirement markers are judged by: the target's values, never this machine's (PEP 508).

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

use crate::lambda::Target;

/// The target's marker environment.
pub(crate) fn environment(target: Target) -> MarkerEnvironment {
    let values = target.marker_environment();
    let value = |name| values.get(name).map_or("", String::as_str);
    let builder = MarkerEnvironmentBuilder {
        implementation_name: value("implementation_name"),
        implementation_version: value("implementation_version"),
        os_name: value("os_name"),
        platform_machine: value("platform_machine"),
        platform_python_implementation: value("platform_python_implementation"),
        platform_release: value("platform_release"),
        platform_system: value("platform_system"),
        platform_version: value("platform_version"),
        python_full_version: value("python_full_version"),
        python_version: value("python_version"),
        sys_platform: value("sys_platform"),
    };
    #[expect(clippy::expect_used, reason = "the versions come from a table of our own, and a test builds every one")]
    MarkerEnvironment::try_from(builder).expect("a version of the table of runtimes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Architecture;

    #[test]
    fn every_runtime_has_one() {
        for python in ["3.10", "3.11", "3.12", "3.13", "3.14"] {
            let target = Target { python: python.parse().unwrap(), architecture: Architecture::Arm64 };
            assert_eq!(environment(target).platform_machine(), "aarch64");
        }
    }
}
