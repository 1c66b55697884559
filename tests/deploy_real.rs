//! The whole way: the repository's workload, deployed by `pack deploy` as ZIP, as ZIP with layers and as an image, for two versions of Python
//! and two memory sizes; messages from `pack send`; the handlers, which run in containers; and what they leave in the bucket and in the logs.
//!
//! AWS is moto, which runs functions with a container engine; images are pushed to a real registry, and run with the engine directly,
//! since moto does not run them.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::base_image::{Format, base_image};
use support::between::{Fate, between};
use support::census::{ask, census};
use support::counting;
use support::engine::Engine;
use support::moto::Moto;
use support::registry::{Reply, Server};
use support::registry_server::RegistryServer;
use support::workload::with;
use support::{Outcome, Pack, assert_done, runtime_folder, skip, succeed};

const MESSAGES: usize = 50;
/// Of them for each function that moto runs: both at once, since it unpacks a function's code anew when nobody uses it any more.
const EACH: usize = 2;
const RUNTIME: &str = "pack-test/moto-runtime:1";

/// The Pythons of this machine that stand for Lambda's.
fn pythons() -> Option<Vec<PathBuf>> {
    let pack = Pack::new();
    pack.function("app", "def handler(event, context):\n    return 1\n", &[]);
    let mut found = Vec::new();
    for version in ["3.12", "3.13"] {
        let plan = pack.zip("app").args(["--python", version, "--dry-run", "--json"]).run().json(0);
        let Some(python) = plan["compile_interpreter"].as_str() else {
            skip(&format!("no CPython {version} on this machine"));
            return None;
        };
        found.push(python.into());
    }
    Some(found)
}

/// Gives the engine what moto runs functions with.
fn load_runtime(engine: &Engine, pythons: &[PathBuf], folder: &Path) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images");
    let python = pythons.last().unwrap();
    let mut script = Command::new(python);
    script.arg(scripts.join("moto_runtime.py")).arg(folder).arg(runtime_folder(python.to_str().unwrap()));
    succeed(script.args(pythons).env("PYTHONDONTWRITEBYTECODE", "1"));
    let entrypoint = "ENTRYPOINT [\"/bin/sh\", \"/run.sh\"]";
    succeed(engine.docker(["import", "--change", entrypoint]).arg(folder.join("runtime.tar")).arg(RUNTIME));
    succeed(
        engine.docker(["import", "--change", "ENV PATH=/bin"]).arg(folder.join("busybox.tar")).arg("busybox:latest"),
    );
    for tar in ["runtime.tar", "busybox.tar"] {
        std::fs::remove_file(folder.join(tar)).unwrap();
    }
}

struct Team {
    pack: Pack,
    moto: Moto,
    proxy: Server,
    /// What was sent, until somebody delivers it: moto has a function run before it answers who sends.
    sent: Arc<Mutex<Vec<Value>>>,
}

impl Team {
    fn command(&self, arguments: &[&str]) -> Outcome {
        let mut run = self.pack.with_the_index(arguments);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            run.command.env_remove(proxy);
        }
        run.env("AWS_ENDPOINT_URL", format!("http://{}", self.proxy.address))
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .run()
    }

    fn ask(&self, service: &str, method: &str, target: &str, call: &str, body: &Value) -> Value {
        let answer = ask(&self.moto.place, service, method, target, call, body);
        if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).unwrap() }
    }

    fn sqs(&self, call: &str, more: &Value) -> Value {
        let mut body = json!({"QueueUrl": format!("http://{}/123456789012/e2e", self.moto.place)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask("sqs", "POST", "/", &format!("AmazonSQS.{call}"), &body)
    }

    /// Puts messages onto moto's queue, each on its own.
    fn deliver(&self, messages: &[Value]) {
        std::thread::scope(|scope| {
            for message in messages {
                scope.spawn(|| self.sqs("SendMessage", &json!({"MessageBody": message["MessageBody"]})));
            }
        });
    }

    fn enable(&self, mapping: &str, enabled: bool) {
        let path = format!("/2015-03-31/event-source-mappings/{mapping}");
        self.ask("lambda", "PUT", &path, "", &json!({"Enabled": enabled}));
    }

    /// What a function wrote.
    fn logs(&self, function: &str) -> Vec<String> {
        let group = json!({"logGroupName": format!("/aws/lambda/{function}")});
        let answer = self.ask("logs", "POST", "/", "Logs_20140328.FilterLogEvents", &group);
        let events = answer["events"].as_array().unwrap().iter();
        events.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Runs the images of functions on what is in the queue, as Lambda would: AWS's own emulator, and a batch for each invocation. How many
    /// messages each of them has done.
    fn run_images(&self, engine: &Arc<Engine>, images: &[&String], number: usize) -> BTreeMap<String, usize> {
        let layout = self.pack.path("dist/workload-image-python3.13-x86_64");
        let image = engine.load_layout(&layout, "pack-test/e2e:1");
        let share = number.div_ceil(images.len());
        let mut of_images = BTreeMap::new();
        for name in images {
            let variables = [
                ("AWS_LAMBDA_FUNCTION_NAME", name.as_str()),
                ("AWS_ENDPOINT_URL", &format!("http://{}", self.moto.place)),
                ("AWS_ACCESS_KEY_ID", "testing"),
                ("AWS_SECRET_ACCESS_KEY", "testing"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_REGION", "eu-west-1"),
                ("BUCKET_NAME", "e2e-data-123456789012-eu-west-1"),
                ("POWERTOOLS_SERVICE_NAME", "workload"),
            ];
            let start = engine.container(&image);
            let container = variables.iter().fold(start, |start, (name, value)| start.env(name, value)).run();
            while of_images.get(*name).copied().unwrap_or_default() < share {
                let taken = self.sqs("ReceiveMessage", &json!({"MaxNumberOfMessages": 10}));
                let Some(taken) = taken["Messages"].as_array().cloned().filter(|taken| !taken.is_empty()) else {
                    break;
                };
                let record = |message: &Value| json!({"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"});
                let event = json!({"Records": taken.iter().map(record).collect::<Vec<_>>()});
                assert_eq!(container.invoke(&event), json!({"batchItemFailures": []}), "{}", container.logs());
                for message in &taken {
                    self.sqs("DeleteMessage", &json!({"ReceiptHandle": message["ReceiptHandle"]}));
                }
                *of_images.entry((*name).clone()).or_default() += taken.len();
            }
        }
        of_images
    }

    /// Fails unless a function that moto ran has left its objects and its records.
    fn assert_ran(&self, name: &str, objects: &BTreeSet<String>) {
        let logs = self.logs(name);
        let of_function =
            objects.iter().filter(|key| key.starts_with(&format!("{name}/")) && key.ends_with(".parquet"));
        assert_eq!(of_function.count(), EACH, "{name}: {logs:#?}");
        let has = |words: &str| logs.iter().filter(|line| line.contains(words)).count();
        assert_eq!((has("\"job done\""), has("REPORT RequestId: ")), (EACH, EACH), "{name}: {logs:#?}");
        assert!(has("\"cold start\"") > 0, "{name}: {logs:#?}");
        let python = if name.contains("3-12") { "3.12" } else { "3.13" };
        let place = if name.contains("layers") { "/opt/python/" } else { "/var/task/" };
        let ran = format!(
            "{{\"python\": \"{python}\", \"modules\": {{\"app\": \"/var/task/app.py\", \"numpy\": \"{place}numpy/"
        );
        assert_eq!(has(&ran), EACH, "{name}: {logs:#?}");
    }
}

fn manifest(base: &Path, registry: &str) -> String {
    format!(
        r#"[project]
name = "e2e"
region = "eu-west-1"

[functions.workload]
handler = "app.handler"
timeout = 660

[functions.workload.environment]
POWERTOOLS_SERVICE_NAME = "workload"
POWERTOOLS_METRICS_NAMESPACE = "e2e"

[packaging.zip]
method = "zip"

[packaging.layers]
method = "layers"
layers = ["science", "tools"]

[packaging.image]
method = "image"

[image]
base = "{}"

[matrix]
python = ["3.12", "3.13"]
memory = [1024, 1769]
# The stand-in for AWS's base image is of this machine's 3.13.
exclude = [{{ packaging = "image", python = "3.12" }}]

[deploy]
name = "perf_{{method}}_{{python}}_{{memory}}"
repository = "{registry}/e2e"
"#,
        base.display()
    )
}

/// The workload's project, and moto behind a proxy that keeps what is sent.
fn team(engine: &Engine, base: &Path, pythons: &[PathBuf], registry: &str) -> Option<Team> {
    let host = engine.host();
    let variables = [
        ("DOCKER_HOST", host.as_str()),
        ("MOTO_DOCKER_LAMBDA_IMAGE", RUNTIME),
        ("MOTO_DOCKER_NETWORK_MODE", "host"),
        ("MOTO_HOST", "http://127.0.0.1"),
    ];
    let Some(moto) = Moto::start_with(&variables) else {
        skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
        return None;
    };
    let pack = with(&["functions/workload", "requirements", "layers"]);
    load_runtime(engine, pythons, &pack.tmp());
    pack.write("pack.toml", manifest(base, registry));
    let sent: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&sent);
    let proxy = between(&moto.place, move |question| {
        if counting::name(question) != "sqs:SendMessageBatch" {
            return Fate::Pass;
        }
        let asked: Value = serde_json::from_slice(&question.body).unwrap();
        let entries = asked["Entries"].as_array().unwrap();
        let taken = entries.iter().map(|entry| json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0"}));
        let answer = json!({"Successful": taken.collect::<Vec<_>>(), "Failed": []}).to_string();
        kept.lock().unwrap().extend(entries.iter().cloned());
        Fate::Answer(Reply::new(200, &[("content-type", "application/x-amz-json-1.0")], answer))
    });
    Some(Team { pack, moto, proxy, sent })
}

#[test]
fn the_workload_runs_behind_its_queue_however_it_is_packaged() {
    let (Some(engine), Some(base), Some(pythons)) = (Engine::shared(), base_image(Format::Docker), pythons()) else {
        return;
    };
    let Some(registry) = RegistryServer::start(false, false) else { return };
    let Some(team) = team(&engine, &base.canonicalize().unwrap(), &pythons, &registry.address) else { return };
    assert_done(&team.command(&["deploy", "--yes", "--no-import-test"]));
    let again = team.command(&["deploy", "--yes", "--no-import-test"]);
    assert_done(&again);
    assert!(again.stdout.contains("unchanged") && !again.stdout.contains(" to "), "{}", again.stdout);
    let all = census(&team.moto.place);
    assert_eq!(all.keys().filter(|what| what.starts_with("function perf_")).count(), 10, "{all:#?}");

    let outcome = team.command(&["send", &MESSAGES.to_string(), "-q"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "50\n"), "{}", outcome.stderr);
    let mut messages = std::mem::take(&mut *team.sent.lock().unwrap());
    assert_eq!(messages.len(), MESSAGES);

    // moto gives every message to the first function of a queue: so one after the other is the only one.
    let mappings = team.ask("lambda", "GET", "/2015-03-31/event-source-mappings/", "", &Value::Null);
    let mappings: BTreeMap<String, String> = mappings["EventSourceMappings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mapping| {
            let name = mapping["FunctionArn"].as_str().unwrap().rsplit(':').next().unwrap();
            (name.to_owned(), mapping["UUID"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(mappings.len(), 10);
    for mapping in mappings.values() {
        team.enable(mapping, false);
    }
    let (images, zips): (Vec<_>, Vec<_>) = mappings.iter().partition(|(name, _)| name.contains("image"));
    for (_, mapping) in &zips {
        team.enable(mapping, true);
        team.deliver(&messages.split_off(messages.len() - EACH));
        team.enable(mapping, false);
    }

    // Images: the same messages, from the queue.
    team.deliver(&messages);
    let names: Vec<&String> = images.iter().map(|(name, _)| *name).collect();
    let of_images = team.run_images(&engine, &names, messages.len());

    // The queue is empty, and each message has left its object.
    let counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let queue = team.sqs("GetQueueAttributes", &json!({"AttributeNames": counts}));
    assert!(counts.iter().all(|count| queue["Attributes"][count] == "0"), "{queue}");
    let objects: BTreeSet<String> = census(&team.moto.place)
        .into_keys()
        .filter_map(|what| what.strip_prefix("object e2e-data-123456789012-eu-west-1/").map(str::to_owned))
        .collect();
    assert_eq!(objects.len(), MESSAGES, "{objects:#?}");
    for (name, _) in &zips {
        team.assert_ran(name, &objects);
    }
    assert_eq!(of_images.len(), images.len());
    for (name, number) in of_images {
        assert!(number > 0, "{name}");
        let of_function = objects.iter().filter(|key| key.starts_with(&format!("{name}/")));
        assert_eq!(of_function.count(), number, "{name}");
    }
    let everything = ["destroy", "--yes", "--with-data", "--with-artifacts", "--with-images", "--with-logs"];
    assert_done(&team.command(&everything));
    assert!(census(&team.moto.place).is_empty());
}
