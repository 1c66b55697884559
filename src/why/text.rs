//! The answer for a person. What artifacts have in common is told once, with the range of their sizes.

use std::fmt::Write as _;

use super::graph::Root;
use super::imports::{Importer, Imports};
use super::model::{Answer, Chain, Cost, Elsewhere, Owner, Removal, Required, Source, Subject, Why};
use crate::report::model::{KnownBy, PartKind};
use crate::report::shown;
use crate::size::{exact, human};
use crate::slim::Rule;

/// Items of each list; the rest is one line.
const SHOWN: usize = 10;

/// The text.
pub(super) fn text(why: &Why) -> String {
    let mut groups: Vec<(Answer, Vec<&Answer>)> = Vec::new();
    for answer in &why.answers {
        let shape = answer.without_sizes();
        match groups.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, group)) => group.push(answer),
            None => groups.push((shape, vec![answer])),
        }
    }
    groups.iter().map(|(_, group)| Text { first: group[0], all: group }.whole()).collect::<Vec<_>>().join("\n")
}

impl Answer {
    /// What is the same for all artifacts that have it for the same reasons.
    fn without_sizes(&self) -> Self {
        let mut shape = self.clone();
        shape.artifact.clear();
        shape.cost = self.cost.map(|_| Cost::default());
        for owner in &mut shape.owners {
            (owner.files, owner.unpacked) = (0, 0);
        }
        shape.owners.sort_by(|left, right| left.name.cmp(&right.name));
        for removal in shape.removed.iter_mut().flatten() {
            (removal.files, removal.bytes) = (0, 0);
        }
        if let Some(removed) = &mut shape.removed {
            removed.sort_by(|left, right| (left.rule, &left.component).cmp(&(right.rule, &right.component)));
        }
        if let Some(saving) = &mut shape.saving {
            (saving.unpacked, saving.packed, saving.files) = (0, None, 0);
            for freed in &mut saving.with {
                (freed.unpacked, freed.packed) = (0, None);
            }
        }
        shape
    }
}

/// Answers that differ in sizes alone.
struct Text<'a> {
    first: &'a Answer,
    all: &'a [&'a Answer],
}

impl Text<'_> {
    fn whole(&self) -> String {
        let mut text = self.heading();
        self.write_cost(&mut text);
        self.write_owners(&mut text);
        self.write_elsewhere(&mut text);
        if let Some(required) = &self.first.required {
            write_required(required, &mut text);
        }
        self.write_removed(&mut text);
        for kept in &self.first.kept {
            line("kept", &format!("{}, though optional: {}", shown(&kept.component), shown(&kept.reason)), &mut text);
        }
        if let Some(imports) = &self.first.imports {
            write_imports(imports, &mut text);
        }
        self.write_saving(&mut text);
        text
    }

    fn heading(&self) -> String {
        let what = match &self.first.subject {
            Subject::File { path, .. } | Subject::Folder { path } => shown(path),
            Subject::Distribution { name, version } => named(name, version.as_deref()),
        };
        let is_there = self.first.cost.is_some();
        let is = if is_there { "in" } else { "not in" };
        match self.all {
            [one] => format!("{what}: {is} {}\n", shown(&one.artifact)),
            all => {
                let names: Vec<String> = all.iter().map(|answer| format!("  {}\n", shown(&answer.artifact))).collect();
                format!("{what}: {is} {} artifacts\n{}", all.len(), names.concat())
            }
        }
    }

    /// The smallest and the largest of a number of all answers.
    fn span(&self, number: impl Fn(&Answer) -> Option<u64>, shown: impl Fn(u64) -> String) -> Option<String> {
        let numbers: Option<Vec<u64>> = self.all.iter().map(|answer| number(answer)).collect();
        let numbers = numbers?;
        let (least, most) = (numbers.iter().min().copied()?, numbers.iter().max().copied()?);
        let (least, most) = (shown(least), shown(most));
        Some(if least == most { least } else { format!("{least} to {most}") })
    }

    fn write_cost(&self, text: &mut String) {
        let Some(unpacked) = self.span(|answer| Some(answer.cost?.unpacked), human) else { return };
        let mut words = vec![format!("{unpacked} unpacked")];
        words.extend(self.span(|answer| answer.cost?.packed, human).map(|packed| format!("{packed} packed")));
        let share = |answer: &Answer| answer.cost.map(|cost| cost.unpacked.saturating_mul(1000) / cost.of.max(1));
        let percent = |tenths: u64| format!("{}.{}", tenths / 10, tenths % 10);
        words.extend(self.span(share, percent).map(|share| format!("{share} % of it")));
        if !matches!(self.first.subject, Subject::File { .. }) {
            words.extend(self.span(|answer| Some(answer.cost?.files), exact).map(|files| counted(&files)));
        }
        let unpacked = self.first.cost.map(|cost| cost.unpacked).filter(|bytes| self.all.len() == 1 && *bytes >= 1000);
        let bytes = unpacked.map(|bytes| format!(" ({} bytes)", exact(bytes))).unwrap_or_default();
        line("costs", &format!("{}{bytes}", words.join(", ")), text);
    }

    fn write_owners(&self, text: &mut String) {
        if let Subject::File { is, .. } = &self.first.subject {
            line("kind", is.words(), text);
        } else if matches!(self.first.subject, Subject::Distribution { .. }) {
            return;
        }
        let owners = &self.first.owners;
        for (place, owner) in owners.iter().take(SHOWN).enumerate() {
            line(if place == 0 { "owner" } else { "" }, &whose(owner, owners.len() > 1), text);
        }
        write_rest(owners.len(), "owners", text);
    }

    fn write_elsewhere(&self, text: &mut String) {
        let Some(elsewhere) = &self.first.elsewhere else { return };
        let words = match elsewhere {
            Elsewhere::Runtime => "Lambda's runtime has it, in a version of its own".to_owned(),
            Elsewhere::Layer { name: Some(name) } => format!("the layer {} has it", shown(name)),
            Elsewhere::Layer { name: None } => "a layer of the function has it".to_owned(),
            Elsewhere::Base { version } => format!("the base of the image has it: {}", shown(version)),
            Elsewhere::Nobody => "nothing of it is here, and nobody is known to have it in its place".to_owned(),
        };
        line("left out", &words, text);
    }

    fn write_removed(&self, text: &mut String) {
        let is_there = self.first.cost.is_some();
        let is_whole = |removal: &Removal| !matches!(removal.rule, Rule::Symbols | Rule::NeededEntries);
        let Some(removed) = &self.first.removed else {
            if !is_there {
                return;
            }
            return line("slimming", "no record of pack's is beside it: what was removed is not known", text);
        };
        if is_there && removed.is_empty() {
            return line("slimming", "no rule takes anything of it", text);
        }
        for removal in removed.iter().take(SHOWN) {
            let same = |answer: &Answer| {
                let all = answer.removed.as_deref().unwrap_or_default();
                all.iter().find(|one| one.rule == removal.rule && one.component == removal.component).cloned()
            };
            let bytes = self.span(|answer| Some(same(answer)?.bytes), human).unwrap_or_default();
            let files = self.span(|answer| Some(same(answer)?.files), exact).unwrap_or_default();
            let title = match &removal.component {
                Some(component) => format!("{}: {}", removal.title, shown(component)),
                None => removal.title.to_owned(),
            };
            let files = match self.first.subject {
                Subject::File { .. } => String::new(),
                _ => format!(", {}", counted(&files)),
            };
            let kept =
                removal.kept_by.as_ref().map(|option| format!("; {} keeps it", shown(option))).unwrap_or_default();
            line(
                if is_whole(removal) { "removed" } else { "stripped" },
                &format!("{title}: {bytes}{files}{kept}"),
                text,
            );
        }
        write_rest(removed.len(), "rules", text);
    }

    fn write_saving(&self, text: &mut String) {
        let is_distribution = matches!(self.first.subject, Subject::Distribution { .. });
        let Some(saving) = self.first.saving.as_ref().filter(|_| is_distribution || self.first.cost.is_some()) else {
            return;
        };
        let unpacked = self.span(|answer| Some(answer.saving.as_ref()?.unpacked), human).unwrap_or_default();
        let packed = self.span(|answer| answer.saving.as_ref()?.packed, human);
        let packed = packed.map(|packed| format!(", {packed} packed")).unwrap_or_default();
        let is_itself =
            matches!(&self.first.subject, Subject::Distribution { name, .. } if *name == saving.distribution);
        let whose = if is_itself { String::new() } else { format!("{}: ", named(&saving.distribution, None)) };
        let mut names: Vec<String> = Vec::new();
        for (place, freed) in saving.with.iter().enumerate().take(SHOWN) {
            let bytes = self.span(|answer| Some(answer.saving.as_ref()?.with.get(place)?.unpacked), human);
            names.push(format!("{} ({})", named(&freed.name, freed.version.as_deref()), bytes.unwrap_or_default()));
        }
        if saving.with.len() > SHOWN {
            names.push(format!("{} more", saving.with.len() - SHOWN));
        }
        let with = if names.is_empty() {
            "; nothing else goes with it".to_owned()
        } else {
            format!(", with what only it needs: {}", names.join(", "))
        };
        line("removing", &format!("{whose}saves {unpacked} unpacked{packed}{with}"), text);
        let by: Vec<String> = saving.stays_for.iter().take(SHOWN).map(|name| shown(name)).collect();
        if !by.is_empty() {
            let needs = if by.len() == 1 { "needs" } else { "need" };
            line("", &format!("but it stays as long as {} {needs} it", by.join(", ")), text);
        }
    }
}

fn write_required(required: &Required, text: &mut String) {
    for (place, chain) in required.chains.iter().enumerate() {
        line(if place == 0 { "required" } else { "" }, &self::chain(chain, required), text);
    }
    if required.more_chains > 0 {
        line("", &format!("and by {} more ways", exact(required.more_chains)), text);
    }
    // Chains from what is named say it already.
    let told = |name: &str| {
        required.chains.iter().any(|chain| chain.steps.iter().rev().nth(1).is_some_and(|link| link.step.name == name))
    };
    let others: Vec<String> = required
        .needed_by
        .iter()
        .filter(|by| !told(&by.name))
        .map(|by| format!("{}{}", named(&by.name, by.version.as_deref()), versions(&by.versions)))
        .collect();
    if !others.is_empty() {
        let more = others.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        line("", &format!("also by {}{more}", others[..others.len().min(SHOWN)].join(", ")), text);
    }
    if required.from == Source::Metadata {
        line("", "as METADATA says in the artifact", text);
    }
}

/// `pandas 3.1.1 (requirements/workload.txt) → python-dateutil 2.9.0 (>=2.8.2)`.
fn chain(chain: &Chain, required: &Required) -> String {
    let mut words = String::new();
    for (place, link) in chain.steps.iter().enumerate() {
        let extra = link.step.extra.as_ref().map(|extra| format!("[{extra}]")).unwrap_or_default();
        let name = named(&format!("{}{extra}", link.step.name), link.version.as_deref());
        let because = match (place, chain.root) {
            (0, Root::Requested) if required.requirements.is_empty() => " (requested)".to_owned(),
            (0, Root::Requested) => format!(" ({})", shown(&required.requirements.join(", "))),
            (0, Root::Unneeded) => " (nothing in it requires it: it was named, or left over)".to_owned(),
            (0, Root::Circle) => " (only what it needs requires it: it was named, or left over)".to_owned(),
            _ => versions(&link.step.versions),
        };
        let arrow = if place == 0 { "" } else { " → " };
        let _ = write!(words, "{arrow}{name}{because}");
    }
    words
}

fn write_imports(imports: &Imports, text: &mut String) {
    let unread = match imports.unread {
        0 => String::new(),
        unread => format!(" ({} modules are there as bytecode alone, and were not read)", exact(unread)),
    };
    if imports.by.is_empty() {
        return line("imported", &format!("by no source in the artifact{unread}"), text);
    }
    for (place, by) in imports.by.iter().take(SHOWN).enumerate() {
        line(if place == 0 { "imported" } else { "" }, &importer(by), text);
    }
    write_rest(imports.by.len(), "importers", text);
    if !unread.is_empty() {
        line("", unread.trim(), text);
    }
}

/// `by pandas: 12 sources, 3 of them only under a condition, such as pandas/_libs/x.py`.
fn importer(by: &Importer) -> String {
    let who = match by.kind {
        PartKind::Own => format!("by the {} itself", shown(&by.part)),
        PartKind::Base => "by the base image".to_owned(),
        PartKind::Distribution | PartKind::Folder => format!("by {}", shown(&by.part)),
    };
    let all = by.always + by.conditional;
    let sources = if all == 1 { "1 source".to_owned() } else { format!("{} sources", exact(all)) };
    let condition = match (by.always, by.conditional) {
        (_, 0) => String::new(),
        (0, 1) => ", only under a condition".to_owned(),
        (0, _) => ", all of them only under a condition".to_owned(),
        (_, conditional) => format!(", {} of them only under a condition", exact(conditional)),
    };
    let such = if all == by.examples.len() as u64 { ":" } else { ", such as" };
    format!("{who}: {sources}{condition}{such} {}", shown(&by.examples.join(", ")))
}

fn whose(owner: &Owner, is_one_of_several: bool) -> String {
    let name = match owner.kind {
        PartKind::Distribution => named(&owner.name, owner.version.as_deref()),
        PartKind::Own => format!("the {}'s own", shown(&owner.name)),
        PartKind::Folder => format!("nobody that is known ({})", shown(&owner.name)),
        PartKind::Base => "the base image".to_owned(),
    };
    let known = match owner.known_by {
        Some(KnownBy::Record) => ", as its RECORD says",
        Some(KnownBy::Metadata) if owner.kind == PartKind::Distribution => ", going by names",
        _ => "",
    };
    if is_one_of_several {
        format!("{name}: {}, {}{known}", human(owner.unpacked), counted(&exact(owner.files)))
    } else {
        format!("{name}{known}")
    }
}

/// `pandas 3.1.1`.
fn named(name: &str, version: Option<&str>) -> String {
    shown(&version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}")))
}

/// `12 files`.
fn counted(files: &str) -> String {
    if files == "1" { "1 file".to_owned() } else { format!("{files} files") }
}

/// ` (>=1.5)`.
fn versions(versions: &str) -> String {
    if versions.is_empty() { String::new() } else { format!(" ({})", shown(versions)) }
}

fn write_rest(count: usize, what: &str, text: &mut String) {
    if count > SHOWN {
        line("", &format!("{} more {what}: --json lists every one", count - SHOWN), text);
    }
}

fn line(label: &str, words: &str, text: &mut String) {
    let _ = writeln!(text, "  {label:<10} {words}");
}
