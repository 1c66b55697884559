//! Functions: what they are like, and changing them, each change conditional on the revision that was read, and waited for.

use std::time::Duration;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{
    Architecture, Environment, EphemeralStorage, FunctionCode, FunctionConfiguration, LastUpdateStatus,
    LastUpdateStatusReasonCode, PackageType, Runtime, SnapStart, SnapStartApplyOn, State, StateReasonCode,
    TracingConfig, TracingMode,
};

use super::wait::{Pauses, passes_in_lambda};
use super::{Clients, Tags, failure, is_coded, odd};
use crate::deploy::{Artifact, Call, Code, Desired, Found, Function, FunctionState, Owner, Resource, object_key};
use crate::error::{Error, Result};
use crate::lambda::COLD_STARTS;

/// A large image takes minutes to become ready, a snapshot more.
const READY: Duration = Duration::from_mins(15);

/// Why AWS says that a function or an update failed, of what `GetFunction` and `GetFunctionConfiguration` answer alike.
macro_rules! reason {
    ($answer:expr) => {{
        let answer = $answer;
        let (code, words) = if answer.state() == Some(&State::Failed) {
            (answer.state_reason_code().map(StateReasonCode::as_str), answer.state_reason())
        } else {
            let code = answer.last_update_status_reason_code().map(LastUpdateStatusReasonCode::as_str);
            (code, answer.last_update_status_reason())
        };
        [code, words].into_iter().flatten().collect::<Vec<_>>().join(": ")
    }};
}

/// A function that is there, once nothing is going on with it.
pub(super) async fn read(aws: &Clients, name: &str, project: &str) -> Result<Option<Found>> {
    let arn = arn(aws, name);
    let mut pauses = Pauses::until(READY);
    let answer = loop {
        let request = aws.lambda.get_function().function_name(name).send();
        let Some(answer) = aws.ask(Call::GetFunction, &arn, request).await? else { return Ok(None) };
        let is_busy = answer.configuration().is_some_and(is_busy);
        if !is_busy || !pauses.pause().await {
            break answer;
        }
    };
    let configuration = answer.configuration().ok_or_else(|| odd("a configuration", name))?;
    if let Some(error) = answer.tags_error() {
        let words = format!("{}: {}", error.error_code(), error.message());
        return Err(failure::of_part("the tags", &words, Call::ListFunctionTags.action(), &arn));
    }
    let tags: Tags = answer.tags().cloned().unwrap_or_default().into_iter().collect();
    let owner = Owner::of(&tags, project);
    let retries = aws.lambda.get_function_event_invoke_config().function_name(name).send();
    let retries = aws.ask(Call::GetFunctionEventInvokeConfig, &arn, retries).await?;
    // Without a configuration Lambda tries twice again.
    let retries = retries.and_then(|answer| u32::try_from(answer.maximum_retry_attempts()?).ok()).unwrap_or(2);
    let mut state = state(configuration, retries);
    state.code = code(&answer);
    if configuration.last_update_status() == Some(&LastUpdateStatus::Failed) {
        state.code = Some(format!("failed: {}", reason!(configuration)));
    }
    let broken = (configuration.state() == Some(&State::Failed))
        .then(|| format!("its creation failed: {}", reason!(configuration)));
    let handle = configuration.revision_id().unwrap_or_default().to_owned();
    Ok(Some(Found { handle, broken, ..Found::of(owner, &state, tags) }))
}

/// Whose a function is that the project's queue is mapped to. What these credentials may not look at is somebody else's.
pub(super) async fn owner(aws: &Clients, name: &str, project: &str) -> Result<Option<Owner>> {
    let request = aws.lambda.get_function().function_name(name).send();
    match aws.raw(Call::GetFunction, request).await {
        Ok(answer) => {
            let tags: Tags = answer.tags().cloned().unwrap_or_default().into_iter().collect();
            Ok(Some(Owner::of(&tags, project)))
        }
        Err(error) if super::is_missing(&error) => Ok(None),
        Err(error) if failure::answer(&error) == failure::Answer::Refused => {
            Ok(Some(Owner::Other("these credentials may not look at it".into())))
        }
        Err(error) => Err(failure::of_call(&error, Call::GetFunction.action(), &arn(aws, name))),
    }
}

fn arn(aws: &Clients, name: &str) -> String {
    aws.place.arn("lambda", &format!("function:{name}"))
}

fn is_busy(configuration: &FunctionConfiguration) -> bool {
    configuration.state() == Some(&State::Pending)
        || configuration.last_update_status() == Some(&LastUpdateStatus::InProgress)
}

/// What a function runs, in hexadecimal.
fn code(answer: &GetFunctionOutput) -> Option<String> {
    let configuration = answer.configuration()?;
    if configuration.package_type() == Some(&PackageType::Image) {
        let code = answer.code()?;
        // What was named by its digest is that; of a tag, AWS says what it led to.
        let mut uris = [code.image_uri(), code.resolved_image_uri()].into_iter().flatten();
        return uris.find_map(|uri| Some(uri.rsplit_once("@sha256:")?.1.to_owned())).or_else(|| Some(String::new()));
    }
    super::layers::hexadecimal(configuration.code_sha256()?)
}

/// A configuration in our words.
fn state(configuration: &FunctionConfiguration, retries: u32) -> FunctionState {
    let number =
        |number: Option<i32>, otherwise: u32| number.and_then(|number| number.try_into().ok()).unwrap_or(otherwise);
    let is_image = configuration.package_type() == Some(&PackageType::Image);
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let environment = configuration.environment().and_then(|environment| environment.variables());
    FunctionState {
        package: if is_image { "Image" } else { "Zip" }.into(),
        code: None,
        runtime: configuration.runtime().map(|runtime| runtime.as_str().to_owned()).filter(|_| !is_image),
        handler: text(configuration.handler()).filter(|_| !is_image),
        architecture: configuration.architectures().first().map_or("x86_64", Architecture::as_str).to_owned(),
        memory: number(configuration.memory_size(), 128),
        timeout: number(configuration.timeout(), 3),
        ephemeral_storage: number(configuration.ephemeral_storage().map(EphemeralStorage::size), 512),
        // What pack cold counts up is no difference.
        environment: environment
            .map(|all| all.clone().into_iter().filter(|(name, _)| name != COLD_STARTS).collect())
            .unwrap_or_default(),
        layers: configuration.layers().iter().filter_map(|layer| layer.arn().map(str::to_owned)).collect(),
        role: configuration.role().unwrap_or_default().to_owned(),
        tracing: configuration.tracing_config().and_then(|tracing| tracing.mode()) == Some(&TracingMode::Active),
        snap_start: configuration.snap_start().and_then(|snap_start| snap_start.apply_on())
            == Some(&SnapStartApplyOn::PublishedVersions),
        description: configuration.description().unwrap_or_default().to_owned(),
        retries,
    }
}

/// What to do about a reason.
fn hint(reason: &str) -> &'static str {
    let hints = [
        ("InvalidImage", "pack check says what Lambda would not take of an image; build it again with a newer pack"),
        (
            "ImageAccessDenied",
            "the repository's policy has to let lambda.amazonaws.com take images: deploying again sets it",
        ),
        ("ImageDeleted", "the image is gone from the repository: deploying again pushes it"),
        ("InvalidZipFile", "pack check says what is wrong with the ZIP"),
        ("InvalidRuntime", "take another Python in [matrix]"),
        ("InsufficientRolePermissions", "the function's role lacks something: deploying again sets its policy"),
        ("KMSKey", "the key of the environment variables has to be usable for the role"),
        ("FunctionError", "a module of the function fails while it loads: its log group has the traceback"),
    ];
    hints
        .iter()
        .find(|(word, _)| reason.contains(word))
        .map_or("deploying again tries it again; AWS's reason says what to change", |(_, hint)| hint)
}

/// Waits until a function or a version of it is ready, and gives its revision.
pub(super) async fn ready(aws: &Clients, name: &str, version: Option<&str>) -> Result<Ready> {
    let arn = arn(aws, name);
    let mut pauses = Pauses::until(READY);
    loop {
        let request =
            aws.lambda.get_function_configuration().function_name(name).set_qualifier(version.map(str::to_owned));
        let answer = aws.call(Call::GetFunctionConfiguration, &arn, request.send()).await?;
        let is_failed = answer.state() == Some(&State::Failed)
            || (version.is_none() && answer.last_update_status() == Some(&LastUpdateStatus::Failed));
        if is_failed {
            let reason = reason!(&answer);
            return Err(Error::aws(
                format!("Lambda could not make the function {name} ready: {reason}"),
                hint(&reason),
            ));
        }
        let is_busy = answer.state() == Some(&State::Pending)
            || answer.last_update_status() == Some(&LastUpdateStatus::InProgress);
        if !is_busy {
            return Ok(Ready { revision: answer.revision_id().unwrap_or_default().to_owned() });
        }
        if !pauses.pause().await {
            return Err(Error::aws(
                format!("the function {name} is not ready after {} minutes", READY.as_secs() / 60),
                "run it again: it goes on waiting; the console shows what Lambda does with the function",
            ));
        }
    }
}

/// Waits until a function that was deleted is not there any more.
pub(super) async fn gone(aws: &Clients, name: &str) -> Result<()> {
    let mut pauses = Pauses::until(READY);
    loop {
        let request = aws.lambda.get_function().function_name(name).send();
        if aws.ask(Call::GetFunction, &arn(aws, name), request).await?.is_none() || !pauses.pause().await {
            return Ok(());
        }
    }
}

/// A function that is ready.
pub(super) struct Ready {
    /// Its revision: a change names it, and is refused when there is another one by then.
    pub(super) revision: String,
}

/// Makes a function.
pub(super) async fn create(
    aws: &Clients,
    desired: &Desired,
    function: &Function,
    resource: &Resource,
    layers: &[String],
) -> Result<()> {
    let (name, state) = (&function.name, &function.state);
    let artifact = artifact(function)?;
    let code = match &function.code {
        Code::Zip { .. } => {
            FunctionCode::builder().s3_bucket(&desired.names.artifacts).s3_key(object_key(&artifact.sha256)).build()
        }
        Code::Image { repository, .. } => {
            FunctionCode::builder().image_uri(format!("{repository}@sha256:{}", artifact.sha256)).build()
        }
    };
    let request = || {
        aws.lambda
            .create_function()
            .function_name(name)
            .description(&state.description)
            .package_type(PackageType::from(state.package.as_str()))
            .code(code.clone())
            .set_runtime(state.runtime.as_deref().map(Runtime::from))
            .set_handler(state.handler.clone())
            .architectures(Architecture::from(state.architecture.as_str()))
            .memory_size(signed(state.memory))
            .timeout(signed(state.timeout))
            .set_ephemeral_storage(storage(state).ok())
            .environment(environment(state))
            .set_layers((!layers.is_empty()).then(|| layers.to_vec()))
            .role(&state.role)
            .tracing_config(tracing(state))
            .set_snap_start(state.snap_start.then(|| snap_start(state)))
            .set_tags(Some(resource.tags.clone().into_iter().collect()))
            .send()
    };
    match aws.patiently_raw(Call::CreateFunction, passes_in_lambda, request).await {
        Ok(_) => {}
        // An earlier try of the same call: what it made has the project's tags. Anybody else's has not.
        Err(error) if is_coded(&error, "ResourceConflictException") => {
            let found = read(aws, name, &desired.project).await?;
            if found.is_none_or(|found| found.owner != Owner::Ours) {
                return Err(failure::of_call(&error, Call::CreateFunction.action(), &arn(aws, name)));
            }
        }
        Err(error) => return Err(failure::of_call(&error, Call::CreateFunction.action(), &arn(aws, name))),
    }
    ready(aws, name, None).await?;
    set_retries(aws, name, state.retries).await
}

/// What of a function is to be changed.
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own")]
pub(super) struct Parts {
    pub(super) code: bool,
    pub(super) configuration: bool,
    /// Only then it is named: not every runtime and Region knows it.
    pub(super) snap_start: bool,
    pub(super) retries: bool,
    pub(super) tags: bool,
    /// The code that is there is larger than the one that is to be.
    pub(super) shrinks: bool,
}

/// Changes a function, its code and its configuration in the order in which it never has more than Lambda takes.
pub(super) async fn update(
    aws: &Clients,
    desired: &Desired,
    function: &Function,
    resource: &Resource,
    layers: &[String],
    revision: &str,
    parts: &Parts,
) -> Result<()> {
    let name = &function.name;
    let mut revision = revision.to_owned();
    if parts.code && parts.shrinks {
        revision = update_code(aws, desired, function, &revision).await?;
    }
    if parts.configuration {
        revision = update_configuration(aws, function, layers, &revision, parts.snap_start).await?;
    }
    if parts.code && !parts.shrinks {
        update_code(aws, desired, function, &revision).await?;
    }
    if parts.retries {
        set_retries(aws, name, function.state.retries).await?;
    }
    // Last, so that the digest says that all of it is there.
    if parts.tags {
        let arn = arn(aws, name);
        let request = aws.lambda.tag_resource().resource(&arn);
        let request = request.set_tags(Some(resource.tags.clone().into_iter().collect())).send();
        aws.call(Call::TagFunction, &arn, request).await?;
    }
    Ok(())
}

fn artifact(function: &Function) -> Result<&Artifact> {
    function.code.artifact().ok_or_else(|| odd("bytes", &function.name))
}

async fn update_code(aws: &Clients, desired: &Desired, function: &Function, revision: &str) -> Result<String> {
    let (name, artifact) = (&function.name, artifact(function)?);
    let request = || {
        let request = aws.lambda.update_function_code().function_name(name).set_revision_id(named(revision));
        let request = request.architectures(Architecture::from(function.state.architecture.as_str()));
        match &function.code {
            Code::Zip { .. } => request.s3_bucket(&desired.names.artifacts).s3_key(object_key(&artifact.sha256)).send(),
            Code::Image { repository, .. } => {
                request.image_uri(format!("{repository}@sha256:{}", artifact.sha256)).send()
            }
        }
    };
    match aws.patiently_raw(Call::UpdateFunctionCode, passes_in_lambda, request).await {
        Ok(_) => {}
        Err(error) if is_coded(&error, "PreconditionFailedException") => {
            let found = read(aws, name, &desired.project).await?;
            // An earlier try of the same call has done it.
            let is_done = found.as_ref().is_some_and(|found| found.state["code"] == artifact.sha256);
            if !is_done {
                return Err(changed(name));
            }
        }
        Err(error) => return Err(failure::of_call(&error, Call::UpdateFunctionCode.action(), &arn(aws, name))),
    }
    Ok(ready(aws, name, None).await?.revision)
}

async fn update_configuration(
    aws: &Clients,
    function: &Function,
    layers: &[String],
    revision: &str,
    snap_start_differs: bool,
) -> Result<String> {
    let (name, state) = (&function.name, &function.state);
    let request = || {
        aws.lambda
            .update_function_configuration()
            .function_name(name)
            .set_revision_id(named(revision))
            .description(&state.description)
            .set_runtime(state.runtime.as_deref().map(Runtime::from))
            .set_handler(state.handler.clone())
            .memory_size(signed(state.memory))
            .timeout(signed(state.timeout))
            .set_ephemeral_storage(storage(state).ok())
            .environment(environment(state))
            .set_layers((state.package == "Zip").then(|| layers.to_vec()))
            .role(&state.role)
            .tracing_config(tracing(state))
            .set_snap_start(snap_start_differs.then(|| snap_start(state)))
            .send()
    };
    match aws.patiently_raw(Call::UpdateFunctionConfiguration, passes_in_lambda, request).await {
        Ok(_) => {}
        Err(error) if is_coded(&error, "PreconditionFailedException") => {
            let request = aws.lambda.get_function_configuration().function_name(name).send();
            let now = aws.call(Call::GetFunctionConfiguration, &arn(aws, name), request).await?;
            let is_done = now.memory_size() == Some(signed(state.memory))
                && now.timeout() == Some(signed(state.timeout))
                && now.role() == Some(&state.role)
                && now.environment().and_then(|environment| environment.variables()).cloned().unwrap_or_default()
                    == state.environment.clone().into_iter().collect();
            if !is_done {
                return Err(changed(name));
            }
        }
        Err(error) => {
            return Err(failure::of_call(&error, Call::UpdateFunctionConfiguration.action(), &arn(aws, name)));
        }
    }
    Ok(ready(aws, name, None).await?.revision)
}

/// A revision, where there is one to name.
fn named(revision: &str) -> Option<String> {
    (!revision.is_empty()).then(|| revision.to_owned())
}

fn changed(name: &str) -> Error {
    Error::aws(
        format!("somebody else changed the function {name} meanwhile"),
        "run it again: it looks at the function as it is now",
    )
}

async fn set_retries(aws: &Clients, name: &str, retries: u32) -> Result<()> {
    let request = || {
        aws.lambda.put_function_event_invoke_config().function_name(name).maximum_retry_attempts(signed(retries)).send()
    };
    aws.patiently(Call::PutFunctionEventInvokeConfig, &arn(aws, name), passes_in_lambda, request).await.map(drop)
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn storage(state: &FunctionState) -> Result<EphemeralStorage, aws_sdk_lambda::error::BuildError> {
    EphemeralStorage::builder().size(signed(state.ephemeral_storage)).build()
}

fn environment(state: &FunctionState) -> Environment {
    Environment::builder().set_variables(Some(state.environment.clone().into_iter().collect())).build()
}

fn tracing(state: &FunctionState) -> TracingConfig {
    TracingConfig::builder().mode(if state.tracing { TracingMode::Active } else { TracingMode::PassThrough }).build()
}

fn snap_start(state: &FunctionState) -> SnapStart {
    let apply_on = if state.snap_start { SnapStartApplyOn::PublishedVersions } else { SnapStartApplyOn::None };
    SnapStart::builder().apply_on(apply_on).build()
}

/// The names of all functions that describe themselves as the project's.
pub(super) async fn names(aws: &Clients, project: &str) -> Result<Vec<String>> {
    let description = FunctionState::description(project);
    let (mut names, mut next) = (Vec::new(), None);
    loop {
        let request = aws.lambda.list_functions().set_marker(next).send();
        let answer = aws.call(Call::ListFunctions, "*", request).await?;
        let own = answer.functions().iter().filter(|function| function.description() == Some(&description));
        names.extend(own.filter_map(|function| function.function_name().map(str::to_owned)));
        next = answer.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(names);
        }
    }
}

/// Deletes a function with its versions and aliases.
pub(super) async fn delete(aws: &Clients, name: &str) -> Result<()> {
    let request = || aws.lambda.delete_function().function_name(name).send();
    match aws.patiently_raw(Call::DeleteFunction, passes_in_lambda, request).await {
        Ok(_) => {}
        Err(error) if super::is_missing(&error) => {}
        Err(error) => return Err(failure::of_call(&error, Call::DeleteFunction.action(), &arn(aws, name))),
    }
    Ok(())
}
