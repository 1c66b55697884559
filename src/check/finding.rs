//! What a check found: how bad it is, where, why, and what to do.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Lambda refuses it, or something in it fails when it is used.
    Error,
    /// It may fail, or surprise.
    Warning,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which check found it, in kebab-case: `library-missing`. Stable, so that people can search for it.
    pub check: Cow<'static, str>,
    /// The file as it lies in Lambda (`/var/task/app.py`), if it is about one.
    pub path: Option<String>,
    /// What is wrong, as a sentence without a full stop.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding that stops a build.
    pub fn error(check: &'static str, path: &str, reason: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            check: check.into(),
            path: Some(path.into()),
            reason: reason.into(),
            hint: None,
        }
    }

    /// A finding that a person should know.
    pub fn warning(check: &'static str, path: &str, reason: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(check, path, reason) }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}
