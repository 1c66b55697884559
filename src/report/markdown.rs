//! The report for a step summary or a comment on a pull request: short first, details folded.
//!
//! What must stay true: names of others become text: none of them opens a tag, a link, a mention or another cell.

use std::fmt::Write as _;

use super::change::{Change, PartChange};
use super::model::{Artifact, LimitKind, Report};
use super::words;
use crate::check::Severity;
use crate::size::{exact, human};

/// What the Markdown begins with, for whoever looks for one among other texts. The action's comments begin with a line of its own before it.
const MARKER: &str = "<!-- pack report -->";

/// Characters of a name: a comment has room for 65,536.
const NAME: usize = 200;

/// Lines of each list that is folded.
const SHOWN: usize = 25;

/// The Markdown, as GitHub and GitLab render it.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("{MARKER}\n### Size of what goes to Lambda\n\n");
    let has_change = report.artifacts.iter().any(|artifact| artifact.change.is_some());
    let has_budget = report.artifacts.iter().any(|artifact| !artifact.budgets.is_empty());
    let mut columns = vec!["artifact", "unpacked", "of the limit", "packed"];
    if has_change {
        columns.push("change");
    }
    if has_budget {
        columns.push("budgets");
    }
    let _ = writeln!(text, "| {} |", columns.join(" | "));
    let _ = writeln!(text, "|{}|", ["---", "--:", "--:", "--:", "--:", "---"][..columns.len()].join("|"));
    for artifact in &report.artifacts {
        text += &summary(artifact, has_change, has_budget);
    }
    text.push('\n');
    for artifact in &report.artifacts {
        write_problems(artifact, &mut text);
    }
    for artifact in &report.artifacts {
        if let Some(change) = &artifact.change {
            write_change(artifact, change, &mut text);
        }
    }
    for artifact in &report.artifacts {
        write_parts(artifact, &mut text);
    }
    text
}

fn summary(artifact: &Artifact, has_change: bool, has_budget: bool) -> String {
    let limit = artifact.limits.iter().find(|limit| limit.limit != LimitKind::DirectUpload);
    let percent = limit.map(|limit| {
        let sign = if limit.is_broken() { "❌ " } else { "" };
        format!("{sign}{:.1} %", limit.percent())
    });
    let unpacked = human(artifact.unpacked_with_layers());
    let unpacked = if artifact.with_layers.is_some() { format!("{unpacked} with layers") } else { unpacked };
    let packed = artifact.packed.map(human).unwrap_or_default();
    let mut cells = vec![code(&artifact.name), unpacked, percent.unwrap_or_default(), packed];
    if has_change {
        cells.push(artifact.change.as_ref().map_or_else(
            || "new".to_owned(),
            |change| {
                let (before, after) = words::totals(artifact, change);
                words::difference(words::between(before, after))
            },
        ));
    }
    if has_budget {
        let broken = artifact.budgets.iter().filter(|verdict| verdict.over).count();
        cells.push(match (broken, artifact.budgets.len()) {
            (_, 0) => String::new(),
            (0, _) => "✅ kept".into(),
            (broken, all) => format!("❌ {broken} of {all} broken"),
        });
    }
    format!("| {} |\n", cells.join(" | "))
}

/// What stops a CI, and what a check warns of.
fn write_problems(artifact: &Artifact, text: &mut String) {
    let mut lines = Vec::new();
    for limit in artifact.limits.iter().filter(|limit| limit.is_broken()) {
        lines.push(format!("❌ {}: {}", words::limited(artifact, limit.limit), words::limit(limit)));
    }
    for verdict in artifact.budgets.iter().filter(|verdict| verdict.over) {
        lines.push(format!("❌ {}", plain(&words::verdict(verdict))));
    }
    for finding in &artifact.findings {
        let sign = if finding.severity == Severity::Error { "❌" } else { "⚠️" };
        lines.push(format!("{sign} {}", plain(&finding.line())));
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "**{}**\n", code(&artifact.name));
        for line in lines {
            let _ = writeln!(text, "- {line}");
        }
        text.push('\n');
    }
}

fn write_change(artifact: &Artifact, change: &Change, text: &mut String) {
    let (before, after) = words::totals(artifact, change);
    let difference = words::difference(words::between(before, after));
    if change.parts.is_empty() && change.files.is_empty() {
        let _ = writeln!(text, "{}: nothing has another size.\n", code(&artifact.name));
        return;
    }
    // A saved report has the artifact under its own name.
    let since = match &change.before.name {
        name if *name == artifact.name => String::new(),
        name => format!(" since {}", code(name)),
    };
    let _ =
        writeln!(text, "**{}**: {} → {} ({difference}){since}\n", code(&artifact.name), human(before), human(after));
    for part in change.parts.iter().take(5) {
        let _ = writeln!(text, "- {}", changed(part));
    }
    if change.parts.len() > 5 {
        let _ = writeln!(text, "- {} more below", change.parts.len() - 5);
    }
    text.push('\n');
    let title = format!("What changed in {}", tag(&artifact.name));
    let mut inside = String::from("| part | before | now | difference |\n|---|--:|--:|--:|\n");
    for part in change.parts.iter().take(SHOWN) {
        let size =
            |size: &Option<super::change::PartSize>| size.as_ref().map(|size| exact(size.unpacked)).unwrap_or_default();
        let (mark, name) = words::changed(part);
        let _ = writeln!(
            inside,
            "| {mark} {} | {} | {} | {} |",
            plain(&name),
            size(&part.before),
            size(&part.after),
            words::difference(part.difference())
        );
    }
    more(change.parts.len(), &mut inside);
    if !change.files.is_empty() {
        inside.push_str("\n| file | before | now | difference |\n|---|--:|--:|--:|\n");
        for file in change.files.iter().take(SHOWN) {
            let (before, after) = (file.before.map(exact), file.after.map(exact));
            let _ = writeln!(
                inside,
                "| {} | {} | {} | {} |",
                code(&file.path),
                before.unwrap_or_default(),
                after.unwrap_or_default(),
                words::difference(file.difference())
            );
        }
        more(change.files.len(), &mut inside);
    }
    fold(&title, &inside, text);
}

/// `pandas 3.1.1 → 3.2.0: +4.1 MB, of which tests 0 (15.4 MB pruned)`
fn changed(part: &PartChange) -> String {
    let (mark, name) = words::changed(part);
    let what = match mark {
        '+' => "new: ",
        '-' => "gone: ",
        _ => "",
    };
    let pruned = words::pruned(part).map(|words| format!(", {words}")).unwrap_or_default();
    format!("{what}{}: {}{pruned}", plain(&name), words::difference(part.difference()))
}

fn write_parts(artifact: &Artifact, text: &mut String) {
    let title = format!("What is in {}", tag(&artifact.name));
    let mut inside = format!("{}: {} bytes unpacked", plain(&words::description(artifact)), exact(artifact.unpacked));
    if let Some(packed) = artifact.packed {
        let _ = write!(inside, ", {} packed", exact(packed));
    }
    inside.push_str(".\n\n| part | unpacked | packed | files |\n|---|--:|--:|--:|\n");
    for part in artifact.parts.iter().take(SHOWN) {
        let packed = part.packed.map(exact).unwrap_or_default();
        let _ = writeln!(
            inside,
            "| {} | {} | {packed} | {} |",
            plain(&words::of_part(part)),
            exact(part.unpacked),
            exact(part.files)
        );
    }
    more(artifact.parts.len(), &mut inside);
    inside.push_str("\n| kind | unpacked | files |\n|---|--:|--:|\n");
    for total in &artifact.kinds {
        let _ = writeln!(inside, "| {} | {} | {} |", total.kind.words(), exact(total.unpacked), exact(total.files));
    }
    fold(&title, &inside, text);
}

fn more(count: usize, text: &mut String) {
    if count > SHOWN {
        let _ = writeln!(text, "\n{} more are in the other formats.", exact((count - SHOWN) as u64));
    }
}

fn fold(title: &str, inside: &str, text: &mut String) {
    let _ = writeln!(text, "<details><summary>{title}</summary>\n\n{}\n\n</details>\n", inside.trim_end());
}

/// A name that is no longer than a line should be.
fn cut(name: &str) -> String {
    if name.chars().count() <= NAME { name.to_owned() } else { name.chars().take(NAME - 1).chain(['…']).collect() }
}

/// A name inside of a tag.
fn tag(name: &str) -> String {
    let mut text = String::from("<code>");
    for one in cut(&words::shown(name)).chars() {
        match one {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            one => text.push(one),
        }
    }
    text + "</code>"
}

/// A name as code, in a cell or outside of one.
fn code(name: &str) -> String {
    // Nothing in an HTML element is Markdown but its inside, so that is made harmless too.
    let mut text = String::from("<code>");
    text.push_str(&plain(name));
    text + "</code>"
}

/// Text that Markdown shows as it is. Mentions, numbers of issues and addresses are looked for in what was rendered, so that
/// something without a width stands in them.
fn plain(name: &str) -> String {
    let name = cut(&words::shown(name));
    let mut text = String::new();
    let mut last = ' ';
    let mut all = name.chars().peekable();
    while let Some(one) = all.next() {
        // Inside of a word it is nothing but itself.
        let is_inside = last.is_alphanumeric() && all.peek().is_some_and(|next| next.is_alphanumeric());
        match one {
            '_' if is_inside => text.push(one),
            '@' | '#' => {
                let _ = write!(text, "&#{};&#8203;", u32::from(one));
            }
            ':' if all.peek() == Some(&'/') => text.push_str("&#58;&#8203;"),
            '.' if last == 'w' => text.push_str("&#8203;."),
            '<' | '>' | '&' | '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '!' | '$' => {
                let _ = write!(text, "&#{};", u32::from(one));
            }
            one => text.push(one),
        }
        last = one;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        assert_eq!(plain("a|b"), "a&#124;b");
        assert_eq!(
            plain("<img src=x> @team [a](b) `c` __d__"),
            "&#60;img src=x&#62; &#64;&#8203;team &#91;a&#93;(b) &#96;c&#96; &#95;&#95;d&#95;&#95;"
        );
        assert_eq!(plain("a\n| b x_y"), "a&#92;u{a}&#124; b x_y");
        assert_eq!(plain("#1 https://x www.x.y a.py"), "&#35;&#8203;1 https&#58;&#8203;//x www&#8203;.x.y a.py");
        assert_eq!(plain(&"a".repeat(999)).chars().count(), NAME);
        assert_eq!(tag("<x>"), "<code>&lt;x&gt;</code>");
    }
}
