//! Sources that Python refuses. NUL bytes are refused by every version; all else only a Python of the target's version can
//! say, where there is one: it compiles, and runs nothing.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::reach::Reach;
use super::{Files, Finding, TASK};
use crate::lambda::PythonVersion;
use crate::python::bytecode::{Compiled, Compiler};

const CHECK: &str = "syntax";

/// Sources that are loaded and that no Python takes.
pub(super) fn check(reach: &Reach) -> Vec<Finding> {
    let refused = reach.sources.iter().filter(|(_, loaded)| loaded.has_nul);
    let finding = if reach.certain { Finding::error } else { Finding::warning };
    refused
        .map(|(path, _)| {
            finding(CHECK, path, "it has NUL bytes: \"source code cannot contain null bytes\"")
                .with_hint("save it as UTF-8: an editor may have written UTF-16")
        })
        .collect()
}

/// Those of the function's own sources that are certain to be loaded and that the target's Python does not compile.
/// Nothing where it cannot say of all of them.
pub fn refused(
    files: &Files,
    loaded: &BTreeMap<String, bool>,
    compiler: &Compiler,
    python: PythonVersion,
) -> Vec<Finding> {
    let own: Vec<&String> = loaded.iter().filter(|(_, is_own)| **is_own).map(|(path, _)| path).collect();
    let refusal = |path: &String| {
        let source = files.read(files.files.get(path)?).ok()?;
        path.strip_prefix(TASK)?;
        match compiler.compile(path, &source).ok()? {
            Compiled::Bytecode(_) => Some(None),
            Compiled::Refused(reason) => Some(refusal(path, &reason, python)),
        }
    };
    let found: Option<Vec<Option<Finding>>> = own.into_par_iter().map(refusal).collect();
    found.unwrap_or_default().into_iter().flatten().collect()
}

/// What it means that Python refused a source that is certain to be loaded; nothing where another machine might not.
pub fn refusal(path: &str, reason: &str, python: PythonVersion) -> Option<Finding> {
    // How deep the compiler may go depends on the stack.
    let is_certain = !["RecursionError", "OverflowError", "MemoryError"].iter().any(|error| reason.starts_with(error));
    // NUL bytes have a finding of their own.
    (is_certain && !reason.contains("null bytes")).then(|| {
        Finding::error(CHECK, path, format!("Python {python} does not compile it: {reason}"))
            .with_hint("mend it, or choose the Python that it is written for (--python)")
    })
}
