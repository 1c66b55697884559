//! What a build makes a ZIP of: a function, or a layer.

use std::path::Path;

use crate::check::Shape;
use crate::error::Result;
use crate::lambda::PythonVersion;
use crate::project::{self, Function, FunctionFile, Layer};
use crate::tree::{Entry, Owner, Site, Source, Tree};

/// What is built.
#[derive(Clone, Debug)]
pub enum Product {
    /// A function's package.
    Function(Function),
    /// A layer.
    Layer {
        /// Its parts.
        layer: Layer,
        /// Whether it is for one Python alone: in `python/lib/python3.x/site-packages/`.
        versioned: bool,
        /// The functions that use it. What they and the distributions that they bundle import and name is not slimmed away;
        /// none of their files is in the layer.
        users: Vec<User>,
    },
}

/// A function that uses a layer.
#[derive(Clone, Debug)]
pub struct User {
    /// The function.
    pub function: Function,
    /// What the lock calls the packaging in which it has the layer.
    pub packaging: Option<String>,
}

/// The name of what is built, as reports have it: `"function": "report"`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// Of a function.
    Function(String),
    /// Of a layer.
    Layer(String),
}

impl Name {
    /// What it is the name of.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Function(_) => "function",
            Self::Layer(_) => "layer",
        }
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Function(name) | Self::Layer(name) => name,
        }
    }
}

/// What a file of a function that uses a layer is called in the layer's tree.
pub(super) fn user_path(user: &User, path: &str) -> String {
    let packaging = user.packaging.as_ref().map_or_else(String::new, |packaging| format!(" as {packaging}"));
    format!("/functions/{}{packaging}/{path}", user.function.name)
}

/// The files of this machine that a build looks at.
pub(super) struct Files {
    /// The function's or layer's own.
    pub own: Vec<FunctionFile>,
    /// What only says what is needed, by paths that are no part of the artifact.
    pub evidence: Tree,
}

impl Files {
    /// The same with more that is only looked at; what is known stays.
    pub(super) fn with(&self, more: Tree) -> Self {
        let evidence = more.into_iter().chain(self.evidence.clone()).collect();
        Self { own: self.own.clone(), evidence }
    }
}

impl Product {
    /// Its name.
    pub fn name(&self) -> Name {
        match self {
            Self::Function(function) => Name::Function(function.name.clone()),
            Self::Layer { layer, .. } => Name::Layer(layer.name.clone()),
        }
    }

    /// The folder or file of its own files, if it has any.
    pub fn source(&self) -> Option<&Path> {
        match self {
            Self::Function(function) => Some(&function.source),
            Self::Layer { layer, .. } => layer.files.as_deref(),
        }
    }

    /// Where its files lie in Lambda.
    pub fn site(&self, python: PythonVersion) -> Site {
        match self {
            Self::Function(_) => Site::function(),
            Self::Layer { versioned, .. } => Site::layer(versioned.then_some(python)),
        }
    }

    /// What a check takes it for.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Function(_) => Shape::Function,
            Self::Layer { .. } => Shape::Layers,
        }
    }

    /// Whether all that will use its distributions is known.
    pub fn users_known(&self) -> bool {
        match self {
            Self::Function(_) => true,
            Self::Layer { users, .. } => !users.is_empty(),
        }
    }

    /// Finds its files.
    pub(super) fn files(&self, output: &Path) -> Result<Files> {
        let own = self.source().map(|source| project::collect(source, output)).transpose()?.unwrap_or_default();
        let mut evidence = Tree::new();
        let users = if let Self::Layer { users, .. } = self { users.as_slice() } else { &[] };
        for user in users {
            for file in project::collect(&user.function.source, output)? {
                let entry = Entry {
                    executable: file.executable,
                    owner: Owner::Function,
                    source: Source::File(file.source),
                    size: file.size,
                };
                evidence.insert(user_path(user, &file.path), entry);
            }
        }
        Ok(Files { own, evidence })
    }
}
