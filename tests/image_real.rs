//! Proves that images of `pack image` are what engines, registries and readers that others wrote take them for: above a stand-in for
//! AWS's base image, file by file, and run by the Runtime Interface Emulator.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use support::base_image::{Format, arm64_base_image, base_image, base_index};
use support::engine::Engine;
use support::nodes::{Node, Nodes, assert_same_nodes};
use support::registry_server::RegistryServer;
use support::unpacked::{Unpacked, has_image_tools, inspect, kept_nodes, skopeo};
use support::workload::assert_workload_runs;
use support::{Pack, Run, WheelBuilder, assert_done, skip, succeed, unzip};

const HANDLER: &str = "import pkg\n\n\ndef handler(event, context):\n    return {'value': pkg.VALUE, 'event': event}\n";
const IMAGE: &str = "dist/app-image-python3.13-x86_64";

fn project() -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["pkg"]);
    let deep = format!("pkg/{}data.txt", "deep/".repeat(40));
    pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 7\n").file(&deep, b"deep"));
    pack
}

fn image(pack: &Pack, base: &Path, arguments: &[&str]) -> Run {
    let run = pack.command(["image", "app", "--bytecode", "none", "--no-import-test", "--base"]).arg(base);
    run.args(arguments)
}

/// The base, and above it what the ZIP of the same function has.
fn expected(pack: &Pack, base: &Path) -> Nodes {
    assert_done(&pack.command(["zip", "app", "--bytecode", "none", "--no-import-test"]).run());
    let mut nodes = kept_nodes(base);
    for (path, file) in unzip(&pack.artifact("app")) {
        let path = format!("/var/task/{path}");
        for (at, _) in path.match_indices('/').skip(1) {
            nodes.insert(path[..at].to_owned(), Node::folder());
        }
        nodes.insert(path, Node::file(&file.bytes, if file.executable { 0o755 } else { 0o644 }, 0));
    }
    nodes
}

#[test]
fn unpacked_it_is_the_base_and_the_function() {
    if !has_image_tools() {
        return;
    }
    for format in [Format::Docker, Format::Oci] {
        let Some(base) = base_image(format) else { return };
        let pack = project();
        assert_done(&image(&pack, &base, &[]).run());
        let layout = pack.path(IMAGE);
        assert_same_nodes(&Unpacked::of(&layout).nodes(), &expected(&pack, &base));
        let seen = inspect(&layout, &["--config"]);
        assert_eq!(seen["config"]["Cmd"], json!(["app.handler"]));
        assert_done(&pack.command(["check", IMAGE]).run());
    }
}

#[test]
fn of_an_index_each_platform_has_its_image() {
    let (Some(index), Some(_)) = (base_index(Format::Oci), arm64_base_image(Format::Oci)) else { return };
    let pack = project();
    for (flag, architecture) in [("x86_64", "amd64"), ("arm64", "arm64")] {
        assert_done(&image(&pack, &index, &["--arch", flag]).run());
        let seen = inspect(&pack.path(format!("dist/app-image-python3.13-{flag}")), &["--config"]);
        assert_eq!(seen["architecture"], architecture);
    }
}

#[test]
fn the_engine_loads_and_runs_it_and_sees_the_same_files() {
    let (Some(engine), Some(base)) = (Engine::shared(), base_image(Format::Docker)) else { return };
    let pack = project();
    assert_done(&image(&pack, &base, &["--output", "app.tar", "--tag", "pack-test/app:1"]).run());
    engine.load(&pack.path("app.tar"));
    assert_same_nodes(&engine.nodes("pack-test/app:1"), &expected(&pack, &base));
    let container = engine.container("pack-test/app:1").run();
    assert_eq!(container.invoke(&json!({"a": 1})), json!({"value": 7, "event": {"a": 1}}));
    // --load is the same in one go.
    let mut load = image(&pack, &base, &["--load", "--tag", "pack-test/loaded:1", "--quiet"]);
    load.command.env("DOCKER_HOST", engine.host());
    let outcome = load.run();
    assert_done(&outcome);
    assert_eq!(outcome.stdout, "pack-test/loaded:1\n");
    let container = engine.container("pack-test/loaded:1").run();
    assert_eq!(container.invoke(&json!(2)), json!({"value": 7, "event": 2}));
}

#[test]
fn a_real_registry_takes_it_and_gives_it_back() {
    let Some(base) = base_image(Format::Docker) else { return };
    if !has_image_tools() {
        return;
    }
    let Some(server) = RegistryServer::start(true, true) else { return };
    let pack = project();
    let login = json!({"auths": {&server.address: {"auth": data_encoding::BASE64.encode(b"ada:lovelace")}}});
    pack.write("auth.json", login.to_string());
    let push = |base: &Path, name: &str| {
        let run = image(&pack, base, &["--json", "--push", &format!("{}/{name}", server.address)]);
        let run = run.env("REGISTRY_AUTH_FILE", pack.path("auth.json"));
        run.env("SSL_CERT_FILE", server.authority().unwrap()).run().json(0)
    };
    let report = push(&base, "team/app:1");
    let digest = report["image"]["digest"].as_str().unwrap();
    let layout = pack.path("pulled");
    let target = format!("oci:{}:latest", layout.display());
    let source = server.skopeo_name("team/app:1");
    let mut copy =
        skopeo(["copy", "--preserve-digests", "--src-tls-verify=false", "--src-creds=ada:lovelace", &source, &target]);
    succeed(&mut copy);
    assert!(std::fs::read_to_string(layout.join("index.json")).unwrap().contains(digest));
    assert_same_nodes(&Unpacked::of(&layout).nodes(), &expected(&pack, &base));
    // What was pushed is a base as well, and the second push of it sends nothing.
    let again = push(&base, "team/app:1");
    assert_eq!(again["image"]["digest"], digest);
    let pushed = PathBuf::from(format!("{}/team/app:1", server.address));
    let above = push(&pushed, "team/above:1");
    assert_eq!(above["image"]["base_digest"], digest);
}

#[test]
fn the_workload_writes_its_parquet_file_from_an_image() {
    let (Some(engine), Some(base)) = (Engine::shared(), base_image(Format::Docker)) else { return };
    let pack = support::workload::with(&["functions/workload", "requirements"]);
    let plan = pack.with_the_index(["zip", "workload", "--json", "--dry-run"]).run().json(0);
    let Some(python) = plan["compile_interpreter"].as_str() else { return skip("it takes a CPython 3.13") };
    let run = pack.with_the_index(["image", "workload", "--json", "--output", "workload.tar"]);
    let report = run.args(["--tag", "pack-test/workload:1", "--base"]).arg(&base).run().json(0);
    let layers: BTreeMap<&str, u64> = report["image"]["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| (layer["what"].as_str().unwrap(), layer["packed"].as_u64().unwrap()))
        .collect();
    assert!(layers["the function"] < 10_000, "a changed handler pushes a few kilobytes: {layers:?}");
    engine.load(&pack.path("workload.tar"));
    assert_workload_runs(&engine, "pack-test/workload:1", python);
}
