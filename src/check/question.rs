//! What a check is asked: about what, for which runtime.

use std::collections::BTreeSet;

use super::{LAYERS, TASK};
use crate::lambda::Target;

/// What the files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A function with its layers.
    Function,
    /// Layers without a function.
    Layers,
    /// An image: a whole root file system.
    Image,
}

/// Everything that a check knows besides the files.
#[derive(Clone, Debug)]
pub struct Question {
    /// The runtime.
    pub target: Target,
    /// What the files are.
    pub shape: Shape,
    /// `MODULE.FUNCTION`, if it was given.
    pub handler: Option<String>,
    /// Folders in which Python looks for modules before its own library, in its order.
    pub search_path: Vec<String>,
    /// Top-level modules that come from elsewhere: from a layer that is not at hand, from a mounted file system.
    pub provided: BTreeSet<String>,
}

impl Question {
    /// A function, or layers, as Lambda's own runtime finds them.
    /// Source of the order: <https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath>.
    pub fn new(target: Target, shape: Shape) -> Self {
        let search_path = vec![
            TASK.to_owned(),
            format!("{LAYERS}/python/lib/python{}/site-packages", target.python),
            format!("{LAYERS}/python"),
        ];
        Self { target, shape, handler: None, search_path, provided: BTreeSet::new() }
    }
}
