//! In a pack without the SDK.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Access, Invocation, Invoking, Keep, LayerVersion, Sending, Sent, Stage};
use crate::cache::Cache;
use crate::deploy::{CodeStorage, Desired, Observed, Only, Place, Plan, Remains};
use crate::error::{Error, Result};
use crate::lambda::LayerArn;
use crate::progress::{Progress, Tally};
use crate::registry::{Credential, EcrPasswords};

/// What every question ends with.
fn absent() -> Error {
    Error::out_of_reach(
        "this pack was built without the cargo feature aws, and so cannot ask AWS",
        "build it with cargo install --path . --features aws (or cargo build --release --features aws)",
    )
}

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

/// An account and Region, to which this pack cannot deploy.
#[derive(Debug)]
pub struct Account {
    never: Infallible,
}

impl Account {
    /// Says why not.
    pub fn connect(_: &Access, _: usize) -> Result<Self> {
        Err(absent())
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        match self.never {}
    }

    /// What is there.
    pub fn read(&self, _: &Desired, _: &Only) -> Result<Observed> {
        match self.never {}
    }

    /// How much code Lambda keeps for it.
    pub fn code_storage(&self) -> Result<CodeStorage> {
        match self.never {}
    }

    /// Makes what is there what it is to be.
    pub fn apply(&self, _: &Plan, _: &Desired, _: &Observed, _: Stage, _: &Arc<Progress>) -> Result<()> {
        match self.never {}
    }

    /// What of a project is there.
    pub fn remains(&self, _: &Desired, _: &Observed, _: &Keep) -> Result<Vec<Remains>> {
        match self.never {}
    }

    /// Deletes it.
    pub fn destroy(&self, _: &str, _: &[Remains], _: &Arc<Progress>) -> Result<()> {
        match self.never {}
    }
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
pub fn chill(_: &Access, _: &[String], _: Option<&str>, _: impl FnMut(&str, Result<u64>) -> Result<()>) -> Result<()> {
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
