//! The operating system: child processes, and files that appear whole or not at all.

mod atomic;
mod command;

pub use atomic::AtomicFile;
pub use command::{CommandError, Output, find_on_path, run};
