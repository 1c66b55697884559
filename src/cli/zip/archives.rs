//! Before functions are built: the archives of their layers that somebody else publishes, or why one cannot be had.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use super::super::options::Options;
use crate::aws::Access;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::layers::Given;
use crate::lock::{self, Lock, LockedLayer};
use crate::project::{Build, Method, Project};
use crate::published::{Finder, State, Wanted};

/// The archives by the layer's name and target, each looked for once.
#[derive(Default)]
pub(super) struct Archives(BTreeMap<(String, Target), Result<Given, String>>);

impl Archives {
    /// Those of all builds with layers.
    pub(super) fn of(builds: &[Build], project: &Project, options: &Options, access: &Access) -> Result<Self> {
        let mut archives = Self::default();
        let with_layers = builds.iter().filter(|build| build.method == Method::Layers);
        let wanted: Vec<Wanted> = with_layers.flat_map(|build| Wanted::of(build, project)).collect();
        if wanted.is_empty() {
            return Ok(archives);
        }
        let cache = options.cache()?;
        let file = Path::new(lock::FILE);
        let finder = Finder::new(&cache, options.is_offline(), access.clone());
        let mut search = Search { options, lock: lock::load(file)?, finder };
        for wanted in wanted {
            let key = (wanted.name.clone(), wanted.target);
            if let Entry::Vacant(place) = archives.0.entry(key) {
                place.insert(search.archive(&wanted)?);
            }
        }
        Ok(archives)
    }

    /// The archive of a layer of somebody else's, or why there is none; nothing for a layer of the project's own.
    pub(super) fn get(&self, name: &str, target: Target) -> Option<&Result<Given, String>> {
        self.0.get(&(name.to_owned(), target))
    }
}

struct Search<'a> {
    options: &'a Options,
    lock: Lock,
    finder: Finder<'a>,
}

impl Search<'_> {
    /// An archive; or why it is out of reach, and what to do.
    fn archive(&mut self, wanted: &Wanted) -> Result<Result<Given, String>> {
        let found = self.locked(wanted).and_then(|locked| self.finder.archive(&locked));
        match found {
            Ok(given) => Ok(Ok(given)),
            Err(error @ Error::Aws { is_out_of_reach: true, .. }) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                Ok(Err(format!("{error}{hint}")))
            }
            Err(error) => Err(error),
        }
    }

    /// What the lock says of it; without `--locked`, after it was made to.
    fn locked(&mut self, wanted: &Wanted) -> Result<LockedLayer> {
        let reason = match wanted.state(&self.lock) {
            State::Holds(locked) => return Ok(locked.clone()),
            State::Outdated(reason) => Some(reason),
            State::Unknown if self.lock.layers().is_empty() => None,
            State::Unknown => Some("it is not in the lock yet".into()),
        };
        if self.options.is_locked() {
            return Err(match reason {
                Some(reason) => Error::Lock {
                    message: format!("{} is out of date for the layer {wanted}:\n  {reason}", lock::FILE),
                    hint: "pack lock brings it up to date; commit the result".into(),
                },
                None => Error::out_of_reach(
                    format!("{} knows no layer of others, and --locked looks for none", lock::FILE),
                    "pack lock, with AWS credentials; commit the result",
                ),
            });
        }
        if self.finder.asks() {
            self.options.say(&format!("looking for the layer {wanted}"));
        }
        let locked = self.finder.resolve(wanted, &self.lock, false)?;
        if !self.options.only_plans() {
            lock::update(Path::new(lock::FILE), |lock| lock.replace_layer(locked.clone()))?;
            self.options.say(&format!("{}: {wanted}, {}", lock::FILE, locked.arn));
        }
        Ok(locked)
    }
}
