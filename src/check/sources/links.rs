//! Symbolic links, followed inside of what they are in and nowhere else.
//!
//! What must stay true: the time and memory that hostile links can cost is bounded, and no link is ever followed by the
//! machine's own file system.

use std::collections::{BTreeMap, VecDeque};

use crate::archive::PATH_BYTES;
use crate::check::File;

/// What Linux follows before it gives up (`MAXSYMLINKS`).
const HOPS: usize = 40;

/// The most files that links may add, and the most bytes of their paths.
const ADDED: usize = 1_000_000;
const ADDED_BYTES: usize = 128 << 20;

/// Links by path, with what they name; both without a leading slash where they are paths from the root.
pub(super) type Links = BTreeMap<String, String>;

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Astray {
    /// Linux would say so too: it goes in circles, or gets too long.
    Circle,
    /// Following all the links takes more time than any real file system would.
    Exhausted,
}

/// How much may still be compared to follow links: bytes of paths that were looked up.
#[derive(Debug)]
pub(super) struct Patience(usize);

impl Default for Patience {
    /// A few seconds. An image with a million files takes a hundredth.
    fn default() -> Self {
        Self(16 << 30)
    }
}

/// Where a path leads once every link on it was followed. `..` at the root stays there.
pub(super) fn resolve(path: &str, links: &Links, patience: &mut Patience) -> Result<String, Astray> {
    let mut pending: VecDeque<&str> = path.split('/').collect();
    let mut waiting = path.len();
    let mut done = String::new();
    let mut hops = 0;
    while let Some(component) = pending.pop_front() {
        waiting = waiting.saturating_sub(component.len() + 1);
        let parent = done.len();
        match component {
            "" | "." => continue,
            ".." => {
                done.truncate(done.rfind('/').unwrap_or(0));
                continue;
            }
            _ if done.is_empty() => done.push_str(component),
            _ => done.extend(["/", component]),
        }
        if done.len() > PATH_BYTES {
            return Err(Astray::Circle);
        }
        patience.0 = patience.0.checked_sub(done.len() + 1).ok_or(Astray::Exhausted)?;
        if let Some(target) = links.get(&done) {
            hops += 1;
            waiting += target.len() + 1;
            if hops > HOPS || waiting > HOPS * PATH_BYTES {
                return Err(Astray::Circle);
            }
            done.truncate(if target.starts_with('/') { 0 } else { parent });
            for component in target.split('/').rev() {
                pending.push_front(component);
            }
        }
    }
    Ok(done)
}

/// Gives every file that a link leads to the path that it has through the link; paths of files begin with a slash.
/// `is_folder` tells of folders without files. Returns the links that lead nowhere, in their order, with
/// the path at which nothing is, if it is not a circle; or why not all were followed.
pub(super) fn follow(
    files: &mut BTreeMap<String, File<'static>>,
    links: &Links,
    is_folder: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Option<String>)>, String> {
    let mut added: BTreeMap<String, File<'static>> = BTreeMap::new();
    let mut bytes = 0;
    let mut broken = Vec::new();
    let mut patience = Patience::default();
    for link in links.keys() {
        let target = match resolve(link, links, &mut patience) {
            Ok(target) => format!("/{target}"),
            Err(Astray::Circle) => {
                broken.push((link.clone(), None));
                continue;
            }
            Err(Astray::Exhausted) => return Err("its symbolic links are too many to follow".into()),
        };
        if let Some(file) = files.get(&target) {
            added.insert(format!("/{link}"), file.clone());
            continue;
        }
        let below = if target == "/" { target.clone() } else { format!("{target}/") };
        let mut leads_nowhere = !is_folder(&target);
        for (path, file) in files.range(below.clone()..).take_while(|(path, _)| path.starts_with(&below)) {
            leads_nowhere = false;
            let path = format!("/{link}/{}", &path[below.len()..]);
            // No path that long can be opened.
            if path.len() > PATH_BYTES {
                continue;
            }
            bytes += path.len();
            if added.len() >= ADDED || bytes > ADDED_BYTES {
                return Err(format!("its symbolic links lead to more than {ADDED} files, or to too long paths"));
            }
            added.insert(path, file.clone());
        }
        if leads_nowhere {
            broken.push((link.clone(), Some(target)));
        }
    }
    for (path, file) in added {
        files.entry(path).or_insert(file);
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::check::Origin;

    fn links(pairs: &[(&str, &str)]) -> Links {
        pairs.iter().map(|(path, target)| ((*path).to_owned(), (*target).to_owned())).collect()
    }

    #[test]
    fn links_are_followed_inside_and_circles_end() {
        let links = links(&[
            ("lib64", "usr/lib64"),
            ("usr/lib64/libx.so", "libx.so.1"),
            ("a", "b"),
            ("b", "a"),
            ("out", "../../../../etc/passwd"),
            ("abs", "/usr"),
        ]);
        let leads = |path| resolve(path, &links, &mut Patience::default());
        assert_eq!(leads("lib64/libx.so").as_deref(), Ok("usr/lib64/libx.so.1"));
        assert_eq!(leads("out").as_deref(), Ok("etc/passwd"));
        assert_eq!(leads("abs/lib64/libx.so").as_deref(), Ok("usr/lib64/libx.so.1"));
        assert_eq!(leads("a/x"), Err(Astray::Circle));
    }

    #[test]
    fn links_that_take_too_long_are_given_up() {
        // Each is short, and leads through forty that go up and down two thousand folders.
        let mut long: Links =
            (0..39).map(|number| (format!("x{number}"), format!("{}x{}", "d/../".repeat(800), number + 1))).collect();
        long.insert("x39".into(), "file".into());
        assert_eq!(resolve("x0", &long, &mut Patience::default()).as_deref(), Ok("file"));
        assert_eq!(resolve("x0", &long, &mut Patience(10_000)), Err(Astray::Exhausted));
    }

    #[test]
    fn files_are_found_through_links_and_links_to_everything_are_bounded() {
        let file = File { size: 1, mode: 0o644, origin: Origin::Disk(PathBuf::new()) };
        let mut files: BTreeMap<_, _> =
            ["/usr/lib64/libc.so.6", "/usr/bin/x"].map(|path| (path.to_owned(), file.clone())).into();
        let broken = follow(
            &mut files,
            &links(&[("lib64", "usr/lib64"), ("x", "/usr/bin/x"), ("gone", "nowhere"), ("empty", "var")]),
            |path| path == "/var",
        );
        assert_eq!(broken.unwrap(), [("gone".to_owned(), Some("/nowhere".to_owned()))]);
        assert!(files.contains_key("/lib64/libc.so.6") && files.contains_key("/x"));
        let mut many: BTreeMap<_, _> = (0..2000).map(|number| (format!("/f/{number}"), file.clone())).collect();
        let to_all: Links = (0..2000).map(|number| (format!("l{number}"), "/".to_owned())).collect();
        assert!(follow(&mut many, &to_all, |_| false).unwrap_err().contains("more than 1000000 files"));
        assert!(many.len() <= ADDED + 2000);
        // Few, and with long names: 40,000 paths of 4 KiB.
        let mut few: BTreeMap<_, _> = (0..10_000).map(|number| (format!("/f/{number}"), file.clone())).collect();
        let long: Links = (0..4).map(|number| (format!("{number}{}", "l".repeat(4000)), "/f".to_owned())).collect();
        assert!(follow(&mut few, &long, |_| false).is_err());
        assert_eq!(few.len(), 10_000);
    }
}
