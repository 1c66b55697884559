//! `pack send`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::account::Account;
use super::{describe, named, print, warn};
use crate::aws::{self, Access, Sending, Sent};
use crate::error::{Error, Result};
use crate::progress::{Progress, Verbosity};
use crate::project::Project;
use crate::size::exact;

/// The largest message that SQS takes since August 2025.
const MOST_BYTES: u64 = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  pack send 10000                           ten thousand messages {\"number\": N}
  pack send 50 --body '{\"job\": 7}'          fifty messages with this in them
  pack send 1 --file event.json --queue https://sqs.eu-west-1.amazonaws.com/123456789012/jobs
  pack send 1000000 --rate 2000             two thousand a second

A message counts as sent when SQS says that it has it; what it does not take of a batch is sent again. Where the answer
to a batch is lost, SQS may have its messages twice: how many that are is said at the end.";

/// Put messages on the project's queue, or on any.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Send {
    /// How many messages
    #[arg(value_name = "N")]
    count: u64,

    /// What is in each message [default: {"number": N}]
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    body: Option<String>,

    /// A file with what is in each message
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The name or URL of a queue [default: that of the project]
    #[arg(long, value_name = "NAME|URL")]
    queue: Option<String>,

    /// Messages a second at most [default: as fast as it goes]
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,

    /// Batches of ten messages that are on their way at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    concurrency: u32,

    #[command(flatten)]
    account: Account,

    /// Write the counts as JSON
    #[arg(long)]
    json: bool,

    /// Say nothing but errors, and write the number of messages
    #[arg(short, long)]
    quiet: bool,
}

impl Send {
    pub(super) fn run(self) -> Result<ExitCode> {
        let body = self.body()?;
        let (queue, access) = self.queue()?;
        let progress = Progress::new(if self.quiet { Verbosity::Quiet } else { Verbosity::Normal });
        let sending = Sending { queue, count: self.count, body, concurrency: self.concurrency, rate: self.rate };
        let tally = progress.tally("messages", self.count);
        let start = Instant::now();
        let outcome = aws::send(&access, &sending, tally.clone());
        tally.finish();
        let sent = outcome?;
        let seconds = start.elapsed().as_secs_f64();
        print(&self.text(&sent, seconds))?;
        let Some(failure) = &sent.failure else { return Ok(ExitCode::SUCCESS) };
        let left = exact(self.count - sent.sent);
        warn(&format!("{left} messages were not sent:\n{}", describe(failure)));
        Ok(failure.exit_code())
    }

    fn queue(&self) -> Result<(String, Access)> {
        if let Some(queue) = &self.queue {
            return Ok((queue.clone(), self.account.access()));
        }
        let project = Project::load(Path::new(""))?;
        Ok((named::desired(&project)?.names.queue, self.account.access_for(&project)))
    }

    fn body(&self) -> Result<Option<String>> {
        let body = match &self.file {
            Some(file) => Some(read(file)?),
            None => self.body.clone(),
        };
        match &body {
            Some(body) if body.is_empty() || body.len() as u64 > MOST_BYTES => Err(Error::usage(
                format!("a message of {} bytes is none: SQS takes 1 to {MOST_BYTES}", body.len()),
                "what is larger goes to S3, and its key into the message",
            )),
            _ => Ok(body),
        }
    }

    fn text(&self, sent: &Sent, seconds: f64) -> String {
        let Sent { url, sent, retried, maybe_twice, .. } = sent;
        if self.json {
            let counts = json!({
                "queue": url,
                "sent": sent,
                "retried": retried,
                "maybe_twice": maybe_twice,
                "seconds": (seconds * 1000.0).round() / 1000.0,
            });
            return format!("{counts:#}\n");
        }
        if self.quiet {
            return format!("{sent}\n");
        }
        let speed = *sent as f64 / seconds.max(0.001);
        let mut text = format!("{} messages sent to {url} in {seconds:.1} s ({speed:.0} a second)\n", exact(*sent));
        if *retried > 0 {
            let _ = writeln!(text, "{} were sent again, since the queue did not take them", exact(*retried));
        }
        if *maybe_twice > 0 {
            let _ = writeln!(text, "{} may be there twice: the answer to their batch was lost", exact(*maybe_twice));
        }
        text
    }
}

fn read(file: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(Error::io("read", file))?;
    opened.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", file))?;
    String::from_utf8(bytes).map_err(|_| {
        Error::usage(
            format!("{} is not text in UTF-8, which a message has to be", file.display()),
            "encode it, as base64 for example",
        )
    })
}
