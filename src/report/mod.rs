//! What an artifact is made of, in bytes: for a person, for CI, for a baseline. Of artifacts that pack made and of others.
//!
//! `open.rs` measures, `owners.rs` says whose files are; [`model`] is what comes of it, and every format is made of that alone.
//! What must stay true: nothing is unpacked into folders and nothing of an artifact is run; what an artifact says of itself is
//! shown as text and never as markup, an escape sequence or a command of a CI.

pub mod annotations;
pub mod baseline;
pub mod change;
mod html;
mod judge;
mod kinds;
mod limits;
mod markdown;
pub mod model;
mod open;
mod owners;
mod text;
mod words;

pub use change::Change;
pub use html::html;
pub(crate) use kinds::kind;
pub use markdown::markdown;
pub use model::{Artifact, Report};
pub use open::{Measured, open};
pub(crate) use owners::{installed, named};
pub use text::{Look, text};
pub(crate) use words::shown;

use crate::check::Severity;

/// What of an artifact is to stop a CI, a line each.
pub fn broken(artifact: &Artifact) -> Vec<String> {
    let limits = artifact.limits.iter().filter(|limit| limit.is_broken());
    let limits = limits.map(|limit| format!("{}: {}", words::limited(artifact, limit.limit), words::limit(limit)));
    let budgets = artifact.budgets.iter().filter(|verdict| verdict.over).map(words::verdict);
    let findings = artifact.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let findings = findings.map(|finding| shown(&finding.line()));
    limits.chain(budgets).chain(findings).map(|line| format!("{}: {line}", shown(&artifact.name))).collect()
}

impl Artifact {
    /// Whether something about it is to stop a CI: a limit of Lambda's, a budget, an error of a check.
    pub fn is_broken(&self) -> bool {
        self.limits.iter().any(model::Limit::is_broken)
            || self.budgets.iter().any(|verdict| verdict.over)
            || self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}
