//! Lambda's size limits, in bytes.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.

/// A function's ZIP and all its layers, unpacked: "250 MB" in the documentation, this number in the service's errors
/// (`Unzipped size must be smaller than 262144000 bytes`).
pub const UNPACKED_BYTES: u64 = 262_144_000;

/// What Lambda says where the layers alone are above it.
pub const LAYERS_REFUSAL: &str = "Layers consume more than the available size of 262144000 bytes";

/// The largest ZIP that fits into the API call itself ("50 MB"); a larger one is uploaded to S3 first.
pub const DIRECT_UPLOAD_BYTES: u64 = 52_428_800;

/// An image, all layers uncompressed ("10 GB").
pub const IMAGE_BYTES: u64 = 10 << 30;

/// Layers of one function.
pub const LAYERS_PER_FUNCTION: usize = 5;
