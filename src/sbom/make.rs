//! From an artifact and pack's record of it to its bill. Pure, but for METADATA, which is read in the artifact.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::found::{self, Found};
use super::model::{
    Bom, Component, Dependency, ExternalReference, Hash, License, LicenseChoice, Metadata, Property, Tools, Type,
};
use super::purl;
use crate::check::sources::Contents;
use crate::diff::path_of;
use crate::error::Result;
use crate::image::{source_date_epoch, timestamp};
use crate::lambda::{Architecture, PythonVersion, Target};
use crate::layers::Layer;
use crate::python::licence::Licence;
use crate::report::Measured;
use crate::report::model::{Artifact, Kind};
use crate::size::{Record, Resolved};
use crate::slim::Rule;
use crate::why;

/// What the artifact is called within its bill.
const ROOT: &str = "artifact";

/// The bill of an artifact.
pub fn bom(measured: &Measured, contents: &Contents) -> Result<Bom> {
    let (artifact, record) = (&measured.artifact, measured.record.as_ref());
    let found = found::found(artifact, contents)?;
    let mut listed = Listed::default();
    let removals = Removals::of(record);
    for one in found.iter().filter(|one| !one.of_base) {
        let resolved = record.and_then(|record| resolved(record, &one.name, &one.version));
        let mut component = library(&one.name, &one.version, resolved, &one.licences);
        removals.tell(&mut component, &one.name);
        listed.add(&one.name, component);
    }
    if let Some(record) = record {
        for one in record.resolved.iter().filter(|one| removals.without_metadata.contains(one.name.as_str())) {
            let mut component = library(&one.name, &one.version, Some(one), &[]);
            removals.tell(&mut component, &one.name);
            listed.add(&one.name, component);
        }
        for layer in &record.layers {
            for one in &layer.distributions {
                let resolved = resolved(record, &one.name, &one.version);
                let mut component = library(&one.name, &one.version, resolved, &[]);
                component.property("layer", &layer_name(layer));
                listed.add(&one.name, component);
            }
        }
    }
    for one in found.iter().filter(|one| one.of_base) {
        let mut component = library(&one.name, &one.version, None, &one.licences);
        component.property("base", &true);
        listed.add(&one.name, component);
    }
    let seconds = source_date_epoch()?;
    let mut tool = Component::new(Type::Application, env!("CARGO_PKG_NAME"));
    tool.version = Some(env!("CARGO_PKG_VERSION").into());
    let target = Target {
        python: artifact.python.unwrap_or(PythonVersion::DEFAULT),
        architecture: artifact.architecture.unwrap_or(Architecture::X86_64),
    };
    let dependencies = dependencies(target, record, &found, &listed);
    let mut components: Vec<Component> = listed.components.into_values().collect();
    components.sort_by(|left, right| (&left.name, &left.reference).cmp(&(&right.name, &right.reference)));
    Ok(Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        format: "CycloneDX",
        spec_version: "1.6",
        serial_number: artifact.digest.as_deref().map(|digest| format!("urn:uuid:{}", uuid(digest))),
        version: 1,
        metadata: Metadata {
            timestamp: seconds.map(timestamp),
            tools: Tools { components: vec![tool] },
            component: root(artifact, record),
        },
        components,
        dependencies,
    })
}

/// Components by their references.
#[derive(Default)]
struct Listed {
    components: BTreeMap<String, Component>,
    /// That which Python imports, by its normalised name: the first that is added.
    imported: BTreeMap<String, String>,
}

impl Listed {
    /// Adds a component, unless the same distribution is there: then only where else it is.
    fn add(&mut self, name: &str, component: Component) {
        let Some(reference) = component.reference.clone() else { return };
        self.imported.entry(name.to_owned()).or_insert_with(|| reference.clone());
        match self.components.get_mut(&reference) {
            None => drop(self.components.insert(reference, component)),
            Some(there) => {
                let is_place = |property: &Property| matches!(property.name.as_str(), "pack:layer" | "pack:base");
                there.properties.extend(component.properties.into_iter().filter(is_place));
            }
        }
    }
}

/// What slimming took out, by whose it was.
#[derive(Default)]
struct Removals<'r> {
    rules: BTreeMap<&'r str, BTreeSet<Rule>>,
    /// Distributions that the user's `--exclude` took METADATA of: the rest of them may be there.
    without_metadata: BTreeSet<&'r str>,
}

impl<'r> Removals<'r> {
    fn of(record: Option<&'r Record>) -> Self {
        let mut removals = Self::default();
        for removed in record.iter().flat_map(|record| &record.removed) {
            removals.rules.entry(&removed.owner).or_default().insert(removed.rule);
            if removed.rule == Rule::Excluded && removed.path.ends_with(".dist-info/METADATA") {
                removals.without_metadata.insert(&removed.owner);
            }
        }
        removals
    }

    fn tell(&self, component: &mut Component, name: &str) {
        let rules: Vec<String> = self.rules.get(name).into_iter().flatten().map(|rule| rule.id()).collect();
        if !rules.is_empty() {
            component.property("slimmed", &rules.join(","));
        }
    }
}

/// The artifact itself.
fn root(artifact: &Artifact, record: Option<&Record>) -> Component {
    let kind = if artifact.kind == Kind::Image { Type::Container } else { Type::Application };
    let path = path_of(&artifact.name);
    let file = path.file_name().filter(|_| path.exists()).map(|name| name.to_string_lossy().into_owned());
    let name = artifact.of.clone().or(file).unwrap_or_else(|| artifact.name.clone());
    let mut root = Component::new(kind, name);
    root.reference = Some(ROOT.into());
    root.version.clone_from(&artifact.digest);
    root.hashes.extend(artifact.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:")).map(Hash::sha256));
    let kind = match artifact.kind {
        Kind::Zip => "zip",
        Kind::Layer => "layer",
        Kind::Image => "image",
        Kind::Folder => "folder",
    };
    root.property("kind", &kind);
    if let Some(python) = &artifact.python {
        root.property("python", python);
    }
    if let Some(architecture) = &artifact.architecture {
        root.property("architecture", architecture);
    }
    for layer in record.iter().flat_map(|record| &record.layers) {
        root.property("layer", &format!("{} sha256:{}", layer_name(layer), layer.sha256));
        // A BOM-Link: <https://cyclonedx.org/capabilities/bomlink/>.
        root.external_references.push(ExternalReference {
            kind: "bom",
            url: format!("urn:cdx:{}/1", uuid(&format!("sha256:{}", layer.sha256))),
            comment: Some(format!("the SBOM of the layer {}", layer_name(layer))),
            hashes: Vec::new(),
        });
    }
    root
}

/// A distribution, with what the record knows of its wheel.
fn library(name: &str, version: &str, resolved: Option<&Resolved>, licences: &[Licence]) -> Component {
    let mut component = Component::new(Type::Library, name);
    let purl = purl::pypi(name, version);
    component.reference = Some(purl.clone());
    component.purl = Some(purl);
    component.version = (!version.is_empty()).then(|| version.to_owned());
    let licences = resolved.map(|one| one.licences.as_slice()).filter(|known| !known.is_empty()).unwrap_or(licences);
    component.licenses = licences.iter().cloned().map(licence).collect();
    if let Some(Resolved { wheel, sha256, requested, .. }) = resolved {
        // The hash is that of the file that was distributed, not of what slimming leaves of it.
        component.external_references.push(ExternalReference {
            kind: "distribution",
            url: wheel.clone(),
            comment: None,
            hashes: vec![Hash::sha256(sha256)],
        });
        component.property("requested", requested);
    }
    component
}

fn licence(licence: Licence) -> LicenseChoice {
    // What its authors say, and nobody has looked for.
    let acknowledgement = "declared";
    match licence {
        Licence::Expression(expression) => LicenseChoice::Expression { expression, acknowledgement },
        Licence::Id(id) => LicenseChoice::License { license: License { id: Some(id), name: None, acknowledgement } },
        Licence::Name(name) => {
            LicenseChoice::License { license: License { id: None, name: Some(name), acknowledgement } }
        }
    }
}

fn resolved<'r>(record: &'r Record, name: &str, version: &str) -> Option<&'r Resolved> {
    record.resolved.iter().find(|one| one.name == name && one.version == version)
}

/// As it was named, without the folders of this machine.
fn layer_name(layer: &Layer) -> String {
    let file = layer.path.as_deref().and_then(|path| path.rsplit('/').next());
    file.or(layer.arn.as_deref()).unwrap_or_default().to_owned()
}

/// Who needs whom: as the record says, and as METADATA says in the target's environment.
fn dependencies(target: Target, record: Option<&Record>, found: &[Found], listed: &Listed) -> Vec<Dependency> {
    // Of two versions METADATA of the one that Python imports counts.
    let mut requires: BTreeMap<&str, &[String]> = BTreeMap::new();
    for one in found {
        requires.entry(&one.name).or_insert(&one.requires);
    }
    let mut needs = why::needs(&requires, target);
    let resolved = record.map(|record| record.resolved.as_slice()).unwrap_or_default();
    for one in resolved {
        for by in &one.needed_by {
            needs.entry(by.name.clone()).or_default().insert(one.name.clone());
        }
    }
    let needed: BTreeSet<&str> = needs.values().flatten().map(String::as_str).collect();
    let is_requested = |name: &String| match record {
        Some(_) => resolved.iter().any(|one| one.name == *name && one.requested),
        None => !needed.contains(name.as_str()),
    };
    let references = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let references: BTreeSet<&String> = names.filter_map(|name| listed.imported.get(name)).collect();
        references.into_iter().cloned().collect()
    };
    let mut requested = listed.imported.keys().filter(|name| is_requested(name)).map(String::as_str);
    let mut dependencies = vec![Dependency { reference: ROOT.into(), depends_on: references(&mut requested) }];
    // What a layer has beside what was resolved is not listed: what it needs is not known.
    for (name, reference) in &listed.imported {
        if requires.contains_key(name.as_str()) || resolved.iter().any(|one| one.name == *name) {
            let names = needs.get(name).into_iter().flatten().map(String::as_str);
            let mut names = names.filter(|needed| needed != name);
            dependencies.push(Dependency { reference: reference.clone(), depends_on: references(&mut names) });
        }
    }
    dependencies
}

/// A UUID of a digest (version 8 of RFC 9562): the same artifact has the same one everywhere.
fn uuid(digest: &str) -> String {
    let hash = Sha256::digest(format!("pack sbom 1 {digest}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = data_encoding::HEXLOWER.encode(&bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_extras_end() {
        let extras: Vec<String> = (0..400).map(|number| format!("e{number}")).collect();
        let asks = format!("a[{}]", extras.join(","));
        let of_extras = extras.iter().map(|extra| format!("{asks}; extra == '{extra}'"));
        let requires = of_extras.chain([asks.clone(), "b; extra == 'e399'".to_owned()]).collect();
        let found = |name: &str, requires| Found {
            name: name.into(),
            version: "1".into(),
            licences: Vec::new(),
            requires,
            of_base: false,
        };
        let found = [found("a", requires), found("b", Vec::new())];
        let mut listed = Listed::default();
        for one in &found {
            listed.add(&one.name, library(&one.name, &one.version, None, &[]));
        }
        let target = Target { python: PythonVersion::DEFAULT, architecture: Architecture::X86_64 };
        let started = std::time::Instant::now();
        let all = dependencies(target, None, &found, &listed);
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
        let of_a = all.iter().find(|one| one.reference == "pkg:pypi/a@1").unwrap();
        assert_eq!(of_a.depends_on, ["pkg:pypi/b@1"]);
    }
}
