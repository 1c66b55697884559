//! A repository of a registry, and how it is asked anything: with credentials, and again where that may help.

use std::thread;
use std::time::Duration;

use ureq::http::header::{HeaderName, HeaderValue};
use url::Url;

use super::auth::Authorization;
use super::client::Client;
use super::error::RegistryError;
use super::http::{Answer, Body, Failure, Request};
use super::location;
use super::patience::{is_passing, retry_after};
use super::refusal::Refusal;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// What is read of an answer that is a no.
const REFUSAL_BYTES: u64 = 64 << 10;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) registry: String,
    pub(super) repository: String,
    /// `https://HOST/v2/`
    pub(super) base: Url,
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go well a little later; the registry may say when.
    Again(Box<RegistryError>, Option<Duration>),
    /// It will not.
    Fatal(Error),
}

impl Trouble {
    /// What may go well a little later.
    pub(super) fn again(error: RegistryError) -> Self {
        Self::Again(Box::new(error), None)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Again(error, _) => Self::Registry(error),
            Trouble::Fatal(error) => error,
        }
    }
}

impl From<RegistryError> for Trouble {
    fn from(error: RegistryError) -> Self {
        Self::Fatal(error.into())
    }
}

/// An answer, and what was sent to get it.
pub(super) struct Reply {
    pub(super) answer: Answer,
    sent: Option<Authorization>,
}

/// A repository that is pulled from or pushed to.
#[derive(Clone)]
pub struct Repository<'a> {
    pub(super) client: &'a Client,
    pub(super) progress: &'a Progress,
    pub(super) place: Place,
}

impl Place {
    /// A URL below the repository's. Names and digests need no escaping: their grammar has nothing that would.
    pub(super) fn url(&self, tail: &str) -> Result<Url, Trouble> {
        self.base.join(&format!("{}/{tail}", self.repository)).map_err(|_| self.wrong(tail, "it has no URL").into())
    }

    pub(super) fn wrong(&self, asked: &str, reason: &str) -> RegistryError {
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        RegistryError::Wrong { registry, repository, asked: asked.to_owned(), reason: reason.to_owned() }
    }

    pub(super) fn refused(&self, asked: &str, refusal: Refusal, known: bool) -> RegistryError {
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        RegistryError::Refused { registry, repository, asked: asked.to_owned(), refusal, known }
    }

    pub(super) fn unreachable(&self, asked: &str, reason: &str) -> RegistryError {
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        RegistryError::Unreachable { registry, repository, asked: asked.to_owned(), reason: reason.to_owned() }
    }

    pub(super) fn failed(&self, asked: &str, failure: &Failure) -> Trouble {
        let error = self.unreachable(asked, failure.reason());
        match failure {
            Failure::Broken(_) => Trouble::again(error),
            Failure::Lasting(_) | Failure::Tls(_) => Trouble::Fatal(error.into()),
        }
    }
}

/// What an answer that is a no says; its body is read within bounds.
pub(super) fn refusal_of(answer: Answer, sent: Option<&Authorization>) -> Refusal {
    let status = answer.status;
    let body = answer.bytes(REFUSAL_BYTES).unwrap_or_default();
    let secrets: Vec<&str> = sent.map_or(Vec::new(), |sent| sent.secrets.iter().map(String::as_str).collect());
    Refusal::read(status, &body, &secrets)
}

impl Reply {
    /// The registry's no as an error, with what it said.
    pub(super) fn into_refusal(self, place: &Place, asked: &str) -> RegistryError {
        let known = self.sent.as_ref().is_some_and(|sent| sent.known);
        place.refused(asked, refusal_of(self.answer, self.sent.as_ref()), known)
    }
}

/// A header whose value is text from a descriptor.
pub(super) fn header(name: HeaderName, value: &str, place: &Place) -> Result<(HeaderName, HeaderValue), Trouble> {
    let value = HeaderValue::from_str(value).map_err(|_| place.wrong(name.as_str(), "its value cannot be sent"))?;
    Ok((name, value))
}

impl Repository<'_> {
    /// `HOST[:PORT]`
    pub fn registry(&self) -> &str {
        &self.place.registry
    }

    /// Its path in the registry.
    pub fn name(&self) -> &str {
        &self.place.repository
    }

    pub(super) fn pull_scope(&self) -> Vec<String> {
        vec![format!("repository:{}:pull", self.place.repository)]
    }

    pub(super) fn push_scope(&self) -> Vec<String> {
        vec![format!("repository:{}:pull,push", self.place.repository)]
    }

    /// Sends a request once, and once more if the registry then says how it wants to be asked. A status that may pass is
    /// an error, any other an answer.
    pub(super) fn once(&self, mut request: Request<'_>, asked: &str, scopes: &[String]) -> Result<Reply, Trouble> {
        let (http, auth) = (&self.client.http, &self.client.auth);
        // An upload's Location may be anywhere.
        let is_registrys = location::same_origin(&request.url, &self.place.base);
        let mut sent = if is_registrys { auth.known(http, &self.place, scopes)? } else { None };
        request.authorization = sent.as_ref().map(|sent| sent.value.clone());
        let again = again(&request);
        let mut answer = http.send(request).map_err(|failure| self.place.failed(asked, &failure))?;
        // A redirect may have led to somebody else, whose realm is not to see the registry's credentials.
        if answer.status == 401
            && is_registrys
            && location::same_origin(&answer.url, &self.place.base)
            && let Some(mut request) = again
            && let Some(new) = auth.learn(http, &self.place, scopes, &answer.headers, sent.as_ref())?
        {
            request.authorization = Some(new.value.clone());
            sent = Some(new);
            answer = http.send(request).map_err(|failure| self.place.failed(asked, &failure))?;
        }
        let after = retry_after(answer.header("retry-after"));
        let is_passing = is_passing(answer.status);
        let reply = Reply { answer, sent };
        if is_passing {
            Err(Trouble::Again(Box::new(reply.into_refusal(&self.place, asked)), after))
        } else {
            Ok(reply)
        }
    }

    /// Tries until it is done, it cannot be done, or patience is at its end.
    pub(super) fn retrying<T>(&self, mut attempt: impl FnMut() -> Result<T, Trouble>) -> Result<T> {
        let mut tries = 0;
        loop {
            let (error, after) = match attempt() {
                Ok(done) => return Ok(done),
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Again(error, after)) => (error, after),
            };
            tries += 1;
            let Some(delay) = self.client.options.patience.delay(tries, after) else {
                return Err(Error::Registry(error));
            };
            self.progress.say(&format!("{error}; trying again in {:.1} s", delay.as_secs_f32()));
            thread::sleep(delay);
        }
    }
}

/// The same request, unless its body can be read only once.
fn again<'a>(request: &Request<'a>) -> Option<Request<'a>> {
    let body = match &request.body {
        Body::None => Body::None,
        Body::Bytes(bytes) => Body::Bytes(bytes),
        Body::Stream(..) => return None,
    };
    Some(Request {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        authorization: None,
        body,
        bytes: request.bytes,
    })
}
