//! When AWS ends the support of a Python runtime, and when it takes no more functions for it.
//!
//! Source: the tables of <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>. A date that is not known for sure is
//! open (`None`): it decides nothing.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::runtime::PythonVersion;

/// A day of the calendar in UTC: year, month, day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u16, u8, u8);

struct Lifecycle {
    minor: u8,
    /// From then on no support and no fixes.
    deprecated: Day,
    /// From then on no function can be created or changed.
    blocked: Option<Day>,
}

const fn day(year: u16, month: u8, day: u8) -> Day {
    Day(year, month, day)
}

const LIFECYCLES: &[Lifecycle] = &[
    // Open: AWS has moved the dates on which creating and updating are blocked.
    Lifecycle { minor: 10, deprecated: day(2026, 6, 30), blocked: None },
    Lifecycle { minor: 11, deprecated: day(2026, 6, 30), blocked: None },
    // Open: the days are projected; AWS announces them 180 days before.
    Lifecycle { minor: 12, deprecated: day(2028, 10, 31), blocked: None },
    Lifecycle { minor: 13, deprecated: day(2029, 6, 30), blocked: None },
    Lifecycle { minor: 14, deprecated: day(2029, 6, 30), blocked: None },
];

/// Python versions that were runtimes of Lambda and that it takes no more functions for.
const ENDED: &[&str] = &["2.7", "3.6", "3.7", "3.8"];

/// How a runtime stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Supported.
    Supported,
    /// Out of support since that day; functions may still be created, or perhaps not: the date of the block is open or to come.
    Deprecated(Day),
    /// Functions can be neither created nor changed since that day.
    Blocked(Day),
}

/// How a runtime stands on a day.
pub fn support(python: PythonVersion, today: Day) -> Support {
    let Some(known) = LIFECYCLES.iter().find(|lifecycle| lifecycle.minor == python.minor()) else {
        return Support::Supported;
    };
    match known.blocked {
        Some(blocked) if blocked <= today => Support::Blocked(blocked),
        _ if known.deprecated <= today => Support::Deprecated(known.deprecated),
        _ => Support::Supported,
    }
}

/// AWS's sentence about a runtime that it takes no more functions for.
pub fn runtime_refusal(version: &str) -> String {
    format!(
        "The runtime parameter of python{version} is no longer supported for creating or updating AWS Lambda functions."
    )
}

/// AWS's sentence, if a version that is no runtime any more is meant.
pub fn ended(version: &str) -> Option<String> {
    let version = version.strip_prefix("python").unwrap_or(version);
    ENDED.contains(&version).then(|| runtime_refusal(version))
}

impl Day {
    /// Today.
    pub fn today() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::of_days(seconds / 86_400)
    }

    /// The day that many days after 1970-01-01: Howard Hinnant's `civil_from_days`, for days that are not negative.
    pub(crate) fn of_days(days: u64) -> Self {
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let small = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        Self(u16::try_from(year).unwrap_or(u16::MAX), small(month), small(day))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, date) in [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_634, "2026-06-30"), (20_784, "2026-11-27")]
        {
            assert_eq!(Day::of_days(days).to_string(), date);
        }
    }

    #[test]
    fn a_runtime_is_deprecated_from_its_day_on() {
        let python = |text: &str| text.parse::<PythonVersion>().unwrap();
        assert_eq!(support(python("3.11"), day(2026, 6, 29)), Support::Supported);
        assert_eq!(support(python("3.11"), day(2026, 6, 30)), Support::Deprecated(day(2026, 6, 30)));
        assert_eq!(support(python("3.13"), day(2026, 11, 27)), Support::Supported);
    }

    #[test]
    fn every_runtime_has_a_lifecycle() {
        for python in PythonVersion::all() {
            assert!(LIFECYCLES.iter().any(|lifecycle| lifecycle.minor == python.minor()), "{python}");
        }
    }

    #[test]
    fn versions_that_ended_have_awss_sentence() {
        assert!(ended("python3.8").unwrap().starts_with("The runtime parameter of python3.8 is no longer supported"));
        assert_eq!((ended("3.13"), ended("4.0")), (None, None));
    }
}
