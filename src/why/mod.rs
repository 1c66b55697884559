//! Why something is in an artifact, or is not: what requires it, which rule removed it, what it costs, who imports it.
//!
//! `graph.rs` is pure: chains and what goes with what. `requires.rs` reads METADATA where pack's record beside an artifact does
//! not say who needs whom, `imports.rs` reads sources, `subject.rs` says what is meant. What must stay true: nothing of an
//! artifact is run or unpacked; whatever it says of itself, the work is bounded and circles end.

mod graph;
mod imports;
pub mod model;
mod requires;
mod subject;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use graph::{Graph, Needs, Node};
pub use graph::{Root, Step};
pub use imports::{Importer, Imports};
use imports::{Modules, Sites, Wanted};
use model::{
    Answer, Chain, Cost, Elsewhere, Freed, KeptPart, Link, NeededBy, Owner, Removal, Required, Saving, Source, Subject,
};
use requires::Installed;
pub(crate) use requires::REQUIREMENTS_BYTES;

use subject::{Meant, entry};

use crate::check::sources::{Contents, Unpacked};
use crate::diff::Registries;
use crate::error::Result;
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::report::model::{Artifact, Entry, Kind, Part, PartKind};
use crate::report::{self, Measured};
use crate::size::{Record, Removed};
use crate::slim::Rule;

/// Chains that are told.
const CHAINS: usize = 5;

/// What the paths of a record are below in an image.
const TASK: &str = "var/task/";

/// An artifact, and what is known of its distributions.
#[derive(Debug)]
pub struct Opened {
    artifact: Artifact,
    record: Option<Record>,
    contents: Contents,
    sites: Sites,
    graph: Graph,
    /// By normalised name: those of the artifact.
    installed: BTreeMap<String, Installed>,
    /// Those of an image's base.
    base: BTreeMap<String, Installed>,
}

impl Opened {
    /// Opens what an argument names.
    pub fn open(name: &str, registries: &Registries<'_>, unpacked: &mut Unpacked) -> Result<Self> {
        let (Measured { artifact, record }, contents) = report::open(name, registries, unpacked)?;
        let sites = Sites::of(&contents, &report::installed(&contents));
        let entries = &artifact.entries;
        let is_of_base = |path: &str| {
            let found = entries.binary_search_by(|entry| entry.path.as_str().cmp(path));
            found.is_ok_and(|index| artifact.parts[entries[index].part].kind == PartKind::Base)
        };
        let installed = requires::read(&contents, |path| !is_of_base(path))?;
        let base = requires::read(&contents, is_of_base)?;
        let graph = match &record {
            Some(record) => of_record(record),
            None => requires::graph(&installed, target(&artifact)),
        };
        Ok(Self { artifact, record, contents, sites, graph, installed, base })
    }

    /// How it was named.
    pub fn name(&self) -> &str {
        &self.artifact.name
    }

    /// What it knows of a path or a distribution; nothing if that is neither in it nor was.
    pub fn answer(&self, asked: &str) -> Result<Option<Answer>> {
        subject::find(asked, self).map(|meant| self.of(&meant)).transpose()
    }

    fn of(&self, meant: &Meant) -> Result<Answer> {
        let part = match meant {
            Meant::Distribution(name) => self.part(name).map(|(index, _)| index),
            Meant::File(_) | Meant::Folder(_) => None,
        };
        let is_meant = |_: usize, entry: &Entry| match meant {
            Meant::File(path) => entry.path == *path,
            Meant::Folder(folder) => entry.path.starts_with(folder.as_str()),
            Meant::Distribution(_) => Some(entry.part) == part,
        };
        let entries: Vec<&Entry> = self
            .artifact
            .entries
            .iter()
            .enumerate()
            .filter(|(index, entry)| is_meant(*index, entry))
            .map(|(_, entry)| entry)
            .collect();
        let removed: Vec<(String, &Removed)> = self
            .removed()
            .filter(|(path, removed)| match meant {
                Meant::File(meant) => path == meant,
                Meant::Folder(folder) => path.starts_with(folder.as_str()),
                Meant::Distribution(name) => removed.owner == *name,
            })
            .collect();
        let owners = self.owners(&entries, &removed);
        let distribution = match (meant, owners.as_slice()) {
            (Meant::Distribution(name), _) => Some(name.as_str()),
            (_, [one]) if one.kind == PartKind::Distribution => Some(one.name.as_str()),
            _ => None,
        };
        let modules = Modules::new(&self.artifact, &self.sites);
        let paths =
            entries.iter().map(|entry| entry.path.as_str()).chain(removed.iter().map(|(path, _)| path.as_str()));
        let wanted = match (meant, part) {
            (Meant::Distribution(_), Some(part)) => modules.of_part(part),
            (Meant::Distribution(_), None) => Wanted::tops(&self.sites, paths),
            _ => Wanted::files(&self.sites, paths),
        };
        Ok(Answer {
            artifact: self.artifact.name.clone(),
            subject: self.subject(meant),
            cost: (!entries.is_empty()).then(|| self.cost(&entries)),
            required: distribution.and_then(|name| self.required(name)),
            removed: self.record.is_some().then(|| self.removals(meant, &removed)),
            kept: distribution.map(|name| self.kept(name)).unwrap_or_default(),
            elsewhere: match meant {
                Meant::Distribution(name) if part.is_none() => Some(self.elsewhere(name)),
                _ => None,
            },
            saving: distribution.and_then(|name| self.saving(name)),
            imports: modules.importers(&wanted, &self.contents, &is_meant)?,
            owners,
        })
    }

    fn subject(&self, meant: &Meant) -> Subject {
        match meant {
            Meant::File(path) => Subject::File {
                path: path.clone(),
                is: entry(self, path).map_or_else(|| report::kind(path), |entry| entry.kind),
            },
            Meant::Folder(path) => Subject::Folder { path: path.clone() },
            Meant::Distribution(name) => Subject::Distribution { name: name.clone(), version: self.version(name) },
        }
    }

    fn cost(&self, entries: &[&Entry]) -> Cost {
        Cost {
            unpacked: entries.iter().map(|entry| entry.unpacked).sum(),
            packed: entries.iter().try_fold(0, |sum, entry| Some(sum + entry.packed?)),
            files: entries.len() as u64,
            of: self.artifact.unpacked,
        }
    }

    /// Whose files are; of removed ones whose they were.
    fn owners(&self, entries: &[&Entry], removed: &[(String, &Removed)]) -> Vec<Owner> {
        let mut by_part: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for entry in entries {
            let (files, unpacked) = by_part.entry(entry.part).or_default();
            *files += 1;
            *unpacked += entry.unpacked;
        }
        let owner = |(part, (files, unpacked)): (usize, (u64, u64))| {
            let Part { name, version, kind, known_by, .. } = self.artifact.parts[part].clone();
            Owner { name, version, kind, known_by: Some(known_by), files, unpacked }
        };
        let mut owners: Vec<Owner> = by_part.into_iter().map(owner).collect();
        owners.sort_by(|left, right| right.unpacked.cmp(&left.unpacked).then_with(|| left.name.cmp(&right.name)));
        let gone: BTreeSet<&str> = removed.iter().map(|(_, removed)| removed.owner.as_str()).collect();
        for name in gone {
            if owners.iter().all(|owner| owner.name != name) {
                let own = matches!(name, "function" | "layer");
                let kind = if own { PartKind::Own } else { PartKind::Distribution };
                let (name, version) = (name.to_owned(), self.version(name));
                owners.push(Owner { name, version, kind, known_by: None, files: 0, unpacked: 0 });
            }
        }
        owners
    }

    fn required(&self, name: &str) -> Option<Required> {
        if !self.graph.has(name) {
            return None;
        }
        let chains = self.graph.chains(name, CHAINS);
        let link = |step: Step| Link { version: self.version(&step.name), step };
        let needed_by = self.graph.needed_by(name).into_iter();
        Some(Required {
            distribution: name.to_owned(),
            from: if self.record.is_some() { Source::Record } else { Source::Metadata },
            requirements: self.record.as_ref().map(|record| record.requirements.clone()).unwrap_or_default(),
            root: self.graph.root(name),
            chains: chains
                .chains
                .into_iter()
                .map(|(root, steps)| Chain { root, steps: steps.into_iter().map(link).collect() })
                .collect(),
            more_chains: chains.more,
            needed_by: needed_by
                .map(|(name, versions)| NeededBy { version: self.version(&name), name, versions })
                .collect(),
        })
    }

    fn removals(&self, meant: &Meant, removed: &[(String, &Removed)]) -> Vec<Removal> {
        let mut sums: BTreeMap<(Rule, Option<&str>), (u64, u64)> = BTreeMap::new();
        for (_, one) in removed {
            let (files, bytes) = sums.entry((one.rule, one.component.as_deref())).or_default();
            *files += 1;
            *bytes = bytes.saturating_add(one.bytes);
        }
        let path = match meant {
            Meant::File(path) | Meant::Folder(path) => Some(self.in_zip(path)),
            Meant::Distribution(_) => None,
        };
        let removal = |((rule, component), (files, bytes)): ((Rule, Option<&str>), (u64, u64))| Removal {
            rule,
            title: rule.title(),
            component: component.map(str::to_owned),
            files,
            bytes,
            kept_by: kept_by(rule, path),
        };
        let mut removals: Vec<Removal> = sums.into_iter().map(removal).collect();
        removals.sort_by_key(|removal| (std::cmp::Reverse(removal.bytes), removal.rule));
        removals
    }

    fn kept(&self, name: &str) -> Vec<KeptPart> {
        let kept = self.record.iter().flat_map(|record| &record.kept).filter(|kept| kept.part.distribution == name);
        kept.map(|kept| KeptPart { component: kept.part.component.clone(), reason: kept.reason.clone() }).collect()
    }

    /// Who has a distribution that is not in the artifact.
    fn elsewhere(&self, name: &str) -> Elsewhere {
        let by = |rule| self.removed().any(|(_, removed)| removed.owner == name && removed.rule == rule);
        let layers = self.record.iter().flat_map(|record| &record.layers);
        let layer = layers.rev().find(|layer| layer.distributions.iter().any(|one| one.name == name));
        let runtime = || self.artifact.kind != Kind::Image && crate::lambda::is_in_sdk(name);
        match (layer, self.base.get(name)) {
            (Some(layer), _) => Elsewhere::Layer { name: Some(layer.shown()) },
            (None, Some(base)) => Elsewhere::Base { version: base.version.clone() },
            _ if by(Rule::LayerProvides) => Elsewhere::Layer { name: None },
            _ if by(Rule::RuntimeProvides) || runtime() => Elsewhere::Runtime,
            _ => Elsewhere::Nobody,
        }
    }

    /// What would go with a distribution.
    fn saving(&self, name: &str) -> Option<Saving> {
        let left: BTreeSet<&str> = self
            .record
            .iter()
            .flat_map(|record| &record.removed)
            .filter(|removed| removed.rule == Rule::RuntimeProvides)
            .map(|removed| removed.owner.as_str())
            .collect();
        let only = self.graph.only_through(name, &|name| left.contains(name));
        let freed = |name: &String| {
            let (_, part) = self.part(name)?;
            let Part { name, version, unpacked, packed, files, .. } = part.clone();
            Some((Freed { name, version, unpacked, packed }, files))
        };
        let with: Vec<(Freed, u64)> = only.iter().filter_map(freed).collect();
        let own = self.part(name).map(|(_, part)| (part.unpacked, part.packed, part.files));
        if own.is_none() && with.is_empty() {
            return None;
        }
        let (unpacked, packed, files) = own.unwrap_or((0, Some(0), 0));
        Some(Saving {
            distribution: name.to_owned(),
            unpacked: unpacked + with.iter().map(|(freed, _)| freed.unpacked).sum::<u64>(),
            packed: packed.and_then(|own| with.iter().try_fold(own, |sum, (freed, _)| Some(sum + freed.packed?))),
            files: files + with.iter().map(|(_, files)| files).sum::<u64>(),
            with: with.into_iter().map(|(freed, _)| freed).collect(),
            stays_for: self.graph.needed_by(name).into_keys().filter(|by| !left.contains(by.as_str())).collect(),
        })
    }

    /// The version of a distribution of the artifact, of what it was resolved of, or of who has it in its place.
    fn version(&self, name: &str) -> Option<String> {
        let record = self.record.as_ref();
        let in_layers = || {
            let mut all = record?.layers.iter().flat_map(|layer| &layer.distributions);
            all.find(|one| one.name == name).map(|one| one.version.clone())
        };
        let part = self.part(name).and_then(|(_, part)| part.version.clone());
        part.or_else(|| Some(record?.resolved.iter().find(|one| one.name == name)?.version.clone()))
            .or_else(|| Some(self.installed.get(name)?.version.clone()))
            .or_else(in_layers)
            .or_else(|| Some(self.base.get(name)?.version.clone()))
    }

    /// The part of a distribution, with its index.
    fn part(&self, name: &str) -> Option<(usize, &Part)> {
        let is_it = |part: &Part| part.kind == PartKind::Distribution && part.name == name;
        self.artifact.parts.iter().enumerate().find(|(_, part)| is_it(part))
    }

    /// What slimming removed, by its path in the artifact.
    fn removed(&self) -> impl Iterator<Item = (String, &Removed)> {
        let all = self.record.iter().flat_map(|record| &record.removed);
        let place =
            |path: &str| if self.artifact.kind == Kind::Image { format!("{TASK}{path}") } else { path.to_owned() };
        all.map(move |removed| (place(&removed.path), removed))
    }

    fn removed_paths(&self) -> impl Iterator<Item = String> {
        self.removed().map(|(path, _)| path)
    }

    /// A path as `--keep` takes it.
    fn in_zip<'p>(&self, path: &'p str) -> &'p str {
        if self.artifact.kind == Kind::Image { path.strip_prefix(TASK).unwrap_or(path) } else { path }
    }
}

/// What there is that looks like what was asked, for a message.
pub fn near(asked: &str, all: &[Opened]) -> String {
    subject::near(asked, all)
}

/// The answers for a person.
pub fn text(why: &model::Why) -> String {
    text::text(why)
}

/// Which of these distributions each of them needs, by each Requires-Dist: itself, or by an extra that one of them asks for.
pub(crate) fn needs(requires: &BTreeMap<&str, &[String]>, target: Target) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (node, needed) in requires::needs(requires, target) {
        let names = needed.into_keys().map(|node| node.name).filter(|name| requires.contains_key(name.as_str()));
        found.entry(node.name).or_default().extend(names);
    }
    found
}

/// Who needs whom, as pack's record has it.
fn of_record(record: &Record) -> Graph {
    let mut needs: Needs = record.resolved.iter().map(|one| (Node::plain(&one.name), BTreeMap::new())).collect();
    for one in &record.resolved {
        for by in &one.needed_by {
            let needed = needs.entry(Node::plain(&by.name)).or_default();
            needed.entry(Node::plain(&one.name)).or_default().insert(by.versions.clone());
        }
    }
    let requested = record.resolved.iter().filter(|one| one.requested).map(|one| one.name.clone()).collect();
    Graph::new(&needs, &requested)
}

/// What an artifact is for, as far as that can be seen.
fn target(artifact: &Artifact) -> Target {
    // `algos.cpython-313-x86_64-linux-gnu.so`, `__pycache__/a.cpython-313.pyc`
    let tags = artifact.entries.iter().filter_map(|entry| {
        let (_, tag) = entry.path.rsplit('/').next()?.split_once(".cpython-3")?;
        (tag.ends_with(".so") || tag.ends_with(".pyc")).then_some(tag)
    });
    let python = |tag: &str| -> Option<PythonVersion> { format!("3.{}", tag.split(['-', '.']).next()?).parse().ok() };
    let architecture = |tag: &str| match tag.split('-').nth(1) {
        Some("x86_64") => Some(Architecture::X86_64),
        Some("aarch64") => Some(Architecture::Arm64),
        _ => None,
    };
    Target {
        python: artifact.python.or_else(|| tags.clone().find_map(python)).unwrap_or(PythonVersion::DEFAULT),
        architecture: artifact
            .architecture
            .or_else(|| tags.clone().find_map(architecture))
            .unwrap_or(Architecture::X86_64),
    }
}

/// The option that keeps what a rule removes.
fn kept_by(rule: Rule, path: Option<&str>) -> Option<String> {
    match rule {
        Rule::RuntimeProvides => Some("--bundle-sdk".to_owned()),
        Rule::CompiledSources => Some("--bytecode compiled".to_owned()),
        // Stale bytecode helps nobody; what a layer has, it keeps; a name in a library goes with its part.
        Rule::InstalledBytecode | Rule::LayerProvides | Rule::NeededEntries => None,
        _ => {
            let glob = globset::escape(path?.trim_end_matches('/'));
            Some(format!("--keep {}", shell(&glob)))
        }
    }
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    let is_plain = word.chars().all(|one| one.is_ascii_alphanumeric() || "-_./+".contains(one));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
