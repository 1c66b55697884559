//! Images on a stand-in for AWS's base image, read by skopeo, umoci and a container engine, and run by AWS's emulator.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::base_image::{Format, arm64_base_image, base_image, base_index, emulator};
use support::check::check;
use support::derived::{derive, task_layer};
use support::engine::Engine;
use support::nodes::{Content, Node, Nodes, assert_same_nodes};
use support::registry_server::{PASSWORD, RegistryServer, USER};
use support::unpacked::{Unpacked, has_image_tools, inspect, kept_nodes, skopeo};
use support::workload::{assert_workload_runs, with};
use support::{Installed, Pack, skip, succeed, unzip};

const FORMATS: [Format; 2] = [Format::Oci, Format::Docker];

/// Says who it is, what it may write, and where its modules are from.
const APP: &str = r#"
import os
import sys

import boto3


def can_write(path):
    try:
        with open(path, "w"):
            return True
    except OSError:
        return False


def handler(event, context):
    return {
        "event": event,
        "user": os.getuid(),
        "writes": {path: can_write(path) for path in ("/tmp/x", "/var/task/x")},
        "version": "%d.%d" % sys.version_info[:2],
        "boto3": boto3.__file__,
        "variable": os.environ.get("VARIABLE"),
    }
"#;

/// 1980-01-01, which ZIPs begin with.
const EPOCH: i64 = 315_532_800;

/// The container's limit, by either version of cgroups.
const MEMORY: &str = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || :";

fn app() -> BTreeMap<String, Installed> {
    let file = |text: &str, executable| Installed { bytes: text.into(), executable };
    [("app.py".into(), file(APP, false)), ("bin/tool".into(), file("#!/bin/sh\n", true))].into()
}

/// The stand-in and one layer with [`APP`].
fn image(pack: &Pack, format: Format) -> Option<(PathBuf, PathBuf)> {
    let base = base_image(format)?;
    let layout = pack.path(format!("image-{}", format.name()));
    derive(&base, &layout, &task_layer(&app(), "var/task"), "app.handler");
    Some((base, layout))
}

/// What [`image`] has to unpack to.
fn expected_nodes(base: &Path) -> Nodes {
    let mut expected = kept_nodes(base);
    expected.insert("/var/task/bin".into(), Node::folder());
    expected.insert("/var/task/app.py".into(), Node::file(APP.as_bytes(), 0o644, EPOCH));
    expected.insert("/var/task/bin/tool".into(), Node::file(b"#!/bin/sh\n", 0o755, EPOCH));
    expected
}

#[test]
fn check_accepts_images_on_the_base_image() {
    for format in FORMATS {
        let pack = Pack::new();
        let Some((_, layout)) = image(&pack, format) else { return };
        let (outcome, report) = check(&pack, &[layout.to_str().unwrap()]);
        assert_eq!((outcome.status, &report["python"]), (0, &json!("3.13")), "{report:#}");
        assert_eq!(report["findings"], json!([]), "{report:#}");

        let Some(base) = arm64_base_image(format) else { return };
        derive(&base, &pack.path("arm64"), &task_layer(&app(), "var/task"), "app.handler");
        let (outcome, report) = check(&pack, &["arm64"]);
        assert_eq!((outcome.status, &report["architecture"]), (0, &json!("arm64")), "{report:#}");
    }
}

#[test]
fn skopeo_sees_what_was_written() {
    if !has_image_tools() {
        return;
    }
    for format in FORMATS {
        let pack = Pack::new();
        let Some((base, layout)) = image(&pack, format) else { return };
        let layers = |layout| inspect(layout, &[])["Layers"].as_array().unwrap().clone();
        assert_eq!(layers(&layout)[..3], layers(&base)[..], "the base's layers are as they were");
        let config = inspect(&layout, &["--config"]);
        assert_eq!(config["architecture"], "amd64");
        assert_eq!(config["config"]["Cmd"], json!(["app.handler"]));
        assert_eq!(config["config"]["Entrypoint"], json!(["/lambda-entrypoint.sh"]));
        let archive = format!("docker-archive:{}:image:latest", pack.path("image.tar").display());
        succeed(skopeo(["copy"]).arg(format!("oci:{}", layout.display())).arg(archive));
    }
}

#[test]
fn an_index_has_two_platforms_and_their_attestations() {
    if !has_image_tools() {
        return;
    }
    for format in FORMATS {
        let Some(index) = base_index(format) else { return };
        let raw = inspect(&index, &["--raw"]);
        let platforms: Vec<&Value> =
            raw["manifests"].as_array().unwrap().iter().map(|manifest| &manifest["platform"]["architecture"]).collect();
        assert_eq!(platforms, ["amd64", "arm64", "unknown", "unknown"]);
        let config = inspect(&index, &["--config"]);
        assert_eq!(config["architecture"], "amd64");
        let alone = inspect(&arm64_base_image(format).unwrap(), &["--config"]);
        assert_eq!(alone["architecture"], "arm64");
    }
}

#[test]
fn a_registry_keeps_an_index_and_its_images() {
    if !has_image_tools() {
        return;
    }
    let Some(registry) = RegistryServer::start(true, true) else { return };
    let credentials = format!("{USER}:{PASSWORD}");
    for format in FORMATS {
        let Some(index) = base_index(format) else { return };
        let name = registry.skopeo_name(&format!("base/python:{}", format.name()));
        let copy = ["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", &credentials];
        succeed(skopeo(copy).arg(format!("oci:{}", index.display())).arg(&name));
        let raw = skopeo(["inspect", "--raw", "--tls-verify=false", "--creds", &credentials, &name]).output().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&raw.stdout).unwrap(), inspect(&index, &["--raw"]));
    }
    let refused = skopeo(["inspect", "--tls-verify=false", "--no-creds", &registry.skopeo_name("base/python:oci")]);
    assert!(!{ refused }.output().unwrap().status.success());
    assert!(registry.authority().is_some());
}

#[test]
fn unpacked_it_is_the_base_and_the_layer() {
    if !has_image_tools() {
        return;
    }
    for format in FORMATS {
        let pack = Pack::new();
        let Some((base, layout)) = image(&pack, format) else { return };
        let expected = expected_nodes(&base);
        assert!(expected.len() > 1_000, "{}", expected.len());
        assert_eq!(expected["/lib64"].content, Content::Link("usr/lib64".into()));
        let unpacked = Unpacked::of(&layout);
        assert_same_nodes(&unpacked.nodes(), &expected);
        assert_eq!(std::fs::read_to_string(unpacked.root().join("var/task/app.py")).unwrap(), APP);
    }
}

#[test]
fn the_engine_runs_it_and_the_emulator_answers() {
    let Some(engine) = Engine::shared() else { return };
    for format in FORMATS {
        let pack = Pack::new();
        let Some((base, layout)) = image(&pack, format).filter(|_| has_image_tools()) else { return };
        let name = engine.load_layout(&layout, &format!("image:{}", format.name()));
        let container = engine.container(&name).env("VARIABLE", "given").run();
        for event in [json!({"a": ["ä", 1]}), json!(null)] {
            let answer = container.invoke(&event);
            let expected = json!({
                "event": event,
                "user": 993,
                "writes": {"/tmp/x": true, "/var/task/x": false},
                "version": "3.13",
                "boto3": "/var/runtime/boto3/__init__.py",
                "variable": "given",
            });
            assert_eq!(answer, expected, "{}", container.logs());
        }
        assert_eq!(container.exec(["sh", "-c", MEMORY]).trim(), "1073741824");
        assert_same_nodes(&engine.nodes(&name), &expected_nodes(&base));
    }
}

#[test]
fn an_image_without_an_emulator_gets_one() {
    let Some(engine) = Engine::shared().filter(|_| has_image_tools()) else { return };
    let pack = Pack::new();
    let Some((_, layout)) = image(&pack, Format::Oci) else { return };
    let Some(emulator) = emulator() else { return };
    let name = engine.load_layout(&layout, "without:latest");
    let words = ["/var/lang/bin/python3.13", "-m", "awslambdaric", "app.handler"];
    let container = engine.container(&name).env("PYTHONPATH", "/var/runtime").emulator(&emulator, &words).run();
    assert_eq!(container.invoke(&json!("x"))["event"], "x", "{}", container.logs());
}

#[test]
fn a_failing_handler_is_an_answer() {
    let Some(engine) = Engine::shared() else { return };
    let Some(base) = base_image(Format::Oci) else { return };
    let pack = Pack::new();
    let app = Installed { bytes: b"def handler(event, context):\n    raise KeyError('x')\n".into(), executable: false };
    derive(&base, &pack.path("image"), &task_layer(&[("app.py".into(), app)].into(), "var/task"), "app.handler");
    let name = engine.load_layout(&pack.path("image"), "failing:latest");
    let answer = engine.container(&name).run().invoke(&json!({}));
    assert_eq!(answer["errorType"], "KeyError");
}

#[test]
fn the_workload_runs_in_a_container() {
    let Some(engine) = Engine::shared() else { return };
    let Some(base) = base_image(Format::Docker) else { return };
    let pack = with(&["functions/workload", "requirements"]);
    let report = |arguments: &[&str]| {
        let mut run = pack.with_the_index(["zip", "workload", "--json", "--output"]).arg(pack.path("workload.zip"));
        run.command.args(arguments);
        run.run().json(0)
    };
    let plan = report(&["--dry-run"]);
    let Some(python) = plan["compile_interpreter"].as_str() else { return skip("it takes a CPython 3.13") };
    report(&[]);
    let layer = task_layer(&unzip(&pack.path("workload.zip")), "var/task");
    derive(&base, &pack.path("image"), &layer, "app.handler");
    let name = engine.load_layout(&pack.path("image"), "workload:latest");
    let logs = assert_workload_runs(&engine, &name, python);
    println!("{logs}");
}
