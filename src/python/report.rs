//! pip's installation report, version 1: <https://pip.pypa.io/en/stable/reference/installation-report/>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One distribution that pip would install.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Item {
    /// Where it would come from.
    pub download_info: DownloadInfo,
    /// Whether the requirement names a place rather than a version.
    pub is_direct: bool,
    /// Whether the user's requirements name it.
    pub requested: bool,
    /// The extras that the user's requirements ask of it.
    #[serde(default)]
    pub requested_extras: Vec<String>,
    /// Its core metadata.
    pub metadata: Metadata,
}

/// The data structure of a direct URL (PEP 610).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct DownloadInfo {
    /// Where it is; may hold credentials: never show or store it.
    pub url: String,
    /// The folder below, for an archive or repository that holds several projects.
    pub subdirectory: Option<String>,
    /// Set for one file.
    pub archive_info: Option<ArchiveInfo>,
    /// Set for a repository.
    pub vcs_info: Option<VcsInfo>,
}

/// The digests of a file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct ArchiveInfo {
    /// By algorithm, in hexadecimal.
    #[serde(default)]
    pub hashes: BTreeMap<String, String>,
}

/// A commit of a repository.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct VcsInfo {
    /// `git`, …
    pub vcs: String,
    /// The commit that was resolved.
    pub commit_id: String,
}

/// The part of the core metadata that is used.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Metadata {
    /// As its author spells it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Requirements with markers (PEP 508).
    #[serde(default)]
    pub requires_dist: Vec<String>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

/// What pip would install.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// One for each distribution.
    pub install: Vec<Item>,
    /// Lines of a requirements file that make the next pip look where this one looked (added by our prelude).
    #[serde(default)]
    pub options: Vec<String>,
}

/// Reads a report; another version than 1 is refused.
pub fn parse(json: &[u8]) -> Result<Report> {
    let unreadable = |error: serde_json::Error| Error::PipReport(error.to_string());
    let version: Version = serde_json::from_slice(json).map_err(unreadable)?;
    if version.version != "1" {
        return Err(Error::PipReport(format!("it has version {}, known is 1", version.version)));
    }
    serde_json::from_slice(json).map_err(unreadable)
}

impl Item {
    /// The last part of its URL, decoded: a file's name.
    pub fn filename(&self) -> String {
        let path = self.download_info.url.split(['?', '#']).next().unwrap_or_default();
        percent_encoding::percent_decode_str(path.rsplit('/').next().unwrap_or_default())
            .decode_utf8_lossy()
            .into_owned()
    }

    /// Whether it is one file in the wheel format.
    pub fn is_wheel(&self) -> bool {
        self.download_info.archive_info.is_some() && self.filename().ends_with(".whl")
    }

    /// Whether it is a folder of this machine: its content can change unseen.
    pub fn is_folder(&self) -> bool {
        self.download_info.archive_info.is_none() && self.download_info.vcs_info.is_none()
    }

    /// The file's SHA-256 in hexadecimal, where the report has it in a form that can be one.
    pub fn sha256(&self) -> Option<&str> {
        let hash = self.download_info.archive_info.as_ref()?.hashes.get("sha256")?;
        (hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)))
            .then_some(hash.as_str())
    }

    /// A requirement line that names exactly this file, folder or commit.
    pub fn line(&self) -> String {
        let Metadata { name, version, .. } = &self.metadata;
        let hash = self.sha256().map(|hash| format!(" --hash=sha256:{hash}")).unwrap_or_default();
        // Without a digest a name and a version could be another file elsewhere: then the place counts.
        if !self.is_direct && !hash.is_empty() {
            return format!("{name}=={version}{hash}");
        }
        let url = &self.download_info.url;
        let url = match &self.download_info.vcs_info {
            Some(VcsInfo { vcs, commit_id }) => format!("{vcs}+{url}@{commit_id}"),
            None => url.clone(),
        };
        let subdirectory = self
            .download_info
            .subdirectory
            .as_deref()
            .map(|folder| format!("#subdirectory={folder}"))
            .unwrap_or_default();
        format!("{name} @ {url}{subdirectory}{hash}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"version": "1", "pip_version": "24.2", "install": [
        {"download_info": {"url": "https://u:p@host/six-1.17.0%2Bx-py2.py3-none-any.whl", "archive_info": {"hashes": {"sha256": "HASH"}}},
         "is_direct": DIRECT, "is_yanked": false, "requested": true, "metadata": {"name": "six", "version": "1.17.0"}}]}"#;

    fn item(direct: &str) -> Item {
        let hash = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274";
        parse(REPORT.replace("DIRECT", direct).replace("HASH", hash).as_bytes()).unwrap().install.remove(0)
    }

    #[test]
    fn a_file_from_an_index_is_named_by_version_and_hash() {
        let item = item("false");
        assert_eq!(item.filename(), "six-1.17.0+x-py2.py3-none-any.whl");
        assert!(item.is_wheel());
        assert!(item.line().starts_with("six==1.17.0 --hash=sha256:4721f391"));
    }

    #[test]
    fn a_direct_reference_is_named_by_its_place() {
        assert!(
            item("true")
                .line()
                .starts_with("six @ https://u:p@host/six-1.17.0%2Bx-py2.py3-none-any.whl --hash=sha256:4721")
        );
    }

    #[test]
    fn another_version_is_refused() {
        let error =
            parse(REPORT.replace("DIRECT", "false").replace(r#""version": "1","#, r#""version": "2","#).as_bytes())
                .unwrap_err();
        assert_eq!(error.to_string(), "pip's report cannot be read: it has version 2, known is 1");
    }

    #[test]
    fn a_digest_that_is_no_digest_is_not_used() {
        let report = REPORT.replace("DIRECT", "false").replace("HASH", "../../etc");
        assert_eq!(parse(report.as_bytes()).unwrap().install[0].sha256(), None);
    }
}
