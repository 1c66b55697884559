//! What holds for one build: packaging before function before defaults; and from where each thing comes that is not as always.

use std::collections::BTreeMap;

use serde::Serialize;

use super::load::{Member, Packaging, Project};
use super::manifest::{At, LayerEntry, Settings as Entries};
use crate::build::Policy;
use crate::size::{Amount, Budget, Budgets, Key};
use crate::slim::{Level, SdkPolicy};

/// What holds for a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// `MODULE.FUNCTION`; none where it is found in the sources.
    pub handler: Option<String>,
    /// How much is slimmed.
    pub slim: Level,
    /// Which bytecode is shipped.
    pub bytecode: Policy,
    /// Globs of what stays.
    pub keep: Vec<String>,
    /// Globs of what goes.
    pub exclude: Vec<String>,
    /// Services that stay in botocore.
    pub aws_services: Vec<String>,
    /// Modules that come from elsewhere.
    pub provided: Vec<String>,
    /// Whether boto3 is shipped.
    #[serde(serialize_with = "sdk")]
    pub bundle_sdk: SdkPolicy,
    /// Environment variables on Lambda.
    pub environment: BTreeMap<String, String>,
    /// Seconds; none for Lambda's own default.
    pub timeout: Option<u32>,
    /// MB of `/tmp`; none for Lambda's own default.
    pub ephemeral_storage: Option<u32>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// What the artifact may not exceed.
    pub budgets: Budgets,
}

/// Why something is not as always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// What, as `pack.toml` calls it.
    pub setting: &'static str,
    /// What it is.
    pub value: String,
    /// The table that says it.
    pub from: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn sdk<S: serde::Serializer>(policy: &SdkPolicy, serializer: S) -> Result<S::Ok, S::Error> {
    match policy {
        SdkPolicy::Auto => serializer.serialize_none(),
        SdkPolicy::Bundle => serializer.serialize_bool(true),
        SdkPolicy::Omit => serializer.serialize_bool(false),
    }
}

/// Takes the first table that says something, and notes it.
#[derive(Default)]
pub(super) struct Origins(pub(super) Vec<Origin>);

impl Origins {
    pub(super) fn note(&mut self, setting: &'static str, value: String, from: &str) {
        self.0.push(Origin { setting, value, from: from.to_owned() });
    }

    fn first<T: Clone>(
        &mut self,
        setting: &'static str,
        show: impl Fn(&T) -> String,
        tables: &[(&str, Option<&At<T>>)],
    ) -> Option<T> {
        let (from, found) = tables.iter().find_map(|(from, entry)| Some((*from, (*entry)?)))?;
        self.note(setting, show(&found.value), from);
        Some(found.value.clone())
    }

    /// Entries of both, a function's over those that hold for all.
    fn merged(
        &mut self,
        setting: &'static str,
        tables: [(&str, &BTreeMap<String, At<String>>); 2],
    ) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (from, entries) in tables {
            if !entries.is_empty() {
                self.note(setting, entries.keys().cloned().collect::<Vec<_>>().join(", "), from);
            }
            all.extend(entries.iter().map(|(name, text)| (name.clone(), text.value.clone())));
        }
        all
    }

    /// Of each key the budget of the first table that has one.
    fn budgets(&mut self, tables: &[(&str, Option<&Budgets>)]) -> Budgets {
        let mut all = Budgets::default();
        for (from, budgets) in tables.iter().filter_map(|(from, budgets)| Some((*from, (*budgets)?))) {
            let new: Vec<Budget> = budgets.iter().filter(|budget| !all.has(&budget.key)).cloned().collect();
            for budget in &new {
                self.note(budget.key.setting(), shown(budget), from);
            }
            all.extend(new);
        }
        all
    }
}

fn shown(budget: &Budget) -> String {
    let most = match budget.most {
        Amount::Bytes(bytes) => format!("{bytes} bytes"),
        Amount::Share(_) => budget.said.clone(),
    };
    match &budget.key {
        Key::Distribution(name) => format!("{name} {most}"),
        _ => most,
    }
}

#[expect(clippy::ptr_arg, reason = "what an entry has")]
fn list(items: &Vec<String>) -> String {
    items.join(", ")
}

/// A word as the command line and `pack.toml` write it.
fn word<T: clap::ValueEnum>(value: &T) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn policy(bundle: Option<bool>) -> SdkPolicy {
    match bundle {
        None => SdkPolicy::Auto,
        Some(true) => SdkPolicy::Bundle,
        Some(false) => SdkPolicy::Omit,
    }
}

/// What holds for a function in a packaging.
pub(super) fn of_function(
    project: &Project,
    member: &Member,
    packaging: &Packaging,
    origins: &mut Origins,
) -> Settings {
    let nothing = Entries::default();
    let own = member.entry.as_ref().map_or(&nothing, |entry| &entry.settings);
    let all = &project.manifest.defaults;
    let in_function = format!("[functions.{}]", member.function.name);
    let in_packaging = format!("[packaging.{}]", packaging.name);
    let entry = packaging.entry.as_ref();
    macro_rules! first {
        ($setting:literal, $field:ident, $show:expr) => {
            origins.first($setting, $show, &[(&in_function, own.$field.as_ref()), ("[defaults]", all.$field.as_ref())])
        };
    }
    let slim = origins.first(
        "slim",
        word,
        &[
            (&in_packaging, entry.and_then(|entry| entry.slim.as_ref())),
            (&in_function, own.slim.as_ref()),
            ("[defaults]", all.slim.as_ref()),
        ],
    );
    let bytecode = origins.first(
        "bytecode",
        word,
        &[
            (&in_packaging, entry.and_then(|entry| entry.bytecode.as_ref())),
            (&in_function, own.bytecode.as_ref()),
            ("[defaults]", all.bytecode.as_ref()),
        ],
    );
    Settings {
        handler: first!("handler", handler, String::clone),
        slim: slim.unwrap_or(Level::Standard),
        bytecode: bytecode.unwrap_or(Policy::Compiled),
        keep: first!("keep", keep, list).unwrap_or_default(),
        exclude: first!("exclude", exclude, list).unwrap_or_default(),
        aws_services: first!("aws-services", aws_services, list).unwrap_or_default(),
        provided: first!("provided", provided, list).unwrap_or_default(),
        bundle_sdk: policy(first!("bundle-sdk", bundle_sdk, bool::to_string)),
        timeout: first!("timeout", timeout, |seconds| format!("{seconds} s")),
        ephemeral_storage: first!("ephemeral-storage", ephemeral_storage, |size| format!("{size} MB")),
        environment: origins
            .merged("environment", [("[defaults]", &all.environment), (&in_function, &own.environment)]),
        tags: origins.merged("tags", [("[defaults]", &all.tags), (&in_function, &own.tags)]),
        budgets: origins.budgets(&[
            (
                &format!("[functions.{}.budgets]", member.function.name),
                member.entry.as_ref().map(|entry| &entry.budgets),
            ),
            ("[budgets]", Some(&project.manifest.budgets)),
        ]),
    }
}

/// What holds for a layer, whatever functions have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerSettings {
    /// How much is slimmed.
    pub slim: Level,
    /// Which bytecode is shipped.
    pub bytecode: Policy,
    /// Globs of what stays.
    pub keep: Vec<String>,
    /// Globs of what goes.
    pub exclude: Vec<String>,
    /// Services that stay in botocore.
    pub aws_services: Vec<String>,
    /// Whether boto3 is shipped.
    #[serde(serialize_with = "sdk")]
    pub bundle_sdk: SdkPolicy,
    /// What it may not exceed.
    pub budgets: Budgets,
}

/// What holds for a layer: what it says itself, before what `[defaults]` says of how to slim. The globs and services of
/// functions are theirs.
pub(super) fn of_layer(
    project: &Project,
    name: &str,
    entry: Option<&LayerEntry>,
    origins: &mut Origins,
) -> LayerSettings {
    let nothing = Entries::default();
    let own = entry.map_or(&nothing, |entry| &entry.settings);
    let all = &project.manifest.defaults;
    let in_layer = format!("[layers.{name}]");
    let tables = |own| [(in_layer.as_str(), own)];
    LayerSettings {
        slim: origins
            .first("slim", word, &[(&in_layer, own.slim.as_ref()), ("[defaults]", all.slim.as_ref())])
            .unwrap_or(Level::Standard),
        bytecode: origins
            .first("bytecode", word, &[(&in_layer, own.bytecode.as_ref()), ("[defaults]", all.bytecode.as_ref())])
            .unwrap_or(Policy::Compiled),
        keep: origins.first("keep", list, &tables(own.keep.as_ref())).unwrap_or_default(),
        exclude: origins.first("exclude", list, &tables(own.exclude.as_ref())).unwrap_or_default(),
        aws_services: origins.first("aws-services", list, &tables(own.aws_services.as_ref())).unwrap_or_default(),
        bundle_sdk: policy(origins.first("bundle-sdk", bool::to_string, &[(&in_layer, own.bundle_sdk.as_ref())])),
        budgets: origins.budgets(&[(
            &format!("[layers.{name}.budgets]"),
            entry.and_then(|entry| entry.budgets.as_ref()).map(|budgets| &budgets.value),
        )]),
    }
}
