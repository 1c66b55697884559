//! Where a registry sends a client on to: absolute, relative, with a query of its own.
//!
//! What must stay true: it is a place on the web, never one that is less protected than where it was named, and it
//! brings no user or password of its own. Sources: RFC 9110, 10.2.2; OCI distribution specification 1.1, "Pushing blobs".

use url::Url;

use super::digest::Digest;

/// Signed URLs of storage services have 1 to 2 KB.
const URL_BYTES: usize = 16 << 10;

/// The place that a `Location` names, seen from the URL that was asked. The error is the rest of a sentence.
pub(super) fn resolve(asked: &Url, location: &str) -> Result<Url, String> {
    if location.len() > URL_BYTES {
        return Err(format!("its Location has more than {URL_BYTES} bytes"));
    }
    let mut url = asked.join(location).map_err(|_| "its Location is not a URL".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("its Location is not on the web".into());
    }
    if asked.scheme() == "https" && url.scheme() != "https" {
        return Err(format!("its Location leads from HTTPS to plain HTTP ({})", host(&url)));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its Location has a user or a password".into());
    }
    url.set_fragment(None);
    Ok(url)
}

/// Whether what one of them may see, the other may see: scheme, host and port.
pub(super) fn same_origin(left: &Url, right: &Url) -> bool {
    left.origin() == right.origin()
}

/// The URL that ends an upload: what the registry put into its query stays as it is.
pub(super) fn with_digest(mut location: Url, digest: &Digest) -> Url {
    location.query_pairs_mut().append_pair("digest", &digest.to_string());
    location
}

/// What of a URL may be shown.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_in_all_their_forms() {
        let asked = Url::parse("https://host.org/v2/a/blobs/uploads/").unwrap();
        let resolved = |location: &str| resolve(&asked, location).map(String::from);
        assert_eq!(resolved("https://other.org/x?y=%2F#z").unwrap(), "https://other.org/x?y=%2F");
        assert_eq!(
            resolved("/v2/a/blobs/uploads/1?_state=a%3D").unwrap(),
            "https://host.org/v2/a/blobs/uploads/1?_state=a%3D"
        );
        assert_eq!(resolved("1").unwrap(), "https://host.org/v2/a/blobs/uploads/1");
        assert_eq!(resolved("//other.org/x").unwrap(), "https://other.org/x");
        for wrong in [
            "http://host.org/",
            "file:///etc/passwd",
            "data:,x",
            "https://u:p@host.org/",
            "https://",
            "http://[",
            &"x".repeat(99999),
        ] {
            assert!(resolved(wrong).is_err(), "{wrong}");
        }
        let url = with_digest(Url::parse("https://h/u?_state=a%3D&b").unwrap(), &Digest::of(b""));
        assert!(url.as_str().starts_with("https://h/u?_state=a%3D&b&digest=sha256%3Ae3b0"), "{url}");
    }
}
