//! `auth.json` and `config.json`: `auths`, `credHelpers`, `credsStore`.
//!
//! A key of `auths` is a host, Docker's URL of one (`https://index.docker.io/v1/`), or, as Podman has them, a host with
//! the beginning of a repository's path; the longest that fits counts. Source: containers-auth.json(5).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use data_encoding::{BASE64, BASE64_NOPAD};
use serde::Deserialize;

use super::Credential;
use crate::error::{Error, Result};
use crate::registry::error::RegistryError;
use crate::registry::reference::DOCKER_HUB;

/// Logins of a whole company take a few kilobytes.
const BYTES: u64 = 1 << 20;

#[derive(Default, Deserialize)]
pub(super) struct AuthFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, Entry>>,
    #[serde(default, rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<String>,
    #[serde(rename = "registrytoken")]
    registry_token: Option<String>,
}

impl AuthFile {
    /// None if there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(BYTES + 1).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::io("read", path)(error)),
        }
        if bytes.len() as u64 > BYTES {
            return Err(wrong(path, format!("it has more than {BYTES} bytes")));
        }
        // Podman makes it empty before it writes.
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        let parsed = serde_json::from_slice(&bytes);
        // The parser's own words may quote a password.
        parsed.map(Some).map_err(|error| wrong(path, format!("line {}, column {}", error.line(), error.column())))
    }

    /// The helper of this registry alone.
    pub(super) fn helper(&self, registry: &str) -> Option<&str> {
        let helpers = self.helpers.as_ref()?;
        helpers
            .iter()
            .find(|(key, _)| hub(&host_of(key)) == registry)
            .map(|(_, name)| name.as_str())
            .filter(|name| !name.is_empty())
    }

    /// The helper of all others.
    pub(super) fn store(&self) -> Option<&str> {
        self.store.as_deref().filter(|name| !name.is_empty())
    }

    /// What the file itself has for a repository.
    pub(super) fn find(&self, path: &Path, registry: &str, repository: &str) -> Result<Option<Credential>> {
        let mut best: Option<(usize, Credential)> = None;
        for (key, entry) in self.auths.iter().flatten() {
            let Some(length) = fits(key, registry, repository) else { continue };
            if best.as_ref().is_some_and(|(longest, _)| *longest >= length) {
                continue;
            }
            if let Some(credential) = entry.credential(path)? {
                best = Some((length, credential));
            }
        }
        Ok(best.map(|(_, credential)| credential))
    }
}

impl Entry {
    /// None for the empty entry that Docker leaves where a helper has the password.
    fn credential(&self, path: &Path) -> Result<Option<Credential>> {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = some(&self.registry_token) {
            return Ok(Some(Credential::Token(token.into())));
        }
        if let Some(token) = some(&self.identity_token) {
            return Ok(Some(Credential::Identity(token.into())));
        }
        if let Some(auth) = some(&self.auth) {
            let (user, password) =
                decoded(&auth).ok_or_else(|| wrong(path, "an \"auth\" in it is not USER:PASSWORD in base64".into()))?;
            return Ok(Some(Credential::Password { user, password: password.into() }));
        }
        let (Some(user), Some(password)) = (some(&self.username), some(&self.password)) else { return Ok(None) };
        Ok(Some(Credential::Password { user, password: password.into() }))
    }
}

fn wrong(path: &Path, reason: String) -> Error {
    RegistryError::CredentialsFile { path: path.to_owned(), reason }.into()
}

fn decoded(auth: &str) -> Option<(String, String)> {
    let trimmed = auth.trim().trim_end_matches('=');
    let bytes = BASE64.decode(auth.trim().as_bytes()).or_else(|_| BASE64_NOPAD.decode(trimmed.as_bytes())).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    // Docker pads the password.
    let password = password.trim_end_matches('\0');
    (!user.is_empty()).then(|| (user.to_owned(), password.to_owned()))
}

/// How much of the repository's name a key covers, if it is about it.
fn fits(key: &str, registry: &str, repository: &str) -> Option<usize> {
    if key.contains("://") {
        return (hub(&host_of(key)) == registry).then_some(0);
    }
    let key = key.trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let path = if matches!(path, "v1" | "v2") { "" } else { path };
    if hub(&host.to_ascii_lowercase()) != registry {
        return None;
    }
    let covers =
        path.is_empty() || repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    covers.then_some(path.len())
}

fn host_of(key: &str) -> String {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// Docker Hub has three names.
fn hub(host: &str) -> &str {
    if matches!(host, "index.docker.io" | "registry-1.docker.io") { DOCKER_HUB } else { host }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(json: &str, registry: &str, repository: &str) -> Option<String> {
        let file: AuthFile = serde_json::from_str(json).unwrap();
        match file.find(Path::new("auth.json"), registry, repository).unwrap()? {
            Credential::Password { user, .. } => Some(user),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn the_longest_namespace_counts() {
        let auth = |user: &str| format!(r#"{{"auth":"{}"}}"#, BASE64.encode(format!("{user}:p:q").as_bytes()));
        let json = format!(
            r#"{{"auths":{{"h.org":{},"h.org/team":{},"h.org/team/app":{},"https://index.docker.io/v1/":{},"HTTPS://old.org/v2/":{},"e.org":{{}}}}}}"#,
            auth("all"),
            auth("team"),
            auth("app"),
            auth("hub"),
            auth("old")
        );
        for (registry, repository, expected) in [
            ("h.org", "team/app", Some("app")),
            ("h.org", "team/app/x", Some("app")),
            ("h.org", "team/application", Some("team")),
            ("h.org", "teams", Some("all")),
            ("docker.io", "library/python", Some("hub")),
            ("old.org", "a", Some("old")),
            ("e.org", "a", None),
            ("org", "a", None),
        ] {
            assert_eq!(user(&json, registry, repository).as_deref(), expected, "{registry}/{repository}");
        }
    }

    #[test]
    fn tokens_and_plain_fields() {
        let json = r#"{"auths":{"a":{"auth":"dTpw","identitytoken":"t"},"b":{"registrytoken":"t"},"c":{"username":"u","password":"p"}},"credsStore":""}"#;
        assert_eq!(user(json, "a", "x").as_deref(), Some("Identity(***)"));
        assert_eq!(user(json, "b", "x").as_deref(), Some("Token(***)"));
        assert_eq!(user(json, "c", "x").as_deref(), Some("u"));
        assert_eq!(decoded("dTpwAAA="), Some(("u".into(), "p".into())));
    }

    #[test]
    fn a_broken_file_is_named_and_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        for text in [
            r#"{"auths":"hunter2"}"#,
            r#"{"auths":{"h":{"auth":"hunter2"}}}"#,
            r#"{"auths":{"h":{"auth":["hunter2"]}}}"#,
            "hunter2",
        ] {
            std::fs::write(&path, text).unwrap();
            let outcome = AuthFile::read(&path).and_then(|file| file.unwrap().find(&path, "h", "a").map(|_| ()));
            let error = outcome.unwrap_err();
            assert!(error.to_string().contains("config.json") && !format!("{error:?}").contains("hunter2"), "{error}");
        }
        std::fs::write(&path, " \n").unwrap();
        assert!(AuthFile::read(&path).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(key in ".{0,20}", auth in ".{0,20}", text in ".{0,60}") {
            let entry = serde_json::json!({"auths": {key: {"auth": auth}}}).to_string();
            for text in [entry, text] {
                if let Ok(file) = serde_json::from_str::<AuthFile>(&text) {
                    let _ = file.find(Path::new("x"), "h", "a");
                }
            }
        }
    }
}
