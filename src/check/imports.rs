//! Imports that nothing ships: `ModuleNotFoundError` as soon as the handler is loaded.

use super::modules::Modules;
use super::reach::Reach;
use super::{Finding, Question, handler};
use crate::error::Result;

/// How sources change where Python looks while they run; `unzip_requirements` is serverless-python-requirements'.
const PATH_CHANGERS: &[&str] = &["sys.path", "sys.modules", "addsitedir", "__path__", "unzip_requirements"];

/// What is imported in no block and is nowhere. Without a handler nothing is certain, nor where its module or the one that
/// imports changes where Python looks.
pub(super) fn check(modules: &Modules, question: &Question, reach: &Reach) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let handler = question.handler.as_deref().and_then(handler::module).and_then(|module| modules.find(&module));
    let handler_changes = match &handler {
        Some(handler) => modules.has_text(&handler.path, PATH_CHANGERS)?,
        None => false,
    };
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
        let mut uncertain = question.handler.is_none() || handler_changes;
        for importer in importers {
            uncertain = uncertain || modules.has_text(importer, PATH_CHANGERS)?;
        }
        if uncertain {
            finding = Finding { severity: super::Severity::Warning, ..finding };
        }
        findings.push(finding.with_hint(format!(
            "add what brings it to the requirements; --provided {module} says that a layer or a mounted file system does"
        )));
    }
    Ok(findings)
}
