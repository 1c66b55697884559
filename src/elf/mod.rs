//! ELF: what slimming needs to read, and a strip that never moves a loaded byte.

pub mod dynamic;
pub mod strip;
