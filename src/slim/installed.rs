//! RECORD: which files a distribution has. `importlib.metadata` reads it (`files()`, and `packages_distributions()` where
//! a wheel has no `top_level.txt`), and with it whoever asks for a module's version.
//!
//! The artifact's has the files that are in the artifact, as PEP 376 wants it, but not their digests and sizes, which are
//! most of its bytes: nothing looks at them after an installer did, and stripping changes them.

use std::collections::HashMap;

use super::{Ledger, Level, Options, Removal, Restored, Rule, is_restored};
use crate::error::{Error, Result};
use crate::resolve::Distribution;
use crate::tree::{Owner, Source, Tree};

/// Writes down the files of each distribution as they are now, where that is shorter than what its wheel has.
pub fn list_files(
    tree: &mut Tree,
    distributions: &[Distribution],
    options: &Options,
    restored: &Restored,
    ledger: &mut Ledger,
) -> Result<()> {
    if options.level == Level::None {
        return Ok(());
    }
    let mut files: HashMap<Owner, Vec<&str>> = HashMap::new();
    // Bytecode beside a source comes and goes with it.
    for (path, entry) in tree.iter().filter(|(path, _)| !path.contains("__pycache__/")) {
        files.entry(entry.owner).or_default().push(path);
    }
    let goes = |path: &str, owner| {
        is_record(path)
            && owner != Owner::Function
            && !options.keep.matches(path)
            && !is_restored(restored, Rule::InstallerFiles, owner, distributions)
    };
    let records = tree.iter().filter(|(path, entry)| goes(path, entry.owner));
    let lists: Vec<(String, Vec<u8>)> = records
        .map(|(path, entry)| Ok((path.clone(), list(files.get(&entry.owner).map_or(&[], Vec::as_slice))?)))
        .collect::<Result<_>>()?;
    for (path, list) in lists {
        let Some(entry) = tree.get_mut(&path) else { continue };
        let size = list.len() as u64;
        if size < entry.size {
            let (bytes, owner) = (entry.size - size, entry.owner);
            entry.source = Source::Memory(list.into());
            entry.size = size;
            ledger.add(Removal { path, rule: Rule::InstallerFiles, bytes, owner, component: None });
        }
    }
    Ok(())
}

fn is_record(path: &str) -> bool {
    matches!(path.split_once('/'), Some((info, "RECORD")) if info.ends_with(".dist-info"))
}

/// A row for each path: the path, and nothing for its digest and size.
fn list(paths: &[&str]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let failed = |error: csv::Error| Error::io("write", "RECORD")(error.into());
    for path in paths {
        writer.write_record([path, "", ""]).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Error::io("write", "RECORD")(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_csv() {
        assert!(is_record("a-1.dist-info/RECORD"));
        for path in ["RECORD", "a/RECORD", "a-1.dist-info/x/RECORD", "a-1.dist-info/RECORDS"] {
            assert!(!is_record(path), "{path}");
        }
        assert_eq!(list(&["a/x.py", "a/x,y.txt"]).unwrap(), b"a/x.py,,\n\"a/x,y.txt\",,\n");
    }
}
