//! Imports that nothing ships: `ModuleNotFoundError` as soon as the handler is loaded.

use super::modules::Modules;
use super::reach::Reach;
use super::{Finding, Question};

/// What is imported in no block and is nowhere. Without a handler nothing is certain.
pub(super) fn check(modules: &Modules, question: &Question, reach: &Reach) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, importers) in &reach.missing {
        let Some(first) = importers.first() else { continue };
        // A source may have put a folder of the artifact on the path before it imports.
        let elsewhere =
            modules.files.files.keys().find(|path| {
                path.split('/').any(|part| part == module || part.split('.').next() == Some(module.as_str()))
            });
        let others = match importers.len() - 1 {
            0 => String::new(),
            1 => " (and 1 more source)".to_owned(),
            more => format!(" (and {more} more sources)"),
        };
        let mut finding = match elsewhere {
            Some(place) => Finding::warning(
                "import-missing",
                first,
                format!("it imports {module}{others}, which is not where Python looks, but there is {place}"),
            ),
            None => Finding::error(
                "import-missing",
                first,
                format!("it imports {module}{others}, and neither the artifact nor the runtime has it"),
            ),
        };
        if question.handler.is_none() {
            finding = Finding { severity: super::Severity::Warning, ..finding };
        }
        findings.push(finding.with_hint(format!(
            "add what brings it to the requirements; --provided {module} says that a layer or a mounted file system does"
        )));
    }
    findings
}
