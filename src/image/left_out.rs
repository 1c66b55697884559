//! Which distributions of a function are left to the base, which has them in the same version.
//!
//! What must stay true: Python finds every module of those that are left out and of those that are not. A package with an
//! `__init__.py` is imported from one folder alone, so that one whose files would lie in both is not divided: then all who have files
//! in it stay. Namespace packages (PEP 420) may be divided. And the loader finds every library: one is found beside the file that
//! needs it, so that two that need each other are both left out or neither.

use std::collections::{BTreeMap, BTreeSet};

use super::packing::Owner;

/// Of those that the base has, the distributions that no file has to be added of. `files` has each file's owner by its path, `needs` has
/// pairs of files of which one needs the other.
pub(super) fn left_out(
    files: &BTreeMap<&str, Owner>,
    needs: &[(&str, &str)],
    base_has: &dyn Fn(&str) -> bool,
) -> BTreeSet<String> {
    let mut owners: BTreeMap<&str, BTreeSet<&Owner>> = BTreeMap::new();
    let mut packages: BTreeSet<&str> = BTreeSet::new();
    for (path, owner) in files {
        for (at, _) in path.match_indices('/') {
            owners.entry(&path[..at]).or_default().insert(owner);
        }
        if let Some((folder, name)) = path.rsplit_once('/')
            && name.starts_with("__init__.")
        {
            packages.insert(folder);
        }
    }
    let mut left_out: BTreeSet<&Owner> =
        files.values().filter(|owner| owner.as_deref().is_some_and(base_has)).collect();
    // One that stays may make another one stay.
    loop {
        let is_divided = |folder: &&&str| {
            owners.get(**folder).is_some_and(|owners| owners.iter().any(|owner| !left_out.contains(owner)))
        };
        let sharing =
            packages.iter().filter(is_divided).flat_map(|folder| owners.get(folder).into_iter().flatten().copied());
        let linked = needs.iter().filter_map(|(one, other)| Some([files.get(one)?, files.get(other)?]));
        let linked = linked.filter(|pair| pair.iter().any(|owner| !left_out.contains(owner))).flatten();
        let staying: Vec<&Owner> = sharing.chain(linked).filter(|owner| left_out.contains(owner)).collect();
        if staying.is_empty() {
            return left_out.into_iter().flatten().cloned().collect();
        }
        for owner in staying {
            left_out.remove(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)], base: &[&str]) -> Vec<String> {
        let owner = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let files = files.iter().map(|(path, name)| (*path, owner(name))).collect();
        let needs = [("nv/solver.so", "nv/jit.so")];
        left_out(&files, &needs, &|name| base.contains(&name)).into_iter().collect()
    }

    #[test]
    fn what_the_base_has_goes_whole() {
        let files = [("a/__init__.py", "a 1"), ("a/b/x.py", "a 1"), ("six.py", "six 1"), ("app.py", "")];
        assert_eq!(of(&files, &["a 1"]), ["a 1"]);
        assert_eq!(of(&files, &["a 1", "six 1", "other 1"]), ["a 1", "six 1"]);
        assert_eq!(of(&files, &[]), Vec::<String>::new());
    }

    #[test]
    fn libraries_that_need_each_other_stay_together() {
        let files = [("nv/solver.so", "solver 1"), ("nv/jit.so", "jit 1"), ("nv/rand.so", "rand 1")];
        assert_eq!(of(&files, &["jit 1", "rand 1"]), ["rand 1"]);
        assert_eq!(of(&files, &["solver 1", "rand 1"]), ["rand 1"]);
        assert_eq!(of(&files, &["jit 1", "solver 1"]), ["jit 1", "solver 1"]);
    }

    #[test]
    fn a_package_is_not_divided() {
        let plugin =
            [("a/__init__.pyc", "a 1"), ("a/plugins/p.py", "p 1"), ("q/__init__.py", "p 1"), ("q/r.py", "r 1")];
        assert_eq!(of(&plugin, &["a 1"]), Vec::<String>::new());
        assert_eq!(of(&plugin, &["a 1", "p 1"]), Vec::<String>::new(), "r keeps p, and p keeps a");
        assert_eq!(of(&plugin, &["a 1", "p 1", "r 1"]), ["a 1", "p 1", "r 1"]);
        assert_eq!(of(&[("a/__init__.py", "a 1"), ("a/own.py", "")], &["a 1"]), Vec::<String>::new());
        let space = [("google/cloud/x/__init__.py", "x 1"), ("google/cloud/y/__init__.py", "y 1")];
        assert_eq!(of(&space, &["x 1"]), ["x 1"]);
    }
}
