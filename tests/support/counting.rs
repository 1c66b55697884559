//! A proxy in front of a local AWS that writes down which calls are made, by the names that AWS's API has for them.

use std::sync::{Arc, Mutex};

use super::between::{Fate, between};
use super::registry::{Question, Server};

/// It works until the test ends.
pub(crate) struct Counting {
    server: Server,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Counting {
    /// One in front of `HOST:PORT`.
    pub(crate) fn before(place: &str) -> Self {
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = calls.clone();
        let server = between(place, move |question| {
            seen.lock().unwrap().push(name(question));
            Fate::Pass
        });
        Self { server, calls }
    }

    /// `HOST:PORT`
    pub(crate) fn place(&self) -> &str {
        &self.server.address
    }

    /// For `AWS_ENDPOINT_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.place())
    }

    /// The calls since the last time, as `service:Name`, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Those of them that change something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let reads = ["Get", "List", "Describe", "Head"];
        let is_read = |call: &String| {
            call.split_once(':').is_some_and(|(_, name)| reads.iter().any(|read| name.starts_with(read)))
        };
        let mut changes: Vec<String> = self.calls().into_iter().filter(|call| !is_read(call)).collect();
        changes.sort();
        changes
    }
}

/// What AWS calls a request, with the service that it is signed for.
pub(crate) fn name(question: &Question) -> String {
    let signed = question.header("authorization").and_then(|text| text.split_once("Credential="));
    let service = signed.and_then(|(_, scope)| scope.split('/').nth(3)).unwrap_or_default();
    format!("{service}:{}", call(question, service))
}

fn call(question: &Question, service: &str) -> String {
    if let Some((_, name)) = question.header("x-amz-target").and_then(|target| target.rsplit_once('.')) {
        return name.to_owned();
    }
    let (path, query) = question.target.split_once('?').unwrap_or((&question.target, ""));
    if let Some((_, operation)) = path.split_once("/operation/") {
        return operation.to_owned();
    }
    let body = String::from_utf8_lossy(&question.body);
    if let Some((_, action)) = body.split_once("Action=").filter(|_| path == "/") {
        return action.split('&').next().unwrap_or_default().to_owned();
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match service {
        "s3" => of_s3(&question.method, parts.iter().filter(|part| !part.is_empty()).count(), query).to_owned(),
        _ => of_lambda(&question.method, &parts[1..]).to_owned(),
    }
}

fn of_s3(method: &str, parts: usize, query: &str) -> &'static str {
    let has = |word: &str| query.split('&').any(|pair| pair == word || pair.starts_with(&format!("{word}=")));
    match (method, parts) {
        ("GET", 0) => "ListBuckets",
        ("HEAD", 1) => "HeadBucket",
        ("HEAD", _) => "HeadObject",
        ("POST", 1) => "DeleteObjects",
        ("POST", _) if has("uploads") => "CreateMultipartUpload",
        ("POST", _) => "CompleteMultipartUpload",
        ("DELETE", 1) => "DeleteBucket",
        ("DELETE", _) => "AbortMultipartUpload",
        ("PUT", _) if has("partNumber") => "UploadPart",
        ("PUT", 2..) => "PutObject",
        ("PUT", _) if has("tagging") => "PutBucketTagging",
        ("PUT", _) if has("versioning") => "PutBucketVersioning",
        ("PUT", _) if has("encryption") => "PutBucketEncryption",
        ("PUT", _) if has("publicAccessBlock") => "PutPublicAccessBlock",
        ("PUT", _) if has("policy") => "PutBucketPolicy",
        ("PUT", _) => "CreateBucket",
        _ if has("tagging") => "GetBucketTagging",
        _ if has("versioning") => "GetBucketVersioning",
        _ if has("encryption") => "GetBucketEncryption",
        _ if has("publicAccessBlock") => "GetPublicAccessBlock",
        _ if has("policy") => "GetBucketPolicy",
        _ if has("versions") => "ListObjectVersions",
        _ if has("uploads") => "ListMultipartUploads",
        _ => "ListObjectsV2",
    }
}

/// The path without its first part, the date of the API.
fn of_lambda(method: &str, parts: &[&str]) -> &'static str {
    match (method, parts) {
        ("GET", ["functions"] | ["functions", ""]) => "ListFunctions",
        ("POST", ["functions"]) => "CreateFunction",
        ("GET", ["functions", _]) => "GetFunction",
        ("DELETE", ["functions", _]) => "DeleteFunction",
        ("GET", ["functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", ["functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("PUT", ["functions", _, "code"]) => "UpdateFunctionCode",
        ("GET", ["functions", _, "event-invoke-config"]) => "GetFunctionEventInvokeConfig",
        ("PUT", ["functions", _, "event-invoke-config"]) => "PutFunctionEventInvokeConfig",
        ("POST", ["functions", _, "versions"]) => "PublishVersion",
        ("GET", ["functions", _, "aliases", _]) => "GetAlias",
        ("POST", ["functions", _, "aliases"]) => "CreateAlias",
        ("PUT", ["functions", _, "aliases", _]) => "UpdateAlias",
        ("DELETE", ["functions", _, "aliases", _]) => "DeleteAlias",
        ("GET", ["layers"]) => "ListLayers",
        ("GET", ["layers", _, "versions"]) => "ListLayerVersions",
        ("POST", ["layers", _, "versions"]) => "PublishLayerVersion",
        ("GET", ["layers", _, "versions", _]) => "GetLayerVersion",
        ("DELETE", ["layers", _, "versions", _]) => "DeleteLayerVersion",
        ("GET", ["event-source-mappings"] | ["event-source-mappings", ""]) => "ListEventSourceMappings",
        ("POST", ["event-source-mappings"]) => "CreateEventSourceMapping",
        ("GET", ["event-source-mappings", _]) => "GetEventSourceMapping",
        ("PUT", ["event-source-mappings", _]) => "UpdateEventSourceMapping",
        ("DELETE", ["event-source-mappings", _]) => "DeleteEventSourceMapping",
        ("GET", ["account-settings"] | ["account-settings", ""]) => "GetAccountSettings",
        ("POST", ["tags", ..]) => "TagResource",
        _ => "Unknown",
    }
}
