//! The `pack` binary: turns the library's exit code into the process's.

fn main() -> std::process::ExitCode {
    pack::run(std::env::args_os())
}
