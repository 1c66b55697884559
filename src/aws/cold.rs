//! Functions whose next invocation starts cold: Lambda starts new execution environments for a function whose configuration changed.
//!
//! What must stay true: of a function's variables none is lost. So an update names the revision that was read, one that somebody else
//! made meanwhile is read again, and a function whose variables cannot be read (its key refuses) is left as it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::{Environment, LastUpdateStatus, LastUpdateStatusReasonCode, State, StateReasonCode};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{Access, connect, failure};
use crate::error::{Error, Result};
use crate::lambda::{COLD_STARTS, ENVIRONMENT_BYTES, environment_bytes};

const ACTION: &str = "lambda:UpdateFunctionConfiguration";

/// Functions that are changed at once: Lambda takes 15 calls of this kind a second.
const AT_ONCE: usize = 4;

/// Between two looks at an update; they take seconds, of images up to minutes.
const PAUSE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_mins(10);

/// Changes each function, and tells of each how often that was done, or why it was not. Where there is a `description`, functions that have
/// another one are somebody else's, and stay as they are.
pub fn chill(
    access: &Access,
    functions: &[String],
    description: Option<&str>,
    mut told: impl FnMut(&str, Result<u64>) -> Result<()>,
) -> Result<()> {
    connect::runtime()?.block_on(async {
        let (config, region) = connect::configure(access, ACTION).await?;
        let client = Client::new(&config);
        let (answers, mut answered) = mpsc::channel(1);
        let waiting = Arc::new(Mutex::new(Vec::from(functions).into_iter()));
        for _ in 0..AT_ONCE {
            let (client, region, answers) = (client.clone(), region.clone(), answers.clone());
            let description = description.map(str::to_owned);
            let waiting = Arc::clone(&waiting);
            tokio::spawn(async move {
                let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(function) = next() {
                    let description = description.as_deref();
                    let outcome = Function { client: &client, name: &function, region: &region, description };
                    let outcome = outcome.chill().await;
                    if answers.send((function, outcome)).await.is_err() {
                        return;
                    }
                }
            });
        }
        drop(answers);
        while let Some((function, outcome)) = answered.recv().await {
            told(&function, outcome)?;
        }
        Ok(())
    })
}

struct Function<'a> {
    client: &'a Client,
    name: &'a str,
    region: &'a str,
    description: Option<&'a str>,
}

/// Why an update was not taken.
enum Refused {
    /// Somebody else is changing the function, or has changed it.
    ForNow(Error),
    For(Error),
}

impl Function<'_> {
    async fn chill(&self) -> Result<u64> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.settled(until).await?;
            if self.description.is_some_and(|description| found.description() != Some(description)) {
                return Err(Error::aws(
                    format!("the function {} exists and is not of this project: it is left as it is", self.name),
                    "pack cold with its name changes it all the same",
                ));
            }
            let (variables, number) = self.variables(&found)?;
            match self.update(variables, found.revision_id).await {
                Ok(()) => {
                    self.settled(until).await?;
                    return Ok(number);
                }
                Err(Refused::ForNow(error)) if Instant::now() >= until => return Err(error),
                Err(Refused::ForNow(_)) => sleep(PAUSE).await,
                Err(Refused::For(error)) => return Err(error),
            }
        }
    }

    /// The function's configuration, once no update is under way any more.
    async fn settled(&self, until: Instant) -> Result<GetFunctionConfigurationOutput> {
        loop {
            let found = self.client.get_function_configuration().function_name(self.name).send().await;
            let found = found.map_err(|error| match failure::answer(&error) {
                failure::Answer::Missing => Error::aws(
                    format!("there is no function {} in {}", self.name, self.region),
                    "check the name and the Region; pack deploy makes those of the project",
                ),
                _ => failure::of_call(&error, "lambda:GetFunctionConfiguration", &self.resource()),
            })?;
            match (found.state(), found.last_update_status()) {
                (_, Some(LastUpdateStatus::Failed)) => {
                    return Err(self.failed(
                        "its update",
                        found.last_update_status_reason(),
                        found.last_update_status_reason_code().map(LastUpdateStatusReasonCode::as_str),
                    ));
                }
                (Some(State::Failed), _) => {
                    return Err(self.failed(
                        "it",
                        found.state_reason(),
                        found.state_reason_code().map(StateReasonCode::as_str),
                    ));
                }
                (Some(State::Pending), _) | (_, Some(LastUpdateStatus::InProgress)) => {}
                _ => return Ok(found),
            }
            if Instant::now() >= until {
                return Err(Error::aws(
                    format!("{} is still being updated after {} minutes", self.name, PATIENCE.as_secs() / 60),
                    "look at the function in the console, and try again",
                ));
            }
            sleep(PAUSE).await;
        }
    }

    fn failed(&self, what: &str, reason: Option<&str>, code: Option<&str>) -> Error {
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        let reason = reason.map(|reason| format!(": {}", failure::shown(reason))).unwrap_or_default();
        Error::aws(format!("{}: {what} failed{code}{reason}", self.name), "mend that, and deploy the function again")
    }

    /// The variables that it is to have, and how often it was made cold with this.
    fn variables(&self, found: &GetFunctionConfigurationOutput) -> Result<(HashMap<String, String>, u64)> {
        let environment = found.environment();
        if let Some(error) = environment.and_then(|environment| environment.error()) {
            return Err(Error::aws(
                format!(
                    "the variables of {} cannot be read ({})",
                    self.name,
                    failure::shown(error.error_code().unwrap_or("no reason is given"))
                ),
                "they would be lost: these credentials need kms:Decrypt for the function's key",
            ));
        }
        let mut variables = environment.and_then(|environment| environment.variables()).cloned().unwrap_or_default();
        let before: u64 = variables.get(COLD_STARTS).and_then(|number| number.parse().ok()).unwrap_or_default();
        let number = before.wrapping_add(1);
        variables.insert(COLD_STARTS.to_owned(), number.to_string());
        let bytes = environment_bytes(&variables.clone().into_iter().collect());
        if bytes > ENVIRONMENT_BYTES {
            return Err(Error::aws(
                format!("the variables of {} would have {bytes} bytes with {COLD_STARTS}", self.name),
                format!("Lambda takes {ENVIRONMENT_BYTES}: shorten one of them"),
            ));
        }
        Ok((variables, number))
    }

    async fn update(&self, variables: HashMap<String, String>, revision: Option<String>) -> Result<(), Refused> {
        let environment = Environment::builder().set_variables(Some(variables)).build();
        let call = self.client.update_function_configuration().function_name(self.name);
        let answered = call.environment(environment).set_revision_id(revision).send().await;
        answered.map(drop).map_err(|error| {
            let told = failure::of_call(&error, ACTION, &self.resource());
            match error.code() {
                Some("ResourceConflictException" | "PreconditionFailedException") => Refused::ForNow(told),
                _ => Refused::For(told),
            }
        })
    }

    fn resource(&self) -> String {
        if self.name.starts_with("arn:") {
            return self.name.to_owned();
        }
        format!("arn:aws:lambda:{}:*:function:{}", self.region, self.name)
    }
}
