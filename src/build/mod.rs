//! `pack zip`, stage by stage: each takes the value before it. Nothing here reads a flag.

mod bytecode;
mod plan;

use std::path::PathBuf;

pub use bytecode::Policy;
pub use plan::{Plan, PlannedWheel};

use crate::artifact::{self, Input};
use crate::cache::Cache;
use crate::elf::strip::Unstripped;
use crate::error::{Error, Result};
use crate::lambda;
use crate::progress::Progress;
use crate::project;
use crate::python::interpreter::{self, Interpreters};
use crate::resolve;
use crate::size::SizeReport;
use crate::slim::{self, Globs, Removal, Rule};
use crate::tree::{self, Owner};

/// Everything that decides what a build does.
#[derive(Debug)]
pub struct BuildPlan {
    /// The function.
    pub function: project::Function,
    /// What it is built for.
    pub target: lambda::Target,
    /// Requirement files, in order.
    pub requirements: Vec<PathBuf>,
    /// Where the ZIP goes.
    pub output: PathBuf,
    /// `MODULE.FUNCTION`, if it was given.
    pub handler: Option<String>,
    /// What to slim.
    pub slim: slim::Options,
    /// What bytecode to ship.
    pub bytecode: Policy,
    /// Whether the network is off limits.
    pub offline: bool,
    /// Threads.
    pub threads: usize,
}

/// Asks pip what the build would take, and makes nothing.
pub fn plan(build: &BuildPlan, python: &Interpreters, cache: &Cache, progress: &mut Progress) -> Result<Plan> {
    let files = project::collect(&build.function)?;
    let answer = progress
        .phase("resolve", |_| resolve::ask(&python.pip, build.target, &build.requirements, cache, build.offline))?;
    Ok(Plan::new(build, python, cache, &files, &answer))
}

/// Builds a ZIP. Above Lambda's limit it is put beside its target under a name that says so.
pub fn zip(build: &BuildPlan, python: &Interpreters, cache: &Cache, progress: &mut Progress) -> Result<SizeReport> {
    let files = project::collect(&build.function)?;
    let answer = progress
        .phase("resolve", |_| resolve::ask(&python.pip, build.target, &build.requirements, cache, build.offline))?;
    let resolution = progress.phase("fetch", |progress| {
        resolve::fetch(&answer, &python.pip, build.target, cache, build.offline, progress)
    })?;
    let distributions = &resolution.distributions;
    let (assembled, mut slimmed) = progress.phase("slim", |_| {
        let mut assembled = tree::assemble(distributions, &files, build.target.python)?;
        let slimmed = slim::slim(std::mem::take(&mut assembled.tree), distributions, &build.slim)?;
        Ok::<_, Error>((assembled, slimmed))
    })?;
    let read = |entry: &tree::Entry| tree::read(entry, distributions);
    let handler = match &build.handler {
        Some(handler) => {
            project::check(handler, &slimmed.tree, read)?;
            Some(handler.clone())
        }
        None => project::detect(&slimmed.tree, read)?,
    };
    let members: Vec<_> = distributions
        .iter()
        .map(|distribution| cache.members(&distribution.sha256, &artifact::member_variant()))
        .collect();
    let compiled = progress.phase("compile", |_| {
        bytecode::add(std::mem::take(&mut slimmed.tree), distributions, build, python.compiler.as_ref(), cache)
    })?;
    for (path, bytes, owner) in compiled.replaced {
        slimmed.ledger.add(Removal { path, rule: Rule::CompiledSources, bytes, owner });
    }
    let strips = |path: &str| build.slim.level != slim::Level::None && !build.slim.keep.matches(path);
    let input = Input {
        tree: &compiled.tree,
        distributions,
        members: &members,
        bytecode: &compiled.caches,
        strips: &strips,
        threads: build.threads,
    };
    let mut artifact = progress.phase("pack", |_| artifact::write_zip(&input, &build.output))?;
    for (path, bytes, owner) in std::mem::take(&mut artifact.stripped) {
        slimmed.ledger.add(Removal { path, rule: Rule::Symbols, bytes, owner });
    }
    for (path, reason) in artifact.unstripped.iter().filter(|(_, reason)| *reason != Unstripped::NothingToRemove) {
        progress.detail(|| format!("kept as it is: {path}: {reason}"));
    }
    let over = artifact.unpacked > lambda::UNPACKED_BYTES;
    let path = if over { over_limit_name(&build.output) } else { build.output.clone() };
    let mut warnings = resolution.warnings;
    warnings.extend(compiled.warning);
    warnings.extend(assembled.overlaps.iter().map(|overlap| overlap.describe(distributions)));
    let report = SizeReport::new(build, handler, &path, &artifact, distributions, &slimmed, compiled.policy, warnings);
    artifact.file.persist_as(&path)?;
    Ok(report)
}

/// `a.zip` → `a.over-limit.zip`: nothing that deploys `a.zip` takes it by mistake.
fn over_limit_name(output: &std::path::Path) -> PathBuf {
    output.with_extension("over-limit.zip")
}

/// The interpreters a build needs.
pub fn interpreters(target: lambda::Target, named: Option<&std::path::Path>) -> Result<Interpreters> {
    interpreter::find(target, named)
}

/// Reads `--keep` and `--exclude`.
pub fn globs(option: &str, patterns: &[String]) -> Result<Globs> {
    Globs::new(option, patterns)
}

/// Whether an owner is the function itself.
fn is_function(owner: Owner) -> bool {
    owner == Owner::Function
}
