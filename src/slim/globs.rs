//! `--keep` and `--exclude`: globs over paths in the artifact.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};

/// A set of globs. `*` stops at `/`, `**` does not; a folder stands for all that is below it.
#[derive(Debug)]
pub struct Globs(GlobSet);

impl Globs {
    /// Reads the globs of one option.
    pub fn new(option: &str, patterns: &[String]) -> Result<Self> {
        let mut builder = GlobSetBuilder::new();
        let wrong = |error: globset::Error| {
            Error::usage(format!("{option}: {error}"), format!("example: {option} 'pandas/tests/**'"))
        };
        for pattern in patterns {
            let pattern = pattern.trim_end_matches('/');
            for glob in [pattern.to_owned(), format!("{pattern}/**")] {
                builder.add(GlobBuilder::new(&glob).literal_separator(true).build().map_err(wrong)?);
            }
        }
        Ok(Self(builder.build().map_err(wrong)?))
    }

    /// Whether a path is meant.
    pub fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_all_below_it() {
        let globs = Globs::new("--keep", &["pandas/tests".into(), "*/include/*.h".into()]).unwrap();
        assert!(globs.matches("pandas/tests/io/data.csv"));
        assert!(globs.matches("numpy/include/a.h"));
        assert!(!globs.matches("numpy/include/sub/a.h"));
        assert!(!globs.matches("pandas/testsuite/a.py"));
    }

    #[test]
    fn a_broken_glob_names_its_option() {
        assert!(Globs::new("--keep", &["a[".into()]).unwrap_err().to_string().starts_with("--keep: "));
    }
}
