//! Proves what `pack plan` shows and what `pack zip` makes of a project file: which artifacts, of what, why; and that the
//! command line goes over the file.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use insta::assert_snapshot;
use serde_json::{Value, json};
use support::{Pack, WheelBuilder, unzip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// Two functions, a layer of the project's own and a public one, in two packagings.
const PROJECT: &str = r#"
[project]
name = "reports"
region = "eu-west-1"

[defaults]
slim = "deep"

[functions.report]
handler = "app.handler"
layers = ["science", "powertools"]
timeout = 60

[functions.tiny]
source = "src/tiny.py"
memory = 128

[layers.powertools]
public = "powertools"
version = 21

[packaging.zip]
method = "zip"
bytecode = "none"

[packaging.layers]
method = "layers"

[matrix]
python = ["3.12", "3.13"]
memory = [1024, 1769]
exclude = [{ function = "tiny", packaging = "layers" }]
include = [{ function = "tiny", packaging = "zip", python = "3.13", architecture = "arm64" }]
"#;

fn project() -> Pack {
    let pack = Pack::new();
    pack.function("report", HANDLER, &["pkg"]);
    pack.write("src/tiny.py", HANDLER);
    pack.write("layers/science.txt", "pkg\n");
    pack.write("pack.toml", PROJECT);
    pack.wheel(
        &WheelBuilder::new("pkg", "1.0")
            .file("pkg/__init__.py", b"VALUE = 1\n")
            .file("pkg/tests/test_it.py", b"assert 1\n"),
    );
    pack
}

fn outputs(plan: &Value) -> Vec<&str> {
    plan["builds"].as_array().unwrap().iter().map(|build| build["output"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_says_what_is_built_of_what_and_why() {
    let outcome = project().command(["plan"]).run();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    assert_snapshot!(outcome.stdout, @r##"
    reports: 7 artifacts of 2 functions, 2 of layers

    report as zip: all in one ZIP
      source             functions/report
      requirements       requirements/report.txt
      memory             1024, 1769 MB ([matrix])
      slim               deep ([defaults])
      bytecode           none ([packaging.zip])
      handler            app.handler ([functions.report])
      timeout            60 s ([functions.report])
      python3.12-x86_64  dist/report-python3.12-x86_64.zip
      python3.13-x86_64  dist/report-python3.13-x86_64.zip

    report as layers: a ZIP, and layers
      source             functions/report
      requirements       requirements/report.txt
      memory             1024, 1769 MB ([matrix])
      layers             science, powertools ([functions.report])
      slim               deep ([defaults])
      handler            app.handler ([functions.report])
      timeout            60 s ([functions.report])
      python3.12-x86_64  dist/report-layers-python3.12-x86_64.zip
                         + dist/layers/science-python3.12-x86_64.zip
                         + arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:21 (unknown size)
      python3.13-x86_64  dist/report-layers-python3.13-x86_64.zip
                         + dist/layers/science-python3.13-x86_64.zip
                         + arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:21 (unknown size)

    tiny as zip: all in one ZIP
      source             src/tiny.py ([functions.tiny])
      requirements       none
      memory             128 MB ([functions.tiny])
      slim               deep ([defaults])
      bytecode           none ([packaging.zip])
      python3.12-x86_64  dist/tiny-python3.12-x86_64.zip
      python3.13-x86_64  dist/tiny-python3.13-x86_64.zip
      python3.13-arm64   dist/tiny-python3.13-arm64.zip

    layer science
      requirements       layers/science.txt
      of                 report
      slim               deep ([defaults])
      python3.12-x86_64  dist/layers/science-python3.12-x86_64.zip
      python3.13-x86_64  dist/layers/science-python3.13-x86_64.zip
    "##);
}

#[test]
fn a_plan_as_json_has_the_same_in_full() {
    let plan =
        project().command(["plan", "report", "--packaging", "layers", "--python", "3.13", "--json"]).run().json(0);
    assert_eq!(plan["project"], "reports");
    assert_eq!(plan["findings"], json!([]));
    let build = &plan["builds"][0];
    assert_eq!(plan["builds"].as_array().unwrap().len(), 1);
    assert_eq!(
        build["layers"],
        json!([
            { "name": "science", "output": "dist/layers/science-python3.13-x86_64.zip", "arn": null },
            {
                "name": "powertools",
                "output": null,
                "arn": "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:21"
            }
        ])
    );
    assert_eq!(build["memory"], json!([1024, 1769]));
    assert_eq!(build["settings"]["timeout"], 60);
    assert!(build["why"].as_array().unwrap().contains(&json!({
        "setting": "slim", "value": "deep", "from": "[defaults]"
    })));
    assert_eq!(plan["layers"][0]["functions"], json!(["report"]));
    assert_eq!(plan["layers"][0]["settings"]["slim"], "deep");
}

#[test]
fn flags_choose_from_the_matrix_or_go_beyond_it() {
    let pack = project();
    let plan = |arguments: &[&str]| pack.command(["plan", "--json"]).args(arguments).run().json(0);
    assert_eq!(outputs(&plan(&["--arch", "arm64"])), ["dist/tiny-python3.13-arm64.zip"]);
    assert_eq!(
        outputs(&plan(&["tiny", "--python", "3.14"])),
        ["dist/tiny-python3.14-x86_64.zip", "dist/tiny-layers-python3.14-x86_64.zip"]
    );
    let outcome = pack.command(["plan", "--packaging", "layer"]).run();
    assert_eq!(outcome.status, 2);
    assert_snapshot!(outcome.stderr, @r#"
    error: there is no packaging "layer"
    hint: did you mean "layers"? packagings here: zip, layers; a table [packaging.NAME] in pack.toml makes one
    "#);
    let outcome = pack.command(["plan", "reprot"]).run();
    assert_snapshot!(outcome.stderr, @r#"
    error: there is no function "reprot"
    hint: did you mean "report"? functions here: report, tiny; or give the path of a folder or of a .py file
    "#);
}

#[test]
fn without_a_project_file_conventions_make_the_plan() {
    let pack = Pack::new();
    pack.function("app", HANDLER, &[]);
    let outcome = pack.command(["plan"]).run();
    assert_snapshot!(outcome.stdout, @r"
    project: 1 artifact of 1 function

    app as zip: all in one ZIP
      source             functions/app
      requirements       requirements/app.txt
      python3.13-x86_64  dist/app-python3.13-x86_64.zip
    ");
    let outcome = Pack::new().command(["plan"]).run();
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("there is nothing to build here"), "{}", outcome.stderr);
}

#[test]
fn a_public_layer_without_a_region_is_told() {
    let pack = project();
    pack.write("pack.toml", PROJECT.replace("region = \"eu-west-1\"\n", ""));
    let outcome = pack.command(["plan", "--packaging", "layers"]).run();
    assert_eq!(outcome.status, 0);
    assert!(outcome.stdout.contains("+ powertools of a Region that is not known"), "{}", outcome.stdout);
    assert_snapshot!(outcome.stderr, @r"
    warning: the Region is not known, and so not the ARN of powertools
    hint: region in [project] names it
    ");
}

#[test]
fn a_runtime_out_of_support_is_told() {
    // Since June 2026, and for ever after.
    let outcome = project().command(["plan", "--python", "3.10"]).run();
    assert!(outcome.stderr.contains("Lambda ended the support of python3.10 on 2026-06-30"), "{}", outcome.stderr);
}

#[test]
fn zip_builds_what_the_matrix_has_of_it() {
    let pack = project();
    let outcome = pack.command(["zip", "-q", "--no-import-test"]).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert_eq!(
        pack.artifacts(),
        [
            "report-python3.12-x86_64.zip",
            "report-python3.13-x86_64.zip",
            "tiny-python3.12-x86_64.zip",
            "tiny-python3.13-arm64.zip",
            "tiny-python3.13-x86_64.zip"
        ]
    );
    let files: Vec<String> = unzip(&pack.path("dist/report-python3.13-x86_64.zip")).into_keys().collect();
    assert!(files.contains(&"pkg/__init__.py".to_owned()));
    assert!(!files.iter().any(|path| path.ends_with(".pyc")), "bytecode is none in [packaging.zip]: {files:?}");
}

#[test]
fn the_command_line_goes_over_the_file() {
    let pack = project();
    let zip = |arguments: &[&str]| {
        let run = pack.command(["zip", "report", "--python", "3.13", "--json", "--no-import-test"]).args(arguments);
        run.run().json(0)
    };
    let has_tests = |report: &Value| {
        let path = report["path"].as_str().unwrap();
        unzip(&pack.path(path)).contains_key("pkg/tests/test_it.py")
    };
    assert!(!has_tests(&zip(&[])), "slim is deep in [defaults]");
    assert!(has_tests(&zip(&["--slim", "none"])));
    assert!(has_tests(&zip(&["--keep", "pkg/tests"])));
    pack.write("none.txt", "");
    let none = zip(&["-r", "none.txt"]);
    assert!(none["parts"].as_array().unwrap().iter().all(|part| part["name"] != "pkg"), "{none}");
}

#[test]
fn a_variant_has_a_name_of_its_own() {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["pkg"]);
    pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"").file("pkg/more.pyi", b"x: int\n"));
    pack.write(
        "pack.toml",
        "[packaging.zip]\nmethod = \"zip\"\nbytecode = \"none\"\n[packaging.whole]\nmethod = \"zip\"\nslim = \"none\"\nbytecode = \"none\"\n",
    );
    let outcome = pack.command(["zip", "-q", "--no-import-test"]).run();
    assert_eq!(outcome.stdout, "dist/app-python3.13-x86_64.zip\ndist/app-whole-python3.13-x86_64.zip\n");
    let has_stub = |path| unzip(&pack.path(path)).contains_key("pkg/more.pyi");
    assert!(!has_stub("dist/app-python3.13-x86_64.zip"));
    assert!(has_stub("dist/app-whole-python3.13-x86_64.zip"));
    let outcome = pack.command(["zip", "-q", "--no-import-test", "--packaging", "whole", "--output", "one.zip"]).run();
    assert_eq!(outcome.stdout, "one.zip\n");
    let outcome = pack.command(["zip", "--output", "one.zip"]).run();
    assert!(outcome.stderr.starts_with("error: two artifacts would be written to one.zip"), "{}", outcome.stderr);
}

#[test]
fn what_zip_cannot_make_yet_it_does_not_make() {
    let outcome = project().command(["zip", "report", "--packaging", "layers", "--python", "3.13", "--offline"]).run();
    assert_eq!(outcome.status, 2);
    assert_snapshot!(outcome.stderr, @r"
    error: report is packaged as layers, and its layer powertools cannot be had: what powertools (python3.13-x86_64) has is not in the lock as pack.toml means it, and --offline asks nobody; pack lock without --offline
    hint: --packaging names another; --layer names ZIPs of layers, in place of those that pack.toml says; pack plan shows all
    ");
}

#[test]
fn a_function_that_is_its_projects_folder_does_not_ship_the_project() {
    let pack = Pack::new();
    pack.write("app.py", HANDLER);
    pack.write("requirements.txt", "");
    pack.write("pack.toml", "[functions.app]\nsource = \".\"\n");
    let outcome = pack.command(["zip", "-q", "--bytecode", "none", "--no-import-test"]).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let files: Vec<String> = unzip(&pack.artifact("app")).into_keys().collect();
    assert_eq!(files, ["app.py"]);
}

#[test]
fn layers_are_built_as_the_project_says() {
    let pack = project();
    pack.write("below/deep/x.txt", "");
    let mut below = pack.command(["zip"]);
    below.command.current_dir(pack.path("below/deep"));
    let said = ["there is no functions/ folder with functions here", "hint: pack.toml is in ../..: run it there"];
    support::assert_fails(&below.run(), 2, &said);
    pack.write("layers/science.toml", "versioned = true\nslim = \"none\"\n");
    let outcome = pack.command(["layer", "-q", "--bytecode", "none", "--no-import-test"]).run();
    assert_eq!(
        outcome.stdout, "dist/layers/science-python3.12-x86_64.zip\ndist/layers/science-python3.13-x86_64.zip\n",
        "{}",
        outcome.stderr
    );
    let files: Vec<String> = unzip(&pack.path("dist/layers/science-python3.12-x86_64.zip")).into_keys().collect();
    let tests = "python/lib/python3.12/site-packages/pkg/tests/test_it.py".to_owned();
    assert!(files.contains(&tests), "{files:?}");
    // In the folder that all Pythons look into, and without bytecode, it is one for all.
    pack.write("layers/science.toml", "slim = \"none\"\n");
    let outcome = pack.command(["layer", "--bytecode", "none", "--no-import-test"]).run();
    let said = "dist/layers/science-python3.12-x86_64.zip, dist/layers/science-python3.13-x86_64.zip have the same bytes: one \
                layer version serves them all";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    pack.write("layers/science.toml", "versioned = true\nslim = \"none\"\n");
    let layer = |arguments: &[&str]| pack.command(["layer", "--json", "--dry-run"]).args(arguments).run();
    let outputs = |arguments: &[&str]| layer(arguments).json(0)["output"].as_str().unwrap().to_owned();
    for name in ["science", "science.txt", "layers/science.txt"] {
        assert_eq!(outputs(&[name, "--python", "3.13"]), "dist/layers/science-python3.13-x86_64.zip");
        assert_eq!(layer(&[name, "--python", "3.13"]).json(0)["slim"], "none", "its settings hold for {name}");
    }
    assert_eq!(outputs(&["science", "--python", "3.14"]), "dist/layers/science-python3.14-x86_64.zip");
    let outcome = layer(&["powertools"]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("somebody else's: there is nothing to build"), "{}", outcome.stderr);
    let outcome = layer(&["scienc"]);
    assert!(outcome.stderr.contains("did you mean \"science\"?"), "{}", outcome.stderr);
    pack.write(
        "pack.toml",
        PROJECT
            .replace("[packaging.layers]\nmethod = \"layers\"\n", "")
            .replace(", packaging = \"layers\"", ", python = \"3.12\""),
    );
    let outcome = layer(&[]);
    assert!(outcome.stderr.contains("hint: pack layer science builds one all the same"), "{}", outcome.stderr);
    assert_eq!(layer(&["science"]).json(0).as_array().unwrap().len(), 2, "for each target of the matrix");
}

#[test]
fn a_layer_keeps_what_the_functions_that_list_it_need() {
    let pack = project();
    let has_users = |arguments: &[&str]| {
        let run = pack.command(["layer", "science", "--json", "--python", "3.13", "--no-import-test"]).args(arguments);
        let warnings = run.run().json(0)["warnings"].to_string();
        !warnings.contains("depends on the functions that use it")
    };
    assert!(has_users(&[]), "slim is deep in [defaults], and report lists it");
    assert!(has_users(&["--for", "tiny"]));
    pack.write("pack.toml", "[defaults]\nslim = \"deep\"\n");
    assert!(!has_users(&[]));
}

#[test]
fn the_method_layers_takes_the_layers_that_are_named() {
    let pack = project();
    let run = |arguments: &[&str]| {
        let run = pack.command(arguments.iter().copied()).args(["-q", "--no-import-test", "--python", "3.13"]).run();
        assert_eq!(run.status, 0, "{}", run.stderr);
        run.stdout
    };
    let layer = run(&["layer", "science"]);
    let outcome = run(&["zip", "report", "--layer", layer.trim()]);
    assert_eq!(outcome, "dist/report-layers-python3.13-x86_64.zip\n");
    let files: Vec<String> = unzip(&pack.path(outcome.trim())).into_keys().collect();
    assert!(!files.iter().any(|path| path.starts_with("pkg")), "the layer has it: {files:?}");
}

#[test]
fn the_lock_is_of_all_that_the_matrix_has() {
    let pack = project();
    let lock = |arguments: &[&str]| pack.command(["lock"]).args(arguments).run();
    let sets = || {
        let text = std::fs::read_to_string(pack.path("pack.lock")).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("name = ") || line.starts_with("python = "));
        lines.map(|line| line.split('"').nth(1).unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let outcome = lock(&["--python", "3.12"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert_eq!(sets(), "layer:science 3.12 report 3.12");
    assert_eq!(lock(&["--check"]).status, 1);
    assert_eq!(lock(&[]).status, 0);
    assert_eq!(sets(), "layer:science 3.12 layer:science 3.13 report 3.12 report 3.13");
    assert_eq!(lock(&["--check"]).status, 0);
    for command in ["zip", "layer"] {
        let outcome = pack.command([command, "-q", "--no-import-test", "--locked"]).run();
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
    assert_eq!(lock(&["--check"]).status, 0, "builds of the matrix add nothing");
}

#[test]
fn a_budget_that_is_broken_is_told_and_the_artifact_stays() {
    let pack = Pack::new();
    pack.function("app", "def handler(event, context):\n    return 1\n", &[]);
    pack.write("pack.toml", "[budgets]\npacked = '10 kB'\nunpacked = 20\n");
    let outcome = pack.zip("app").run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let said = "over budget: unpacked it has 42 bytes, 22 more than the 20 of pack.toml";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("packed it has 3"), "{}", outcome.stderr);
    assert!(pack.artifact("app").is_file());
}

/// What a build of `app` says of its budgets, without the path before it.
fn judged(pack: &Pack, file: &str) -> (i32, Vec<String>) {
    pack.write("pack.toml", file);
    let outcome = pack.command(["zip", "app", "--bytecode", "none", "--no-import-test"]).run();
    assert!(pack.artifact("app").is_file(), "{}", outcome.stderr);
    let said = outcome.stderr.lines().filter_map(|line| line.split_once("over budget: "));
    (outcome.status, said.map(|(_, said)| said.to_owned()).collect())
}

#[test]
fn each_budget_is_broken_by_one_byte_and_not_before() {
    let pack = Pack::new();
    pack.wheel(&WheelBuilder::new("Big.Data", "2.0").file("big/__init__.py", &b"#".repeat(50_000)));
    pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 1\n"));
    pack.function("app", HANDLER, &["big-data", "pkg"]);
    let report = pack.command(["zip", "app", "--bytecode", "none", "--no-import-test", "--json"]).run().json(0);
    let bytes = |value: &Value| value.as_u64().unwrap();
    let (packed, unpacked) = (bytes(&report["packed"]), bytes(&report["unpacked"]));
    let part = report["parts"].as_array().unwrap().iter().find(|part| part["name"] == "big-data").unwrap();
    let large = bytes(&part["unpacked"]);
    let at = |packed: u64, unpacked: u64, large: u64| {
        format!("[budgets]\npacked = {packed}\nunpacked = \"{unpacked} B\"\ndistributions.big_data = {large}\n")
    };
    assert_eq!(judged(&pack, &at(packed, unpacked, large)), (0, vec![]));
    let (status, said) = judged(&pack, &at(packed - 1, unpacked - 1, large - 1));
    assert_eq!((status, said.len()), (1, 3), "{said:?}");
    for (said, what) in said.iter().zip(["packed it has", "unpacked it has", "big-data has"]) {
        assert!(said.starts_with(what) && said.contains(", 1 more than the "), "{said}");
    }
    assert!(said[1].ends_with(&format!(" ({} B) of pack.toml", unpacked - 1)), "{said:?}");
    // Shares of Lambda's limits: 0.0001 % are 52.4 and 262.1 bytes. What is not there is within every budget.
    let shares = "[budgets]\npacked = \"0.0001 %\"\ndistributions = { \"BIG-data\" = \"0.0001%\", absent = 0 }\n";
    let (status, said) = judged(&pack, shares);
    assert_eq!((status, said.len()), (1, 2), "{said:?}");
    assert!(said[0].ends_with(" more than the 52 (0.0001 %) of pack.toml"), "{said:?}");
    assert!(said[1].ends_with(" more than the 262 (0.0001%) of pack.toml"), "{said:?}");
    // A build has no baseline, and a ZIP no layers of an image.
    assert_eq!(
        judged(&pack, "[budgets]\npacked-growth = 0\nunpacked-growth = \"0 %\"\nimage-layer = 0\n"),
        (0, vec![])
    );
}

#[test]
fn a_functions_budgets_go_over_all_key_by_key_and_a_layer_has_its_own() {
    let pack = project();
    let file = "[budgets]\npacked = 1\nunpacked = 1\ndistributions = { pkg = 1, six = 1 }\nimage-layer = \"5 MB\"\n\
                [functions.report.budgets]\nunpacked = \"80 %\"\ndistributions.PKG = \"1 MB\"\n\
                [functions.report]\nlayers = [\"science\"]\n\
                [layers.science]\nbytecode = \"none\"\nbudgets = { unpacked = 1, distributions = { pkg = 2 } }\n";
    pack.write("pack.toml", file);
    let plan = pack.command(["plan", "report", "--json"]).run().json(0);
    assert_eq!(
        plan["builds"][0]["settings"]["budgets"],
        json!({
            "packed": 1, "unpacked": "80 %", "distributions.pkg": 1_000_000, "distributions.six": 1, "image-layer": 5_000_000,
        })
    );
    assert_eq!(plan["layers"][0]["settings"]["budgets"], json!({"unpacked": 1, "distributions.pkg": 2}));
    let why = plan["builds"][0]["why"].as_array().unwrap().iter();
    let why: Vec<String> = why
        .filter(|origin| origin["setting"].as_str().unwrap().starts_with("budgets."))
        .map(|origin| format!("{} {} {}", origin["setting"], origin["value"], origin["from"]).replace('"', ""))
        .collect();
    assert_eq!(
        why,
        [
            "budgets.unpacked 80 % [functions.report.budgets]",
            "budgets.distributions pkg 1000000 bytes [functions.report.budgets]",
            "budgets.packed 1 bytes [budgets]",
            "budgets.distributions six 1 bytes [budgets]",
            "budgets.image-layer 5000000 bytes [budgets]",
        ]
    );
    let outcome = pack.command(["layer", "science", "--no-import-test"]).run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("dist/layers/science-python3.13-x86_64.zip: over budget: unpacked it has "),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("over budget: pkg has "), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("over budget: packed"), "{}", outcome.stderr);
}

#[test]
fn the_import_test_has_the_environment_and_shows_none_of_it() {
    let pack = Pack::new();
    let source = "import os\nassert os.environ['MODE'] == 'fast'\nif 'TOKEN' in os.environ:\n    raise ValueError(os.environ['TOKEN'])\n\n\ndef handler(event, context):\n    return 1\n";
    pack.function("app", source, &[]);
    pack.write("pack.toml", "[functions.app.environment]\nMODE = 'fast'\n");
    let build = |more: &[&str]| pack.command(["zip", "app", "--bytecode", "compiled", "--json"]).args(more).run();
    let report = build(&[]).json(0);
    if report["imports"]["skipped_reason"].is_string() {
        return support::skip("there is no CPython 3.13 here");
    }
    let outcome = build(&["--import-env", "TOKEN=hunter2-and-more"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("raises ValueError: ${TOKEN}"), "{}", outcome.stderr);
    for file in Pack::files(&pack.cache()) {
        let bytes = std::fs::read(pack.cache().join(&file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{file}");
    }
}
