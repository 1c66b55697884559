//! The import test of files that were built before, as findings of a check.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Instant;

use super::failure::Missing;
use super::{Failure, Question, Report, ThrowAway, Undecided, of_files, run};
use crate::check::{Files, Finding, Question as Checked, Shape};
use crate::error::Result;

/// Imports the handler and what distributions bring. An error is a handler that does not load, and a package that lacks
/// a library or a symbol; without a handler, of which what it loads shows what is needed, also a package that lacks a file,
/// or crashes.
pub fn findings(
    files: &Files,
    checked: &Checked,
    runner: &super::Runner,
    variables: &BTreeMap<String, String>,
    threads: usize,
) -> Result<(Report, Vec<Finding>)> {
    let start = Instant::now();
    let copy = match ThrowAway::of(files, &checked.search_path, &std::env::temp_dir()) {
        Ok(copy) => copy,
        Err(error) => return Ok(skipped(with_cause(&error), "mend what the other findings say, or make room")),
    };
    let modules = of_files(files, &checked.search_path, checked.target.python);
    let handler = checked.handler.as_deref();
    let handlers_module =
        handler.and_then(|handler| handler.rsplit_once('.')).map(|(module, _)| module.replace('/', "."));
    let names: Vec<String> = modules.keys().filter(|name| Some(*name) != handlers_module.as_ref()).cloned().collect();
    let question = Question {
        target: checked.target,
        runner,
        search_path: &checked.search_path,
        handler,
        modules: &names,
        own: &[],
        variables,
        threads,
    };
    let imports = run(&copy, &question)?;
    let mut report = Report { tested: imports.tested, ..Report::default() };
    let foreign = imports.foreign().into_iter().map(|Undecided { module, reason }| {
        let finding = Finding::warning("import-library", "", format!("{module} {reason}"));
        Finding { path: None, ..finding }
    });
    let mut found: Vec<Finding> = foreign.collect();
    for failure in imports.failures {
        let undecided = failure
            .inconclusive(&checked.provided, checked.target.python)
            .or_else(|| only_in_lambda(&failure, files, checked));
        if let Some(reason) = undecided {
            report.undecided.push(Undecided { module: failure.module, reason });
            continue;
        }
        if let Some(wanted) = failure.optional(|module| modules.contains_key(module)) {
            let reason = format!("it wants {wanted}, which is not installed");
            report.optional.push(Undecided { module: failure.module, reason });
            continue;
        }
        let path = if failure.is_handler {
            handlers_module.as_ref().and_then(|module| file_of(module, files, checked))
        } else {
            modules.get(&failure.module).cloned()
        };
        found.push(Finding { path, ..finding(&failure, handler.is_some()) });
    }
    report.seconds = Some(start.elapsed().as_secs_f64());
    Ok((report, found))
}

/// What is said where nothing could be imported: whoever asked for it must not take silence for success.
pub fn skipped(reason: impl Display, hint: &str) -> (Report, Vec<Finding>) {
    let finding = Finding::warning("import-skipped", "", format!("nothing was imported: {reason}")).with_hint(hint);
    (Report::skipped(reason.to_string()), vec![Finding { path: None, ..finding }])
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", with_cause(cause)))
}

/// Why a failure is this machine's: what it looks for is in the artifact, and not in the copy or not at its own path here.
fn only_in_lambda(failure: &Failure, files: &Files, checked: &Checked) -> Option<String> {
    failure.missing().into_iter().find_map(|missing| match missing {
        Missing::File(path) if files.files.contains_key(&path) || files.has_folder(&path) => {
            Some(format!("it opens {path}, which is there in Lambda and not on this machine"))
        }
        Missing::Library(name) if checked.shape == Shape::Image => {
            let ending = format!("/{name}");
            let is_copied =
                |path: &str| checked.search_path.iter().any(|folder| path.starts_with(&format!("{folder}/")));
            files
                .files
                .keys()
                .any(|path| path.ends_with(&ending) && !is_copied(path))
                .then(|| format!("it needs {name} of the image's system, which this machine is not"))
        }
        _ => None,
    })
}

/// The file that a module is, where Python finds it.
fn file_of(module: &str, files: &Files, checked: &Checked) -> Option<String> {
    let path = module.replace('.', "/");
    let places = checked
        .search_path
        .iter()
        .flat_map(|folder| ["/__init__.py", ".py"].map(|ending| format!("{folder}/{path}{ending}")));
    places.into_iter().find(|place| files.files.contains_key(place))
}

fn finding(failure: &Failure, has_handler: bool) -> Finding {
    let reason = format!("{} {}", failure.module, failure.reason());
    if failure.is_handler {
        let finding = Finding::error("import-handler", "", format!("the handler {reason}"));
        let name = failure.module.replace('/', ".");
        let is_none = failure.missing().contains(&Missing::Module(name.clone()))
            || failure.reason().contains(&format!("{name} cannot be called"));
        return match failure.kind() {
            _ if is_none => finding.with_hint("--handler MODULE.FUNCTION names another"),
            "ModuleNotFoundError" | "ImportError" => finding,
            _ => finding.with_hint("--import-env NAME=VALUE gives a variable that it needs when it is imported"),
        };
    }
    // A handler that loads without a package may never load it.
    let is_error = if has_handler { failure.is_unloadable() } else { failure.is_broken() };
    if is_error { Finding::error("import-package", "", reason) } else { Finding::warning("import-package", "", reason) }
}
