//! From requirements to wheels: pip decides and fetches, the cache keeps.
//!
//! What must stay true: every wheel of a [`Resolution`] was checked against the digest that was resolved and against
//! its own RECORD, and the order of its distributions is the order in which pip installs them.

mod fetch;
mod graph;
mod pinned;
mod remembered;
mod unavailable;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::time::Duration;

use rayon::prelude::*;

use crate::cache::{Cache, Facts};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::progress::Progress;
use crate::project::Requirements;
use crate::python::interpreter::Interpreter;
use crate::python::pip::{Pip, Question, Sdists, Source};
use crate::python::report::{Item, Report};
use crate::python::{Wheel, normalise};

pub use graph::Need;
pub use pinned::{Refusal, ask_pinned, refusals};
pub use remembered::{recall, remember};

/// One distribution of a resolution.
#[derive(Debug)]
pub struct Distribution {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether the user's requirements name it.
    pub requested: bool,
    /// Which distributions of the resolution need it, and which versions they take.
    pub needed_by: Vec<Need>,
    /// SHA-256 of its wheel.
    pub sha256: String,
    /// Its wheel.
    pub wheel: Wheel,
    /// What is known of its files.
    pub facts: Facts,
}

/// Exact wheels for a set of requirements.
#[derive(Debug)]
pub struct Resolution {
    /// In the order in which pip installs: where two bring one path, the later one's file stays.
    pub distributions: Vec<Distribution>,
    /// What a person should know about the wheels.
    pub warnings: Vec<String>,
}

/// What pip answers before any wheel is fetched.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// One for each distribution.
    pub items: Vec<Item>,
    /// Where the requirement files say to look; may hold credentials.
    pub options: Vec<String>,
    /// For an answer of a lock, which does not keep that: the requirement files, which pip then reads again for it.
    pub option_files: Vec<PathBuf>,
}

impl Answer {
    /// Whether it comes from a lock.
    fn is_locked(&self) -> bool {
        !self.option_files.is_empty()
    }
}

impl From<Report> for Answer {
    fn from(report: Report) -> Self {
        Self { items: report.install, options: report.options, option_files: Vec::new() }
    }
}

/// Asks pip which distributions satisfy the requirements; none need none. Constraints, lines as in a file of constraints,
/// hold where something is left to decide.
fn ask(
    interpreter: &Interpreter,
    target: Target,
    requirements: &Requirements,
    constraints: &[String],
    cache: &Cache,
    offline: bool,
    limit: Option<Duration>,
) -> Result<Answer> {
    let links = if offline && !requirements.is_empty() { Some(fetch::LinksPage::write(cache)?) } else { None };
    let pip = Pip { limit, ..pip(interpreter, target, links.as_ref()) };
    let mut questions = requirements.questions.clone();
    for question in questions.iter_mut().filter(|question| !question.locked) {
        question.constraints.extend(constraints.iter().cloned());
    }
    let pip = &pip;
    let answers: Vec<Result<Answer>> = std::thread::scope(|scope| {
        let asked: Vec<_> = questions.iter().map(|question| scope.spawn(move || ask_one(pip, question))).collect();
        asked.into_iter().map(|answer| answer.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut answer = Answer { items: Vec::new(), options: Vec::new(), option_files: Vec::new() };
    let mut locked = BTreeSet::new();
    for (question, part) in questions.iter().zip(answers) {
        let part = part?;
        if question.locked {
            locked.extend(part.items.iter().map(|item| normalise(&item.metadata.name)));
        }
        answer.add(part, requirements)?;
    }
    answer.mark_requested(&locked, requirements, target);
    Ok(answer)
}

impl Answer {
    /// Takes another answer in. One distribution can only have one version.
    fn add(&mut self, other: Self, requirements: &Requirements) -> Result<()> {
        for item in other.items {
            let name = normalise(&item.metadata.name);
            match self.items.iter().find(|known| normalise(&known.metadata.name) == name) {
                None => self.items.push(item),
                Some(known) if known.metadata.version == item.metadata.version => {}
                Some(known) => {
                    let sources: Vec<String> =
                        requirements.sources.iter().map(|path| path.display().to_string()).collect();
                    return Err(Error::TwoVersions {
                        name,
                        versions: [known.metadata.version.clone(), item.metadata.version],
                        sources: sources.join(", "),
                    });
                }
            }
        }
        for option in other.options {
            if !self.options.contains(&option) {
                self.options.push(option);
            }
        }
        Ok(())
    }

    /// A lock names everything. Requested is what its project names, and what nothing else needs.
    fn mark_requested(&mut self, locked: &BTreeSet<String>, requirements: &Requirements, target: Target) {
        if locked.is_empty() {
            return;
        }
        let graph = graph::Graph::new(&self.items, target);
        let needed = graph.needs();
        for item in &mut self.items {
            let name = normalise(&item.metadata.name);
            if locked.contains(&name) {
                item.requested = requirements.direct.contains(&name) || !needed.contains_key(&name);
            }
        }
    }
}

fn ask_one(pip: &Pip<'_>, question: &Question) -> Result<Answer> {
    let first = pip.resolve(question, Sdists::Refused);
    let missing = match &first {
        Err(error) => unavailable::requirement(error),
        Ok(_) => None,
    };
    if let Some(reason) = first.as_ref().err().and_then(unavailable::breakdown) {
        return Err(unavailable::describe_breakdown(pip, question, reason));
    }
    let Some(missing) = missing else { return Ok(first?.into()) };
    if let Some(reason) = first.as_ref().err().and_then(unavailable::unreachable) {
        return Err(Error::IndexUnreachable { requirement: missing, reason });
    }
    // Something has no wheel for the target. Where this machine is of the target's kind, pip may build it.
    let target = pip.target;
    if pip.interpreter.builds_for(target) {
        let second = pip.resolve(question, Sdists::Built);
        if let Err(error) = &second
            && unavailable::requirement(error).is_some()
        {
            return Err(unavailable::describe(
                pip,
                question,
                &missing,
                "no source of it satisfies the requirements either",
            ));
        }
        return Ok(second?.into());
    }
    let not_built = format!(
        "it is built from source only on Linux {} by Python {}, and pip runs here on {}",
        target.architecture.machine(),
        target.python,
        pip.interpreter.describe_kind()
    );
    Err(unavailable::describe(pip, question, &missing, &not_built))
}

fn pip<'a>(interpreter: &'a Interpreter, target: Target, links: Option<&fetch::LinksPage>) -> Pip<'a> {
    let source = links.map_or(Source::Configured, |links| Source::Links(links.path()));
    Pip { interpreter, target, source, limit: None }
}

/// Which of the answer's wheels would have to be fetched or built.
pub fn is_cached(item: &Item, target: Target, cache: &Cache) -> bool {
    fetch::cached_digest(item, target, cache).is_some_and(|sha256| cache.wheel_exists(&sha256))
}

/// Fetches what the cache lacks and opens every wheel.
pub fn fetch(
    answer: &Answer,
    interpreter: &Interpreter,
    target: Target,
    cache: &Cache,
    offline: bool,
    progress: &Progress,
) -> Result<Resolution> {
    let links = if offline { Some(fetch::LinksPage::write(cache)?) } else { None };
    let pip = pip(interpreter, target, links.as_ref());
    let fetched = fetch::fetch(answer, &pip, cache, progress)?;
    let items = answer
        .items
        .par_iter()
        .zip(&fetched.wheels)
        .map(|(item, (_, wheel))| fetch::described(item, wheel))
        .collect::<Result<Vec<Item>>>()?;
    let graph = graph::Graph::new(&items, target);
    if answer.is_locked()
        && let Some(unmet) = graph.unmet()
    {
        return Err(Error::FolderChanged(unmet.to_owned()));
    }
    let needs = graph.needs();
    let mut opened: BTreeMap<String, Distribution> = items
        .into_iter()
        .zip(fetched.wheels)
        .map(|(item, (sha256, wheel))| {
            let name = normalise(&item.metadata.name);
            let needed_by = needs.get(&name).cloned().unwrap_or_default();
            let version = item.metadata.version;
            let facts = cache.facts(&sha256);
            (name.clone(), Distribution { name, version, requested: item.requested, needed_by, sha256, wheel, facts })
        })
        .collect();
    let distributions = graph.installation_order().into_iter().filter_map(|name| opened.remove(&name)).collect();
    Ok(Resolution { distributions, warnings: fetched.warnings })
}

/// The answer with a digest for each file: what an index gives none for is fetched.
pub fn with_digests(
    mut answer: Answer,
    interpreter: &Interpreter,
    target: Target,
    cache: &Cache,
    offline: bool,
    progress: &Progress,
) -> Result<Answer> {
    let lacks = |item: &Item| item.is_wheel() && item.sha256().is_none();
    let items: Vec<Item> = answer.items.iter().filter(|item| lacks(item)).cloned().collect();
    if items.is_empty() {
        return Ok(answer);
    }
    let links = if offline { Some(fetch::LinksPage::write(cache)?) } else { None };
    let pip = pip(interpreter, target, links.as_ref());
    let part = Answer { items, options: answer.options.clone(), option_files: Vec::new() };
    let fetched = fetch::fetch(&part, &pip, cache, progress)?;
    for (item, (sha256, _)) in answer.items.iter_mut().filter(|item| lacks(item)).zip(fetched.wheels) {
        item.download_info.archive_info.get_or_insert_default().hashes.insert("sha256".into(), sha256);
    }
    Ok(answer)
}
