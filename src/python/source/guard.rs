//! A `try` at module level that hands every failure on: each of its `except` clauses ends in a `raise` of its own.
//!
//! Such a `try` only words a failure better (numpy's, pandas's and Pillow's do that), so that what stands directly in its
//! body runs whenever the module does, and the module fails if it fails.

use super::Token;

/// The `try` that the current line belongs to.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was seen")]
pub(super) struct Guard {
    is_open: bool,
    in_except: bool,
    /// The column of the current clause's statements, once one was seen.
    body: Option<usize>,
    /// Whether the current `except` raises.
    raises: bool,
    /// Whether an `except` swallows.
    swallows: bool,
    /// Imports that stand directly in it, by their place.
    imports: Vec<usize>,
}

impl Guard {
    /// Takes the first token of a logical line that is not empty. Another statement at module level has to
    /// [close](Self::close) it first.
    pub(super) fn line(&mut self, token: Token, column: usize) {
        if column > 0 {
            if self.is_open {
                let body = *self.body.get_or_insert(column);
                self.raises |= body == column && token == Token::Name(b"raise");
            }
            return;
        }
        self.end_clause();
        self.in_except = self.is_open && token == Token::Name(b"except");
        self.is_open |= token == Token::Name(b"try");
    }

    /// A `raise` behind a colon, in the line of its clause.
    pub(super) fn inline_raise(&mut self) {
        self.raises |= self.is_open && self.body.is_none();
    }

    /// Takes an import that stands in no other block of its line.
    pub(super) fn import(&mut self, index: usize, column: usize) {
        if self.is_open && !self.in_except && column > 0 && self.body == Some(column) {
            self.imports.push(index);
        }
    }

    /// Ends it; gives the imports that always run.
    pub(super) fn close(&mut self) -> Vec<usize> {
        self.end_clause();
        let guard = std::mem::take(self);
        if guard.swallows { Vec::new() } else { guard.imports }
    }

    fn end_clause(&mut self) {
        self.swallows |= self.in_except && !self.raises;
        self.in_except = false;
        self.raises = false;
        self.body = None;
    }
}
