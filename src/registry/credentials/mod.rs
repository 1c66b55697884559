//! Who a registry is told is asking: the files that `docker login` and `podman login` write, and credential helpers.
//!
//! The files are asked in the order in which Podman and then Docker look for them; one that says nothing of the registry
//! passes the question on. Where none has anything for a registry of ECR, AWS's API is asked, by whom the caller names. What must stay true: no message shows anything out of a file, or anything that a helper said.
//! Sources: containers-auth.json(5); <https://docs.docker.com/reference/cli/docker/login/>.

mod file;
mod helper;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ecr;
use super::error::RegistryError;
use super::secret::Secret;
use crate::error::Result;

/// How somebody is known to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A refresh token, to be exchanged for tokens (Docker's `identitytoken`).
    Identity(Secret),
    /// A token for the registry itself (Docker's `registrytoken`).
    Token(Secret),
}

/// Who gives passwords for ECR's private registries.
pub trait EcrPasswords: fmt::Debug + Send + Sync {
    /// What lets in to those of a Region. The error is the end of a sentence, and has nothing secret in it.
    fn of_region(&self, region: &str) -> Result<Credential, String>;
}

/// Where credentials come from.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    given: Option<Credential>,
    files: Vec<PathBuf>,
    ecr: Option<Arc<dyn EcrPasswords>>,
}

impl Credentials {
    /// Nobody in particular.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same for every registry.
    pub fn given(credential: Credential) -> Self {
        Self { given: Some(credential), ..Self::default() }
    }

    /// Files in the order in which they are asked.
    pub fn from_files(files: Vec<PathBuf>) -> Self {
        Self { files, ..Self::default() }
    }

    /// The files that Podman and Docker use.
    pub fn from_environment() -> Self {
        Self::from_files(files(|name| std::env::var_os(name)))
    }

    /// The same, with somebody to ask for what nothing else has for a registry of ECR.
    #[must_use]
    pub fn with_ecr(mut self, ecr: Arc<dyn EcrPasswords>) -> Self {
        self.ecr = Some(ecr);
        self
    }

    /// What is known for a repository.
    pub fn find(&self, registry: &str, repository: &str) -> Result<Option<Credential>> {
        if let Some(given) = &self.given {
            return Ok(Some(given.clone()));
        }
        for path in &self.files {
            if let Some(found) = find_in(path, registry, repository)? {
                return Ok(Some(found));
            }
        }
        let (Some(host), Some(ecr)) = (ecr::Host::parse(registry), &self.ecr) else { return Ok(None) };
        let found = ecr.of_region(&host.region).map_err(|why| RegistryError::NoCredentials {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            why: Some(why),
        })?;
        Ok(Some(found))
    }
}

fn find_in(path: &Path, registry: &str, repository: &str) -> Result<Option<Credential>> {
    let Some(file) = file::AuthFile::read(path)? else { return Ok(None) };
    // A helper of this registry's own is there on purpose. The store for all is asked last: files that a continuous
    // integration writes often keep the name of a desktop's.
    if let Some(name) = file.helper(registry)
        && let Some(found) = helper::ask(name, registry)?
    {
        return Ok(Some(found));
    }
    if let Some(found) = file.find(path, registry, repository)? {
        return Ok(Some(found));
    }
    match file.store() {
        Some(name) => helper::ask(name, registry),
        None => Ok(None),
    }
}

/// `variable` gives what an environment variable is set to.
fn files(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let config = folder("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
    let docker = folder("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker")));
    [
        folder("REGISTRY_AUTH_FILE"),
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        config.map(|folder| folder.join("containers/auth.json")),
        docker.map(|folder| folder.join("config.json")),
        home.map(|folder| folder.join(".docker/config.json")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &[(&str, &str)]) -> Vec<PathBuf> {
        files(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn podmans_files_then_dockers() {
        assert_eq!(
            paths(&[
                ("HOME", "/h"),
                ("REGISTRY_AUTH_FILE", "/a.json"),
                ("XDG_RUNTIME_DIR", "/run"),
                ("DOCKER_CONFIG", "/d")
            ]),
            [
                "/a.json",
                "/run/containers/auth.json",
                "/h/.config/containers/auth.json",
                "/d/config.json",
                "/h/.docker/config.json"
            ]
            .map(PathBuf::from)
        );
        assert_eq!(paths(&[]), Vec::<PathBuf>::new());
        assert_eq!(paths(&[("XDG_RUNTIME_DIR", "")]), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_file_without_an_answer_passes_the_question_on() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["1.json", "2.json"].map(|name| folder.path().join(name));
        std::fs::write(&first, r#"{"auths":{"other.org":{"auth":"dTpw"}}}"#).unwrap();
        std::fs::write(&second, r#"{"auths":{"host.org":{"auth":"dTpw"}}}"#).unwrap();
        let credentials = Credentials::from_files(vec![folder.path().join("none.json"), first, second]);
        let found = credentials.find("host.org", "a/b").unwrap();
        assert_eq!(found, Some(Credential::Password { user: "u".into(), password: "p".to_owned().into() }));
        assert_eq!(format!("{found:?}"), r#"Some(Password { user: "u", password: *** })"#);
        assert_eq!(credentials.find("third.org", "a/b").unwrap(), None);
    }

    #[derive(Debug)]
    struct Aws(Result<Credential, String>);

    impl EcrPasswords for Aws {
        fn of_region(&self, region: &str) -> Result<Credential, String> {
            assert_eq!(region, "eu-west-1");
            self.0.clone()
        }
    }

    #[test]
    fn aws_is_asked_for_its_own_private_registries_and_last() {
        const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let password = |user: &str| Credential::Password { user: user.to_owned(), password: "p".to_owned().into() };
        let with = |answer| Credentials::from_files(vec![file.clone()]).with_ecr(Arc::new(Aws(answer)));
        let credentials = with(Ok(password("AWS")));
        assert_eq!(credentials.find(ECR, "a").unwrap(), Some(password("AWS")));
        for elsewhere in ["public.ecr.aws", "docker.io", "127.0.0.1:5000", "123456789012.dkr.ecr.eu-west-1.example.com"]
        {
            assert_eq!(credentials.find(elsewhere, "a").unwrap(), None);
        }
        let error = with(Err("there are none".into())).find(ECR, "a").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{ECR} wants credentials for a, and none were found (AWS's SDK gave none: there are none)")
        );
        assert!(error.hint().unwrap().starts_with("aws ecr get-login-password --region eu-west-1 | "));
        std::fs::write(&file, format!(r#"{{"auths":{{"{ECR}":{{"auth":"dTpw"}}}}}}"#)).unwrap();
        assert_eq!(with(Err("nobody asks".into())).find(ECR, "a").unwrap(), Some(password("u")));
    }
}
