//! `MODULE.FUNCTION`: found where Python will look for it, and defined in it. Nothing is run.
//!
//! Source of the format: awslambdaric's `_get_handler`, which splits at the last dot and reads `/` as `.`.

use super::modules::{Kind, Modules};
use super::{Finding, Question, Shape, TASK};
use crate::error::Result;
use crate::python::source::{self, Fate};

const CHECK: &str = "handler";

/// What the runtime calls a handler with: the event and the context.
const ARGUMENTS: usize = 2;

/// The most functions that are offered in the place of one that is not there.
const MOST_OFFERED: usize = 5;

/// Whether the function's handler is there.
pub(super) fn check(modules: &Modules, question: &Question) -> Result<Vec<Finding>> {
    if question.shape == Shape::Layers {
        return Ok(Vec::new());
    }
    let hint = "name it, so that it is checked: --handler MODULE.FUNCTION";
    let nowhere = |reason: String| {
        let finding = Finding { path: None, ..Finding::warning(CHECK, "", reason) };
        Ok(vec![finding.with_hint(hint)])
    };
    match &question.handler {
        Some(handler) if question.guessed => {
            nowhere(format!("no handler was named; {handler} may be one, so that what is found by it is a warning"))
        }
        Some(handler) => Ok(wrong(handler, modules, question)?.into_iter().collect()),
        None if question.shape == Shape::Image => Ok(Vec::new()),
        None => {
            let reason = "no handler was named, and there is not exactly one that a top-level module defines";
            Ok(match one_folder(modules) {
                Some(folder) => {
                    let all = format!("{reason}: everything is below {folder}/, which is where Lambda does not look");
                    nowhere(all)?
                        .into_iter()
                        .map(|finding| finding.with_hint(format!("zip what is in {folder}, not the folder; {hint}")))
                        .collect()
                }
                None => nowhere(reason.into())?,
            })
        }
    }
}

/// The folder that has all that there is, with modules in it: a ZIP of the function's folder instead of its content.
fn one_folder<'a>(modules: &'a Modules) -> Option<&'a str> {
    let mut paths = modules.files.below(TASK).map(|(path, _)| &path[TASK.len() + 1..]);
    let (folder, _) = paths.next()?.split_once('/')?;
    let is_below = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let mut tops =
        modules.files.below(TASK).filter_map(|(path, _)| path[TASK.len() + 1..].split_once('/')?.1.strip_suffix(".py"));
    (paths.all(is_below) && tops.any(|top| !top.contains('/') && top != "__init__")).then_some(folder)
}

/// The dotted name of a handler's module.
pub(super) fn module(handler: &str) -> Option<String> {
    handler.rsplit_once('.').map(|(module, _)| module.replace('/', "."))
}

/// What is wrong with a handler.
fn wrong(handler: &str, modules: &Modules, question: &Question) -> Result<Option<Finding>> {
    const FORM: &str = "a handler is MODULE.FUNCTION, with the module's path from the function's folder";
    let finding = |path: Option<&str>, reason: String| {
        let finding = Finding::error(CHECK, path.unwrap_or_default(), format!("handler {handler}: {reason}"));
        Finding { path: path.map(str::to_owned), ..finding }.with_hint(FORM)
    };
    let named = handler.rsplit_once('.').filter(|(module, function)| !module.is_empty() && !function.is_empty());
    let Some((module, function)) = named else { return Ok(Some(finding(None, "it has no dot".into()))) };
    let module = module.replace('/', ".");
    let top = module.split('.').next().unwrap_or_default();
    if question.provided.contains(top) {
        return Ok(None);
    }
    let Some(found) = modules.find(&module) else {
        let program = format!("{TASK}/{handler}");
        if modules.files.files.contains_key(&program) {
            let reason = format!("handler {handler}: it is a file, which only a wrapper of the runtime can start");
            return Ok(Some(Finding::warning(CHECK, &program, reason).with_hint(
                "Python's runtime needs AWS_LAMBDA_EXEC_WRAPPER for that, as the Lambda Web Adapter sets it; else a handler \
                 is MODULE.FUNCTION",
            )));
        }
        let file = format!("{}.py", module.replace('.', "/"));
        let hint = format!("{FORM}; --provided {top} says that a layer or a mounted file system brings it");
        return Ok(Some(finding(None, format!("{file} is not in the artifact")).with_hint(hint)));
    };
    let name = found.path.strip_prefix(TASK).map_or(found.path.as_str(), |path| path.trim_start_matches('/'));
    match found.kind {
        Kind::Extension | Kind::Foreign | Kind::Bytecode => Ok(None),
        Kind::Namespace => Ok(Some(finding(Some(&found.path), format!("{name} is a folder without __init__.py")))),
        Kind::Source => {
            let text = modules.read(&found.path)?;
            let wrong = undefined(&text, function).map(|(reason, is_certain)| {
                let error = finding(Some(&found.path), format!("{name} {reason}"));
                let error = if is_certain { error } else { Finding { severity: super::Severity::Warning, ..error } };
                match source::functions_of_two(&text, MOST_OFFERED) {
                    others if others.is_empty() => error,
                    others => error.with_hint(format!("{FORM}; {name} defines {}", others.join(", "))),
                }
            });
            let uncallable = || {
                let count = source::arity(&text, function).filter(|count| *count != ARGUMENTS)?;
                let reason =
                    format!("{name} defines {function} with {count} parameters, and Lambda gives it {ARGUMENTS}");
                Some(
                    finding(Some(&found.path), reason.replace(" 1 parameters", " 1 parameter"))
                        .with_hint(format!("def {function}(event, context):")),
                )
            };
            Ok(wrong.or_else(uncallable))
        }
    }
}

/// Why a source has no such function, and whether that is certain.
fn undefined(text: &[u8], function: &str) -> Option<(String, bool)> {
    let scan = source::scan(text);
    let star = scan.imports.iter().any(|import| import.name.as_deref() == Some("*"));
    // What nobody can read is said elsewhere.
    if source::has_nul(text) || scan.defines("__getattr__") || star {
        return None;
    }
    let is_open = scan.binds_unseen;
    match source::fate(text, function) {
        Fate::Absent => Some((format!("does not define {function}"), !is_open)),
        Fate::Deleted if !is_open => Some((format!("deletes {function} again"), true)),
        Fate::Constant if !is_open => Some((format!("defines {function} as a value that cannot be called"), true)),
        Fate::Open if !scan.defines(function) => {
            Some((format!("mentions {function}, but no statement of the module defines it"), false))
        }
        Fate::Open | Fate::Deleted | Fate::Constant => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::Files;
    use crate::lambda::{Architecture, PythonVersion, Target};
    use crate::tree::{Entry, Owner, Site, Source, Tree};

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(path, text)| {
                let source = Source::Memory(Arc::from(text.as_bytes()));
                ((*path).to_owned(), Entry { executable: false, owner: Owner::Function, source, size: 0 })
            })
            .collect()
    }

    fn question(handler: Option<&str>) -> Question {
        let target = Target { python: PythonVersion::DEFAULT, architecture: Architecture::X86_64 };
        Question { handler: handler.map(str::to_owned), ..Question::new(target, Shape::Function) }
    }

    fn reasons(tree: &Tree, handler: Option<&str>) -> Vec<String> {
        let files = Files::of_tree(tree, &[], &Site::function());
        let question = question(handler);
        check(&Modules::new(&files, &question), &question).unwrap().into_iter().map(|finding| finding.reason).collect()
    }

    #[test]
    fn a_handler_has_to_be_there() {
        let tree = tree(&[
            ("app.py", "def handler(event, context): pass\n"),
            ("pkg/__init__.py", "from .x import run\n"),
            ("a-b/jobs/daily.py", "def run(event, context): pass\n"),
            ("space/x.txt", ""),
        ]);
        for handler in ["app.handler", "pkg.run", "a-b/jobs/daily.run", "a-b.jobs.daily.run"] {
            assert_eq!(reasons(&tree, Some(handler)), [""; 0], "{handler}");
        }
        for (handler, reason) in [
            ("app.main", "handler app.main: app.py does not define main"),
            ("main.handler", "handler main.handler: main.py is not in the artifact"),
            ("handler", "handler handler: it has no dot"),
            ("space.handler", "handler space.handler: space is a folder without __init__.py"),
        ] {
            assert_eq!(reasons(&tree, Some(handler)), [reason]);
        }
    }

    #[test]
    fn a_function_that_nobody_can_call_is_none() {
        let one = |text: &str| reasons(&tree(&[("app.py", text)]), Some("app.handler"));
        assert_eq!(
            one("handler = 3\n"),
            ["handler app.handler: app.py defines handler as a value that cannot be called"]
        );
        assert_eq!(
            one("def handler(e, c): pass\ndel handler\n"),
            ["handler app.handler: app.py deletes handler again"]
        );
    }

    #[test]
    fn lambda_gives_a_handler_two_arguments() {
        let one = |text: &str| {
            let files = tree(&[("app.py", text)]);
            let files = Files::of_tree(&files, &[], &Site::function());
            let question = question(Some("app.handler"));
            let found = check(&Modules::new(&files, &question), &question).unwrap();
            found.into_iter().map(|finding| (finding.reason, finding.hint.unwrap())).next()
        };
        let (reason, hint) = one("def handler(event):\n    pass\n").unwrap();
        assert_eq!(reason, "handler app.handler: app.py defines handler with 1 parameter, and Lambda gives it 2");
        assert_eq!(hint, "def handler(event, context):");
        for fine in ["def handler(event, context): pass\n", "@app\ndef handler(): pass\n", "def handler(*a): pass\n"] {
            assert_eq!(one(fine), None, "{fine}");
        }
        let (_, hint) = one("def main(event, context): pass\ndef other(x): pass\n").unwrap();
        assert!(hint.ends_with("; app.py defines main"), "{hint}");
    }

    #[test]
    fn a_zip_of_the_folder_is_told_from_one_of_its_content() {
        let whole = tree(&[("job/app.py", "def handler(event, context): pass\n"), ("job/x/__init__.py", "")]);
        assert!(reasons(&whole, None)[0].ends_with("everything is below job/, which is where Lambda does not look"));
        let package = tree(&[("job/__init__.py", "")]);
        assert!(!reasons(&package, None)[0].contains("below"));
    }

    #[test]
    fn what_may_be_defined_in_an_unusual_way_is_no_error() {
        for text in [
            "def f():\n    global handler\n    handler = 1\nf()\n",
            "with x as (handler, y): pass\n",
            "match x:\n    case handler: pass\n",
            "from x import *\n",
            "def __getattr__(name): pass\n",
        ] {
            assert_eq!(reasons(&tree(&[("app.py", text)]), Some("app.handler")), [""; 0], "{text}");
        }
        for text in ["globals()['handler'] = f\n", "exec(code)\n", "class A:\n    def handler(self): pass\n"] {
            let files = tree(&[("app.py", text)]);
            let files = Files::of_tree(&files, &[], &Site::function());
            let question = question(Some("app.handler"));
            let findings = check(&Modules::new(&files, &question), &question).unwrap();
            assert_eq!(findings.len(), 1, "{text}");
            assert_eq!(findings[0].severity, crate::check::Severity::Warning, "{text}");
        }
    }

    #[test]
    fn a_handler_that_no_layer_at_hand_brings_can_be_said_to_come_from_one() {
        let files = tree(&[("app.py", ""), ("run.sh", "")]);
        let files = Files::of_tree(&files, &[], &Site::function());
        let found = |handler: &str| {
            let question = question(Some(handler));
            check(&Modules::new(&files, &question), &question).unwrap().remove(0)
        };
        let layers = found("datadog_lambda.handler.handler");
        assert_eq!(layers.severity, crate::check::Severity::Error);
        assert!(layers.hint.unwrap().contains("--provided datadog_lambda"));
        assert_eq!(found("run.sh").severity, crate::check::Severity::Warning);
    }
}
