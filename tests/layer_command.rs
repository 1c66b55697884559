//! Proves what `pack layer` promises: what it takes and where it puts it, that its bytecode is valid where Lambda unpacks
//! layers, that it imports what it built and puts back what is needed, that what the layer's users need stays, and that the
//! same input gives the same bytes.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use support::{Pack, Run, WheelBuilder, assert_fails, paths, skip, unzip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// `pack layer NAME --bytecode none --no-import-test --json`.
fn layer(pack: &Pack, name: &str) -> Run {
    pack.command(["layer", name, "--bytecode", "none", "--no-import-test", "--json"])
}

fn artifact(pack: &Pack, name: &str) -> PathBuf {
    pack.path(format!("dist/layers/{name}-python3.13-x86_64.zip"))
}

fn warnings(report: &Value) -> String {
    let lines = report["warnings"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// The interpreter that compiles for the default target; says so where there is none.
fn interpreter(pack: &Pack, name: &str) -> Option<PathBuf> {
    let plan = pack.command(["layer", name, "--dry-run", "--json"]).run().json(0);
    let found = plan["compile_interpreter"].as_str().map(PathBuf::from);
    if found.is_none() {
        skip("no CPython 3.13 on this machine");
    }
    found
}

/// A layer `data` of the wheel `pkg` with files of its own.
fn project() -> Pack {
    let pack = Pack::new();
    pack.wheel(
        &WheelBuilder::new("pkg", "1.0")
            .file("pkg/__init__.py", b"from .inner import where\n")
            .file("pkg/inner.py", b"def where():\n    return [where.__code__ for _ in (1,)]\n")
            .file("pkg/py.typed", b"")
            .file("pkg-1.0.data/scripts/tool.sh", b"#!/bin/sh\n")
            .file("pkg-1.0.data/data/share/pkg/words.txt", b"words"),
    );
    pack.write("layers/data.txt", "pkg\n");
    pack.write(
        "layers/data/python/own.py",
        "import pkg\n\n\nclass Own:\n    def where(self):\n        return pkg.where()\n",
    );
    pack.write("layers/data/lib/libown.so.1", "no library");
    pack.write("layers/data/bin/run.py", "#!/var/lang/bin/python3\n");
    fs::set_permissions(pack.path("layers/data/bin/run.py"), fs::Permissions::from_mode(0o700)).unwrap();
    pack.write("layers/data/.packignore", "*.md\n");
    pack.write("layers/data/notes.md", "");
    pack
}

const OWN: &[&str] = &["bin/run.py", "lib/libown.so.1", "python/own.py"];

#[test]
fn distributions_lie_in_python_and_own_files_where_they_say() {
    let pack = project();
    let report = layer(&pack, "data").run().json(0);
    assert_eq!(report["layer"], "data");
    assert_eq!((&report["function"], &report["handler"]), (&Value::Null, &Value::Null));
    assert_eq!(report["path"], "dist/layers/data-python3.13-x86_64.zip");
    let of_pkg = |folder: &str| {
        ["bin/tool.sh", "pkg-1.0.dist-info/METADATA", "pkg-1.0.dist-info/RECORD", "pkg-1.0.dist-info/WHEEL"]
            .iter()
            .chain(&["pkg/__init__.py", "pkg/inner.py", "share/pkg/words.txt"])
            .map(|path| format!("{folder}/{path}"))
            .collect::<Vec<_>>()
    };
    let mut expected: Vec<String> = OWN.iter().map(|path| (*path).to_owned()).chain(of_pkg("python")).collect();
    expected.sort();
    assert_eq!(paths(&artifact(&pack, "data")), expected);
    let files = unzip(&artifact(&pack, "data"));
    assert!(files["bin/run.py"].executable && files["python/bin/tool.sh"].executable);
    assert!(!files["lib/libown.so.1"].executable && !files["python/own.py"].executable);
    let record = files["python/pkg-1.0.dist-info/RECORD"].text();
    assert!(record.contains("pkg/inner.py,,\n") && !record.contains("python/"), "as seen from python/: {record}");
    let stubs: Vec<&Value> = report["removed"].as_array().unwrap().iter().map(|removal| &removal["path"]).collect();
    assert_eq!(stubs, ["python/pkg-1.0.dist-info/RECORD", "python/pkg/py.typed"], "paths of the ZIP");
    let parts: Vec<&Value> = report["parts"].as_array().unwrap().iter().map(|part| &part["name"]).collect();
    assert_eq!(parts, ["pkg", "layer"]);

    let report = layer(&pack, "data").arg("--versioned").run().json(0);
    assert_eq!(report["path"], "dist/layers/data-python3.13-x86_64.zip");
    let mut expected: Vec<String> = OWN.iter().map(|path| (*path).to_owned()).collect();
    expected.extend(of_pkg("python/lib/python3.13/site-packages"));
    expected.sort();
    assert_eq!(paths(&artifact(&pack, "data")), expected, "own files stay where they are");
    // What a check says of it from outside.
    let checked = pack.command(["check", "dist/layers/data-python3.13-x86_64.zip", "--json"]).run().json(0);
    assert_eq!((&checked["parts"][0]["role"], &checked["errors"]), (&json!("layer"), &json!(0)), "{checked:#}");
}

#[test]
fn a_layer_is_a_name_a_folder_a_file_or_requirements() {
    let pack = project();
    pack.write("layers/tools/bin/run.sh", "");
    pack.write("elsewhere/more/requirements.txt", "pkg\n");
    pack.write("elsewhere/more/python/more.py", "");
    pack.write("elsewhere/reqs.txt", "pkg\n");
    let cases: &[(&[&str], &str, bool, usize)] = &[
        (&["layers/data.txt"], "data", true, 3),
        (&["layers/data"], "data", true, 3),
        (&["tools"], "tools", false, 1),
        (&["elsewhere/more"], "more", true, 1),
        (&["elsewhere/reqs.txt"], "reqs", true, 0),
        (&["-r", "elsewhere/reqs.txt", "--name", "named"], "named", true, 0),
        (&["tools", "-r", "elsewhere/reqs.txt"], "tools", true, 1),
    ];
    for (arguments, name, has_pkg, own) in cases {
        let run = pack.command(["layer", "--bytecode", "none", "--no-import-test", "--json"]).args(*arguments).run();
        let report = run.json(0);
        assert_eq!(report["layer"], *name);
        let paths = paths(&artifact(&pack, name));
        assert_eq!(paths.contains(&"python/pkg/inner.py".to_owned()), *has_pkg, "{arguments:?}");
        let of_pkg = paths.iter().filter(|path| path.contains("pkg") || path.ends_with("tool.sh")).count();
        assert_eq!(paths.len() - of_pkg, *own, "{arguments:?}: {paths:?}");
        assert_eq!(warnings(&report), "", "{arguments:?}");
    }
    let all = pack.command(["layer", "--bytecode", "none", "--no-import-test", "-q", "--output", "out"]).run();
    assert_eq!(all.stdout, "out/data-python3.13-x86_64.zip\nout/tools-python3.13-x86_64.zip\n", "{}", all.stderr);
}

#[test]
fn wrong_usage_says_what_to_do() {
    let pack = project();
    fs::create_dir(pack.path("layers/empty")).unwrap();
    pack.write("layers/plain/python", "a file");
    pack.write("layers/plain.txt", "pkg\n");
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["dta"], 2, &["error: there is no layer \"dta\"", "hint: layers here: data, empty, plain; or give the path"]),
        (&["-r", "layers/data.txt"], 2, &["nothing says which", "hint: add --name NAME"]),
        (&["data", "--name", "other", "-r", "layers/data.txt"], 2, &["cannot be used with"]),
        (&["--name", "other"], 2, &["--requirement"]),
        (&["--name", "a/b", "-r", "layers/data.txt"], 2, &["--name: \"a/b\" cannot be the name of a file"]),
        (&["data", "-r", "none.txt"], 2, &["error: there is no file none.txt"]),
        (&["data", "--for", "nobody"], 2, &["error: there is no function \"nobody\""]),
        (&["data", "plain", "--output", "one.zip"], 2, &["error: two layers would be written to one.zip"]),
        (&["plain"], 1, &["error: python is a file in the layer and a folder in pkg 1.0"]),
    ];
    for (arguments, status, said) in cases {
        let run = pack.command(["layer", "--bytecode", "none", "--no-import-test"]).args(*arguments);
        assert_fails(&run.run(), *status, said);
    }
    let said = &["error: there is no layers/ folder with layers here", "hint: write the requirements"];
    assert_fails(&Pack::new().command(["layer"]).run(), 2, said);
    assert_eq!(Pack::files(&pack.path("dist")), [""; 0], "nothing was written");
}

#[test]
fn globs_mean_paths_of_the_zip_or_of_a_distribution() {
    let pack = project();
    pack.write("layers/data/python/pkg/inner.py", "OWN = 1\n");
    let run = layer(&pack, "data").args(["--keep", "python/pkg/*.typed", "--exclude", "share", "--exclude", "lib/**"]);
    let report = run.run().json(0);
    let files = unzip(&artifact(&pack, "data"));
    assert!(files.contains_key("python/pkg/py.typed"));
    assert!(!files.contains_key("python/share/pkg/words.txt") && !files.contains_key("lib/libown.so.1"));
    assert_eq!(files["python/pkg/inner.py"].text(), "OWN = 1\n");
    let said =
        "python/pkg/inner.py is in pkg 1.0 and in the layer; the artifact has the one of the layer, as pip would";
    assert_eq!(warnings(&report), said);
}

#[test]
fn a_dry_run_says_what_would_be_built() {
    let pack = project();
    let outcome = pack.command(["layer", "data", "--dry-run"]).run();
    let text: Vec<&str> = outcome.stdout.lines().take(4).collect();
    assert_eq!(
        text,
        ["layer         data (layers/data, 3 files)", "  bin/run.py", "  lib/libown.so.1", "  python/own.py"]
    );
    assert!(outcome.stdout.contains("output        dist/layers/data-python3.13-x86_64.zip\n"), "{}", outcome.stdout);
    let plan = pack.command(["layer", "data", "--dry-run", "--json"]).run().json(0);
    assert_eq!((&plan["layer"], &plan["layer_files"]), (&json!("data"), &json!(OWN)));
    assert_eq!(plan["function"], Value::Null);
    assert_eq!(Pack::files(&pack.path("dist")), [""; 0]);
}

/// Says of every `.pyc` below a folder that stands for /opt: its path, whether it is unchecked bytecode of the source
/// beside it, and the one path that all code in it has.
const LOOK: &str = "\
import importlib.util, marshal, pathlib, sys, types
root = pathlib.Path(sys.argv[1])
def names(code):
    yield code.co_filename
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from names(value)
for path in sorted(root.rglob('*.pyc')):
    data = path.read_bytes()
    source = pathlib.Path(importlib.util.source_from_cache(path)) if '__pycache__' in str(path) else None
    assert data[:4] == importlib.util.MAGIC_NUMBER and data[4:8] == bytes([1, 0, 0, 0]), path
    assert not source or data[8:16] == importlib.util.source_hash(source.read_bytes()), path
    print(path.relative_to(root), *sorted(set(names(marshal.loads(data[16:])))))
";

#[test]
fn bytecode_has_the_path_under_opt() {
    let pack = project();
    let Some(python) = interpreter(&pack, "data") else { return };
    let look = |name: &str, arguments: &[&str]| {
        let run = pack.command(["layer", "data", "--json"]).args(arguments).run();
        assert_eq!(run.json(0)["bytecode_interpreter"].as_str().unwrap().split('.').nth(1), Some("13"));
        let folder = pack.path(name);
        for (path, file) in unzip(&artifact(&pack, "data")) {
            pack.write(&format!("{name}/{path}"), &file.bytes);
        }
        let output = Command::new(&python).args(["-I", "-S", "-B", "-c", LOOK]).arg(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    insta::assert_snapshot!(look("plain", &[]), @r"
    python/__pycache__/own.cpython-313.pyc /opt/python/own.py
    python/pkg/__pycache__/__init__.cpython-313.pyc /opt/python/pkg/__init__.py
    python/pkg/__pycache__/inner.cpython-313.pyc /opt/python/pkg/inner.py
    ");
    insta::assert_snapshot!(look("versioned", &["--versioned"]), @r"
    python/__pycache__/own.cpython-313.pyc /opt/python/own.py
    python/lib/python3.13/site-packages/pkg/__pycache__/__init__.cpython-313.pyc /opt/python/lib/python3.13/site-packages/pkg/__init__.py
    python/lib/python3.13/site-packages/pkg/__pycache__/inner.cpython-313.pyc /opt/python/lib/python3.13/site-packages/pkg/inner.py
    ");
    insta::assert_snapshot!(look("only", &["--bytecode", "only"]), @r"
    python/__pycache__/own.cpython-313.pyc /opt/python/own.py
    python/pkg/__init__.pyc /opt/python/pkg/__init__.py
    python/pkg/inner.pyc /opt/python/pkg/inner.py
    ");
}

/// Real wheels, one of them with libraries; and a function of the same wheels, which shares what is kept of them.
#[test]
fn the_same_input_gives_the_same_bytes_whatever_is_cached() {
    let project = || {
        let pack = project();
        pack.write("layers/data.txt", "six==1.17.0\nattrs==25.4.0\nnumpy==2.3.5\n");
        pack.write("layers/data/python/own.py", "import numpy\n");
        pack.function("app", HANDLER, &["six==1.17.0", "attrs==25.4.0", "numpy==2.3.5"]);
        pack
    };
    let build = |pack: &Pack, arguments: &[&str]| {
        let run = pack.with_the_index(arguments).args(["--json"]).env("PACK_CACHE_DIR", pack.cache());
        let report = run.run().json(0);
        assert_eq!(warnings(&report), "", "{arguments:?}");
        report["sha256"].as_str().unwrap().to_owned()
    };
    let (first, second) = (project(), project());
    let layer = build(&first, &["layer", "data", "--jobs", "2"]);
    let function = build(&first, &["zip", "app", "--jobs", "1"]);
    let versioned = build(&first, &["layer", "data", "--versioned", "--jobs", "1"]);
    assert_eq!(build(&first, &["layer", "data", "--jobs", "1"]), layer, "warm cache, one thread");
    assert_eq!(build(&second, &["zip", "app", "--jobs", "2"]), function, "the function first, two threads");
    assert_eq!(build(&second, &["layer", "data", "--versioned", "--jobs", "2"]), versioned, "another order");
    assert_eq!(build(&second, &["layer", "data", "--jobs", "1"]), layer, "cold bytecode, warm members");
    // What is stripped and packed is kept once: three places of bytecode, one of members.
    let kept = Pack::files(&first.cache().join("members-v2"));
    let variants = |start: &str| kept.iter().filter(|path| path.split('/').nth(1).unwrap().starts_with(start)).count();
    assert_eq!((variants("strip"), variants("bytecode")), (3, 9), "{kept:#?}");
}

#[test]
fn what_is_left_out_or_laid_down_is_what_a_function_would_have() {
    let pack = project();
    pack.function("app", HANDLER, &["numpy==2.3.5", "requests==2.32.5"]);
    pack.write("layers/data.txt", "numpy==2.3.5\nrequests==2.32.5\n");
    let zip = pack.with_the_index(["zip", "app", "--bytecode", "none", "--no-import-test", "-q"]).run();
    assert_eq!(zip.status, 0, "{}", zip.stderr);
    let layer = pack.with_the_index(["layer", "data", "--bytecode", "none", "--no-import-test", "-q"]).run();
    assert_eq!(layer.status, 0, "{}", layer.stderr);
    let mut function = unzip(&pack.artifact("app"));
    function.remove("app.py");
    let mut layer = unzip(&artifact(&pack, "data"));
    layer.retain(|path, _| !OWN.contains(&path.as_str()));
    assert_eq!(layer.len(), function.len());
    for (path, file) in function {
        assert!(layer.get(&format!("python/{path}")) == Some(&file), "{path}");
    }
}

/// Whether this machine can import for the default target at all; says so if not.
fn can_import(pack: &Pack) -> bool {
    let report = pack.command(["layer", "data", "--bytecode", "none", "--json"]).run().json(0);
    let reason = report["imports"]["skipped_reason"].as_str();
    if let Some(reason) = reason {
        skip(reason);
    }
    reason.is_none()
}

#[test]
fn packages_and_own_modules_are_imported_and_get_back_what_they_need() {
    let pack = project();
    if !can_import(&pack) {
        return;
    }
    // No reader of sources sees it.
    let hidden = b"import importlib\nVALUE = importlib.import_module('needy.' + 'te' + 'sts.data').VALUE\n";
    let reads = b"import pathlib\nTEXT = (pathlib.Path(__file__).parent / ('do' + 'cs') / 'a.txt').read_text()\n";
    pack.wheel(
        &WheelBuilder::new("needy", "1.0")
            .file("needy/__init__.py", hidden)
            .file("needy/tests/__init__.py", b"")
            .file("needy/tests/data.py", b"VALUE = 7\n"),
    );
    pack.wheel(&WheelBuilder::new("reader", "1.0").file("reader/__init__.py", reads).file("reader/docs/a.txt", b"x"));
    pack.wheel(&WheelBuilder::new("other", "1.0").file("other/__init__.py", b"").file("other/tests/__init__.py", b""));
    pack.write("layers/data.txt", "needy\nreader\nother\n");
    pack.write("layers/data/python/own.py", "import needy\n");
    for arguments in [&[][..], &["--versioned"]] {
        let report = pack.command(["layer", "data", "--bytecode", "none", "--json"]).args(arguments).run().json(0);
        insta::allow_duplicates! {
            insta::assert_snapshot!(warnings(&report), @r"
            put back tests of needy (10 B): importing needy needs needy.tests
            put back documentation and examples of reader (1 B): importing reader needs reader/docs/a.txt
            ");
        }
        assert_eq!(report["imports"]["tested"], 4, "the layer's own module as well");
        let paths = paths(&artifact(&pack, "data"));
        let has = |end: &str| paths.iter().any(|path| path.ends_with(end));
        assert!(has("needy/tests/data.py") && has("reader/docs/a.txt") && !has("other/tests/__init__.py"));
    }
    pack.write("layers/data/python/own.py", "import nowhere.at_all\n");
    pack.write("layers/data/python/broken.py", "raise RuntimeError('no')\n");
    let report = pack.command(["layer", "data", "--bytecode", "none", "--json"]).run().json(0);
    assert!(warnings(&report).contains("broken cannot be imported: it raises RuntimeError: no"), "{report:#}");
    assert_eq!(report["imports"]["optional"][0]["module"], "own", "{report:#}");
}

#[test]
fn a_layer_that_lambda_would_not_load_is_an_error() {
    let pack = project();
    let mut library = fs::read("/proc/self/exe").unwrap();
    library.truncate(4096);
    // Another machine's: e_machine of 64-bit Arm.
    library[18..20].copy_from_slice(&183u16.to_le_bytes());
    pack.write("layers/data/python/native/__init__.py", "from . import _x\n");
    pack.write("layers/data/python/native/_x.abi3.so", &library);
    let said = &["error: data would not work on Lambda", "/opt/python/native/_x.abi3.so", "--no-check"];
    assert_fails(&layer(&pack, "data").run(), 1, said);
    assert_eq!(Pack::files(&pack.path("dist")), [""; 0]);
    layer(&pack, "data").arg("--no-check").run().json(0);
}

#[test]
fn what_users_import_stays_in_the_layer() {
    let pack = project();
    pack.wheel(
        &WheelBuilder::new("pkg", "2.0")
            .file("pkg/__init__.py", b"")
            .file("pkg/tests/__init__.py", b"")
            .file("pkg/tests/fixtures.py", b""),
    );
    pack.function("plain", "import pkg\n\n\ndef handler(event, context):\n    return 1\n", &[]);
    pack.function("user", "from pkg.tests import fixtures\n\n\ndef handler(event, context):\n    return 1\n", &[]);
    let has_tests = |arguments: &[&str]| {
        let report = layer(&pack, "data").args(arguments).run().json(0);
        assert_eq!(warnings(&report), "");
        let paths = paths(&artifact(&pack, "data"));
        assert!(!paths.iter().any(|path| path.contains("functions") || path.ends_with("app.py")), "{paths:?}");
        paths.iter().any(|path| path.ends_with("/pkg/tests/fixtures.py"))
    };
    assert!(!has_tests(&[]) && !has_tests(&["--for", "plain"]));
    assert!(has_tests(&["--for", "plain", "--for", "user"]));
    assert!(has_tests(&["--versioned", "--for", "functions/user"]));
}

/// numpy has a part that goes at `deep`: f2py.
#[test]
fn deep_takes_optional_parts_only_where_the_users_are_known() {
    let pack = project();
    pack.write("layers/data.txt", "numpy==2.3.5\n");
    pack.write("layers/data/python/own.py", "import numpy\n");
    pack.function("plain", "import numpy\n\n\ndef handler(event, context):\n    return 1\n", &[]);
    pack.function("user", "import numpy.f2py\n\n\ndef handler(event, context):\n    return 1\n", &[]);
    let build = |arguments: &[&str]| {
        let run = pack.with_the_index(["layer", "data", "--bytecode", "none", "--no-import-test", "--json"]);
        let report = run.args(["--slim", "deep"]).args(arguments).run().json(0);
        let has_f2py = paths(&artifact(&pack, "data")).contains(&"python/numpy/f2py/__init__.py".to_owned());
        (report, has_f2py)
    };
    let (unknown, has_f2py) = build(&[]);
    assert!(has_f2py);
    insta::assert_snapshot!(warnings(&unknown), @"no optional part was left out of data: which are needed depends on the functions that use it (--for FUNCTION names them)");
    let (plain, has_f2py) = build(&["--for", "plain"]);
    assert!(!has_f2py && warnings(&plain).is_empty(), "{plain:#}");
    let (user, has_f2py) = build(&["--for", "plain", "--for", "user"]);
    assert!(has_f2py);
    assert_eq!(user["kept"][0]["reason"], "/functions/user/app.py imports numpy.f2py");
    pack.write("layers/data/python/own.py", "from numpy import f2py\n");
    let (own, has_f2py) = build(&["--for", "plain"]);
    assert!(has_f2py, "what the layer's own modules import counts as well");
    assert_eq!(own["kept"][0]["reason"], "own.py imports numpy.f2py");
}

/// What a function bundles beside the layer uses the layer as well.
#[test]
fn deep_keeps_what_distributions_of_the_users_import() {
    let pack = project();
    pack.write("layers/data.txt", "numpy==2.3.5\n");
    pack.write("layers/data/python/own.py", "import numpy\n");
    pack.wheel(
        &WheelBuilder::new("beside", "1.0").requires("numpy").file("beside/__init__.py", b"from numpy import f2py\n"),
    );
    let wheel = "wheels/beside-1.0-py3-none-any.whl";
    pack.function("user", "import beside\n\n\ndef handler(event, context):\n    return 1\n", &[wheel]);
    pack.function("plain", "import numpy\n\n\ndef handler(event, context):\n    return 1\n", &["numpy"]);
    let build = |user: &str| {
        let run = pack.with_the_index(["layer", "data", "--bytecode", "none", "--no-import-test", "--json"]);
        let report = run.args(["--slim", "deep", "--for", user]).run().json(0);
        let paths = paths(&artifact(&pack, "data"));
        assert!(!paths.iter().any(|path| path.contains("beside")), "{paths:?}");
        (report, paths.contains(&"python/numpy/f2py/__init__.py".to_owned()))
    };
    let (report, has_f2py) = build("user");
    assert!(has_f2py);
    assert_eq!(report["kept"][0]["reason"], "/functions/user/beside/__init__.py imports numpy.f2py");
    assert!(!build("plain").1, "what the layer has itself is no evidence twice");
    pack.write("requirements/user.txt", "nothing-of-that-name\n");
    let run = pack.with_the_index(["layer", "data", "--bytecode", "none", "--no-import-test", "--json"]);
    assert_fails(&run.args(["--slim", "deep", "--for", "user"]).run(), 1, &["pip found no version of nothing-of-that"]);
}
