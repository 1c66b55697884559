//! Proves what `pack invoke` makes of Lambda's answers, that it invokes as often as it is told and no more, and that `pack cold` changes a
//! function's environment without losing anything of it.
//!
//! The answers are those that Lambda was seen to give; moto stands behind where its own will do.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use serde_json::{Value, json};
use support::registry::{Question, Reply, Server};
use support::{Outcome, Pack, assert_done, assert_fails};

fn run(pack: &Pack, server: &Server, arguments: &[&str]) -> Outcome {
    pack.command(arguments)
        .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        .run()
}

fn answer(status: u16, headers: &[(&str, &str)], body: &Value) -> Reply {
    let headers = [&[("content-type", "application/json"), ("x-amzn-requestid", "8f5")][..], headers].concat();
    Reply::new(status, &headers, body.to_string())
}

fn refusal(status: u16, code: &str, words: &str) -> Reply {
    answer(status, &[("x-amzn-errortype", code)], &json!({"Type": "User", "Message": words, "message": words}))
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A project `jobs` of a function in two sizes.
fn project() -> Pack {
    let pack = Pack::new();
    pack.function("app", "def handler(event, context):\n    return 1\n", &[]);
    pack.write("pack.toml", "[project]\nname = \"jobs\"\n[matrix]\nmemory = [256, 512]\n");
    pack
}

const LOG: &str = "START RequestId: 8f5 Version: $LATEST\nEND RequestId: 8f5\nREPORT RequestId: 8f5\tDuration: 2.50 ms\t\
                   Billed Duration: 903 ms\tMemory Size: 256 MB\tMax Memory Used: 61 MB\tInit Duration: 900.12 ms\t\n";

#[test]
fn each_function_is_invoked_as_often_as_it_is_said() {
    let server = Server::start(|question| {
        let is_tail = question.header("x-amz-log-type") == Some("Tail");
        let log = BASE64.encode(LOG.as_bytes());
        let extra = [("x-amz-executed-version", "$LATEST"), ("x-amz-log-result", log.as_str())];
        answer(200, &extra[..if is_tail { 2 } else { 1 }], &json!({"day": 1}))
    });
    let pack = project();
    pack.write("event.json", "{\"from\": \"file\"}");
    let outcome = run(&pack, &server, &["invoke", "-n", "5", "--event", "event.json", "--json"]);
    assert_done(&outcome);
    let mut asked: Vec<String> = server.questions().iter().map(Question::line).collect();
    asked.sort();
    let path = |memory: u32| format!("POST /2015-03-31/functions/jobs-app-{memory}/invocations");
    assert_eq!(asked, [vec![path(256); 5], vec![path(512); 5]].concat());
    assert!(server.questions().iter().all(|question| question.body == b"{\"from\": \"file\"}"));
    let told = lines(&outcome);
    assert_eq!(told.len(), 10);
    assert!(
        told.iter()
            .all(|line| line["status"] == 200 && line["answer"] == json!({"day": 1}) && line["version"] == "$LATEST")
    );
    // With what Lambda says, as text; a function of the project means all of its rows.
    let outcome = run(&pack, &server, &["invoke", "app", "-n", "2", "--report", "--concurrency", "1"]);
    assert_done(&outcome);
    let first = outcome.stdout.lines().next().unwrap();
    assert!(first.starts_with("jobs-app-256 1: 200 after "), "{first}");
    assert!(first.ends_with(" ms, ran 2.5 ms, 61 of 256 MB, init 900.1 ms"), "{first}");
    assert!(outcome.stdout.contains("jobs-app-512: 2 invocations, 0 failed; answered after "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("; 2 cold starts: 900.1 / 900.1 / 900.1 ms"), "{}", outcome.stdout);
    for (event, said) in [("{\"a\": ", "--event is neither a file nor JSON"), ("pack.toml", "pack.toml is not JSON")] {
        assert_fails(&run(&pack, &server, &["invoke", "--event", event]), 2, &[said]);
    }
}

#[test]
fn what_fails_is_told_and_nothing_runs_twice() {
    let number = AtomicUsize::new(0);
    let server = Server::start(move |_| match number.fetch_add(1, Ordering::SeqCst) {
        0 => answer(
            200,
            &[("x-amz-function-error", "Unhandled")],
            &json!({"errorType": "ValueError", "errorMessage": "no such\nday", "stackTrace": []}),
        ),
        1 | 2 => answer(
            429,
            &[("x-amzn-errortype", "TooManyRequestsException")],
            &json!({"Reason": "ConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."}),
        ),
        3 => answer(200, &[], &json!(null)),
        4 => refusal(500, "ServiceException", "An error occurred"),
        5 => Reply::Drop,
        _ => answer(200, &[], &json!("done")),
    });
    let pack = project();
    let outcome = run(&pack, &server, &["invoke", "other", "-n", "5", "--concurrency", "1", "--json"]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let told = lines(&outcome);
    assert_eq!(server.questions().len(), 7, "only what Lambda refuses for now is asked again");
    assert_eq!(told[0]["error"], "ValueError: no such day");
    assert_eq!((&told[1]["status"], &told[1]["error"]), (&json!(200), &Value::Null));
    assert_eq!(told[2]["status"], 500);
    assert!(told[2]["error"].as_str().unwrap().contains("ServiceException"), "{}", told[2]);
    assert!(
        told[3]["status"].is_null() && told[3]["error"].as_str().unwrap().starts_with("AWS cannot be reached"),
        "{}",
        told[3]
    );
    assert_eq!(told[4]["answer"], "done");
    let server = Server::start(|question| {
        assert_eq!(question.header("x-amz-invocation-type"), Some("Event"));
        answer(202, &[], &json!(null))
    });
    let outcome = run(&pack, &server, &["invoke", "other:live", "--async"]);
    assert_done(&outcome);
    assert!(outcome.stdout.starts_with("other:live 1: 202 after "), "{}", outcome.stdout);
}

#[test]
fn what_no_invocation_could_get_ends_it() {
    let words = "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: lambda:InvokeFunction on resource: \
                 arn:aws:lambda:eu-west-1:123456789012:function:other because no identity-based policy allows the lambda:InvokeFunction action";
    let server = Server::start(move |_| refusal(403, "AccessDeniedException", words));
    let pack = project();
    let outcome = run(&pack, &server, &["invoke", "other", "-n", "1000", "--concurrency", "2"]);
    let statement = r#"{"Action":"lambda:InvokeFunction","Effect":"Allow","Resource":"arn:aws:lambda:eu-west-1:123456789012:function:other"}"#;
    assert_fails(&outcome, 1, &["AWS does not allow lambda:InvokeFunction on arn:aws:lambda:", statement]);
    assert!(server.questions().len() < 10);
    let server = Server::start(|_| refusal(404, "ResourceNotFoundException", "Function not found"));
    assert_fails(
        &run(&pack, &server, &["invoke", "other", "-n", "9"]),
        1,
        &["AWS has no arn:aws:lambda:eu-west-1:*:function:other"],
    );
}

/// A function on Lambda, as far as `pack cold` goes.
#[derive(Default)]
struct Function {
    variables: Value,
    revision: u64,
    /// What the next updates are answered with.
    refusals: Vec<Reply>,
    /// What the next looks at it say beside its variables.
    states: Vec<Value>,
    updates: Vec<Value>,
}

fn lambda(function: Function) -> (Server, Arc<Mutex<Function>>) {
    let state = Arc::new(Mutex::new(function));
    let kept = Arc::clone(&state);
    let server = Server::start(move |question| {
        let mut function = state.lock().unwrap();
        if question.method == "PUT" {
            function.updates.push(serde_json::from_slice(&question.body).unwrap());
            if let Some(reply) = function.refusals.pop() {
                function.revision += 1;
                return reply;
            }
            function.variables = function.updates.last().unwrap()["Environment"].clone();
            function.revision += 1;
        }
        let mut told = json!({"FunctionName": "other", "State": "Active", "LastUpdateStatus": "Successful",
            "Description": "pack:project=jobs",
            "RevisionId": format!("r{}", function.revision), "Environment": function.variables});
        if question.method == "GET"
            && let Some(Value::Object(state)) = function.states.pop()
        {
            told.as_object_mut().unwrap().extend(state);
        }
        answer(200, &[], &told)
    });
    (server, kept)
}

#[test]
fn a_cold_start_keeps_every_other_variable() {
    let busy = json!({"LastUpdateStatus": "InProgress", "LastUpdateStatusReasonCode": "Creating"});
    let (server, function) = lambda(Function {
        variables: json!({"Variables": {"BUCKET_NAME": "b", "PACK_COLD_STARTS": "7"}}),
        // The last comes first.
        refusals: vec![
            refusal(409, "ResourceConflictException", "An update is in progress"),
            refusal(412, "PreconditionFailedException", "The Revision Id provided does not match"),
        ],
        states: vec![busy.clone(), json!({}), json!({}), json!({"State": "Pending", "StateReasonCode": "Creating"})],
        ..Function::default()
    });
    let outcome = run(&project(), &server, &["cold", "other"]);
    assert_done(&outcome);
    assert_eq!(outcome.stdout, "other: the next invocation starts cold (8)\n");
    let function = function.lock().unwrap();
    let revisions: Vec<&str> = function.updates.iter().map(|update| update["RevisionId"].as_str().unwrap()).collect();
    assert_eq!(revisions, ["r0", "r1", "r2"], "each on what was read last");
    let variables = json!({"Variables": {"BUCKET_NAME": "b", "PACK_COLD_STARTS": "8"}});
    assert!(function.updates.iter().all(|update| update["Environment"] == variables), "{:?}", function.updates);
    assert!(function.states.is_empty(), "it waits until Lambda is done");
}

#[test]
fn a_function_that_cannot_be_changed_is_left_and_named() {
    let refused = json!({"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}}});
    let (server, function) = lambda(Function { states: vec![refused], ..Function::default() });
    let outcome = run(&project(), &server, &["cold", "other"]);
    assert_fails(
        &outcome,
        1,
        &["other:\nerror: the variables of other cannot be read (AccessDeniedException)", "kms:Decrypt"],
    );
    assert!(function.lock().unwrap().updates.is_empty());
    let foreign = json!({"Description": "of somebody else"});
    let (server, function) = lambda(Function { states: vec![foreign.clone(), foreign], ..Function::default() });
    let said = ["exists and is not of this project: it is left as it is", "pack cold with its name"];
    assert_fails(&run(&project(), &server, &["cold"]), 1, &said);
    assert!(function.lock().unwrap().updates.is_empty(), "somebody else made it");
    let failed = json!({"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "The image is gone", "LastUpdateStatusReasonCode": "ImageDeleted"});
    let (server, _) = lambda(Function { states: vec![failed, json!({})], ..Function::default() });
    assert_fails(
        &run(&project(), &server, &["cold", "other"]),
        1,
        &["other: its update failed (ImageDeleted): The image is gone"],
    );
    let full = json!({"Variables": {"LARGE": "x".repeat(4070)}});
    let (server, function) = lambda(Function { variables: full, ..Function::default() });
    assert_fails(
        &run(&project(), &server, &["cold", "other"]),
        1,
        &["the variables of other would have", "shorten one of them"],
    );
    assert!(function.lock().unwrap().updates.is_empty());
    // The others are changed all the same.
    let server = Server::start(|question| {
        if question.path().contains("jobs-app-256") {
            return refusal(404, "ResourceNotFoundException", "Function not found");
        }
        let own = json!({"State": "Active", "LastUpdateStatus": "Successful", "Description": "pack:project=jobs"});
        answer(200, &[], &own)
    });
    let outcome = run(&project(), &server, &["cold"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, "jobs-app-512: the next invocation starts cold (1)\n"));
    assert!(outcome.stderr.contains("there is no function jobs-app-256 in eu-west-1"), "{}", outcome.stderr);
}
