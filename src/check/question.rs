//! What a check is asked: about what, for which runtime.

use std::collections::BTreeSet;

use super::sources::Image;
use super::{LAYERS, TASK};
use crate::lambda::{Architecture, PythonVersion, Target};

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

/// What of a target is a default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Assumed {
    /// The Python.
    pub python: bool,
    /// The architecture.
    pub architecture: bool,
}

/// Everything that a check knows besides the files.
#[derive(Clone, Debug)]
pub struct Question {
    /// The runtime.
    pub target: Target,
    /// What the files are.
    pub shape: Shape,
    /// `MODULE.FUNCTION`, if it was given or found.
    pub handler: Option<String>,
    /// Whether the handler is only what may be one: nothing that follows from it is certain.
    pub guessed: bool,
    /// What of the target nobody said, and the files do not say either.
    pub assumed: Assumed,
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
        let assumed = Assumed::default();
        Self { target, shape, handler: None, guessed: false, assumed, search_path, provided: BTreeSet::new() }
    }

    /// The same about an image: where its Python looks, and the handler that its command names unless another was named.
    #[must_use]
    pub fn of_image(self, image: &Image) -> Self {
        let handler = self.handler.or_else(|| image.handler.clone());
        Self { search_path: image.search_path.clone(), handler, ..self }
    }

    /// The handler, if it is certain that it is the one.
    pub(super) fn certain_handler(&self) -> Option<&str> {
        self.handler.as_deref().filter(|_| !self.guessed)
    }

    /// What else to do about a file that is for another Python or machine, if nobody said which is meant.
    pub(super) fn or_say(&self, python: Option<PythonVersion>, architecture: Option<Architecture>) -> String {
        let python = python.filter(|python| self.assumed.python && *python != self.target.python);
        let architecture =
            architecture.filter(|machine| self.assumed.architecture && *machine != self.target.architecture);
        let flags = python.map(|python| format!("--python {python}"));
        let flags: Vec<String> =
            flags.into_iter().chain(architecture.map(|machine| format!("--arch {machine}"))).collect();
        if flags.is_empty() {
            String::new()
        } else {
            format!("; or say {}, if that is the function's", flags.join(" "))
        }
    }
}
