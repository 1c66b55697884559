//! Carrying a plan out: kind after kind in the order in which things need each other, all of a kind at once; then what goes, in reverse.
//!
//! What must stay true: a step that failed leaves what another run goes on with; what needs it is not begun.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::functions::Parts;
use super::{
    Clients, buckets, dashboard, each, functions, layers, logs, mappings, objects, odd, queues, repository, role,
    versions,
};
use crate::aws::Stage;
use crate::deploy::{Action, Change, Desired, Function, Kind, Observed, Plan, Repository, Resource, Role, object_key};
use crate::error::Result;
use crate::progress::Progress;

/// In this order places are made; those in one row at once. A queue needs that of its dead letters: `resources` has that first, and they
/// are made one after the other.
const PLACES: &[&[Kind]] =
    &[&[Kind::Bucket, Kind::Role, Kind::LogGroup, Kind::Repository], &[Kind::Queue], &[Kind::Object]];

/// In this order what is in them.
const FUNCTIONS: &[&[Kind]] =
    &[&[Kind::Layer], &[Kind::Function], &[Kind::Alias], &[Kind::Mapping], &[Kind::Dashboard]];

/// In this order things go.
const REVERSE: &[Kind] = &[Kind::Mapping, Kind::Alias, Kind::Function, Kind::Role];

/// What every step knows.
struct Job {
    aws: Arc<Clients>,
    desired: Desired,
    observed: Observed,
    resources: BTreeMap<(Kind, String), Resource>,
    /// ARNs of layer versions, those that were just published included.
    versions: Mutex<BTreeMap<String, String>>,
    progress: Arc<Progress>,
}

pub(super) async fn all(
    aws: &Arc<Clients>,
    plan: &Plan,
    desired: &Desired,
    observed: &Observed,
    stage: Stage,
    progress: &Arc<Progress>,
) -> Result<()> {
    let resources = desired.resources(&observed.layer_versions).into_iter();
    let job = Arc::new(Job {
        aws: aws.clone(),
        desired: desired.clone(),
        observed: observed.clone(),
        resources: resources.map(|resource| ((resource.kind, resource.name.clone()), resource)).collect(),
        versions: Mutex::new(observed.layer_versions.clone()),
        progress: progress.clone(),
    });
    let made = |change: &&Change| matches!(change.action, Action::Create | Action::Update | Action::Replace);
    for kinds in if stage == Stage::Places { PLACES } else { FUNCTIONS } {
        let changes = plan.changes.iter().filter(made).filter(|change| kinds.contains(&change.kind)).cloned();
        if kinds.contains(&Kind::Queue) {
            for change in changes {
                job.clone().step(change).await?;
            }
        } else {
            each(changes, |change| job.clone().step(change)).await?;
        }
    }
    if stage == Stage::Places {
        return Ok(());
    }
    for kind in REVERSE {
        let changes = plan.changes.iter().filter(|change| change.action == Action::Delete && change.kind == *kind);
        each(changes.cloned(), |change| job.clone().step(change)).await?;
    }
    Ok(())
}

impl Job {
    async fn step(self: Arc<Self>, change: Change) -> Result<()> {
        match change.action {
            Action::Delete => self.delete(&change).await?,
            _ => self.put(&change).await?,
        }
        self.progress.say(&change.done());
        Ok(())
    }

    async fn put(&self, change: &Change) -> Result<()> {
        let (aws, desired, name) = (&self.aws, &self.desired, change.name.as_str());
        let is_new = change.action == Action::Create;
        if change.kind == Kind::Object {
            return self.upload(name).await;
        }
        let resource = self.resources.get(&(change.kind, name.to_owned())).ok_or_else(|| odd("a place", name))?;
        let tags = &resource.tags;
        let found = self.observed.get(change.kind, name);
        match change.kind {
            Kind::Bucket => {
                let state = if name == desired.names.data { &desired.data } else { &desired.artifacts };
                buckets::put(aws, name, state, tags, found).await
            }
            Kind::Queue => {
                let state = if name == desired.names.queue { &desired.queue } else { &desired.dead_letters };
                queues::put(aws, name, state, tags, found).await
            }
            Kind::Role => match &desired.role {
                Role::Own(state) => role::put(aws, name, state, tags, is_new).await,
                Role::Given(_) => Ok(()),
            },
            Kind::LogGroup => {
                let function = self.function(|function| function.log_group_name() == name)?;
                logs::put(aws, name, &function.log_group, tags, is_new).await
            }
            Kind::Repository => match &desired.repository {
                Some(Repository::Own(state)) => repository::put(aws, name, state, tags, is_new).await,
                _ => Ok(()),
            },
            Kind::Layer => {
                let layer =
                    desired.layers.iter().find(|layer| layer.name == name).ok_or_else(|| odd("a layer", name))?;
                let arn = layers::publish(aws, layer, &desired.names.artifacts).await?;
                self.versions.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), arn);
                Ok(())
            }
            Kind::Function => self.put_function(change, resource).await,
            Kind::Alias => {
                let (function, alias) = name.split_once(':').ok_or_else(|| odd("an alias", name))?;
                let digest = desired.version_digest(self.function(|other| other.name == function)?);
                versions::put(aws, function, alias, &digest, is_new).await
            }
            Kind::Mapping => {
                let function = self.function(|function| function.name == name)?;
                let queue = aws.place.arn("sqs", &desired.names.queue);
                mappings::put(aws, name, &queue, &function.mapping, &desired.project, found).await
            }
            Kind::Dashboard => dashboard::put(aws, name, &desired.dashboard).await,
            // An image was pushed before: only a registry takes it.
            Kind::Object | Kind::Image => Ok(()),
        }
    }

    async fn put_function(&self, change: &Change, resource: &Resource) -> Result<()> {
        let (aws, desired, name) = (&self.aws, &self.desired, change.name.as_str());
        let function = self.function(|function| function.name == name)?;
        let layers = {
            let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
            desired.layer_arns(function, &versions)
        };
        if change.action == Action::Replace {
            functions::delete(aws, name).await?;
            functions::gone(aws, name).await?;
        }
        let found = self.observed.get(Kind::Function, name).filter(|_| change.action == Action::Update);
        let Some(found) = found else { return functions::create(aws, desired, function, resource, &layers).await };
        let has = |names: &dyn Fn(&str) -> bool| change.fields.iter().any(|field| names(&field.name));
        let parts = Parts {
            code: has(&|field| field == "code" || field == "architecture"),
            configuration: has(&|field| {
                !matches!(field, "code" | "architecture" | "retries") && !field.starts_with("tags.")
            }),
            snap_start: has(&|field| field == "snap_start"),
            retries: has(&|field| field == "retries"),
            tags: has(&|field| field.starts_with("tags.")),
            // With layers that come, the code has less in it than before.
            shrinks: found.state["layers"].as_array().map_or(0, Vec::len) <= layers.len(),
        };
        functions::update(aws, desired, function, resource, &layers, &found.handle, &parts).await
    }

    async fn upload(&self, key: &str) -> Result<()> {
        let of_functions = self.desired.functions.iter().filter_map(|function| function.code.artifact());
        let of_layers = self.desired.layers.iter().filter_map(|layer| layer.artifact.as_ref());
        let artifact = of_functions.chain(of_layers).find(|artifact| object_key(&artifact.sha256) == key);
        let artifact = artifact.ok_or_else(|| odd("a file", key))?;
        objects::upload(&self.aws, &self.desired.names.artifacts, key, artifact).await
    }

    async fn delete(&self, change: &Change) -> Result<()> {
        let (aws, name) = (&self.aws, change.name.as_str());
        let handle = self.observed.get(change.kind, name).map_or("", |found| found.handle.as_str());
        one(aws, change.kind, name, handle, &self.desired.project, false).await
    }

    fn function(&self, is_it: impl Fn(&Function) -> bool) -> Result<&Function> {
        self.desired
            .functions
            .iter()
            .find(|function| is_it(function))
            .ok_or_else(|| odd("a function", &self.desired.project))
    }
}

/// Deletes one thing; a bucket or repository that has something in it only where it goes `with_contents`.
pub(super) async fn one(
    aws: &Arc<Clients>,
    kind: Kind,
    name: &str,
    handle: &str,
    project: &str,
    with_contents: bool,
) -> Result<()> {
    match kind {
        Kind::Bucket => buckets::delete(aws, name, with_contents).await,
        Kind::Queue => queues::delete(aws, name, handle).await,
        Kind::Role => role::delete(aws, name).await,
        Kind::LogGroup => logs::delete(aws, name).await,
        Kind::Repository => repository::delete(aws, name, with_contents).await,
        Kind::Layer => layers::delete(aws, name, project).await,
        Kind::Function => functions::delete(aws, name).await,
        Kind::Alias => match name.split_once(':') {
            Some((function, alias)) => versions::delete(aws, function, alias).await,
            None => Ok(()),
        },
        Kind::Mapping => mappings::delete(aws, handle).await,
        Kind::Dashboard => dashboard::delete(aws, name).await,
        Kind::Object | Kind::Image => Ok(()),
    }
}
