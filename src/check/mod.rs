//! Will Lambda load this? Findings about files as they will lie in Lambda, without running any of them.
//!
//! What must stay true: a check looks at [`Files`] and a [`Question`], so that it answers the same for a build, a ZIP,
//! layers, an image's layout or a folder, for any target on any machine; an error is only what would fail on Lambda.

mod bytecode;
mod contents;
mod distributions;
mod files;
mod finding;
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

pub use files::{File, Files, LAYERS, Origin, TASK};
pub use finding::{Finding, Severity};
pub use limits::Sizes;
pub use question::{Question, Shape};
pub use report::Report;

use crate::error::Result;
use installed::{Installation, Owner};
use modules::Modules;

/// Everything that is wrong with the files: errors first, then by path.
pub fn check(files: &Files, question: &Question) -> Result<Vec<Finding>> {
    let modules = Modules::new(files, question);
    let installation = Installation::new(files, question)?;
    let roots = match &question.handler {
        Some(handler) => handler::module(handler).into_iter().collect(),
        None => own_modules(&modules, &installation),
    };
    let reach = reach::from(&modules, question, &roots)?;
    let mut findings = modes::check(files, question);
    findings.extend(names::check(files));
    findings.extend(handler::check(&modules, question)?);
    findings.extend(libraries::check(files, question.target, question.shape)?);
    findings.extend(distributions::check(&installation, &modules, question)?);
    if question.shape != Shape::Layers {
        findings.extend(imports::check(&modules, question, &reach)?);
    }
    findings.extend(shadow::check(&modules, &installation, question, &reach));
    findings.extend(bytecode::check(&modules, question)?);
    findings.extend(contents::check(files, &installation)?);
    Ok(sorted(findings))
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

/// The only handler that the function's own top-level modules define under a usual name.
pub fn detect_handler(files: &Files, question: &Question) -> Result<Option<String>> {
    handler::detect(&Modules::new(files, question))
}

/// What of it is above Lambda's limits.
pub fn limits(sizes: &Sizes, shape: Shape) -> Vec<Finding> {
    limits::check(sizes, shape)
}

/// Findings in the order in which they are shown.
pub fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|left, right| {
        let key = |finding: &Finding| (finding.severity, finding.path.clone(), finding.check, finding.reason.clone());
        key(left).cmp(&key(right))
    });
    findings.dedup();
    findings
}
