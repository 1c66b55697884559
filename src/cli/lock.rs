//! `pack lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use clap::Args;

use super::{nothing_here, print};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::{Architecture, PythonVersion};
use crate::lock::{self, Entry, LeftOut, OfLayers, Set, SetId, State};
use crate::progress::{Progress, Verbosity};
use crate::project::{Builds, Choice, LayerSettings, Project, Requirements, Selection};
use crate::python::interpreter;
use crate::resolve;
use crate::slim::Globs;

const EXAMPLES: &str = "\
Examples:
  pack lock                             what changed in the requirements, and nothing else
  pack lock --upgrade                   the newest of everything that they allow
  pack lock --upgrade boto3 --upgrade botocore
                                        these two; the others stay
  pack lock --check                     for CI: fail if pack.lock is out of date, and write nothing";

/// Bring pack.lock up to date: which wheels each set of requirements takes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Lock {
    /// Take the newest versions that the requirements allow, of everything or of one distribution; may be repeated
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with = "check")]
    upgrade: Vec<String>,

    /// Fail if the lock is out of date, saying what changed, and write nothing
    #[arg(long)]
    check: bool,

    /// Python version of the Lambda runtime; may be repeated [default: those of the matrix in pack.toml, else 3.13]
    #[arg(long, value_name = "VERSION")]
    python: Vec<PythonVersion>,

    #[arg(
        long,
        value_name = "ARCH",
        help = "Architecture of the functions; may be repeated [default: those of the matrix in pack.toml, else 64-bit x86]"
    )]
    arch: Vec<Architecture>,

    /// Use no network: resolve from the wheels in the cache
    #[arg(long)]
    offline: bool,

    /// The Python that runs pip [default: the runtime's version on PATH, in pyenv's or uv's folders, else any]
    #[arg(long, value_name = "PATH")]
    python_executable: Option<PathBuf>,

    /// Where wheels are kept between builds [default: pack in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "PACK_CACHE_DIR", hide_env_values = true)]
    cache_dir: Option<PathBuf>,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// What a set is made from: its files, what is taken of them, and the sets of its function's layers.
type Made = (Vec<PathBuf>, Choice, Vec<LayerSet>);

/// The set of a layer, and which of its wheels the layer may leave out.
type LayerSet = (SetId, Rc<LeftOut>);

impl Lock {
    pub(super) fn run(self) -> Result<ExitCode> {
        if !Path::new("pack.toml").is_file() {
            return Err(nothing_here(
                "a lock belongs to a project, and there is no pack.toml here",
                "run it where pack.toml is; an empty one is enough",
            ));
        }
        let file = Path::new(lock::FILE);
        let entries = self.entries(file)?;
        let before = lock::load(file)?;
        self.check_names(before.sets(), &entries)?;
        let gone = self.gone(before.sets(), &entries);
        if self.check {
            // Somebody may have built a function for another target; of a function that is gone there should be nothing.
            let is_named = |id: &SetId| entries.iter().any(|(entry, _)| entry.id.name == id.name);
            let gone: Vec<SetId> = gone.into_iter().filter(|id| !is_named(id)).collect();
            return check(&entries, &before, &gone);
        }
        let mut progress = Progress::new(if self.quiet { Verbosity::Quiet } else { Verbosity::Normal });
        let mut sets: Vec<Set> = Vec::new();
        for (entry, layers) in &entries {
            let of_layers =
                of_layers(layers, |id| sets.iter().find(|set| set.id == *id).or_else(|| before.set(id)).cloned());
            sets.extend(self.resolve(entry, &of_layers, &before, &mut progress)?);
        }
        progress.finish();
        lock::update(file, |lock| {
            for id in &gone {
                lock.remove(id);
            }
            for set in &sets {
                lock.replace(set.clone());
            }
        })?;
        if !self.quiet {
            print(&self.text(&before, &sets, &gone))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The sets of the project, for every target, each with those of its layers; these come first.
    fn entries(&self, file: &Path) -> Result<Vec<(Entry, Vec<LayerSet>)>> {
        let sets = self.sets(Path::new(""))?;
        if sets.is_empty() {
            return Err(Error::usage(
                "no function and no layer of this project has a requirements file, so there is nothing to lock",
                "write requirements/<FUNCTION>.txt for a function under functions/",
            ));
        }
        let entry = |(id, (requirements, choice, layers)): (SetId, Made)| {
            let entry = Entry {
                file: file.to_owned(),
                requirements: Requirements::read(&requirements, &choice, id.target)?,
                id,
                frozen: self.check,
            };
            Ok((entry, layers))
        };
        let mut entries = sets.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
        entries.sort_by_key(|(_, layers)| !layers.is_empty());
        Ok(entries)
    }

    /// Each set of the project's requirements and its files, for the targets that are built.
    fn sets(&self, root: &Path) -> Result<BTreeMap<SetId, Made>> {
        let project = Project::load(root)?;
        let mut sets = BTreeMap::new();
        let pythons = any(&self.python);
        let pairs = any(&self.arch).into_iter().flat_map(|arch| pythons.iter().map(move |python| (*python, arch)));
        for (python, architecture) in pairs {
            let selection = Selection { python, architecture, ..Selection::default() };
            let Builds { functions, layers } = project.builds(&selection)?;
            let of_layer = |layer: &str, target| SetId { name: lock::layer_set(layer), packaging: None, target };
            let mut of_layers: BTreeMap<SetId, Rc<LeftOut>> = BTreeMap::new();
            for build in layers.into_iter().filter(|build| !build.requirements.is_empty()) {
                let id = of_layer(&build.layer, build.target);
                of_layers.insert(id.clone(), Rc::new(left_out(&build.settings)?));
                sets.insert(id, (build.requirements, build.choice, Vec::new()));
            }
            // What cannot be built, since nobody knows what its layers have, has no wheels either.
            let builds = functions.into_iter().filter(|build| build.layers_known() && !build.requirements.is_empty());
            for build in builds {
                let (packaging, target) = (build.packaging_of_lock(), build.target);
                let own = build.layers.iter().filter(|_| packaging.is_some());
                let layers = own.filter_map(|layer| of_layers.get_key_value(&of_layer(&layer.name, target)));
                let layers = layers.map(|(id, left_out)| (id.clone(), left_out.clone())).collect();
                let id = SetId { name: build.function, packaging, target };
                sets.insert(id, (build.requirements, build.choice, layers));
            }
        }
        Ok(sets)
    }

    /// What the lock has and the project has not. A command for some targets says nothing of the others.
    fn gone(&self, sets: &[Set], entries: &[(Entry, Vec<LayerSet>)]) -> Vec<SetId> {
        let is_known = |id: &SetId| entries.iter().any(|(entry, _)| entry.id == *id);
        let is_named = |id: &SetId| entries.iter().any(|(entry, _)| entry.id.name == id.name);
        let some_targets = !self.python.is_empty() || !self.arch.is_empty();
        let stays = |id: &SetId| is_known(id) || (some_targets && is_named(id));
        sets.iter().map(|set| &set.id).filter(|id| !stays(id)).cloned().collect()
    }

    /// A name to upgrade that no set has is a mistake.
    fn check_names(&self, sets: &[Set], entries: &[(Entry, Vec<LayerSet>)]) -> Result<()> {
        let of_project = |set: &&Set| entries.iter().any(|(entry, _)| entry.id == set.id);
        let known: BTreeSet<&str> =
            sets.iter().filter(of_project).flat_map(|set| &set.wheels).map(|wheel| wheel.name.as_str()).collect();
        match self.upgraded().find(|name| !known.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Error::usage(
                format!("pack.lock has no {name} that could be upgraded"),
                "name a distribution that a set of this project has; pack lock alone adds what is new in the requirements",
            )),
        }
    }

    fn upgraded(&self) -> impl Iterator<Item = String> {
        self.upgrade.iter().filter(|name| !name.is_empty()).map(|name| crate::python::normalise(name))
    }

    /// The new state of a set; none where it holds and nothing is to be upgraded.
    fn resolve(
        &self,
        entry: &Entry,
        of_layers: &OfLayers,
        before: &lock::Lock,
        progress: &mut Progress,
    ) -> Result<Option<Set>> {
        let agrees = |set: &Set| lock::beside_layers(set, &of_layers.certain).is_empty();
        let old = match entry.state_in(before)? {
            State::Holds(set) if self.upgrade.is_empty() && set.is_settled() && agrees(&set) => return Ok(None),
            State::Holds(set) => Some(set),
            State::Outdated { old, .. } => old,
        };
        let mut pins = old.as_ref().map(lock::pins).unwrap_or_default();
        if self.upgrade.iter().any(String::is_empty) {
            pins.clear();
        }
        for name in self.upgraded() {
            pins.remove(&name);
        }
        pins.extend(of_layers.likely.clone());
        pins.retain(|name, _| !of_layers.certain.contains_key(name));
        let settled: Vec<String> =
            of_layers.certain.iter().map(|(name, version)| format!("{name}=={version}")).collect();
        let target = entry.id.target;
        let cache = Cache::open(self.cache_dir.as_deref())?;
        let python = interpreter::find(target, self.python_executable.as_deref())?;
        progress.say(&format!("resolving {}", entry.id));
        let inputs = entry.read_inputs()?;
        let answer = progress.phase("resolve", |progress| {
            let answer =
                resolve::ask_pinned(&python.pip, target, &entry.requirements, &settled, pins, &cache, self.offline)
                    .map_err(|error| conflict(entry, of_layers, error))?;
            resolve::with_digests(answer, &python.pip, target, &cache, self.offline, progress)
        })?;
        entry.set(inputs, &answer).map(Some)
    }

    /// What changed, by set.
    fn text(&self, before: &lock::Lock, sets: &[Set], gone: &[SetId]) -> String {
        let mut text = String::new();
        for id in gone {
            let _ = writeln!(text, "- {id}");
        }
        for set in sets {
            let old = before.set(&set.id);
            let changes = lock::changes(old, Some(set));
            if !changes.is_empty() || old.is_none() {
                let _ = writeln!(text, "{}", set.id);
            }
            for change in changes {
                let _ = writeln!(text, "  {change}");
            }
        }
        let version = |set: Option<&Set>, name: &str| {
            set?.wheels.iter().find(|wheel| wheel.name == name).map(|wheel| wheel.version.clone())
        };
        for name in self.upgraded() {
            let moved = |set: &Set| version(before.set(&set.id), &name) != version(Some(set), &name);
            if !sets.iter().any(moved) {
                let _ = writeln!(
                    text,
                    "{name} stays: it is the newest that the requirements and the versions of the others allow"
                );
            }
        }
        if text.is_empty() { format!("{} is up to date\n", lock::FILE) } else { text }
    }
}

/// What may be chosen: each of what was given, else anything.
fn any<T: Copy>(given: &[T]) -> Vec<Option<T>> {
    if given.is_empty() { vec![None] } else { given.iter().copied().map(Some).collect() }
}

/// What the layers of a function will have, as their sets are now.
fn of_layers(layers: &[LayerSet], set: impl Fn(&SetId) -> Option<Set>) -> OfLayers {
    let mut all = OfLayers::default();
    for (id, left_out) in layers {
        if let Some(set) = set(id) {
            all.add(&set, left_out);
        }
    }
    all
}

/// The error, or which layers pip says are in the way.
fn conflict(entry: &Entry, of_layers: &OfLayers, error: Error) -> Error {
    let refusals = resolve::refusals(&error);
    let conflicts = refusals.iter().filter_map(|refusal| {
        let (version, layer) = (of_layers.certain.get(&refusal.name)?, of_layers.layers.get(&refusal.name)?);
        Some(format!("{layer} has {} {version}, and pip says for {}: {}", refusal.name, entry.id, refusal.causes))
    });
    let conflicts: Vec<String> = conflicts.collect();
    if conflicts.is_empty() { error } else { Error::LayerConflict { conflicts } }
}

fn left_out(LayerSettings { slim, bundle_sdk, exclude, .. }: &LayerSettings) -> Result<LeftOut> {
    Ok(LeftOut { level: *slim, sdk: *bundle_sdk, exclude: Globs::new("exclude", exclude)? })
}

/// Says whether the lock holds for all of the project, and what not.
fn check(entries: &[(Entry, Vec<LayerSet>)], lock: &lock::Lock, gone: &[SetId]) -> Result<ExitCode> {
    let mut lines = Vec::new();
    for (entry, layers) in entries {
        let reasons = match entry.state_in(lock)? {
            State::Outdated { reasons, .. } => reasons,
            State::Holds(set) => lock::beside_layers(&set, &of_layers(layers, |id| lock.set(id).cloned()).certain),
        };
        if !reasons.is_empty() {
            lines.push(format!("{}:\n  {}", entry.id, reasons.join("\n  ")));
        }
    }
    lines.extend(gone.iter().map(|id| format!("{id}: the project has no such set")));
    if lines.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Error::Lock {
        message: format!("{} is out of date:\n{}", lock::FILE, lines.join("\n")),
        hint: "pack lock brings it up to date; commit the result".into(),
    })
}
