//! What the texts of a source give away beside whole names: parts of names that are put together when it runs, modules
//! inside of longer texts, code that is run, and words that somebody searches for.
//!
//! Documentation is no text here: a string that is a statement of its own does nothing when it runs.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use memchr::memmem;

use super::{Import, MAX_IMPORTS, MAX_LITERAL, Scanner, is_name_byte};

/// Words to look for: identifiers as tokens and inside of short texts, anything else (`s3://`) inside of any text.
#[derive(Debug, Default)]
pub struct Words {
    identifiers: HashSet<Box<[u8]>>,
    others: Vec<String>,
}

impl Words {
    /// The words, each once.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut new = Self::default();
        for word in words {
            if is_identifier(word.as_bytes()) {
                new.identifiers.insert(word.as_bytes().into());
            } else if !word.is_empty() {
                new.others.push(word.to_owned());
            }
        }
        new
    }
}

/// A part of a name or path whose rest only a run knows: `.h` of `f"{name}.h"`, `lib.` of `f"lib.{name}"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Partial {
    /// What is written down, without a `/`.
    pub text: String,
    /// Something comes before it.
    pub before: bool,
    /// Something comes after it.
    pub after: bool,
}

/// What [`super::scan_texts`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// Parts of names, sorted, each once. Only those with a dot.
    pub partial: Vec<Partial>,
    /// Dotted names inside of short texts that are none as a whole (`pkg.module:object`), sorted, each once.
    pub inside: Vec<String>,
    /// Imports in lines of code that texts hold.
    pub quoted: Vec<Import>,
    /// The words that it says.
    pub said: BTreeSet<String>,
}

/// A text as it stands between its quotes, or a piece of an f-string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "it is one")]
pub(super) struct Text<'a> {
    pub(super) text: &'a [u8],
    /// Something that only a run knows comes before it.
    pub(super) before: bool,
    /// Something that only a run knows comes after it.
    pub(super) after: bool,
}

pub(super) struct Collector<'a> {
    words: &'a Words,
    /// Those of the words that are no identifiers and that the source has anywhere.
    others: Vec<&'a str>,
    /// The last text, until it is known what follows it.
    last: Option<Text<'a>>,
    partial: BTreeSet<(&'a [u8], bool, bool)>,
    inside: BTreeSet<&'a [u8]>,
    quoted: Vec<Import>,
    said: HashSet<&'a [u8]>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(source: &[u8], words: &'a Words) -> Self {
        let mut collector = Self::of_all(words);
        collector.others.retain(|word| memmem::find(source, word.as_bytes()).is_some());
        collector
    }

    pub(super) fn of_all(words: &'a Words) -> Self {
        Self {
            words,
            others: words.others.iter().map(String::as_str).collect(),
            last: None,
            partial: BTreeSet::new(),
            inside: BTreeSet::new(),
            quoted: Vec::new(),
            said: HashSet::new(),
        }
    }

    /// An identifier went by.
    pub(super) fn name(&mut self, name: &'a [u8]) {
        if self.words.identifiers.contains(name) {
            self.said.insert(name);
        }
    }

    /// A text went by that is no documentation.
    pub(super) fn text(&mut self, text: Text<'a>) {
        self.last = Some(text);
    }

    /// The token after the last text is known: whether it adds something.
    pub(super) fn settle(&mut self, adds: bool) {
        let Some(Text { text, before, after }) = self.last.take() else { return };
        for word in &self.others {
            if memmem::find(text, word.as_bytes()).is_some() {
                self.said.insert(word.as_bytes());
            }
        }
        self.code(text);
        if text.len() > MAX_LITERAL || text.contains(&b'\n') {
            return;
        }
        self.parts(text, before, after || adds);
        for name in text.split(|byte| !is_name_byte(*byte)) {
            self.name(name);
        }
        let is_dotted = |name: &&[u8]| name.contains(&b'.') && name.split(|byte| *byte == b'.').all(is_identifier);
        self.inside.extend(text.split(|byte| !is_name_byte(*byte) && *byte != b'.').filter(is_dotted));
    }

    /// Takes a format apart at what it leaves open.
    fn parts(&mut self, text: &'a [u8], before: bool, after: bool) {
        let (mut rest, mut before) = (text, before);
        while let Some((part, left)) = split_at_field(rest) {
            self.part(part, before, true);
            (rest, before) = (left, true);
        }
        self.part(rest, before, after);
    }

    fn part(&mut self, part: &'a [u8], before: bool, after: bool) {
        let mut keep = |name: &'a [u8], before, after| {
            let is_name = |byte: &u8| is_name_byte(*byte) || matches!(byte, b'.' | b'-' | b'+');
            if name.contains(&b'.') && name.iter().all(is_name) && (before || after) {
                self.partial.insert((name, before, after));
            }
        };
        // A slash ends a name: what stands between two of them is a whole one.
        match (part.iter().position(|byte| *byte == b'/'), part.iter().rposition(|byte| *byte == b'/')) {
            (Some(first), Some(last)) => {
                keep(&part[..first], before, false);
                keep(&part[last + 1..], false, after);
            }
            _ => keep(part, before, after),
        }
    }

    /// Code that a text holds: `exec("from a import b")`, the program of `python -c`.
    fn code(&mut self, text: &'a [u8]) {
        if memmem::find(text, b"import").is_none() {
            return;
        }
        for line in lines(text) {
            let starts = |part: &[u8]| {
                let part = part.trim_ascii_start();
                part.starts_with(b"import ") || part.starts_with(b"from ")
            };
            if line.split(|byte| *byte == b';').any(starts) {
                let left = MAX_IMPORTS.saturating_sub(self.quoted.len());
                self.quoted.extend(Scanner::new(line, None).run().0.imports.into_iter().take(left));
            }
        }
    }

    pub(super) fn finish(self) -> Texts {
        let partial = self.partial.into_iter();
        Texts {
            partial: partial.map(|(text, before, after)| Partial { text: super::text(text), before, after }).collect(),
            inside: self.inside.into_iter().map(super::text).collect(),
            quoted: self.quoted,
            said: self.said.into_iter().map(super::text).collect(),
        }
    }
}

fn is_identifier(name: &[u8]) -> bool {
    name.first().is_some_and(|first| !first.is_ascii_digit()) && name.iter().all(|byte| is_name_byte(*byte))
}

/// Lines, whether their ends are written as such or as `\n`.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = (0..text.len()).find(|&place| text[place] == b'\n' || text[place..].starts_with(b"\\n"));
        let Some(end) = end else { return rest.take() };
        rest = Some(&text[end + if text[end] == b'\n' { 1 } else { 2 }..]);
        Some(&text[..end])
    })
}

/// What stands before and after the first field of a format: `%s`, `%(name)-8d`, `{}`, `{name}`.
fn split_at_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = text.iter().position(|byte| matches!(byte, b'%' | b'{' | b'}'))?;
    let rest = &text[start + 1..];
    let length = match text[start] {
        b'%' => conversion(rest),
        b'{' => rest.iter().position(|byte| *byte == b'}').map_or(0, |end| end + 1),
        _ => 0,
    };
    Some((&text[..start], &rest[length..]))
}

/// The length of a conversion after its `%`; 0 where it is none.
fn conversion(rest: &[u8]) -> usize {
    let bracket = rest.iter().position(|byte| *byte == b')').filter(|_| rest.starts_with(b"("));
    let named = bracket.map_or(0, |end| end + 1);
    let flags = rest[named..].iter().take_while(|byte| b"#0- +123456789.*hlL".contains(byte)).count();
    match rest.get(named + flags) {
        Some(kind) if b"diouxXeEfFgGcrsa".contains(kind) => named + flags + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan_texts;
    use super::*;

    fn texts(source: &str, words: &[&str]) -> Texts {
        scan_texts(source.as_bytes(), &Words::new(words.iter().copied())).1
    }

    /// `.h` as `…h`, `lib.` as `lib.…`.
    fn partial(source: &str) -> Vec<String> {
        let show = |dots: bool| if dots { "…" } else { "" };
        let parts = texts(source, &[]).partial.into_iter();
        parts.map(|part| format!("{}{}{}", show(part.before), part.text, show(part.after))).collect()
    }

    #[test]
    fn names_that_are_put_together() {
        for (source, expected) in [
            ("x = f'{n}.h'", &["….h"][..]),
            ("open(f'a/{n}.h')", &["….h"]),
            ("x = f'{n}.h/b.c/d.{m}'", &["….h", "d.…"]),
            ("x = f'lib.{n}.{m}'", &["….…", "lib.…"]),
            ("x = f'lib/a.{n}'", &["a.…"]),
            ("x = 'lib%s.so.%(v)-3d' % n", &["….so.…"]),
            ("x = '{}.so'.format(n)", &["….so"]),
            ("x = n + '.so'", &["….so"]),
            ("n += '.so'", &["….so"]),
            ("x = 'lib.so.' + v + '.1'", &["….1", "lib.so.…"]),
            ("x = path.with_suffix('.pyi')", &["….pyi"]),
            ("x = ['.h', 'a.h', 'no {name} dots', f'a sentence. {n} .']", &[]),
        ] {
            assert_eq!(partial(source), expected, "{source}");
        }
    }

    #[test]
    fn modules_inside_of_texts() {
        let found = texts("x = ['a.b:c', 'from p.q, r.s import t', 'e.g. x', f'u.v:{w}', 'one']\n'''y.z: no'''\n", &[]);
        assert_eq!(found.inside, ["a.b", "p.q", "r.s", "u.v"]);
    }

    #[test]
    fn code_inside_of_texts() {
        let source = "exec('from a import b')\nrun('import c; import d')\nx = '''\n    if e:\n        import f\n'''\n\
                      y = 'p()\\nimport g'\nz = 'not an import of h'\n'import i'\n'''\n>>> import j\n'''\n";
        let found: Vec<String> = texts(source, &[]).quoted.into_iter().map(|import| import.module).collect();
        assert_eq!(found, ["a", "c", "d", "f", "g"]);
    }

    #[test]
    fn words_are_identifiers_or_stand_in_texts_that_do_something() {
        let said = |source: &str| texts(source, &["load", "s3://"]).said.into_iter().collect::<Vec<_>>().concat();
        for source in ["load()", "from x import load as y", "x = f'{load}'", "x = 'a.b:load'", "f('load')"] {
            assert_eq!(said(source), "load", "{source}");
        }
        for source in ["x = 's3://bucket'", "x = f's3://{b}'", "x = '''\nuri: s3://b\n'''", "if x: y(b's3://')"] {
            assert_eq!(said(source), "s3://", "{source}");
        }
        for source in ["loads()", "# load s3://", "'''load s3://'''", "def f():\n  'load' ' s3://'\n", "x = 'reload'"] {
            assert_eq!(said(source), "", "{source}");
        }
    }
}
