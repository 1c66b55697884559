//! From what a person has (ZIPs, folders, images here and in registries) to files as they lie in Lambda.
//!
//! What must stay true: nothing outside of what was named is read, except where a folder of the user's own links to it;
//! a broken source is a finding, not a failure of the check; what could not be read is left out and said.

mod contents;
mod folder;
mod links;
mod oci;
mod symbolic;
mod zip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use contents::{Contents, Kind, contents};
use links::Links;
pub use oci::{Fact, Facts, Image, Layer, Piece, Store, Unpacked, Which, fetch_image, python_of};
use serde::Serialize;

use super::{File, Files, Finding, LAYERS, Shape, Sizes, TASK};
use crate::archive::Archive;
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::{Architecture, PythonVersion};
use crate::progress::Progress;
use crate::registry::{Client, Reference};

/// What a path turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A function, at /var/task.
    Function,
    /// A layer, at /opt.
    Layer,
    /// An image: everything.
    Image,
}

/// A path that was named.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// As it was given.
    pub path: String,
    /// What it is.
    pub role: Role,
}

/// All that was named, together.
#[derive(Debug)]
pub struct Opened {
    /// The parts in the order in which Lambda lays them over each other.
    pub parts: Vec<Part>,
    /// Their files.
    pub files: Files<'static>,
    /// What is wrong with the containers themselves.
    pub findings: Vec<Finding>,
    /// How much it is.
    pub sizes: Sizes,
    /// What the files are.
    pub shape: Shape,
    /// What the image says, if it is one.
    pub image: Option<Image>,
    /// The Python that can be seen in them, and where.
    pub python: Option<(PythonVersion, &'static str)>,
    /// The architecture that can be seen in them, and where.
    pub architecture: Option<(Architecture, &'static str)>,
}

/// One of them: paths are relative to where it will lie.
#[derive(Debug, Default)]
struct Source {
    files: BTreeMap<String, File<'static>>,
    folders: BTreeMap<String, u32>,
    links: Links,
    findings: Vec<Finding>,
    /// Bytes of the archive itself.
    packed: u64,
    /// The archive.
    archive: Option<Arc<Archive>>,
}

/// Opens an image. Layers that were unpacked before are not unpacked again.
pub fn image(name: &str, store: &Store, which: &Which, unpacked: &mut Unpacked) -> Result<Opened> {
    let (source, image) = oci::read(name, store, which, unpacked)?;
    Ok(of_image(name, source, image))
}

fn of_image(name: &str, source: Source, image: Image) -> Opened {
    let mut opened = Opened::new(Shape::Image);
    let seen = "from the image";
    opened.python = image.python.map(|python| (python, seen));
    opened.architecture = image.architecture.map(|architecture| (architecture, seen));
    let mut links = Links::new();
    opened.add(Path::new(name), Role::Image, source, &mut links);
    // An image has links that lead nowhere (into /proc, /run) without harm.
    opened.follow(&links);
    opened.sizes.unpacked = image.unpacked;
    opened.image = Some(image);
    opened
}

/// Opens an image of a registry, whose layers are fetched into the cache's temporary place.
pub fn pull(
    reference: &Reference,
    architecture: Option<Architecture>,
    client: &Client,
    cache: &Cache,
    progress: &Progress,
) -> Result<Opened> {
    let folder = cache.temporary_folder()?;
    let store = oci::fetch(reference, architecture, client, folder.path(), progress)?;
    // What is read of layers are unpacked copies, which stay.
    image(&reference.to_string(), &store, &Which { architecture, ..Which::default() }, &mut Unpacked::default())
}

/// Opens paths: at most one function among them, and any layers; `layers` are taken as layers whatever they look like.
/// What has the file of a handler that was named, where Lambda looks for a function's, is the function. Of an index, or an
/// archive with several images, the image for the architecture is looked into.
pub fn open(
    paths: &[PathBuf],
    layers: &[PathBuf],
    handler: Option<&str>,
    architecture: Option<Architecture>,
) -> Result<Opened> {
    if let ([path], []) = (paths, layers)
        && path.exists()
        && let Some(found) = oci::find(path, architecture)?
    {
        let (name, which) = (path.display().to_string(), Which { architecture, ..Which::default() });
        return match found {
            Ok(store) => image(&name, &store, &which, &mut Unpacked::default()),
            Err(reason) => Ok(of_image(&name, oci::unreadable(&name, reason), Image::default())),
        };
    }
    let mut parts: Vec<(&Path, Role, Source)> = Vec::new();
    for (path, is_layer) in paths.iter().map(|path| (path, false)).chain(layers.iter().map(|path| (path, true))) {
        let source = read(path)?;
        let is_function = handler.is_some_and(|handler| has_handler(&source, handler)) || !looks_like_a_layer(&source);
        let role = if is_layer || !is_function { Role::Layer } else { Role::Function };
        parts.push((path, role, source));
    }
    let functions: Vec<&Path> =
        parts.iter().filter(|(_, role, _)| *role == Role::Function).map(|(path, ..)| *path).collect();
    if let [first, second, ..] = functions.as_slice() {
        return Err(Error::usage(
            format!("{} and {} are both functions", first.display(), second.display()),
            "check functions one by one, each with its layers; --layer PATH says that something is a layer",
        ));
    }
    // Layers have no handler: who names one means a function, be it in a layer as a whole.
    let shape = if functions.is_empty() && handler.is_none() { Shape::Layers } else { Shape::Function };
    let mut opened = Opened::new(shape);
    let mut links = Links::new();
    for (path, role, source) in parts {
        opened.add(path, role, source, &mut links);
    }
    // Only now: a function's links may lead into its layers.
    let nowhere = opened.follow(&links);
    opened.findings.extend(symbolic::findings(&links, &nowhere, shape));
    Ok(opened)
}

fn read(path: &Path) -> Result<Source> {
    if path.exists() && oci::find(path, None)?.is_some() {
        return Err(Error::usage(
            format!("{} is an image", path.display()),
            "check an image on its own: it has no layers of Lambda's",
        ));
    }
    if path.is_dir() {
        return folder::read(path);
    }
    if !path.exists() {
        return Err(Error::usage(
            format!("there is no {}", path.display()),
            "pack check takes ZIPs, layers, images (OCI layouts, or as docker save writes them), folders, and an image in a registry alone",
        ));
    }
    if oci::is_tar(path)? {
        let reason =
            "it is a tar, and no OCI layout, nor what docker save writes: Lambda takes neither it nor its files";
        let finding = Finding { path: None, ..Finding::error("archive", "", reason) };
        return Ok(Source { findings: vec![finding], ..Source::default() });
    }
    zip::read(path)
}

impl Opened {
    fn new(shape: Shape) -> Self {
        Self {
            parts: Vec::new(),
            files: Files::default(),
            findings: Vec::new(),
            sizes: Sizes::default(),
            shape,
            image: None,
            python: None,
            architecture: None,
        }
    }

    /// Lays a part over what is there; its links are put to the others, since they may lead into parts to come.
    fn add(&mut self, path: &Path, role: Role, source: Source, links: &mut Links) {
        let (python, architecture) = named(path);
        let seen = "from the file's name";
        self.python = self.python.or(python.map(|python| (python, seen)));
        self.architecture = self.architecture.or(architecture.map(|architecture| (architecture, seen)));
        let root = match role {
            Role::Layer => LAYERS,
            Role::Function => TASK,
            Role::Image => "",
        };
        self.sizes.packed += source.packed;
        self.sizes.layers += usize::from(role == Role::Layer);
        self.sizes.files += source.files.len();
        self.sizes.unpacked += source.files.values().map(|file| file.size).sum::<u64>();
        self.parts.push(Part { path: path.display().to_string(), role });
        let place = |relative: &str| format!("{root}/{relative}");
        self.files.folders.extend(source.folders.iter().map(|(path, mode)| (place(path), *mode)));
        self.findings.extend(source.findings.into_iter().map(|finding| Finding {
            // What is about the archive as a whole is about the file on this machine.
            path: Some(finding.path.as_deref().map_or_else(|| path.display().to_string(), place)),
            ..finding
        }));
        for (relative, file) in source.files {
            if role == Role::Layer && self.python.is_none() {
                self.python = layers_python(&relative).map(|python| (python, "from the layer's folders"));
            }
            let path = place(&relative);
            links.remove(&path[1..]);
            self.files.files.insert(path, file);
        }
        for (relative, target) in source.links {
            let path = place(&relative);
            self.files.files.remove(&path);
            links.insert(path[1..].to_owned(), target);
        }
    }

    /// Follows links. Returns those that lead nowhere, with where that is.
    fn follow(&mut self, links: &Links) -> Vec<(String, Option<String>)> {
        let Files { files, folders, .. } = &mut self.files;
        links::follow(files, links, |path| folders.contains_key(path)).unwrap_or_else(|reason| {
            self.findings.push(Finding { path: None, ..Finding::error("symbolic-link", "", reason) });
            Vec::new()
        })
    }
}

/// The target in a name as `pack zip` gives it: `NAME-python3.12-arm64.zip`.
pub fn named(path: &Path) -> (Option<PythonVersion>, Option<Architecture>) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // A version has a dot, which a stem of a folder loses.
    let whole = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parts: Vec<&str> = name.split('-').chain(whole.split('-')).collect();
    let python = parts.iter().filter(|part| part.starts_with("python3.")).find_map(|part| part.parse().ok());
    let architecture = parts.iter().find_map(|part| match *part {
        "x86_64" => Some(Architecture::X86_64),
        "arm64" => Some(Architecture::Arm64),
        _ => None,
    });
    (python, architecture)
}

/// `python/lib/python3.12/site-packages/…` is for that Python only.
fn layers_python(path: &str) -> Option<PythonVersion> {
    path.strip_prefix("python/lib/")?.split_once("/site-packages/")?.0.parse().ok()
}

/// Whether Python finds what is there only as a layer: all of it is below `python/`, or there is no Python at all and
/// only what a layer may have.
fn looks_like_a_layer(source: &Source) -> bool {
    let is_python = |path: &str| path.ends_with(".py") || path.ends_with(".pyc");
    let paths = || source.files.keys().chain(source.links.keys());
    let mut tops: Vec<&str> = paths().filter_map(|path| path.split('/').next()).collect();
    tops.dedup();
    let outside = |path: &&String| !path.starts_with("python/") && !path.starts_with("bin/") && is_python(path);
    !tops.is_empty()
        && tops.iter().any(|top| matches!(*top, "python" | "lib" | "bin" | "extensions"))
        && !paths().any(|path| outside(&path))
        && (tops.contains(&"python") || tops.iter().all(|top| matches!(*top, "lib" | "bin" | "extensions")))
}

/// Whether the module of a handler is there, as seen from the function's folder.
fn has_handler(source: &Source, handler: &str) -> bool {
    let Some((module, _)) = handler.rsplit_once('.') else { return false };
    let module = module.replace('.', "/");
    [".py", "/__init__.py"].iter().any(|ending| source.files.contains_key(&format!("{module}{ending}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Origin;

    fn source(paths: &[&str]) -> Source {
        let file = File { size: 0, mode: 0o644, origin: Origin::Disk(PathBuf::new()) };
        Source { files: paths.iter().map(|path| ((*path).to_owned(), file.clone())).collect(), ..Source::default() }
    }

    #[test]
    fn a_layer_is_known_by_where_its_python_lies() {
        for layer in [
            &["python/a.py"][..],
            &["python/lib/python3.12/site-packages/a.py", "bin/tool.py", "LICENSE"],
            &["lib/libx.so"],
            &["extensions/agent"],
        ] {
            assert!(looks_like_a_layer(&source(layer)), "{layer:?}");
        }
        for function in [&["app.py", "python/a.py"][..], &["app.py"], &["bootstrap"], &["lib/a.py"], &[]] {
            assert!(!looks_like_a_layer(&source(function)), "{function:?}");
        }
    }

    #[test]
    fn a_target_is_read_from_the_name() {
        let (python, architecture) = named(Path::new("dist/my-app-python3.12-arm64.zip"));
        assert_eq!((python.unwrap().minor(), architecture), (12, Some(Architecture::Arm64)));
        assert_eq!(named(Path::new("app-python3.13-x86_64")).0.map(PythonVersion::minor), Some(13));
        assert_eq!(named(Path::new("python-app.zip")), (None, None));
    }
}
