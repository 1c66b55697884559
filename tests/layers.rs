//! Proves what `pack zip --layer` promises: what a layer has is left out exactly, versions agree or it is said, checks and
//! the import test see the function with its layers, limits are those of both together, and no ZIP that is given as a layer
//! does harm.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Pack, Run, WheelBuilder, assert_done, assert_fails, check, skip, unzip, zips};

const HANDLER: &str = "import mid\n\n\ndef handler(event, context):\n    return mid.VALUE\n";
const DATA: &str = "dist/layers/data-python3.13-x86_64.zip";

/// A function `app` of `mid` and `own`; `mid` needs `base`, which has two versions. A layer `data` has `mid` and the older
/// `base`.
fn project() -> Pack {
    let pack = Pack::new();
    for (version, value) in [("1.0", "1"), ("2.0", "2")] {
        pack.wheel(
            &WheelBuilder::new("base", version)
                .file("base/__init__.py", format!("VALUE = {value}\n").as_bytes())
                .file("base/tests/__init__.py", b"")
                .file("base/tests/data.py", b""),
        );
    }
    pack.wheel(
        &WheelBuilder::new("mid", "1.0")
            .requires("base")
            .file("mid/__init__.py", b"from base import VALUE\n")
            .file("bin/mid-tool", b"#!/bin/sh\n")
            .file("shared/mid.txt", b"of mid"),
    );
    pack.wheel(
        &WheelBuilder::new("own", "1.0")
            .requires("mid")
            .file("own/__init__.py", b"import mid\n")
            .file("shared/own.txt", b"of own"),
    );
    pack.function("app", HANDLER, &["own"]);
    pack.write("layers/data.txt", "mid\nbase==1.0\n");
    pack
}

/// Builds a layer.
fn layer(pack: &Pack, name: &str) -> PathBuf {
    let run = pack.command(["layer", name, "--bytecode", "none", "--no-import-test", "--json"]);
    PathBuf::from(run.run().json(0)["path"].as_str().unwrap())
}

fn zip(pack: &Pack, arguments: &[&str]) -> Run {
    pack.zip("app").arg("--json").args(arguments)
}

fn paths(zip: &Path) -> BTreeSet<String> {
    unzip(zip).into_keys().collect()
}

/// Whose files it has.
fn parts(report: &Value) -> BTreeSet<&str> {
    report["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect()
}

fn warnings(report: &Value) -> String {
    let lines = report["warnings"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_layer_has_is_left_out_exactly() {
    let pack = project();
    layer(&pack, "data");
    for level in ["standard", "none"] {
        let alone = zip(&pack, &["--slim", level]).run().json(0);
        assert_eq!((&alone["layers"], &alone["unpacked_with_layers"]), (&json!([]), &alone["unpacked"]));
        assert!(paths(&pack.artifact("app")).contains("base/__init__.py"));
        let report = zip(&pack, &["--slim", level, "--layer", DATA]).run().json(0);
        assert_eq!(warnings(&report), "");
        let function = paths(&pack.artifact("app"));
        let of_layer: BTreeSet<String> =
            paths(&pack.path(DATA)).iter().map(|path| path.replacen("python/", "", 1)).collect();
        assert!(function.is_disjoint(&of_layer), "{level}: {function:?}");
        let code: Vec<&String> = function.iter().filter(|path| !path.contains(".dist-info/")).collect();
        assert_eq!(code, ["app.py", "own/__init__.py", "shared/own.txt"], "{level}");
        assert!(function.iter().all(|path| !path.starts_with("mid-") && !path.starts_with("base-")), "{function:?}");
        let removed = |report: &Value| -> BTreeSet<String> {
            let removed = report["removed"].as_array().unwrap().iter();
            let by_layers = removed.filter(|removal| removal["rule"] == "layer-provides");
            by_layers.map(|removal| removal["owner"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(removed(&report), ["base".to_owned(), "mid".to_owned()].into(), "{level}");
        let packed = fs::read(pack.path(DATA)).unwrap();
        let unpacked: usize = unzip(&pack.path(DATA)).values().map(|file| file.bytes.len()).sum();
        let known = json!([{
            "path": DATA, "packed": packed.len(), "unpacked": unpacked, "sha256": support::sha256(&packed),
            "distributions": [{"name": "base", "version": "1.0"}, {"name": "mid", "version": "1.0"}],
        }]);
        assert_eq!(report["layers"], known);
        let sum = report["unpacked"].as_u64().unwrap() + unpacked as u64;
        assert_eq!(report["unpacked_with_layers"], sum);
        assert_eq!(report["over_limit"], false);
    }
    let text = pack.zip("app").args(["--layer", DATA]).run();
    for line in [
        "  + layers ",
        "\nlayers  ",
        "  dist/layers/data-python3.13-x86_64.zip",
        "base 1.0, mid 1.0\n",
        "provided by layers",
    ] {
        assert!(text.stdout.contains(line), "{line:?} is not in:\n{}", text.stdout);
    }
    let plan = zip(&pack, &["--layer", DATA, "--dry-run"]).run().json(0);
    assert_eq!(plan["layers"], json!([DATA]));
    let left_out: Vec<(&str, bool)> = plan["wheels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wheel| (wheel["name"].as_str().unwrap(), wheel["layer"] == DATA))
        .collect();
    assert_eq!(left_out, [("base", true), ("mid", true), ("own", false)]);
}

#[test]
fn a_folder_for_one_python_counts_for_that_one_alone() {
    let pack = project();
    let run = pack.command(["layer", "data", "--versioned", "--bytecode", "none", "--no-import-test", "-q"]).run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = zip(&pack, &["--layer", DATA]).run().json(0);
    assert_eq!(report["layers"][0]["distributions"].as_array().unwrap().len(), 2);
    assert!(!paths(&pack.artifact("app")).contains("mid/__init__.py"));
    let report = zip(&pack, &["--layer", DATA, "--python", "3.12", "--output", "twelve.zip"]).run().json(0);
    assert_eq!(report["layers"][0]["distributions"], json!([]));
    assert!(paths(&pack.path("twelve.zip")).contains("mid/__init__.py"));
}

#[test]
fn versions_that_do_not_agree_are_an_error_or_a_warning() {
    let pack = project();
    layer(&pack, "data");
    pack.function("app", HANDLER, &["own", "base==2.0"]);
    let conflict = &[
        "error: the function and its layers have different versions:",
        "layer dist/layers/data-python3.13-x86_64.zip has base 1.0, and pip says: The user requested base==2.0\n",
        "hint: let both have one version",
        "--allow-shadow",
    ];
    assert_fails(&zip(&pack, &["--layer", DATA]).run(), 1, conflict);
    assert_fails(&zip(&pack, &["--layer", DATA, "--dry-run"]).run(), 1, conflict);
    assert_eq!(pack.artifacts().len(), 1, "nothing but the layer was written");
    let shadowed = || zip(&pack, &["--layer", DATA, "--allow-shadow"]).run().json(0);
    let said = format!("base 2.0 of the function is imported, not 1.0 of layer {DATA}: /var/task comes first");
    assert_eq!(warnings(&shadowed()), said);
    let function = paths(&pack.artifact("app"));
    assert!(function.contains("base/__init__.py") && !function.contains("mid/__init__.py"), "{function:?}");
    assert_fails(&zip(&pack, &["--layer", DATA]).run(), 1, conflict);
    assert_eq!(warnings(&shadowed()), said, "from pip's last answer");

    // A dependency that wants another version is named too.
    pack.wheel(&WheelBuilder::new("own", "2.0").requires("mid").requires("base>1").file("own/__init__.py", b""));
    pack.function("app", HANDLER, &["own==2.0"]);
    assert_fails(&zip(&pack, &["--layer", DATA]).run(), 1, &["has base 1.0, and pip says: own 2.0 depends on base>1"]);
    // What has nothing to do with layers says so.
    pack.function("app", HANDLER, &["nothing-of-that-name"]);
    assert_fails(&zip(&pack, &["--layer", DATA]).run(), 1, &["pip found no version of nothing-of-that-name"]);
}

#[test]
fn layers_of_the_command_line_are_no_matter_of_the_lock() {
    let pack = project();
    layer(&pack, "data");
    pack.write("pack.toml", "");
    zip(&pack, &[]).run().json(0);
    let lock = || fs::read_to_string(pack.path("pack.lock")).unwrap();
    let before = lock();
    assert!(before.contains("base-2.0-"), "{before}");
    let report = zip(&pack, &["--layer", DATA]).run().json(0);
    assert_eq!(parts(&report), BTreeSet::from(["function", "own"]), "its version goes with the layer's");
    assert_eq!(lock(), before, "a try with another layer changes nothing for the others");
    assert_fails(&zip(&pack, &["--layer", DATA, "--locked"]).run(), 2, &["--locked"]);
}

#[test]
fn a_layer_that_changes_makes_the_locked_versions_of_its_functions_out_of_date() {
    let pack = project();
    pack.write("pack.toml", "[functions.app]\nlayers = ['own']\n[packaging.layers]\nmethod = 'layers'\n");
    fs::rename(pack.path("layers/data.txt"), pack.path("layers/own.txt")).unwrap();
    pack.write("layers/own.txt", "base==1.0\n");
    let build = |arguments: &[&str]| {
        pack.command(["zip", "--bytecode", "none", "--no-import-test", "--json"]).args(arguments).run()
    };
    let versions = || {
        let lock = fs::read_to_string(pack.path("pack.lock")).unwrap();
        lock.lines().filter(|line| line.contains("\"base\"")).map(|line| line.contains("base-1.0-")).collect::<Vec<_>>()
    };
    let reports = build(&[]).json(0);
    assert_eq!((&reports[0]["layer"], &reports[1]["function"]), (&"own".into(), &"app".into()));
    let without_base = BTreeSet::from(["function", "mid", "own"]);
    assert_eq!(parts(&reports[1]), without_base);
    assert_eq!(versions(), [true, true]);
    pack.write("layers/own.txt", "base==2.0\n");
    assert_fails(&build(&["--locked"]), 1, &["layers/own.txt changed"]);
    assert_eq!(parts(&build(&[]).json(0)[1]), without_base);
    assert_eq!(versions(), [false, false]);
    let check = pack.command(["lock", "--check"]).run();
    assert_eq!(check.status, 0, "{}", check.stderr);
    // What the command line says of the function leaves its layer, which others may have too, as it is.
    let layer = fs::read(pack.path("dist/layers/own-python3.13-x86_64.zip")).unwrap();
    build(&["--exclude", "base/**"]).json(0);
    assert!(fs::read(pack.path("dist/layers/own-python3.13-x86_64.zip")).unwrap() == layer);
}

#[test]
fn what_a_layer_leaves_to_the_runtime_binds_no_function() {
    let pack = project();
    for version in ["1.0", "2.0"] {
        pack.wheel(&WheelBuilder::new("boto3", version).file("boto3/__init__.py", b""));
    }
    pack.wheel(&WheelBuilder::new("wrapper", "1.0").requires("boto3").file("wrapper/__init__.py", b"import boto3\n"));
    pack.write("layers/tools.txt", "wrapper\n-c old.txt\n");
    pack.write("layers/old.txt", "boto3==1.0\n");
    pack.write("requirements/app.txt", "own\nboto3==2.0\n");
    pack.write("pack.toml", "[functions.app]\nlayers = ['tools']\n[packaging.layers]\nmethod = 'layers'\n");
    // Before anybody knows what will be in the layer, and after.
    for _ in 0..2 {
        assert_done(&pack.command(["lock"]).run());
        assert_done(&pack.command(["lock", "--check"]).run());
        assert_done(&pack.zip("app").args(["--locked", "--quiet"]).run());
    }
    let app = paths(&pack.path("dist/app-layers-python3.13-x86_64.zip"));
    assert!(app.contains("boto3-2.0.dist-info/METADATA") && !app.contains("wrapper/__init__.py"), "{app:?}");
    // A layer that has it for sure does.
    pack.write("layers/tools.toml", "bundle-sdk = true\n");
    assert_fails(&pack.command(["lock", "--check"]).run(), 1, &["boto3 2.0: a layer has 1.0"]);
    let said = ["layer:tools (python3.13-x86_64) has boto3 1.0, and pip says for app (layers, python3.13-x86_64): "];
    assert_fails(&pack.command(["lock"]).run(), 1, &said);
}

#[test]
fn a_deep_layer_goes_by_what_the_lock_says_of_its_users() {
    let pack = project();
    pack.write(
        "pack.toml",
        "[functions.app]\nlayers = ['data']\n[packaging.layers]\nmethod = 'layers'\n[layers.data]\nslim = 'deep'\n",
    );
    let layer = |arguments: &[&str]| pack.command(["layer", "--quiet"]).args(arguments).run();
    assert_done(&layer(&[]));
    let said = ["pack.lock is out of date for app (layers, python3.13-x86_64)", "not in the lock yet"];
    assert_fails(&layer(&["--locked"]), 1, &said);
    assert_done(&pack.command(["lock"]).run());
    assert_done(&layer(&["--locked"]));
}

#[test]
fn what_a_layer_imports_of_the_function_stays() {
    let pack = project();
    pack.function("app", "import own\n\n\ndef handler(event, context):\n    return 1\n", &["base==1.0"]);
    let has_tests = |source: &str| {
        pack.write("layers/tools/python/tools.py", source);
        let tools = layer(&pack, "tools");
        zip(&pack, &["--layer", tools.to_str().unwrap(), "--no-check"]).run().json(0);
        paths(&pack.artifact("app")).contains("base/tests/data.py")
    };
    assert!(!has_tests("import base\n"));
    assert!(has_tests("from base.tests import data\n"));
}

#[test]
fn the_sdk_of_a_layer_is_no_question_of_the_runtimes() {
    let pack = project();
    pack.wheel(&WheelBuilder::new("boto3", "1.0").requires("botocore").file("boto3/__init__.py", b""));
    pack.wheel(&WheelBuilder::new("botocore", "1.0").file("botocore/__init__.py", b""));
    pack.function("app", HANDLER, &["mid", "boto3"]);
    pack.write("layers/data.txt", "mid\nboto3\n");
    layer(&pack, "data");
    let report = zip(&pack, &["--layer", DATA]).run().json(0);
    assert_eq!(report["runtime"], json!([]));
    assert_eq!(paths(&pack.artifact("app")), ["app.py".to_owned()].into());
    pack.write("layers/data.txt", "mid\n");
    layer(&pack, "data");
    let report = zip(&pack, &["--layer", DATA]).run().json(0);
    assert_eq!(report["runtime"].as_array().unwrap().len(), 2);
    assert!(paths(&pack.artifact("app")).contains("boto3/__init__.py"));
}

#[test]
fn what_is_certain_to_fail_with_the_layers_is_an_error() {
    let pack = project();
    layer(&pack, "data");
    pack.function("app", HANDLER, &[]);
    assert_fails(&zip(&pack, &[]).run(), 1, &["/var/task/app.py", "mid"]);
    zip(&pack, &["--layer", DATA]).run().json(0);
    let (_, checked) = check::check(&pack, &["dist/app-python3.13-x86_64.zip", "--layer", DATA]);
    assert_eq!(checked["errors"], 0, "{checked:#}");
    let run = pack.command(["layer", "data", "--bytecode", "none", "--no-import-test", "--no-check"]);
    assert_eq!(run.args(["--exclude", "base"]).run().status, 0);
    let said = &["error: app would not work on Lambda", "/opt/python/mid/__init__.py", "it imports base"];
    assert_fails(&zip(&pack, &["--layer", DATA]).run(), 1, said);
    let (checked, found) = check::check(&pack, &["dist/app-python3.13-x86_64.zip", "--layer", DATA]);
    check::assert_found("base", &checked, &found, "error", "import-missing", "it imports base");
}

#[test]
fn the_handler_imports_from_its_layers_and_the_same_input_gives_the_same_bytes() {
    let pack = project();
    let run = pack.command(["layer", "data", "-q"]).run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    let build = |pack: &Pack, arguments: &[&str]| {
        pack.command(["zip", "app", "--json", "--layer", DATA]).args(arguments).run().json(0)
    };
    let first = build(&pack, &["--jobs", "1"]);
    assert_eq!(build(&pack, &["--jobs", "2"])["sha256"], first["sha256"]);
    let second = project();
    fs::create_dir_all(second.path("dist/layers")).unwrap();
    fs::copy(pack.path(DATA), second.path(DATA)).unwrap();
    assert_eq!(build(&second, &[])["sha256"], first["sha256"], "another folder, a cold cache");
    assert_eq!(warnings(&first), "");
    if let Some(reason) = first["imports"]["skipped_reason"].as_str() {
        skip(reason);
        return;
    }
    assert_eq!((&first["handler"], &first["imports"]["tested"]), (&json!("app.handler"), &json!(2)));
    let (_, checked) = check::check(&pack, &["dist/app-python3.13-x86_64.zip", "--layer", DATA, "--import"]);
    assert_eq!(checked["errors"], 0, "{checked:#}");
    // The layer changes and the function's bytes do not: it is imported again.
    pack.write("layers/data/python/mid/__init__.py", "raise RuntimeError('of the layer')\n");
    layer(&pack, "data");
    let outcome = pack.command(["zip", "app", "--json", "--layer", DATA]).run();
    assert_fails(&outcome, 1, &["error: handler app.handler raises RuntimeError: of the layer"]);
}

#[test]
fn later_layers_lie_over_earlier_ones() {
    let pack = project();
    for (name, version) in [("one", "1.0"), ("two", "2.0")] {
        pack.write(&format!("layers/{name}.txt"), format!("base=={version}\n"));
    }
    let (one, two) = (layer(&pack, "one"), layer(&pack, "two"));
    let bundled = |layers: [&PathBuf; 2], requirement: &str| {
        pack.function("app", HANDLER, &["mid", requirement]);
        let outcome =
            zip(&pack, &["--layer", layers[0].to_str().unwrap(), "--layer", layers[1].to_str().unwrap()]).run();
        outcome.status
    };
    assert_eq!((bundled([&one, &two], "base==2.0"), bundled([&one, &two], "base==1.0")), (0, 1));
    assert_eq!((bundled([&two, &one], "base==2.0"), bundled([&two, &one], "base==1.0")), (1, 0));
    // The folder of one Python is looked at before that of all.
    let run = pack.command(["layer", "one", "--versioned", "--bytecode", "none", "--no-import-test", "-q"]).run();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!((bundled([&one, &two], "base==2.0"), bundled([&one, &two], "base==1.0")), (1, 0));
}

/// A layer of one file that unpacks to so many zeros.
fn heavy(pack: &Pack, bytes: u64) -> PathBuf {
    fs::create_dir_all(pack.path("layers/heavy/lib")).unwrap();
    fs::File::create(pack.path("layers/heavy/lib/zeros.bin")).unwrap().set_len(bytes).unwrap();
    layer(pack, "heavy")
}

#[test]
fn the_limit_is_that_of_function_and_layers_together() {
    let pack = project();
    layer(&pack, "data");
    let heavy = heavy(&pack, 262_144_000 - 2_000_000);
    let layers = ["--layer", DATA, "--layer", heavy.to_str().unwrap()];
    let report = zip(&pack, &layers).run().json(0);
    assert_eq!((&report["over_limit"], &report["path"]), (&json!(false), &json!("dist/app-python3.13-x86_64.zip")));
    pack.write("functions/app/table.bin", vec![7; 2_000_000]);
    let outcome = zip(&pack, &layers).run();
    let report = outcome.json(1);
    assert_eq!(
        (&report["over_limit"], &report["path"]),
        (&json!(true), &json!("dist/app-python3.13-x86_64.over-limit.zip"))
    );
    let sentence = format!(
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is {} bytes",
        report["unpacked_with_layers"]
    );
    assert!(outcome.stderr.contains(&sentence), "{}", outcome.stderr);
    let (checked, found) = check::check(&pack, &[&["dist/app-python3.13-x86_64.over-limit.zip"], &layers[..]].concat());
    check::assert_found("over", &checked, &found, "error", "too-large", &sentence);
}

#[test]
fn six_layers_are_too_many() {
    let pack = project();
    let mut arguments = Vec::new();
    for number in 0..6 {
        let name = format!("l{number}.zip");
        pack.write(&name, zips::zip(&[zips::file(&format!("lib/{number}.txt"), "x")]));
        arguments.extend(["--layer".to_owned(), name]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    zip(&pack, &arguments[..10]).run().json(0);
    fs::remove_dir_all(pack.path("dist")).unwrap();
    for more in [&[][..], &["--dry-run"]] {
        let outcome = zip(&pack, &[&arguments[..], more].concat()).run();
        assert_fails(&outcome, 1, &["error: app would not work on Lambda", "6 layers; a function takes 5"]);
    }
    assert!(!pack.path("dist").exists());
}

#[test]
fn what_is_no_layer_is_refused() {
    let pack = project();
    zip(&pack, &["--output", "function.zip"]).run().json(0);
    let metadata = |bytes: &[u8]| zips::zip(&[zips::file("python/mid-1.0.dist-info/METADATA", bytes)]);
    let good = b"Metadata-Version: 2.1\nName: mid\nVersion: 1.0\n";
    pack.write("text.zip", "no archive");
    pack.write("escape.zip", zips::zip(&[zips::file("python/a.py", ""), zips::file("../../etc/x", "")]));
    pack.write("twice.zip", zips::zip(&[zips::file("python/a.py", "1"), zips::file("python/a.py", "2")]));
    let mut bomb = zips::file("python/mid-1.0.dist-info/METADATA", good);
    bomb.claims = Some(4_000_000_000);
    pack.write("bomb.zip", zips::zip(&[bomb]));
    pack.write("empty.zip", zips::zip(&[]));
    fs::create_dir(pack.path("folder")).unwrap();
    let cases: &[(&str, i32, &[&str])] = &[
        (
            "text.zip",
            1,
            &[
                "error: text.zip cannot be taken as a layer",
                "not a whole ZIP",
                "hint: a layer is a ZIP as pack layer makes it",
            ],
        ),
        ("escape.zip", 1, &["escape.zip cannot be taken as a layer", "is not a path inside the archive"]),
        ("twice.zip", 1, &["twice.zip cannot be taken as a layer", "it is in the ZIP twice"]),
        ("bomb.zip", 1, &["bomb.zip cannot be taken as a layer"]),
        ("empty.zip", 1, &["empty.zip cannot be taken as a layer", "nothing of it is where Lambda looks"]),
        ("function.zip", 1, &["function.zip cannot be taken as a layer", "(modules: in python/)"]),
        ("folder", 2, &["error: there is no file folder", "hint: --layer takes the ZIP"]),
        ("none.zip", 2, &["error: there is no file none.zip"]),
    ];
    for (path, status, said) in cases {
        assert_fails(&zip(&pack, &["--layer", path]).run(), *status, said);
    }
    assert_fails(&zip(&pack, &["--allow-shadow"]).run(), 2, &["--layer"]);
    assert!(!pack.path("dist").exists(), "nothing was written");

    // What says nothing of itself, or too much, is only not counted; nor can a name carry more than a name.
    let long = [&vec![b'x'; 80 << 10][..], b": y\n", good].concat();
    for (name, bytes) in [
        ("a name", &b"Name: mid --index-url http://x\nVersion: 1.0\n"[..]),
        ("a version", b"Name: mid\nVersion: 1.0 ; x\n"),
        ("late", &long),
        ("nothing", b""),
    ] {
        pack.write("odd.zip", metadata(bytes));
        let report = zip(&pack, &["--layer", "odd.zip"]).run().json(0);
        assert_eq!(report["layers"][0]["distributions"], json!([]), "{name}");
        let found = report["findings"].as_array().unwrap();
        assert!(found.iter().any(|finding| finding["check"] == "layer-metadata"), "{name}: {found:#?}");
        assert!(paths(&pack.artifact("app")).contains("mid/__init__.py"), "{name}");
    }
}
