//! What is there: of everything that a project is to have, and what is the project's beside that.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{
    Clients, buckets, dashboard, each, functions, layers, logs, mappings, objects, queues, repository, role, versions,
};
use crate::deploy::{Code, Desired, Found, Function, Kind, Observed, Only, Owner, object_key};
use crate::error::Result;
use crate::lambda::host_of;

/// What is found of a kind and name, if anything.
type Answer = ((Kind, String), Option<Found>);

/// Reads it all. With some functions only, what else there is of the project is not looked for.
pub(super) async fn all(aws: &Arc<Clients>, desired: &Desired, only: &Only) -> Result<Observed> {
    let mut observed = Observed::default();
    let own = if only.is_none() { functions::names(aws, &desired.project).await? } else { Vec::new() };
    let answers = each(questions(desired, only, &own), |(kind, name)| {
        let (aws, project) = (aws.clone(), desired.project.clone());
        async move { Ok(((kind, name.clone()), one(&aws, kind, &name, &project).await?)) }
    });
    let answers: Vec<Answer> = answers.await?;
    observed.found.extend(answers.into_iter().filter_map(|(key, found)| Some((key, found?))));
    read_log_groups(aws, desired, &mut observed).await?;
    read_layers(aws, desired, &mut observed).await?;
    read_mappings(aws, desired, &own, &mut observed).await?;
    read_objects(aws, desired, &mut observed).await?;
    Ok(observed)
}

fn questions(desired: &Desired, only: &Only, own: &[String]) -> BTreeSet<(Kind, String)> {
    let names = &desired.names;
    let is_meant = |function: &str| only.as_ref().is_none_or(|only| only.contains(function));
    let mut questions = BTreeSet::from([
        (Kind::Bucket, names.artifacts.clone()),
        (Kind::Bucket, names.data.clone()),
        (Kind::Queue, names.queue.clone()),
        (Kind::Queue, names.dead_letters.clone()),
        // One that was made before another was given is deleted.
        (Kind::Role, names.role.clone()),
        (Kind::Dashboard, names.dashboard.clone()),
    ]);
    // One from when there were images is known for ours; somebody else's registry is not asked.
    if host_of(&names.repository).is_none() {
        questions.insert((Kind::Repository, names.repository.clone()));
    }
    for function in desired.functions.iter().filter(|function| is_meant(&function.row.function)) {
        questions.insert((Kind::Function, function.name.clone()));
        if let Some(alias) = &function.alias {
            questions.insert((Kind::Alias, format!("{}:{alias}", function.name)));
        }
    }
    questions.extend(own.iter().map(|name| (Kind::Function, name.clone())));
    questions
}

async fn one(aws: &Clients, kind: Kind, name: &str, project: &str) -> Result<Option<Found>> {
    match kind {
        Kind::Bucket => buckets::read(aws, name, project).await,
        Kind::Queue => queues::read(aws, name, project).await,
        Kind::Role => role::read(aws, name, project).await,
        Kind::Repository => repository::read(aws, name, project).await,
        Kind::Dashboard => dashboard::read(aws, name, project).await,
        Kind::Function => functions::read(aws, name, project).await,
        Kind::Alias => match name.split_once(':') {
            Some((function, alias)) => versions::read(aws, function, alias).await,
            None => Ok(None),
        },
        // These are asked for in other ways.
        Kind::LogGroup | Kind::Object | Kind::Image | Kind::Layer | Kind::Mapping => Ok(None),
    }
}

async fn read_log_groups(aws: &Arc<Clients>, desired: &Desired, observed: &mut Observed) -> Result<()> {
    let names: BTreeSet<String> = desired.functions.iter().map(Function::log_group_name).collect();
    let Some((first, last)) = names.first().zip(names.last()) else { return Ok(()) };
    // They are in order: what the first and the last begin with, all begin with.
    let same = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count();
    let mut groups = logs::list(aws, &first[..same]).await?;
    groups.retain(|name, _| names.contains(name));
    let found = logs::read(aws, groups, &desired.project).await?;
    observed.found.extend(found.into_iter().map(|(name, found)| ((Kind::LogGroup, name), found)));
    Ok(())
}

async fn read_layers(aws: &Arc<Clients>, desired: &Desired, observed: &mut Observed) -> Result<()> {
    let answers = each(desired.layers.clone(), |layer| {
        let aws = aws.clone();
        async move { Ok((layer.name.clone(), layers::read(&aws, &layer).await?)) }
    });
    for (name, answer) in answers.await? {
        let Some((found, version)) = answer else { continue };
        observed.layer_versions.extend(version.map(|arn| (name.clone(), arn)));
        observed.found.insert((Kind::Layer, name), found);
    }
    Ok(())
}

async fn read_mappings(aws: &Arc<Clients>, desired: &Desired, own: &[String], observed: &mut Observed) -> Result<()> {
    let queue = aws.place.arn("sqs", &desired.names.queue);
    let known: BTreeSet<&str> =
        desired.functions.iter().map(|function| function.name.as_str()).chain(own.iter().map(String::as_str)).collect();
    for (name, mut found) in mappings::read(aws, &queue).await? {
        let function = name.split('#').next().unwrap_or(&name);
        if !known.contains(function) {
            // Of a function that is not there any more, it is a remainder; what others have made of our queue is theirs.
            found.owner = functions::owner(aws, function, &desired.project).await?.unwrap_or(Owner::Ours);
        }
        observed.found.insert((Kind::Mapping, name), found);
    }
    Ok(())
}

/// Which ZIPs are in the bucket, of those that functions and layers do not have yet.
async fn read_objects(aws: &Arc<Clients>, desired: &Desired, observed: &mut Observed) -> Result<()> {
    let bucket = &desired.names.artifacts;
    if observed.get(Kind::Bucket, bucket).is_none_or(|found| found.owner != Owner::Ours) {
        return Ok(());
    }
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for function in &desired.functions {
        let Code::Zip { artifact: Some(artifact), .. } = &function.code else { continue };
        let found = observed.get(Kind::Function, &function.name);
        if found.is_none_or(|found| found.broken.is_some() || found.state["code"] != artifact.sha256) {
            wanted.insert(object_key(&artifact.sha256));
        }
    }
    let new = desired.layers.iter().filter(|layer| !observed.layer_versions.contains_key(&layer.name));
    wanted.extend(new.filter_map(|layer| Some(object_key(&layer.artifact.as_ref()?.sha256))));
    let answers = each(wanted, |key| {
        let (aws, bucket) = (aws.clone(), bucket.clone());
        async move { Ok((objects::is_there(&aws, &bucket, &key).await?, key)) }
    });
    observed.objects = answers.await?.into_iter().filter(|(is_there, _)| *is_there).map(|(_, key)| key).collect();
    Ok(())
}
