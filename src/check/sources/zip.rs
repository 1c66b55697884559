//! A ZIP that anyone may have made. Every member is unpacked once, so that a broken one is found here and not on Lambda.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::Source;
use crate::archive::{Archive, ArchiveError, Inspected};
use crate::check::{File, Finding, LARGE_BYTES, Origin};
use crate::error::{Error, Result};

/// A link's target is a path.
const TARGET_BYTES: u64 = 4096;

pub(super) fn read(path: &Path) -> Result<Source> {
    let packed = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    let Inspected { archive, folders, odd } = match Archive::inspect(path) {
        Ok(inspected) => inspected,
        Err(ArchiveError::Read(source)) => return Err(Error::io("read", path)(source)),
        Err(error) => {
            let finding = Finding { path: None, ..Finding::error("archive", "", sentence(&error)) }
                .with_hint("pack it again; Lambda refuses or misreads it");
            return Ok(Source { findings: vec![finding], packed, ..Source::default() });
        }
    };
    let archive = Arc::new(archive);
    let mut source = Source {
        folders: folders.into_iter().collect(),
        packed,
        archive: Some(Arc::clone(&archive)),
        ..Source::default()
    };
    source.findings.extend(odd.iter().filter_map(describe));
    source.findings.extend(unportable(&odd));
    for (member, (entry, broken)) in archive.members().iter().zip(broken(&archive)).enumerate() {
        if let Some(error) = broken {
            source.findings.push(
                Finding::error("archive", &entry.name, sentence(&error))
                    .with_hint("pack it again: this file is broken"),
            );
        } else if entry.link {
            let target = if entry.size > TARGET_BYTES { None } else { archive.read(member).ok() };
            let target = target.and_then(|bytes| String::from_utf8(bytes).ok());
            source.links.insert(entry.name.clone(), target.unwrap_or_default());
        } else {
            let origin = Origin::Zip { archive: Arc::clone(&archive), member };
            source.files.insert(entry.name.clone(), File { size: entry.size, mode: entry.mode, origin });
        }
    }
    Ok(source)
}

/// For each member why it cannot be unpacked, small ones in parallel.
fn broken(archive: &Archive) -> Vec<Option<ArchiveError>> {
    let is_large = |index: &usize| archive.members()[*index].size > LARGE_BYTES;
    let read = |index: usize| (index, archive.read(index).err());
    let count = archive.members().len();
    let mut results: Vec<(usize, Option<ArchiveError>)> =
        (0..count).into_par_iter().filter(|index| !is_large(index)).map(read).collect();
    results.extend((0..count).filter(is_large).map(read));
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, error)| error).collect()
}

/// Names that Linux has no trouble with, a finding for each kind: there may be thousands.
fn unportable(odd: &[ArchiveError]) -> Vec<Finding> {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for error in odd {
        if let ArchiveError::Portability { name, reason } = error {
            kinds.entry(reason).or_default().push(name);
        }
    }
    let finding = |(reason, names): (&str, Vec<&str>)| {
        let more = match names.len() - 1 {
            0 => String::new(),
            count => format!(", and {count} more"),
        };
        let reason = format!("{:?}{more}: not every system has files of such names ({reason})", names[0]);
        Finding { path: None, ..Finding::warning("archive", "", reason) }
            .with_hint("pack it with plain paths: folder/name.py")
    };
    kinds.into_iter().map(finding).collect()
}

/// What an odd member means on Lambda; nothing for what is a question of names, which every source is asked.
fn describe(error: &ArchiveError) -> Option<Finding> {
    match error {
        ArchiveError::Case(..)
        | ArchiveError::FileAndFolder(_)
        | ArchiveError::Portability { .. }
        | ArchiveError::Kind { kind: "symbolic link", .. } => None,
        ArchiveError::Duplicate { name, same: true } => Some(
            Finding::warning("archive", name, "it is in the ZIP twice, with the same content")
                .with_hint("remove one of them: they count twice against Lambda's limits"),
        ),
        ArchiveError::Duplicate { name, same: false } => Some(
            Finding::error("archive", name, "it is in the ZIP twice: which one is unpacked depends on who unpacks")
                .with_hint("remove one of them (zip -d, then add it again)"),
        ),
        ArchiveError::Path { name, reason } => {
            let reason = format!("{name:?} is not a path inside the archive ({reason})");
            Some(Finding { path: None, ..Finding::error("archive", "", reason) }.with_hint("pack it with another name"))
        }
        ArchiveError::Kind { name, .. }
        | ArchiveError::Method { name, .. }
        | ArchiveError::HeaderName(name)
        | ArchiveError::Corrupt { name, .. } => Some(Finding::error("archive", name, sentence(error))),
        _ => Some(Finding { path: None, ..Finding::error("archive", "", sentence(error)) }),
    }
}

fn sentence(error: &ArchiveError) -> String {
    match error {
        ArchiveError::Kind { kind, .. } => format!("it is a {kind}; Lambda unpacks files and folders"),
        ArchiveError::Method { method, .. } => format!("it is packed in a way that Lambda does not unpack ({method})"),
        _ => error.to_string(),
    }
}
