//! `pack` turns a function's folder and its requirements into what AWS Lambda takes.
//!
//! Rooms, in the order a build walks through them; ARCHITECTURE.md has the picture.

pub mod elf;
pub mod python;
