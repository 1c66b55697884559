//! Which distributions came, went, or have another version, by the METADATA of their dist-info folders.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::entry::{Entries, Entry};
use crate::check::{File, Files};
use crate::error::Result;
use crate::python::{metadata, normalise};

/// Larger metadata is passed over; its folder's name says the version as well.
const METADATA_BYTES: u64 = 16 << 20;

/// Bytes of a name or version that is shown.
const FIELD_BYTES: usize = 256;

/// A distribution in a folder.
#[derive(Debug, Serialize)]
pub struct DistributionChange {
    /// Its normalised name.
    pub name: String,
    /// The folder that it is in; empty at the top.
    pub folder: String,
    /// The version in the first; several where an installer left one behind.
    pub before: Option<String>,
    /// The version in the second.
    pub after: Option<String>,
}

/// By name and folder.
type Versions = BTreeMap<(String, String), BTreeSet<String>>;

/// Compares what is touched: metadata that is the same on both sides says the same.
pub(super) fn changes(
    old: &Entries<'_>,
    new: &Entries<'_>,
    touched: &BTreeSet<&str>,
) -> Result<Vec<DistributionChange>> {
    let (before, after) = (versions(old, touched)?, versions(new, touched)?);
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let shown = |versions: Option<&BTreeSet<String>>| {
        versions.map(|versions| versions.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    let changes = keys.into_iter().filter(|key| before.get(key) != after.get(key)).map(|key| DistributionChange {
        name: key.0.clone(),
        folder: key.1.clone(),
        before: shown(before.get(key)),
        after: shown(after.get(key)),
    });
    Ok(changes.collect())
}

fn versions(entries: &Entries<'_>, touched: &BTreeSet<&str>) -> Result<Versions> {
    let mut versions = Versions::new();
    for path in touched {
        let (Some((folder, info)), Some(Entry::File(file))) = (place(path), entries.get(path)) else { continue };
        let (name, version) = match read(file)? {
            Some(read) => read,
            None => named(info),
        };
        versions.entry((normalise(&name), folder.to_owned())).or_default().insert(version);
    }
    Ok(versions)
}

/// The folder that a distribution is in and the name of its dist-info folder, if the path is that of its METADATA.
pub(super) fn place(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_suffix(".dist-info/METADATA")?;
    let (folder, info) = path.rsplit_once('/').unwrap_or(("", path));
    (!info.is_empty()).then_some((folder, info))
}

/// `NAME-VERSION`.
pub(super) fn named(info: &str) -> (String, String) {
    let (name, version) = info.split_once('-').unwrap_or((info, "?"));
    (name.to_owned(), version.to_owned())
}

fn read(file: &File<'static>) -> Result<Option<(String, String)>> {
    if file.size > METADATA_BYTES {
        return Ok(None);
    }
    let text = Files::default().read(file)?;
    let fields = metadata::headers(&String::from_utf8_lossy(&text));
    let value = |name| {
        let value = metadata::values(&fields, name).next()?;
        (value.len() <= FIELD_BYTES).then(|| value.to_owned())
    };
    Ok(value("name").zip(value("version")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_known_by_its_place() {
        assert_eq!(place("python/a_b-1.0.dist-info/METADATA"), Some(("python", "a_b-1.0")));
        assert_eq!(place("a-1.dist-info/METADATA"), Some(("", "a-1")));
        assert_eq!(named("a_b-1.0"), ("a_b".into(), "1.0".into()));
        for path in ["METADATA", ".dist-info/METADATA", "a-1.dist-info/x/METADATA", "a-1.dist-info/METADATAS"] {
            assert_eq!(place(path), None, "{path}");
        }
    }
}
