//! The files that a set is made from, by their content: those a person keeps, and what requirement files among them
//! include with `-r` and `-c`.
//!
//! A file behind a URL is not among them: nobody can know offline whether it changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pep508_rs::VersionOrUrl;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::project::Requirements;
use crate::python::{normalise, requirement};

/// The most files that one set may include. Only a mistake includes more.
const FILES: usize = 1000;

/// A file and what it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// From the project's folder.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// Digests of `files` and of what those of them that are also `requirements` include. One that is not there is left
/// out: pip says more about it.
pub(super) fn read(root: &Path, files: &[PathBuf], requirements: &[PathBuf]) -> Result<Vec<Input>> {
    let root = absolute(root)?;
    let followed: BTreeSet<PathBuf> = requirements.iter().map(|file| absolute(file)).collect::<Result<_>>()?;
    let read = walk(files, |file| followed.contains(file))?;
    let digest = |bytes: &[u8]| data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
    let mut inputs: Vec<Input> = read
        .iter()
        .map(|(file, Read { bytes, .. })| Input { path: relative(&root, file), sha256: digest(bytes) })
        .collect();
    inputs.sort();
    Ok(inputs)
}

/// The lines that require something, of requirement files and what they include; lines of constraints are left out.
pub(super) fn requirement_lines(requirements: &[PathBuf]) -> Result<Vec<String>> {
    let read = walk(requirements, |_| true)?;
    let wanted = read.values().filter(|read| !read.constraint);
    Ok(wanted.flat_map(|Read { bytes, .. }| lines(&String::from_utf8_lossy(bytes))).collect())
}

/// Requirements with a distribution beside what they name; as they are where they name it. What a lock file has keeps its version.
pub fn with_added(requirements: Requirements, distribution: &str) -> Result<Requirements> {
    let lines = requirement_lines(&requirements.files())?;
    if lines.iter().filter_map(|line| named(line)).any(|(name, _)| name == distribution) {
        return Ok(requirements);
    }
    let locked = requirements.questions.iter().filter(|question| question.locked);
    let locked: Vec<PathBuf> = locked.flat_map(|question| question.files.clone()).collect();
    let lines = requirement_lines(&locked)?;
    let pins = lines.iter().filter_map(|line| {
        let (name, versions) = named(line)?;
        let version = versions.strip_prefix("==").filter(|version| !version.contains([',', '*', '=']))?;
        Some(format!("{name}=={version}"))
    });
    let pins = pins.collect();
    requirements.with(distribution, pins)
}

/// The name that a line requires, and which versions.
fn named(line: &str) -> Option<(String, String)> {
    // A line may go on with options: `six==1.17.0 --hash=…`.
    let requirement = requirement::parse(line.split(" --").next().unwrap_or_default().trim())?;
    let versions = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(versions)) => versions.to_string(),
        _ => String::new(),
    };
    Some((normalise(requirement.name.as_ref()), versions))
}

/// A file that was read.
struct Read {
    bytes: Vec<u8>,
    /// Whether it only came in by `-c`.
    constraint: bool,
}

fn walk(files: &[PathBuf], follow: impl Fn(&Path) -> bool) -> Result<BTreeMap<PathBuf, Read>> {
    let mut pending = Vec::new();
    for file in files {
        let file = absolute(file)?;
        let follow = follow(&file);
        pending.push((file, follow, false));
    }
    let mut read: BTreeMap<PathBuf, Read> = BTreeMap::new();
    while let Some((file, follow, constraint)) = pending.pop() {
        if let Some(known) = read.get_mut(&file) {
            known.constraint &= constraint;
            continue;
        }
        if !file.is_file() || read.len() == FILES {
            continue;
        }
        let bytes = std::fs::read(&file).map_err(Error::io("read", &file))?;
        if follow {
            let folder = file.parent().unwrap_or(Path::new("/"));
            for (name, nested) in lines(&String::from_utf8_lossy(&bytes)).iter().filter_map(|line| included(line)) {
                pending.push((absolute(&folder.join(name))?, true, nested));
            }
        }
        read.insert(file, Read { bytes, constraint });
    }
    Ok(read)
}

/// The lines of a requirements file as pip puts them together: continued lines joined, comments taken away.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    for line in text.lines() {
        // A comment ends a line that was to go on.
        let comment = line.trim_start().starts_with('#');
        if !comment && let Some(part) = line.strip_suffix('\\') {
            joined.push_str(part);
            continue;
        }
        joined.push_str(if comment { "" } else { line });
        lines.push(std::mem::take(&mut joined));
    }
    lines.push(joined);
    lines.into_iter().map(|line| without_comment(&line).trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').find(|(at, _)| {
        let before = line[..*at].chars().next_back();
        before.is_none_or(char::is_whitespace)
    });
    comment.map_or(line, |(at, _)| &line[..at])
}

/// The file that a line names with `-r` or `-c`, and whether it holds constraints.
fn included(line: &str) -> Option<(PathBuf, bool)> {
    let long = |option: &str| {
        let rest = line.strip_prefix(option)?;
        rest.strip_prefix('=').or_else(|| rest.starts_with(char::is_whitespace).then_some(rest))
    };
    let requirement = long("--requirement").or_else(|| line.strip_prefix("-r"));
    let constraint = long("--constraint").or_else(|| line.strip_prefix("-c"));
    let value = expand(&first_word(requirement.or(constraint)?.trim_start()));
    let value = value.strip_prefix("file://").unwrap_or(&value);
    (!value.is_empty() && !value.contains("://")).then(|| (PathBuf::from(value), requirement.is_none()))
}

/// Up to the first space that is not in quotes, without the quotes.
fn first_word(text: &str) -> String {
    let mut word = String::new();
    let mut quote = None;
    for character in text.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if character.is_whitespace() => break,
            _ => word.push(character),
        }
    }
    word
}

/// `${NAME}` as pip replaces it: capitals, digits and underscores, and only where the variable is set.
fn expand(text: &str) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let name = |name: &str| name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
        match after.split_once('}').filter(|(variable, _)| name(variable)) {
            Some((variable, end)) if let Some(value) = set_variable(variable) => {
                expanded.push_str(&value);
                rest = end;
            }
            _ => {
                expanded.push_str("${");
                rest = after;
            }
        }
    }
    expanded + rest
}

fn set_variable(name: &str) -> Option<String> {
    if name.is_empty() { None } else { std::env::var(name).ok().filter(|value| !value.is_empty()) }
}

/// Absolute, with `.` and `..` taken away by their words: a path in a lock must not depend on links.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).map_err(Error::io("find", path))?;
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    Ok(clean)
}

/// The way from one absolute path to another, with slashes.
pub(super) fn relative(root: &Path, path: &Path) -> String {
    let (mut root, mut path) = (root.components().peekable(), path.components().peekable());
    while root.peek().is_some() && root.peek() == path.peek() {
        root.next();
        path.next();
    }
    let up = root.map(|_| "..".to_owned());
    let down = path.map(|component| component.as_os_str().to_string_lossy().into_owned());
    let way: Vec<String> = up.chain(down).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_as_pip_finds_them() {
        let text = "six # -r no.txt\n-r a.txt\n-rb.txt\n--requirement=c.txt\n--constraint \"d e.txt\" # why\n-c \\\n  f.txt\n\
                    #-r no.txt\n-r https://host/no.txt\n--require-hashes\nrequests#-r\n-r ${NOT_SET_ANYWHERE}/g.txt\n";
        let found: Vec<String> =
            lines(text).iter().filter_map(|line| included(line)).map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(found, ["a.txt", "b.txt", "c.txt", "d e.txt", "f.txt", "${NOT_SET_ANYWHERE}/g.txt"]);
    }

    #[test]
    fn what_is_included_counts_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir_all(root.join("requirements")).unwrap();
        let write = |path: &str, text: &str| std::fs::write(root.join(path), text).unwrap();
        write("requirements/app.txt", "-r ../common.txt\n-r app.txt\n-c ../../pins.txt\n-r missing.txt\n");
        write("common.txt", "six\n");
        write("pyproject.toml", "-r no.txt\n");
        write("no.txt", "");
        std::fs::write(folder.path().join("pins.txt"), "").unwrap();
        let requirements = [root.join("requirements/app.txt")];
        let files = [root.join("pyproject.toml"), root.join("requirements/../requirements/app.txt")];
        let paths = |inputs: Vec<Input>| inputs.into_iter().map(|input| input.path).collect::<Vec<_>>();
        let inputs = read(&root, &files, &requirements).unwrap();
        assert_eq!(paths(inputs), ["../pins.txt", "common.txt", "pyproject.toml", "requirements/app.txt"]);
        assert_eq!(paths(read(&root, &files, &[]).unwrap()), ["pyproject.toml", "requirements/app.txt"]);
    }

    #[test]
    fn a_path_starts_from_the_project() {
        for (path, way) in [("/a/b/c", "c"), ("/a/b", "."), ("/a/c/d", "../c/d"), ("/x", "../../x")] {
            assert_eq!(relative(Path::new("/a/b"), Path::new(path)), way);
        }
    }
}
