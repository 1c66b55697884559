//! Asking pip again where there was an answer before: what need not change stays.
//!
//! pip knows constraints, which are hard, and no preferences. So the old versions are constraints; those that pip says
//! are in the way are taken away, and it is asked again, until it finds something or none are left.

use std::collections::BTreeMap;

use super::{Answer, ask, unavailable};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::project::Requirements;
use crate::python::interpreter::Interpreter;

/// How often some pins are taken away before all are.
const ROUNDS: usize = 8;

/// Asks pip with old versions by name, which it keeps to where it can.
pub fn ask_pinned(
    interpreter: &Interpreter,
    target: Target,
    requirements: &Requirements,
    mut pins: BTreeMap<String, String>,
    cache: &Cache,
    offline: bool,
) -> Result<Answer> {
    let ask = |constraints: &[String]| ask(interpreter, target, requirements, constraints, cache, offline);
    for _ in 0..ROUNDS {
        if pins.is_empty() {
            break;
        }
        let constraints: Vec<String> = pins.iter().map(|(name, version)| format!("{name}=={version}")).collect();
        let error = match ask(&constraints) {
            Err(error @ Error::IndexUnreachable { .. }) => return Err(error),
            Err(error) => error,
            answer => return answer,
        };
        let before = pins.len();
        for name in in_the_way(&error) {
            pins.remove(&name);
        }
        if pins.len() == before {
            break;
        }
    }
    ask(&[])
}

/// The distributions whose constraints an error blames.
fn in_the_way(error: &Error) -> Vec<String> {
    match error {
        Error::Command(error) => constraints(error.messages()),
        Error::NoWheel { requirement, .. } | Error::NoDistribution { requirement, .. } => {
            vec![unavailable::name(requirement)]
        }
        _ => Vec::new(),
    }
}

/// pip lists what contradicts each other, a line each.
fn constraints(messages: &str) -> Vec<String> {
    let blamed = messages.lines().filter_map(|line| line.split_once("The user requested (constraint) "));
    blamed.map(|(_, requirement)| unavailable::name(requirement.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constraints_that_pip_blames_are_read() {
        let said = "\
ERROR: Cannot install boto3==1.40.1 because these package versions have conflicting dependencies.

The conflict is caused by:
    boto3 1.40.1 depends on botocore<1.41.0 and >=1.40.1
    The user requested (constraint) Boto_Core==1.39.0

To fix this you could try to:
";
        assert_eq!(constraints(said), ["boto-core"]);
        assert_eq!(constraints("ERROR: something else"), [""; 0]);
    }
}
