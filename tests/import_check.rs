//! What `pack check --import` makes of failures: which are errors, which are warnings, and what is said where nothing was
//! imported.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use serde_json::Value;
use support::check::{assert_found, check};
use support::zips::{Member, file, zip};
use support::{Outcome, Pack, skip};

const APP: &str = "def handler(event, context):\n    return 1\n";

/// `pack check app.zip --import` of these files; nothing, and said so, where this machine has no Python for it.
fn import(members: &[Member], arguments: &[&str]) -> Option<(Outcome, Value)> {
    let pack = Pack::new();
    pack.write("app.zip", zip(members));
    let (outcome, report) = check(&pack, &[&["app.zip", "--import"], arguments].concat());
    if report["imports"]["skipped_reason"].as_str().is_some_and(|reason| reason.contains("no CPython")) {
        skip("there is no CPython 3.13 here");
        return None;
    }
    Some((outcome, report))
}

/// The findings of the import test, a line each.
fn said(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let of_imports = findings.filter(|finding| finding["check"].as_str().unwrap().starts_with("import-"));
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    of_imports
        .map(|finding| format!("{} {}: {}", word(finding, "severity"), word(finding, "path"), word(finding, "reason")))
        .collect()
}

#[test]
fn a_module_of_the_standard_library_that_nobody_has_is_missed() {
    for (name, source, gist) in [
        ("email.py", "from email.mime.text import MIMEText", "No module named 'email.mime'; 'email' is not a package"),
        ("other.py", "import json.nothing", "No module named 'json.nothing'"),
    ] {
        let members = [file("app.py", format!("{source}\n{APP}")), file(name, "x = 1\n")];
        let Some((outcome, report)) = import(&members, &[]) else { return };
        assert_found(source, &outcome, &report, "error", "import-handler", gist);
        assert_eq!(report["imports"]["undecided"], serde_json::json!([]), "{source}");
    }
}

#[test]
fn a_package_that_the_handler_does_not_load_is_a_warning() {
    for (source, gist) in [
        ("open('/home/nobody/.config/p.ini')", "FileNotFoundError"),
        ("open(__file__.replace('__init__.py', 'data'))", "FileNotFoundError"),
        ("import importlib.metadata\nimportlib.metadata.version('p')", "PackageNotFoundError"),
        ("import os\nos.abort()", "SIGABRT"),
        ("from email import nothing", "cannot import name 'nothing'"),
    ] {
        let Some((outcome, report)) = import(&[file("app.py", APP), file("p/__init__.py", source)], &[]) else {
            return;
        };
        assert_found(source, &outcome, &report, "warning", "import-package", gist);
    }
    // In a layer, nothing tells what is used: what lacks a file of its own is broken.
    let lacking = file("python/p/__init__.py", "open(__file__.replace('__init__.py', 'data'))");
    let Some((outcome, report)) = import(&[lacking], &[]) else { return };
    assert_found(
        "a layer",
        &outcome,
        &report,
        "error",
        "import-package",
        "/opt/python/p/__init__.py p raises FileNotF",
    );
    let elsewhere = file("python/p/__init__.py", "open('/home/nobody/.config/p.ini')");
    let Some((outcome, report)) = import(&[elsewhere], &[]) else { return };
    assert_found("a layer", &outcome, &report, "warning", "import-package", "p raises FileNotFoundError");
}

#[test]
fn a_file_that_is_there_in_lambda_decides_nothing() {
    let members = [file("app.py", format!("open('/var/task/data/a.txt')\n{APP}")), file("data/a.txt", "")];
    let Some((outcome, report)) = import(&members, &[]) else { return };
    assert_eq!(outcome.status, 0, "{report:#}");
    let reason = &report["imports"]["undecided"][0]["reason"];
    assert_eq!(reason, "it opens /var/task/data/a.txt, which is there in Lambda and not on this machine");
}

#[test]
fn what_cannot_be_copied_is_a_finding_beside_the_others() {
    let Some((outcome, report)) = import(&[file("app.py", APP), file("a", ""), file("a/b", "")], &[]) else { return };
    assert_found(
        "file and folder",
        &outcome,
        &report,
        "error",
        "name-collision",
        "/var/task/a it is a file and a folder",
    );
    assert_eq!(said(&report).len(), 1, "{report:#}");
    assert!(said(&report)[0].starts_with("warning : nothing was imported: cannot "), "{report:#}");
    assert!(said(&report)[0].contains(" /var/task/a"), "{report:#}");
    // Short enough for a ZIP, and too long below the copy's folder.
    let long = vec!["x".repeat(240); 17].join("/");
    let Some((outcome, report)) = import(&[file("app.py", APP), file(&long[..4090], "")], &[]) else { return };
    assert_found("a long path", &outcome, &report, "warning", "import-skipped", "nothing was imported: cannot");
}

#[test]
fn a_test_that_was_skipped_is_a_warning() {
    if std::env::consts::ARCH == "aarch64" {
        return skip("arm64 runs natively here");
    }
    let pack = Pack::new();
    pack.write("app.zip", zip(&[file("app.py", APP)]));
    let (outcome, report) = check(&pack, &["app.zip", "--arch", "arm64", "--import"]);
    assert_found("another machine", &outcome, &report, "warning", "import-skipped", "nothing was imported: ");
    let (outcome, _) = check(&pack, &["app.zip", "--arch", "arm64", "--import", "--strict"]);
    assert_eq!(outcome.status, 1, "CI does not take it for success");
}

#[test]
fn a_handler_is_found_where_it_lies_and_gets_a_hint_that_fits() {
    let layer = [file("python/x/__init__.py", ""), file("python/x/h.py", APP)];
    let Some((_, report)) = import(&layer, &["--handler", "x.h.nope"]) else { return };
    insta::assert_snapshot!(said(&report).join("\n"), @"error /opt/python/x/h.py: the handler x.h.nope raises AttributeError: module 'x.h' has no attribute 'nope'");
    let find = |report: &Value, name: &str| {
        let findings = report["findings"].as_array().unwrap().iter();
        findings.clone().find(|finding| finding["check"] == name).unwrap()["hint"].as_str().unwrap_or("none").to_owned()
    };
    assert_eq!(find(&report, "import-handler"), "--handler MODULE.FUNCTION names another");
    let reads = file("app.py", format!("import os\nTABLE = os.environ['TABLE']\n{APP}"));
    let Some((_, report)) = import(&[reads], &[]) else { return };
    assert!(find(&report, "import-handler").starts_with("--import-env NAME=VALUE"));
}

#[test]
fn a_library_of_this_machine_is_told() {
    // util-linux has it, and so every Debian; Lambda has not.
    let source = format!("import ctypes, ssl, sqlite3\nctypes.CDLL('libsmartcols.so.1')\n\n\n{APP}");
    let Some((outcome, report)) = import(&[file("app.py", source)], &[]) else { return };
    if said(&report).iter().any(|finding| finding.contains("cannot open shared object file")) {
        return skip("this machine has no libsmartcols.so.1");
    }
    assert_eq!(outcome.status, 0);
    insta::assert_snapshot!(said(&report).join("\n"), @"warning : app.handler loads libsmartcols.so.1 of this machine, which Lambda's runtime does not have: there it fails, or does without; ship the library in lib/, or a distribution that brings it");
}

#[test]
fn a_variable_that_is_not_set_is_told_with_the_line_that_asks_for_it() {
    let source = format!("import os\n\n\ndef table():\n    return os.environ['TABLE']\n\n\ntable()\n{APP}");
    let Some((_, report)) = import(&[file("app.py", source)], &[]) else { return };
    insta::assert_snapshot!(said(&report).join("\n"), @"error /var/task/app.py: the handler app.handler raises KeyError: 'TABLE' (in os, from /var/task/app.py:5)");
}
