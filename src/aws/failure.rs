//! What the SDK reports, in a sentence. AWS's own words are shown, since they say what a person has to change; but where a signature or
//! a token is at fault they may repeat parts of it, so that only the code is.

mod denied;

use std::error::Error as _;
use std::io::ErrorKind;

use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

use self::denied::Denied;
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
    let Some(code) = error.code() else {
        // What S3 answers to HEAD has no body, and so no code; of a 404 the SDK makes one.
        let is_bare =
            |response: &HttpResponse| response.status().as_u16() == 403 && response.body().bytes() == Some(b"");
        return if error.raw_response().is_some_and(is_bare) { Answer::Refused } else { Answer::Other };
    };
    // Each service has its own words for it: NoSuchBucket, NoSuchEntity, RepositoryNotFoundException, DashboardNotFoundError,
    // AWS.SimpleQueueService.NonExistentQueue.
    let is_missing = ["NoSuch", "NonExistent", "DoesNotExist", "NotFound"].iter().any(|word| code.contains(word));
    match code {
        _ if code.starts_with("AccessDenied") => Answer::Refused,
        _ if is_missing => Answer::Missing,
        _ => Answer::Other,
    }
}

/// What a call about a layer of somebody else's failed of.
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
        Answer::Other => other(error, &format!("{call} of {arn}"), ""),
    }
}

/// What a call failed of: `action` is what it needs (`lambda:CreateFunction`), `resource` what it was about, as a policy would name it.
pub(super) fn of_call<E>(error: &SdkError<E>, action: &str, resource: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer(error) {
        Answer::Refused => refused(error, action, resource),
        Answer::Missing => Error::aws(
            format!("AWS has no {resource} ({action}){}", words(error)),
            "check the name and the Region; somebody may have deleted it meanwhile: then the same command again will do",
        ),
        Answer::Other => other(error, &format!("{action} of {resource}"), &words(error)),
    }
}

/// The same for a call whose answer is a password: of AWS's words only those that refuse it are shown.
pub(super) fn of_password<E>(error: &SdkError<E>, action: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer(error) {
        Answer::Refused => of_call(error, action, "*"),
        Answer::Missing | Answer::Other => other(error, action, ""),
    }
}

/// A permission that is missing, and the statement that gives it.
fn refused<E: ProvideErrorMetadata>(error: &SdkError<E>, action: &str, resource: &str) -> Error {
    let denied = Denied::read(&error.message().map(shown).unwrap_or_default(), action, resource);
    let on = if denied.resource == "*" { String::new() } else { format!(" on {}", denied.resource) };
    Error::aws(format!("AWS does not allow {}{on}{}", denied.action, words(error)), denied.hint())
}

/// A part of an answer that is not there, since it takes a permission of its own: what AWS says instead.
pub(super) fn of_part(what: &str, words: &str, action: &str, resource: &str) -> Error {
    let (words, message) = (shown(words), format!("AWS does not show {what} of {resource} ({action})"));
    if words.starts_with("AccessDenied") {
        return Error::aws(format!("{message}: {words}"), Denied::read(&words, action, resource).hint());
    }
    Error::aws(format!("{message}: {words}"), "try again in a while")
}

/// AWS's own words, as the end of a sentence.
fn words<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    error.message().map(|words| format!(": {}", shown(words))).unwrap_or_default()
}

fn other<E>(error: &SdkError<E>, call: &str, words: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some(code) if is_about_credentials(code) => Error::out_of_reach(
            format!("AWS refuses the credentials ({})", shown(code)),
            "renew them (aws sso login, or whatever gave them), and check this machine's clock",
        ),
        Some(code) => {
            let status = error.raw_response().map_or(500, |response| response.status().as_u16());
            let passes = status >= 429 || code.contains("Throttl") || words.is_empty();
            let hint = if passes { "try again in a while" } else { "AWS's words name what it does not take" };
            Error::aws(format!("AWS answers {} to {call}{words}", shown(code)), hint)
        }
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
    Error::out_of_reach(format!("AWS cannot be reached: {what}"), "check the network, the proxy and AWS_ENDPOINT_URL")
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

/// Whether nobody listens where a call went: so that nobody can have taken what it brought.
pub(super) fn is_refused_connection<E: std::error::Error + 'static>(error: &SdkError<E>) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            return true;
        }
        source = error.source();
    }
    false
}

fn is_about_credentials(code: &str) -> bool {
    ["Token", "Signature", "Credential", "UnrecognizedClient", "Authentication", "OptInRequired", "InvalidAccessKey"]
        .iter()
        .any(|word| code.contains(word))
}

/// On one line, and not too long.
pub(super) fn shown(words: &str) -> String {
    words.chars().map(|character| if character.is_control() { ' ' } else { character }).take(WORDS).collect()
}
