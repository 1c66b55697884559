//! AWS services whose definitions nobody asks for.
//!
//! A client's definition is read when it is made, by the service's name. So a service stays if the function writes its
//! name down as a string, if any module of a distribution that makes clients does, if the SDK itself asks for it, or if
//! the user says so. Where the function names none at all, or makes a client by a name that only a run knows, everything
//! stays.

use std::collections::BTreeSet;

use super::super::survey::{Module, Survey};
use super::Request;
use super::data::Services;
use crate::error::{Error, Result};
use crate::python::source;
use crate::resolve::Distribution;
use crate::tree::{Owner, Tree, read};

/// Where to look.
pub(super) struct Place<'a> {
    /// The place of the distribution that has the definitions.
    pub owner: usize,
    /// All of them.
    pub distributions: &'a [Distribution],
    /// The files.
    pub tree: &'a Tree,
    /// What their sources say.
    pub survey: &'a Survey,
}

/// What was found.
pub(super) enum Unused {
    /// Files of services that nobody asks for.
    Files(BTreeSet<String>),
    /// Who asks for what cannot be told.
    Unknown(String),
}

/// The definitions that can go.
pub(super) fn unused(services: &Services, place: &Place<'_>, request: &Request<'_>) -> Result<Unused> {
    let owner = Owner::Distribution(place.owner);
    let service = |path: &str| -> Option<String> {
        let (service, _) = path.strip_prefix(&services.folder)?.strip_prefix('/')?.split_once('/')?;
        Some(service.to_owned())
    };
    let there: BTreeSet<String> =
        place.tree.iter().filter(|(_, entry)| entry.owner == owner).filter_map(|(path, _)| service(path)).collect();
    if there.is_empty() {
        return Ok(Unused::Files(BTreeSet::new()));
    }
    let Distribution { name, version, .. } = &place.distributions[place.owner];
    if let Some(unknown) = request.services.iter().find(|wanted| services.complete && !there.contains(*wanted)) {
        return Err(Error::usage(
            format!("--aws-services: {name} {version} has no service {unknown}"),
            "a service is named as in boto3.client(NAME): s3, dynamodb, secretsmanager",
        ));
    }
    let mut wanted: BTreeSet<&str> = services.always.keys().chain(request.services).map(String::as_str).collect();
    let own: Vec<Owner> = (0..place.distributions.len())
        .filter(|index| services.own.contains(&place.distributions[*index].name))
        .map(Owner::Distribution)
        .collect();
    let users: BTreeSet<Owner> = place
        .survey
        .modules
        .iter()
        .filter(|module| module.imports.iter().any(|import| is_of(import, &services.sdk)))
        .map(|module| module.owner)
        .collect();
    // One module makes the client, and another may say of which service (pynamodb).
    let makers: BTreeSet<Owner> = place
        .survey
        .modules
        .iter()
        .filter(|module| users.contains(&module.owner) && !own.contains(&module.owner))
        .filter(|module| services.makers().any(|name| module.words.contains(name)))
        .map(|module| module.owner)
        .collect();
    let names = |module: &Module| -> Vec<&str> {
        let aliased = services.aliases.iter().filter(|(alias, _)| module.mentions.contains(*alias));
        let plain = there.iter().filter(|service| module.mentions.contains(*service));
        plain.chain(aliased.map(|(_, service)| service)).map(String::as_str).collect()
    };
    let function: BTreeSet<&str> =
        place.survey.modules.iter().filter(|module| module.owner == Owner::Function).flat_map(names).collect();
    if request.services.is_empty() {
        if let Some(reason) = computed(services, place)? {
            return Ok(Unused::Unknown(reason));
        }
        if function.is_empty() {
            return Ok(Unused::Unknown("the function names no service; --aws-services s3,… would".into()));
        }
    }
    wanted.extend(function);
    wanted.extend(place.survey.modules.iter().filter(|module| makers.contains(&module.owner)).flat_map(names));
    let files = place
        .tree
        .iter()
        .filter(|(path, entry)| entry.owner == owner && !request.keep.matches(path))
        .filter(|(path, _)| service(path).is_some_and(|service| !wanted.contains(service.as_str())))
        .map(|(path, _)| path.clone())
        .collect();
    Ok(Unused::Files(files))
}

/// The first source of the function that makes a client by a name that it does not write down, as a sentence.
fn computed(services: &Services, place: &Place<'_>) -> Result<Option<String>> {
    for module in place.survey.modules.iter().filter(|module| module.owner == Owner::Function) {
        let Some(entry) = place.tree.get(&module.path) else { continue };
        let source = read(entry, place.distributions)?;
        if let Some(callee) = source::unknown_argument(&source, &services.clients, &services.argument, &services.sdk) {
            return Ok(Some(format!(
                "{} calls {callee} for a service that only a run knows; --aws-services s3,… says which",
                module.path
            )));
        }
    }
    Ok(None)
}

/// Whether an import is of one of these top-level modules.
fn is_of(import: &str, modules: &[String]) -> bool {
    modules.iter().any(|module| import.split('.').next() == Some(module))
}
