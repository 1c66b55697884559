//! What a request says about who asks, and what is learned when the registry is not content with it.
//!
//! What must stay true: a password goes to the registry that it is for, or to the realm that this registry names, over
//! HTTPS unless the registry itself is one that plain HTTP is allowed for; there is one token for a scope, however many
//! threads want it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ureq::http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use url::Url;

use super::challenge::Challenge;
use super::credentials::{Credential, Credentials};
use super::error::RegistryError;
use super::http::{Http, is_loopback};
use super::location;
use super::repository::{Place, Trouble, refusal_of};
use super::token::{NoToken, Question, Token, basic};
use crate::error::Error;

/// Scopes that a registry may add to those that are asked for.
const SCOPE_BYTES: usize = 1024;

/// The value of a header, and what in it nobody may see.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) value: HeaderValue,
    pub(super) secrets: Vec<String>,
    /// Whether somebody's credentials are behind it.
    pub(super) known: bool,
}

#[derive(Default)]
struct State {
    /// How each registry lets in.
    ways: HashMap<String, Challenge>,
    tokens: HashMap<(String, String), Token>,
    /// By registry and repository: a helper may take a second.
    credentials: HashMap<(String, String), Option<Credential>>,
}

pub(super) struct Authenticator {
    credentials: Credentials,
    insecure: bool,
    state: Mutex<State>,
}

impl Authenticator {
    pub(super) fn new(credentials: Credentials, insecure: bool) -> Self {
        Self { credentials, insecure, state: Mutex::default() }
    }

    /// While it is held nobody else asks for a token.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known to be wanted already.
    pub(super) fn known(
        &self,
        http: &Http,
        place: &Place,
        scopes: &[String],
    ) -> Result<Option<Authorization>, Trouble> {
        let mut state = self.state();
        match state.ways.get(&place.registry).cloned() {
            // A password for one repository says nothing of the next, which anybody may read perhaps.
            Some(Challenge::Basic) if self.credential(&mut state, place)?.is_none() => Ok(None),
            Some(way) => self.go(&mut state, http, place, scopes, &way).map(Some),
            None => Ok(None),
        }
    }

    /// Whether anything is known for a repository.
    pub(super) fn has_credential(&self, place: &Place) -> Result<bool, Trouble> {
        Ok(self.credential(&mut self.state(), place)?.is_some())
    }

    /// What a registry wants that answered 401, or None if that is nothing that can be given.
    pub(super) fn learn(
        &self,
        http: &Http,
        place: &Place,
        scopes: &[String],
        headers: &HeaderMap,
        refused: Option<&Authorization>,
    ) -> Result<Option<Authorization>, Trouble> {
        let challenges: Vec<Challenge> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Challenge::parse)
            .collect();
        let is_bearer = |challenge: &&Challenge| matches!(challenge, Challenge::Bearer { .. });
        let Some(way) = challenges.iter().find(is_bearer).or(challenges.first()) else { return Ok(None) };
        let mut state = self.state();
        let key = (place.registry.clone(), scopes.join(" "));
        let is_refused =
            |text: &str| refused.is_some_and(|refused| refused.secrets.iter().any(|secret| secret == text));
        // Another thread may have a new token meanwhile.
        if state.tokens.get(&key).is_some_and(|token| is_refused(token.text.expose())) {
            state.tokens.remove(&key);
        }
        let new = self.go(&mut state, http, place, scopes, way)?;
        state.ways.insert(place.registry.clone(), without_scope(way));
        Ok(Some(new).filter(|new| refused.is_none_or(|refused| refused.value != new.value)))
    }

    fn go(
        &self,
        state: &mut State,
        http: &Http,
        place: &Place,
        scopes: &[String],
        way: &Challenge,
    ) -> Result<Authorization, Trouble> {
        let credential = self.credential(state, place)?;
        match way {
            Challenge::Basic => match credential.as_ref().and_then(|credential| Some((credential, basic(credential)?)))
            {
                Some((credential, value)) => Ok(authorization(value, Some(credential))),
                None => Err(no_credentials(place)),
            },
            Challenge::Bearer { realm, service, scope } => {
                if let Some(Credential::Token(token)) = &credential {
                    return bearer(token.expose(), credential.as_ref(), place);
                }
                let key = (place.registry.clone(), scopes.join(" "));
                if let Some(token) = state.tokens.get(&key).filter(|token| token.is_good()) {
                    return bearer(token.text.expose(), credential.as_ref(), place);
                }
                let mut all: Vec<&str> = scopes.iter().map(String::as_str).collect();
                let added = scope.as_deref().filter(|scope| scope.len() <= SCOPE_BYTES).unwrap_or_default();
                for scope in added.split(' ').filter(|scope| !scope.is_empty()) {
                    if !all.iter().any(|known| covers(known, scope)) {
                        all.push(scope);
                    }
                }
                let question = Question {
                    realm: self.realm(realm, place)?,
                    service: service.as_deref(),
                    scopes: all,
                    credential: credential.as_ref(),
                };
                let token = question.ask(http).map_err(|no| no_token(no, credential.as_ref(), place))?;
                let made = bearer(token.text.expose(), credential.as_ref(), place)?;
                state.tokens.insert(key, token);
                Ok(made)
            }
        }
    }

    fn credential(&self, state: &mut State, place: &Place) -> Result<Option<Credential>, Trouble> {
        let key = (place.registry.clone(), place.repository.clone());
        if let Some(found) = state.credentials.get(&key) {
            return Ok(found.clone());
        }
        let found = self.credentials.find(&place.registry, &place.repository).map_err(Trouble::Fatal)?;
        state.credentials.insert(key, found.clone());
        Ok(found)
    }

    fn realm(&self, realm: &str, place: &Place) -> Result<Url, Trouble> {
        let wrong = |reason: &str| Trouble::Fatal(place.wrong(TOKEN, reason).into());
        // An absolute URL, and of those only what a registry may send a client to.
        let url = Url::parse(realm).map_err(|_| wrong("its realm is not a URL"))?;
        let url = location::resolve(&url, "").map_err(|_| wrong("its realm is not on the web, or has a password"))?;
        let is_allowed =
            url.scheme() == "https" || (place.base.scheme() == "http" && (self.insecure || is_loopback(&url)));
        if !is_allowed {
            return Err(wrong("it wants credentials to be sent over plain HTTP"));
        }
        Ok(url)
    }
}

const TOKEN: &str = "a token for the use";

/// The scope of one request says nothing of the next.
fn without_scope(way: &Challenge) -> Challenge {
    match way {
        Challenge::Bearer { realm, service, .. } => {
            Challenge::Bearer { realm: realm.clone(), service: service.clone(), scope: None }
        }
        Challenge::Basic => Challenge::Basic,
    }
}

/// Whether `repository:a:pull,push` allows all of `repository:a:pull`.
fn covers(wide: &str, narrow: &str) -> bool {
    let (Some((wide, may)), Some((narrow, wanted))) = (wide.rsplit_once(':'), narrow.rsplit_once(':')) else {
        return false;
    };
    wide == narrow && wanted.split(',').all(|action| may.split(',').any(|allowed| allowed == action))
}

fn authorization(value: HeaderValue, credential: Option<&Credential>) -> Authorization {
    let text = value.to_str().unwrap_or_default();
    let mut secrets = vec![text.split_once(' ').map_or(text, |(_, secret)| secret).to_owned()];
    match credential {
        Some(Credential::Password { password, .. }) => secrets.push(password.expose().to_owned()),
        Some(Credential::Identity(token) | Credential::Token(token)) => secrets.push(token.expose().to_owned()),
        None => {}
    }
    Authorization { value, secrets, known: credential.is_some() }
}

fn bearer(token: &str, credential: Option<&Credential>, place: &Place) -> Result<Authorization, Trouble> {
    match HeaderValue::from_str(&format!("Bearer {token}")) {
        Ok(value) => Ok(authorization(value, credential)),
        Err(_) => Err(Trouble::Fatal(place.wrong(TOKEN, "the token cannot be sent").into())),
    }
}

fn no_credentials(place: &Place) -> Trouble {
    let (registry, repository) = (place.registry.clone(), place.repository.clone());
    Trouble::Fatal(Error::from(RegistryError::NoCredentials { registry, repository, why: None }))
}

fn no_token(no: NoToken, credential: Option<&Credential>, place: &Place) -> Trouble {
    match no {
        NoToken::Failed(failure) => place.failed(TOKEN, &failure),
        NoToken::Wrong(reason) => Trouble::Fatal(place.wrong(TOKEN, &reason).into()),
        NoToken::Refused(answer) => {
            // Whatever was sent, in a header or in the body.
            let value = credential.and_then(basic).unwrap_or(HeaderValue::from_static(""));
            let sent = credential.map(|_| authorization(value, credential));
            let (status, after) = (answer.status, super::patience::retry_after(answer.header("retry-after")));
            let refusal = refusal_of(*answer, sent.as_ref());
            let error = place.refused(TOKEN, refusal, credential.is_some());
            if super::patience::is_passing(status) {
                Trouble::Again(Box::new(error), after)
            } else {
                Trouble::Fatal(error.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scope_covers_another() {
        assert!(covers("repository:a/b:pull,push", "repository:a/b:pull"));
        assert!(!covers("repository:a/b:pull", "repository:a/b:pull,push"));
        assert!(!covers("repository:a:pull", "repository:b:pull"));
        assert!(!covers("x", "x"));
    }
}
