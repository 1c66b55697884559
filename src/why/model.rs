//! An answer as a value: what JSON shows and the text is made of. All sizes in bytes. `docs/why.md` describes the JSON.

use serde::Serialize;

use super::graph::{Root, Step};
use super::imports::Imports;
use crate::report::model::{FileKind, KnownBy, PartKind};
use crate::slim::Rule;

/// The version of the format. One with fields more stays the same; one that changes or drops some is the next.
pub const VERSION: u32 = 1;

/// What was asked of artifacts.
#[derive(Debug, Serialize)]
pub struct Why {
    /// [`VERSION`]
    pub version: u32,
    /// A path or a distribution, as it was asked.
    pub asked: String,
    /// One for each artifact that knows it.
    pub answers: Vec<Answer>,
}

/// Why something is in an artifact, or is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The artifact, as it was named.
    pub artifact: String,
    /// What was meant.
    #[serde(flatten)]
    pub subject: Subject,
    /// What it costs; none where nothing of it is there.
    pub cost: Option<Cost>,
    /// Whose it is, the largest first.
    pub owners: Vec<Owner>,
    /// What brought its distribution in, where it is one distribution's and that is known.
    pub required: Option<Required>,
    /// What slimming removed of it; none where no record of pack's says it.
    pub removed: Option<Vec<Removal>>,
    /// Optional parts of its distribution that stayed.
    pub kept: Vec<KeptPart>,
    /// Who has the distribution in the artifact's place.
    pub elsewhere: Option<Elsewhere>,
    /// What the artifact would be without its distribution.
    pub saving: Option<Saving>,
    /// Who imports it; none where it has no modules.
    pub imports: Option<Imports>,
}

/// What was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Subject {
    /// A file or link.
    File {
        /// Its path in the artifact.
        path: String,
        /// What it is.
        is: FileKind,
    },
    /// A folder.
    Folder {
        /// Its path in the artifact, with a slash at the end.
        path: String,
    },
    /// A distribution.
    Distribution {
        /// Its normalised name.
        name: String,
        /// Its version, where that is known.
        version: Option<String>,
    },
}

/// What something costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Unpacked bytes.
    pub unpacked: u64,
    /// Packed bytes without headers; none where they are not known by file.
    pub packed: Option<u64>,
    /// Files and links.
    pub files: u64,
    /// Unpacked bytes of the whole artifact.
    pub of: u64,
}

/// Whose files are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// A distribution's normalised name, a folder with a slash at its end, `function`, `layer`, or `base`.
    pub name: String,
    /// A distribution's version.
    pub version: Option<String>,
    /// What it is.
    pub kind: PartKind,
    /// How that is known; none where pack's record says it.
    pub known_by: Option<KnownBy>,
    /// How many of them.
    pub files: u64,
    /// Their unpacked bytes.
    pub unpacked: u64,
}

/// Where requirements were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// In the record that pack keeps beside the artifact.
    Record,
    /// In the METADATA of the artifact's distributions.
    Metadata,
}

/// What brought a distribution in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Required {
    /// Normalised name.
    pub distribution: String,
    /// Where that was read.
    pub from: Source,
    /// The requirement files that the artifact was built of.
    pub requirements: Vec<String>,
    /// Why it would be there if nothing required it.
    pub root: Option<Root>,
    /// The shortest ways to it, each from what the requirements name, or else from what nothing requires.
    pub chains: Vec<Chain>,
    /// How many more there are.
    pub more_chains: u64,
    /// The distributions that require it themselves.
    pub needed_by: Vec<NeededBy>,
}

/// A way to a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Why its first one is there.
    pub root: Root,
    /// From the first to the distribution itself.
    pub steps: Vec<Link>,
}

/// One distribution of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its version, where that is known.
    pub version: Option<String>,
    /// The rest.
    #[serde(flatten)]
    pub step: Step,
}

/// That another distribution requires one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeededBy {
    /// The other's normalised name.
    pub name: String,
    /// The other's version, where that is known.
    pub version: Option<String>,
    /// The versions that it takes; empty for any.
    pub versions: String,
}

/// What a rule of slimming removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// The rule.
    pub rule: Rule,
    /// The rule in words.
    pub title: &'static str,
    /// The part of the distribution, where a recipe knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Files that it took out or made smaller.
    pub files: u64,
    /// Bytes less.
    pub bytes: u64,
    /// The option of `pack zip` and the others that keeps them, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<String>,
}

/// An optional part that stayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptPart {
    /// Its name.
    pub component: String,
    /// Who needs it.
    pub reason: String,
}

/// Who has a distribution in the artifact's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Elsewhere {
    /// Lambda's runtime, in a version of its own.
    Runtime,
    /// A layer of the function.
    Layer {
        /// Its path, or its name and ARN.
        name: Option<String>,
    },
    /// The base of the image.
    Base {
        /// The version there.
        version: String,
    },
    /// Nobody that is known: it is required, and not here.
    Nobody,
}

/// What an artifact would be without a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Saving {
    /// Normalised name.
    pub distribution: String,
    /// Unpacked bytes, of those included that only it needs.
    pub unpacked: u64,
    /// Packed bytes of the same; none where they are not known by file.
    pub packed: Option<u64>,
    /// Files and links of the same.
    pub files: u64,
    /// Distributions in the artifact that nothing needs any more, by name.
    pub with: Vec<Freed>,
    /// Distributions that require it, and would bring it back. What is left to the runtime has its own there.
    pub stays_for: Vec<String>,
}

/// A distribution that goes with another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// Normalised name.
    pub name: String,
    /// Its version, where that is known.
    pub version: Option<String>,
    /// Unpacked bytes.
    pub unpacked: u64,
    /// Packed bytes without headers; none where they are not known by file.
    pub packed: Option<u64>,
}
