//! `pack zip` and `pack layer`, stage by stage: each takes the value before it. Nothing here reads a flag.

mod answer;
mod bytecode;
mod image;
mod imports;
mod lint;
mod others;
mod plan;
mod product;
mod unchanged;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use bytecode::{Policy, WithBytecode};
pub use imports::ImportTest;
use imports::Verdict;
pub use plan::{Plan, PlannedWheel};
pub use product::{Name, Product, User};

use crate::artifact::{self, Artifact, Input};
use crate::cache::Cache;
use crate::check::{self, Checked, Files, Finding, Question, Severity};
use crate::error::{Error, Result};
use crate::image::Bringer;
use crate::imports::{Report, Rescued};
use crate::lambda;
use crate::layers::{Compared, Layers, Shadowed};
use crate::lock::{Entry, Set};
use crate::progress::Progress;
use crate::project::Requirements;
use crate::python::bytecode::Compiler;
use crate::python::interpreter::Interpreters;
use crate::python::normalise;
use crate::resolve::{self, Answer, Distribution};
use crate::size::{Budgets, Record, SizeReport};
use crate::slim::{self, Level, Removal, Restored, Rule, Slimmed};
use crate::system::Stamp;
use crate::tree::{self, Entry as TreeEntry, Overlap, Owner, Site, Tree};

/// Everything that decides what a build does.
#[derive(Debug)]
pub struct BuildPlan {
    /// What is built.
    pub product: Product,
    /// What it is built for.
    pub target: lambda::Target,
    /// What it requires.
    pub requirements: Requirements,
    /// Where the ZIP goes.
    pub output: PathBuf,
    /// `MODULE.FUNCTION`, if it was given.
    pub handler: Option<String>,
    /// Whether what is built is checked.
    pub check: bool,
    /// Top-level modules that the artifact need not have: they come from elsewhere.
    pub provided: BTreeSet<String>,
    /// What to slim.
    pub slim: slim::Options,
    /// What bytecode to ship.
    pub bytecode: Policy,
    /// Whether and how the artifact is imported.
    pub imports: ImportTest,
    /// The function's layers: what they have in the same version is left out.
    pub layers: Arc<Layers>,
    /// Whether the function may have another version of what a layer has, in front of it.
    pub allow_shadow: bool,
    /// What the project wants it to stay within.
    pub budgets: Budgets,
    /// What makes an image of it; else it is a ZIP.
    pub image: Option<crate::image::Plan>,
    /// The entry of the project's lock that it goes by, where the project has one.
    pub lock: Option<Entry>,
    /// Without such an entry, a set of the lock that is nearly the same: its versions are kept where that can be.
    pub near: Option<Set>,
    /// Whether the network is off limits.
    pub offline: bool,
    /// Threads.
    pub threads: usize,
}

impl BuildPlan {
    /// Where the artifact's files lie in Lambda.
    pub fn site(&self) -> Site {
        self.product.site(self.target.python)
    }

    /// Bytes that it may unpack to.
    pub fn unpacked_limit(&self) -> u64 {
        if self.image.is_some() { lambda::IMAGE_BYTES } else { lambda::UNPACKED_BYTES }
    }

    /// Beside what the ZIP is written; that of an image is gone once it is made.
    fn zip_beside(&self, cache: &Cache) -> PathBuf {
        if self.image.is_some() { cache.temporary_place().join("image.zip") } else { self.output.clone() }
    }

    /// Refuses what no function could have.
    fn refuse_layers(&self) -> Result<()> {
        if self.check { stop_at_errors(self, self.layers.limits()).map(drop) } else { Ok(()) }
    }

    /// What of a resolution the layers have; another version than theirs is an error, unless that is allowed.
    fn compare(&self, distributions: &[Distribution]) -> Result<Compared> {
        let compared = self.layers.compare(distributions);
        if !self.allow_shadow && !compared.shadowed.is_empty() {
            return Err(Error::LayerConflict { conflicts: compared.shadowed.iter().map(Shadowed::conflict).collect() });
        }
        Ok(compared)
    }
}

/// Says what the build would take, and makes nothing.
pub fn plan(build: &BuildPlan, python: &Interpreters, cache: &Cache, progress: &mut Progress) -> Result<Plan> {
    build.refuse_layers()?;
    let files = build.product.files(&build.output)?;
    let answer = answer::only(build, python, cache, progress)?;
    Ok(Plan::new(build, python, cache, &files.own, &answer))
}

/// Builds a ZIP or an image, unless an earlier build made it of the same inputs. A ZIP above Lambda's limit is put beside its
/// target under a name that says so.
pub fn artifact(
    build: &BuildPlan,
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
) -> Result<SizeReport> {
    build.refuse_layers()?;
    let files = build.product.files(&build.output)?;
    let digest = build.lock.as_ref().map(|_| unchanged::digest(&files)).transpose()?;
    let key = |set: Option<&Set>, base| match (set, &digest) {
        (Some(set), Some(digest)) => unchanged::key(build, set, digest, base, python),
        _ => Ok(None),
    };
    if let Some(report) = key(unchanged::set(build)?.as_ref(), None)?.and_then(|key| unchanged::recall(&key, cache)) {
        keep_record(build, &report, progress);
        return Ok(report);
    }
    let (made, set) = answer::with(build, python, cache, progress, |answer, progress| {
        make(build, &files, answer, python, cache, progress)
    })?;
    let (report, stamp) = if let (Some(above), Some(plan)) = (made.above, &build.image) {
        let report = image::finish(build, plan, made.report, above, cache, progress)?;
        let stamp = Stamp::of(Path::new(&report.path));
        (report, stamp)
    } else {
        // The stamp of a file is taken before it has its name, which another build may take.
        let stamp = Stamp::of(made.artifact.file.path());
        made.artifact.file.persist_as(&made.path)?;
        (made.report, stamp)
    };
    if build.image.as_ref().is_none_or(|plan| plan.write && !plan.verify) {
        keep_record(build, &report, progress);
    }
    // Of a file that changed meanwhile it is not known whether it is in the artifact.
    let base = report.image.as_ref().and_then(|image| image.base_digest.parse().ok());
    if let (Some(key), Some(stamp)) = (key(set.as_ref(), base)?, stamp)
        && Some(unchanged::digest(&files)?) == digest
    {
        unchanged::remember(&key, &report, stamp, cache);
    }
    Ok(report)
}

/// Writes the record beside an artifact, and takes away what an earlier build left that was over the limit: whoever looks into the
/// folder finds what the last build made. The artifact is what was asked for: it is there without its record, too.
fn keep_record(build: &BuildPlan, report: &SizeReport, progress: &Progress) {
    if let Err(error) = Record::write(report) {
        progress.warn(&format!("no record is kept beside {}: {error}", report.path));
    }
    if build.image.is_none() && !report.over_limit {
        let over_limit = over_limit_name(&build.output);
        for left in [Record::beside(&over_limit), over_limit] {
            let _ = std::fs::remove_file(left);
        }
    }
}

/// How often an artifact is built again with something put back.
const ROUNDS: usize = 8;

/// A ZIP that is whole and not in its place yet.
struct Made {
    artifact: Artifact,
    report: SizeReport,
    path: PathBuf,
    /// Its files as layers, where it is to be an image.
    above: Option<image::Above>,
}

fn make(
    build: &BuildPlan,
    files: &product::Files,
    answer: &Answer,
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
) -> Result<Made> {
    let resolution = progress
        .phase("fetch", |progress| resolve::fetch(answer, &python.pip, build.target, cache, build.offline, progress))?;
    let distributions = &resolution.distributions;
    let compared = build.compare(distributions)?;
    let mut evidence = users::bundled(build, distributions, python, cache, progress)?;
    evidence.extend(build.layers.evidence());
    let files = &files.with(evidence);
    let test = imports::Test { build, own: &files.own, distributions, python, cache };
    // Distributions that the requirements name by a place: a folder, a commit, a file.
    let by_place = answer.items.iter().filter(|item| item.is_direct);
    let by_place: BTreeSet<String> = by_place.map(|item| normalise(&item.metadata.name)).collect();
    let mut rescued: Vec<Rescued> = Vec::new();
    for _ in 0..ROUNDS {
        let restored = rescued.iter().map(|rescued| rescued.restoration.clone()).collect();
        let packed = pack(build, files, distributions, &compared.same, &restored, python, cache, progress)?;
        for distribution in distributions {
            distribution.facts.keep();
        }
        let (verdict, above) = match &build.image {
            None => (test.of(&packed, progress), None),
            Some(plan) => {
                image::handler(build, packed.handler.as_deref())?;
                // An import keeps one processor busy: the others pack layers meanwhile.
                std::thread::scope(|scope| {
                    let layers = scope.spawn(|| {
                        let owners = packed.owners(build, distributions);
                        image::layers(build, plan, &packed.artifact, &owners, &by_place, cache)
                    });
                    let verdict = test.of(&packed, progress);
                    let above = progress.phase("wait for layers", |_| layers.join());
                    (verdict, Some(above.unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
                })
            }
        };
        match verdict? {
            Verdict::PutBack(more) => rescued.extend(more),
            Verdict::Works(mut imports, warnings) => {
                imports.rescued = rescued;
                let shadowed = compared.shadowed.iter().map(Shadowed::warning);
                let above = above.transpose()?;
                if let Some(above) = &above {
                    progress.add("layers (meanwhile)", above.time);
                }
                let made = packed.into_made(
                    build,
                    distributions,
                    resolution.warnings.iter().cloned().chain(shadowed).collect(),
                    imports,
                    warnings,
                    progress,
                );
                return Ok(Made { above, ..made });
            }
        }
    }
    Err(Error::Import {
        module: "the artifact".into(),
        reason: format!("still does not load after something was put back {ROUNDS} times"),
        hint: "--slim none leaves nothing out; please report the requirements that this happened with".into(),
    })
}

/// An artifact with all that is known of it, before anybody imported anything of it.
struct Packed {
    artifact: Artifact,
    slimmed: Slimmed,
    compiled: WithBytecode,
    handler: Option<String>,
    /// Whether the handler is only what may be one.
    guessed: bool,
    findings: Vec<Finding>,
    overlaps: Vec<Overlap>,
}

/// From wheels and files to an artifact without what layers have, with some removals put back.
#[expect(clippy::too_many_arguments, reason = "what the stages take, each under its own name")]
fn pack(
    build: &BuildPlan,
    files: &product::Files,
    distributions: &[Distribution],
    in_layers: &BTreeSet<usize>,
    restored: &Restored,
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
) -> Result<Packed> {
    let site = build.site();
    let (assembled, mut slimmed) = progress.phase("slim", |_| {
        let mut assembled = tree::assemble(distributions, &files.own, build.target.python, &site)?;
        assembled.tree.extend(files.evidence.clone());
        let tree = std::mem::take(&mut assembled.tree);
        let slimmed = slim::slim(tree, distributions, in_layers, &build.slim, restored)?;
        Ok::<_, Error>((assembled, slimmed))
    })?;
    let Examined { handler, guessed, findings, loaded } =
        progress.phase("check", |_| check(build, &slimmed.tree, distributions, python))?;
    let members: Vec<_> = distributions
        .iter()
        .map(|distribution| cache.members(&distribution.sha256, &artifact::member_variant()))
        .collect();
    let mut compiled = progress.phase("compile", |_| {
        bytecode::add(
            std::mem::take(&mut slimmed.tree),
            distributions,
            build,
            python.compiler.as_ref(),
            cache,
            restored,
        )
    })?;
    slim::list_files(&mut compiled.tree, distributions, &build.slim, restored, &mut slimmed.ledger)?;
    refuse(build, &loaded, &compiled.refused)?;
    for (path, bytes, owner) in compiled.replaced.clone() {
        slimmed.ledger.add(Removal { path, rule: Rule::CompiledSources, bytes, owner, component: None });
    }
    let strips = |path: &str| {
        let restored = || {
            compiled
                .tree
                .get(path)
                .is_some_and(|entry| slim::is_restored(restored, Rule::Symbols, entry.owner, distributions))
        };
        build.slim.level != Level::None
            && !build.slim.keep.matches(path)
            && !slim::stays_as_it_is(&compiled.tree, path)
            && !restored()
    };
    let input = Input {
        tree: &compiled.tree,
        site: &site,
        distributions,
        members: &members,
        bytecode: &compiled.caches,
        strips: &strips,
        threads: build.threads,
    };
    let mut artifact = progress.phase("pack", |_| artifact::write_zip(&input, &build.zip_beside(cache)))?;
    for (path, bytes, owner) in std::mem::take(&mut artifact.stripped) {
        slimmed.ledger.add(Removal { path, rule: Rule::Symbols, bytes, owner, component: None });
    }
    Ok(Packed { artifact, slimmed, compiled, handler, guessed, findings, overlaps: assembled.overlaps })
}

impl Packed {
    /// Whether a top-level module is the handler's, or the package that it is in.
    fn is_handler_module(&self, module: &str) -> bool {
        let handler = self.handler.as_deref().map(|handler| handler.replace('/', "."));
        handler.is_some_and(|handler| handler.rsplit_once('.').is_some_and(|(name, _)| name == module))
    }

    /// Which distribution has brought a file, by its path in the ZIP.
    fn owners(&self, build: &BuildPlan, distributions: &[Distribution]) -> BTreeMap<String, Arc<Bringer>> {
        let site = build.site();
        let bringer = |Distribution { name, version, sha256, .. }: &Distribution| {
            Arc::new(Bringer { label: format!("{name} {version}"), wheel: sha256.clone() })
        };
        let bringers: Vec<Arc<Bringer>> = distributions.iter().map(bringer).collect();
        let owner = |(path, entry): (&String, &TreeEntry)| match entry.owner {
            Owner::Distribution(index) => Some((site.in_zip(path).into_owned(), bringers[index].clone())),
            Owner::Function => None,
        };
        self.compiled.tree.iter().filter_map(owner).collect()
    }

    /// Tells of it, and gives it its name.
    fn into_made(
        self,
        build: &BuildPlan,
        distributions: &[Distribution],
        mut warnings: Vec<String>,
        imports: Report,
        import_warnings: Vec<String>,
        progress: &Progress,
    ) -> Made {
        let Self { artifact, slimmed, compiled, handler, findings, overlaps, .. } = self;
        for (path, reason) in &artifact.unstripped {
            progress.detail(|| format!("not stripped in full: {path}: {reason}"));
        }
        let over = artifact.unpacked + build.layers.unpacked() > build.unpacked_limit();
        let path = if over { over_limit_name(&build.output) } else { build.output.clone() };
        for (path, reason) in &compiled.refused {
            progress.detail(|| format!("no bytecode: {path}: {reason}"));
        }
        let own = |path: &str| compiled.tree.get(path).is_some_and(|entry| is_function(entry.owner));
        for (path, reason) in compiled.refused.iter().filter(|(path, _)| own(path)) {
            let (path, owner) = (build.site().in_zip(path).into_owned(), build.site().owner());
            warnings.push(format!("Python cannot compile {path} of {owner}: {reason}"));
        }
        match &build.product {
            Product::Function(function) if build.requirements.is_empty() => warnings.push(format!(
                "no requirements file was found for {}: only its own files are in the artifact (-r names one)",
                function.name
            )),
            Product::Layer { layer, users, .. } if users.is_empty() && build.slim.level == Level::Deep => {
                warnings.push(format!(
                    "no optional part was left out of {}: which are needed depends on the functions that use it \
                     (--for FUNCTION names them)",
                    layer.name
                ));
            }
            _ => {}
        }
        warnings.extend(compiled.warning.clone());
        warnings.extend(overlaps.iter().map(|overlap| overlap.describe(distributions, &build.site())));
        warnings.extend(imports.rescued.iter().map(Rescued::describe));
        warnings.extend(import_warnings);
        let report =
            SizeReport::new(build, handler, &path, &artifact, distributions, &slimmed, &compiled, imports, warnings)
                .with_findings(findings);
        Made { artifact, report, path, above: None }
    }
}

/// What is known of the files before they are packed.
struct Examined {
    handler: Option<String>,
    guessed: bool,
    findings: Vec<Finding>,
    /// The sources that are certain to be loaded, by their paths in Lambda.
    loaded: BTreeMap<String, bool>,
}

/// The handler, and what would not work on Lambda: an error, unless the build is not to be checked.
fn check(build: &BuildPlan, tree: &Tree, distributions: &[Distribution], python: &Interpreters) -> Result<Examined> {
    let mut files = Files::of_tree(tree, distributions, &build.site());
    files.files.extend(build.layers.files());
    let mut question = Question::new(build.target, build.product.shape());
    question.provided.clone_from(&build.provided);
    question.handler.clone_from(&build.handler);
    check::find_handler(&files, &mut question)?;
    let Checked { mut findings, loaded } =
        if build.check { check::check(&files, &question)? } else { Checked::default() };
    findings.extend(build.layers.findings.iter().cloned());
    // Where bytecode is made, its compiler says it of all sources.
    if let (Policy::None, Some(interpreter)) = (build.bytecode, &python.compiler)
        && loaded.values().any(|is_own| *is_own)
    {
        let compiler = Compiler::new(interpreter, build.target.python);
        findings.extend(check::refused(&files, &loaded, &compiler, build.target.python));
    }
    stop_at_errors(build, findings).map(|findings| Examined {
        handler: question.handler,
        guessed: question.guessed,
        findings,
        loaded,
    })
}

/// Stops at sources that are certain to be loaded and that Python did not compile.
fn refuse(build: &BuildPlan, loaded: &BTreeMap<String, bool>, refused: &[(String, String)]) -> Result<()> {
    let findings = refused.iter().filter_map(|(path, reason)| {
        let path = build.site().in_lambda(path);
        loaded.contains_key(&path).then(|| check::refusal(&path, reason, build.target.python))?
    });
    stop_at_errors(build, findings.collect()).map(drop)
}

fn stop_at_errors(build: &BuildPlan, findings: Vec<Finding>) -> Result<Vec<Finding>> {
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        let findings = check::sorted(findings);
        return Err(Error::Check { name: build.product.name().as_str().to_owned(), findings });
    }
    Ok(findings)
}

/// `a.zip` → `a.over-limit.zip`: nothing that deploys `a.zip` takes it by mistake.
fn over_limit_name(output: &std::path::Path) -> PathBuf {
    output.with_extension("over-limit.zip")
}

/// Whether an owner is the function or layer itself.
fn is_function(owner: Owner) -> bool {
    owner == Owner::Function
}
