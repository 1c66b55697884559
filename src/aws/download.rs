//! The archive of a layer, from the presigned URL that AWS answered.
//!
//! What must stay true: the URL is in no message, whatever fails and wherever it leads; not a byte more is read than AWS said;
//! what broke on the way is tried again, and what came whole and is something else is not.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::tls::TlsConfig;

use super::LayerVersion;
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::registry;

const TRIES: u32 = 4;

/// Before the second try; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(250);

const BUFFER: usize = 1 << 16;

/// Why a try gave nothing.
enum Failed {
    /// It may work the next time.
    Broken(String),
    /// It will not.
    For(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

/// Downloads it into the cache; `name` is what messages call it.
pub(super) fn archive(version: &LayerVersion, name: &str, cache: &Cache) -> Result<PathBuf> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(registry::trusted_roots(None)?).build())
            .max_redirects(3)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_mins(1)))
            .timeout_recv_body(Some(Duration::from_mins(15)))
            .build(),
    );
    let mut pause = PAUSE;
    let mut reason = String::new();
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(pause);
            pause *= 2;
        }
        match attempt_once(&agent, version, name, cache) {
            Ok(path) => return Ok(path),
            Err(Failed::For(error)) => return Err(error),
            Err(Failed::Broken(why)) => reason = why,
        }
    }
    Err(Error::out_of_reach(
        format!("the archive of {name} could not be downloaded: {reason}"),
        "try again; check the network and the proxy",
    ))
}

fn attempt_once(agent: &ureq::Agent, version: &LayerVersion, name: &str, cache: &Cache) -> Result<PathBuf, Failed> {
    let response = agent.get(&version.location.0).call().map_err(|error| Failed::Broken(reason(&error)))?;
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Failed::Broken(format!("the storage answers {}", status.as_u16())));
    }
    if status != StatusCode::OK {
        return Err(Failed::For(Error::aws(
            format!("the archive of {name} could not be downloaded: the storage answers {}", status.as_u16()),
            "try again: the link that AWS gives is good for some minutes",
        )));
    }
    let mut arriving = cache.admit_layer(&version.sha256)?;
    let mut body = response.into_body().into_reader().take(version.packed + 1);
    let (mut buffer, mut read) = (vec![0; BUFFER], 0_u64);
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(bytes) => {
                read += bytes as u64;
                arriving.add(&buffer[..bytes])?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failed::Broken(format!("the connection broke ({})", error.kind()))),
        }
    }
    if read < version.packed {
        return Err(Failed::Broken(format!("it ended after {read} of {} bytes", version.packed)));
    }
    if read > version.packed {
        return Err(Failed::For(Error::aws(
            format!("the archive of {name} has more than the {} bytes that AWS says", version.packed),
            "do not use it; try again, and check the proxy",
        )));
    }
    Ok(arriving.finish(name)?)
}

/// Of the client's errors only those that cannot have the URL in them are shown.
fn reason(error: &ureq::Error) -> String {
    const INSECURE: &str = "the connection is not secure (SSL_CERT_FILE names a file of further authorities to trust)";
    match error {
        // rustls has no kind of its own for a certificate that is not one to trust.
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => INSECURE.into(),
        ureq::Error::Io(error) => format!("the connection broke ({})", error.kind()),
        ureq::Error::Timeout(_) => "it took too long".into(),
        ureq::Error::HostNotFound => "its host is not known here".into(),
        ureq::Error::ConnectionFailed => "no connection".into(),
        ureq::Error::TooManyRedirects => "it leads from one place to the next".into(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => INSECURE.into(),
        _ => "the request failed".into(),
    }
}
