//! The report as a person reads it on a terminal.

use std::fmt::Write as _;

use super::bytes::{exact, human};
use super::report::SizeReport;
use crate::build::Policy;
use crate::check;
use crate::image::Pushed;
use crate::slim::{Level, Rule};

/// Parts listed; the rest is one line.
const PARTS_SHOWN: usize = 10;
const BAR_WIDTH: usize = 40;
/// Characters of what a layer has; of many small distributions not all are named.
const LAYER_WIDTH: usize = 34;

impl SizeReport {
    /// Where an image was found to be what is there, a line each.
    pub fn verified(&self) -> Option<String> {
        let image = self.image.as_ref().filter(|image| !image.verified.is_empty())?;
        let line = |place: &String| format!("{place} is what is built now: {}\n", image.digest);
        Some(image.verified.iter().map(line).collect())
    }

    /// The whole report; `every_removal` lists each file that was taken out.
    pub fn text(&self, every_removal: bool) -> String {
        let mut text = format!("{}\n", self.path);
        let against_limit = |title: &str, bytes: u64| {
            let percent = bytes as f64 * 100.0 / self.unpacked_limit as f64;
            let (bar, limit) = (bar(bytes, self.unpacked_limit), exact(self.unpacked_limit));
            format!("  {title:<8}  {:>9}  {bar}  {percent:.1} % of {limit}\n", human(bytes))
        };
        if self.layers.is_empty() {
            text += &against_limit("unpacked", self.unpacked);
        } else {
            let _ = writeln!(text, "  unpacked  {:>9}", human(self.unpacked));
            text += &against_limit("+ layers", self.unpacked_with_layers);
        }
        let through_s3 = if self.needs_s3 { "  above 50 MB: the upload goes through S3" } else { "" };
        let _ = writeln!(text, "  packed    {:>9}{through_s3}", human(self.packed));
        let _ = writeln!(text, "  exact     {} bytes unpacked, {} packed", exact(self.unpacked), exact(self.packed));
        let _ = writeln!(text, "  SHA-256   {}", self.sha256);
        if let Some(image) = &self.image {
            let _ = writeln!(text, "  base      {} ({})", image.base, image.base_digest);
            if let Some(words) = &image.entrypoint {
                let _ = writeln!(text, "  starts    {}", words.join(" ").escape_debug());
            }
            let is_pushed = |name: &&String| image.pushed.as_ref().is_some_and(|pushed| pushed.name == **name);
            for name in image.names.iter().filter(|name| !is_pushed(name)) {
                let _ = writeln!(text, "  name      {name}");
            }
            if let Some(pushed) = &image.pushed {
                let _ = writeln!(text, "  pushed    {}: {}", pushed.name, what_went(pushed));
            }
        }
        let bytecode = match (&self.bytecode_interpreter, self.bytecode) {
            (Some(version), Policy::Only) => format!("in place of the dependencies' sources, by CPython {version}"),
            (Some(version), _) => format!("beside the sources, by CPython {version}"),
            (None, _) => "none: every cold start compiles".to_owned(),
        };
        let _ = writeln!(text, "  bytecode  {bytecode}");
        if let Some(handler) = &self.handler {
            let _ = writeln!(text, "  handler   {handler}");
        }
        let _ = writeln!(text, "  imports   {}", self.imports.text());
        self.write_layers(&mut text);
        self.write_image(&mut text);
        self.write_parts(&mut text);
        self.write_slimming(&mut text);
        self.write_kept(&mut text);
        self.write_runtime(&mut text);
        if every_removal && !self.removed.is_empty() {
            let _ = writeln!(text, "\nevery removal");
            for removal in &self.removed {
                let _ = writeln!(text, "  {:>9}  {} ({})", human(removal.bytes), removal.path, removal.rule.title());
            }
        }
        let phases: Vec<String> = self
            .phases
            .iter()
            .map(|phase| format!("{} {:.1} s", phase.name, phase.milliseconds as f64 / 1000.0))
            .collect();
        let _ = if phases.is_empty() {
            writeln!(text, "\nunchanged: an earlier build made it of the same inputs")
        } else {
            writeln!(text, "\ntime  {}", phases.join(", "))
        };
        text
    }

    fn write_layers(&self, text: &mut String) {
        if self.layers.is_empty() {
            return;
        }
        let _ = writeln!(text, "\nlayers{:>40} {:>9}", "unpacked", "packed");
        for layer in &self.layers {
            let shown = layer.path.as_ref().or(layer.name.as_ref()).map_or("", String::as_str);
            let _ = writeln!(text, "  {shown:<34} {:>9} {:>9}", human(layer.unpacked), human(layer.packed));
            if let Some(arn) = &layer.arn {
                let _ = writeln!(text, "    {arn}");
            }
            let names: Vec<String> =
                layer.distributions.iter().map(|one| format!("{} {}", one.name, one.version)).collect();
            if !names.is_empty() {
                let _ = writeln!(text, "    {}", names.join(", "));
            }
        }
    }

    fn write_image(&self, text: &mut String) {
        let Some(image) = &self.image else { return };
        let _ = writeln!(text, "\nlayers above the base{:>25} {:>9}", "unpacked", "packed");
        for layer in image.layers.iter().filter(|layer| !layer.of_base) {
            let what = if layer.what.chars().count() > LAYER_WIDTH {
                let start: String = layer.what.chars().take(LAYER_WIDTH - 1).collect();
                start + "…"
            } else {
                layer.what.clone()
            };
            let unpacked = layer.unpacked.map(human).unwrap_or_default();
            let _ = writeln!(text, "  {what:<LAYER_WIDTH$} {unpacked:>9} {:>9}", human(layer.packed));
        }
        if !image.in_base.is_empty() {
            let _ = writeln!(text, "\nnot added, since the base has it\n  {}", image.in_base.join(", "));
        }
    }

    fn write_parts(&self, text: &mut String) {
        let _ = writeln!(text, "\nlargest distributions{:>25} {:>9}", "unpacked", "packed");
        for part in self.parts.iter().take(PARTS_SHOWN) {
            let name = format!("{} {}", part.name, part.version.as_deref().unwrap_or_default());
            let _ = writeln!(text, "  {:<34} {:>9} {:>9}", name.trim_end(), human(part.unpacked), human(part.packed));
        }
        let rest = self.parts.get(PARTS_SHOWN..).unwrap_or_default();
        if !rest.is_empty() {
            let (unpacked, packed) =
                (rest.iter().map(|part| part.unpacked).sum(), rest.iter().map(|part| part.packed).sum());
            let _ =
                writeln!(text, "  {:<34} {:>9} {:>9}", format!("{} more", rest.len()), human(unpacked), human(packed));
        }
    }

    fn write_slimming(&self, text: &mut String) {
        if self.slimmed.is_empty() {
            return;
        }
        let total = self.slimmed.iter().map(|slimming| slimming.bytes).sum();
        let _ = writeln!(text, "\nleft out{:>38} {:>9}", human(total), "files");
        for slimming in &self.slimmed {
            let title = match (&slimming.part, slimming.rule) {
                // Of each part's own, one line says it.
                (Some(_), Rule::NeededEntries) => continue,
                (Some(part), _) => format!("{}: {}", part.distribution, part.component),
                (None, rule) => rule.title().to_owned(),
            };
            let _ = writeln!(text, "  {title:<34} {:>9} {:>9}", human(slimming.bytes), exact(slimming.files));
        }
        let renamed: u64 =
            self.slimmed.iter().filter(|slimming| slimming.rule == Rule::NeededEntries).map(|one| one.files).sum();
        if renamed > 0 {
            let _ = writeln!(text, "  {:<34} {:>9} {:>9}", Rule::NeededEntries.title(), human(0), exact(renamed));
        }
    }

    fn write_kept(&self, text: &mut String) {
        if !self.kept.is_empty() {
            let _ = writeln!(text, "\nkept, though optional");
        }
        for kept in &self.kept {
            let _ = writeln!(text, "  {}: {}: {}", kept.part.distribution, kept.part.component, kept.reason);
        }
    }

    fn write_runtime(&self, text: &mut String) {
        if self.runtime.is_empty() {
            return;
        }
        let _ = writeln!(text, "\nAWS SDK (the Lambda runtime ships it, in a version that AWS chooses)");
        for distribution in &self.runtime {
            let verb = if distribution.bundled { "bundled " } else { "left out" };
            let _ = writeln!(text, "  {verb}  {} {}: {}", distribution.name, distribution.version, distribution.reason);
        }
        if self.runtime.iter().any(|distribution| !distribution.bundled) {
            let _ = writeln!(text, "  name boto3 in the requirements, or use --bundle-sdk, to ship your own version");
        }
    }

    /// What is wrong with the artifact and what would help; empty if it fits.
    pub fn problem(&self) -> String {
        if !self.over_limit {
            return String::new();
        }
        let over = self.unpacked_with_layers - self.unpacked_limit;
        let (actual, limit) = (self.unpacked_with_layers, self.unpacked_limit);
        let words = if self.layers.is_empty() {
            format!("Unzipped size must be smaller than {limit} bytes")
        } else {
            check::combined_too_large(actual)
        };
        let (over, exact) = (human(over), exact(over));
        let mut text = format!("error: too large for Lambda by {over} ({exact} bytes): \"{words}\"\n");
        for line in self.what_would_help() {
            let _ = writeln!(text, "hint: {line}");
        }
        text
    }

    fn what_would_help(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let largest: Vec<String> =
            self.parts.iter().take(3).map(|part| format!("{} ({})", part.name, human(part.unpacked))).collect();
        lines.push(format!("the largest are {}: does the {} need all of them?", largest.join(", "), self.name.kind()));
        if self.slim == Level::None {
            lines.push(
                "--slim standard takes out tests, documentation, headers and symbols without losing a function".into(),
            );
        }
        if self.slim == Level::Standard {
            lines.push("--slim deep also takes out optional parts that nothing in the artifact imports".into());
        }
        if self.bytecode == Policy::Compiled {
            lines.push("--bytecode only ships the dependencies' bytecode without their sources; --bytecode none is the smallest, and the slowest to start".into());
        }
        let sdk: u64 = self
            .parts
            .iter()
            .filter(|part| {
                self.runtime.iter().any(|distribution| distribution.bundled && distribution.name == part.name)
            })
            .map(|part| part.unpacked)
            .sum();
        if sdk > 0 && !self.slimmed.iter().any(|slimming| slimming.rule == Rule::RuntimeProvides) {
            lines.push(format!("--no-bundle-sdk leaves {} of AWS SDK to the runtime", human(sdk)));
        }
        lines.push("--exclude GLOB leaves out what your function never imports; splitting into layers does not raise the limit".into());
        lines
    }
}

/// A bar of the part of the limit that is used.
fn bar(used: u64, limit: u64) -> String {
    let share = (used as f64 / limit as f64).min(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1 of the bar's width")]
    let filled = (share * BAR_WIDTH as f64).round() as usize;
    format!("[{}{}]", "#".repeat(filled), ".".repeat(BAR_WIDTH - filled))
}

/// `2 blobs sent (12,543 bytes), 1 mounted, 8 there already`
fn what_went(Pushed { sent, mounted, there, .. }: &Pushed) -> String {
    let mut parts = vec![match sent.blobs {
        0 => "nothing sent".to_owned(),
        1 => format!("1 blob sent ({} bytes)", exact(sent.bytes)),
        many => format!("{many} blobs sent ({} bytes)", exact(sent.bytes)),
    }];
    if mounted.blobs > 0 {
        parts.push(format!("{} mounted", mounted.blobs));
    }
    if there.blobs > 0 {
        parts.push(format!("{} there already", there.blobs));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_never_overflows() {
        assert_eq!(bar(0, 100), format!("[{}]", ".".repeat(40)));
        assert_eq!(bar(50, 100), format!("[{}{}]", "#".repeat(20), ".".repeat(20)));
        assert_eq!(bar(900, 100), format!("[{}]", "#".repeat(40)));
    }
}
