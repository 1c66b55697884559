//! Compiled files whose bytes are left alone, since somebody may compare them with what they were.
//!
//! What must stay true: nothing that would fail with other bytes is changed. The function's own files are its author's:
//! no rule's removal can be put back in them, and an obfuscator's may sum themselves up. Sources: `fipscheck` and
//! `libgcrypt` keep the sum of `libx.so` in `.libx.so.hmac`, NSS that of `libx.so` in `libx.chk`; OpenSSL has that of
//! `fips.so` in its configuration; files of sums and signatures go by the name of what they are of, as sha256sum and gpg
//! users have it; what `PyArmor` brings (`_pytransform`, `pyarmor_runtime`) looks at its own code.

use crate::tree::{Owner, Tree};

/// Names of files that hold a sum of themselves.
const SUMMED: &[&str] = &["_pytransform", "pyarmor_runtime"];

/// How files of sums and signatures end, after the name of what they are of.
const SUMS: &[&str] =
    &["hmac", "chk", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sum", "sig", "asc", "minisig"];

/// Whether a file of the tree has to stay as it is.
pub fn stays_as_it_is(tree: &Tree, path: &str) -> bool {
    tree.get(path).is_some_and(|entry| entry.owner == Owner::Function)
        || is_summed(path, |path| tree.contains_key(path))
}

/// Whether a file is known to be compared with a sum of its bytes.
fn is_summed(path: &str, exists: impl Fn(&str) -> bool) -> bool {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (&path[..=folder.len()], name));
    let stem = name.split(".so").next().unwrap_or(name);
    name == "fips.so"
        || SUMMED.iter().any(|known| name.starts_with(known))
        || exists(&format!("{folder}.{name}.hmac"))
        || exists(&format!("{folder}{stem}.chk"))
        || SUMS.iter().any(|sum| exists(&format!("{folder}{name}.{sum}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beside_a_file_and_names_that_are_known() {
        let there = ["a/.libx.so.1.hmac", "a/libsoftokn3.chk", "libz.so.hmac", "a/liby.so.chk", "c/eng.so.sha256"];
        let is_summed = |path: &str| is_summed(path, |path| there.contains(&path));
        for path in
            ["a/libx.so.1", "a/libsoftokn3.so", "libz.so", "a/liby.so", "b/fips.so", "b/_pytransform.so", "c/eng.so"]
        {
            assert!(is_summed(path), "{path}");
        }
        for path in ["a/libx.so", "libx.so.1", "a/libz.so", "libsoftokn3.so", "b/notfips.so", "eng.so"] {
            assert!(!is_summed(path), "{path}");
        }
    }
}
