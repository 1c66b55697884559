//! Invocations of functions, several at once.
//!
//! What must stay true: one that was asked for runs at most once by our doing. So the SDK's own retries are off, and only what Lambda
//! refused for now (429) is asked again; answers are handed on as they come, and none is kept.
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{Access, Invocation, Invoking, connect, failure};
use crate::error::{Error, Result};
use crate::lambda::Report;

const ACTION: &str = "lambda:InvokeFunction";

/// A function runs for a quarter of an hour at most, and may have to start before that.
const PATIENCE: Duration = Duration::from_mins(17);

/// How often one is asked for that Lambda refuses for now, and the longest pause between.
const TRIES: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Invokes functions in turn, and tells what came of each as it comes. What no further invocation could get is an error at once: a
/// permission that is missing, a function that is not there, credentials that are refused.
pub fn invoke(access: &Access, invoking: &Invoking, mut told: impl FnMut(Invocation) -> Result<()>) -> Result<()> {
    connect::runtime()?.block_on(async {
        let (config, region) = connect::configure(access, ACTION).await?;
        let patience = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
        let config = aws_sdk_lambda::config::Builder::from(&config);
        let config = config.retry_config(RetryConfig::disabled()).timeout_config(patience).build();
        let (answers, mut answered) = mpsc::channel(1);
        let state = Arc::new(State {
            client: Client::from_conf(config),
            region,
            invoking: invoking.clone(),
            taken: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        for _ in 0..invoking.concurrency {
            tokio::spawn(work(Arc::clone(&state), answers.clone()));
        }
        drop(answers);
        let mut outcome = Ok(());
        while let Some(answer) = answered.recv().await {
            let heard = answer.and_then(&mut told);
            if heard.is_err() {
                state.is_over.store(true, Ordering::Relaxed);
                outcome = outcome.and(heard);
            }
        }
        outcome
    })
}

struct State {
    client: Client,
    region: String,
    invoking: Invoking,
    taken: AtomicU64,
    is_over: AtomicBool,
}

impl State {
    /// The next invocation: its function, and its number among those of this function.
    fn take(&self) -> Option<(&str, u64)> {
        let functions = &self.invoking.functions;
        let all = self.invoking.count.saturating_mul(functions.len() as u64);
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if number >= all || self.is_over.load(Ordering::Relaxed) {
            return None;
        }
        let function = usize::try_from(number % functions.len() as u64).ok().and_then(|index| functions.get(index))?;
        Some((function, number / functions.len() as u64 + 1))
    }

    async fn one(&self, function: &str, number: u64) -> Result<Invocation> {
        let mut tries = 0;
        loop {
            let start = Instant::now();
            let answer = self.ask(function).await;
            let call_ms = start.elapsed().as_secs_f64() * 1000.0;
            let failed = |status, error: String, request_id| Invocation {
                function: function.to_owned(),
                number,
                status,
                call_ms,
                request_id,
                version: None,
                error: Some(error),
                answer: None,
                report: None,
            };
            let error = match answer {
                Ok(output) => return Ok(read(output, failed)),
                Err(error) => error,
            };
            let status = error.raw_response().map(|response| response.status().as_u16());
            let told = failure::of_call(&error, ACTION, &self.resource(function));
            tries += 1;
            match (status, told) {
                (Some(429), _) if tries < TRIES => sleep(pause(tries)).await,
                (_, told) if is_for_all(&error, &told) => return Err(told),
                (status, told) => return Ok(failed(status, told.to_string(), None)),
            }
        }
    }

    async fn ask(&self, function: &str) -> Result<InvokeOutput, SdkError<InvokeError>> {
        let Invoking { asynchronous, event, log, .. } = &self.invoking;
        let kind = if *asynchronous { InvocationType::Event } else { InvocationType::RequestResponse };
        let call = self.client.invoke().function_name(function).invocation_type(kind).payload(Blob::new(event.clone()));
        let call = if *log && !asynchronous { call.log_type(LogType::Tail) } else { call };
        call.send().await
    }

    fn resource(&self, function: &str) -> String {
        if function.starts_with("arn:") {
            return function.to_owned();
        }
        format!("arn:aws:lambda:{}:*:function:{function}", self.region)
    }
}

async fn work(state: Arc<State>, answers: mpsc::Sender<Result<Invocation>>) {
    while let Some((function, number)) = state.take() {
        if answers.send(state.one(function, number).await).await.is_err() {
            return;
        }
    }
}

/// Whether no other invocation would fare better.
fn is_for_all(error: &SdkError<InvokeError>, told: &Error) -> bool {
    let is_answered = matches!(error, SdkError::ServiceError(_));
    let is_about_whoever_asks =
        is_answered && matches!(told, Error::Aws { is_out_of_reach: true, .. }) && error.code().is_some();
    failure::answer(error) != failure::Answer::Other || is_about_whoever_asks || failure::is_refused_connection(error)
}

/// An answer of Lambda: of the function's own error it says what its runtime made of it.
fn read(output: InvokeOutput, failed: impl FnOnce(Option<u16>, String, Option<String>) -> Invocation) -> Invocation {
    let request_id = output.request_id().map(str::to_owned);
    let status = u16::try_from(output.status_code).ok();
    let bytes = output.payload.map(Blob::into_inner).unwrap_or_default();
    let answer = match serde_json::from_slice(&bytes) {
        Ok(answer) => Some(answer),
        Err(_) if bytes.is_empty() => None,
        Err(_) => Some(Value::String(String::from_utf8_lossy(&bytes).into_owned())),
    };
    let log = output.log_result.and_then(|log| data_encoding::BASE64.decode(log.as_bytes()).ok()).unwrap_or_default();
    let error = output.function_error.map(|kind| function_error(&kind, answer.as_ref()));
    let invocation = failed(status, String::new(), request_id);
    Invocation {
        version: output.executed_version,
        error,
        answer,
        report: Report::find(&String::from_utf8_lossy(&log)),
        ..invocation
    }
}

/// `ValueError: no such day`
fn function_error(kind: &str, answer: Option<&Value>) -> String {
    let word = |name: &str| answer.and_then(|answer| answer[name].as_str()).filter(|word| !word.is_empty());
    let text = match (word("errorType"), word("errorMessage")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (Some(word), None) | (None, Some(word)) => word.to_owned(),
        (None, None) => format!("the function failed ({kind})"),
    };
    failure::shown(&text)
}

fn pause(tries: u32) -> Duration {
    Duration::from_millis(200).saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE)
}
