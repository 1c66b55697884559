//! What a person sees while a build works: on standard error, a spinner on a terminal with a line for each blob that is on its way,
//! plain lines elsewhere.
//!
//! Nothing else in the library writes to standard error.

mod counted;
mod tally;

use std::io::{IsTerminal, Read, Write};
use std::time::{Duration, Instant};

pub use counted::Counted;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
pub use tally::Tally;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Phases, warnings.
    Normal,
    /// Every decision.
    Verbose,
}

/// The times of a build's phases, and the voice that names them.
#[derive(Debug)]
pub struct Progress {
    verbosity: Verbosity,
    lines: MultiProgress,
    bar: ProgressBar,
    phases: Vec<(&'static str, Duration)>,
}

impl Progress {
    /// Starts silent.
    pub fn new(verbosity: Verbosity) -> Self {
        let terminal = std::io::stderr().is_terminal() && verbosity > Verbosity::Quiet;
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let lines = MultiProgress::with_draw_target(target);
        let bar = lines.add(ProgressBar::no_length());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        Self { verbosity, lines, bar, phases: Vec::new() }
    }

    /// Runs a phase and keeps its time.
    pub fn phase<T>(&mut self, name: &'static str, work: impl FnOnce(&Self) -> T) -> T {
        let start = Instant::now();
        if !self.bar.is_hidden() {
            self.bar.reset_elapsed();
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
        self.bar.set_message(name);
        let result = work(self);
        self.bar.disable_steady_tick();
        self.bar.set_message("");
        self.phases.push((name, start.elapsed()));
        result
    }

    /// Keeps the time of something that went on beside the phases.
    pub fn add(&mut self, name: &'static str, time: Duration) {
        self.phases.push((name, time));
    }

    /// The phases so far with their times.
    pub fn phases(&self) -> &[(&'static str, Duration)] {
        &self.phases
    }

    /// A reader of so many bytes, which a person on a terminal sees go by. `what` says it in front of the numbers.
    pub fn counted<R: Read>(&self, what: impl FnOnce() -> String, bytes: u64, reader: R) -> Counted<R> {
        if self.lines.is_hidden() {
            Counted::unseen(reader)
        } else {
            Counted::shown(reader, &self.lines, what(), bytes)
        }
    }

    /// A count of things that are done one after the other, of so many. `what` they are, it says behind the numbers.
    pub fn tally(&self, what: &'static str, all: u64) -> Tally {
        Tally::new(&self.lines, self.verbosity > Verbosity::Quiet, what, all)
    }

    /// Ends the spinner.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// A line of progress.
    pub fn say(&self, line: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.line(line);
        }
    }

    /// A line for who asks for more.
    pub fn detail(&self, line: impl FnOnce() -> String) {
        if self.verbosity == Verbosity::Verbose {
            self.line(&line());
        }
    }

    /// Something to know, though the build goes on.
    pub fn warn(&self, line: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.line(&format!("warning: {line}"));
        }
    }

    /// What makes a build fail: said however quiet it has to be.
    pub fn fail(&self, text: &str) {
        if !text.is_empty() {
            self.line(text.trim_end());
        }
    }

    fn line(&self, line: &str) {
        self.lines.suspend(|| {
            // Standard error may be closed; there is nobody left to tell then.
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }
}
