//! What Lambda takes as a function's configuration, with the sentences in which it refuses the rest.
//!
//! Numbers: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>. Reserved names:
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>. The sentences are
//! quoted from users' issues, so that whoever has seen one finds it here.

use std::collections::BTreeMap;

/// A number with bounds, as Lambda's API names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub least: u32,
    /// The most.
    pub most: u32,
    /// What it counts.
    pub unit: &'static str,
    /// The field in AWS's error.
    field: &'static str,
}

/// Memory in MB.
pub const MEMORY: Bounds = Bounds { least: 128, most: 10_240, unit: "MB", field: "memorySize" };

/// Timeout in seconds.
pub const TIMEOUT: Bounds = Bounds { least: 1, most: 900, unit: "seconds", field: "timeout" };

/// Ephemeral storage (`/tmp`) in MB.
pub const EPHEMERAL_STORAGE: Bounds = Bounds { least: 512, most: 10_240, unit: "MB", field: "ephemeralStorage.size" };

/// Messages of one event: a batch above ten would have to wait for its messages.
pub const BATCH_SIZE: Bounds = Bounds { least: 1, most: 10, unit: "messages", field: "batchSize" };

/// Executions that one queue's mapping may have at once.
pub const MAXIMUM_CONCURRENCY: Bounds =
    Bounds { least: 2, most: 1000, unit: "executions", field: "scalingConfig.maximumConcurrency" };

/// What all environment variables of a function may have together ("4 KB").
pub const ENVIRONMENT_BYTES: usize = 4096;

/// Names that Lambda sets itself and lets nobody set.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

impl Bounds {
    /// AWS's sentence about a number out of bounds; none if it is within.
    pub fn refusal(&self, value: i64) -> Option<String> {
        let (word, bound) = match value {
            value if value < i64::from(self.least) => ("greater", self.least),
            value if value > i64::from(self.most) => ("less", self.most),
            _ => return None,
        };
        Some(format!(
            "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: Member must have value {word} than or \
             equal to {bound}",
            self.field
        ))
    }
}

/// AWS's sentence about a name that no environment variable can have; none if it can.
pub fn refused_variable(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains \
             reserved keys that are currently not supported for modification. Reserved keys used in this request: {name}"
        ));
    }
    let mut characters = name.chars();
    let is_name = characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && name.len() > 1
        && characters.all(|other| other.is_ascii_alphanumeric() || other == '_');
    (!is_name).then(|| "Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+".to_owned())
}

/// The bytes that Lambda counts: it measures the variables as JSON, as its error shows ("String measured: {…}").
pub fn environment_bytes(variables: &BTreeMap<String, String>) -> usize {
    serde_json::to_string(variables).map_or(0, |text| text.len())
}

/// The variable of functions that `pack cold` changes: how often that was done.
pub const COLD_STARTS: &str = "PACK_COLD_STARTS";

/// AWS's sentence about variables above [`ENVIRONMENT_BYTES`].
pub const ENVIRONMENT_REFUSAL: &str = "Lambda was unable to configure your environment variables because the environment variables you \
                                       have provided exceeded the 4KB limit.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_taken_and_what_is_beyond_is_refused() {
        assert_eq!((MEMORY.refusal(128), MEMORY.refusal(10_240)), (None, None));
        assert!(MEMORY.refusal(10_241).unwrap().ends_with(
            "'memorySize' failed to satisfy constraint: Member must have value less than or equal to 10240"
        ));
        assert!(TIMEOUT.refusal(0).unwrap().ends_with("Member must have value greater than or equal to 1"));
    }

    #[test]
    fn names_of_variables_are_judged_as_lambda_does() {
        assert_eq!(refused_variable("BUCKET_NAME"), None);
        assert_eq!(refused_variable("PYTHONPATH"), None, "not reserved");
        assert!(refused_variable("AWS_REGION").unwrap().ends_with("Reserved keys used in this request: AWS_REGION"));
        for name in ["", "A", "1A", "_A", "A-B", "Ä1"] {
            assert!(refused_variable(name).unwrap().contains("regular expression"), "{name}");
        }
    }

    #[test]
    fn an_environment_is_measured_as_json() {
        let variables = BTreeMap::from([("A1".to_owned(), "\"".to_owned())]);
        assert_eq!(environment_bytes(&variables), r#"{"A1":"\""}"#.len());
    }
}
