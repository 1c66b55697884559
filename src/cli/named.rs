//! What a project has on AWS, by name: the same names that `pack deploy` gives. No account is asked for them.

use std::path::Path;

use super::nothing_here;
use crate::deploy::{Artifacts, Desired, Function, Place};
use crate::error::{Error, Result};
use crate::lock;
use crate::project::{Project, Selection};

/// The desired state of a project, of which only names count here: they depend on no account.
pub(super) fn desired(project: &Project) -> Result<Desired> {
    if project.functions.is_empty() {
        return Err(nothing_here(
            "there is no project with functions here",
            "run it where pack.toml is, or name what is meant",
        ));
    }
    let place = Place {
        partition: "aws".into(),
        account: "000000000000".into(),
        region: project.region.clone().unwrap_or_default(),
        has_tls: true,
    };
    let builds = project.builds(&Selection::default())?;
    Desired::of(project, builds, &lock::load(Path::new(lock::FILE))?, &Artifacts::new(), &place)
}

/// The functions on Lambda that arguments mean: each by its name there, or all rows of a function of the project; all of the project if
/// there are no arguments. What the project does not have is taken for a function of somebody else's.
pub(super) fn functions(
    project: &Project,
    arguments: &[String],
    name: impl Fn(&Function) -> String,
) -> Result<Vec<String>> {
    let is_foreign = |argument: &String| argument.contains(':');
    if !arguments.is_empty() && (project.functions.is_empty() || arguments.iter().all(is_foreign)) {
        return Ok(arguments.to_vec());
    }
    let desired = desired(project)?;
    if arguments.is_empty() {
        let all: Vec<String> = desired.functions.iter().map(name).collect();
        let none = || {
            Error::usage("the matrix of pack.toml has no function", "pack plan shows it; or name a function on Lambda")
        };
        return if all.is_empty() { Err(none()) } else { Ok(all) };
    }
    let mut meant: Vec<String> = Vec::new();
    for argument in arguments {
        let is_it = |function: &&Function| function.name == *argument || function.row.function == *argument;
        let before = meant.len();
        meant.extend(desired.functions.iter().filter(is_it).map(&name));
        if meant.len() == before {
            meant.push(argument.clone());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    meant.retain(|name| seen.insert(name.clone()));
    Ok(meant)
}
