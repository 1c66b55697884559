//! The matrix: which builds a project has. Pure, and always in the same order: functions and layers by name, packagings as the
//! file has them, Python versions and architectures upwards.
//!
//! A memory size changes no artifact: one build serves all of a function's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::function::Function;
use super::layers::{Content, ProjectLayer};
use super::load::{Member, Packaging, Project};
use super::manifest::{At, Method, Mistake, Row, suggestion};
use super::requirements::Choice;
use super::settings::{LayerSettings, Origin, Origins, Settings, of_function, of_layer};
use crate::error::{Error, Result};
use crate::lambda::{Architecture, LayerArn, PythonVersion, Target};

/// Which of a project's builds are meant; what is empty or none leaves it open.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Functions by name.
    pub functions: Vec<String>,
    /// A packaging by name.
    pub packaging: Option<String>,
    /// A Python version.
    pub python: Option<PythonVersion>,
    /// An architecture.
    pub architecture: Option<Architecture>,
}

/// One artifact of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The function's name.
    pub function: String,
    /// The packaging's name.
    pub packaging: String,
    /// How.
    pub method: Method,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// Memory sizes in MB that it serves; none for Lambda's own default.
    pub memory: Vec<u32>,
    /// The function's folder or file.
    pub source: PathBuf,
    /// Requirement files, in order.
    pub requirements: Vec<PathBuf>,
    /// What is taken of them.
    #[serde(flatten)]
    pub choice: Choice,
    /// Layers in Lambda's order.
    pub layers: Vec<UsedLayer>,
    /// The base image, if it is one and the project names it.
    pub base: Option<String>,
    /// Labels of an image.
    pub labels: BTreeMap<String, String>,
    /// Where the artifact goes.
    pub output: PathBuf,
    /// What holds for it.
    pub settings: Settings,
    /// What is not as always, and why.
    pub why: Vec<Origin>,
    /// Whether it is of a path of the command line that is no part of the project.
    #[serde(skip)]
    pub is_argument: bool,
}

/// A layer as a function has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsedLayer {
    /// Its name in the project.
    pub name: String,
    /// The ZIP, if it is built here.
    pub output: Option<PathBuf>,
    /// The ARN of somebody else's, if the Region is known; without a version, the newest is meant.
    pub arn: Option<String>,
    /// How large somebody else's is, where the lock knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<LayerSize>,
}

/// How large a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LayerSize {
    /// Bytes of its ZIP.
    pub packed: u64,
    /// Bytes it unpacks to.
    pub unpacked: u64,
}

/// One artifact of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerBuild {
    /// The layer's name.
    pub layer: String,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// Requirement files, in order.
    pub requirements: Vec<PathBuf>,
    /// What is taken of them.
    #[serde(flatten)]
    pub choice: Choice,
    /// A folder of files that come along.
    pub files: Option<PathBuf>,
    /// Whether modules lie in a folder of their Python version.
    pub versioned: bool,
    /// Functions that have it.
    pub functions: Vec<String>,
    /// The same, with what the lock calls the packaging in which they have it.
    #[serde(skip)]
    pub users: BTreeSet<(String, Option<String>)>,
    /// Where the ZIP goes.
    pub output: PathBuf,
    /// What holds for it.
    pub settings: LayerSettings,
    /// What is not as always, and why.
    pub why: Vec<Origin>,
    /// Whether it is of the command line, and no part of the project.
    #[serde(skip)]
    pub is_argument: bool,
}

/// Functions, and what the lock calls the packaging of each.
type Users = BTreeSet<(String, Option<String>)>;

/// What a project builds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Builds {
    /// Of functions.
    pub functions: Vec<Build>,
    /// Of layers.
    pub layers: Vec<LayerBuild>,
}

/// The most combinations that a matrix may have: far more than Lambda's 1,000 concurrent executions could ever compare.
const MOST_CELLS: usize = 10_000;

/// Where artifacts go.
const FOLDER: &str = "dist";

/// A place in the matrix, in the order of builds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell<'a> {
    function: &'a str,
    /// Its index in the project.
    packaging: usize,
    python: PythonVersion,
    architecture: Architecture,
    memory: Option<u32>,
}

/// What each side of the matrix has.
struct Axes<'a> {
    functions: Vec<&'a str>,
    packagings: Vec<usize>,
    pythons: Vec<PythonVersion>,
    architectures: Vec<Architecture>,
    /// Instead of the sizes that hold for each function.
    memory: Option<Vec<u32>>,
}

impl Project {
    /// The builds that are meant. What the command line names is built, even where the matrix does not have it.
    pub fn builds(&self, selection: &Selection) -> Result<Builds> {
        if let Some(name) = &selection.packaging
            && self.packaging(name).is_none()
        {
            let names = self.packagings.iter().map(|packaging| packaging.name.as_str());
            return Err(Error::usage(
                format!("there is no packaging {name:?}"),
                suggestion(name, names, "packagings here") + "; a table [packaging.NAME] in pack.toml makes one",
            ));
        }
        let mut cells = self.cells();
        cells.retain(|cell| self.is_meant(cell, selection));
        if cells.is_empty() {
            cells = self.product(&self.axes_of(selection)).into_iter().collect();
        }
        let functions = self.builds_of(&cells);
        refuse_one_place(&functions)?;
        let layers = self.layer_builds(&functions, selection);
        Ok(Builds { functions, layers })
    }

    /// Rows of the matrix that do nothing, and what makes it too large.
    pub(super) fn matrix_mistakes(&self) -> Vec<Mistake> {
        let matrix = &self.manifest.matrix;
        let mut mistakes = Vec::new();
        let axes = self.axes();
        let size = |axes: &Axes<'_>| {
            let memory = axes.memory.as_ref().or(None).map_or_else(|| self.most_memory(), Vec::len);
            [axes.functions.len(), axes.packagings.len(), axes.pythons.len(), axes.architectures.len(), memory.max(1)]
                .into_iter()
                .fold(1_usize, usize::saturating_mul)
        };
        let mut total = size(&axes);
        for row in &matrix.include {
            total = total.saturating_add(size(&self.axes_of_row(row)));
        }
        if total > MOST_CELLS {
            let place = matrix.memory.iter().flatten().map(|memory| &memory.place).next();
            let place = place.or_else(|| matrix.include.first().map(|row| &row.place));
            let place = place.or_else(|| self.manifest.functions.values().next().map(|entry| &entry.place));
            let place = place.or_else(|| self.packagings.iter().find_map(|one| Some(&one.entry.as_ref()?.place)));
            mistakes.extend(place.map(|place| {
                place.mistake(
                    format!("the matrix has {total} combinations; {MOST_CELLS} are the most"),
                    "take fewer memory sizes or packagings, or make a project of its own for a part",
                )
            }));
            return mistakes;
        }
        let mut cells = self.product(&axes);
        if cells.is_empty() {
            return mistakes;
        }
        for row in &matrix.exclude {
            let before = cells.len();
            let whole = self.product(&axes);
            if !whole.iter().any(|cell| self.fits(cell, row)) {
                mistakes.push(row.place.mistake(
                    "this excludes nothing: no combination of the matrix fits it",
                    "pack plan shows the matrix",
                ));
            }
            cells.retain(|cell| !self.fits(cell, row));
            if cells.is_empty() && before > 0 {
                mistakes.push(row.place.mistake(
                    "after this, nothing is left of the matrix",
                    "name what is to be left out: function, packaging, python, architecture, memory",
                ));
            }
        }
        for row in &matrix.include {
            let added = self.product(&self.axes_of_row(row));
            if added.iter().all(|cell| cells.contains(cell)) {
                mistakes.push(row.place.mistake(
                    "this includes nothing that the matrix does not have already",
                    "name what is to be added: function, packaging, python, architecture, memory",
                ));
            }
            cells.extend(added);
        }
        mistakes
    }

    fn packaging(&self, name: &str) -> Option<usize> {
        self.packagings.iter().position(|packaging| packaging.name == name)
    }

    fn axes(&self) -> Axes<'_> {
        let matrix = &self.manifest.matrix;
        let packagings = match &matrix.packaging {
            Some(names) => names.iter().filter_map(|name| self.packaging(&name.value)).collect(),
            None => (0..self.packagings.len()).collect(),
        };
        Axes {
            functions: self.functions.keys().map(String::as_str).collect(),
            packagings,
            pythons: values(matrix.python.as_ref()).unwrap_or_else(|| vec![PythonVersion::DEFAULT]),
            architectures: values(matrix.architectures.as_ref()).unwrap_or_else(|| vec![Architecture::X86_64]),
            memory: None,
        }
    }

    /// What a row of `include` adds: as the matrix, but for what it names.
    fn axes_of_row<'a>(&'a self, row: &'a Row) -> Axes<'a> {
        let axes = self.axes();
        let functions = row.function.as_ref().map(|names| names.iter().map(|name| name.value.as_str()).collect());
        let packagings =
            row.packaging.as_ref().map(|names| names.iter().filter_map(|name| self.packaging(&name.value)).collect());
        Axes {
            functions: functions.unwrap_or(axes.functions),
            packagings: packagings.unwrap_or(axes.packagings),
            pythons: values(row.python.as_ref()).unwrap_or(axes.pythons),
            architectures: values(row.architecture.as_ref()).unwrap_or(axes.architectures),
            memory: values(row.memory.as_ref()),
        }
    }

    /// What the command line names, and the matrix for the rest.
    fn axes_of<'a>(&'a self, selection: &'a Selection) -> Axes<'a> {
        let axes = self.axes();
        let functions = selection.functions.iter().map(String::as_str).collect::<Vec<_>>();
        Axes {
            functions: if functions.is_empty() { axes.functions } else { functions },
            packagings: selection
                .packaging
                .as_ref()
                .map_or(axes.packagings, |name| self.packaging(name).into_iter().collect()),
            pythons: selection.python.map_or(axes.pythons, |python| vec![python]),
            architectures: selection.architecture.map_or(axes.architectures, |architecture| vec![architecture]),
            memory: None,
        }
    }

    fn cells(&self) -> BTreeSet<Cell<'_>> {
        let matrix = &self.manifest.matrix;
        let mut cells = self.product(&self.axes());
        cells.retain(|cell| !matrix.exclude.iter().any(|row| self.fits(cell, row)));
        for row in &matrix.include {
            cells.extend(self.product(&self.axes_of_row(row)));
        }
        cells
    }

    fn product<'a>(&'a self, axes: &Axes<'a>) -> BTreeSet<Cell<'a>> {
        let mut cells = BTreeSet::new();
        for function in &axes.functions {
            let sizes = axes.memory.clone().unwrap_or_else(|| self.memory(function).0);
            let sizes: Vec<_> = if sizes.is_empty() { vec![None] } else { sizes.into_iter().map(Some).collect() };
            for (packaging, python) in
                axes.packagings.iter().flat_map(|packaging| axes.pythons.iter().map(move |python| (packaging, python)))
            {
                for (architecture, memory) in axes
                    .architectures
                    .iter()
                    .flat_map(|architecture| sizes.iter().map(move |size| (architecture, size)))
                {
                    cells.insert(Cell {
                        function,
                        packaging: *packaging,
                        python: *python,
                        architecture: *architecture,
                        memory: *memory,
                    });
                }
            }
        }
        cells
    }

    /// The memory sizes of a function, and which table says so: its own, the matrix's, those of [defaults].
    fn memory(&self, function: &str) -> (Vec<u32>, String) {
        let entry = self.functions.get(function).and_then(|member| member.entry.as_ref());
        if let Some(memory) = entry.and_then(|entry| entry.settings.memory.as_ref()) {
            return (vec![memory.value], format!("[functions.{function}]"));
        }
        if let Some(sizes) = values(self.manifest.matrix.memory.as_ref()) {
            return (sizes, "[matrix]".into());
        }
        let all = self.manifest.defaults.memory.as_ref();
        (all.map(|memory| memory.value).into_iter().collect(), "[defaults]".into())
    }

    fn most_memory(&self) -> usize {
        self.manifest.matrix.memory.as_ref().map_or(1, Vec::len)
    }

    fn fits(&self, cell: &Cell<'_>, row: &Row) -> bool {
        fn names<T, U: PartialEq<T> + ?Sized>(list: Option<&Vec<At<T>>>, value: &U) -> bool {
            list.is_none_or(|list| list.iter().any(|item| *value == item.value))
        }
        names(row.function.as_ref(), cell.function)
            && names(row.packaging.as_ref(), self.packagings[cell.packaging].name.as_str())
            && names(row.python.as_ref(), &cell.python)
            && names(row.architecture.as_ref(), &cell.architecture)
            && row.memory.as_ref().is_none_or(|sizes| sizes.iter().any(|size| cell.memory == Some(size.value)))
    }

    fn is_meant(&self, cell: &Cell<'_>, selection: &Selection) -> bool {
        let Selection { functions, packaging, python, architecture } = selection;
        (functions.is_empty() || functions.iter().any(|name| name == cell.function))
            && packaging.as_ref().is_none_or(|name| *name == self.packagings[cell.packaging].name)
            && python.is_none_or(|python| python == cell.python)
            && architecture.is_none_or(|architecture| architecture == cell.architecture)
    }

    fn builds_of(&self, cells: &BTreeSet<Cell<'_>>) -> Vec<Build> {
        let mut sizes: BTreeMap<(&str, usize, PythonVersion, Architecture), Vec<u32>> = BTreeMap::new();
        for cell in cells {
            let key = (cell.function, cell.packaging, cell.python, cell.architecture);
            sizes.entry(key).or_default().extend(cell.memory);
        }
        let build = |((function, packaging, python, architecture), memory): (_, Vec<u32>)| {
            let target = Target { python, architecture };
            Some(self.build(self.functions.get(function)?, self.packagings.get::<usize>(packaging)?, target, memory))
        };
        sizes.into_iter().filter_map(build).collect()
    }

    fn build(&self, member: &Member, packaging: &Packaging, target: Target, memory: Vec<u32>) -> Build {
        let Function { name, source, requirements, choice } = &member.function;
        let mut origins = Origins::default();
        if member.entry.as_ref().is_some_and(|entry| entry.source.is_some()) {
            origins.note("source", source.display().to_string(), &format!("[functions.{name}]"));
        }
        if let Some(from) = &member.requirements_from {
            origins.note("requirements", shown(requirements), from);
        }
        if !choice.is_empty() {
            origins.note("beside them", choice.to_string(), &format!("[functions.{name}]"));
        }
        if !memory.is_empty() {
            let (sizes, from) = self.memory(name);
            let from = if sizes == memory { from } else { "[matrix]".into() };
            origins.note("memory", sizes_shown(&memory), &from);
        }
        let (listed, from) = self.layers_of(member, packaging);
        let listed = listed.unwrap_or_default();
        let unwritten = if listed.is_empty() { Method::Zip } else { Method::Layers };
        let method = packaging.method.unwrap_or(unwritten);
        let layers: Vec<UsedLayer> = match method {
            Method::Layers => {
                listed.iter().filter_map(|name| Some(self.used(self.layers.get(*name)?, target))).collect()
            }
            Method::Zip | Method::Image => Vec::new(),
        };
        if !layers.is_empty() {
            origins.note("layers", listed.join(", "), &from);
        }
        let settings = of_function(self, member, packaging, &mut origins);
        let base = (method == Method::Image).then(|| {
            let own = packaging.entry.as_ref().and_then(|entry| entry.base.as_ref());
            let (base, from) = match own {
                Some(base) => (base, format!("[packaging.{}]", packaging.name)),
                None => (self.manifest.image.base.as_ref()?, "[image]".to_owned()),
            };
            origins.note("base", base.value.clone(), &from);
            Some(base.value.clone())
        });
        let labels = self.manifest.image.labels.iter().map(|(name, text)| (name.clone(), text.value.clone())).collect();
        Build {
            is_argument: member.is_argument,
            function: name.clone(),
            packaging: packaging.name.clone(),
            method,
            target,
            memory,
            source: source.clone(),
            requirements: requirements.clone(),
            choice: choice.clone(),
            layers,
            base: base.flatten(),
            labels: if method == Method::Image { labels } else { BTreeMap::new() },
            output: Path::new(FOLDER).join(file_name(name, &packaging.name, method, target)),
            settings,
            why: origins.0,
        }
    }

    fn used(&self, layer: &ProjectLayer, target: Target) -> UsedLayer {
        let region = self.manifest.region.as_ref().map(|region| region.value.as_str());
        let (output, arn) = match &layer.content {
            Content::Own { .. } => (Some(layer_output(&layer.name, target)), None),
            Content::Published(published) => (None, published.arn(region, target).as_ref().map(LayerArn::to_string)),
        };
        UsedLayer { name: layer.name.clone(), output, arn, locked: None }
    }

    /// The layers that these functions have; and without a selection, those that no function has: for the whole matrix.
    fn layer_builds(&self, functions: &[Build], selection: &Selection) -> Vec<LayerBuild> {
        let mut builds = Vec::new();
        for layer in self.layers.values() {
            let has_it = |build: &&Build| build.layers.iter().any(|used| used.name == layer.name);
            let mut targets: BTreeMap<(PythonVersion, Architecture), Users> = BTreeMap::new();
            for build in functions.iter().filter(has_it) {
                let users = targets.entry((build.target.python, build.target.architecture)).or_default();
                users.insert((build.function.clone(), build.packaging_of_lock()));
            }
            if targets.is_empty()
                && !self.is_listed(layer)
                && selection.functions.is_empty()
                && selection.packaging.is_none()
            {
                targets.extend(self.targets(selection).into_iter().map(|target| (target, Users::new())));
            }
            for ((python, architecture), users) in targets {
                builds.extend(self.layer_build(layer, Target { python, architecture }, users));
            }
        }
        builds
    }

    /// The builds of one layer: those of the matrix; where it has none, one for each of its targets.
    pub fn builds_of_layer(&self, name: &str, selection: &Selection) -> Result<Vec<LayerBuild>> {
        let mut builds = self.builds(selection)?.layers;
        builds.retain(|build| build.layer == name);
        if let (true, Some(layer)) = (builds.is_empty(), self.layers.get(name)) {
            let listing = self.functions.values().filter(|member| self.lists(member, layer));
            let users: Users = listing.map(|member| (member.function.name.clone(), None)).collect();
            let targets = self.targets(selection).into_iter();
            builds.extend(targets.filter_map(|(python, architecture)| {
                self.layer_build(layer, Target { python, architecture }, users.clone())
            }));
        }
        Ok(builds)
    }

    /// Every Python version on every architecture.
    fn targets(&self, selection: &Selection) -> BTreeSet<(PythonVersion, Architecture)> {
        let axes = self.axes_of(selection);
        let architectures = &axes.architectures;
        axes.pythons
            .iter()
            .flat_map(|python| architectures.iter().map(move |architecture| (*python, *architecture)))
            .collect()
    }

    /// Whether any function has it, in any packaging.
    fn is_listed(&self, layer: &ProjectLayer) -> bool {
        self.functions.values().any(|member| self.lists(member, layer))
    }

    /// Whether a function has it, in any packaging.
    fn lists(&self, member: &Member, layer: &ProjectLayer) -> bool {
        self.packagings.iter().any(|packaging| {
            self.layers_of(member, packaging).0.is_some_and(|layers| layers.contains(&layer.name.as_str()))
        })
    }

    fn layer_build(&self, layer: &ProjectLayer, target: Target, users: Users) -> Option<LayerBuild> {
        let Content::Own { requirements, choice, files, versioned } = &layer.content else { return None };
        let mut origins = Origins::default();
        if !choice.is_empty() {
            let from = layer.entry.as_ref().map(|entry| entry.place.path().display().to_string());
            origins.note("beside them", choice.to_string(), &from.unwrap_or_default());
        }
        let settings = of_layer(self, &layer.name, layer.entry.as_ref(), &mut origins);
        Some(LayerBuild {
            is_argument: layer.is_argument,
            layer: layer.name.clone(),
            target,
            requirements: requirements.clone(),
            choice: choice.clone(),
            files: files.clone(),
            versioned: *versioned,
            functions: users.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            users,
            output: layer_output(&layer.name, target),
            settings,
            why: origins.0,
        })
    }
}

impl Build {
    /// The function, with the requirements that hold for this build.
    pub fn function(&self) -> Function {
        Function {
            name: self.function.clone(),
            source: self.source.clone(),
            requirements: self.requirements.clone(),
            choice: self.choice.clone(),
        }
    }

    /// What the lock calls the packaging in its set of requirements: where the function's layers decide versions, its name.
    pub fn packaging_of_lock(&self) -> Option<String> {
        (self.method == Method::Layers).then(|| self.packaging.clone())
    }
}

/// `FUNCTION-python3.13-x86_64.zip` for the packaging `zip`, `FUNCTION-PACKAGING-python3.13-x86_64.zip` for others; an image is
/// a folder.
fn file_name(function: &str, packaging: &str, method: Method, target: Target) -> String {
    let packaging = if packaging == "zip" { String::new() } else { format!("-{packaging}") };
    let end = if method == Method::Image { "" } else { ".zip" };
    format!("{function}{packaging}-{target}{end}")
}

fn layer_output(name: &str, target: Target) -> PathBuf {
    Path::new(FOLDER).join("layers").join(format!("{name}-{target}.zip"))
}

fn values<T: Copy>(list: Option<&Vec<At<T>>>) -> Option<Vec<T>> {
    list.map(|list| list.iter().map(|item| item.value).collect())
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// `1024, 1769 MB`.
pub fn sizes_shown(sizes: &[u32]) -> String {
    sizes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ") + " MB"
}

/// Two builds must not write one file: `a-b` packaged as `c`, and `a` packaged as `b-c`.
fn refuse_one_place(builds: &[Build]) -> Result<()> {
    let mut seen: BTreeMap<&Path, &Build> = BTreeMap::new();
    for build in builds {
        if let Some(other) = seen.insert(&build.output, build) {
            return Err(Error::usage(
                format!(
                    "{} packaged as {} and {} packaged as {} would both be {}",
                    other.function,
                    other.packaging,
                    build.function,
                    build.packaging,
                    build.output.display()
                ),
                "give one of the functions or packagings another name",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A project with the functions `a` and `b`, and a layer `shared`.
    fn project(file: &str) -> (tempfile::TempDir, Project) {
        let root = tempfile::tempdir().unwrap();
        for folder in ["functions/a", "functions/b", "layers"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        std::fs::write(root.path().join("layers/shared.txt"), "").unwrap();
        std::fs::write(root.path().join("pack.toml"), file).unwrap();
        let project = Project::load(root.path()).unwrap_or_else(|error| panic!("{error}"));
        (root, project)
    }

    fn of(file: &str, selection: &Selection) -> Vec<String> {
        let (_root, project) = project(file);
        let builds = project.builds(selection).unwrap();
        let shown =
            |build: &Build| format!("{} {} {} {:?}", build.function, build.packaging, build.target, build.memory);
        let layers =
            builds.layers.iter().map(|build| format!("{} {} {:?}", build.layer, build.target, build.functions));
        builds.functions.iter().map(shown).chain(layers).collect()
    }

    fn all(file: &str) -> Vec<String> {
        of(file, &Selection::default()).into_iter().filter(|line| !line.starts_with("shared")).collect()
    }

    #[test]
    fn without_a_matrix_each_function_is_one_zip() {
        assert_eq!(all(""), ["a zip python3.13-x86_64 []", "b zip python3.13-x86_64 []"]);
    }

    #[test]
    fn order_is_that_of_names_file_and_versions() {
        let file = "[packaging.small]\nmethod = 'zip'\n[packaging.image]\nmethod = 'image'\n\
                    [matrix]\npython = ['3.14', '3.10']\nexclude = [{ function = 'b' }]\n";
        assert_eq!(
            all(file),
            [
                "a small python3.10-x86_64 []",
                "a small python3.14-x86_64 []",
                "a image python3.10-x86_64 []",
                "a image python3.14-x86_64 []"
            ]
        );
    }

    #[test]
    fn a_build_serves_all_memory_sizes_and_a_function_may_have_its_own() {
        let file = "[functions.b]\nmemory = 512\n[matrix]\nmemory = [1769, 1024]\n";
        assert_eq!(all(file), ["a zip python3.13-x86_64 [1024, 1769]", "b zip python3.13-x86_64 [512]"]);
        assert_eq!(all("[defaults]\nmemory = 256"), ["a zip python3.13-x86_64 [256]", "b zip python3.13-x86_64 [256]"]);
    }

    #[test]
    fn rows_take_away_and_then_add() {
        let file = "[matrix]\npython = ['3.12', '3.13']\nmemory = [512, 1024]\n\
                    exclude = [{ function = 'a', python = '3.12' }, { function = 'b', memory = 512 }]\n\
                    include = [{ function = 'a', python = '3.12', architecture = ['arm64'], memory = 2048 }]\n";
        assert_eq!(
            all(file),
            [
                "a zip python3.12-arm64 [2048]",
                "a zip python3.13-x86_64 [512, 1024]",
                "b zip python3.12-x86_64 [1024]",
                "b zip python3.13-x86_64 [1024]"
            ]
        );
    }

    #[test]
    fn what_the_command_line_names_is_taken_from_the_matrix_or_made() {
        let file = "[matrix]\npython = ['3.12', '3.13']\ninclude = [{ function = 'a', python = '3.13', architecture = 'arm64' }]";
        let arm = Selection { architecture: Some(Architecture::Arm64), ..Selection::default() };
        assert_eq!(of(file, &arm)[0], "a zip python3.13-arm64 []");
        assert_eq!(of(file, &arm).iter().filter(|line| !line.starts_with("shared")).count(), 1, "as in the matrix");
        let new =
            Selection { python: Some("3.14".parse().unwrap()), functions: vec!["b".into()], ..Selection::default() };
        assert_eq!(of(file, &new), ["b zip python3.14-x86_64 []"]);
    }

    #[test]
    fn layers_are_built_for_the_targets_of_their_functions() {
        let file = "[functions.a]\nlayers = ['shared']\n[matrix]\npython = ['3.12', '3.13']\nexclude = [{ function = 'a', python = '3.12' }]\n";
        let lines = of(file, &Selection::default());
        assert_eq!(lines.last().unwrap(), "shared python3.13-x86_64 [\"a\"]");
        assert_eq!(lines.iter().filter(|line| line.starts_with("shared")).count(), 1);
        let (_root, project) = project(file);
        let builds = project.builds(&Selection::default()).unwrap();
        assert_eq!((builds.functions[0].method, builds.functions[1].method), (Method::Layers, Method::Zip));
    }

    #[test]
    fn a_layer_that_no_function_has_is_built_for_the_whole_matrix() {
        let lines = of("[matrix]\npython = ['3.12', '3.13']\n", &Selection::default());
        assert_eq!(lines[4..], ["shared python3.12-x86_64 []", "shared python3.13-x86_64 []"]);
        let one = Selection { functions: vec!["a".into()], ..Selection::default() };
        assert!(of("", &one).iter().all(|line| !line.starts_with("shared")));
    }

    #[test]
    fn two_artifacts_never_have_one_name() {
        let (_root, mut project) = project("[packaging.b-c]\nmethod = 'zip'\n[packaging.c]\nmethod = 'zip'\n");
        let mut member = project.functions["a"].clone();
        member.function.name = "a-b".into();
        project.functions.insert("a-b".into(), member);
        let error = project.builds(&Selection::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a packaged as b-c and a-b packaged as c would both be dist/a-b-c-python3.13-x86_64.zip"
        );
    }

    #[test]
    fn the_packaging_goes_over_the_function_and_the_function_over_the_defaults() {
        let file = "[defaults]\nslim = 'none'\nbytecode = 'only'\ntimeout = 5\nenvironment = { AA = '1', BB = '1' }\n\
                    [functions.a]\nslim = 'deep'\nbytecode = 'none'\nenvironment = { BB = '2' }\n\
                    [packaging.zip]\nmethod = 'zip'\nbytecode = 'compiled'\n";
        let (_root, project) = project(file);
        let build = project.builds(&Selection::default()).unwrap().functions.remove(0);
        let settings = build.settings;
        assert_eq!((settings.slim, settings.bytecode), (crate::slim::Level::Deep, crate::build::Policy::Compiled));
        assert_eq!(settings.environment, BTreeMap::from([("AA".into(), "1".into()), ("BB".into(), "2".into())]));
        let why: Vec<String> =
            build.why.iter().map(|origin| format!("{} {} {}", origin.setting, origin.value, origin.from)).collect();
        assert_eq!(
            why,
            [
                "slim deep [functions.a]",
                "bytecode compiled [packaging.zip]",
                "timeout 5 s [defaults]",
                "environment AA, BB [defaults]",
                "environment BB [functions.a]"
            ]
        );
    }
}
