//! Proves what `pack report` says of artifacts that pack made and of others: that bytes by distribution add up exactly to what
//! others count, whose files are, how far limits are, and that nothing hostile comes through.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::image::{GZIP, Layout, layer};
use support::sizes::report;
use support::zips::{LINK, Member, file, zip};
use support::{Outcome, Pack, WheelBuilder, assert_done, assert_fails, skip, succeed};

const HANDLER: &str = "import mid\n\n\ndef handler(event, context):\n    return mid.VALUE\n";
const ZIP: &str = "dist/app-python3.13-x86_64.zip";

/// A function `app` of `mid`, which needs `base`; both have tests.
fn project() -> Pack {
    let pack = Pack::new();
    let filler = vec![b'#'; 9_000];
    pack.wheel(
        &WheelBuilder::new("base", "1.0")
            .file("base/__init__.py", b"VALUE = 1\n")
            .file("base/data.bin", &vec![7; 30_000])
            .file("base/tests/__init__.py", b"")
            .file("base/tests/test_base.py", &filler),
    );
    pack.wheel(
        &WheelBuilder::new("Mid_Dle", "2.1")
            .requires("base")
            .file("mid/__init__.py", b"from base import VALUE\n")
            .file("mid/inner/table.txt", &vec![b'x'; 12_000]),
    );
    pack.function("app", HANDLER, &["mid-dle"]);
    pack.write("functions/app/helper/__init__.py", "X = 1\n");
    pack
}

fn pack_report(pack: &Pack, arguments: &[&str]) -> Outcome {
    pack.command(["report"].iter().chain(arguments)).run()
}

/// Name, version and how it is known of each part.
fn parts(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parts = report["parts"].as_array().unwrap().iter();
    let mut parts: Vec<_> =
        parts.map(|part| (text(&part["name"]), text(&part["version"]), text(&part["known_by"]))).collect();
    parts.sort();
    parts
}

fn owned(parts: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    parts.iter().map(|(name, version, by)| ((*name).into(), (*version).into(), (*by).into())).collect()
}

/// The text without what differs from build to build of the same: digests.
fn without_digests(text: &str) -> String {
    let line = |line: &str| match line.split_once("sha256:") {
        Some((start, _)) => format!("{start}sha256:…"),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn a_function_is_told_by_distribution_kind_and_rule() {
    let pack = project();
    assert_done(&pack.zip("app").run());
    let told = report(&pack, ZIP);
    assert_eq!(
        (&told["of"], &told["python"], &told["architecture"]),
        (&json!("app"), &json!("3.13"), &json!("x86_64"))
    );
    let all = [("base", "1.0", "record"), ("function", "", "place"), ("mid-dle", "2.1", "record")];
    assert_eq!(parts(&told), owned(&all));
    let rules: Vec<_> =
        told["removed"].as_array().unwrap().iter().map(|one| (one["part"].as_str(), &one["rule"])).collect();
    assert!(rules.contains(&(Some("base"), &json!("tests"))), "{rules:?}");
    let outcome = pack_report(&pack, &[ZIP]);
    assert_done(&outcome);
    insta::assert_snapshot!("text", without_digests(&outcome.stdout));
    insta::assert_snapshot!("markdown", pack_report(&pack, &[ZIP, "--format", "markdown"]).stdout);
    // Without an argument it is what the project has built.
    assert_eq!(pack_report(&pack, &[]).stdout, outcome.stdout);
    // The record is believed of its own artifact only.
    let record = pack.path(format!("{ZIP}.pack.json"));
    let kept = fs::read(&record).unwrap();
    for other in
        ["", "{", "[]", &String::from_utf8_lossy(&kept).replace("\"digest\":\"sha256:", "\"digest\":\"sha256:0")]
    {
        fs::write(&record, other).unwrap();
        assert_eq!(report(&pack, ZIP)["removed"], Value::Null);
    }
    fs::remove_file(&record).unwrap();
    let foreign = report(&pack, ZIP);
    assert_eq!((&foreign["removed"], &foreign["of"], &foreign["python"]), (&Value::Null, &Value::Null, &json!("3.13")));
    let folders =
        [("base", "1.0", "record"), ("function", "", "place"), ("helper/", "", "place"), ("mid-dle", "2.1", "record")];
    assert_eq!(parts(&foreign), owned(&folders));
    // It is made again with the next build, of the same bytes.
    assert_done(&pack.zip("app").run());
    assert_eq!(fs::read(&record).unwrap(), kept);
    assert!(!String::from_utf8(kept).unwrap().contains(pack.path("").to_str().unwrap()), "nothing of this machine");
}

#[test]
fn what_was_too_large_is_told_until_a_build_is_not() {
    let pack = project();
    assert_done(&pack.zip("app").run());
    // As a build leaves it that got too large after a good one.
    let over = "dist/app-python3.13-x86_64.over-limit.zip";
    pack.write(over, zip(&[file("app.py", "X = 1\n")]));
    let told = pack_report(&pack, &["--format", "json"]).json(0);
    assert_eq!(told["artifacts"][0]["name"], over);
    // It is the same artifact as before all the same.
    assert_done(&pack_report(&pack, &[ZIP, over, "--save", "base.json"]));
    let since = pack_report(&pack, &[over, "--baseline", "base.json", "--format", "json"]).json(0);
    assert_eq!(since["artifacts"][0]["change"]["before"]["name"], "base.json");
    assert_done(&pack.zip("app").run());
    assert_eq!(pack.artifacts(), ["app-python3.13-x86_64.zip"]);
    let told = pack_report(&pack, &["--format", "json"]).json(0);
    assert_eq!(told["artifacts"][0]["name"], ZIP);
}

#[test]
fn a_function_is_measured_with_its_layers() {
    let pack = project();
    pack.write("layers/data.txt", "base\n");
    pack.write("pack.toml", "[functions.app]\nlayers = [\"data\"]\n\n[packaging.layers]\nmethod = \"layers\"\n");
    assert_done(&pack.command(["zip", "-q", "--bytecode", "none", "--no-import-test"]).run());
    let (function, data) = ("dist/app-layers-python3.13-x86_64.zip", "dist/layers/data-python3.13-x86_64.zip");
    let (told, of_layer) = (report(&pack, function), report(&pack, data));
    assert_eq!((&told["kind"], &of_layer["kind"]), (&json!("zip"), &json!("layer")));
    assert_eq!(parts(&of_layer), owned(&[("base", "1.0", "record")]));
    let sum = told["unpacked"].as_u64().unwrap() + of_layer["unpacked"].as_u64().unwrap();
    assert_eq!(told["with_layers"]["unpacked"].as_u64(), Some(sum));
    assert_eq!(told["limits"][0], json!({"limit": "unpacked", "bytes": sum, "most": 262_144_000}));
    // Of others' ZIPs, layers are those that are named beside one function.
    for name in ["app", "data"] {
        let from = if name == "app" { function } else { data };
        fs::copy(pack.path(from), pack.path(format!("{name}.zip"))).unwrap();
    }
    let both = pack_report(&pack, &["app.zip", "data.zip", "--format", "json"]).json(0);
    assert_eq!(both["artifacts"][0]["with_layers"]["unpacked"].as_u64(), Some(sum));
    assert_eq!(both["artifacts"][0]["with_layers"]["layers"][0]["name"], "data.zip");
    // All of the project, and a line for each at the end.
    let text = pack_report(&pack, &[]).stdout;
    assert!(text.contains("with layers") && text.contains("\nall\n  dist/app-layers"), "{text}");
}

#[test]
fn what_installers_leave_of_metadata_is_enough() {
    let pack = Pack::new();
    let metadata = |name: &str| format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
    let members = [
        file("app.py", "import a\n"),
        file("__pycache__/app.cpython-313.pyc", "bytecode"),
        // RECORD lists bytecode of nobody, and a path that leads out.
        file("a/__init__.py", "A = 1\n"),
        file("a/__pycache__/__init__.cpython-313.pyc", "bytecode"),
        file("a-1.0.dist-info/METADATA", metadata("A")),
        file(
            "a-1.0.dist-info/RECORD",
            "a/__init__.py,,\na-1.0.dist-info/RECORD,,\n../../etc/passwd,,\n\"b/x.py\",,\n/app.py,,\n",
        ),
        // No RECORD: the name, its libraries, and what top_level.txt says.
        file("b_c/x.so.1", "library"),
        file("b_c.libs/libz.so.1", "library"),
        file("b_c-1.0.dist-info/METADATA", metadata("B.C")),
        file("other/y.py", "Y = 1\n"),
        file("single.py", "S = 1\n"),
        file("other-1.0.egg-info/PKG-INFO", metadata("d")),
        file("other-1.0.egg-info/top_level.txt", "other\nsingle\n"),
        // Vendored: of whoever has it.
        file("a/_vendor/v-1.0.dist-info/METADATA", metadata("v")),
        // Nobody's.
        file("nobody/z.txt", "z"),
        Member { mode: LINK, ..file("link", "app.py") },
    ];
    pack.write("a.zip", zip(&members));
    let told = report(&pack, "a.zip");
    let expected = [
        ("a", "1.0", "record"),
        ("a/", "", "place"),
        ("b-c", "1.0", "metadata"),
        ("d", "1.0", "metadata"),
        ("function", "", "place"),
        ("nobody/", "", "place"),
    ];
    assert_eq!(parts(&told), owned(&expected));
    let of = |path: &str| {
        let entries = told["entries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["path"] == path).unwrap();
        told["parts"][usize::try_from(entry["part"].as_u64().unwrap()).unwrap()]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("a/__pycache__/__init__.cpython-313.pyc"), "a");
    assert_eq!((of("app.py"), of("link"), of("single.py")), ("function".into(), "function".into(), "d".into()));
    assert_eq!((of("b_c.libs/libz.so.1"), of("a/_vendor/v-1.0.dist-info/METADATA")), ("b-c".into(), "a/".into()));
    // The same in a layer, where modules are one folder further down.
    let layer: Vec<Member> =
        members.iter().map(|member| Member { name: format!("python/{}", member.name), ..member.clone() }).collect();
    pack.write("layer.zip", zip(&layer));
    let told = report(&pack, "layer.zip");
    assert_eq!(told["kind"], "layer");
    assert!(parts(&told).contains(&("b-c".into(), "1.0".into(), "metadata".into())));
    assert!(parts(&told).contains(&("python/nobody/".into(), String::new(), "place".into())));
}

#[test]
fn an_image_is_told_by_layer_and_apart_from_its_base() {
    let pack = project();
    let files = [
        ("var/lang/lib/python3.13/os.py", "base"),
        ("lambda-entrypoint.sh", "#!/bin/sh\n"),
        ("var/runtime/bootstrap.py", ""),
    ];
    Layout { pack: &pack, folder: "base-image" }.write(&[layer(&files)], "amd64", GZIP);
    assert_done(
        &pack.command(["image", "app", "--base", "base-image", "--bytecode", "none", "--no-import-test", "-q"]).run(),
    );
    let image = "dist/app-image-python3.13-x86_64";
    for known in [true, false] {
        let told = report(&pack, image);
        assert_eq!((&told["kind"], &told["limits"][0]["most"]), (&json!("image"), &json!(10_737_418_240_u64)));
        let own =
            [("base", "", "place"), ("base", "1.0", "record"), ("function", "", "place"), ("mid-dle", "2.1", "record")];
        let foreign = [own[0], own[1], own[2], own[3], ("var/task/helper/", "", "place")];
        assert_eq!(parts(&told), owned(if known { &own } else { &foreign }), "{known}");
        let layers = told["layers"].as_array().unwrap();
        assert_eq!(layers.iter().filter(|layer| layer["of_base"] == true).count(), 1);
        let tars: u64 = layers.iter().map(|layer| layer["unpacked"].as_u64().unwrap()).sum();
        assert_eq!(told["unpacked"].as_u64(), Some(tars));
        assert_eq!(told["removed"].is_null(), !known);
        let _ = fs::remove_file(pack.path(format!("{image}.pack.json")));
    }
    let text = pack_report(&pack, &[image]).stdout;
    assert!(text.contains("the base image") && text.contains("layers of the image"), "{text}");
}

/// What others make of two requirements, in a folder of its own.
struct Others {
    pack: Pack,
    tools: PathBuf,
}

impl Others {
    fn new() -> Option<Self> {
        let Some(environment) = std::env::var_os("PACK_TEST_TEMPLATES") else {
            skip("sam and chalice are not here: scripts/test installs them and names them in PACK_TEST_TEMPLATES");
            return None;
        };
        Some(Self { pack: Pack::new(), tools: Path::new(&environment).join("bin") })
    }

    /// A tool of another project, with the package index that is configured here.
    fn tool(&self, name: &str, folder: &str, arguments: &[&str]) {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(self.tools.join(name));
        command.args(arguments).current_dir(self.pack.path(folder)).env("SAM_CLI_TELEMETRY", "0");
        command.env("PATH", format!("{}:{path}", self.tools.display())).env("AWS_DEFAULT_REGION", "eu-west-1");
        command.env("HOME", self.pack.tmp());
        succeed(&mut command);
    }
}

const REQUIREMENTS: &str = "requests==2.32.4\nmarkupsafe==3.0.2\n";

/// Distributions by the names that installers gave their folders.
fn has_all(told: &Value) {
    let names: Vec<String> = parts(told).into_iter().map(|(name, ..)| name).collect();
    for name in ["requests", "urllib3", "idna", "certifi", "charset-normalizer", "markupsafe", "function"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
}

#[test]
fn what_sam_chalice_and_zip_make_adds_up() {
    let Some(others) = Others::new() else { return };
    let pack = &others.pack;
    let python = Command::new(others.tools.join("python")).arg("--version").output().unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    let minor: u32 = python.trim().trim_start_matches("Python 3.").split('.').next().unwrap().parse().unwrap();
    let template = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Job:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
         CodeUri: src\n      Handler: app.handler\n      Runtime: python3.{minor}\n"
    );
    pack.write("sam/template.yaml", template);
    pack.write(
        "sam/src/app.py",
        "import requests\n\n\ndef handler(event, context):\n    return requests.__version__\n",
    );
    pack.write("sam/src/requirements.txt", REQUIREMENTS);
    others.tool("sam", "sam", &["build", "--no-cached"]);
    has_all(&report(pack, "sam/.aws-sam/build/Job"));

    let app = "from chalice import Chalice\napp = Chalice(app_name='job')\n\n\n@app.lambda_function()\ndef job(event, context):\n    return {}\n";
    pack.write("chalice/app.py", app);
    pack.write("chalice/chalicelib/__init__.py", "X = 1\n");
    pack.write("chalice/requirements.txt", REQUIREMENTS);
    pack.write("chalice/.chalice/config.json", r#"{"version": "2.0", "app_name": "job", "stages": {"dev": {}}}"#);
    others.tool("chalice", "chalice", &["package", "out"]);
    let told = report(pack, "chalice/out/deployment.zip");
    has_all(&told);
    assert!(
        parts(&told).contains(&("chalice/".into(), String::new(), "place".into())),
        "its runtime is of no distribution"
    );

    pack.write("hand/requirements.txt", REQUIREMENTS);
    others.tool("python", "hand", &["-m", "pip", "install", "-q", "-r", "requirements.txt", "--target", "build"]);
    pack.write("hand/build/app.py", "def handler(event, context):\n    return 1\n");
    succeed(Command::new("zip").args(["-q", "-r", "-9", "../hand.zip", "."]).current_dir(pack.path("hand/build")));
    let (zipped, folder) = (report(pack, "hand/hand.zip"), report(pack, "hand/build"));
    has_all(&zipped);
    assert_eq!(zipped["unpacked"], folder["unpacked"]);
    assert_eq!(parts(&zipped), parts(&folder));
}

#[test]
fn a_hundred_thousand_files_take_little_memory() {
    let pack = Pack::new();
    let mut archive = zip::ZipWriter::new(fs::File::create(pack.path("many.zip")).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for number in 0..100_000 {
        archive.start_file(format!("pkg{}/sub{}/module_{number}.py", number % 200, number % 37), options).unwrap();
        writeln!(archive, "X = {number}").unwrap();
    }
    archive.finish().unwrap();
    let start = Instant::now();
    let mut command = pack.command(["report", "many.zip"]).command;
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_millis(3));
    }
    println!("{:?}, {peak} kB at most", start.elapsed());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("100,000 files"), "{text}");
    assert!((1..200_000).contains(&peak), "{peak} kB");
}

#[test]
fn what_is_damaged_or_hostile_is_an_error_or_text() {
    let pack = Pack::new();
    let refused = |name: &str, status: i32, said: &[&str]| {
        let outcome = pack_report(&pack, &[name]);
        assert_fails(&outcome, status, said);
        assert_eq!(outcome.stdout, "");
    };
    let good = zip(&[file("app.py", "x = 1\n"), file("b.py", "y\n")]);
    pack.write("cut.zip", &good[..good.len() - 30]);
    refused("cut.zip", 1, &["cut.zip cannot be measured: it is not a whole ZIP", "hint: pack check"]);
    pack.write("crc.zip", zip(&[Member { crc: Some(1), ..file("a.py", "1") }]));
    refused("crc.zip", 1, &["crc.zip cannot be measured: a.py: "]);
    pack.write("claims.zip", zip(&[Member { claims: Some(4_000_000_000), ..file("a.py", "1") }]));
    refused("claims.zip", 1, &["claims.zip cannot be measured: "]);
    pack.write("path.zip", zip(&[file("../../etc/cron.d/x", "1")]));
    refused("path.zip", 1, &["path.zip cannot be measured: ", "is not a path inside the archive"]);
    pack.write("empty.zip", "");
    refused("empty.zip", 1, &["empty.zip cannot be measured: "]);
    refused("missing.zip", 2, &["there is no missing.zip", "hint: pack report takes"]);
    // Names are text in every format.
    let hostile = "pkg/\u{1b}[2J<script>alert(1)</script>|\n::error::x.py";
    let metadata = "Name: x\nVersion: 1.0<b>|\u{1b}[31m\n";
    let commands = [file("::error::folder/x", "1"), file("##[error]y", "1")];
    let members = [file(hostile, "1"), file("x-1.dist-info/METADATA", metadata)];
    pack.write("names.zip", zip(&[&members[..], &commands].concat()));
    for format in ["text", "markdown", "github"] {
        let outcome = pack_report(&pack, &["names.zip", "--format", format, "--budget", "unpacked=0"]);
        assert_eq!(outcome.status, 1, "{}", outcome.stderr);
        assert!(!outcome.stdout.contains('\u{1b}'), "{format}: {}", outcome.stdout);
        assert!(format == "text" || !outcome.stdout.contains("<script>"), "{}", outcome.stdout);
        // A runner looks for commands behind blanks, and for the old ones anywhere.
        assert!(!outcome.stdout.lines().any(|line| line.trim_start().starts_with("::error::")), "{}", outcome.stdout);
        assert!(!outcome.stdout.contains("##["), "{}", outcome.stdout);
    }
    // What is called a baseline and is none.
    for (text, said) in [
        ("{}", "it says no version"),
        (r#"{"version": 99}"#, "is of a newer pack: it has version 99 of the format, and this pack knows 1"),
        (r#"{"version": 0}"#, "it has version 0 of the format, and this pack knows 1"),
        (r#"{"version": 1, "artifacts": [{}]}"#, "base.json is no report of pack's"),
        ("{\"version\": 1", "base.json is no report of pack's"),
    ] {
        pack.write("base.json", text);
        pack.write("good.zip", &good);
        assert_fails(&pack_report(&pack, &["good.zip", "--baseline", "base.json"]), 2, &[said]);
    }
}

#[test]
fn several_formats_come_of_one_call() {
    let pack = project();
    assert_done(&pack.zip("app").run());
    let formats =
        ["--format", "json=out/size.json", "--format", "markdown=size.md", "--format", "text", "--save", "base.json"];
    let outcome = pack_report(&pack, &[&[ZIP], &formats[..]].concat());
    assert_done(&outcome);
    assert_eq!(outcome.stdout, pack_report(&pack, &[ZIP]).stdout);
    let json = fs::read(pack.path("out/size.json")).unwrap();
    assert_eq!(json, fs::read(pack.path("base.json")).unwrap());
    assert_eq!(
        fs::read_to_string(pack.path("size.md")).unwrap(),
        pack_report(&pack, &[ZIP, "--format", "markdown"]).stdout
    );
    // Against itself nothing changed; everything that was asked for is written though a budget is broken.
    let broken =
        ["--baseline", "base.json", "--budget", "unpacked=1kB", "--format", "github=notes", "--format", "text"];
    let outcome = pack_report(&pack, &[&[ZIP], &broken[..]].concat());
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("nothing has another size"), "{}", outcome.stdout);
    // However it is shown, what stops a CI is said at the end.
    let last = outcome.stderr.lines().last().unwrap();
    assert!(last.starts_with("error: dist/app-python3.13-x86_64.zip: over budget: unpacked it has "), "{last}");
    let notes = fs::read_to_string(pack.path("notes")).unwrap();
    assert!(
        notes.starts_with("::error title=dist/app-python3.13-x86_64.zip is over budget::over budget: unpacked it has "),
        "{notes}"
    );
    assert_fails(
        &pack_report(&pack, &[ZIP, "--format", "json", "--format", "text"]),
        2,
        &["would both go to standard output"],
    );
    assert_fails(
        &pack_report(&pack, &[ZIP, "--format", "text=a", "--format", "json=a"]),
        2,
        &["two formats would be written to a"],
    );
    assert_fails(&pack_report(&pack, &[ZIP, "--format", "html", "--format", "text"]), 2, &["to standard output"]);
    assert_fails(&pack_report(&pack, &[ZIP, "--save", "a", "--format", "json=./a"]), 2, &["would be written to"]);
    assert_fails(&pack_report(&pack, &[ZIP, "--save", ZIP]), 2, &["is an artifact to be measured"]);
    let growth = pack_report(&pack, &[ZIP, "--budget", "unpacked-growth=1"]);
    assert_eq!(growth.status, 0, "{}", growth.stderr);
    assert!(growth.stderr.contains("--budget unpacked-growth is not judged without --baseline"), "{}", growth.stderr);
    let typo = pack_report(&pack, &[ZIP, "--budget", "distributions.bas=1MB"]);
    assert!(typo.stderr.contains("there is a budget for bas, and nothing that is reported has it"), "{}", typo.stderr);
    assert_fails(
        &pack_report(&pack, &[ZIP, "--baseline", "base.jsn"]),
        2,
        &["there is no base.jsn to compare with", "git:REF"],
    );
    assert_done(&pack_report(
        &pack,
        &[&format!("./{ZIP}"), "--baseline", "base.json", "--budget", "unpacked-growth=0"],
    ));
    assert_fails(&pack_report(&pack, &[ZIP, "--format", "pdf"]), 2, &["is none of text, json, markdown"]);
    // What a check finds stops a CI too.
    pack.write(
        "broken.zip",
        zip(&[file("app.py", "import nothing_like_it\n\n\ndef handler(event, context):\n    return 1\n")]),
    );
    let outcome = pack_report(&pack, &["broken.zip", "--check", "--format", "github"]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(outcome.stdout.starts_with("::error title=broken.zip%3A "), "{}", outcome.stdout);
    assert_eq!(pack_report(&pack, &["broken.zip"]).status, 0, "a check has to be asked for");
}
