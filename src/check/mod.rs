//! Will Lambda load this? Findings about files as they will lie in Lambda, without running any of them.
//!
//! What must stay true: a check looks at [`Files`] and a target, so that it answers the same for a build, a ZIP, layers,
//! an image's layout or a folder, for any target on any machine; an error is only what would fail on Lambda.

mod files;
mod finding;

pub use files::{File, Files, Origin, TASK};
pub use finding::{Finding, Severity};
