//! `MODULE.FUNCTION`: checked against the artifact, or found in the function's own sources.

use crate::error::{Error, Result};
use crate::python::source;
use crate::tree::{Entry, Owner, Tree};

/// What AWS's own examples and the common frameworks call it, most usual first.
const USUAL: &[&str] = &["lambda_handler", "handler"];

/// Refuses a handler whose module is not in the tree, or whose module is ours to read and does not define it.
pub fn check(handler: &str, tree: &Tree, read: impl Fn(&Entry) -> Result<Vec<u8>>) -> Result<()> {
    let wrong = |reason: String| Error::Handler { handler: handler.to_owned(), reason };
    let (module, function) = handler
        .rsplit_once('.')
        .filter(|(module, function)| !module.is_empty() && !function.is_empty())
        .ok_or_else(|| wrong("it has no dot".into()))?;
    // Lambda takes `/` and `.` between the parts of the module's path.
    let path = module.replace('.', "/");
    let names = [format!("{path}.py"), format!("{path}/__init__.py")];
    let Some(entry) = names.iter().find_map(|name| tree.get(name)) else {
        let compiled = tree
            .keys()
            .any(|name| name.strip_prefix(&path).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".so")));
        return if compiled { Ok(()) } else { Err(wrong(format!("{} is not in the artifact", names[0]))) };
    };
    let scan = source::scan(&read(entry)?);
    let star = scan.imports.iter().any(|import| import.name.as_deref() == Some("*"));
    if scan.defines(function) || star { Ok(()) } else { Err(wrong(format!("{} does not define {function}", names[0]))) }
}

/// The one handler that the function's own top-level modules define under a usual name.
pub fn detect(tree: &Tree, read: impl Fn(&Entry) -> Result<Vec<u8>>) -> Result<Option<String>> {
    let mut found = Vec::new();
    for (path, entry) in tree.iter().filter(|(_, entry)| entry.owner == Owner::Function) {
        let Some(module) = path.strip_suffix(".py").filter(|module| !module.contains('/')) else { continue };
        let scan = source::scan(&read(entry)?);
        let imported = |name: &str| scan.imports.iter().any(|import| import.name.as_deref() == Some(name));
        found.extend(
            USUAL.iter().filter(|name| scan.defines(name) && !imported(name)).map(|name| format!("{module}.{name}")),
        );
    }
    Ok(if found.len() == 1 { found.pop() } else { None })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tree::Source;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(path, text)| {
                let source = Source::Memory(Arc::from(text.as_bytes()));
                ((*path).to_owned(), Entry { executable: false, owner: Owner::Function, source, size: 0 })
            })
            .collect()
    }

    fn read(entry: &Entry) -> Result<Vec<u8>> {
        crate::tree::read(entry, &[])
    }

    #[test]
    fn a_handler_has_to_be_there() {
        let tree =
            tree(&[("app.py", "def handler(event, context): pass\n"), ("pkg/__init__.py", "from .x import run\n")]);
        check("app.handler", &tree, read).unwrap();
        check("pkg.run", &tree, read).unwrap();
        for (handler, reason) in [
            ("app.main", "handler app.main: app.py does not define main"),
            ("main.handler", "handler main.handler: main.py is not in the artifact"),
            ("handler", "handler handler: it has no dot"),
        ] {
            assert_eq!(check(handler, &tree, read).unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn the_only_one_is_found_and_two_are_not_guessed_between() {
        let one = tree(&[("app.py", "def handler(event, context): pass\n"), ("other.py", "from app import handler\n")]);
        assert_eq!(detect(&one, read).unwrap().as_deref(), Some("app.handler"));
        let two = tree(&[("app.py", "def handler(event, context): pass\n"), ("other.py", "handler = 1\n")]);
        assert_eq!(detect(&two, read).unwrap(), None);
    }
}
