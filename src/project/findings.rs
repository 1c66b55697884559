//! What Lambda will not take, or not for long, of a project's builds: known before anything is built.

use std::collections::BTreeSet;

use serde::Serialize;

use super::layers::Content;
use super::load::Project;
use super::matrix::{Build, Builds};
use crate::lambda::{self, Day, Support};

/// Something about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether Lambda would refuse it.
    pub is_error: bool,
    /// What.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Builds {
    /// What there is to say about them on a day.
    pub fn findings(&self, project: &Project, today: Day) -> Vec<Finding> {
        let of_functions = self.functions.iter().map(|build| build.target.python);
        let pythons: BTreeSet<_> = of_functions.chain(self.layers.iter().map(|build| build.target.python)).collect();
        let mut findings = Vec::new();
        for python in pythons {
            let newer = "take a newer one, in [matrix] or with --python";
            match lambda::support(python, today) {
                Support::Supported => {}
                Support::Deprecated(since) => findings.push(Finding {
                    is_error: false,
                    message: format!(
                        "Lambda ended the support of python{python} on {since}; when it takes no more functions for it is open"
                    ),
                    hint: newer.into(),
                }),
                Support::Blocked(since) => findings.push(Finding {
                    is_error: true,
                    message: format!("since {since}: \"{}\"", lambda::runtime_refusal(&python.to_string())),
                    hint: newer.into(),
                }),
            }
        }
        findings.extend(self.functions.iter().filter_map(too_large));
        findings.extend(self.without_region(project));
        findings
    }

    /// Public layers whose ARN takes a Region that nobody named.
    fn without_region(&self, project: &Project) -> Option<Finding> {
        let is_open =
            |name: &str| project.layers.get(name).is_some_and(|layer| matches!(layer.content, Content::Published(_)));
        let used = self.functions.iter().flat_map(|build| &build.layers).filter(|layer| layer.arn.is_none());
        let names: BTreeSet<&str> = used.map(|layer| layer.name.as_str()).filter(|name| is_open(name)).collect();
        (!names.is_empty()).then(|| Finding {
            is_error: false,
            message: format!(
                "the Region is not known, and so not the ARN of {}",
                names.into_iter().collect::<Vec<_>>().join(", ")
            ),
            hint: "region in [project] names it".into(),
        })
    }
}

/// A build whose layers alone are too large, of what is known of them: what nobody measured may only make it more.
fn too_large(build: &Build) -> Option<Finding> {
    let known: u64 =
        build.layers.iter().filter_map(|layer| layer.locked).fold(0, |sum, size| size.unpacked.saturating_add(sum));
    let limit = lambda::UNPACKED_BYTES;
    (known > limit).then(|| Finding {
        is_error: true,
        message: format!(
            "{} packaged as {} for {}: its layers of others unpack to {known} bytes: \"{}\"",
            build.function,
            build.packaging,
            build.target,
            lambda::LAYERS_REFUSAL
        ),
        hint: "take fewer or smaller layers: function and layers have the limit together".into(),
    })
}
