//! ELF: what slimming and checking need to read, a strip that moves no loaded byte in memory, and dropping a need.

pub mod dynamic;
mod image;
pub mod needed;
#[cfg(test)]
pub(crate) mod sample;
pub mod strip;
pub mod symbols;
pub mod versions;

/// `x.so`, `x.so.1`, `x.so.1.2`: names that imports, other libraries and ctypes go by. A program has any name.
pub(crate) fn is_library_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".so") || name.contains(".so.")
}
