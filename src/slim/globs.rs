//! `--keep` and `--exclude`: globs over paths in the artifact.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};
use crate::tree::Site;

/// A set of globs. `*` stops at `/`, `**` does not; a folder stands for all that is below it.
#[derive(Debug)]
pub struct Globs {
    set: GlobSet,
    patterns: Vec<String>,
    site: Site,
}

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
        Ok(Self { set: builder.build().map_err(wrong)?, patterns: patterns.to_vec(), site: Site::function() })
    }

    /// The same for the files of a site: a path may be written as the ZIP has it or as its distribution has it.
    #[must_use]
    pub fn within(self, site: &Site) -> Self {
        Self { site: site.clone(), ..self }
    }

    /// The globs as they were written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Whether a file of the artifact is meant.
    pub fn matches(&self, path: &str) -> bool {
        let in_zip = self.site.in_zip(path);
        self.site.has(path) && (self.set.is_match(path) || (in_zip != path && self.set.is_match(in_zip.as_ref())))
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
    fn a_layers_paths_may_be_written_in_either_way() {
        let globs = Globs::new("--keep", &["python/a".into(), "b/**".into(), "lib/*.so".into()]).unwrap();
        let globs = globs.within(&Site::layer(None));
        assert!(globs.matches("a/x.py") && globs.matches("b/x.py") && globs.matches("/opt/lib/x.so"));
        assert!(!globs.matches("c/x.py") && !globs.matches("/functions/app/b/x.py"));
    }

    #[test]
    fn a_broken_glob_names_its_option() {
        assert!(Globs::new("--keep", &["a[".into()]).unwrap_err().to_string().starts_with("--keep: "));
    }
}
