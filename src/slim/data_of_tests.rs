//! Data among tests that a source reads all the same: `os.path.join(os.path.dirname(__file__), "tests", "golden.json")`.

use std::collections::HashMap;

use super::folders::Candidates;
use super::survey::{Module, Survey};
use crate::tree::Owner;

/// Folders times sources that speak of such a folder. Where there are more, all data stays: nothing real comes near.
const MOST_PAIRS: usize = 1 << 20;

/// The files of these test folders, without the data of those that a source outside of all of them names.
pub(super) fn without_named(folders: &Candidates<'_>, survey: &Survey) -> Vec<String> {
    let has_data: Vec<&str> =
        folders.iter().filter(|(_, files)| files.iter().any(|path| is_data(path))).map(|(folder, _)| *folder).collect();
    let mut inside: HashMap<&str, &str> = HashMap::new();
    for (folder, files) in folders {
        inside.extend(files.iter().map(|path| (*path, *folder)));
    }
    let names: Vec<&str> = has_data.iter().filter_map(|folder| folder.rsplit('/').next()).collect();
    let speaks = |module: &&Module| names.iter().any(|name| module.mentions.contains(*name));
    let outside = survey.modules.iter().filter(|module| !inside.contains_key(module.path.as_str()));
    let speakers: Vec<&Module> = if names.is_empty() { Vec::new() } else { outside.filter(speaks).collect() };
    let too_many = speakers.len().saturating_mul(has_data.len()) > MOST_PAIRS;
    let found: Vec<&str> = has_data
        .into_iter()
        .filter(|folder| too_many || speakers.iter().any(|module| names_folder(module, folder, &folders[folder])))
        .collect();
    let files = folders.iter().flat_map(|(folder, files)| {
        let stays = found.contains(folder);
        files.iter().filter(move |path| !(stays && is_data(path)))
    });
    files.map(|path| (*path).to_owned()).collect()
}

pub(super) fn is_data(path: &str) -> bool {
    ![".py", ".pyi", ".pyc"].iter().any(|ending| path.ends_with(ending))
}

/// Whether a module names a folder as seen from where it is itself: every part of the path below the nearest folder that
/// both are in. The function's own modules may have the first parts from an import. Where more than the last part has to
/// be found, something in the folder has to be as well: a list of modules names many of them.
fn names_folder(module: &Module, folder: &str, files: &[&str]) -> bool {
    let parts: Vec<&str> = folder.split('/').collect();
    let package = module.package();
    let shared = parts.iter().zip(&package).take_while(|(part, own)| part == own).count();
    let is_imported = |count: usize| {
        let dotted = parts[..count].join(".");
        module.owner == Owner::Function && module.imports.binary_search(&dotted).is_ok()
    };
    let mut to_name = (shared..parts.len()).filter(|place| !is_imported(place + 1));
    let is_alone = to_name.clone().count() == 1;
    let inside =
        |path: &&&str| is_data(path) && inside(path, folder).is_some_and(|name| module.mentions.contains(name));
    to_name.all(|place| module.mentions.contains(parts[place])) && (is_alone || files.iter().any(|path| inside(&path)))
}

/// What of a folder a path goes through next.
fn inside<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder)?.strip_prefix('/')?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::super::survey::Wanted;
    use super::*;
    use crate::tree::{Entry, Source, Tree};

    /// What is left of the data.
    fn data(source: (&str, &str)) -> Vec<String> {
        let files = ["lib/tests/a.json", "lib/tests/test_a.py", "lib/sub/tests/b.json", "lib/sub/tests/test_b.py"];
        let entry = |path: &str, text: &str| Entry {
            executable: false,
            owner: if path.contains('/') { Owner::Distribution(0) } else { Owner::Function },
            source: Source::Memory(text.as_bytes().into()),
            size: text.len() as u64,
        };
        let sources = [source, ("lib/tests/test_a.py", "open('lib/sub/tests/b.json')")];
        let tree: Tree = sources.iter().map(|(path, text)| ((*path).to_owned(), entry(path, text))).collect();
        let survey = Survey::of(&tree, &[], &Wanted::default()).unwrap();
        let folders = [("lib/tests", &files[..2]), ("lib/sub/tests", &files[2..])];
        let folders: Candidates<'_> = folders.iter().map(|(folder, files)| (*folder, files.to_vec())).collect();
        let gone = without_named(&folders, &survey);
        assert!(gone.iter().any(|path| path == files[1]) && gone.iter().any(|path| path == files[3]), "code goes");
        files.iter().filter(|path| !gone.iter().any(|gone| gone == *path)).map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn data_stays_where_its_folder_is_named_from_where_the_source_is() {
        let nothing = [""; 0];
        assert_eq!(data(("lib/core.py", "join(here, 'tests', 'a.json')")), ["lib/tests/a.json"]);
        assert_eq!(data(("lib/sub/core.py", "x = f'tests/{name}'")), ["lib/tests/a.json", "lib/sub/tests/b.json"]);
        assert_eq!(data(("lib/core.py", "x = 'sub/tests/b.json'")), ["lib/tests/a.json", "lib/sub/tests/b.json"]);
        assert_eq!(data(("lib/core.py", "x = 'sub', 'tests'")), ["lib/tests/a.json"], "a list of modules");
        assert_eq!(data(("lib/core.py", "x = 'test'")), nothing);
        assert_eq!(data(("other/core.py", "x = 'tests'")), nothing, "its own folder, if any");
        assert_eq!(data(("app.py", "import lib\nx = lib.__path__[0], 'tests', 'a.json'")), ["lib/tests/a.json"]);
        assert_eq!(data(("app.py", "x = 'tests'")), nothing);
    }
}
