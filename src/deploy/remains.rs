//! What of a project is on AWS, to be deleted.

use serde::Serialize;

use super::state::Kind;

/// Something of a project's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remains {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What deleting it takes.
    #[serde(skip)]
    pub handle: String,
    /// Whether what is in it goes too.
    #[serde(skip)]
    pub with_contents: bool,
    /// Why it stays; nothing where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}
