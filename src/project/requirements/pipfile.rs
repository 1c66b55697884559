//! `Pipfile.lock`, read directly: <https://github.com/pypa/pipfile/blob/main/examples/Pipfile.lock>.
//!
//! pipenv has an exporter, which makes a virtual environment on its way and reads nothing but this file. Categories are
//! dependency groups: `default` always counts.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::locked::Locked;
use super::{Choice, document, index, line, pyproject};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::python::{markers, requirement};

/// The version of the format that is known.
const SPEC: u64 = 6;

#[derive(Deserialize)]
struct Lock {
    #[serde(rename = "_meta")]
    meta: Meta,
    #[serde(flatten)]
    categories: BTreeMap<String, BTreeMap<String, Entry>>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "pipfile-spec")]
    spec: u64,
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    url: String,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    markers: Option<String>,
    #[serde(default)]
    extras: Vec<String>,
    path: Option<String>,
    file: Option<String>,
    git: Option<String>,
    #[serde(rename = "ref")]
    commit: Option<String>,
    subdirectory: Option<String>,
    #[serde(flatten)]
    _others: BTreeMap<String, Value>,
}

pub(super) fn read(path: &Path, choice: &Choice, target: Target) -> Result<Locked> {
    lines(path, &document::json(path)?, choice, target)
}

fn lines(path: &Path, lock: &Lock, choice: &Choice, target: Target) -> Result<Locked> {
    if lock.meta.spec != SPEC {
        return Err(Error::requirements(
            path,
            format!("pipfile-spec is {}, known is {SPEC}", lock.meta.spec),
            "lock with pipenv",
        ));
    }
    if let Some(extra) = choice.extras.first() {
        return Err(Error::requirements(path, format!("it has no extra {extra:?}"), "it has categories: --group NAME"));
    }
    let mut locked = Locked::default();
    let default = "default".to_owned();
    for category in [&default].into_iter().chain(&choice.groups) {
        let Some(entries) = lock.categories.get(category) else {
            let known: Vec<&str> = lock.categories.keys().map(String::as_str).collect();
            return Err(Error::requirements(
                path,
                format!("it has no category {category:?}"),
                pyproject::listed("categories", &known),
            ));
        };
        for (name, entry) in entries {
            add(path, name, entry, target, &mut locked)?;
        }
    }
    let urls: Vec<String> = lock.meta.sources.iter().map(|source| expand(&source.url)).collect();
    locked.options = index::options(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    Ok(locked)
}

fn add(path: &Path, key: &str, entry: &Entry, target: Target, locked: &mut Locked) -> Result<()> {
    let wrong = |what: String| Error::requirements(path, what, "run `pipenv lock`");
    let name = line::name(key).ok_or_else(|| wrong("it has a name that is none".into()))?;
    let mut extras = Vec::new();
    for extra in &entry.extras {
        extras.push(line::name(extra).ok_or_else(|| wrong(format!("{name} has an extra that is none")))?);
    }
    let named = if extras.is_empty() { name.clone() } else { format!("{name}[{}]", extras.join(",")) };
    let base = path.parent().unwrap_or(Path::new(""));
    let url = |text: &str| {
        if text.contains("://") { line::word(text).map(str::to_owned) } else { Some(line::file_url(base, text)) }
    };
    let place = if let Some(repository) = &entry.git {
        let folder = entry.subdirectory.as_ref().map(|folder| format!("#subdirectory={folder}")).unwrap_or_default();
        let commit = entry.commit.as_deref().and_then(line::word);
        let whole = commit.map(|commit| format!("git+{repository}@{commit}{folder}"));
        Some(whole.filter(|whole| line::word(whole).is_some() && repository.contains("://")))
    } else {
        entry.file.as_deref().or(entry.path.as_deref()).map(url)
    };
    let mut hashes = String::new();
    for hash in &entry.hashes {
        let is_hash = hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b':');
        if !is_hash {
            return Err(wrong(format!("{name} has a hash that is none")));
        }
        hashes.extend([" --hash=", hash]);
    }
    let requirement = match (place, entry.version.as_deref()) {
        (Some(Some(place)), _) => format!("{named} @ {place}"),
        (None, Some(version)) if version.strip_prefix("==").is_some_and(|version| line::version(version).is_some()) => {
            format!("{named}{version}")
        }
        // What the machine that locked does not take stands there without a version.
        (None, Some(_)) if !holds(entry, target) => return Ok(()),
        _ => return Err(wrong(format!("{name} has no version and no place"))),
    };
    let marked =
        entry.markers.as_ref().map_or_else(|| requirement.clone(), |marker| format!("{requirement} ; {marker}"));
    let marked = line::plain(&marked).ok_or_else(|| wrong(format!("{name} has a marker that cannot be read")))?;
    if hashes.is_empty() {
        locked.unhashed.push(marked.to_owned());
    } else {
        locked.hashed.push(format!("{marked}{hashes}"));
    }
    Ok(())
}

/// Whether the target takes an entry; one with a marker that cannot be read counts.
fn holds(entry: &Entry, target: Target) -> bool {
    let marker = entry.markers.as_ref().and_then(|marker| requirement::parse(&format!("a ; {marker}")));
    marker.is_none_or(|marker| marker.evaluate_markers(&markers::environment(target), &[]))
}

/// pipenv's `$NAME` and `${NAME}` as `${NAME}`, which pip puts the variable's value in for: the value is never in a file.
fn expand(url: &str) -> String {
    let mut parts = url.split('$');
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let plain = |text: &str| text.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
        let (name, rest) = match part.strip_prefix('{').and_then(|part| part.split_once('}')) {
            Some(split) => split,
            None => part.split_at(plain(part).unwrap_or(part.len())),
        };
        expanded.extend(["${", name, "}", rest]);
    }
    expanded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lambda::Architecture;

    fn read(text: &str, groups: &[&str]) -> Result<Locked> {
        let path = Path::new("/srv/Pipfile.lock");
        let lock: Lock =
            serde_json::from_str(text).map_err(|error| Error::requirements(path, error.to_string(), ""))?;
        let groups = groups.iter().map(|name| (*name).to_owned()).collect();
        let target = Target { python: "3.13".parse().unwrap(), architecture: Architecture::X86_64 };
        lines(path, &lock, &Choice { extras: Vec::new(), groups }, target)
    }

    fn entry(name: &str, text: &str) -> String {
        format!(r#"{{"_meta": {{"pipfile-spec": 6}}, "default": {{"{name}": {{{text}}}}}}}"#)
    }

    const LOCK: &str = r#"{
        "_meta": {"hash": {"sha256": "x"}, "pipfile-spec": 6, "requires": {}, "sources": [
            {"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": true},
            {"name": "own", "url": "https://$USER:${PASS_1}@host/simple", "verify_ssl": true}]},
        "default": {
            "Six": {"hashes": ["sha256:aa", "sha256:bb"], "index": "pypi", "markers": "python_version >= '3'", "version": "==1.17.0"},
            "elsewhere": {"markers": "sys_platform == 'win32'", "version": "*"},
            "httpx": {"extras": ["http2"], "hashes": ["sha256:cc"], "version": "==0.28"},
            "local": {"editable": true, "path": "./libs/local"},
            "repo": {"git": "https://host/repo.git", "ref": "abc", "subdirectory": "x"}},
        "develop": {"pytest": {"hashes": ["sha256:dd"], "version": "==8"}}}"#;

    #[test]
    fn the_default_category_is_read_and_others_when_asked() {
        let locked = read(LOCK, &[]).unwrap();
        let six = "six==1.17.0 ; python_version >= '3' --hash=sha256:aa --hash=sha256:bb";
        assert_eq!(locked.hashed, [six, "httpx[http2]==0.28 --hash=sha256:cc"]);
        assert_eq!(
            locked.unhashed,
            ["local @ file:///srv/libs/local", "repo @ git+https://host/repo.git@abc#subdirectory=x"]
        );
        assert_eq!(locked.options, ["--extra-index-url https://${USER}:${PASS_1}@host/simple"]);
        assert_eq!(read(LOCK, &["develop"]).unwrap().hashed[2], "pytest==8 --hash=sha256:dd");
        assert_eq!(read(LOCK, &["x"]).unwrap_err().hint().unwrap(), "its categories: default, develop");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (text, message) in [
            (r#"{"_meta": {"pipfile-spec": 7}}"#.to_owned(), "pipfile-spec is 7"),
            (entry("a b", r#""version": "==1""#), "a name that is none"),
            (entry("a", r#""version": "*""#), "a has no version and no place"),
            (entry("a", r#""version": "*", "markers": "python_version > '3'""#), "a has no version and no place"),
            (entry("a", r#""version": "==1 --pre""#), "a has no version and no place"),
            (entry("a", r#""version": "==1", "markers": "x""#), "a has a marker that cannot be read"),
            (entry("a", r#""version": "==1", "hashes": ["sha256:aa --pre"]"#), "a has a hash that is none"),
            (entry("a", r#""version": "==1", "extras": ["x y"]"#), "a has an extra that is none"),
            (entry("a", r#""git": "https://h/a b", "ref": "c""#), "a has no version and no place"),
        ] {
            let error = read(&text, &[]).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let quoted = serde_json::to_string(&text).unwrap();
            let _ = (read(&text, &[]), expand(&text));
            for key in ["version", "markers", "path", "git"] {
                let _ = read(&entry("a", &format!("\"{key}\": {quoted}")), &[]);
            }
        }
    }
}
