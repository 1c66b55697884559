//! Which wheels a build takes: the lock's, where the project has one that holds; else pip's.
//!
//! With an entry of the lock that holds, nobody is asked. With one that does not, pip is asked to keep what need not
//! change, and the lock has the new answer once the build has succeeded. Without a lock, the build starts from pip's last
//! answer to the same question while pip is asked again; if pip now says something else, what was made is dropped. What
//! must stay true: nothing that neither the lock says nor pip confirmed gets out. What the function's layers have is a
//! constraint of the question, or with `--allow-shadow` a wish.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::time::Instant;

use super::BuildPlan;
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lock::{self, Entry, State};
use crate::progress::Progress;
use crate::python::interpreter::Interpreters;
use crate::resolve::{self, Answer};

/// The answer, for a build that does not happen.
pub(super) fn only(build: &BuildPlan, python: &Interpreters, cache: &Cache, progress: &mut Progress) -> Result<Answer> {
    let Some(entry) = &build.lock else { return progress.phase("resolve", |_| ask(build, python, cache)) };
    match state(build, entry)? {
        State::Holds(set) => lock::to_answer(&set, entry.root(), &build.requirements),
        State::Outdated { reasons, .. } if entry.frozen => Err(entry.refuse(&reasons)),
        State::Outdated { old, .. } => progress.phase("resolve", |_| ask_again(build, old.as_ref(), python, cache)),
    }
}

/// Makes something of the answer; it may be made twice, and the first is dropped then. Also gives the lock's set that the
/// answer is, in a project.
pub(super) fn with<T>(
    build: &BuildPlan,
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
    make: impl Fn(&Answer, &mut Progress) -> Result<T>,
) -> Result<(T, Option<lock::Set>)> {
    match &build.lock {
        Some(entry) => locked(build, entry, python, cache, progress, make).map(|(made, set)| (made, Some(set))),
        None => Ok((remembered(build, python, cache, progress, make)?, None)),
    }
}

/// What the lock says; it does not hold where the function's layers have other versions.
pub(super) fn state(build: &BuildPlan, entry: &Entry) -> Result<State> {
    Ok(match entry.state()? {
        State::Holds(set) if !build.allow_shadow => {
            let reasons = lock::beside_layers(&set, &build.layers.versions());
            if reasons.is_empty() { State::Holds(set) } else { State::Outdated { old: Some(set), reasons } }
        }
        state => state,
    })
}

fn ask(build: &BuildPlan, python: &Interpreters, cache: &Cache) -> Result<Answer> {
    ask_again(build, build.near.as_ref(), python, cache)
}

/// Asks pip for the layers' versions of what they have; elsewhere it keeps to an old answer where it can.
fn ask_again(build: &BuildPlan, old: Option<&lock::Set>, python: &Interpreters, cache: &Cache) -> Result<Answer> {
    let mut pins = old.map(lock::pins).unwrap_or_default();
    let of_layers = build.layers.versions();
    pins.retain(|name, _| !of_layers.contains_key(name));
    let settled = if build.allow_shadow {
        pins.extend(of_layers);
        Vec::new()
    } else {
        lines(of_layers)
    };
    let answer =
        resolve::ask_pinned(&python.pip, build.target, &build.requirements, &settled, pins, cache, build.offline);
    answer.map_err(|error| conflict(build, error))
}

/// As a file of constraints has them.
fn lines(versions: BTreeMap<String, String>) -> Vec<String> {
    versions.into_iter().map(|(name, version)| format!("{name}=={version}")).collect()
}

/// The error, or which layers pip says are in the way.
fn conflict(build: &BuildPlan, error: Error) -> Error {
    let conflicts: Vec<String> = resolve::refusals(&error)
        .iter()
        .filter_map(|refusal| {
            let (layer, version) = build.layers.of(&refusal.name)?;
            Some(format!("layer {} has {} {version}, and pip says: {}", layer.shown(), refusal.name, refusal.causes))
        })
        .collect();
    if conflicts.is_empty() { error } else { Error::LayerConflict { conflicts } }
}

fn locked<T>(
    build: &BuildPlan,
    entry: &Entry,
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
    make: impl Fn(&Answer, &mut Progress) -> Result<T>,
) -> Result<(T, lock::Set)> {
    let (old, reasons) = match state(build, entry)? {
        State::Outdated { old, reasons } => (old, reasons),
        State::Holds(set) => {
            let answer = lock::to_answer(&set, entry.root(), &build.requirements)?;
            match make(&answer, progress) {
                Err(Error::FolderChanged(reason)) => (Some(set), vec![reason]),
                result => return Ok((result?, set)),
            }
        }
    };
    if entry.frozen {
        return Err(entry.refuse(&reasons));
    }
    // Before pip reads the files: one that changes meanwhile makes the entry outdated.
    let inputs = entry.read_inputs()?;
    let answer = progress.phase("resolve", |progress| {
        let answer = ask_again(build, old.as_ref(), python, cache)?;
        resolve::with_digests(answer, &python.pip, build.target, cache, build.offline, progress)
    })?;
    let result = make(&answer, progress)?;
    let set = entry.set(inputs, &answer)?;
    let wheels = set.wheels.len();
    lock::update(&entry.file, |lock| lock.replace(set.clone()))?;
    progress.say(&format!("{}: {}, {wheels} wheel{}", lock::FILE, entry.id, if wheels == 1 { "" } else { "s" }));
    Ok((result, set))
}

fn remembered<T>(
    build: &BuildPlan,
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
    make: impl Fn(&Answer, &mut Progress) -> Result<T>,
) -> Result<T> {
    let constraints = lines(build.layers.versions());
    // An answer is remembered once its wheels have proved good.
    let confirmed = |answer: &Answer, progress: &mut Progress| {
        let result = make(answer, progress)?;
        resolve::remember(answer, &build.requirements, &constraints, build.target, cache)?;
        Ok(result)
    };
    let Some(expected) = resolve::recall(&build.requirements, &constraints, build.target, cache) else {
        let answer = progress.phase("resolve", |_| ask(build, python, cache))?;
        return confirmed(&answer, progress);
    };
    let (answer, early) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let start = Instant::now();
            (ask(build, python, cache), start.elapsed())
        });
        let early = make(&expected, progress);
        let (answer, time) =
            progress.phase("wait for pip", |_| asking.join().unwrap_or_else(|panic| resume_unwind(panic)));
        progress.add("resolve (meanwhile)", time);
        (answer, early)
    });
    let answer = answer?;
    if answer.without_urls().as_ref() == Some(&expected) {
        return early;
    }
    drop(early);
    confirmed(&answer, progress)
}
