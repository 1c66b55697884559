//! What `pack invoke` asks for, and what came of each invocation.

use serde::Serialize;
use serde_json::Value;

use crate::lambda::Report;

/// Invocations that are to be made.
#[derive(Clone, Debug)]
pub struct Invoking {
    /// Names or ARNs of functions, with a version or alias where one is meant.
    pub functions: Vec<String>,
    /// How often each of them.
    pub count: u64,
    /// Whether nobody waits for the answers.
    pub asynchronous: bool,
    /// Invocations that are on their way at once.
    pub concurrency: u32,
    /// What the functions get, as JSON.
    pub event: Vec<u8>,
    /// Whether Lambda is asked for the end of each log.
    pub log: bool,
}

/// What came of one.
#[derive(Clone, Debug, Serialize)]
pub struct Invocation {
    /// The function, as it was named.
    pub function: String,
    /// From 1, for each function.
    pub number: u64,
    /// The status of the answer: 200, 202 of an asynchronous one; none if no answer came.
    pub status: Option<u16>,
    /// Milliseconds from the question to the answer.
    pub call_ms: f64,
    /// What Lambda calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The version that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it failed: the function's own error, or Lambda's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the function answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// What Lambda says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}
