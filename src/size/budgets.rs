//! What an artifact may have, as `pack.toml` and the command line say it. Pure; `verdict.rs` judges.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Amount;
use crate::project::manifest::suggestion;
use crate::python::{is_distribution_name, normalise};

/// What a budget is about. In this order they are judged and told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Packed bytes.
    Packed,
    /// Unpacked bytes, with layers.
    Unpacked,
    /// Packed bytes more than the baseline has.
    PackedGrowth,
    /// Unpacked bytes more than the baseline has.
    UnpackedGrowth,
    /// Unpacked bytes of a distribution, by its normalised name.
    Distribution(String),
    /// Packed bytes of each layer of an image that is not the base's.
    ImageLayer,
}

impl Key {
    /// Those that are a key of `[budgets]` with one value.
    pub const PLAIN: &[Self] =
        &[Self::Packed, Self::Unpacked, Self::PackedGrowth, Self::UnpackedGrowth, Self::ImageLayer];

    /// As `pack.toml` has it, with its table.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Packed => "budgets.packed",
            Self::Unpacked => "budgets.unpacked",
            Self::PackedGrowth => "budgets.packed-growth",
            Self::UnpackedGrowth => "budgets.unpacked-growth",
            Self::Distribution(_) => "budgets.distributions",
            Self::ImageLayer => "budgets.image-layer",
        }
    }

    /// The key in its table.
    pub fn word(&self) -> &'static str {
        self.setting().trim_start_matches("budgets.")
    }

    /// Whether a share of something can be meant.
    pub fn takes_share(&self) -> bool {
        *self != Self::ImageLayer
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distribution(name) => write!(formatter, "{}.{name}", self.word()),
            _ => formatter.write_str(self.word()),
        }
    }
}

/// The most that something may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What.
    pub key: Key,
    /// How much.
    pub most: Amount,
    /// The same, as it was written.
    pub said: String,
    /// Where: the project file, or `--budget`.
    pub from: String,
}

impl Budget {
    /// One of so many bytes.
    pub fn bytes(key: Key, bytes: u64, from: &str) -> Self {
        Self { key, most: Amount::Bytes(bytes), said: bytes.to_string(), from: from.to_owned() }
    }

    /// One that was written as text; none if that is no amount.
    pub fn text(key: Key, text: &str, from: &str) -> Option<Self> {
        Some(Self { key, most: Amount::parse(text)?, said: text.trim().to_owned(), from: from.to_owned() })
    }
}

/// `KEY=VALUE` of the command line.
impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("there is no \"=\" in it; example: unpacked=\"200 MB\"")?;
        let (key, value) = (named(key.trim())?, value.trim());
        let from = "--budget";
        let number = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
        let budget = match number {
            Some(bytes) => Some(Self::bytes(key.clone(), bytes, from)),
            None => Self::text(key.clone(), value, from),
        };
        let Some(budget) = budget else {
            let percent = if key.takes_share() { ", or 80%" } else { "" };
            return Err(format!(
                "{key} takes a number of bytes or a text such as 200MB{percent}, and {value:?} is neither"
            ));
        };
        match budget.most {
            Amount::Share(_) if !key.takes_share() => {
                Err(format!("{key} takes bytes, and {value:?} is a percentage: there is no limit that it would be of"))
            }
            _ => Ok(budget),
        }
    }
}

fn named(written: &str) -> Result<Key, String> {
    let of_distribution = "distributions";
    if let Some(key) = Key::PLAIN.iter().find(|key| key.word() == written) {
        return Ok(key.clone());
    }
    let (table, name) = written.split_once('.').map_or((written, None), |(table, name)| (table, Some(name)));
    match name {
        Some(name) if table == of_distribution => {
            if !is_distribution_name(name) {
                return Err(format!(
                    "{name:?} cannot be the name of a distribution; example: distributions.pandas=60MB"
                ));
            }
            Ok(Key::Distribution(normalise(name)))
        }
        None if table == of_distribution => {
            Err("it names no distribution; example: distributions.pandas=60MB".to_owned())
        }
        _ => {
            let known = Key::PLAIN.iter().map(Key::word).chain([of_distribution]);
            Err(format!("there is no budget {written:?}; {}", suggestion(table, known, "there are")))
        }
    }
}

/// Budgets, one for each key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets(BTreeMap<Key, Budget>);

impl Budgets {
    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Budget> {
        self.0.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one is about this.
    pub fn has(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }
}

/// What is added goes over what is there, key by key.
impl Extend<Budget> for Budgets {
    fn extend<I: IntoIterator<Item = Budget>>(&mut self, budgets: I) {
        self.0.extend(budgets.into_iter().map(|budget| (budget.key.clone(), budget)));
    }
}

impl FromIterator<Budget> for Budgets {
    fn from_iter<I: IntoIterator<Item = Budget>>(budgets: I) -> Self {
        let mut all = Self::default();
        all.extend(budgets);
        all
    }
}

/// Bytes as a number, a share as it was written: `{"unpacked": 200000000, "distributions.pandas": "20 %"}`.
impl Serialize for Budgets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |budget: &Budget| match budget.most {
            Amount::Bytes(bytes) => serde_json::Value::from(bytes),
            Amount::Share(_) => serde_json::Value::from(budget.said.as_str()),
        };
        serializer.collect_map(self.iter().map(|budget| (budget.key.to_string(), value(budget))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Amount, String), String> {
        let budget: Budget = text.parse()?;
        assert_eq!(budget.from, "--budget");
        Ok((budget.key.to_string(), budget.most, budget.said))
    }

    #[test]
    fn the_command_line_says_what_the_file_says() {
        for (text, key, most, said) in [
            ("unpacked=200MB", "unpacked", Amount::Bytes(200_000_000), "200MB"),
            ("unpacked=80%", "unpacked", Amount::Share(80_000_000_000), "80%"),
            (" packed = 50 MiB ", "packed", Amount::Bytes(52_428_800), "50 MiB"),
            ("packed=52428800", "packed", Amount::Bytes(52_428_800), "52428800"),
            ("unpacked-growth=1MB", "unpacked-growth", Amount::Bytes(1_000_000), "1MB"),
            ("packed-growth=5 %", "packed-growth", Amount::Share(5_000_000_000), "5 %"),
            ("image-layer=100MB", "image-layer", Amount::Bytes(100_000_000), "100MB"),
            ("distributions.Ruamel.YAML=0", "distributions.ruamel-yaml", Amount::Bytes(0), "0"),
        ] {
            assert_eq!(read(text), Ok((key.to_owned(), most, said.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_slip_on_the_command_line_is_told() {
        let all = "there are: packed, unpacked, packed-growth, unpacked-growth, image-layer, distributions";
        for (text, said) in [
            ("unpacked", "there is no \"=\" in it; example: unpacked=\"200 MB\"".to_owned()),
            ("unpakced=1MB", format!("there is no budget \"unpakced\"; did you mean \"unpacked\"? {all}")),
            ("unpacked_growth=1MB", format!("there is no budget \"unpacked_growth\"; did you mean \"unpacked-growth\"? {all}")),
            ("distribution.pandas=1MB", format!("there is no budget \"distribution.pandas\"; did you mean \"distributions\"? {all}")),
            ("=1MB", format!("there is no budget \"\"; {all}")),
            ("distributions=1MB", "it names no distribution; example: distributions.pandas=60MB".to_owned()),
            ("distributions.=1MB", "\"\" cannot be the name of a distribution; example: distributions.pandas=60MB".to_owned()),
            ("distributions.-x=1MB", "\"-x\" cannot be the name of a distribution; example: distributions.pandas=60MB".to_owned()),
            ("packed=", "packed takes a number of bytes or a text such as 200MB, or 80%, and \"\" is neither".to_owned()),
            ("packed=-1", "packed takes a number of bytes or a text such as 200MB, or 80%, and \"-1\" is neither".to_owned()),
            ("packed=99999999999999999999", "packed takes a number of bytes or a text such as 200MB, or 80%, and \"99999999999999999999\" is neither".to_owned()),
            ("image-layer=5 eggs", "image-layer takes a number of bytes or a text such as 200MB, and \"5 eggs\" is neither".to_owned()),
            ("image-layer=5%", "image-layer takes bytes, and \"5%\" is a percentage: there is no limit that it would be of".to_owned()),
        ] {
            assert_eq!(read(text), Err(said), "{text}");
        }
    }

    #[test]
    fn what_is_added_goes_over_key_by_key() {
        let of = |texts: &[&str]| texts.iter().map(|text| text.parse::<Budget>().unwrap()).collect::<Budgets>();
        let mut budgets = of(&["unpacked=1", "packed=2", "distributions.a_b=3", "distributions.c=4"]);
        budgets.extend(of(&["unpacked=9", "distributions.A-B=50%"]).iter().cloned());
        let json = serde_json::to_string(&budgets).unwrap();
        assert_eq!(json, r#"{"packed":2,"unpacked":9,"distributions.a-b":"50%","distributions.c":4}"#);
        assert!(budgets.has(&Key::Packed) && !budgets.has(&Key::ImageLayer) && !budgets.is_empty());
    }
}
