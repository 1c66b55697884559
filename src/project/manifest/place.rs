//! Where something is written, and what is wrong with it: file, line, column, the line itself with a caret, what to do.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that somebody wrote.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, as messages show it.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// A piece of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    source: Arc<Source>,
    span: Range<usize>,
}

/// A value, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub place: Place,
}

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    place: Place,
    message: String,
    hint: String,
}

/// Everything that was found wrong, by place: never empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

/// More than these are counted, not told.
const TOLD: usize = 10;

/// The most characters of a line that are shown.
const WIDTH: usize = 100;

impl Place {
    pub(super) fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        Self { source: source.clone(), span }
    }

    /// Something that is wrong here.
    pub fn mistake(&self, message: impl Into<String>, hint: impl Into<String>) -> Mistake {
        Mistake { place: self.clone(), message: message.into(), hint: hint.into() }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// Where it begins, to put things in the file's order.
    pub fn start(&self) -> usize {
        self.span.start
    }

    /// Line and column from 1, the line, and how many characters of it are meant.
    fn found(&self) -> (usize, usize, &str, usize) {
        let text = &self.source.text;
        let start = text.floor_char_boundary(self.span.start.min(text.len()));
        let end = text.floor_char_boundary(self.span.end.clamp(start, text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let meant = text[start..end].lines().next().unwrap_or_default();
        let number = text[..line_start].matches('\n').count() + 1;
        (number, text[line_start..start].chars().count() + 1, line, meant.chars().count().max(1))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{:?}", self.source.path.display(), self.span)
    }
}

impl<T> At<T> {
    /// Another value at the same place.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> At<U> {
        At { value: into(self.value), place: self.place }
    }
}

impl Mistake {
    /// What to do about it.
    fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for Mistake {
    /// `pack.toml:3:1: …`, and the line with a caret. What is shown of the line is one line, whatever is in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, column, line, length) = self.place.found();
        // A long line is shown from a little before the place on.
        let skipped = if column + length > WIDTH { (column - 1).saturating_sub(WIDTH / 5) } else { 0 };
        let shown: String = line
            .chars()
            .skip(skipped)
            .take(WIDTH)
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        let before = column - 1 - skipped;
        let (margin, carets) = (number.to_string(), "^".repeat(length.min(WIDTH.saturating_sub(before)).max(1)));
        let path = self.place.source.path.display();
        writeln!(formatter, "{path}:{number}:{column}: {}", self.message)?;
        writeln!(formatter, "  {margin} | {}", shown.trim_end())?;
        write!(formatter, "  {:1$} | {2:3$}{carets}", "", margin.len(), "", before)
    }
}

impl Mistakes {
    /// An error, if there are any.
    pub fn refuse(mut mistakes: Vec<Mistake>) -> Result<(), Self> {
        mistakes.sort_by(|left, right| {
            let key = |mistake: &Mistake| (mistake.place.source.path.clone(), mistake.place.span.start);
            key(left).cmp(&key(right))
        });
        mistakes.dedup();
        if mistakes.is_empty() { Ok(()) } else { Err(Self(mistakes)) }
    }

    /// What to do about the last that is told; the others have theirs beside them.
    pub fn hint(&self) -> Option<String> {
        self.0.iter().take(TOLD).next_back().map(|mistake| mistake.hint().to_owned())
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0.len().min(TOLD);
        if self.0.len() > TOLD {
            write!(formatter, "{} mistakes; the first {TOLD} of them:\nerror: ", self.0.len())?;
        }
        for (index, mistake) in self.0.iter().take(told).enumerate() {
            write!(formatter, "{mistake}")?;
            if index + 1 < told {
                write!(formatter, "\nhint: {}\nerror: ", mistake.hint())?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str, span: Range<usize>) -> String {
        let source = Arc::new(Source { path: "pack.toml".into(), text: text.into() });
        Place::new(&source, span).mistake("it is wrong", "mend it").to_string()
    }

    #[test]
    fn the_line_is_shown_with_a_caret() {
        assert_eq!(mistake("a = 1\nb = 22\n", 10..12), "pack.toml:2:5: it is wrong\n  2 | b = 22\n    |     ^^");
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert_eq!(mistake("é = \"ü\"", 5..9), "pack.toml:1:5: it is wrong\n  1 | é = \"ü\"\n    |     ^^^");
    }

    #[test]
    fn whatever_is_in_a_file_can_be_shown() {
        let long = format!("{}x{}", "a".repeat(500), "b".repeat(500));
        let shown = mistake(&long, 500..501);
        assert!(shown.lines().all(|line| line.chars().count() < 120), "{shown}");
        assert_eq!(shown.lines().nth(1).unwrap().find('x'), shown.lines().nth(2).unwrap().find('^'));
        for (text, span) in [("", 0..0), ("a", 5..9), ("a\tb\u{1b}[0m", 0..20), ("é", 1..1), ("a\n", 2..2)] {
            assert!(!mistake(text, span).contains(['\t', '\u{1b}']));
        }
    }
}
