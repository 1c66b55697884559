//! What a report is compared with: one that was saved, another artifact, or the project as it is at a commit.

use std::path::Path;

use super::{commit, measure};
use crate::diff::Registries;
use crate::error::Result;
use crate::report::{self, Report as Sizes};

/// What a report is compared with.
pub(super) struct Baseline {
    /// As it was measured.
    pub(super) sizes: Sizes,
    /// The commit that it is of, as a person reads it.
    pub(super) commit: Option<String>,
}

impl Baseline {
    /// That of a name; `now` is what is compared with it.
    pub(super) fn read(name: &str, now: &Sizes, registries: &Registries<'_>) -> Result<Self> {
        if let Some(name) = name.strip_prefix(commit::PREFIX) {
            let commit::AtCommit { sizes, shown } = commit::build(name, now, registries)?;
            return Ok(Self { sizes, commit: Some(shown) });
        }
        let path = Path::new(name);
        let saved = if path.is_file() { report::baseline::read(path)? } else { None };
        let sizes = match saved {
            Some(saved) => saved,
            None => measure(&[name.to_owned()], true, registries, &|_| Ok(None))?,
        };
        Ok(Self { sizes, commit: None })
    }
}
