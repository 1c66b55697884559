//! Bearer tokens: asking for one, and how long it is good.
//!
//! Sources: <https://distribution.github.io/distribution/spec/auth/token/> (GET, with a password or as nobody) and
//! <https://distribution.github.io/distribution/spec/auth/oauth/> (POST, with an identity token).

use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde::Deserialize;
use ureq::http::Method;
use ureq::http::header::{CONTENT_TYPE, HeaderValue};
use url::Url;
use url::form_urlencoded::Serializer;

use super::credentials::Credential;
use super::http::{Answer, Body, Failure, Http, Request};
use super::secret::Secret;

const ANSWER_BYTES: u64 = 1 << 20;
/// What fits into a header that servers take.
const TOKEN_BYTES: usize = 32 << 10;
/// A token without a time is good for a minute, says the specification.
const USUAL: u64 = 60;
const LONGEST: u64 = 24 * 3600;

/// A token for one registry and scope.
pub(super) struct Token {
    pub(super) text: Secret,
    until: Instant,
}

impl Token {
    /// Whether it will still be good when a request with it arrives.
    pub(super) fn is_good(&self) -> bool {
        Instant::now() < self.until
    }
}

/// Whom to ask for what.
pub(super) struct Question<'a> {
    pub(super) realm: Url,
    pub(super) service: Option<&'a str>,
    pub(super) scopes: Vec<&'a str>,
    pub(super) credential: Option<&'a Credential>,
}

/// What came instead of a token.
pub(super) enum NoToken {
    /// No answer.
    Failed(Failure),
    /// A no.
    Refused(Box<Answer>),
    /// Something else; the rest of a sentence.
    Wrong(String),
}

#[derive(Deserialize)]
struct Answered {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Question<'_> {
    pub(super) fn ask(self, http: &Http) -> Result<Token, NoToken> {
        let form: String;
        let request = if let Some(Credential::Identity(token)) = self.credential {
            form = self.form(token);
            let mut request = Request::new(Method::POST, self.realm, Body::Bytes(form.as_bytes()));
            request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
            request
        } else {
            self.get()
        };
        let answer = http.send(request).map_err(NoToken::Failed)?;
        if answer.status != 200 {
            return Err(NoToken::Refused(Box::new(answer)));
        }
        let bytes = answer.bytes(ANSWER_BYTES).map_err(NoToken::Failed)?;
        // The parser's own words may quote a token.
        let answered: Answered = serde_json::from_slice(&bytes)
            .map_err(|_| NoToken::Wrong("what gives out tokens answered something else than JSON with one".into()))?;
        let text = [answered.token, answered.access_token].into_iter().flatten().find(|text| !text.is_empty());
        let is_fit = |text: &String| text.len() <= TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        let text = text
            .filter(is_fit)
            .ok_or_else(|| NoToken::Wrong("what gives out tokens gave none that can be sent".into()))?;
        let seconds = answered.expires_in.filter(|seconds| *seconds > 0).unwrap_or(USUAL).min(LONGEST);
        // A tenth is for the way and for clocks that go differently.
        let until = Instant::now() + Duration::from_secs(seconds).mul_f32(0.9);
        Ok(Token { text: text.into(), until })
    }

    fn get<'b>(self) -> Request<'b> {
        let mut url = self.realm;
        let user = match self.credential {
            Some(Credential::Password { user, .. }) => Some(user),
            _ => None,
        };
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(self.service.map(|service| ("service", service)));
            query.extend_pairs(self.scopes.iter().map(|scope| ("scope", *scope)));
            query.extend_pairs(user.map(|user| ("account", user)));
        }
        let mut request = Request::new(Method::GET, url, Body::None);
        request.authorization = self.credential.and_then(basic);
        request
    }

    fn form(&self, token: &Secret) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("client_id", "pack");
        form.extend_pairs(self.service.map(|service| ("service", service)));
        form.append_pair("scope", &self.scopes.join(" ")).append_pair("refresh_token", token.expose());
        form.finish()
    }
}

/// `Authorization: Basic`, for who has a password.
pub(super) fn basic(credential: &Credential) -> Option<HeaderValue> {
    let Credential::Password { user, password } = credential else { return None };
    let pair = BASE64.encode(format!("{user}:{}", password.expose()).as_bytes());
    HeaderValue::from_str(&format!("Basic {pair}")).ok()
}
