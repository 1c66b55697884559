//! The import test of files that were built before, as findings of a check.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Failure, Question, Report, ThrowAway, Undecided, of_files, run};
use crate::check::{Files, Finding, Question as Checked, TASK};
use crate::error::Result;

/// Imports the handler and what distributions bring. An error is a handler that does not load, and a package that lacks
/// a library, a symbol or a file; a package that lacks another module may want something optional.
pub fn findings(
    files: &Files,
    checked: &Checked,
    runner: &super::Runner,
    variables: &BTreeMap<String, String>,
    threads: usize,
) -> Result<(Report, Vec<Finding>)> {
    let start = Instant::now();
    let copy = ThrowAway::of(files, &std::env::temp_dir())?;
    let modules = of_files(files, checked.target.python);
    let handler = checked.handler.as_deref();
    let handlers_module =
        handler.and_then(|handler| handler.rsplit_once('.')).map(|(module, _)| module.replace('/', "."));
    let names: Vec<String> = modules.keys().filter(|name| Some(*name) != handlers_module.as_ref()).cloned().collect();
    let question = Question { target: checked.target, runner, handler, modules: &names, variables, threads };
    let imports = run(&copy, &question)?;
    let mut report = Report { tested: imports.tested, ..Report::default() };
    let mut found = Vec::new();
    for failure in imports.failures {
        if let Some(reason) = failure.inconclusive(&checked.provided) {
            report.undecided.push(Undecided { module: failure.module, reason });
            continue;
        }
        if let Some(wanted) = failure.optional(|module| modules.contains_key(module)) {
            let reason = format!("it wants {wanted}, which is not installed");
            report.optional.push(Undecided { module: failure.module, reason });
            continue;
        }
        let path = if failure.is_handler {
            handlers_module.as_ref().map(|module| format!("{TASK}/{}", module.replace('.', "/")))
        } else {
            modules.get(&failure.module).cloned()
        };
        // The handler's module is a file or a package.
        let path = path.map(|path| {
            let file = [format!("{path}.py"), format!("{path}/__init__.py")];
            file.into_iter().find(|file| files.files.contains_key(file)).unwrap_or(path)
        });
        found.push(finding(&failure, &path.unwrap_or_default()));
    }
    report.seconds = Some(start.elapsed().as_secs_f64());
    Ok((report, found))
}

fn finding(failure: &Failure, path: &str) -> Finding {
    if failure.is_handler {
        return Finding::error("import-handler", path, format!("the handler {} {}", failure.module, failure.reason()))
            .with_hint("--import-env NAME=VALUE gives a variable that it needs when it is imported");
    }
    let reason = format!("{} {}", failure.module, failure.reason());
    if failure.is_broken() {
        Finding::error("import-package", path, reason)
    } else {
        Finding::warning("import-package", path, reason)
    }
}
