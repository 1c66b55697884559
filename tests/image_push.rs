//! Proves what `pack image` and `pack check` do with registries: bases by tag and digest, what the lock keeps of them, what a
//! push sends, and that anybody's image can be looked into.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::base_image::has_program;
use support::check::{assert_found, check};
use support::image::{ENTRYPOINT, GZIP, Layout, layer};
use support::registry::{Server, Store};
use support::{Pack, Run, WheelBuilder, assert_done, assert_fails, skip};

const HANDLER: &str = "import pkg\n\n\ndef handler(event, context):\n    return pkg.VALUE\n";

/// A layer of so many bytes takes its time.
const LARGE: usize = 1 << 20;

/// A project with a function `app`, and a registry on this machine.
struct Team {
    pack: Pack,
    store: Arc<Store>,
    server: Server,
}

impl Team {
    fn new() -> Self {
        let pack = Pack::new();
        pack.function("app", HANDLER, &["pkg"]);
        pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 1\n"));
        let mut store = Store::default();
        store.mounts = true;
        let store = Arc::new(store);
        let answers = store.clone();
        let server = Server::start(move |question| {
            // Long enough for a person to see.
            if question.body.len() > LARGE {
                std::thread::sleep(std::time::Duration::from_millis(500));
            }
            answers.answer(question)
        });
        let team = Self { pack, store, server };
        team.push_base("#!one");
        team
    }

    fn name(&self, rest: &str) -> String {
        format!("{}/{rest}", self.server.address)
    }

    /// Puts a base into the registry, as `team/base:1`.
    fn push_base(&self, text: &str) {
        let files = [("var/lang/lib/python3.13/os.py", ""), ("lambda-entrypoint.sh", text)];
        let layout = Layout { pack: &self.pack, folder: "base" };
        layout.write(&[layer(&files)], "amd64", GZIP);
        self.push_layout("team/base", "1");
    }

    /// Puts the layout in `base` into the registry.
    fn push_layout(&self, repository: &str, tag: &str) {
        let read = |path: String| std::fs::read(self.pack.path(path)).unwrap();
        let index: Value = serde_json::from_slice(&read("base/index.json".into())).unwrap();
        let blob =
            |descriptor: &Value| read(format!("base/blobs/sha256/{}", &descriptor["digest"].as_str().unwrap()[7..]));
        let raw = blob(&index["manifests"][0]);
        let mut top: Value = serde_json::from_slice(&raw).unwrap();
        self.store.put_manifest(repository, tag, top["mediaType"].as_str().unwrap(), &raw);
        if top["manifests"].is_array() {
            let raw = blob(&top["manifests"][0]);
            top = serde_json::from_slice(&raw).unwrap();
            self.store.put_manifest(repository, "first", top["mediaType"].as_str().unwrap(), &raw);
        }
        for descriptor in top["layers"].as_array().unwrap().iter().chain([&top["config"]]) {
            self.store.blob(repository, &blob(descriptor));
        }
    }

    fn image(&self, arguments: &[&str]) -> Run {
        self.pack.command(["image", "app", "--bytecode", "none", "--no-import-test"]).args(arguments)
    }

    /// The requests since the last time.
    fn asked(&self, seen: &mut usize) -> Vec<String> {
        let lines = self.server.lines();
        let new = lines[*seen..].to_vec();
        *seen = lines.len();
        new
    }
}

#[test]
fn a_push_sends_what_is_missing_and_mounts_the_base() {
    let team = Team::new();
    let (base, to) = (team.name("team/base:1"), team.name("team/app:7"));
    let mut seen = 0;
    let push = |to: &str| team.image(&["--base", &base, "--push", to, "--json"]).run().json(0);
    let report = push(&to);
    let name = format!("{to}@{}", report["image"]["digest"].as_str().unwrap());
    assert_eq!((&report["path"], &report["image"]["names"]), (&json!(name), &json!([name])));
    assert!(!team.pack.path("dist").exists(), "nothing is written");
    let first = team.asked(&mut seen);
    let from: Vec<String> = team.server.questions().iter().filter_map(|question| question.query("from")).collect();
    assert_eq!(from, ["team/base"], "{first:?}");
    let gets =
        |lines: &[String]| lines.iter().filter(|line| line.starts_with("GET") && line.contains("/blobs/")).count();
    assert_eq!(gets(&first), 2, "of the base its configuration, and its layer to look into it: {first:?}");
    let manifest: Value = serde_json::from_slice(&team.store.manifest("team/app", "7").unwrap()).unwrap();
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 3);
    // Nothing changed: nothing is sent.
    let nothing = push(&to);
    let again = team.asked(&mut seen);
    assert!(!again.iter().any(|line| line.starts_with("POST") || line.contains("/blobs/uploads")), "{again:?}");
    assert_eq!(gets(&again), 1, "of the base only its configuration: {again:?}");
    // A changed handler: its layer and the configuration.
    team.pack.write("functions/app/app.py", HANDLER.replace("return", "print(event)\n    return"));
    let changed_report = push(&to);
    let changed = team.asked(&mut seen);
    let sent = changed.iter().filter(|line| line.starts_with("PUT") && line.contains("/blobs/")).count();
    assert_eq!(sent, 2, "{changed:?}");
    // What is said of the three.
    let took = |report: &Value, way: &str| {
        let amount = &report["image"]["pushed"][way];
        (amount["blobs"].as_u64().unwrap(), amount["bytes"].as_u64().unwrap())
    };
    let sizes = |report: &Value, of_base: bool| -> u64 {
        let layers = report["image"]["layers"].as_array().unwrap().iter();
        layers.filter(|layer| layer["of_base"] == of_base).map(|layer| layer["packed"].as_u64().unwrap()).sum()
    };
    assert_eq!(report["image"]["pushed"]["name"], name);
    assert_eq!((took(&report, "mounted"), took(&report, "there")), ((1, sizes(&report, true)), (0, 0)));
    let config = manifest["config"]["size"].as_u64().unwrap();
    assert_eq!(took(&report, "sent"), (3, sizes(&report, false) + config));
    assert_eq!((took(&nothing, "sent"), took(&nothing, "there").0), ((0, 0), 4));
    assert_eq!((took(&changed_report, "sent").0, took(&changed_report, "there").0), (2, 2));
    let text = team.image(&["--base", &base, "--push", &to]).run();
    let line = format!(
        "  pushed    {to}@{}: nothing sent, 4 there already\n",
        changed_report["image"]["digest"].as_str().unwrap()
    );
    assert!(text.stdout.contains(&line) && !text.stdout.contains("  name "), "{}", text.stdout);
    let text = team.image(&["--base", &base, "--push", &team.name("team/new:1")]).run();
    let sent = took(&report, "sent");
    assert!(
        text.stdout.contains(": 3 blobs sent (") && text.stdout.contains(" bytes), 1 mounted\n"),
        "{sent:?} {}",
        text.stdout
    );
    // From a layout the base's layers are sent.
    assert_done(&team.image(&["--base", "base", "--push", &team.name("other/{function}:{python}-{arch}")]).run());
    assert!(team.store.manifest("other/app", "3.13-x86_64").is_some());
}

#[test]
fn a_person_sees_the_bytes_of_each_blob_go_by() {
    if !has_program("script") {
        return skip("script is not there (Debian: apt install bsdutils)");
    }
    let team = Team::new();
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(state >> 24).unwrap()
    };
    let noise: Vec<u8> = (0..3_000_000).map(|_| next()).collect();
    team.pack
        .wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 1\n").file("pkg/noise.bin", &noise));
    let to = team.name("team/app:7");
    let arguments = ["--base", "base", "--push", &to];
    let piped = team.image(&arguments).run();
    assert_done(&piped);
    assert!(piped.stderr.contains("\npushed ") && !piped.stderr.contains("pushing"), "{}", piped.stderr);
    let mut run = team.image(&["--base", "base", "--push", &team.name("team/other:7")]);
    let words = run.command.get_args().map(|word| format!("'{}'", word.display()));
    let line = format!("{} {}", env!("CARGO_BIN_EXE_pack"), words.collect::<Vec<_>>().join(" "));
    let mut script = std::process::Command::new("script");
    script.args(["-qefc", &line, "/dev/null"]).current_dir(team.pack.path("")).env("TERM", "xterm");
    for (name, value) in run.command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    run.command = script;
    let outcome = run.run();
    assert_eq!(outcome.status, 0, "{}", outcome.stdout);
    let is_seen = outcome.stdout.split("pushing ").skip(1).any(|line| line.contains("MB of 3.0 MB"));
    assert!(is_seen, "{:?}", outcome.stdout);
}

#[test]
fn a_tag_that_moves_changes_nothing_until_the_lock_is_upgraded() {
    let team = Team::new();
    let base = team.name("team/base:1");
    team.pack.write("pack.toml", format!("[packaging.image]\nmethod = 'image'\nbase = '{base}'\n"));
    let digest = |arguments: &[&str]| {
        let report = team.image(arguments).arg("--json").run().json(0);
        report["image"]["base_digest"].as_str().unwrap().to_owned()
    };
    let said = [format!("pack.lock has no digest of the base {base}, which app is built on")];
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    assert_fails(&team.image(&["--locked"]).run(), 1, &said);
    let first = digest(&[]);
    let lock = std::fs::read_to_string(team.pack.path("pack.lock")).unwrap();
    assert!(
        lock.contains(&format!("[[base]]\nimage = \"{base}\"\narchitecture = \"x86_64\"\ndigest = \"{first}\"")),
        "{lock}"
    );
    let again = team.image(&[]).run().stdout;
    assert!(again.ends_with("unchanged: an earlier build made it of the same inputs\n"), "{again}");
    let planned = team.image(&["--dry-run"]).run().stdout;
    assert!(planned.contains(&format!("\nbase          {base} ({first})\n")), "{planned}");
    let other = team.pack.command(["lock", "--check", "--python", "3.12"]).run();
    assert!(!other.stderr.contains("the project has no image with it"), "{}", other.stderr);
    team.push_base("#!two");
    assert_eq!(digest(&["--locked"]), first);
    assert_done(&team.pack.command(["lock", "--check"]).run());
    assert_eq!(team.pack.command(["lock"]).run().stdout, "pack.lock is up to date\n");
    let upgraded = team.pack.command(["lock", "--upgrade"]).run();
    assert_done(&upgraded);
    assert!(upgraded.stdout.starts_with(&format!("base {base} (x86_64): {} → ", &first[7..19])), "{}", upgraded.stdout);
    assert_ne!(digest(&["--locked"]), first);
    // One base by its name, and nothing else.
    team.push_base("#!three");
    let upgraded = team.pack.command(["lock", "--upgrade", &base]).run();
    assert_done(&upgraded);
    assert!(upgraded.stdout.starts_with(&format!("base {base} (x86_64): ")), "{}", upgraded.stdout);
    // Another base of the command line is no matter of the lock.
    let before = std::fs::read(team.pack.path("pack.lock")).unwrap();
    digest(&["--base", "base"]);
    assert_eq!(std::fs::read(team.pack.path("pack.lock")).unwrap(), before);
    team.pack.write("pack.toml", "[packaging.image]\nmethod = 'image'\nbase = './base'\n");
    let outcome = team.pack.command(["lock", "--check"]).run();
    assert_fails(&outcome, 1, &["the project has no image with it"]);
    assert_done(&team.pack.command(["lock"]).run());
    assert!(!std::fs::read_to_string(team.pack.path("pack.lock")).unwrap().contains("[[base]]"));
}

#[test]
fn a_locked_base_needs_no_registry() {
    let team = Team::new();
    let base = team.name("team/base:1");
    team.pack.write("pack.toml", format!("[packaging.image]\nmethod = 'image'\nbase = '{base}'\n"));
    assert_done(&team.image(&[]).run());
    let kept = || Pack::files(&team.pack.cache().join("bases-v1"));
    assert_eq!(kept().len(), 3, "manifest, configuration, layer");
    let edited = std::cell::Cell::new(0);
    let edit = || {
        edited.set(edited.get() + 1);
        team.pack.write("functions/app/app.py", format!("X = {}\n{HANDLER}", edited.get()));
    };
    let before = team.server.questions().len();
    for arguments in
        [&["--locked"][..], &["--offline"], &["--offline", "--output", "other.tar"], &["--offline", "--verify"]]
    {
        if arguments.contains(&"--verify") {
            assert_done(&team.image(&["--offline"]).run());
        } else {
            edit();
        }
        assert_done(&team.image(arguments).run());
    }
    assert_eq!(team.server.questions().len(), before, "nobody is asked anything");
    // A push goes to its own repository, and to no other.
    let mut seen = team.server.lines().len();
    assert_done(&team.image(&["--push", &team.name("team/app:7")]).run());
    let asked = team.asked(&mut seen);
    assert!(asked.iter().all(|line| line.contains("/v2/team/app/")), "{asked:?}");
    // What is spoiled is fetched again, and is not there without a network.
    let spoil = |name: &str| std::fs::write(team.pack.cache().join("bases-v1").join(name), "spoiled").unwrap();
    let manifest: Value = serde_json::from_slice(&team.store.manifest("team/base", "1").unwrap()).unwrap();
    let (config, layer) = (&manifest["config"]["digest"], &manifest["layers"][0]["digest"]);
    let hex = |digest: &Value| digest.as_str().unwrap()[7..].to_owned();
    spoil(&hex(config));
    let said = [&*format!(
        "--offline uses no network, and the manifest and configuration of the base {base} are not in the cache"
    )];
    assert_fails(&team.image(&["--offline"]).run(), 2, &said);
    edit();
    assert_done(&team.image(&["--locked"]).run());
    let asked = team.asked(&mut seen);
    assert!(asked.iter().any(|line| line.ends_with(&hex(config))), "{asked:?}");
    assert!(!asked.iter().any(|line| line.ends_with(&hex(layer))), "{asked:?}");
    spoil(&hex(layer));
    edit();
    assert_done(&team.image(&["--locked"]).run());
    assert!(team.asked(&mut seen).iter().any(|line| line.ends_with(&hex(layer))));
    std::fs::remove_file(team.pack.cache().join("bases-v1").join(hex(layer))).unwrap();
    edit();
    let said = [
        &*format!("and of the base {base} 1 layer is not in the cache ({}; ", &hex(layer)[..12]),
        "hint: build it once",
    ];
    assert_fails(&team.image(&["--offline"]).run(), 2, &said);
    assert_fails(&team.image(&["--offline", "--push", &team.name("team/app:8")]).run(), 2, &["and the push to"]);
    assert_eq!(team.asked(&mut seen), [""; 0]);
}

#[test]
fn a_base_that_is_named_by_its_digest_is_kept_and_one_by_a_tag_is_asked_for() {
    let team = Team::new();
    Layout { pack: &team.pack, folder: "base" }.wrap();
    team.push_layout("team/base", "1");
    let index: Value = serde_json::from_slice(&std::fs::read(team.pack.path("base/index.json")).unwrap()).unwrap();
    let base = team.name(&format!("team/base@{}", index["manifests"][0]["digest"].as_str().unwrap()));
    assert_done(&team.image(&["--base", &base]).run());
    let before = team.server.questions().len();
    assert_done(&team.image(&["--base", &base]).run());
    assert_done(&team.image(&["--base", &base, "--offline", "--output", "other.tar"]).run());
    assert_eq!(team.server.questions().len(), before);
    let tag = team.name("team/base:1");
    let said =
        [&*format!("and the base {tag} would: which image a tag names only its registry knows"), "hint: build it once"];
    assert_fails(&team.image(&["--base", &tag, "--offline"]).run(), 2, &said);
    assert_eq!(team.server.questions().len(), before);
    assert_done(&team.image(&["--base", &tag]).run());
    assert!(team.server.questions().len() > before);
}

#[test]
fn a_layer_of_a_base_that_is_another_is_an_error_of_the_registry() {
    let team = Team::new();
    let manifest: Value = serde_json::from_slice(&team.store.manifest("team/base", "1").unwrap()).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    team.store.spoil("team/base", layer);
    let outcome = team.image(&["--base", &team.name("team/base:1")]).run();
    let said = format!("{} answered the blob {layer} of team/base wrongly: it has the digest", team.server.address);
    assert_fails(&outcome, 1, &[&said]);
    assert!(!team.pack.path("dist/app-image-python3.13-x86_64").exists());
    let kept = Pack::files(&team.pack.cache().join("bases-v1"));
    assert!(!kept.contains(&layer[7..].to_owned()), "{kept:?}");
}

#[test]
fn what_a_registry_has_not_is_told() {
    let team = Team::new();
    let missing = team.name("team/base:2");
    let outcome = team.image(&["--base", &missing]).run();
    assert_fails(&outcome, 1, &[&team.server.address, "team/base", "MANIFEST_UNKNOWN"]);
    let outcome = team.image(&["--base", &team.name("team/base:1"), "--arch", "arm64"]).run();
    assert_fails(&outcome, 1, &["it is for linux/amd64, and the function for linux/arm64"]);
    let outcome = team.image(&["--base", "base", "--push", "team//app"]).run();
    assert_fails(&outcome, 2, &["--push", "hint: example: --push"]);
}

#[test]
fn an_image_in_a_registry_is_checked_as_a_layout_is() {
    let team = Team::new();
    let to = team.name("team/app:7");
    assert_done(&team.image(&["--base", &team.name("team/base:1"), "--push", &to]).run());
    let (outcome, report) = check(&team.pack, &[&to]);
    assert_eq!((outcome.status, &report["parts"][0]["path"]), (0, &json!(to)), "{report:#}");
    assert_eq!((&report["python"], &report["handler"]), (&json!("3.13"), &json!("app.handler")));
    let left: Vec<_> = std::fs::read_dir(team.pack.cache().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "what was fetched is gone: {left:?}");
    // What somebody else built, as an index.
    let layout = Layout { pack: &team.pack, folder: "base" };
    let files =
        [ENTRYPOINT, ("usr/lib/python3.13/os.py", ""), ("var/task/app.py", "def handler(event):\n    return 1\n")];
    layout.write(&[layer(&files)], "amd64", GZIP);
    layout.wrap();
    team.push_layout("else/app", "1");
    let name = team.name("else/app:1");
    let (outcome, report) = check(&team.pack, &[&name]);
    assert_found("an index", &outcome, &report, "error", "image-index", "it is an image index, with attestations");
    assert_found("which", &outcome, &report, "error", "image", "names 2 images; Lambda takes one (--arch says");
    let (outcome, report) = check(&team.pack, &[&name, "--arch", "x86_64"]);
    assert_found("an index", &outcome, &report, "error", "image-index", &name);
    assert_found("its handler", &outcome, &report, "error", "handler", "app.py");
    // A path goes before a reference.
    std::fs::create_dir_all(team.pack.path(&name)).unwrap();
    let before = team.server.lines().len();
    team.pack.command(["check", &name]).run();
    assert_eq!(team.server.lines().len(), before, "nobody was asked");
}

#[test]
fn what_is_neither_a_path_nor_an_image_is_told_as_both() {
    let team = Team::new();
    let missing = team.name("team/base:2");
    let outcome = team.pack.command(["check", &missing]).run();
    let said = [&*format!("there is no {missing}, and no image of that name was had"), "MANIFEST_UNKNOWN"];
    assert_fails(&outcome, 1, &said);
    let outcome = team.pack.command(["check", "dist/app"]).run();
    assert_fails(&outcome, 2, &["there is no dist/app, and as the name of an image it cannot be read"]);
    let outcome = team.pack.command(["check", "./none:1"]).run();
    assert_fails(&outcome, 2, &["there is no ./none:1"]);
    // A layer that is not what its manifest names never becomes a file.
    let base = team.name("team/base:1");
    let manifest: Value = serde_json::from_slice(&team.store.manifest("team/base", "1").unwrap()).unwrap();
    team.store.spoil("team/base", manifest["layers"][0]["digest"].as_str().unwrap());
    let outcome = team.pack.command(["check", &base]).run();
    assert_fails(&outcome, 1, &["no image of that name was had", "digest"]);
}

#[test]
fn a_base_whose_layers_are_elsewhere_is_known_by_its_name() {
    let team = Team::new();
    let push = |tag: &str, base: &str| {
        team.push_layout("lambda/python", tag);
        team.image(&["--base", base, "--push", &team.name("team/app:7")]).run()
    };
    let base = team.name("lambda/python:3.12");
    let outcome = push("3.12", &base);
    assert_fails(&outcome, 1, &["it runs Python 3.12, and the function is for Python 3.13"]);
    assert!(team.store.manifest("team/app", "7").is_none(), "nothing was pushed");
    let outcome = push("3.13-x86_64", &team.name("lambda/python:3.13-x86_64"));
    assert_done(&outcome);
    assert!(!outcome.stderr.contains("not compared"), "{}", outcome.stderr);
    // One that has another name, and says it itself or not at all.
    let outcome = team.image(&["--base", &team.name("team/base:1"), "--push", &team.name("team/app:7")]).run();
    assert_done(&outcome);
    assert!(outcome.stderr.contains("it was not compared with 3.13"), "{}", outcome.stderr);
    Layout { pack: &team.pack, folder: "base" }
        .edit(|_, config, _| config["config"]["Env"] = json!(["PYTHON_VERSION=3.11.9"]));
    team.push_layout("team/base", "1");
    let outcome = team.image(&["--base", &team.name("team/base:1"), "--push", &team.name("team/app:8")]).run();
    assert_fails(&outcome, 1, &["it runs Python 3.11, and the function is for Python 3.13"]);
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_pack_without_the_sdk_says_that_aws_was_not_asked() {
    let pack = Pack::new();
    let name = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1";
    let outcome = pack.command(["check", name]).env("HOME", pack.tmp()).env("XDG_RUNTIME_DIR", "").run();
    let said = [
        "none were found (AWS's SDK gave none: this pack was built without the cargo feature aws)",
        "hint: aws ecr get-login-password --region eu-west-1 | docker login",
    ];
    assert_fails(&outcome, 1, &said);
}
