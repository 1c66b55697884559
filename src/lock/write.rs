//! A lock as text: one line a wheel, in a fixed order, so that a diff shows what changed and nothing else.

use std::fmt::Write as _;

use super::VERSION;
use super::bases;
use super::inputs::Input;
use super::model::{InLayer, Lock, LockedLayer, Origin, Place, Set, Wheel};

const HEAD: &str = "\
# Made by pack: the exact wheels of each set of requirements. Commit this file; do not edit it.
# `pack lock` brings it up to date, `pack lock --upgrade` takes the newest of everything.
";

impl Lock {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD}version = {VERSION}\n");
        for set in &self.sets {
            write_set(&mut text, set);
        }
        for layer in &self.layers {
            write_layer(&mut text, layer);
        }
        for (id, digest) in &self.bases {
            bases::write(&mut text, id, digest);
        }
        text
    }
}

fn write_set(text: &mut String, set: &Set) {
    let _ = writeln!(text, "\n[[set]]\nname = {}", quoted(&set.id.name));
    if let Some(packaging) = &set.id.packaging {
        let _ = writeln!(text, "packaging = {}", quoted(packaging));
    }
    let _ = writeln!(text, "python = \"{}\"\narchitecture = \"{}\"", set.id.target.python, set.id.target.architecture);
    write_list(text, "inputs", set.inputs.iter().map(input));
    for (name, list) in [("extras", &set.choice.extras), ("groups", &set.choice.groups), ("added", &set.added)] {
        if !list.is_empty() {
            let _ = writeln!(text, "{name} = {}", quoted_list(list));
        }
    }
    write_list(text, "wheels", set.wheels.iter().map(wheel));
}

fn write_layer(text: &mut String, layer: &LockedLayer) {
    let LockedLayer { name, target, arn, sha256, packed, unpacked, distributions } = layer;
    let _ = writeln!(text, "\n[[layer]]\nname = {}", quoted(name));
    let _ = writeln!(text, "python = \"{}\"\narchitecture = \"{}\"", target.python, target.architecture);
    let _ = writeln!(text, "arn = {}\nsha256 = {}", quoted(&arn.to_string()), quoted(sha256));
    let _ = writeln!(text, "packed = {packed}\nunpacked = {unpacked}");
    write_list(text, "distributions", distributions.iter().map(distribution));
}

fn distribution(distribution: &InLayer) -> Fields {
    let InLayer { name, version, versioned } = distribution;
    let mut fields = vec![("name", quoted(name)), ("version", quoted(version))];
    if *versioned {
        fields.push(("versioned", "true".into()));
    }
    fields
}

fn write_list(text: &mut String, name: &str, tables: impl Iterator<Item = Fields>) {
    let _ = writeln!(text, "{name} = [");
    for fields in tables {
        let fields: Vec<String> = fields.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let _ = writeln!(text, "    {{ {} }},", fields.join(", "));
    }
    text.push_str("]\n");
}

/// Keys with values as they are written.
type Fields = Vec<(&'static str, String)>;

fn input(input: &Input) -> Fields {
    vec![("path", quoted(&input.path)), ("sha256", quoted(&input.sha256))]
}

fn wheel(wheel: &Wheel) -> Fields {
    let mut fields = vec![("name", quoted(&wheel.name)), ("version", quoted(&wheel.version))];
    let subdirectory = match &wheel.origin {
        Origin::File { file, sha256, place, subdirectory } => {
            fields.push((if wheel.is_source() { "source" } else { "file" }, quoted(file)));
            fields.push(("sha256", quoted(sha256)));
            match place {
                Place::Index => {}
                Place::Url(url) => fields.push(("url", quoted(url))),
                Place::Path(path) => fields.push(("path", quoted(path))),
            }
            subdirectory.as_ref()
        }
        Origin::Repository { url, commit, subdirectory } => {
            fields.extend([("url", quoted(url)), ("commit", quoted(commit))]);
            subdirectory.as_ref()
        }
        Origin::Folder { path } => {
            fields.push(("path", quoted(path)));
            None
        }
    };
    fields.extend(subdirectory.map(|folder| ("subdirectory", quoted(folder))));
    if wheel.requested {
        fields.push(("requested", "true".into()));
    }
    if !wheel.extras.is_empty() {
        fields.push(("extras", quoted_list(&wheel.extras)));
    }
    fields
}

fn quoted_list(list: &[String]) -> String {
    format!("[{}]", list.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A basic string of TOML.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}
