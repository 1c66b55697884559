//! The AWS SDK that the runtime ships: when it is bundled and when it is left out.
//!
//! boto3, botocore and s3transfer are left out when nobody named them and nobody who needs them is particular about
//! the version, since AWS updates the runtime's without notice and some time after its release. What they need in turn (jmespath, python-dateutil, six,
//! urllib3) goes with them, unless something else in the artifact needs it: a library's dependency should not hang on
//! the runtime's version. What a layer of the function has is no question here: it is left out, and needs what it needs all
//! the same.

use std::collections::BTreeSet;

use clap::ValueEnum;

use super::Level;
use crate::lambda;
use crate::resolve::Distribution;

/// The SDK itself; the rest of what the runtime ships are its dependencies.
const ROOTS: &[&str] = &["boto3", "botocore", "s3transfer"];

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SdkPolicy {
    /// Bundled when the requirements name it, left out when it only came along.
    Auto,
    /// Always bundled.
    Bundle,
    /// Always left out.
    Omit,
}

/// What was decided about one distribution that the runtime ships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdkDecision {
    /// Its place in the resolution.
    pub distribution: usize,
    /// Whether it is in the artifact.
    pub bundled: bool,
    /// Why.
    pub reason: String,
}

/// Decides for every distribution of the resolution that the runtime ships and no layer has.
pub(super) fn decide(
    distributions: &[Distribution],
    in_layers: &BTreeSet<usize>,
    policy: SdkPolicy,
    level: Level,
) -> Vec<SdkDecision> {
    let known: Vec<Known<'_>> = distributions
        .iter()
        .enumerate()
        .map(|(index, distribution)| Known {
            name: &distribution.name,
            in_layer: in_layers.contains(&index),
            requested: distribution.requested,
            needs: distribution
                .needed_by
                .iter()
                .map(|need| (need.by.as_str(), need.versions.as_str(), need.narrow))
                .collect(),
        })
        .collect();
    decide_known(&known, policy, level)
}

struct Known<'a> {
    name: &'a str,
    in_layer: bool,
    requested: bool,
    needs: Vec<(&'a str, &'a str, bool)>,
}

fn decide_known(known: &[Known<'_>], policy: SdkPolicy, level: Level) -> Vec<SdkDecision> {
    let is_asked = |one: &Known<'_>| !one.in_layer && lambda::is_in_sdk(one.name);
    let shipped: Vec<usize> = (0..known.len()).filter(|index| is_asked(&known[*index])).collect();
    let all = |bundled: bool, reason: &str| {
        shipped.iter().map(|index| SdkDecision { distribution: *index, bundled, reason: reason.to_owned() }).collect()
    };
    match (policy, level) {
        (SdkPolicy::Bundle, _) => return all(true, "--bundle-sdk"),
        (SdkPolicy::Omit, _) => return all(false, "--no-bundle-sdk"),
        (SdkPolicy::Auto, Level::None) => return all(true, "--slim none"),
        (SdkPolicy::Auto, Level::Standard | Level::Deep) => {}
    }
    // Start with all of it left out, and take back what has a reason to stay until nothing changes: a distribution
    // that is bundled is itself a reason for what it needs.
    let mut decisions: Vec<SdkDecision> = shipped
        .iter()
        .map(|index| SdkDecision {
            distribution: *index,
            bundled: false,
            reason: "only needed by what the runtime ships".into(),
        })
        .collect();
    loop {
        let mut changed = false;
        for place in 0..decisions.len() {
            if decisions[place].bundled {
                continue;
            }
            let this = &known[decisions[place].distribution];
            let is_omitted = |name: &str| {
                decisions.iter().any(|decision| !decision.bundled && known[decision.distribution].name == name)
            };
            let is_root = ROOTS.contains(&this.name);
            let shipped_needs_it = |by: &str| ROOTS.contains(&by) && !is_omitted(by);
            let reason = if this.requested {
                Some("named in the requirements".to_owned())
            } else {
                this.needs
                    .iter()
                    .filter(|(by, ..)| !is_omitted(by))
                    .find(|(by, _, narrow)| !is_root || *narrow || shipped_needs_it(by))
                    .map(|(by, versions, _)| format!("{by} needs {}{versions}", this.name))
            };
            if let Some(reason) = reason {
                decisions[place] = SdkDecision { bundled: true, reason, ..decisions[place].clone() };
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for decision in decisions.iter_mut().filter(|decision| !decision.bundled) {
        let needs: Vec<String> = known[decision.distribution]
            .needs
            .iter()
            .filter(|(by, ..)| !lambda::is_in_sdk(by))
            .map(|(by, versions, _)| format!("{by} needs {}{versions}", known[decision.distribution].name))
            .collect();
        if !needs.is_empty() {
            decision.reason = format!("came along only ({})", needs.join(", "));
        }
    }
    decisions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known<'a>(name: &'a str, requested: bool, needs: &[(&'a str, &'a str, bool)]) -> Known<'a> {
        Known { name, in_layer: false, requested, needs: needs.to_vec() }
    }

    fn bundled(known: &[Known<'_>]) -> Vec<String> {
        decide_known(known, SdkPolicy::Auto, Level::Standard)
            .into_iter()
            .filter(|decision| decision.bundled)
            .map(|decision| format!("{}: {}", known[decision.distribution].name, decision.reason))
            .collect()
    }

    #[test]
    fn what_only_came_along_is_left_out_and_what_others_need_stays() {
        let set = [
            known("aws-xray-sdk", true, &[]),
            known("pandas", true, &[]),
            known("botocore", false, &[("aws-xray-sdk", ">=1.11.3", false)]),
            known("urllib3", false, &[("botocore", ">=1.25", false)]),
            known("python-dateutil", false, &[("botocore", "<3", true), ("pandas", ">=2.8.2", false)]),
            known("six", false, &[("python-dateutil", ">=1.5", false)]),
        ];
        assert_eq!(
            bundled(&set),
            ["python-dateutil: pandas needs python-dateutil>=2.8.2", "six: python-dateutil needs six>=1.5"]
        );
        let decisions = decide_known(&set, SdkPolicy::Auto, Level::Standard);
        assert_eq!(decisions[0].reason, "came along only (aws-xray-sdk needs botocore>=1.11.3)");
    }

    #[test]
    fn what_is_named_is_bundled_with_all_it_needs() {
        let set = [
            known("boto3", true, &[]),
            known("botocore", false, &[("boto3", "<1.45,>=1.44", true), ("s3transfer", ">=1.37", false)]),
            known("s3transfer", false, &[("boto3", "<0.20", true)]),
            known("jmespath", false, &[("botocore", "<2", true)]),
        ];
        assert_eq!(bundled(&set).len(), 4);
    }

    #[test]
    fn a_pin_bundles() {
        let set = [
            known("aiobotocore", true, &[]),
            known("botocore", false, &[("aiobotocore", "<1.41,>=1.40", true)]),
            known("jmespath", false, &[("botocore", "<2", true)]),
        ];
        assert_eq!(
            bundled(&set),
            ["botocore: aiobotocore needs botocore<1.41,>=1.40", "jmespath: botocore needs jmespath<2"]
        );
    }

    #[test]
    fn the_user_decides_last() {
        let set = [known("boto3", true, &[])];
        assert!(!decide_known(&set, SdkPolicy::Omit, Level::Standard)[0].bundled);
        assert!(decide_known(&set, SdkPolicy::Bundle, Level::Standard)[0].bundled);
        assert!(decide_known(&set, SdkPolicy::Auto, Level::None)[0].bundled);
    }
}
