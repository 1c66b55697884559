//! Names in an archive: which of them are paths, and which do not go together.
//!
//! What must stay true: what is kept of names grows with their length, not with their depth.

use std::borrow::Cow;
use std::collections::HashSet;

/// The longest path that Linux opens (`PATH_MAX`).
pub const PATH_BYTES: usize = 4096;

/// The longest name of one file (`NAME_MAX`).
pub const COMPONENT_BYTES: usize = 255;

/// What keeps a name from being a plain relative path on every system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No system makes a file of that name, or the file would lie somewhere else.
    Everywhere(&'static str),
    /// Linux can make the file.
    Elsewhere(&'static str),
}

/// Refuses every name that is not a plain relative path on every system.
pub(super) fn check(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::Everywhere("it is empty"));
    }
    if name.len() > PATH_BYTES {
        return Err(Fault::Everywhere("it is longer than 4096 bytes"));
    }
    if name.starts_with('/') {
        return Err(Fault::Everywhere("it is absolute"));
    }
    let is_odd = name.contains('\\') || name.chars().any(char::is_control);
    if is_odd && name.contains('\0') {
        return Err(Fault::Everywhere("it has a backslash or a control character"));
    }
    for component in name.split('/') {
        if component == ".." {
            return Err(Fault::Everywhere("it climbs out"));
        }
        if component.len() > COMPONENT_BYTES {
            return Err(Fault::Everywhere("a component is longer than 255 bytes"));
        }
    }
    if is_odd {
        return Err(Fault::Elsewhere("it has a backslash or a control character"));
    }
    if name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic() {
        return Err(Fault::Elsewhere("it begins with a drive"));
    }
    if name.split('/').any(|component| matches!(component, "" | ".")) {
        return Err(Fault::Elsewhere("it has an empty component"));
    }
    Ok(())
}

/// The path that Linux makes of a name: without empty components.
pub(super) fn normal(name: &str) -> String {
    let components: Vec<&str> = name.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    components.join("/")
}

/// A name as an error shows it: a hostile one may have 64 KiB.
pub(super) fn shown(name: &str) -> Cow<'_, str> {
    const CHARACTERS: usize = 300;
    match name.char_indices().nth(CHARACTERS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// Two paths that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collision<'a> {
    /// They are one where case does not count; the second comes later in the list.
    Case(&'a str, &'a str),
    /// It is a file, and a folder as well.
    FileAndFolder(&'a str),
}

struct Path<'a> {
    written: &'a str,
    folded: String,
    is_folder: bool,
    /// Where it is in the list.
    place: usize,
}

/// The collisions among paths, each with whether it is a folder. Of folders that differ by case, what is in them is not
/// listed again.
pub fn collisions<'a>(paths: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<Collision<'a>> {
    let mut paths: Vec<Path> = paths
        .into_iter()
        .enumerate()
        .map(|(place, (written, is_folder))| Path { written, folded: written.to_lowercase(), is_folder, place })
        .collect();
    let mut found = Vec::new();
    // A folder's name comes right before what is in the folder, so that neighbours tell everything.
    paths.sort_by(|left, right| (key(left.written).cmp(key(right.written))).then(left.is_folder.cmp(&right.is_folder)));
    for pair in paths.windows(2).filter(|pair| !pair[0].is_folder) {
        let (file, next) = (&pair[0], &pair[1]);
        let rest = next.written.strip_prefix(file.written);
        if rest.is_some_and(|rest| rest.starts_with('/') || (rest.is_empty() && next.is_folder)) {
            found.push(Collision::FileAndFolder(file.written));
        }
    }
    paths.sort_by(|left, right| key(&left.folded).cmp(key(&right.folded)));
    let mut told = HashSet::new();
    for pair in paths.windows(2) {
        let (first, second) = if pair[0].place < pair[1].place { (&pair[0], &pair[1]) } else { (&pair[1], &pair[0]) };
        if let Some((one, other, folded)) = differ_by_case(first, second)
            && told.insert(folded)
        {
            found.push(Collision::Case(one, other));
        }
    }
    found
}

/// The shortest beginnings of two paths that differ by case only, and what both are without it.
fn differ_by_case<'p, 'a>(first: &'p Path<'a>, second: &'p Path<'a>) -> Option<(&'a str, &'a str, &'p str)> {
    let (mut one, mut other, mut folded) = (0, 0, 0);
    let written = first.written.split('/').zip(second.written.split('/'));
    for ((left, right), (low, same)) in written.zip(first.folded.split('/').zip(second.folded.split('/'))) {
        if low != same {
            return None;
        }
        (one, other, folded) = (one + left.len(), other + right.len(), folded + low.len());
        if left != right {
            return Some((&first.written[..one], &second.written[..other], &first.folded[..folded]));
        }
        (one, other, folded) = (one + 1, other + 1, folded + 1);
    }
    None
}

/// Orders paths by their components.
fn key(path: &str) -> impl Iterator<Item = u8> {
    path.bytes().map(|byte| if byte == b'/' { 0 } else { byte })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_pass_and_others_do_not() {
        for good in ["a", "a/b.py", "ä/ö", "a..b/c", "...", "a b"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "/a", "a/../b", "..", "a\0b"] {
            assert!(matches!(check(bad), Err(Fault::Everywhere(_))), "{bad:?}");
        }
        for odd in ["a//b", "./a", "a\\b", "C:/a", "a\nb"] {
            assert!(matches!(check(odd), Err(Fault::Elsewhere(_))), "{odd:?}");
        }
        let deep = |levels: usize| "a/".repeat(levels) + "b";
        assert_eq!(check(&deep(2047)), Ok(()));
        assert_eq!(check(&deep(2048)), Err(Fault::Everywhere("it is longer than 4096 bytes")));
        assert_eq!(check(&"a".repeat(256)), Err(Fault::Everywhere("a component is longer than 255 bytes")));
        assert_eq!(normal("./a//b/."), "a/b");
        assert_eq!(shown(&"é".repeat(1000)).chars().count(), 301);
    }

    fn files<'a>(paths: &[&'a str]) -> Vec<Collision<'a>> {
        collisions(paths.iter().map(|path| (*path, false)))
    }

    #[test]
    fn names_that_collide_are_found_at_every_level() {
        assert_eq!(files(&["pkg/a.py", "Pkg/b.py"]), [Collision::Case("pkg", "Pkg")]);
        assert_eq!(files(&["a/x/1", "a/y", "a/X/2", "a/X/3", "a/x/4"]), [Collision::Case("a/x", "a/X")]);
        assert_eq!(files(&["A", "a", "a.b", "a-b"]), [Collision::Case("A", "a")]);
        assert_eq!(files(&["a", "a.b", "a-b", "a/b"]), [Collision::FileAndFolder("a")]);
        assert_eq!(collisions([("a", true), ("a", false)]), [Collision::FileAndFolder("a")]);
        assert_eq!(collisions([("a", true), ("a/b", false), ("a", true), ("ab", false)]), []);
        // Inside of a folder that differs, something of its own differs too.
        let both = files(&["Foo/a", "Foo/A", "foo/b"]);
        assert_eq!(both, [Collision::Case("Foo/a", "Foo/A"), Collision::Case("Foo", "foo")]);
    }

    proptest::proptest! {
        #[test]
        fn neighbours_tell_what_a_comparison_of_all_tells(paths in proptest::collection::btree_set("[aAb.]{1,2}(/[aAb]{1,2}){0,2}", 0..8)) {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let below = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            let both = paths.iter().any(|file| paths.iter().any(|path| below(path, file)));
            let beginnings: HashSet<&str> = paths
                .iter()
                .flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]).chain([*path]))
                .collect();
            let folded: HashSet<String> = beginnings.iter().map(|path| path.to_lowercase()).collect();
            let found = files(&paths);
            let is_case = |collision: &&Collision| matches!(collision, Collision::Case(..));
            proptest::prop_assert_eq!(found.iter().any(|collision| !is_case(&collision)), both);
            proptest::prop_assert_eq!(found.iter().any(|collision| is_case(&collision)), folded.len() < beginnings.len());
        }
    }
}
