//! What a function does not need at run time, found by looking and taken out with a reason.
//!
//! What must stay true: `standard` takes nothing that a public function of a library needs; every removal is in the
//! ledger with its rule and bytes; `--keep` wins over every rule.

mod compiled;
mod copies;
mod data_of_tests;
mod folders;
mod globs;
mod index;
mod installed;
mod ledger;
mod plain;
mod recipes;
mod sdk;
mod survey;
mod untouched;

use std::collections::BTreeSet;

use clap::ValueEnum;

pub use globs::Globs;
pub use installed::list_files;
pub use ledger::{Ledger, PartOf, Removal, Restoration, Restored, Rule};
pub use recipes::{Kept, PartName};
pub use sdk::{SdkDecision, SdkPolicy};
pub use survey::may_speak;
pub use untouched::stays_as_it_is;

use self::compiled::{Names, Sort};
use self::copies::Copies;
use self::folders::Folders;
use self::survey::{Survey, Wanted};
use crate::error::Result;
use crate::lambda::Target;
use crate::resolve::Distribution;
use crate::tree::{Entry, Owner, Site, Source, Tree};

/// How much is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing but stale bytecode.
    None,
    /// What no function can need: tests, documentation, sources and headers, stubs, symbols, what the runtime ships.
    Standard,
    /// Also optional parts of distributions that nothing in the artifact imports.
    Deep,
}

/// What to slim, and what not.
#[derive(Debug)]
pub struct Options {
    /// How much.
    pub level: Level,
    /// What the artifact is for.
    pub target: Target,
    /// Where its files lie.
    pub site: Site,
    /// Whether all that uses the distributions is in the tree. Where it is not, no part of them is optional.
    pub users_known: bool,
    /// `MODULE.FUNCTION`, if it was given.
    pub handler: Option<String>,
    /// What the runtime ships.
    pub sdk: SdkPolicy,
    /// Paths that stay whatever a rule says.
    pub keep: Globs,
    /// Paths that go.
    pub exclude: Globs,
    /// AWS services whose definitions stay, beside those that the code names.
    pub services: Vec<String>,
}

/// A slimmed tree.
#[derive(Debug)]
pub struct Slimmed {
    /// What is left.
    pub tree: Tree,
    /// What was taken out.
    pub ledger: Ledger,
    /// What was decided about the AWS SDK, a line for each of its distributions.
    pub sdk: Vec<SdkDecision>,
    /// Parts that could have gone and did not.
    pub kept: Vec<Kept>,
}

impl Rule {
    /// Whether what it took out may be put back where an import needs it. What the user excluded stays out, the
    /// runtime and the layers have their own, and stale bytecode helps nobody; who needs a library is told again when its
    /// part is back.
    pub fn can_be_undone(self) -> bool {
        !matches!(
            self,
            Self::Excluded
                | Self::RuntimeProvides
                | Self::LayerProvides
                | Self::InstalledBytecode
                | Self::NeededEntries
        )
    }
}

/// Whether a rule is undone for an owner's files.
pub fn is_restored(restored: &Restored, rule: Rule, owner: Owner, distributions: &[Distribution]) -> bool {
    let Owner::Distribution(index) = owner else { return false };
    restored.iter().any(|one| one.rule == rule && one.distribution == distributions[index].name)
}

/// Takes out what the options say and what `in_layers` are, but for what is put back. What is in the tree and no part of
/// the artifact says what is needed, and is not in the result.
pub fn slim(
    mut tree: Tree,
    distributions: &[Distribution],
    in_layers: &BTreeSet<usize>,
    options: &Options,
    restored: &Restored,
) -> Result<Slimmed> {
    let mut ledger = Ledger::default();
    let take = |tree: &mut Tree, ledger: &mut Ledger, rule: Rule, paths: Vec<String>| {
        for path in paths {
            let put_back = |entry: &Entry| is_restored(restored, rule, entry.owner, distributions);
            if options.keep.matches(&path) || tree.get(&path).is_some_and(put_back) {
                continue;
            }
            if let Some(entry) = tree.remove(&path) {
                ledger.add(Removal { path, rule, bytes: entry.size, owner: entry.owner, component: None });
            }
        }
    };
    let found = paths(&tree, |path, _| options.exclude.matches(path));
    take(&mut tree, &mut ledger, Rule::Excluded, found);
    // A `.pyc` that stands for its source is no leftover of an installer.
    let is_installed = |path: &str| match path.strip_suffix(".pyc") {
        Some(stem) => path.contains("__pycache__/") || tree.contains_key(&format!("{stem}.py")),
        None => false,
    };
    let found = paths(&tree, |path, owner| owner != Owner::Function && is_installed(path));
    take(&mut tree, &mut ledger, Rule::InstalledBytecode, found);
    let is_in_layer = |owner| matches!(owner, Owner::Distribution(index) if in_layers.contains(&index));
    let found = paths(&tree, |_, owner| is_in_layer(owner));
    take(&mut tree, &mut ledger, Rule::LayerProvides, found);
    let sdk = sdk::decide(distributions, in_layers, options.sdk, options.level);
    let omitted: Vec<usize> =
        sdk.iter().filter(|decision| !decision.bundled).map(|decision| decision.distribution).collect();
    let is_omitted = |owner| matches!(owner, Owner::Distribution(index) if omitted.contains(&index));
    let found = paths(&tree, |_, owner| is_omitted(owner));
    take(&mut tree, &mut ledger, Rule::RuntimeProvides, found);
    if options.level == Level::None {
        tree.retain(|path, _| options.site.has(path));
        return Ok(Slimmed { tree, ledger, sdk, kept: Vec::new() });
    }
    let recipes = recipes::known(distributions)?;
    let parts = if options.users_known { options.level } else { options.level.min(Level::Standard) };
    let (folders, copies) = (Folders::of(&tree), Copies::of(&tree, distributions));
    let names = folders.names().map(|name| (Sort::Module, name));
    let names = names.chain(copies.names().map(|name| (Sort::File, name))).chain(recipes.names(&tree, parts));
    let wanted = Wanted {
        words: recipes.words(),
        names: Names::new(names),
        python: options.target.python.minor(),
        site: options.site.clone(),
    };
    let mut survey = Survey::of(&tree, distributions, &wanted)?;
    let handler = options.handler.as_deref().and_then(|handler| handler.rsplit_once('.'));
    if let Some((module, _)) = handler {
        survey.add_root(module.replace('/', "."));
    }
    let unneeded = [
        (Rule::Tests, folders.tests(&survey)),
        (Rule::Documentation, folders.documentation(&tree, &survey, &survey.index())),
    ];
    for (rule, found) in unneeded {
        take(&mut tree, &mut ledger, rule, found);
    }
    // What tests name, nothing reads once they are gone.
    survey.retain(&tree);
    for (rule, found) in plain::find(&tree, distributions, &survey.index())? {
        take(&mut tree, &mut ledger, rule, found);
    }
    // Looked up again, since of the copies some may be gone.
    let found = Copies::of(&tree, distributions).unnamed(&tree, &survey, &survey.index());
    take(&mut tree, &mut ledger, Rule::LibraryCopies, found);
    survey.retain(&tree);
    // Recipes last: what the general rules took out needs nothing any more.
    let is_back = |part: &PartName| {
        restored.iter().any(|one| {
            one.rule == Rule::Component
                && one.distribution == part.distribution
                && one.component.as_ref() == Some(&part.component)
        })
    };
    let request = recipes::Request {
        level: parts,
        target: options.target,
        keep: &options.keep,
        services: &options.services,
        restored: &is_back,
    };
    let found = recipes.find(&tree, distributions, &survey, &request)?;
    for (path, component) in found.gone {
        if let Some(entry) = tree.remove(&path) {
            let (bytes, owner) = (entry.size, entry.owner);
            ledger.add(Removal { path, rule: Rule::Component, bytes, owner, component: Some(component) });
        }
    }
    for (path, bytes, components) in found.rewritten {
        let Some(entry) = tree.get_mut(&path) else { continue };
        // Made by this build: what the cache keeps under that path has the entries still.
        entry.source = Source::Memory(bytes);
        for component in components {
            let (path, owner) = (path.clone(), entry.owner);
            ledger.add(Removal { path, rule: Rule::NeededEntries, bytes: 0, owner, component: Some(component) });
        }
    }
    tree.retain(|path, _| options.site.has(path));
    Ok(Slimmed { tree, ledger, sdk, kept: found.kept })
}

/// The paths for which a question about path and owner is answered with yes.
fn paths(tree: &Tree, wanted: impl Fn(&str, Owner) -> bool) -> Vec<String> {
    tree.iter().filter(|(path, entry)| wanted(path, entry.owner)).map(|(path, _)| path.clone()).collect()
}
