//! The parts of the format that are used. Unknown keys are allowed: tools add their own.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Lock {
    #[serde(rename = "lock-version")]
    pub(super) version: String,
    #[serde(default)]
    pub(super) environments: Vec<String>,
    pub(super) requires_python: Option<String>,
    #[serde(default)]
    pub(super) extras: Vec<String>,
    #[serde(default)]
    pub(super) dependency_groups: Vec<String>,
    #[serde(default)]
    pub(super) default_groups: Vec<String>,
    #[serde(default)]
    pub(super) packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) marker: Option<String>,
    pub(super) requires_python: Option<String>,
    pub(super) index: Option<String>,
    pub(super) vcs: Option<Vcs>,
    pub(super) directory: Option<Directory>,
    pub(super) archive: Option<Archive>,
    pub(super) sdist: Option<File>,
    #[serde(default)]
    pub(super) wheels: Vec<File>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Vcs {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) commit_id: String,
    pub(super) subdirectory: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Directory {
    pub(super) path: String,
    pub(super) subdirectory: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Archive {
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) hashes: BTreeMap<String, String>,
    pub(super) subdirectory: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) hashes: BTreeMap<String, String>,
}

impl File {
    /// Its own name, or the last part of where it is.
    pub(super) fn filename(&self) -> Option<String> {
        if let Some(name) = &self.name {
            return Some(name.clone());
        }
        let place = self.url.as_deref().or(self.path.as_deref())?;
        let place = if self.url.is_some() { place.split(['?', '#']).next()? } else { place };
        let name = place.rsplit(['/', '\\']).next()?;
        Some(percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned())
    }
}
