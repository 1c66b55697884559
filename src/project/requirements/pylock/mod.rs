//! `pylock.toml`, the standard lock file (PEP 751), read directly:
//! <https://packaging.python.org/en/latest/specifications/pylock-toml/>.
//!
//! From each distribution that the choice and the target take, the one file that an installer would choose, by its hash.
//! The index that the hash is looked up in is pip's, and the lock's own beside it.

mod format;
mod marker;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use format::{File, Lock, Package};
use marker::Chosen;
use pep508_rs::MarkerEnvironment;

use super::locked::Locked;
use super::{Choice, document, index, line, pyproject};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::python::{WheelFilename, markers, normalise, wheel_tags};

/// The algorithms that pip takes, best first.
const ALGORITHMS: &[&str] = &["sha256", "sha384", "sha512"];

pub(super) fn read(path: &Path, choice: &Choice, target: Target) -> Result<Locked> {
    lines(path, &document::toml(path)?, choice, target)
}

fn lines(path: &Path, lock: &Lock, choice: &Choice, target: Target) -> Result<Locked> {
    let reader = Reader {
        path,
        base: path.parent().unwrap_or(Path::new("")),
        target,
        environment: markers::environment(target),
        chosen: chosen(path, lock, choice)?,
        tags: wheel_tags::accepted(target),
    };
    reader.check(lock)?;
    let mut seen = BTreeSet::new();
    let mut locked = Locked::default();
    let mut indexes = Vec::new();
    for package in &lock.packages {
        if !reader.holds(package.marker.as_deref(), &package.name)? {
            continue;
        }
        let name = line::name(&package.name).ok_or_else(|| reader.wrong("has a name that is none"))?;
        if !seen.insert(name.clone()) {
            return Err(reader.wrong(format!("has {name} twice for this target and choice")));
        }
        let bounds = package.requires_python.as_deref();
        if bounds.is_some_and(|bounds| line::takes(bounds, &target.python.full()) == Some(false)) {
            return Err(Error::requirements(
                path,
                format!(
                    "{name} requires Python {}, and the runtime has {}",
                    bounds.unwrap_or_default(),
                    target.python.full()
                ),
                "choose another --python, or lock again for it",
            ));
        }
        reader.add(package, &name, &mut locked)?;
        indexes.extend(package.index.as_deref());
    }
    locked.options = index::options(&indexes);
    Ok(locked)
}

/// The choice as the lock knows it. Default groups stand for the project's own dependencies and always count.
fn chosen(path: &Path, lock: &Lock, choice: &Choice) -> Result<Chosen> {
    let known = |asked: &[String], known: &[String], what: &str| {
        let names: Vec<String> = known.iter().map(|name| normalise(name)).collect();
        match asked.iter().find(|name| !names.contains(&normalise(name))) {
            Some(name) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                Err(Error::requirements(
                    path,
                    format!("it has no {what} {name:?}"),
                    pyproject::listed(&format!("{what}s"), &known),
                ))
            }
            None => Ok(asked.iter().map(|name| normalise(name)).collect::<Vec<_>>()),
        }
    };
    let extras = known(&choice.extras, &lock.extras, "extra")?;
    let mut groups = known(&choice.groups, &lock.dependency_groups, "dependency group")?;
    groups.extend(lock.default_groups.iter().map(|name| normalise(name)));
    Ok(Chosen { extras, groups })
}

struct Reader<'a> {
    path: &'a Path,
    base: &'a Path,
    target: Target,
    environment: MarkerEnvironment,
    chosen: Chosen,
    tags: Vec<(String, String, String)>,
}

impl Reader<'_> {
    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::requirements(self.path, what, "have the tool that wrote it lock again")
    }

    /// Whether the lock is for this target at all.
    fn check(&self, lock: &Lock) -> Result<()> {
        if lock.version.split('.').next() != Some("1") {
            return Err(Error::requirements(
                self.path,
                format!("lock-version is {:?}, known is 1.0", lock.version),
                "lock with a tool that writes version 1.0",
            ));
        }
        if let Some(bounds) = &lock.requires_python {
            pyproject::requires_python(self.path, bounds, self.target)?;
        }
        let mut fits = lock.environments.is_empty();
        for marker in &lock.environments {
            fits |= self.holds(Some(marker), "environments")?;
        }
        if fits {
            return Ok(());
        }
        Err(Error::requirements(
            self.path,
            format!("it was locked for other environments than {}: {}", self.target, lock.environments.join("; ")),
            "lock for this target too, or choose another --python or --arch",
        ))
    }

    fn holds(&self, marker: Option<&str>, of: &str) -> Result<bool> {
        let Some(text) = marker else { return Ok(true) };
        marker::holds(text, &self.chosen, &self.environment)
            .ok_or_else(|| self.wrong(format!("the marker of {of} cannot be read")))
    }

    fn add(&self, package: &Package, name: &str, locked: &mut Locked) -> Result<()> {
        if let Some(vcs) = &package.vcs {
            let place = self.place(name, vcs.url.as_deref(), vcs.path.as_deref())?;
            let (Some(kind), Some(commit)) = (line::name(&vcs.kind), line::word(&vcs.commit_id)) else {
                return Err(self.wrong(format!("{name} has a repository or commit that is none")));
            };
            let folder = self.fragment(name, vcs.subdirectory.as_deref())?;
            locked.unhashed.push(format!("{name} @ {kind}+{place}@{commit}{folder}"));
        } else if let Some(directory) = &package.directory {
            let path = directory.subdirectory.as_deref().map_or_else(
                || directory.path.clone(),
                |below| Path::new(&directory.path).join(below).to_string_lossy().into_owned(),
            );
            locked.unhashed.push(format!("{name} @ {}", line::file_url(self.base, &path)));
        } else if let Some(archive) = &package.archive {
            let place = self.place(name, archive.url.as_deref(), archive.path.as_deref())?;
            let folder = self.fragment(name, archive.subdirectory.as_deref())?;
            locked.hashed.push(format!("{name} @ {place}{folder}{}", self.hash(name, &archive.hashes)?));
        } else {
            locked.hashed.push(self.file(package, name)?);
        }
        Ok(())
    }

    /// The wheel that fits best, else the sources, which the rest of the build may refuse.
    fn file(&self, package: &Package, name: &str) -> Result<String> {
        let version = package.version.as_deref().and_then(line::version);
        let version = version.ok_or_else(|| self.wrong(format!("{name} has no version")))?;
        let mut wheels: Vec<(WheelFilename, &File)> = Vec::new();
        for file in &package.wheels {
            let wheel = file.filename().and_then(|name| name.parse().ok());
            let wheel = wheel.ok_or_else(|| self.wrong(format!("{name} has a wheel whose file name is none")))?;
            wheels.push((wheel, file));
        }
        let chosen = wheel_tags::best(wheels.iter().map(|(wheel, file)| (wheel, *file)), &self.tags);
        let Some(file) = chosen.or(package.sdist.as_ref()) else {
            return Err(Error::NoWheel {
                requirement: format!("{name}=={version}"),
                target: self.target,
                wheels: wheels.iter().map(|(wheel, _)| wheel.to_string()).collect(),
                not_built: format!("{} has no sources of it", self.path.display()),
            });
        };
        let hash = self.hash(name, &file.hashes)?;
        // A file of this machine is named by its place. One of an index is not: which index serves it is the user's to say.
        match (&file.url, &file.path) {
            (None, Some(path)) => Ok(format!("{name} @ {}{hash}", line::file_url(self.base, path))),
            _ => Ok(format!("{name}=={version}{hash}")),
        }
    }

    fn hash(&self, name: &str, hashes: &BTreeMap<String, String>) -> Result<String> {
        let is_hex = |hash: &&String| !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let known = ALGORITHMS.iter().find_map(|algorithm| Some((algorithm, hashes.get(*algorithm).filter(is_hex)?)));
        known.map(|(algorithm, hash)| format!(" --hash={algorithm}:{}", hash.to_ascii_lowercase())).ok_or_else(|| {
            self.wrong(format!("{name} has a file without a hash that pip takes ({})", ALGORITHMS.join(", ")))
        })
    }

    fn place(&self, name: &str, url: Option<&str>, path: Option<&str>) -> Result<String> {
        match (url, path) {
            (Some(url), _) if line::word(url).is_some_and(|url| url.contains("://")) => Ok(url.to_owned()),
            (None, Some(path)) => Ok(line::file_url(self.base, path)),
            _ => Err(self.wrong(format!("{name} has a URL that is none"))),
        }
    }

    fn fragment(&self, name: &str, subdirectory: Option<&str>) -> Result<String> {
        match subdirectory.map(line::word) {
            None => Ok(String::new()),
            Some(Some(folder)) => Ok(format!("#subdirectory={folder}")),
            Some(None) => Err(self.wrong(format!("{name} has a subdirectory that is none"))),
        }
    }
}

#[cfg(test)]
mod tests;
