//! Proves what `pack diff` says of ZIPs, images and both, what a push would send, and that `pack image --verify` tells an image
//! that is the same from one that is not, and writes nothing.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use support::image::{GZIP, Layout, layer};
use support::registry::{Server, Store};
use support::zips::{LINK, Member, file, zip};
use support::{Outcome, Pack, Run, WheelBuilder, assert_done, assert_fails};

const APP: &str = "def handler(event, context):\n    return 1\n";

fn metadata(name: &str, version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
}

/// A function's ZIP with two distributions.
fn old() -> Vec<Member> {
    vec![
        file("app.py", APP),
        file("gone.txt", "x"),
        file("run.sh", "#!/bin/sh\n"),
        file("Some_Pkg/__init__.py", "VALUE = 1\n"),
        file("Some_Pkg-1.0.dist-info/METADATA", metadata("Some_Pkg", "1.0")),
        file("left-3.dist-info/METADATA", metadata("left", "3")),
        Member { mode: LINK, ..file("link", "app.py") },
        file("same.txt", "the same"),
    ]
}

fn new() -> Vec<Member> {
    vec![
        file("app.py", APP.replace('1', "22")),
        Member { mode: 0o100_755, ..file("run.sh", "#!/bin/sh\n") },
        file("Some_Pkg/__init__.py", "VALUE = 2\n"),
        file("Some_Pkg-1.1.dist-info/METADATA", metadata("Some_Pkg", "1.1")),
        file("came-0.1.dist-info/METADATA", metadata("came", "0.1")),
        Member { mode: LINK, ..file("link", "run.sh") },
        file("same.txt", "the same"),
    ]
}

fn diff(pack: &Pack, arguments: &[&str]) -> Outcome {
    pack.command(["diff"].iter().chain(arguments)).run()
}

fn text(pack: &Pack, arguments: &[&str]) -> String {
    let outcome = diff(pack, arguments);
    assert_done(&outcome);
    outcome.stdout
}

/// The text without what depends on the packer of layers: their digests, and sizes of what is sent.
fn packed_anyhow(text: &str) -> String {
    let is_digest = |word: &str| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut lines = String::new();
    for line in text.lines() {
        let mut words: Vec<&str> = line.split(' ').collect();
        if line.starts_with("  push") || line.ends_with(" in both") || words.iter().any(|word| is_digest(word)) {
            words.retain(|word| !word.is_empty());
            let is_size = |word: &&str| word.parse::<f64>().is_ok();
            let size = words.iter().position(is_size).unwrap();
            words.splice(size..size + 2, ["SIZE"]);
            words.iter_mut().filter(|word| is_digest(word)).for_each(|word| *word = "DIGEST");
            words.insert(0, " ");
        }
        lines.extend([&words.join(" "), "\n"]);
    }
    lines
}

fn report(pack: &Pack, before: &str, after: &str) -> Value {
    diff(pack, &[before, after, "--json"]).json(0)
}

#[test]
fn zips_are_compared_by_file_and_distribution() {
    let pack = Pack::new();
    pack.write("old.zip", zip(&old()));
    pack.write("new.zip", zip(&new()));
    insta::assert_snapshot!(text(&pack, &["old.zip", "new.zip", "-v"]), @r"
    old.zip → new.zip
      unpacked  165 B → 167 B (+2 B)
      files     4 changed, 2 added, 3 removed, 1 the same
      upload    931 B, the whole archive

    distributions
      + came 0.1
      - left 3
      ~ some-pkg 1.0 → 1.1

    files
      -      50 B  Some_Pkg-1.0.dist-info/METADATA
      +      50 B  Some_Pkg-1.1.dist-info/METADATA
      ~      10 B  Some_Pkg/__init__.py
      ~      43 B  app.py (+1 B)
      +      46 B  came-0.1.dist-info/METADATA
      -       1 B  gone.txt
      -      44 B  left-3.dist-info/METADATA
      ~      link  link → run.sh (was → app.py)
      ~      10 B  run.sh (mode 644 → 755)
    ");
    let report = report(&pack, "old.zip", "new.zip");
    assert_eq!(report["same"], false);
    assert_eq!(report["sends"]["bytes"], fs::metadata(pack.path("new.zip")).unwrap().len());
    let changed = &report["files"]["changed"];
    let sha256 = |bytes: &str| support::sha256(bytes.as_bytes());
    assert_eq!(
        changed[0],
        json!({
            "path": "Some_Pkg/__init__.py", "content": true, "mode": false,
            "before": {"kind": "file", "size": 10, "mode": "644", "sha256": sha256("VALUE = 1\n")},
            "after": {"kind": "file", "size": 10, "mode": "644", "sha256": sha256("VALUE = 2\n")},
        })
    );
    assert_eq!(changed[2]["after"], json!({"kind": "link", "target": "run.sh"}));
    assert_eq!((&changed[3]["content"], &changed[3]["mode"]), (&json!(false), &json!(true)));
    assert_eq!(report["files"]["unchanged"], 1);
}

#[test]
fn the_exit_status_tells_only_where_it_is_asked_to() {
    let pack = Pack::new();
    pack.write("old.zip", zip(&old()));
    pack.write("new.zip", zip(&new()));
    pack.write("copy.zip", zip(&old()));
    let mut other = old();
    other.reverse();
    pack.write("other.zip", zip(&other));
    for (after, status) in [("new.zip", 1), ("copy.zip", 0), ("other.zip", 1)] {
        assert_eq!(diff(&pack, &["old.zip", after]).status, 0, "{after}");
        assert_eq!(diff(&pack, &["old.zip", after, "--exit-code"]).status, status, "{after}");
    }
    assert!(text(&pack, &["old.zip", "copy.zip"]).starts_with("old.zip and copy.zip are the same: sha256:"));
    insta::assert_snapshot!(text(&pack, &["old.zip", "other.zip"]), @r"
    old.zip → other.zip
      unpacked  165 B
      files     8 the same
      upload    1.0 kB, the whole archive
      the files are the same; their order, times or packing differ
    ");
}

#[test]
fn of_many_files_the_largest_are_shown() {
    let pack = Pack::new();
    let members =
        |text: &str| (0..20).map(|number| file(&format!("f{number:02}"), text.repeat(number))).collect::<Vec<_>>();
    pack.write("old.zip", zip(&members("a")));
    pack.write("new.zip", zip(&members("bc")));
    insta::assert_snapshot!(text(&pack, &["old.zip", "new.zip"]), @r"
    old.zip → new.zip
      unpacked  190 B → 380 B (+190 B)
      files     19 changed, 1 the same
      upload    2.0 kB, the whole archive

    largest files
      ~      38 B  f19 (+19 B)
      ~      36 B  f18 (+18 B)
      ~      34 B  f17 (+17 B)
      ~      32 B  f16 (+16 B)
      ~      30 B  f15 (+15 B)
      ~      28 B  f14 (+14 B)
      ~      26 B  f13 (+13 B)
      ~      24 B  f12 (+12 B)
      ~      22 B  f11 (+11 B)
      ~      20 B  f10 (+10 B)
      9 more: -v lists every one
    ");
    assert_eq!(text(&pack, &["old.zip", "new.zip", "-v"]).matches("\n  ~ ").count(), 19);
}

const BASE: &[(&str, &str)] =
    &[("usr/bin/x", "x"), ("lambda-entrypoint.sh", "#!/bin/sh\n"), ("opt/lib->", "/usr/lib"), ("etc/hosts", "")];

/// An image of a base, a distribution and a function.
fn image(pack: &Pack, folder: &'static str, version: &str, app: &str) {
    let name = format!("var/task/pkg-{version}.dist-info/METADATA");
    let metadata = metadata("pkg", version);
    let pkg = [("var/task/pkg/__init__.py", "A = 1\n"), (name.as_str(), metadata.as_str())];
    let layers = [layer(BASE), layer(&pkg), layer(&[("var/task/app.py", app)])];
    Layout { pack, folder }.write(&layers, "amd64", GZIP);
}

#[test]
fn images_are_compared_by_file_and_layer_with_what_a_push_sends() {
    let pack = Pack::new();
    image(&pack, "old", "1.0", APP);
    image(&pack, "new", "2.0", APP);
    insta::assert_snapshot!(packed_anyhow(&text(&pack, &["old", "new"])), @r"
    old → new
      unpacked  104 B
      files     1 added, 1 removed, 6 the same
      push SIZE to a registry that has the first: 1 layer, the configuration, the manifest

    distributions
      ~ pkg 1.0 → 2.0

    layers
      - SIZE DIGEST pkg 1.0
      + SIZE DIGEST pkg 2.0
      = SIZE 2 in both

    files
      -      45 B  var/task/pkg-1.0.dist-info/METADATA
      +      45 B  var/task/pkg-2.0.dist-info/METADATA
    ");
    insta::assert_snapshot!(packed_anyhow(&text(&pack, &["old", "new", "-v"])), @r"
    old → new
      unpacked  104 B
      files     1 added, 1 removed, 6 the same
      push SIZE to a registry that has the first: 1 layer, the configuration, the manifest

    distributions
      ~ pkg 1.0 → 2.0

    layers
      - SIZE DIGEST pkg 1.0
      = SIZE DIGEST 3 files in /
      + SIZE DIGEST pkg 2.0
      = SIZE DIGEST 1 file in /var/task

    files
      -      45 B  var/task/pkg-1.0.dist-info/METADATA
      +      45 B  var/task/pkg-2.0.dist-info/METADATA
    ");
    let report = report(&pack, "old", "new");
    let whose: Vec<&str> =
        report["layers"].as_array().unwrap().iter().map(|layer| layer["whose"].as_str().unwrap()).collect();
    assert_eq!(whose, ["before", "both", "after", "both"]);
    let size = |digest: &Value| {
        fs::metadata(pack.path("new/blobs/sha256").join(&digest.as_str().unwrap()[7..])).unwrap().len()
    };
    let blobs = report["sends"]["blobs"].as_array().unwrap();
    let kinds: Vec<&str> = blobs.iter().map(|blob| blob["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["layer", "configuration", "manifest"]);
    assert_eq!(report["sends"]["bytes"], blobs.iter().map(|blob| size(&blob["digest"])).sum::<u64>());
    assert!(text(&pack, &["old", "old"]).contains("are the same: sha256:"));
}

#[test]
fn a_configuration_that_differs_is_told() {
    let pack = Pack::new();
    let write = |folder, command: &str| {
        let run = json!({"Entrypoint": ["/lambda-entrypoint.sh"], "Cmd": [command], "Env": null});
        Layout { pack: &pack, folder }.write_with(&[layer(BASE)], "amd64", GZIP, &run);
    };
    write("old", "app.one");
    write("new", "app.other");
    insta::assert_snapshot!(packed_anyhow(&text(&pack, &["old", "new"])), @r"
    old → new
      unpacked  11 B
      files     4 the same
      push SIZE to a registry that has the first: the configuration, the manifest
      configuration: config.Cmd changed
      the files are the same; the configuration is another

    layers
      = SIZE 1 in both
    ");
}

#[test]
fn the_same_files_in_other_layers_are_told() {
    let pack = Pack::new();
    let app = [("var/task/app.py", APP)];
    Layout { pack: &pack, folder: "old" }.write(&[layer(BASE), layer(&app)], "amd64", GZIP);
    Layout { pack: &pack, folder: "new" }.write(&[layer(&[BASE, &app].concat())], "amd64", GZIP);
    insta::assert_snapshot!(packed_anyhow(&text(&pack, &["old", "new"])), @r"
    old → new
      unpacked  53 B
      files     5 the same
      push SIZE to a registry that has the first: 1 layer, the configuration, the manifest
      the files are the same; owners or times of files, the packing of layers, or the history differ

    layers
      - SIZE DIGEST 3 files in /
      - SIZE DIGEST 1 file in /var/task
      + SIZE DIGEST 4 files in /
    ");
}

#[test]
fn layers_are_laid_over_each_other_first() {
    let pack = Pack::new();
    let write = |folder, above: &[(&str, &str)]| {
        Layout { pack: &pack, folder }.write(&[layer(BASE), layer(above)], "amd64", GZIP);
    };
    write("old", &[("usr/bin/y", "y")]);
    // A file of the base goes, another is written again as it was, a link becomes a file, and a folder has nothing in it.
    write(
        "new",
        &[("usr/bin/.wh.x", ""), ("etc/hosts", ""), ("opt/lib", "text"), ("usr/bin/y", "y"), ("empty/.wh.z", "")],
    );
    let report = report(&pack, "old", "new");
    assert_eq!(report["files"]["removed"], json!([{"path": "usr/bin/x", "kind": "file", "size": 1, "mode": "644"}]));
    assert_eq!(report["files"]["added"], json!([{"path": "empty", "kind": "folder", "mode": "755"}]));
    let changed = &report["files"]["changed"];
    assert_eq!((changed.as_array().unwrap().len(), &changed[0]["path"]), (1, &json!("opt/lib")));
    assert_eq!(changed[0]["before"], json!({"kind": "link", "target": "/usr/lib"}));
    assert_eq!(report["files"]["unchanged"], 3);
}

#[test]
fn a_zip_is_compared_with_what_an_image_has_in_its_place() {
    let pack = Pack::new();
    image(&pack, "image", "1.0", APP);
    let members = [
        file("app.py", APP),
        file("pkg/__init__.py", "A = 1\n"),
        file("pkg-1.0.dist-info/METADATA", metadata("pkg", "1.0")),
    ];
    pack.write("app.zip", zip(&members));
    let same = report(&pack, "app.zip", "image");
    assert_eq!((&same["same"], &same["compared"]), (&json!(true), &json!("/var/task")));
    assert_eq!(same["sends"]["blobs"].as_array().unwrap().len(), 5);
    assert_eq!(text(&pack, &["app.zip", "image"]), "app.zip and image have the same files in /var/task\n");
    for member in &members {
        pack.write(&format!("folder/{}", member.name), &member.bytes);
    }
    assert_eq!(text(&pack, &["app.zip", "folder"]), "app.zip and folder have the same files\n");
    assert_eq!(report(&pack, "app.zip", "folder")["sends"], Value::Null);
    pack.write("app.zip", zip(&members[1..]));
    insta::assert_snapshot!(text(&pack, &["image", "app.zip"]), @r"
    image → app.zip
      unpacked  93 B → 51 B (-42 B)
      files     1 removed, 2 the same
      upload    307 B, the whole archive
      of the image only /var/task is compared

    files
      -      42 B  app.py
    ");
}

#[test]
fn what_cannot_be_read_whole_is_not_compared() {
    let pack = Pack::new();
    pack.write("good.zip", zip(&old()));
    let refused = |path: &str, status: i32, said: &[&str]| {
        assert_fails(&diff(&pack, &["good.zip", path]), status, said);
        assert_fails(&diff(&pack, &[path, "good.zip"]), status, said);
    };
    let twice = [file("a", "1"), file("a", "2")];
    pack.write("twice.zip", zip(&twice));
    refused("twice.zip", 1, &["twice.zip cannot be compared: a: it is in the ZIP twice", "hint: pack check"]);
    pack.write("broken.zip", zip(&[Member { crc: Some(1), ..file("a", "1") }]));
    refused("broken.zip", 1, &["broken.zip cannot be compared: a: "]);
    pack.write("none.zip", "text");
    refused("none.zip", 1, &["none.zip cannot be compared: it is not a whole ZIP"]);
    refused("missing.zip", 2, &["there is no missing.zip", "hint: pack diff takes"]);
    refused("./job:1", 2, &["there is no ./job:1"]);
    refused("Team/Job:1", 2, &["Team/Job:1: "]);
    image(&pack, "image", "1.0", APP);
    let mut blobs = fs::read_dir(pack.path("image/blobs/sha256")).unwrap();
    let layer = blobs.find_map(|blob| Some(blob.unwrap().path()).filter(|path| fs::read(path).unwrap()[0] == 0x1f));
    fs::write(layer.unwrap(), "spoiled").unwrap();
    refused("image", 1, &["image cannot be compared: layer sha256:"]);
    assert!(Pack::files(&pack.tmp()).is_empty(), "{:?}", Pack::files(&pack.tmp()));
}

#[test]
fn names_cannot_move_the_cursor() {
    let pack = Pack::new();
    Layout { pack: &pack, folder: "old" }.write(&[layer(BASE)], "amd64", GZIP);
    Layout { pack: &pack, folder: "new" }.write(&[layer(BASE), layer(&[("a\u{1b}[2J", "")])], "amd64", GZIP);
    let shown = text(&pack, &["old", "new"]);
    assert!(shown.contains(r"a\u{1b}[2J") && !shown.contains('\u{1b}'), "{shown}");
}

/// A function above a base, and a registry on this machine.
struct Team {
    pack: Pack,
    store: Arc<Store>,
    server: Server,
}

impl Team {
    fn new() -> Self {
        let pack = Pack::new();
        pack.function("app", APP, &["pkg"]);
        pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 1\n"));
        let files = [("var/lang/lib/python3.13/os.py", ""), ("lambda-entrypoint.sh", "#!/bin/sh\n")];
        Layout { pack: &pack, folder: "base" }.write(&[layer(&files)], "amd64", GZIP);
        let store = Arc::new(Store::default());
        let answers = store.clone();
        let server = Server::start(move |question| answers.answer(question));
        Self { pack, store, server }
    }

    fn image(&self, arguments: &[&str]) -> Run {
        let fixed = ["image", "app", "--base", "base", "--bytecode", "none", "--no-import-test"];
        self.pack.command(fixed.iter().chain(arguments))
    }

    fn change(&self) {
        self.pack.write("functions/app/app.py", APP.replace('1', "2"));
    }
}

#[test]
fn an_image_of_a_registry_is_compared_and_what_is_here_is_not_fetched() {
    let team = Team::new();
    let name = format!("{}/team/app:1", team.server.address);
    assert_done(&team.image(&["--push", &name]).run());
    team.change();
    assert_done(&team.image(&["--output", "new.tar"]).run());
    let asked = team.server.lines().len();
    let report = report(&team.pack, &name, "new.tar");
    let lines = team.server.lines()[asked..].to_vec();
    let blobs: Vec<&String> = lines.iter().filter(|line| line.contains("/blobs/")).collect();
    assert_eq!(blobs.len(), 2, "the configuration, and the layer that is not here: {lines:?}");
    assert!(!lines.iter().any(|line| !line.starts_with("GET")), "{lines:?}");
    assert_eq!(report["files"]["changed"][0]["path"], "var/task/app.py");
    let kinds: Vec<&Value> = report["sends"]["blobs"].as_array().unwrap().iter().map(|blob| &blob["kind"]).collect();
    assert_eq!(kinds, ["layer", "configuration", "manifest"]);
    let outcome = diff(&team.pack, &["new.tar", &name.replace(":1", ":2")]);
    // Not `:1` of the port.
    assert_fails(&outcome, 1, &["team/app"]);
    assert!(Pack::files(&team.pack.tmp()).is_empty(), "{:?}", Pack::files(&team.pack.tmp()));
}

#[test]
fn verify_tells_an_image_that_is_the_same_from_one_that_is_not() {
    let team = Team::new();
    let place = "dist/app-image-python3.13-x86_64";
    assert_fails(&team.image(&["--verify"]).run(), 2, &["to compare with", "hint: --output names"]);
    assert!(!team.pack.path("dist").exists());
    for output in [&[][..], &["--output", "app.tar"]] {
        assert_done(&team.image(output).run());
    }
    let before = Pack::files(&team.pack.path(""));
    let digest = team.image(&["--verify", "--json"]).run().json(0)["image"]["digest"].as_str().unwrap().to_owned();
    for (path, output) in [(place, &[][..]), ("app.tar", &["--output", "app.tar"])] {
        let outcome = team.image(&[&["--verify"], output].concat()).run();
        assert_done(&outcome);
        assert_eq!(outcome.stdout, format!("{path} is what is built now: {digest}\n"));
    }
    let bytes = fs::read(team.pack.path("app.tar")).unwrap();
    team.change();
    let said = [
        &format!("{place} is not what is built now: it has {digest}, and sha256:"),
        &format!("hint: to see what differs: pack image … --output OTHER, then pack diff {place} OTHER"),
    ];
    assert_fails(&team.image(&["--verify"]).run(), 1, &said.map(String::as_str));
    assert_fails(&team.image(&["--verify", "--output", "app.tar"]).run(), 1, &["pack diff app.tar OTHER.tar"]);
    assert_eq!(fs::read(team.pack.path("app.tar")).unwrap(), bytes);
    assert_eq!(Pack::files(&team.pack.path("")), before);
    team.pack.write("functions/app/app.py", APP);
    let blobs = team.pack.path(place).join("blobs/sha256");
    let is_packed = |path: &std::path::PathBuf| fs::read(path).unwrap()[0] == 0x1f;
    let layer = fs::read_dir(blobs).unwrap().map(|blob| blob.unwrap().path()).find(is_packed).unwrap();
    fs::write(layer, "spoiled").unwrap();
    assert_fails(&team.image(&["--verify"]).run(), 1, &["cannot be compared: blobs/sha256/"]);
}

#[test]
fn verify_asks_a_registry_and_sends_nothing() {
    let team = Team::new();
    let name = format!("{}/team/app:1", team.server.address);
    assert_fails(&team.image(&["--verify", "--push", &name]).run(), 1, &["nothing of that name is in the registry"]);
    assert_done(&team.image(&["--push", &name]).run());
    let asked = team.server.lines().len();
    let manifest = team.store.manifest("team/app", "1");
    let outcome = team.image(&["--verify", "--push", &name]).run();
    assert_done(&outcome);
    assert!(outcome.stdout.starts_with(&format!("{name} is what is built now: sha256:")), "{}", outcome.stdout);
    team.change();
    let said = format!("{name} is not what is built now");
    assert_fails(&team.image(&["--verify", "--push", &name]).run(), 1, &[&said, "pack diff"]);
    let lines = &team.server.lines()[asked..];
    assert!(lines.iter().all(|line| line.starts_with("GET") || line.starts_with("HEAD")), "{lines:?}");
    assert_eq!(team.store.manifest("team/app", "1"), manifest);
    assert!(!team.pack.path("dist").exists());
}

#[test]
fn verify_goes_by_the_lock_and_leaves_it_as_it_is() {
    let team = Team::new();
    team.pack.write("pack.toml", "");
    assert_fails(&team.image(&["--verify"]).run(), 1, &["pack.lock is out of date for app"]);
    assert!(!team.pack.path("pack.lock").exists());
    assert_done(&team.image(&[]).run());
    let lock = fs::read(team.pack.path("pack.lock")).unwrap();
    let outcome = team.image(&["--verify"]).run();
    assert_done(&outcome);
    assert!(outcome.stdout.contains("is what is built now: sha256:"), "{}", outcome.stdout);
    assert_eq!(fs::read(team.pack.path("pack.lock")).unwrap(), lock);
}
