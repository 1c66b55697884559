//! pip's last answer to the same question, as a head start.
//!
//! Asking pip takes longer than everything else of a build, and the answer is nearly always the one of last time. So a
//! build starts from the remembered answer while pip is asked again, and only what pip confirms is kept. What must stay
//! true: a remembered answer decides nothing, and holds no URL (which could hold a credential).

use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Answer;
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::project::Requirements;
use crate::python::report::Item;
use crate::system::AtomicFile;

impl Answer {
    /// The answer with file names instead of URLs; none if it has anything but wheels of known digest from an index.
    pub fn without_urls(&self) -> Option<Self> {
        let mut items = self.items.clone();
        for item in &mut items {
            if item.is_direct || !item.is_wheel() || item.sha256().is_none() {
                return None;
            }
            item.download_info.url = item.filename();
        }
        Some(Self { items, options: Vec::new(), option_files: Vec::new() })
    }
}

/// The last answer for these requirements and constraints, if all of its wheels are cached.
pub fn recall(requirements: &Requirements, constraints: &[String], target: Target, cache: &Cache) -> Option<Answer> {
    let bytes = std::fs::read(path(requirements, constraints, target, cache)).ok()?;
    let items: Vec<Item> = serde_json::from_slice(&bytes).ok()?;
    let answer = Answer { items, options: Vec::new(), option_files: Vec::new() };
    let cached = answer.items.iter().all(|item| super::is_cached(item, target, cache));
    (cached && !answer.items.is_empty()).then_some(answer)
}

/// Remembers an answer that can be.
pub fn remember(
    answer: &Answer,
    requirements: &Requirements,
    constraints: &[String],
    target: Target,
    cache: &Cache,
) -> Result<()> {
    let path = path(requirements, constraints, target, cache);
    let Some(answer) = answer.without_urls() else {
        // An older answer would only cost a build that is dropped each time.
        let _ = std::fs::remove_file(path);
        return Ok(());
    };
    let json = serde_json::to_vec(&answer.items).map_err(|error| Error::io("write", &path)(error.into()))?;
    let mut file = AtomicFile::create(&path)?;
    file.write_all(&json).map_err(Error::io("write", &path))?;
    file.persist_unsynced()
}

/// By the target and the files' places, whose content is pip's to judge; by the text of what was made for pip; and by the
/// constraints.
fn path(requirements: &Requirements, constraints: &[String], target: Target, cache: &Cache) -> PathBuf {
    let mut hasher = Sha256::new();
    for part in requirements.identity() {
        hasher.update(part);
        hasher.update([0]);
    }
    for line in constraints {
        hasher.update([1]);
        hasher.update(line);
    }
    let key = data_encoding::HEXLOWER.encode(&hasher.finalize());
    cache.root().join(Path::new("answers-v1")).join(format!("{key}-{target}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Architecture;
    use crate::project::Choice;
    use crate::python::report;

    fn answer(url: &str, direct: bool) -> Answer {
        let hash = "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274";
        let item = serde_json::json!({"download_info": {"url": url, "archive_info": {"hashes": {"sha256": hash}}},
            "is_direct": direct, "requested": true, "metadata": {"name": "six", "version": "1.17.0"}});
        let report = serde_json::json!({"version": "1", "install": [item]});
        report::parse(report.to_string().as_bytes()).unwrap().into()
    }

    #[test]
    fn nothing_that_could_be_a_secret_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(folder.path())).unwrap();
        let target = Target { python: "3.13".parse().unwrap(), architecture: Architecture::X86_64 };
        let file = folder.path().join("r.txt");
        std::fs::write(&file, "").unwrap();
        let requirements = Requirements::read(&[file], &Choice::default(), target).unwrap();
        let secret = "https://user:secret@host/six-1.17.0-py2.py3-none-any.whl";
        remember(&answer(secret, true), &requirements, &[], target, &cache).unwrap();
        assert!(!path(&requirements, &[], target, &cache).exists(), "a direct reference is not remembered");
        remember(&answer(secret, false), &requirements, &[], target, &cache).unwrap();
        let text = std::fs::read_to_string(path(&requirements, &[], target, &cache)).unwrap();
        assert!(text.contains("six-1.17.0") && !text.contains("secret"));
        assert!(recall(&requirements, &[], target, &cache).is_none(), "its wheel is not cached");
    }
}
