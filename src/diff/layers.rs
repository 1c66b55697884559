//! Layers of two images by digest, with what is seen of each in the root file system; and what their configurations say
//! otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::distributions;
use super::side::Side;
use crate::check::Origin;
use crate::check::sources::Layer;
use crate::python::normalise;

/// Which image has a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// Both.
    Both,
    /// The first.
    Before,
    /// The second.
    After,
}

/// A layer.
#[derive(Debug, Serialize)]
pub struct LayerChange {
    /// Its digest; that of its tar, if one image is as `docker save` writes it.
    pub digest: String,
    /// Which image has it.
    pub whose: Whose,
    /// Its bytes, as they are sent.
    pub packed: u64,
    /// Bytes of its tar.
    pub unpacked: u64,
    /// How many files of it are seen: no layer above has them too.
    pub files: usize,
    /// Distributions whose metadata is among them, with their versions.
    pub distributions: Vec<String>,
    /// The folder that all of them are in.
    pub folder: String,
}

/// The layers of the second image in its order, and before them those that only the first has.
pub(super) fn changes(before: &Side, after: &Side) -> Vec<LayerChange> {
    // Layers that are not packed yet are compared with others as they are unpacked.
    let name: Name = if before.is_saved() || after.is_saved() { |layer| &layer.diff_id } else { |layer| &layer.digest };
    let names = |side| -> BTreeSet<String> { layers(side).map(|layer| name(layer).to_owned()).collect() };
    let (old, new) = (names(before), names(after));
    let gone = seen_by(before, name).into_iter().filter(|layer| !new.contains(&layer.digest));
    let there = seen_by(after, name).into_iter().map(|layer| LayerChange {
        whose: if old.contains(&layer.digest) { Whose::Both } else { Whose::After },
        ..layer
    });
    gone.chain(there).collect()
}

/// The digest that tells a layer from others.
type Name = fn(&Layer) -> &str;

fn layers(side: &Side) -> impl Iterator<Item = &Layer> {
    side.contents.image.layers.iter()
}

/// The layers of an image, each once, the lowest first.
pub fn seen(side: &Side) -> Vec<LayerChange> {
    seen_by(side, |layer| &layer.digest)
}

fn seen_by(side: &Side, name: Name) -> Vec<LayerChange> {
    let mut all: Vec<LayerChange> = Vec::new();
    let mut places: HashMap<*const std::fs::File, usize> = HashMap::new();
    for layer in layers(side) {
        // Two layers of one digest are one file.
        places.entry(Arc::as_ptr(&layer.file)).or_insert_with(|| {
            let (digest, packed, unpacked) = (name(layer).to_owned(), layer.packed, layer.unpacked);
            let (files, distributions) = (0, Vec::new());
            let folder = String::new();
            all.push(LayerChange { digest, whose: Whose::Before, packed, unpacked, files, distributions, folder });
            all.len() - 1
        });
    }
    for (path, file) in &side.contents.files {
        let Origin::Part { file, .. } = &file.origin else { continue };
        let Some(layer) = places.get(&Arc::as_ptr(file)).map(|place| &mut all[*place]) else { continue };
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        layer.folder = if layer.files == 0 { parent.to_owned() } else { common(&layer.folder, parent).to_owned() };
        layer.files += 1;
        if let Some((_, info)) = distributions::place(path) {
            let (name, version) = distributions::named(info);
            layer.distributions.push(format!("{} {version}", normalise(&name)));
        }
    }
    for layer in &mut all {
        layer.distributions.sort();
        layer.folder.insert(0, '/');
    }
    all
}

/// The folder that both are in.
fn common<'a>(left: &'a str, right: &str) -> &'a str {
    let mut end = 0;
    for (component, other) in left.split_inclusive('/').zip(right.split('/')) {
        if component.trim_end_matches('/') != other {
            break;
        }
        end += component.len();
    }
    left[..end].trim_end_matches('/')
}

/// The keys whose values differ: `architecture`, `config.Cmd`. What layers say already (`rootfs`, `history`) is left out.
pub(super) fn configuration(before: &Side, after: &Side) -> Vec<String> {
    let (old, new) = (flat(&before.contents.config), flat(&after.contents.config));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).cloned().collect()
}

fn flat(config: &[u8]) -> BTreeMap<String, Value> {
    let mut config: Map<String, Value> = serde_json::from_slice(config).unwrap_or_default();
    config.retain(|key, _| key != "rootfs" && key != "history");
    let run = match config.remove("config") {
        Some(Value::Object(run)) => run,
        _ => Map::new(),
    };
    let run = run.into_iter().map(|(key, value)| (format!("config.{key}"), value));
    // What is null is not said.
    config.into_iter().chain(run).filter(|(_, value)| !value.is_null()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_a_common_one() {
        for (left, right, both) in [
            ("var/task", "var/task/pkg", "var/task"),
            ("var/task/pkg", "var/task", "var/task"),
            ("var/task", "var/tasks", "var"),
            ("var", "usr", ""),
            ("", "usr", ""),
        ] {
            assert_eq!(common(left, right), both, "{left} {right}");
        }
    }

    #[test]
    fn a_configuration_is_compared_by_key() {
        let keys = |text: &str| flat(text.as_bytes()).into_keys().collect::<Vec<_>>();
        let text = r#"{"os": "linux", "rootfs": {}, "config": {"Cmd": ["a"], "User": null}}"#;
        assert_eq!(keys(text), ["config.Cmd", "os"]);
        assert!(keys("[]").is_empty());
    }
}
