//! What `pack init` finds in a folder, and the files that make a project of it.
//!
//! What must stay true: nothing that is there is written over, and `pack.toml` comes last, so that where there is one the rest
//! is there too.

mod handlers;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use self::handlers::Handler;
use super::manifest::FILE;
use super::requirements::{self, Described};
use super::{function, load};
use crate::error::{Error, Result};
use crate::lambda::PythonVersion;
use crate::system::AtomicFile;

/// What does not count in a folder that is empty otherwise, by the beginning of its name.
const UNCOUNTED: &[&str] = &[".", "README", "LICENSE", "LICENCE", "COPYING", SCHEMA];
/// Where a schema lies that `pack schema` wrote.
const SCHEMA: &str = "pack.schema.json";
/// The most letters of a name that is made here.
const NAME_LENGTH: usize = 40;

const HELLO: &str = include_str!("init/hello.py");
const HELLO_REQUIREMENTS: &str = include_str!("init/hello.txt");

/// How a project begins.
#[derive(Debug)]
pub struct Start {
    /// What is there.
    pub found: Vec<String>,
    /// What is written, in this order.
    files: Vec<(&'static str, String)>,
}

impl Start {
    /// What a folder needs to become a project. Nothing is written.
    pub fn of(root: &Path) -> Result<Self> {
        if is_there(&root.join(FILE)) {
            return Err(Error::usage(
                format!("there is a {FILE} here already"),
                "it is left as it is; pack plan shows what it makes",
            ));
        }
        if names(root)?.iter().all(|name| UNCOUNTED.iter().any(|start| name.starts_with(start))) {
            return Ok(Self::hello(root, None, PythonVersion::DEFAULT));
        }
        let described = Described::by(root)?;
        let known = function::all(root);
        if !known.is_empty() {
            let found = known.iter().map(|function| function.source.display().to_string()).collect();
            let text = "# Functions are found by their names: functions/NAME with requirements/NAME.txt.\n\
                        # [functions.NAME] takes what differs: handler, requirements, memory, timeout, …\n";
            return Ok(Self { found, files: vec![(FILE, manifest(root, text, described.python()))] });
        }
        let handlers = handlers::find(root)?;
        match (handlers, requirements::beside(root)) {
            (Some(handlers), _) if !handlers.is_empty() => Ok(Self::beside(root, &handlers, &described)),
            (None, Some(file)) => Ok(Self::hello(root, Some(&shown(root, &file)), described.python())),
            _ => Err(Error::usage(
                "nothing here looks like a function: no functions/NAME/, no functions/NAME.py, and no .py file here or up to \
                 two folders down that defines lambda_handler or handler(event, context)",
                format!("write one of these, or {FILE} by hand; in an empty folder pack init writes a first function"),
            )),
        }
    }

    /// A first function, with the requirements that are there or with a file for them.
    fn hello(root: &Path, required: Option<&str>, python: PythonVersion) -> Self {
        let mut files = vec![("functions/hello/app.py", HELLO.to_owned())];
        let mut function = "# functions/hello is found by its name.\n\
                            [functions.hello]\nhandler = \"app.handler\"\n"
            .to_owned();
        if let Some(file) = required {
            let _ = writeln!(function, "requirements = {}", quoted(file));
        } else {
            files.push(("requirements/hello.txt", HELLO_REQUIREMENTS.into()));
        }
        files.push((FILE, manifest(root, &function, python)));
        let found = required.map_or_else(|| "an empty folder".into(), |file| format!("{file}, and no sources"));
        Self { found: vec![found], files }
    }

    /// A table for each handler.
    fn beside(root: &Path, handlers: &[Handler], described: &Described) -> Self {
        let project = described.name.clone().unwrap_or_else(|| load::folder_name(root));
        let mut text = String::new();
        if handlers.iter().any(|handler| handler.source.as_os_str().is_empty()) {
            text.push_str(
                "# The source \".\" is this folder, without tests, virtual environments and what .packignore names.\n",
            );
        }
        let (mut taken, mut required, mut found) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for handler in handlers {
            let alone = handlers.iter().filter(|other| other.folder() == handler.folder()).count() == 1;
            let name = unique(&handler.name(&project, alone), &mut taken);
            let source = if handler.source.as_os_str().is_empty() { Path::new(".") } else { &handler.source };
            let _ = write!(text, "[functions.{name}]\nsource = {}\n", quoted(&source.to_string_lossy()));
            let _ = writeln!(text, "handler = {}", quoted(&handler.dotted()));
            let file = requirements::named(&root.join("requirements"), &name)
                .or_else(|| requirements::beside(&root.join(&handler.source)))
                .or_else(|| requirements::beside(root));
            if let Some(file) = file.map(|file| shown(root, &file)) {
                let _ = writeln!(text, "requirements = {}", quoted(&file));
                required.insert(file);
            }
            text.push('\n');
            found.push(format!("{} with {}", handler.file().display(), handler.function));
        }
        if required.is_empty() {
            found.push("no requirements; a requirements.txt has them".into());
        }
        found.extend(required);
        Self { found, files: vec![(FILE, manifest(root, text.trim_end(), described.python()))] }
    }

    /// Writes the files, and gives their paths.
    pub fn write(&self, root: &Path) -> Result<Vec<PathBuf>> {
        let paths: Vec<PathBuf> = self.files.iter().map(|(path, _)| root.join(path)).collect();
        if let Some(path) = paths.iter().find(|path| is_there(path)) {
            return Err(Error::usage(format!("{} is there already", path.display()), "nothing was written"));
        }
        for (path, (_, text)) in paths.iter().zip(&self.files) {
            let mut file = AtomicFile::create(path)?;
            file.write_all(text.as_bytes()).map_err(Error::io("write", path))?;
            file.persist_new()?;
        }
        Ok(paths)
    }
}

/// A project file with these functions.
fn manifest(root: &Path, functions: &str, python: PythonVersion) -> String {
    let schema = if root.join(SCHEMA).is_file() { format!("#:schema ./{SCHEMA}\n") } else { String::new() };
    format!(
        "{schema}# pack plan shows what this makes, pack zip builds it; pack schema has every key, for editors.\n\
         \n\
         {}\n\
         \n\
         # What is built: each function for each Python and architecture.\n\
         [matrix]\n\
         python = [\"{python}\"]\n\
         architectures = [\"x86_64\"]          # or \"arm64\", or both\n",
        functions.trim_end()
    )
}

/// A name of the letters that a function's may have, which no other one has.
fn unique(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    let name: String = wanted.chars().map(plain).take(NAME_LENGTH).collect();
    let name = match name.trim_matches('-') {
        "" => "function",
        name => name,
    };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// A path as pack.toml says it.
fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

/// A string of TOML: JSON's, as no control character comes here.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether something has this path, be it a link that leads nowhere.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// What lies in a folder, sorted; the names that can be written into a file.
fn names(folder: &Path) -> Result<Vec<String>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let name = entry.map_err(Error::io("read", folder))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_word_becomes_a_name_and_none_is_there_twice() {
        let mut taken = BTreeSet::new();
        for (wanted, name) in [
            ("report", "report"),
            ("report", "report-2"),
            ("@scope/Ünder the.sea", "scope--nder-the-sea"),
            ("…", "function"),
            ("", "function-2"),
            (&"x".repeat(1000), &"x".repeat(40)),
        ] {
            assert_eq!(unique(wanted, &mut taken), *name);
        }
    }
}
