//! What GitHub shows beside a change: limits, budgets and findings as workflow commands.
//! Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.
//!
//! What must stay true: a line of a log that begins with `::` is a command, so that no name of somebody else's begins one.

use std::fmt::Write as _;

use super::model::Report;
use super::words;
use crate::check::Severity;

/// GitHub shows ten errors and ten warnings of a step.
const SHOWN: usize = 10;

/// A command for each, errors first.
pub fn annotations(report: &Report) -> String {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for artifact in &report.artifacts {
        let name = &artifact.name;
        for limit in artifact.limits.iter().filter(|limit| limit.is_broken()) {
            errors.push((format!("{name} is too large for Lambda"), words::limit(limit)));
        }
        for verdict in artifact.budgets.iter().filter(|verdict| verdict.over) {
            errors.push((format!("{name} is over budget"), words::verdict(verdict)));
        }
        for finding in &artifact.findings {
            let lines = match finding.severity {
                Severity::Error => &mut errors,
                Severity::Warning => &mut warnings,
            };
            lines.push((format!("{name}: {}", finding.check), finding.line()));
        }
    }
    let mut text = String::new();
    for (command, lines) in [("error", &errors), ("warning", &warnings)] {
        for (title, message) in lines.iter().take(SHOWN) {
            let _ = writeln!(text, "::{command} title={}::{}", property(title), data(message));
        }
        if lines.len() > SHOWN {
            let _ = writeln!(text, "::notice title=pack report::{} more {command}s", lines.len() - SHOWN);
        }
    }
    text
}

/// What stands after the colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands before them.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_command() {
        assert_eq!(property("a:b,c\n::error::x"), "a%3Ab%2Cc%0A%3A%3Aerror%3A%3Ax");
        assert_eq!(data("50 %\n::warning::x"), "50 %25%0A::warning::x");
    }
}
