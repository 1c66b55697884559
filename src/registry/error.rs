//! Every way that talking with a registry can fail. Messages name the registry, the repository and what was asked.
//!
//! What must stay true: no variant holds a secret, an `Authorization`, or a URL: what redirects lead to is signed.

use std::path::PathBuf;

use super::ecr;
use super::refusal::Refusal;

/// What stopped a pull or push.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry said no.
    #[error("{registry} refused {asked} of {repository}: {refusal}")]
    Refused {
        /// `HOST[:PORT]`.
        registry: String,
        /// The repository.
        repository: String,
        /// What was asked, as `the manifest 3.13`.
        asked: String,
        /// Its answer.
        refusal: Refusal,
        /// Whether a user's credentials were sent with it.
        known: bool,
    },
    /// No answer, or only a part of one.
    #[error("{registry} gave no answer to {asked} of {repository}: {reason}")]
    Unreachable {
        /// `HOST[:PORT]`.
        registry: String,
        /// The repository.
        repository: String,
        /// What was asked.
        asked: String,
        /// What happened to the connection.
        reason: String,
    },
    /// An answer that cannot be right.
    #[error("{registry} answered {asked} of {repository} wrongly: {reason}")]
    Wrong {
        /// `HOST[:PORT]`.
        registry: String,
        /// The repository.
        repository: String,
        /// What was asked.
        asked: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An index without an image for Lambda.
    #[error("{image} has no image for {wanted}; it has {}", if there.is_empty() { "none at all".into() } else { there.join(", ") })]
    NoPlatform {
        /// The image.
        image: String,
        /// The platform.
        wanted: String,
        /// The platforms that it has.
        there: Vec<String>,
    },
    /// The registry wants to know who asks.
    #[error(
        "{registry} wants credentials for {repository}, and none were found{}",
        why.as_ref().map_or_else(String::new, |why| format!(" (AWS's SDK gave none: {why})"))
    )]
    NoCredentials {
        /// `HOST[:PORT]`.
        registry: String,
        /// The repository.
        repository: String,
        /// Why AWS's API gave none, where it was to be asked.
        why: Option<String>,
    },
    /// A file of credentials cannot be read.
    #[error("{} cannot be read as a file of credentials: {reason}", path.display())]
    CredentialsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without anything out of it.
        reason: String,
    },
    /// A credential helper does not do what it has to.
    #[error("docker-credential-{name} gave no credentials for {registry}: {reason}")]
    Helper {
        /// The helper.
        name: String,
        /// What it was asked for.
        registry: String,
        /// What happened, without anything that it said.
        reason: String,
    },
    /// A file of certificates cannot be used.
    #[error("certificates cannot be read from {from}: {reason}")]
    Certificates {
        /// The file, or the variable that names it.
        from: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What is to be sent is not what was announced.
    #[error("{blob} cannot be sent: {reason}")]
    Source {
        /// The blob's file, or its digest.
        blob: String,
        /// What happened.
        reason: String,
    },
}

impl RegistryError {
    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { registry, repository, asked, refusal, known } => {
                refused_hint(registry, repository, asked, refusal, *known)
            }
            Self::Unreachable { reason, .. } if reason.contains("certificate") => {
                Some("let SSL_CERT_FILE name a file with the certificate of the registry's authority, in PEM".into())
            }
            Self::Unreachable { reason, .. } if reason.contains("InvalidContentType") => {
                Some("it may speak plain HTTP: --insecure allows that".into())
            }
            Self::Unreachable { registry, repository, .. } if ecr::Host::parse(registry).is_some() => Some(format!(
                "check the network; where a repository is missing ECR may drop the connection: {}",
                create(registry, repository)
            )),
            Self::Unreachable { .. } => {
                Some("check the network, HTTPS_PROXY and NO_PROXY, and the registry's name".into())
            }
            Self::NoCredentials { registry, .. } => Some(log_in(registry)),
            Self::NoPlatform { .. } => Some("choose another --arch, or a base image that has this one".into()),
            Self::Helper { name, registry, .. } => {
                Some(format!("see what it says: echo {registry} | docker-credential-{name} get"))
            }
            Self::CredentialsFile { .. } => Some("docker login or podman login write it anew".into()),
            Self::Wrong { .. } => Some("it may be a proxy that answers, or no registry: check the name".into()),
            Self::Certificates { .. } => Some("it takes certificates in PEM".into()),
            Self::Source { .. } => None,
        }
    }
}

/// How to get credentials into a file that pack reads.
fn log_in(registry: &str) -> String {
    match ecr::Host::parse(registry) {
        Some(host) => format!(
            "aws ecr get-login-password --region {} | docker login --username AWS --password-stdin {registry} (or podman \
             login; the password is good for 12 hours)",
            host.region
        ),
        None => format!("docker login {registry}, or podman login {registry}: pack reads what they keep"),
    }
}

fn create(registry: &str, repository: &str) -> String {
    match ecr::Host::parse(registry) {
        Some(host) => {
            format!("aws ecr create-repository --region {} --repository-name {repository}", host.region)
        }
        None => format!("create the repository {repository} on {registry} first"),
    }
}

fn refused_hint(registry: &str, repository: &str, asked: &str, refusal: &Refusal, known: bool) -> Option<String> {
    let is_missing = refusal.has(&["NAME_UNKNOWN", "RepositoryNotFoundException"]);
    let is_upload = asked.starts_with("the upload");
    match refusal.status {
        _ if is_missing && asked.starts_with("the manifest") => {
            Some(format!("check the name; to push to it, {}", create(registry, repository)))
        }
        _ if is_missing => Some(create(registry, repository)),
        _ if refusal.mentions("immutable") || refusal.has(&["ImageTagAlreadyExistsException"]) => {
            Some("the tag is taken by another image and cannot be moved: choose a new one".into())
        }
        404 if is_upload => Some(create(registry, repository)),
        404 => Some("check the name, the tag and the digest".into()),
        401 | 403 if !known => Some(log_in(registry)),
        401 | 403 => Some(format!(
            "the user that the credentials name may not do this, or they are out of date: {}",
            log_in(registry)
        )),
        429 => Some("the registry wants fewer requests: try again later, or log in".into()),
        500.. => Some("the registry is in trouble: try again later".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    fn refused(registry: &str, asked: &str, status: u16, code: &str) -> String {
        let refusal = Refusal { status, errors: vec![(code.into(), String::new())] };
        let error = RegistryError::Refused {
            registry: registry.into(),
            repository: "team/app".into(),
            asked: asked.into(),
            refusal,
            known: false,
        };
        error.hint().unwrap_or_default()
    }

    #[test]
    fn hints_say_the_command() {
        let create = "aws ecr create-repository --region eu-west-1 --repository-name team/app";
        assert_eq!(refused(ECR, "the upload of sha256:0", 404, "NAME_UNKNOWN"), create);
        assert_eq!(refused(ECR, "the upload of sha256:0", 404, ""), create);
        assert_eq!(
            refused("h.org", "the upload of sha256:0", 404, ""),
            "create the repository team/app on h.org first"
        );
        assert!(
            refused(ECR, "the manifest 1", 401, "").starts_with("aws ecr get-login-password --region eu-west-1 | ")
        );
        assert!(refused("h.org", "the manifest 1", 403, "").starts_with("docker login h.org"));
        let dropped = RegistryError::Unreachable {
            registry: ECR.into(),
            repository: "team/app".into(),
            asked: "the upload of sha256:0".into(),
            reason: "the connection was closed".into(),
        };
        assert!(dropped.hint().unwrap().ends_with(create));
    }
}
