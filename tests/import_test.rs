//! Proves what the import test promises: what Lambda would not load is found before it is deployed, what slimming took
//! out by mistake is put back, and package code sees and touches nothing of the builder's.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Outcome, Pack, Run, WheelBuilder, skip, unzip};

const HANDLER: &str = "\n\ndef handler(event, context):\n    return 1\n";

/// A module whose import of `pkg.tests` no reader of sources sees.
const HIDDEN: &[u8] = b"import importlib\n\nVALUE = importlib.import_module('pkg.' + 'te' + 'sts.data').VALUE\n";

/// `pack zip app --json`, with the import test.
fn build(pack: &Pack) -> Run {
    pack.command(["zip", "app", "--bytecode", "none", "--json"])
}

fn app(source: &str, requirements: &[&str]) -> Pack {
    let pack = Pack::new();
    pack.function("app", &format!("{source}{HANDLER}"), requirements);
    pack
}

/// A wheel `pkg` with one module.
fn pkg(source: &str) -> WheelBuilder {
    WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", source.as_bytes())
}

/// Whether this machine can import for the default target at all; says so if not.
fn can_import() -> bool {
    let pack = app("", &[]);
    let report = build(&pack).run().json(0);
    let reason = report["imports"]["skipped_reason"].as_str();
    if let Some(reason) = reason {
        skip(reason);
    }
    reason.is_none()
}

fn warnings(report: &Value) -> String {
    let lines = report["warnings"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn has(pack: &Pack, path: &str) -> bool {
    unzip(&pack.artifact("app")).contains_key(path)
}

#[track_caller]
fn assert_refused(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is not in:\n{}", outcome.stderr);
    }
}

#[test]
fn what_a_rule_took_and_the_handler_needs_is_put_back() {
    if !can_import() {
        return;
    }
    let pack = app("import pkg\n\nassert pkg.VALUE == 7\n", &["pkg", "other"]);
    pack.wheel(
        &WheelBuilder::new("pkg", "1.0")
            .file("pkg/__init__.py", HIDDEN)
            .file("pkg/tests/__init__.py", b"")
            .file("pkg/tests/data.py", b"VALUE = 7\n")
            .file("pkg/docs/guide.rst", b"words"),
    );
    pack.wheel(&WheelBuilder::new("other", "1.0").file("other/__init__.py", b"").file("other/tests/__init__.py", b""));
    let report = build(&pack).run().json(0);
    assert!(has(&pack, "pkg/tests/data.py") && has(&pack, "pkg/tests/__init__.py"));
    assert!(!has(&pack, "other/tests/__init__.py"), "another distribution's tests are none of this one's business");
    assert!(!has(&pack, "pkg/docs/guide.rst"), "another rule's removals stay out");
    insta::assert_snapshot!(warnings(&report), @"put back tests of pkg (10 B): importing app.handler needs pkg.tests");
    assert_eq!(report["imports"]["rescued"][0]["distribution"], "pkg");
    assert_eq!(report["imports"]["rescued"][0]["rule"], "tests");
    // Remembered, with the same bytes and the same words; and the same with nothing remembered.
    let again = build(&pack).run().json(0);
    assert_eq!(again["imports"]["seconds"], Value::Null, "an artifact of the same bytes is not tested again");
    assert_eq!((&again["sha256"], warnings(&again)), (&report["sha256"], warnings(&report)));
    fs::remove_dir_all(pack.cache().join("imports-v1")).unwrap();
    let anew = build(&pack).run().json(0);
    assert!(anew["imports"]["seconds"].is_f64());
    assert_eq!((&anew["sha256"], warnings(&anew)), (&report["sha256"], warnings(&report)));
}

#[test]
fn files_that_are_read_at_import_are_put_back() {
    if !can_import() {
        return;
    }
    let read = "import pathlib\nVALUE = (pathlib.Path(__file__).parent / ('do' + 'cs') / 'a.txt').read_text()\n";
    let pack = app("import pkg\n", &["pkg"]);
    pack.wheel(&pkg(read).file("pkg/docs/a.txt", b"x").file("pkg/tests/__init__.py", b""));
    let report = build(&pack).run().json(0);
    assert!(has(&pack, "pkg/docs/a.txt") && !has(&pack, "pkg/tests/__init__.py"));
    insta::assert_snapshot!(warnings(&report), @"put back documentation and examples of pkg (1 B): importing app.handler needs pkg/docs/a.txt");
}

#[test]
fn what_no_name_explains_brings_the_whole_distribution_back() {
    if !can_import() {
        return;
    }
    // It counts files and says nothing about which.
    let count = "import pathlib\nif len(list(pathlib.Path(__file__).parent.rglob('*.*'))) < 4:\n    raise RuntimeError('incomplete')\n";
    let pack = app("import pkg\n", &["pkg", "other"]);
    pack.wheel(&pkg(count).file("pkg/tests/__init__.py", b"").file("pkg/a.pyi", b"").file("pkg/docs/x.rst", b""));
    pack.wheel(&WheelBuilder::new("other", "1.0").file("other/__init__.py", b"").file("other/a.pyi", b""));
    let report = build(&pack).run().json(0);
    assert!(has(&pack, "pkg/tests/__init__.py") && has(&pack, "pkg/a.pyi") && has(&pack, "pkg/docs/x.rst"));
    assert!(!has(&pack, "other/a.pyi"));
    assert!(warnings(&report).contains("without it app.handler raises RuntimeError: incomplete (in pkg)"));
}

#[test]
fn a_dependency_that_never_loads_is_a_warning_and_brings_nothing_back() {
    if !can_import() {
        return;
    }
    let pack = app("", &["pkg"]);
    pack.wheel(&pkg("raise OSError('no display')\n").file("pkg/tests/__init__.py", b"").file("pkg/a.pyi", b""));
    let report = build(&pack).run().json(0);
    assert!(!has(&pack, "pkg/tests/__init__.py") && !has(&pack, "pkg/a.pyi"));
    insta::assert_snapshot!(warnings(&report), @"pkg cannot be imported: it raises OSError: no display (so it does with everything put back that slimming took out)");
    assert_eq!(report["imports"]["tested"], 2);
    let again = build(&pack).run().json(0);
    assert_eq!(warnings(&again), warnings(&report), "what is remembered is said again");
}

#[test]
fn a_handler_that_does_not_load_is_an_error_and_the_last_artifact_stays() {
    if !can_import() {
        return;
    }
    let pack = app("import pkg\n", &["pkg"]);
    pack.wheel(&pkg("").file("pkg/tests/__init__.py", b""));
    build(&pack).run().json(0);
    let good = fs::read(pack.artifact("app")).unwrap();
    let broken = [
        // Hidden from the check that looks at imports without running them.
        (
            "__import__('nowhere_' + 'to_be_found')\n",
            "handler app.handler raises ModuleNotFoundError: No module named 'nowhere_",
        ),
        ("raise ValueError('first\\nlast')\n", "handler app.handler raises ValueError: last"),
        (
            "from pkg import nothing\n",
            "handler app.handler raises ImportError: cannot import name 'nothing' from 'pkg'",
        ),
        ("import os\nos._exit(0)\n", "handler app.handler ends the process while it is imported (exit status 0)"),
        ("import sys\nsys.exit('bye')\n", "handler app.handler raises SystemExit: bye"),
        ("import ctypes\nctypes.string_at(0)\n", "handler app.handler crashes while it is imported (SIGSEGV, 11) at"),
        ("import os\nTABLE = os.environ['TABLE']\n", "--import-env NAME=VALUE"),
    ];
    for (source, said) in broken {
        pack.write("functions/app/app.py", format!("{source}{HANDLER}"));
        assert_refused(&build(&pack).run(), &[said]);
        assert_eq!(fs::read(pack.artifact("app")).unwrap(), good, "{source}");
    }
    assert_eq!(pack.artifacts().len(), 1, "nothing half made is left");
    assert!(Pack::files(&pack.cache().join("tmp")).is_empty(), "nor a copy");
    let outcome = build(&pack).arg("--import-env").arg("TABLE=orders").run();
    outcome.json(0);
    pack.write("functions/app/app.py", "import os\nos._exit(0)\n\ndef handler(event, context):\n    pass\n");
    let report = build(&pack).arg("--no-import-test").run().json(0);
    assert_eq!(report["imports"]["skipped_reason"], "--no-import-test");
}

#[test]
fn a_handler_has_to_be_callable() {
    if !can_import() {
        return;
    }
    let pack = Pack::new();
    // What the check of the source cannot tell.
    pack.function("app", "handler = int('1')\n", &[]);
    assert_refused(
        &build(&pack).arg("--handler").arg("app.handler").run(),
        &["handler app.handler raises TypeError: app.handler cannot be called: it is of type int"],
    );
}

#[test]
fn a_package_that_wants_what_nobody_required_is_no_warning() {
    if !can_import() {
        return;
    }
    let pack = app("import pkg\n", &["pkg"]);
    let driver = b"from pkg_extra.manager import connect\n";
    pack.wheel(&pkg("").file("pkg_driver/__init__.py", driver).file("pkg/tests/__init__.py", b""));
    let report = build(&pack).run().json(0);
    assert_eq!(report["warnings"], serde_json::json!([]));
    let wanted =
        serde_json::json!([{ "module": "pkg_driver", "reason": "it wants pkg_extra, which is not installed" }]);
    assert_eq!(report["imports"]["optional"], wanted);
}

#[test]
fn each_module_fails_for_itself() {
    if !can_import() {
        return;
    }
    let pack = app("", &["aborts", "exits", "prints", "raises", "good"]);
    let modules = [
        ("aborts", "import os\nos.abort()\n"),
        ("exits", "import os\nos._exit(3)\n"),
        (
            "prints",
            "import sys\nfor stream in sys.stdout, sys.stderr:\n    stream.write('{\"index\":1}\\n' * 2_000_000)\n",
        ),
        ("raises", "raise RuntimeError('x' * 10_000_000)\n"),
        ("good", "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n"),
    ];
    for (name, source) in modules {
        pack.wheel(&WheelBuilder::new(name, "1.0").file(&format!("{name}/__init__.py"), source.as_bytes()));
    }
    let start = Instant::now();
    let report = build(&pack).run().json(0);
    assert!(start.elapsed() < Duration::from_mins(1), "a thread that does not end keeps nobody waiting");
    let warnings = warnings(&report);
    assert!(warnings.contains("aborts cannot be imported: it crashes while it is imported (SIGABRT, 6)"), "{warnings}");
    assert!(warnings.contains("exits cannot be imported: it ends the process while it is imported (exit status 3)"));
    assert!(warnings.contains("raises cannot be imported: it raises RuntimeError: xxx"));
    assert!(!warnings.contains("prints") && !warnings.contains("good"), "{warnings}");
    assert!(warnings.len() < 10_000, "what packages say is cut");
}

#[test]
fn nothing_of_the_builder_can_be_seen_or_touched() {
    if !can_import() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    // What it may not do makes it fail; the assertions are the package's own.
    let source = format!(
        r#"
import os, socket, sys

assert "A_SECRET" not in os.environ, "environment"
assert "s3cret" not in repr(os.environ), "environment"
assert not [name for name in os.environ if name.startswith(("PYTHON", "PIP_", "PACK_"))], "environment"
assert os.environ["AWS_REGION"] and os.environ["AWS_SECRET_ACCESS_KEY"].endswith("EXAMPLEKEY"), "Lambda's"
assert os.environ["LAMBDA_TASK_ROOT"] == os.getcwd() == sys.path[0], "task root"
assert os.path.dirname(os.path.dirname(os.path.abspath(__file__))) == os.getcwd(), "place"
assert sys.path[1].endswith("/opt/python/lib/python3.13/site-packages"), "path"
assert sys.path[2].endswith("/opt/python") and sys.path[-1].endswith("/var/runtime"), "path"
assert not [path for path in sys.path[3:-1] if "site-packages" in path], "site-packages"
assert "LD_LIBRARY_PATH" in os.environ and "/var/task/lib" in os.environ["LD_LIBRARY_PATH"], "libraries"
assert "json" not in sys.modules and "ctypes" not in sys.modules, "loaded before"
for module in ("pip", "setuptools", "sneaked"):
    try:
        __import__(module)
    except ModuleNotFoundError:
        continue
    raise AssertionError(module)
for path in (__file__, __file__ + ".new", os.path.join(os.getcwd(), "new")):
    try:
        open(path, "a")
    except OSError:
        continue
    assert os.getuid() == 0 and os.getppid() != 1, "read-only"
open(os.path.join(os.environ["TMPDIR"], "x"), "w").close()
open(os.path.expanduser("~/x"), "w").close()
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", {port}), 5),
    lambda: socket.create_connection(("192.0.2.1", 80), 5),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 80)),
    lambda: socket.getaddrinfo("example.com", 80),
):
    try:
        attempt()
    except TimeoutError:
        raise AssertionError("network")
    except OSError:
        continue
    raise AssertionError("network")
"#
    );
    let pack = app("import pkg\n", &["pkg"]);
    pack.wheel(&pkg(&source));
    pack.write("sneaked.py", "");
    let run = build(&pack).env("A_SECRET", "s3cret").env("AWS_SECRET_ACCESS_KEY", "s3cret");
    let run = run.env("PYTHONPATH", pack.path("")).env("LD_PRELOAD_PATH", "s3cret");
    assert_eq!(warnings(&run.run().json(0)), "");
    assert!(listener.accept().is_err(), "something came through");
}

#[test]
fn a_file_that_shadows_the_standard_library_does_so_here_too() {
    if !can_import() {
        return;
    }
    let pack = app("import tempfile\n", &[]);
    pack.write("functions/app/random.py", "raise RuntimeError('shadowed')\n");
    assert_refused(&build(&pack).run(), &["raises RuntimeError: shadowed (in random)"]);
}

#[test]
fn what_the_user_excluded_stays_out_and_is_named() {
    if !can_import() {
        return;
    }
    let pack = app("import pkg\n", &["pkg"]);
    pack.wheel(&pkg("from . import core\n").file("pkg/core.py", b"").file("pkg/tests/__init__.py", b""));
    assert_refused(
        &build(&pack).arg("--exclude").arg("pkg/core.py").run(),
        &["raises ImportError: cannot import name 'core' from", "--exclude took out pkg/core.py; exclude less"],
    );
    pack.write("functions/app/app.py", HANDLER);
    let report = build(&pack).arg("--exclude").arg("pkg/core.py").run().json(0);
    assert!(warnings(&report).contains("(--exclude took out pkg/core.py)"), "{}", warnings(&report));
}

#[test]
fn what_is_left_to_the_runtime_is_there_as_it_is_in_lambda() {
    if !can_import() {
        return;
    }
    let source = "import boto3\nassert boto3.__file__.endswith('/var/runtime/boto3/__init__.py'), boto3.__file__\n";
    let pack = app(source, &["boto3"]);
    pack.wheel(&WheelBuilder::new("boto3", "1.40.0").file("boto3/__init__.py", b"").file("bin/x", b""));
    let report = build(&pack).arg("--no-bundle-sdk").run().json(0);
    assert_eq!(warnings(&report), "");
    assert_eq!(report["imports"]["undecided"], serde_json::json!([]));
    // Without a wheel of it, this machine cannot tell, and says so.
    let pack = app("import boto3\n", &[]);
    let report = build(&pack).run().json(0);
    let undecided = &report["imports"]["undecided"][0];
    assert_eq!(undecided["module"], "app.handler");
    assert_eq!(undecided["reason"], "it needs boto3, which the Lambda runtime ships and this artifact does not");
}

#[test]
fn another_architecture_is_not_tested_and_says_so() {
    let pack = app("", &[]);
    let report = build(&pack).arg("--arch").arg("arm64").run().json(0);
    if std::env::consts::ARCH == "aarch64" {
        return skip("arm64 runs natively here");
    }
    let reason = report["imports"]["skipped_reason"].as_str().unwrap();
    assert!(reason.contains("Linux aarch64 does not run here") || reason.contains("there is no CPython"), "{reason}");
    let outcome = build(&pack).arg("--import-command").arg("no-such-program -x").run();
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("there is no program no-such-program"), "{}", outcome.stderr);
}

/// What `pack check --import` says of a folder: its exit status, and `check: reason` of every finding of the import test.
fn check(pack: &Pack, paths: &[&str]) -> (i32, Vec<String>, Value) {
    let outcome = pack.command(["check", "--import", "--json"].iter().chain(paths)).run();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    let found = report["findings"].as_array().unwrap().iter();
    let found = found.filter(|finding| finding["check"].as_str().unwrap().starts_with("import-"));
    let text =
        |finding: &Value| format!("{}: {}", finding["path"].as_str().unwrap(), finding["reason"].as_str().unwrap());
    (outcome.status, found.map(text).collect(), report)
}

#[test]
fn check_imports_what_others_built() {
    if !can_import() {
        return;
    }
    let pack = Pack::new();
    pack.write("built/app.py", format!("import pkg, shared, boto3_not_needed{HANDLER}"));
    pack.write("built/boto3_not_needed.py", "");
    pack.write("built/script.py", "raise SystemExit('the function has it, and never imports it')");
    pack.write("built/pkg/__init__.py", "import shared");
    pack.write("built/optional/__init__.py", "import nowhere_to_be_found");
    pack.write("layer/python/shared.py", "import os\nassert '/opt/python/' in __file__\n");
    let before = Pack::files(&pack.path(""));
    let (status, found, report) = check(&pack, &["built", "layer"]);
    assert_eq!(status, 0, "{report}");
    assert_eq!(found, [""; 0]);
    assert_eq!(report["imports"]["optional"][0]["module"], "optional");
    assert_eq!(report["imports"]["tested"], 4);
    assert_eq!(Pack::files(&pack.path("")), before, "the user's folder stays as it is");
    // Without its layer, and with a library that is not there.
    let (status, found, _) = check(&pack, &["built"]);
    assert_eq!(status, 1);
    assert!(found[0].starts_with("/var/task/app.py: the handler app.handler raises ModuleNotFoundError"), "{found:?}");
    pack.write("built/optional/__init__.py", "import ctypes\nctypes.CDLL('libnowhere.so.1')\n");
    let (status, found, report) = check(&pack, &["built", "layer"]);
    assert_eq!((status, report["errors"].as_u64()), (1, Some(1)));
    assert!(found[0].contains("libnowhere.so.1: cannot open shared object file"), "{found:?}");
    // What the runtime ships is no failure.
    pack.write("built/optional/__init__.py", "import boto3\n");
    let (status, found, report) = check(&pack, &["built", "layer"]);
    assert_eq!((status, found.len(), &report["imports"]["undecided"][0]["module"]), (0, 0, &"optional".into()));
}

#[test]
fn numpy_and_pandas_pass() {
    if !can_import() {
        return;
    }
    let pack = app("import pandas\n\nassert pandas.DataFrame({'a': [1, 2]}).a.sum() == 3\n", &["numpy", "pandas"]);
    let report = pack.with_the_index(["zip", "app", "--json"]).run().json(0);
    assert_eq!(report["imports"]["undecided"], serde_json::json!([]));
    assert_eq!(report["imports"]["rescued"], serde_json::json!([]));
    assert_eq!(warnings(&report), "");
    assert!(report["imports"]["tested"].as_u64().unwrap() >= 5);
}

/// Modules that loaded are not imported again for another handler, unless a file of the function's own was in their way.
#[test]
fn another_handler_is_imported_alone() {
    if !can_import() {
        return;
    }
    let pack = app("", &["pkg", "other"]);
    pack.wheel(&pkg("try:\n    import extra\nexcept ImportError:\n    pass\n"));
    pack.wheel(&WheelBuilder::new("other", "1.0").file("other/__init__.py", b""));
    let tested = || {
        let outcome = pack.command(["zip", "app", "-v"]).run();
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let line = outcome.stderr.lines().find(|line| line.starts_with("import test: ")).unwrap().to_owned();
        line.split(" with ").next().unwrap().to_owned()
    };
    let change = |name: &str, source: &str| fs::write(pack.path(format!("functions/app/{name}")), source).unwrap();
    assert_eq!(tested(), "import test: 3 modules");
    change("app.py", &format!("VALUE = 2\n{HANDLER}"));
    assert_eq!(tested(), "import test: 1 modules (2 more loaded before)");
    let report = build(&pack).run().json(0);
    assert_eq!(report["imports"]["tested"], 3, "what was found earlier counts");
    change("extra.py", "VALUE = 1\n");
    assert_eq!(tested(), "import test: 3 modules", "a new name may be imported by anybody");
    change("extra.py", "raise SystemError('broken')\n");
    assert_eq!(tested(), "import test: 2 modules (1 more loaded before)", "pkg takes extra from the function");
    assert!(warnings(&build(&pack).run().json(0)).contains("pkg cannot be imported: it raises SystemError: broken"));
    // Data counts as well.
    change("settings.ini", "");
    pack.wheel(&pkg("import pathlib\nassert pathlib.Path('settings.ini').read_text() == ''\n"));
    fs::remove_file(pack.path("functions/app/extra.py")).unwrap();
    assert_eq!(tested(), "import test: 3 modules");
    change("settings.ini", "x");
    assert_eq!(tested(), "import test: 2 modules (1 more loaded before)");
    pack.wheel(&pkg(""));
    // What the handler loads is not known to load without it.
    change("extra.py", "");
    tested();
    change("extra.py", "VALUE = 3\n");
    change("app.py", &format!("import other\n{HANDLER}"));
    change("new.py", "");
    tested();
    change("app.py", &format!("VALUE = 3\n{HANDLER}"));
    assert_eq!(tested(), "import test: 2 modules (1 more loaded before)", "other was seen with the handler alone");
}
