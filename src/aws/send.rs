//! Messages onto a queue of SQS, in batches of ten, several batches at once.
//!
//! What must stay true: a message is counted when an answer says that the queue has it; what an answer names as failed is sent again,
//! and nothing else of its batch; memory does not grow with the number of messages. Batches whose answer is lost are sent again,
//! too: SQS may then have them twice, and how many that are is counted. So the SDK's own retries, of which nobody is told, are off.
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::retry::RetryConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Access, Sending, Sent, connect, failure};
use crate::error::{Error, Result};
use crate::progress::Tally;

const ACTION: &str = "sqs:SendMessage";

/// What a batch has at most: messages, and bytes of them together. SQS takes 1 MiB since August 2025; what stands for it elsewhere
/// may still take 256 KiB.
const BATCH: usize = 10;
const BATCH_BYTES: usize = 256 << 10;

/// Tries in a row of which none brings a message onto the queue.
const TRIES: u32 = 10;

/// After the first of them; twice as long after each further one, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Sends messages, and tells how many have gone. What was sent before a failure is told with it.
pub fn send(access: &Access, sending: &Sending, tally: Tally) -> Result<Sent> {
    let access = access.in_region(access.region.as_deref().or_else(|| region_of(&sending.queue)));
    connect::runtime()?.block_on(async {
        let (config, region) = connect::configure(&access, ACTION).await?;
        let url = url(&Client::new(&config), &sending.queue, &region).await?;
        let patient = aws_sdk_sqs::config::Builder::from(&config).retry_config(RetryConfig::disabled()).build();
        let state = Arc::new(State::new(Client::from_conf(patient), url, &region, sending, tally));
        let mut workers = JoinSet::new();
        for _ in 0..sending.concurrency {
            workers.spawn(work(Arc::clone(&state)));
        }
        while workers.join_next().await.is_some() {}
        Ok(state.outcome())
    })
}

/// The Region in a queue's URL: whoever copies one from the console need not say it again.
fn region_of(queue: &str) -> Option<&str> {
    queue.strip_prefix("https://sqs.")?.split_once(".amazonaws.com").map(|(region, _)| region)
}

async fn url(client: &Client, queue: &str, region: &str) -> Result<String> {
    if queue.contains("://") {
        return Ok(queue.to_owned());
    }
    let found = client.get_queue_url().queue_name(queue).send().await;
    let found = found.map_err(|error| match failure::answer(&error) {
        failure::Answer::Missing => Error::aws(
            format!("there is no queue {queue} in {region}"),
            "pack deploy makes the project's; --queue names another one, --region another Region",
        ),
        _ => failure::of_call(&error, "sqs:GetQueueUrl", &format!("arn:aws:sqs:{region}:*:{queue}")),
    })?;
    found.queue_url.ok_or_else(|| Error::aws(format!("AWS answers with no URL of the queue {queue}"), "try again"))
}

/// `…/123456789012/jobs` as a policy names it.
fn arn(url: &str, region: &str) -> String {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let partition = if region.starts_with("cn-") { "aws-cn" } else { "aws" };
    format!("arn:{partition}:sqs:{region}:{account}:{name}")
}

/// What the workers share.
struct State {
    client: Client,
    url: String,
    arn: String,
    body: Option<String>,
    /// Of a FIFO queue: what the messages of this run have in common.
    run: Option<String>,
    batch: usize,
    count: u64,
    /// Messages that some worker has taken on.
    taken: AtomicU64,
    sent: AtomicU64,
    retried: AtomicU64,
    maybe_twice: AtomicU64,
    pace: Option<Pace>,
    failure: Mutex<Option<Error>>,
    tally: Tally,
}

/// What a worker takes of an answer.
enum Answer {
    /// So many are on the queue, and these are not; the words are about one of them.
    Some { gone: usize, left: Vec<u64>, words: Option<String> },
    /// Nobody knows, or none is; it may work the next time.
    None(Error),
    /// It will not.
    Never(Error),
}

impl State {
    fn new(client: Client, url: String, region: &str, sending: &Sending, tally: Tally) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let bytes = sending.body.as_ref().map_or(1, String::len).max(1);
        Self {
            run: url.ends_with(".fifo").then(|| format!("{since:x}")),
            arn: arn(&url, region),
            batch: (BATCH_BYTES / bytes).clamp(1, BATCH),
            body: sending.body.clone(),
            count: sending.count,
            taken: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            maybe_twice: AtomicU64::new(0),
            pace: sending.rate.map(|rate| Pace::new(rate.get())),
            failure: Mutex::default(),
            client,
            url,
            tally,
        }
    }

    fn outcome(&self) -> Sent {
        Sent {
            url: self.url.clone(),
            sent: self.sent.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
            maybe_twice: self.maybe_twice.load(Ordering::Relaxed),
            failure: self.failure().take(),
        }
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more is sent.
    fn fail(&self, error: Error) {
        self.failure().get_or_insert(error);
    }

    /// The number of the next message, from 1, until there are enough or something failed for good.
    fn take(&self) -> Option<u64> {
        if self.failure().is_some() {
            return None;
        }
        let number = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        (number <= self.count).then_some(number)
    }

    fn entry(&self, number: u64) -> SendMessageBatchRequestEntry {
        let body = self.body.clone().unwrap_or_else(|| format!("{{\"number\": {number}}}"));
        let entry = SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body);
        let entry = match &self.run {
            // Each in a group of its own: there is no order between them. What comes twice is dropped by the queue.
            Some(run) => {
                let id = format!("{run}-{number}");
                entry.message_group_id(&id).message_deduplication_id(id)
            }
            None => entry,
        };
        #[expect(clippy::expect_used, reason = "both fields that it takes are set above")]
        entry.build().expect("a whole entry")
    }

    async fn batch(&self, numbers: &[u64]) -> Answer {
        let entries = numbers.iter().map(|number| self.entry(*number)).collect();
        let answered = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
        let output = match answered {
            Ok(output) => output,
            Err(error) => return self.failed(&error, numbers.len()),
        };
        let refused = output.failed().iter().find(|entry| entry.sender_fault() && !is_throttling(entry.code()));
        let has_gone =
            |number: &u64| output.successful().iter().any(|entry| entry.id().parse::<u64>().ok() == Some(*number));
        let (gone, left): (Vec<u64>, Vec<u64>) = numbers.iter().partition(|number| has_gone(number));
        self.count_gone(gone.len());
        match refused {
            Some(entry) => Answer::Never(refusal(entry, &self.arn)),
            None => Answer::Some {
                gone: gone.len(),
                left,
                words: output.failed().first().map(|entry| entry.code().to_owned()),
            },
        }
    }

    fn count_gone(&self, number: usize) {
        self.sent.fetch_add(number as u64, Ordering::Relaxed);
        self.tally.add(number as u64);
    }

    fn failed(&self, error: &SdkError<SendMessageBatchError>, number: usize) -> Answer {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let told = failure::of_call(error, ACTION, &self.arn);
        match (error, status) {
            (SdkError::ServiceError(_), _) if error.code().is_some_and(is_throttling) => return Answer::None(told),
            (SdkError::ServiceError(_), Some(429 | 503)) => return Answer::None(told),
            (SdkError::ConstructionFailure(_), _) | (SdkError::ServiceError(_), Some(..500)) => {
                return Answer::Never(told);
            }
            (SdkError::DispatchFailure(_), _) if failure::is_refused_connection(error) => return Answer::None(told),
            _ => {}
        }
        // A queue of first in, first out knows them again.
        if self.run.is_none() {
            self.maybe_twice.fetch_add(number as u64, Ordering::Relaxed);
        }
        Answer::None(told)
    }
}

fn is_throttling(code: &str) -> bool {
    code.contains("Throttl") || code.contains("OverLimit")
}

/// One message that SQS does not take, and will not.
fn refusal(entry: &BatchResultErrorEntry, arn: &str) -> Error {
    let words = entry.message().map(|words| format!(": {}", failure::shown(words))).unwrap_or_default();
    Error::aws(
        format!("{arn} does not take message {} ({}){words}", entry.id(), failure::shown(entry.code())),
        "a message is text of 1 byte to 1 MiB without control characters; --body and --file say it",
    )
}

/// Sends batches until there are no more messages.
async fn work(state: Arc<State>) {
    let (mut waiting, mut tries): (Vec<u64>, u32) = (Vec::new(), 0);
    loop {
        while waiting.len() < state.batch
            && let Some(number) = state.take()
        {
            waiting.push(number);
        }
        if waiting.is_empty() || state.failure().is_some() {
            return;
        }
        if let Some(pace) = &state.pace {
            pace.wait(waiting.len()).await;
        }
        let why = match state.batch(&waiting).await {
            Answer::Some { gone, left, words } => {
                tries = if gone > 0 { 0 } else { tries + 1 };
                waiting = left;
                let words = words.unwrap_or_else(|| "no word about them".into());
                (!waiting.is_empty()).then(|| {
                    Error::aws(
                        format!("{} does not take messages: {words}", state.arn),
                        "try again in a while; a lower --concurrency may help",
                    )
                })
            }
            Answer::None(error) => {
                tries += 1;
                Some(error)
            }
            Answer::Never(error) => return state.fail(error),
        };
        let Some(why) = why else { continue };
        state.retried.fetch_add(waiting.len() as u64, Ordering::Relaxed);
        if tries >= TRIES {
            return state.fail(why);
        }
        sleep(pause(tries)).await;
    }
}

/// Longer with each try in a row, and not the same for all workers.
fn pause(tries: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    longest.mul_f64(0.5 + f64::from(nanos % 1_000_000) / 2_000_000.0)
}

/// So many messages a second, for all workers together.
struct Pace {
    each: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Self { each: Duration::from_secs(1) / rate, next: Mutex::new(Instant::now()) }
    }

    /// Until so many messages may go.
    async fn wait(&self, number: usize) {
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*next).max(Instant::now());
            *next = at + self.each * u32::try_from(number).unwrap_or(u32::MAX);
            at
        };
        sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_region_and_arn() {
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
        assert_eq!(region_of(url), Some("eu-west-1"));
        assert_eq!(region_of("https://sqs.cn-north-1.amazonaws.com.cn/1/a"), Some("cn-north-1"));
        assert_eq!(arn(url, "eu-west-1"), "arn:aws:sqs:eu-west-1:123456789012:jobs");
        for other in ["jobs", "http://127.0.0.1:5000/123456789012/jobs", "https://example.com/sqs"] {
            assert_eq!(region_of(other), None);
        }
    }
}
