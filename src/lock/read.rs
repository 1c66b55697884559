//! A lock from text that anybody may have written: every value is checked, and a mistake is named with its line.
//!
//! What must stay true: no text makes it panic or take much more memory than the text has; a name, version, file name,
//! digest or place that passes can be put into a line for pip and into a path of the cache as it is.

mod layer;

use std::collections::BTreeSet;
use std::path::Path;

use pep508_rs::pep440_rs;
use serde::Deserialize;

use super::bases;
use super::inputs::Input;
use super::model::{Lock, Origin, Place, Set, SetId, Wheel};
use super::{FILE, VERSION};
use crate::error::{Error, Result};
use crate::lambda::{PythonVersion, Target};
use crate::project::Choice;
use crate::python::{WheelFilename, normalise};

/// The longest name, version, path or URL.
const LENGTH: usize = 4096;

/// Only what says which format the rest is in.
#[derive(Deserialize)]
struct Format {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLock {
    #[allow(dead_code, reason = "read before, by itself")]
    version: i64,
    #[serde(default)]
    set: Vec<toml::Spanned<RawSet>>,
    #[serde(default)]
    layer: Vec<toml::Spanned<layer::RawLayer>>,
    #[serde(default)]
    base: Vec<toml::Spanned<bases::RawBase>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSet {
    name: String,
    packaging: Option<String>,
    python: String,
    architecture: String,
    inputs: Vec<toml::Spanned<RawInput>>,
    #[serde(default)]
    extras: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    added: Vec<String>,
    wheels: Vec<toml::Spanned<RawWheel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    path: String,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWheel {
    name: String,
    version: String,
    file: Option<String>,
    source: Option<String>,
    sha256: Option<String>,
    url: Option<String>,
    commit: Option<String>,
    path: Option<String>,
    subdirectory: Option<String>,
    #[serde(default)]
    requested: bool,
    #[serde(default)]
    extras: Vec<String>,
}

/// Reads a lock's text; `path` is what errors call it.
pub fn parse(text: &str, path: &Path) -> Result<Lock> {
    let wrong = |message: &str, at: Option<std::ops::Range<usize>>| unreadable(path, text, at, message);
    let of_toml = |error: toml::de::Error| wrong(error.message(), error.span());
    let format: Format = toml::from_str(text).map_err(of_toml)?;
    if format.version != VERSION {
        return Err(Error::Lock {
            message: format!("{} has format {}, and this pack knows {VERSION}", path.display(), format.version),
            hint: "it was made by a newer pack: upgrade pack, or delete the file and run `pack lock`".into(),
        });
    }
    let raw: RawLock = toml::from_str(text).map_err(of_toml)?;
    let mut lock = Lock::default();
    let mut seen = BTreeSet::new();
    for set in raw.set {
        let span = set.span();
        let set = read_set(set.into_inner(), &wrong, &span)?;
        if !seen.insert(set.id.clone()) {
            return Err(wrong(&format!("{} is there twice", set.id), Some(span)));
        }
        lock.sets.push(set);
    }
    lock.sets.sort_by(|left, right| left.id.cmp(&right.id));
    let mut seen = BTreeSet::new();
    for layer in raw.layer {
        let span = layer.span();
        let layer = layer::read(layer.into_inner()).map_err(|message| wrong(&message, Some(span.clone())))?;
        if !seen.insert((layer.name.clone(), layer.target)) {
            return Err(wrong(&format!("the layer {layer} is there twice"), Some(span)));
        }
        lock.layers.push(layer);
    }
    lock.layers.sort_by(|left, right| left.key().cmp(&right.key()));
    for base in raw.base {
        let span = base.span();
        let (id, digest) = bases::read(base.get_ref()).map_err(|message| wrong(&message, Some(span.clone())))?;
        if lock.bases.insert(id.clone(), digest).is_some() {
            return Err(wrong(&format!("the base {} is there twice", id.0), Some(span)));
        }
    }
    Ok(lock)
}

type Wrong<'a> = dyn Fn(&str, Option<std::ops::Range<usize>>) -> Error + 'a;

fn read_set(raw: RawSet, wrong: &Wrong<'_>, span: &std::ops::Range<usize>) -> Result<Set> {
    let here = |message: String| wrong(&message, Some(span.clone()));
    for name in [Some(&raw.name), raw.packaging.as_ref()].into_iter().flatten() {
        if name.is_empty() || !is_plain(name) {
            return Err(here(format!("{name:?} is no name of a set")));
        }
    }
    let target = read_target(&raw.python, &raw.architecture).map_err(&here)?;
    let id = SetId { name: raw.name, packaging: raw.packaging, target };
    let mut inputs = Vec::with_capacity(raw.inputs.len());
    for input in raw.inputs {
        let span = input.span();
        let RawInput { path, sha256 } = input.into_inner();
        let checked = check_path(&path).and_then(|()| check_digest(&sha256));
        checked.map_err(|message| wrong(&message, Some(span)))?;
        inputs.push(Input { path, sha256 });
    }
    inputs.sort();
    let choice = Choice { extras: raw.extras, groups: raw.groups };
    if let Some(name) = choice.extras.iter().chain(&choice.groups).find(|name| name.is_empty() || !is_plain(name)) {
        return Err(here(format!("{name:?} is no name of an extra or group")));
    }
    raw.added.iter().try_for_each(|name| check_name(name)).map_err(&here)?;
    let mut wheels = Vec::with_capacity(raw.wheels.len());
    for wheel in raw.wheels {
        let span = wheel.span();
        let wheel = read_wheel(wheel.into_inner(), id.target).map_err(|message| wrong(&message, Some(span.clone())))?;
        wheels.push((wheel, span));
    }
    wheels.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
    if let Some(pair) = wheels.windows(2).find(|pair| pair[0].0.name == pair[1].0.name) {
        return Err(wrong(&format!("{} is there twice", pair[1].0.name), Some(pair[1].1.clone())));
    }
    Ok(Set { id, inputs, choice, added: raw.added, wheels: wheels.into_iter().map(|(wheel, _)| wheel).collect() })
}

fn read_target(python: &str, architecture: &str) -> Result<Target, String> {
    let python = python.parse::<PythonVersion>()?;
    let architecture =
        clap::ValueEnum::from_str(architecture, false).map_err(|_| format!("{architecture:?} is no architecture"))?;
    Ok(Target { python, architecture })
}

fn read_wheel(raw: RawWheel, target: Target) -> Result<Wheel, String> {
    let RawWheel { name, version, file, source, sha256, url, commit, path, subdirectory, requested, extras } = raw;
    check_distribution(&name, &version)?;
    extras.iter().try_for_each(|extra| check_name(extra))?;
    url.as_deref().map_or(Ok(()), check_url)?;
    path.as_deref().map_or(Ok(()), check_path)?;
    subdirectory.as_deref().map_or(Ok(()), check_path)?;
    let origin = match (file, source, sha256, url, commit, path) {
        (Some(file), None, Some(sha256), url, None, path) if subdirectory.is_none() => {
            check_digest(&sha256)?;
            check_wheel(&file, &name, &version, target)?;
            Origin::File { file, sha256, place: place(url, path)?, subdirectory: None }
        }
        (None, Some(file), Some(sha256), url, None, path) => {
            check_digest(&sha256)?;
            check_source(&file)?;
            Origin::File { file, sha256, place: place(url, path)?, subdirectory }
        }
        (None, None, None, Some(url), Some(commit), None) => {
            // A branch or a tag could come to mean something else.
            let has_digests = url.starts_with("git+") || url.starts_with("hg+");
            let is_digest = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_number = (1..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_digit());
            if !is_digest && (has_digests || !is_number) {
                return Err(format!("{commit:?} is no commit"));
            }
            if !url.contains('+') {
                return Err(format!("{url:?} has no system of a repository: git+https://…"));
            }
            Origin::Repository { url, commit, subdirectory }
        }
        (None, None, None, None, None, Some(path)) if subdirectory.is_none() => Origin::Folder { path },
        _ => {
            return Err(format!(
                "{name} is neither a wheel (file, sha256), nor an archive of sources (source, sha256), nor a repository \
                 (url, commit), nor a folder (path)"
            ));
        }
    };
    Ok(Wheel { name, version, origin, requested, extras })
}

fn place(url: Option<String>, path: Option<String>) -> Result<Place, String> {
    match (url, path) {
        (None, None) => Ok(Place::Index),
        (Some(url), None) => Ok(Place::Url(url)),
        (None, Some(path)) => Ok(Place::Path(path)),
        (Some(_), Some(_)) => Err("a file has one place: url or path".into()),
    }
}

/// Short, without characters that no name or path needs.
fn is_plain(text: &str) -> bool {
    text.len() <= LENGTH && !text.chars().any(char::is_control)
}

/// A normalised name with a version.
fn check_distribution(name: &str, version: &str) -> Result<(), String> {
    check_name(name)?;
    if normalise(name) != name {
        return Err(format!("{name:?} is written {:?} here", normalise(name)));
    }
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.+!".contains(character);
    let fits = is_plain(version) && version.chars().all(plain) && version.parse::<pep440_rs::Version>().is_ok();
    if fits { Ok(()) } else { Err(format!("{version:?} is no version")) }
}

fn check_name(name: &str) -> Result<(), String> {
    let inside = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let ends = |end: Option<char>| end.is_some_and(|character| character.is_ascii_alphanumeric());
    let fits = is_plain(name) && name.chars().all(inside) && ends(name.chars().next()) && ends(name.chars().last());
    if fits { Ok(()) } else { Err(format!("{name:?} is no name of a distribution")) }
}

pub(super) fn check_digest(sha256: &str) -> Result<(), String> {
    let fits = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if fits { Ok(()) } else { Err(format!("{sha256:?} is no SHA-256 in hexadecimal")) }
}

/// A wheel that is not this distribution's, or that does not load in the target, is a mistake of whoever merged the file.
fn check_wheel(file: &str, name: &str, version: &str, target: Target) -> Result<(), String> {
    let wheel: WheelFilename = file.parse()?;
    let same_version = match (wheel.version.parse::<pep440_rs::Version>(), version.parse::<pep440_rs::Version>()) {
        (Ok(left), Ok(right)) => left == right,
        _ => true,
    };
    if normalise(&wheel.distribution) != name || !same_version {
        return Err(format!("{file} is not {name} {version}"));
    }
    if !wheel.fits_platform(&target.platform_tags()) {
        return Err(format!("{file} does not load in {target}"));
    }
    Ok(())
}

fn check_source(file: &str) -> Result<(), String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.+!".contains(character);
    let fits = is_plain(file) && file.chars().all(plain) && !file.starts_with(['.', '-']) && !file.ends_with(".whl");
    if fits && !file.is_empty() { Ok(()) } else { Err(format!("{file:?} is no name of an archive of sources")) }
}

/// A place below or beside the project's folder.
fn check_path(path: &str) -> Result<(), String> {
    let fits = !path.is_empty() && is_plain(path) && !path.starts_with('/') && !path.contains('\\');
    if fits { Ok(()) } else { Err(format!("{path:?} is no path from the project's folder")) }
}

/// What pip may be sent to. It goes into a line for pip: nothing in it may end there.
fn check_url(url: &str) -> Result<(), String> {
    let graphic = |byte: u8| byte.is_ascii_graphic() && !b"#?\"'\\<>`{}|^$".contains(&byte);
    let fits = url.len() <= LENGTH && url.bytes().all(graphic);
    let scheme = url.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    let known = ["https", "http", "git+https", "git+http", "git+ssh", "git+git", "hg+https", "hg+http", "hg+ssh"]
        .iter()
        .chain(&[
            "svn+https",
            "svn+http",
            "svn+ssh",
            "svn+svn",
            "bzr+https",
            "bzr+http",
            "bzr+ssh",
            "bzr+lp",
            "git+file",
        ])
        .any(|known| *known == scheme);
    if !fits || !known {
        return Err(format!("{url:?} is no URL that a lock can have"));
    }
    if super::answer::public_url(url) != url {
        return Err("a URL of a lock holds no user name, password or query".into());
    }
    Ok(())
}

fn unreadable(path: &Path, text: &str, at: Option<std::ops::Range<usize>>, message: &str) -> Error {
    let place = at.map(|span| {
        let before = text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!(", line {line}, column {column}")
    });
    let message = message.trim_end().replace('\n', " ");
    Error::Lock {
        message: format!("{}{}: {message}", path.display(), place.unwrap_or_default()),
        hint: format!(
            "take {FILE} from version control again; or delete it and run `pack lock`, which takes the newest of everything"
        ),
    }
}
