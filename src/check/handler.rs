//! `MODULE.FUNCTION`: found where Python will look for it, and defined in it. Nothing is run.
//!
//! Source of the format: awslambdaric's `_get_handler`, which splits at the last dot and reads `/` as `.`.

use super::modules::{Kind, Modules};
use super::{Finding, Question, Shape, TASK};
use crate::error::Result;
use crate::tree::Owner;

const CHECK: &str = "handler";

/// What AWS's own examples and the common frameworks call it, most usual first.
const USUAL: &[&str] = &["lambda_handler", "handler"];

/// What the modules that they are in are usually called.
const MODULES: &[&str] =
    &["api", "app", "function", "handler", "handlers", "index", "lambda_function", "lambda_handler", "main"];

/// Whether the function's handler is there.
pub(super) fn check(modules: &Modules, question: &Question) -> Result<Vec<Finding>> {
    if question.shape == Shape::Layers {
        return Ok(Vec::new());
    }
    if let Some(handler) = &question.handler {
        return Ok(wrong(handler, modules, question)?.into_iter().collect());
    }
    if question.shape == Shape::Image || detect(modules)?.is_some() {
        return Ok(Vec::new());
    }
    let finding = Finding {
        path: None,
        ..Finding::warning(
            CHECK,
            "",
            "no handler was named, and there is not exactly one that a top-level module defines",
        )
    };
    Ok(vec![finding.with_hint("name it, so that it is checked: --handler MODULE.FUNCTION")])
}

/// The dotted name of a handler's module.
pub(super) fn module(handler: &str) -> Option<String> {
    handler.rsplit_once('.').map(|(module, _)| module.replace('/', "."))
}

/// What is wrong with a handler.
fn wrong(handler: &str, modules: &Modules, question: &Question) -> Result<Option<Finding>> {
    let error = |path: Option<&str>, reason: String| {
        let finding = Finding::error(CHECK, path.unwrap_or_default(), format!("handler {handler}: {reason}"));
        let finding = Finding { path: path.map(str::to_owned), ..finding };
        Some(finding.with_hint("a handler is MODULE.FUNCTION, with the module's path from the function's folder"))
    };
    let named = handler.rsplit_once('.').filter(|(module, function)| !module.is_empty() && !function.is_empty());
    let Some((module, function)) = named else { return Ok(error(None, "it has no dot".into())) };
    let module = module.replace('/', ".");
    let top = module.split('.').next().unwrap_or_default();
    if question.provided.contains(top) {
        return Ok(None);
    }
    let file = format!("{}.py", module.replace('.', "/"));
    let Some(found) = modules.find(&module) else {
        return Ok(error(None, format!("{file} is not in the artifact")));
    };
    let name = found.path.strip_prefix(TASK).map_or(found.path.as_str(), |path| path.trim_start_matches('/'));
    match found.kind {
        Kind::Extension | Kind::Bytecode => Ok(None),
        Kind::Namespace => Ok(error(Some(&found.path), format!("{name} is a folder without __init__.py"))),
        Kind::Source => {
            let scan = modules.scan(&found.path)?;
            let star = scan.imports.iter().any(|import| import.name.as_deref() == Some("*"));
            if scan.defines(function) || scan.defines("__getattr__") || star {
                return Ok(None);
            }
            Ok(error(Some(&found.path), format!("{name} does not define {function}")))
        }
    }
}

/// The one handler that the function's own top-level modules define under a usual name.
pub(super) fn detect(modules: &Modules) -> Result<Option<String>> {
    let mut found = Vec::new();
    for (path, file) in modules.files.below(TASK) {
        let relative = path[TASK.len()..].trim_start_matches('/');
        let Some(module) = relative.strip_suffix(".py").filter(|module| !module.contains('/')) else { continue };
        if matches!(modules.files.owner(file), Some(Owner::Distribution(_))) {
            continue;
        }
        let scan = modules.scan(path)?;
        let imported = |name: &str| scan.imports.iter().any(|import| import.name.as_deref() == Some(name));
        found.extend(
            USUAL.iter().filter(|name| scan.defines(name) && !imported(name)).map(|name| (module.to_owned(), *name)),
        );
    }
    let Some((module, name)) = found.pop().filter(|_| found.is_empty()) else { return Ok(None) };
    let path = format!("{TASK}/{module}.py");
    // `handler = StreamHandler()` of a module that only logs: what is no function has to be where handlers usually are.
    let is_likely = MODULES.contains(&module.as_str()) || modules.has_text(&path, &[&format!("def {name}(")])?;
    Ok(is_likely.then(|| format!("{module}.{name}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::Files;
    use crate::lambda::{Architecture, PythonVersion, Target};
    use crate::tree::{Entry, Source, Tree};

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
        let files = Files::of_tree(tree, &[]);
        let question = question(handler);
        check(&Modules::new(&files, &question), &question).unwrap().into_iter().map(|finding| finding.reason).collect()
    }

    fn detected(tree: &Tree) -> Option<String> {
        let files = Files::of_tree(tree, &[]);
        detect(&Modules::new(&files, &question(None))).unwrap()
    }

    #[test]
    fn a_handler_has_to_be_there() {
        let tree = tree(&[
            ("app.py", "def handler(event, context): pass\n"),
            ("pkg/__init__.py", "from .x import run\n"),
            ("a-b/jobs/daily.py", "run = 1\n"),
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
    fn the_only_one_is_found_and_two_are_not_guessed_between() {
        let one = tree(&[("app.py", "def handler(event, context): pass\n"), ("other.py", "from app import handler\n")]);
        assert_eq!(detected(&one).as_deref(), Some("app.handler"));
        let two = tree(&[("app.py", "def handler(event, context): pass\n"), ("other.py", "handler = 1\n")]);
        assert_eq!(detected(&two), None);
        assert_eq!(reasons(&two, None).len(), 1);
        let log = tree(&[("log.py", "handler = StreamHandler()\n"), ("src/app.py", "def handler(e, c): pass\n")]);
        assert_eq!(detected(&log), None, "no function, and not where one would be");
        let adapter = tree(&[("main.py", "handler = Mangum(app)\n")]);
        assert_eq!(detected(&adapter).as_deref(), Some("main.handler"));
    }
}
