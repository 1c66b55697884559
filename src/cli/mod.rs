//! The command line: what can be said, and how an answer is shown. How things work is elsewhere.
//!
//! Standard output carries data only (a path, a report, JSON); everything else goes to standard error.

mod account;
mod check;
mod cold;
mod deploy;
mod deployment;
mod destroy;
mod diff;
mod export;
mod image;
mod init;
mod invoke;
mod layer;
mod lock;
mod named;
mod options;
mod plan;
mod pulled;
mod report;
mod schema;
mod send;
mod status;
mod why;
mod zip;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};

/// Packages Python functions and their requirements for AWS Lambda: slim, deterministic, checked, without Docker.
#[derive(Parser)]
#[command(
    name = "pack",
    version,
    max_term_width = 110,
    after_help = "Exit status: 0 done; 1 the input cannot become what was asked for, or is over a limit; 2 wrong usage; 3 anything unexpected."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Init),
    // Boxed: they have many more options than the others.
    Zip(Box<zip::Zip>),
    Layer(Box<layer::Layer>),
    Image(Box<image::Image>),
    Check(check::Check),
    Diff(diff::Diff),
    Report(Box<report::Report>),
    Why(why::Why),
    Lock(lock::Lock),
    Plan(plan::Plan),
    Deploy(Box<deploy::Deploy>),
    Status(status::Status),
    Export(export::Export),
    Destroy(destroy::Destroy),
    Schema(schema::Schema),
    Send(send::Send),
    Invoke(invoke::Invoke),
    Cold(cold::Cold),
}

/// Runs the command line and says how the process ends.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output with 0, mistakes to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match arguments.command {
        Command::Init(init) => init.run(),
        Command::Zip(zip) => zip.run(),
        Command::Layer(layer) => layer.run(),
        Command::Image(image) => image.run(),
        Command::Check(check) => check.run(),
        Command::Diff(diff) => diff.run(),
        Command::Report(report) => report.run(),
        Command::Why(why) => why.run(),
        Command::Lock(lock) => lock.run(),
        Command::Plan(plan) => plan.run(),
        Command::Deploy(deploy) => deploy.run(),
        Command::Status(status) => status.run(),
        Command::Export(export) => export.run(),
        Command::Destroy(destroy) => destroy.run(),
        Command::Schema(schema) => schema.run(),
        Command::Send(send) => send.run(),
        Command::Invoke(invoke) => invoke.run(),
        Command::Cold(cold) => cold.run(),
    };
    result.unwrap_or_else(|error| {
        warn(&describe(&error));
        error.exit_code()
    })
}

/// The error, its causes, and what to do next.
fn describe(error: &Error) -> String {
    let mut text = format!("error: {error}\n");
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let line = source.to_string();
        // Transparent errors repeat their source's words.
        if !text.contains(&line) {
            let _ = writeln!(text, "  because: {line}");
        }
        cause = source.source();
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

/// Writes data to standard output; a reader that went away (`pack … | head`) is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("write", "standard output")(error))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error, where nobody may listen.
fn warn(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn to_json(value: &impl serde::Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|error| Error::io("write", "JSON")(error.into()))
}

/// The error that nothing of a project is here: it may be further up, where a person forgot to go.
fn nothing_here(message: &str, hint: &str) -> Error {
    let above = std::env::current_dir().ok().and_then(|here| {
        let mut folders = here.ancestors().skip(1).enumerate();
        folders.find(|(_, folder)| folder.join("pack.toml").is_file()).map(|(number, _)| number)
    });
    let hint = match above {
        Some(number) => format!("pack.toml is in {}: run it there", vec![".."; number + 1].join("/")),
        None => hint.into(),
    };
    Error::usage(message, hint)
}

/// `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !text.contains('\0') => Ok((name.into(), value.into())),
        _ => Err("it has to be NAME=VALUE".into()),
    }
}
