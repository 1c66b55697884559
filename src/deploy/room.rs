//! Whether an account has room for the code that a plan brings: Lambda keeps so many bytes of ZIPs of all functions, versions and layers.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (storage for uploaded functions and layers: 75 GB).

use super::desired::{Code, Desired};
use super::difference::{Action, Plan};
use super::state::Kind;
use crate::error::{Error, Result};
use crate::size::human;

/// Bytes of code that Lambda keeps for an account and Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeStorage {
    /// The most.
    pub limit: u64,
    /// What it keeps now.
    pub used: u64,
}

/// Bytes that are there after a plan and were not before: of functions that are made, of versions that are published and of layers. An
/// update without a version takes the place of the old code; images are kept elsewhere.
pub fn code_added(plan: &Plan, desired: &Desired) -> u64 {
    let is_kept = |name: &str, has_versions: bool| {
        let change = plan.changes.iter().find(|change| change.kind == Kind::Function && change.name == name);
        let is_new = change.is_some_and(|change| change.action == Action::Create);
        is_new || (has_versions && plan.changes_code(Kind::Function, name))
    };
    let functions = desired.functions.iter().filter_map(|function| match &function.code {
        Code::Zip { artifact: Some(artifact), .. } if is_kept(&function.name, function.alias.is_some()) => {
            Some(artifact.packed)
        }
        _ => None,
    });
    let layers = desired.layers.iter().filter(|layer| plan.changes_code(Kind::Layer, &layer.name));
    let layers = layers.filter_map(|layer| Some(layer.artifact.as_ref()?.packed));
    functions.chain(layers).sum()
}

impl CodeStorage {
    /// Refuses more than there is room for.
    pub fn refuse(self, added: u64) -> Result<()> {
        let left = self.limit.saturating_sub(self.used);
        if added <= left {
            return Ok(());
        }
        Err(Error::aws(
            format!(
                "Lambda keeps {} of code for this account and Region, and has room for {}: what is new has {}",
                human(self.limit),
                human(left),
                human(added),
            ),
            "delete functions and old versions of functions and layers, or ask AWS for more (Service Quotas, Lambda: function and layer \
             storage); nothing was changed",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_room_for_is_taken() {
        let storage = CodeStorage { limit: 75 << 30, used: 74 << 30 };
        assert!(storage.refuse(1 << 30).is_ok());
        let refused = storage.refuse((1 << 30) + 1).unwrap_err().to_string();
        assert!(refused.contains("Lambda keeps") && refused.contains("has room for"), "{refused}");
        // Somebody's account may have more than it is given.
        assert!(CodeStorage { limit: 1, used: 2 }.refuse(1).is_err());
        assert!(CodeStorage { limit: 1, used: 2 }.refuse(0).is_ok());
    }
}
