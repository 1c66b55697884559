//! A comparison for people: totals, distributions, layers, and the files that weigh most.

use std::fmt::Write as _;

use super::entry::State;
use super::files::{Changed, OneSided};
use super::layers::{LayerChange, Whose};
use super::sends::{BlobKind, Sends};
use super::{Diff, DistributionChange};
use crate::lambda::TASK;
use crate::size::human;

/// Files that are shown where not every one is.
const FILES_SHOWN: usize = 10;

/// Distributions that a layer's line names.
const NAMED: usize = 3;

impl Diff {
    /// The text; `every` file and layer, or the largest files and the layers that differ.
    pub fn text(&self, every: bool) -> String {
        let (before, after) = (shown(&self.before.name), shown(&self.after.name));
        if self.same {
            return match (self.compared, &self.after.digest) {
                (Some(folder), _) => format!("{before} and {after} have the same files in {folder}\n"),
                (None, Some(digest)) if self.before.digest.is_some() => {
                    format!("{before} and {after} are the same: {digest}\n")
                }
                (None, _) if self.after.kind == "image" => {
                    format!("{before} and {after} have the same files and configuration\n")
                }
                (None, _) => format!("{before} and {after} have the same files\n"),
            };
        }
        let mut text = format!("{before} → {after}\n");
        let (old, new) = (self.before.unpacked, self.after.unpacked);
        let unpacked = format!("{} → {} ({})", human(old), human(new), difference(old, new));
        let _ = writeln!(text, "  unpacked  {}", if old == new { human(new) } else { unpacked });
        let _ = writeln!(text, "  files     {}", self.counts());
        if let Some(sends) = &self.sends {
            let _ = writeln!(text, "  {}", self.sent(sends));
        }
        if let Some(folder) = self.compared {
            let _ = writeln!(text, "  of the image only {folder} is compared");
        }
        if !self.configuration.is_empty() {
            let keys: Vec<String> = self.configuration.iter().map(|key| shown(key)).collect();
            let _ = writeln!(text, "  configuration: {} changed", keys.join(", "));
        }
        if self.files.is_empty() {
            let _ = writeln!(text, "  the files are the same; {}", self.only_outside());
        }
        self.write_distributions(&mut text);
        self.write_layers(&mut text, every);
        self.write_files(&mut text, every);
        text
    }

    fn counts(&self) -> String {
        let files = &self.files;
        let counts = [(files.changed.len(), "changed"), (files.added.len(), "added"), (files.removed.len(), "removed")];
        let mut parts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        parts.push(format!("{} the same", files.unchanged));
        parts.join(", ")
    }

    /// What differs where no file does.
    fn only_outside(&self) -> &'static str {
        match (self.after.kind, self.configuration.is_empty()) {
            ("image", false) => "the configuration is another",
            ("image", true) => "owners or times of files, the packing of layers, or the history differ",
            _ => "their order, times or packing differ",
        }
    }

    fn sent(&self, sends: &Sends) -> String {
        let of = |kind| sends.blobs.iter().filter(move |blob| blob.kind == kind).count();
        if of(BlobKind::Archive) > 0 {
            return format!("upload    {}, the whole archive", human(sends.bytes));
        }
        let layers = of(BlobKind::Layer);
        let mut parts = Vec::new();
        if layers > 0 {
            parts.push(format!("{layers} layer{}", if layers == 1 { "" } else { "s" }));
        }
        let rest = [(BlobKind::Configuration, "the configuration"), (BlobKind::Manifest, "the manifest")];
        parts.extend(rest.iter().filter(|(kind, _)| of(*kind) > 0).map(|(_, what)| (*what).to_owned()));
        let place = if self.before.kind == "image" {
            "a registry that has the first"
        } else {
            "a registry that has nothing of it"
        };
        format!("push      {} to {place}: {}", human(sends.bytes), parts.join(", "))
    }

    fn write_distributions(&self, text: &mut String) {
        if self.distributions.is_empty() {
            return;
        }
        text.push_str("\ndistributions\n");
        for change in &self.distributions {
            let DistributionChange { name, folder, before, after } = change;
            let versions = match (before, after) {
                (Some(before), Some(after)) => format!("~ {name} {before} → {after}"),
                (Some(before), None) => format!("- {name} {before}"),
                (None, after) => format!("+ {name} {}", after.as_deref().unwrap_or_default()),
            };
            let is_elsewhere = self.before.kind == "image" && self.compared.is_none() && folder != &TASK[1..];
            let place = if is_elsewhere { format!(" (in /{folder})") } else { String::new() };
            let _ = writeln!(text, "  {}", shown(&format!("{versions}{place}")));
        }
    }

    fn write_layers(&self, text: &mut String, every: bool) {
        if self.layers.is_empty() {
            return;
        }
        text.push_str("\nlayers\n");
        let same: Vec<&LayerChange> = self.layers.iter().filter(|layer| layer.whose == Whose::Both).collect();
        for layer in self.layers.iter().filter(|layer| every || layer.whose != Whose::Both) {
            let mark = match layer.whose {
                Whose::Both => '=',
                Whose::Before => '-',
                Whose::After => '+',
            };
            let digest = layer.digest.trim_start_matches("sha256:").get(..12).unwrap_or_default();
            let _ = writeln!(text, "  {mark} {:>9}  {digest}  {}", human(layer.packed), shown(&holds(layer)));
        }
        if !every && !same.is_empty() {
            let bytes = same.iter().map(|layer| layer.packed).sum();
            let _ = writeln!(text, "  = {:>9}  {} in both", human(bytes), same.len());
        }
    }

    fn write_files(&self, text: &mut String, every: bool) {
        let side = |mark, one: &OneSided| (one.path.clone(), line(mark, &one.state, &one.path, &[]), one.state.size());
        let files = &self.files;
        let mut lines: Vec<(String, String, u64)> = files.added.iter().map(|one| side('+', one)).collect();
        lines.extend(files.removed.iter().map(|one| side('-', one)));
        lines.extend(files.changed.iter().map(|changed| {
            let bytes = changed.before.size().max(changed.after.size());
            (changed.path.clone(), line('~', &changed.after, &changed.path, &notes(changed)), bytes)
        }));
        if lines.is_empty() {
            return;
        }
        let is_cut = !every && lines.len() > FILES_SHOWN;
        lines.sort_by(|left, right| left.0.cmp(&right.0));
        if is_cut {
            lines.sort_by_key(|(.., bytes)| std::cmp::Reverse(*bytes));
        }
        let _ = writeln!(text, "\n{}", if is_cut { "largest files" } else { "files" });
        let count = if is_cut { FILES_SHOWN } else { lines.len() };
        for (_, line, _) in &lines[..count] {
            let _ = writeln!(text, "  {line}");
        }
        if is_cut {
            let _ = writeln!(text, "  {} more: -v lists every one", lines.len() - count);
        }
    }
}

fn line(mark: char, state: &State, path: &str, notes: &[String]) -> String {
    let (size, what) = match state {
        State::File { size, .. } => (human(*size), String::new()),
        State::Link { target } => ("link".into(), format!(" → {}", shown(target))),
        State::Folder { .. } => ("folder".into(), String::new()),
    };
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    format!("{mark} {size:>9}  {}{what}{notes}", shown(path))
}

/// What the state after it does not say.
fn notes(changed: &Changed) -> Vec<String> {
    let mut notes = Vec::new();
    match (&changed.before, &changed.after) {
        (State::File { size: before, .. }, State::File { size: after, .. }) if before != after => {
            notes.push(difference(*before, *after));
        }
        (State::Link { target }, State::Link { .. }) => notes.push(format!("was → {}", shown(target))),
        (State::File { .. }, State::File { .. }) | (State::Folder { .. }, State::Folder { .. }) => {}
        (State::File { .. }, _) => notes.push("was a file".into()),
        (State::Link { .. }, _) => notes.push("was a link".into()),
        (State::Folder { .. }, _) => notes.push("was a folder".into()),
    }
    if let (true, Some(before), Some(after)) = (changed.mode, mode(&changed.before), mode(&changed.after)) {
        notes.push(format!("mode {before:o} → {after:o}"));
    }
    notes
}

fn mode(state: &State) -> Option<u32> {
    match state {
        State::File { mode, .. } | State::Folder { mode } => Some(*mode),
        State::Link { .. } => None,
    }
}

/// Distributions where there are any, else where its files are.
fn holds(layer: &LayerChange) -> String {
    let files = format!("{} file{}", layer.files, if layer.files == 1 { "" } else { "s" });
    match layer.distributions.as_slice() {
        [] if layer.files == 0 => "nothing that is seen".into(),
        [] => format!("{files} in {}", layer.folder),
        named if named.len() <= NAMED => named.join(", "),
        named => format!("{} and {} more", named[..NAMED].join(", "), named.len() - NAMED),
    }
}

/// `+1.2 kB`.
fn difference(before: u64, after: u64) -> String {
    if after >= before { format!("+{}", human(after - before)) } else { format!("-{}", human(before - after)) }
}

/// Names come from others: nothing in them moves a cursor.
fn shown(text: &str) -> String {
    let safe = |character: char| !character.is_control();
    if text.chars().all(safe) {
        return text.to_owned();
    }
    text.chars().map(|one| if safe(one) { one.to_string() } else { one.escape_default().to_string() }).collect()
}
