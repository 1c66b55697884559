//! What a browser without scripts shows of a report: totals, limits and parts, as plain tables.

use crate::report::change::{PartChange, PartSize};
use crate::report::model::{Artifact, Part, Report};
use crate::report::words;
use crate::size::{exact, human};

/// Rows of a table; the rest is a sentence.
const ROWS: usize = 50;

/// `Size report: app.zip`
pub(super) fn title(report: &Report) -> String {
    match report.artifacts.as_slice() {
        [one] => format!("Size report: {}", safe(&one.name)),
        all => format!("Size report: {} artifacts", all.len()),
    }
}

/// Every artifact, one below the other.
pub(super) fn summary(report: &Report) -> String {
    let note = "<p>With JavaScript this page has a map to zoom into, and tables of every file.</p>";
    joined([note.to_owned()].into_iter().chain(report.artifacts.iter().map(artifact)))
}

fn artifact(artifact: &Artifact) -> String {
    let packed = artifact.packed.map(|bytes| format!(", {} packed", size(bytes))).unwrap_or_default();
    let limits = artifact.limits.iter().map(|limit| {
        let what = words::limited(artifact, limit.limit);
        joined([cell(what), number(&size(limit.bytes)), cell(&words::limit(limit))])
    });
    let broken = artifact.budgets.iter().filter(|verdict| verdict.over);
    let broken = joined(broken.map(|verdict| format!("<li>{}</li>", escaped(&words::verdict(verdict)))));
    let changes = artifact.change.iter().flat_map(|change| &change.parts).map(change_row);
    joined([
        format!("<section><h1>{}</h1>", safe(&artifact.name)),
        format!("<p>{}</p>", escaped(&words::description(artifact))),
        format!("<p>{} unpacked{packed}, {} files</p>", size(artifact.unpacked), exact(artifact.files)),
        if broken.is_empty() { String::new() } else { format!("<h2>Broken budgets</h2><ul>{broken}</ul>") },
        table("Limits of Lambda", &["Limit", "Bytes", ""], limits),
        table("What changed", &["Part", "Before", "After", "Difference"], changes),
        table("Parts", &["Part", "Files", "Packed", "Unpacked"], artifact.parts.iter().map(part_row)),
        "</section>".to_owned(),
    ])
}

fn part_row(part: &Part) -> String {
    let packed = part.packed.map(size).unwrap_or_default();
    let numbers = [number(&exact(part.files)), number(&packed), number(&size(part.unpacked))];
    cell(&words::of_part(part)) + &joined(numbers)
}

fn change_row(change: &PartChange) -> String {
    let side = |side: Option<&PartSize>| number(&side.map(|side| size(side.unpacked)).unwrap_or_default());
    let difference = words::difference(change.difference());
    let numbers = [side(change.before.as_ref()), side(change.after.as_ref()), number(&difference)];
    cell(&words::changed(change).1) + &joined(numbers)
}

/// A table with its heading; nothing where there are no rows.
fn table(title: &str, columns: &[&str], mut rows: impl Iterator<Item = String>) -> String {
    let shown = joined(rows.by_ref().take(ROWS).map(|cells| format!("<tr>{cells}</tr>")));
    if shown.is_empty() {
        return String::new();
    }
    let heads = joined(columns.iter().map(|column| format!("<th scope=\"col\">{column}</th>")));
    let rest = match rows.count() {
        0 => String::new(),
        more => format!("<p>{} more</p>", exact(more as u64)),
    };
    format!("<h2>{title}</h2><table><thead><tr>{heads}</tr></thead><tbody>{shown}</tbody></table>{rest}")
}

fn joined(pieces: impl IntoIterator<Item = String>) -> String {
    pieces.into_iter().collect()
}

fn cell(text: &str) -> String {
    format!("<td>{}</td>", escaped(text))
}

fn number(number: &str) -> String {
    format!("<td class=\"number\">{number}</td>")
}

/// A size with its exact bytes as title.
fn size(bytes: u64) -> String {
    format!("<span title=\"{} bytes\">{}</span>", exact(bytes), human(bytes))
}

/// A name of somebody else's as text of the page.
fn safe(text: &str) -> String {
    escaped(&words::shown(text))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}
