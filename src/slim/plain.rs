//! Files that their ending tells, each with a look at whether something reads it after all.

use super::index::Index;
use super::ledger::Rule;
use crate::error::Result;
use crate::resolve::Distribution;
use crate::tree::{Entry, Owner, Tree, read};

const SOURCES: &[&str] = &["c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "inl", "pxd", "pxi", "pyx"];
const LIBRARIES: &[&str] = &["a", "lib"];
const INSTALLER: &[&str] = &["INSTALLER", "RECORD.jws", "RECORD.p7s", "REQUESTED", "direct_url.json"];
/// How every archive of object files begins.
const ARCHIVE_MAGIC: &[u8] = b"!<arch>\n";

/// The files of each rule.
pub(super) fn find(tree: &Tree, distributions: &[Distribution], index: &Index) -> Result<Vec<(Rule, Vec<String>)>> {
    let mut found: Vec<(Rule, Vec<String>)> =
        [Rule::Sources, Rule::StaticLibraries, Rule::TypeStubs, Rule::InstallerFiles, Rule::Scripts]
            .into_iter()
            .map(|rule| (rule, Vec::new()))
            .collect();
    for (path, entry) in tree.iter().filter(|(_, entry)| entry.owner != Owner::Function) {
        let Some(rule) = rule(path, entry, index) else { continue };
        let confirmed = match rule {
            Rule::StaticLibraries => read(entry, distributions)?.starts_with(ARCHIVE_MAGIC),
            Rule::Scripts => is_python_script(&read(entry, distributions)?),
            _ => true,
        };
        if confirmed && let Some((_, paths)) = found.iter_mut().find(|(known, _)| *known == rule) {
            paths.push(path.clone());
        }
    }
    Ok(found)
}

fn rule(path: &str, entry: &Entry, index: &Index) -> Option<Rule> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folder.split('/').next().is_some_and(|top| top.ends_with(".dist-info")) {
        return (INSTALLER.contains(&name) && !folder.contains('/')).then_some(Rule::InstallerFiles);
    }
    if folder == "bin" {
        return Some(Rule::Scripts);
    }
    if name == "py.typed" {
        return Some(Rule::TypeStubs);
    }
    let (_, ending) = name.rsplit_once('.')?;
    if ending == "pyi" {
        let is_read = index.reads_stubs(entry.owner) || index.completes(entry.owner, name);
        return (!is_read).then_some(Rule::TypeStubs);
    }
    if SOURCES.contains(&ending) {
        // What a source of the same distribution names, it may read (a header for code compiled at run time).
        let is_named = index.mentions(entry.owner, name, None) || index.completes(entry.owner, name);
        return (!is_named).then_some(Rule::Sources);
    }
    LIBRARIES.contains(&ending).then_some(Rule::StaticLibraries)
}

/// A script of a wheel begins with `#!python` until an installer writes the interpreter's path into it.
fn is_python_script(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"#!") && line.windows(6).any(|window| window == b"python")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::survey::{Survey, Wanted};
    use super::*;
    use crate::tree::Source;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let tree: Tree = files
            .iter()
            .map(|(path, text)| {
                let source = Source::Memory(Arc::from(text.as_bytes()));
                ((*path).to_owned(), Entry { executable: false, owner: Owner::Distribution(0), source, size: 0 })
            })
            .collect();
        let survey = Survey::of(&tree, &[], &Wanted::default()).unwrap();
        let mut paths: Vec<String> =
            find(&tree, &[], &survey.index()).unwrap().into_iter().flat_map(|(_, paths)| paths).collect();
        paths.sort();
        paths
    }

    #[test]
    fn each_rule_takes_its_own() {
        let files = [
            ("a/_x.c", ""),
            ("a/include/a.h", ""),
            ("a/lib/x.a", "!<arch>\n"),
            ("a/weights.a", "data"),
            ("a/__init__.pyi", ""),
            ("a/py.typed", ""),
            ("a-1.dist-info/RECORD", ""),
            ("a-1.dist-info/METADATA", ""),
            ("a-1.dist-info/entry_points.txt", ""),
            ("a-1.dist-info/licenses/x.h", ""),
            ("bin/a.py", "#!python\n"),
            ("bin/native", "\x7fELF"),
        ];
        let gone = ["a/__init__.pyi", "a/_x.c", "a/include/a.h", "a/lib/x.a", "a/py.typed", "bin/a.py"];
        assert_eq!(
            found(&files).iter().map(String::as_str).filter(|path| !path.contains("licenses")).collect::<Vec<_>>(),
            gone
        );
        assert!(!found(&files).iter().any(|path| path.contains("licenses")), "licences stay whatever they are called");
    }

    #[test]
    fn what_is_read_at_run_time_stays() {
        let files = [
            ("a/__init__.py", "import lazy_loader as lazy\nlazy.attach_stub(__name__, __file__)\n"),
            ("a/__init__.pyi", ""),
            ("a/kernel.py", "open('kernel.h')"),
            ("a/kernel.h", ""),
        ];
        assert_eq!(found(&files), [""; 0]);
        let computed = [
            ("a/__init__.py", "x = f'{n}.h', f'{os.path.splitext(__file__)[0]}.pyi'"),
            ("a/__init__.pyi", ""),
            ("a/x.h", ""),
            ("a/x.c", ""),
        ];
        assert_eq!(found(&computed), ["a/x.c"]);
    }
}
