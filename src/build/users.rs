//! What the functions that use a layer bundle beside it, as evidence of what the layer needs: the distributions of their
//! requirements that the layer does not have.
//!
//! Only `--slim deep` asks, since only it takes parts that somebody may need. What must stay true: none of it is in the
//! layer, and a function whose requirements cannot be resolved stops the build: what it needs would not be known.

use std::collections::BTreeMap;

use super::product::user_path;
use super::{BuildPlan, Product, User};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lock::{self, Entry, SetId, State};
use crate::progress::Progress;
use crate::project::Requirements;
use crate::python::interpreter::Interpreters;
use crate::resolve::{self, Answer, Distribution};
use crate::slim::{Level, may_speak};
use crate::tree::{self, Owner, Source, Tree};

/// Their files that may say what they need, by paths that are no part of the layer.
pub(super) fn bundled(
    build: &BuildPlan,
    of_layer: &[Distribution],
    python: &Interpreters,
    cache: &Cache,
    progress: &mut Progress,
) -> Result<Tree> {
    let mut tree = Tree::new();
    let Product::Layer { users, .. } = &build.product else { return Ok(tree) };
    if build.slim.level < Level::Deep {
        return Ok(tree);
    }
    let is_in_layer =
        |one: &Distribution| of_layer.iter().any(|other| (&one.name, &one.version) == (&other.name, &other.version));
    for user in users.iter().filter(|user| !user.function.requirements.is_empty()) {
        let resolution = progress.phase("resolve functions", |progress| {
            let answer = answer(build, user, of_layer, python, cache)?;
            resolve::fetch(&answer, &python.pip, build.target, cache, build.offline, progress)
        })?;
        for distribution in resolution.distributions.iter().filter(|one| !is_in_layer(one)) {
            let wheel = &distribution.wheel;
            for place in wheel.placed().map_err(|source| Error::wheel(&wheel.filename, source))? {
                let size = wheel.archive.members()[place.member].size;
                if may_speak(&place.path, size) {
                    let source = Source::Member { archive: wheel.archive.clone(), member: place.member };
                    let entry = tree::Entry { executable: false, owner: Owner::Function, source, size };
                    tree.insert(user_path(user, &place.path), entry);
                }
            }
        }
    }
    Ok(tree)
}

/// The lock's answer, where it holds; else pip's, with the layer's versions and the lock's old ones where that can be.
fn answer(
    build: &BuildPlan,
    user: &User,
    of_layer: &[Distribution],
    python: &Interpreters,
    cache: &Cache,
) -> Result<Answer> {
    let requirements = Requirements::read(&user.function.requirements, &user.function.choice, build.target)?;
    let mut pins = BTreeMap::new();
    if let Some(entry) = &build.lock {
        let of_user = |packaging| Entry {
            id: SetId { name: user.function.name.clone(), packaging, target: build.target },
            requirements: requirements.clone(),
            ..entry.clone()
        };
        let as_used = of_user(user.packaging.clone());
        // A packaging that has no set, since nobody knows what its other layers have, has the function's own.
        for of_user in [as_used.clone(), of_user(None)] {
            match of_user.state()? {
                State::Holds(set) => return lock::to_answer(&set, of_user.root(), &requirements),
                State::Outdated { old: Some(old), .. } => pins = lock::pins(&old),
                State::Outdated { old: None, .. } => {}
            }
        }
        if entry.frozen
            && let State::Outdated { reasons, .. } = as_used.state()?
        {
            return Err(as_used.refuse(&reasons));
        }
    }
    pins.extend(of_layer.iter().map(|one| (one.name.clone(), one.version.clone())));
    resolve::ask_pinned(&python.pip, build.target, &requirements, &[], pins, cache, build.offline)
}
