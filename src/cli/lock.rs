//! `pack lock`.

mod bases;
mod published;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use clap::Args;

use self::bases::Look;
use self::published::{Newer, Resolved};
use super::account::Account;
use super::{describe, nothing_here, print};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::image;
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::lock::{self, Entry, LeftOut, LockedLayer, OfLayers, Set, SetId, State};
use crate::progress::{Progress, Verbosity};
use crate::project::{Build, Builds, Choice, LayerBuild, LayerSettings, Method, Project, Requirements, Selection};
use crate::published::{Finder, Wanted};
use crate::python::{interpreter, normalise};
use crate::resolve;
use crate::slim::Globs;

const EXAMPLES: &str = "\
Examples:
  pack lock                             what changed in the requirements, and nothing else
  pack lock --upgrade                   the newest of everything that they allow
  pack lock --upgrade boto3 --upgrade botocore
                                        these two; the others stay
  pack lock --upgrade powertools        a layer that somebody else publishes, by its name in pack.toml
  pack lock --check                     for CI: fail if pack.lock is out of date, and write nothing

Of layers of others (public, arn) it says the version, the size and the distributions. That takes AWS
credentials, lambda:GetLayerVersion, and a pack with the cargo feature aws; what is locked needs none.";

/// Bring pack.lock up to date: which wheels each set of requirements takes, and which versions of others' layers.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Lock {
    /// Take the newest versions that the requirements allow, of everything, of one distribution or of one layer of
    /// others; may be repeated
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

    #[command(flatten)]
    account: Account,

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

/// What a set is made from: its files, what is taken of them, both as they were read, if they were, and the sets of its function's layers.
type Made = (Vec<PathBuf>, Choice, Option<Requirements>, Vec<LayerSet>);

/// What a layer is called in the lock, and which of its wheels it may leave out; none where it is somebody else's.
type LayerSet = (SetId, Option<Rc<LeftOut>>);

/// What the project builds, for every target that is meant.
#[derive(Default)]
struct Meant {
    functions: Vec<Build>,
    layers: Vec<LayerBuild>,
    /// Layers of others, each once.
    published: Vec<Wanted>,
}

/// The sets of a project.
struct Sets {
    /// Those that can be made, each with the sets and layers of others that come before it.
    entries: Vec<(Entry, Vec<LayerSet>)>,
    /// Those that stay as they are: nobody knows what a layer of the function has.
    held: BTreeSet<SetId>,
}

impl Lock {
    pub(super) fn run(self) -> Result<ExitCode> {
        if !Path::new("pack.toml").is_file() {
            return Err(nothing_here(
                "a lock belongs to a project, and there is no pack.toml here",
                "run it where pack.toml is; an empty one is enough",
            ));
        }
        let file = Path::new(lock::FILE);
        let mut progress = Progress::new(if self.quiet { Verbosity::Quiet } else { Verbosity::Normal });
        let before = lock::load(file)?;
        let cache = Cache::open(self.cache_dir.as_deref())?;
        let profile = self.account.profile();
        let meant = self.meant(Path::new(""))?;
        if self.check {
            let (published, mut lines) = published::check(&meant.published, &before, &progress);
            lines.extend(bases::check(&bases::wanted(&meant.functions)?, &before, self.some_targets()));
            let look = Look {
                cache: &cache,
                before: &before,
                digests: &BTreeMap::new(),
                offline: true,
                profile,
                progress: &progress,
            };
            return self.check(&self.sets(&meant, &published, &look, file)?, &before, &published.layers, lines);
        }
        self.check_names(&before, &meant)?;
        let names: Vec<String> = self.upgrade.clone();
        let newer = if self.upgrades_all() { Newer::All } else { Newer::Named(&names) };
        let mut finder = Finder::new(&cache, self.offline, self.account.access());
        let published = published::resolve(&meant.published, &before, &newer, &mut finder, &progress)?;
        let wanted = bases::wanted(&meant.functions)?;
        let bases = bases::resolve(&wanted, &before, &newer, self.offline, profile, &progress)?;
        let gone_bases = bases::gone(&wanted, &before, self.some_targets());
        let look = Look {
            cache: &cache,
            before: &before,
            digests: &bases,
            offline: self.offline,
            profile,
            progress: &progress,
        };
        let Sets { entries, held } = self.sets(&meant, &published, &look, file)?;
        let gone = self.gone(before.sets(), &entries, &held);
        let gone_layers = published::gone(&before, &meant.published, self.some_targets());
        let mut sets: Vec<Set> = Vec::new();
        let mut failures: Vec<(&Entry, Error)> = Vec::new();
        for (entry, layers) in &entries {
            let set = |id: &SetId| sets.iter().find(|set| set.id == *id).or_else(|| before.set(id)).cloned();
            let of_layers = of_layers(layers, set, &published.layers);
            match self.resolve(entry, &of_layers, &before, &cache, &mut progress) {
                Ok(set) => sets.extend(set),
                // Without an index all the others would wait for it in vain.
                Err(error) if entries.len() == 1 || matches!(error, Error::IndexUnreachable { .. }) => {
                    return Err(error);
                }
                Err(error) => failures.push((entry, error)),
            }
        }
        progress.finish();
        lock::update(file, |lock| {
            for id in &gone {
                lock.remove(id);
            }
            for set in &sets {
                lock.replace(set.clone());
            }
            for (name, target) in &gone_layers {
                lock.remove_layer(name, *target);
            }
            for layer in &published.layers {
                lock.replace_layer(layer.clone());
            }
            for id in &gone_bases {
                lock.remove_base(id);
            }
            for (id, digest) in &bases {
                lock.replace_base(id.clone(), *digest);
            }
        })?;
        if !self.quiet {
            let mut text = published::text(&before, &published.layers, &gone_layers);
            text += &published::stays(&before, &published.layers, &meant.published, &names);
            text += &bases::text(&before, &bases, &gone_bases);
            text += &self.text(&before, &sets, &gone);
            if text.is_empty() && failures.is_empty() {
                let rest = if published.unknown.is_empty() { "is up to date" } else { "has nothing else to change" };
                text = format!("{} {rest}\n", lock::FILE);
            }
            print(&text)?;
        }
        for (entry, error) in &failures {
            let files: Vec<String> = entry.requirements.files().iter().map(|file| file.display().to_string()).collect();
            progress.fail(&format!("{} of {}:\n{}", entry.id, files.join(", "), describe(error)));
        }
        if !failures.is_empty() {
            let names: Vec<String> = failures.iter().map(|(entry, _)| entry.id.to_string()).collect();
            progress.fail(&format!("not locked: {}", names.join(", ")));
        }
        Ok(ExitCode::from(failures.iter().map(|(_, error)| error.status()).max().unwrap_or_default()))
    }

    fn upgrades_all(&self) -> bool {
        self.upgrade.iter().any(String::is_empty)
    }

    fn some_targets(&self) -> bool {
        !self.python.is_empty() || !self.arch.is_empty()
    }

    /// What is built, for the targets that are meant.
    fn meant(&self, root: &Path) -> Result<Meant> {
        let mut project = Project::load(root)?;
        self.account.set_region(&mut project);
        let mut meant = Meant::default();
        let pythons = any(&self.python);
        let pairs = any(&self.arch).into_iter().flat_map(|arch| pythons.iter().map(move |python| (*python, arch)));
        for (python, architecture) in pairs {
            let selection = Selection { python, architecture, ..Selection::default() };
            let Builds { functions, layers } = project.builds(&selection)?;
            meant.functions.extend(functions);
            meant.layers.extend(layers);
        }
        let with_layers = meant.functions.iter().filter(|build| build.method == Method::Layers);
        meant.published = with_layers.flat_map(|build| Wanted::of(build, &project)).collect();
        meant.published.sort_by(|left, right| (&left.name, left.target).cmp(&(&right.name, right.target)));
        meant.published.dedup_by(|left, right| (&left.name, left.target) == (&right.name, right.target));
        Ok(meant)
    }

    /// The sets of the project, for every target, each with those of its layers; these come first.
    fn sets(&self, meant: &Meant, published: &Resolved, look: &Look<'_>, file: &Path) -> Result<Sets> {
        let mut sets: BTreeMap<SetId, Made> = BTreeMap::new();
        let mut of_layers: BTreeMap<SetId, Rc<LeftOut>> = BTreeMap::new();
        for build in meant.layers.iter().filter(|build| !build.requirements.is_empty()) {
            let id = of_layer(&build.layer, build.target);
            of_layers.insert(id.clone(), Rc::new(left_out(&build.settings)?));
            sets.insert(id, (build.requirements.clone(), build.choice.clone(), None, Vec::new()));
        }
        let mut held = BTreeSet::new();
        for build in &meant.functions {
            let (packaging, target) = (build.packaging_of_lock(), build.target);
            let has_layers = packaging.is_some();
            let added = if build.method == Method::Image && look.lacks_client(build)? {
                let requirements = Requirements::read(&build.requirements, &build.choice, target)?;
                Some(lock::with_added(requirements, image::CLIENT)?).filter(|read| !read.added.is_empty())
            } else {
                None
            };
            if build.requirements.is_empty() && added.is_none() {
                continue;
            }
            // What an image's base lacks is in a set of its own.
            let packaging = packaging.or_else(|| added.is_some().then(|| build.packaging.clone()));
            let id = SetId { name: build.function.clone(), packaging, target };
            let is_unknown = |name: &str| published.unknown.contains(&(name.to_owned(), target));
            if has_layers && build.layers.iter().any(|layer| is_unknown(&layer.name)) {
                held.insert(id);
                continue;
            }
            let layers = build.layers.iter().filter(|_| has_layers).map(|layer| {
                let id = of_layer(&layer.name, target);
                (id.clone(), of_layers.get(&id).cloned())
            });
            sets.insert(id, (build.requirements.clone(), build.choice.clone(), added, layers.collect()));
        }
        let is_nothing = sets.is_empty() && held.is_empty() && meant.published.is_empty();
        if is_nothing && !self.check && bases::wanted(&meant.functions)?.is_empty() {
            return Err(Error::usage(
                "no function and no layer of this project has a requirements file, so there is nothing to lock",
                "write requirements/<FUNCTION>.txt for a function under functions/",
            ));
        }
        let entry = |(id, (files, choice, read, layers)): (SetId, Made)| {
            let requirements = match read {
                Some(read) => read,
                None => Requirements::read(&files, &choice, id.target)?,
            };
            Ok((Entry { file: file.to_owned(), requirements, id, frozen: self.check }, layers))
        };
        let mut entries = sets.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
        entries.sort_by_key(|(_, layers)| !layers.is_empty());
        Ok(Sets { entries, held })
    }

    /// What the lock has and the project has not. A command for some targets says nothing of the others.
    fn gone(&self, sets: &[Set], entries: &[(Entry, Vec<LayerSet>)], held: &BTreeSet<SetId>) -> Vec<SetId> {
        let ids = || entries.iter().map(|(entry, _)| &entry.id).chain(held);
        let is_known = |id: &SetId| ids().any(|known| known == id);
        let is_named = |id: &SetId| ids().any(|known| known.name == id.name);
        let stays = |id: &SetId| is_known(id) || (self.some_targets() && is_named(id));
        sets.iter().map(|set| &set.id).filter(|id| !stays(id)).cloned().collect()
    }

    /// A name to upgrade that no set and no layer has is a mistake.
    fn check_names(&self, before: &lock::Lock, meant: &Meant) -> Result<()> {
        let builds = meant.functions.iter().map(|build| build.function.clone());
        let names: BTreeSet<String> =
            builds.chain(meant.layers.iter().map(|build| lock::layer_set(&build.layer))).collect();
        let of_project = before.sets().iter().filter(|set| names.contains(&set.id.name));
        let wheels: BTreeSet<&str> = of_project.flat_map(|set| &set.wheels).map(|wheel| wheel.name.as_str()).collect();
        let bases = bases::wanted(&meant.functions)?;
        let is_layer = |name: &str| {
            let is_base = bases.iter().any(|(reference, _)| reference.to_string() == name);
            is_base || meant.published.iter().any(|wanted| wanted.name == name)
        };
        let upgraded = self.upgrade.iter().filter(|name| !name.is_empty());
        match upgraded.map(String::as_str).find(|name| !wheels.contains(normalise(name).as_str()) && !is_layer(name)) {
            None => Ok(()),
            Some(name) => Err(Error::usage(
                format!("pack.lock has no {} that could be upgraded", normalise(name)),
                "name a distribution that a set of this project has; pack lock alone adds what is new in the requirements",
            )),
        }
    }

    fn upgraded(&self) -> impl Iterator<Item = String> {
        self.upgrade.iter().filter(|name| !name.is_empty()).map(|name| normalise(name))
    }

    /// The new state of a set; none where it holds and nothing is to be upgraded.
    fn resolve(
        &self,
        entry: &Entry,
        of_layers: &OfLayers,
        before: &lock::Lock,
        cache: &Cache,
        progress: &mut Progress,
    ) -> Result<Option<Set>> {
        let agrees = |set: &Set| lock::beside_layers(set, &of_layers.certain).is_empty();
        let old = match entry.state_in(before)? {
            State::Holds(set) if self.upgrade.is_empty() && set.is_settled() && agrees(&set) => return Ok(None),
            State::Holds(set) => Some(set),
            State::Outdated { old, .. } => old,
        };
        let mut pins = old.as_ref().map(lock::pins).unwrap_or_default();
        if self.upgrades_all() {
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
        let python = interpreter::find(target, self.python_executable.as_deref())?;
        progress.say(&format!("resolving {}", entry.id));
        let inputs = entry.read_inputs()?;
        let answer = progress.phase("resolve", |progress| {
            let answer =
                resolve::ask_pinned(&python.pip, target, &entry.requirements, &settled, pins, cache, self.offline)
                    .map_err(|error| conflict(entry, of_layers, error))?;
            resolve::with_digests(answer, &python.pip, target, cache, self.offline, progress)
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
            let is_there = |set: &Set| version(Some(set), &name).is_some();
            if sets.iter().any(is_there) && !sets.iter().any(moved) {
                let _ = writeln!(
                    text,
                    "{name} stays: it is the newest that the requirements and the versions of the others allow"
                );
            }
        }
        text
    }

    /// Says whether the lock holds for all of the project, and what not.
    fn check(
        &self,
        Sets { entries, held }: &Sets,
        lock: &lock::Lock,
        published: &[LockedLayer],
        mut lines: Vec<String>,
    ) -> Result<ExitCode> {
        for (entry, layers) in entries {
            let reasons = match entry.state_in(lock)? {
                State::Outdated { reasons, .. } => reasons,
                State::Holds(set) => {
                    lock::beside_layers(&set, &of_layers(layers, |id| lock.set(id).cloned(), published).certain)
                }
            };
            if !reasons.is_empty() {
                lines.push(format!("{}:\n  {}", entry.id, reasons.join("\n  ")));
            }
        }
        // Somebody may have built a function for another target; of a function that is gone there should be nothing.
        let is_named = |id: &SetId| entries.iter().any(|(entry, _)| entry.id.name == id.name);
        let gone = self.gone(lock.sets(), entries, held).into_iter().filter(|id| !is_named(id));
        lines.extend(gone.map(|id| format!("{id}: the project has no such set")));
        if lines.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        Err(Error::Lock {
            message: format!("{} is out of date:\n{}", lock::FILE, lines.join("\n")),
            hint: "pack lock brings it up to date; commit the result".into(),
        })
    }
}

fn of_layer(layer: &str, target: Target) -> SetId {
    SetId { name: lock::layer_set(layer), packaging: None, target }
}

/// What may be chosen: each of what was given, else anything.
fn any<T: Copy>(given: &[T]) -> Vec<Option<T>> {
    if given.is_empty() { vec![None] } else { given.iter().copied().map(Some).collect() }
}

/// What the layers of a function have, as the lock will say.
fn of_layers(layers: &[LayerSet], set: impl Fn(&SetId) -> Option<Set>, published: &[LockedLayer]) -> OfLayers {
    let mut all = OfLayers::default();
    for (id, left_out) in layers {
        if let (Some(set), Some(left_out)) = (set(id), left_out) {
            all.add(&set, left_out);
        }
        for layer in published.iter().filter(|layer| of_layer(&layer.name, layer.target) == *id) {
            all.add_published(id, layer);
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
