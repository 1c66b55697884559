//! Which sources get bytecode, and where it lies.
//!
//! Without valid bytecode every cold start compiles every module again; stale bytecode is worse than none.

use std::sync::Arc;

use clap::ValueEnum;
use rayon::prelude::*;

use super::{BuildPlan, is_function};
use crate::artifact;
use crate::cache::{Cache, MemberCache};
use crate::error::Result;
use crate::python::bytecode::{Compiled, Compiler, cache_path};
use crate::python::interpreter::Interpreter;
use crate::resolve::Distribution;
use crate::slim::{Restored, Rule, is_restored};
use crate::tree::{self, Entry, Owner, Source, Tree};

/// What bytecode an artifact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Beside the sources: a fast cold start, and source lines in tracebacks.
    Compiled,
    /// None: the smallest, and every cold start compiles.
    None,
    /// In place of the dependencies' sources: as fast, smaller than `compiled`, no source lines of theirs in tracebacks.
    Only,
}

/// A tree with bytecode.
pub struct WithBytecode {
    /// The files.
    pub tree: Tree,
    /// What was done: `None` where no interpreter could compile.
    pub policy: Policy,
    /// For each distribution, what earlier builds compiled of it.
    pub caches: Vec<MemberCache>,
    /// Sources that their bytecode replaces: path, bytes, owner.
    pub replaced: Vec<(String, u64, Owner)>,
    /// Why there is none, where it was asked for.
    pub warning: Option<String>,
    /// The compiling interpreter's version: part of what the bytes depend on.
    pub interpreter: Option<String>,
    /// Sources that Python refused, with its reason.
    pub refused: Vec<(String, String)>,
}

/// A source with its bytecode's place and entry, or with the reason why it has none.
type Outcome<'a> = std::result::Result<(&'a String, String, Entry), (String, String)>;

/// Compiles what the policy asks for.
pub(super) fn add(
    mut tree: Tree,
    distributions: &[Distribution],
    build: &BuildPlan,
    interpreter: Option<&Interpreter>,
    cache: &Cache,
    restored: &Restored,
) -> Result<WithBytecode> {
    let python = build.target.python;
    let at = build.site();
    let none = |tree, warning| WithBytecode {
        tree,
        policy: Policy::None,
        caches: Vec::new(),
        replaced: Vec::new(),
        warning,
        interpreter: None,
        refused: Vec::new(),
    };
    if build.bytecode == Policy::None {
        return Ok(none(tree, None));
    }
    let Some(interpreter) = interpreter else {
        let warning = format!(
            "no CPython {python} was found, so the artifact has no bytecode: every cold start compiles its modules, which \
             can more than double it; install one (pyenv install {python}, or uv python install {python}) or ask for \
             --bytecode none"
        );
        return Ok(none(tree, Some(warning)));
    };
    let variant = artifact::bytecode_variant(&interpreter.version(), &at);
    let caches: Vec<MemberCache> =
        distributions.iter().map(|distribution| cache.members(&distribution.sha256, &variant)).collect();
    let compiler = Compiler::new(interpreter, python);
    let is_module = |path: &str| at.importable(path).is_some_and(|path| !path.starts_with("bin/"));
    let sources: Vec<(&String, &Entry)> =
        tree.iter().filter(|(path, _)| path.ends_with(".py") && is_module(path)).collect();
    let in_place = |path: &str, owner| {
        build.bytecode == Policy::Only
            && !is_function(owner)
            && !build.slim.keep.matches(path)
            && !is_restored(restored, Rule::CompiledSources, owner, distributions)
    };
    let made: Vec<Outcome<'_>> = sources
        .into_par_iter()
        .map(|(path, entry)| {
            let place = if in_place(path, entry.owner) { format!("{path}c") } else { cache_path(path, python) };
            let owned = |source, size| Entry { executable: false, owner: entry.owner, source, size };
            let distribution = match entry.source {
                Source::Wheel { distribution, .. } => Some(distribution),
                _ => None,
            };
            let kept = distribution.and_then(|index| Some((index, caches[index].locate(&place)?)));
            if let Some((distribution, (archive, member))) = kept {
                return Ok(Ok((path, place, owned(Source::Cached { distribution, archive, member }, entry.size))));
            }
            let bytes: Arc<[u8]> = match compiler.compile(&at.in_lambda(path), &tree::read(entry, distributions)?)? {
                Compiled::Bytecode(bytes) => bytes.into(),
                // Python would say the same at import, if anything ever imports it.
                Compiled::Refused(reason) => return Ok(Err((path.clone(), reason))),
            };
            let size = bytes.len() as u64;
            let source = match distribution {
                Some(distribution) => Source::Compiled { distribution, bytes },
                None => Source::Memory(bytes),
            };
            Ok(Ok((path, place, owned(source, size))))
        })
        .collect::<Result<_>>()?;
    let mut replaced = Vec::new();
    let mut added = Vec::new();
    let mut refused = Vec::new();
    for made in made {
        let (path, place, entry) = match made {
            Ok(made) => made,
            Err(reason) => {
                refused.push(reason);
                continue;
            }
        };
        if in_place(path, entry.owner) {
            replaced.push((path.clone(), tree[path].size, entry.owner));
        }
        added.push((place, entry));
    }
    for (path, ..) in &replaced {
        tree.remove(path);
    }
    tree.extend(added);
    Ok(WithBytecode {
        tree,
        policy: build.bytecode,
        caches,
        replaced,
        warning: None,
        interpreter: Some(interpreter.version()),
        refused,
    })
}
