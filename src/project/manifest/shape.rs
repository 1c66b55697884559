//! Whether a document has the tables and keys of `keys.rs`, each with a value that it takes. After this, reading the values
//! cannot fail.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Key, Kind, ROOT, quoted};
use super::nearest::{nearest, suggestion};
use super::place::{Mistake, Place, Source};
use super::versions;
use crate::lambda::{self, LayerArn, PythonVersion, is_region};
use crate::python::{is_distribution_name, normalise};
use crate::size::Amount;
use crate::slim::Globs;

/// Looks at a document, and collects what is wrong.
pub(super) struct Shape<'a> {
    source: &'a Arc<Source>,
    mistakes: Vec<Mistake>,
}

/// How bytes are written.
const UNITS: &str = "units are B, kB, MB, GB (of 1,000) and KiB, MiB, GiB (of 1,024); example: 200 MB";

/// The longest name of a function, a layer or a packaging: Lambda's for functions.
const NAME_LENGTH: usize = 64;

impl<'a> Shape<'a> {
    /// Everything that is wrong with a table.
    pub(super) fn mistakes(source: &'a Arc<Source>, table: &DeTable<'_>, keys: &[Key], name: &str) -> Vec<Mistake> {
        let mut shape = Self { source, mistakes: Vec::new() };
        shape.table(table, keys, name);
        shape.mistakes
    }

    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(Place::new(self.source, span).mistake(message, hint));
    }

    /// `name` is how messages call the table; empty for the whole file.
    fn table(&mut self, table: &DeTable<'_>, keys: &[Key], name: &str) {
        for (written, value) in table {
            match keys.iter().find(|key| key.name == written.get_ref().as_ref()) {
                Some(key) => self.value(key, &key.kind, value, &inner(name, key.name)),
                None => self.unknown(written.get_ref(), written.span(), keys, name),
            }
        }
    }

    fn unknown(&mut self, written: &str, span: Range<usize>, keys: &[Key], name: &str) {
        let known = || keys.iter().map(|key| key.name);
        let (what, takes) = if name.is_empty() {
            (format!("there is no table or key {written:?}"), "a project file has")
        } else {
            (format!("{name} has no key {written:?}"), "it has")
        };
        let elsewhere = homes(written);
        let hint = if nearest(written, known()).is_none() && !elsewhere.is_empty() {
            format!("{written:?} is a key of {}", elsewhere.join(", "))
        } else {
            suggestion(written, known(), takes)
        };
        self.wrong(span, what, hint);
    }

    fn value(&mut self, key: &Key, kind: &Kind, value: &Spanned<DeValue<'_>>, name: &str) {
        let span = value.span();
        match (kind, value.get_ref()) {
            (Kind::Flag, DeValue::Boolean(_)) => {}
            (Kind::Table(keys), DeValue::Table(table)) => self.table(table, keys, name),
            (Kind::Named(keys), DeValue::Table(table)) => self.named(key, keys, table),
            (Kind::Rows(keys), DeValue::Array(rows)) => {
                for row in rows {
                    match row.get_ref() {
                        DeValue::Table(table) => self.table(table, keys, &format!("a row of {}", key.name)),
                        other => self.mistyped(key, "a table", other, row.span()),
                    }
                }
            }
            (Kind::List(kind) | Kind::OneOrMore(kind), DeValue::Array(items)) => {
                self.list(key, kind, items, span, name);
            }
            (Kind::OneOrMore(kind), _) => self.value(key, kind, value, name),
            (Kind::Versions, DeValue::Table(table)) => self.versions(key, table, span),
            (Kind::Distributions, DeValue::Table(table)) => self.distributions(key, table, name),
            (Kind::Texts | Kind::Variables, DeValue::Table(table)) => {
                let are_variables = matches!(kind, Kind::Variables);
                for (written, value) in table {
                    if let Some(refusal) = lambda::refused_variable(written.get_ref()).filter(|_| are_variables) {
                        let message = format!("{:?} cannot be an environment variable on Lambda", written.get_ref());
                        self.wrong(written.span(), message, format!("choose another name; Lambda says \"{refusal}\""));
                    }
                    if !matches!(value.get_ref(), DeValue::String(_)) {
                        self.mistyped(key, "texts", value.get_ref(), value.span());
                    }
                }
            }
            (_, DeValue::String(text)) => self.text(key, kind, text, span),
            (_, DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX);
                self.number(key, kind, number, span);
            }
            (kind, other) => self.mistyped(key, &kind.expected(), other, span),
        }
    }

    fn named(&mut self, key: &Key, keys: &[Key], table: &DeTable<'_>) {
        for (written, value) in table {
            let name = written.get_ref().as_ref();
            if !is_name(name) {
                self.wrong(
                    written.span(),
                    format!("{name:?} cannot be a name: it becomes part of file names"),
                    format!("letters, digits, -, _ and . make a name, {NAME_LENGTH} characters at most, no . or - at its beginning"),
                );
            }
            match value.get_ref() {
                DeValue::Table(table) => self.table(table, keys, &format!("[{}.{name}]", key.name)),
                // `[functions]` with the keys of a function: its name is missing.
                _ if keys.iter().any(|key| key.name == name) => self.wrong(
                    written.span(),
                    format!("{name:?} is a key of [{}.NAME], and the name is missing", key.name),
                    format!("example: {}", key.example),
                ),
                other => self.mistyped(key, "a table for each name", other, value.span()),
            }
        }
    }

    fn list(&mut self, key: &Key, kind: &Kind, items: &[Spanned<DeValue<'_>>], span: Range<usize>, name: &str) {
        // An empty list takes a default away; but a matrix of nothing builds nothing.
        if items.is_empty() && (name.starts_with("[matrix") || name.starts_with("a row")) {
            self.wrong(
                span,
                format!("{} is empty, so that nothing would be built", key.name),
                format!("leave it away, or: {}", key.example),
            );
        }
        let mut seen = std::collections::BTreeSet::new();
        for item in items {
            self.value(key, kind, item, name);
            if let DeValue::String(text) = item.get_ref()
                && !seen.insert(text.as_ref())
            {
                self.wrong(item.span(), format!("{text:?} is twice in {}", key.name), "leave one of them away");
            }
        }
    }

    /// Versions of a layer by what they are for.
    fn versions(&mut self, key: &Key, table: &DeTable<'_>, span: Range<usize>) {
        let example = || format!("example: {}", key.example);
        if table.is_empty() {
            self.wrong(span, format!("{} is empty", key.name), format!("leave it away for the newest; {}", example()));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (written, value) in table {
            let text = written.get_ref().as_ref();
            match versions::key(text) {
                None => {
                    let message = format!("{text:?} is neither a Python that Lambda runs nor a target");
                    let hint = format!("\"3.13\" is for both architectures, \"3.13-arm64\" for one; {}", example());
                    self.wrong(written.span(), message, hint);
                }
                Some(of) if !seen.insert(of) => {
                    self.wrong(written.span(), format!("{} has {text:?} twice", key.name), "leave one of them away");
                }
                Some(_) => {}
            }
            match value.get_ref() {
                DeValue::Integer(number) => {
                    let number = i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX);
                    self.number(key, &Kind::Versions, number, value.span());
                }
                other => self.mistyped(key, "whole numbers from 1", other, value.span()),
            }
        }
    }

    /// Amounts by the name of a distribution.
    fn distributions(&mut self, key: &Key, table: &DeTable<'_>, name: &str) {
        let mut seen = std::collections::BTreeSet::new();
        for (written, value) in table {
            let text = written.get_ref().as_ref();
            if !is_distribution_name(text) {
                self.wrong(
                    written.span(),
                    format!("{text:?} cannot be the name of a distribution"),
                    format!(
                        "letters, digits, -, _ and . make a name, a letter or digit at both ends; example: {}",
                        key.example
                    ),
                );
            } else if !seen.insert(normalise(text)) {
                let message = format!("{} has the distribution {:?} twice", key.name, normalise(text));
                self.wrong(
                    written.span(),
                    message,
                    "- and _ and . are the same in such a name: leave one of them away",
                );
            }
            self.value(key, &Kind::Amount, value, name);
        }
    }

    fn mistyped(&mut self, key: &Key, expected: &str, found: &DeValue<'_>, span: Range<usize>) {
        let found = match found {
            DeValue::Boolean(truth) => truth.to_string(),
            DeValue::Float(_) | DeValue::Integer(_) => "a number".into(),
            DeValue::String(_) => "a text".into(),
            DeValue::Datetime(_) => "a date".into(),
            DeValue::Array(_) => "a list".into(),
            DeValue::Table(_) => "a table".into(),
        };
        self.wrong(
            span,
            format!("{} takes {expected}, and this is {found}", key.name),
            format!("example: {}", key.example),
        );
    }

    fn number(&mut self, key: &Key, kind: &Kind, number: i64, span: Range<usize>) {
        match kind {
            Kind::Number(bounds) => {
                if let Some(refusal) = bounds.refusal(number) {
                    let message = format!("{} takes {}", key.name, kind.expected());
                    self.wrong(span, message, format!("Lambda says \"{refusal}\""));
                }
            }
            Kind::NumberOf(numbers) if numbers.iter().any(|known| i64::from(*known) == number) => {}
            Kind::Bytes | Kind::Amount if number >= 0 => {}
            Kind::Versions if (1..=i64::from(u32::MAX)).contains(&number) => {}
            Kind::Bytes | Kind::Amount | Kind::Versions | Kind::NumberOf(_) => {
                self.wrong(
                    span,
                    format!("{} takes {}", key.name, kind.expected()),
                    format!("example: {}", key.example),
                );
            }
            _ => {
                let message = format!("{} takes {}, and this is a number", key.name, kind.expected());
                self.wrong(span, message, format!("example: {}", key.example));
            }
        }
    }

    fn text(&mut self, key: &Key, kind: &Kind, text: &str, span: Range<usize>) {
        let mut refuse = |reason: String, hint: String| self.wrong(span.clone(), reason, hint);
        let example = || format!("example: {}", key.example);
        let blank = text.trim().is_empty() || text.contains('\0');
        match kind {
            _ if blank => refuse(format!("{} takes {}, and this is empty", key.name, kind.expected()), example()),
            Kind::Text | Kind::Path => {}
            Kind::Handler => {
                if text.rsplit_once('.').is_none_or(|(module, function)| module.is_empty() || function.is_empty()) {
                    refuse(format!("{} takes MODULE.FUNCTION, and {text:?} is not", key.name), example());
                }
            }
            Kind::Glob => {
                if let Err(error) = Globs::new(key.name, &[text.to_owned()]) {
                    refuse(error.to_string(), example());
                }
            }
            Kind::Region => {
                if !is_region(text) {
                    refuse(format!("{text:?} is not a Region"), example());
                }
            }
            Kind::LayerArn => {
                if let Err(reason) = text.parse::<LayerArn>() {
                    refuse(format!("{text:?} is not the ARN of a layer"), reason);
                }
            }
            Kind::Name(rule) => {
                if !(rule.holds)(text) {
                    refuse(format!("{text:?} is not {}", rule.what), format!("it has {}; {}", rule.looks, example()));
                }
            }
            Kind::Bytes => match Amount::parse(text) {
                Some(Amount::Bytes(_)) => {}
                Some(Amount::Share(_)) => {
                    refuse(format!("{} takes bytes, and {text:?} is a percentage", key.name), example());
                }
                None => refuse(format!("{text:?} is not a number of bytes"), UNITS.to_owned()),
            },
            Kind::Amount => {
                if Amount::parse(text).is_none() {
                    refuse(format!("{text:?} is not a number of bytes and no percentage"), format!("{UNITS}, 80 %"));
                }
            }
            Kind::Choice(words) => {
                if !words.contains(&text) {
                    let hint = match nearest(text, words.iter().copied()) {
                        Some(word) => format!("did you mean {word:?}? possible are {}", quoted(words)),
                        None => format!("possible are {}", quoted(words)),
                    };
                    refuse(format!("{} cannot be {text:?}", key.name), hint);
                }
            }
            Kind::Python => {
                if let Err(known) = text.parse::<PythonVersion>() {
                    let hint = lambda::ended(text)
                        .map_or(known.clone(), |refusal| format!("{known}; Lambda says \"{refusal}\""));
                    refuse(format!("{text:?} is not a Python that Lambda runs"), hint);
                }
            }
            Kind::Architecture => {
                if architecture(text).is_none() {
                    refuse(
                        format!("{text:?} is not an architecture of Lambda"),
                        "possible are \"x86_64\", \"arm64\"".into(),
                    );
                }
            }
            _ => refuse(format!("{} takes {}, and this is a text", key.name, kind.expected()), example()),
        }
    }
}

/// An architecture by Lambda's name or the kernel's.
pub(super) fn architecture(text: &str) -> Option<lambda::Architecture> {
    clap::ValueEnum::from_str(text, false).ok()
}

/// How messages call a table within a table.
fn inner(name: &str, key: &str) -> String {
    match name {
        "" => format!("[{key}]"),
        _ => match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(name) => format!("[{name}.{key}]"),
            None => name.to_owned(),
        },
    }
}

/// Where a key would be right.
fn homes(written: &str) -> Vec<String> {
    let has = |keys: &[Key]| keys.iter().any(|key| key.name == written);
    ROOT.iter()
        .filter_map(|table| match table.kind {
            Kind::Table(keys) if has(keys) => Some(format!("[{}]", table.name)),
            Kind::Named(keys) if has(keys) => Some(format!("[{}.NAME]", table.name)),
            _ => None,
        })
        .collect()
}

/// Whether a name can be part of a file's name on every system, and of a name on Lambda.
fn is_name(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    !name.is_empty() && name.len() <= NAME_LENGTH && name.chars().all(plain) && !name.starts_with(['.', '-'])
}
