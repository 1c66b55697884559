//! Whether an artifact stays within its budgets. Pure.
//!
//! What must stay true: exactly at a budget is kept, one byte more is not; sums stop at the largest number instead of going round.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amount, Budget, Budgets, Key, exact};
use crate::lambda;

/// How many of what grew are named.
const NAMED: usize = 3;

/// Characters of a subject in a sentence: of many small distributions in a layer not all are named.
const SUBJECT: usize = 60;

/// What is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured<'a> {
    /// Whether it is an image, which has other limits.
    pub is_image: bool,
    /// How large it is.
    pub sizes: Sizes<'a>,
    /// Of an image the layers that are not the base's, the lowest first.
    pub own_layers: Vec<OwnLayer<'a>>,
}

/// Sizes of an artifact or of its baseline, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes<'a> {
    /// Packed; none where nothing is packed.
    pub packed: Option<u64>,
    /// Unpacked, with layers.
    pub unpacked: u64,
    /// Whose they are.
    pub parts: Vec<SizedPart<'a>>,
}

/// A part of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizedPart<'a> {
    /// Its name; a distribution's is normalised.
    pub name: &'a str,
    /// Its version, where it has one.
    pub version: Option<&'a str>,
    /// Whether it is a distribution.
    pub is_distribution: bool,
    /// Unpacked bytes.
    pub unpacked: u64,
}

/// A layer of an image that is not the base's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnLayer<'a> {
    /// What is in it.
    pub name: &'a str,
    /// Its bytes, packed.
    pub packed: u64,
}

/// What a budget says of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which budget, as `pack.toml` has it: `unpacked`, `distributions.pandas`.
    pub budget: String,
    /// The distribution or the layer that it is about, where it is not the whole.
    pub subject: Option<String>,
    /// Bytes that it has, or has more than the baseline.
    pub bytes: u64,
    /// The most that it may have.
    pub most: u64,
    /// The same as it was written: `80 %`.
    pub said: String,
    /// Where it was written: `pack.toml`, `--budget`.
    pub from: String,
    /// Whether it is above.
    pub over: bool,
    /// Where it is above and there is a baseline: what grew most, the largest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grew: Vec<Growth>,
}

/// A part that has more bytes than in the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Its name.
    pub name: String,
    /// Its version in the baseline, where it has one.
    pub before: Option<String>,
    /// Its version now, where it has one.
    pub after: Option<String>,
    /// Whether the baseline does not have it.
    pub is_new: bool,
    /// Unpacked bytes more.
    pub bytes: u64,
}

impl Budgets {
    /// What each budget says that applies: packed sizes and percentages of them only where there are such, growth only
    /// beside a baseline. In the order of the keys.
    pub fn judge(&self, artifact: &Measured<'_>, baseline: Option<&Sizes<'_>>) -> Vec<Verdict> {
        self.iter().flat_map(|budget| verdicts(budget, artifact, baseline)).collect()
    }
}

fn verdicts(budget: &Budget, artifact: &Measured<'_>, baseline: Option<&Sizes<'_>>) -> Vec<Verdict> {
    let (now, is_image) = (&artifact.sizes, artifact.is_image);
    let unpacked_limit = if is_image { lambda::IMAGE_BYTES } else { lambda::UNPACKED_BYTES };
    let grew = |only: Option<&str>| baseline.map_or_else(Vec::new, |before| growth(before, now, only));
    let verdict = |subject: Option<&str>, bytes: u64, whole: u64, grew: &dyn Fn() -> Vec<Growth>| {
        let most = budget.most.of(whole);
        Verdict {
            budget: budget.key.to_string(),
            subject: subject.map(str::to_owned),
            bytes,
            most,
            said: budget.said.clone(),
            from: budget.from.clone(),
            over: bytes > most,
            grew: if bytes > most { grew() } else { Vec::new() },
        }
    };
    let since = |before: u64, now: u64| vec![verdict(None, now.saturating_sub(before), before, &|| grew(None))];
    match &budget.key {
        // Lambda takes an image from a registry, whatever its packed size.
        Key::Packed if is_image && matches!(budget.most, Amount::Share(_)) => Vec::new(),
        Key::Packed => {
            let verdict = |bytes| verdict(None, bytes, lambda::DIRECT_UPLOAD_BYTES, &|| grew(None));
            now.packed.map(verdict).into_iter().collect()
        }
        Key::Unpacked => vec![verdict(None, now.unpacked, unpacked_limit, &|| grew(None))],
        Key::PackedGrowth => match (baseline.and_then(|baseline| baseline.packed), now.packed) {
            (Some(before), Some(now)) => since(before, now),
            _ => Vec::new(),
        },
        Key::UnpackedGrowth => baseline.map_or_else(Vec::new, |baseline| since(baseline.unpacked, now.unpacked)),
        Key::Distribution(name) => {
            let own = now.parts.iter().filter(|part| part.is_distribution && part.name == name);
            let bytes = own.fold(0, |sum: u64, part| sum.saturating_add(part.unpacked));
            vec![verdict(Some(name), bytes, unpacked_limit, &|| grew(Some(name)))]
        }
        Key::ImageLayer => {
            let of = |layer: &OwnLayer<'_>| verdict(Some(layer.name), layer.packed, 0, &Vec::new);
            artifact.own_layers.iter().map(of).collect()
        }
    }
}

/// What grew most: of all parts, or of one distribution.
fn growth(before: &Sizes<'_>, now: &Sizes<'_>, only: Option<&str>) -> Vec<Growth> {
    let (old, new) = (by_name(before), by_name(now));
    let is_meant = |(name, is_distribution): (&str, bool)| only.is_none_or(|only| is_distribution && name == only);
    let grew = |(&key, &(after, bytes)): (&(&str, bool), &(Option<&str>, u64))| {
        let known = old.get(&key);
        let more = bytes.saturating_sub(known.map_or(0, |(_, bytes)| *bytes));
        (more > 0 && is_meant(key)).then(|| Growth {
            name: key.0.to_owned(),
            before: known.and_then(|(version, _)| *version).map(str::to_owned),
            after: after.map(str::to_owned),
            is_new: known.is_none(),
            bytes: more,
        })
    };
    let mut all: Vec<Growth> = new.iter().filter_map(grew).collect();
    all.sort_by_key(|growth| Reverse(growth.bytes));
    all.truncate(NAMED);
    all
}

/// Parts by name, and whether they are distributions; a name that is there twice counts once, with the bytes of both.
fn by_name<'a>(sizes: &Sizes<'a>) -> BTreeMap<(&'a str, bool), (Option<&'a str>, u64)> {
    let mut all: BTreeMap<_, (Option<&str>, u64)> = BTreeMap::new();
    for part in &sizes.parts {
        let (version, bytes) = all.entry((part.name, part.is_distribution)).or_default();
        *version = version.or(part.version);
        *bytes = bytes.saturating_add(part.unpacked);
    }
    all
}

impl Verdict {
    /// Of a broken one by how much, and what grew; none of one that is kept.
    pub fn sentence(&self) -> Option<String> {
        if !self.over {
            return None;
        }
        let bytes = format!("{} bytes", exact(self.bytes));
        let subject = self.subject.as_deref().map(shown).unwrap_or_default();
        let has = match self.budget.as_str() {
            "packed-growth" => format!("packed it grew by {bytes}"),
            "unpacked-growth" => format!("unpacked it grew by {bytes}"),
            "image-layer" => format!("its layer with {subject} has {bytes} packed"),
            whole if self.subject.is_none() => format!("{whole} it has {bytes}"),
            _ => format!("{subject} has {bytes} unpacked"),
        };
        let said = if self.said == self.most.to_string() { String::new() } else { format!(" ({})", self.said) };
        let more = exact(self.bytes.saturating_sub(self.most));
        let mut sentence =
            format!("over budget: {has}, {more} more than the {}{said} of {}", exact(self.most), self.from);
        if !self.grew.is_empty() {
            let grew: Vec<String> = self.grew.iter().map(Growth::shown).collect();
            sentence.push_str("; what grew most (unpacked): ");
            sentence.push_str(&grew.join("; "));
        }
        Some(sentence)
    }
}

impl Growth {
    /// `pandas 3.1.1 → 3.2.0 +4,100,000`, `scikit-learn 1.7.0 new +30,000,000`.
    pub fn shown(&self) -> String {
        let version = match (&self.before, &self.after) {
            (Some(before), Some(after)) if before != after => format!(" {} → {}", shown(before), shown(after)),
            (_, Some(version)) | (Some(version), None) => format!(" {}", shown(version)),
            (None, None) => String::new(),
        };
        let new = if self.is_new { " new" } else { "" };
        format!("{}{version}{new} +{}", shown(&self.name), exact(self.bytes))
    }
}

/// A name as it can stand in a sentence: it may come from an archive of somebody else's.
fn shown(name: &str) -> String {
    let name = super::shown(name);
    if name.chars().count() > SUBJECT { name.chars().take(SUBJECT - 1).chain(['…']).collect() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(texts: &[&str]) -> Budgets {
        texts.iter().map(|text| text.parse::<Budget>().unwrap()).collect()
    }

    fn part<'a>(name: &'a str, version: &'a str, unpacked: u64) -> SizedPart<'a> {
        SizedPart { name, version: Some(version), is_distribution: true, unpacked }
    }

    fn zip<'a>(packed: u64, unpacked: u64, parts: &[SizedPart<'a>]) -> Measured<'a> {
        let sizes = Sizes { packed: Some(packed), unpacked, parts: parts.to_vec() };
        Measured { sizes, ..Measured::default() }
    }

    /// The only verdict's bytes, the most, and whether it is above.
    fn one(budget: &str, artifact: &Measured<'_>, baseline: Option<&Sizes<'_>>) -> (u64, u64, bool) {
        let verdicts = budgets(&[budget]).judge(artifact, baseline);
        assert_eq!(verdicts.len(), 1, "{budget}");
        assert_eq!(verdicts[0].over, verdicts[0].sentence().is_some());
        (verdicts[0].bytes, verdicts[0].most, verdicts[0].over)
    }

    #[test]
    fn at_the_budget_is_kept_and_one_byte_more_is_not() {
        for (budget, most) in [
            ("unpacked=100", 100),
            ("unpacked=80%", 209_715_200),
            ("unpacked=100%", 262_144_000),
            // 87,381,332.46 bytes
            ("unpacked=33.333333%", 87_381_332),
            ("packed=100", 100),
            ("packed=100%", 52_428_800),
            ("packed=0.000001%", 0),
            ("distributions.pandas=100", 100),
            ("distributions.Pandas=20%", 52_428_800),
            ("distributions.pandas=0", 0),
        ] {
            let at = zip(most, most, &[part("pandas", "1", most)]);
            assert_eq!(one(budget, &at, None), (most, most, false), "{budget}");
            let above = zip(most + 1, most + 1, &[part("pandas", "1", most + 1)]);
            assert_eq!(one(budget, &above, None), (most + 1, most, true), "{budget}");
        }
    }

    #[test]
    fn growth_is_what_a_baseline_has_less() {
        let before = Sizes { packed: Some(1_000), unpacked: 1_999, parts: Vec::new() };
        for (budget, kept) in [("packed-growth=5%", 50), ("unpacked-growth=5%", 99), ("unpacked-growth=7", 7)] {
            let of = |more: u64| zip(1_000 + more, 1_999 + more, &[]);
            assert_eq!(one(budget, &of(0), Some(&before)), (0, kept, false), "{budget}");
            assert_eq!(one(budget, &of(kept), Some(&before)), (kept, kept, false), "{budget}");
            assert_eq!(one(budget, &of(kept + 1), Some(&before)), (kept + 1, kept, true), "{budget}");
            assert_eq!(one(budget, &zip(0, 0, &[]), Some(&before)), (0, kept, false), "{budget}: smaller");
            assert!(budgets(&[budget]).judge(&of(9_999), None).is_empty(), "{budget}: without a baseline");
        }
        let folder = Sizes { packed: None, ..before.clone() };
        assert!(budgets(&["packed-growth=0"]).judge(&zip(9, 9, &[]), Some(&folder)).is_empty());
        let now = Measured { sizes: folder, ..Measured::default() };
        assert!(budgets(&["packed-growth=0", "packed=0"]).judge(&now, Some(&before)).is_empty());
    }

    #[test]
    fn an_image_has_other_limits_and_each_of_its_layers_is_judged() {
        let image = Measured { is_image: true, ..zip(6_000, 10 << 30, &[part("six", "1", 10 << 30)]) };
        assert_eq!(one("unpacked=100%", &image, None), (10 << 30, 10 << 30, false));
        assert_eq!(one("distributions.six=50%", &image, None), (10 << 30, 5 << 30, true));
        assert_eq!(one("packed=5999", &image, None), (6_000, 5_999, true));
        assert!(budgets(&["packed=1%", "image-layer=1"]).judge(&image, None).is_empty());
        let own_layers =
            vec![OwnLayer { name: "numpy 2.5.5", packed: 7 }, OwnLayer { name: "the function", packed: 8 }];
        let verdicts = budgets(&["image-layer=7"]).judge(&Measured { own_layers, ..image }, None);
        let said: Vec<_> = verdicts.iter().map(|verdict| (verdict.subject.as_deref(), verdict.sentence())).collect();
        let broken = "over budget: its layer with the function has 8 bytes packed, 1 more than the 7 of --budget";
        assert_eq!(said, [(Some("numpy 2.5.5"), None), (Some("the function"), Some(broken.into()))]);
    }

    #[test]
    fn the_order_is_that_of_the_keys() {
        let all = budgets(&[
            "image-layer=1",
            "distributions.b=1",
            "distributions.a=1",
            "unpacked-growth=1",
            "packed-growth=1",
            "unpacked=1",
            "packed=1",
        ]);
        let now = Measured { own_layers: vec![OwnLayer { name: "x", packed: 1 }], ..zip(1, 1, &[]) };
        let verdicts = all.judge(&now, Some(&now.sizes));
        let names: Vec<_> = verdicts.iter().map(|verdict| verdict.budget.as_str()).collect();
        let order = [
            "packed",
            "unpacked",
            "packed-growth",
            "unpacked-growth",
            "distributions.a",
            "distributions.b",
            "image-layer",
        ];
        assert_eq!(names, order);
        assert!(verdicts.iter().all(|verdict| !verdict.over));
    }

    #[test]
    fn a_sentence_says_by_how_much_and_what_grew_most() {
        let own = |unpacked| SizedPart { name: "function", version: None, is_distribution: false, unpacked };
        let before = Sizes {
            packed: Some(1),
            unpacked: 61_000_000,
            parts: vec![
                part("numpy", "2.5.5", 10_000_000),
                part("pandas", "3.1.1", 50_000_000),
                own(500_000),
                part("six", "1", 500_000),
            ],
        };
        let now = zip(
            1,
            95_200_002,
            &[
                part("numpy", "2.5.5", 10_000_001),
                part("pandas", "3.2.0", 54_100_000),
                part("scikit-learn", "1.7.0", 30_000_000),
                own(600_001),
                part("six", "2", 500_000),
            ],
        );
        let said = |budget: &str| budgets(&[budget]).judge(&now, Some(&before))[0].sentence().unwrap();
        assert_eq!(
            said("unpacked-growth=1MB"),
            "over budget: unpacked it grew by 34,200,002 bytes, 33,200,002 more than the 1,000,000 (1MB) of --budget; what grew most \
             (unpacked): scikit-learn 1.7.0 new +30,000,000; pandas 3.1.1 → 3.2.0 +4,100,000; function +100,001"
        );
        assert_eq!(
            said("distributions.pandas=20%"),
            "over budget: pandas has 54,100,000 bytes unpacked, 1,671,200 more than the 52,428,800 (20%) of --budget; what grew most \
             (unpacked): pandas 3.1.1 → 3.2.0 +4,100,000"
        );
        assert_eq!(
            said("distributions.numpy=5"),
            "over budget: numpy has 10,000,001 bytes unpacked, 9,999,996 more than the 5 of --budget; what grew most (unpacked): \
             numpy 2.5.5 +1"
        );
        assert_eq!(
            budgets(&["unpacked=42"]).judge(&now, None)[0].sentence().unwrap(),
            "over budget: unpacked it has 95,200,002 bytes, 95,199,960 more than the 42 of --budget"
        );
    }

    #[test]
    fn names_of_others_stay_in_their_line() {
        let name = format!("a\u{1b}[2J\n{}", "b".repeat(500));
        let own_layers = vec![OwnLayer { name: &name, packed: 8 }];
        let said =
            budgets(&["image-layer=7"]).judge(&Measured { own_layers, ..Measured::default() }, None)[0].sentence();
        let said = said.unwrap();
        assert!(!said.chars().any(char::is_control) && said.len() < 200, "{said}");
    }

    #[test]
    fn the_largest_numbers_go_round_nowhere() {
        let parts = [part("a", "1", u64::MAX), part("a", "2", u64::MAX)];
        let now = zip(u64::MAX, u64::MAX, &parts);
        for (budget, most) in [
            ("unpacked=18446744073709551615", u64::MAX),
            ("unpacked=18446744073 %", 48_357_032_782_725_120),
            ("distributions.a=18446744073709551614", u64::MAX - 1),
            ("unpacked-growth=200 %", u64::MAX),
        ] {
            let before = Sizes { packed: Some(u64::MAX), unpacked: u64::MAX, parts: parts.to_vec() };
            let verdict = &budgets(&[budget]).judge(&now, Some(&before))[0];
            assert_eq!((verdict.most, verdict.over), (most, verdict.bytes > most), "{budget}");
        }
        let empty = Sizes::default();
        let verdict = &budgets(&["packed-growth=1"]).judge(&now, Some(&Sizes { packed: Some(0), ..empty }))[0];
        assert_eq!(verdict.bytes, u64::MAX);
        assert_eq!(verdict.grew[0].bytes, u64::MAX);
    }

    #[test]
    fn a_verdict_is_read_back_as_it_was_written() {
        let before = Sizes { packed: Some(1), unpacked: 1, parts: Vec::new() };
        for verdict in
            budgets(&["unpacked=1", "unpacked-growth=5%"]).judge(&zip(1, 9, &[part("a", "1", 9)]), Some(&before))
        {
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
        }
        let kept = &budgets(&["unpacked=80%"]).judge(&zip(1, 9, &[]), None)[0];
        assert_eq!(
            serde_json::to_string(kept).unwrap(),
            r#"{"budget":"unpacked","subject":null,"bytes":9,"most":209715200,"said":"80%","from":"--budget","over":false}"#
        );
    }
}
