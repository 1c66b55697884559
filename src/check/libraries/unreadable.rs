//! Files that a name says are libraries, and that no loader can read: empty, cut off, or something else altogether.

use super::facts::{Binary, Survey};
use super::is_ours;
use super::naming::{Suffix, module};
use super::search::machine_of;
use crate::check::files::Files;
use crate::check::finding::Finding;
use crate::check::modules::Kind;
use crate::check::reach::Reach;
use crate::elf::is_library_name;
use crate::error::Result;
use crate::lambda::Target;

const CHECK: &str = "library-unreadable";

/// How a pointer of Git LFS begins (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A pointer has three lines.
const POINTER_BYTES: u64 = 1024;

/// An error where the file is loaded for sure.
pub(super) fn check(survey: &Survey, files: &Files, target: Target, loads: &Reach) -> Result<Vec<Finding>> {
    const COMPARE: &str = "compare it with the file that the package's authors made";
    let own = machine_of(target.architecture);
    let is_loaded = |path: &str| loads.others.get(path) == Some(&Kind::Extension);
    let finding = |path: &str, reason: &str, hint: &str| {
        let finding = if is_loaded(path) { Finding::error } else { Finding::warning };
        finding(CHECK, path, reason).with_hint(hint)
    };
    let mut findings = Vec::new();
    for (path, binary) in &survey.binaries {
        if matches!(binary, Binary::Broken(machine, _) if *machine == own) && is_library_name(path) && is_ours(path) {
            findings.push(finding(path, "it is cut off, or its tables contradict each other", COMPARE));
        }
    }
    for (path, file) in &files.files {
        // Other files named `.so` may be a linker's scripts.
        let is_module = matches!(module(path, target), Some((_, Suffix::Own))) || path.ends_with(".abi3.so");
        if survey.binaries.contains_key(path) || !is_ours(path) || !(is_module || is_loaded(path)) {
            continue;
        }
        if file.size <= POINTER_BYTES && files.read(file)?.starts_with(POINTER) {
            let reason = "it is a pointer of Git LFS in place of the file: \"invalid ELF header\"";
            findings.push(finding(path, reason, "git lfs pull, then pack again"));
        } else if file.size == 0 {
            findings.push(finding(path, "it is empty: \"file too short\"", COMPARE));
        } else {
            findings.push(finding(path, "it is no ELF file: \"invalid ELF header\"", COMPARE));
        }
    }
    Ok(findings)
}
