//! What `pack check` says of libraries against what this machine's loader says of the same files.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::process::Command;

use pack::elf::{dynamic, needed};
use support::{Pack, skip};

const LIBRARY: &str = "int one(void) { return 1; }\nint two(void) { return 2; }\n";
const VERSIONS: &str = "V_1 { global: one; local: *; };\nV_2 { global: two; } V_1;\n";
const MODULE: &str = "#include <stdio.h>\nint one(void);\nint two(void);\n\
                      void *PyInit_m(void) { puts(\"\"); return one() + two() ? (void *)0 : (void *)0; }\n";

/// A function with the package `p`, in which an extension module needs `libdep.so` and, using nothing of it, `libidle.so`.
struct Case {
    pack: Pack,
}

impl Case {
    /// `None`, and said so, where there is no compiler or no Python to ask the loader through.
    fn new(versioned: bool) -> Option<Self> {
        let case = Self { pack: Pack::new() };
        case.pack.write("f/app.py", "import p.m\n\n\ndef handler(event, context):\n    return 1\n");
        case.pack.write("f/p/__init__.py", "");
        case.pack.write("m.c", MODULE);
        case.pack.write("idle.c", "int idle(void) { return 0; }\n");
        let has = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
        if !has("cc") || !has("python3") || !cfg!(target_os = "linux") {
            skip("it takes Linux, a C compiler and python3");
            return None;
        }
        case.library(LIBRARY, versioned.then_some(VERSIONS));
        case.compile(&["-shared", "-Wl,-soname,libidle.so", "-o", "f/p/libidle.so", "idle.c"]);
        let link = ["-Lf/p", "-Wl,--no-as-needed", "-lidle", "-ldep", "-Wl,-rpath,$ORIGIN"];
        case.compile(&[&["-shared", "-o", "f/p/m.abi3.so", "m.c"], &link[..]].concat());
        Some(case)
    }

    /// Compiles `libdep.so` anew, under the module that was linked with another one.
    fn library(&self, source: &str, versions: Option<&str>) {
        self.pack.write("dep.c", source);
        let mut arguments = vec!["-shared", "-Wl,-soname,libdep.so", "-o", "f/p/libdep.so", "dep.c"];
        if let Some(versions) = versions {
            self.pack.write("dep.map", versions);
            arguments.push("-Wl,--version-script=dep.map");
        }
        self.compile(&arguments);
    }

    fn compile(&self, arguments: &[&str]) {
        let mut compiler = Command::new("cc");
        let status = compiler.arg("-fPIC").args(arguments).current_dir(self.pack.path("")).status().unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    /// The checks that find an error, and what the loader says, nothing if it is content.
    fn verdicts(&self) -> (Vec<String>, String) {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let run = self.pack.command(["check", "f", "--json", "--python", "3.13", "--arch", architecture]).run();
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let errors = findings.iter().filter(|finding| finding["severity"] == "error");
        let errors = errors.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect();

        // RTLD_NOW, as Python opens its extension modules.
        let code = "import ctypes, os, sys\n\
                    try:\n    ctypes.CDLL(sys.argv[1], os.RTLD_NOW)\n\
                    except OSError as error:\n    print(error)\n";
        let loader = Command::new("python3").args(["-c", code]).arg(self.pack.path("f/p/m.abi3.so")).output().unwrap();
        assert!(loader.status.success());
        (errors, String::from_utf8(loader.stdout).unwrap().trim().to_owned())
    }
}

#[test]
fn what_the_loader_takes_has_no_error() {
    for versioned in [false, true] {
        let Some(case) = Case::new(versioned) else { return };
        assert_eq!(case.verdicts(), (vec![], String::new()));
    }
}

#[test]
fn a_library_that_is_gone() {
    let Some(case) = Case::new(false) else { return };
    fs::remove_file(case.pack.path("f/p/libdep.so")).unwrap();
    let (errors, loader) = case.verdicts();
    assert_eq!(errors, ["library-missing"]);
    assert!(loader.contains("libdep.so: cannot open shared object file"), "{loader}");
}

#[test]
fn a_symbol_that_is_gone() {
    let Some(case) = Case::new(false) else { return };
    case.library("int one(void) { return 1; }\n", None);
    let (errors, loader) = case.verdicts();
    assert_eq!(errors, ["symbol-missing"]);
    assert!(loader.contains("undefined symbol: two"), "{loader}");
}

#[test]
fn a_version_that_is_gone() {
    let Some(case) = Case::new(true) else { return };
    case.library(LIBRARY, Some("V_1 { global: one; two; local: *; };\n"));
    let (errors, loader) = case.verdicts();
    assert_eq!(errors, ["library-version"]);
    assert!(loader.contains("version `V_2' not found"), "{loader}");
}

#[test]
fn a_need_that_is_dropped_is_no_longer_looked_for() {
    let Some(case) = Case::new(true) else { return };
    fs::remove_file(case.pack.path("f/p/libidle.so")).unwrap();
    let (errors, loader) = case.verdicts();
    assert_eq!(errors, ["library-missing"]);
    assert!(loader.contains("libidle.so: cannot open"), "{loader}");

    let path = case.pack.path("f/p/m.abi3.so");
    let bytes = fs::read(&path).unwrap();
    let changed = needed::drop(&bytes, &["libidle.so"]).unwrap();
    fs::write(&path, &changed).unwrap();
    assert_eq!(case.verdicts(), (vec![], String::new()));
    assert_eq!(dynamic::read(&changed).unwrap().needed.len(), dynamic::read(&bytes).unwrap().needed.len() - 1);
    // One whose version it asks for has to stay: the loader would fail an assertion.
    assert_eq!(needed::drop(&bytes, &["libdep.so"]), Err(needed::Undropped::Versioned("libdep.so".into())));
}
