//! What the shipped files say: which modules they import, and which names and paths they write down.
//!
//! The rules ask here instead of guessing from a folder's name: `botocore.docs` is code. Python sources are read for it,
//! compiled files, and what text the function has beside its sources. Each file is read once, within a budget of memory.

use std::collections::{BTreeSet, HashSet};

use memchr::memmem;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::compiled::{self, Names};
use super::index::Index;
use crate::artifact::ordered;
use crate::check::libraries::{self, Binary};
use crate::elf::strip::is_elf;
use crate::error::{Error, Result};
use crate::python::source::{self, Import, Partial, Texts};
use crate::resolve::Distribution;
use crate::tree::{Asked, Entry, Owner, Site, Tree};

/// What may be held of files that are being read, in bytes.
const BUDGET: u64 = 96 << 20;

/// Larger files of the function are data, and no text that names modules.
const MOST_TEXT: u64 = 1 << 20;

/// What reads `.pyi` files at run time: `lazy_loader.attach_stub`, as scikit-image and others use it.
const STUB_READER: &str = "attach_stub";

/// What analysers that bundle stubs call them (jedi, mypy).
const STUB_NAMES: &[&str] = &[".pyi", "*.pyi", "pyi", "__init__.pyi", "builtins.pyi", "typeshed"];

/// What imports a module by a name that may be given in parts.
const LOADERS: &[&str] = &["import_module", "__import__"];

/// What a module of the survey is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Kind {
    /// A Python source, or what stands for one: entry points, the handler's name.
    Source,
    /// Some other text of the function: configuration.
    Text,
    /// A compiled file.
    Compiled,
}

/// One file that may need others.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Module {
    /// Its path in the artifact.
    #[serde(skip)]
    pub path: String,
    /// Whose it is.
    #[serde(skip)]
    pub owner: Owner,
    /// What it is.
    pub kind: Kind,
    /// Dotted names that it imports, or that it writes down as a string that could be one. Sorted.
    pub imports: Vec<String>,
    /// Packages of which it may import modules by names that only a run knows. In a distribution, which may write such
    /// texts for people, only where it imports anything by name.
    pub opens: Vec<String>,
    /// The parts of every string that could be a path.
    pub mentions: HashSet<String>,
    /// Parts of names that are put together when it runs.
    pub partial: Vec<Partial>,
    /// Those of the words searched for that it says: as an identifier or in a string; in the function's own files
    /// anywhere at all.
    pub words: HashSet<String>,
    /// Whether it imports modules by names that may be given in parts.
    pub loads_by_name: bool,
    /// Whether it reads stubs when it runs.
    pub reads_stubs: bool,
}

impl Module {
    pub(super) fn new(path: &str, owner: Owner, kind: Kind) -> Self {
        Self {
            path: path.to_owned(),
            owner,
            kind,
            imports: Vec::new(),
            opens: Vec::new(),
            mentions: HashSet::new(),
            partial: Vec::new(),
            words: HashSet::new(),
            loads_by_name: false,
            reads_stubs: false,
        }
    }

    /// The folders that it is in.
    pub(super) fn package(&self) -> Vec<&str> {
        folders_of(&self.path)
    }

    /// Takes what its texts say.
    pub(super) fn take(&mut self, strings: &[String], texts: Texts) {
        let package = folders_of(&self.path);
        let mut imports = Vec::new();
        for string in strings {
            if string.contains('.') && !string.contains('/') {
                let level = string.len() - string.trim_start_matches('.').len();
                imports.extend(absolute(&package, level, &string[level..]).filter(|name| !name.ends_with('.')));
            }
            self.mentions.extend(string.split('/').filter(|part| !part.is_empty()).map(str::to_owned));
        }
        imports.extend(texts.quoted.iter().flat_map(|import| names(&package, import)));
        imports.extend(texts.inside);
        for part in texts.partial.iter().filter(|part| part.after && !part.before) {
            let package = part.text.strip_suffix('.').filter(|package| !package.contains(['-', '+']));
            self.opens.extend(package.filter(|package| !package.is_empty()).map(str::to_owned));
        }
        imports.extend(self.opens.iter().cloned());
        self.imports.extend(imports);
        self.partial = texts.partial;
        self.loads_by_name |= LOADERS.iter().any(|loader| texts.said.contains(*loader));
        if self.owner != Owner::Function && !self.loads_by_name {
            self.opens.clear();
        }
        self.reads_stubs |=
            texts.said.contains(STUB_READER) || STUB_NAMES.iter().any(|name| self.mentions.contains(*name));
        self.words.extend(texts.said);
    }

    /// Whether it may import a module by parts of its name: `import_module(".x", "pkg")`, or
    /// `__import__("pkg", fromlist=["x"])`.
    pub(super) fn joins(&self, module: &str) -> bool {
        let Some((package, name)) = module.rsplit_once('.').filter(|(_, name)| *name != "*") else { return false };
        let mentions = |name: &str| self.mentions.contains(name);
        let says_name = mentions(&format!(".{name}")) || (self.loads_by_name && mentions(name));
        let says_package = || mentions(package) || self.imports.iter().any(|import| is_in(import, package));
        says_name && says_package()
    }

    fn sorted(mut self) -> Self {
        self.imports.sort_unstable();
        self.imports.dedup();
        self.opens.sort_unstable();
        self.opens.dedup();
        self
    }
}

/// What the survey has an eye on.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    /// Words.
    pub words: BTreeSet<&'a str>,
    /// Names that compiled files are searched for.
    pub names: Names,
    /// The minor version of the Python whose bytecode can be read.
    pub python: u8,
    /// Where files lie.
    pub site: Site,
}

impl Wanted<'_> {
    /// The name of the question what a wheel's file says: with all that the answer depends on.
    fn fact(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("{} {:?} {:?}", self.python, self.words, self.names.all()));
        format!("survey-{}", data_encoding::HEXLOWER.encode(&hasher.finalize()[..16]))
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Survey {
    /// One for each file that says anything, in the order of their paths; what is no file comes first.
    pub modules: Vec<Module>,
    /// What the loader reads of compiled files, by path in Lambda.
    pub libraries: libraries::Survey,
    /// Where files lie.
    pub site: Site,
}

/// What came of one file.
type Looked = (Option<Module>, Option<(String, Binary)>);

impl Survey {
    /// Reads every file of a tree that may need another, with an eye on what is wanted.
    pub(super) fn of(tree: &Tree, distributions: &[Distribution], wanted: &Wanted<'_>) -> Result<Self> {
        let fixed = LOADERS.iter().copied().chain([STUB_READER]);
        let words = source::Words::new(wanted.words.iter().copied().chain(fixed));
        let fact = wanted.fact();
        let entries: Vec<(&String, &Entry)> = tree.iter().filter(|(path, entry)| is_read(tree, path, entry)).collect();
        let (mut modules, mut binaries) = (Vec::new(), Vec::new());
        ordered(
            &entries,
            rayon::current_num_threads(),
            BUDGET,
            |(_, entry)| entry.size,
            |(path, entry)| {
                let say = |bytes: &[u8]| look(path, entry.owner, bytes, wanted, &words);
                let asked = Asked::new(entry, distributions);
                let module = asked.said(&fact, say)?;
                let module = module.map(|module| Module { path: (*path).clone(), owner: entry.owner, ..module });
                let binary = if libraries::may_be_binary(path, entry.size) {
                    asked.said(Binary::FACT, Binary::of)?
                } else {
                    None
                };
                Ok((module, binary.map(|binary| (wanted.site.in_lambda(path), binary))))
            },
            |_, (module, binary): Looked| {
                modules.extend(module);
                binaries.extend(binary);
                Ok::<_, Error>(())
            },
        )?;
        Ok(Self { modules, libraries: binaries.into_iter().collect(), site: wanted.site.clone() })
    }

    /// Counts a module as imported by the function: the handler's.
    pub(super) fn add_root(&mut self, module: String) {
        let mut root = Module::new("", Owner::Function, Kind::Source);
        root.imports.push(module);
        self.modules.insert(0, root);
    }

    /// Forgets what is no longer in the tree.
    pub(super) fn retain(&mut self, tree: &Tree) {
        self.modules.retain(|module| module.path.is_empty() || tree.contains_key(&module.path));
        self.libraries.retain(|path| tree.contains_key(self.site.of_lambda(path)));
    }

    /// Answers of all modules together.
    pub(super) fn index(&self) -> Index<'_> {
        Index::of(&self.modules)
    }

    /// What the loader reads of a file.
    pub(super) fn library(&self, path: &str) -> Option<&libraries::Library> {
        self.libraries.library(&self.site.in_lambda(path))
    }
}

fn folders_of(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    parts
}

/// Whether a path is in a folder.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether an import is of a module or of something in it.
pub(super) fn is_in(import: &str, module: &str) -> bool {
    import.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a file that is no part of the artifact may say what it needs: sources, what stands for them, compiled files.
pub fn may_speak(path: &str, size: u64) -> bool {
    path.ends_with(".py")
        || (path.ends_with(".pyc") && !path.contains("__pycache__/"))
        || path.ends_with(".dist-info/entry_points.txt")
        || libraries::may_be_binary(path, size)
}

fn is_read(tree: &Tree, path: &str, entry: &Entry) -> bool {
    match path.rsplit_once('.') {
        Some((_, "py")) => true,
        // In __pycache__ bytecode stands beside its source.
        Some((stem, "pyc")) => !path.contains("__pycache__/") && !tree.contains_key(&format!("{stem}.py")),
        _ => {
            path.ends_with(".dist-info/entry_points.txt")
                || libraries::may_be_binary(path, entry.size)
                || (entry.owner == Owner::Function && entry.size <= MOST_TEXT)
        }
    }
}

fn look(path: &str, owner: Owner, bytes: &[u8], wanted: &Wanted<'_>, words: &source::Words) -> Option<Module> {
    if path.ends_with(".py") {
        return Some(module(path, owner, bytes, words, wanted));
    }
    if path.ends_with(".dist-info/entry_points.txt") {
        return Some(entry_points(path, owner, bytes));
    }
    if path.ends_with(".pyc") {
        return Some(compiled::bytecode(path, owner, bytes, wanted.python, words, &wanted.names).sorted());
    }
    if is_elf(bytes) {
        return Some(compiled::library(path, owner, bytes, &wanted.names).sorted());
    }
    let is_text = owner == Owner::Function && bytes.len() as u64 <= MOST_TEXT && !bytes.contains(&0);
    is_text.then(|| text(path, bytes, wanted))
}

fn module(path: &str, owner: Owner, text: &[u8], words: &source::Words, wanted: &Wanted<'_>) -> Module {
    let (scan, texts) = source::scan_texts(text, words);
    let mut module = Module::new(path, owner, Kind::Source);
    let package = folders_of(path);
    module.imports = scan.imports.iter().flat_map(|import| names(&package, import)).collect();
    module.take(&scan.strings, texts);
    if owner == Owner::Function {
        module.words.extend(said_anywhere(text, wanted));
    }
    module.sorted()
}

/// What a text of the function names, whatever its format.
fn text(path: &str, bytes: &[u8], wanted: &Wanted<'_>) -> Module {
    let mut module = Module::new(path, Owner::Function, Kind::Text);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    for name in bytes.split(|byte| !is_name(byte)).filter_map(|name| std::str::from_utf8(name).ok()) {
        let name = name.trim_matches(['.', '-']);
        if name.contains('.') {
            module.imports.push(name.to_owned());
        }
        if !name.is_empty() {
            module.mentions.insert(name.to_owned());
        }
    }
    module.words.extend(said_anywhere(bytes, wanted));
    module.sorted()
}

fn said_anywhere<'a>(text: &'a [u8], wanted: &'a Wanted<'_>) -> impl Iterator<Item = String> + 'a {
    let said = wanted.words.iter().filter(|word| memmem::find(text, word.as_bytes()).is_some());
    said.map(|word| (*word).to_owned())
}

/// The modules that an import may be of, seen from the top.
fn names(package: &[&str], import: &Import) -> Vec<String> {
    let Some(module) = absolute(package, import.level, &import.module) else { return Vec::new() };
    let name = import.name.as_ref();
    let inside = name.map(|name| if module.is_empty() { name.clone() } else { format!("{module}.{name}") });
    inside.into_iter().chain([module]).collect()
}

/// An import's dotted name seen from the top.
fn absolute(package: &[&str], level: usize, module: &str) -> Option<String> {
    if level == 0 {
        return Some(module.to_owned());
    }
    let mut parts: Vec<&str> = package.get(..(package.len() + 1).checked_sub(level)?)?.to_vec();
    if !module.is_empty() {
        parts.push(module);
    }
    Some(parts.join("."))
}

/// `name = package.module:object [extra]`: what importlib.metadata loads on request.
fn entry_points(path: &str, owner: Owner, text: &[u8]) -> Module {
    let mut module = Module::new(path, owner, Kind::Source);
    let text = String::from_utf8_lossy(text);
    let values = text.lines().filter_map(|line| line.split_once('=')).map(|(_, value)| value);
    module.imports = values.map(|value| value.split([':', '[']).next().unwrap_or_default().trim().to_owned()).collect();
    module.sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surveyed(path: &str, text: &str) -> Module {
        let wanted = Wanted::default();
        look(path, Owner::Function, text.as_bytes(), &wanted, &source::Words::new(LOADERS.iter().copied())).unwrap()
    }

    fn imports(path: &str, text: &str) -> Vec<String> {
        surveyed(path, text).imports
    }

    #[test]
    fn relative_imports_are_seen_from_the_top() {
        assert_eq!(
            imports("a/b/c.py", "from . import x\nfrom .y import z\nfrom ..t import u\n"),
            ["a.b", "a.b.x", "a.b.y", "a.b.y.z", "a.t", "a.t.u"]
        );
        assert_eq!(imports("a/__init__.py", "from .tests import run\n"), ["a.tests", "a.tests.run"]);
        assert_eq!(imports("a.py", "from ...x import y\n"), [""; 0]);
    }

    #[test]
    fn strings_that_could_be_modules_count() {
        assert_eq!(
            imports("a/b.py", "importlib.import_module('a.tests.x')\nload('.tests')\n"),
            ["a.tests", "a.tests.x"]
        );
        assert_eq!(imports("a.py", "x = 'p.tests.plugin:make'\n"), ["p.tests.plugin"]);
        assert_eq!(imports("a.py", "exec('from p import q')\n"), ["p", "p.q"]);
        assert_eq!(imports("a.py", "import_module(f'p.q.{name}')\n"), ["p.q"]);
        assert_eq!(surveyed("a.py", "import_module(f'p.{name}')\nx = f'q.{a}.{b}'\n").opens, ["p", "q"]);
    }

    #[test]
    fn modules_whose_names_are_given_in_parts() {
        for text in [
            "import_module('.x', 'p')",
            "import p\nload('.x', p)",
            "__import__('p', fromlist=['x'])",
            "import p.y\n__import__(p.__name__, fromlist=('x',))",
        ] {
            assert!(surveyed("a.py", text).joins("p.x"), "{text}");
        }
        for text in ["import p\nevent['x']", "load('.x', 'q')", "import_module('p')", "import pq\nload('.x')"] {
            assert!(!surveyed("a.py", text).joins("p.x"), "{text}");
        }
    }

    #[test]
    fn paths_are_taken_apart() {
        let module = surveyed("a/b.py", "open('docs/openapi.yaml')\n");
        assert!(module.mentions.contains("docs") && module.mentions.contains("openapi.yaml"));
    }

    #[test]
    fn entry_points_name_modules() {
        let text = "[group]\nname = a.tests.plugin:load [extra]\n";
        assert_eq!(imports("x.dist-info/entry_points.txt", text), ["a.tests.plugin"]);
    }

    #[test]
    fn texts_of_the_function_name_modules_and_words() {
        let wanted = Wanted { words: BTreeSet::from(["s3://"]), ..Wanted::default() };
        let text = b"{\"uri\": \"s3://bucket\", \"use\": [\"p.q:r\", \"sqs\"]}. The end...";
        let module = look("c.json", Owner::Function, text, &wanted, &source::Words::default()).unwrap();
        assert_eq!((module.kind, module.imports), (Kind::Text, vec!["p.q".to_owned()]));
        assert!(module.words.contains("s3://") && module.mentions.contains("sqs"));
        for (owner, text) in [(Owner::Distribution(0), &b"p.q"[..]), (Owner::Function, b"\0p.q")] {
            assert!(look("c.json", owner, text, &wanted, &source::Words::default()).is_none());
        }
    }
}
