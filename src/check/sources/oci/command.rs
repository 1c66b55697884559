//! Whether what an image starts is there. Where a function's `ImageConfig` may say what an image does not, it is a warning.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html> ("Container image settings"), and Lambda's
//! words in reports of users.

use super::python::Root;
use super::rules::whole;
use crate::check::Finding;

const CHECK: &str = "image-command";

const OTHERS_EXECUTE: u32 = 0o001;

/// What is wrong with an entrypoint and a command.
pub(super) fn check(entrypoint: &[&str], command: &[&str], path: Option<&str>, root: &Root<'_>) -> Vec<Finding> {
    let Some(program) = entrypoint.iter().chain(command).next() else {
        let reason =
            "it has neither an entrypoint nor a command: nothing starts the handler (Runtime.InvalidEntrypoint)";
        return vec![whole(Finding::warning(CHECK, "", reason)).with_hint(
            "ENTRYPOINT and CMD in the Dockerfile, or EntryPoint and Command in the function's ImageConfig",
        )];
    };
    let mut findings = Vec::new();
    if program.ends_with("lambda-entrypoint.sh") && entrypoint.len() + command.len() == 1 {
        let reason = "it has no command: \"entrypoint requires the handler name to be the first argument\"";
        findings.push(
            whole(Finding::warning(CHECK, "", reason))
                .with_hint("CMD [\"MODULE.FUNCTION\"] in the Dockerfile, or Command in the function's ImageConfig"),
        );
    }
    let is_absolute = program.starts_with('/');
    // What is relative to the working directory Lambda may set otherwise.
    if !is_absolute && program.contains('/') {
        return findings;
    }
    let error = |path: &str, reason: String| Finding::error(CHECK, path, reason);
    match root.executable(program, path) {
        None => {
            let reason = format!("its entrypoint {program} is in no folder of PATH (Runtime.InvalidEntrypoint)");
            findings.push(whole(error("", reason)).with_hint("install it, or name it with its path"));
        }
        Some(place) => match root.file(&place) {
            None => {
                let reason =
                    "it is the entrypoint and not there: \"no such file or directory\" (Runtime.InvalidEntrypoint)";
                findings.push(
                    error(&place, reason.into()).with_hint("take a base that has it, or name another ENTRYPOINT"),
                );
            }
            Some(file) if file.mode & OTHERS_EXECUTE == 0 => {
                let reason = format!(
                    "it is the entrypoint and has mode {:04o}: \"permission denied\" (Runtime.InvalidEntrypoint)",
                    file.mode & 0o7777
                );
                findings.push(error(&place, reason).with_hint("chmod a+rx"));
            }
            Some(_) => {}
        },
    }
    findings
}
