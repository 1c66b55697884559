//! Credential helpers: programs `docker-credential-NAME` that are asked for a host's credentials.
//!
//! Source: <https://github.com/docker/docker-credential-helpers>: `get` reads the server from its input and answers
//! `{"ServerURL", "Username", "Secret"}`; a user `<token>` means an identity token; what is not there is a failure that says
//! so on the standard output.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::Credential;
use crate::error::Result;
use crate::registry::error::RegistryError;
use crate::registry::reference::DOCKER_HUB;
use crate::system;

/// A helper may ask a person; one that hangs must not hang a build.
const LIMIT: Duration = Duration::from_mins(1);

const NOT_THERE: &[&str] =
    &["credentials not found in native keychain", "no credentials server URL", "no credentials username"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// What the helper has for a registry.
pub(super) fn ask(name: &str, registry: &str) -> Result<Option<Credential>> {
    // Docker asks for its Hub by the old URL, Podman by name.
    let servers: &[&str] =
        if registry == DOCKER_HUB { &["https://index.docker.io/v1/", DOCKER_HUB] } else { &[registry] };
    for server in servers {
        if let Some(found) = ask_for(name, server, LIMIT).map_err(|reason| RegistryError::Helper {
            name: name.to_owned(),
            registry: registry.to_owned(),
            reason,
        })? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn ask_for(name: &str, server: &str, limit: Duration) -> Result<Option<Credential>, String> {
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err("its name is not one of a program".into());
    }
    let program = system::find_on_path(&format!("docker-credential-{name}"));
    let program = program.first().ok_or("it is not on PATH")?;
    let mut command = Command::new(program);
    command.arg("get");
    let answer = system::ask(command, server.as_bytes(), limit)
        .map_err(|error| format!("it cannot be started ({})", error.kind()))?;
    let (status, said) = answer.ok_or_else(|| format!("it did not answer within {} seconds", limit.as_secs()))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        return if NOT_THERE.iter().any(|words| said.contains(words)) {
            Ok(None)
        } else {
            Err(format!("it failed ({status})"))
        };
    }
    let answer: Answer = serde_json::from_slice(&said).map_err(|_| "its answer is not the JSON that it should be")?;
    Ok(match (answer.username.as_str(), answer.secret) {
        (_, secret) if secret.is_empty() => None,
        ("<token>", secret) => Some(Credential::Identity(secret.into())),
        (user, secret) => Some(Credential::Password { user: user.to_owned(), password: secret.into() }),
    })
}
