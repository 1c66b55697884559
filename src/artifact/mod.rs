//! Deterministic writers of what Lambda takes.

mod deflate;
mod ordered;
mod produce;
mod zip_writer;

pub use deflate::{DEFLATE_VERSION, Packed, pack};
pub(crate) use ordered::ordered;
pub use produce::{Artifact, Input, Sizes, bytecode_variant, member_variant, write_zip};
pub use zip_writer::ZipWriter;
