//! `pack` turns a function's folder and its requirements into what AWS Lambda takes.
//!
//! Rooms, in the order a build walks through them; ARCHITECTURE.md has the picture.

pub mod archive;
pub mod artifact;
pub mod aws;
pub mod build;
pub mod cache;
pub mod check;
pub mod cli;
pub mod deploy;
pub mod diff;
pub mod elf;
pub mod error;
pub mod export;
pub mod image;
pub mod imports;
pub mod lambda;
pub mod layers;
pub mod lock;
pub mod progress;
pub mod project;
pub mod published;
pub mod python;
pub mod registry;
pub mod report;
pub mod resolve;
pub mod sbom;
pub mod size;
pub mod slim;
pub mod system;
pub mod tree;
pub mod why;

pub use cli::run;
