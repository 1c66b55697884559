//! The import test within a build, and the rescue: what an import needs after all is put back.
//!
//! What must stay true: what was put back depends on the artifact and not on the machine's speed or the cache's state;
//! a build whose handler does not load ends with an error. What helps is found out in the throw-away copy, where
//! putting files back costs no packing; the artifact is then built again, and tested again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::others::{Known, Others};
use super::{BuildPlan, Packed};
use crate::archive::Archive;
use crate::cache::{Cache, Results};
use crate::check::{File, Files, Origin, Question, Shape};
use crate::error::{Error, Result};
use crate::imports::{self, Failure, RUNTIME, Report, Rescued, Runner, ThrowAway, Undecided};
use crate::progress::Progress;
use crate::project::FunctionFile;
use crate::python::interpreter::Interpreters;
use crate::resolve::Distribution;
use crate::slim::{Removal, Restoration, Restored, Rule};
use crate::tree::{self, Owner, Site, Tree};

/// How often one failure is answered by putting something back before it is given up.
const TRIES: usize = 12;

/// Whether and how a build imports what it made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportTest {
    /// Whether at all.
    pub wanted: bool,
    /// The command of an interpreter that runs what does not run natively.
    pub command: Option<String>,
    /// Variables that the function needs when it is imported.
    pub variables: BTreeMap<String, String>,
}

/// What comes of a test.
#[derive(Serialize, Deserialize)]
pub(super) enum Verdict {
    /// The artifact can go out, with these warnings.
    Works(Report, Vec<String>),
    /// It has to be built again with these.
    PutBack(Vec<Rescued>),
}

/// Everything that a test needs to know of a build.
pub(super) struct Test<'a> {
    pub(super) build: &'a BuildPlan,
    pub(super) own: &'a [FunctionFile],
    pub(super) distributions: &'a [Distribution],
    pub(super) python: &'a Interpreters,
    pub(super) cache: &'a Cache,
}

impl Test<'_> {
    /// Imports what was packed, unless that was done before.
    pub(super) fn of(&self, packed: &Packed, progress: &mut Progress) -> Result<Verdict> {
        let skipped = |reason: &str| Ok(Verdict::Works(Report::skipped(reason), Vec::new()));
        let wish = &self.build.imports;
        if !wish.wanted {
            return skipped("--no-import-test");
        }
        // Another command needs a Python only to make the sandbox.
        let interpreter = if wish.command.is_some() { Some(&self.python.pip) } else { self.python.compiler.as_ref() };
        let runner = match imports::runner(wish.command.as_deref(), interpreter, self.build.target)? {
            Ok(runner) => runner,
            Err(reason) => return skipped(&reason.to_string()),
        };
        let key = self.key(packed, &runner, &(&packed.artifact.sha256, &packed.handler, packed.guessed))?;
        if let Some(known) = self.cache.result(Results::Imports, &key) {
            return Ok(known);
        }
        let verdict = progress.phase("import", |progress| self.carry_out(packed, &runner, progress))?;
        // What cannot be remembered is tested again.
        let _ = self.cache.remember_result(Results::Imports, &key, &verdict);
        Ok(verdict)
    }

    /// Everything that a result depends on, besides what is imported.
    fn key(&self, packed: &Packed, runner: &Runner, imported: &impl Serialize) -> Result<String> {
        let runtime: Vec<&str> = omitted(packed).map(|index| self.distributions[index].sha256.as_str()).collect();
        let parts = serde_json::to_vec(&(
            imports::VERSION,
            imported,
            self.build.site().packages(),
            runner.identity(),
            runtime,
            &self.build.imports.variables,
            (&self.build.provided, self.build.layers.all.iter().map(|layer| &layer.sha256).collect::<Vec<_>>()),
            self.build.target,
        ))
        .map_err(|error| Error::io("write", "JSON")(error.into()))?;
        Ok(data_encoding::HEXLOWER.encode(&Sha256::digest(parts)))
    }

    fn carry_out(&self, packed: &Packed, runner: &Runner, progress: &Progress) -> Result<Verdict> {
        let start = std::time::Instant::now();
        let site = self.build.site();
        let before = tree::assemble(self.distributions, self.own, self.build.target.python, &site)?.tree;
        let archive = Arc::new(packed.artifact.open()?);
        let copy = self.copy(packed, &before, &archive)?;
        let mut modules = imports::of_tree(&packed.compiled.tree, &site, self.build.target.python);
        // What the handler's own module is called is the handler's to load.
        modules.retain(|(module, _)| !packed.is_handler_module(module));
        let names: Vec<String> = modules.iter().map(|(name, _)| name.clone()).collect();
        let search_path = Question::new(self.build.target, self.build.product.shape()).search_path;
        let others = Others::of(packed, self.distributions, &archive, &site);
        let run = |handler: Option<&str>, modules: &[String]| {
            imports::run(
                &copy,
                &imports::Question {
                    target: self.build.target,
                    runner,
                    search_path: &search_path,
                    handler,
                    modules,
                    own: &others.own,
                    variables: &self.build.imports.variables,
                    threads: self.build.threads,
                },
            )
        };
        let unpacked = start.elapsed();
        let mut known = match self.build.product.shape() {
            Shape::Function => Known::recall(self.key(packed, runner, &(&others.files, &packed.handler))?, self.cache),
            _ => Known::default(),
        };
        let asked = known.lacks(&names);
        let first = run(packed.handler.as_deref(), &asked)?;
        known.add(Others::that_load(&first), self.cache);
        progress.detail(|| {
            let known = match names.len() - asked.len() {
                0 => String::new(),
                known => format!(" ({known} more loaded before)"),
            };
            let shut = shut(&first.sandbox);
            format!(
                "import test: {} modules{known} with {}; {shut}; unpacked in {:.1} s, imported in {:.1} s",
                first.tested,
                runner.identity(),
                unpacked.as_secs_f64(),
                start.elapsed().saturating_sub(unpacked).as_secs_f64()
            )
        });
        let tested = names.len() + usize::from(packed.handler.is_some());
        let mut report = Report { tested, foreign: first.foreign(), ..Report::default() };
        let mut warnings = Vec::new();
        let failures = self.settle(first.failures, &before, &mut report);
        let mut rescue = Rescue {
            removals: packed.slimmed.ledger.removals(),
            distributions: self.distributions,
            before: &before,
            modules: &modules,
            site: &site,
            copy: &copy,
            put_back: BTreeMap::new(),
        };
        let mut broken = None;
        for failure in failures {
            let again = |failure: &Failure| {
                let found = if failure.is_handler {
                    run(Some(&failure.module), &[])?
                } else {
                    run(None, std::slice::from_ref(&failure.module))?
                };
                Ok(found
                    .failures
                    .into_iter()
                    .find(|failure| failure.inconclusive(&self.build.provided, self.build.target.python).is_none()))
            };
            // In the order of the modules, so that the result does not depend on which was ready first.
            if let Some(failure) = rescue.try_for(failure, again)? {
                // What may be no handler need not load as one.
                if failure.is_handler && !packed.guessed {
                    broken = Some(rescue.error(&failure));
                    break;
                }
                warnings.push(rescue.warning(&failure));
            }
        }
        if let Some(error) = broken {
            return Err(error);
        }
        let rescued = rescue.rescued();
        if !rescued.is_empty() {
            return Ok(Verdict::PutBack(rescued));
        }
        report.seconds = Some((start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0);
        Ok(Verdict::Works(report, warnings))
    }

    /// Tells failures that say something of the artifact from those that go into the report.
    fn settle(&self, failures: Vec<Failure>, before: &Tree, report: &mut Report) -> Vec<Failure> {
        let had = |module: &str| {
            let is_it = |path: &String| path.strip_prefix(module).is_some_and(|rest| rest.starts_with(['/', '.']));
            before
                .range(module.to_owned()..)
                .map(|(path, _)| path)
                .take_while(|path| path.starts_with(module))
                .any(is_it)
        };
        let mut left = Vec::new();
        for failure in failures {
            if let Some(reason) = failure.inconclusive(&self.build.provided, self.build.target.python) {
                report.undecided.push(Undecided { module: failure.module, reason });
            } else if let Some(wanted) = failure.optional(had) {
                let reason = format!("it wants {wanted}, which is not installed");
                report.optional.push(Undecided { module: failure.module, reason });
            } else {
                left.push(failure);
            }
        }
        left
    }

    /// The artifact and its layers as Lambda unpacks them, with what the runtime ships where the runtime has it.
    fn copy(&self, packed: &Packed, before: &Tree, archive: &Arc<Archive>) -> Result<ThrowAway> {
        let is_omitted =
            |owner: Owner| matches!(owner, Owner::Distribution(index) if omitted(packed).any(|known| known == index));
        let shipped: Tree = before
            .iter()
            .filter(|(path, entry)| is_omitted(entry.owner) && !path.starts_with("bin/"))
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect();
        let site = self.build.site();
        let mut files = Files::of_tree(&shipped, self.distributions, &site);
        let moved = |path: &str| path.replacen(&site.packages(), RUNTIME, 1);
        files.files = std::mem::take(&mut files.files).into_iter().map(|(path, file)| (moved(&path), file)).collect();
        files.files.extend(self.build.layers.files());
        for (index, member) in archive.members().iter().enumerate() {
            let origin = Origin::Zip { archive: archive.clone(), member: index };
            let mode = if member.executable { 0o755 } else { 0o644 };
            files.files.insert(site.in_lambda(&site.path(&member.name)), File { size: member.size, mode, origin });
        }
        ThrowAway::of(&files, &[], &self.cache.temporary_place())
    }
}

/// What a sandbox shuts off, in words.
fn shut(sandbox: &str) -> &'static str {
    match sandbox {
        "namespaces" => "no network, no other processes, read-only file system (namespaces)",
        "writable" => "no network, no other processes (namespaces); some file systems stay writable",
        "network" => "no network (namespace)",
        _ => "no network (sockets refused in Python)",
    }
}

/// The distributions that are left to the runtime.
fn omitted(packed: &Packed) -> impl Iterator<Item = usize> {
    packed.slimmed.sdk.iter().filter(|decision| !decision.bundled).map(|decision| decision.distribution)
}

/// What was tried to make imports work.
struct Rescue<'a> {
    removals: Vec<&'a Removal>,
    distributions: &'a [Distribution],
    before: &'a Tree,
    modules: &'a [(String, Owner)],
    site: &'a Site,
    copy: &'a ThrowAway,
    /// What is in the copy again, and for whom.
    put_back: BTreeMap<Restoration, String>,
}

impl Rescue<'_> {
    /// Puts back what a failing import could need until it works. Returns the failure that stays; what was put back
    /// for nothing is then taken out again.
    fn try_for(
        &mut self,
        failure: Failure,
        again: impl Fn(&Failure) -> Result<Option<Failure>>,
    ) -> Result<Option<Failure>> {
        let first = failure.clone();
        let mut current = failure;
        let mut tried = Vec::new();
        let mut next = Some(current.clone());
        // Something put back for another module may have helped this one.
        if !self.put_back.is_empty() {
            next = again(&current)?;
        }
        for _ in 0..TRIES {
            match next {
                None => return Ok(None),
                Some(failure) => current = failure,
            }
            if !current.may_be_slimming() {
                break;
            }
            let Some((wanted, reason)) = self.next_try(&current) else { break };
            for restoration in wanted {
                self.restore(&restoration)?;
                tried.push(restoration.clone());
                self.put_back.insert(restoration, reason.clone());
            }
            next = again(&current)?;
        }
        for restoration in tried {
            self.put_back.remove(&restoration);
            self.take_out(&restoration)?;
        }
        // What it said first is what the artifact does.
        Ok(Some(if current.may_be_slimming() { first } else { current }))
    }

    /// What to put back for a failure: what explains it; else all of the distribution in which it happened; else all.
    fn next_try(&self, failure: &Failure) -> Option<(Restored, String)> {
        let left: Vec<&Removal> = self
            .removals
            .iter()
            .copied()
            .filter(|removal| removal.rule.can_be_undone())
            .filter(|removal| {
                self.restoration(removal).is_some_and(|restoration| !self.put_back.contains_key(&restoration))
            })
            .collect();
        let all = |removals: Vec<&Removal>| -> Restored {
            removals.into_iter().filter_map(|removal| self.restoration(removal)).collect()
        };
        let needed_by = &failure.module;
        if let Some(blame) = imports::blame(failure, &left, self.site) {
            return Some((all(blame.removals), format!("importing {needed_by} needs {}", blame.missed)));
        }
        let mut scene = imports::scene(failure, self.site, |path| self.before.get(path).map(|entry| entry.owner));
        scene.extend(self.modules.iter().filter(|(name, _)| *name == failure.module).map(|(_, owner)| *owner));
        let near: Vec<&Removal> = left.iter().copied().filter(|removal| scene.contains(&removal.owner)).collect();
        let wanted = if near.is_empty() { all(left) } else { all(near) };
        (!wanted.is_empty()).then(|| (wanted, format!("without it {needed_by} {}", failure.reason())))
    }

    fn restoration(&self, removal: &Removal) -> Option<Restoration> {
        let Owner::Distribution(index) = removal.owner else { return None };
        Some(Restoration {
            rule: removal.rule,
            distribution: self.distributions[index].name.clone(),
            component: removal.component.clone(),
        })
    }

    fn of<'s>(&'s self, restoration: &'s Restoration) -> impl Iterator<Item = &'s Removal> {
        self.removals.iter().copied().filter(move |removal| self.restoration(removal).as_ref() == Some(restoration))
    }

    /// Writes the files into the copy as they were before slimming.
    fn restore(&self, restoration: &Restoration) -> Result<()> {
        for removal in self.of(restoration) {
            if let Some(entry) = self.before.get(&removal.path) {
                let bytes = tree::read(entry, self.distributions)?;
                self.copy.write(&self.site.in_lambda(&removal.path), entry.executable, &bytes)?;
            }
        }
        Ok(())
    }

    /// Makes the copy what the artifact is. A library with its symbols is as good as one without.
    fn take_out(&self, restoration: &Restoration) -> Result<()> {
        if restoration.rule != Rule::Symbols {
            for removal in self.of(restoration) {
                self.copy.remove(&self.site.in_lambda(&removal.path))?;
            }
        }
        Ok(())
    }

    /// What helped.
    fn rescued(&self) -> Vec<Rescued> {
        let rescued = |(restoration, reason): (&Restoration, &String)| Rescued {
            files: self.of(restoration).count() as u64,
            bytes: self.of(restoration).map(|removal| removal.bytes).sum(),
            restoration: restoration.clone(),
            reason: reason.clone(),
        };
        self.put_back.iter().map(rescued).collect()
    }

    /// What the user took out, if that is what is missing.
    fn excluded(&self, failure: &Failure) -> Option<String> {
        let excluded: Vec<&Removal> =
            self.removals.iter().copied().filter(|removal| removal.rule == Rule::Excluded).collect();
        let blame = imports::blame(failure, &excluded, self.site)?;
        let paths: BTreeSet<&str> = blame.removals.iter().map(|removal| removal.path.as_str()).collect();
        paths.first().map(|path| self.site.in_zip(path).into_owned())
    }

    fn error(&self, failure: &Failure) -> Error {
        let excluded = self.excluded(failure);
        let hint = match (&excluded, failure.may_be_slimming()) {
            (Some(path), _) => format!("--exclude took out {path}; exclude less"),
            (None, true) if failure.reason().contains("unreachable") => {
                "the import test has no network: connect in the handler's function, or build with --no-import-test"
                    .into()
            }
            (None, true) => "it fails with everything put back that slimming took out: mend it, give the variables it \
                             needs with --import-env NAME=VALUE, or build with --no-import-test"
                .into(),
            (None, false) => "mend it, or build with --no-import-test".into(),
        };
        Error::Import { module: format!("handler {}", failure.module), reason: failure.reason(), hint }
    }

    fn warning(&self, failure: &Failure) -> String {
        let module = &failure.module;
        if failure.is_handler {
            return format!(
                "{module} does not load as a handler: it {}; --handler names the one that is meant",
                failure.reason()
            );
        }
        let why = match self.excluded(failure) {
            Some(path) => format!("--exclude took out {path}"),
            None if failure.may_be_slimming() => "so it does with everything put back that slimming took out".into(),
            None => "the handler may not need it".into(),
        };
        format!("{module} cannot be imported: it {} ({why})", failure.reason())
    }
}
