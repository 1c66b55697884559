//! What the SDK reports, in a sentence. AWS's own words are shown where they name who may not do what; where a signature or
//! a token is at fault they may repeat parts of it, so that only the code is.

use std::error::Error as _;
use std::io::ErrorKind;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

use crate::error::Error;
use crate::lambda::LayerArn;

/// The most characters of AWS's words.
const WORDS: usize = 400;

/// How the service answered a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Whoever asks may not, or there is no such thing: of what another account has, AWS does not say which.
    Refused,
    /// There is no such thing.
    Missing,
    /// Something else.
    Other,
}

pub(super) fn answer<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Answer {
    match error.code() {
        Some("AccessDeniedException" | "AccessDenied") => Answer::Refused,
        Some("ResourceNotFoundException") => Answer::Missing,
        _ => Answer::Other,
    }
}

/// What a call about a layer failed of.
pub(super) fn of<E>(error: &SdkError<E>, call: &str, arn: &LayerArn) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer(error) {
        Answer::Refused => Error::aws(
            format!("AWS does not show {arn} ({call}){}", words(error)),
            "there is no such version, its owner does not share it, or these credentials lack lambda:GetLayerVersion",
        ),
        Answer::Missing => Error::aws(format!("AWS has no {arn}"), "check account, name, version and Region"),
        Answer::Other => other(error, call, &format!(" of {arn}")),
    }
}

/// What a call failed of that asks for nothing of its own; `action` is what it needs.
pub(super) fn of_call<E>(error: &SdkError<E>, action: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer(error) {
        Answer::Refused => Error::aws(
            format!("AWS does not allow {action}{}", words(error)),
            "these credentials need it: a policy of whoever has them has to allow it",
        ),
        Answer::Missing | Answer::Other => other(error, action, ""),
    }
}

/// AWS's own words, as the end of a sentence.
fn words<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    error.message().map(|words| format!(": {}", shown(words))).unwrap_or_default()
}

fn other<E>(error: &SdkError<E>, call: &str, of_what: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some(code) if is_about_credentials(code) => Error::out_of_reach(
            format!("AWS refuses the credentials ({})", shown(code)),
            "renew them (aws sso login, or whatever gave them), and check this machine's clock",
        ),
        Some(code) => Error::aws(format!("AWS answers {} to {call}{of_what}", shown(code)), "try again in a while"),
        None => unanswered(error),
    }
}

/// Nothing that AWS says came back.
fn unanswered<E: std::error::Error + 'static>(error: &SdkError<E>) -> Error {
    let what = match error {
        SdkError::TimeoutError(_) => "it took too long".to_owned(),
        _ => match error.raw_response() {
            Some(response) => format!("what answers is not AWS (status {})", response.status().as_u16()),
            None => system_reason(error).unwrap_or_else(|| "no connection".to_owned()),
        },
    };
    Error::out_of_reach(
        format!("AWS cannot be reached: {what}"),
        "check the network, the proxy and AWS_ENDPOINT_URL; --offline takes what is in the cache",
    )
}

/// What the system says of a connection: nothing of what was sent.
fn system_reason<E: std::error::Error + 'static>(error: &SdkError<E>) -> Option<String> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            // The resolver has a kind that nobody can name; TLS has none of its own.
            return Some(match error.kind() {
                _ if error.to_string().contains("failed to lookup address") => "its host is not known here".into(),
                ErrorKind::Other | ErrorKind::InvalidData => "the connection is not secure".into(),
                kind => kind.to_string(),
            });
        }
        source = error.source();
    }
    None
}

fn is_about_credentials(code: &str) -> bool {
    ["Token", "Signature", "Credential", "UnrecognizedClient", "Authentication", "OptInRequired"]
        .iter()
        .any(|word| code.contains(word))
}

/// On one line, and not too long.
fn shown(words: &str) -> String {
    words.chars().map(|character| if character.is_control() { ' ' } else { character }).take(WORDS).collect()
}
