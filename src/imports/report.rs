//! What an import test says in a report.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::size::human;
use crate::slim::Restoration;

/// What the import test says in a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Modules that were imported, or tried.
    pub tested: usize,
    /// How long it took; none for an artifact that was tested before.
    #[serde(skip_deserializing)]
    pub seconds: Option<f64>,
    /// Why nothing was tested.
    pub skipped_reason: Option<String>,
    /// Modules of which this machine cannot tell, with the reason.
    pub undecided: Vec<Undecided>,
    /// Packages that want a module of a distribution that is not installed: optional parts, such as duckdb's ADBC driver.
    #[serde(default)]
    pub optional: Vec<Undecided>,
    /// Modules that loaded a library of this machine which the runtime does not have.
    #[serde(default)]
    pub foreign: Vec<Undecided>,
    /// What was put back.
    #[serde(default)]
    pub rescued: Vec<Rescued>,
}

/// A module that was not imported to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    /// The module, or the handler.
    pub module: String,
    /// Why.
    pub reason: String,
}

/// A rule's removals that were put back for a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescued {
    /// Whose, and which rule's.
    #[serde(flatten)]
    pub restoration: Restoration,
    /// Files.
    pub files: u64,
    /// Bytes more.
    pub bytes: u64,
    /// What needs it.
    pub reason: String,
}

impl Rescued {
    /// As a warning says it.
    pub fn describe(&self) -> String {
        let Restoration { rule, distribution, component } = &self.restoration;
        let what = component.as_deref().unwrap_or(rule.title());
        format!("put back {what} of {distribution} ({}): {}", human(self.bytes), self.reason)
    }
}

impl Report {
    /// Of a test that did not happen.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self { skipped_reason: Some(reason.into()), ..Self::default() }
    }

    /// As a person reads it; a line, and one for each module that is undecided.
    pub fn text(&self) -> String {
        if let Some(reason) = &self.skipped_reason {
            return format!("not tested: {reason}");
        }
        let modules = if self.tested == 1 { "module" } else { "modules" };
        let mut text = match self.seconds {
            Some(seconds) => format!("{} {modules} tested in {seconds:.1} s", self.tested),
            None => format!("{} {modules} tested, by an earlier build of the same bytes", self.tested),
        };
        for undecided in &self.undecided {
            let _ = write!(text, "\n            not to its end: {}: {}", undecided.module, undecided.reason);
        }
        for foreign in &self.foreign {
            let _ = write!(text, "\n            not as there: {} {}", foreign.module, foreign.reason);
        }
        for optional in &self.optional {
            let _ = write!(text, "\n            optional: {}: {}", optional.module, optional.reason);
        }
        text
    }
}
