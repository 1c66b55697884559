//! What is known of single distributions: parts that a function can do without although no general rule can tell.
//!
//! `data/NAME.toml` has a distribution's parts, with what they are for and how that was found out. A part goes only if
//! nothing that stays imports it, says its name, or uses a symbol of its libraries; else it stays, and the report says
//! why. What must stay true: a recipe takes paths of its own distribution only; whether a part goes depends on the tree
//! alone.

mod data;
mod evidence;
mod plan;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compiled::Sort;
use super::survey::Survey;
use super::{Globs, Level};
use crate::error::Result;
use crate::lambda::Target;
use crate::resolve::Distribution;
use crate::tree::{Owner, Tree};

/// A part that a recipe knows, in a tree that has it.
#[derive(Debug)]
struct Part {
    /// Whose it is.
    owner: Owner,
    /// Its name and the owner's, as a report shows them.
    title: PartName,
    /// What would need it.
    wanted: data::Wanted,
    /// Its files.
    files: BTreeSet<String>,
}

/// The name of a part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct PartName {
    /// The distribution's normalised name.
    pub distribution: String,
    /// The part's name in its recipe.
    pub component: String,
}

/// A part that stays though its recipe would let it go.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kept {
    /// Which.
    #[serde(flatten)]
    pub part: PartName,
    /// Who needs it.
    pub reason: String,
}

/// What the recipes say about a tree.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files to take out, with their part's name.
    pub gone: Vec<(String, String)>,
    /// Libraries that named one of those without using it: path, new bytes, and the part that it did not need.
    pub rewritten: Vec<(String, Arc<[u8]>, BTreeSet<String>)>,
    /// What stays, and why.
    pub kept: Vec<Kept>,
}

/// What a build asks of the recipes.
pub(super) struct Request<'a> {
    /// How much is taken out.
    pub level: Level,
    /// What the artifact is for.
    pub target: Target,
    /// Paths that stay.
    pub keep: &'a Globs,
    /// AWS services named by the user.
    pub services: &'a [String],
    /// Parts that were found missing and are put back.
    pub restored: &'a dyn Fn(&PartName) -> bool,
}

/// The recipes of these distributions.
pub(super) fn known(distributions: &[Distribution]) -> Result<Recipes> {
    let mut by_owner = BTreeMap::new();
    for (index, distribution) in distributions.iter().enumerate() {
        if let Some(recipe) = data::of(&distribution.name)? {
            by_owner.insert(index, recipe);
        }
    }
    Ok(Recipes { by_owner })
}

/// The recipes of a resolution, by the distributions' places in it.
#[derive(Debug)]
pub(super) struct Recipes {
    by_owner: BTreeMap<usize, data::Recipe>,
}

impl Recipes {
    /// Every word that the survey has to look for.
    pub(super) fn words(&self) -> BTreeSet<&str> {
        self.by_owner.values().flat_map(data::Recipe::words).collect()
    }

    /// What compiled files are searched for at this level.
    pub(super) fn names(&self, tree: &Tree, level: Level) -> Vec<(Sort, String)> {
        let mut names = Vec::new();
        for (index, recipe) in &self.by_owner {
            let wanted = || recipe.components.iter().map(|component| &component.wanted);
            // `pkg.*` stands for a statement of a source.
            let modules = wanted().flat_map(|wanted| &wanted.modules).filter(|module| !module.ends_with('*'));
            names.extend(modules.map(|module| (Sort::Module, module.clone())));
            names.extend(wanted().flat_map(|wanted| &wanted.words).map(|word| (Sort::Word, word.clone())));
            let Some(services) = recipe.services.as_ref().filter(|_| level >= Level::Deep) else { continue };
            names.extend(services.sdk.iter().map(|module| (Sort::Module, module.clone())));
            names.extend(services.makers().map(|word| (Sort::Word, word.clone())));
            let there = services::there(services, tree, Owner::Distribution(*index));
            names.extend(there.into_iter().chain(services.aliases.keys().cloned()).map(|name| (Sort::Service, name)));
        }
        names
    }

    /// What goes of a tree, and what stays though it could have gone.
    pub(super) fn find(
        &self,
        tree: &Tree,
        distributions: &[Distribution],
        survey: &Survey,
        request: &Request<'_>,
    ) -> Result<Found> {
        let mut found = Found::default();
        let mut parts = self.parts(tree, distributions, request);
        for (index, recipe) in &self.by_owner {
            let Some(clients) = recipe.services.as_ref().filter(|_| request.level >= Level::Deep) else { continue };
            let place = services::Place { owner: *index, distributions, tree, survey };
            let title =
                PartName { distribution: distributions[*index].name.clone(), component: clients.component.clone() };
            if (request.restored)(&title) {
                continue;
            }
            match services::unused(clients, &place, request)? {
                services::Unused::Files(files) if files.is_empty() => {}
                services::Unused::Files(files) => parts.push(Part {
                    owner: Owner::Distribution(*index),
                    title,
                    wanted: data::Wanted::default(),
                    files,
                }),
                services::Unused::Unknown(reason) => found.kept.push(Kept { part: title, reason }),
            }
        }
        if !parts.is_empty() {
            plan::decide(parts, tree, distributions, survey, request, &mut found)?;
        }
        found.kept.sort_by(|left, right| left.part.cmp(&right.part));
        Ok(found)
    }

    /// The parts that the tree has and the level lets go.
    fn parts(&self, tree: &Tree, distributions: &[Distribution], request: &Request<'_>) -> Vec<Part> {
        let mut parts = Vec::new();
        for (index, recipe) in &self.by_owner {
            let Distribution { name, version, .. } = &distributions[*index];
            let owner = Owner::Distribution(*index);
            for component in recipe.components.iter().filter(|component| component.concerns(version, request.level)) {
                let title = PartName { distribution: name.clone(), component: component.name.clone() };
                let files: BTreeSet<String> = tree
                    .iter()
                    .filter(|(path, entry)| entry.owner == owner && component.paths.matches(path))
                    .map(|(path, _)| path.clone())
                    .filter(|path| !request.keep.matches(path))
                    .collect();
                if !files.is_empty() && !(request.restored)(&title) {
                    parts.push(Part { owner, title, wanted: component.wanted.clone(), files });
                }
            }
        }
        parts
    }
}
