//! Deleting what a project has: found by its names, its tags and its descriptions, whatever `pack.toml` says by now.

use std::sync::Arc;

use super::{Clients, apply, buckets, each, layers, logs, objects, repository};
use crate::aws::Keep;
use crate::deploy::{Desired, Kind, Observed, Owner, Remains};
use crate::error::Result;
use crate::progress::Progress;

/// In this order things go.
const ORDER: &[&[Kind]] = &[
    &[Kind::Dashboard, Kind::Mapping],
    &[Kind::Function],
    &[Kind::Layer, Kind::Queue, Kind::Role, Kind::LogGroup, Kind::Repository],
    &[Kind::Bucket],
];

/// Everything that is there.
pub(super) async fn remains(
    aws: &Arc<Clients>,
    desired: &Desired,
    observed: &Observed,
    keep: &Keep,
) -> Result<Vec<Remains>> {
    let mut all = Vec::new();
    let is_ours = observed.found.iter().filter(|(_, found)| found.owner == Owner::Ours);
    for ((kind, name), found) in is_ours {
        let mut with_contents = false;
        let kept = match kind {
            // Aliases go with their functions; of the others all are looked for.
            Kind::Alias | Kind::LogGroup | Kind::Layer => continue,
            Kind::Bucket => {
                with_contents = !keeps(desired, name, *keep).0;
                bucket_stays(aws, desired, name, keep).await?
            }
            Kind::Repository => {
                with_contents = !keep.images;
                let stays = keep.images && !repository::is_empty(aws, name).await?;
                stays.then(|| "it has images in it; --with-images deletes them".to_owned())
            }
            _ => None,
        };
        all.push(Remains { kind: *kind, name: name.clone(), handle: found.handle.clone(), with_contents, kept });
    }
    for name in buckets::names(aws, &desired.project).await? {
        if observed.get(Kind::Bucket, &name).is_none() {
            let kept = bucket_stays(aws, desired, &name, keep).await?;
            let with_contents = !keeps(desired, &name, *keep).0;
            all.push(Remains { kind: Kind::Bucket, name, handle: String::new(), with_contents, kept });
        }
    }
    let layers = layers::names(aws, &desired.project).await?;
    all.extend(layers.into_iter().map(|name| Remains {
        kind: Kind::Layer,
        name,
        handle: String::new(),
        with_contents: false,
        kept: None,
    }));
    let groups = logs::names(aws, &desired.project).await?;
    all.extend(groups.into_iter().map(|name| Remains {
        kind: Kind::LogGroup,
        name,
        handle: String::new(),
        with_contents: false,
        kept: keep.logs.then(|| "it has logs in it; --with-logs deletes them".to_owned()),
    }));
    all.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    Ok(all)
}

/// Whether what is in a bucket is kept, with the flag that says otherwise, and what it is. One of an older name may have been either, and
/// is taken for one of data.
fn keeps(desired: &Desired, name: &str, keep: Keep) -> (bool, &'static str, &'static str) {
    if *name == desired.names.artifacts {
        (keep.artifacts, "--with-artifacts", "artifacts")
    } else {
        (keep.data, "--with-data", "objects")
    }
}

/// Why a bucket stays.
async fn bucket_stays(aws: &Clients, desired: &Desired, name: &str, keep: &Keep) -> Result<Option<String>> {
    let (keeps, flag, what) = keeps(desired, name, *keep);
    let stays = keeps && !objects::is_empty(aws, name).await?;
    Ok(stays.then(|| format!("it has {what} in it; {flag} deletes them")))
}

/// Deletes what is not kept.
pub(super) async fn all(
    aws: &Arc<Clients>,
    project: &str,
    remains: &[Remains],
    progress: &Arc<Progress>,
) -> Result<()> {
    for kinds in ORDER {
        let going = remains.iter().filter(|one| one.kept.is_none() && kinds.contains(&one.kind)).cloned();
        let deleted = each(going, |Remains { kind, name, handle, with_contents, .. }| {
            let (aws, project, progress) = (aws.clone(), project.to_owned(), progress.clone());
            async move {
                apply::one(&aws, kind, &name, &handle, &project, with_contents).await?;
                progress.say(&format!("deleted {} {name}", kind.word()));
                Ok(())
            }
        });
        deleted.await?;
    }
    Ok(())
}
