//! Which files share a layer, so that an upgrade of one distribution changes few bytes.
//!
//! What must stay true: each file is in one layer, nothing depends on anything but names and sizes, and the function's own
//! files come last, alone: they change most often. Large distributions have a layer each, all others share one below it.

use std::collections::BTreeMap;

/// Layers with all of them; a base has some as well, and engines limit what they stack.
const MOST: usize = 10;

/// From so many unpacked bytes on a distribution has a layer of its own.
const LARGE_BYTES: u64 = 4 << 20;

/// A distribution with its version; none is the function.
pub(super) type Owner = Option<String>;

/// Whose files share a layer, in the order of layers, the lowest first. `parts` has each owner's unpacked bytes.
pub(super) fn groups(parts: &BTreeMap<Owner, u64>) -> Vec<Vec<Owner>> {
    let mut largest: Vec<u64> = parts
        .iter()
        .filter(|(owner, bytes)| owner.is_some() && **bytes >= LARGE_BYTES)
        .map(|(_, bytes)| *bytes)
        .collect();
    largest.sort_unstable_by(|left, right| right.cmp(left));
    // The two others are of what is small, and of the function.
    let least = largest.get(MOST - 2).map_or(LARGE_BYTES, |bytes| bytes + 1);
    let (large, small): (Vec<_>, Vec<_>) =
        parts.iter().filter(|(owner, _)| owner.is_some()).partition(|(_, bytes)| **bytes >= least);
    let owners = |parts: Vec<(&Owner, &u64)>| parts.into_iter().map(|(owner, _)| owner.clone()).collect::<Vec<_>>();
    let mut groups: Vec<Vec<Owner>> = owners(large).into_iter().map(|owner| vec![owner]).collect();
    groups.push(owners(small));
    if parts.contains_key(&None) {
        groups.push(vec![None]);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sizes: &[(&str, u64)]) -> Vec<Vec<String>> {
        let parts = sizes.iter().map(|(name, bytes)| (Some((*name).to_owned()), *bytes)).chain([(None, 1)]).collect();
        let named = |group: Vec<Owner>| group.into_iter().map(|owner| owner.unwrap_or("the function".into())).collect();
        groups(&parts).into_iter().map(named).collect()
    }

    #[test]
    fn large_ones_are_alone_small_ones_together_the_function_last() {
        let layers = of(&[("pandas", 60 << 20), ("six", 1000), ("numpy", 30 << 20), ("aa", 1)]);
        assert_eq!(layers, [vec!["numpy"], vec!["pandas"], vec!["aa", "six"], vec!["the function"]]);
    }

    #[test]
    fn a_new_version_of_one_moves_no_other() {
        let before = of(&[("pandas", 60 << 20), ("numpy", 30 << 20)]);
        assert_eq!(before, of(&[("pandas", 62 << 20), ("numpy", 30 << 20)]));
    }

    #[test]
    fn there_are_ten_at_most() {
        let many: Vec<(String, u64)> = (0..30).map(|number| (format!("d{number:02}"), (5 + number) << 20)).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let layers = of(&many);
        assert_eq!(layers.len(), MOST);
        assert_eq!(layers.first().unwrap(), &["d22"]);
        let alike: Vec<(&str, u64)> = many.iter().map(|(name, _)| (*name, 9 << 20)).collect();
        assert_eq!(of(&alike).len(), 2, "of many that are equally large none goes before the others");
    }

    #[test]
    fn a_function_alone_is_one_layer() {
        assert_eq!(of(&[]), [vec!["the function"]]);
    }
}
