//! A count that goes up: a bar for a person on a terminal, a line every ten seconds elsewhere.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::size::exact;

/// Between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// How much is done; its copies count together.
#[derive(Clone, Debug)]
pub struct Tally {
    bar: ProgressBar,
    what: &'static str,
    /// When the last line was written; none where no line is to be.
    said: Option<Arc<Mutex<Instant>>>,
}

impl Tally {
    pub(super) fn new(lines: &MultiProgress, speaks: bool, what: &'static str, all: u64) -> Self {
        let is_plain = speaks && lines.is_hidden();
        let bar = lines.add(ProgressBar::new(all));
        if let Ok(style) = ProgressStyle::with_template("{bar:24}  {done} of {all} {msg} ({elapsed})") {
            bar.set_style(
                style
                    .with_key("done", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                        let _ = text.write_str(&exact(state.pos()));
                    })
                    .with_key("all", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                        let _ = text.write_str(&exact(state.len().unwrap_or_default()));
                    }),
            );
        }
        bar.set_message(what);
        Self { bar, what, said: is_plain.then(|| Arc::new(Mutex::new(Instant::now()))) }
    }

    /// So many more are done.
    pub fn add(&self, number: u64) {
        self.bar.inc(number);
        let Some(said) = &self.said else { return };
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= EVERY {
            *said = Instant::now();
            let all = self.bar.length().unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "{} of {} {}", exact(self.bar.position()), exact(all), self.what);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
