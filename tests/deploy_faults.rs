//! Proves that a deployment comes to the same end whatever happens on the way: each call throttled, failing, cut off, answered to nobody
//! or refused, and the process killed at any call. Nothing is there twice then, nothing is left behind, and destroying leaves nothing.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use support::between::{Fate, between};
use support::cbor;
use support::census::{Census, census, reset};
use support::counting;
use support::moto::Moto;
use support::registry::{Question, Reply, Server};
use support::{Outcome, Pack, Run, WheelBuilder, skip};

const EVERYTHING: &[&str] = &["destroy", "--yes", "--with-data", "--with-artifacts", "--with-images", "--with-logs"];

/// What happens to calls.
#[derive(Clone, Default)]
enum Trouble {
    #[default]
    None,
    /// To the first of each kind, once.
    Once(Fault),
    /// To every one of a kind.
    Refused(String),
    /// At the call of this number, the process is killed: before it arrives, or after.
    Killed { at: usize, after: bool },
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Throttled,
    Fails,
    /// The connection is closed before the call arrives.
    Cut,
    /// The connection is closed before the answer comes back, as after a time-out.
    Lost,
}

/// What the proxy knows.
#[derive(Default)]
struct State {
    trouble: Trouble,
    calls: Vec<String>,
    troubled: BTreeSet<String>,
    process: Option<u32>,
    /// Mappings that were made: a second one of a queue and a function is refused by AWS, and not by moto.
    mapped: BTreeSet<Vec<u8>>,
}

/// A project with ZIPs, a layer, versions and an account, behind a proxy.
struct Team {
    pack: Pack,
    moto: Moto,
    proxy: Server,
    state: Arc<Mutex<State>>,
}

impl Team {
    fn new() -> Option<Self> {
        let Some(moto) = Moto::start() else {
            skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
            return None;
        };
        let pack = Pack::new();
        pack.function(
            "job",
            "import pkg\n\ndef handler(event, context):\n    return {'batchItemFailures': []}\n",
            &["pkg"],
        );
        pack.write("layers/tools.txt", "tool\n");
        for name in ["pkg", "tool"] {
            pack.wheel(&WheelBuilder::new(name, "1.0").file(&format!("{name}.py"), b""));
        }
        pack.write(
            "pack.toml",
            "[project]\nname = \"jobs\"\nregion = \"eu-west-1\"\n[defaults]\nbytecode = \"none\"\n[functions.job]\nhandler = \
             \"app.handler\"\n[packaging.zip]\nmethod = \"zip\"\n[packaging.layers]\nmethod = \"layers\"\nlayers = [\"tools\"]\n\
             [deploy]\nalias = \"live\"\n",
        );
        let state: Arc<Mutex<State>> = Arc::default();
        let kept = Arc::clone(&state);
        let proxy = between(&moto.place, move |question| fate(&kept, question));
        Some(Self { pack, moto, proxy, state })
    }

    fn command(&self, arguments: &[&str]) -> Run {
        let mut run = self.pack.command(arguments);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            run.command.env_remove(proxy);
        }
        run.env("AWS_ENDPOINT_URL", format!("http://{}", self.proxy.address))
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
    }

    fn set(&self, trouble: Trouble) {
        *self.state.lock().unwrap() = State { trouble, ..State::default() };
    }

    /// A run with some trouble, and the calls that it made.
    fn run(&self, trouble: Trouble, arguments: &[&str]) -> (Outcome, Vec<String>) {
        self.set(trouble);
        let outcome = self.command(arguments).run();
        (outcome, self.state.lock().unwrap().calls.clone())
    }

    fn deploy(&self, trouble: Trouble) -> (Outcome, Vec<String>) {
        self.run(trouble, &["deploy", "--yes", "--no-import-test"])
    }

    #[track_caller]
    fn deployed(&self) -> Census {
        let (outcome, _) = self.deploy(Trouble::None);
        assert_eq!(outcome.status, 0, "{}{}", outcome.stdout, outcome.stderr);
        census(&self.moto.place)
    }

    #[track_caller]
    fn destroyed(&self) {
        let (outcome, calls) = self.run(Trouble::None, EVERYTHING);
        assert_eq!(outcome.status, 0, "{}{}{calls:?}", outcome.stdout, outcome.stderr);
        assert_eq!(census(&self.moto.place), Census::new(), "{}", outcome.stdout);
    }

    /// Runs it until it is killed, or to its end.
    fn killed(&self, at: usize, after: bool, arguments: &[&str]) {
        self.set(Trouble::Killed { at, after });
        let mut run = self.command(arguments);
        let mut child: Child = run.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.state.lock().unwrap().process = Some(child.id());
        child.wait().unwrap();
        // What it had sent is on its way.
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn fate(state: &Mutex<State>, question: &Question) -> Fate {
    let call = counting::name(question);
    let mut known = state.lock().unwrap();
    known.calls.push(call.clone());
    if call == "lambda:CreateEventSourceMapping" && known.mapped.contains(&question.body) {
        let words = "The event source arn (\" arn \") and function (\" job \") provided mapping already exists. Please update or delete the existing mapping with UUID 1";
        return Fate::Answer(refusal(question, 409, "ResourceConflictException", words));
    }
    match known.trouble.clone() {
        Trouble::Once(fault) if known.troubled.insert(call.clone()) => match fault {
            Fault::Throttled if is_of(question, "s3") => {
                Fate::Answer(refusal(question, 503, "SlowDown", "Reduce your rate"))
            }
            Fault::Throttled => Fate::Answer(refusal(question, 400, "ThrottlingException", "Rate exceeded")),
            Fault::Fails => Fate::Answer(refusal(question, 500, "InternalFailure", "try again")),
            Fault::Cut => Fate::Answer(Reply::Drop),
            Fault::Lost => {
                if call == "lambda:CreateEventSourceMapping" {
                    known.mapped.insert(question.body.clone());
                }
                Fate::Lost
            }
        },
        Trouble::Refused(refused) if call == refused => {
            Fate::Answer(refusal(question, 403, "AccessDenied", "no policy allows it"))
        }
        Trouble::Killed { at, after } if known.calls.len() >= at => {
            drop(known);
            kill(state);
            if after { Fate::Lost } else { Fate::Answer(Reply::Drop) }
        }
        _ => Fate::Pass,
    }
}

fn kill(state: &Mutex<State>) {
    loop {
        if let Some(process) = state.lock().unwrap().process {
            let _ = kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), Signal::KILL);
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_of(question: &Question, service: &str) -> bool {
    question.header("authorization").is_some_and(|signed| signed.contains(&format!("/{service}/")))
}

/// A refusal in the words of the service that was asked.
fn refusal(question: &Question, status: u16, code: &str, words: &str) -> Reply {
    if cbor::operation(question).is_some() {
        return cbor::error(status, code, words);
    }
    if question.header("x-amz-target").is_some() {
        let body = json!({"__type": code, "message": words}).to_string();
        return Reply::new(status, &[("content-type", "application/x-amz-json-1.1")], body);
    }
    if is_of(question, "s3") {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{words}</Message></Error>");
        let body = if question.method == "HEAD" { String::new() } else { body };
        return Reply::new(status, &[("content-type", "application/xml")], body);
    }
    if is_of(question, "lambda") {
        let body = json!({"Type": "User", "message": words}).to_string();
        return Reply::new(status, &[("content-type", "application/json"), ("x-amzn-errortype", code)], body);
    }
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{words}</Message></Error></ErrorResponse>"
    );
    Reply::new(status, &[("content-type", "text/xml")], body)
}

#[test]
fn each_call_may_fail_once_in_any_way() {
    let Some(team) = Team::new() else { return };
    let (first, calls) = team.deploy(Trouble::None);
    assert_eq!(first.status, 0, "{}", first.stderr);
    let expected = census(&team.moto.place);
    let kinds: BTreeSet<&String> = calls.iter().collect();
    assert!(kinds.len() > 30, "{kinds:?}");
    for fault in [Fault::Throttled, Fault::Fails, Fault::Cut, Fault::Lost] {
        reset(&team.moto.place);
        let (outcome, _) = team.deploy(Trouble::Once(fault));
        assert_eq!(outcome.status, 0, "{fault:?}: {}{}", outcome.stdout, outcome.stderr);
        assert_eq!(census(&team.moto.place), expected, "{fault:?}");
        let troubled = team.state.lock().unwrap().troubled.clone();
        assert!(troubled.len() >= kinds.len(), "{fault:?}");
        let (outcome, _) = team.run(Trouble::Once(fault), EVERYTHING);
        assert_eq!(outcome.status, 0, "{fault:?}: {}{}", outcome.stdout, outcome.stderr);
        assert_eq!(census(&team.moto.place), Census::new(), "{fault:?}");
    }
}

#[test]
fn a_call_that_is_refused_is_named_and_the_next_run_goes_on() {
    let Some(team) = Team::new() else { return };
    let (first, calls) = team.deploy(Trouble::None);
    assert_eq!(first.status, 0, "{}", first.stderr);
    let expected = census(&team.moto.place);
    let kinds: BTreeSet<&String> = calls.iter().collect();
    assert!(kinds.len() > 30, "{kinds:?}");
    for call in kinds {
        reset(&team.moto.place);
        let (outcome, _) = team.deploy(Trouble::Refused(call.clone()));
        let service = call.split(':').next().unwrap().replace("monitoring", "cloudwatch");
        // Whether there is room is worth a question, and no more.
        let is_needed = call != "lambda:GetAccountSettings";
        assert_eq!(outcome.status, i32::from(is_needed), "{call}: {}{}", outcome.stdout, outcome.stderr);
        // Of a bucket S3 does not say why it is not shown: it may be somebody else's.
        let is_named = outcome.stderr.contains(&format!("AWS does not allow {service}:"))
            && outcome.stderr.contains("\"Effect\":\"Allow\"");
        let is_bucket =
            call == "s3:HeadBucket" && outcome.stderr.contains("these credentials lack s3:ListBucket on it");
        assert!(is_named || is_bucket, "{call}:\n{}", outcome.stderr);
        if is_change(call) {
            assert_eq!(team.deployed(), expected, "{call}");
        }
    }
    team.destroyed();
}

/// Whether a call changes something.
fn is_change(call: &str) -> bool {
    let reads = ["Get", "List", "Describe", "Head"];
    !reads.iter().any(|word| call.split(':').nth(1).unwrap().starts_with(word))
}

#[test]
fn killed_at_any_call_the_next_run_ends_the_same() {
    const KILLS: usize = 50;
    let Some(team) = Team::new() else { return };
    let (first, calls) = team.deploy(Trouble::None);
    assert_eq!(first.status, 0, "{}", first.stderr);
    let expected = census(&team.moto.place);
    team.destroyed();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = u64::from(now.subsec_nanos()) << 20 | 1;
    let mut random = seed;
    let mut below = |limit: usize| {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % limit as u64).unwrap()
    };
    let mut points: BTreeMap<usize, usize> = BTreeMap::new();
    for number in 1..=KILLS {
        let (at, after) = (below(calls.len()) + 1, below(2) == 0);
        *points.entry(at).or_default() += 1;
        let arguments: &[&str] = if below(5) == 0 { EVERYTHING } else { &["deploy", "--yes", "--no-import-test"] };
        team.killed(at, after, arguments);
        if below(4) == 0 || number == KILLS {
            assert_eq!(team.deployed(), expected, "seed {seed}, kill {number} at call {at} of {arguments:?}");
            let (outcome, calls) = team.deploy(Trouble::None);
            // moto forgets which alias a mapping invokes.
            let changed: Vec<&String> =
                calls.iter().filter(|call| is_change(call) && *call != "lambda:UpdateEventSourceMapping").collect();
            assert!(changed.is_empty(), "seed {seed}, kill {number}: {changed:?} {}", outcome.stdout);
            if below(2) == 0 || number == KILLS {
                team.destroyed();
            }
        }
    }
    assert!(points.len() > 20, "{points:?}");
}
