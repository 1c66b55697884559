//! Lines of a requirements file, made of parts that came from outside.
//!
//! What must stay true: a part never becomes an option, a second line, a comment or a variable of pip's.

use std::path::Path;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};

use crate::python::{self, normalise, requirement};

/// The most bytes of a version or of a set of bounds.
const BYTES: usize = 1 << 10;

/// A distribution's name, normalised, if it is one.
pub(super) fn name(text: &str) -> Option<String> {
    let inner = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let ends = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    let is_name =
        text.len() <= BYTES && text.chars().all(inner) && ends(text.chars().next()) && ends(text.chars().last());
    is_name.then(|| normalise(text))
}

/// A version, if it is one.
pub(super) fn version(text: &str) -> Option<Version> {
    (text.is_ascii() && text.len() <= BYTES).then(|| text.parse().ok())?
}

/// Whether bounds (`>=3.10,<4`) take a version; none if they are no bounds.
pub(super) fn takes(bounds: &str, version: &str) -> Option<bool> {
    let bounds: VersionSpecifiers = (bounds.is_ascii() && bounds.len() <= BYTES).then(|| bounds.parse().ok())??;
    Some(bounds.contains(&version.parse().ok()?))
}

/// A requirement as its author wrote it, if it can stand in a line of its own.
pub(super) fn plain(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_one_line = !text.chars().any(char::is_control) && !text.ends_with('\\');
    // Parsers differ in where they let a URL end; pip takes its options from what follows.
    let is_whole = !text.contains(" #") && !text.contains(" -");
    (is_one_line && is_whole && requirement::parse(text).is_some()).then_some(text)
}

/// One word that is no option: a URL, a path of a repository, a commit.
pub(super) fn word(text: &str) -> Option<&str> {
    let plain = |character: char| !character.is_whitespace() && !character.is_control() && character != '\\';
    (!text.is_empty() && !text.starts_with('-') && text.chars().all(plain)).then_some(text)
}

/// Where a file lies, as a URL. Relative paths are relative to `base`.
pub(super) fn file_url(base: &Path, path: &str) -> String {
    let path = base.join(path);
    let path = path.canonicalize().or_else(|_| std::path::absolute(&path)).unwrap_or(path);
    python::file_url(&path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_versions_and_bounds_are_what_they_say() {
        assert_eq!(name("Aws_Lambda.Powertools").as_deref(), Some("aws-lambda-powertools"));
        for odd in ["", "-r", "a b", "a-", "a\nb", "ä", "a;b", "a[b]"] {
            assert_eq!(name(odd), None, "{odd:?}");
        }
        assert_eq!(version("1.0.post1+cu12").unwrap().to_string(), "1.0.post1+cu12");
        assert!(version("1.0 --hash=x").is_none());
        assert_eq!(takes(">=3.10,<4", "3.13.9"), Some(true));
        assert_eq!(takes(">=3.14", "3.13.9"), Some(false));
        assert_eq!(takes("three", "3.13.9"), None);
    }

    #[test]
    fn a_requirement_stays_one_line() {
        assert!(plain(" numpy[x]>=1 ; python_version > '3' ").is_some());
        for odd in [
            "a\n--index-url https://host",
            "--index-url https://host",
            "a \\",
            "a @ https://host/a.whl #x",
            "a @ https://host/a.whl --pre",
            "./a",
        ] {
            assert_eq!(plain(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_path_becomes_a_url() {
        assert_eq!(file_url(Path::new("/srv/a project"), "libs/b"), "file:///srv/a%20project/libs/b");
        assert_eq!(file_url(Path::new("/srv"), "/x/${HOME}"), "file:///x/%24%7BHOME%7D");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = (name(&text), version(&text), takes(&text, "3.13.9"), plain(&text), word(&text));
        }

        #[test]
        fn nor_does_text_that_looks_right(text in "[a-z0-9 .,<>=!~*+\\[\\]();'\"@:/-]{0,40}") {
            let _ = (name(&text), version(&text), takes(&text, "3.13.9"), plain(&text), word(&text));
        }
    }
}
