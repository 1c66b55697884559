//! Sizes as people write them: `60 MB`. Decimal as the report's; `MiB` for who means 1,048,576; `80 %` of something.

const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Parts of a percent: as many as a fraction of nine digits has.
const PERCENT: u64 = 1_000_000_000;

/// A number of bytes, or a share of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Bytes.
    Bytes(u64),
    /// Billionths of a percent.
    Share(u64),
}

impl Amount {
    /// `200 MB`, `0.5 GB`, `262144000 B`, `80 %`; none if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
        let unit = unit.trim();
        if unit == "%" {
            return decimal(number, PERCENT).map(Self::Share);
        }
        let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
        decimal(number, *factor).map(Self::Bytes)
    }

    /// The bytes that it is, a share those of a whole. It is rounded down: what may be is never a byte more than what was said.
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Share(share) => {
                let bytes = u128::from(whole) * u128::from(share) / (u128::from(PERCENT) * 100);
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
        }
    }
}

/// `1.5` times a factor, rounded down.
fn decimal(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let (tenths, power) = (fraction.parse::<u64>().ok()?, 10_u64.pow(u32::try_from(fraction.len()).ok()?));
    let part = u64::try_from(u128::from(tenths) * u128::from(factor) / u128::from(power)).ok()?;
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<u64> {
        match Amount::parse(text)? {
            Amount::Bytes(bytes) => Some(bytes),
            Amount::Share(_) => None,
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("200 MB", 200_000_000),
            ("200MB", 200_000_000),
            ("0.5 GB", 500_000_000),
            ("250 MiB", 262_144_000),
            ("1 kb", 1_000),
            (" 7 B ", 7),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "MB",
            "200",
            "-1 MB",
            "1.2.3 MB",
            "1. MB",
            ".5 MB",
            "99999999999 GB",
            "1 TB",
            "1 MB x",
            "1.0000000001 GB",
        ] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_share_is_of_something_and_rounded_down() {
        let of = |text: &str, whole| Amount::parse(text).unwrap().of(whole);
        assert_eq!(of("80 %", 262_144_000), 209_715_200);
        assert_eq!(of("80%", 262_144_000), 209_715_200);
        assert_eq!(of("12.5 %", 1_000), 125);
        assert_eq!(of("50 %", 3), 1);
        assert_eq!(of("99.999999999 %", 100), 99);
        assert_eq!(of("100 %", 7), 7);
        assert_eq!(of("250 %", 100), 250);
        assert_eq!(of("0 %", u64::MAX), 0);
        assert_eq!(of("200 %", u64::MAX), u64::MAX);
        assert_eq!(of("18000000000 %", u64::MAX), u64::MAX);
        for text in ["%", "-5 %", "5 % x", "5 %%", "5. %", ".5 %", "99999999999 %"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }
}
