//! The Python runtimes of Lambda and the machines they run on.
//!
//! A runtime's glibc decides which wheels load in it: Amazon Linux 2 has glibc 2.26, Amazon Linux 2023 has 2.34
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>). The tags are those of PEP 600, with the
//! older names of PEP 513, 571 and 599.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A Lambda runtime's Python, by minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PythonVersion {
    minor: u8,
}

struct Runtime {
    minor: u8,
    /// The highest glibc 2.x whose symbols exist in the runtime.
    glibc_minor: u8,
    /// A patch release that the runtime has reached. Lambda updates patches without notice, so this is a floor, used
    /// for markers such as `python_full_version < "3.11.3"`; data rather than this machine's, so that a build
    /// resolves the same everywhere.
    patch: u8,
}

const RUNTIMES: &[Runtime] = &[
    Runtime { minor: 10, glibc_minor: 26, patch: 19 },
    Runtime { minor: 11, glibc_minor: 26, patch: 14 },
    Runtime { minor: 12, glibc_minor: 34, patch: 12 },
    Runtime { minor: 13, glibc_minor: 34, patch: 9 },
    Runtime { minor: 14, glibc_minor: 34, patch: 0 },
];

/// The AWS SDK that every Python runtime ships, with its dependencies, by normalised name.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included>.
const SDK: &[&str] = &["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"];

/// How many minor versions of the SDK a runtime is taken to be behind the newest at most. AWS gives no number; boto3 has
/// a new minor version every month or two.
pub const SDK_LAG_MINORS: u64 = 6;

/// Whether the runtime ships a distribution of this normalised name.
pub fn is_in_sdk(name: &str) -> bool {
    SDK.contains(&name)
}

/// What can be imported from /var/runtime: the SDK's modules, and the runtime's own client with what it needs
/// (<https://pypi.org/project/awslambdaric/>).
const RUNTIME_MODULES: &[&str] = &[
    "awslambdaric",
    "bootstrap",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "runtime_client",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot_restore_py",
    "urllib3",
];

/// Whether a top-level module comes with the runtime.
pub fn is_runtime_module(name: &str) -> bool {
    RUNTIME_MODULES.contains(&name)
}

impl PythonVersion {
    /// What is taken where nothing says otherwise.
    pub const DEFAULT: Self = Self { minor: 13 };

    /// Those of all runtimes.
    pub fn all() -> impl Iterator<Item = Self> {
        RUNTIMES.iter().map(|runtime| Self { minor: runtime.minor })
    }

    /// The minor version: 13 for Python 3.13.
    pub fn minor(self) -> u8 {
        self.minor
    }

    fn runtime(self) -> &'static Runtime {
        // Values are only made by `from_str`, which takes them from the table.
        RUNTIMES.iter().find(|runtime| runtime.minor == self.minor).unwrap_or(&RUNTIMES[0])
    }

    /// The patch release assumed where a marker asks for the full version: `3.13.9`.
    pub fn full(self) -> String {
        format!("3.{}.{}", self.minor, self.runtime().patch)
    }

    /// The runtime's glibc is 2 and this minor version.
    pub fn glibc_minor(self) -> u8 {
        self.runtime().glibc_minor
    }

    fn supported() -> String {
        RUNTIMES.iter().map(|runtime| format!("3.{}", runtime.minor)).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "3.{}", self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("python").unwrap_or(text);
        RUNTIMES
            .iter()
            .find(|runtime| number == format!("3.{}", runtime.minor))
            .map(|runtime| Self { minor: runtime.minor })
            .ok_or_else(|| format!("Lambda runtimes known to pack: {}", Self::supported()))
    }
}

impl Serialize for PythonVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PythonVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A processor architecture by Lambda's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit x86.
    #[value(name = "x86_64", alias = "amd64")]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit Arm (Graviton).
    #[value(name = "arm64", alias = "aarch64")]
    Arm64,
}

impl Architecture {
    /// The kernel's and the wheel tags' name of it: `x86_64` or `aarch64`.
    pub fn machine(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// The first glibc 2.x that a manylinux policy exists for.
    fn first_glibc_minor(self) -> u8 {
        match self {
            Self::X86_64 => 5,
            Self::Arm64 => 17,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// What an artifact is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The runtime's Python.
    pub python: PythonVersion,
    /// The function's architecture.
    pub architecture: Architecture,
}

impl Target {
    /// Every platform tag whose wheels load in the runtime, newest first, so that an installer prefers the newest
    /// wheel and never takes one that needs a newer glibc. `linux_*` comes last: what pip built on a machine.
    pub fn platform_tags(self) -> Vec<String> {
        let machine = self.architecture.machine();
        let mut tags = Vec::new();
        for minor in (self.architecture.first_glibc_minor()..=self.python.glibc_minor()).rev() {
            tags.push(format!("manylinux_2_{minor}_{machine}"));
            let legacy = match minor {
                17 => Some("manylinux2014"),
                12 => Some("manylinux2010"),
                5 => Some("manylinux1"),
                _ => None,
            };
            tags.extend(legacy.map(|name| format!("{name}_{machine}")));
        }
        tags.push(format!("linux_{machine}"));
        tags
    }

    /// The values that requirement markers are judged by (PEP 508), as they are in the runtime.
    pub fn marker_environment(self) -> BTreeMap<&'static str, String> {
        let full = self.python.full();
        BTreeMap::from([
            ("implementation_name", "cpython".into()),
            ("implementation_version", full.clone()),
            ("os_name", "posix".into()),
            ("platform_machine", self.architecture.machine().into()),
            ("platform_python_implementation", "CPython".into()),
            ("platform_release", String::new()),
            ("platform_system", "Linux".into()),
            ("platform_version", String::new()),
            ("python_full_version", full),
            ("python_version", self.python.to_string()),
            ("sys_platform", "linux".into()),
        ])
    }

    /// The newest manylinux tag, as people name a runtime's ceiling: `manylinux_2_34_x86_64`.
    pub fn newest_tag(self) -> String {
        format!("manylinux_2_{}_{}", self.python.glibc_minor(), self.architecture.machine())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "python{}-{}", self.python, self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(python: &str, architecture: Architecture) -> Target {
        Target { python: python.parse().unwrap(), architecture }
    }

    #[test]
    fn tags_start_at_the_runtimes_glibc() {
        let tags = target("3.11", Architecture::X86_64).platform_tags();
        assert_eq!(tags[0], "manylinux_2_26_x86_64");
        assert!(!tags.contains(&"manylinux_2_28_x86_64".to_owned()));
        assert_eq!(target("3.13", Architecture::X86_64).platform_tags()[0], "manylinux_2_34_x86_64");
    }

    #[test]
    fn arm64_has_no_tag_older_than_its_first_policy() {
        let tags = target("3.13", Architecture::Arm64).platform_tags();
        assert_eq!(
            tags[tags.len() - 3..],
            ["manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"].map(str::to_owned)
        );
    }

    #[test]
    fn an_unknown_runtime_names_the_known_ones() {
        assert_eq!(
            "3.8".parse::<PythonVersion>(),
            Err("Lambda runtimes known to pack: 3.10, 3.11, 3.12, 3.13, 3.14".into())
        );
        assert_eq!("python3.12".parse::<PythonVersion>().unwrap().to_string(), "3.12");
    }
}
