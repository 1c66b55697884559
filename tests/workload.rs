//! Proves that the repository's own workload, built as its README says, is as small as was promised and still works:
//! unpacked into a folder that nobody may write to, it runs under the runtime's Python against a local S3; so it does with its
//! dependencies in layers.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::sizes;
use support::workload::{repository, virtual_environment, with};
use support::{Pack, ReadOnly, runtime_folder, skip};

/// `--slim`, `--bytecode`, and the most bytes that the artifact may have unpacked and packed.
const POLICIES: &[(&str, &str, u64, u64)] = &[
    ("standard", "compiled", 214_000_000, 74_500_000),
    ("standard", "none", 197_000_000, 67_500_000),
    ("standard", "only", 198_000_000, 70_500_000),
    ("deep", "compiled", 167_000_000, 57_000_000),
];

#[test]
fn the_workload_is_small_and_runs() {
    let pack = with(&["functions/workload", "requirements"]);
    let zip = |arguments: &[&str]| {
        let mut run = pack.with_the_index(["zip", "workload", "--json", "--output"]).arg(pack.path("workload.zip"));
        run.command.args(arguments);
        run.run().json(0)
    };
    let plan = zip(&["--dry-run"]);
    let python = plan["compile_interpreter"].as_str();
    let Some(python) = python.filter(|_| cfg!(all(target_os = "linux", target_arch = "x86_64"))) else {
        skip("it takes Linux x86_64 and a CPython 3.13");
        return;
    };
    let venv = virtual_environment(python);
    let runtime = runtime_folder(python);
    for (level, policy, unpacked, packed) in POLICIES {
        let report = zip(&["--slim", level, "--bytecode", policy]);
        let size = |key: &str| report[key].as_u64().unwrap();
        println!("{level}, {policy}: {} bytes unpacked, {} packed", size("unpacked"), size("packed"));
        assert!(size("unpacked") <= *unpacked, "{level}, {policy}: {} bytes unpacked", size("unpacked"));
        assert!(size("packed") <= *packed, "{level}, {policy}: {} bytes packed", size("packed"));
        assert_eq!(report["bytecode"], *policy);
        assert_eq!(report["slim"], *level);
        assert_eq!(report["handler"], "app.handler");
        assert_eq!(report["warnings"], serde_json::json!([]));
        let folder = pack.path(policy);
        let task = ReadOnly::unpack(&pack.path("workload.zip"), &folder);
        let told = sizes::report(&pack, "workload.zip");
        assert_eq!(
            (told["unpacked"].as_u64(), told["packed"].as_u64()),
            (Some(size("unpacked")), Some(size("packed")))
        );
        assert_eq!(told["unpacked"].as_u64(), Some(sizes::du_says(&folder)));
        let mut driver = Command::new(venv.join("bin/python"));
        driver.arg(repository().join("tests/workload/run_unpacked.py")).arg(python).arg(&folder).arg(&runtime);
        driver.env("TMPDIR", pack.tmp()).env_remove("PYTHONDONTWRITEBYTECODE");
        if *policy == "none" {
            // Root could write the missing bytecode. Elsewhere its absence shows that none was missing or stale.
            driver.env("PYTHONDONTWRITEBYTECODE", "1");
        }
        let output = driver.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && output.stdout == b"ok\n", "{level}, {policy}: {said}");
        task.assert_unchanged();
        drop(task);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// The layers that the workload's requirements are split into. botocore, which the runtime has, asks for python-dateutil<3, and
/// pandas on its own gets the newest.
const LAYERS: &[(&str, &str, bool)] = &[
    ("data", "numpy>=2.1\npandas>=2.2.3\npyarrow>=18\npython-dateutil<3\n", false),
    ("powertools", "aws-lambda-powertools>=3.5\naws-xray-sdk>=2.14\n", true),
];

#[test]
fn the_workload_runs_with_its_dependencies_in_layers() {
    let pack = with(&["functions/workload", "requirements"]);
    let build = |arguments: &[&str]| pack.with_the_index(arguments).arg("--json").run().json(0);
    let function = pack.path("workload.zip").display().to_string();
    let plan = build(&["zip", "workload", "--dry-run"]);
    let python = plan["compile_interpreter"].as_str();
    let Some(python) = python.filter(|_| cfg!(all(target_os = "linux", target_arch = "x86_64"))) else {
        skip("it takes Linux x86_64 and a CPython 3.13");
        return;
    };
    let mut arguments = vec!["zip", "workload", "--output", &function];
    let mut zips = Vec::new();
    for (name, requirements, versioned) in LAYERS {
        pack.write(&format!("layers/{name}.txt"), requirements);
        let (file, output) = (pack.path(format!("layers/{name}.txt")), pack.path(format!("{name}.zip")));
        let (file, output) = (file.display().to_string(), output.display().to_string());
        let mut words = vec!["layer", &file, "--output", &output];
        words.extend(versioned.then_some("--versioned"));
        assert_eq!(build(&words)["warnings"], serde_json::json!([]), "{name}");
        zips.push(output);
    }
    for zip in &zips {
        arguments.extend(["--layer", zip]);
    }
    let report = build(&arguments);
    assert_eq!(report["warnings"], serde_json::json!([]));
    assert_eq!((&report["handler"], &report["over_limit"]), (&"app.handler".into(), &false.into()));
    let own: Vec<&serde_json::Value> = report["parts"].as_array().unwrap().iter().map(|part| &part["name"]).collect();
    assert_eq!(own, ["function"], "all distributions are in layers");
    let sum = report["unpacked_with_layers"].as_u64().unwrap();
    println!("with layers: {sum} bytes unpacked");
    assert!(sum <= POLICIES[0].2, "{sum}");
    runs_with_layers(&pack, python, Path::new(&function), &zips.iter().map(Path::new).collect::<Vec<_>>());
}

/// Unpacks a function and its layers as Lambda does, into folders that nobody may write to, and runs it.
fn runs_with_layers(pack: &Pack, python: &str, function: &Path, layers: &[&Path]) {
    let (task, opt) = (pack.path("task"), pack.path("opt"));
    let unpacked = [ReadOnly::unpack(function, &task), ReadOnly::unpack_all(layers, &opt)];
    let mut driver = Command::new(virtual_environment(python).join("bin/python"));
    driver.arg(repository().join("tests/workload/run_unpacked.py")).arg(python).arg(&task);
    driver.arg(runtime_folder(python)).arg(&opt);
    driver.env("TMPDIR", pack.tmp()).env_remove("PYTHONDONTWRITEBYTECODE");
    let output = driver.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stdout == b"ok\n", "{python}: {said}");
    for folder in unpacked {
        folder.assert_unchanged();
    }
    for folder in [task, opt] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// The repository's own project: what its matrix says of functions with layers, by its lock, on every Python that is here.
#[test]
fn the_projects_own_layers_serve_every_runtime() {
    let pack = with(&["functions/workload", "requirements", "layers", "pack.toml", "pack.lock"]);
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip("it takes Linux x86_64");
    }
    let mut ran = 0;
    for version in ["3.10", "3.11", "3.12", "3.13"] {
        let arguments = ["zip", "workload", "--packaging", "own-layers", "--python", version, "--locked", "--json"];
        let reports = pack.with_the_index(arguments).run().json(0);
        let reports = reports.as_array().unwrap();
        let names: Vec<&serde_json::Value> = reports
            .iter()
            .map(|report| if report["layer"].is_null() { &report["function"] } else { &report["layer"] })
            .collect();
        assert_eq!(names, ["science", "tools", "workload"]);
        let paths: Vec<PathBuf> = reports.iter().map(|report| pack.path(report["path"].as_str().unwrap())).collect();
        let owned = |report: &serde_json::Value| -> Vec<String> {
            report["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(owned(&reports[2]), ["function"], "{version}: all distributions are in layers");
        assert!(reports[2]["unpacked_with_layers"].as_u64().unwrap() < 262_144_000, "{version}");
        let plan = ["zip", "workload", "--packaging", "own-layers", "--python", version, "--dry-run", "--json"];
        let plan = pack.with_the_index(plan).run().json(0);
        let Some(python) =
            plan.as_array().map_or(&plan, |plans| &plans[plans.len() - 1])["compile_interpreter"].as_str()
        else {
            skip(&format!("there is no CPython {version} here to run it"));
            continue;
        };
        runs_with_layers(&pack, python, &paths[2], &[paths[0].as_path(), paths[1].as_path()]);
        ran += 1;
    }
    println!("ran on {ran} Pythons");
}
