//! What AWS Lambda accepts, as data. Every number here has its source beside it; no other module repeats one.

mod folders;
mod limits;
mod runtime;
pub mod system;

pub use folders::{LAYERS, TASK};
pub use limits::{DIRECT_UPLOAD_BYTES, IMAGE_BYTES, LAYERS_PER_FUNCTION, UNPACKED_BYTES};
pub use runtime::{Architecture, PythonVersion, SDK_LAG_MINORS, Target, is_in_sdk, is_runtime_module};
