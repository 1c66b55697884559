//! Everything that a local AWS (moto) has, asked without pack: to compare one end of a deployment with another.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::between::pass;
use super::registry::{Question, Reply};

/// What there is: `kind name` → how often, with what a deployment decides of it.
pub(crate) type Census = BTreeMap<String, usize>;

/// Asks a service of moto.
pub(crate) fn ask(moto: &str, service: &str, method: &str, target: &str, call: &str, body: &Value) -> String {
    let signed = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let kind = match (body.is_string(), call.is_empty()) {
        (true, _) => "application/x-www-form-urlencoded",
        (false, true) => "application/json",
        (false, false) => "application/x-amz-json-1.1",
    };
    let mut headers = vec![("host", moto.to_owned()), ("authorization", signed), ("accept", "*/*".to_owned())];
    if !body.is_null() {
        headers.push(("content-type", kind.to_owned()));
    }
    if !call.is_empty() {
        headers.push(("x-amz-target", call.to_owned()));
    }
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let body = match body {
        Value::Null => Vec::new(),
        Value::String(form) => form.clone().into_bytes(),
        body => body.to_string().into_bytes(),
    };
    let question = Question { method: method.into(), target: target.into(), headers, body };
    match pass(moto, &question) {
        Reply::Answer(200 | 202, _, answer) => String::from_utf8(answer).unwrap(),
        Reply::Answer(status, _, answer) => {
            panic!("{method} {target} {call}: {status} {}", String::from_utf8_lossy(&answer))
        }
        _ => panic!("{method} {target} {call}: no answer"),
    }
}

fn ask_json(moto: &str, service: &str, target: &str, call: &str) -> Value {
    let (method, body) = if call.is_empty() { ("GET", Value::Null) } else { ("POST", json!({})) };
    serde_json::from_str(&ask(moto, service, method, target, call, &body)).unwrap()
}

/// What is between `<TAG>` and `</TAG>`.
fn tagged(xml: &str, tag: &str) -> Vec<String> {
    let begin = format!("<{tag}>");
    let parts = xml.split(begin.as_str()).skip(1);
    parts.filter_map(|part| Some(part.split_once(&format!("</{tag}>"))?.0.to_owned())).collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// All of an account.
pub(crate) fn census(moto: &str) -> Census {
    let mut all = Census::new();
    let mut add = |what: String| *all.entry(what).or_default() += 1;
    for bucket in tagged(&ask(moto, "s3", "GET", "/", "", &Value::Null), "Name") {
        for key in tagged(&ask(moto, "s3", "GET", &format!("/{bucket}?list-type=2"), "", &Value::Null), "Key") {
            add(format!("object {bucket}/{key}"));
        }
        let uploads = ask(moto, "s3", "GET", &format!("/{bucket}?uploads"), "", &Value::Null);
        for _ in tagged(&uploads, "UploadId") {
            add(format!("upload {bucket}"));
        }
        add(format!("bucket {bucket}"));
    }
    for url in list(&ask_json(moto, "sqs", "/", "AmazonSQS.ListQueues")["QueueUrls"]) {
        add(format!("queue {}", url.as_str().unwrap().rsplit('/').next().unwrap()));
    }
    let roles = ask(moto, "iam", "POST", "/", "", &json!("Action=ListRoles&Version=2010-05-08"));
    for role in tagged(&roles, "RoleName") {
        let form = format!("Action=ListRolePolicies&Version=2010-05-08&RoleName={role}");
        let policies = tagged(&ask(moto, "iam", "POST", "/", "", &json!(form)), "member").len();
        add(format!("role {role} with {policies} policies"));
    }
    for group in list(&ask_json(moto, "logs", "/", "Logs_20140328.DescribeLogGroups")["logGroups"]) {
        add(format!("log group {} {}", group["logGroupName"], group["retentionInDays"]));
    }
    let dashboards = ask(moto, "monitoring", "POST", "/", "", &json!("Action=ListDashboards&Version=2010-08-01"));
    for name in tagged(&dashboards, "DashboardName") {
        add(format!("dashboard {name}"));
    }
    for layer in list(&ask_json(moto, "lambda", "/2018-10-31/layers/", "")["Layers"]) {
        let name = layer["LayerName"].as_str().unwrap();
        let versions = ask_json(moto, "lambda", &format!("/2018-10-31/layers/{name}/versions"), "");
        for _ in list(&versions["LayerVersions"]) {
            add(format!("version of layer {name}"));
        }
    }
    for function in list(&ask_json(moto, "lambda", "/2015-03-31/functions", "")["Functions"]) {
        let name = function["FunctionName"].as_str().unwrap();
        add(format!(
            "function {name} {} {} {} {}",
            function["CodeSha256"], function["MemorySize"], function["Timeout"], function["Environment"]["Variables"]
        ));
        let path = format!("/2015-03-31/functions/{name}");
        let aliases = ask_json(moto, "lambda", &format!("{path}/aliases"), "");
        for alias in list(&aliases["Aliases"]) {
            add(format!("alias {name}:{}", alias["Name"]));
        }
        let versions = ask_json(moto, "lambda", &format!("{path}/versions"), "");
        for _ in list(&versions["Versions"]) {
            add(format!("version of {name}"));
        }
    }
    for mapping in list(&ask_json(moto, "lambda", "/2015-03-31/event-source-mappings", "")["EventSourceMappings"]) {
        add(format!("mapping {} {} {}", mapping["EventSourceArn"], mapping["FunctionArn"], mapping["BatchSize"]));
    }
    all
}

/// Takes everything away.
pub(crate) fn reset(moto: &str) {
    assert_eq!(super::lambda::request(moto, "POST", "/moto-api/reset", "").0, 200);
}
