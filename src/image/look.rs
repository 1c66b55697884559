//! Looking into a base: once for each digest; what was seen is kept in the cache.
//!
//! What must stay true: those of AWS are known by their name, and nothing of them is read.

use std::sync::Arc;

use super::{Base, Provided, base, is_layout};
use crate::cache::{Cache, Results};
use crate::check::sources::Facts;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::progress::Progress;
use crate::registry::{Client, Digest, Reference};

/// Which base, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// A reference, or the path of a layout.
    pub name: &'a str,
    /// The digest that one in a registry has to have.
    pub digest: Option<Digest>,
    /// What the user says that starts the handler.
    pub entrypoint: Option<&'a [String]>,
    /// What the function is built for.
    pub target: Target,
    /// Whether no registry is to be asked.
    pub offline: bool,
}

/// What was seen in a base.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What it has.
    pub provided: Provided,
    /// The image that was looked into, where it was not all known before.
    pub base: Option<Arc<Base>>,
}

/// Looks into a base.
pub fn look(question: &Question<'_>, client: &Arc<Client>, cache: &Cache, progress: &Progress) -> Result<Seen> {
    if let Some(seen) = remembered(question, cache)? {
        return Ok(seen);
    }
    let base = Base::find(question, client, cache, progress)?;
    let digest = base.descriptor().digest;
    let facts = if let Some(facts) = known(digest, cache) {
        facts
    } else {
        let facts = base.facts(progress)?;
        cache.remember_result(Results::Bases, &digest.hex(), &facts)?;
        facts
    };
    Ok(Seen { base: Some(Arc::new(base)), ..judge(question, &facts)? })
}

/// What can be said without asking a registry, if that is anything.
pub fn recall(question: &Question<'_>, cache: &Cache, progress: &Progress) -> Result<Option<Seen>> {
    match remembered(question, cache)? {
        None if is_layout(question.name) => {
            let client = Arc::new(Client::new(crate::registry::Options::default())?);
            look(question, &client, cache, progress).map(Some)
        }
        seen => Ok(seen),
    }
}

fn remembered(question: &Question<'_>, cache: &Cache) -> Result<Option<Seen>> {
    if base::is_called_as_awss(question.name) {
        return Ok(Some(Seen { provided: Provided::of_aws(), base: None }));
    }
    let named = || question.name.parse::<Reference>().ok().and_then(|reference| reference.digest());
    let digest = if is_layout(question.name) { None } else { question.digest.or_else(named) };
    digest.and_then(|digest| known(digest, cache)).map(|facts| judge(question, &facts)).transpose()
}

fn known(digest: Digest, cache: &Cache) -> Option<Facts> {
    cache.result(Results::Bases, &digest.hex())
}

fn judge(question: &Question<'_>, facts: &Facts) -> Result<Seen> {
    let provided = Provided::by(facts, question.entrypoint, question.target.python);
    let provided = provided.map_err(|reason| Error::Base { name: question.name.to_owned(), reason })?;
    Ok(Seen { provided, base: None })
}
