//! How large an artifact is, by whom, against Lambda's limits.

mod bytes;
mod report;
mod text;

pub use bytes::{exact, human};
pub use report::SizeReport;
