//! A report that was saved, as what another one is compared with.

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use super::model::{Report, VERSION};
use crate::error::{Error, Result};

/// The most bytes that are read. A report has about two hundred for each file.
const MOST_BYTES: u64 = 512 << 20;

/// What every version of the format has.
#[derive(Deserialize)]
struct Versioned {
    version: Option<u64>,
}

/// The report that a file has; none where the file is no JSON, so that it may be an artifact.
pub fn read(path: &Path) -> Result<Option<Report>> {
    let mut file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let mut start = [0];
    let has_start = file.read(&mut start).map_err(Error::io("read", path))? == 1;
    if !has_start || start != *b"{" {
        return Ok(None);
    }
    let wrong = |reason: String| {
        Error::usage(
            format!("{} is no report of pack's: {reason}", path.display()),
            "pack report ARTIFACT --save FILE writes one",
        )
    };
    let mut bytes = start.to_vec();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(format!("it has more than {MOST_BYTES} bytes")));
    }
    let versioned: Versioned = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    match versioned.version {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) if version > u64::from(VERSION) => {
            return Err(Error::usage(
                format!(
                    "{} is of a newer pack: it has version {version} of the format, and this pack knows {VERSION}",
                    path.display()
                ),
                "write the baseline again with this pack, or update it",
            ));
        }
        Some(version) => {
            return Err(wrong(format!("it has version {version} of the format, and this pack knows {VERSION}")));
        }
        None => return Err(wrong("it says no version".into())),
    }
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if report.artifacts.iter().any(|artifact| artifact.entries.iter().any(|entry| entry.part >= artifact.parts.len())) {
        return Err(wrong("a file of it is of no part".into()));
    }
    Ok(Some(report))
}
