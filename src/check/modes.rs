//! Permission bits: Lambda runs a function as a user who owns none of its files.

use super::{Files, Finding, LAYERS, Question, Shape, TASK};

const OTHERS_READ: u32 = 0o004;
const OTHERS_ENTER: u32 = 0o005;
const ANY_EXECUTE: u32 = 0o111;

/// Files and folders that others may not read, and programs that nobody may run.
pub(super) fn check(files: &Files, question: &Question) -> Vec<Finding> {
    // The system of an image has files that are root's alone, rightly.
    let counts = |path: &str| {
        question.shape != Shape::Image
            || question.search_path.iter().any(|folder| path.starts_with(folder.as_str()))
            || path.starts_with(LAYERS)
    };
    let hint = "chmod -R a+rX on what is packed; with Python's zipfile, set external_attr to 0o644 << 16";
    let mut findings = Vec::new();
    for (path, file) in files.files.iter().filter(|(path, _)| counts(path)) {
        if file.mode & OTHERS_READ == 0 {
            let reason = format!("its mode is {:04o}: Lambda's user cannot read it (EACCES)", file.mode & 0o7777);
            findings.push(Finding::error("mode", path, reason).with_hint(hint));
        } else if file.mode & ANY_EXECUTE == 0 && is_program(path) {
            let reason = format!("it is a program and has mode {:04o}: it cannot be run", file.mode & 0o7777);
            findings.push(Finding::warning("mode", path, reason).with_hint("chmod a+x"));
        }
    }
    for (path, mode) in files.folders.iter().filter(|(path, _)| counts(path)) {
        if mode & OTHERS_ENTER != OTHERS_ENTER {
            let reason = format!("the folder's mode is {:04o}: Lambda's user cannot enter it (EACCES)", mode & 0o7777);
            findings.push(Finding::error("mode", path, reason).with_hint(hint));
        }
    }
    findings
}

/// What is started by its path: extensions, a custom runtime, what lies on PATH.
fn is_program(path: &str) -> bool {
    let in_layer = path.strip_prefix(LAYERS).and_then(|path| path.strip_prefix('/'));
    let direct = |folder: &str| {
        in_layer
            .and_then(|path| path.strip_prefix(folder))
            .and_then(|path| path.strip_prefix('/'))
            .is_some_and(|name| !name.contains('/'))
    };
    direct("bin") || direct("extensions") || path == format!("{TASK}/bootstrap") || in_layer == Some("bootstrap")
}
