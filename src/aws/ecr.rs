//! Passwords for ECR's private registries: `GetAuthorizationToken`, which is what `aws ecr get-login-password` asks.
//!
//! What must stay true: a password is in memory only, and what AWS answers is in no message. It is good for twelve hours, for every
//! private registry of its Region that whoever asks may use; the `proxyEndpoint` that comes with it is not where anything is
//! sent. Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_ecr::Client;

use super::{Access, connect, failure};
use crate::error::{Error, Result};
use crate::registry::{Credential, EcrPasswords};

const ACTION: &str = "ecr:GetAuthorizationToken";

/// What fits into a header that servers take; a real one has about 2 KB.
const TOKEN_BYTES: usize = 32 << 10;

/// AWS's API as a source of passwords.
#[derive(Debug, Default)]
pub(super) struct Ecr {
    profile: Option<String>,
    known: Mutex<BTreeMap<String, Credential>>,
}

impl Ecr {
    /// With a profile of AWS's configuration files, or whatever AWS's chain finds.
    pub(super) fn of(profile: Option<&str>) -> Self {
        Self { profile: profile.map(str::to_owned), ..Self::default() }
    }
}

impl EcrPasswords for Ecr {
    fn of_region(&self, region: &str) -> Result<Credential, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(credential) = known.get(region) {
            return Ok(credential.clone());
        }
        let access = Access { region: Some(region.to_owned()), profile: self.profile.clone() };
        let credential = ask(&access).map_err(|error| error.to_string())?;
        known.insert(region.to_owned(), credential.clone());
        Ok(credential)
    }
}

fn ask(access: &Access) -> Result<Credential> {
    let answered = connect::runtime()?.block_on(async {
        let (config, _) = connect::configure(access, ACTION).await?;
        let asked = Client::new(&config).get_authorization_token().send().await;
        asked.map_err(|error| failure::of_password(&error, ACTION))
    })?;
    let token = answered.authorization_data().iter().find_map(|data| data.authorization_token());
    token.and_then(read).ok_or_else(|| Error::aws("AWS answers with no password that can be sent", "try again"))
}

/// `USER:PASSWORD` in base64.
fn read(token: &str) -> Option<Credential> {
    let bytes = data_encoding::BASE64.decode(token.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= TOKEN_BYTES)?;
    let (user, password) = text.split_once(':')?;
    let is_fit = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let password = Some(password).filter(|password| is_fit(password))?;
    is_fit(user).then(|| Credential::Password { user: user.to_owned(), password: password.to_owned().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_user_and_a_password() {
        let encoded = |text: &str| read(&data_encoding::BASE64.encode(text.as_bytes()));
        let expected = Credential::Password { user: "AWS".into(), password: "eyJw:a==".to_owned().into() };
        assert_eq!(encoded("AWS:eyJw:a=="), Some(expected));
        for wrong in ["AWS", "AWS:", ":x", "AWS:a\r\nX-Evil: 1", &format!("AWS:{}", "x".repeat(TOKEN_BYTES))] {
            assert_eq!(encoded(wrong), None);
        }
        assert_eq!(read("no base64"), None);
    }
}
