//! The report as one HTML page that asks nobody for anything: a map to zoom into, tables that sort and filter, before and after.
//!
//! What must stay true: the page is made of the report alone, so the same report gives the same bytes. Names come from archives
//! of others: they are in the page as JSON without a `<`, scripts put them into text nodes only, and its policy allows no script
//! or style but its own, by their digests, and no request.

mod summary;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use data_encoding::BASE64;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::model::{Artifact, Report};
use crate::slim::Rule;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// One module: in this order, since a few read a constant of one before.
const SCRIPT: &str = concat!(
    include_str!("script/format.js"),
    include_str!("script/dom.js"),
    include_str!("script/tree.js"),
    include_str!("script/squarify.js"),
    include_str!("script/tip.js"),
    include_str!("script/treemap.js"),
    include_str!("script/table.js"),
    include_str!("script/layers.js"),
    include_str!("script/contents.js"),
    include_str!("script/head.js"),
    include_str!("script/change.js"),
    include_str!("script/removed.js"),
    include_str!("script/main.js"),
);

/// The page.
pub fn html(report: &Report) -> String {
    filled(PAGE, |place| match place {
        "style" => STYLE.into(),
        "style-hash" => source(STYLE),
        "script" => SCRIPT.into(),
        "script-hash" => source(SCRIPT),
        "title" => summary::title(report),
        "summary" => summary::summary(report),
        "report" => json(report),
        "rules" => json(&rules(report)),
        _ => String::new(),
    })
}

/// A text with something in the place of each `{{name}}`. What is put in is not looked at again.
fn filled(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut pieces = text.split("{{");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        if let Some((place, rest)) = piece.split_once("}}") {
            whole.push_str(&value(place));
            whole.push_str(rest);
        }
    }
    whole
}

/// How a policy names a script or a style that lies in the page.
fn source(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text)))
}

/// JSON that can stand in a `script` element: nothing in it ends the element or begins a comment, and no line ends in it.
fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// What the rules of the report are called.
fn rules(report: &Report) -> BTreeMap<Rule, &'static str> {
    report.artifacts.iter().flat_map(of_artifact).map(|rule| (rule, rule.title())).collect()
}

fn of_artifact(artifact: &Artifact) -> impl Iterator<Item = Rule> {
    let removed = artifact.removed.iter().flatten().map(|removed| removed.rule);
    let changed = artifact.change.iter().flat_map(|change| &change.parts).flat_map(|part| &part.removed);
    removed.chain(changed.map(|changed| changed.rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_ends_no_element() {
        let name = "</script><!--\u{2028}\u{0}\u{85}\"'&";
        let text = json(&name);
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{0}', '\u{85}', '\n']), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), name);
    }

    #[test]
    fn what_is_put_in_is_not_a_place() {
        assert_eq!(filled("a {{x}} b {{y}}", |place| format!("{{{{{place}}}}}")), "a {{x}} b {{y}}");
    }

    #[test]
    fn the_page_has_its_own_policy_and_nothing_of_others() {
        let page = html(&Report { version: 1, artifacts: Vec::new() });
        assert!(page.contains(&format!("style-src '{}'; script-src '{}'", source(STYLE), source(SCRIPT))), "{page}");
        assert!(!page.contains("{{") && !SCRIPT.contains("</") && !STYLE.contains("</"));
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("http"));
        assert_eq!(page, html(&Report { version: 1, artifacts: Vec::new() }));
    }
}
