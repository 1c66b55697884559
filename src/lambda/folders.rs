//! Where Lambda unpacks what it is given.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html>.

/// A function's own folder.
pub const TASK: &str = "/var/task";

/// Layers, over each other.
pub const LAYERS: &str = "/opt";
