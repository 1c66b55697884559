//! Symbolic links, followed inside of what they are in and nowhere else.
//!
//! What must stay true: the time and memory that hostile links can cost is bounded, and no link is ever followed by the
//! machine's own file system.

use std::collections::{BTreeMap, VecDeque};

use crate::check::File;

/// What Linux follows before it gives up (`MAXSYMLINKS`).
const HOPS: usize = 40;

/// Longer paths are none (`PATH_MAX`).
const COMPONENTS: usize = 2048;

/// The most files that links may add.
const ADDED: usize = 1_000_000;

/// Links by path, with what they name; both without a leading slash where they are paths.
pub(super) type Links = BTreeMap<String, String>;

/// Where a path leads once every link on it was followed; none for circles. `..` at the root stays there.
pub(super) fn resolve(path: &str, links: &Links) -> Option<String> {
    let mut pending: VecDeque<String> = path.split('/').map(str::to_owned).collect();
    let mut done: Vec<String> = Vec::new();
    let mut hops = 0;
    while let Some(component) = pending.pop_front() {
        match component.as_str() {
            "" | "." => continue,
            ".." => {
                done.pop();
                continue;
            }
            _ => done.push(component),
        }
        if done.len() > COMPONENTS || pending.len() > COMPONENTS {
            return None;
        }
        if let Some(target) = links.get(&done.join("/")) {
            hops += 1;
            if hops > HOPS {
                return None;
            }
            done.pop();
            if target.starts_with('/') {
                done.clear();
            }
            for component in target.split('/').rev() {
                pending.push_front(component.to_owned());
            }
        }
    }
    Some(done.join("/"))
}

/// Gives every file that a link leads to the path that it has through the link. Returns the links that lead nowhere.
pub(super) fn follow(files: &mut BTreeMap<String, File<'static>>, links: &Links) -> Vec<String> {
    let mut added: BTreeMap<String, File<'static>> = BTreeMap::new();
    let mut broken = Vec::new();
    for link in links.keys() {
        let Some(target) = resolve(link, links) else {
            broken.push(link.clone());
            continue;
        };
        if let Some(file) = files.get(&target) {
            added.insert(link.clone(), file.clone());
            continue;
        }
        let below = if target.is_empty() { String::new() } else { format!("{target}/") };
        let mut leads_nowhere = true;
        for (path, file) in files.range(below.clone()..).take_while(|(path, _)| path.starts_with(&below)) {
            leads_nowhere = false;
            if added.len() >= ADDED {
                break;
            }
            added.insert(format!("{link}/{}", &path[below.len()..]), file.clone());
        }
        if leads_nowhere {
            broken.push(link.clone());
        }
    }
    for (path, file) in added {
        files.entry(path).or_insert(file);
    }
    broken
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
        assert_eq!(resolve("lib64/libx.so", &links).as_deref(), Some("usr/lib64/libx.so.1"));
        assert_eq!(resolve("out", &links).as_deref(), Some("etc/passwd"));
        assert_eq!(resolve("abs/lib64/libx.so", &links).as_deref(), Some("usr/lib64/libx.so.1"));
        assert_eq!(resolve("a/x", &links), None);
    }

    #[test]
    fn files_are_found_through_links_and_links_to_everything_are_bounded() {
        let file = File { size: 1, mode: 0o644, origin: Origin::Disk(PathBuf::new()) };
        let mut files: BTreeMap<_, _> =
            ["usr/lib64/libc.so.6", "usr/bin/x"].map(|path| (path.to_owned(), file.clone())).into();
        let broken = follow(&mut files, &links(&[("lib64", "usr/lib64"), ("x", "/usr/bin/x"), ("gone", "nowhere")]));
        assert_eq!(broken, ["gone"]);
        assert!(files.contains_key("lib64/libc.so.6") && files.contains_key("x"));
        let mut many: BTreeMap<_, _> = (0..2000).map(|number| (format!("f/{number}"), file.clone())).collect();
        let to_all: Links = (0..2000).map(|number| (format!("l{number}"), "/".to_owned())).collect();
        follow(&mut many, &to_all);
        assert!(many.len() <= ADDED + 2000);
    }
}
