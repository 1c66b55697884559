//! What a person keeps: functions, their requirements, and what belongs to neither.
//!
//! Conventions: `functions/<name>/` or `functions/<name>.py`, with `requirements/<name>.txt`; any other folder or file
//! may be named by its path, with a `requirements.txt`, a lock file or a `pyproject.toml` beside its sources.

mod files;
mod function;
mod requirements;

pub use files::{FunctionFile, collect};
pub use function::{Function, all, find};
pub use requirements::{Choice, Requirements};
