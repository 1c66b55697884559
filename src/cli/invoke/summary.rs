//! What came of many invocations: how many of each function, how many failed, how long they took.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::aws::Invocation;
use crate::size::exact;

/// By function.
#[derive(Debug, Default)]
pub(super) struct Summary(BTreeMap<String, Calls>);

#[derive(Debug, Default)]
struct Calls {
    failed: u64,
    /// Milliseconds, of answers alone; four bytes for each invocation.
    times: Vec<f32>,
    inits: Vec<f32>,
    unanswered: u64,
}

impl Summary {
    #[expect(clippy::cast_possible_truncation, reason = "times that are shown with one digit")]
    pub(super) fn add(&mut self, invocation: &Invocation) {
        let calls = self.0.entry(invocation.function.clone()).or_default();
        calls.failed += u64::from(invocation.error.is_some());
        match invocation.status {
            Some(_) => calls.times.push(invocation.call_ms as f32),
            None => calls.unanswered += 1,
        }
        let starts = invocation.report.as_ref().and_then(|report| report.init_ms.or(report.restore_ms));
        calls.inits.extend(starts.map(|time| time as f32));
    }

    pub(super) fn has_failures(&self) -> bool {
        self.0.values().any(|calls| calls.failed > 0)
    }

    /// A line for each function that was invoked more than once.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (function, calls) in &self.0 {
            let all = calls.times.len() as u64 + calls.unanswered;
            if all < 2 {
                continue;
            }
            let _ = write!(text, "{function}: {} invocations, {} failed", exact(all), exact(calls.failed));
            for (what, times) in [("answered after", &calls.times), ("cold starts:", &calls.inits)] {
                if let Some([least, median, most]) = spread(times) {
                    let number = if what.ends_with(':') { format!("{} ", times.len()) } else { String::new() };
                    let _ = write!(text, "; {number}{what} {least:.1} / {median:.1} / {most:.1} ms");
                }
            }
            text.push('\n');
        }
        if !text.is_empty() {
            text.push_str("(least / median / most)\n");
        }
        text
    }
}

/// The least, the median, the most.
fn spread(times: &[f32]) -> Option<[f32; 3]> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f32::total_cmp);
    Some([*sorted.first()?, *sorted.get(sorted.len() / 2)?, *sorted.last()?])
}
