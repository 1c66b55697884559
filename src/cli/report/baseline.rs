//! What a report is compared with: one that was saved, another artifact, or the project as it is at a commit.

use std::path::Path;

use super::{commit, measure};
use crate::diff::Registries;
use crate::error::{Error, Result};
use crate::report::{self, Report as Sizes};

/// What a report is compared with.
pub(super) struct Baseline {
    /// As it was measured.
    pub(super) sizes: Sizes,
    /// What it is called: the commit or the file that it is of. Artifacts have names of their own.
    pub(super) shown: Option<String>,
}

impl Baseline {
    /// That of a name; `now` is what is compared with it.
    pub(super) fn read(name: &str, now: &Sizes, registries: &Registries<'_>) -> Result<Self> {
        if let Some(name) = name.strip_prefix(commit::PREFIX) {
            let commit::AtCommit { sizes, shown } = commit::build(name, now, registries)?;
            return Ok(Self { sizes, shown: Some(shown) });
        }
        let path = Path::new(name);
        if let Some(sizes) = if path.is_file() { report::baseline::read(path)? } else { None } {
            return Ok(Self { sizes, shown: Some(name.to_owned()) });
        }
        if !path.exists() && !name.contains([':', '@']) {
            return Err(Error::usage(
                format!("there is no {name} to compare with"),
                "--baseline takes a report that --save wrote, an artifact, or a commit: git:REF",
            ));
        }
        let sizes = measure(&[name.to_owned()], true, registries, &|_| Ok(None))?;
        Ok(Self { sizes, shown: None })
    }
}
