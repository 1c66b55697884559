//! From what a project means to an archive in the cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{State, Wanted, without_version};
use crate::aws::{Access, Lambda, LayerVersion};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::LayerArn;
use crate::layers::{Given, Layers};
use crate::lock::{self, InLayer, Lock, LockedLayer};

/// Looks versions and archives up: in the lock and the cache, and with AWS where these have nothing.
#[derive(Debug)]
pub struct Finder<'a> {
    cache: &'a Cache,
    offline: bool,
    access: Access,
    /// By the Region that was asked for.
    connections: BTreeMap<Option<String>, Connection>,
}

#[derive(Debug)]
enum Connection {
    Open(Box<Lambda>),
    /// Why there is none: looking for credentials again would take as long again.
    Refused {
        message: String,
        hint: String,
    },
}

impl<'a> Finder<'a> {
    /// One that has asked nobody yet.
    pub fn new(cache: &'a Cache, offline: bool, access: Access) -> Self {
        Self { cache, offline, access, connections: BTreeMap::new() }
    }

    /// Whether it could ask anybody at all.
    pub fn asks(&self) -> bool {
        cfg!(feature = "aws") && !self.offline
    }

    /// What the lock is to say of a layer: what it says, if that holds and no newer one is asked for; else what AWS says.
    pub fn resolve(&mut self, wanted: &Wanted, lock: &Lock, newest: bool) -> Result<LockedLayer> {
        if let State::Holds(locked) = wanted.state(lock)
            && (!newest || wanted.version().is_some())
        {
            return Ok(locked.clone());
        }
        if self.offline {
            return Err(Error::out_of_reach(
                format!("what {wanted} has is not in the lock as pack.toml means it, and --offline asks nobody"),
                "pack lock without --offline",
            ));
        }
        let old = lock.layer(&wanted.name, wanted.target);
        let region = wanted.arn(None).or_else(|| Some(old?.arn.clone())).map(|arn| arn.region);
        let aws = self.connect(region)?;
        let Some(meant) = wanted.arn(Some(aws.region())) else {
            return Err(Error::out_of_reach(
                "the AWS Region is not known",
                "--region or region in [project] of pack.toml names it",
            ));
        };
        let same = old.filter(|old| without_version(&old.arn) == without_version(&meant));
        let version = match meant.version {
            Some(version) => version,
            None => aws.newest(&meant, same.and_then(|old| old.arn.version))?,
        };
        let arn = LayerArn { version: Some(version), ..meant };
        if let Some(same) = same.filter(|old| old.arn == arn) {
            return Ok(same.clone());
        }
        let found = aws.layer_version(&arn)?;
        let zip = self.bring(&found, &arn)?;
        measure(wanted, arn, &zip, found)
    }

    /// The archive that the lock names.
    pub fn archive(&mut self, locked: &LockedLayer) -> Result<Given> {
        let LockedLayer { name, arn, sha256, .. } = locked;
        let given = |zip| Given::Published { name: name.clone(), arn: arn.to_string(), zip, sha256: sha256.clone() };
        if let Some(zip) = self.cache.layer(sha256)? {
            return Ok(given(zip));
        }
        if self.offline {
            return Err(Error::out_of_reach(
                format!("its archive ({arn}) is not in the cache, and --offline downloads nothing"),
                "build once without --offline",
            ));
        }
        let found = self.connect(Some(arn.region.clone()))?.layer_version(arn)?;
        if found.sha256 != *sha256 {
            return Err(Error::aws(
                format!("AWS has {arn} with SHA-256 {}, and the lock says {sha256}", found.sha256),
                format!(
                    "a version never changes: check where pack.lock comes from; pack lock --upgrade {name} takes the newest"
                ),
            ));
        }
        self.bring(&found, arn).map(given)
    }

    fn bring(&mut self, found: &LayerVersion, arn: &LayerArn) -> Result<PathBuf> {
        let cache = self.cache;
        match cache.layer(&found.sha256)? {
            Some(zip) => Ok(zip),
            None => self.connect(Some(arn.region.clone()))?.download(found, arn, cache),
        }
    }

    fn connect(&mut self, region: Option<String>) -> Result<&Lambda> {
        let access = self.access.in_region(region.as_deref());
        let connection = self.connections.entry(region).or_insert_with(|| match Lambda::connect(&access) {
            Ok(lambda) => Connection::Open(Box::new(lambda)),
            Err(error) => Connection::Refused { message: error.to_string(), hint: error.hint().unwrap_or_default() },
        });
        match connection {
            Connection::Open(lambda) => Ok(lambda),
            Connection::Refused { message, hint } => Err(Error::out_of_reach(message.clone(), hint.clone())),
        }
    }
}

/// What the archive has.
fn measure(wanted: &Wanted, arn: LayerArn, zip: &Path, found: LayerVersion) -> Result<LockedLayer> {
    let Wanted { name, target, .. } = wanted;
    let given = Given::Published {
        name: name.clone(),
        arn: arn.to_string(),
        zip: zip.to_owned(),
        sha256: found.sha256.clone(),
    };
    let layers = Layers::read(&[given], target.python)?;
    let distributions = layers
        .imported()
        .map(|(distribution, versioned)| InLayer { name: distribution.name, version: distribution.version, versioned })
        .collect();
    lock::readable(LockedLayer {
        name: name.clone(),
        target: *target,
        arn,
        sha256: found.sha256,
        packed: found.packed,
        unpacked: layers.unpacked(),
        distributions,
    })
}
