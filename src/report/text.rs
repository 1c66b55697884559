//! The report for a terminal.

use std::fmt::Write as _;

use console::Style;

use super::change::Change;
use super::model::{Artifact, LimitKind, Report};
use super::words;
use crate::check::Severity;
use crate::size::{exact, human};

/// Of more artifacts than these, each is told in short.
const WHOLE: usize = 4;

/// Lines of each list; the rest is one line, unless everything is wanted.
const SHOWN: usize = 10;

/// How the text is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Whether there are colours.
    pub colour: bool,
    /// Whether every part, file and removal is listed.
    pub every: bool,
}

/// The columns of numbers behind a name: unpacked, packed, share, files.
const NUMBERS: usize = 10 + 10 + 9 + 9;
const NAME: std::ops::RangeInclusive<usize> = 20..=60;

/// The text.
pub fn text(report: &Report, look: Look) -> String {
    let is_short = report.artifacts.len() > WHOLE && !look.every;
    let tell = |artifact| {
        let text = Text { artifact, look };
        if is_short { text.short() } else { text.whole() }
    };
    let mut texts: Vec<String> = report.artifacts.iter().map(tell).collect();
    if is_short {
        texts.push("-v, or the name of one, says what is in it\n".to_owned());
    }
    if report.artifacts.len() > 1 {
        texts.push(overview(report, look));
    }
    texts.join("\n")
}

/// All artifacts, a line each.
fn overview(report: &Report, look: Look) -> String {
    let mut text = String::from("all\n");
    let width = look.width.saturating_sub(2 + 10 + 9 + 14).clamp(*NAME.start(), 80);
    for artifact in &report.artifacts {
        let limit = artifact.limits.first();
        let percent = limit.map(|limit| format!("{:.1} %", limit.percent())).unwrap_or_default();
        let change = artifact.change.as_ref().map(|change| {
            let (before, after) = words::totals(artifact, change);
            words::difference(words::between(before, after))
        });
        let style = Text { artifact, look }.style(limit.map_or(0.0, super::model::Limit::percent));
        let name = fitted(&words::shown(&artifact.name), width);
        let percent = style.apply_to(format!("{percent:>8}"));
        let change = change.map(|change| format!(" {change:>12}")).unwrap_or_default();
        let _ = writeln!(text, "  {name} {:>9} {percent}{change}", human(artifact.unpacked_with_layers()));
    }
    text
}

struct Text<'a> {
    artifact: &'a Artifact,
    look: Look,
}

impl Text<'_> {
    fn whole(&self) -> String {
        let mut text = self.short();
        self.write_parts(&mut text);
        self.write_kinds(&mut text);
        self.write_layers(&mut text);
        self.write_files(&mut text);
        self.write_removed(&mut text);
        text
    }

    /// Sizes, verdicts, and what changed.
    fn short(&self) -> String {
        let artifact = self.artifact;
        let mut text = format!("{}\n", self.bold().apply_to(words::shown(&artifact.name)));
        let _ = writeln!(text, "  {}", words::description(artifact));
        self.write_sizes(&mut text);
        self.write_verdicts(&mut text);
        if let Some(change) = &artifact.change {
            self.write_change(change, &mut text);
        }
        text
    }

    fn write_sizes(&self, text: &mut String) {
        let artifact = self.artifact;
        if artifact.with_layers.is_some() {
            let _ = writeln!(text, "  {:<11} {:>9}", "unpacked", human(artifact.unpacked));
        }
        for limit in &artifact.limits {
            let title = words::limited(artifact, limit.limit);
            let bar = if limit.limit == LimitKind::DirectUpload { String::new() } else { self.bar(limit.percent()) };
            let _ = writeln!(text, "  {title:<11} {:>9}  {bar}{}", human(limit.bytes), words::limit(limit));
        }
        if artifact.limits.iter().all(|limit| limit.limit != LimitKind::DirectUpload)
            && let Some(packed) = artifact.packed
        {
            let _ = writeln!(text, "  {:<11} {:>9}", "packed", human(packed));
        }
        let packed = artifact.packed.map(|packed| format!(", {} packed", exact(packed))).unwrap_or_default();
        let overhead = match artifact.overhead.packed {
            Some(overhead) => format!(" ({} of them headers)", exact(overhead)),
            None if artifact.overhead.unpacked > 0 => {
                format!(" ({} unpacked are headers of tars and covered files)", exact(artifact.overhead.unpacked))
            }
            None => String::new(),
        };
        let files = exact(artifact.files) + if artifact.files == 1 { " file" } else { " files" };
        let _ =
            writeln!(text, "  {:<11} {} bytes unpacked{packed}{overhead}, {files}", "exact", exact(artifact.unpacked));
        if let Some(digest) = &artifact.digest {
            let _ = writeln!(text, "  {:<11} {digest}", "digest");
        }
        for layer in artifact.with_layers.iter().flat_map(|with| &with.layers) {
            let _ = writeln!(text, "  {:<11} {:>9}  {}", "layer", human(layer.unpacked), words::shown(&layer.name));
        }
    }

    /// Budgets and findings.
    fn write_verdicts(&self, text: &mut String) {
        for verdict in &self.artifact.budgets {
            let style = if verdict.over { self.red() } else { self.green() };
            let _ = writeln!(text, "  {:<11} {}", "budget", style.apply_to(words::verdict(verdict)));
        }
        for finding in &self.artifact.findings {
            let (word, style) = match finding.severity {
                Severity::Error => ("error", self.red()),
                Severity::Warning => ("warning", self.yellow()),
            };
            let _ = writeln!(text, "  {word:<11} {}", style.apply_to(words::shown(&finding.line())));
        }
    }

    fn write_change(&self, change: &Change, text: &mut String) {
        let (before, after) = words::totals(self.artifact, change);
        let difference = words::difference(words::between(before, after));
        let name = words::shown(&change.before.name);
        let _ = writeln!(
            text,
            "\n{} {name}: {} → {} ({difference})",
            self.bold().apply_to("since"),
            human(before),
            human(after)
        );
        if change.parts.is_empty() && change.files.is_empty() {
            let _ = writeln!(text, "  nothing has another size");
        }
        let width = self.look.width.saturating_sub(2 + 2 + 11 + 2).clamp(*NAME.start(), 44);
        for part in self.first(&change.parts) {
            let (mark, name) = words::changed(part);
            let pruned = words::pruned(part).map(|words| format!("  {words}")).unwrap_or_default();
            let bytes = part.difference();
            let style = if bytes > 0 { self.red() } else { self.green() };
            let shown = style.apply_to(format!("{:>10}", words::difference(bytes)));
            let _ = writeln!(text, "  {mark} {} {shown}{pruned}", fitted(&name, width));
        }
        self.write_rest(change.parts.len(), "parts", text);
        if !change.files.is_empty() {
            let _ = writeln!(
                text,
                "  {} files have another size, came or went; the largest differences:",
                exact(change.files.len() as u64)
            );
        }
        for file in self.first(&change.files) {
            let mark = match (file.before, file.after) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            };
            let _ =
                writeln!(text, "  {mark} {:>10}  {}", words::difference(file.difference()), words::shown(&file.path));
        }
        self.write_rest(change.files.len(), "files", text);
    }

    fn write_parts(&self, text: &mut String) {
        let artifact = self.artifact;
        self.write_heading("by distribution", &["unpacked", "packed", "share", "files"], text);
        for part in self.first(&artifact.parts) {
            self.write_row(&words::of_part(part), part.unpacked, part.packed, part.files, text);
        }
        let rest = artifact.parts.get(self.shown(artifact.parts.len())..).unwrap_or_default();
        if !rest.is_empty() {
            let unpacked = rest.iter().map(|part| part.unpacked).sum();
            let packed = rest.iter().try_fold(0, |sum, part| Some(sum + part.packed?));
            let files = rest.iter().map(|part| part.files).sum();
            self.write_row(&format!("{} more: -v lists every one", rest.len()), unpacked, packed, files, text);
        }
    }

    fn write_kinds(&self, text: &mut String) {
        self.write_heading("by kind", &["unpacked", "packed", "share", "files"], text);
        for total in &self.artifact.kinds {
            self.write_row(total.kind.words(), total.unpacked, total.packed, total.files, text);
        }
    }

    fn write_layers(&self, text: &mut String) {
        if self.artifact.layers.is_empty() {
            return;
        }
        self.write_heading("layers of the image", &["unpacked", "packed", "", "files"], text);
        for layer in &self.artifact.layers {
            let what = if layer.of_base { format!("base: {}", layer.what) } else { layer.what.clone() };
            let what = if what.is_empty() { "nothing that is seen" } else { &what };
            let width = self.name_width();
            let (unpacked, packed) = (human(layer.unpacked), human(layer.packed));
            let files = exact(layer.files);
            let _ = writeln!(
                text,
                "  {} {unpacked:>9} {packed:>9} {:>8} {files:>8}",
                fitted(&words::shown(what), width),
                ""
            );
        }
    }

    fn write_files(&self, text: &mut String) {
        let mut entries: Vec<_> = self.artifact.entries.iter().collect();
        entries.sort_by(|left, right| right.unpacked.cmp(&left.unpacked).then_with(|| left.path.cmp(&right.path)));
        let _ = writeln!(text, "\n{}", self.bold().apply_to("largest files"));
        for entry in entries.iter().take(SHOWN) {
            let _ = writeln!(text, "  {:>9}  {}", human(entry.unpacked), words::shown(&entry.path));
        }
    }

    fn write_removed(&self, text: &mut String) {
        let Some(removed) = self.artifact.removed.as_ref().filter(|removed| !removed.is_empty()) else { return };
        let mut rules: Vec<(String, u64, u64)> = Vec::new();
        for one in removed {
            let title = words::removal(one);
            match rules.iter_mut().find(|(known, ..)| *known == title) {
                Some((_, bytes, files)) => {
                    *bytes = bytes.saturating_add(one.bytes);
                    *files += one.files;
                }
                None => rules.push((title, one.bytes, one.files)),
            }
        }
        rules.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        self.write_heading("removed by slimming", &["bytes", "", "", "files"], text);
        let width = self.name_width();
        for (title, bytes, files) in self.first(&rules) {
            let _ = writeln!(text, "  {} {:>9} {:>18} {:>8}", fitted(title, width), human(*bytes), "", exact(*files));
        }
        self.write_rest(rules.len(), "rules", text);
    }

    fn write_heading(&self, title: &str, columns: &[&str; 4], text: &mut String) {
        let [first, second, third, fourth] = columns;
        let title = self.bold().apply_to(format!("{title:<width$}", width = self.name_width() + 2));
        let line = format!("{title} {first:>9} {second:>9} {third:>8} {fourth:>8}");
        let _ = writeln!(text, "\n{}", line.trim_end());
    }

    fn write_row(&self, name: &str, unpacked: u64, packed: Option<u64>, files: u64, text: &mut String) {
        let share = unpacked as f64 * 100.0 / self.artifact.unpacked.max(1) as f64;
        let packed = packed.map(human).unwrap_or_default();
        let name = fitted(name, self.name_width());
        let _ = writeln!(
            text,
            "  {name} {:>9} {packed:>9} {:>8} {:>8}",
            human(unpacked),
            format!("{share:.1} %"),
            exact(files)
        );
    }

    fn write_rest(&self, count: usize, what: &str, text: &mut String) {
        let rest = count - self.shown(count);
        if rest > 0 {
            let _ = writeln!(text, "  {} more {what}: -v lists every one", exact(rest as u64));
        }
    }

    fn shown(&self, count: usize) -> usize {
        if self.look.every { count } else { count.min(SHOWN) }
    }

    fn first<'l, T>(&self, list: &'l [T]) -> &'l [T] {
        &list[..self.shown(list.len())]
    }

    fn name_width(&self) -> usize {
        self.look.width.saturating_sub(2 + NUMBERS).clamp(*NAME.start(), *NAME.end())
    }

    /// A bar of what is used of a limit; nothing where there is no room for it.
    fn bar(&self, percent: f64) -> String {
        let width = self.look.width.saturating_sub(76).min(40);
        if width < 8 {
            return String::new();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of 0 to 1 of the bar's width"
        )]
        let filled = ((percent / 100.0).clamp(0.0, 1.0) * width as f64).round() as usize;
        let bar = self.style(percent).apply_to("#".repeat(filled));
        format!("[{bar}{}]  ", ".".repeat(width - filled))
    }

    /// How near a limit is.
    fn style(&self, percent: f64) -> Style {
        if percent > 100.0 {
            self.red()
        } else if percent > 80.0 {
            self.yellow()
        } else {
            self.green()
        }
    }

    fn plain(&self) -> Style {
        Style::new().force_styling(self.look.colour)
    }

    fn bold(&self) -> Style {
        self.plain().bold()
    }

    fn red(&self) -> Style {
        self.plain().red()
    }

    fn yellow(&self) -> Style {
        self.plain().yellow()
    }

    fn green(&self) -> Style {
        self.plain().green()
    }
}

/// A name in so many columns.
fn fitted(name: &str, width: usize) -> String {
    console::pad_str(name, width, console::Alignment::Left, Some("…")).into_owned()
}
