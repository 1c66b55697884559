//! Waiting for what AWS does not do at once: with longer and longer pauses, and not for ever.

use std::future::Future;
use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use tokio::time::{Instant, sleep};

use super::{Clients, failure};
use crate::deploy::Call;
use crate::error::Result;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// A new role, a new image, a queue that was deleted a minute ago.
const CONSISTENCY: Duration = Duration::from_mins(3);

/// Pauses, each longer than the one before, until a deadline.
pub(super) struct Pauses {
    next: Duration,
    end: Instant,
}

impl Pauses {
    pub(super) fn until(patience: Duration) -> Self {
        Self { next: FIRST, end: Instant::now() + patience }
    }

    /// Pauses; false when there is no time left.
    pub(super) async fn pause(&mut self) -> bool {
        if Instant::now() + self.next > self.end {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST);
        true
    }
}

impl Clients {
    /// A call that is made again while it fails of what is not yet to be seen everywhere, or of what has to come to its end first.
    pub(super) async fn patiently<T, E, F>(
        &self,
        call: Call,
        resource: &str,
        passes: impl Fn(&str, &str) -> bool,
        ask: impl Fn() -> F,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        self.patiently_raw(call, passes, ask).await.map_err(|error| failure::of_call(&error, call.action(), resource))
    }

    /// The same with the SDK's own error.
    pub(super) async fn patiently_raw<T, E, F>(
        &self,
        call: Call,
        passes: impl Fn(&str, &str) -> bool,
        ask: impl Fn() -> F,
    ) -> Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        let mut waiting = Pauses::until(CONSISTENCY);
        loop {
            match self.raw(call, ask()).await {
                Err(error)
                    if passes(error.code().unwrap_or_default(), error.message().unwrap_or_default())
                        && waiting.pause().await => {}
                answer => return answer,
            }
        }
    }
}

/// What Lambda says while a role, its policy, an image or a layer is not seen yet, and while an update is going on.
pub(super) fn passes_in_lambda(code: &str, words: &str) -> bool {
    let has = |some: &[&str]| some.iter().any(|some| words.contains(some));
    match code {
        "InvalidParameterValueException" => has(&[
            "cannot be assumed by Lambda",
            "role defined for the function",
            "execution role does not have permissions",
            "Source image",
            "does not exist. Provide a valid source image",
            "Lambda does not have permission to access the ECR image",
            "is still being created",
            "KMSAccessDenied",
        ]),
        "ResourceConflictException" => {
            has(&["update is in progress", "in progress", "Pending", "currently in the following state"])
        }
        "ResourceInUseException" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for (code, words) in [
            ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
            (
                "ResourceConflictException",
                "The operation cannot be performed at this time. An update is in progress for resource: x",
            ),
            (
                "InvalidParameterValueException",
                "Source image 1.dkr.ecr.eu-west-1.amazonaws.com/x@sha256:1 does not exist.",
            ),
        ] {
            assert!(passes_in_lambda(code, words), "{code}: {words}");
        }
        for (code, words) in [
            ("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes"),
            ("ResourceConflictException", "Function already exist: x"),
            ("AccessDeniedException", "cannot be assumed by Lambda"),
        ] {
            assert!(!passes_in_lambda(code, words), "{code}: {words}");
        }
    }
}
