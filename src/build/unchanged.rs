//! What need not be built again: an artifact that is there, made earlier of the very same things.
//!
//! What must stay true: the key names everything that an artifact and its report depend on, this program included, so that
//! a build that is passed over would have made the same bytes. Only a lock that holds says which wheels those are without
//! asking; and an artifact that is not as it was left is made again.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::product::Files;
use super::{BuildPlan, Product, answer, artifact};
use crate::cache::{Cache, Results};
use crate::error::{Error, Result};
use crate::lock::{Set, State};
use crate::python::interpreter::Interpreters;
use crate::registry;
use crate::size::SizeReport;
use crate::slim;
use crate::system::Stamp;
use crate::tree;

/// What an earlier build left.
#[derive(Deserialize, Serialize)]
struct Record {
    report: SizeReport,
    stamp: Stamp,
}

/// A digest of the files of this machine that a build looks at.
pub(super) fn digest(files: &Files) -> Result<String> {
    let mut hasher = Sha256::new();
    for file in &files.own {
        let bytes = std::fs::read(&file.source).map_err(Error::io("read", &file.source))?;
        hasher.update(format!("{}\0{}\0{}\0", file.path, file.executable, bytes.len()));
        hasher.update(bytes);
    }
    for (path, entry) in &files.evidence {
        let bytes = tree::read(entry, &[])?;
        hasher.update(format!("{path}\0{}\0", bytes.len()));
        hasher.update(bytes);
    }
    Ok(data_encoding::HEXLOWER.encode(&hasher.finalize()))
}

/// The lock's set that a build would go by, if it holds.
pub(super) fn set(build: &BuildPlan) -> Result<Option<Set>> {
    let Some(entry) = &build.lock else { return Ok(None) };
    Ok(match answer::state(build, entry)? {
        State::Holds(set) => Some(set),
        State::Outdated { .. } => None,
    })
}

/// Everything that a build by a set depends on, as one word; none where that cannot be known. `base` is the digest of an image's base
/// that the lock did not have.
pub(super) fn key(
    build: &BuildPlan,
    set: &Set,
    files: &str,
    base: Option<registry::Digest>,
    python: &Interpreters,
) -> Result<Option<String>> {
    let Some(program) = Stamp::of_program() else { return Ok(None) };
    // A deep layer also depends on what its users require, an emulator on files that nobody knows.
    let has_users = matches!(&build.product, Product::Layer { users, .. } if !users.is_empty());
    if !set.is_settled() || (has_users && build.slim.level == slim::Level::Deep) || build.imports.command.is_some() {
        return Ok(None);
    }
    let layers: Vec<(String, &str)> =
        build.layers.all.iter().map(|layer| (layer.shown(), layer.sha256.as_str())).collect();
    let image = match &build.image {
        None => None,
        Some(plan) => match plan.key(base)? {
            Some(key) => Some(key),
            None => return Ok(None),
        },
    };
    let compiler = python.compiler.as_ref().map(|compiler| (&compiler.path, compiler.version()));
    let slim = &build.slim;
    let parts = serde_json::to_vec(&(
        (env!("CARGO_PKG_VERSION"), program, artifact::member_variant()),
        (build.product.name(), build.site().packages(), build.target, &build.output, &build.handler),
        (build.check, &build.provided, build.bytecode, compiler, &build.imports),
        (slim.level, format!("{:?}", slim.sdk), slim.keep.patterns(), slim.exclude.patterns(), &slim.services),
        (slim.users_known, layers, build.allow_shadow, image),
        format!("{set:?}"),
        files,
    ))
    .map_err(|error| Error::io("write", "JSON")(error.into()))?;
    Ok(Some(data_encoding::HEXLOWER.encode(&Sha256::digest(parts))))
}

/// The report of an earlier build whose artifact is still as it was left.
pub(super) fn recall(key: &str, cache: &Cache) -> Option<SizeReport> {
    let Record { report, stamp } = cache.result(Results::Builds, key)?;
    (Stamp::of(Path::new(&report.path))? == stamp).then_some(report)
}

/// Keeps the report of a build, with the stamp of what it wrote. What cannot be kept is built again.
pub(super) fn remember(key: &str, report: &SizeReport, stamp: Stamp, cache: &Cache) {
    #[derive(Serialize)]
    struct Made<'a> {
        report: &'a SizeReport,
        stamp: Stamp,
    }
    let _ = cache.remember_result(Results::Builds, key, &Made { report, stamp });
}
