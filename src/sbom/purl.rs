//! Package URLs of type `pypi`. Source: <https://github.com/package-url/purl-spec>.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// That of a distribution by its normalised name; one without a version where that is not known.
pub(super) fn pypi(name: &str, version: &str) -> String {
    let purl = format!("pkg:pypi/{}", utf8_percent_encode(name, PLAIN));
    if version.is_empty() { purl } else { format!("{purl}@{}", utf8_percent_encode(version, PLAIN)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_url_is_encoded() {
        assert_eq!(pypi("ruamel-yaml", "1!0.18+local.1"), "pkg:pypi/ruamel-yaml@1%210.18%2Blocal.1");
        assert_eq!(pypi("a/b@c?d#e é", ""), "pkg:pypi/a%2Fb%40c%3Fd%23e%20%C3%A9");
    }
}
