//! Proves that `pack init` makes a project that builds, of an empty folder and of what teams have; that nothing is ever
//! written over; and that docs/ says what `pack` says.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};
use support::{Outcome, Pack, ReadOnly, WheelBuilder, unzip};

const HANDLER: &str = "def lambda_handler(event, context):\n    return 1\n";

/// A folder with nothing in it, and wheels that it does not see.
fn empty() -> Pack {
    let pack = Pack::new();
    fs::rename(pack.path("wheels"), pack.path(".wheels")).unwrap();
    pack
}

fn init(pack: &Pack) -> Outcome {
    pack.command(["init"]).run()
}

fn started(pack: &Pack) -> Outcome {
    let outcome = init(pack);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    outcome
}

fn file(pack: &Pack) -> String {
    fs::read_to_string(pack.path("pack.toml")).unwrap()
}

/// Every file, to see that none changed.
fn all(pack: &Pack) -> BTreeMap<String, Vec<u8>> {
    let root = pack.path("");
    Pack::files(&root).into_iter().map(|path| (path.clone(), fs::read(root.join(path)).unwrap())).collect()
}

/// Builds what `pack init` made, and gives the artifact's paths.
fn built(pack: &Pack, name: &str) -> Vec<String> {
    let run = pack.command(["zip", "--bytecode", "none", "--no-import-test"]);
    let outcome = run.env("PIP_FIND_LINKS", pack.path(".wheels")).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    unzip(&pack.artifact(name)).into_keys().collect()
}

#[test]
fn an_empty_folder_becomes_a_project_that_builds_and_whose_handler_answers() {
    let pack = empty();
    pack.write(".gitignore", "dist\n");
    pack.write("README.md", "# Mine\n");
    let outcome = started(&pack);
    assert_snapshot!(outcome.stdout, @r"
    functions/hello/app.py
    requirements/hello.txt
    pack.toml
    ");
    assert_snapshot!(outcome.stderr, @r"
    found: an empty folder
    next: pack plan shows what is built, pack zip builds it
    ");
    assert_eq!(built(&pack, "hello"), ["app.py"]);
    let unpacked = pack.tmp().join("task");
    let task = ReadOnly::unpack(&pack.artifact("hello"), &unpacked);
    let call = "import app; print(app.handler({'name': 'Ada'}, None), app.handler({}, None))";
    let output = Command::new("python3").args(["-B", "-c", call]).current_dir(&unpacked).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{'message': 'Hello, Ada!'} {'message': 'Hello, world!'}\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    task.assert_unchanged();
}

#[test]
fn a_second_init_refuses_and_changes_nothing() {
    let pack = empty();
    started(&pack);
    let before = all(&pack);
    let outcome = init(&pack);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""));
    assert_snapshot!(outcome.stderr, @r"
    error: there is a pack.toml here already
    hint: it is left as it is; pack plan shows what it makes
    ");
    assert_eq!(all(&pack), before);
}

#[test]
fn a_pack_toml_that_is_a_link_to_nowhere_or_a_folder_is_there_as_well() {
    let pack = empty();
    std::os::unix::fs::symlink("nowhere", pack.path("pack.toml")).unwrap();
    assert_eq!(init(&pack).status, 2);
    assert!(!pack.path("nowhere").exists());
    fs::remove_file(pack.path("pack.toml")).unwrap();
    fs::create_dir(pack.path("pack.toml")).unwrap();
    assert_eq!(init(&pack).status, 2);
}

#[test]
fn beside_requirements_txt_the_folder_is_the_function() {
    let pack = empty();
    let wheel = WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 1\n");
    pack.write(&format!(".wheels/{}", wheel.filename()), wheel.build());
    pack.write("main.py", format!("import pkg\nimport helper\n\n{HANDLER}"));
    pack.write("helper.py", "import pkg\n");
    pack.write("tests/test_main.py", HANDLER);
    pack.write("requirements.txt", "pkg\n");
    pack.write(".packignore", ".wheels\n");
    let before = all(&pack);
    let outcome = started(&pack);
    assert_snapshot!(outcome.stderr, @r"
    found: main.py with lambda_handler
    found: requirements.txt
    next: pack plan shows what is built, pack zip builds it
    ");
    assert_eq!(outcome.stdout, "pack.toml\n");
    assert_snapshot!(file(&pack), @r##"
    # pack plan shows what this makes, pack zip builds it; pack schema has every key, for editors.

    # The source "." is this folder, without tests, virtual environments and what .packignore names.
    [functions.project]
    source = "."
    handler = "main.lambda_handler"
    requirements = "requirements.txt"

    # What is built: each function for each Python and architecture.
    [matrix]
    python = ["3.13"]
    architectures = ["x86_64"]          # or "arm64", or both
    "##);
    let mut after = all(&pack);
    after.remove("pack.toml");
    assert_eq!(after, before);
    let files = built(&pack, "project");
    assert_eq!(files.iter().filter(|path| !path.starts_with("pkg")).collect::<Vec<_>>(), ["helper.py", "main.py"]);
    assert!(files.contains(&"pkg/__init__.py".to_owned()), "{files:?}");
}

#[test]
fn beside_pyproject_toml_it_has_the_projects_name_and_python() {
    let pack = empty();
    pack.write(
        "pyproject.toml",
        "[project]\nname = \"My Reports.v2\"\nrequires-python = \">=3.10,<3.13\"\ndependencies = []\n",
    );
    pack.write("src/app.py", "def handler(event, context):\n    return 1\n");
    started(&pack);
    assert_snapshot!(file(&pack), @r##"
    # pack plan shows what this makes, pack zip builds it; pack schema has every key, for editors.

    [functions.My-Reports-v2]
    source = "src"
    handler = "app.handler"
    requirements = "pyproject.toml"

    # What is built: each function for each Python and architecture.
    [matrix]
    python = ["3.12"]
    architectures = ["x86_64"]          # or "arm64", or both
    "##);
    let plan = pack.command(["plan", "--json"]).run().json(0);
    assert_eq!(plan["builds"][0]["function"], "My-Reports-v2");
    assert_eq!(plan["builds"][0]["requirements"], json!(["pyproject.toml"]));
    let outcome = pack.command(["zip", "--bytecode", "none", "--no-import-test"]).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(unzip(&pack.path("dist/My-Reports-v2-python3.12-x86_64.zip")).contains_key("app.py"));
}

#[test]
fn beside_requirements_without_sources_a_first_function_has_them() {
    let pack = empty();
    pack.write("requirements.txt", "");
    pack.write("setup.py", "");
    let outcome = started(&pack);
    assert!(outcome.stderr.starts_with("found: requirements.txt, and no sources\n"), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "functions/hello/app.py\npack.toml\n");
    let plan = pack.command(["plan", "--json"]).run().json(0);
    assert_eq!(plan["builds"][0]["requirements"], json!(["requirements.txt"]));
    assert_eq!(built(&pack, "hello"), ["app.py"]);
}

#[test]
fn a_pyproject_that_sets_tools_only_is_no_requirement_and_a_poetry_project_has_its_lock() {
    let pack = empty();
    pack.write("pyproject.toml", "[tool.ruff]\nline-length = 100\n");
    pack.write("app.py", HANDLER);
    let outcome = started(&pack);
    assert!(outcome.stderr.contains("found: no requirements; a requirements.txt has them"), "{}", outcome.stderr);
    assert!(!file(&pack).contains("requirements ="), "{}", file(&pack));
    assert_eq!(built(&pack, "project"), ["app.py"]);

    let pack = empty();
    pack.write("pyproject.toml", "[tool.poetry]\nname = \"books\"\n[tool.poetry.dependencies]\npython = \"^3.12\"\n");
    pack.write("poetry.lock", "");
    pack.write("books/__init__.py", "");
    pack.write("books/handlers.py", HANDLER);
    started(&pack);
    let text = file(&pack);
    for line in
        ["[functions.books]", "source = \".\"", "handler = \"books.handlers.lambda_handler\"", "\"poetry.lock\""]
    {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn beside_functions_that_are_there_only_pack_toml_is_written() {
    let pack = empty();
    pack.function("report", HANDLER, &[]);
    pack.write("functions/tiny.py", HANDLER);
    pack.write("pack.schema.json", "{}");
    let outcome = started(&pack);
    assert_eq!(outcome.stdout, "pack.toml\n");
    assert!(outcome.stderr.starts_with("found: functions/report\nfound: functions/tiny.py\n"), "{}", outcome.stderr);
    assert!(file(&pack).starts_with("#:schema ./pack.schema.json\n"), "{}", file(&pack));
    let plan = pack.command(["plan", "--json"]).run().json(0);
    assert_eq!(plan["builds"].as_array().unwrap().len(), 2);
    assert_eq!(built(&pack, "report"), ["app.py"]);
}

#[test]
fn several_handlers_are_several_functions_whatever_their_folders_are_called() {
    let pack = empty();
    for folder in ["jobs/a \"b\"", "jobs/a 'b'", "jobs/größe"] {
        pack.write(&format!("{folder}/app.py"), HANDLER);
    }
    pack.write("jobs/two/one.py", HANDLER);
    pack.write("jobs/two/other.py", HANDLER);
    pack.write("jobs/two/requirements.txt", "");
    started(&pack);
    let plan = pack.command(["plan", "--json"]).run().json(0);
    let builds = plan["builds"].as_array().unwrap();
    let told: Vec<_> = builds.iter().map(|build| (build["function"].as_str(), build["source"].as_str())).collect();
    assert_eq!(
        told,
        [
            (Some("a--b"), Some("jobs/a \"b\"")),
            (Some("a--b-2"), Some("jobs/a 'b'")),
            (Some("gr--e"), Some("jobs/größe")),
            (Some("one"), Some("jobs/two")),
            (Some("other"), Some("jobs/two")),
        ]
    );
    assert_eq!(builds[4]["requirements"], json!(["jobs/two/requirements.txt"]));
}

#[test]
fn where_nothing_fits_it_says_what_it_looked_for() {
    let pack = empty();
    pack.write("requirements.txt", "");
    pack.write("main.py", "print('hello')\n");
    pack.write("odd.py", [0_u8, 159, 146, 150]);
    let before = all(&pack);
    let outcome = init(&pack);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""));
    assert_snapshot!(outcome.stderr, @r"
    error: nothing here looks like a function: no functions/NAME/, no functions/NAME.py, and no .py file here or up to two folders down that defines lambda_handler or handler(event, context)
    hint: write one of these, or pack.toml by hand; in an empty folder pack init writes a first function
    ");
    assert_eq!(all(&pack), before);
}

#[test]
fn a_pyproject_that_is_broken_is_told_with_its_place() {
    let pack = empty();
    pack.write("app.py", HANDLER);
    pack.write("pyproject.toml", "[project]\nname = \n");
    let outcome = init(&pack);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("pyproject.toml: line 2, column "), "{}", outcome.stderr);
    assert!(!pack.path("pack.toml").exists());
}

#[test]
fn of_two_at_once_one_writes_and_the_project_is_whole() {
    let pack = empty();
    let outcomes = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| init(&pack))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    // The others find what the first one writes, and none breaks it.
    assert_eq!(outcomes.iter().filter(|outcome| outcome.status == 0).count(), 1, "{outcomes:?}");
    let left: Vec<_> = all(&pack).into_keys().filter(|path| path.ends_with(".partial")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(built(&pack, "hello"), ["app.py"]);
}

#[test]
fn what_stands_in_the_way_of_a_file_is_told() {
    let pack = empty();
    pack.write("src/app.py", HANDLER);
    pack.write(".packignore", "");
    let sealed = pack.path("");
    let set_mode = |mode| fs::set_permissions(&sealed, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    set_mode(0o555);
    let may_write_all_the_same = fs::write(pack.path("x"), "").is_ok();
    let outcome = init(&pack);
    set_mode(0o755);
    if may_write_all_the_same {
        return support::skip("root may write everywhere");
    }
    assert_eq!(outcome.status, 3, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("error: cannot "), "{}", outcome.stderr);
}

#[test]
fn where_nothing_can_be_built_the_hint_names_it() {
    let outcome = Pack::new().command(["plan"]).run();
    assert!(outcome.stderr.contains("hint: pack init writes a project to begin with"), "{}", outcome.stderr);
}

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

#[test]
fn the_schema_in_docs_is_the_one_that_pack_prints() {
    let printed = Pack::new().command(["schema"]).run().stdout;
    assert!(printed == document("pack.schema.json"), "pack schema > docs/pack.schema.json brings it up to date");
}

#[test]
fn the_example_is_right() {
    let pack = Pack::new();
    pack.function("report", HANDLER, &[]);
    for path in ["requirements/common.txt", "layers/science.txt", "layers/science/bin/tool"] {
        pack.write(path, "");
    }
    pack.write("src/mail.py", HANDLER);
    pack.write("pack.toml", document("pack.example.toml"));
    let plan = pack.command(["plan", "--json"]).run().json(0);
    assert_eq!(plan["findings"], json!([]));
    assert_eq!(plan["builds"].as_array().unwrap().len(), 8, "{plan:#}");
}

/// The keys that a schema has, as `functions.*.memory`.
fn keys_of_schema(schema: &Value, at: &str, keys: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}{name}");
        keys.insert(at.clone());
        keys_of_schema(property, &format!("{at}."), keys);
        keys_of_schema(&property["additionalProperties"], &format!("{at}.*."), keys);
        keys_of_schema(&property["items"], &format!("{at}.*."), keys);
    }
}

#[test]
fn the_example_has_every_key() {
    let text = document("pack.example.toml");
    let example: toml::Table = toml::from_str(&text).unwrap();
    let has = |path: &str| {
        let mut values = vec![toml::Value::Table(example.clone())];
        for step in path.split('.') {
            let below = |value: toml::Value| match (step, value) {
                ("*", toml::Value::Table(table)) => table.into_iter().map(|(_, value)| value).collect(),
                ("*", toml::Value::Array(items)) => items,
                (step, toml::Value::Table(mut table)) => table.remove(step).into_iter().collect(),
                _ => Vec::new(),
            };
            values = values.into_iter().flat_map(below).collect();
        }
        !values.is_empty()
    };
    let mut keys = BTreeSet::new();
    keys_of_schema(&serde_json::from_str(&document("pack.schema.json")).unwrap(), "", &mut keys);
    assert!(keys.len() > 60, "{keys:?}");
    // A row of include shows what a row of exclude may have too.
    let missing: Vec<_> = keys.iter().filter(|key| !has(key) && !key.starts_with("matrix.exclude.*")).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
