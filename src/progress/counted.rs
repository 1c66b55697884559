//! A reader whose bytes a person on a terminal sees go by.

use std::io::{self, Read};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::size::human;

/// Reads what another reader has; its line is gone when it is dropped.
pub struct Counted<R> {
    inner: R,
    line: Option<(MultiProgress, ProgressBar)>,
}

impl<R> Counted<R> {
    /// One that nobody sees.
    pub(super) fn unseen(inner: R) -> Self {
        Self { inner, line: None }
    }

    /// One with a line among those of `lines`.
    pub(super) fn shown(inner: R, lines: &MultiProgress, what: String, bytes: u64) -> Self {
        let line = lines.add(ProgressBar::new(bytes));
        if let Ok(style) = ProgressStyle::with_template("  {msg}  {bar:24}  {done} of {all}") {
            line.set_style(
                style
                    .with_key("done", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                        let _ = write!(text, "{:>9}", human(state.pos()));
                    })
                    .with_key("all", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                        let _ = text.write_str(&human(state.len().unwrap_or_default()));
                    }),
            );
        }
        line.set_message(what);
        Self { inner, line: Some((lines.clone(), line)) }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some((_, line)) = &self.line {
            line.inc(read as u64);
        }
        Ok(read)
    }
}

impl<R> Drop for Counted<R> {
    fn drop(&mut self) {
        if let Some((lines, line)) = &self.line {
            line.finish_and_clear();
            lines.remove(line);
        }
    }
}
