//! How far an artifact is from Lambda's limits.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.

use super::model::{Artifact, Kind, Limit, LimitKind};
use crate::lambda::{DIRECT_UPLOAD_BYTES, IMAGE_BYTES, UNPACKED_BYTES};

/// All limits that hold for an artifact.
pub(super) fn of(artifact: &Artifact) -> Vec<Limit> {
    let unpacked = artifact.unpacked_with_layers();
    if artifact.kind == Kind::Image {
        return vec![Limit { limit: LimitKind::Image, bytes: unpacked, most: IMAGE_BYTES }];
    }
    let whole = Limit { limit: LimitKind::Unpacked, bytes: unpacked, most: UNPACKED_BYTES };
    let upload =
        artifact.packed.map(|bytes| Limit { limit: LimitKind::DirectUpload, bytes, most: DIRECT_UPLOAD_BYTES });
    [Some(whole), upload].into_iter().flatten().collect()
}

impl Limit {
    /// Whether Lambda refuses it: above the direct upload, the upload goes through S3.
    pub fn is_broken(&self) -> bool {
        self.bytes > self.most && self.limit != LimitKind::DirectUpload
    }

    /// How much of it is used.
    pub fn percent(&self) -> f64 {
        self.bytes as f64 * 100.0 / self.most as f64
    }
}
