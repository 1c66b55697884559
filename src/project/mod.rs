//! What a person keeps: functions, layers, their requirements, and what belongs to none of them.
//!
//! Conventions: `functions/<name>/` or `functions/<name>.py`, with `requirements/<name>.txt`; any other folder or file
//! may be named by its path, with a `requirements.txt`, a lock file or a `pyproject.toml` beside its sources. Layers are in
//! `layers/`.

mod files;
mod function;
mod layer;
mod requirements;

pub use files::{FunctionFile, collect};
pub use function::{Function, all, find};
pub use layer::{Layer, all_layers, find_layer};
pub use requirements::{Choice, Requirements};
