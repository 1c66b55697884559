//! Proves how layers of others come from AWS's API: which version is the newest, to its owner and to others; what is recorded of it;
//! what happens to an archive on its way; and that no credential and no presigned URL is shown or kept.
//!
//! The API is a stand-in that answers as AWS was seen to answer, and moto behind it where that is installed.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::base_image::has_program;
use support::index::Index;
use support::lambda::{Lambda, PRESIGNED, Trouble, publish_in_moto};
use support::moto::Moto;
use support::registry_server::certificates;
use support::{Outcome, Pack, Run, WheelBuilder, sha256, skip, unzip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";
const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:layer:shared";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEXAMPLETOKEN";

/// A function that needs `pkg` and `theirs`, which a layer of somebody else's has.
fn project() -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["pkg", "theirs"]);
    for (name, version) in [("pkg", "1.0"), ("theirs", "1.0"), ("theirs", "2.0"), ("theirs", "3.0")] {
        pack.wheel(&WheelBuilder::new(name, version).file(&format!("{name}.py"), version.as_bytes()));
    }
    manifest(&pack, &format!("arn = \"{ARN}\""));
    pack
}

fn manifest(pack: &Pack, shared: &str) {
    pack.write(
        "pack.toml",
        format!("[functions.app]\nlayers = [\"shared\"]\n[layers.shared]\n{shared}\n[packaging.layers]\nmethod = \"layers\"\n"),
    );
}

/// The archive of a layer with `theirs` in a version, as `pack layer` makes it.
fn archive(pack: &Pack, version: &str) -> Vec<u8> {
    let requirement = format!("theirs=={version}\n");
    pack.write("theirs.txt", requirement);
    let arguments = ["layer", "-q", "-r", "theirs.txt", "--name", "made", "--bytecode", "none", "--no-import-test"];
    done(&pack.command(arguments).run());
    fs::read(pack.path("dist/layers/made-python3.13-x86_64.zip")).unwrap()
}

/// A run that asks the stand-in; nothing of what it says or keeps may have a secret.
fn run(pack: &Pack, lambda: &Lambda, arguments: &[&str]) -> Outcome {
    ask(pack, lambda, pack.command(arguments))
}

fn ask(pack: &Pack, lambda: &Lambda, mut run: Run) -> Outcome {
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        run.command.env_remove(proxy);
    }
    let outcome = run
        .env("AWS_ENDPOINT_URL", lambda.url())
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", TOKEN)
        .env("RUST_LOG", "trace")
        .run();
    let kept = ["project", "cache", "tmp"].map(|folder| pack.path("..").join(folder));
    let files = kept.iter().flat_map(|folder| Pack::files(folder).into_iter().map(|file| folder.join(file)));
    let texts = files.map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned());
    for text in texts.chain([outcome.stdout.clone(), outcome.stderr.clone()]) {
        for secret in [SECRET, TOKEN, PRESIGNED, "X-Amz-Signature", "AKIAIOSFODNN7EXAMPLE"] {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
    }
    outcome
}

fn zip(pack: &Pack, lambda: &Lambda, arguments: &[&str]) -> Outcome {
    run(pack, lambda, &[&["zip", "--bytecode", "none", "--no-import-test"], arguments].concat())
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

fn lock(pack: &Pack) -> String {
    fs::read_to_string(pack.path("pack.lock")).unwrap()
}

/// The lock's part about layers of others.
fn locked(pack: &Pack) -> String {
    lock(pack).split_once("[[layer]]\n").map(|(_, layer)| layer.to_owned()).unwrap_or_default()
}

fn cached(pack: &Pack) -> Vec<String> {
    Pack::files(&pack.cache().join("layers-v1"))
}

const ARTIFACT: &str = "dist/app-layers-python3.13-x86_64.zip";

#[test]
fn the_newest_is_found_by_trying_and_recorded_with_what_it_has() {
    let (pack, lambda) = (project(), Lambda::serve());
    let (old, new) = (archive(&pack, "1.0"), archive(&pack, "2.0"));
    for version in 1..=9 {
        lambda.publish(ARN, version, old.clone());
    }
    lambda.publish(ARN, 11, new.clone());
    let outcome = run(&pack, &lambda, &["lock"]);
    done(&outcome);
    assert!(
        outcome.stdout.contains(&format!("layer shared (python3.13-x86_64)\n  + {ARN}:11, ")),
        "{}",
        outcome.stdout
    );
    let unpacked: usize =
        unzip(&pack.path("dist/layers/made-python3.13-x86_64.zip")).values().map(|file| file.bytes.len()).sum();
    assert_eq!(
        locked(&pack),
        format!(
            "name = \"shared\"\npython = \"3.13\"\narchitecture = \"x86_64\"\narn = \"{ARN}:11\"\nsha256 = \"{}\"\npacked = {}\n\
             unpacked = {unpacked}\ndistributions = [\n    {{ name = \"theirs\", version = \"2.0\" }},\n]\n",
            sha256(&new),
            new.len()
        )
    );
    assert!(lock(&pack).contains("file = \"theirs-2.0-py3-none-any.whl\""), "the function takes the layer's version");
    let asked = lambda.asked();
    assert_eq!(asked[0], format!("list {ARN}"));
    assert_eq!(asked.iter().filter(|line| line.starts_with("get")).count(), 3 * 8 + 1, "{asked:?}");
    assert_eq!(asked.last().unwrap(), "archive 11");
    // From now on nobody is asked, and the archive is in the cache.
    done(&run(&pack, &lambda, &["lock"]));
    done(&run(&pack, &lambda, &["lock", "--check"]));
    let outcome = zip(&pack, &lambda, &["--locked"]);
    done(&outcome);
    assert!(outcome.stdout.contains(&format!("{ARN}:11")), "{}", outcome.stdout);
    assert_eq!(lambda.asked(), [""; 0]);
    let files: Vec<String> = unzip(&pack.path(ARTIFACT)).into_keys().filter(|path| path.ends_with(".py")).collect();
    assert_eq!(files, ["app.py", "pkg.py"]);
    // Another machine has the lock and no cache.
    fs::remove_dir_all(pack.cache()).unwrap();
    fs::remove_file(pack.path(ARTIFACT)).unwrap();
    done(&zip(&pack, &lambda, &["--locked"]));
    assert_eq!(lambda.asked(), [format!("get {ARN}:11"), "archive 11".into()]);
    assert!(pack.path(ARTIFACT).exists());
}

#[test]
fn the_owner_lists_and_an_upgrade_takes_what_was_published_since() {
    let (pack, lambda) = (project(), Lambda::serve());
    lambda.may_list(true);
    lambda.publish(ARN, 3, archive(&pack, "1.0"));
    let outcome = zip(&pack, &lambda, &[]);
    done(&outcome);
    assert!(outcome.stderr.contains(&format!("pack.lock: shared (python3.13-x86_64), {ARN}:3")), "{}", outcome.stderr);
    assert_eq!(lambda.asked(), [format!("list {ARN}"), format!("get {ARN}:3"), "archive 3".into()]);
    lambda.publish(ARN, 4, archive(&pack, "2.0"));
    for arguments in [&["lock"][..], &["lock", "--upgrade", "pkg"]] {
        done(&run(&pack, &lambda, arguments));
        assert!(locked(&pack).contains(":3\""), "{arguments:?} leaves it");
    }
    let outcome = run(&pack, &lambda, &["lock", "--upgrade", "shared"]);
    done(&outcome);
    let moved = format!("layer shared (python3.13-x86_64)\n  {ARN}:3 → {ARN}:4\n  theirs 1.0 → 2.0\n");
    assert!(outcome.stdout.starts_with(&moved), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("app (layers, python3.13-x86_64)\n  theirs 1.0 → 2.0\n"), "{}", outcome.stdout);
    let outcome = run(&pack, &lambda, &["lock", "--upgrade", "shared"]);
    assert!(outcome.stdout.contains("the layer shared stays: it is the newest that AWS shows"), "{}", outcome.stdout);
    lambda.publish(ARN, 5, archive(&pack, "3.0"));
    done(&run(&pack, &lambda, &["lock", "--upgrade"]));
    assert!(locked(&pack).contains(":5\""));
    // A version of pack.toml is taken as it is, and stays.
    manifest(&pack, &format!("arn = \"{ARN}\"\nversion = 4"));
    lambda.asked();
    done(&run(&pack, &lambda, &["lock"]));
    assert_eq!(lambda.asked(), [format!("get {ARN}:4")], "its archive is in the cache");
    let outcome = run(&pack, &lambda, &["lock", "--upgrade", "shared"]);
    assert!(outcome.stdout.contains("the layer shared stays: pack.toml says its version"), "{}", outcome.stdout);
    assert_eq!(cached(&pack).len(), 3);
}

#[test]
fn an_upgrade_tries_from_the_version_of_the_lock() {
    let (pack, lambda) = (project(), Lambda::serve());
    lambda.publish(ARN, 40, archive(&pack, "1.0"));
    said(&run(&pack, &lambda, &["lock"]), 1, &["AWS shows no version of", "from 1 to 8", "write version = N"]);
    assert!(!pack.path("pack.lock").exists());
    manifest(&pack, &format!("arn = \"{ARN}\"\nversion = {{ \"3.13\" = 40 }}"));
    done(&run(&pack, &lambda, &["lock"]));
    manifest(&pack, &format!("arn = \"{ARN}\""));
    lambda.publish(ARN, 43, archive(&pack, "2.0"));
    done(&run(&pack, &lambda, &["lock", "--upgrade", "shared"]));
    assert!(locked(&pack).contains(&format!("arn = \"{ARN}:43\"")), "{}", locked(&pack));
}

#[test]
fn public_layers_have_a_name_for_each_target() {
    let (pack, lambda) = (project(), Lambda::serve());
    let made = archive(&pack, "1.0");
    let arn = |name: &str| format!("arn:aws:lambda:eu-central-1:336392948345:layer:AWSSDKPandas-{name}");
    for (name, versions) in [("Python312", 5), ("Python313", 2), ("Python313-Arm64", 3)] {
        for version in 1..=versions {
            lambda.publish(&arn(name), version, made.clone());
        }
    }
    let matrix = "[matrix]\npython = [\"3.12\", \"3.13\"]\narchitectures = [\"x86_64\", \"arm64\"]\n\
                  exclude = [{ python = \"3.12\", architecture = \"arm64\" }]\n";
    let version = "version = { \"3.12\" = 4, \"3.13-arm64\" = 1 }";
    manifest(&pack, &format!("public = \"aws-sdk-pandas\"\n{version}\n{matrix}"));
    let outcome = run(&pack, &lambda, &["lock"]);
    said(&outcome, 0, &["the AWS Region is not known", "is not locked, and what has it is not built"]);
    assert!(!lock(&pack).contains("[[layer]]"));
    let mut run = pack.command(["lock"]).env("AWS_REGION", "eu-central-1").env("AWS_ENDPOINT_URL", lambda.url());
    run = run.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", SECRET);
    done(&run.run());
    let text = lock(&pack);
    // The command line goes before variables.
    std::fs::remove_file(pack.path("pack.lock")).unwrap();
    let mut run = pack.command(["lock", "--region", "eu-central-1"]).env("AWS_REGION", "eu-west-1");
    run = run.env("AWS_ENDPOINT_URL", lambda.url()).env("AWS_SECRET_ACCESS_KEY", SECRET);
    done(&run.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").run());
    assert_eq!(lock(&pack), text);
    said(&pack.command(["lock", "--region", "Frankfurt"]).run(), 2, &["a Region is written like eu-west-1"]);
    let arns: Vec<&str> = text.lines().filter(|line| line.starts_with("arn = ")).collect();
    let expected = [arn("Python312") + ":4", arn("Python313") + ":2", arn("Python313-Arm64") + ":1"];
    assert_eq!(arns, expected.map(|arn| format!("arn = \"{arn}\"")));
    done(&pack.command(["lock", "--check"]).run());
    pack.write(
        "pack.toml",
        "[project]\nregion = \"eu-west-1\"\n".to_owned() + &fs::read_to_string(pack.path("pack.toml")).unwrap(),
    );
    said(&pack.command(["lock", "--check"]).run(), 1, &["pack.toml means arn:aws:lambda:eu-west-1:336392948345"]);
}

#[test]
fn what_breaks_on_the_way_is_tried_again() {
    let (pack, lambda) = (project(), Lambda::serve());
    let made = archive(&pack, "1.0");
    lambda.publish(ARN, 1, made.clone());
    manifest(&pack, &format!("arn = \"{ARN}:1\""));
    for (trouble, downloads) in
        [(Trouble::Busy(2), 3), (Trouble::Breaks(3), 4), (Trouble::Redirects, 2), (Trouble::ApiBusy(1), 1)]
    {
        lambda.trouble(trouble);
        let _ = fs::remove_file(pack.path("pack.lock"));
        let _ = fs::remove_dir_all(pack.cache());
        done(&run(&pack, &lambda, &["lock"]));
        assert_eq!(lambda.asked().iter().filter(|line| line.starts_with("archive")).count(), downloads);
        assert_eq!(cached(&pack), [format!("{}.zip", sha256(&made))]);
    }
}

#[test]
fn what_is_not_what_aws_says_is_not_taken() {
    let (pack, lambda) = (project(), Lambda::serve());
    lambda.publish(ARN, 1, archive(&pack, "1.0"));
    manifest(&pack, &format!("arn = \"{ARN}:1\""));
    let unreached = ["is not locked, and what has it is not built"];
    for (trouble, status, words) in [
        (Trouble::Other, 1, &["came with SHA-256", "and AWS says"][..]),
        (Trouble::More, 1, &["has more than the", "bytes that AWS says"]),
        (Trouble::Huge, 1, &["AWS answers a size that no layer has"]),
        (Trouble::Expired, 1, &["the storage answers 403"]),
        (Trouble::Breaks(9), 0, &[unreached[0], "could not be downloaded: the connection broke"]),
        (Trouble::Busy(9), 0, &[unreached[0], "could not be downloaded: the storage answers 503"]),
        (Trouble::Circles, 0, &[unreached[0], "it leads from one place to the next"]),
        (Trouble::Credentials, 0, &[unreached[0], "AWS refuses the credentials (ExpiredTokenException)"]),
    ] {
        lambda.trouble(trouble);
        said(&run(&pack, &lambda, &["lock"]), status, words);
        assert_eq!(cached(&pack), [""; 0]);
        assert!(!pack.path("pack.lock").exists() || !lock(&pack).contains("[[layer]]"));
        let outcome = zip(&pack, &lambda, &[]);
        assert_eq!(outcome.status, if status == 0 { 2 } else { 1 }, "{}", outcome.stderr);
        assert!(!pack.path(ARTIFACT).exists());
    }
}

#[test]
fn a_version_that_is_no_longer_what_was_locked_is_refused() {
    let (pack, lambda) = (project(), Lambda::serve());
    lambda.publish(ARN, 1, archive(&pack, "1.0"));
    done(&zip(&pack, &lambda, &[]));
    lambda.publish(ARN, 1, archive(&pack, "2.0"));
    fs::remove_dir_all(pack.cache()).unwrap();
    fs::remove_file(pack.path(ARTIFACT)).unwrap();
    said(&zip(&pack, &lambda, &["--locked"]), 1, &["AWS has", ARN, "and the lock says"]);
    lambda.publish("arn:aws:lambda:eu-west-1:123456789012:layer:other", 1, Vec::new());
    manifest(&pack, "arn = \"arn:aws:lambda:eu-west-1:123456789012:layer:shared:2\"");
    let words = ["AWS does not show", "shared:2", "arn:aws:iam::111122223333:user/dev is not authorized"];
    said(&run(&pack, &lambda, &["lock"]), 1, &words);
}

#[test]
fn what_is_no_layer_is_refused_by_its_name() {
    let (pack, lambda) = (project(), Lambda::serve());
    let wheel = WheelBuilder::new("pkg", "1.0").file("pkg.py", b"").build();
    for (archive, words) in
        [(b"no zip".to_vec(), "it is not a whole ZIP"), (wheel, "nothing of it is where Lambda looks in a layer")]
    {
        lambda.publish(ARN, 1, archive);
        let outcome = run(&pack, &lambda, &["lock"]);
        said(&outcome, 1, &[&format!("shared ({ARN}:1) cannot be taken as a layer: "), words]);
        assert!(!outcome.stderr.contains("layers-v1"), "where it lies in the cache says nothing: {}", outcome.stderr);
        assert!(!pack.path("pack.lock").exists());
    }
}

#[test]
fn a_storage_is_trusted_by_the_authorities_of_this_machine() {
    if !has_program("openssl") {
        return skip("openssl is not there (Debian: apt install openssl)");
    }
    let (pack, lambda) = (project(), Lambda::serve());
    let made = archive(&pack, "1.0");
    lambda.publish(ARN, 1, made.clone());
    manifest(&pack, &format!("arn = \"{ARN}:1\""));
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    fs::write(folder.path().join("archive"), &made).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut storage = Command::new("openssl");
    storage.args(["s_server", "-WWW", "-quiet", "-cert", "server.pem", "-key", "server.key"]);
    storage.args(["-accept", &format!("127.0.0.1:{port}")]).current_dir(folder.path());
    let mut storage = storage.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    lambda.store_at(&format!("https://127.0.0.1:{port}/archive"));
    let unknown = run(&pack, &lambda, &["lock"]);
    let known = ask(&pack, &lambda, pack.command(["lock"]).env("SSL_CERT_FILE", folder.path().join("ca.pem")));
    storage.kill().unwrap();
    storage.wait().unwrap();
    said(&unknown, 0, &["is not locked, and what has it is not built", "the connection is not secure"]);
    done(&known);
    assert_eq!(cached(&pack), [format!("{}.zip", sha256(&made))]);
}

#[test]
fn without_credentials_or_a_server_it_is_said() {
    let (pack, lambda) = (project(), Lambda::serve());
    let outcome = pack.command(["lock"]).env("AWS_ENDPOINT_URL", lambda.url()).env("HOME", pack.tmp()).run();
    said(&outcome, 0, &["there are no AWS credentials here"]);
    assert_eq!(lambda.asked(), [""; 0]);
    pack.write("aws.cfg", "[default]\ncredential_process = /bin/false --password SECRET\n");
    let outcome = pack.command(["lock"]).env("AWS_CONFIG_FILE", pack.path("aws.cfg")).env("HOME", pack.tmp()).run();
    said(&outcome, 0, &["AWS credentials are configured here, and could not be loaded"]);
    assert!(!outcome.stderr.contains("SECRET"), "{}", outcome.stderr);
    let outcome = pack
        .command(["zip", "-q"])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .run();
    said(&outcome, 2, &["its layer shared cannot be had: AWS cannot be reached: connection refused"]);
    // Something else answers: a proxy, a server of another kind.
    let storage = Index::serve(&pack.path("wheels"), None);
    let elsewhere = pack.command(["lock"]).env("AWS_ENDPOINT_URL", storage.url(None).trim_end_matches("/simple/"));
    let outcome = elsewhere.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", SECRET).run();
    said(&outcome, 0, &["AWS cannot be reached: what answers is not AWS (status "]);
    assert_eq!(outcome.stdout, "pack.lock has nothing else to change\n");
}

#[test]
fn what_moto_publishes_is_locked_built_and_upgraded() {
    let Some(moto) = Moto::start() else {
        return skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
    };
    let (pack, lambda) = (project(), Lambda::before_moto(&moto.place));
    let publish = |version: u32, distribution: &str| {
        let archive = archive(&pack, distribution);
        let arn = publish_in_moto(&moto.place, "shared", &archive);
        assert_eq!(arn, format!("{ARN}:{version}"));
        lambda.publish(ARN, version, archive);
    };
    publish(1, "1.0");
    publish(2, "2.0");
    done(&zip(&pack, &lambda, &[]));
    assert!(locked(&pack).contains(&format!("arn = \"{ARN}:2\"")), "{}", lock(&pack));
    publish(3, "3.0");
    done(&zip(&pack, &lambda, &["--locked"]));
    done(&run(&pack, &lambda, &["lock", "--check"]));
    assert!(locked(&pack).contains(":2\""));
    done(&run(&pack, &lambda, &["lock", "--upgrade", "shared"]));
    assert!(locked(&pack).contains(":3\"") && lock(&pack).contains("theirs-3.0-py3-none-any.whl"));
    done(&zip(&pack, &lambda, &["--locked", "--offline"]));
    let report = zip(&pack, &lambda, &["--locked", "--json"]).json(0);
    assert_eq!(report["layers"][0]["arn"], format!("{ARN}:3"));
    manifest(&pack, &format!("arn = \"{ARN}\"\nversion = 9"));
    said(&run(&pack, &lambda, &["lock"]), 1, &["AWS has no arn:aws:lambda:eu-west-1:123456789012:layer:shared:9"]);
}

#[test]
fn layers_of_real_wheels_are_left_out_of_a_function_whoever_made_them() {
    let Some(moto) = Moto::start() else {
        return skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
    };
    let (pack, lambda) = (Pack::new(), Lambda::before_moto(&moto.place));
    let handler = "import aws_lambda_powertools, dateutil, jmespath\n\ndef handler(event, context):\n    return 1\n";
    pack.function("app", handler, &["aws-lambda-powertools", "jmespath", "python-dateutil", "idna"]);
    pack.write("layers/own.txt", "idna==3.10\n");
    pack.write(
        "pack.toml",
        "[functions.app]\nlayers = [\"tools\", \"own\", \"dates\"]\n[layers.tools]\n\
         arn = \"arn:aws:lambda:eu-west-1:123456789012:layer:tools\"\n[layers.dates]\n\
         arn = \"arn:aws:lambda:eu-west-1:123456789012:layer:dates\"\n[packaging.layers]\nmethod = \"layers\"\n",
    );
    // As Powertools is published, in the folder of its Python, which is looked at first; the other has the same in another version.
    let tools = "aws-lambda-powertools==3.20.0\njmespath==1.0.1\ntyping_extensions==4.14.0\n";
    let dates = "python-dateutil==2.9.0.post0\ntyping_extensions==4.13.0\n";
    for (name, requirements, versioned) in [("tools", tools, true), ("dates", dates, false)] {
        pack.write("theirs.txt", requirements);
        let mut made = pack.with_the_index([
            "layer",
            "-q",
            "-r",
            "theirs.txt",
            "--name",
            name,
            "--bytecode",
            "none",
            "-o",
            "made.zip",
        ]);
        if versioned {
            made = made.arg("--versioned");
        }
        done(&made.run());
        let archive = fs::read(pack.path("made.zip")).unwrap();
        let arn = publish_in_moto(&moto.place, name, &archive);
        lambda.publish(arn.rsplit_once(':').unwrap().0, 1, archive);
    }
    let outcome = ask(&pack, &lambda, pack.with_the_index(["lock"]));
    done(&outcome);
    let text = lock(&pack);
    let versions = |name: &str| text.matches(&format!("name = \"{name}\", version = ")).count();
    assert_eq!(versions("typing-extensions"), 3, "{text}");
    assert!(text.contains("file = \"typing_extensions-4.14.0-py3-none-any.whl\""), "Python imports that one: {text}");
    let outcome = ask(&pack, &lambda, pack.with_the_index(["zip", "--json", "--locked", "--bytecode", "none"]));
    let reports = outcome.json(0);
    let report = &reports[1];
    let names: Vec<&str> =
        report["layers"].as_array().unwrap().iter().filter_map(|layer| layer["name"].as_str()).collect();
    assert_eq!(names, ["tools", "dates"]);
    assert_eq!(report["layers"][1]["path"], "dist/layers/own-python3.13-x86_64.zip");
    let files: Vec<String> = unzip(&pack.path(ARTIFACT)).into_keys().filter(|path| path.ends_with(".py")).collect();
    assert_eq!(files, ["app.py"], "{}", outcome.stderr);
}
