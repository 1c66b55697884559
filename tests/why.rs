//! Proves what `pack why` says of files, folders and distributions: of what pack built, by its record, and of what others
//! made, by METADATA.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use serde_json::Value;
use support::zips::{Member, file, zip};
use support::{Pack, WheelBuilder, assert_done, assert_fails};

const APP: &str = "import frames\n\n\ndef handler(event, context):\n    import left\n    return 1\n";

/// A project with a function: frames → dates → six, frames → shared ← left, and boto3, which is the runtime's.
fn project() -> Pack {
    let pack = Pack::new();
    let wheels = [
        WheelBuilder::new("frames", "3.1")
            .requires("Dates >=2.8")
            .requires("shared")
            .requires("old; python_version < '3.9'")
            .file(
                "frames/__init__.py",
                b"import dates\n\ntry:\n    import shared\nexcept ImportError:\n    shared = None\n",
            )
            .file("frames/core.py", b"from . import io\n")
            .file("frames/io.py", b"import dates.parser\n")
            .file("frames/tests/test_it.py", b"import six\n"),
        WheelBuilder::new("dates", "2.9")
            .requires("six>=1.5,<2")
            .file("dates/__init__.py", b"")
            .file("dates/parser.py", b"from six import moves\n"),
        WheelBuilder::new("six", "1.17").file("six.py", b"moves = None\n"),
        WheelBuilder::new("shared", "1").file("shared/__init__.py", b"VALUE = 1\n"),
        WheelBuilder::new("left", "2").requires("shared").requires("boto3").file("left.py", b"import boto3\n"),
        WheelBuilder::new("boto3", "1.40").file("boto3/__init__.py", b"# the runtime's\n"),
    ];
    for wheel in &wheels {
        pack.wheel(wheel);
    }
    pack.function("app", APP, &["frames", "left>=1"]);
    assert_done(&pack.zip("app").run());
    pack
}

fn why(pack: &Pack, asked: &str) -> String {
    let outcome = pack.command(["why", asked, "dist/app-python3.13-x86_64.zip"]).run();
    assert_done(&outcome);
    outcome.stdout
}

/// Without bytes, which the packer decides.
fn unsized_text(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_inclusive([' ', '\n']) {
        let is_unit = matches!(word.trim_end_matches([',', ' ', '\n', ')', '(']), "B" | "kB");
        let is_number = |word: &str| word.trim_start_matches('(').trim_end().parse::<f64>().is_ok();
        if is_unit && words.last().is_some_and(|last| is_number(last)) {
            let number = words.pop().unwrap_or_default();
            words.push(if number.starts_with('(') { "(N " } else { "N " });
        }
        words.push(word);
    }
    words.concat()
}

#[test]
fn of_what_pack_built_the_record_says_it() {
    let pack = project();
    let texts: Vec<String> = [
        "six",
        "shared",
        "frames",
        "boto3",
        "frames/tests/",
        "frames/tests/test_it.py",
        "frames/io.py",
        "functions/app/app.py",
    ]
    .iter()
    .map(|asked| format!("$ {asked}\n{}", unsized_text(&why(&pack, asked))))
    .collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    $ six
    six 1.17: in dist/app-python3.13-x86_64.zip
      costs      N B unpacked, N B packed, 14.5 % of it, 4 files
      required   frames 3.1 (requirements/app.txt) → dates 2.9 (>=2.8) → six 1.17 (>=1.5, <2)
      removed    installer leftovers in dist-info: N B, 1 file
      imported   by dates: 1 source: dates/parser.py
      removing   saves N B unpacked, N B packed; nothing else goes with it
                 but it stays as long as dates needs it

    $ shared
    shared 1: in dist/app-python3.13-x86_64.zip
      costs      N B unpacked, N B packed, 15.1 % of it, 4 files
      required   frames 3.1 (requirements/app.txt) → shared 1
                 left 2 (requirements/app.txt) → shared 1
      removed    installer leftovers in dist-info: N B, 1 file
      imported   by frames: 1 source, only under a condition: frames/__init__.py
      removing   saves N B unpacked, N B packed; nothing else goes with it
                 but it stays as long as frames, left need it

    $ frames
    frames 3.1: in dist/app-python3.13-x86_64.zip
      costs      N B unpacked, N B packed, 29.9 % of it, 6 files
      required   frames 3.1 (requirements/app.txt)
      removed    installer leftovers in dist-info: N B, 1 file
      removed    tests: N B, 1 file
      imported   by the function itself: 1 source: app.py
      removing   saves N B unpacked, N B packed, with what only it needs: dates 2.9 (N B), six 1.17 (N B)

    $ boto3
    boto3 1.40: not in dist/app-python3.13-x86_64.zip
      left out   Lambda's runtime has it, in a version of its own
      required   left 2 (requirements/app.txt) → boto3 1.40
      removed    provided by the Lambda runtime: N B, 4 files; --bundle-sdk keeps it
      imported   by left: 1 source: left.py

    $ frames/tests/
    frames/tests/: not in dist/app-python3.13-x86_64.zip
      owner      frames 3.1
      required   frames 3.1 (requirements/app.txt)
      removed    tests: N B, 1 file; --keep frames/tests keeps it
      imported   by no source in the artifact

    $ frames/tests/test_it.py
    frames/tests/test_it.py: not in dist/app-python3.13-x86_64.zip
      kind       Python sources
      owner      frames 3.1
      required   frames 3.1 (requirements/app.txt)
      removed    tests: 11 B; --keep frames/tests/test_it.py keeps it
      imported   by no source in the artifact

    $ frames/io.py
    frames/io.py: in dist/app-python3.13-x86_64.zip
      costs      N B unpacked, N B packed, 1.2 % of it
      kind       Python sources
      owner      frames 3.1, as its RECORD says
      required   frames 3.1 (requirements/app.txt)
      slimming   no rule takes anything of it
      imported   by frames: 1 source: frames/core.py
      removing   frames: saves N B unpacked, N B packed, with what only it needs: dates 2.9 (N B), six 1.17 (N B)

    $ functions/app/app.py
    app.py: in dist/app-python3.13-x86_64.zip
      costs      N B unpacked, N B packed, 4.6 % of it
      kind       Python sources
      owner      the function's own
      slimming   no rule takes anything of it
      imported   by no source in the artifact
    ");
}

#[test]
fn json_has_chains_and_what_goes_with_it() {
    let pack = project();
    let json = pack.command(["why", "SIX", "--json"]).run().json(0);
    assert_eq!((json["version"].as_u64(), json["asked"].as_str()), (Some(1), Some("SIX")));
    let answer = &json["answers"][0];
    assert_eq!(answer["artifact"], "dist/app-python3.13-x86_64.zip");
    let steps = answer["required"]["chains"][0]["steps"].as_array().unwrap();
    let step = |step: &Value| {
        format!(
            "{} {} {}",
            step["name"].as_str().unwrap(),
            step["version"].as_str().unwrap(),
            step["versions"].as_str().unwrap()
        )
    };
    assert_eq!(steps.iter().map(step).collect::<Vec<_>>(), ["frames 3.1 ", "dates 2.9 >=2.8", "six 1.17 >=1.5, <2"]);
    // What only frames needs goes with it; what left needs too stays.
    let json = pack.command(["why", "frames", "--json"]).run().json(0);
    let saving = &json["answers"][0]["saving"];
    let with: Vec<&str> =
        saving["with"].as_array().unwrap().iter().map(|freed| freed["name"].as_str().unwrap()).collect();
    assert_eq!(with, ["dates", "six"]);
    let report = pack.command(["report", "--format", "json"]).run().json(0);
    let sum: u64 = report["artifacts"][0]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|part| ["frames", "dates", "six"].contains(&part["name"].as_str().unwrap()))
        .map(|part| part["unpacked"].as_u64().unwrap())
        .sum();
    assert_eq!(saving["unpacked"], sum);
}

#[test]
fn artifacts_with_the_same_answer_are_told_once() {
    let pack = project();
    pack.write(
        "pack.toml",
        "[functions.app]\nhandler = \"app.handler\"\n[packaging.zip]\nmethod = \"zip\"\nbytecode = \"none\"\n[matrix]\npython = [\"3.12\", \"3.13\"]\n",
    );
    assert_done(&pack.command(["zip", "--no-import-test"]).run());
    let outcome = pack.command(["why", "dates"]).run();
    assert_done(&outcome);
    assert!(outcome.stdout.starts_with("dates 2.9: in 2 artifacts\n"), "{}", outcome.stdout);
    assert_eq!(outcome.stdout.matches("required").count(), 1, "{}", outcome.stdout);
    let json = pack.command(["why", "dates", "--json"]).run().json(0);
    assert_eq!(json["answers"].as_array().unwrap().len(), 2);
}

fn info(name: &str, requires: &[&str]) -> Member {
    let requires: Vec<String> = requires.iter().map(|one| format!("Requires-Dist: {one}\n")).collect();
    let requires = requires.concat();
    file(
        &format!("{name}-1.0.dist-info/METADATA"),
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}\n"),
    )
}

/// What `pip install --target` leaves, zipped.
fn foreign() -> Vec<u8> {
    zip(&[
        file("app.py", "import api\n"),
        file("api/__init__.py", "def call():\n    import speed\n"),
        info("api", &["tool[fast]>=1", "gone; python_version < '3'", "botocore>1"]),
        file("tool/__init__.py", "import speed\n"),
        info("tool", &["speed>2; extra == 'fast'", "slow; extra == 'slow'"]),
        file("speed.cpython-312-x86_64-linux-gnu.so", "x"),
        info("speed", &["ring"]),
        file("ring/__init__.py", ""),
        info("ring", &["speed"]),
        file("slow.py", ""),
        info("slow", &[]),
    ])
}

#[test]
fn of_what_others_made_metadata_says_it() {
    let pack = Pack::new();
    pack.write("foreign.zip", foreign());
    let texts: Vec<String> = ["speed", "/var/task/slow.py", "botocore", "ring/"]
        .iter()
        .map(|asked| {
            let outcome = pack.command(["why", asked, "foreign.zip"]).run();
            assert_done(&outcome);
            format!("$ {asked}\n{}", outcome.stdout)
        })
        .collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    $ speed
    speed 1.0: in foreign.zip
      costs      69 B unpacked, 69 B packed, 13.6 % of it, 2 files
      required   api 1.0 (nothing in it requires it: it was named, or left over) → tool[fast] 1.0 (>=1) → speed 1.0 (>2)
                 also by ring 1.0
                 as METADATA says in the artifact
      slimming   no record of pack's is beside it: what was removed is not known
      imported   by api: 1 source, only under a condition: api/__init__.py
                 by tool: 1 source: tool/__init__.py
      removing   saves 137 B unpacked, 137 B packed, with what only it needs: ring 1.0 (68 B)
                 but it stays as long as ring, tool need it

    $ /var/task/slow.py
    slow.py: in foreign.zip
      costs      0 B unpacked, 0 B packed, 0.0 % of it
      kind       Python sources
      owner      slow 1.0, going by names
      required   slow 1.0 (nothing in it requires it: it was named, or left over)
                 as METADATA says in the artifact
      slimming   no record of pack's is beside it: what was removed is not known
      imported   by no source in the artifact
      removing   slow: saves 47 B unpacked, 47 B packed; nothing else goes with it

    $ botocore
    botocore: not in foreign.zip
      left out   Lambda's runtime has it, in a version of its own
      required   api 1.0 (nothing in it requires it: it was named, or left over) → botocore (>1)
                 as METADATA says in the artifact

    $ ring/
    ring/: in foreign.zip
      costs      0 B unpacked, 0 B packed, 0.0 % of it, 1 file
      owner      ring 1.0, going by names
      required   api 1.0 (nothing in it requires it: it was named, or left over) → tool[fast] 1.0 (>=1) → speed 1.0 (>2) → ring 1.0
                 as METADATA says in the artifact
      slimming   no record of pack's is beside it: what was removed is not known
      imported   by no source in the artifact
      removing   ring: saves 68 B unpacked, 68 B packed; nothing else goes with it
                 but it stays as long as speed needs it
    ");
}

#[test]
fn where_no_file_has_packed_bytes_the_unpacked_ones_are_told() {
    let pack = Pack::new();
    for (name, text) in [
        ("app.py", "import a\n"),
        ("a/__init__.py", ""),
        ("a-1.dist-info/METADATA", "Name: a\nVersion: 1\nRequires-Dist: b\n"),
        ("b.py", "VALUE = 1\n"),
        ("b-1.dist-info/METADATA", "Name: b\nVersion: 1\n"),
    ] {
        pack.write(&format!("folder/{name}"), text);
    }
    let json = pack.command(["why", "a", "folder", "--json"]).run().json(0);
    let answer = &json["answers"][0];
    assert_eq!((&answer["cost"]["packed"], &answer["saving"]["packed"]), (&Value::Null, &Value::Null));
    assert_eq!(answer["saving"]["with"][0]["name"], "b");
    assert_eq!(answer["saving"]["unpacked"].as_u64(), Some(36 + 10 + 19));
}

#[test]
fn what_nobody_knows_is_an_error_with_what_is_near() {
    let pack = Pack::new();
    pack.write("foreign.zip", foreign());
    let fails = |asked: &str| {
        let outcome = pack.command(["why", asked, "foreign.zip"]).run();
        assert_eq!(outcome.status, 2, "{}", outcome.stderr);
        outcome.stderr
    };
    assert!(fails("sped").contains("did you mean \"speed\"?"));
    assert!(fails("lib/slow.py").contains("did you mean slow.py?"));
    assert!(fails("").contains("foreign.zip has nothing of"));
    fails(&"x".repeat(100_000));
}

#[test]
fn hostile_artifacts_neither_hang_nor_write_to_the_terminal() {
    let pack = Pack::new();
    let extras: Vec<String> = (0..150).map(|number| format!("e{number}")).collect();
    let all = extras.join(",");
    let requires: Vec<String> = (0..300).map(|number| format!("a[{all}]; extra == 'e{number}'")).collect();
    let mut requires: Vec<&str> = requires.iter().map(String::as_str).collect();
    requires.extend(["b", "not a requirement (((", "x-"]);
    let source = format!("{}import b\nfrom {}b import c\n", "(".repeat(10_000), ".".repeat(10_000));
    pack.write(
        "hostile.zip",
        zip(&[
            info("a", &requires),
            info("b", &["a", "b"]),
            file("b.py", "import b"),
            file("\u{1b}[2Ja.py", &source),
            file("a/\u{1b}[2J.py", "import b"),
            file("a/__init__.py", &source),
        ]),
    );
    let outcome = pack.command(["why", "b", "hostile.zip"]).run();
    assert_done(&outcome);
    assert!(!outcome.stdout.contains('\u{1b}'), "{}", outcome.stdout);
    pack.write("broken.zip", b"PK\x03\x04 and no more");
    assert_fails(&pack.command(["why", "b", "broken.zip"]).run(), 1, &["broken.zip"]);
}
