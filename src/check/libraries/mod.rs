//! Will the loader load every library? One question a file: for this machine and Python, all that it needs there, in a
//! version that the runtime has, with every symbol defined somewhere.
//!
//! What must stay true: an error is only what fails for sure when the library is loaded, and only where the library is sure
//! to be loaded by those that use the package; all else is a warning or nothing. Each file is read once, in parallel, and
//! what is kept of it is small; findings come in the order of paths.

mod cures;
mod facts;
mod graph;
mod machine;
mod missing;
mod naming;
mod pure;
mod search;
mod symbols;
#[cfg(test)]
mod tests;
mod unreadable;
mod used;
mod versions;

pub use facts::{Binary, Library, Survey, may_be_binary};
pub use graph::{Dangling, Graph, Loss};
pub(super) use naming::{is_anothers, suffixes};

use super::files::Files;
use super::finding::Finding;
use super::reach::Reach;
use super::{Question, Shape};
use crate::error::Result;

/// Everything that is wrong with the libraries among the files, of which these are loaded.
pub(super) fn check(files: &Files, question: &Question, loads: &Reach) -> Result<Vec<Finding>> {
    let target = question.target;
    let mut survey = Survey::of(files)?;
    survey.is_image = question.shape == Shape::Image;
    let graph = Graph::of(&survey, target);
    let used = used::find(&graph, target, loads);
    let mut findings = machine::check(&survey, files, &pure::packages(files)?, question, loads);
    findings.extend(unreadable::check(&survey, files, target, loads)?);
    findings.extend(missing::check(&graph, &used, target));
    findings.extend(versions::check(&graph, &used, target));
    findings.extend(symbols::check(files, &graph, &used, target)?);
    findings.sort_by(|a, b| (&a.path, &a.check, &a.reason).cmp(&(&b.path, &b.check, &b.reason)));
    Ok(findings)
}

/// Where a function's packages are: in its folder, in a layer, or where pip puts them in an image.
fn root(path: &str) -> Option<&str> {
    if let Some(place) = path.find("/site-packages/") {
        return Some(&path[..place + "/site-packages/".len()]);
    }
    ["/var/task/", "/opt/python/"].into_iter().find(|root| path.starts_with(root))
}

/// Whether a file belongs to the function or its layers, rather than to the system of an image.
fn is_ours(path: &str) -> bool {
    path.starts_with("/opt/") || root(path).is_some()
}

/// The folder that a package has to itself: `/var/task/numpy` of `/var/task/numpy/linalg/x.so`. A file beside packages
/// is its own.
fn package(path: &str) -> &str {
    let start = root(path).map_or(path.len(), str::len);
    path[start..].find('/').map_or(path, |end| &path[..start + end])
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// ` (and 3 more files)`, where one finding speaks of several.
fn and_more(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (and 1 more file)".into(),
        more => format!(" (and {more} more files)"),
    }
}
