//! Where the loader finds a library by name: RPATH, `LD_LIBRARY_PATH`, RUNPATH, then its own folders.
//!
//! Source: ld.so(8). `LD_LIBRARY_PATH` begins with the system's folders in Lambda, so a system library is found before one
//! of the same name that only a RUNPATH leads to. Two things are left out, which only let it find more: the RPATH of
//! those that loaded the library, and what was already loaded under that name. Both are covered by
//! [`Found::Elsewhere`]: a library of that name is in the artifact, but not where this one looks by itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::facts::{Binary, Library, Survey};
use super::{folder, is_ours, name};
use crate::check::files::TASK;
use crate::elf::dynamic::Machine;
use crate::lambda::system::{LIBRARY_PATH, Presence, SYSTEM_FOLDERS, System};
use crate::lambda::{Architecture, Target};

/// Folders of one RPATH or RUNPATH that are looked at; real ones have fewer than twenty.
const MOST_FOLDERS: usize = 256;

/// Bytes of a path that Linux takes (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;

/// Files of one name that count as candidates for it: more than a few only exist where somebody made them.
const MOST_CANDIDATES: usize = 16;

/// Where a needed library is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// This file.
    Here(usize),
    /// In the runtime.
    System,
    /// In AWS's image; perhaps in the managed runtime.
    Open,
    /// One of these files, if something else loads it first or leads there.
    Elsewhere(Arc<[usize]>),
    /// Not at all.
    Nowhere,
}

/// The machine of an architecture.
pub(super) fn machine_of(architecture: Architecture) -> Machine {
    let number = match architecture {
        Architecture::X86_64 => 62,
        Architecture::Arm64 => 183,
    };
    Machine { number, wide: true, big_endian: false }
}

/// The libraries of the artifact that the target's loader would take, and ways to find them.
pub(super) struct Search<'a> {
    /// In the order of their paths.
    pub(super) libraries: Vec<(&'a str, &'a Library)>,
    by_path: HashMap<&'a str, usize>,
    /// The first few files that go by a name.
    by_name: HashMap<&'a str, Arc<[usize]>>,
    /// An image's files are all here, its C library among them, so that nothing else is in its system.
    pub(super) is_image: bool,
    target: Target,
}

impl<'a> Search<'a> {
    pub(super) fn of(survey: &'a Survey, target: Target) -> Self {
        let machine = machine_of(target.architecture);
        let mut libraries = Vec::new();
        for (path, binary) in &survey.binaries {
            match binary {
                Binary::Elf(library) if library.machine == machine => libraries.push((path.as_str(), &**library)),
                _ => {}
            }
        }
        let mut by_path = HashMap::new();
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, (path, library)) in libraries.iter().enumerate() {
            by_path.insert(*path, index);
            by_name.entry(name(path)).or_default().push(index);
            if let Some(soname) = library.soname.as_deref().filter(|soname| *soname != name(path)) {
                by_name.entry(soname).or_default().push(index);
            }
        }
        let few = |(name, places): (&'a str, Vec<usize>)| (name, places.into_iter().take(MOST_CANDIDATES).collect());
        let by_name: HashMap<&str, Arc<[usize]>> = by_name.into_iter().map(few).collect();
        let is_image = survey.is_image
            || by_name.get("libc.so.6").is_some_and(|places| places.iter().any(|&place| !is_ours(libraries[place].0)));
        Self { libraries, by_path, by_name, is_image, target }
    }

    pub(super) fn index(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Where each library that one needs is, in the order of its `DT_NEEDED`.
    pub(super) fn find_all(&self, of: usize) -> Vec<Found> {
        let folders = self.folders(of);
        self.libraries[of].1.needed.iter().map(|needed| self.find(of, &folders, needed)).collect()
    }

    /// The folders in which the loader looks for what a library needs, each once.
    fn folders(&self, of: usize) -> Vec<String> {
        let (path, library) = self.libraries[of];
        let rpath = if library.runpath.is_some() { None } else { library.rpath.as_deref() };
        let origins = |list: Option<&str>| -> Vec<String> {
            let entries = list.into_iter().flat_map(|list| list.split(':').take(MOST_FOLDERS));
            entries.filter_map(|entry| expand(entry, folder(path))).collect()
        };
        let fixed = LIBRARY_PATH.map(str::to_owned);
        let all = origins(rpath)
            .into_iter()
            .chain(fixed)
            .chain(origins(library.runpath.as_deref()))
            .chain(defaults(self.target));
        let mut seen = BTreeSet::new();
        all.filter(|folder| seen.insert(folder.clone())).collect()
    }

    fn find(&self, of: usize, folders: &[String], needed: &str) -> Found {
        let system = System::of(self.target.python);
        let in_system = if self.is_image { Presence::Absent } else { system.has(needed, self.target.python) };
        if needed.contains('/') {
            // Taken as it is, from the working folder: no list of folders is asked.
            let Some(path) = expand(needed, folder(self.libraries[of].0)) else { return Found::Nowhere };
            return match self.by_path.get(path.as_str()) {
                Some(&index) => Found::Here(index),
                None if SYSTEM_FOLDERS.contains(&folder(&path)) && in_system == Presence::Present => Found::System,
                None => Found::Nowhere,
            };
        }
        // A file of that name is in the artifact, or no folder has to be tried.
        let is_here = self.by_name.contains_key(needed);
        let found = folders.iter().find_map(|folder| {
            if is_here && let Some(&index) = self.by_path.get(format!("{folder}/{needed}").as_str()) {
                return Some(Found::Here(index));
            }
            (SYSTEM_FOLDERS.contains(&folder.as_str()) && in_system == Presence::Present).then_some(Found::System)
        });
        found.unwrap_or_else(|| match self.by_name.get(needed) {
            Some(others) => Found::Elsewhere(others.clone()),
            None if in_system == Presence::Open => Found::Open,
            None => Found::Nowhere,
        })
    }
}

/// Where a loader looks in the end; a distribution's own list (`/etc/ld.so.conf`) may have more, in an image.
fn defaults(target: Target) -> impl Iterator<Item = String> {
    let multiarch = format!("{}-linux-gnu", target.architecture.machine());
    ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"]
        .map(str::to_owned)
        .into_iter()
        .chain(["/lib/", "/usr/lib/"].map(|folder| format!("{folder}{multiarch}")))
}

/// An entry of RPATH or RUNPATH, as a folder. An empty one is the working folder, which is the task's. None for what is
/// longer than any path.
fn expand(entry: &str, origin: &str) -> Option<String> {
    let origins = entry.matches('$').count();
    if entry.len() + origins * origin.len() > LONGEST_PATH {
        return None;
    }
    let entry = entry.replace("${ORIGIN}", "$ORIGIN").replace("${LIB}", "$LIB");
    let entry = entry.replace("$ORIGIN", origin).replace("$LIB", "lib64");
    Some(if entry.starts_with('/') { normal(&entry) } else { normal(&format!("{TASK}/{entry}")) })
}

/// Without `.`, `..` and doubled slashes. There are no symbolic links in a ZIP, so that the text decides.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_expanded_and_made_normal() {
        let origin = "/var/task/numpy/linalg";
        for (entry, folder) in [
            ("$ORIGIN", "/var/task/numpy/linalg"),
            ("${ORIGIN}/../../numpy.libs/.", "/var/task/numpy.libs"),
            ("/opt//lib/", "/opt/lib"),
            ("/usr/$LIB", "/usr/lib64"),
            ("", "/var/task"),
            ("lib", "/var/task/lib"),
            ("$ORIGIN/../../../../../../..", "/"),
        ] {
            assert_eq!(expand(entry, origin).as_deref(), Some(folder));
        }
        assert_eq!(expand(&"$ORIGIN".repeat(300_000), origin), None, "longer than any path");
    }
}
