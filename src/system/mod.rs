//! The operating system: child processes, and files that appear whole or not at all.

mod atomic;
mod command;
mod folder;

pub use atomic::{AtomicFile, destination, sweep_leftovers};
pub use command::{CommandError, Output, find_on_path, run};
pub use folder::remove_folder;
