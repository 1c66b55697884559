//! A report as a value: what JSON shows, what a baseline keeps, and what every other format is made of. All sizes in bytes.
//! `docs/report.md` describes the JSON.
//!
//! What must stay true: [`Part`]s add up to the unpacked bytes of their artifact, with [`Overhead`] where a container has bytes
//! that are no file's; every [`Entry`] is of one part.

use serde::{Deserialize, Serialize};

use crate::check::Finding;
use crate::lambda::{Architecture, PythonVersion};
use crate::slim::Rule;

/// The version of the format. One with fields more stays the same; one that changes or drops some is the next.
pub const VERSION: u32 = 1;

/// A report on artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`]
    pub version: u32,
    /// In the order in which they were named, or of the matrix.
    pub artifacts: Vec<Artifact>,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The ZIP of a function.
    Zip,
    /// The ZIP of a layer.
    Layer,
    /// An image.
    Image,
    /// A folder that was not packed yet, as a function.
    Folder,
}

/// An artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// As it was named: a path or a reference.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// `sha256:…` of a ZIP; of an image that of its manifest; none of a folder.
    pub digest: Option<String>,
    /// The function's or layer's name, where pack's record beside it or the project says it.
    pub of: Option<String>,
    /// The Python that it is for, where that is known.
    pub python: Option<PythonVersion>,
    /// The architecture that it is for, where that is known.
    pub architecture: Option<Architecture>,
    /// Bytes of a ZIP; of an image those of its packed layers; none of a folder.
    pub packed: Option<u64>,
    /// Bytes that it unpacks to; of an image those of the tars of its layers. What Lambda's limits are about.
    pub unpacked: u64,
    /// How many files and links.
    pub files: u64,
    /// What no file has.
    pub overhead: Overhead,
    /// Of a function's ZIP: with its layers, where it has any.
    pub with_layers: Option<WithLayers>,
    /// How far it is from Lambda's limits.
    pub limits: Vec<Limit>,
    /// Whose it is, the largest first.
    pub parts: Vec<Part>,
    /// What it is, the largest first.
    pub kinds: Vec<KindTotal>,
    /// Layers of an image, the lowest first.
    pub layers: Vec<ImageLayer>,
    /// What slimming removed, by part and rule, the largest first; none where no record of pack's says it.
    pub removed: Option<Vec<Removed>>,
    /// Every file and link, by path.
    pub entries: Vec<Entry>,
    /// What differs from the baseline, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<super::Change>,
    /// Every budget that it has, kept or broken.
    #[serde(default)]
    pub budgets: Vec<crate::size::Verdict>,
    /// What a check found, where one was asked for.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// Bytes that belong to no file: a ZIP's headers; headers, padding and covered files of an image's tars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overhead {
    /// Of the packed bytes; none where they are not known by file.
    pub packed: Option<u64>,
    /// Of the unpacked bytes: 0 of a ZIP.
    pub unpacked: u64,
}

/// A function and its layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithLayers {
    /// Bytes that all of it unpacks to.
    pub unpacked: u64,
    /// In Lambda's order.
    pub layers: Vec<FunctionLayer>,
}

/// A layer of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionLayer {
    /// Its path or ARN.
    pub name: String,
    /// Bytes of its ZIP.
    pub packed: u64,
    /// Bytes it unpacks to.
    pub unpacked: u64,
}

/// A limit of Lambda's, and how far away it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Which.
    pub limit: LimitKind,
    /// What counts against it.
    pub bytes: u64,
    /// The most that Lambda takes.
    pub most: u64,
}

/// Which limit. Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// A function and its layers, or a layer alone, unpacked.
    Unpacked,
    /// An image, all layers unpacked.
    Image,
    /// A ZIP in the call itself; above it the upload goes through S3.
    DirectUpload,
}

/// Whose a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// A distribution's.
    Distribution,
    /// The function's or layer's own.
    Own,
    /// A top folder of which nobody knows whose it is.
    Folder,
    /// The base of an image.
    Base,
}

/// How it is known whose a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// RECORD lists its files.
    Record,
    /// The names of METADATA and `top_level.txt`.
    Metadata,
    /// Where the files are, or that nobody else has them.
    Place,
}

/// One part of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// A distribution's normalised name, a folder with a slash at its end, `function`, `layer`, or `base`.
    pub name: String,
    /// A distribution's version.
    pub version: Option<String>,
    /// Whose it is.
    pub kind: PartKind,
    /// How that is known.
    pub known_by: KnownBy,
    /// Files and links.
    pub files: u64,
    /// Unpacked bytes.
    pub unpacked: u64,
    /// Packed bytes without headers; none where they are not known by file.
    pub packed: Option<u64>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A shared library.
    Library,
    /// Bytecode of Python.
    Bytecode,
    /// A Python source.
    Source,
    /// Anything else.
    Data,
}

/// All files of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotal {
    /// Which.
    pub kind: FileKind,
    /// How many.
    pub files: u64,
    /// Unpacked bytes.
    pub unpacked: u64,
    /// Packed bytes without headers; none where they are not known by file.
    pub packed: Option<u64>,
}

/// A layer of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageLayer {
    /// Its digest.
    pub digest: String,
    /// Whether it is the base's, as far as that is known.
    pub of_base: bool,
    /// Its bytes as they are sent.
    pub packed: u64,
    /// Bytes of its tar.
    pub unpacked: u64,
    /// How many files of it are seen: no layer above has them too.
    pub files: u64,
    /// What is in it: distributions, or the folder of its files.
    pub what: String,
}

/// What a rule of slimming removed of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// A distribution's name, or `function` or `layer`.
    pub part: String,
    /// The rule.
    pub rule: Rule,
    /// The component of the part, where a recipe knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Files that it took out or made smaller.
    pub files: u64,
    /// Bytes less.
    pub bytes: u64,
}

/// A file or link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path in the artifact; of an image in the root file system, without the leading slash.
    pub path: String,
    /// Unpacked bytes; of a link those of its target's name.
    pub unpacked: u64,
    /// Packed bytes without headers; none where they are not known by file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<u64>,
    /// The index of its part.
    pub part: usize,
    /// What it is.
    pub kind: FileKind,
}
