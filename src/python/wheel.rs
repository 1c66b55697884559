//! A wheel, read where it lies: where each member would be installed, and whether it is what RECORD says.
//!
//! What must stay true: the places are those that `pip install --target --no-compile` gives, without the files that
//! pip itself adds (INSTALLER, REQUESTED, `direct_url.json`, generated scripts). Source: PEP 427 and
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use rayon::prelude::*;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::wheel_name::{WheelFilename, normalise};
use crate::archive::{Archive, ArchiveError};

/// The largest RECORD or WHEEL that is read, in bytes; the largest known RECORD has about 3 MB.
const METADATA_BYTES: u64 = 64 << 20;

/// Members above this are checked one at a time.
const LARGE_BYTES: u64 = 32 << 20;

/// What is wrong with a wheel.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// It is no archive that can be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its file name cannot be taken apart.
    #[error("{0}")]
    Name(String),
    /// It has no, or more than one, dist-info folder of its own.
    #[error("it has {found} instead of one folder {wanted}")]
    DistInfo {
        /// What the file name asks for.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// A file that every wheel has is missing.
    #[error("{0} is missing")]
    Missing(String),
    /// A file of the wheel's own metadata cannot be understood.
    #[error("{file} cannot be read: {reason}")]
    Metadata {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// A member is not the file that RECORD names.
    #[error("{member} is not the file that RECORD lists ({reason})")]
    Record {
        /// The member.
        member: String,
        /// What differs.
        reason: String,
    },
    /// A folder of `.data` that the format does not know.
    #[error("{0} is in a scheme that the wheel format does not have")]
    Scheme(String),
}

/// A member and the path it is installed at.
#[derive(Debug)]
pub struct Placed {
    /// The path below the target folder.
    pub path: String,
    /// The member's index in the archive.
    pub member: usize,
    /// Whether it is executable once installed.
    pub executable: bool,
    /// Whether it comes from the scripts scheme.
    pub script: bool,
}

/// An open wheel.
#[derive(Debug)]
pub struct Wheel {
    /// Its file name.
    pub filename: WheelFilename,
    /// Its members.
    pub archive: Arc<Archive>,
    /// What `{name}.dist-info` is called in it.
    pub dist_info: String,
}

impl Wheel {
    /// Opens a wheel and checks its structure; its files' digests are checked by [`Wheel::verify`].
    pub fn open(path: &Path) -> Result<Self, WheelError> {
        let text = path.file_name().unwrap_or_default().to_string_lossy();
        let filename: WheelFilename = text.parse().map_err(WheelError::Name)?;
        let archive = Archive::open(path)?;
        let dist_info = find_dist_info(&filename, &archive)?;
        let wheel = Self { filename, archive: Arc::new(archive), dist_info };
        wheel.metadata("METADATA")?;
        let description = wheel.metadata("WHEEL")?;
        let version = description.lines().find_map(|line| line.strip_prefix("Wheel-Version:")).map(str::trim);
        match version.and_then(|version| version.split('.').next()) {
            Some("1") => Ok(wheel),
            _ => Err(WheelError::Metadata {
                file: "WHEEL".into(),
                reason: format!("Wheel-Version is {}, known is 1", version.unwrap_or("missing")),
            }),
        }
    }

    /// A text file of the dist-info folder.
    pub fn metadata(&self, name: &str) -> Result<String, WheelError> {
        let path = format!("{}/{name}", self.dist_info);
        let index = self.archive.find(&path).ok_or_else(|| WheelError::Missing(path.clone()))?;
        if self.archive.members()[index].size > METADATA_BYTES {
            return Err(WheelError::Metadata { file: path, reason: "it is too large".into() });
        }
        let bytes = self.archive.read(index)?;
        String::from_utf8(bytes).map_err(|_| WheelError::Metadata { file: path, reason: "it is not UTF-8".into() })
    }

    /// Where each member goes: as pip, the files of the root first, then those of `.data` over them.
    pub fn placed(&self) -> Result<Vec<Placed>, WheelError> {
        let mut placed = Vec::with_capacity(self.archive.members().len());
        let mut data = Vec::new();
        for (index, member) in self.archive.members().iter().enumerate() {
            match member.name.split_once('/') {
                Some((top, inside)) if top.ends_with(".data") => data.push((index, member, inside)),
                _ => placed.push(Placed {
                    path: member.name.clone(),
                    member: index,
                    executable: member.executable,
                    script: false,
                }),
            }
        }
        for (index, member, inside) in data {
            let (scheme, rest) = inside.split_once('/').ok_or_else(|| WheelError::Scheme(member.name.clone()))?;
            let path = match scheme {
                "purelib" | "platlib" | "data" => rest.to_owned(),
                "scripts" => format!("bin/{rest}"),
                "headers" => format!("include/python/{}/{rest}", self.filename.distribution),
                _ => return Err(WheelError::Scheme(member.name.clone())),
            };
            let script = scheme == "scripts";
            placed.push(Placed { path, member: index, executable: member.executable || script, script });
        }
        Ok(placed)
    }

    /// Unpacks every member and compares it with RECORD: small ones in parallel, large ones one after the other, so
    /// that no more than one of those is in memory.
    pub fn verify(&self) -> Result<(), WheelError> {
        let record = self.record()?;
        let (large, small): (Vec<usize>, Vec<usize>) =
            (0..self.archive.members().len()).partition(|index| self.archive.members()[*index].size > LARGE_BYTES);
        small.into_par_iter().try_for_each(|index| self.verify_member(index, &record))?;
        large.into_iter().try_for_each(|index| self.verify_member(index, &record))
    }

    /// The files that only one of RECORD and the archive has. pip installs what the archive has.
    pub fn unlisted(&self) -> Result<Vec<String>, WheelError> {
        let record = self.record()?;
        let members = self.archive.members().iter().map(|member| &member.name);
        let unlisted = members.filter(|name| !record.contains_key(*name) && !self.is_record(name)).cloned();
        let missing = record.keys().filter(|name| self.archive.find(name).is_none() && !name.ends_with('/')).cloned();
        let mut names: Vec<String> = unlisted.chain(missing).collect();
        names.sort();
        Ok(names)
    }

    fn is_record(&self, name: &str) -> bool {
        let own = name.strip_prefix(&self.dist_info).and_then(|rest| rest.strip_prefix('/'));
        matches!(own, Some("RECORD" | "RECORD.jws" | "RECORD.p7s"))
    }

    fn verify_member(&self, index: usize, record: &HashMap<String, String>) -> Result<(), WheelError> {
        let name = &self.archive.members()[index].name;
        let bytes = self.archive.read(index)?;
        if self.is_record(name) {
            return Ok(());
        }
        let differs = |reason: String| WheelError::Record { member: name.clone(), reason };
        let Some(hash) = record.get(name) else { return Ok(()) };
        let (algorithm, expected) = hash.split_once('=').ok_or_else(|| differs(format!("its hash is {hash:?}")))?;
        let actual = match algorithm {
            "sha256" => BASE64URL_NOPAD.encode(&Sha256::digest(&bytes)),
            "sha384" => BASE64URL_NOPAD.encode(&Sha384::digest(&bytes)),
            "sha512" => BASE64URL_NOPAD.encode(&Sha512::digest(&bytes)),
            _ => return Err(differs(format!("the format does not allow {algorithm}"))),
        };
        if expected.trim_end_matches('=') == actual {
            Ok(())
        } else {
            Err(differs(format!("its {algorithm} is {actual}, RECORD says {expected}")))
        }
    }

    /// RECORD: each path with its hash, which is empty for RECORD itself.
    fn record(&self) -> Result<HashMap<String, String>, WheelError> {
        let text = self.metadata("RECORD")?;
        let unreadable = |error: csv::Error| WheelError::Metadata { file: "RECORD".into(), reason: error.to_string() };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut record = HashMap::new();
        for row in reader.records() {
            let row = row.map_err(unreadable)?;
            let path = row.get(0).unwrap_or_default().to_owned();
            record.insert(path, row.get(1).unwrap_or_default().to_owned());
        }
        Ok(record)
    }
}

/// The one dist-info folder, which has to be of the wheel's own distribution.
fn find_dist_info(filename: &WheelFilename, archive: &Archive) -> Result<String, WheelError> {
    let wanted = format!("{}-{}.dist-info", filename.distribution, filename.version);
    let mut found: Vec<&str> = archive
        .members()
        .iter()
        .filter_map(|member| member.name.split_once('/').map(|(folder, _)| folder))
        .filter(|folder| folder.ends_with(".dist-info"))
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one]
            if one
                .trim_end_matches(".dist-info")
                .split_once('-')
                .is_some_and(|(name, _)| normalise(name) == normalise(&filename.distribution)) =>
        {
            Ok((*one).to_owned())
        }
        [] => Err(WheelError::DistInfo { wanted, found: "none".into() }),
        several => Err(WheelError::DistInfo { wanted, found: several.join(", ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_record_writes_them() {
        // pip's INSTALLER ("pip\n") and the empty file, as they stand in every RECORD that pip writes.
        assert_eq!(BASE64URL_NOPAD.encode(&Sha256::digest(b"pip\n")), "zuuue4knoyJ-UwPPXg8fezS7VCrXJQrAP7zeNuwvFQg");
        assert_eq!(BASE64URL_NOPAD.encode(&Sha256::digest(b"")), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }
}
