//! What a pyproject.toml tells of a project beside its requirements.

use std::path::Path;

use super::line;
use super::pyproject::PyProject;
use crate::error::Result;
use crate::lambda::PythonVersion;

/// Nothing, where there is none.
#[derive(Debug, Default)]
pub(in crate::project) struct Described {
    /// The project's name.
    pub(in crate::project) name: Option<String>,
    /// `requires-python`.
    bounds: Option<String>,
}

impl Described {
    /// By the pyproject.toml in a folder; one that cannot be read is an error.
    pub(in crate::project) fn by(folder: &Path) -> Result<Self> {
        let path = folder.join("pyproject.toml");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let project = PyProject::read(&path)?;
        Ok(Self { name: project.name().map(str::to_owned), bounds: project.python() })
    }

    /// The runtime's Python: the usual one, or the newest that the project is for.
    pub(in crate::project) fn python(&self) -> PythonVersion {
        let fits = |python: &PythonVersion| {
            self.bounds.as_deref().is_none_or(|bounds| line::takes(bounds, &python.full()).unwrap_or(true))
        };
        let newest = PythonVersion::all().filter(fits).max_by_key(|python| python.minor());
        Some(PythonVersion::DEFAULT).filter(fits).or(newest).unwrap_or(PythonVersion::DEFAULT)
    }
}
