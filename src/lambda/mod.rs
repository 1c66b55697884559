//! What AWS Lambda accepts, as data. Every number here has its source beside it; no other module repeats one.

mod configuration;
mod folders;
mod lifecycle;
mod limits;
mod names;
mod public_layers;
mod region;
mod report;
mod runtime;
pub mod system;

pub use configuration::{
    BATCH_SIZE, Bounds, COLD_STARTS, ENVIRONMENT_BYTES, ENVIRONMENT_REFUSAL, EPHEMERAL_STORAGE, MAXIMUM_CONCURRENCY,
    MEMORY, TIMEOUT, environment_bytes, refused_variable,
};
pub use folders::{LAYERS, TASK};
pub use lifecycle::{Day, Support, ended, runtime_refusal, support};
pub use limits::{DIRECT_UPLOAD_BYTES, IMAGE_BYTES, LAYERS_PER_FUNCTION, LAYERS_REFUSAL, UNPACKED_BYTES};
pub use names::{
    ALIAS, BUCKET, FUNCTION_NAME, LOG_RETENTION, NameRule, PLACEHOLDERS, REPOSITORY, ROLE, TEMPLATE, host_of,
};
pub use public_layers::{LayerArn, PublicLayer};
pub use region::is_region;
pub use report::Report;
pub use runtime::{Architecture, PythonVersion, SDK_LAG_MINORS, Target, is_in_sdk, is_runtime_module};
