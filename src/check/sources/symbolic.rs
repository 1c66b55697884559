//! What is said of the symbolic links in ZIPs, once everything lies where it will lie in Lambda.

use super::links::Links;
use crate::check::{Finding, Shape};
use crate::lambda::system::System;

/// Folders that only the runtime's system puts files in.
const SYSTEM: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/var/lang/lib"];

/// A finding for each link, given those that lead nowhere, with what they would lead to.
pub(super) fn findings(links: &Links, nowhere: &[(String, Option<String>)], shape: Shape) -> Vec<Finding> {
    let finding = |(link, target): (&String, &String)| {
        let path = format!("/{link}");
        let found = nowhere.binary_search_by(|(other, _)| other.cmp(link));
        let Ok(place) = found else {
            let reason = "AWS does not say that symbolic links in a ZIP are kept";
            return Finding::warning("symbolic-link", &path, reason)
                .with_hint("pack the file itself in its place (zip without -y)");
        };
        let reason = format!("it is a symbolic link to {target:?}, which is not in the archive");
        let leads_to = nowhere[place].1.as_deref();
        if is_loaded(link) && leads_to.is_none_or(|target| is_absent(target, shape)) {
            Finding::error("symbolic-link", &path, reason)
                .with_hint("pack the file itself in its place (zip without -y)")
        } else {
            Finding::warning("symbolic-link", &path, reason)
                .with_hint("pack the file itself in its place (zip without -y), or check it with the layer that has it")
        }
    };
    links.iter().map(finding).collect()
}

/// Whether its name says that something will open it.
fn is_loaded(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [".py", ".pyc", ".so"].iter().any(|ending| name.ends_with(ending)) || name.contains(".so.")
}

/// Whether nothing that is not at hand can have a file of that path: a layer, a mounted file system, the runtime.
fn is_absent(path: &str, shape: Shape) -> bool {
    if path.starts_with("/var/task/") {
        return shape == Shape::Function;
    }
    let Some((folder, name)) = path.rsplit_once('/') else { return false };
    SYSTEM.contains(&folder) && (name.ends_with(".so") || name.contains(".so.")) && System::none_has(name)
}
