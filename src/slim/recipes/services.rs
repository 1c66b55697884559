//! AWS services whose definitions nobody asks for.
//!
//! A client's definition is read when it is made, by the service's name. So a service stays if the function writes its
//! name down as a string, if any module of a distribution does that makes clients or imports one that does, if the SDK
//! itself asks for it, or if the user says so. Where the function's sources name none at all, or a client is made by a
//! name that only a run knows, everything stays.

use std::collections::{BTreeMap, BTreeSet};

use super::super::survey::{Kind, Module, Survey};
use super::Request;
use super::data::Services;
use crate::error::{Error, Result};
use crate::lambda::LAYERS;
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
    let there = there(services, place.tree, owner);
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
    let names = |module: &Module| -> Vec<&str> {
        let aliased = services.aliases.iter().filter(|(alias, _)| module.mentions.contains(*alias));
        let plain = there.iter().filter(|service| module.mentions.contains(*service));
        plain.chain(aliased.map(|(_, service)| service)).map(String::as_str).collect()
    };
    let modules = &place.survey.modules;
    let of_function = || modules.iter().filter(|module| module.owner == Owner::Function);
    // What a layer of the function names does not say that the function names what it needs.
    let is_layers = |module: &Module| module.path.starts_with(LAYERS) && !place.survey.site.has(&module.path);
    let makers = makers(services, place);
    if request.services.is_empty() {
        if let Some(reason) = computed(services, place, &makers)? {
            return Ok(Unused::Unknown(format!("{reason}; --aws-services s3,… says which")));
        }
        // What a configuration names may be anything.
        if of_function()
            .filter(|module| module.kind == Kind::Source && !is_layers(module))
            .all(|module| names(module).is_empty())
        {
            return Ok(Unused::Unknown("the function names no service; --aws-services s3,… would".into()));
        }
    }
    wanted.extend(of_function().flat_map(names));
    let reach = reach(makers, services, place);
    wanted.extend(modules.iter().filter(|module| reach.contains(&module.owner)).flat_map(names));
    let files = place
        .tree
        .iter()
        .filter(|(path, entry)| entry.owner == owner && !request.keep.matches(path))
        .filter(|(path, _)| service(services, path).is_some_and(|service| !wanted.contains(service)))
        .map(|(path, _)| path.clone())
        .collect();
    Ok(Unused::Files(files))
}

/// The services that a tree has definitions of.
pub(super) fn there(services: &Services, tree: &Tree, owner: Owner) -> BTreeSet<String> {
    let files = tree.iter().filter(|(_, entry)| entry.owner == owner);
    files.filter_map(|(path, _)| service(services, path)).map(str::to_owned).collect()
}

/// The service that a file is of.
fn service<'a>(services: &Services, path: &'a str) -> Option<&'a str> {
    Some(path.strip_prefix(&services.folder)?.strip_prefix('/')?.split_once('/')?.0)
}

/// The distributions that make clients, beside the SDK's own. One module makes the client, and another may say of which
/// service (pynamodb).
fn makers(services: &Services, place: &Place<'_>) -> BTreeSet<Owner> {
    let modules = || place.survey.modules.iter().filter(|module| !is_own(module.owner, services, place));
    let users: BTreeSet<Owner> =
        modules().filter(|module| uses_sdk(module, services)).map(|module| module.owner).collect();
    modules()
        .filter(|module| users.contains(&module.owner))
        .filter(|module| services.makers().any(|name| module.words.contains(name)))
        .map(|module| module.owner)
        .collect()
}

/// These and the distributions that import them, directly or not: who calls a maker's function names the service.
fn reach(makers: BTreeSet<Owner>, services: &Services, place: &Place<'_>) -> BTreeSet<Owner> {
    let mut owners: BTreeMap<&str, BTreeSet<Owner>> = BTreeMap::new();
    for (path, entry) in place.tree.iter().filter(|(_, entry)| entry.owner != Owner::Function) {
        let top = path.split(['/', '.']).next().unwrap_or_default();
        owners.entry(top).or_default().insert(entry.owner);
    }
    let mut importers: BTreeMap<Owner, BTreeSet<Owner>> = BTreeMap::new();
    for module in place.survey.modules.iter().filter(|module| !is_own(module.owner, services, place)) {
        for import in &module.imports {
            for imported in owners.get(import.split('.').next().unwrap_or_default()).into_iter().flatten() {
                importers.entry(*imported).or_default().insert(module.owner);
            }
        }
    }
    let mut open: Vec<Owner> = makers.iter().copied().collect();
    let mut reach = makers;
    while let Some(owner) = open.pop() {
        open.extend(importers.get(&owner).into_iter().flatten().filter(|importer| reach.insert(**importer)));
    }
    reach
}

/// The first file that makes a client by a name that it does not write down, as a sentence. A distribution may be given
/// the name by those that call it, and then one of those writes it down.
fn computed(services: &Services, place: &Place<'_>, makers: &BTreeSet<Owner>) -> Result<Option<String>> {
    for module in &place.survey.modules {
        let is_function = module.owner == Owner::Function;
        if !(is_function || makers.contains(&module.owner) && uses_sdk(module, services)) {
            continue;
        }
        if module.kind == Kind::Compiled && is_function && uses_sdk(module, services) {
            return Ok(Some(format!("{} is compiled and uses the SDK for what cannot be seen", module.path)));
        }
        let Some(entry) = place.tree.get(&module.path).filter(|_| module.path.ends_with(".py")) else { continue };
        let source = read(entry, place.distributions)?;
        let callee = if is_function {
            source::unknown_argument(&source, &services.clients, &services.argument, &services.sdk)
        } else {
            source::computed_argument(&source, &services.clients, &services.argument)
        };
        if let Some(callee) = callee {
            return Ok(Some(format!("{} calls {callee} for a service that only a run knows", module.path)));
        }
    }
    Ok(None)
}

/// Whether an owner is of the SDK, whose own sources name services without asking for them.
fn is_own(owner: Owner, services: &Services, place: &Place<'_>) -> bool {
    matches!(owner, Owner::Distribution(index) if services.own.contains(&place.distributions[index].name))
}

fn uses_sdk(module: &Module, services: &Services) -> bool {
    module.imports.iter().any(|import| is_of(import, &services.sdk))
}

/// Whether an import is of one of these top-level modules.
fn is_of(import: &str, modules: &[String]) -> bool {
    modules.iter().any(|module| import.split('.').next() == Some(module))
}
