//! What `pack check` says: as text, as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::sources::{Part, Role};
use super::{Finding, Severity, Sizes};
use crate::imports;
use crate::lambda::Target;

/// The outcome of a check.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was checked.
    pub parts: Vec<Part>,
    /// For which runtime.
    #[serde(flatten)]
    pub target: Target,
    /// How the runtime was known.
    pub known: String,
    /// The handler, if it was given or found.
    pub handler: Option<String>,
    /// How much it is.
    #[serde(flatten)]
    pub sizes: Sizes,
    /// What the import test did, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imports: Option<imports::Report>,
    /// Findings that are errors.
    pub errors: usize,
    /// Findings that are warnings.
    pub warnings: usize,
    /// All of them, errors first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Counts findings.
    pub fn new(
        parts: Vec<Part>,
        target: Target,
        known: String,
        handler: Option<String>,
        sizes: Sizes,
        findings: Vec<Finding>,
    ) -> Self {
        let warnings = findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
        Self {
            parts,
            target,
            known,
            handler,
            sizes,
            imports: None,
            errors: findings.len() - warnings,
            warnings,
            findings,
        }
    }

    /// The same with an import test.
    #[must_use]
    pub fn with_imports(self, imports: Option<imports::Report>) -> Self {
        Self { imports, ..self }
    }

    /// The report for a person. Without `quiet` it also says what was checked.
    pub fn text(&self, quiet: bool) -> String {
        let mut text = String::new();
        if !quiet {
            let parts: Vec<String> = self
                .parts
                .iter()
                .map(|part| match part.role {
                    Role::Layer => format!("{} (layer)", part.path),
                    Role::Image => format!("{} (image)", part.path),
                    Role::Function => part.path.clone(),
                })
                .collect();
            let _ = writeln!(text, "{}: checked for {} ({})", parts.join(" + "), self.target, self.known);
            if let Some(handler) = &self.handler {
                let _ = writeln!(text, "handler: {handler}");
            }
            if let Some(imports) = &self.imports {
                let _ = writeln!(text, "imports: {}", imports.text());
            }
        }
        for (severity, title) in [(Severity::Error, "errors"), (Severity::Warning, "warnings")] {
            let of_this = || self.findings.iter().filter(|finding| finding.severity == severity);
            if of_this().next().is_none() {
                continue;
            }
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{title}");
            for finding in of_this() {
                text.push_str(&finding.text());
            }
        }
        let gap = if self.findings.is_empty() { "" } else { "\n" };
        if !quiet || !self.findings.is_empty() {
            let _ = writeln!(text, "{gap}{}", self.counts());
        }
        text
    }

    fn counts(&self) -> String {
        let count = |number: usize, noun: &str| match number {
            1 => format!("1 {noun}"),
            _ => format!("{number} {noun}s"),
        };
        format!(
            "{}, {} in {}",
            count(self.errors, "error"),
            count(self.warnings, "warning"),
            count(self.sizes.files, "file")
        )
    }
}

impl Finding {
    /// One line: what and where, then what to do.
    pub fn line(&self) -> String {
        let path = self.path.as_ref().map_or_else(String::new, |path| format!("{path}: "));
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        printable(&format!("{path}{}{hint} [{}]", self.reason, self.check))
    }

    /// Some lines, indented: where and which check, why, what to do.
    pub fn text(&self) -> String {
        let mut text = match &self.path {
            Some(path) => format!("  {}  [{}]\n", printable(path), self.check),
            None => format!("  [{}]\n", self.check),
        };
        let _ = writeln!(text, "    {}", printable(&self.reason));
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "    hint: {}", printable(hint));
        }
        text
    }
}

/// Names of files may hold what steers a terminal.
fn printable(text: &str) -> String {
    let shown = |character: char| {
        if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(shown).collect()
}
