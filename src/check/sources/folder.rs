//! A folder, as it would be packed: links are followed, as `zip -r` does.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use walkdir::WalkDir;

use super::Source;
use crate::check::{File, Finding, Origin};
use crate::error::{Error, Result};

pub(super) fn read(folder: &Path) -> Result<Source> {
    let mut source = Source::default();
    for entry in WalkDir::new(folder).follow_links(true).min_depth(1).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let Some(path) = error.path() else { return Err(Error::io("read", folder)(error.into())) };
                let path = relative(path, folder);
                let reason = if error.loop_ancestor().is_some() {
                    "it is a link to a folder that it is in".to_owned()
                } else {
                    format!("it cannot be read: {error}")
                };
                source.findings.push(Finding::error("unreadable", &path, reason));
                continue;
            }
        };
        let path = relative(entry.path(), folder);
        let metadata = entry.metadata().map_err(|error| Error::io("read", entry.path())(error.into()))?;
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_dir() {
            source.folders.insert(path, mode);
        } else if metadata.is_file() {
            let origin = Origin::Disk(entry.path().to_owned());
            source.files.insert(path, File { size: metadata.len(), mode, origin });
        } else {
            source.findings.push(Finding::error("unreadable", &path, "it is neither a file nor a folder"));
        }
    }
    Ok(source)
}

fn relative(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
}
