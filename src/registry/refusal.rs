//! What a registry says when it refuses: its error codes and messages, made fit to be shown.
//!
//! What must stay true: no control character and no page of HTML reaches a terminal, and no secret that the registry
//! sends back. Source: OCI distribution specification 1.1, error codes (`{"errors": [{"code", "message"}]}`); ECR adds
//! codes of its own. Token servers answer the same, or as OAuth 2 (RFC 6749, 5.2).

use std::fmt;

use serde::Deserialize;

/// Characters of a text from outside that are shown.
const SHOWN: usize = 300;
/// Errors of one answer that are shown.
const ERRORS: usize = 3;

/// A registry's no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Codes and messages.
    pub errors: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Answer {
    errors: Option<Vec<Entry>>,
    error: Option<String>,
    error_description: Option<String>,
    details: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: Option<String>,
}

impl Refusal {
    /// Reads the body of an answer; one without a registry's errors has none.
    pub(super) fn read(status: u16, body: &[u8], secrets: &[&str]) -> Self {
        let clean = |text: &str| {
            let shown = secrets
                .iter()
                .filter(|secret| secret.len() > 3)
                .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
            printable(&shown)
        };
        let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return Self { status, errors: Vec::new() } };
        let mut errors: Vec<_> = answer
            .errors
            .unwrap_or_default()
            .into_iter()
            .take(ERRORS)
            .map(|entry| {
                let code = entry.code.as_str().map_or_else(|| entry.code.to_string(), str::to_owned);
                (clean(if code == "null" { "" } else { &code }), clean(&entry.message.unwrap_or_default()))
            })
            .collect();
        if let (true, Some(code)) = (errors.is_empty(), answer.error) {
            let message = answer.error_description.or(answer.details).unwrap_or_default();
            errors.push((clean(&code), clean(&message)));
        }
        Self { status, errors }
    }

    /// Whether the registry gave one of these codes.
    pub(super) fn has(&self, codes: &[&str]) -> bool {
        self.errors.iter().any(|(code, _)| codes.iter().any(|wanted| code.eq_ignore_ascii_case(wanted)))
    }

    /// Whether one of its messages has these words.
    pub(super) fn mentions(&self, words: &str) -> bool {
        self.errors.iter().any(|(_, message)| message.to_ascii_lowercase().contains(words))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = ureq::http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        write!(formatter, "{}", self.status)?;
        if let Some(reason) = reason {
            write!(formatter, " {reason}")?;
        }
        for (code, message) in &self.errors {
            match (code.as_str(), message.as_str()) {
                ("", "") => {}
                (only, "") | ("", only) => write!(formatter, ", {only}")?,
                (code, message) => write!(formatter, ", {code}: {message}")?,
            }
        }
        Ok(())
    }
}

/// Text from outside on one line of bounded length.
pub(crate) fn printable(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .map(|character| if character.is_control() || is_invisible(character) { ' ' } else { character })
        .take(SHOWN)
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that turn the direction of what follows, or have no width.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: u16, body: &str) -> String {
        Refusal::read(status, body.as_bytes(), &["hunter2"]).to_string()
    }

    #[test]
    fn a_refusal_is_one_clean_line() {
        for (status, body, expected) in [
            (
                404,
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}"#,
                "404 Not Found, NAME_UNKNOWN: no such repository",
            ),
            (
                400,
                r#"{"errors":[{"code":12,"message":"a\u001b[31m\nb"},{"code":"X"}]}"#,
                "400 Bad Request, 12: a [31m b, X",
            ),
            (
                401,
                r#"{"error":"invalid_grant","error_description":"hunter2 is wrong"}"#,
                "401 Unauthorized, invalid_grant: *** is wrong",
            ),
            (502, "<html><body>Bad Gateway</body></html>", "502 Bad Gateway"),
            (599, r#"{"errors":"none"}"#, "599"),
            (500, r#"{"errors":[{},{"message":"m"}]}"#, "500 Internal Server Error, m"),
        ] {
            assert_eq!(shown(status, body), expected);
        }
        let long = format!(r#"{{"errors":[{{"code":"C","message":"{}"}}]}}"#, "x".repeat(1000));
        assert_eq!(shown(400, &long).len(), "400 Bad Request, C: ".len() + SHOWN + "…".len());
    }
}
