//! Requirements as distributions write them (PEP 508), wherever the text came from.
//!
//! What must stay true: no text makes the parser panic, or take much stack, memory or time. It counts characters where
//! it needs bytes once a text is not ASCII, goes one call deeper for every parenthesis, and makes a decision diagram of
//! a marker, which doubles with every second condition that is true or false by itself (`extra == 'x'`, `'x' in os_name`). It
//! takes names that end with `-`, `_` or `.` when something follows, and panics over them.

use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl};

/// The most bytes of a requirement. The longest of the common distributions (`SQLAlchemy`'s for greenlet) has 700.
const BYTES: usize = 2 << 10;

/// The most parentheses.
const PARENTHESES: usize = 64;

/// The most conditions that are true or false by themselves.
const CONDITIONS: usize = 32;

/// The requirement, if it is one.
pub fn parse(text: &str) -> Option<Requirement<VerbatimUrl>> {
    if !text.is_ascii() || text.len() > BYTES || text.matches('(').count() > PARENTHESES {
        return None;
    }
    let names = text.split(['<', '>', '=', '!', '~', '@', ';', '(']).next().unwrap_or_default();
    let mut names = names.split(|character: char| !(character.is_alphanumeric() || "-_.".contains(character)));
    if names.any(|name| name.ends_with(['-', '_', '.'])) {
        return None;
    }
    let words = text.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    if words.filter(|word| matches!(*word, "extra" | "in")).count() > CONDITIONS {
        return None;
    }
    Requirement::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_requirements_cost_nothing() {
        assert!(parse("numpy[a]>=1.20 ; python_version > '3.8' and (extra == 'x')").is_some());
        assert!(parse("").is_none());
        for odd in ["a-", "a-# ", "a_ >= 1", "a[b-]", "a[b., c]>1", "a- @ https://host/a.whl", "a-(>1)"] {
            assert!(parse(odd).is_none(), "{odd}");
        }
        assert!(parse("a.b-c_d[e.f, g-h] @ https://host/a-.whl").is_some());
        assert!(parse("other>=1; python_version>'\u{fffd}\u{fffd}\u{fffd}").is_none());
        assert!(parse(&format!("a; {}", "(".repeat(1_000_000))).is_none());
        assert!(parse(&format!("a; {}", "(".repeat(PARENTHESES))).is_none());
    }

    #[test]
    fn the_largest_decision_diagrams_are_small() {
        let of = |terms: Vec<String>| format!("a; {}", terms.join(" or "));
        let pairs = |count: usize| of((0..count).map(|n| format!("extra=='a{n}' and extra=='b{n}'")).collect());
        let variables = [
            "os_name",
            "sys_platform",
            "platform_machine",
            "platform_system",
            "platform_release",
            "platform_version",
            "implementation_name",
            "platform_python_implementation",
        ];
        let mut wide = Vec::new();
        while of(wide.clone()).len() < BYTES - 120 {
            let n = wide.len();
            let (one, other) = (variables[n % 4], variables[4 + (n * 7 / 4) % 4]);
            wide.push(format!("{one}=='{n}' and {other}!='{n}'"));
        }
        for (marker, known) in [(pairs(CONDITIONS / 2), true), (pairs(CONDITIONS), false), (of(wide), true)] {
            let started = std::time::Instant::now();
            assert_eq!(parse(&marker).is_some(), known, "{marker}");
            assert!(started.elapsed().as_secs() < 10, "{:?} for {marker}", started.elapsed());
        }
    }
}
