//! The host names of Amazon ECR's private registries
//! (<https://docs.aws.amazon.com/general/latest/gr/ecr.html>: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, `ecr-fips`, China's
//! `amazonaws.com.cn`, and `ACCOUNT.dkr-ecr.REGION.on.aws` for both versions of IP).

/// What such a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) account: String,
    pub(super) region: String,
}

impl Host {
    pub(super) fn parse(registry: &str) -> Option<Self> {
        let (account, rest) = registry.split_once('.')?;
        let rest = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."]
            .iter()
            .find_map(|start| rest.strip_prefix(start))?;
        let (region, domain) = rest.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_aws = ["amazonaws.com", "amazonaws.com.cn", "on.aws", "on.amazonwebservices.com.cn"].contains(&domain);
        (is_account && is_aws).then(|| Self { account: account.to_owned(), region: region.to_owned() })
    }
}

/// The account and the Region of a private registry of ECR's, by its host.
pub fn account_and_region(host: &str) -> Option<(String, String)> {
    Host::parse(host).map(|host| (host.account, host.region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ecrs_own_names() {
        let region = |registry: &str| Host::parse(registry).map(|host| host.region);
        for registry in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.on.aws",
        ] {
            assert_eq!(region(registry).as_deref(), Some("eu-west-1"));
        }
        for registry in [
            "public.ecr.aws",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.org",
            "123456789012.dkr.ecr.amazonaws.com",
            "host:5000",
        ] {
            assert_eq!(region(registry), None, "{registry}");
        }
    }
}
