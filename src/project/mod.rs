//! What a person keeps: functions, layers, their requirements, and what is built of them.
//!
//! Conventions: `functions/<name>/` or `functions/<name>.py`, with `requirements/<name>.txt`; `layers/<name>.txt`,
//! `layers/<name>/`, `layers/<name>.toml`; any other folder or file may be named by its path, with a `requirements.txt`,
//! a lock file or a `pyproject.toml` beside its sources. `pack.toml` says what is not by convention. A [`Project`] is both
//! together, and its [`builds`](Project::builds) are the matrix.

mod files;
mod findings;
mod function;
mod init;
mod layer;
mod layers;
mod load;
pub mod manifest;
mod matrix;
mod requirements;
mod settings;

pub use files::{FunctionFile, collect};
pub use findings::Finding;
pub use function::{Function, all, find};
pub use init::Start;
pub use layer::{Layer, all_layers, find_layer};
pub use layers::{Content, ProjectLayer, Published};
pub use load::{Member, Packaging, Project};
pub use manifest::{At, Method, Mistakes};
pub use matrix::{Build, Builds, LayerBuild, LayerSize, Selection, UsedLayer, sizes_shown};
pub use requirements::{Choice, Requirements};
pub use settings::{LayerSettings, Origin, Settings};
