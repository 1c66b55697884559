//! The operating system: child processes, files that appear whole or not at all, and what they are known by.

mod atomic;
mod atomic_folder;
mod command;
mod digest;
mod folder;
pub mod git;
mod stamp;

pub use atomic::{AtomicFile, destination, sweep_leftovers};
pub use atomic_folder::AtomicFolder;
pub use command::{CommandError, Output, ask, find_on_path, run, run_within};
pub use digest::{HashedWrite, sha256_of};
pub use folder::remove_folder;
pub use stamp::Stamp;
