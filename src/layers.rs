//! The layers of a function as they are given to its build: which distributions they have, and their files at /opt.
//!
//! Anyone may have made them. What must stay true: nothing of a ZIP is believed that `pack check` would not believe; a name
//! or version from one is a name or version before anybody sees it; of METADATA only the first bytes are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::check::sources;
use crate::check::{File, Files, Finding, Origin, Severity, Shape, Sizes};
use crate::error::{Error, Result};
use crate::lambda::{LAYERS, PythonVersion};
use crate::python::is_same_version;
use crate::python::{metadata, normalise, requirement};
use crate::resolve::Distribution;
use crate::slim::may_speak;
use crate::system::sha256_of;
use crate::tree::{Entry, Owner, Source, Tree};
use pep508_rs::pep440_rs::Version;

/// Name and version are in the first lines.
const METADATA_BYTES: usize = 64 << 10;

/// Distributions of one layer. The largest environments have some hundreds.
const MOST_DISTRIBUTIONS: usize = 4096;

/// A distribution that a layer has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InLayer {
    /// Normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A layer's ZIP, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    /// A ZIP that was named or built here.
    Zip(PathBuf),
    /// One that somebody else publishes.
    Published {
        /// What the project calls it.
        name: String,
        /// Its ARN with the version.
        arn: String,
        /// Its ZIP in the cache.
        zip: PathBuf,
        /// The ZIP's SHA-256 in hexadecimal, which was compared.
        sha256: String,
    },
}

/// One layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// Its ZIP, as it was named; none for a layer that somebody else publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the project calls it, if somebody else publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its ARN with the version, if somebody else publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Bytes of the ZIP.
    pub packed: u64,
    /// Bytes it unpacks to.
    pub unpacked: u64,
    /// The ZIP's SHA-256 in hexadecimal.
    pub sha256: String,
    /// What the target's Python finds in it, by name.
    pub distributions: Vec<InLayer>,
}

/// A function's layers, in Lambda's order: a later one's files lie over those of earlier ones.
#[derive(Debug, Default)]
pub struct Layers {
    /// Each of them.
    pub all: Vec<Layer>,
    /// What is odd about the ZIPs.
    pub findings: Vec<Finding>,
    files: BTreeMap<String, File<'static>>,
    /// By normalised name, what Python imports.
    has: BTreeMap<String, Imported>,
}

/// The version of a distribution that Python imports of some layers.
#[derive(Debug)]
struct Imported {
    version: String,
    layer: usize,
    /// Whether it is in the folder that is looked at first.
    first: bool,
}

/// Which distributions of a function its layers have.
#[derive(Debug, Default)]
pub struct Compared {
    /// Those that they have in the same version, by their place in the resolution.
    pub same: BTreeSet<usize>,
    /// Those that they have in another one, a sentence each.
    pub shadowed: Vec<Shadowed>,
}

/// A distribution of which function and layer have different versions.
#[derive(Debug)]
pub struct Shadowed {
    /// Its normalised name.
    pub name: String,
    /// The function's version.
    pub own: String,
    /// The layer's version.
    pub other: String,
    /// The layer, as messages call it.
    pub layer: String,
}

impl Given {
    fn zip(&self) -> &Path {
        match self {
            Self::Zip(zip) | Self::Published { zip, .. } => zip,
        }
    }

    /// As messages call it: where the ZIP of somebody else's lies says nothing.
    fn shown(&self) -> String {
        match self {
            Self::Zip(zip) => zip.display().to_string(),
            Self::Published { name, arn, .. } => published(name, arn),
        }
    }

    /// A finding about it, by the name that messages call it.
    fn named(&self, finding: Finding) -> Finding {
        match self {
            Self::Zip(_) => finding,
            Self::Published { zip, .. } => {
                let is_zip = finding.path.as_deref() == Some(zip.display().to_string().as_str());
                Finding { path: if is_zip { Some(self.shown()) } else { finding.path }, ..finding }
            }
        }
    }
}

impl Layer {
    /// As messages call it.
    pub fn shown(&self) -> String {
        match (&self.path, &self.name, &self.arn) {
            (None, Some(name), Some(arn)) => published(name, arn),
            (path, ..) => path.clone().unwrap_or_default(),
        }
    }
}

fn published(name: &str, arn: &str) -> String {
    format!("{name} ({arn})")
}

impl Layers {
    /// Reads the ZIPs of a function's layers.
    pub fn read(given: &[Given], python: PythonVersion) -> Result<Self> {
        let mut layers = Self::default();
        for given in given {
            layers.add(given, python)?;
        }
        Ok(layers)
    }

    fn add(&mut self, given: &Given, python: PythonVersion) -> Result<()> {
        let (path, shown) = (given.zip(), given.shown());
        if !path.is_file() {
            return Err(Error::usage(
                format!("there is no file {shown}"),
                "--layer takes the ZIP of a layer, as pack layer makes it",
            ));
        }
        let refuse = |reasons: Vec<String>| Error::Layer { path: shown.clone(), reasons };
        let opened = sources::open(&[], &[path.to_owned()], None, None)?;
        let named = |finding| given.named(finding);
        let (errors, odd): (Vec<Finding>, Vec<Finding>) =
            opened.findings.into_iter().map(named).partition(|finding| finding.severity == Severity::Error);
        if !errors.is_empty() {
            return Err(refuse(errors.iter().map(Finding::line).collect()));
        }
        if !is_layer(&opened.files) {
            let reason = "nothing of it is where Lambda looks in a layer (modules: in python/)";
            return Err(refuse(vec![reason.to_owned()]));
        }
        let mut distributions = BTreeSet::new();
        for (folder, first) in folders(python) {
            let (found, unknown) = distributions_in(&opened.files, &folder)?;
            if found.len() > MOST_DISTRIBUTIONS {
                return Err(refuse(vec![format!("it has more than {MOST_DISTRIBUTIONS} distributions")]));
            }
            self.findings.extend(unknown);
            for InLayer { name, version } in &found {
                let imported = Imported { version: version.clone(), layer: self.all.len(), first };
                // A later layer's files lie over those of earlier ones in the same folder.
                if self.has.get(name).is_none_or(|before| first || !before.first) {
                    self.has.insert(name.clone(), imported);
                }
            }
            distributions.extend(found);
        }
        let (path, name, arn, sha256) = match given {
            Given::Zip(path) => (Some(shown), None, None, sha256_of(path)?),
            Given::Published { name, arn, sha256, .. } => (None, Some(name.clone()), Some(arn.clone()), sha256.clone()),
        };
        self.all.push(Layer {
            path,
            name,
            arn,
            packed: opened.sizes.packed,
            unpacked: opened.sizes.unpacked,
            sha256,
            distributions: distributions.into_iter().collect(),
        });
        self.findings.extend(odd);
        self.files.extend(opened.files.files);
        Ok(())
    }

    /// The version of each distribution that they have, by name.
    pub fn versions(&self) -> BTreeMap<String, String> {
        self.has.iter().map(|(name, imported)| (name.clone(), imported.version.clone())).collect()
    }

    /// The layer whose distribution Python imports, and its version.
    pub fn of(&self, name: &str) -> Option<(&Layer, &str)> {
        self.has.get(name).map(|imported| (&self.all[imported.layer], imported.version.as_str()))
    }

    /// Each distribution that Python imports of them, and whether it lies in the folder that is looked at first.
    pub fn imported(&self) -> impl Iterator<Item = (InLayer, bool)> {
        self.has.iter().map(|(name, Imported { version, first, .. })| {
            (InLayer { name: name.clone(), version: version.clone() }, *first)
        })
    }

    /// Their files, by path in Lambda.
    pub fn files<'f>(&self) -> Vec<(String, File<'f>)> {
        self.files.iter().map(|(path, file)| (path.clone(), file.clone())).collect()
    }

    /// What of them may import or name something, as files that are only looked at. They are no distribution's of the build.
    pub fn evidence(&self) -> Tree {
        let entry = |file: &File<'_>| {
            let source = match &file.origin {
                Origin::Zip { archive, member } => Source::Member { archive: archive.clone(), member: *member },
                _ => return None,
            };
            Some(Entry { executable: false, owner: Owner::Function, source, size: file.size })
        };
        let files = self.files.iter().filter(|(path, file)| may_speak(path, file.size));
        files.filter_map(|(path, file)| Some((path.clone(), entry(file)?))).collect()
    }

    /// The layer that has a distribution in this version.
    pub fn same(&self, name: &str, version: &str) -> Option<String> {
        self.of(name).filter(|(_, other)| is_same_version(version, other)).map(|(layer, _)| layer.shown())
    }

    /// Which of a function's distributions they have.
    pub fn compare(&self, distributions: &[Distribution]) -> Compared {
        let mut compared = Compared::default();
        for (index, distribution) in distributions.iter().enumerate() {
            let Some((layer, version)) = self.of(&distribution.name) else { continue };
            if self.same(&distribution.name, &distribution.version).is_some() {
                compared.same.insert(index);
            } else {
                compared.shadowed.push(Shadowed {
                    name: distribution.name.clone(),
                    own: distribution.version.clone(),
                    other: version.to_owned(),
                    layer: layer.shown(),
                });
            }
        }
        compared
    }

    /// Bytes that all of them unpack to.
    pub fn unpacked(&self) -> u64 {
        self.all.iter().map(|layer| layer.unpacked).sum()
    }

    /// What is above a limit whatever the function has.
    pub fn limits(&self) -> Vec<Finding> {
        let layers = self.all.len();
        // How large it all is decides where it is put, once it is known.
        crate::check::limits(&Sizes { layers, files: 1, ..Sizes::default() }, Shape::Function)
    }
}

impl Shadowed {
    /// Why that is an error.
    pub fn conflict(&self) -> String {
        format!("layer {} has {} {}, and the requirements take {}", self.layer, self.name, self.other, self.own)
    }

    /// What it means where it is wanted.
    pub fn warning(&self) -> String {
        format!(
            "{} {} of the function is imported, not {} of layer {}: /var/task comes first",
            self.name, self.own, self.other, self.layer
        )
    }
}

/// Where a Python looks for what layers have, and whether it looks there first.
fn folders(python: PythonVersion) -> [(String, bool); 2] {
    [(format!("{LAYERS}/python/lib/python{python}/site-packages"), true), (format!("{LAYERS}/python"), false)]
}

/// Whether there is anything that Lambda looks for in a layer. Data may lie anywhere; who ships code means it to be found.
fn is_layer(files: &Files<'_>) -> bool {
    let is_found = ["python", "extensions"].iter().any(|folder| files.has_folder(&format!("{LAYERS}/{folder}")));
    let programs = format!("{LAYERS}/bin/");
    let is_code = |path: &String| !path.starts_with(&programs) && (path.ends_with(".py") || path.ends_with(".pyc"));
    is_found || (!files.files.is_empty() && !files.files.keys().any(is_code))
}

/// The distributions of a folder, and what cannot be counted as one: it does not say a name and a version.
fn distributions_in(files: &Files<'_>, folder: &str) -> Result<(Vec<InLayer>, Vec<Finding>)> {
    let infos = files.below(folder).filter(|(path, _)| {
        let inside = &path[folder.len() + 1..];
        inside.split_once('/').is_some_and(|(info, file)| file == "METADATA" && info.ends_with(".dist-info"))
    });
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    // One more than is taken says that there are too many.
    for (path, file) in infos.take(MOST_DISTRIBUTIONS + 1) {
        let fields = metadata::headers(&String::from_utf8_lossy(&files.start(file, METADATA_BYTES)?));
        let value = |name: &str| metadata::values(&fields, name).next();
        let name = value("name").filter(|name| is_name(name));
        let version = value("version").filter(|version| version.parse::<Version>().is_ok());
        if let (Some(name), Some(version)) = (name, version) {
            found.push(InLayer { name: normalise(name), version: version.to_owned() });
        } else {
            let reason = "it does not begin with the name and version of a distribution: what the function needs of it is \
                          bundled with the function";
            unknown.push(Finding::warning("layer-metadata", path, reason));
        }
    }
    Ok((found, unknown))
}

/// Whether a text is the name of a distribution, and nothing else.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().all(is_part) && requirement::parse(text).is_some()
}
