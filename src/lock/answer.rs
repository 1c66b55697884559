//! Between what a lock says and what pip answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::inputs::{self, Input};
use super::model::{Lock, Origin, Place, Set, SetId, Wheel};
use super::read;
use crate::error::{Error, Result};
use crate::project::{Choice, Requirements};
use crate::python::report::{ArchiveInfo, DownloadInfo, Item, Metadata, VcsInfo};
use crate::python::{file_url, normalise};
use crate::resolve::Answer;

/// The answer that pip gave when the set was made. What needs what is not in it: the wheels say that themselves.
pub fn to_answer(set: &Set, root: &Path, requirements: &Requirements) -> Result<Answer> {
    let items = set.wheels.iter().map(|wheel| to_item(wheel, root)).collect::<Result<_>>()?;
    Ok(Answer { items, options: Vec::new(), option_files: requirements.files() })
}

fn to_item(wheel: &Wheel, root: &Path) -> Result<Item> {
    let at = |path: &str| Ok::<_, Error>(file_url(&inputs::absolute(&root.join(path))?));
    let hashes = |sha256: &str| ArchiveInfo { hashes: BTreeMap::from([("sha256".into(), sha256.to_owned())]) };
    let (download_info, is_direct) = match &wheel.origin {
        Origin::File { file, sha256, place, subdirectory } => {
            let (url, is_direct) = match place {
                Place::Index => (file.clone(), false),
                Place::Url(url) => (url.clone(), true),
                Place::Path(path) => (at(path)?, true),
            };
            let archive_info = Some(hashes(sha256));
            (DownloadInfo { url, subdirectory: subdirectory.clone(), archive_info, vcs_info: None }, is_direct)
        }
        Origin::Repository { url, commit, subdirectory } => {
            let (vcs, url) = url.split_once('+').unwrap_or(("git", url));
            let vcs_info = Some(VcsInfo { vcs: vcs.to_owned(), commit_id: commit.clone() });
            let url = url.to_owned();
            (DownloadInfo { url, subdirectory: subdirectory.clone(), archive_info: None, vcs_info }, true)
        }
        Origin::Folder { path } => {
            (DownloadInfo { url: at(path)?, subdirectory: None, archive_info: None, vcs_info: None }, true)
        }
    };
    let metadata = Metadata { name: wheel.name.clone(), version: wheel.version.clone(), requires_dist: Vec::new() };
    let requested_extras = wheel.extras.clone();
    Ok(Item { download_info, is_direct, requested: wheel.requested, requested_extras, metadata })
}

/// What a lock keeps of an answer, all of whose files have digests.
pub fn set_of(
    id: &SetId,
    inputs: Vec<Input>,
    (choice, added): (&Choice, &[String]),
    answer: &Answer,
    root: &Path,
) -> Result<Set> {
    let mut wheels = answer.items.iter().map(|item| to_wheel(item, root)).collect::<Result<Vec<_>>>()?;
    wheels.sort_by(|left, right| left.name.cmp(&right.name));
    let mut lock = Lock::default();
    let (choice, added) = (choice.clone(), added.to_vec());
    lock.replace(Set { id: id.clone(), inputs, choice, added, wheels });
    // What could not be read again (a version that is none, an odd URL) must not be written.
    let read = read::parse(&lock.text(), Path::new("what pip answers"))?;
    read.set(id).cloned().ok_or_else(|| Error::Lock {
        message: format!("{id} cannot be put into a lock"),
        hint: "name the function differently".into(),
    })
}

fn to_wheel(item: &Item, root: &Path) -> Result<Wheel> {
    let Item { download_info: info, metadata, .. } = item;
    let subdirectory = info.subdirectory.clone();
    let origin = if let Some(VcsInfo { vcs, commit_id }) = &info.vcs_info {
        Origin::Repository { url: public_url(&format!("{vcs}+{}", info.url)), commit: commit_id.clone(), subdirectory }
    } else if info.archive_info.is_some() {
        let sha256 = item.sha256().ok_or_else(|| Error::NotFetched(metadata.name.clone()))?.to_owned();
        let place = match local_path(&info.url) {
            _ if !item.is_direct => Place::Index,
            Some(path) => Place::Path(from_root(&path, root)?),
            None => Place::Url(public_url(&info.url)),
        };
        Origin::File { file: item.filename(), sha256, place, subdirectory }
    } else {
        let path = local_path(&info.url).ok_or_else(|| Error::Lock {
            message: format!("{} comes from a place that a lock cannot name", metadata.name),
            hint: "name a version, a file, a commit or a folder of it".into(),
        })?;
        Origin::Folder { path: from_root(&path, root)? }
    };
    let mut extras: Vec<String> = item.requested_extras.iter().map(|extra| normalise(extra)).collect();
    extras.sort();
    extras.dedup();
    Ok(Wheel {
        name: normalise(&metadata.name),
        version: metadata.version.clone(),
        origin,
        requested: item.requested,
        extras,
    })
}

/// Versions that pip shall keep to, as constraints by name. What is named by its place has none: the place decides.
pub fn pins(set: &Set) -> BTreeMap<String, String> {
    let from_index = |wheel: &&Wheel| matches!(wheel.origin, Origin::File { place: Place::Index, .. });
    set.wheels.iter().filter(from_index).map(|wheel| (wheel.name.clone(), wheel.version.clone())).collect()
}

/// A URL without what can hold a credential: user and password (but for the `git` of `ssh://git@host`), query, fragment.
pub(super) fn public_url(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let public = match host.rsplit_once('@') {
        Some(("git", _)) if scheme.ends_with("ssh") => host,
        Some((_, host)) => host,
        None => host,
    };
    format!("{scheme}://{public}{path}")
}

fn local_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://")?;
    let path = path.strip_prefix("localhost").unwrap_or(path);
    let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    path.starts_with('/').then(|| PathBuf::from(path))
}

fn from_root(path: &Path, root: &Path) -> Result<String> {
    Ok(inputs::relative(&inputs::absolute(root)?, &inputs::absolute(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_holds_no_secret() {
        for (url, public) in [
            ("https://host/a/b.whl", "https://host/a/b.whl"),
            ("https://user:pass@host:8443/a/b.whl?token=x#y", "https://host:8443/a/b.whl"),
            ("https://a@b:c@host/a@b", "https://host/a@b"),
            ("git+ssh://git@host/org/repo.git", "git+ssh://git@host/org/repo.git"),
            ("git+ssh://git:secret@host/repo", "git+ssh://host/repo"),
            ("git+https://token@host", "git+https://host"),
            ("https://host?x=user@other", "https://host"),
        ] {
            assert_eq!(public_url(url), public);
            assert_eq!(public_url(public), public);
        }
    }

    #[test]
    fn a_local_path_is_written_from_the_project_and_found_again() {
        let root = Path::new("/srv/my project");
        let url = "file:///srv/libs/a%20b+c";
        let path = local_path(url).unwrap();
        assert_eq!(from_root(&path, root).unwrap(), "../libs/a b+c");
        assert_eq!(file_url(&inputs::absolute(&root.join("../libs/a b+c")).unwrap()), url);
    }
}
