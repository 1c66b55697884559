//! Base images in `pack lock`: which the project has, and which digests their tags lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::published::Newer;
use crate::aws;
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::image;
use crate::lock::{BaseId, Lock, SetId};
use crate::progress::Progress;
use crate::project::{Build, Method};
use crate::registry::{Client, Digest, Options, Patience, RegistryError};

/// The bases of images that are in a registry and are named by a tag.
pub(super) fn wanted(builds: &[Build]) -> Result<BTreeSet<BaseId>> {
    let images = builds.iter().filter(|build| build.method == Method::Image);
    let ids = images.map(|build| image::base_id(build.base.as_deref(), build.target));
    Ok(ids.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// What the lock is to say. Where a registry is out of reach, what is there stays, and the rest is told.
pub(super) fn resolve(
    wanted: &BTreeSet<BaseId>,
    lock: &Lock,
    newer: &Newer<'_>,
    offline: bool,
    profile: Option<&str>,
    progress: &Progress,
) -> Result<BTreeMap<BaseId, Digest>> {
    let mut resolved: BTreeMap<BaseId, Digest> =
        wanted.iter().filter_map(|id| Some((id.clone(), lock.base(id)?))).collect();
    let asked: Vec<&BaseId> =
        wanted.iter().filter(|id| newer.has(&id.0.to_string()) || !resolved.contains_key(id)).collect();
    if offline {
        for (reference, _) in asked.iter().filter(|id| !resolved.contains_key(id)) {
            progress.warn(&format!("the base {reference} is not locked: --offline asks no registry"));
        }
        return Ok(resolved);
    }
    if asked.is_empty() {
        return Ok(resolved);
    }
    // A registry that is out of reach should not hold the rest up for long.
    let patience = Patience { attempts: 2, ..Patience::default() };
    let client =
        Client::new(Options { credentials: aws::registry_credentials(profile), patience, ..Options::default() })?;
    for id in asked {
        let (reference, architecture) = id;
        progress.say(&format!("looking for the base {reference}"));
        let image = client.repository(reference, progress);
        match image.and_then(|repository| repository.image(&reference.asked(), *architecture)) {
            Ok(manifest) => drop(resolved.insert(id.clone(), manifest.descriptor.digest)),
            Err(Error::Registry(error)) if is_out_of_reach(&error) => {
                let what = if resolved.contains_key(id) { "stays as it is" } else { "is not locked" };
                progress.warn(&format!("the base {reference} {what}: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(resolved)
}

/// Whether somebody else, or another day, would get an answer.
fn is_out_of_reach(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Unreachable { .. } | RegistryError::NoCredentials { .. })
}

/// What is known of what bases have.
pub(super) struct Look<'a> {
    pub(super) cache: &'a Cache,
    pub(super) before: &'a Lock,
    /// What tags of bases lead to, beside what the lock says.
    pub(super) digests: &'a BTreeMap<BaseId, Digest>,
    pub(super) offline: bool,
    /// Of AWS's configuration files.
    pub(super) profile: Option<&'a str>,
    pub(super) progress: &'a Progress,
}

impl Look<'_> {
    /// Whether the base of an image lacks the runtime interface client. Where a registry would have to be asked and is not to be, or
    /// is out of reach, it is as the lock has it.
    pub(super) fn lacks_client(&self, build: &Build) -> Result<bool> {
        if build.entrypoint.is_some() {
            return Ok(false);
        }
        let id = SetId { name: build.function.clone(), packaging: Some(build.packaging.clone()), target: build.target };
        let as_locked = self.before.set(&id).is_some_and(|set| set.added.iter().any(|name| name == image::CLIENT));
        let digest = match image::base_id(build.base.as_deref(), build.target)? {
            Some(base) => self.digests.get(&base).copied().or_else(|| self.before.base(&base)),
            None => None,
        };
        let name = image::base_name(build.base.as_deref(), build.target);
        let question =
            image::Question { name: &name, digest, entrypoint: None, target: build.target, offline: self.offline };
        let known = if self.offline {
            image::recall(&question, self.cache, self.progress)
        } else {
            let client =
                Client::new(Options { credentials: aws::registry_credentials(self.profile), ..Options::default() })?;
            image::look(&question, &Arc::new(client), self.cache, self.progress).map(Some)
        };
        match known {
            Ok(known) => Ok(known.map_or(as_locked, |seen| seen.provided.lacks_client)),
            // Whoever builds the image is told more of it.
            Err(error @ (Error::Registry(_) | Error::Base { .. } | Error::Io { .. })) => {
                self.progress.warn(&format!("what the base of {id} has is not known: {error}"));
                Ok(as_locked)
            }
            Err(error) => Err(error),
        }
    }
}

/// Those that the lock has and the project has not.
pub(super) fn gone(wanted: &BTreeSet<BaseId>, lock: &Lock, some_targets: bool) -> Vec<BaseId> {
    let stays = |id: &BaseId| some_targets || wanted.contains(id);
    lock.bases().map(|(id, _)| id).filter(|id| !stays(id)).cloned().collect()
}

/// What changed.
pub(super) fn text(before: &Lock, after: &BTreeMap<BaseId, Digest>, gone: &[BaseId]) -> String {
    let mut text = String::new();
    for (reference, architecture) in gone {
        let _ = writeln!(text, "- base {reference} ({architecture})");
    }
    for (id, digest) in after.iter().filter(|(id, digest)| before.base(id) != Some(**digest)) {
        let (reference, architecture) = id;
        let old = before.base(id).map_or_else(String::new, |old| format!("{} → ", old.short()));
        let _ = writeln!(text, "base {reference} ({architecture}): {old}{}", digest.short());
    }
    text
}

/// What the lock does not say, a line each. A lock that has no base at all is one of a project that builds no images: no error.
pub(super) fn check(wanted: &BTreeSet<BaseId>, lock: &Lock, some_targets: bool) -> Vec<String> {
    let missing = wanted.iter().filter(|id| lock.bases().next().is_some() && lock.base(id).is_none());
    let line = |what: &str, (reference, architecture): &BaseId| format!("base {reference} ({architecture}): {what}");
    let mut lines: Vec<String> = missing.map(|id| line("it is not in the lock yet", id)).collect();
    lines.extend(gone(wanted, lock, some_targets).iter().map(|id| line("the project has no image with it", id)));
    lines
}
