//! The name of an image: `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`.
//!
//! What must stay true: whatever was parsed can be put into a URL's path as it is, and `Display` parses to the same.
//! Sources: OCI distribution specification 1.1 (names, tags); for where a host ends and what is meant without one,
//! <https://github.com/distribution/reference> (`normalize.go`, `regexp.go`): Docker's familiar names.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;

/// Docker Hub by the name that stands in references.
pub(super) const DOCKER_HUB: &str = "docker.io";

/// Host and repository together; distribution's `RepositoryNameTotalLengthMax` and its place for a host.
const NAME_BYTES: usize = 255;
const TAG_BYTES: usize = 128;

/// What a manifest is asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A name that may move.
    Tag(String),
    /// One content.
    Digest(Digest),
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => formatter.write_str(tag),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// An image's name in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// `HOST` or `HOST:PORT`, in lower case.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path of the repository in its registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// `latest` where neither a tag nor a digest was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was given.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// What the manifest is asked by: the digest goes before the tag.
    pub fn asked(&self) -> Asked {
        match (self.digest, &self.tag) {
            (Some(digest), _) => Asked::Digest(digest),
            (None, tag) => Asked::Tag(tag.clone().unwrap_or_else(|| "latest".into())),
        }
    }

    /// The same with this digest; the tag stays as a comment.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = String;

    /// Messages show no more of the text than a part that was taken for a host, name or tag: the rest may be a password.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("an image is named without a scheme such as https://".into());
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse().map_err(|reason| format!("after @: {reason}"))?)),
            None => (text, None),
        };
        let (host, rest) = split_host(name);
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (rest, None),
        };
        let mut registry = host.map_or_else(|| DOCKER_HUB.to_owned(), str::to_ascii_lowercase);
        check_host(&registry)?;
        // Capital letters make a host of it, and hosts have none: in lower case it would be read as a path.
        if !is_host(&registry) {
            return Err("a registry's host has a dot or a port, or is localhost".into());
        }
        if registry == "index.docker.io" {
            DOCKER_HUB.clone_into(&mut registry);
        }
        check_path(path)?;
        if host.is_none() && path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("64 hexadecimal digits are no name: write NAME@sha256:DIGEST".into());
        }
        let is_official = registry == DOCKER_HUB && !path.contains('/');
        let repository = if is_official { format!("library/{path}") } else { path.to_owned() };
        if registry.len() + 1 + repository.len() > NAME_BYTES {
            return Err(format!("a name has at most {NAME_BYTES} characters"));
        }
        let tag = tag.map(checked_tag).transpose()?;
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Self { registry, repository, tag, digest })
    }
}

/// The first part is a host if it has a dot, a port or a capital letter, or is `localhost`.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest)) if is_host(first) || first.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            (Some(first), rest)
        }
        _ => (None, name),
    }
}

fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn check_host(registry: &str) -> Result<(), String> {
    let wrong = || "the registry's host is not one: HOST, HOST:PORT or [IPv6]:PORT".to_owned();
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or_else(wrong)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (None, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) })
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(registry), None),
        },
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let host_is_right = host.is_none_or(|host| host.split('.').all(is_label));
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if host_is_right && port.is_none_or(is_port) { Ok(()) } else { Err(wrong()) }
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("the image's name is missing".into());
    }
    if path.split('/').all(is_component) {
        return Ok(());
    }
    Err("a repository's name is of lower-case letters and digits, between which there may be one . or _, two _ or any \
         number of -, and / between its parts"
        .into())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    is_alphanumeric(*first)
        && is_alphanumeric(*last)
        && component
            .split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn checked_tag(tag: &str) -> Result<String, String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first_is_right = tag.bytes().next().is_some_and(is_word);
    if first_is_right && tag.len() <= TAG_BYTES && tag.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
    {
        return Ok(tag.to_owned());
    }
    Err(format!("a tag has 1 to {TAG_BYTES} letters, digits, _, . and -, and starts with none of the last two"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(text: &str) -> String {
        text.parse::<Reference>().map_or_else(|error| format!("error: {error}"), |reference| reference.to_string())
    }

    #[test]
    fn familiar_names_are_docker_hubs() {
        let digest = Digest::of(b"");
        for (text, expected) in [
            ("python", "docker.io/library/python:latest".to_owned()),
            ("python:3.13-slim", "docker.io/library/python:3.13-slim".into()),
            ("amazon/aws-lambda-python", "docker.io/amazon/aws-lambda-python:latest".into()),
            ("index.docker.io/python", "docker.io/library/python:latest".into()),
            ("localhost/app", "localhost/app:latest".into()),
            ("localhost:5000/app:1", "localhost:5000/app:1".into()),
            ("LOCALHOST/app", "localhost/app:latest".into()),
            ("[::1]:5000/a/b", "[::1]:5000/a/b:latest".into()),
            ("public.ecr.aws/lambda/python:3.13", "public.ecr.aws/lambda/python:3.13".into()),
            ("host.org/a__b/c---d/e.f_g:T", "host.org/a__b/c---d/e.f_g:T".into()),
            (&format!("host:1/a@{digest}"), format!("host:1/a@{digest}")),
            (&format!("a:t@{digest}"), format!("docker.io/library/a:t@{digest}")),
        ] {
            assert_eq!(full(text), expected, "{text}");
        }
        let both: Reference = format!("a:t@{digest}").parse().unwrap();
        assert_eq!(both.asked(), Asked::Digest(digest));
    }

    #[test]
    fn what_is_no_reference_says_why_and_shows_no_password() {
        for text in [
            "",
            "/a",
            "a/",
            "a//b",
            "host.org/",
            "host.org/A",
            "host.org/a_.b",
            "host.org/a___b",
            "host.org/-a",
            "a:",
            "a:-t",
            "a@",
            "a@sha512:00",
            "host:0/a",
            "HOST/a",
            "host:65536/a",
            "host:+1/a",
            "-h.org/a",
            "[::g]/a",
            "[::1/a",
            "a b",
            "a/../b",
            "ä",
            "https://user:secret@host/a",
            "user:secret@host.org/a",
            &format!("a:{}", "t".repeat(129)),
            &"a".repeat(64),
            &format!("host.org/{}", "a".repeat(250)),
        ] {
            let error = text.parse::<Reference>().expect_err(text);
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_comes_back(text in "[A-Fa-f]{1,4}/[a-f]{1,3}|[a-zA-Z0-9:/@._\\[\\]-]{0,80}|.{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
            }
        }

        #[test]
        fn what_the_grammar_allows_is_taken(
            host in "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){1,2}(:[1-9][0-9]{1,3})?",
            path in "[a-z0-9]{1,6}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,6}){0,3}",
            tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}",
        ) {
            let text = format!("{host}/{path}:{tag}");
            let reference: Reference = text.parse().unwrap();
            prop_assert_eq!(reference.repository(), path);
            prop_assert_eq!(reference.to_string(), text);
        }
    }
}
