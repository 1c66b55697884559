//! Proves what `pack image` does with registries: bases by tag and digest, what the lock keeps of them, what a push sends.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::image::{GZIP, Layout, layer};
use support::registry::{Server, Store};
use support::{Pack, Run, WheelBuilder, assert_done, assert_fails};

const HANDLER: &str = "import pkg\n\n\ndef handler(event, context):\n    return pkg.VALUE\n";

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
        let server = Server::start(move |question| answers.answer(question));
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
        let read = |path: String| std::fs::read(self.pack.path(path)).unwrap();
        let index: Value = serde_json::from_slice(&read("base/index.json".into())).unwrap();
        let blob =
            |descriptor: &Value| read(format!("base/blobs/sha256/{}", &descriptor["digest"].as_str().unwrap()[7..]));
        let raw = blob(&index["manifests"][0]);
        let manifest: Value = serde_json::from_slice(&raw).unwrap();
        self.store.blob("team/base", &blob(&manifest["config"]));
        self.store.blob("team/base", &blob(&manifest["layers"][0]));
        self.store.put_manifest("team/base", "1", manifest["mediaType"].as_str().unwrap(), &raw);
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
    assert_eq!(gets(&first), 1, "of the base only its configuration: {first:?}");
    let manifest: Value = serde_json::from_slice(&team.store.manifest("team/app", "7").unwrap()).unwrap();
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 3);
    // Nothing changed: nothing is sent.
    push(&to);
    let again = team.asked(&mut seen);
    assert!(!again.iter().any(|line| line.starts_with("POST") || line.contains("/blobs/uploads")), "{again:?}");
    // A changed handler: its layer and the configuration.
    team.pack.write("functions/app/app.py", HANDLER.replace("return", "print(event)\n    return"));
    push(&to);
    let changed = team.asked(&mut seen);
    let sent = changed.iter().filter(|line| line.starts_with("PUT") && line.contains("/blobs/")).count();
    assert_eq!(sent, 2, "{changed:?}");
    // From a layout the base's layers are sent.
    assert_done(&team.image(&["--base", "base", "--push", &team.name("other/{function}:{python}-{arch}")]).run());
    assert!(team.store.manifest("other/app", "3.13-x86_64").is_some());
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
    team.push_base("#!two");
    assert_eq!(digest(&["--locked"]), first);
    assert_done(&team.pack.command(["lock", "--check"]).run());
    assert_eq!(team.pack.command(["lock"]).run().stdout, "pack.lock is up to date\n");
    let upgraded = team.pack.command(["lock", "--upgrade"]).run();
    assert_done(&upgraded);
    assert!(upgraded.stdout.starts_with(&format!("base {base} (x86_64): {} → ", &first[7..19])), "{}", upgraded.stdout);
    assert_ne!(digest(&["--locked"]), first);
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
