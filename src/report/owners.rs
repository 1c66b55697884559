//! Whose each file of an artifact is, whoever made it.
//!
//! A distribution's files are those that its RECORD lists. Where RECORD is gone, what has the names of its METADATA and of
//! `top_level.txt` counts as its own. Of the rest nobody knows more than where it lies. What must stay true: a file has one
//! owner; nothing that an artifact says makes another file than its own anybody's; the same files give the same owners.
//! Sources: <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>, PEP 376.

use std::collections::{BTreeSet, HashMap, HashSet};

use rayon::prelude::*;

use super::model::{KnownBy, PartKind};
use crate::check::sources::{Contents, Kind};
use crate::check::{File, Files};
use crate::error::Result;
use crate::python::{metadata, normalise};

/// Name and version are in the first lines.
const METADATA_BYTES: usize = 64 << 10;

/// A larger RECORD is passed over; the largest known one has 3 MB.
const RECORD_BYTES: u64 = 16 << 20;

/// Names of `top_level.txt` that are read.
const MOST_NAMES: usize = 256;

/// Versions of one name that are shown: a distribution should be there once.
const MOST_VERSIONS: usize = 3;

/// Bytes of a name or version that is shown.
const FIELD_BYTES: usize = 256;

/// What installers call what they leave of a distribution, and the file in it that names it.
const INFO: [(&str, &str); 2] = [(".dist-info", "METADATA"), (".egg-info", "PKG-INFO")];

/// Whose files there are.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Each owner.
    pub all: Vec<Owner>,
    /// The owner of each path, by its index.
    pub of: HashMap<String, usize>,
    /// The place of each owner by its name.
    known: HashMap<(String, PartKind), usize>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub name: String,
    pub versions: BTreeSet<String>,
    pub kind: PartKind,
    pub known_by: KnownBy,
}

/// A distribution as a folder of an installer tells of it.
struct Installed {
    name: String,
    version: String,
    /// The folder that its modules are in; empty at the top.
    site: String,
    /// `numpy-2.1.dist-info`, below that.
    info: String,
    /// Whether there is a RECORD.
    has_record: bool,
    /// Names of its modules and packages, where RECORD does not say it.
    top: Vec<String>,
}

/// What is asked of an artifact.
pub(super) struct Asked<'a> {
    pub contents: &'a Contents,
    /// What files of nobody are called: `function` or `layer`.
    pub own: &'static str,
    /// Whether pack made it: then what no RECORD lists is its own.
    pub is_ours: bool,
    /// Whether a file is of an image's base.
    pub of_base: &'a (dyn Fn(&File<'static>) -> bool + Sync),
}

/// Finds the owners of all files and links.
pub(super) fn owners(asked: &Asked<'_>) -> Result<Owners> {
    let contents = asked.contents;
    let mut owners = Owners::default();
    let base: Vec<&String> =
        contents.files.iter().filter(|(_, file)| (asked.of_base)(file)).map(|(path, _)| path).collect();
    if !base.is_empty() {
        let base_index = owners.owner("base", None, PartKind::Base, KnownBy::Place);
        owners.of.extend(base.into_iter().map(|path| (path.clone(), base_index)));
        // Nobody knows which layer has a link; a function has none outside of its folder.
        let is_ours = |path: &&String| ["var/task/", "opt/"].iter().any(|folder| path.starts_with(folder));
        let links = contents.links.keys().filter(|path| !is_ours(path));
        owners.of.extend(links.map(|path| (path.clone(), base_index)));
    }
    let installed: Vec<Installed> = infos(contents)
        .into_par_iter()
        .filter(|(_, path)| contents.files.get(path).is_some_and(|file| !(asked.of_base)(file)))
        .map(|(place, path)| read(contents, place, &path))
        .collect::<Result<_>>()?;
    let paths: Vec<&String> = contents.files.keys().chain(contents.links.keys()).collect();
    owners.claim(&installed, contents)?;
    owners.claim_by_name(&installed, &paths);
    owners.claim_bytecode(&paths);
    let sites = sites(contents);
    for path in paths {
        if !owners.of.contains_key(path) {
            let index = owners.rest(path, &sites, asked);
            owners.of.insert(path.clone(), index);
        }
    }
    Ok(owners)
}

impl Owners {
    /// The index of an owner, which is made where it is new.
    fn owner(&mut self, name: &str, version: Option<&str>, kind: PartKind, known_by: KnownBy) -> usize {
        let index = *self.known.entry((name.to_owned(), kind)).or_insert(self.all.len());
        if index == self.all.len() {
            self.all.push(Owner { name: name.to_owned(), versions: BTreeSet::new(), kind, known_by });
        }
        self.all[index].versions.extend(version.map(str::to_owned));
        index
    }

    fn distribution(&mut self, distribution: &Installed) -> usize {
        let known_by = if distribution.has_record { KnownBy::Record } else { KnownBy::Metadata };
        self.owner(&distribution.name, Some(&distribution.version), PartKind::Distribution, known_by)
    }

    /// What RECORDs list, and the folders that they lie in.
    fn claim(&mut self, installed: &[Installed], contents: &Contents) -> Result<()> {
        for distribution in installed {
            let index = self.distribution(distribution);
            let info = join(&distribution.site, &format!("{}/", distribution.info));
            let below = contents.files.range(info.clone()..).map(|(path, _)| path);
            for path in below.take_while(|path| path.starts_with(&info)) {
                self.of.entry(path.clone()).or_insert(index);
            }
        }
        // One after the other: a small archive may have gigabytes of them.
        for distribution in installed.iter().filter(|distribution| distribution.has_record) {
            let index = self.distribution(distribution);
            let Some(text) = text(contents, distribution, "RECORD", RECORD_BYTES)? else { continue };
            let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            for path in rows.records().flatten().filter_map(|row| normal(&distribution.site, row.get(0)?)) {
                if contents.files.contains_key(&path) || contents.links.contains_key(&path) {
                    self.of.entry(path).or_insert(index);
                }
            }
        }
        Ok(())
    }

    /// What is called as the modules of a distribution without a RECORD are.
    fn claim_by_name(&mut self, installed: &[Installed], paths: &[&String]) {
        let mut tops: HashMap<String, usize> = HashMap::new();
        let mut sites: HashSet<&str> = HashSet::new();
        for distribution in installed.iter().filter(|distribution| !distribution.has_record) {
            let index = self.distribution(distribution);
            sites.insert(&distribution.site);
            for top in &distribution.top {
                tops.entry(join(&distribution.site, top)).or_insert(index);
            }
            // What auditwheel grafts lies beside the package.
            for libraries in [distribution.name.replace('-', "_"), distribution.name.clone()] {
                tops.entry(join(&distribution.site, &format!("{libraries}.libs"))).or_insert(index);
            }
        }
        for path in paths {
            // Each folder that the path is in may be one of modules.
            let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
            for site in folders.chain([""]).filter(|folder| sites.contains(folder)) {
                let Some(inside) = inside(path, site) else { continue };
                let first = inside.split('/').next().unwrap_or_default();
                let module = if inside.contains('/') { first } else { first.split('.').next().unwrap_or_default() };
                let index = tops.get(&join(site, first)).or_else(|| tops.get(&join(site, module)));
                if let Some(index) = index {
                    self.of.entry((*path).clone()).or_insert(*index);
                }
            }
        }
    }

    /// Bytecode that no RECORD lists is whose source is.
    fn claim_bytecode(&mut self, paths: &[&String]) {
        for path in paths {
            let index = source_of(path).and_then(|source| self.of.get(&source)).copied();
            if let Some(index) = index {
                self.of.entry((*path).clone()).or_insert(index);
            }
        }
    }

    /// The owner of what no distribution has.
    fn rest(&mut self, path: &str, sites: &[&str], asked: &Asked<'_>) -> usize {
        let site = sites.iter().copied().find(|site| inside(path, site).is_some());
        let inside = site.map_or(path, |site| inside(path, site).unwrap_or(path));
        match inside.split_once('/') {
            None if site.is_some() => self.owner(asked.own, None, PartKind::Own, KnownBy::Place),
            // Bytecode of its own modules is too.
            Some((folder, _)) if site.is_some() && (asked.is_ours || folder == "__pycache__") => {
                self.owner(asked.own, None, PartKind::Own, KnownBy::Place)
            }
            // Outside of where modules are (a system's folders) nothing is known of an image whose base is not.
            Some((folder, _)) => {
                let name = format!("{}/", join(site.unwrap_or_default(), folder));
                self.owner(&name, None, PartKind::Folder, KnownBy::Place)
            }
            None => self.owner("/", None, PartKind::Folder, KnownBy::Place),
        }
    }
}

/// The folders that modules are in, those in others first; of a ZIP or folder the top is one.
fn sites(contents: &Contents) -> Vec<&str> {
    let is_image = matches!(contents.kind, Kind::Image { .. });
    let folders = contents.image.search_path.iter().map(|folder| folder.trim_start_matches('/'));
    let known = if is_image { &["var/task", "opt/python", "opt"][..] } else { &["python", ""][..] };
    let mut sites: Vec<&str> = folders.chain(known.iter().copied()).collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.len()));
    sites
}

/// Where distributions say that they are: the folder of modules and the installer's folder in it; and the file that names them.
fn infos(contents: &Contents) -> Vec<((String, String), String)> {
    let is_image = matches!(contents.kind, Kind::Image { .. });
    let is_site = |folder: &str| {
        let last = folder.rsplit('/').next().unwrap_or_default();
        let is_packages = matches!(last, "site-packages" | "dist-packages");
        let is_searched = contents.image.search_path.iter().any(|path| path.trim_start_matches('/') == folder);
        match folder {
            "" | "python" => !is_image,
            "var/task" | "opt/python" => is_image,
            _ => is_packages || (is_image && is_searched),
        }
    };
    let place = |path: &String| {
        let (folder, file) = path.rsplit_once('/')?;
        let (site, info) = folder.rsplit_once('/').unwrap_or(("", folder));
        let is_info = INFO.iter().any(|(end, name)| info.ends_with(end) && info.len() > end.len() && *name == file);
        (is_info && is_site(site)).then(|| ((site.to_owned(), info.to_owned()), path.clone()))
    };
    contents.files.keys().filter_map(place).collect()
}

/// The files in which distributions name themselves, wherever Python may find them, by path.
pub(crate) fn installed(contents: &Contents) -> Vec<String> {
    infos(contents).into_iter().map(|(_, path)| path).collect()
}

fn read(contents: &Contents, (site, info): (String, String), path: &str) -> Result<Installed> {
    let start = match contents.files.get(path) {
        Some(file) => String::from_utf8_lossy(&Files::default().start(file, METADATA_BYTES)?).into_owned(),
        None => String::new(),
    };
    let (name, version) = named(&metadata::headers(&start), &info);
    let mut installed = Installed { name, version, site, info, has_record: false, top: Vec::new() };
    let record = contents.files.get(&installed.place("RECORD"));
    installed.has_record = record.is_some_and(|file| file.size <= RECORD_BYTES);
    if installed.has_record {
        return Ok(installed);
    }
    let names = text(contents, &installed, "top_level.txt", METADATA_BYTES as u64)?.unwrap_or_default();
    let names = names.lines().map(|line| line.trim().trim_matches('/'));
    let names = names.filter(|line| !line.is_empty() && !line.contains("..")).take(MOST_NAMES);
    installed.top = names.map(str::to_owned).collect();
    if installed.top.is_empty() {
        let (stem_name, _) = stem(&installed.info);
        let all = [installed.name.replace('-', "_"), stem_name.to_owned(), installed.name.clone()];
        installed.top.extend(all);
    }
    Ok(installed)
}

impl Installed {
    /// The path of a file of the installer's.
    fn place(&self, name: &str) -> String {
        join(&self.site, &format!("{}/{name}", self.info))
    }
}

/// What a file of the installer's says, if it is there and not too large.
fn text(contents: &Contents, installed: &Installed, name: &str, most: u64) -> Result<Option<String>> {
    let file = contents.files.get(&installed.place(name)).filter(|file| file.size <= most);
    let text = file.map(|file| Files::default().read(file));
    Ok(text.transpose()?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Name, normalised, and version, as the fields of METADATA say them, else as the installer's folder does.
pub(crate) fn named(fields: &[(String, String)], info: &str) -> (String, String) {
    let is_plain =
        |value: &&str| value.len() <= FIELD_BYTES && !value.is_empty() && !value.chars().any(char::is_control);
    let value = |name| metadata::values(fields, name).next().filter(is_plain).map(str::to_owned);
    let (stem_name, stem_version) = stem(info);
    let name = normalise(&value("name").unwrap_or_else(|| stem_name.to_owned()));
    (name, value("version").unwrap_or_else(|| stem_version.to_owned()))
}

fn stem(info: &str) -> (&str, &str) {
    let stem = INFO.iter().find_map(|(end, _)| info.strip_suffix(end)).unwrap_or(info);
    stem.split_once('-').unwrap_or((stem, ""))
}

/// A path of RECORD in the artifact: relative to the site, and nothing where it leads out.
fn normal(site: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = site.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The source that `x/__pycache__/m.cpython-313.opt-1.pyc` was made of.
fn source_of(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let module = name.strip_suffix(".pyc")?.split('.').next()?;
    let folder = match folder.strip_suffix("__pycache__") {
        Some("") => "",
        Some(folder) => folder.strip_suffix('/')?,
        None => return None,
    };
    Some(join(folder, &format!("{module}.py")))
}

/// What of a path is below a folder.
fn inside<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// What an owner's versions are shown as.
pub(super) fn version(versions: &BTreeSet<String>) -> Option<String> {
    (!versions.is_empty()).then(|| versions.iter().take(MOST_VERSIONS).cloned().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytecode_is_of_its_source() {
        for (path, source) in [
            ("a/__pycache__/m.cpython-313.pyc", Some("a/m.py")),
            ("__pycache__/m.cpython-313.opt-1.pyc", Some("m.py")),
            ("a/m.pyc", None),
            ("a__pycache__/m.pyc", None),
        ] {
            assert_eq!(source_of(path).as_deref(), source, "{path}");
        }
    }

    #[test]
    fn a_record_reaches_no_further_than_the_artifact() {
        assert_eq!(normal("python", "../bin/x").as_deref(), Some("bin/x"));
        assert_eq!(normal("", "a//./b").as_deref(), Some("a/b"));
        assert_eq!(normal("python", "../../etc/passwd"), None);
        assert_eq!(normal("", "/etc/passwd"), None);
    }

    proptest! {
        #[test]
        fn paths_never_panic(site in "(a|a/b|)", path in "[a./_]{0,24}") {
            let _ = (normal(&site, &path), source_of(&path), inside(&path, &site));
        }
    }
}
