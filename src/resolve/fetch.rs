//! Wheels that the cache lacks: fetched or built by pip, checked, and kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Answer, unavailable};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::progress::Progress;
use crate::python::pip::{Pip, Source, Wanted};
use crate::python::report::Item;
use crate::python::{Wheel, WheelFilename, file_url, metadata, normalise};

/// A page of links to every cached wheel: what `--offline` resolves from.
pub(super) struct LinksPage {
    folder: tempfile::TempDir,
}

impl LinksPage {
    pub(super) fn write(cache: &Cache) -> Result<Self> {
        let folder = cache.temporary_folder()?;
        let mut page = String::from("<!DOCTYPE html>\n");
        for (sha256, path) in cache.wheel_paths() {
            let path = std::path::absolute(&path).map_err(Error::io("find", &path))?;
            let url = file_url(&path);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let _ = writeln!(page, "<a href=\"{url}#sha256={sha256}\">{name}</a>");
        }
        let file = folder.path().join("links.html");
        std::fs::write(&file, page).map_err(Error::io("write", file))?;
        Ok(Self { folder })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("links.html")
    }
}

/// Wheels in the order of the items, each with its digest.
pub(super) struct Fetched {
    pub wheels: Vec<(String, Wheel)>,
    pub warnings: Vec<String>,
}

/// The digest of the wheel that an item stands for, where it is known before fetching.
pub(super) fn cached_digest(item: &Item, target: Target, cache: &Cache) -> Option<String> {
    if item.is_wheel() { item.sha256().map(str::to_owned) } else { cache.built_wheel(&built_key(item, target)?) }
}

/// What a built wheel depends on: its source, by digest, and the target. None where the source can change unseen.
fn built_key(item: &Item, target: Target) -> Option<String> {
    let subdirectory = item.download_info.subdirectory.as_deref().unwrap_or_default();
    subdirectory.is_empty().then(|| Some(format!("{}-{target}", item.sha256()?)))?
}

pub(super) fn fetch(answer: &Answer, pip: &Pip<'_>, cache: &Cache, progress: &Progress) -> Result<Fetched> {
    let items = &answer.items;
    let mut wheels: Vec<Option<(String, Wheel)>> = items
        .par_iter()
        .map(|item| match cached_digest(item, pip.target, cache) {
            Some(sha256) => Ok(cache.wheel(&sha256)?.map(|wheel| (sha256, wheel))),
            None => Ok(None),
        })
        .collect::<Result<_>>()?;
    let mut warnings = Vec::new();
    let missing: Vec<usize> = (0..items.len()).filter(|index| wheels[*index].is_none()).collect();
    let (ready, sources): (Vec<usize>, Vec<usize>) = missing.iter().partition(|index| items[**index].is_wheel());
    let (hashed, unhashed): (Vec<usize>, Vec<usize>) =
        ready.iter().partition(|index| items[**index].sha256().is_some());
    for (group, hashes) in [(hashed, true), (unhashed, false)] {
        if group.is_empty() {
            continue;
        }
        progress.say(&format!("fetching {} wheel{}", group.len(), if group.len() == 1 { "" } else { "s" }));
        let folder = cache.temporary_folder()?;
        let lines: Vec<String> =
            answer.options.iter().cloned().chain(group.iter().map(|index| items[*index].line())).collect();
        let wanted = Wanted { lines: &lines, option_files: &answer.option_files, hashes };
        pip.download(&wanted, folder.path()).map_err(|error| not_obtained(answer, pip, error.into()))?;
        let mut files = files_by_name(folder.path())?;
        for index in group {
            let item = &items[index];
            let name = normalise(&item.metadata.name);
            let file = files.remove(&name).ok_or(Error::NotFetched(name))?;
            wheels[index] = Some(admit(&file, item.sha256(), cache)?);
        }
    }
    for index in sources {
        let item = &items[index];
        progress.say(&format!("building a wheel of {} {}", item.metadata.name, item.metadata.version));
        let folder = cache.temporary_folder()?;
        let lines: Vec<String> = answer.options.iter().cloned().chain([item.line()]).collect();
        let wanted = Wanted { lines: &lines, option_files: &answer.option_files, hashes: item.sha256().is_some() };
        pip.build(&wanted, folder.path()).map_err(|error| not_obtained(answer, pip, error.into()))?;
        let (_, file) =
            files_by_name(folder.path())?.pop_first().ok_or_else(|| Error::NotFetched(item.metadata.name.clone()))?;
        check_built(&file, pip)?;
        let (sha256, wheel) = admit(&file, None, cache)?;
        if let Some(key) = built_key(item, pip.target) {
            cache.remember_built_wheel(&key, &sha256)?;
        }
        wheels[index] = Some((sha256, wheel));
    }
    let wheels = wheels
        .into_iter()
        .zip(items)
        .map(|(wheel, item)| wheel.ok_or_else(|| Error::NotFetched(item.metadata.name.clone())))
        .collect::<Result<Vec<(String, Wheel)>>>()?;
    for (_, wheel) in &wheels {
        let unlisted = wheel.unlisted().map_err(|source| Error::wheel(&wheel.filename, source))?;
        if let Some(first) = unlisted.first() {
            let count = unlisted.len();
            warnings.push(format!("{}: its RECORD and its files differ in {count} (first: {first})", wheel.filename));
        }
    }
    for (_, wheel) in wheels.iter().filter(|(_, wheel)| wheel.filename.platform.starts_with("linux_")) {
        warnings.push(format!(
            "{} was compiled on a machine like this one, whose glibc may be newer than the runtime's 2.{}: try it before you rely on it",
            wheel.filename,
            pip.target.python.glibc_minor()
        ));
    }
    Ok(Fetched { wheels, warnings })
}

/// The item with what the wheel says of itself. An index may say less, and a lock does not keep it.
pub(super) fn described(item: &Item, wheel: &Wheel) -> Result<Item> {
    let text = wheel.metadata("METADATA").map_err(|source| Error::wheel(&wheel.filename, source))?;
    let fields = metadata::headers(&text);
    let mut item = item.clone();
    item.metadata.requires_dist = metadata::values(&fields, "requires-dist").map(str::to_owned).collect();
    // What has a digest has the version that was resolved; a folder has the one that it has now.
    if item.sha256().is_none()
        && let Some(version) = metadata::values(&fields, "version").next()
    {
        version.clone_into(&mut item.metadata.version);
    }
    Ok(item)
}

/// Why pip did not fetch what a lock names; other failures stay as they are.
fn not_obtained(answer: &Answer, pip: &Pip<'_>, error: Error) -> Error {
    if !answer.is_locked() {
        return error;
    }
    let offline = matches!(pip.source, Source::Links(_));
    let gone = unavailable::requirement(&error);
    let changed = matches!(&error, Error::Command(error) if error.messages().contains("DO NOT MATCH THE HASHES"));
    if let (Some(requirement), Some(reason)) = (&gone, unavailable::unreachable(&error)) {
        return Error::IndexUnreachable { requirement: requirement.clone(), reason };
    }
    match gone {
        Some(requirement) if offline => Error::Lock {
            message: format!("pack.lock has {requirement}, whose wheel is not in the cache"),
            hint: "build once without --offline".into(),
        },
        Some(requirement) => Error::Lock {
            message: format!("pack.lock has {requirement}, which pip does not find any more"),
            hint: format!(
                "check the index that pip is configured to use (pip config list); if it was withdrawn, take another version: \
                 pack lock --upgrade {}",
                unavailable::name(&requirement)
            ),
        },
        None if changed => Error::Lock {
            message: format!("a file is not the one that pack.lock has:\n{error}"),
            hint: "if you trust the new file, take it with `pack lock --upgrade NAME`; otherwise do not use it".into(),
        },
        None => error,
    }
}

fn admit(file: &Path, expected: Option<&str>, cache: &Cache) -> Result<(String, Wheel)> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sha256 = cache.admit_wheel(file, expected)?;
    let wheel = cache.wheel(&sha256)?.ok_or(Error::NotFetched(name))?;
    Ok((sha256, wheel))
}

/// The wheels of a folder by normalised distribution.
fn files_by_name(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    Ok(entries
        .flatten()
        .filter_map(|entry| {
            let filename: WheelFilename = entry.file_name().to_str()?.parse().ok()?;
            Some((normalise(&filename.distribution), entry.path()))
        })
        .collect())
}

/// A wheel built here serves the target if it is pure, or if this machine is of the target's kind.
fn check_built(file: &Path, pip: &Pip<'_>) -> Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let filename: WheelFilename = name.parse().map_err(Error::PipReport)?;
    let pure = filename.platform == "any" && filename.abi == "none";
    if pure || (pip.interpreter.builds_for(pip.target) && filename.fits_platform(&pip.target.platform_tags())) {
        return Ok(());
    }
    Err(Error::BuiltForElsewhere { wheel: name, target: pip.target })
}
