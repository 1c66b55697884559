//! `pack invoke`.

mod summary;

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use self::summary::Summary;
use super::account::Account;
use super::{named, print, to_json};
use crate::aws::{self, Access, Invocation, Invoking};
use crate::deploy::Function;
use crate::error::{Error, Result};
use crate::project::Project;

/// The largest event that Lambda takes, of a synchronous invocation.
const MOST_BYTES: u64 = 6 << 20;

const EXAMPLES: &str = "\
Examples:
  pack invoke -n 100                              every function of the project, a hundred times each
  pack invoke jobs-report --event '{\"day\": 1}'
  pack invoke jobs-report --event event.json --report
                                                  with Lambda's own times, memory and init duration
  pack invoke jobs-report:live -n 1000 --concurrency 50 --async
  pack invoke jobs-report --json | jq .answer     one line of JSON for each invocation

An invocation is made at most once: only one that Lambda refuses for now (too many at once) is asked for again. Exit
status 1 if any failed.";

/// Invoke functions directly, and say what came of it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Invoke {
    /// The name or ARN of a function on Lambda, with :VERSION or :ALIAS where one is meant; or a function of the project, then
    /// all rows of the matrix that are of it [default: every function of the project]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// How often each function is invoked
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 1)]
    count: u64,

    /// Do not wait for answers: Lambda queues the events
    #[arg(long = "async")]
    asynchronous: bool,

    /// Invocations that are on their way at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrency: u32,

    /// What the functions get: JSON, or a file with it
    #[arg(long, value_name = "JSON|FILE", default_value = "{}")]
    event: String,

    /// Ask for what Lambda reports of each invocation: duration, init duration, memory
    #[arg(long, conflicts_with = "asynchronous")]
    report: bool,

    #[command(flatten)]
    account: Account,

    /// Write a line of JSON for each invocation
    #[arg(long)]
    json: bool,
}

impl Invoke {
    pub(super) fn run(self) -> Result<ExitCode> {
        let event = event(&self.event)?;
        let (functions, access) = self.functions()?;
        let mut summary = Summary::default();
        let invoking = Invoking {
            functions,
            count: self.count,
            asynchronous: self.asynchronous,
            concurrency: self.concurrency,
            event,
            log: self.report,
        };
        let outcome = aws::invoke(&access, &invoking, |invocation| {
            summary.add(&invocation);
            print(&self.line(&invocation)?)
        });
        // What was invoked before a failure was invoked, and is told.
        if !self.json {
            print(&summary.text())?;
        }
        outcome?;
        Ok(ExitCode::from(u8::from(summary.has_failures())))
    }

    fn functions(&self) -> Result<(Vec<String>, Access)> {
        let project = Project::load(Path::new(""))?;
        let name = |function: &Function| match &function.alias {
            Some(alias) => format!("{}:{alias}", function.name),
            None => function.name.clone(),
        };
        let functions = named::functions(&project, &self.functions, name)?;
        Ok((functions, self.account.access_for(&project)))
    }

    fn line(&self, invocation: &Invocation) -> Result<String> {
        if self.json {
            return Ok(format!("{}\n", to_json(invocation)?));
        }
        let Invocation { function, number, status, call_ms, error, report, .. } = invocation;
        let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let mut line = format!("{function} {number}: {status} after {call_ms:.1} ms");
        if let Some(report) = report {
            let _ = write!(line, ", ran {:.1} ms, {} of {} MB", report.duration_ms, report.used_mb, report.memory_mb);
            for (what, time) in [("init", report.init_ms), ("restore", report.restore_ms)] {
                line += &time.map(|time| format!(", {what} {time:.1} ms")).unwrap_or_default();
            }
        }
        if let Some(error) = error {
            let _ = write!(line, "; failed: {error}");
        }
        Ok(line + "\n")
    }
}

/// JSON as it was given, or what a file has.
fn event(given: &str) -> Result<Vec<u8>> {
    let is_json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map(drop);
    let path = Path::new(given);
    if !path.is_file() {
        let wrong = |reason| {
            Error::usage(format!("--event is neither a file nor JSON: {reason}"), "example: --event '{\"day\": 1}'")
        };
        return is_json(given.as_bytes()).map(|()| given.as_bytes().to_vec()).map_err(wrong);
    }
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(Error::io("read", path))?;
    opened.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::usage(format!("{given} has more than {MOST_BYTES} bytes"), "Lambda takes no larger event"));
    }
    let wrong = |reason| Error::usage(format!("{given} is not JSON: {reason}"), "a function's event is JSON");
    is_json(&bytes).map(|()| bytes).map_err(wrong)
}
