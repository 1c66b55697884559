//! Whom HTTPS trusts: Mozilla's authorities, and those of this machine.
//!
//! Both, because a registry inside of a company has an authority that only the machine knows, and a small image has no
//! certificates at all. A verifier of the platform (`rustls-platform-verifier`) reads the same files on Linux and has
//! nothing where there are none. `SSL_CERT_FILE` and `SSL_CERT_DIR` stand for the machine's files, as for OpenSSL.

use std::path::Path;
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts};

use super::error::RegistryError;

/// Every authority that is trusted; `extra` is a file in PEM.
pub(crate) fn roots(extra: Option<&Path>) -> Result<RootCerts, RegistryError> {
    let mut trusted: Vec<Certificate<'static>> =
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| Certificate::from_der(certificate)).collect();
    let native = rustls_native_certs::load_native_certs();
    // Whoever names a file means it; what is wrong with one of the machine's own is not this build's business.
    if let Some(file) = std::env::var_os("SSL_CERT_FILE")
        && let Err(error) = std::fs::File::open(file)
    {
        return Err(RegistryError::Certificates { from: "SSL_CERT_FILE".into(), reason: error.to_string() });
    }
    trusted.extend(native.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()));
    if let Some(path) = extra {
        let wrong = |reason: String| RegistryError::Certificates { from: path.display().to_string(), reason };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let before = trusted.len();
        for item in ureq::tls::parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|_| wrong("it is not PEM".into()))? {
                trusted.push(certificate);
            }
        }
        if trusted.len() == before {
            return Err(wrong("no certificate is in it".into()));
        }
    }
    Ok(RootCerts::Specific(Arc::new(trusted)))
}
