//! Lambda's API, as far as layers of others need it.

use std::path::PathBuf;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::LayerVersionContentOutput;

use super::{Access, LayerVersion, Location, connect, download, failure, newest};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::{LayerArn, UNPACKED_BYTES};

/// Lambda's API in one Region, with the credentials that AWS's own chain finds.
#[derive(Debug)]
pub struct Lambda {
    runtime: tokio::runtime::Runtime,
    client: Client,
    region: String,
}

impl Lambda {
    /// Finds credentials, and the Region if none is given.
    pub fn connect(access: &Access) -> Result<Self> {
        let runtime = connect::runtime()?;
        let (config, region) = runtime.block_on(connect::configure(access, "lambda:GetLayerVersion"))?;
        Ok(Self { client: Client::new(&config), runtime, region })
    }

    /// The Region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The newest version of a layer; `known` is one that there was.
    pub fn newest(&self, arn: &LayerArn, known: Option<u32>) -> Result<u32> {
        self.runtime.block_on(newest::find(&self.client, arn, known))
    }

    /// A version of a layer; the ARN has it.
    pub fn layer_version(&self, arn: &LayerArn) -> Result<LayerVersion> {
        let asked = self.client.get_layer_version_by_arn().arn(arn.to_string()).send();
        let output = self.runtime.block_on(asked).map_err(|error| failure::of(&error, "GetLayerVersion", arn))?;
        let content = output.content.ok_or_else(|| odd(arn, "no content"))?;
        read(content, arn)
    }

    /// Brings the archive of a version into the cache.
    pub fn download(&self, version: &LayerVersion, arn: &LayerArn, cache: &Cache) -> Result<PathBuf> {
        download::archive(version, &arn.to_string(), cache)
    }
}

fn read(content: LayerVersionContentOutput, arn: &LayerArn) -> Result<LayerVersion> {
    let sha256 = content.code_sha256.and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
    let sha256 = sha256.filter(|digest| digest.len() == 32).ok_or_else(|| odd(arn, "no SHA-256"))?;
    let packed = u64::try_from(content.code_size).ok().filter(|bytes| (1..=UNPACKED_BYTES).contains(bytes));
    Ok(LayerVersion {
        sha256: data_encoding::HEXLOWER.encode(&sha256),
        packed: packed.ok_or_else(|| odd(arn, "a size that no layer has"))?,
        location: Location(content.location.ok_or_else(|| odd(arn, "no place to download it from"))?),
    })
}

fn odd(arn: &LayerArn, what: &str) -> Error {
    Error::aws(format!("AWS answers {what} for {arn}"), "try again; or download the layer and give it with --layer")
}
