//! Lambda's limits on what is shipped.

use serde::Serialize;

use super::{Finding, Shape};
use crate::lambda;

/// How much there is of everything that has a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Unpacked bytes of the function and its layers, or of all layers of an image.
    pub unpacked: u64,
    /// Bytes of the ZIPs themselves; none for folders.
    pub packed: u64,
    /// Lambda's layers.
    pub layers: usize,
    /// Files.
    pub files: usize,
}

/// AWS's sentence about a function that is too large with its layers.
pub fn combined_too_large(unpacked: u64) -> String {
    let limit = lambda::UNPACKED_BYTES;
    format!(
        "Function code combined with layers exceeds the maximum allowed size of {limit} bytes. The actual size is {unpacked} bytes"
    )
}

/// What is above a limit.
pub(super) fn check(sizes: &Sizes, shape: Shape) -> Vec<Finding> {
    let mut findings = Vec::new();
    let nowhere = |finding: Finding| Finding { path: None, ..finding };
    let limit = if shape == Shape::Image { lambda::IMAGE_BYTES } else { lambda::UNPACKED_BYTES };
    if sizes.unpacked > limit {
        let words = match shape {
            Shape::Image => {
                format!("the image has {} bytes uncompressed; Lambda takes {limit} (SizeLimitExceeded)", sizes.unpacked)
            }
            _ if sizes.layers == 0 => {
                format!("it unpacks to {} bytes: \"Unzipped size must be smaller than {limit} bytes\"", sizes.unpacked)
            }
            _ => format!("\"{}\"", combined_too_large(sizes.unpacked)),
        };
        findings
            .push(nowhere(Finding::error("too-large", "", words)).with_hint(
                "leave out what the function never imports; splitting into layers does not raise the limit",
            ));
    }
    if sizes.files == 0 && shape != Shape::Image {
        let reason = "there is no file in it: \"Uploaded file must be a non-empty zip\"";
        findings.push(nowhere(Finding::error("empty", "", reason)).with_hint("name what has the function's files"));
    }
    if sizes.layers > lambda::LAYERS_PER_FUNCTION {
        let reason = format!("{} layers; a function takes {}", sizes.layers, lambda::LAYERS_PER_FUNCTION);
        findings.push(nowhere(Finding::error("too-many-layers", "", reason)).with_hint("merge layers"));
    }
    findings
}
