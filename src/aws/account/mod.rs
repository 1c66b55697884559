//! An account and Region that a project is deployed to: reading what is there, and changing it as a plan says.
//!
//! What must stay true: every call goes through [`Account::call`] or [`Account::ask`], and so is one of `deploy::calls`; whatever is made
//! has its tags from the call that makes it (a bucket from the next one: `buckets.rs`), so that a run that is killed anywhere leaves
//! nothing that the next one would not know for the project's own.

mod apply;
mod buckets;
mod dashboard;
mod destroy;
mod functions;
mod layers;
mod logs;
mod mappings;
mod objects;
mod pace;
mod queues;
mod read;
mod repository;
mod role;
mod settings;
mod versions;
mod wait;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use self::pace::Pace;
use super::{Access, Keep, Stage, connect, failure};
use crate::deploy::{Call, CodeStorage, Desired, Observed, Only, Place, Plan, Remains};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// One try of a call; a part of an upload is one.
const PATIENCE: Duration = Duration::from_mins(3);

/// How often the SDK tries a call whose failure may pass: throttling, 5xx, connections that break.
const TRIES: u32 = 8;

/// An account and Region, with all clients that deploying takes.
#[derive(Debug)]
pub struct Account {
    runtime: Runtime,
    clients: Arc<Clients>,
}

/// What calls are made with.
#[derive(Debug)]
struct Clients {
    place: Place,
    pace: Pace,
    cloudwatch: aws_sdk_cloudwatch::Client,
    ecr: aws_sdk_ecr::Client,
    iam: aws_sdk_iam::Client,
    lambda: aws_sdk_lambda::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
}

/// The most errors that are told at once.
const TOLD: usize = 10;

type Tags = BTreeMap<String, String>;

impl Account {
    /// Finds credentials, Region and account. `concurrency` is how many calls are made at once.
    pub fn connect(access: &Access, concurrency: usize) -> Result<Self> {
        let runtime = connect::runtime()?;
        let clients = runtime.block_on(async {
            let call = Call::GetCallerIdentity;
            let (config, region) = connect::configure(access, call.action()).await?;
            let timeouts = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
            let retries = RetryConfig::standard().with_max_attempts(TRIES);
            let config = config.into_builder().timeout_config(timeouts).retry_config(retries).build();
            let asked = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
            let identity = asked.map_err(|error| failure::of_call(&error, call.action(), "*"))?;
            let odd =
                || Error::aws("AWS does not say whose these credentials are", "aws sts get-caller-identity shows it");
            let account = identity.account().filter(|account| account.len() == 12).ok_or_else(odd)?.to_owned();
            let partition = identity.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws").to_owned();
            let endpoint = std::env::var("AWS_ENDPOINT_URL_S3").ok();
            let endpoint = endpoint.or_else(|| config.endpoint_url().map(str::to_owned));
            // A host for each bucket would have to resolve; who stands in for AWS has only one.
            let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(endpoint.is_some()).build();
            let has_tls = endpoint.is_none_or(|endpoint| endpoint.starts_with("https://"));
            Ok::<_, Error>(Clients {
                place: Place { partition, account, region, has_tls },
                pace: Pace::new(concurrency),
                cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
                ecr: aws_sdk_ecr::Client::new(&config),
                iam: aws_sdk_iam::Client::new(&config),
                lambda: aws_sdk_lambda::Client::new(&config),
                logs: aws_sdk_cloudwatchlogs::Client::new(&config),
                s3: aws_sdk_s3::Client::from_conf(s3),
                sqs: aws_sdk_sqs::Client::new(&config),
            })
        })?;
        Ok(Self { runtime, clients: Arc::new(clients) })
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.clients.place
    }

    /// Reads what is there of what a project is to have, and what it has beside that.
    pub fn read(&self, desired: &Desired, only: &Only) -> Result<Observed> {
        self.runtime.block_on(read::all(&self.clients, desired, only))
    }

    /// How much code Lambda keeps for it.
    pub fn code_storage(&self) -> Result<CodeStorage> {
        self.runtime.block_on(settings::code_storage(&self.clients))
    }

    /// Makes what is there what it is to be.
    pub fn apply(
        &self,
        plan: &Plan,
        desired: &Desired,
        observed: &Observed,
        stage: Stage,
        progress: &Arc<Progress>,
    ) -> Result<()> {
        self.runtime.block_on(apply::all(&self.clients, plan, desired, observed, stage, progress))
    }

    /// What of a project is there, to be deleted: each with why it is kept, if it is.
    pub fn remains(&self, desired: &Desired, observed: &Observed, keep: &Keep) -> Result<Vec<Remains>> {
        self.runtime.block_on(destroy::remains(&self.clients, desired, observed, keep))
    }

    /// Deletes it.
    pub fn destroy(&self, project: &str, remains: &[Remains], progress: &Arc<Progress>) -> Result<()> {
        self.runtime.block_on(destroy::all(&self.clients, project, remains, progress))
    }
}

impl Clients {
    /// One call. `resource` is what it is about, as a policy would name it.
    async fn call<T, E>(
        &self,
        call: Call,
        resource: &str,
        answer: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.raw(call, answer).await.map_err(|error| failure::of_call(&error, call.action(), resource))
    }

    /// One call about something that may not be there.
    async fn ask<T, E>(
        &self,
        call: Call,
        resource: &str,
        answer: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<Option<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match self.raw(call, answer).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failure::of_call(&error, call.action(), resource)),
        }
    }

    /// One call, with the SDK's own error.
    async fn raw<T, E>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, SdkError<E>> {
        let _turn = self.pace.turn(call).await;
        answer.await
    }
}

fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    failure::answer(error) == failure::Answer::Missing
        || error.raw_response().is_some_and(|response| response.status().as_u16() == 404)
}

/// Whether AWS says this.
fn is_coded<E: ProvideErrorMetadata>(error: &SdkError<E>, code: &str) -> bool {
    error.code() == Some(code)
}

/// Whether a call failed of what another one, perhaps an earlier try of it, has done.
fn is_there<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let code = error.code().unwrap_or_default();
    ["AlreadyExist", "AlreadyOwnedByYou", "EntityAlreadyExists"].iter().any(|word| code.contains(word))
}

/// Does the same for each of several things at once, and gives the answers in no order. What failed is told when all are done: what was
/// begun comes to its end.
async fn each<T, U, F>(items: impl IntoIterator<Item = T>, work: impl Fn(T) -> F) -> Result<Vec<U>>
where
    U: Send + 'static,
    F: Future<Output = Result<U>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for item in items {
        running.spawn(work(item));
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    while let Some(answer) = running.join_next().await {
        match answer.map_err(|_| Error::aws("a call of AWS's API was not ended", "try again"))? {
            Ok(answer) => done.push(answer),
            Err(error) => failed.push(error),
        }
    }
    if failed.len() > 1 {
        let words: BTreeSet<String> = failed.iter().map(ToString::to_string).collect();
        let words: Vec<String> = words.into_iter().take(TOLD).collect();
        return Err(Error::aws(words.join("\n"), failed[0].hint().unwrap_or_default()));
    }
    failed.pop().map_or(Ok(done), Err)
}

/// An answer of AWS that lacks what it always has.
fn odd(what: &str, of: &str) -> Error {
    Error::aws(format!("AWS answers without {what} of {of}"), "try again")
}
