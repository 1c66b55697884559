//! Proves what `pack deploy` makes of answers that a local AWS never gives: functions that are pending, updates that take their time and
//! fail, revisions that somebody else changed, roles and queues that are not seen yet. Each is as AWS gives it, between pack and moto.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::between::{Fate, between, pass, room};
use support::census::census;
use support::counting;
use support::moto::Moto;
use support::registry::{Question, Reply, Server};
use support::{Outcome, Pack, assert_done, skip};

const HANDLER: &str = "def handler(event, context):\n    return {'batchItemFailures': []}\n";

/// How Lambda's state differs from moto's.
#[derive(Default)]
struct Lambda {
    /// Looks at a function until what goes on with it is over.
    looks: usize,
    /// Those that are left, by function.
    busy: BTreeMap<String, usize>,
    /// Whether the function was made, and not changed since.
    is_new: bool,
    /// What is refused, and how: by call, the last first.
    refusals: BTreeMap<&'static str, Vec<Reply>>,
    /// What functions say of themselves after the next change.
    outcome: Option<Value>,
    /// What they say now.
    said: Option<Value>,
    /// Whether functions are shown without their tags.
    hides_tags: bool,
    /// Whatever has this in its name may not be looked at.
    forbidden: Option<&'static str>,
    /// Calls that came while something went on.
    conflicts: usize,
}

struct Team {
    pack: Pack,
    moto: Moto,
    proxy: Server,
    lambda: Arc<Mutex<Lambda>>,
}

impl Team {
    fn new() -> Option<Self> {
        let Some(moto) = Moto::start() else {
            skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
            return None;
        };
        let pack = Pack::new();
        pack.function("job", HANDLER, &[]);
        let lambda: Arc<Mutex<Lambda>> = Arc::default();
        let (kept, place) = (Arc::clone(&lambda), moto.place.clone());
        let proxy = between(&moto.place, move |question| fate(&mut kept.lock().unwrap(), &place, question));
        let team = Self { pack, moto, proxy, lambda };
        team.manifest(256);
        Some(team)
    }

    fn manifest(&self, memory: u32) {
        let text = format!(
            "[project]\nname = \"jobs\"\nregion = \"eu-west-1\"\n[defaults]\nbytecode = \"none\"\nmemory = {memory}\n\
             [functions.job]\nhandler = \"app.handler\"\n"
        );
        self.pack.write("pack.toml", text);
    }

    /// Another handler and another memory size.
    fn change(&self, number: u32) {
        self.pack.write("functions/job/app.py", format!("{HANDLER}# {number}\n"));
        self.manifest(256 + number);
    }

    fn deploy(&self) -> Outcome {
        self.run(&["deploy", "--yes", "--no-import-test"])
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut run = self.pack.command(arguments);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            run.command.env_remove(proxy);
        }
        run.env("AWS_ENDPOINT_URL", format!("http://{}", self.proxy.address))
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .run()
    }

    fn lambda(&self) -> std::sync::MutexGuard<'_, Lambda> {
        self.lambda.lock().unwrap()
    }
}

fn refusal(status: u16, code: &str, words: &str) -> Reply {
    let body = json!({"Type": "User", "Message": words, "message": words}).to_string();
    Reply::new(status, &[("content-type", "application/json"), ("x-amzn-errortype", code)], body)
}

fn fate(lambda: &mut Lambda, place: &str, question: &Question) -> Fate {
    let call = counting::name(question);
    if let Some(reply) = lambda.refusals.get_mut(call.as_str()).and_then(Vec::pop) {
        return Fate::Answer(reply);
    }
    let body = String::from_utf8_lossy(&question.body);
    let is_named = |name: &&str| question.target.contains(*name) || body.contains(*name);
    if lambda.forbidden.as_ref().is_some_and(is_named) {
        let refused = refusal(403, "AccessDeniedException", "no policy allows it");
        let xml = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
        let is_s3 = call.starts_with("s3:");
        return Fate::Answer(if is_s3 {
            Reply::new(403, &[("content-type", "application/xml")], xml)
        } else {
            refused
        });
    }
    let function = question.path().split('/').nth(3).unwrap_or_default().to_owned();
    let is_busy = lambda.busy.get(&function).is_some_and(|looks| *looks > 0);
    match call.as_str() {
        "lambda:GetFunction" | "lambda:GetFunctionConfiguration" => {
            let Reply::Answer(status, headers, body) = pass(place, question) else { return Fate::Pass };
            let mut told: Value = serde_json::from_slice(&body).unwrap_or_default();
            if lambda.hides_tags && call == "lambda:GetFunction" && status == 200 {
                told.as_object_mut().unwrap().remove("Tags");
                let words = "User: arn:aws:iam::123456789012:user/jo is not authorized to perform: lambda:ListTags on resource: \
                             arn:aws:lambda:eu-west-1:123456789012:function:jobs-job because no identity-based policy allows it";
                told["TagsError"] = json!({"ErrorCode": "AccessDeniedException", "Message": words});
            }
            let configuration = if call == "lambda:GetFunction" { &mut told["Configuration"] } else { &mut told };
            let Some(configuration) = configuration.as_object_mut().filter(|_| status == 200) else {
                return Fate::Answer(Reply::Answer(status, headers, body));
            };
            if is_busy {
                let looks = lambda.busy.get_mut(&function).unwrap();
                *looks -= 1;
                let state = json!({"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"});
                let update = json!({"LastUpdateStatus": "InProgress", "LastUpdateStatusReason": "The function is being created.",
                    "LastUpdateStatusReasonCode": "Creating"});
                let more = if lambda.is_new { state } else { update };
                configuration.extend(more.as_object().unwrap().clone());
            } else if let Some(said) = &lambda.said {
                configuration.extend(said.as_object().unwrap().clone());
            }
            Fate::Answer(Reply::Answer(status, headers, told.to_string().into_bytes()))
        }
        "lambda:UpdateFunctionCode" | "lambda:UpdateFunctionConfiguration" | "lambda:PublishVersion" if is_busy => {
            lambda.conflicts += 1;
            let words = format!(
                "The operation cannot be performed at this time. An update is in progress for resource: {function}"
            );
            Fate::Answer(refusal(409, "ResourceConflictException", &words))
        }
        "lambda:CreateFunction" | "lambda:UpdateFunctionCode" | "lambda:UpdateFunctionConfiguration" => {
            let name = if call == "lambda:CreateFunction" {
                serde_json::from_slice::<Value>(&question.body).unwrap()["FunctionName"].as_str().unwrap().to_owned()
            } else {
                function
            };
            lambda.busy.insert(name, lambda.looks);
            lambda.is_new = call == "lambda:CreateFunction";
            lambda.said = lambda.outcome.clone();
            Fate::Pass
        }
        _ => Fate::Pass,
    }
}

#[track_caller]
fn said(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.status, 1, "{}{}", outcome.stdout, outcome.stderr);
    for words in words {
        assert!(outcome.stderr.contains(words), "{words:?} is not in:\n{}", outcome.stderr);
    }
}

#[test]
fn what_takes_its_time_is_waited_for() {
    let Some(team) = Team::new() else { return };
    team.lambda().looks = 3;
    assert_done(&team.deploy());
    assert!(team.lambda().busy.values().all(|looks| *looks == 0), "it waits until the function is active");
    team.change(1);
    assert_done(&team.deploy());
    let lambda = team.lambda();
    assert!(lambda.busy.values().all(|looks| *looks == 0), "it waits until the update is over");
    assert_eq!(lambda.conflicts, 0, "nothing is asked of a function that is being updated");
    drop(lambda);
    // An update of somebody else's goes on.
    team.change(2);
    team.lambda().busy.insert("jobs-job".into(), 4);
    assert_done(&team.deploy());
    let there = census(&team.moto.place);
    assert!(there.keys().any(|what| what.starts_with("function jobs-job ") && what.contains(" 258 ")), "{there:#?}");
}

#[test]
fn an_update_that_fails_is_an_error_with_awss_reason_and_is_tried_again() {
    let Some(team) = Team::new() else { return };
    assert_done(&team.deploy());
    team.change(1);
    for (code, hint) in [
        ("ImageAccessDenied", "the repository's policy has to let lambda.amazonaws.com take images"),
        ("ImageDeleted", "the image is gone from the repository"),
        ("InvalidImage", "pack check says what Lambda would not take of an image"),
        ("InvalidZipFileException", "pack check says what is wrong with the ZIP"),
        ("InvalidRuntime", "take another Python in [matrix]"),
        ("InsufficientRolePermissions", "the function's role lacks something"),
        ("KMSKeyAccessDenied", "the key of the environment variables"),
        ("FunctionError", "its log group has the traceback"),
        ("InternalError", "deploying again tries it again"),
    ] {
        let reason = format!("What Lambda says of {code}.");
        team.lambda().outcome = Some(
            json!({"LastUpdateStatus": "Failed", "LastUpdateStatusReason": reason, "LastUpdateStatusReasonCode": code}),
        );
        said(&team.deploy(), &["jobs-job", code, &reason, hint]);
    }
    team.lambda().outcome = None;
    assert_done(&team.deploy());
    assert_eq!(team.lambda().said, None, "the next run has changed it");
    let outcome = team.deploy();
    assert!(outcome.stdout.contains("unchanged") && !outcome.stdout.contains(" to update"), "{}", outcome.stdout);
}

#[test]
fn a_function_that_could_not_be_made_is_made_anew() {
    let Some(team) = Team::new() else { return };
    let failed = json!({"State": "Failed", "StateReason": "No room.", "StateReasonCode": "InternalError"});
    team.lambda().outcome = Some(failed);
    said(&team.deploy(), &["jobs-job", "InternalError", "No room."]);
    team.lambda().outcome = None;
    assert_done(&team.deploy());
    let functions: Vec<String> =
        census(&team.moto.place).into_keys().filter(|what| what.starts_with("function ")).collect();
    assert_eq!(functions.len(), 1, "{functions:?}");
    assert_eq!(team.lambda().said, None);
}

#[test]
fn what_is_not_seen_yet_is_asked_for_again() {
    let Some(team) = Team::new() else { return };
    let unseen = refusal(
        400,
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    );
    let cannot = "The provided execution role does not have permissions to call ReceiveMessage on SQS";
    let deleted = json!({"__type": "com.amazonaws.sqs#QueueDeletedRecently",
        "message": "You must wait 60 seconds after deleting a queue before you can create another with the same name."});
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amzn-query-error", "AWS.SimpleQueueService.QueueDeletedRecently;Sender"),
    ];
    let deleted = Reply::new(400, &headers, deleted.to_string());
    let busy = refusal(
        409,
        "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    );
    team.lambda().refusals = BTreeMap::from([
        ("lambda:CreateFunction", vec![unseen; 3]),
        ("lambda:CreateEventSourceMapping", vec![refusal(400, "InvalidParameterValueException", cannot); 2]),
        ("lambda:PutFunctionEventInvokeConfig", vec![busy]),
        ("sqs:CreateQueue", vec![deleted; 2]),
    ]);
    assert_done(&team.deploy());
    assert!(team.lambda().refusals.values().all(Vec::is_empty), "all of them were met");
}

#[test]
fn a_function_that_somebody_else_changed_meanwhile_is_left_to_the_next_run() {
    let Some(team) = Team::new() else { return };
    assert_done(&team.deploy());
    let words = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
    for (number, call) in [(1, "lambda:UpdateFunctionConfiguration"), (2, "lambda:UpdateFunctionCode")] {
        team.change(number);
        team.lambda().refusals = BTreeMap::from([(call, vec![refusal(412, "PreconditionFailedException", words)])]);
        said(&team.deploy(), &["somebody else changed the function jobs-job meanwhile", "run it again"]);
        assert_done(&team.deploy());
    }
}

#[test]
fn tags_that_are_not_shown_are_a_permission_that_is_missing() {
    let Some(team) = Team::new() else { return };
    assert_done(&team.deploy());
    team.lambda().hides_tags = true;
    said(
        &team.deploy(),
        &["AWS does not show the tags of", "function:jobs-job (lambda:ListTags)", "\"Action\":\"lambda:ListTags\""],
    );
}

#[test]
fn code_that_the_account_has_no_room_for_is_refused_before_anything_is_made() {
    let Some(team) = Team::new() else { return };
    team.lambda().refusals = BTreeMap::from([("lambda:GetAccountSettings", vec![room(10)])]);
    said(&team.deploy(), &["Lambda keeps 10 B of code", "what is new has", "nothing was changed"]);
    assert_eq!(census(&team.moto.place).len(), 0);
    // Who may not ask is told so.
    let refused = refusal(403, "AccessDeniedException", "no policy allows it");
    team.lambda().refusals = BTreeMap::from([("lambda:GetAccountSettings", vec![refused.clone()])]);
    let outcome = team.deploy();
    assert_done(&outcome);
    assert!(
        outcome.stderr.contains("warning: whether Lambda has room for the code is not known"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("lambda:GetAccountSettings"), "{}", outcome.stderr);
    // Nothing is uploaded, and nothing asked.
    team.lambda().refusals = BTreeMap::from([("lambda:GetAccountSettings", vec![refused])]);
    assert_done(&team.deploy());
    assert_eq!(team.lambda().refusals["lambda:GetAccountSettings"].len(), 1);
}

#[test]
fn what_may_not_be_looked_at_is_somebody_elses() {
    let Some(team) = Team::new() else { return };
    let manifest = std::fs::read_to_string(team.pack.path("pack.toml")).unwrap();
    team.pack.write("pack.toml", manifest.replace("\"jobs\"", "\"foreign\""));
    assert_done(&team.deploy());
    let older = format!("{manifest}[deploy]\ndata = \"an-older-name\"\n");
    team.pack.write("pack.toml", older);
    assert_done(&team.deploy());
    team.pack.write("pack.toml", manifest);
    // Their function takes from our queue.
    let body =
        json!({"EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:jobs", "FunctionName": "foreign-job"}).to_string();
    let mapping = Question {
        method: "POST".into(),
        target: "/2015-03-31/event-source-mappings/".into(),
        headers: vec![
            ("host".into(), "lambda.eu-west-1.amazonaws.com".into()),
            ("content-type".into(), "application/json".into()),
            ("authorization".into(), "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/lambda/aws4_request".into()),
        ],
        body: body.into_bytes(),
    };
    let Reply::Answer(201, ..) = pass(&team.moto.place, &mapping) else { panic!("moto makes no mapping") };
    team.lambda().forbidden = Some("foreign");
    assert_done(&team.deploy());
    // Buckets come in pages.
    let page = "<ListAllMyBucketsResult><Buckets></Buckets><ContinuationToken>more</ContinuationToken></ListAllMyBucketsResult>";
    let page = Reply::new(200, &[("content-type", "application/xml")], page);
    team.lambda().refusals = BTreeMap::from([("s3:ListBuckets", vec![page])]);
    let outcome = team.run(&["destroy", "--yes", "--with-data", "--with-artifacts", "--with-logs"]);
    assert_done(&outcome);
    assert!(outcome.stdout.contains("an-older-name") && !outcome.stdout.contains("foreign"), "{}", outcome.stdout);
    let there = census(&team.moto.place);
    assert!(there.keys().any(|what| what.starts_with("function foreign-job")), "{there:#?}");
    assert!(!there.keys().any(|what| what.contains("an-older-name")), "{there:#?}");
    // What fails otherwise is no answer.
    let failed = Reply::new(400, &[("content-type", "application/xml")], "<Error><Code>InvalidRequest</Code></Error>");
    let tagging = vec![failed; 20];
    team.lambda().refusals = BTreeMap::from([("s3:GetBucketTagging", tagging)]);
    said(&team.run(&["destroy", "--yes"]), &["InvalidRequest", "s3:GetBucketTagging"]);
}
