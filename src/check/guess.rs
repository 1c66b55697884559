//! Which handler is meant where nobody names one.
//!
//! What must stay true: a guess counts as the handler only where it can hardly be anything else. A top-level `handler` may
//! be logging's, a signal's or a local server's.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::TASK;
use super::installed::{Installation, Owner};
use super::modules::Modules;
use super::reach::absolute;
use crate::error::Result;
use crate::python::source::{self, Scan};

/// AWS's own name for it, in its examples and its console.
const PLAIN: &str = "lambda_handler";

/// What AWS's own examples and the common frameworks call it.
const USUAL: &[&str] = &[PLAIN, "handler"];

/// A handler that nobody named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    /// `MODULE.FUNCTION`.
    pub handler: String,
    /// Whether it can hardly be anything else.
    pub certain: bool,
}

/// The one handler that the function's own top-level modules define under a usual name.
pub(super) fn guess(modules: &Modules, installation: &Installation) -> Result<Option<Guess>> {
    let own: Vec<&String> = modules
        .files
        .below(TASK)
        .map(|(path, _)| path)
        .filter(|path| path.ends_with(".py") && !matches!(installation.owner(path), Owner::Distribution(_)))
        .collect();
    let mut found = Vec::new();
    for path in own.iter().filter(|path| is_top(path)) {
        let (scan, _) = modules.scan(path)?;
        found.extend(usual(&scan).map(|name| (*path, name)));
    }
    let &[(path, name)] = found.as_slice() else { return Ok(None) };
    let certain = name == PLAIN || takes_an_event(&modules.read(path)?, name) || is_the_entry(path, &own, modules)?;
    Ok(Some(Guess { handler: format!("{}.{name}", dotted(path)), certain }))
}

/// The usual names under which one source may define a handler, each with whether that can hardly be anything else.
pub fn handlers(source: &[u8]) -> Vec<(&'static str, bool)> {
    let scan = source::scan(source);
    usual(&scan).map(|name| (name, name == PLAIN || takes_an_event(source, name))).collect()
}

fn usual(scan: &Scan) -> impl Iterator<Item = &'static str> {
    let imported = |name: &str| scan.imports.iter().any(|import| import.name.as_deref() == Some(name));
    USUAL.iter().copied().filter(move |name| scan.defines(name) && !imported(name))
}

fn is_top(path: &str) -> bool {
    !path[TASK.len() + 1..].contains('/')
}

/// The dotted name of a source of the function.
fn dotted(path: &str) -> String {
    let stem = path[TASK.len() + 1..].trim_end_matches(".py");
    stem.strip_suffix("/__init__").unwrap_or(stem).replace('/', ".")
}

/// Whether it is a function of an event and a context, by their usual names.
fn takes_an_event(text: &[u8], name: &str) -> bool {
    let parameters = source::parameters(text, name).unwrap_or_default();
    let is = |place: usize, usual: &str| {
        parameters.get(place).is_some_and(|parameter| parameter.trim_matches('_').eq_ignore_ascii_case(usual))
    };
    parameters.len() >= 2 && (is(0, "event") || is(1, "context"))
}

/// Whether a source is the only one of the function that no other one imports: then Lambda has to begin with it.
fn is_the_entry(entry: &str, own: &[&String], modules: &Modules) -> Result<bool> {
    let imports = |path: &&String| {
        let mut imported = BTreeSet::new();
        let name = dotted(path);
        for import in modules.scan(path)?.0.imports {
            let Some(module) = absolute(&name, path, &import) else { continue };
            let submodule = import.name.as_ref().map(|name| format!("{module}.{name}"));
            for module in [Some(module), submodule].into_iter().flatten() {
                imported.extend(modules.way(&module).0.into_iter().map(|(_, found)| found.path));
            }
        }
        imported.remove(path.as_str());
        Ok(imported)
    };
    let imported: Vec<BTreeSet<String>> = own.par_iter().map(imports).collect::<Result<_>>()?;
    let imported: BTreeSet<String> = imported.into_iter().flatten().collect();
    let mut others = own.iter().filter(|path| path.as_str() != entry);
    Ok(!imported.contains(entry)
        && others.all(|other| imported.contains(other.as_str()) || other.ends_with("/__init__.py")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::{Files, Question, Shape};
    use crate::lambda::{Architecture, PythonVersion, Target};
    use crate::tree::{self, Entry, Source, Tree};

    fn guessed(files: &[(&str, &str)]) -> Option<(String, bool)> {
        let entry = |text: &str| {
            let source = Source::Memory(Arc::from(text.as_bytes()));
            Entry { executable: false, owner: tree::Owner::Function, source, size: 0 }
        };
        let tree: Tree = files.iter().map(|(path, text)| ((*path).to_owned(), entry(text))).collect();
        let files = Files::of_tree(&tree, &[], &tree::Site::function());
        let target = Target { python: PythonVersion::DEFAULT, architecture: Architecture::X86_64 };
        let question = Question::new(target, Shape::Function);
        let installation = Installation::new(&files, &question).unwrap();
        let guess = guess(&Modules::new(&files, &question), &installation).unwrap();
        guess.map(|guess| (guess.handler, guess.certain))
    }

    #[test]
    fn the_only_one_is_found_and_two_are_not_guessed_between() {
        let app = ("app.py", "def handler(event, context): pass\n");
        assert_eq!(guessed(&[app, ("other.py", "from app import handler\n")]), Some(("app.handler".into(), true)));
        assert_eq!(guessed(&[app, ("other.py", "handler = 1\n")]), None);
    }

    #[test]
    fn what_may_be_something_else_is_uncertain() {
        let real = ("src/app.py", "def lambda_handler(e, c): pass\n");
        for text in [
            "handler = logging.StreamHandler()\n",
            "def handler(signum, frame): pass\n",
            "def handler(event): pass\n",
            "class A:\n  pass\nfor handler in x: pass\n",
        ] {
            assert_eq!(guessed(&[("log.py", text), real]), Some(("log.handler".into(), false)), "{text}");
        }
        for text in ["def handler(_event, _): pass\n", "@app.route\nasync def handler(request: dict, context): pass\n"]
        {
            assert_eq!(guessed(&[("log.py", text), real]), Some(("log.handler".into(), true)), "{text}");
        }
        assert_eq!(guessed(&[("log.py", "lambda_handler = f\n"), real]), Some(("log.lambda_handler".into(), true)));
    }

    #[test]
    fn the_source_that_no_other_one_imports_is_where_lambda_begins() {
        let app = ("main.py", "from routes import users\nhandler = Mangum(app)\n");
        let routes = [("routes/__init__.py", ""), ("routes/users.py", "from . import mail\n"), ("routes/mail.py", "")];
        assert_eq!(guessed(&[&[app][..], &routes].concat()), Some(("main.handler".into(), true)));
        assert_eq!(guessed(&[app]), Some(("main.handler".into(), true)));
        let unused = [("job.py", "import main\n")];
        assert_eq!(guessed(&[&[app][..], &routes, &unused].concat()), Some(("main.handler".into(), false)));
    }
}
