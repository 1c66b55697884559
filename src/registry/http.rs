//! One request and its answer, over `ureq`.
//!
//! What must stay true: `Authorization` goes to the origin that it was made for and nowhere else, so redirects are followed
//! here; nothing is read without a bound in bytes and in time; no URL leaves this file in a message. Content codings are
//! not asked for: a digest is one of the bytes as they lie in the registry.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use ureq::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use ureq::http::{Method, Request as HttpRequest};
use ureq::tls::TlsConfig;
use ureq::{Agent, SendBody};
use url::Url;

use super::location;

const REDIRECTS: u32 = 5;
const HEADER_BYTES: usize = 64 << 10;
/// One write or read, and the wait for an answer's first byte, which comes after a large blob was stored.
const SILENCE: Duration = Duration::from_mins(3);
const CONNECTING: Duration = Duration::from_secs(30);
/// A request without a large body.
const SMALL: Duration = Duration::from_mins(5);
/// A connection that is slower than this for a whole blob is as good as none.
const LEAST_BYTES_PER_SECOND: u64 = 64 << 10;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may be there the next time.
    Broken(String),
    /// It will not.
    Lasting(String),
    /// TLS could not be begun.
    Tls(String),
}

impl Failure {
    pub(super) fn reason(&self) -> &str {
        let (Self::Broken(reason) | Self::Lasting(reason) | Self::Tls(reason)) = self;
        reason
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

/// What goes with a request.
pub(super) enum Body<'a> {
    None,
    Bytes(&'a [u8]),
    /// So many bytes of a reader, which has to have them.
    Stream(&'a mut dyn Read, u64),
}

pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Body<'a>,
    /// Bytes that are expected to go or come.
    pub(super) bytes: u64,
}

impl<'a> Request<'a> {
    pub(super) fn new(method: Method, url: Url, body: Body<'a>) -> Self {
        Self { method, url, headers: Vec::new(), authorization: None, body, bytes: 0 }
    }
}

/// A status, headers, and a body that is not read yet.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Where it came from in the end.
    pub(super) url: Url,
    body: ureq::Body,
}

impl Answer {
    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The whole body, if it has no more than so many bytes.
    pub(super) fn bytes(self, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = self.into_reader().take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| failure(&ureq::Error::from(error)))?;
        if bytes.len() as u64 > limit {
            return Err(Failure::Lasting(format!("the answer has more than {limit} bytes")));
        }
        Ok(bytes)
    }

    pub(super) fn into_reader(self) -> ureq::BodyReader<'static> {
        self.body.into_with_config().limit(u64::MAX).reader()
    }
}

/// The client; connections are kept and used again.
pub(super) struct Http {
    agent: Agent,
    direct: Agent,
}

impl Http {
    pub(super) fn new(tls: &TlsConfig) -> Self {
        let agent = |proxied: bool| {
            let mut config = Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .tls_config(tls.clone())
                .user_agent(concat!("pack/", env!("CARGO_PKG_VERSION")))
                .max_response_header_size(HEADER_BYTES)
                .timeout_connect(Some(CONNECTING))
                .timeout_recv_response(Some(SILENCE))
                .timeout_per_read(Some(SILENCE))
                .timeout_per_write(Some(SILENCE));
            if !proxied {
                config = config.proxy(None);
            }
            config.build().new_agent()
        };
        Self { agent: agent(true), direct: agent(false) }
    }

    /// Sends a request; GET and HEAD are sent on where they are redirected to.
    pub(super) fn send(&self, mut request: Request<'_>) -> Result<Answer, Failure> {
        for _ in 0..=REDIRECTS {
            let answer = self.once(&mut request)?;
            let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
            let Some(target) = answer.headers.get(LOCATION).filter(|_| is_redirect) else { return Ok(answer) };
            if !matches!(request.method, Method::GET | Method::HEAD) {
                return Err(Failure::Lasting(format!("it redirects a {}", request.method)));
            }
            let target = target.to_str().map_err(|_| Failure::Lasting("its Location is not a URL".into()))?;
            let next = location::resolve(&request.url, target).map_err(Failure::Lasting)?;
            if !location::same_origin(&request.url, &next) {
                request.authorization = None;
            }
            request.url = next;
        }
        Err(Failure::Lasting(format!("it redirects more than {REDIRECTS} times")))
    }

    fn once(&self, request: &mut Request<'_>) -> Result<Answer, Failure> {
        let mut builder = HttpRequest::builder().method(request.method.clone()).uri(request.url.as_str());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(authorization) = &request.authorization {
            let mut hidden = authorization.clone();
            hidden.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, hidden);
        }
        builder = builder.header(ACCEPT_ENCODING, "identity");
        // A proxy could not reach this machine's own loopback.
        let agent = if is_loopback(&request.url) { &self.direct } else { &self.agent };
        let limit = SMALL + Duration::from_secs(request.bytes / LEAST_BYTES_PER_SECOND);
        let misfit = |_| Failure::Lasting("its address or a header cannot be sent".into());
        let sent = match &mut request.body {
            Body::None => {
                let built = builder.body(()).map_err(misfit)?;
                agent.run(agent.configure_request(built).timeout_global(Some(limit)).build())
            }
            Body::Bytes(bytes) => {
                let built = builder.body(*bytes).map_err(misfit)?;
                agent.run(agent.configure_request(built).timeout_global(Some(limit)).build())
            }
            Body::Stream(reader, bytes) => {
                let body = SendBody::from_reader(*reader);
                let built = builder.header(CONTENT_LENGTH, *bytes).body(body).map_err(misfit)?;
                agent.run(agent.configure_request(built).timeout_global(Some(limit)).build())
            }
        };
        let (parts, body) = sent.map_err(|error| failure(&error))?.into_parts();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, url: request.url.clone(), body })
    }
}

/// Whether a URL's host is this machine by its very name.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// What an error of the connection means, in words without a URL.
pub(super) fn failure(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::Io(error) => io_failure(error),
        ureq::Error::Timeout(what) => Failure::Broken(format!("no answer in time ({what})")),
        ureq::Error::HostNotFound => Failure::Lasting("no host of that name is known".into()),
        ureq::Error::Protocol(_) | ureq::Error::BodyStalled => Failure::Broken("what it says is not HTTP".into()),
        ureq::Error::ConnectionFailed => Failure::Broken("the connection failed".into()),
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
            Failure::Lasting("the proxy does not let it through".into())
        }
        ureq::Error::Rustls(error) => Failure::Tls(error.to_string()),
        ureq::Error::Tls(reason) => Failure::Tls((*reason).to_owned()),
        ureq::Error::LargeResponseHeader(..) => {
            Failure::Lasting(format!("its headers have more than {HEADER_BYTES} bytes"))
        }
        ureq::Error::Decompress(..) => Failure::Lasting("the answer is compressed and cannot be unpacked".into()),
        _ => Failure::Lasting("the request cannot be made".into()),
    }
}

fn io_failure(error: &io::Error) -> Failure {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        return failure(inner);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Lasting("nothing listens there (connection refused)".into()),
        // rustls: what came was not TLS, or the certificate is not one to trust.
        io::ErrorKind::InvalidData => Failure::Tls(super::refusal::printable(&error.to_string())),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Failure::Broken("the network does not lead there".into())
        }
        _ => Failure::Broken(super::refusal::printable(&error.to_string())),
    }
}
