//! Where an artifact's files lie in Lambda, and where in its ZIP.
//!
//! A tree's paths are what distributions call them: relative to the folder that these are installed into. What lies
//! outside of that folder has its absolute path in Lambda; so a tree can also have files that are only looked at and are
//! no part of the artifact. Stages work on a tree's paths; only what reads or writes an artifact asks where they lie.

use std::borrow::Cow;

use crate::lambda::{LAYERS, PythonVersion, TASK};

/// Where it all lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The folder that Lambda unpacks the ZIP into.
    root: &'static str,
    /// Where distributions are in the ZIP: empty, or a folder with its slash.
    prefix: String,
}

impl Default for Site {
    fn default() -> Self {
        Self::function()
    }
}

impl Site {
    /// A function's.
    pub fn function() -> Self {
        Self { root: TASK, prefix: String::new() }
    }

    /// A layer's, for all Pythons or for that one alone.
    pub fn layer(only: Option<PythonVersion>) -> Self {
        let prefix = match only {
            None => "python/".to_owned(),
            Some(python) => format!("python/lib/python{python}/site-packages/"),
        };
        Self { root: LAYERS, prefix }
    }

    /// What is built, as a sentence names it.
    pub fn owner(&self) -> &'static str {
        if self.root == LAYERS { "the layer" } else { "the function" }
    }

    /// The folder in Lambda that distributions are installed into.
    pub fn packages(&self) -> String {
        format!("{}/{}", self.root, self.prefix).trim_end_matches('/').to_owned()
    }

    /// What a tree calls a file of the ZIP.
    pub fn path<'p>(&self, in_zip: &'p str) -> Cow<'p, str> {
        match in_zip.strip_prefix(&self.prefix) {
            Some(path) => path.into(),
            None => format!("{}/{in_zip}", self.root).into(),
        }
    }

    /// What a tree calls a file in Lambda.
    pub fn of_lambda<'p>(&self, in_lambda: &'p str) -> &'p str {
        let in_zip = in_lambda.strip_prefix(self.root).and_then(|path| path.strip_prefix('/'));
        in_zip.and_then(|path| path.strip_prefix(&self.prefix)).unwrap_or(in_lambda)
    }

    /// Where a tree's file is in the ZIP; what is in no ZIP keeps its path.
    pub fn in_zip<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if path.starts_with('/') {
            return self.outside(path).unwrap_or(path).into();
        }
        if self.prefix.is_empty() { path.into() } else { format!("{}{path}", self.prefix).into() }
    }

    /// Where a tree's file is in Lambda.
    pub fn in_lambda(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{}{path}", self.root, self.prefix) }
    }

    /// Whether a tree's file is a part of the artifact.
    pub fn has(&self, path: &str) -> bool {
        !path.starts_with('/') || self.outside(path).is_some()
    }

    /// The path of a tree's file below a folder in which Python looks for modules; none if it is in no such folder.
    pub fn importable<'p>(&self, path: &'p str) -> Option<&'p str> {
        if !path.starts_with('/') {
            return Some(path);
        }
        // Those of single Pythons are in the tree by their own paths, if they are of this one.
        let inside = self.outside(path)?.strip_prefix("python/")?;
        (!inside.starts_with("lib/python")).then_some(inside)
    }

    /// An absolute path of a tree, as seen from the folder that Lambda unpacks the ZIP into.
    fn outside<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.root)?.strip_prefix('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_everything_in_one_folder() {
        let site = Site::function();
        assert_eq!((site.path("six.py"), site.in_zip("six.py")), ("six.py".into(), "six.py".into()));
        assert_eq!((site.packages(), site.in_lambda("a/b.py")), ("/var/task".into(), "/var/task/a/b.py".into()));
        assert_eq!(site.of_lambda("/var/task/a/b.py"), "a/b.py");
        assert!(site.has("six.py") && !site.has("/opt/python/six.py"));
        assert_eq!((site.importable("a.py"), site.importable("/opt/python/a.py")), (Some("a.py"), None));
    }

    #[test]
    fn a_layer_has_distributions_in_a_folder_and_more_beside_it() {
        for (python, packages) in
            [(None, "/opt/python"), ("3.13".parse().ok(), "/opt/python/lib/python3.13/site-packages")]
        {
            let site = Site::layer(python);
            assert_eq!(site.packages(), packages);
            for (path, in_zip) in [("six.py", &packages[5..]), ("/opt/lib/libx.so", "lib/libx.so")] {
                let in_zip = if path.starts_with('/') { in_zip.to_owned() } else { format!("{in_zip}/{path}") };
                let in_lambda = format!("/opt/{in_zip}");
                assert_eq!((site.path(&in_zip), site.in_zip(path)), (path.into(), in_zip.as_str().into()));
                assert_eq!((site.of_lambda(&in_lambda), site.in_lambda(path)), (path, in_lambda.clone()));
                assert!(site.has(path));
            }
            assert!(!site.has("/var/task/app.py") && !site.has("/optional/x"));
        }
    }

    #[test]
    fn a_layers_own_modules_lie_in_either_folder() {
        let site = Site::layer("3.13".parse().ok());
        assert_eq!(site.path("python/own.py"), "/opt/python/own.py");
        assert_eq!(site.importable("/opt/python/own.py"), Some("own.py"));
        assert_eq!(site.importable("/opt/python/lib/python3.12/site-packages/own.py"), None);
        assert_eq!(site.importable("/opt/bin/tool.py"), None);
        assert_eq!(site.importable("own.py"), Some("own.py"));
    }
}
