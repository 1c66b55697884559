//! The layers of others in a lock.

use serde::Deserialize;

use super::{check_digest, check_distribution, is_plain, read_target};
use crate::lambda::{LayerArn, UNPACKED_BYTES};
use crate::lock::model::{InLayer, LockedLayer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLayer {
    name: String,
    python: String,
    architecture: String,
    arn: String,
    sha256: String,
    packed: u64,
    unpacked: u64,
    distributions: Vec<RawDistribution>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDistribution {
    name: String,
    version: String,
    #[serde(default)]
    versioned: bool,
}

pub(super) fn read(raw: RawLayer) -> Result<LockedLayer, String> {
    let RawLayer { name, python, architecture, arn, sha256, packed, unpacked, distributions } = raw;
    if name.is_empty() || !is_plain(&name) {
        return Err(format!("{name:?} is no name of a layer"));
    }
    let target = read_target(&python, &architecture)?;
    let arn: LayerArn = arn.parse()?;
    if arn.version.is_none() {
        return Err(format!("{arn} has no version"));
    }
    check_digest(&sha256)?;
    if packed > UNPACKED_BYTES {
        return Err(format!("{packed} bytes are more than a layer has: {UNPACKED_BYTES} at most"));
    }
    let mut read = Vec::with_capacity(distributions.len());
    for RawDistribution { name, version, versioned } in distributions {
        check_distribution(&name, &version)?;
        read.push(InLayer { name, version, versioned });
    }
    read.sort_by(|left, right| left.name.cmp(&right.name));
    if let Some(pair) = read.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(format!("{} is there twice", pair[0].name));
    }
    Ok(LockedLayer { name, target, arn, sha256, packed, unpacked, distributions: read })
}
