//! A project: what its file says together with what lies in its folders. Everything that does not fit is told at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::function::{self, Function};
use super::layer::{self, Layer};
use super::layers::{self, Content, ProjectLayer};
use super::manifest::{
    self, At, FunctionEntry, Manifest, Method, Mistake, Mistakes, PackagingEntry, Settings, suggestion,
};
use super::requirements::{self, Choice};
use crate::error::{Error, Result};
use crate::lambda;

/// What is packaged, and how.
#[derive(Debug)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Whether it has a project file.
    pub has_file: bool,
    /// The AWS Region, as its file says, or whoever asks.
    pub region: Option<String>,
    /// What its file says; nothing, if there is none.
    pub manifest: Manifest,
    /// Its functions by name.
    pub functions: BTreeMap<String, Member>,
    /// Its layers by name.
    pub layers: BTreeMap<String, ProjectLayer>,
    /// Its packagings, in the order of the file.
    pub packagings: Vec<Packaging>,
}

/// A function of a project.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its sources, and the requirements that are its own.
    pub function: Function,
    /// What the file says of it.
    pub entry: Option<FunctionEntry>,
    /// The table that names its requirements; none where a convention found them.
    pub requirements_from: Option<String>,
    /// Whether it is a path of the command line, and no part of the project.
    pub is_argument: bool,
}

/// A way to package functions.
#[derive(Clone, Debug)]
pub struct Packaging {
    /// Its name.
    pub name: String,
    /// How; none for the packaging that nobody wrote down, which is a ZIP, with layers if the function lists some.
    pub method: Option<Method>,
    /// What the file says of it.
    pub entry: Option<PackagingEntry>,
}

/// The packaging that is there without being written down.
const UNWRITTEN: &str = "zip";

impl Project {
    /// The project in a folder, with or without a project file.
    pub fn load(root: &Path) -> Result<Self> {
        let manifest = manifest::read(root)?;
        let has_file = manifest.is_some();
        let manifest = manifest.unwrap_or_default();
        let mut mistakes = Vec::new();
        let functions = functions(root, &manifest, &mut mistakes);
        let layers = layers::all(root, &manifest, &mut mistakes)?;
        let packagings = packagings(&manifest, &mut mistakes);
        let name = manifest.name.as_ref().map_or_else(|| folder_name(root), |name| name.value.clone());
        let region = manifest.region.as_ref().map(|region| region.value.clone());
        let project = Self { name, has_file, region, manifest, functions, layers, packagings };
        project.check_layers(&mut mistakes);
        project.check_environments(&mut mistakes);
        project.check_names(&mut mistakes);
        Mistakes::refuse(mistakes)?;
        // Only names that exist make a matrix.
        let mut mistakes = project.matrix_mistakes();
        project.check_use_of_layers(&mut mistakes);
        Mistakes::refuse(mistakes)?;
        Ok(project)
    }

    /// The name of the function that an argument of the command line means. A path that is no function of the project
    /// becomes one, with the settings that hold for all.
    pub fn function(&mut self, root: &Path, argument: &str) -> Result<String> {
        if self.functions.contains_key(argument) {
            return Ok(argument.to_owned());
        }
        let found = function::find(root, argument).map_err(|error| {
            let hint = suggestion(argument, self.functions.keys().map(String::as_str), "functions here")
                + "; or give the path of a folder or of a .py file";
            self.unknown(&root.join(argument), error, format!("there is no function {argument:?}"), hint)
        })?;
        let real = found.source.canonicalize().ok();
        let same = |member: &&Member| real.is_some() && member.function.source.canonicalize().ok() == real;
        if let Some(member) = self.functions.values().find(same) {
            return Ok(member.function.name.clone());
        }
        let name = found.name.clone();
        let mut member = Member { function: found, entry: None, requirements_from: None, is_argument: true };
        member.take_defaults(root, &self.manifest);
        self.functions.insert(name.clone(), member);
        Ok(name)
    }

    /// The name of the layer that an argument of the command line means, if it is built here. A path that is no layer of
    /// the project becomes one, with the settings that hold for all.
    pub fn layer(&mut self, root: &Path, argument: &str) -> Result<String> {
        if let Some(layer) = self.layers.get(argument) {
            return match layer.content {
                Content::Own { .. } => Ok(argument.to_owned()),
                Content::Published(_) => Err(Error::usage(
                    format!("the layer {argument:?} is somebody else's: there is nothing to build"),
                    "pack plan shows its ARN",
                )),
            };
        }
        let found = layer::find_layer(root, argument).map_err(|error| {
            let hint = suggestion(argument, self.layers.keys().map(String::as_str), "layers here")
                + "; or give the path of a requirements file or of a folder";
            self.unknown(&root.join(argument), error, format!("there is no layer {argument:?}"), hint)
        })?;
        // However it was named: what lies in `layers/` is the project's.
        let layers = root.join("layers").canonicalize().ok();
        let is_in_layers = |path: &PathBuf| path.parent().is_some_and(|folder| folder.canonicalize().ok() == layers);
        let is_the_projects = found.files.iter().chain(&found.requirements).any(is_in_layers);
        let name = found.name.clone();
        if !(is_the_projects && self.layers.contains_key(&name)) {
            self.add_layer(found);
        }
        Ok(name)
    }

    /// The name of the packaging that makes images, where the project has none: one that is as if it was written down.
    pub fn image_packaging(&mut self) -> Option<String> {
        if self.packagings.iter().any(|packaging| packaging.method == Some(Method::Image)) {
            return None;
        }
        // The project may call another method so.
        let mut name = "image".to_owned();
        while self.packagings.iter().any(|packaging| packaging.name == name) {
            name.push_str("-image");
        }
        self.packagings.push(Packaging { name: name.clone(), method: Some(Method::Image), entry: None });
        Some(name)
    }

    /// Takes a layer in that the project has not, in place of one that is called the same.
    pub fn add_layer(&mut self, layer: Layer) {
        let Layer { name, files, requirements } = layer;
        let content = Content::Own { requirements, choice: Choice::default(), files, versioned: false };
        self.layers.insert(name.clone(), ProjectLayer { name, content, entry: None, is_argument: true });
    }

    /// The error for a name, with those that the project file adds to the names of the convention.
    fn unknown(&self, path: &Path, error: Error, message: String, hint: String) -> Error {
        if self.has_file && !path.exists() { Error::usage(message, hint) } else { error }
    }

    /// A layer that is listed has to exist, and Lambda takes five.
    fn check_layers(&self, mistakes: &mut Vec<Mistake>) {
        let Manifest { defaults, functions, packagings, .. } = &self.manifest;
        let lists = functions.values().map(|entry| &entry.settings.layers).chain([&defaults.layers]);
        for list in lists.chain(packagings.values().map(|entry| &entry.layers)).flatten() {
            for layer in list.value.iter().filter(|layer| !self.layers.contains_key(&layer.value)) {
                let names = self.layers.keys().map(String::as_str);
                mistakes.push(layer.place.mistake(
                    format!("there is no layer {:?}", layer.value),
                    suggestion(&layer.value, names, "layers here")
                        + &format!("; layers/{}.txt or [layers.{0}] makes one", layer.value),
                ));
            }
            if list.value.len() > lambda::LAYERS_PER_FUNCTION {
                mistakes.push(list.place.mistake(
                    format!("{} layers are listed; Lambda takes {}", list.value.len(), lambda::LAYERS_PER_FUNCTION),
                    "merge layers: several requirement files make one layer",
                ));
            }
        }
    }

    fn check_environments(&self, mistakes: &mut Vec<Mistake>) {
        let defaults = &self.manifest.defaults.environment;
        let nothing = BTreeMap::new();
        for (name, member) in &self.functions {
            let own = member.entry.as_ref().map_or(&nothing, |entry| &entry.settings.environment);
            let all: BTreeMap<_, _> = defaults.iter().chain(own).collect();
            let texts = all.iter().map(|(name, text)| ((*name).clone(), text.value.clone())).collect();
            let bytes = lambda::environment_bytes(&texts);
            if let Some(longest) = all.values().max_by_key(|text| text.value.len())
                && bytes > lambda::ENVIRONMENT_BYTES
            {
                mistakes.push(longest.place.mistake(
                    format!(
                        "the environment of {name} has {bytes} bytes; Lambda takes {}, and this is the longest of it",
                        lambda::ENVIRONMENT_BYTES
                    ),
                    format!("ship long values as a file; Lambda says \"{}\"", lambda::ENVIRONMENT_REFUSAL),
                ));
            }
        }
    }

    /// Functions and packagings that the matrix names have to exist.
    fn check_names(&self, mistakes: &mut Vec<Mistake>) {
        let matrix = &self.manifest.matrix;
        let packagings: BTreeSet<&str> =
            self.packagings.iter().map(|packaging| packaging.name.as_str()).chain([UNWRITTEN]).collect();
        let functions: BTreeSet<&str> = self.functions.keys().map(String::as_str).collect();
        let mut unknown = |named: &[At<String>], known: &BTreeSet<&str>, kind: &str, how: &str| {
            for name in named.iter().filter(|name| !known.contains(name.value.as_str())) {
                mistakes.push(name.place.mistake(
                    format!("there is no {kind} {:?}", name.value),
                    suggestion(&name.value, known.iter().copied(), &format!("{kind}s here")) + how,
                ));
            }
        };
        let how = "; a table [packaging.NAME] makes one";
        unknown(matrix.packaging.as_deref().unwrap_or_default(), &packagings, "packaging", how);
        for row in matrix.exclude.iter().chain(&matrix.include) {
            unknown(row.packaging.as_deref().unwrap_or_default(), &packagings, "packaging", how);
            unknown(row.function.as_deref().unwrap_or_default(), &functions, "function", "");
        }
    }

    /// A packaging with layers makes no sense where no function has any.
    fn check_use_of_layers(&self, mistakes: &mut Vec<Mistake>) {
        for packaging in self.packagings.iter().filter(|packaging| packaging.method == Some(Method::Layers)) {
            let has_layers =
                |member: &Member| self.layers_of(member, packaging).0.is_some_and(|layers| !layers.is_empty());
            if let Some(entry) = &packaging.entry
                && !self.functions.is_empty()
                && !self.functions.values().any(has_layers)
            {
                mistakes.push(entry.place.mistake(
                    format!("[packaging.{}] has the method layers, and no function lists any", packaging.name),
                    "example: layers = [\"science\"], here or in [functions.NAME]",
                ));
            }
        }
    }

    /// The layers that a function has in a packaging, and which table says so.
    pub(super) fn layers_of<'a>(
        &'a self,
        member: &'a Member,
        packaging: &'a Packaging,
    ) -> (Option<Vec<&'a str>>, String) {
        let entry = packaging.entry.as_ref().and_then(|entry| entry.layers.as_ref());
        let own = member.entry.as_ref().and_then(|entry| entry.settings.layers.as_ref());
        let tables = [
            (entry, format!("[packaging.{}]", packaging.name)),
            (own, format!("[functions.{}]", member.function.name)),
            (self.manifest.defaults.layers.as_ref(), "[defaults]".to_owned()),
        ];
        for (layers, from) in tables {
            if let Some(layers) = layers {
                return (Some(layers.value.iter().map(|layer| layer.value.as_str()).collect()), from);
            }
        }
        (None, String::new())
    }
}

/// Functions by convention and by `[functions.NAME]`.
fn functions(root: &Path, manifest: &Manifest, mistakes: &mut Vec<Mistake>) -> BTreeMap<String, Member> {
    let conventional = function::all(root);
    let mut members: BTreeMap<String, Member> = conventional
        .into_iter()
        .map(|function| {
            (function.name.clone(), Member { function, entry: None, requirements_from: None, is_argument: false })
        })
        .collect();
    let known: Vec<String> = members.keys().cloned().collect();
    for (name, entry) in &manifest.functions {
        let found = match &entry.source {
            Some(source) => sources(root, name, source, mistakes),
            None => members.get(name).map(|member| member.function.clone()),
        };
        let Some(mut function) = found else {
            if entry.source.is_none() {
                mistakes.push(entry.place.mistake(
                    format!("there is no functions/{name} and no functions/{name}.py"),
                    suggestion(name, known.iter().map(String::as_str), "functions here")
                        + &format!("; or say where it is, with source = \"src/{name}\""),
                ));
            }
            continue;
        };
        let mut requirements_from = None;
        if let Some(listed) = &entry.settings.requirements {
            function.requirements = existing(root, &listed.value, mistakes);
            requirements_from = Some(format!("[functions.{name}]"));
        }
        function.choice = chosen(&entry.settings);
        members.insert(
            name.clone(),
            Member { function, entry: Some(entry.clone()), requirements_from, is_argument: false },
        );
    }
    if let Some(listed) = &manifest.defaults.requirements {
        existing(root, &listed.value, mistakes);
    }
    for member in members.values_mut() {
        member.take_defaults(root, manifest);
    }
    members
}

impl Member {
    /// Requirements that hold where nothing else names any.
    fn take_defaults(&mut self, root: &Path, manifest: &Manifest) {
        if let Some(listed) = &manifest.defaults.requirements
            && self.function.requirements.is_empty()
            && self.requirements_from.is_none()
        {
            self.function.requirements = listed.value.iter().map(|file| root.join(&file.value)).collect();
            self.requirements_from = Some("[defaults]".into());
        }
    }
}

fn sources(root: &Path, name: &str, source: &At<PathBuf>, mistakes: &mut Vec<Mistake>) -> Option<Function> {
    let path = root.join(&source.value);
    let is_python = path.is_file() && path.extension().is_some_and(|end| end == "py");
    if !is_python && !path.is_dir() {
        let (what, hint) = if path.exists() {
            ("is neither a folder nor a Python file", "a function is a folder or a single .py file")
        } else {
            ("does not exist", "source is the path of the function's folder or .py file, as seen from pack.toml")
        };
        mistakes.push(source.place.mistake(format!("{} {what}", path.display()), hint));
        return None;
    }
    let mut function = function::at(&path, name);
    // Its name counts, wherever its sources are.
    if let Some(by_name) = requirements::named(&root.join("requirements"), name) {
        function.requirements = vec![by_name];
    }
    Some(function)
}

/// What is taken of requirements.
pub(super) fn chosen(settings: &Settings) -> Choice {
    let names = |list: &Option<At<Vec<String>>>| list.as_ref().map(|list| list.value.clone()).unwrap_or_default();
    Choice { extras: names(&settings.extras), groups: names(&settings.groups) }
}

/// The files of a list; those that are not there are mistakes.
pub(super) fn existing(root: &Path, listed: &[At<PathBuf>], mistakes: &mut Vec<Mistake>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for file in listed {
        let path = root.join(&file.value);
        if path.is_file() {
            paths.push(path);
        } else {
            mistakes.push(file.place.mistake(
                format!("there is no file {}", path.display()),
                "requirements are paths of files, as seen from pack.toml",
            ));
        }
    }
    paths
}

fn packagings(manifest: &Manifest, mistakes: &mut Vec<Mistake>) -> Vec<Packaging> {
    let mut packagings = Vec::new();
    for (name, entry) in &manifest.packagings {
        let Some(method) = &entry.method else {
            mistakes.push(entry.place.mistake(
                format!("[packaging.{name}] has no method"),
                "example: method = \"zip\"; possible are \"zip\", \"layers\", \"image\"",
            ));
            continue;
        };
        if let (Some(layers), Method::Zip | Method::Image) = (&entry.layers, method.value) {
            mistakes.push(layers.place.mistake(
                format!("[packaging.{name}] has layers, and its method puts everything into one artifact"),
                "method = \"layers\" makes a ZIP with layers",
            ));
        }
        if let (Some(base), Method::Zip | Method::Layers) = (&entry.base, method.value) {
            mistakes.push(base.place.mistake(
                format!("[packaging.{name}] has a base image, and makes none"),
                "method = \"image\" makes one",
            ));
        }
        if let (Some(entrypoint), Method::Zip | Method::Layers) = (&entry.entrypoint, method.value) {
            mistakes.push(entrypoint.place.mistake(
                format!("[packaging.{name}] has an entrypoint, and makes no image"),
                "method = \"image\" makes one",
            ));
        }
        packagings.push(Packaging { name: name.clone(), method: Some(method.value), entry: Some(entry.clone()) });
    }
    packagings.sort_by_key(|packaging| packaging.entry.as_ref().map(|entry| entry.place.start()));
    let is_named = |name: &At<String>| name.value == UNWRITTEN;
    let matrix = &manifest.matrix;
    let in_rows = matrix.include.iter().filter_map(|row| row.packaging.as_deref()).flatten().any(is_named);
    let is_wanted = matrix.packaging.iter().flatten().any(is_named) || in_rows;
    let is_written = manifest.packagings.contains_key(UNWRITTEN);
    if manifest.packagings.is_empty() || (is_wanted && !is_written) {
        packagings.insert(0, Packaging { name: UNWRITTEN.into(), method: None, entry: None });
    }
    packagings
}

pub(super) fn folder_name(root: &Path) -> String {
    let folder = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let real = folder.canonicalize().ok();
    let name = real.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "project".into())
}
