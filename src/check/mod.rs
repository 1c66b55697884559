//! Will Lambda load this? Findings about files as they will lie in Lambda, without running any of them.
//!
//! What must stay true: a check looks at [`Files`] and a [`Question`], so that it answers the same for a build, a ZIP,
//! layers, an image's layout or a folder, for any target on any machine; an error is only what would fail on Lambda.

mod bytecode;
mod contents;
mod distributions;
mod files;
mod finding;
mod guess;
mod handler;
mod imports;
mod installed;
pub mod libraries;
mod limits;
mod modes;
mod modules;
mod names;
mod question;
mod reach;
mod report;
mod shadow;
pub mod sources;
mod syntax;
mod target;

use std::collections::BTreeMap;

pub use files::{File, Files, LARGE_BYTES, LAYERS, Origin, TASK};
pub use finding::{Finding, Severity};
pub use guess::handlers;
pub use limits::{Sizes, combined_too_large};
pub use question::{Assumed, Question, Shape};
pub(crate) use reach::absolute;
pub use report::Report;
pub use syntax::{refusal, refused};
pub use target::seen;

use crate::error::Result;
use installed::{Installation, Owner};
use modules::Modules;

/// What a check has to say.
#[derive(Debug, Default)]
pub struct Checked {
    /// Everything that is wrong with the files: errors first, then by path.
    pub findings: Vec<Finding>,
    /// The sources that are certain to be loaded, and whether each is the function's own.
    pub loaded: BTreeMap<String, bool>,
}

/// Everything that is wrong with the files, and what is loaded of them.
pub fn check(files: &Files, question: &Question) -> Result<Checked> {
    let modules = Modules::new(files, question);
    let installation = Installation::new(files, question)?;
    let certain = question.certain_handler().and_then(handler::module);
    let roots = match &certain {
        Some(module) => vec![module.clone()],
        None => own_modules(&modules, &installation),
    };
    let reach = reach::from(&modules, question, &roots, certain.is_some())?;
    // Who imports a package of a layer, or of a function whose handler nobody knows, loads what that loads.
    let by_users = match certain {
        Some(_) => None,
        None => Some(reach::from(&modules, question, &modules.importable(), false)?),
    };
    let loads = by_users.as_ref().unwrap_or(&reach);
    let missing = imports::certain(&modules, &installation, &reach)?;
    let mut findings = modes::check(files, question);
    findings.extend(names::check(files));
    findings.extend(handler::check(&modules, question)?);
    findings.extend(libraries::check(files, question, loads)?);
    findings.extend(distributions::check(&installation, question, &reach, loads, &missing));
    if question.shape != Shape::Layers {
        findings.extend(imports::check(&modules, &reach, &missing));
        findings.extend(imports::broken(&modules, &installation, &reach)?);
    }
    findings.extend(shadow::check(&modules, &installation, question, &reach));
    findings.extend(syntax::check(&reach));
    findings.extend(bytecode::check(&modules, question, loads)?);
    findings.extend(contents::check(files, &installation)?);
    let is_own = |path: &str| installation.owner(path) == Owner::Function;
    let loaded = if reach.certain {
        reach.sources.keys().map(|path| (path.clone(), is_own(path))).collect()
    } else {
        BTreeMap::new()
    };
    Ok(Checked { findings: sorted(findings), loaded })
}

/// The top-level modules of the function itself.
fn own_modules(modules: &Modules, installation: &Installation) -> Vec<String> {
    let top =
        |path: &str| path[TASK.len() + 1..].strip_suffix(".py").filter(|top| !top.contains('/')).map(str::to_owned);
    modules
        .files
        .below(TASK)
        .filter(|(path, _)| installation.owner(path) == Owner::Function)
        .filter_map(|(path, _)| top(path))
        .collect()
}

/// Looks for the handler where nobody named it.
pub fn find_handler(files: &Files, question: &mut Question) -> Result<()> {
    if question.handler.is_none() && question.shape == Shape::Function {
        let installation = Installation::new(files, question)?;
        if let Some(guess) = guess::guess(&Modules::new(files, question), &installation)? {
            question.guessed = !guess.certain;
            question.handler = Some(guess.handler);
        }
    }
    Ok(())
}

/// What Lambda's user may not read.
pub fn modes(files: &Files, question: &Question) -> Vec<Finding> {
    modes::check(files, question)
}

/// What of it is above Lambda's limits.
pub fn limits(sizes: &Sizes, shape: Shape) -> Vec<Finding> {
    limits::check(sizes, shape)
}

/// Findings in the order in which they are shown.
pub fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|left, right| {
        let key =
            |finding: &Finding| (finding.severity, finding.path.clone(), finding.check.clone(), finding.reason.clone());
        key(left).cmp(&key(right))
    });
    findings.dedup();
    findings
}
