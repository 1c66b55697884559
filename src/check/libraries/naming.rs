//! What the name of an extension module says: `fast.cpython-313-x86_64-linux-gnu.so`.
//!
//! An interpreter tries its own suffixes only (`importlib.machinery.EXTENSION_SUFFIXES`), so a file with another's tag is
//! invisible to it. Sources: PEP 3149, PEP 384, PEP 703 and PEP 803 for the tags.

use super::{folder, name};
use crate::check::files::Files;
use crate::lambda::Target;

/// For whom a `.so` is, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Suffix<'a> {
    /// For any Python: `.so`, `.abi3.so`.
    Any,
    /// For exactly the target's.
    Own,
    /// For another one, by this tag.
    Other(&'a str),
}

/// The module that a file would be, and for whom; `None` when it is no `.so`.
pub(super) fn module(path: &str, target: Target) -> Option<(&str, Suffix<'_>)> {
    let stem = name(path).strip_suffix(".so")?;
    let Some((module, tag)) = stem.split_once('.') else { return Some((stem, Suffix::Any)) };
    if tag == "abi3" {
        return Some((module, Suffix::Any));
    }
    if tag == own_tag(target) {
        return Some((module, Suffix::Own));
    }
    let other = ["cpython-", "pypy", "graalpy", "abi3t"].iter().any(|prefix| tag.starts_with(prefix));
    Some(if other { (module, Suffix::Other(tag)) } else { (stem, Suffix::Any) })
}

fn own_tag(target: Target) -> String {
    format!("cpython-3{}-{}-linux-gnu", target.python.minor(), target.architecture.machine())
}

/// What the target's Python looks for on a system with musl, as Alpine: only an image can be one.
pub(super) fn musl_tag(target: Target) -> String {
    own_tag(target).replace("-linux-gnu", "-linux-musl")
}

/// What the names of extension modules end with, in the order in which Python tries them, before any source. An image may
/// have either C library.
pub(in crate::check) fn suffixes(target: Target, is_image: bool) -> Vec<String> {
    let musl = is_image.then(|| musl_tag(target));
    let tagged = [own_tag(target)].into_iter().chain(musl).map(|tag| format!(".{tag}.so"));
    tagged.chain([".abi3.so".into(), ".so".into()]).collect()
}

/// Whether a file is an extension module that only another Python than the target's looks for.
pub(in crate::check) fn is_anothers(path: &str, target: Target) -> bool {
    matches!(module(path, target), Some((_, Suffix::Other(_))))
}

/// Whether Python would import the module from another file, so that this one, which it does not look for, is an extra.
pub(super) fn has_alternative(files: &Files, path: &str, module: &str, target: Target) -> bool {
    let sources = [".py", ".pyc", "/__init__.py", "/__init__.pyc"].map(str::to_owned);
    sources
        .iter()
        .chain(&suffixes(target, false))
        .map(|ending| format!("{}/{module}{ending}", folder(path)))
        .any(|other| other != path && files.files.contains_key(&other))
}

/// Whether Python finds another file of the module before it comes to this one.
pub(super) fn comes_later(path: &str, module: &str, target: Target, usable: impl Fn(&str) -> bool) -> bool {
    suffixes(target, false)
        .iter()
        .map(|suffix| format!("{}/{module}{suffix}", folder(path)))
        .take_while(|other| other != path)
        .any(|other| usable(&other))
}

/// What a tag is for, in words: `Python 3.12`, `free-threaded Python 3.13`, `PyPy`.
pub(super) fn meaning(tag: &str) -> String {
    let mut parts = tag.split('-');
    let (kind, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let platform = parts.collect::<Vec<_>>().join("-");
    if kind == "abi3t" {
        return "free-threaded Python".into();
    }
    if kind != "cpython" {
        return if kind.starts_with("pypy") { "PyPy".into() } else { kind.to_owned() };
    }
    let digits = version.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let flags = &version[digits.len()..];
    let python = match (digits.split_at_checked(1), flags) {
        (Some((major, minor)), flags) if !minor.is_empty() => {
            let threads = if flags.contains('t') { "free-threaded " } else { "" };
            format!("{threads}Python {major}.{minor}")
        }
        _ => format!("Python {version}"),
    };
    if platform.is_empty() { python } else { format!("{python} on {platform}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_for_whom_a_module_is() {
        let target = Target { python: "3.13".parse().unwrap(), architecture: crate::lambda::Architecture::X86_64 };
        for (path, expected) in [
            ("/var/task/p/fast.cpython-313-x86_64-linux-gnu.so", Some(("fast", Suffix::Own))),
            ("/var/task/p/fast.abi3.so", Some(("fast", Suffix::Any))),
            ("/var/task/p/fast.so", Some(("fast", Suffix::Any))),
            ("/var/task/p/libx-1.2.so", Some(("libx-1.2", Suffix::Any))),
            ("/var/task/p/libx.so.1", None),
            (
                "/var/task/p/fast.cpython-313t-x86_64-linux-gnu.so",
                Some(("fast", Suffix::Other("cpython-313t-x86_64-linux-gnu"))),
            ),
            (
                "/var/task/p/fast.cpython-313-aarch64-linux-gnu.so",
                Some(("fast", Suffix::Other("cpython-313-aarch64-linux-gnu"))),
            ),
            (
                "/var/task/p/fast.pypy311-pp73-x86_64-linux-gnu.so",
                Some(("fast", Suffix::Other("pypy311-pp73-x86_64-linux-gnu"))),
            ),
        ] {
            assert_eq!(module(path, target), expected, "{path}");
        }
    }

    #[test]
    fn tags_in_words() {
        for (tag, words) in [
            ("cpython-312-x86_64-linux-gnu", "Python 3.12 on x86_64-linux-gnu"),
            ("cpython-313t-x86_64-linux-gnu", "free-threaded Python 3.13 on x86_64-linux-gnu"),
            ("cpython-313-darwin", "Python 3.13 on darwin"),
            ("cpython-37m-x86_64-linux-gnu", "Python 3.7 on x86_64-linux-gnu"),
            ("pypy311-pp73-x86_64-linux-gnu", "PyPy"),
            ("abi3t", "free-threaded Python"),
            ("cpython-", "Python "),
        ] {
            assert_eq!(meaning(tag), words);
        }
    }
}
