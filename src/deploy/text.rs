//! A plan as a person reads it.

use std::fmt::Write as _;

use serde_json::Value;

use super::difference::{Action, Change, Plan};
use super::state::Kind;

/// The most characters of a value that are shown.
const WIDTH: usize = 60;

impl Plan {
    /// The whole plan, what stays counted only.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for change in self.effective() {
            let sign = match change.action {
                Action::Create => '+',
                Action::Update => '~',
                Action::Replace => '!',
                Action::Delete => '-',
                Action::Unchanged => ' ',
            };
            let why = change.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            let drift = if change.drift { " (changed by somebody else)" } else { "" };
            let _ = writeln!(text, "{sign} {} {}{why}{drift}", change.kind.word(), change.name);
            // The digest says nothing where something else does.
            for field in
                change.fields.iter().filter(|field| !field.name.starts_with("tags.pack:") || !change.is_of_substance())
            {
                let _ = writeln!(text, "    {}: {} → {}", field.name, shown(&field.from), shown(&field.to));
            }
        }
        let _ = writeln!(text, "{}", self.summary());
        text
    }

    /// How many of what.
    pub fn summary(&self) -> String {
        let counts: Vec<String> = [
            (Action::Create, "to create"),
            (Action::Update, "to update"),
            (Action::Replace, "to replace"),
            (Action::Delete, "to delete"),
            (Action::Unchanged, "unchanged"),
        ]
        .into_iter()
        .filter_map(|(action, words)| {
            let number = self.count(action);
            (number > 0).then(|| format!("{number} {words}"))
        })
        .collect();
        if counts.is_empty() { "nothing to do".into() } else { counts.join(", ") }
    }
}

impl Change {
    /// The line when it is done.
    pub fn done(&self) -> String {
        let word = match (self.action, self.kind) {
            (Action::Create, Kind::Object) => "uploaded",
            (Action::Create, Kind::Image) => "pushed",
            (Action::Create | Action::Update, Kind::Layer) => "published",
            (Action::Create, _) => "created",
            (Action::Update, _) => "updated",
            (Action::Replace, _) => "replaced",
            (Action::Delete, _) => "deleted",
            (Action::Unchanged, _) => "unchanged",
        };
        format!("{word} {} {}", self.kind.word(), self.name)
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        // Documents are long, and which part of them differs is for a tool to say: --format json has all.
        Value::Object(_) => "…".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() <= WIDTH { text } else { text.chars().take(WIDTH).chain(['…']).collect() }
}
