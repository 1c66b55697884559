//! Proves what layers of others are to a project once the lock has them: builds take them from the cache and ask nobody, the lock
//! is held to what `pack.toml` says, and where an archive cannot be had nothing is built as if it were empty. None of it needs the
//! cargo feature `aws`.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;

use insta::assert_snapshot;
use support::{Outcome, Pack, WheelBuilder, sha256, unzip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";
const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:layer:shared";

/// A function that needs `pkg`, of which a layer of somebody else's has a part and a layer of the project's own another.
fn project() -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["pkg", "mine", "theirs"]);
    for (name, version) in [("pkg", "1.0"), ("mine", "1.0"), ("theirs", "1.0"), ("theirs", "2.0")] {
        pack.wheel(&WheelBuilder::new(name, version).file(&format!("{name}.py"), version.as_bytes()));
    }
    pack.write("layers/own.txt", "mine\n");
    manifest(&pack, &format!("arn = \"{ARN}\""));
    pack
}

fn manifest(pack: &Pack, shared: &str) {
    pack.write(
        "pack.toml",
        format!(
            "[functions.app]\nlayers = [\"own\", \"shared\"]\n[layers.shared]\n{shared}\n[packaging.layers]\nmethod = \"layers\"\n"
        ),
    );
}

/// The archive of a layer with `theirs` in a version, as `pack layer` makes it.
fn archive(pack: &Pack, version: &str) -> Vec<u8> {
    pack.write("theirs.txt", format!("theirs=={version}\n"));
    let arguments = ["layer", "-q", "-r", "theirs.txt", "--name", "made", "--bytecode", "none", "--no-import-test"];
    done(&pack.command(arguments).run());
    fs::read(pack.path("dist/layers/made-python3.13-x86_64.zip")).unwrap()
}

/// Puts a version with its archive into lock and cache, as `pack lock` does.
fn lock(pack: &Pack, version: u32, archive: &[u8], unpacked: u64, distributions: &str) {
    let digest = sha256(archive);
    fs::create_dir_all(pack.cache().join("layers-v1")).unwrap();
    fs::write(pack.cache().join(format!("layers-v1/{digest}.zip")), archive).unwrap();
    pack.write(
        "pack.lock",
        format!(
            "version = 1\n\n[[layer]]\nname = \"shared\"\npython = \"3.13\"\narchitecture = \"x86_64\"\narn = \"{ARN}:{version}\"\n\
             sha256 = \"{digest}\"\npacked = {}\nunpacked = {unpacked}\ndistributions = [{distributions}]\n",
            archive.len()
        ),
    );
}

fn locked(pack: &Pack) {
    let archive = archive(pack, "1.0");
    lock(pack, 4, &archive, 300, "{ name = \"theirs\", version = \"1.0\" }");
}

fn zip(pack: &Pack, arguments: &[&str]) -> Outcome {
    pack.command(["zip", "--bytecode", "none", "--no-import-test"]).args(arguments).run()
}

#[track_caller]
fn done(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{}{}", outcome.stdout, outcome.stderr);
}

const ARTIFACT: &str = "dist/app-layers-python3.13-x86_64.zip";

#[test]
fn a_build_takes_it_from_the_cache_in_lambdas_order_and_leaves_out_what_it_has() {
    let pack = project();
    locked(&pack);
    let report = zip(&pack, &["--json"]).json(0);
    let report = &report[1];
    assert_eq!(report["layers"][0]["path"], "dist/layers/own-python3.13-x86_64.zip");
    let shared = &report["layers"][1];
    assert_eq!((&shared["name"], &shared["arn"]), (&"shared".into(), &format!("{ARN}:4").into()));
    assert!(shared.get("path").is_none());
    assert_eq!(shared["distributions"][0]["name"], "theirs");
    assert!(shared["unpacked"].as_u64().unwrap() > 0);
    let sum = report["unpacked"].as_u64().unwrap()
        + shared["unpacked"].as_u64().unwrap()
        + report["layers"][0]["unpacked"].as_u64().unwrap();
    assert_eq!(report["unpacked_with_layers"], sum);
    let files: Vec<String> = unzip(&pack.path(ARTIFACT)).into_keys().filter(|path| path.ends_with(".py")).collect();
    assert_eq!(files, ["app.py", "pkg.py"]);
    let text = fs::read_to_string(pack.path("pack.lock")).unwrap();
    assert!(text.contains("name = \"app\"\npackaging = \"layers\"") && text.contains("[[layer]]"), "{text}");
    let theirs: Vec<&str> = text.lines().filter(|line| line.contains("\"theirs\", version")).collect();
    assert!(theirs.len() == 2 && theirs.iter().all(|line| line.contains("1.0")), "the layer's version: {theirs:?}");
    for arguments in [&["--locked"][..], &["--locked", "--offline"], &["--offline", "--dry-run", "--locked"]] {
        let outcome = zip(&pack, arguments);
        done(&outcome);
        assert!(!outcome.stderr.contains("passed over"), "{}", outcome.stderr);
        assert!(!outcome.stdout.contains(pack.cache().to_str().unwrap()), "{}", outcome.stdout);
    }
    let outcome = zip(&pack, &[]);
    assert!(outcome.stdout.contains("unchanged"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains(&format!("\n    {ARN}:4\n    theirs 1.0\n")), "{}", outcome.stdout);
}

#[test]
fn another_version_than_the_layers_is_an_error_that_names_the_layer() {
    let pack = project();
    locked(&pack);
    pack.write("requirements/app.txt", "pkg\nmine\ntheirs==2.0\n");
    let outcome = zip(&pack, &[]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stderr.contains(&format!("layer shared ({ARN}:4) has theirs 1.0, and pip says")),
        "{}",
        outcome.stderr
    );
    done(&zip(&pack, &["--allow-shadow"]));
    let files = unzip(&pack.path(ARTIFACT));
    assert_eq!(files["theirs.py"].text(), "2.0");
}

#[test]
fn what_pack_toml_says_otherwise_is_told_without_asking_anybody() {
    let pack = project();
    locked(&pack);
    done(&zip(&pack, &[]));
    let check = || pack.command(["lock", "--check"]).run();
    done(&check());
    manifest(&pack, &format!("arn = \"{ARN}\"\nversion = {{ \"3.13\" = 4 }}"));
    done(&check());
    done(&zip(&pack, &["--locked"]));
    manifest(&pack, &format!("arn = \"{ARN}\"\nversion = {{ \"3.13-arm64\" = 4, \"3.13\" = 5 }}"));
    assert_snapshot!(check().stderr, @r"
    error: pack.lock is out of date:
    shared (python3.13-x86_64):
      pack.toml says version 5, and the lock has 4
    hint: pack lock brings it up to date; commit the result
    ");
    assert_snapshot!(zip(&pack, &["--locked"]).stderr, @r"
    error: pack.lock is out of date for the layer shared (python3.13-x86_64):
      pack.toml says version 5, and the lock has 4
    hint: pack lock brings it up to date; commit the result
    ");
    manifest(&pack, &format!("arn = \"{ARN}-else\""));
    let outcome = check();
    assert_eq!(outcome.status, 1);
    let said = format!("pack.toml means {ARN}-else, and the lock has {ARN}:4");
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    manifest(&pack, "public = \"powertools\"");
    assert!(check().stderr.contains("pack.toml means arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPow"));
    pack.write("pack.toml", "[functions.app]\nlayers = [\"own\"]\n[packaging.layers]\nmethod = \"layers\"\n");
    let outcome = check();
    assert!(outcome.stderr.contains("shared (python3.13-x86_64): the project has no such layer"), "{}", outcome.stderr);
    done(&pack.command(["lock"]).run());
    assert!(!fs::read_to_string(pack.path("pack.lock")).unwrap().contains("[[layer]]"));
}

#[test]
fn what_cannot_be_had_is_passed_over_with_the_reason() {
    let pack = project();
    let said = |outcome: &Outcome, status: i32, words: &str| {
        assert_eq!(outcome.status, status, "{}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains(words), "{words:?} is not in:\n{}", outcome.stderr);
    };
    let text = "app is packaged as layers, and its layer shared cannot be had: ";
    said(
        &zip(&pack, &["--locked"]),
        2,
        &format!("{text}pack.lock knows no layer of others, and --locked looks for none"),
    );
    said(&zip(&pack, &["--offline"]), 2, &format!("{text}what shared (python3.13-x86_64) has is not in the lock"));
    pack.write(
        "pack.toml",
        fs::read_to_string(pack.path("pack.toml")).unwrap() + "[packaging.zip]\nmethod = \"zip\"\n",
    );
    let outcome = zip(&pack, &["--offline", "-q"]);
    assert_eq!(
        (outcome.status, outcome.stdout.as_str()),
        (0, "dist/app-python3.13-x86_64.zip\n"),
        "{}",
        outcome.stderr
    );
    said(&zip(&pack, &["--offline"]), 0, &format!("warning: passed over: {text}"));
    assert!(!pack.path(ARTIFACT).exists());
    // The lock knows it, and its archive is gone, or is no longer what it was.
    locked(&pack);
    let cached = pack.cache().join("layers-v1");
    let file = cached.join(Pack::files(&cached).remove(0));
    fs::write(&file, "no archive").unwrap();
    let words = format!(
        "warning: passed over: {text}its archive ({ARN}:4) is not in the cache, and --offline downloads nothing"
    );
    said(&zip(&pack, &["--offline"]), 0, &words);
    assert!(!file.exists());
    said(&zip(&pack, &["--offline", "--locked", "--packaging", "layers"]), 2, &format!("error: {}", &words[22..]));
    done(&zip(&pack, &["--locked"]));
}

#[test]
#[cfg(not(feature = "aws"))]
fn without_the_feature_one_sentence_says_what_to_do() {
    let pack = project();
    assert_snapshot!(zip(&pack, &[]).stderr, @r"
    error: app is packaged as layers, and its layer shared cannot be had: this pack was built without the cargo feature aws, and so cannot ask AWS; build it with cargo install --path . --features aws (or cargo build --release --features aws)
    hint: --packaging names another; --layer names ZIPs of layers, in place of those that pack.toml says; pack plan shows all
    ");
    let outcome = pack.command(["lock"]).run();
    done(&outcome);
    assert!(outcome.stderr.contains("without the cargo feature aws"), "{}", outcome.stderr);
    done(&pack.command(["lock", "--check"]).run());
    let outcome = pack.command(["lock", "--upgrade", "shared"]).run();
    assert_eq!(outcome.status, 1, "who asks for it by name is told");
}

#[test]
fn a_lock_without_any_is_read_and_checked_as_before_and_says_so() {
    let pack = project();
    pack.write("pack.lock", "version = 1\n");
    done(&pack.command(["lock", "--offline"]).run());
    let outcome = pack.command(["lock", "--check"]).run();
    done(&outcome);
    assert!(outcome.stderr.contains("warning: pack.lock knows no layer of others (shared)"), "{}", outcome.stderr);
}

#[test]
fn without_aws_what_was_locked_stays() {
    let pack = project();
    locked(&pack);
    done(&zip(&pack, &["-q"]));
    let before = fs::read_to_string(pack.path("pack.lock")).unwrap();
    manifest(&pack, &format!("arn = \"{ARN}:9\""));
    let outcome = pack.command(["lock", "--offline"]).run();
    done(&outcome);
    assert!(
        outcome.stderr.contains("the layer shared is not locked, and what has it is not built"),
        "{}",
        outcome.stderr
    );
    assert_eq!(fs::read_to_string(pack.path("pack.lock")).unwrap(), before);
}

#[test]
fn a_plan_shows_what_the_lock_knows_and_refuses_what_is_too_large() {
    let pack = project();
    let plan = || pack.command(["plan"]).run();
    let line = |text: &str| text.lines().find(|line| line.contains("layer:shared")).unwrap().trim().to_owned();
    assert_eq!(line(&plan().stdout), format!("+ {ARN} (unknown size)"));
    lock(&pack, 4, b"PK", 123_456_789, "");
    let outcome = plan();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    assert_eq!(line(&outcome.stdout), format!("+ {ARN}:4 (123.5 MB unpacked)"));
    let layers = &pack.command(["plan", "--json"]).run().json(0)["builds"][0]["layers"];
    assert_eq!(layers[1]["locked"], serde_json::json!({ "packed": 2, "unpacked": 123_456_789 }));
    assert!(layers[0].get("locked").is_none());
    lock(&pack, 4, b"PK", 262_144_001, "");
    let outcome = plan();
    assert_eq!(outcome.status, 1);
    let said = "its layers of others unpack to 262144001 bytes: \"Layers consume more than the available size of 262144000 bytes\"";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    manifest(&pack, &format!("arn = \"{ARN}\"\nversion = 5"));
    assert_eq!(line(&plan().stdout), format!("+ {ARN}:5 (unknown size)"));
}
