//! In a pack without the SDK.

use std::convert::Infallible;
use std::path::PathBuf;

use super::{Access, Invocation, Invoking, LayerVersion, Sending, Sent};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::LayerArn;
use crate::progress::Tally;
use crate::registry::{Credential, EcrPasswords};

/// Lambda's API, which this pack cannot ask: there is none of it.
#[derive(Debug)]
pub struct Lambda {
    never: Infallible,
}

impl Lambda {
    /// Says why not.
    pub fn connect(_: &Access) -> Result<Self> {
        Err(absent())
    }

    /// The Region.
    pub fn region(&self) -> &str {
        match self.never {}
    }

    /// The newest version of a layer.
    pub fn newest(&self, _: &LayerArn, _: Option<u32>) -> Result<u32> {
        match self.never {}
    }

    /// A version of a layer.
    pub fn layer_version(&self, _: &LayerArn) -> Result<LayerVersion> {
        match self.never {}
    }

    /// The archive of a version.
    pub fn download(&self, _: &LayerVersion, _: &LayerArn, _: &Cache) -> Result<PathBuf> {
        match self.never {}
    }
}

/// What there is to say of every question.
fn absent() -> Error {
    Error::out_of_reach(
        "this pack was built without the cargo feature aws, and so cannot ask AWS",
        "build it with cargo install --path . --features aws (or cargo build --release --features aws)",
    )
}

/// Messages onto a queue.
pub fn send(_: &Access, _: &Sending, _: Tally) -> Result<Sent> {
    Err(absent())
}

/// Invocations of functions.
pub fn invoke(_: &Access, _: &Invoking, _: impl FnMut(Invocation) -> Result<()>) -> Result<()> {
    Err(absent())
}

/// Functions whose next invocation starts cold.
pub fn chill(_: &Access, _: &[String], _: impl FnMut(&str, Result<u64>) -> Result<()>) -> Result<()> {
    Err(absent())
}

/// ECR's passwords, which this pack cannot ask for.
#[derive(Debug, Default)]
pub(super) struct Ecr {}

impl Ecr {
    pub(super) fn of(_: Option<&str>) -> Self {
        Self {}
    }
}

impl EcrPasswords for Ecr {
    fn of_region(&self, _: &str) -> Result<Credential, String> {
        Err("this pack was built without the cargo feature aws".into())
    }
}
