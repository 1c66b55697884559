//! Proves that images of `pack image` are what engines, registries and readers that others wrote take them for: above a stand-in for
//! AWS's base image, file by file, and run by the Runtime Interface Emulator.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use support::base_image::{Format, arm64_base_image, base_image, base_index, emulator, own_base_image};
use support::engine::Engine;
use support::image::{Layout, layer};
use support::nodes::{Node, Nodes, assert_same_nodes};
use support::registry_server::RegistryServer;
use support::unpacked::{Unpacked, has_image_tools, inspect, kept_nodes, skopeo};
use support::workload::assert_workload_runs;
use support::{Pack, Run, WheelBuilder, assert_done, sha256, skip, succeed, unzip};

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

/// A base of the project's own in `own`: with one distribution in the function's version, and one in another.
fn own_base(pack: &Pack, own: &Path) {
    let folder = pack.path("own");
    for path in Pack::files(own) {
        pack.write(&format!("own/{path}"), std::fs::read(own.join(&path)).unwrap());
    }
    let site = "usr/local/lib/python3.13/site-packages";
    let file = |name: &str, text: &str| (format!("{site}/{name}"), text.to_owned());
    let files = [
        file("same/__init__.py", "WHERE = __file__\n"),
        file("pack_test_same-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pack-test-same\nVersion: 1.0\n"),
        file("other.py", "WHERE = __file__\n"),
        file("pack_test_other-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pack-test-other\nVersion: 1.0\n"),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let tar = layer(&files);
    Layout { pack, folder: "own" }.edit(|manifest, config, layers| {
        let media = manifest["layers"][0]["mediaType"].clone();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &tar).unwrap();
        layers.push(gzip.finish().unwrap());
        manifest["layers"].as_array_mut().unwrap().push(json!({"mediaType": media}));
        let ids = config["rootfs"]["diff_ids"].as_array_mut().unwrap();
        ids.push(json!(format!("sha256:{}", sha256(&tar))));
        config["history"] = serde_json::Value::Null;
    });
    assert!(folder.join("oci-layout").is_file());
}

#[test]
fn above_a_base_of_ones_own_the_client_comes_along_and_answers() {
    let (Some(engine), Some(own), Some(emulator)) = (Engine::shared(), own_base_image(Format::Docker), emulator())
    else {
        return;
    };
    let pack = Pack::new();
    let handler =
        "import other\nimport same\n\n\ndef handler(event, context):\n    return [same.WHERE, other.WHERE, event]\n";
    pack.function("app", handler, &["pack-test-same", "pack-test-other"]);
    pack.wheel(&WheelBuilder::new("pack_test_same", "1.0").file("same/__init__.py", b"WHERE = __file__\n"));
    pack.wheel(&WheelBuilder::new("pack_test_other", "2.0").file("other.py", b"WHERE = __file__\n"));
    own_base(&pack, &own);
    // The client is the real one, of the real index.
    let build = |base: &str, arguments: &[&str]| {
        let run = pack.with_the_index(["image", "app", "--json", "--base", base]).args(arguments);
        run.env("PIP_FIND_LINKS", pack.path("wheels")).env("PACK_CACHE_DIR", pack.cache())
    };
    let report = build("own", &["--output", "app.tar", "--tag", "pack-test/own:1"]).run().json(0);
    assert_eq!(report["image"]["in_base"], json!(["pack-test-same 1.0"]));
    assert_eq!(report["image"]["entrypoint"], json!(["/usr/local/bin/python3.13", "-m", "awslambdaric"]));
    assert!(report["parts"].as_array().unwrap().iter().any(|part| part["name"] == "awslambdaric"), "{report:#}");
    assert!(report["imports"]["tested"].as_u64().is_none_or(|tested| tested > 0), "{:#}", report["imports"]);
    assert_done(&pack.command(["check", "app.tar"]).run());
    engine.load(&pack.path("app.tar"));
    let words = ["/usr/local/bin/python3.13", "-m", "awslambdaric", "app.handler"];
    let container = engine.container("pack-test/own:1").emulator(&emulator, &words).run();
    let site = "/usr/local/lib/python3.13/site-packages";
    let answer = json!([format!("{site}/same/__init__.py"), "/var/task/other.py", {"a": 1}]);
    assert_eq!(container.invoke(&json!({"a": 1})), answer);
    // The same base in a real registry gives the same image.
    let Some(server) = RegistryServer::start(false, false) else { return };
    let source = format!("oci:{}", pack.path("own").display());
    let mut copy =
        skopeo(["copy", "--preserve-digests", "--dest-tls-verify=false", &source, &server.skopeo_name("team/own:1")]);
    succeed(&mut copy);
    std::fs::remove_dir_all(pack.cache().join("base-facts-v1")).unwrap();
    let base = format!("{}/team/own:1", server.address);
    let pushed = build(&base, &["--push", &format!("{}/team/app:1", server.address)]).run().json(0);
    assert_eq!(pushed["image"]["digest"], report["image"]["digest"]);
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
