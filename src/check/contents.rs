//! What should not be shipped at all: secrets of the function's own folder, and what development leaves behind.

use std::collections::BTreeMap;

use super::installed::{Installation, Owner};
use super::{Files, Finding, LAYERS, TASK};
use crate::error::Result;

/// A private key is text of a few kilobytes.
const KEY_BYTES: u64 = 64 << 10;

/// A text that somebody writes by hand is shorter.
const TEXT_BYTES: u64 = 1 << 20;

/// How tokens begin that open something on their own, how many characters follow at least, and what they are.
const TOKENS: &[(&[u8], usize, &str)] = &[
    (b"AKIA", 16, "an access key of AWS"),
    (b"ASIA", 16, "a temporary access key of AWS"),
    (b"ghp_", 36, "a token of GitHub"),
    (b"github_pat_", 36, "a token of GitHub"),
    (b"xoxb-", 24, "a token of Slack"),
];

/// Folders that nothing needs on Lambda.
const LEFTOVERS: &[&str] = &[".git", ".hg", ".svn", "node_modules", ".venv", ".tox", ".pytest_cache", ".mypy_cache"];

/// Secrets and leftovers among the function's own files.
pub(super) fn check(files: &Files, installation: &Installation) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut leftovers: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for (path, file) in [TASK, LAYERS].into_iter().flat_map(|root| files.below(root)) {
        let mut parts = path.split('/');
        if let Some(part) = parts.find(|part| LEFTOVERS.contains(part)) {
            let end = path.len() - parts.map(|part| part.len() + 1).sum::<usize>();
            debug_assert!(path[..end].ends_with(part));
            let sum = leftovers.entry(path[..end].to_owned()).or_default();
            *sum = (sum.0 + 1, sum.1 + file.size);
            continue;
        }
        if matches!(installation.owner(path), Owner::Distribution(_)) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let reason = if name == ".env" || (name.starts_with(".env.") && !is_template(name)) {
            Some("it may hold secrets, and everyone who may read the function's code reads it".to_owned())
        } else if path.ends_with("/.aws/credentials") || matches!(name, ".netrc" | ".pypirc" | ".git-credentials") {
            Some("it holds credentials".to_owned())
        } else if may_be_a_key(name) && file.size <= KEY_BYTES && is_private_key(&files.read(file)?) {
            Some("it is a private key".to_owned())
        } else if file.size <= TEXT_BYTES {
            token(&files.read(file)?).map(|kind| format!("it has what looks like {kind}"))
        } else {
            None
        };
        findings.extend(reason.map(|reason| {
            Finding::warning("secret", path, reason)
                .with_hint("leave it out (.packignore), and read secrets from Secrets Manager or from the environment")
        }));
    }
    findings.extend(leftovers.into_iter().map(|(folder, (number, bytes))| {
        Finding::warning("leftover", &folder, format!("{number} files ({bytes} bytes) that nothing needs on Lambda"))
            .with_hint("leave it out (.packignore)")
    }));
    Ok(findings)
}

fn is_template(name: &str) -> bool {
    ["example", "sample", "template", "dist"].iter().any(|ending| name.ends_with(ending))
}

fn may_be_a_key(name: &str) -> bool {
    name.starts_with("id_") && !name.contains('.')
        || [".pem", ".key", ".p8"].iter().any(|ending| name.ends_with(ending))
}

fn is_private_key(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.lines().any(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with("PRIVATE KEY-----"))
}

/// What kind of token a text has. AWS's documentation has keys of its own, which end in EXAMPLE.
fn token(text: &[u8]) -> Option<&'static str> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    TOKENS.iter().find_map(|(start, least, kind)| {
        memchr::memmem::find_iter(text, start).find_map(|place| {
            let begins = place == 0 || !is_part(&text[place - 1]);
            let rest = text[place + start.len()..].split(|byte| !is_part(byte)).next()?;
            // AWS's have one length and no small letters.
            let is_aws = |rest: &[u8]| {
                rest.len() == *least && rest.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            };
            let is_token = rest.len() >= *least && (!start.ends_with(b"IA") || is_aws(rest));
            (begins && is_token && !rest.ends_with(b"EXAMPLE")).then_some(*kind)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_words() {
        let key = ["AKIA", "2E0A8F3B244C9986"].concat();
        assert_eq!(token(format!("KEY = '{key}'").as_bytes()), Some("an access key of AWS"));
        assert_eq!(token(["ghp_", &"a1".repeat(18)].concat().as_bytes()), Some("a token of GitHub"));
        for word in ["AKIAIOSFODNN7EXAMPLE", "MALAKIA2E0A8F3B244C9986", "AKIA", "ASIAN_CUISINE_RECIPES_2", "ghp_short"]
        {
            assert_eq!(token(word.as_bytes()), None, "{word}");
        }
    }
}
