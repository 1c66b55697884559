//! Proves what `pack deploy`, `pack status` and `pack destroy` make of an account: a local AWS (moto) behind a proxy that writes down every
//! call, with images in a real registry.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use support::base_image::{Format, base_image};
use support::counting::Counting;
use support::moto::Moto;
use support::registry_server::RegistryServer;
use support::{Outcome, Pack, Run, WheelBuilder, skip};

const HANDLER: &str = "def handler(event, context):\n    return {'batchItemFailures': []}\n";

/// A project, and an account that has nothing.
struct Team {
    pack: Pack,
    aws: Counting,
    moto: Moto,
}

impl Team {
    /// None where moto is not installed.
    fn new() -> Option<Self> {
        let Some(moto) = Moto::start() else {
            skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
            return None;
        };
        let pack = Pack::new();
        pack.function("job", HANDLER, &["pkg"]);
        pack.write("layers/tools.txt", "tool\n");
        for name in ["pkg", "tool"] {
            pack.wheel(&WheelBuilder::new(name, "1.0").file(&format!("{name}.py"), b""));
        }
        let team = Self { pack, aws: Counting::before(&moto.place), moto };
        team.manifest("256, 512", "");
        Some(team)
    }

    /// ZIPs, and ZIPs with a layer, in some memory sizes.
    fn manifest(&self, memory: &str, more: &str) {
        self.pack.write(
            "pack.toml",
            format!(
                "[project]\nname = \"reports\"\nregion = \"eu-west-1\"\n[defaults]\nbytecode = \"none\"\n[functions.job]\nhandler = \
                 \"app.handler\"\ntimeout = 60\n[functions.job.environment]\nSECRET_WORD = \"swordfish\"\n\
                 [packaging.zip]\nmethod = \"zip\"\n[packaging.layers]\nmethod = \"layers\"\nlayers = [\"tools\"]\n\
                 [matrix]\nmemory = [{memory}]\n{more}"
            ),
        );
    }

    fn command(&self, arguments: &[&str]) -> Run {
        let mut run = self.pack.command(arguments);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            run.command.env_remove(proxy);
        }
        run.env("AWS_ENDPOINT_URL", self.aws.url())
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
    }

    fn deploy(&self, arguments: &[&str]) -> Outcome {
        self.command(&[&["deploy", "--no-import-test"], arguments].concat()).run()
    }

    /// A deploy that works, and what it changed.
    #[track_caller]
    fn deployed(&self, arguments: &[&str]) -> (Outcome, Vec<String>) {
        self.aws.calls();
        let outcome = self.deploy(arguments);
        done(&outcome);
        (outcome, self.aws.changes())
    }

    fn status(&self) -> (i32, Value) {
        let outcome = self.command(&["status", "--format", "json"]).run();
        (outcome.status, serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr)))
    }
}

#[track_caller]
fn done(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{}{}", outcome.stdout, outcome.stderr);
}

#[track_caller]
fn said(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.status, status, "{}{}", outcome.stdout, outcome.stderr);
    for words in words {
        assert!(outcome.stderr.contains(words), "{words:?} is not in:\n{}", outcome.stderr);
    }
}

/// What a plan in JSON does, `action kind name` each.
fn actions(outcome: &Outcome) -> Vec<String> {
    let plan: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let changes = plan["changes"].as_array().unwrap().iter().filter(|change| change["action"] != "unchanged");
    changes
        .map(|change| format!("{} {} {}", text(change, "action"), text(change, "kind"), text(change, "name")))
        .collect()
}

const EVERYTHING: &[&str] = &["destroy", "--yes", "--with-data", "--with-artifacts", "--with-images", "--with-logs"];

#[test]
fn what_is_deployed_stays_until_it_differs() {
    let Some(team) = Team::new() else { return };
    // Nothing but reading.
    team.aws.calls();
    let plan = team.deploy(&["--dry-run", "--format", "json"]);
    done(&plan);
    assert_eq!(team.aws.changes(), [""; 0]);
    let planned = actions(&plan);
    assert_eq!(planned.len(), 21, "{planned:#?}");
    assert!(planned.contains(&"create function reports-job-layers-512".into()), "{planned:#?}");

    let (outcome, changes) = team.deployed(&[]);
    assert_eq!(changes.iter().filter(|call| *call == "lambda:CreateFunction").count(), 4, "{changes:?}");
    assert_eq!(changes.iter().filter(|call| *call == "s3:PutObject").count(), 2, "what has the same bytes is one");
    assert!(outcome.stdout.contains("#/functions/reports-job-zip-256"), "{}", outcome.stdout);
    let (outcome, changes) = team.deployed(&[]);
    assert_eq!(changes, [""; 0], "{}", outcome.stdout);
    let (status, json) = team.status();
    assert_eq!((status, json["functions"].as_array().unwrap().len()), (0, 4), "{json:#}");

    // A changed handler: the functions that have it, and a ZIP for each packaging.
    team.pack.write("functions/job/app.py", HANDLER.replace("[]", "[ ]"));
    let (outcome, changes) = team.deployed(&["--format", "json"]);
    let updated =
        ["zip-256", "zip-512", "layers-256", "layers-512"].map(|end| format!("update function reports-job-{end}"));
    let done = actions(&outcome);
    assert_eq!(done[1..], updated, "one object beside them: {done:#?}");
    let count = |call: &str| changes.iter().filter(|one| *one == call).count();
    assert_eq!(
        (count("lambda:UpdateFunctionCode"), count("lambda:UpdateFunctionConfiguration")),
        (4, 0),
        "{changes:?}"
    );
    assert_eq!(count("s3:PutObject"), 1, "{changes:?}");

    // A changed secret: its value is not shown.
    let manifest = std::fs::read_to_string(team.pack.path("pack.toml")).unwrap();
    team.pack.write("pack.toml", manifest.replace("swordfish", "marlin"));
    let (outcome, changes) = team.deployed(&[]);
    assert!(outcome.stdout.contains("environment.SECRET_WORD: … → …"), "{}", outcome.stdout);
    assert!(!(outcome.stdout + &outcome.stderr).contains("marlin"));
    assert_eq!(changes.iter().filter(|call| *call == "lambda:UpdateFunctionConfiguration").count(), 4, "{changes:?}");
    assert!(!changes.contains(&"lambda:UpdateFunctionCode".into()), "{changes:?}");

    // A row less is deleted, and nobody was asked.
    team.manifest("256", "");
    team.pack.write(
        "pack.toml",
        std::fs::read_to_string(team.pack.path("pack.toml")).unwrap().replace("swordfish", "marlin"),
    );
    said(&team.deploy(&[]), 2, &["4 of these are replaced or deleted, and there is no terminal", "--yes"]);
    let (outcome, changes) = team.deployed(&["--yes", "--format", "json"]);
    let deleted: Vec<String> = actions(&outcome).into_iter().filter(|action| action.starts_with("delete")).collect();
    let rows = ["layers-512", "zip-512"];
    let expected: Vec<String> = ["function", "mapping"]
        .iter()
        .flat_map(|kind| rows.map(|row| format!("delete {kind} reports-job-{row}")))
        .collect();
    assert_eq!(deleted, expected);
    assert_eq!(changes.iter().filter(|call| call.starts_with("lambda:Delete")).count(), 4, "{changes:?}");
    assert_eq!(team.deployed(&[]).1, [""; 0]);

    // All of it goes, the log groups of rows that are gone already too.
    let outcome = team.command(&["destroy", "--dry-run"]).run();
    assert!(outcome.stdout.contains("log group /aws/lambda/reports-job-zip-512 stays"), "{}", outcome.stdout);
    let outcome = team.command(&["destroy", "--yes"]).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("stays: it has artifacts in it"), "{}", outcome.stdout);
    let outcome = team.command(EVERYTHING).run();
    assert_eq!(outcome.status, 0, "{}{}", outcome.stdout, outcome.stderr);
    let outcome = team.command(EVERYTHING).run();
    assert_eq!(outcome.stdout, "nothing of this project is there\n");
}

#[test]
fn memory_is_configuration_alone_and_what_others_changed_is_seen() {
    let Some(team) = Team::new() else { return };
    let deploy = "[deploy]\nname = \"perf_{method}\"\nalias = \"live\"\nlog-retention = 7\nmaximum-concurrency = 5\n";
    team.manifest("256", deploy);
    let (_, changes) = team.deployed(&[]);
    assert!(changes.contains(&"lambda:CreateAlias".into()), "{changes:?}");
    team.manifest("512", deploy);
    let (outcome, changes) = team.deployed(&["--format", "json"]);
    // moto says of a mapping the function without its alias: that it looks changed each time is moto's.
    let of_mappings = |text: &String| text.contains("mapping") || text.ends_with("EventSourceMapping");
    let names = ["zip", "layers"];
    let mut expected = names.map(|name| format!("update function perf_{name}")).to_vec();
    expected.extend(names.map(|name| format!("update alias perf_{name}:live")));
    let made: Vec<String> = actions(&outcome).into_iter().filter(|action| !of_mappings(action)).collect();
    assert_eq!(made, expected);
    let calls: BTreeSet<String> = changes.into_iter().filter(|call| !of_mappings(call)).collect();
    let expected = ["PublishVersion", "TagResource", "UpdateAlias", "UpdateFunctionConfiguration"];
    assert_eq!(calls, expected.map(|name| format!("lambda:{name}")).into());
    assert!(team.deployed(&[]).1.iter().all(of_mappings));

    // A function by its name in pack.toml alone.
    said(&team.deploy(&["--only", "jab"]), 2, &["there is no function \"jab\"", "job"]);
    team.manifest("1024", deploy);
    let (outcome, _) = team.deployed(&["--only", "job", "--format", "json"]);
    assert_eq!(actions(&outcome).iter().filter(|action| !of_mappings(action)).count(), 4);
    done(&team.command(EVERYTHING).run());
}

#[test]
fn images_are_pushed_once_and_named_by_their_digest() {
    let Some(team) = Team::new() else { return };
    let (Some(base), Some(registry)) = (base_image(Format::Oci), RegistryServer::start(false, false)) else { return };
    let base = base.canonicalize().unwrap();
    let more = format!(
        "[packaging.image]\nmethod = \"image\"\n[image]\nbase = \"{}\"\n[deploy]\nrepository = \"{}/team/reports\"\n",
        base.display(),
        registry.address
    );
    team.manifest("256", &more);
    let (outcome, _) = team.deployed(&["--format", "json"]);
    let name = format!("create image {}/team/reports@sha256:", registry.address);
    assert!(actions(&outcome).iter().any(|action| action.starts_with(&name)), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("pushed image"), "{}", outcome.stderr);
    let (_, json) = team.status();
    let function =
        json["functions"].as_array().unwrap().iter().find(|one| one["name"] == "reports-job-image-256").unwrap();
    let layout: Value =
        serde_json::from_slice(&std::fs::read(team.pack.path("dist/job-image-python3.13-x86_64/index.json")).unwrap())
            .unwrap();
    let digest = layout["manifests"][0]["digest"].as_str().unwrap();
    assert_eq!(format!("sha256:{}", function["code"].as_str().unwrap()), digest, "{json:#}");
    let (outcome, changes) = team.deployed(&[]);
    assert_eq!(changes, [""; 0], "{}", outcome.stdout);
    assert!(!outcome.stderr.contains("pushed"), "{}", outcome.stderr);
    // A function cannot become another package: names that do not tell them apart are refused.
    team.manifest("256", &more.replace("[deploy]", "[deploy]\nname = \"{function}-{memory}\""));
    said(&team.deploy(&["--yes"]), 2, &["would both be called job-256"]);
    team.manifest("256", &more);
    done(&team.command(EVERYTHING).run());
}

#[test]
fn what_is_somebody_elses_is_not_touched() {
    let Some(team) = Team::new() else { return };
    team.manifest("256", "");
    team.deployed(&[]);
    // Another project with the same names.
    let other = Team { pack: Pack::new(), aws: Counting::before(&team.moto.place), ..team };
    other.pack.function("job", HANDLER, &[]);
    other.pack.write(
        "pack.toml",
        "[project]\nname = \"others\"\nregion = \"eu-west-1\"\n[functions.job]\nhandler = \"app.handler\"\n[deploy]\nname = \
         \"reports-job-zip-256\"\ndata = \"reports-data-123456789012-eu-west-1\"\n",
    );
    other.aws.calls();
    let outcome = other.deploy(&["--yes"]);
    said(
        &outcome,
        1,
        &[
            "the function reports-job-zip-256 exists and is not of this project: its tag pack:project says \"reports\"",
            "the bucket reports-data-123456789012-eu-west-1 exists and is not of this project",
            "nothing was touched",
        ],
    );
    assert_eq!(other.aws.changes(), [""; 0]);
    let outcome = other.command(EVERYTHING).run();
    assert_eq!(outcome.stdout, "nothing of this project is there\n", "{}", outcome.stderr);
}

#[test]
fn the_printed_policy_has_every_call() {
    let Some(team) = Team::new() else { return };
    team.manifest("256", "[deploy]\nalias = \"live\"\n");
    let outcome = team.command(&["deploy", "--print-policy"]).run();
    done(&outcome);
    let policy: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let allowed: BTreeSet<&str> = statements
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    team.deploy(&["--yes"]);
    team.manifest("512", "[deploy]\nalias = \"live\"\nlog-retention = 7\n");
    team.pack.write("functions/job/app.py", HANDLER.replace("[]", "[ ]"));
    team.deploy(&["--yes"]);
    team.status();
    team.command(EVERYTHING).run();
    let calls: BTreeSet<String> = team.aws.calls().iter().map(|call| action(call)).collect();
    assert!(calls.len() > 40, "{calls:?}");
    let missing: Vec<&String> = calls.iter().filter(|call| !allowed.contains(call.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let everything = statements.iter().filter(|statement| statement["Resource"] == serde_json::json!(["*"]));
    assert_eq!(everything.count(), 1, "one statement has what takes no resource");
}

#[test]
fn the_printed_policy_is_about_what_is_named_and_no_more() {
    let Some(team) = Team::new() else { return };
    let resources = |memory: &str, more: &str| {
        team.manifest(memory, more);
        let outcome = team.command(&["deploy", "--print-policy"]).run();
        done(&outcome);
        let policy: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let statements = policy["Statement"].as_array().unwrap().clone();
        let of = move |sid: &str| -> Vec<String> {
            let found = statements.iter().find(|statement| statement["Sid"] == sid);
            found.map(|found| serde_json::from_value(found["Resource"].clone()).unwrap()).unwrap_or_default()
        };
        (policy.to_string().len(), of)
    };
    let (_, of) = resources("256", "");
    assert_eq!(of("PassedRole"), ["arn:aws:iam::123456789012:role/reports-eu-west-1-lambda"]);
    assert_eq!(of("Images"), ["arn:aws:ecr:eu-west-1:123456789012:repository/reports"]);
    assert_eq!(of("Images"), of("Repository"));
    // A role that is there, and a registry of another account's.
    let role = "[deploy]\nrole = \"arn:aws:iam::123456789012:role/teams/jobs\"\n";
    let ecr = "repository = \"210987654321.dkr.ecr.eu-central-1.amazonaws.com/team/jobs\"\n";
    let (_, of) = resources("256", &format!("{role}{ecr}"));
    assert_eq!(of("PassedRole"), ["arn:aws:iam::123456789012:role/teams/jobs"]);
    assert_eq!(of("Images"), ["arn:aws:ecr:eu-central-1:210987654321:repository/team/jobs"]);
    assert_eq!(of("Repository"), [""; 0]);
    let (_, of) = resources("256", "[deploy]\nrepository = \"registry.example.com/team/jobs\"\n");
    assert_eq!(of("Images"), [""; 0]);
    // Many functions: IAM takes 6,144 characters.
    let memory: Vec<String> = (0..60).map(|number| (256 + number).to_string()).collect();
    let (length, of) = resources(&memory.join(","), "");
    assert!(length < 6144, "{length}");
    assert_eq!(of("Functions"), ["arn:aws:lambda:eu-west-1:123456789012:function:reports-*"]);
    assert_eq!(of("LogGroups"), ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/reports-*"]);
    let (_, of) = resources("256, 512, 1024", "[deploy]\nname = \"{method}-{memory}\"\n");
    assert_eq!(of("Functions").len(), 12, "{:?}", of("Functions"));
}

#[test]
fn a_project_that_no_tag_can_name_is_not_deployed() {
    let Some(team) = Team::new() else { return };
    let manifest = std::fs::read_to_string(team.pack.path("pack.toml")).unwrap();
    team.pack.write("pack.toml", manifest.replace("\"reports\"", "\"reports & more\""));
    team.aws.calls();
    said(&team.deploy(&[]), 2, &["a project called \"reports & more\" cannot be deployed: AWS takes no '&'"]);
    assert_eq!(team.aws.calls(), [""; 0]);
}

/// What a call takes to be allowed, where it is called otherwise.
fn action(call: &str) -> String {
    let others = [
        ("monitoring:", "cloudwatch:"),
        ("s3:HeadBucket", "s3:ListBucket"),
        ("s3:ListBuckets", "s3:ListAllMyBuckets"),
        ("s3:HeadObject", "s3:GetObject"),
        ("s3:ListObjectsV2", "s3:ListBucket"),
        ("s3:ListObjectVersions", "s3:ListBucketVersions"),
        ("s3:ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("s3:PutBucketEncryption", "s3:PutEncryptionConfiguration"),
        ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
        ("s3:PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
        ("s3:DeleteObjects", "s3:DeleteObject"),
    ];
    let found = others.iter().find(|(from, _)| call.starts_with(from));
    found.map_or_else(|| call.to_owned(), |(from, to)| call.replacen(from, to, 1))
}

#[test]
fn names_that_clash_are_told_before_anything_is_built() {
    let Some(team) = Team::new() else { return };
    team.manifest("256, 512", "[deploy]\nname = \"{function}-{method}\"\n");
    team.aws.calls();
    let outcome = team.deploy(&[]);
    said(
        &outcome,
        2,
        &[
            "job as zip for python3.13-x86_64 with 256 MB and job as zip for python3.13-x86_64 with 512 MB would both be",
        ],
    );
    assert_eq!(team.aws.calls(), ["sts:GetCallerIdentity"]);
    assert!(!Path::new(&team.pack.path("dist")).exists());
}
