//! Proves what happens where one of several artifacts cannot be made: the others are, and each failure is told.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;

use support::{Pack, WheelBuilder, assert_done};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// Functions `bad`, whose requirements nobody has, and `good`.
fn project() -> Pack {
    let pack = Pack::new();
    pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b""));
    pack.function("bad", HANDLER, &["missing"]);
    pack.function("good", HANDLER, &["pkg"]);
    pack
}

#[test]
fn one_function_that_fails_stops_no_other() {
    let pack = project();
    let outcome = pack.command(["zip", "--quiet"]).run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "dist/good-python3.13-x86_64.zip\n");
    let said = "dist/bad-python3.13-x86_64.zip:\nerror: pip found no version of missing";
    assert!(outcome.stderr.starts_with(said), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with("not built: dist/bad-python3.13-x86_64.zip\n"), "{}", outcome.stderr);
    assert!(pack.artifact("good").is_file() && !pack.artifact("bad").exists());
}

#[test]
fn one_set_that_cannot_be_locked_stops_no_other() {
    let pack = project();
    pack.write("pack.toml", "");
    let outcome = pack.command(["lock", "--quiet"]).run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let said = "bad (python3.13-x86_64) of requirements/bad.txt:\nerror: pip found no version of missing";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with("not locked: bad (python3.13-x86_64)\n"), "{}", outcome.stderr);
    assert!(fs::read_to_string(pack.path("pack.lock")).unwrap().contains("name = \"good\""));
}

#[test]
fn wrong_usage_of_one_decides_the_status() {
    let pack = project();
    pack.function("bad", HANDLER, &[]);
    pack.write("pack.toml", "[functions.bad]\nhandler = 'app.no_such_thing'\n");
    let alone = pack.command(["zip", "--quiet", "bad"]).run();
    assert_eq!(pack.command(["zip", "--quiet"]).run().status, alone.status, "{}", alone.stderr);
}

#[test]
fn a_layer_that_fails_takes_only_its_functions_with_it() {
    let pack = project();
    pack.function("bad", HANDLER, &["pkg"]);
    pack.write("layers/data.txt", "missing\n");
    pack.write("pack.toml", "[functions.bad]\nlayers = ['data']\n");
    let outcome = pack.command(["zip", "--quiet"]).run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "dist/good-python3.13-x86_64.zip\n");
    let (layer, function) = ("dist/layers/data-python3.13-x86_64.zip", "dist/bad-python3.13-x86_64.zip");
    let said = format!("not built: {function}, {layer}\n");
    assert!(outcome.stderr.ends_with(&said), "{}", outcome.stderr);
    // What is there of an earlier build is not taken for a layer of now.
    pack.write("layers/data.txt", "pkg\n");
    assert_done(&pack.command(["zip", "--quiet"]).run());
    pack.write("layers/data.txt", "missing\n");
    fs::remove_file(pack.path(function)).unwrap();
    assert_eq!(pack.command(["zip", "--quiet"]).run().status, 1);
    assert!(!pack.path(function).exists());
}
