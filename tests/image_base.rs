//! Proves what `pack image` makes of bases that are not AWS's: what they have is not added again, what they lack to answer Lambda
//! comes along, in layouts and in registries, with a lock and without.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use support::image::{GZIP, Layout, layer};
use support::registry::{Server, Store};
use support::{Outcome, Pack, Run, WheelBuilder, assert_done, assert_fails};

const HANDLER: &str =
    "import other\nimport same\n\n\ndef handler(event, context):\n    return same.VALUE + other.VALUE\n";
const IMAGE: &str = "dist/app-image-python3.13-x86_64";
const CLIENT: [&str; 3] = ["/usr/local/bin/python3.13", "-m", "awslambdaric"];

/// A base with Python 3.13 in /usr/local, `same` in the function's version, `other` in another one.
const OWN: [(&str, &str); 6] = [
    ("usr/local/bin/python3.13", "#!python"),
    ("usr/local/lib/python3.13/os.py", ""),
    ("usr/local/lib/python3.13/site-packages/same.py", "VALUE = 1\n"),
    (
        "usr/local/lib/python3.13/site-packages/same-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: Same\nVersion: 1.0\n",
    ),
    ("usr/local/lib/python3.13/site-packages/other.py", "VALUE = 9\n"),
    ("usr/local/lib/python3.13/site-packages/other-1.5.dist-info/METADATA", "Name: other\nVersion: 1.5\n"),
];

/// A function of two distributions, an index that has them and a runtime interface client, and a base in `base`.
fn project() -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["same", "other"]);
    pack.wheel(&WheelBuilder::new("same", "1.0").file("same.py", b"VALUE = 1\n"));
    pack.wheel(&WheelBuilder::new("other", "2.0").file("other.py", b"VALUE = 2\n"));
    pack.wheel(
        &WheelBuilder::new("awslambdaric", "3.0")
            .requires("helper")
            .file("awslambdaric/__init__.py", b"")
            .file("awslambdaric/__main__.py", b"import helper\n"),
    );
    pack.wheel(&WheelBuilder::new("helper", "1.0").file("helper.py", b""));
    base(&pack, &OWN, &json!({"Env": ["PATH=/usr/local/bin:/usr/bin"], "Cmd": ["python3"], "WorkingDir": "/app"}));
    pack
}

fn base(pack: &Pack, files: &[(&str, &str)], run: &Value) {
    bases(pack, &[files], run);
}

fn bases(pack: &Pack, layers: &[&[(&str, &str)]], run: &Value) {
    let layers: Vec<Vec<u8>> = layers.iter().map(|files| layer(files)).collect();
    Layout { pack, folder: "base" }.write_with(&layers, "amd64", GZIP, run);
}

fn image(pack: &Pack, arguments: &[&str]) -> Run {
    pack.command(["image", "app", "--bytecode", "none", "--no-import-test"]).args(arguments)
}

fn above_base(pack: &Pack, arguments: &[&str]) -> Run {
    image(pack, &["--base", "base"]).args(arguments)
}

fn config(pack: &Pack) -> Value {
    let read = |digest: &Value| -> Value {
        let hex = &digest.as_str().unwrap()[7..];
        serde_json::from_slice(&fs::read(pack.path(format!("{IMAGE}/blobs/sha256/{hex}"))).unwrap()).unwrap()
    };
    let index: Value = serde_json::from_slice(&fs::read(pack.path(format!("{IMAGE}/index.json"))).unwrap()).unwrap();
    read(&read(&index["manifests"][0]["digest"])["config"]["digest"])["config"].clone()
}

/// What is in the layers above the base.
fn added(report: &Value) -> Vec<String> {
    let layers = report["image"]["layers"].as_array().unwrap().iter().filter(|layer| layer["of_base"] == false);
    layers.flat_map(|layer| layer["what"].as_str().unwrap().split(", ").map(str::to_owned)).collect()
}

fn warnings(report: &Value) -> String {
    report["warnings"].to_string()
}

#[test]
fn what_the_base_has_is_not_added_and_what_it_lacks_is() {
    let pack = project();
    let report = above_base(&pack, &["--json"]).run().json(0);
    assert_eq!(added(&report), ["awslambdaric 3.0", "helper 1.0", "other 2.0", "the function"]);
    assert_eq!(report["image"]["in_base"], json!(["same 1.0"]));
    let said = "other 2.0 of the function is imported, not 1.5 of the base base: /var/task comes first";
    assert_eq!(report["warnings"], json!([said]));
    let run = config(&pack);
    assert_eq!((&run["Entrypoint"], &run["Cmd"]), (&json!(CLIENT), &json!(["app.handler"])));
    assert_eq!(run["WorkingDir"], "/var/task", "the client looks for the handler where it is started");
    assert_done(&pack.command(["check", IMAGE]).run());
    let text = above_base(&pack, &[]).run().stdout;
    assert!(text.contains("  starts    /usr/local/bin/python3.13 -m awslambdaric\n"), "{text}");
    assert!(text.contains("not added, since the base has it\n  same 1.0\n"), "{text}");
    assert!(!text.contains("same 1.0  "), "it is no part of the image: {text}");
    // A tar is read where it lies, and gives the same image.
    let tar = fs::File::create(pack.path("base.tar")).unwrap();
    let mut tar = tar::Builder::new(tar);
    tar.append_dir_all(".", pack.path("base")).unwrap();
    tar.finish().unwrap();
    let of_tar = image(&pack, &["--base", "base.tar", "--json", "--output", "b"]).run().json(0);
    assert_eq!(of_tar["sha256"], report["sha256"]);
    let plan = above_base(&pack, &["--dry-run"]).run().stdout;
    assert!(plan.contains("awslambdaric-3.0"), "{plan}");
}

#[test]
fn whoever_says_what_starts_gets_nothing_else() {
    let pack = project();
    let report =
        above_base(&pack, &["--json", "--entrypoint", "/usr/local/bin/python3.13 -m awslambdaric", "--no-check"]);
    let report = report.run().json(0);
    assert_eq!(added(&report), ["other 2.0", "the function"]);
    assert_eq!((&config(&pack)["Entrypoint"], &config(&pack)["WorkingDir"]), (&json!(CLIENT), &json!("/app")));
    // Which Python that is, nobody knows: so it may not have what the base's has.
    let report = above_base(&pack, &["--json", "--entrypoint", "/start", "--no-check"]).run().json(0);
    assert_eq!(added(&report), ["other 2.0", "same 1.0", "the function"]);
}

#[test]
fn what_the_base_starts_stays_where_it_starts_a_client() {
    let pack = project();
    let start = |entrypoint: &Value, script: &str| {
        let files = [&OWN[..], &[("run.sh", script)]].concat();
        base(&pack, &files, &json!({"Entrypoint": entrypoint, "Env": ["PATH=/usr/local/bin"]}));
        let report = above_base(&pack, &["--json"]).run().json(0);
        let has_client = added(&report).contains(&"awslambdaric 3.0".to_owned());
        (config(&pack)["Entrypoint"].clone(), has_client, warnings(&report).contains("takes its place"))
    };
    let own = json!(["/usr/local/bin/python3.13", "-m", "awslambdaric"]);
    assert_eq!(start(&own, "#!/bin/sh\n"), (own, true, false));
    let script = json!(["/run.sh"]);
    let client = "#!/bin/sh\nexec /usr/local/bin/python3.13 -m awslambdaric \"$@\"\n";
    assert_eq!(start(&script, client), (script.clone(), true, false));
    let runtime = "#!/bin/sh\ncurl $AWS_LAMBDA_RUNTIME_API\n";
    assert_eq!(start(&script, runtime), (script.clone(), false, false));
    assert_eq!(start(&script, "#!/bin/sh\nexec \"$@\"\n"), (json!(CLIENT), true, true));
    // A client that is there already.
    let there = (
        "usr/local/lib/python3.13/site-packages/awslambdaric-2.9.dist-info/METADATA",
        "Name: awslambdaric\nVersion: 2.9\n",
    );
    let module = ("usr/local/lib/python3.13/site-packages/awslambdaric/__main__.py", "");
    base(&pack, &[&OWN[..], &[there, module]].concat(), &json!({}));
    let report = above_base(&pack, &["--json"]).run().json(0);
    assert_eq!(added(&report), ["other 2.0", "the function"]);
    assert_eq!(config(&pack)["Entrypoint"], json!(CLIENT));
}

#[test]
fn upper_layers_take_away_what_lower_ones_have() {
    let pack = project();
    let site = "usr/local/lib/python3.13/site-packages";
    let gone = [(format!("{site}/.wh.same-1.0.dist-info"), ""), (format!("{site}/.wh.same.py"), "")];
    let gone: Vec<(&str, &str)> = gone.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    bases(&pack, &[&OWN, &gone], &json!({}));
    let report = above_base(&pack, &["--json"]).run().json(0);
    assert_eq!(report["image"]["in_base"], Value::Null);
    assert!(added(&report).contains(&"same 1.0".to_owned()));
}

#[test]
fn a_package_is_not_divided_and_a_folder_is_not_its_version() {
    let pack = project();
    pack.wheel(&WheelBuilder::new("same", "1.0").file("same/__init__.py", b"VALUE = 1\n"));
    pack.wheel(&WheelBuilder::new("plugin", "1.0").file("same/plugin.py", b""));
    pack.write("requirements/app.txt", "same\nother\nplugin\n");
    assert_eq!(above_base(&pack, &["--json"]).run().json(0)["image"]["in_base"], Value::Null);
    pack.write("requirements/app.txt", "same\nother\n");
    assert_eq!(above_base(&pack, &["--json"]).run().json(0)["image"]["in_base"], json!(["same 1.0"]));
    pack.write(
        "requirements/app.txt",
        "same @ WHEEL\nother\n"
            .replace("WHEEL", &format!("file://{}", pack.path("wheels/same-1.0-py3-none-any.whl").display())),
    );
    assert_eq!(above_base(&pack, &["--json"]).run().json(0)["image"]["in_base"], Value::Null);
}

#[test]
fn a_base_without_the_functions_python_says_which_it_has() {
    let pack = project();
    let outcome = above_base(&pack, &["--python", "3.12"]).run();
    assert_fails(
        &outcome,
        1,
        &[
            "base cannot be the base: it has no entrypoint",
            "a Python 3.12 would, and it has /usr/local/bin/python3.13",
            "--python",
        ],
    );
    // The others are built all the same.
    pack.write(
        "pack.toml",
        "[matrix]\npython = ['3.12', '3.13']\n[packaging.image]\nmethod = 'image'\nbase = 'base'\n",
    );
    let outcome = image(&pack, &[]).run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("it has /usr/local/bin/python3.13"), "{}", outcome.stderr);
    assert!(pack.path(IMAGE).exists() && !pack.path("dist/app-image-python3.12-x86_64").exists());
}

/// What is done to a manifest, a configuration and packed layers.
type Change = dyn Fn(&mut Value, &mut Value, &mut Vec<Vec<u8>>);

#[test]
fn hostile_bases_are_told() {
    let pack = project();
    let broken = |change: &Change, said: &str| {
        base(&pack, &OWN, &json!({}));
        Layout { pack: &pack, folder: "base" }.edit(|manifest, config, layers| change(manifest, config, layers));
        assert_fails(&above_base(&pack, &[]).run(), 1, &["base cannot be the base: layer sha256:", said]);
    };
    broken(
        &|_, config, _| config["rootfs"]["diff_ids"][0] = json!(format!("sha256:{}", "0".repeat(64))),
        "unpacks to SHA-256",
    );
    broken(&|_, _, layers| layers[0].truncate(40), "not a whole tar");
    broken(&|_, _, layers| layers[0] = b"no gzip".to_vec(), "not a whole tar");
    // A name that would colour a terminal, a version that is none: they are no distributions.
    let odd = [
        ("usr/local/lib/python3.13/site-packages/same-1.0.dist-info/METADATA", "Name: same\u{1b}[31m\nVersion: 1.0\n"),
        ("usr/local/lib/python3.13/site-packages/other-1.dist-info/METADATA", "Name: other\nVersion: \u{1b}[31m\n"),
    ];
    base(&pack, &[&OWN[..2], &odd].concat(), &json!({}));
    let report = above_base(&pack, &["--json"]).run().json(0);
    assert_eq!((&report["image"]["in_base"], &report["warnings"]), (&Value::Null, &json!([])));
}

/// A registry that has the project's base as `team/base:1`.
struct Registry {
    store: Arc<Store>,
    server: Server,
}

impl Registry {
    fn of(pack: &Pack) -> Self {
        let store = Arc::new(Store::default());
        let answers = store.clone();
        let registry = Self { store, server: Server::start(move |question| answers.answer(question)) };
        registry.push(pack);
        registry
    }

    fn push(&self, pack: &Pack) {
        let read = |path: String| fs::read(pack.path(path)).unwrap();
        let blob = |value: &Value| read(format!("base/blobs/sha256/{}", &value["digest"].as_str().unwrap()[7..]));
        let index: Value = serde_json::from_slice(&read("base/index.json".into())).unwrap();
        let raw = blob(&index["manifests"][0]);
        let manifest: Value = serde_json::from_slice(&raw).unwrap();
        self.store.put_manifest("team/base", "1", manifest["mediaType"].as_str().unwrap(), &raw);
        for descriptor in manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]) {
            self.store.blob("team/base", &blob(descriptor));
        }
    }

    fn base(&self) -> String {
        format!("{}/team/base:1", self.server.address)
    }

    fn blobs_asked(&self) -> usize {
        self.server.lines().iter().filter(|line| line.starts_with("GET") && line.contains("/blobs/")).count()
    }
}

#[test]
fn a_base_in_a_registry_is_read_once() {
    let pack = project();
    let of_layout = above_base(&pack, &["--json", "--output", "a"]).run().json(0);
    fs::remove_dir_all(pack.cache().join("base-facts-v1")).unwrap();
    let registry = Registry::of(&pack);
    let push = format!("{}/team/app:1", registry.server.address);
    let build = || image(&pack, &["--base", &registry.base(), "--push", &push, "--json"]).run().json(0);
    let report = build();
    assert_eq!(report["sha256"], of_layout["sha256"]);
    assert_eq!(report["image"]["in_base"], json!(["same 1.0"]));
    let kept: Vec<_> = fs::read_dir(pack.cache().join("base-facts-v1")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    let layer = Layout { pack: &pack, folder: "base" };
    let before = registry.blobs_asked();
    assert_eq!(build()["sha256"], report["sha256"]);
    assert!(registry.blobs_asked() - before <= 1, "its configuration at most: {:?}", registry.server.lines());
    // A tag that moves leads to another base, which is looked into.
    layer.edit(|_, config, _| config["config"]["Labels"] = json!({"new": "1"}));
    registry.push(&pack);
    assert_ne!(build()["sha256"], report["sha256"]);
}

#[test]
fn the_lock_has_a_set_of_what_such_an_image_takes() {
    let pack = project();
    let registry = Registry::of(&pack);
    pack.write(
        "pack.toml",
        format!(
            "[packaging.zip]\nmethod = 'zip'\n[packaging.box]\nmethod = 'image'\nbase = '{}'\n\
             [packaging.here]\nmethod = 'image'\nbase = './base'\n[packaging.said]\nmethod = 'image'\nbase = './base'\nentrypoint = ['/x']\n",
            registry.base()
        ),
    );
    assert_done(&pack.command(["lock"]).run());
    let text = fs::read_to_string(pack.path("pack.lock")).unwrap();
    let sets: Vec<(&str, bool, bool)> = text
        .split("[[set]]")
        .skip(1)
        .map(|set| {
            let packaging = set.lines().find_map(|line| line.strip_prefix("packaging = ")).unwrap_or("");
            (packaging, set.contains("added = [\"awslambdaric\"]\n"), set.contains("name = \"awslambdaric\""))
        })
        .collect();
    assert_eq!(sets, [("", false, false), ("\"box\"", true, true), ("\"here\"", true, true)], "{text}");
    let done = |arguments: &[&str]| {
        let outcome = pack.command(arguments).run();
        assert_done(&outcome);
        assert_eq!(fs::read_to_string(pack.path("pack.lock")).unwrap(), text, "{arguments:?}");
    };
    done(&["lock", "--check"]);
    done(&["lock"]);
    let build = ["image", "app", "--bytecode", "none", "--no-import-test", "--locked", "--no-check"];
    done(&build);
    assert_done(&pack.command(["zip", "app", "--locked", "--bytecode", "none", "--no-import-test"]).run());
    done(&[&build[..6], &["--no-check", "--verify"]].concat());
    // Nobody has to be asked to know whether it holds, not even with another cache.
    let requests = registry.server.lines().len();
    let other = pack.command(["lock", "--check"]).env("PACK_CACHE_DIR", pack.path("other-cache")).run();
    assert_done(&other);
    assert_eq!(registry.server.lines().len(), requests);
    // A newer client does not come by itself, and comes when it is wanted.
    pack.wheel(&WheelBuilder::new("awslambdaric", "3.1").file("awslambdaric/__main__.py", b""));
    done(&build);
    assert_done(&pack.command(["lock", "--upgrade", "awslambdaric"]).run());
    assert!(fs::read_to_string(pack.path("pack.lock")).unwrap().contains("awslambdaric-3.1"));
    // A base that has it takes the set away.
    let there = (
        "usr/local/lib/python3.13/site-packages/awslambdaric-2.9.dist-info/METADATA",
        "Name: awslambdaric\nVersion: 2.9\n",
    );
    base(&pack, &[&OWN[..], &[there]].concat(), &json!({}));
    assert_done(&pack.command(["lock"]).run());
    assert!(!fs::read_to_string(pack.path("pack.lock")).unwrap().contains("packaging = \"here\""));
    // One that has it no longer makes the lock incomplete.
    base(&pack, &OWN, &json!({}));
    let check = pack.command(["lock", "--check"]).run();
    assert_fails(
        &check,
        1,
        &["pack.lock is out of date", "app (here, python3.13-x86_64):\n  it is not in the lock yet"],
    );
    assert!(!check.stderr.contains("app (box,"), "{}", check.stderr);
}

#[test]
fn a_base_of_the_command_line_is_no_matter_of_the_lock() {
    let pack = project();
    pack.write("pack.toml", "[functions.app]\nhandler = 'app.handler'\n");
    assert_done(&pack.command(["lock"]).run());
    pack.wheel(&WheelBuilder::new("other", "3.0").file("other.py", b"VALUE = 3\n"));
    let report = above_base(&pack, &["--json"]).run().json(0);
    assert_eq!(added(&report)[..3], ["awslambdaric 3.0", "helper 1.0", "other 2.0"], "the locked versions stay");
    assert_done(&pack.command(["lock", "--check"]).run());
    let refused: Outcome = above_base(&pack, &["--locked"]).run();
    assert_fails(&refused, 2, &["--locked goes by pack.lock, which has nothing for app as the command line wants it"]);
    // A function without requirements has the client alone.
    pack.write("functions/bare/app.py", "def handler(event, context):\n    return 1\n");
    let report = pack
        .command(["image", "bare", "--base", "base", "--bytecode", "none", "--no-import-test", "--json"])
        .run()
        .json(0);
    assert_eq!(added(&report), ["awslambdaric 3.0", "helper 1.0", "the function"]);
    assert_eq!(report["warnings"], json!([]));
}
