//! `pack report --baseline git:REF`: the artifacts of a report, built and measured as they are at a commit.
//!
//! What must stay true: the working tree, the index and the repository stay as they are, and no link of the commit leads
//! its artifacts elsewhere; the build there is that of `pack zip`, `pack layer` and `pack image`, by this very program.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{is_of, over_limit};
use crate::cache::Cache;
use crate::check::sources::Unpacked;
use crate::diff::Registries;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::project::{Build, LayerBuild, Method, Project, Selection};
use crate::report::model::VERSION;
use crate::report::{self, Artifact, Measured, Report as Sizes};
use crate::system::{self, CommandError, git};

/// What a baseline that is a commit begins with.
pub(super) const PREFIX: &str = "git:";

/// What artifacts were at a commit.
pub(super) struct AtCommit {
    /// Those that there were, under the names that they have now.
    pub(super) sizes: Sizes,
    /// `git:main (0123456789ab)`.
    pub(super) shown: String,
}

/// Builds and measures what a report has as it is at the commit that a name means.
pub(super) fn build(name: &str, now: &Sizes, registries: &Registries<'_>) -> Result<AtCommit> {
    let repository = git::Repository::here()?;
    let commit = repository.commit(name)?;
    let shown = format!("{PREFIX}{name} ({})", commit.short());
    let wanted = wanted(now)?;
    let cache = Cache::open(std::env::var_os("PACK_CACHE_DIR").map(PathBuf::from).as_deref())?;
    let folder = cache.temporary_folder()?;
    let tree = folder.path().join("tree");
    std::fs::create_dir(&tree).map_err(Error::io("create the folder", &tree))?;
    let progress = registries.progress;
    progress.say(&format!("writing the files of {shown} into a temporary folder"));
    let submodules = repository.write(&commit, &tree, &folder.path().join("index"))?;
    if !submodules.is_empty() {
        let names: Vec<String> = submodules.iter().map(|path| path.display().to_string()).collect();
        progress.warn(&format!("{shown} has submodules, whose files are not in the baseline: {}", names.join(", ")));
    }
    unlink(&tree, repository.prefix())?;
    // A build there has another working directory.
    let cache = std::path::absolute(cache.root()).map_err(Error::io("find", cache.root()))?;
    let there = There { root: tree.join(repository.prefix()), cache, shown, registries };
    let mut artifacts = Vec::new();
    for (name, wanted) in &wanted {
        if !there.has(wanted)? {
            continue;
        }
        progress.say(&format!("building {name} as it is at {}", there.shown));
        artifacts.push(Artifact { name: name.clone(), ..there.measured(wanted)? });
    }
    Ok(AtCommit { sizes: Sizes { version: VERSION, artifacts }, shown: there.shown })
}

/// A build of the project, and how it is found among its builds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    output: PathBuf,
    what: What,
    target: Target,
    among: Among,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Function { name: String, packaging: String, method: Method },
    Layer(String),
}

/// Which builds of a project are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    /// Those of the matrix.
    Matrix,
    /// Those for a target that the command line named.
    Target(Target),
    /// Images of a project that has no packaging of that method.
    Images(Target),
}

/// The build of each artifact, by its name.
fn wanted(now: &Sizes) -> Result<Vec<(String, Wanted)>> {
    let root = Path::new("");
    let mut wanted = Vec::new();
    let mut foreign = Vec::new();
    for Artifact { name, python, architecture, .. } in &now.artifacts {
        let mut places = vec![Among::Matrix];
        if let (Some(python), Some(architecture)) = (*python, *architecture) {
            let target = Target { python, architecture };
            places.extend([Among::Target(target), Among::Images(target)]);
        }
        let mut found = None;
        for among in places {
            found = found.or(builds(root, among)?.into_iter().find(|build| is_of(name, &build.output)));
        }
        match found {
            Some(build) => wanted.push((name.clone(), build)),
            None => foreign.push(name.as_str()),
        }
    }
    if foreign.is_empty() {
        return Ok(wanted);
    }
    Err(Error::usage(
        format!("nothing of the project is written to {}: how it was at a commit is not known", foreign.join(", ")),
        "pack plan shows what the project builds; compare others with an artifact, or with a report that --save wrote",
    ))
}

/// Some builds of the project in a folder.
fn builds(root: &Path, among: Among) -> Result<Vec<Wanted>> {
    let mut project = Project::load(root)?;
    let selection = match among {
        Among::Matrix => Selection::default(),
        Among::Target(target) => of_target(target),
        Among::Images(target) => Selection { packaging: project.image_packaging(), ..of_target(target) },
    };
    let builds = project.builds(&selection)?;
    let function = |build: Build| Wanted {
        output: build.output,
        what: What::Function { name: build.function, packaging: build.packaging, method: build.method },
        target: build.target,
        among,
    };
    let layer = |build: LayerBuild| Wanted {
        output: build.output,
        what: What::Layer(build.layer),
        target: build.target,
        among,
    };
    Ok(builds.functions.into_iter().map(function).chain(builds.layers.into_iter().map(layer)).collect())
}

fn of_target(target: Target) -> Selection {
    Selection { python: Some(target.python), architecture: Some(target.architecture), ..Selection::default() }
}

/// The project as it is at the commit.
struct There<'a> {
    root: PathBuf,
    cache: PathBuf,
    shown: String,
    registries: &'a Registries<'a>,
}

impl There<'_> {
    /// Whether there is such a build.
    fn has(&self, wanted: &Wanted) -> Result<bool> {
        if !self.root.is_dir() {
            return Ok(false);
        }
        let builds = builds(&self.root, wanted.among).map_err(|error| {
            let root = format!("{}/", self.root.display());
            let hint = error.hint().unwrap_or_else(|| "compare with another commit".into());
            Error::usage(
                format!("the project at {} cannot be read: {}", self.shown, error.to_string().replace(&root, "")),
                hint,
            )
        })?;
        Ok(builds.contains(wanted))
    }

    /// Builds it there, and measures it.
    fn measured(&self, wanted: &Wanted) -> Result<Artifact> {
        let output = self.root.join(&wanted.output);
        unlink(&self.root, &wanted.output)?;
        // A repository may have what somebody built once.
        remove(&output)?;
        remove(&over_limit(&output))?;
        // It ends with a failure as well where the artifact is too large: that does not keep it from being compared.
        let is_there = || [output.clone(), over_limit(&output)].into_iter().find(|path| path.exists());
        let mut outcome = self.run(wanted, true);
        if is_there().is_none() {
            // What an import test says of what was is no matter here.
            outcome = self.run(wanted, false);
        }
        let Some(artifact) = is_there() else {
            outcome?;
            return Err(Error::usage(
                format!("{} is not written by its build at {}", wanted.output.display(), self.shown),
                "compare with another commit, or with a report that --save wrote",
            ));
        };
        let path = artifact.display().to_string();
        let (Measured { artifact, .. }, _) = report::open(&path, self.registries, &mut Unpacked::default())?;
        Ok(artifact)
    }

    fn run(&self, wanted: &Wanted, with_import_test: bool) -> Result<(), CommandError> {
        let program =
            std::env::current_exe().map_err(|source| CommandError::Start { program: "pack".into(), source })?;
        let (python, architecture) = (wanted.target.python.to_string(), wanted.target.architecture.to_string());
        let mut arguments: Vec<&str> = Vec::new();
        let name = match &wanted.what {
            What::Function { name, packaging, method } => {
                let is_image = *method == Method::Image;
                arguments.push(if is_image { "image" } else { "zip" });
                if !matches!(wanted.among, Among::Images(_)) {
                    arguments.extend(["--packaging", packaging]);
                }
                if is_image && self.registries.insecure {
                    arguments.push("--insecure");
                }
                if let Some(profile) = self.registries.profile {
                    arguments.extend(["--profile", profile]);
                }
                name
            }
            What::Layer(name) => {
                arguments.push("layer");
                name
            }
        };
        arguments.extend(["--python", &python, "--arch", &architecture, "--no-check", "--quiet"]);
        if !with_import_test {
            arguments.push("--no-import-test");
        }
        arguments.extend(["--", name]);
        let mut command = Command::new(program);
        command.args(&arguments).current_dir(&self.root).env("PACK_CACHE_DIR", &self.cache);
        for variable in git::VARIABLES {
            command.env_remove(variable);
        }
        let what = format!("building {} as it is at {}", wanted.output.display(), self.shown);
        system::run(command, b"", &what, &format!("pack {}", arguments.join(" "))).map(drop)
    }
}

/// Takes the links on a path out of a folder: a build writes to that path, and where they lead is somebody's.
fn unlink(folder: &Path, path: &Path) -> Result<()> {
    let mut folder = folder.to_owned();
    for name in path {
        folder.push(name);
        if folder.is_symlink() {
            remove(&folder)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let gone = match path.symlink_metadata() {
        Ok(there) if there.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    };
    gone.map_err(Error::io("remove", path))
}
