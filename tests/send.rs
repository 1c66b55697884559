//! Proves that `pack send` puts exactly so many messages on a queue: through failures of entries, throttling and lost answers; in
//! memory that does not grow with their number; and that it says how many there are when it cannot go on.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::between::{Fate, between, pass};
use support::moto::Moto;
use support::registry::{Question, Reply, Server};
use support::{Outcome, Pack, Run, assert_done, assert_fails, skip};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// moto looks at all messages of a queue for each new one, so that the messages go to many queues.
const QUEUES: usize = 50;

const ACCOUNT: &str = "123456789012";

fn run(pack: &Pack, server: &Server, arguments: &[&str]) -> Run {
    let run = pack.command(["send"]).args(arguments);
    run.env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
}

fn send(pack: &Pack, server: &Server, arguments: &[&str]) -> Outcome {
    run(pack, server, arguments).run()
}

fn is(question: &Question, call: &str) -> bool {
    question.header("x-amz-target") == Some(&format!("AmazonSQS.{call}"))
}

fn body(question: &Question) -> Value {
    serde_json::from_slice(&question.body).unwrap()
}

fn entries(question: &Question) -> Vec<Value> {
    body(question)["Entries"].as_array().unwrap().clone()
}

fn answer(value: &Value) -> Reply {
    Reply::new(200, &[("content-type", "application/x-amz-json-1.0")], value.to_string())
}

fn refusal(status: u16, code: &str, words: &str) -> Reply {
    let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": words }).to_string();
    Reply::new(status, &[("content-type", "application/x-amz-json-1.0")], body)
}

fn taken(entries: &[Value]) -> Vec<Value> {
    entries.iter().map(|entry| json!({"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": "0"})).collect()
}

fn failed(entries: &[Value], code: &str, is_senders: bool) -> Vec<Value> {
    let failed =
        |entry: &Value| json!({"Id": entry["Id"], "Code": code, "SenderFault": is_senders, "Message": "not now"});
    entries.iter().map(failed).collect()
}

/// A queue `jobs` that takes what `decide` lets it: none for everything.
fn queue(decide: impl Fn(usize, &Question) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let batches = AtomicUsize::new(0);
    Server::start(move |question| {
        if is(question, "GetQueueUrl") {
            let name = body(question)["QueueName"].as_str().unwrap().to_owned();
            return answer(&json!({"QueueUrl": format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{name}")}));
        }
        let number = batches.fetch_add(1, Ordering::SeqCst) + 1;
        decide(number, question)
            .unwrap_or_else(|| answer(&json!({"Successful": taken(&entries(question)), "Failed": []})))
    })
}

fn batches(server: &Server) -> Vec<Question> {
    server.questions().into_iter().filter(|question| is(question, "SendMessageBatch")).collect()
}

#[test]
fn ten_thousand_arrive_though_many_fail_at_first() {
    let Some(moto) = Moto::start() else {
        return skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
    };
    let ask = |call: &str, body: &Value| {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
        let headers = [
            ("host", moto.place.clone()),
            ("authorization", signed.to_owned()),
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("x-amz-target", format!("AmazonSQS.{call}")),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let question = Question { method: "POST".into(), target: "/".into(), headers, body: body.to_string().into() };
        let Reply::Answer(200, _, answer) = pass(&moto.place, &question) else { panic!("{call}") };
        serde_json::from_slice::<Value>(&answer).unwrap()
    };
    let name = |number: usize| if number == 0 { "jobs".to_owned() } else { format!("jobs-{number}") };
    for number in 0..QUEUES {
        ask("CreateQueue", &json!({"QueueName": name(number)}));
    }
    let (place, number) = (moto.place.clone(), AtomicUsize::new(0));
    let passed: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let seen = Arc::clone(&passed);
    let server = between(&moto.place, move |question| {
        if !is(question, "SendMessageBatch") {
            return Fate::Pass;
        }
        let number = number.fetch_add(1, Ordering::SeqCst);
        match number {
            _ if number % 11 == 5 => return Fate::Answer(refusal(400, "ThrottlingException", "Rate exceeded")),
            _ if number % 29 == 7 => return Fate::Answer(refusal(500, "InternalFailure", "again, please")),
            _ if number % 31 == 9 => return Fate::Answer(Reply::Drop),
            _ => {}
        }
        let mut question = question.clone();
        let mut changed = body(&question);
        changed["QueueUrl"] = json!(format!("http://{place}/{ACCOUNT}/{}", name(number % QUEUES)));
        let all = entries(&question);
        let (gone, left) = all.split_at(if number % 7 == 3 { all.len() / 2 } else { all.len() });
        changed["Entries"] = json!(gone);
        question.body = changed.to_string().into();
        for entry in gone {
            *seen.lock().unwrap().entry(entry["MessageBody"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        if left.is_empty() {
            return Fate::Instead(question);
        }
        let mut told = json!({"Successful": []});
        if !gone.is_empty() {
            let Reply::Answer(200, _, answered) = pass(&place, &question) else { return Fate::Answer(Reply::Drop) };
            told = serde_json::from_slice(&answered).unwrap();
        }
        told["Failed"] = json!(failed(left, "InternalError", false));
        Fate::Answer(answer(&told))
    });
    let pack = Pack::new();
    let report = send(&pack, &server, &["10000", "--queue", "jobs", "--json"]).json(0);
    assert_eq!(report["sent"], 10_000);
    assert!(report["retried"].as_u64().unwrap() > 1_000, "{report}");
    let there: u64 = (0..QUEUES)
        .map(|number| {
            let url = format!("http://{}/{ACCOUNT}/{}", moto.place, name(number));
            let found =
                ask("GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}));
            found["Attributes"]["ApproximateNumberOfMessages"].as_str().unwrap().parse::<u64>().unwrap()
        })
        .sum();
    assert_eq!(there, 10_000);
    let passed = passed.lock().unwrap();
    assert_eq!(passed.len(), 10_000);
    assert!(passed.values().all(|times| *times == 1), "each message once");
    assert!(passed.contains_key("{\"number\": 1}") && passed.contains_key("{\"number\": 10000}"));
}

#[test]
fn memory_does_not_grow_with_the_number() {
    let server = queue(|_, _| None);
    let pack = Pack::new();
    let peak = |count: &str| {
        let mut command = run(&pack, &server, &[count, "--queue", "jobs", "-q"]).command;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            most = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0).max(most);
            std::thread::sleep(Duration::from_millis(3));
        }
        assert_eq!(std::io::read_to_string(child.stdout.take().unwrap()).unwrap(), format!("{count}\n"));
        most
    };
    let (few, many) = (peak("1000"), peak("40000"));
    assert!(few > 0 && many < few + 8 * 1024, "{few} kB for a thousand, {many} kB for forty thousand");
    assert_eq!(batches(&server).len(), 4_100);
}

#[test]
fn what_may_be_there_twice_is_counted() {
    let server = queue(|number, _| (number == 2).then_some(Reply::Drop));
    let outcome = send(&Pack::new(), &server, &["40", "--queue", "jobs", "--concurrency", "1", "--body", "{}"]);
    assert_done(&outcome);
    assert!(
        outcome
            .stdout
            .starts_with(&format!("40 messages sent to https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs in "))
    );
    assert!(outcome.stdout.contains("10 were sent again"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("10 may be there twice: the answer to their batch was lost"), "{}", outcome.stdout);
    let batches = batches(&server);
    assert_eq!(batches.len(), 5);
    assert_eq!(entries(&batches[1]), entries(&batches[2]), "the same messages again");
    // A queue of first in, first out drops what comes twice.
    let server = queue(|number, _| (number == 1).then_some(Reply::Drop));
    let report = send(&Pack::new(), &server, &["12", "--queue", "jobs.fifo", "--concurrency", "1", "--json"]).json(0);
    assert_eq!((&report["sent"], &report["maybe_twice"]), (&json!(12), &json!(0)));
    let all = self::batches(&server);
    assert_eq!(entries(&all[0]), entries(&all[1]));
    let ids: std::collections::BTreeSet<String> = all
        .iter()
        .flat_map(entries)
        .map(|entry| entry["MessageDeduplicationId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 12);
}

#[test]
fn what_was_sent_before_a_failure_is_told() {
    let words = "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: sqs:sendmessage on resource: \
                 arn:aws:sqs:eu-west-1:123456789012:jobs because no identity-based policy allows the sqs:sendmessage action";
    let server = queue(move |number, _| (number > 2).then(|| refusal(403, "AccessDeniedException", words)));
    let outcome = send(&Pack::new(), &server, &["100", "--queue", "jobs", "--concurrency", "1", "--json"]);
    assert_eq!(outcome.json(1)["sent"], 20);
    for words in [
        "80 messages were not sent:",
        "AWS does not allow sqs:sendmessage on arn:aws:sqs:eu-west-1:123456789012:jobs",
        r#"{"Action":"sqs:sendmessage","Effect":"Allow","Resource":"arn:aws:sqs:eu-west-1:123456789012:jobs"}"#,
    ] {
        assert!(outcome.stderr.contains(words), "{words:?} is not in:\n{}", outcome.stderr);
    }
    // A message that the queue will never take.
    let server = queue(|number, question| {
        let entries = entries(question);
        let (gone, left) = entries.split_at(4);
        let failed = failed(left, "InvalidMessageContents", true);
        (number == 1).then(|| answer(&json!({"Successful": taken(gone), "Failed": failed})))
    });
    let outcome = send(&Pack::new(), &server, &["100", "--queue", "jobs", "--concurrency", "1", "-q"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, "4\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("does not take message 5 (InvalidMessageContents): not now"), "{}", outcome.stderr);
    assert_eq!(batches(&server).len(), 1);
    // Nobody there.
    let server = Server::start(|_| refusal(400, "QueueDoesNotExist", "The specified queue does not exist."));
    let outcome = send(&Pack::new(), &server, &["1", "--queue", "jobs"]);
    assert_fails(&outcome, 1, &["there is no queue jobs in eu-west-1", "pack deploy makes the project's"]);
}

#[test]
fn the_body_the_rate_and_the_batch_are_as_asked() {
    let server = queue(|_, _| None);
    let pack = Pack::new();
    pack.write("event.json", "x".repeat(100 << 10));
    let start = Instant::now();
    let outcome = send(&pack, &server, &["6", "--queue", "jobs", "--file", "event.json", "--rate", "10", "-q"]);
    assert_done(&outcome);
    assert!(start.elapsed() >= Duration::from_millis(390), "{:?}", start.elapsed());
    let sizes: Vec<usize> = batches(&server).iter().map(|batch| entries(batch).len()).collect();
    assert_eq!(sizes, [2, 2, 2], "a batch has 256 KiB at most");
    assert_eq!(entries(&batches(&server)[0])[0]["MessageBody"].as_str().unwrap().len(), 100 << 10);
    pack.write("empty.json", "");
    pack.write("large.json", "x".repeat((1 << 20) + 1));
    pack.write("bytes", [0xff, 0xfe]);
    for (file, said) in
        [("empty.json", "a message of 0 bytes"), ("large.json", "a message of 1048577"), ("bytes", "not text")]
    {
        assert_fails(&send(&pack, &server, &["1", "--queue", "jobs", "--file", file]), 2, &[said]);
    }
}

#[test]
fn a_project_has_a_queue_and_a_script() {
    let server = queue(|_, _| None);
    let pack = Pack::new();
    pack.function("app", "def handler(event, context):\n    return 1\n", &[]);
    pack.write("pack.toml", "[project]\nname = \"jobs\"\nregion = \"eu-west-3\"\n");
    assert_done(&send(&pack, &server, &["3"]));
    let asked = server.questions();
    assert_eq!(body(&asked[0]), json!({"QueueName": "jobs"}));
    assert!(asked[0].header("authorization").unwrap().contains("/eu-west-3/sqs/"), "the project's Region");
    let nowhere = Pack::new();
    assert_fails(&send(&nowhere, &server, &["3"]), 2, &["there is no project with functions here"]);
    // The name that the published evaluation has for it.
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/send-messages.py");
    let mut command = run(&pack, &server, &[]).command;
    let mut python = Command::new("python3");
    python
        .arg(script)
        .args(["12", "--body", "hello"])
        .current_dir(pack.path(""))
        .env("PACK", env!("CARGO_BIN_EXE_pack"));
    for (name, value) in command.stdout(Stdio::piped()).get_envs() {
        match value {
            Some(value) => python.env(name, value),
            None => python.env_remove(name),
        };
    }
    let Ok(output) = python.output() else { return skip("no python3 on PATH") };
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("12 messages sent to "), "{output:?}");
    assert!(entries(batches(&server).last().unwrap()).iter().all(|entry| entry["MessageBody"] == "hello"));
}
