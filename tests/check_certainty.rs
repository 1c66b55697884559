//! An error of `pack check` is certain: what may be no handler, may never be imported or may be found elsewhere after all
//! is a warning; and what certainly fails is an error though its files are all there.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Pack, skip};

const APP: &str = "def handler(event, context):\n    return 1\n";

/// What `pack check` says of a function's folder: `error handler /var/task/app.py: reason (hint)`.
struct Said {
    report: Value,
    findings: Vec<String>,
}

impl Said {
    fn errors(&self) -> Vec<&str> {
        self.findings.iter().map(String::as_str).filter(|finding| finding.starts_with("error ")).collect()
    }

    #[track_caller]
    fn assert_has(&self, start: &str, words: &str) {
        let has = |finding: &String| finding.starts_with(start) && finding.contains(words);
        assert!(self.findings.iter().any(has), "no {start} … {words} among {:#?}", self.findings);
    }
}

fn check(files: &[(&str, &str)], arguments: &[&str]) -> Said {
    let pack = Pack::new();
    for (path, text) in files {
        pack.write(&format!("f/{path}"), text);
    }
    let outcome = pack.command(["check", "f", "--json"]).args(arguments).run();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap().iter().map(|finding| {
        let [severity, check, path, reason, hint] =
            ["severity", "check", "path", "reason", "hint"].map(|key| text(finding, key));
        format!("{severity} {check} {path}: {reason} ({hint})")
    });
    let said = Said { findings: findings.collect(), report };
    assert_eq!(outcome.status, i32::from(!said.errors().is_empty()));
    said
}

/// METADATA and RECORD of a distribution that owns these files.
fn distribution(name: &str, metadata: &str, files: &[&str]) -> Vec<(String, String)> {
    let info = format!("{name}-1.0.dist-info");
    vec![
        (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}")),
        (format!("{info}/RECORD"), files.join(",,\n")),
    ]
}

fn check_with(files: &[(&str, &str)], distribution: &[(String, String)], arguments: &[&str]) -> Said {
    let known = distribution.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    check(&files.iter().copied().chain(known).collect::<Vec<_>>(), arguments)
}

#[test]
fn what_may_be_no_handler_gives_warnings() {
    let real = ("src/app.py", "def lambda_handler(e, c): pass\n");
    for source in ["import flask\nhandler = flask.Flask('x')\n", "import flask\ndef handler(signum, frame): pass\n"] {
        let said = check(&[("server.py", source), real], &[]);
        assert_eq!(said.errors(), [""; 0]);
        said.assert_has("warning handler", "server.handler may be one");
        said.assert_has("warning import-missing /var/task/server.py", "flask");
        assert_eq!(check(&[("server.py", source), real], &["--handler", "server.handler"]).errors().len(), 1);
    }
}

#[test]
fn a_build_goes_on_where_what_may_be_no_handler_is_none() {
    let pack = Pack::new();
    pack.function("app", "import flask\nhandler = flask.Flask('x')\n", &[]);
    pack.write("functions/app/src/real.py", "def lambda_handler(e, c): pass\n");
    let outcome = pack.zip("app").run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: /var/task/app.py: it imports flask"), "{}", outcome.stderr);

    pack.write("functions/app/app.py", "import logging\nhandler = logging.StreamHandler()\n");
    let tested = pack.command(["zip", "app", "--bytecode", "none", "--json"]).run();
    let report = tested.json(0);
    if let Some(reason) = report["imports"]["skipped_reason"].as_str() {
        return skip(reason);
    }
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("app.handler does not load as a handler: it raises TypeError"), "{warnings}");
    let named = pack.command(["zip", "app", "--bytecode", "none", "--handler", "app.handler"]).run();
    assert_eq!(named.status, 1);
    assert!(named.stderr.contains("error: handler app.handler raises TypeError"), "{}", named.stderr);
}

#[test]
fn what_the_functions_own_sources_may_put_on_the_path_is_no_error() {
    for before in [
        "import sys\nsys.path.insert(0, '/mnt/efs/lib')\n",
        "import sys, os\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'deps.zip'))\n",
        "import sys, types\nsys.modules['torch'] = types.ModuleType('torch')\n",
        "import site\nsite.addsitedir(x)\n",
        "import helper\n",
        "try:\n    import unzip_requirements\nexcept ImportError:\n    pass\n",
    ] {
        let files = [
            ("app.py", format!("{before}import torch\n{APP}")),
            ("helper.py", "from sys import path\n".into()),
            ("unzip_requirements.py", "import sys\nsys.path.append('/tmp/sls-py-req')\n".into()),
        ];
        let said = check(&files.each_ref().map(|(path, text)| (*path, text.as_str())), &[]);
        assert_eq!(said.errors(), [""; 0], "{before}");
        said.assert_has("warning import-missing /var/task/app.py", "torch");
    }
    let unmoved = format!("import os\nos.path.join('a')\nimport torch\n{APP}");
    check(&[("app.py", &unmoved)], &[]).assert_has("error import-missing /var/task/app.py", "torch");
}

#[test]
fn a_library_brings_only_what_it_writes_down() {
    let app = format!("import lib, compat_x\n{APP}");
    for (source, severity) in [
        ("import sys\nsys.modules['compat_x'] = sys\n", "warning"),
        ("import sys\nsys.modules['other'] = sys\n", "error"),
    ] {
        let lib = distribution("lib", "", &["lib/__init__.py"]);
        let said = check_with(&[("app.py", &app), ("lib/__init__.py", source)], &lib, &[]);
        said.assert_has(&format!("{severity} import-missing /var/task/app.py"), "compat_x");
    }
}

#[test]
fn a_name_that_a_package_may_have_is_no_submodule() {
    for (init, inner) in [
        ("def __getattr__(name): return 1\n", ""),
        ("from ._inner import *\n", "sub = 1\n"),
        ("from ._inner import *\n", "from os import *\n"),
        ("globals()['s' + 'ub'] = 1\n", ""),
    ] {
        let app = format!("from p import sub\n{APP}");
        let files = [
            ("app.py", app.as_str()),
            ("p/__init__.py", init),
            ("p/_inner.py", inner),
            ("p/sub.py", "import nowhere\n"),
        ];
        assert_eq!(check(&files, &[]).findings, [""; 0], "{init}{inner}");
    }
    let app = format!("from p import sub\n{APP}");
    let files = [
        ("app.py", app.as_str()),
        ("p/__init__.py", "from ._inner import *\n"),
        ("p/_inner.py", "other = 1\n"),
        ("p/sub.py", "import nowhere\n"),
    ];
    check(&files, &[]).assert_has("error import-missing /var/task/p/sub.py", "nowhere");
}

#[test]
fn imports_after_a_raise_and_beside_fixed_modules_count_for_nothing() {
    let app = format!("import time\n{APP}raise SystemExit\nimport nowhere\n");
    let said = check(&[("app.py", &app), ("time.py", "import nowhere\n")], &[]);
    assert_eq!(said.errors(), [""; 0]);
}

#[test]
fn relative_imports_that_cannot_work_are_errors() {
    let app = format!("from .utils import x\n{APP}");
    check(&[("app.py", &app), ("utils.py", "x = 1\n")], &[]).assert_has(
        "error import-missing /var/task/app.py",
        "it imports .utils relative to a package, and there is none",
    );
    let files = [("pkg/__init__.py", ""), ("pkg/app.py", app.as_str())];
    check(&files, &["--handler", "pkg.app.handler"]).assert_has(
        "error import-missing /var/task/pkg/app.py",
        "it imports .utils, and /var/task/pkg/__init__.py has no such",
    );
    // Another part of a namespace may lie in a layer.
    check(&files[1..], &["--handler", "pkg/app.handler"]).assert_has("warning import-missing", "it imports .utils");
    let good = [("pkg/utils.py", "x = 1\n"), ("pkg/app.py", app.as_str())];
    assert_eq!(check(&good, &["--handler", "pkg/app.handler"]).findings, [""; 0]);
}

#[test]
fn a_submodule_that_the_functions_own_package_lacks_is_an_error() {
    let app = format!("import pkg.helpers\nfrom email.mime.text import MIMEText\n{APP}");
    let files = [("app.py", app.as_str()), ("pkg/__init__.py", ""), ("email.py", "x = 1\n")];
    let said = check(&files, &[]);
    said.assert_has("error import-missing /var/task/app.py", "it imports pkg.helpers, and /var/task/pkg/__init__.py");
    said.assert_has("error import-missing /var/task/app.py", "it imports email.mime.text, and /var/task/email.py");
    let moved = [("app.py", app.as_str()), ("pkg/__init__.py", "__path__ = x\n"), ("email.py", "x = 1\n")];
    assert_eq!(check(&moved, &[]).errors(), [""; 0]);
    assert_eq!(check(&files, &["--provided", "pkg", "--provided", "email"]).errors(), [""; 0]);
    let lazy = format!("def f():\n    import pkg.helpers\n{APP}");
    assert_eq!(check(&[("app.py", &lazy), ("pkg/__init__.py", "")], &[]).findings, [""; 0]);
}

#[test]
fn a_source_that_no_python_reads_is_an_error_where_it_is_loaded() {
    let app = format!("import helper\n{APP}");
    let said = check(&[("app.py", &app), ("helper.py", "x\0 = \0 1\0")], &[]);
    assert_eq!(said.errors().len(), 1, "{:#?}", said.findings);
    said.assert_has("error syntax /var/task/helper.py", "NUL bytes");
    assert_eq!(check(&[("app.py", APP), ("helper.py", "x\0")], &[]).findings, [""; 0]);
}

#[test]
fn what_the_targets_python_does_not_compile_is_an_error_where_it_is_loaded() {
    let pack = Pack::new();
    pack.write("empty/app.py", APP);
    let plan = pack.command(["zip", "empty", "--dry-run", "--json"]).run().json(0);
    if plan["compile_interpreter"].is_null() {
        return skip("it takes a CPython 3.13");
    }
    let broken = "def handler(event, context)\n    return 1\n";
    let said = check(&[("app.py", broken), ("unused.py", "x = = 1\n")], &["--handler", "app.handler"]);
    assert_eq!(said.errors().len(), 1, "{:#?}", said.findings);
    said.assert_has(
        "error syntax /var/task/app.py",
        "Python 3.13 does not compile it: SyntaxError: expected ':' (app.py, line 1)",
    );

    pack.function("app", &format!("import helper\n{APP}"), &[]);
    pack.write("functions/app/helper.py", "x = = 1\n");
    for arguments in [&["--no-import-test"][..], &["--no-import-test", "--bytecode", "none"]] {
        let outcome = pack.command(["zip", "app"]).args(arguments).run();
        assert_eq!(outcome.status, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("/var/task/helper.py  [syntax]"), "{}", outcome.stderr);
        assert!(!pack.artifact("app").exists());
    }
    pack.write("functions/app/app.py", APP);
    assert_eq!(pack.command(["zip", "app", "--no-import-test"]).run().status, 0, "a template, which nothing loads");
}

#[test]
fn what_takes_forever_to_compile_ends() {
    // The compiler folds powers of numbers, and takes a long name for each digit of a literal.
    let app = format!("x = {}\n{APP}", "-".repeat(5_000_000) + "1");
    let start = Instant::now();
    assert_eq!(check(&[("app.py", &app)], &[]).errors(), [""; 0]);
    assert!(start.elapsed() < Duration::from_mins(2));
}

#[test]
fn a_handler_that_was_named_makes_its_artifact_a_function() {
    let app = format!("import nope\n{APP}");
    let said = check(&[("python/app.py", &app)], &["--handler", "python/app.handler"]);
    assert_eq!(said.report["parts"][0]["role"], "function");
    said.assert_has("error import-missing /var/task/python/app.py", "nope");
    // A layer that has the handler stays one.
    let said = check(&[("python/app.py", &app)], &["--handler", "app.handler"]);
    assert_eq!(said.report["parts"][0]["role"], "layer");
    said.assert_has("error import-missing /opt/python/app.py", "nope");
    assert_eq!(check(&[("python/app.py", &app)], &[]).findings, [""; 0]);
}

#[test]
fn a_requirement_is_an_error_only_where_its_own_module_is_certain_to_be_imported() {
    let app = format!("import a\n{APP}");
    let files = ["a/__init__.py", "a/inner.py", "tests/__init__.py"];
    let a = distribution("a", "Requires-Dist: colorama\nRequires-Dist: wrapt\n", &files);
    let base = [("a/inner.py", "import wrapt\n"), ("tests/__init__.py", "import pytest\n")];
    // Neither what the handler never imports, nor what another of its files imports in vain.
    let unused = [&base[..], &[("app.py", APP), ("a/__init__.py", "import colorama\n")]].concat();
    assert_eq!(check_with(&unused, &a, &[]).errors(), [""; 0]);
    let lazy = [&base[..], &[("app.py", app.as_str()), ("a/__init__.py", "def f():\n    import colorama\n")]].concat();
    assert_eq!(check_with(&lazy, &a, &[]).errors(), [""; 0]);
    let used = [&base[..], &[("app.py", app.as_str()), ("a/__init__.py", "import colorama\n")]].concat();
    let said = check_with(&used, &a, &[]);
    said.assert_has(
        "error requires-dist",
        "a 1.0 requires colorama, which is not here, and /var/task/a/__init__.py imports",
    );
    said.assert_has("warning requires-dist", "a 1.0 requires wrapt, which is not here (");
}

#[test]
fn thousands_of_requirements_cost_little() {
    let lines: String =
        (0..20_000).map(|number| format!("Requires-Dist: absent{number}\n")).collect::<Vec<_>>().concat();
    let a = distribution("a", &lines, &["a/__init__.py"]);
    let app = format!("import a\n{APP}");
    let start = Instant::now();
    let said = check_with(&[("app.py", &app), ("a/__init__.py", "import os\n")], &a, &[]);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    said.assert_has("warning requires-dist", "more than 4096 requirements");
    assert_eq!(said.findings.len(), 4097);
}

#[test]
fn a_shadow_is_an_error_only_where_a_library_is_certain_to_import_it() {
    let app = format!("import a\n{APP}");
    for (source, severity) in [
        ("def debug():\n    import code\n", "warning"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import code\n", "warning"),
        ("try:\n    import code\nexcept ImportError:\n    pass\n", "warning"),
        ("import code\n", "error"),
    ] {
        let a = distribution("a", "", &["a/__init__.py"]);
        let said = check_with(&[("app.py", &app), ("code.py", "x = 1\n"), ("a/__init__.py", source)], &a, &[]);
        said.assert_has(&format!("{severity} shadows-stdlib /var/task/code.py"), "code");
        let dependency =
            [("app.py", app.as_str()), ("boto3.py", ""), ("a/__init__.py", &source.replace("code", "boto3.x"))];
        check_with(&dependency, &a, &[])
            .assert_has(&format!("{severity} shadows-dependency /var/task/boto3.py"), "boto3");
    }
}

/// A `.pyc` of CPython 3.7 or 3.13.
fn pyc(magic: u16) -> Vec<u8> {
    [&magic.to_le_bytes()[..], b"\r\n", &[0; 12], b"N"].concat()
}

#[test]
fn bytecode_that_nothing_loads_is_no_error_and_is_called_what_it_is() {
    let pack = Pack::new();
    pack.write("f/app.py", APP);
    pack.write("f/fixtures/old.pyc", pyc(3394));
    pack.write("f/app.pyc", pyc(3571));
    pack.write("f/__pycache__/hook-PIL.Image.cpython-313.pyc", pyc(3571));
    pack.write("f/hook-PIL.Image.py", "");
    let outcome = pack.command(["check", "f", "-q", "--python", "3.13"]).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stdout);
    for words in [
        "/var/task/fixtures/old.pyc  [bytecode]\n    1 file of bytecode (17 bytes) of another Python than 3.13 and without a source",
        "/var/task/app.pyc  [bytecode]\n    1 file of bytecode (17 bytes) beside the source, where Python never looks",
    ] {
        assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
    }
    assert!(!outcome.stdout.contains("dead weight\n    hint: leave __pycache__"), "{}", outcome.stdout);
}

/// Files, and the Python and architecture that they say they are for.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[test]
fn the_target_is_what_the_compiled_files_agree_on() {
    let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp39-abi3-manylinux_2_28_aarch64\n";
    let cases: [Case; 4] = [
        (&[("p/a.cpython-312-aarch64-linux-gnu.so", "")], "3.12", "arm64"),
        (&[("p-1.dist-info/WHEEL", wheel)], "3.13", "arm64"),
        (&[("p/a.cpython-312-x86_64-linux-gnu.so", ""), ("p/a.cpython-311-x86_64-linux-gnu.so", "")], "3.13", "x86_64"),
        (&[("p/a.cpython-39-x86_64-linux-gnu.so", "")], "3.13", "x86_64"),
    ];
    for (files, python, architecture) in cases {
        let said = check(&[&[("app.py", APP)], files].concat(), &[]);
        assert_eq!((&said.report["python"], &said.report["architecture"]), (&python.into(), &architecture.into()));
    }
    let given = check(&[("app.py", APP), ("p/a.cpython-312-aarch64-linux-gnu.so", "")], &["--python", "3.11"]);
    assert_eq!((&given.report["python"], &given.report["architecture"]), (&"3.11".into(), &"arm64".into()));
}

#[test]
fn a_target_that_nobody_named_can_be_named() {
    let pack = Pack::new();
    let mut elf = std::fs::read("/bin/sh").unwrap();
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return skip("it takes a 64-bit ELF file");
    }
    // e_machine: AArch64.
    elf[18..20].copy_from_slice(&183_u16.to_le_bytes());
    pack.write("f/app.py", format!("import p\n{APP}"));
    pack.write("f/p/__init__.py", "from . import fast\n");
    pack.write("f/p/fast.so", &elf);
    let said = pack.command(["check", "f", "-q"]).run().stdout;
    assert!(said.contains("or change the function's architecture; or say --arch arm64, if that is"), "{said}");
    for python in [311, 312] {
        std::fs::File::create(pack.path(format!("f/p/other.cpython-{python}-x86_64-linux-gnu.so")))
            .unwrap()
            .write_all(&std::fs::read("/bin/sh").unwrap())
            .unwrap();
    }
    pack.write("f/p/__init__.py", "from . import fast, other\n");
    let said = pack.command(["check", "f", "-q"]).run().stdout;
    assert!(said.contains("or pack; or say --python 3.11, if that is"), "{said}");
    let said = pack.command(["check", "f", "-q", "--python", "3.13", "--arch", "x86_64"]).run().stdout;
    assert!(!said.contains("or say"), "{said}");
}
