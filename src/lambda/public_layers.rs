//! Public layers of Python libraries, and the ARNs of layers.
//!
//! Sources: <https://aws-sdk-pandas.readthedocs.io/en/stable/layers.html> and
//! <https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/>. Both accounts are those of the commercial
//! Regions; AWS's partitions for China and `GovCloud` have others.

use std::fmt;
use std::str::FromStr;

use super::runtime::{Architecture, Target};

/// A public layer that is known by a short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublicLayer {
    /// AWS SDK for pandas: pandas, pyarrow, numpy and awswrangler.
    AwsSdkPandas,
    /// Powertools for AWS Lambda (Python), version 3, with all its extras.
    Powertools,
}

impl PublicLayer {
    /// The short names.
    pub const NAMES: &'static [&'static str] = &["aws-sdk-pandas", "powertools"];

    /// The short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsSdkPandas => "aws-sdk-pandas",
            Self::Powertools => "powertools",
        }
    }

    /// The account that publishes it.
    pub fn account(self) -> &'static str {
        match self {
            Self::AwsSdkPandas => "336392948345",
            Self::Powertools => "017000801446",
        }
    }

    /// The layer's name for a runtime and architecture.
    pub fn layer_name(self, target: Target) -> String {
        let python = target.python.to_string().replace('.', "");
        match self {
            Self::AwsSdkPandas => {
                let suffix = if target.architecture == Architecture::Arm64 { "-Arm64" } else { "" };
                format!("AWSSDKPandas-Python{python}{suffix}")
            }
            Self::Powertools => format!("AWSLambdaPowertoolsPythonV3-python{python}-{}", target.architecture),
        }
    }

    /// Its ARN in a Region.
    pub fn arn(self, region: &str, target: Target, version: Option<u32>) -> LayerArn {
        LayerArn {
            partition: "aws".into(),
            region: region.into(),
            account: self.account().into(),
            name: self.layer_name(target),
            version,
        }
    }
}

impl FromStr for PublicLayer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::AwsSdkPandas, Self::Powertools]
            .into_iter()
            .find(|layer| layer.name() == text)
            .ok_or_else(|| format!("public layers known to pack: {}", Self::NAMES.join(", ")))
    }
}

/// A layer's ARN: `arn:aws:lambda:REGION:ACCOUNT:layer:NAME`, and `:VERSION` if one is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LayerArn {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The Region; a function takes layers of its own Region only.
    pub region: String,
    /// The account.
    pub account: String,
    /// The layer's name.
    pub name: String,
    /// The version.
    pub version: Option<u32>,
}

impl FromStr for LayerArn {
    type Err = String;

    /// As Lambda's API reads it (`LayerVersionArn` of the service's model).
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "an ARN of a layer looks like arn:aws:lambda:eu-west-1:123456789012:layer:NAME:1".to_owned();
        let of =
            |part: &str, allowed: fn(char) -> bool| !part.is_empty() && part.len() <= 140 && part.chars().all(allowed);
        let word = |part: &str| of(part, |character| character.is_ascii_alphanumeric() || character == '-');
        let parts: Vec<&str> = text.split(':').collect();
        let (["arn", partition, "lambda", region, account, "layer", name], version) = (match parts.split_at_checked(7) {
            Some((head, rest)) => (head, rest),
            None => return Err(wrong()),
        }) else {
            return Err(wrong());
        };
        let named = of(name, |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'));
        let numbered = account.len() == 12 && of(account, |character| character.is_ascii_digit());
        if !(word(partition) && word(region) && named && numbered) {
            return Err(wrong());
        }
        let version = match version {
            [] => None,
            [number] => Some(number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        };
        let owned = |part: &&str| (*part).to_owned();
        Ok(Self {
            partition: owned(partition),
            region: owned(region),
            account: owned(account),
            name: owned(name),
            version,
        })
    }
}

impl fmt::Display for LayerArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, name, version } = self;
        write!(formatter, "arn:{partition}:lambda:{region}:{account}:layer:{name}")?;
        version.map_or(Ok(()), |version| write!(formatter, ":{version}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(python: &str, architecture: Architecture) -> Target {
        Target { python: python.parse().unwrap(), architecture }
    }

    #[test]
    fn names_follow_runtime_and_architecture() {
        let arn = |layer: PublicLayer, target, version| layer.arn("eu-west-1", target, version).to_string();
        assert_eq!(
            arn(PublicLayer::AwsSdkPandas, target("3.13", Architecture::X86_64), Some(3)),
            "arn:aws:lambda:eu-west-1:336392948345:layer:AWSSDKPandas-Python313:3"
        );
        assert_eq!(
            arn(PublicLayer::AwsSdkPandas, target("3.10", Architecture::Arm64), None),
            "arn:aws:lambda:eu-west-1:336392948345:layer:AWSSDKPandas-Python310-Arm64"
        );
        assert_eq!(
            arn(PublicLayer::Powertools, target("3.12", Architecture::X86_64), Some(21)),
            "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:21"
        );
    }

    #[test]
    fn an_arn_is_read_as_it_is_written() {
        for text in [
            "arn:aws:lambda:eu-west-1:123456789012:layer:my_layer-1:7",
            "arn:aws-cn:lambda:cn-north-1:123456789012:layer:x",
        ] {
            assert_eq!(text.parse::<LayerArn>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        for text in [
            "",
            "arn:aws:lambda",
            "arn:aws:s3:eu-west-1:123456789012:layer:x",
            "arn:aws:lambda:eu-west-1:12345678901:layer:x",
            "arn:aws:lambda:eu-west-1:123456789012:layer:x:0",
            "arn:aws:lambda:eu-west-1:123456789012:layer:x:1:2",
            "arn:aws:lambda:eu-west-1:123456789012:layer:x/y",
            "arn:aws:lambda::123456789012:layer:x",
        ] {
            assert!(text.parse::<LayerArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn short_names_are_known() {
        for name in PublicLayer::NAMES {
            assert_eq!(name.parse::<PublicLayer>().unwrap().name(), *name);
        }
        assert!("pandas".parse::<PublicLayer>().is_err());
    }
}
