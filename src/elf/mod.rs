//! ELF: what slimming and checking need to read, a strip that moves no loaded byte in memory, and dropping a need.

pub mod dynamic;
mod image;
pub mod needed;
#[cfg(test)]
pub(crate) mod sample;
pub mod strip;
pub mod symbols;
pub mod versions;
