//! How often and how long a request is tried again.
//!
//! The delays are the same each time: a build has no crowd of clients that have to be kept apart.

use std::time::Duration;

/// When to give up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often something is tried in all.
    pub attempts: u32,
    /// The first delay; each is twice the one before it.
    pub first: Duration,
    /// No delay is longer.
    pub longest: Duration,
    /// The longest time that a registry may ask for (`Retry-After`); it is not made to wait longer.
    pub asked: Duration,
}

impl Default for Patience {
    /// Half a minute in all where the registry does not ask for more. ECR's limits are per second.
    fn default() -> Self {
        Self {
            attempts: 7,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            asked: Duration::from_mins(1),
        }
    }
}

impl Patience {
    /// The delay after so many tries (at least one), unless they were all.
    pub(super) fn delay(&self, tries: u32, asked: Option<Duration>) -> Option<Duration> {
        if tries >= self.attempts {
            return None;
        }
        let own = self.first.saturating_mul(1 << (tries.saturating_sub(1)).min(16)).min(self.longest);
        Some(asked.map_or(own, |asked| asked.min(self.asked).max(own)))
    }
}

/// Whether the same request may be answered differently a little later.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504 | 520..=529)
}

/// `Retry-After` in seconds; its other form, a date, would depend on this machine's clock.
pub(super) fn retry_after(header: Option<&str>) -> Option<Duration> {
    let seconds: u32 = header?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound_and_end() {
        let patience = Patience::default();
        let delays: Vec<_> =
            (1..).map_while(|tries| patience.delay(tries, None)).map(|delay| delay.as_millis()).collect();
        assert_eq!(delays, [500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(patience.delay(1, retry_after(Some("3"))), Some(Duration::from_secs(3)));
        assert_eq!(patience.delay(1, retry_after(Some("99999"))), Some(Duration::from_mins(1)));
        assert_eq!(patience.delay(5, retry_after(Some("0"))), Some(Duration::from_secs(8)));
        for header in ["", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(retry_after(Some(header)), None);
        }
    }
}
