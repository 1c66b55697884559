//! What the functions that use a layer bundle beside it, as evidence of what the layer needs: the distributions of their
//! requirements that the layer does not have.
//!
//! Only `--slim deep` asks, since only it takes parts that somebody may need. What must stay true: none of it is in the
//! layer, and a function whose requirements cannot be resolved stops the build: what it needs would not be known.

use std::collections::BTreeMap;

use super::product::user_path;
use super::{BuildPlan, Product};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lock::{self, Entry, SetId, State};
use crate::progress::Progress;
use crate::project::{Choice, Function, Requirements};
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
    for user in users.iter().filter(|user| !user.requirements.is_empty()) {
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

/// The lock's answer, where it holds; else pip's, with the layer's versions where that can be.
fn answer(
    build: &BuildPlan,
    user: &Function,
    of_layer: &[Distribution],
    python: &Interpreters,
    cache: &Cache,
) -> Result<Answer> {
    let requirements = Requirements::read(&user.requirements, &Choice::default(), build.target)?;
    if let Some(entry) = &build.lock {
        let of_user = Entry {
            id: SetId { name: user.name.clone(), packaging: None, target: build.target },
            requirements: requirements.clone(),
            ..entry.clone()
        };
        if let State::Holds(set) = of_user.state()? {
            return lock::to_answer(&set, of_user.root(), &requirements);
        }
    }
    let pins: BTreeMap<String, String> = of_layer.iter().map(|one| (one.name.clone(), one.version.clone())).collect();
    resolve::ask_pinned(&python.pip, build.target, &requirements, &[], pins, cache, build.offline)
}
