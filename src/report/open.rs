//! What an argument names, measured: files with their owners and kinds, and the totals of all of it.
//!
//! What must stay true: every byte is counted once. Of a ZIP, files and links add up to what it unpacks to; of an image they
//! and [`Overhead`] add up to the tars of its layers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::kinds::kind;
use super::model::{
    Artifact, Entry, FileKind, FunctionLayer, ImageLayer, Kind, KindTotal, Overhead, Part, PartKind, Removed,
    WithLayers,
};
use super::{limits, owners};
use crate::build::Name;
use crate::check::sources::{self, Contents, Unpacked, named};
use crate::check::{File, Origin};
use crate::diff::{self, Registries, Side, path_of};
use crate::error::{Error, Result};
use crate::size::Record;
use crate::slim::Rule;

/// Distributions that the line of an image's layer names.
const NAMED: usize = 3;

/// An artifact, and the record that pack keeps of it.
#[derive(Debug)]
pub struct Measured {
    /// What it is.
    pub artifact: Artifact,
    /// What it was made of, where pack made it here.
    pub record: Option<Record>,
}

/// Opens and measures what an argument names, and gives all that is in it.
pub fn open(name: &str, registries: &Registries<'_>, unpacked: &mut Unpacked) -> Result<(Measured, Contents)> {
    let side = Side::open(name, registries, unpacked).map_err(|error| match error {
        Error::Compare { path, reason } => Error::Measure { path, reason },
        error => error,
    })?;
    let record = side.digest.as_deref().and_then(|digest| Record::read(path_of(name), digest));
    let artifact = artifact(&side, record.as_ref())?;
    Ok((Measured { artifact, record }, side.contents))
}

fn artifact(side: &Side, record: Option<&Record>) -> Result<Artifact> {
    let contents = &side.contents;
    let kind = match (contents.kind, record.map(|record| &record.name)) {
        (sources::Kind::Image { .. }, _) => Kind::Image,
        (sources::Kind::Folder, _) => Kind::Folder,
        (sources::Kind::Zip, Some(Name::Layer(_))) => Kind::Layer,
        (sources::Kind::Zip, None) if contents.is_layer => Kind::Layer,
        (sources::Kind::Zip, _) => Kind::Zip,
    };
    let base_layers = record.and_then(|record| record.base_layers).or(contents.image.base_layers).unwrap_or_default();
    let base: HashSet<usize> =
        contents.image.layers.iter().take(base_layers).map(|layer| Arc::as_ptr(&layer.file).addr()).collect();
    let of_base = |file: &File<'static>| match &file.origin {
        Origin::Part { file, .. } => base.contains(&Arc::as_ptr(file).addr()),
        _ => false,
    };
    let own = if kind == Kind::Layer { "layer" } else { "function" };
    let asked = owners::Asked { contents, own, is_ours: record.is_some(), of_base: &of_base };
    let found = owners::owners(&asked)?;
    let mut entries = entries(contents, &found);
    let mut parts: Vec<Part> = found.all.iter().map(part).collect();
    let mut kinds: BTreeMap<FileKind, KindTotal> = BTreeMap::new();
    for entry in &entries {
        let part = &mut parts[entry.part];
        part.files += 1;
        part.unpacked += entry.unpacked;
        part.packed = part.packed.zip(entry.packed).map(|(sum, packed)| sum + packed);
        let empty = KindTotal { kind: entry.kind, files: 0, unpacked: 0, packed: Some(0) };
        let total = kinds.entry(entry.kind).or_insert(empty);
        total.files += 1;
        total.unpacked += entry.unpacked;
        total.packed = total.packed.zip(entry.packed).map(|(sum, packed)| sum + packed);
    }
    sort(&mut parts, &mut entries);
    let mut kinds: Vec<KindTotal> = kinds.into_values().collect();
    kinds.sort_by_key(|total| Reverse(total.unpacked));
    let of_files: u64 = parts.iter().map(|part| part.unpacked).sum();
    let packed_of_files = parts.iter().try_fold(0_u64, |sum, part| Some(sum + part.packed?));
    let (unpacked, packed) = match kind {
        Kind::Image => {
            let packed = contents.image.layers.iter().map(|layer| layer.packed).sum();
            // What docker save writes has no manifest and is not packed.
            (contents.image.unpacked, contents.image.manifest.as_ref().map(|_| packed))
        }
        Kind::Folder => (of_files, None),
        Kind::Zip | Kind::Layer => (of_files, Some(side.packed)),
    };
    let (python, architecture) = target(side, record);
    let mut artifact = Artifact {
        name: side.name.clone(),
        kind,
        digest: side.digest.clone(),
        of: record.map(|record| record.name.as_str().to_owned()),
        python,
        architecture,
        packed,
        unpacked,
        files: entries.len() as u64,
        overhead: Overhead {
            packed: packed.zip(packed_of_files).map(|(all, files)| all.saturating_sub(files)),
            unpacked: unpacked.saturating_sub(of_files),
        },
        with_layers: None,
        limits: Vec::new(),
        parts,
        kinds,
        layers: if kind == Kind::Image { layers(side, base_layers) } else { Vec::new() },
        removed: record.map(removed),
        entries,
        change: None,
        budgets: Vec::new(),
        findings: Vec::new(),
    };
    let layers = record.map(|record| record.layers.as_slice()).unwrap_or_default();
    artifact.set_layers(
        layers
            .iter()
            .map(|layer| FunctionLayer { name: layer.shown(), packed: layer.packed, unpacked: layer.unpacked })
            .collect(),
    );
    Ok(artifact)
}

impl Artifact {
    /// Says which layers a function has, and how far it is from Lambda's limits with them.
    pub fn set_layers(&mut self, layers: Vec<FunctionLayer>) {
        let sum = layers.iter().fold(self.unpacked, |sum, layer| sum.saturating_add(layer.unpacked));
        self.with_layers = (!layers.is_empty()).then_some(WithLayers { unpacked: sum, layers });
        self.limits = limits::of(self);
    }

    /// Bytes that it and its layers unpack to.
    pub fn unpacked_with_layers(&self) -> u64 {
        self.with_layers.as_ref().map_or(self.unpacked, |with| with.unpacked)
    }
}

fn target(
    side: &Side,
    record: Option<&Record>,
) -> (Option<crate::lambda::PythonVersion>, Option<crate::lambda::Architecture>) {
    if let Some(record) = record {
        return (Some(record.target.python), Some(record.target.architecture));
    }
    let (python, architecture) = named(path_of(&side.name));
    let image = &side.contents.image;
    (image.python.or(python), image.architecture.or(architecture))
}

fn entries(contents: &Contents, found: &owners::Owners) -> Vec<Entry> {
    let packed = |path: &str| {
        let archive = contents.archive.as_ref()?;
        Some(archive.members()[archive.find(path)?].packed)
    };
    let entry = |path: &String, unpacked| Entry {
        path: path.clone(),
        unpacked,
        packed: packed(path),
        part: found.of.get(path).copied().unwrap_or_default(),
        kind: kind(path),
    };
    // In a ZIP a link has its target for its content; in a tar it has none.
    let is_zip = matches!(contents.kind, sources::Kind::Zip);
    let links = contents.links.iter().map(|(path, target)| entry(path, if is_zip { target.len() as u64 } else { 0 }));
    let mut entries: Vec<Entry> =
        contents.files.iter().map(|(path, file)| entry(path, file.size)).chain(links).collect();
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    entries
}

fn part(owner: &owners::Owner) -> Part {
    Part {
        name: owner.name.clone(),
        version: owners::version(&owner.versions),
        kind: owner.kind,
        known_by: owner.known_by,
        files: 0,
        unpacked: 0,
        packed: Some(0),
    }
}

/// Puts the largest part first, and drops what has no file.
fn sort(parts: &mut Vec<Part>, entries: &mut [Entry]) {
    let mut order: Vec<usize> = (0..parts.len()).filter(|index| parts[*index].files > 0).collect();
    order.sort_by(|left, right| {
        let key = |index: &usize| (Reverse(parts[*index].unpacked), parts[*index].kind, parts[*index].name.clone());
        key(left).cmp(&key(right))
    });
    let mut places = vec![0; parts.len()];
    for (place, index) in order.iter().enumerate() {
        places[*index] = place;
    }
    for entry in entries {
        entry.part = places[entry.part];
    }
    *parts = order.iter().map(|index| parts[*index].clone()).collect();
}

fn layers(side: &Side, base_layers: usize) -> Vec<ImageLayer> {
    let of_base: HashSet<&str> =
        side.contents.image.layers.iter().take(base_layers).map(|layer| layer.digest.as_str()).collect();
    let layer = |layer: diff::LayerChange| {
        let named = layer.distributions.as_slice();
        let what = match named {
            [] if layer.files == 0 => String::new(),
            [] => layer.folder,
            named if named.len() <= NAMED => named.join(", "),
            named => format!("{} and {} more", named[..NAMED].join(", "), named.len() - NAMED),
        };
        ImageLayer {
            of_base: of_base.contains(layer.digest.as_str()),
            digest: layer.digest,
            packed: layer.packed,
            unpacked: layer.unpacked,
            files: layer.files as u64,
            what,
        }
    };
    diff::seen(side).into_iter().map(layer).collect()
}

/// The removals of a record by part and rule.
fn removed(record: &Record) -> Vec<Removed> {
    type Key<'a> = (&'a str, Rule, Option<&'a str>);
    let mut sums: BTreeMap<Key<'_>, (u64, u64)> = BTreeMap::new();
    for removal in &record.removed {
        let key = (removal.owner.as_str(), removal.rule, removal.component.as_deref());
        let (files, bytes) = sums.entry(key).or_default();
        *files += 1;
        *bytes = bytes.saturating_add(removal.bytes);
    }
    let one = |((part, rule, component), (files, bytes)): (Key<'_>, (u64, u64))| Removed {
        part: part.to_owned(),
        rule,
        component: component.map(str::to_owned),
        files,
        bytes,
    };
    let mut removed: Vec<Removed> = sums.into_iter().map(one).collect();
    removed.sort_by_key(|one| Reverse(one.bytes));
    removed
}

impl PartKind {
    /// Whether it is of what was built, and not of what it was built on.
    pub fn is_ours(self) -> bool {
        self != Self::Base
    }
}
