//! From what is there to what is to be: what has to be made, changed, made anew and deleted, field by field.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::DIGEST_TAG;
use super::desired::{Code, Desired, object_key};
use super::observed::{Found, Observed, Owner};
use super::state::{Kind, Resource};
use crate::error::{Error, Result};

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// Some of its fields change.
    Update,
    /// It is deleted, and made anew.
    Replace,
    /// Nothing.
    Unchanged,
    /// It is deleted.
    Delete,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Its name; of environment variables and tags `environment.NAME`, `tags.NAME`.
    pub name: String,
    /// What it is. Values of environment variables are not shown.
    pub from: Value,
    /// What it is to be.
    pub to: Value,
}

/// What happens to one resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub action: Action,
    /// What differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Why it is made anew or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether it was made of this very desired state, and is not as it was made: somebody else changed it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drift: bool,
}

/// All of it, in the order in which things are made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// One for each resource that is to be or is there.
    pub changes: Vec<Change>,
}

/// Which functions are meant; none for all.
pub type Only = Option<BTreeSet<String>>;

impl Plan {
    /// What makes the desired of the observed. Whatever has a name of ours and is not ours is an error, before anything is touched.
    pub fn new(desired: &Desired, observed: &Observed, only: &Only) -> Result<Self> {
        let wanted = desired.resources(&observed.layer_versions);
        let is_meant = |resource: &&Resource| is_meant(desired, resource.kind, &resource.name, only);
        let wanted: Vec<&Resource> = wanted.iter().filter(is_meant).collect();
        refuse_others(&wanted, observed)?;
        let mut changes: Vec<Change> = wanted.iter().map(|resource| change(resource, observed)).collect();
        // A function takes its aliases with it when it goes.
        let anew: BTreeSet<String> = changes
            .iter()
            .filter(|change| change.kind == Kind::Function && change.action == Action::Replace)
            .map(|change| change.name.clone())
            .collect();
        let is_gone = |name: &str| name.split_once(':').is_some_and(|(function, _)| anew.contains(function));
        for change in changes.iter_mut().filter(|change| change.kind == Kind::Alias && is_gone(&change.name)) {
            change.action = Action::Create;
            change.fields.clear();
        }
        if only.is_none() {
            let names: BTreeSet<(Kind, &str)> =
                wanted.iter().map(|resource| (resource.kind, resource.name.as_str())).collect();
            let stale = observed.found.iter().filter(|((kind, name), found)| {
                found.owner == Owner::Ours && !names.contains(&(*kind, name.as_str())) && goes_when_stale(*kind)
            });
            changes.extend(stale.map(|((kind, name), _)| Change {
                kind: *kind,
                name: name.clone(),
                action: Action::Delete,
                fields: Vec::new(),
                why: Some("pack.toml has it no more".into()),
                drift: false,
            }));
        }
        let mut plan = Self { changes };
        plan.add_artifacts(desired, observed);
        plan.changes.sort_by_key(|change| change.kind);
        Ok(plan)
    }

    /// ZIPs that have to be uploaded, and images that have to be pushed, for what is made and changed.
    fn add_artifacts(&mut self, desired: &Desired, observed: &Observed) {
        let mut more: Vec<(Kind, String)> = Vec::new();
        for function in &desired.functions {
            if !self.changes_code(Kind::Function, &function.name) {
                continue;
            }
            match &function.code {
                Code::Zip { artifact: Some(artifact), .. } => more.push((Kind::Object, object_key(&artifact.sha256))),
                Code::Image { artifact: Some(artifact), repository, .. } => {
                    more.push((Kind::Image, format!("{repository}@sha256:{}", artifact.sha256)));
                }
                _ => {}
            }
        }
        for layer in &desired.layers {
            if let Some(artifact) = layer.artifact.as_ref().filter(|_| self.changes_code(Kind::Layer, &layer.name)) {
                more.push((Kind::Object, object_key(&artifact.sha256)));
            }
        }
        more.sort();
        more.dedup();
        let more = more.into_iter().filter(|(kind, name)| *kind == Kind::Image || !observed.objects.contains(name));
        self.changes.extend(more.map(|(kind, name)| Change {
            kind,
            name,
            action: Action::Create,
            fields: Vec::new(),
            why: None,
            drift: false,
        }));
    }

    /// Whether a function's or layer's bytes are sent.
    pub fn changes_code(&self, kind: Kind, name: &str) -> bool {
        let change = self.changes.iter().find(|change| change.kind == kind && change.name == name);
        change.is_some_and(|change| match change.action {
            Action::Create | Action::Replace => true,
            Action::Update => {
                change.fields.iter().any(|field| matches!(field.name.as_str(), "code" | "architecture" | "sha256"))
            }
            Action::Unchanged | Action::Delete => false,
        })
    }

    /// What is not unchanged.
    pub fn effective(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action != Action::Unchanged)
    }

    /// Whether there is anything to do.
    pub fn is_empty(&self) -> bool {
        self.effective().next().is_none()
    }

    /// What somebody should be asked about first: what is deleted or made anew.
    pub fn grave(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| matches!(change.action, Action::Delete | Action::Replace))
    }

    /// How many there are of an action.
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }
}

/// What is deleted when the project does not have it any more. What may have data in it goes with `pack destroy` alone.
fn goes_when_stale(kind: Kind) -> bool {
    matches!(kind, Kind::Function | Kind::Alias | Kind::Mapping | Kind::Role)
}

/// Whether a resource is one of the functions that are meant, or needed by them.
fn is_meant(desired: &Desired, kind: Kind, name: &str, only: &Only) -> bool {
    let Some(only) = only else { return true };
    let of = |is_it: &dyn Fn(&super::desired::Function) -> bool| {
        desired.functions.iter().any(|function| only.contains(&function.row.function) && is_it(function))
    };
    match kind {
        Kind::Bucket | Kind::Queue | Kind::Role | Kind::Repository | Kind::Object | Kind::Image => true,
        Kind::LogGroup => of(&|function| function.log_group_name() == name),
        Kind::Layer => of(&|function| {
            function.layers.iter().any(|layer| matches!(layer, super::desired::LayerRef::Own(own) if own == name))
        }),
        Kind::Function | Kind::Mapping => of(&|function| function.name == name),
        Kind::Alias => of(&|function| name.split(':').next() == Some(&function.name)),
        Kind::Dashboard => false,
    }
}

fn refuse_others(wanted: &[&Resource], observed: &Observed) -> Result<()> {
    let others: Vec<String> = wanted
        .iter()
        .filter_map(|resource| match &observed.get(resource.kind, &resource.name)?.owner {
            Owner::Ours => None,
            Owner::Other(why) => {
                Some(format!("the {} {} exists and is not of this project: {why}", resource.kind.word(), resource.name))
            }
        })
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Error::aws(
        others.join("\n"),
        "nothing was touched; other names can be given in [project] and [deploy] of pack.toml; what was made for this project \
         becomes its own with the tag pack:project = its name",
    ))
}

fn change(resource: &Resource, observed: &Observed) -> Change {
    let Resource { kind, name, .. } = resource;
    let new = |action, fields, why| Change { kind: *kind, name: name.clone(), action, fields, why, drift: false };
    let Some(found) = observed.get(*kind, name) else { return new(Action::Create, Vec::new(), None) };
    let fields = fields(resource, found);
    if let Some(why) = &found.broken {
        return new(Action::Replace, fields, Some(why.clone()));
    }
    if fields.iter().any(|field| *kind == Kind::Function && field.name == "package") {
        return new(
            Action::Replace,
            fields,
            Some("Lambda cannot make an image of a ZIP's function, or the other way".into()),
        );
    }
    let action = if fields.is_empty() { Action::Unchanged } else { Action::Update };
    // A bucket has its digest before it has the rest: what differs may be what an interrupted run did not come to.
    let digest = resource.tags.get(DIGEST_TAG).filter(|_| *kind != Kind::Bucket);
    let drift = action == Action::Update && digest.is_some() && found.tags.get(DIGEST_TAG) == digest;
    Change { drift, ..new(action, fields, None) }
}

/// Whether two values of a field say the same. AWS gives the lists of a policy back in any order, and a list of one as that one.
fn is_same(field: &str, one: &Value, other: &Value) -> bool {
    one == other || (matches!(field, "policy" | "trust") && canonical(one) == canonical(other))
}

fn canonical(policy: &Value) -> Value {
    match policy {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(canonical).collect();
            items.sort_by_key(ToString::to_string);
            if items.len() == 1 { items.swap_remove(0) } else { Value::Array(items) }
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), canonical(value))).collect(),
        other => other.clone(),
    }
}

/// The fields of the desired state that are other than what is there.
pub(super) fn fields(resource: &Resource, found: &Found) -> Vec<Field> {
    let mut fields = Vec::new();
    let nothing = serde_json::Map::new();
    let there = found.state.as_object().unwrap_or(&nothing);
    for (name, to) in resource.state.as_object().unwrap_or(&nothing) {
        let from = there.get(name).unwrap_or(&Value::Null);
        match (name.as_str(), from.as_object(), to.as_object()) {
            ("environment", Some(from), Some(to)) => {
                let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
                let hidden = |value: Option<&Value>| value.map_or(Value::Null, |_| Value::from("…"));
                fields.extend(names.into_iter().filter(|name| from.get(*name) != to.get(*name)).map(|name| Field {
                    name: format!("environment.{name}"),
                    from: hidden(from.get(name)),
                    to: hidden(to.get(name)),
                }));
            }
            // What is not known yet differs from nothing; what an image says itself is no field of its function.
            _ if to.is_null() || is_same(name, from, to) => {}
            _ => fields.push(Field { name: name.clone(), from: from.clone(), to: to.clone() }),
        }
    }
    for (tag, to) in &resource.tags {
        let from = found.tags.get(tag);
        if from != Some(to) {
            let from = from.map_or(Value::Null, |from| Value::from(from.as_str()));
            fields.push(Field { name: format!("tags.{tag}"), from, to: Value::from(to.as_str()) });
        }
    }
    fields
}

impl Change {
    /// Whether anything but a tag differs.
    pub fn is_of_substance(&self) -> bool {
        self.fields.iter().any(|field| !field.name.starts_with("tags."))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_the_same_in_any_order() {
        let one = json!({ "Statement": [{ "Action": ["b", "a"], "Resource": ["x"] }] });
        let other = json!({ "Statement": { "Resource": "x", "Action": ["a", "b"] } });
        assert!(is_same("policy", &one, &other) && is_same("trust", &one, &other));
        assert!(
            !is_same("layers", &json!(["a", "b"]), &json!(["b", "a"])),
            "the order of layers says which goes before"
        );
        assert!(!is_same("policy", &one, &json!({ "Statement": { "Resource": "x", "Action": ["a"] } })));
    }
}
