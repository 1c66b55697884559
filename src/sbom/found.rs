//! The distributions that METADATA in an artifact names.

use crate::check::Files;
use crate::check::sources::Contents;
use crate::error::{Error, Result};
use crate::python::is_distribution_name;
use crate::python::licence::{self, Licence};
use crate::python::metadata::{headers, values};
use crate::report::model::{Artifact, PartKind};
use crate::report::{installed, named};
use crate::why::REQUIREMENTS_BYTES;

/// What is read of METADATA. `License` may hold a whole text, and what follows is wanted too.
const METADATA_BYTES: usize = 512 << 10;

/// The most distributions. The largest environments have some hundreds.
const MOST: usize = 4096;

/// One of them.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licences: Vec<Licence>,
    pub(super) requires: Vec<String>,
    /// Whether an image's base has it.
    pub(super) of_base: bool,
}

/// All of them, by name and version.
pub(super) fn found(artifact: &Artifact, contents: &Contents) -> Result<Vec<Found>> {
    let refuse = |reason: String| Error::Measure { path: artifact.name.clone(), reason };
    let paths = installed(contents);
    if paths.len() > MOST {
        return Err(refuse(format!("it has more than {MOST} distributions: no SBOM is made of that")));
    }
    let files = Files::default();
    let mut all = Vec::new();
    let mut bytes = 0;
    for path in paths {
        let Some(file) = contents.files.get(&path) else { continue };
        let fields = headers(&String::from_utf8_lossy(&files.start(file, METADATA_BYTES)?));
        let (name, version) = named(&fields, folder_of(&path));
        // What no distribution can be called is none.
        if !is_distribution_name(&name) {
            continue;
        }
        let version = if version.bytes().all(is_of_version) { version } else { String::new() };
        let requires: Vec<String> = values(&fields, "requires-dist").map(str::to_owned).collect();
        bytes += requires.iter().map(String::len).sum::<usize>();
        if bytes > REQUIREMENTS_BYTES {
            return Err(refuse(format!("its METADATA has more than {REQUIREMENTS_BYTES} bytes of requirements")));
        }
        let entry = artifact.entries.binary_search_by(|entry| entry.path.as_str().cmp(&path)).ok();
        let part = entry.and_then(|index| artifact.parts.get(artifact.entries[index].part));
        let of_base = part.is_some_and(|part| part.kind == PartKind::Base);
        all.push(Found { name, version, licences: licence::of(&fields), requires, of_base });
    }
    // What is ours comes before what is the base's, as Python finds it.
    all.sort_by(|left, right| {
        (left.of_base, &left.name, &left.version).cmp(&(right.of_base, &right.name, &right.version))
    });
    Ok(all)
}

/// The installer's folder that METADATA lies in: `numpy-2.1.dist-info`.
fn folder_of(path: &str) -> &str {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    folder.rsplit('/').next().unwrap_or(folder)
}

/// Whether a version can have a character. Others mean something in a package URL.
fn is_of_version(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_+!".contains(&byte)
}
