//! `pack check` and its findings.

use serde_json::Value;

use super::{Outcome, Pack};

/// `pack check ARGUMENTS --json` in a project.
pub(crate) fn check(pack: &Pack, arguments: &[&str]) -> (Outcome, Value) {
    let outcome = pack.command(["check", "--json"].iter().chain(arguments)).run();
    assert!(outcome.status < 2, "{}", outcome.stderr);
    let report = serde_json::from_str(&outcome.stdout).unwrap();
    (outcome, report)
}

/// Fails unless there is such a finding, and unless the exit status follows from the findings.
pub(crate) fn assert_found(case: &str, outcome: &Outcome, report: &Value, severity: &str, name: &str, gist: &str) {
    let findings = report["findings"].as_array().unwrap();
    let said = |finding: &Value| {
        format!("{} {}", finding["path"].as_str().unwrap_or_default(), finding["reason"].as_str().unwrap())
    };
    assert!(
        findings
            .iter()
            .any(|finding| finding["severity"] == severity && finding["check"] == name && said(finding).contains(gist)),
        "{case}: no {severity} {name} with {gist:?} among {findings:#?}"
    );
    let has_errors = findings.iter().any(|finding| finding["severity"] == "error");
    assert_eq!(outcome.status, i32::from(has_errors), "{case}");
    if severity == "warning" {
        assert!(!has_errors, "{case}: {findings:#?}");
    }
}
