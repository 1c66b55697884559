//! Sizes as people write them: `60 MB`. Decimal as the report's; `MiB` for who means 1,048,576.

const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// The bytes of `200 MB`, `0.5 GB`, `262144000 B`; none if it is something else.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let (tenths, power) = (fraction.parse::<u64>().ok()?, 10_u64.pow(u32::try_from(fraction.len()).ok()?));
    let part = u64::try_from(u128::from(tenths) * u128::from(*factor) / u128::from(power)).ok()?;
    whole.parse::<u64>().ok()?.checked_mul(*factor)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
