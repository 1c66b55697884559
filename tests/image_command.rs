//! Proves what `pack image` promises without any engine or registry: what is in an image, in which layers and how it is
//! written down, that the same input has the same digest, and what cannot be a base.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use support::image::{GZIP, Layout, layer};
use support::{Outcome, Pack, Run, WheelBuilder, assert_done, assert_fails, sha256};

const HANDLER: &str = "import pkg\n\n\ndef handler(event, context):\n    return pkg.VALUE\n";
const DOCKER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const IMAGE: &str = "dist/app-image-python3.13-x86_64";

/// A function `app` of one large and two small distributions, and a base in `base`.
fn project(media: &str) -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["pkg", "large"]);
    pack.wheel(&WheelBuilder::new("pkg", "1.0").requires("small").file("pkg/__init__.py", b"VALUE = 1\n"));
    pack.wheel(&WheelBuilder::new("small", "1.0").file("small.py", b""));
    let noise: Vec<u8> =
        (0..5_000_000_u32).map(|at| u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    let deep = format!("large/{}data.bin", "deep/".repeat(30));
    pack.wheel(&WheelBuilder::new("large", "2.0").file("large/__init__.py", b"").file(&deep, &noise));
    base(&pack, media, "amd64", &json!(["/lambda-entrypoint.sh"]));
    pack
}

fn base(pack: &Pack, media: &str, architecture: &str, entrypoint: &Value) {
    base_of(pack, media, architecture, entrypoint, "3.13");
}

fn base_of(pack: &Pack, media: &str, architecture: &str, entrypoint: &Value, python: &str) {
    let program = entrypoint[0].as_str().unwrap_or("/none").trim_start_matches('/').to_owned();
    let library = format!("var/lang/lib/python{python}/os.py");
    let files = [(library.as_str(), ""), (program.as_str(), "#!/bin/sh\n")];
    let run = json!({
        "Env": ["LAMBDA_TASK_ROOT=/var/task"], "Entrypoint": entrypoint, "Labels": {"of": "base"}, "StopSignal": "SIGTERM",
    });
    Layout { pack, folder: "base" }.write_with(&[layer(&files)], architecture, media, &run);
}

fn image(pack: &Pack, arguments: &[&str]) -> Run {
    pack.command(["image", "app", "--base", "base", "--bytecode", "none", "--no-import-test"]).args(arguments)
}

fn blob(layout: &Path, digest: &Value) -> Vec<u8> {
    let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
    let bytes = fs::read(layout.join("blobs/sha256").join(hex)).unwrap();
    assert_eq!(sha256(&bytes), hex);
    bytes
}

fn parsed(layout: &Path, digest: &Value) -> Value {
    serde_json::from_slice(&blob(layout, digest)).unwrap()
}

/// The manifest and configuration of a layout.
fn described(layout: &Path) -> (Value, Value) {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = parsed(layout, &index["manifests"][0]["digest"]);
    let config = parsed(layout, &manifest["config"]["digest"]);
    (manifest, config)
}

/// The entries of a layer: path, mode, owner, time.
fn entries(packed: &[u8]) -> Vec<(String, u32, u64, u64)> {
    let mut raw = Vec::new();
    // Not the reader that goes on behind the first member.
    flate2::read::GzDecoder::new(packed).read_to_end(&mut raw).unwrap();
    let mut archive = tar::Archive::new(raw.as_slice());
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let entry = entry.unwrap();
        let header = entry.header();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        (path, header.mode().unwrap(), header.uid().unwrap() + header.gid().unwrap(), header.mtime().unwrap())
    };
    archive.entries().unwrap().map(read).collect()
}

#[test]
fn an_image_is_the_base_with_layers_above_it() {
    for (media, family) in [(GZIP, "oci.image"), (DOCKER, "docker")] {
        let pack = project(media);
        let report = image(&pack, &["--json", "--label", "team=data", "--label", "of=function"]).run().json(0);
        let layout = pack.path(IMAGE);
        let (manifest, config) = described(&layout);
        let before = described(&pack.path("base"));
        assert!(manifest["mediaType"].as_str().unwrap().contains(family), "{manifest}");
        assert!(manifest["config"]["mediaType"].as_str().unwrap().contains(family), "{manifest}");
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers[0], before.0["layers"][0], "the base's layer is as it was");
        assert!(layers.iter().all(|layer| layer["mediaType"] == media), "{manifest}");
        assert_eq!(
            config["config"],
            json!({
                "Cmd": ["app.handler"], "Entrypoint": ["/lambda-entrypoint.sh"], "Env": ["LAMBDA_TASK_ROOT=/var/task"],
                "Labels": {"of": "function", "team": "data"}, "StopSignal": "SIGTERM", "WorkingDir": "/var/task",
            })
        );
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), layers.len());
        let contents: Vec<Vec<String>> = layers[1..]
            .iter()
            .map(|layer| entries(&blob(&layout, &layer["digest"])).into_iter().map(|(path, ..)| path).collect())
            .collect();
        let (large, small, own) = (&contents[0], &contents[1], &contents[2]);
        assert!(large.iter().any(|path| path.ends_with("deep/data.bin")), "{large:?}");
        assert!(small.iter().any(|path| path == "var/task/pkg/__init__.py"), "{small:?}");
        assert!(small.iter().any(|path| path == "var/task/small.py"), "{small:?}");
        assert_eq!(own, &["var/", "var/task/", "var/task/app.py"]);
        let what: Vec<&Value> =
            report["image"]["layers"].as_array().unwrap().iter().map(|layer| &layer["what"]).collect();
        assert_eq!(what, ["the base", "large 2.0", "pkg 1.0, small 1.0", "the function"]);
        assert_eq!(report["image"]["digest"], format!("sha256:{}", report["sha256"].as_str().unwrap()));
        let checked = pack.command(["check", IMAGE]).run();
        assert_done(&checked);
        assert!(checked.stdout.contains("handler: app.handler"), "{}", checked.stdout);
    }
}

#[test]
fn entries_are_what_lambda_reads() {
    let pack = project(GZIP);
    fs::set_permissions(pack.path("functions/app/app.py"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    assert_done(&image(&pack, &[]).run());
    let (manifest, _) = described(&pack.path(IMAGE));
    for layer in &manifest["layers"].as_array().unwrap()[1..] {
        let mut seen = std::collections::BTreeSet::new();
        for (path, mode, owner, time) in entries(&blob(&pack.path(IMAGE), &layer["digest"])) {
            assert_eq!((owner, time), (0, 0), "{path}");
            assert_eq!(mode, if path.ends_with('/') { 0o755 } else { 0o644 }, "{path}");
            let parent = path.trim_end_matches('/').rsplit_once('/').map(|(parent, _)| format!("{parent}/"));
            assert!(parent.is_none_or(|parent| seen.contains(&parent)), "{path} before its parent");
            assert!(!path.rsplit('/').any(|part| part.starts_with(".wh.")), "{path}");
            assert!(seen.insert(path.clone()), "{path} twice");
        }
    }
}

#[test]
fn the_same_input_has_the_same_digest() {
    let digest = |outcome: &Outcome| outcome.json(0)["image"]["digest"].as_str().unwrap().to_owned();
    let (one, other) = (project(GZIP), project(GZIP));
    let first = digest(&image(&one, &["--json", "-j", "1"]).run());
    assert_eq!(digest(&image(&one, &["--json", "-j", "4"]).run()), first, "with a warm cache");
    let elsewhere = image(&other, &["--json", "--output", "some/where.tar"]).run();
    assert_eq!(digest(&elsewhere), first, "in another folder, with a cold cache");
    let script = format!(
        "umask 077; exec {} image app --base base --bytecode none --no-import-test --json",
        env!("CARGO_BIN_EXE_pack")
    );
    let mut shell = other.command(["x"]);
    shell.command = {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script]).current_dir(other.path(""));
        command
            .env_clear()
            .envs(other.command(["x"]).command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command
    };
    assert_eq!(digest(&shell.run()), first, "with another umask");
    let later = image(&one, &["--json"]).env("SOURCE_DATE_EPOCH", "86400").run();
    assert_ne!(digest(&later), first);
    assert_eq!(described(&one.path(IMAGE)).1["created"], "1970-01-02T00:00:00Z");
    let said = ["SOURCE_DATE_EPOCH is not a number of seconds"];
    assert_fails(&image(&one, &[]).env("SOURCE_DATE_EPOCH", "yesterday").run(), 2, &said);
}

#[test]
fn a_changed_handler_changes_the_last_layer() {
    let pack = project(GZIP);
    let layers = || {
        let report = image(&pack, &["--json"]).run().json(0);
        report["image"]["layers"].as_array().unwrap().iter().map(|layer| layer["digest"].clone()).collect::<Vec<_>>()
    };
    let before = layers();
    pack.write("functions/app/app.py", HANDLER.replace("return", "print(event)\n    return"));
    let after = layers();
    assert_eq!(before[..3], after[..3]);
    assert_ne!(before[3], after[3]);
}

#[test]
fn a_tar_is_a_layout_and_what_engines_load() {
    let pack = project(GZIP);
    let report = image(&pack, &["--json", "--output", "app.tar", "--tag", "team/app:7"]).run().json(0);
    assert_eq!(report["path"], "app.tar");
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(fs::File::open(pack.path("app.tar")).unwrap()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(path, bytes);
    }
    let saved: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(saved[0]["RepoTags"], json!(["team/app:7"]));
    for path in saved[0]["Layers"].as_array().unwrap().iter().chain([&saved[0]["Config"]]) {
        let path = path.as_str().unwrap();
        assert!(path.ends_with(&sha256(&files[path])), "{path}");
    }
    assert_done(&pack.command(["check", "app.tar"]).run());
}

#[test]
fn of_the_same_inputs_nothing_is_made_again() {
    let pack = project(GZIP);
    pack.write("pack.toml", "[packaging.image]\nmethod = 'image'\nbase = 'base'\n");
    let is_made = |arguments: &[&str]| {
        let run = pack.command(["image", "--json", "--bytecode", "none", "--no-import-test"]).args(arguments);
        !run.run().json(0)["phases"].as_array().unwrap().is_empty()
    };
    assert!(is_made(&[]));
    assert!(!is_made(&[]));
    assert!(is_made(&["--label", "a=b"]));
    assert!(is_made(&[]));
    base(&pack, GZIP, "amd64", &json!(["/other"]));
    assert!(is_made(&[]));
    assert!(!is_made(&[]));
    // A layout of which something was taken away is not the one that was made.
    let blob = fs::read_dir(pack.path(IMAGE).join("blobs/sha256")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(blob).unwrap();
    assert!(is_made(&[]));
    assert_done(&pack.command(["check", IMAGE]).run());
    assert!(is_made(&["--output", "job.tar"]));
    assert!(!is_made(&["--output", "job.tar"]));
}

#[test]
fn what_is_there_is_replaced_only_by_an_image() {
    let pack = project(GZIP);
    assert_done(&image(&pack, &[]).run());
    let before = fs::read(pack.path(IMAGE).join("index.json")).unwrap();
    pack.write("functions/app/app.py", format!("X = 1\n{HANDLER}"));
    assert_done(&image(&pack, &[]).run());
    assert_ne!(fs::read(pack.path(IMAGE).join("index.json")).unwrap(), before);
    // The image, and the record beside it.
    assert_eq!(fs::read_dir(pack.path("dist")).unwrap().count(), 2, "{:?}", Pack::files(&pack.path("dist")));
    let blobs = fs::read_dir(pack.path(IMAGE).join("blobs/sha256")).unwrap().count();
    assert_eq!(blobs, 6, "the old ones are gone");
    // A folder holds the image; one that is in its place and is none stays.
    pack.write("out/notes.txt", "mine");
    assert_done(&image(&pack, &["--output", "out"]).run());
    assert!(pack.path("out/app-image-python3.13-x86_64/oci-layout").is_file());
    fs::remove_dir_all(pack.path(IMAGE)).unwrap();
    pack.write(&format!("{IMAGE}/notes.txt"), "mine");
    assert_fails(&image(&pack, &[]).run(), 2, &["is there and is not one image and nothing else"]);
    assert_eq!(fs::read(pack.path(IMAGE).join("notes.txt")).unwrap(), b"mine");
    // Nor does a layout of several images, or one with something beside it.
    pack.write("base/notes.txt", "mine");
    assert_fails(&image(&pack, &["--output", "base"]).run(), 2, &["is not one image and nothing else"]);
    fs::remove_file(pack.path("base/notes.txt")).unwrap();
    let index = fs::read_to_string(pack.path("base/index.json")).unwrap();
    let mut two: Value = serde_json::from_str(&index).unwrap();
    let mut other = two["manifests"][0].clone();
    other["annotations"] = json!({"org.opencontainers.image.ref.name": "other"});
    two["manifests"].as_array_mut().unwrap().push(other);
    pack.write("shared/index.json", two.to_string());
    pack.write("shared/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    assert_fails(&image(&pack, &["--output", "shared"]).run(), 2, &["is not one image and nothing else"]);
}

#[test]
fn what_cannot_be_a_base_is_refused() {
    let pack = project(GZIP);
    let refused = |said: &[&str]| {
        assert_fails(&image(&pack, &[]).run(), 1, said);
        assert!(!pack.path(IMAGE).exists());
    };
    base(&pack, GZIP, "arm64", &json!(["/x"]));
    refused(&[
        "base cannot be the base: it is for linux/arm64, and the function for linux/amd64",
        "hint: --base takes",
    ]);
    base(&pack, GZIP, "amd64", &Value::Null);
    refused(&["it has no entrypoint: nothing in it would start the handler. With awslambdaric among the requirements"]);
    let own = image(&pack, &["--no-check", "--entrypoint", "/usr/bin/python -m awslambdaric", "--output", "own"]).run();
    assert_done(&own);
    assert_eq!(
        described(&pack.path("own")).1["config"]["Entrypoint"],
        json!(["/usr/bin/python", "-m", "awslambdaric"])
    );
    base(&pack, "application/vnd.oci.image.layer.v1.tar+zstd", "amd64", &json!(["/x"]));
    refused(&["is not packed with gzip, which Lambda wants"]);
    base(&pack, GZIP, "amd64", &json!(["/x"]));
    let (manifest, _) = described(&pack.path("base"));
    let blob = |descriptor: &Value| format!("base/blobs/sha256/{}", &descriptor["digest"].as_str().unwrap()[7..]);
    let good = fs::read(pack.path(blob(&manifest["layers"][0]))).unwrap();
    pack.write(&blob(&manifest["layers"][0]), b"something else");
    refused(&["has SHA-256"]);
    pack.write(&blob(&manifest["layers"][0]), &good);
    pack.write(&blob(&manifest["config"]), b"{}");
    refused(&["has SHA-256"]);
    pack.write("base/index.json", "{}");
    refused(&["base cannot be the base: it is not a manifest"]);
    fs::remove_file(pack.path("base/oci-layout")).unwrap();
    refused(&["it is neither an OCI layout nor a tar of one"]);
}

#[test]
fn what_lambda_would_refuse_is_not_written() {
    let pack = project(GZIP);
    let refused = |said: &[&str]| {
        assert_fails(&image(&pack, &[]).run(), 1, said);
        assert!(!pack.path(IMAGE).exists());
    };
    let start = json!(["/lambda-entrypoint.sh"]);
    base_of(&pack, GZIP, "amd64", &start, "3.12");
    refused(&[
        "[image-python]",
        "it runs Python 3.12, and the function is for Python 3.13",
        "hint: nothing was written",
    ]);
    assert_done(&image(&pack, &["--no-check"]).run());
    fs::remove_dir_all(pack.path(IMAGE)).unwrap();
    // What Lambda's own runtime has, and this base has not.
    base(&pack, GZIP, "amd64", &start);
    pack.write("functions/app/app.py", format!("import boto3\n{HANDLER}"));
    refused(&["/var/task/app.py", "boto3"]);
    assert_done(&image(&pack, &["--provided", "boto3"]).run());
    fs::remove_dir_all(pack.path(IMAGE)).unwrap();
    pack.write("functions/app/app.py", HANDLER);
    let layout = Layout { pack: &pack, folder: "base" };
    layout.edit(|_, config, _| config["config"]["Entrypoint"] = json!(["/none"]));
    refused(&["/none  [image-command]", "it is the entrypoint and not there"]);
    // A warning is told, and the image is written.
    base(&pack, GZIP, "amd64", &start);
    layout.edit(|manifest, _, _| {
        manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    });
    let report = image(&pack, &["--json"]).run().json(0);
    assert_eq!(report["findings"][0]["check"], "image", "{report:#}");
}

#[test]
fn of_an_index_the_image_for_the_function_is_taken() {
    let pack = project(GZIP);
    let entry = |architecture: &str| {
        base(&pack, GZIP, architecture, &json!([format!("/{architecture}")]));
        let index: Value = serde_json::from_slice(&fs::read(pack.path("base/index.json")).unwrap()).unwrap();
        let mut descriptor = index["manifests"][0].clone();
        descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
        descriptor
    };
    let mut attestation = entry("amd64");
    let manifests = [entry("arm64"), entry("amd64")];
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let index = json!({"schemaVersion": 2, "manifests": [manifests[0], attestation, manifests[1]]});
    pack.write("base/index.json", index.to_string());
    for (flag, architecture) in [("x86_64", "amd64"), ("arm64", "arm64")] {
        assert_done(&image(&pack, &["--arch", flag]).run());
        let (_, config) = described(&pack.path(format!("dist/app-image-python3.13-{flag}")));
        assert_eq!(config["config"]["Entrypoint"], json!([format!("/{architecture}")]));
        assert_eq!(config["architecture"], architecture);
    }
    // As Docker's users say it.
    for (platform, architecture) in [("linux/amd64", "amd64"), ("linux/arm64", "arm64"), ("linux/arm64/v8", "arm64")] {
        fs::remove_dir_all(pack.path("dist")).unwrap();
        let report = image(&pack, &["--platform", platform, "--json"]).run().json(0);
        let (_, config) = described(&pack.path(report["path"].as_str().unwrap()));
        assert_eq!(config["architecture"], architecture);
    }
    let said = ["'linux/arm/v7' for '--platform <PLATFORM>': Lambda runs linux/amd64 and linux/arm64"];
    assert_fails(&image(&pack, &["--platform", "linux/arm/v7"]).run(), 2, &said);
    let both = image(&pack, &["--platform", "linux/arm64", "--arch", "arm64"]).run();
    assert_fails(&both, 2, &["cannot be used with"]);
}

#[test]
fn the_report_says_what_is_in_which_layer() {
    let pack = project(GZIP);
    let outcome = image(&pack, &[]).run();
    assert_done(&outcome);
    let start = outcome.stdout.find("layers above the base").unwrap();
    let lines: Vec<&str> =
        outcome.stdout[start..].lines().take(4).map(|line| line.split("  ").nth(1).unwrap_or(line)).collect();
    assert_eq!(lines[1..], ["large 2.0", "pkg 1.0, small 1.0", "the function"], "{}", outcome.stdout);
    assert!(outcome.stdout.contains("  base      base (sha256:"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("% of 10,737,418,240"), "{}", outcome.stdout);
}

#[test]
fn each_layer_above_the_base_is_judged_and_a_share_of_packed_means_nothing() {
    let pack = project(DOCKER);
    let said = |budgets: &str| {
        pack.write("pack.toml", format!("[budgets]\n{budgets}\n"));
        let outcome = image(&pack, &[]).run();
        let lines = outcome.stderr.lines().filter_map(|line| line.split_once("over budget: "));
        (outcome.status, lines.map(|(_, said)| said.to_owned()).collect::<Vec<_>>())
    };
    let layers = image(&pack, &["--json"]).run().json(0)["image"]["layers"].clone();
    let own = layers.as_array().unwrap().iter().filter(|layer| layer["of_base"] == false);
    let (name, most) = own
        .map(|layer| (layer["what"].as_str().unwrap(), layer["packed"].as_u64().unwrap()))
        .max_by_key(|(_, packed)| *packed)
        .unwrap();
    assert_eq!(said(&format!("image-layer = {most}\npacked = \"0 %\"\nunpacked = \"1 %\"")), (0, vec![]));
    let (status, lines) = said(&format!("image-layer = {}\nunpacked = \"0.01 %\"", most - 1));
    assert_eq!((status, lines.len()), (1, 2), "{lines:?}");
    assert!(lines[0].ends_with(" more than the 1,073,741 (0.01 %) of pack.toml"), "{lines:?}");
    assert!(lines[1].starts_with(&format!("its layer with {name} has ")), "{lines:?}");
    assert!(lines[1].contains(" packed, 1 more than the "), "{lines:?}");
}

#[test]
fn the_sdk_is_left_to_aws_own_bases_alone() {
    let pack = project(GZIP);
    pack.wheel(&WheelBuilder::new("boto3", "1.0").file("boto3/__init__.py", b""));
    pack.wheel(&WheelBuilder::new("logs", "1.0").requires("boto3").file("logs.py", b"import boto3\n"));
    pack.write("requirements/app.txt", "pkg\nlogs\n");
    let has_sdk = |arguments: &[&str]| {
        let report = image(&pack, &["--json", "--no-check"]).args(arguments).run().json(0);
        report["parts"].as_array().unwrap().iter().any(|part| part["name"] == "boto3")
    };
    assert!(!has_sdk(&[]), "the base is AWS's by its entrypoint");
    base(&pack, GZIP, "amd64", &json!(["/usr/bin/python", "-m", "awslambdaric"]));
    assert!(has_sdk(&[]));
    assert!(!has_sdk(&["--no-bundle-sdk"]));
}

#[test]
fn what_pack_toml_has_not_is_no_matter_of_the_lock() {
    let pack = project(GZIP);
    pack.write("pack.toml", "[functions.app]\nhandler = 'app.handler'\n");
    assert_done(&image(&pack, &["--output", "a.tar"]).run());
    assert_done(&pack.command(["lock", "--check"]).run());
    // A project of images alone has something to lock: their base.
    let alone = Pack::new();
    alone.write("functions/app/app.py", "def handler(event, context):\n    return 1\n");
    alone.write("pack.toml", "[packaging.image]\nmethod = 'image'\nbase = '127.0.0.1:1/base:1'\n");
    let outcome = alone.command(["lock"]).run();
    assert_done(&outcome);
    assert!(outcome.stderr.contains("the base 127.0.0.1:1/base:1 is not locked"), "{}", outcome.stderr);
    assert_done(&alone.command(["lock", "--check"]).run());
}

#[test]
fn names_that_cannot_be_are_refused_before_anything_is_built() {
    let pack = project(GZIP);
    let refused = |arguments: &[&str], said: &str| {
        let outcome = image(&pack, arguments).run();
        assert_fails(&outcome, 2, &[said]);
        assert!(!outcome.stderr.contains("s3cret") && !outcome.stderr.contains("fetching"), "{}", outcome.stderr);
    };
    refused(&["--tag", "Team/App"], "--tag Team/App: ");
    refused(&["--push", "jobs:1"], "it names no registry");
    refused(&["--push", "127.0.0.1:1/jobs:{functon}"], "are the words in braces");
    let digest = format!("127.0.0.1:1/jobs@sha256:{}", "0".repeat(64));
    refused(&["--push", &digest], "name a tag");
    let outcome = pack.command(["image", "app", "--base", "user:s3cret@host/base:1"]).run();
    assert_fails(&outcome, 2, &["the base: "]);
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
}

#[test]
fn an_engine_that_does_not_run_gives_way_to_the_next() {
    let pack = project(GZIP);
    let engine = |name: &str, script: &str| {
        pack.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(pack.path(format!("bin/{name}")), mode).unwrap();
    };
    let path = format!("{}:{}", pack.path("bin").display(), std::env::var("PATH").unwrap());
    let load = || image(&pack, &["--load"]).env("PATH", &path).run();
    let down = "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1";
    engine("docker", down);
    engine("podman", "[ \"$1 $2\" = 'load --input' ] && tar -tf \"$3\" >&2 && echo loaded");
    let outcome = load();
    assert_done(&outcome);
    let said = "bin/docker did not load it: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n";
    assert!(outcome.stderr.contains(said) && outcome.stderr.contains("bin/podman has it now"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("  name      app:python3.13-x86_64\n"), "{}", outcome.stdout);
    engine("podman", "exit 3");
    let failed = "bin/podman did not load it: it ended with exit status: 3";
    let said = ["no engine of this machine loaded the image:\n", said, failed, "hint: start one of them"];
    assert_fails(&load(), 1, &said);
    engine("docker", "exit 0");
    let outcome = load();
    assert_done(&outcome);
    assert!(!outcome.stderr.contains("did not load"), "{}", outcome.stderr);
}

#[test]
fn a_folder_that_is_no_layout_hides_no_image_of_its_name() {
    let pack = project(GZIP);
    pack.write("ubuntu/notes.txt", "mine");
    let refused = |base: &str, status: i32, said: &str| {
        let arguments = ["image", "app", "--bytecode", "none", "--no-import-test", "--offline", "--base", base];
        assert_done(&image(&pack, &[]).run());
        assert_fails(&pack.command(arguments).run(), status, &[said]);
    };
    refused("ubuntu", 2, "and the base ubuntu would: which image a tag names only its registry knows");
    for path in ["./ubuntu", "ubuntu/", "oci:ubuntu"] {
        refused(path, 1, "it is neither an OCI layout nor a tar of one");
    }
}

#[test]
fn names_are_told_apart_and_offline_asks_nobody() {
    let pack = project(GZIP);
    pack.write("pack.toml", "[packaging.image]\nmethod = 'image'\n[matrix]\npython = ['3.12', '3.13']\n");
    let said = ["two images would be called 127.0.0.1:1/app:1", "put {function}, {python} or {arch} into the name"];
    assert_fails(&image(&pack, &["--push", "127.0.0.1:1/app:1"]).run(), 2, &said);
    let said = ["--offline uses no network, and the base public.ecr.aws/lambda/python:3.12"];
    assert_fails(&pack.command(["image", "app", "--offline"]).run(), 2, &said);
    assert_fails(
        &image(&pack, &["--offline", "--push", "127.0.0.1:1/app:{python}"]).run(),
        2,
        &["--offline uses no network"],
    );
}

#[test]
fn an_image_needs_a_handler_and_knows_what_the_project_says() {
    let pack = project(GZIP);
    pack.write("functions/none/lib.py", "X = 1\n");
    let outcome = pack.command(["image", "none", "--base", "base", "--bytecode", "none", "--no-import-test"]).run();
    assert_fails(&outcome, 2, &["an image has its handler in it, and none was found in none"]);
    pack.write(
        "pack.toml",
        "[packaging.zip]\nmethod = 'zip'\n[packaging.container]\nmethod = 'image'\nbase = 'base'\nbytecode = 'none'\n\
         [image.labels]\nteam = 'data'\n[functions.app]\nhandler = 'app.handler'\n[matrix]\nexclude = [{ function = 'none' }]\n",
    );
    let report = pack.command(["image", "--json", "--no-import-test"]).run().json(0);
    let path = "dist/app-container-python3.13-x86_64";
    assert_eq!(report["path"], path);
    assert_eq!(described(&pack.path(path)).1["config"]["Labels"], json!({"of": "base", "team": "data"}));
    assert_done(&pack.command(["image", "--locked", "--no-import-test"]).run());
    pack.write("requirements/app.txt", "pkg\n");
    assert_fails(
        &pack.command(["image", "--locked", "--no-import-test"]).run(),
        1,
        &["pack.lock is out of date for app"],
    );
}
