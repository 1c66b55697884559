//! Who imports something of an artifact: sources that do it whenever they are loaded, and those that do it under a condition.
//!
//! What must stay true: only what lies where Python looks for modules is a module; what sources say is not kept.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use memchr::memmem;
use rayon::prelude::*;
use serde::Serialize;

use crate::check::sources::{Contents, Kind};
use crate::check::{Files, absolute};
use crate::error::Result;
use crate::python::source::{self, Import};
use crate::report::model::{Artifact, Entry, Part, PartKind};

/// Modules that are listed.
const MODULES: usize = 20;

/// Sources of the function's own that are listed.
const OWN: usize = 5;

/// What ends a module's file.
const ENDINGS: [&str; 3] = [".py", ".pyc", ".so"];

/// Who imports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imports {
    /// The modules that are meant, the first of them; packages with all that is below them.
    pub modules: Vec<String>,
    /// The function's own first, then who has the most such sources.
    pub by: Vec<Importer>,
    /// Modules that are there as bytecode alone, and were not read.
    pub unread: u64,
}

/// A part of the artifact whose sources import it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Importer {
    /// The part's name.
    pub part: String,
    /// What it is.
    pub kind: PartKind,
    /// Sources that import it whenever they are loaded.
    pub always: u64,
    /// Sources that only do so in a function, an `if`, a `try` or another block.
    pub conditional: u64,
    /// Such sources, the first that always do: of the function's own a few, of others one.
    pub examples: Vec<String>,
}

/// Where Python looks for modules in an artifact.
#[derive(Debug)]
pub(super) struct Sites {
    /// Folders without a slash at the end, the longest first; the top is empty.
    folders: Vec<String>,
    /// The same. A hostile artifact has as many of them as it has files.
    known: HashSet<String>,
}

impl Sites {
    /// Where distributions are, and where Lambda or the image looks.
    pub(super) fn of(contents: &Contents, installed: &[String]) -> Self {
        let is_image = matches!(contents.kind, Kind::Image { .. });
        let known = if is_image { &["var/task", "opt/python", "opt"][..] } else { &["python", ""][..] };
        let searched = contents.image.search_path.iter().map(|folder| folder.trim_start_matches('/'));
        let found = installed.iter().map(|path| folder(folder(path)));
        let folders: BTreeSet<&str> = searched.chain(known.iter().copied()).chain(found).collect();
        let mut folders: Vec<String> = folders.into_iter().map(str::to_owned).collect();
        folders.sort_by_key(|folder| Reverse(folder.len()));
        Self { known: folders.iter().cloned().collect(), folders }
    }

    /// A path below each of them.
    pub(super) fn places<'p>(&self, path: &'p str) -> impl Iterator<Item = String> + use<'_, 'p> {
        let place = move |folder: &String| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
        self.folders.iter().map(place)
    }

    /// What of a path is below the longest of them that it is in.
    fn inside<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut ends = path.rmatch_indices('/').map(|(end, _)| end);
        let below = ends.find(|end| self.known.contains(&path[..*end])).map(|end| &path[end + 1..]);
        below.or_else(|| self.known.contains("").then_some(path))
    }

    /// What a file is to an import.
    fn module(&self, path: &str) -> Option<Module> {
        let inside = self.inside(path)?;
        let (parent, file) = inside.rsplit_once('/').unwrap_or(("", inside));
        // `algos.cpython-313-x86_64-linux-gnu.so`
        let stem = ENDINGS.iter().find_map(|ending| file.strip_suffix(ending))?.split('.').next()?;
        let is_name = |part: &str| {
            !part.is_empty() && part != "__pycache__" && part.chars().all(|one| one.is_alphanumeric() || one == '_')
        };
        if !is_name(stem) || !(parent.is_empty() || parent.split('/').all(is_name)) {
            return None;
        }
        let is_package = stem == "__init__";
        let parts = parent.split('/').chain([stem].into_iter().filter(|_| !is_package));
        let name = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
        (!name.is_empty()).then_some(Module { name, is_package })
    }
}

/// The folder that a path is in.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A file that can be imported.
#[derive(Debug)]
struct Module {
    /// With dots.
    name: String,
    /// Whether it is a package's `__init__`.
    is_package: bool,
}

/// The files of an artifact as modules.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    artifact: &'a Artifact,
    /// Of each file.
    all: Vec<Option<Module>>,
}

/// Modules that somebody may import.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// With all that is below them.
    packages: BTreeSet<String>,
    /// By themselves.
    exact: BTreeSet<String>,
}

impl Wanted {
    /// Files, each as a module by itself.
    pub(super) fn files<'p>(sites: &Sites, paths: impl Iterator<Item = &'p str>) -> Self {
        let exact = paths.filter_map(|path| Some(sites.module(path)?.name)).collect();
        Self { exact, ..Self::default() }
    }

    /// The top-level packages of files.
    pub(super) fn tops<'p>(sites: &Sites, paths: impl Iterator<Item = &'p str>) -> Self {
        let names = paths.filter_map(|path| Some(sites.module(path)?.name));
        let packages = names.filter_map(|name| name.split('.').next().map(str::to_owned)).collect();
        Self { packages, ..Self::default() }
    }

    fn has(&self, module: &str) -> bool {
        self.exact.contains(module)
            || self.packages.contains(module)
            || module.match_indices('.').any(|(end, _)| self.packages.contains(&module[..end]))
    }

    fn is_meant(&self, module: &Module, path: &str, import: &Import) -> bool {
        let Some(imported) = absolute(&module.name, path, import) else { return false };
        // `from package import module`
        let submodule = || import.name.as_ref().is_some_and(|name| self.has(&format!("{imported}.{name}")));
        self.has(&imported) || submodule()
    }

    /// Texts of which a source that imports any of them has one; nothing where that need not be.
    fn words(&self) -> Option<Vec<memmem::Finder<'_>>> {
        let last = |name: &String| name.rfind('.').map_or(0, |dot| dot + 1);
        // A relative import of a package has no name of it.
        let words: BTreeSet<&str> = self.packages.iter().map(|name| &name[last(name)..]).collect();
        self.exact.is_empty().then(|| words.into_iter().map(memmem::Finder::new).collect())
    }
}

impl<'a> Modules<'a> {
    /// Those of an artifact.
    pub(super) fn new(artifact: &'a Artifact, sites: &Sites) -> Self {
        Self { artifact, all: artifact.entries.iter().map(|entry| sites.module(&entry.path)).collect() }
    }

    /// The packages and modules of a part: each folder that it alone has modules in, or whose package is its own. What
    /// is a namespace belongs to nobody.
    pub(super) fn of_part(&self, part: usize) -> Wanted {
        let mut is_shared: HashMap<&str, bool> = HashMap::new();
        let mut own: BTreeSet<&str> = BTreeSet::new();
        let mut packages_of_own: HashSet<&str> = HashSet::new();
        for (entry, module) in self.artifact.entries.iter().zip(&self.all) {
            let Some(Module { name, is_package }) = module else { continue };
            let is_own = entry.part == part;
            for end in name.match_indices('.').map(|(end, _)| end).chain(is_package.then_some(name.len())) {
                *is_shared.entry(&name[..end]).or_default() |= !is_own;
            }
            if is_own {
                own.insert(name);
            }
            if *is_package && is_own {
                packages_of_own.insert(name);
            }
        }
        let mut packages = BTreeSet::new();
        for name in own {
            let mut ends = name.match_indices('.').map(|(end, _)| end);
            let is_whole = |package: &str| packages_of_own.contains(package) || is_shared.get(package) == Some(&false);
            let package = ends.find(|end| is_whole(&name[..*end])).map_or(name, |end| &name[..end]);
            packages.insert(package.to_owned());
        }
        Wanted { packages, exact: BTreeSet::new() }
    }

    /// Who imports them, of all files but those that are meant; nothing where there is no module to import.
    pub(super) fn importers(
        &self,
        wanted: &Wanted,
        contents: &Contents,
        is_meant: &(dyn Fn(usize, &Entry) -> bool + Sync),
    ) -> Result<Option<Imports>> {
        if wanted.packages.is_empty() && wanted.exact.is_empty() {
            return Ok(None);
        }
        let words = wanted.words();
        let files = Files::default();
        let others: Vec<(usize, &Entry, &Module)> = self
            .artifact
            .entries
            .iter()
            .zip(&self.all)
            .enumerate()
            .filter(|(index, (entry, _))| {
                self.artifact.parts[entry.part].kind != PartKind::Base && !is_meant(*index, entry)
            })
            .filter_map(|(index, (entry, module))| Some((index, entry, module.as_ref()?)))
            .collect();
        let found: Vec<(usize, bool)> = others
            .par_iter()
            .filter(|(_, entry, _)| entry.path.ends_with(".py"))
            .map(|(index, entry, module)| {
                let Some(file) = contents.files.get(&entry.path) else { return Ok(None) };
                let text = files.read(file)?;
                if words.as_ref().is_some_and(|words| !words.iter().any(|word| word.find(&text).is_some())) {
                    return Ok(None);
                }
                let scan = source::scan(&text);
                let meant = scan.imports.iter().filter(|import| wanted.is_meant(module, &entry.path, import));
                let always: Vec<bool> = meant.map(|import| import.always).collect();
                Ok((!always.is_empty()).then(|| (*index, always.contains(&true))))
            })
            .filter_map(Result::transpose)
            .collect::<Result<_>>()?;
        let has_source = |path: &str| {
            let source = path.trim_end_matches('c');
            contents.files.contains_key(source)
        };
        let unread = others.iter().filter(|(_, entry, _)| entry.path.ends_with(".pyc") && !has_source(&entry.path));
        Ok(Some(Imports {
            modules: wanted.packages.iter().chain(&wanted.exact).take(MODULES).cloned().collect(),
            by: self.by_part(&found),
            unread: unread.count() as u64,
        }))
    }

    fn by_part(&self, found: &[(usize, bool)]) -> Vec<Importer> {
        let mut by: BTreeMap<usize, Vec<(bool, &str)>> = BTreeMap::new();
        for (index, always) in found {
            let entry = &self.artifact.entries[*index];
            by.entry(entry.part).or_default().push((!always, &entry.path));
        }
        let importer = |(part, mut sources): (usize, Vec<(bool, &str)>)| {
            let Part { name, kind, .. } = &self.artifact.parts[part];
            sources.sort_unstable();
            let conditional = sources.iter().filter(|(conditional, _)| *conditional).count();
            let shown = if *kind == PartKind::Own { OWN } else { 1 };
            Importer {
                part: name.clone(),
                kind: *kind,
                always: (sources.len() - conditional) as u64,
                conditional: conditional as u64,
                examples: sources.iter().take(shown).map(|(_, path)| (*path).to_owned()).collect(),
            }
        };
        let mut by: Vec<Importer> = by.into_iter().map(importer).collect();
        let key = |one: &Importer| (one.kind != PartKind::Own, Reverse(one.always + one.conditional), one.part.clone());
        by.sort_by_cached_key(key);
        by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_the_longest_site_that_it_is_in() {
        let sites = |folders: &[&str]| Sites {
            folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
            known: folders.iter().map(|folder| (*folder).to_owned()).collect(),
        };
        let all = sites(&["opt/python", "opt", ""]);
        assert_eq!(all.inside("opt/python/a/b.py"), Some("a/b.py"));
        assert_eq!(all.inside("opt/pythons/a.py"), Some("pythons/a.py"));
        assert_eq!(all.inside("optional.py"), Some("optional.py"));
        assert_eq!(sites(&["opt"]).inside("optional/a.py"), None);
    }
}
