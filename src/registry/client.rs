//! What all requests of a run have in common: connections, credentials, tokens, and which hosts speak plain HTTP.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ureq::http::Method;
use ureq::tls::TlsConfig;
use url::Url;

use super::auth::Authenticator;
use super::credentials::Credentials;
use super::ecr;
use super::error::RegistryError;
use super::http::{Body, Failure, Http, Request, is_loopback};
use super::patience::Patience;
use super::reference::{DOCKER_HUB, Reference};
use super::repository::{Place, Repository};
use super::tls;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Where Docker Hub's registry answers.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

const PROBES: u32 = 3;

/// How registries are talked with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Plain HTTP is allowed for hosts other than this machine.
    pub insecure: bool,
    /// A file of certificates in PEM that are trusted as well.
    pub ca_file: Option<PathBuf>,
    /// Who asks.
    pub credentials: Credentials,
    /// Blobs that are sent at a time.
    pub parallel: usize,
    /// How often something is tried again.
    pub patience: Patience,
}

impl Default for Options {
    /// As nobody.
    fn default() -> Self {
        Self {
            insecure: false,
            ca_file: None,
            credentials: Credentials::none(),
            parallel: 4,
            patience: Patience::default(),
        }
    }
}

/// A client for any number of registries; threads may share it.
pub struct Client {
    pub(super) http: Http,
    pub(super) auth: Authenticator,
    pub(super) options: Options,
    bases: Mutex<HashMap<String, Url>>,
}

impl Client {
    /// Reads the certificates that are trusted.
    pub fn new(options: Options) -> Result<Self> {
        let roots = tls::roots(options.ca_file.as_deref())?;
        let http = Http::new(&TlsConfig::builder().root_certs(roots).build());
        let auth = Authenticator::new(options.credentials.clone(), options.insecure);
        Ok(Self { http, auth, options, bases: Mutex::default() })
    }

    /// The repository that a reference names. A registry on this machine is asked whether it speaks plain HTTP; any other
    /// is not asked anything yet.
    pub fn repository<'a>(&'a self, reference: &Reference, progress: &'a Progress) -> Result<Repository<'a>> {
        let registry = reference.registry().to_owned();
        let place = Place { base: self.base(&registry)?, registry, repository: reference.repository().to_owned() };
        // ECR lets nobody in without a name, and what it says then does not tell how to get one.
        if ecr::Host::parse(&place.registry).is_some() && !self.auth.has_credential(&place)? {
            let Place { registry, repository, .. } = place;
            return Err(RegistryError::NoCredentials { registry, repository, why: None }.into());
        }
        Ok(Repository { client: self, progress, place })
    }

    fn base(&self, registry: &str) -> Result<Url> {
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = bases.get(registry) {
            return Ok(base.clone());
        }
        let host = if registry == DOCKER_HUB { DOCKER_HUB_HOST } else { registry };
        let parse = |scheme: &str| {
            Url::parse(&format!("{scheme}://{host}/v2/"))
                .map_err(|_| Error::usage(format!("{registry} is not the host of a registry"), "write HOST/NAME:TAG"))
        };
        let (safe, plain) = (parse("https")?, parse("http")?);
        // On this machine plain HTTP is usual; elsewhere it is taken only where it was allowed and HTTPS is not there.
        let is_plain = if is_loopback(&plain) {
            self.speaks_plain(&plain)
        } else {
            self.options.insecure && !self.speaks_tls(&safe) && self.speaks_plain(&plain)
        };
        let base = if is_plain { plain } else { safe };
        bases.insert(registry.to_owned(), base.clone());
        Ok(base)
    }

    /// Whether anything answers over HTTPS, whatever it says and whoever vouches for it.
    fn speaks_tls(&self, base: &Url) -> bool {
        match self.http.send(Request::new(Method::GET, base.clone(), Body::None)) {
            Ok(_) => true,
            Err(Failure::Tls(reason)) => reason.contains("certificate"),
            Err(_) => false,
        }
    }

    /// Servers that speak TLS answer plain requests with 400, or with what is not HTTP, or not at all; the last happens to
    /// others as well. Nothing secret is in the question.
    fn speaks_plain(&self, base: &Url) -> bool {
        for _ in 0..PROBES {
            match self.http.send(Request::new(Method::GET, base.clone(), Body::None)) {
                Ok(answer) => return answer.status != 400 && answer.url.scheme() == "http",
                Err(Failure::Broken(_)) => {}
                Err(_) => return false,
            }
        }
        false
    }
}
