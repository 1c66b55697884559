//! The line with which Lambda ends an invocation's log: `REPORT RequestId: …` in the text format, `platform.report` in the JSON format.
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report>.

use serde::Serialize;
use serde_json::Value;

/// What Lambda says of an invocation. Times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How long the handler took.
    pub duration_ms: f64,
    /// What is paid for.
    pub billed_ms: f64,
    /// MB that the function has.
    pub memory_mb: u32,
    /// MB that it used at most.
    pub used_mb: u32,
    /// How long the init phase took; only of a cold start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_ms: Option<f64>,
    /// How long the restore from a snapshot took; only of a cold start with `SnapStart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_ms: Option<f64>,
}

impl Report {
    /// The last one in a piece of a log.
    pub fn find(log: &str) -> Option<Self> {
        log.lines().rev().find_map(|line| Self::of_text(line).or_else(|| Self::of_json(line)))
    }

    /// `REPORT RequestId: 8f5…<TAB>Duration: 2.10 ms<TAB>Billed Duration: 3 ms<TAB>…`
    fn of_text(line: &str) -> Option<Self> {
        let fields = line.trim_start().strip_prefix("REPORT ")?.split('\t').filter_map(|field| field.split_once(": "));
        let (mut report, mut duration) = (Self::default(), None);
        for (name, value) in fields {
            let number = || value.split_whitespace().next()?.parse::<f64>().ok().filter(|number| number.is_finite());
            match name.trim() {
                "Duration" => duration = number(),
                "Billed Duration" => report.billed_ms = number()?,
                "Memory Size" => report.memory_mb = value.split_whitespace().next()?.parse().ok()?,
                "Max Memory Used" => report.used_mb = value.split_whitespace().next()?.parse().ok()?,
                "Init Duration" => report.init_ms = number(),
                "Restore Duration" => report.restore_ms = number(),
                _ => {}
            }
        }
        Some(Self { duration_ms: duration?, ..report })
    }

    fn of_json(line: &str) -> Option<Self> {
        let line: Value =
            serde_json::from_str(line.trim()).ok().filter(|line: &Value| line["type"] == "platform.report")?;
        let metrics = &line["record"]["metrics"];
        let megabytes = |name: &str| metrics[name].as_u64().and_then(|number| u32::try_from(number).ok());
        Some(Self {
            duration_ms: metrics["durationMs"].as_f64()?,
            billed_ms: metrics["billedDurationMs"].as_f64().unwrap_or_default(),
            memory_mb: megabytes("memorySizeMB").unwrap_or_default(),
            used_mb: megabytes("maxMemoryUsedMB").unwrap_or_default(),
            init_ms: metrics["initDurationMs"].as_f64(),
            restore_ms: metrics["restoreDurationMs"].as_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_say_the_same() {
        let text = "START RequestId: 8f5 Version: $LATEST\nREPORT of the day\nEND RequestId: 8f5\n\
                    REPORT RequestId: 8f5\tDuration: 12.34 ms\tBilled Duration: 913 ms\tMemory Size: 1769 MB\tMax Memory Used: 118 MB\t\
                    Init Duration: 900.12 ms\t\nXRAY TraceId: 1-5f\tSegmentId: 4c\tSampled: true\t\n";
        let json = r#"{"time":"2026-11-28T10:00:00.000Z","type":"platform.report","record":{"requestId":"8f5","metrics":
            {"durationMs":12.34,"billedDurationMs":913,"memorySizeMB":1769,"maxMemoryUsedMB":118,"initDurationMs":900.12},"status":"success"}}"#
            .replace('\n', "");
        let expected = Report {
            duration_ms: 12.34,
            billed_ms: 913.0,
            memory_mb: 1769,
            used_mb: 118,
            init_ms: Some(900.12),
            restore_ms: None,
        };
        assert_eq!(Report::find(text), Some(expected.clone()));
        assert_eq!(Report::find(&format!("{{\"level\":\"INFO\"}}\n{json}\n")), Some(expected));
        let warm = "REPORT RequestId: 8f5\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\t\n";
        assert_eq!(Report::find(warm).unwrap().init_ms, None);
        for other in [
            "",
            "END",
            "REPORT of the day",
            "REPORT RequestId: x\tDuration: NaN ms\t",
            "{\"type\":\"platform.report\"}",
        ] {
            assert_eq!(Report::find(other), None, "{other}");
        }
    }
}
