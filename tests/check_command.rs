//! `pack check` through the binary: artifacts broken on purpose, each found with the right reason, and good ones that
//! give no error.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::check::{assert_found, check};
use support::image::{ENTRYPOINT, GZIP, Layout, layer};
use support::zips::{LINK, Member, file, zip};
use support::{Pack, WheelBuilder, skip};

const APP: &str = "def handler(event, context):\n    return 1\n";

/// The dist-info folder of a distribution.
fn distribution(name: &str, version: &str, metadata: &str, wheel: &str, files: &[&str]) -> Vec<Member> {
    let info = format!("{name}-{version}.dist-info");
    let record = files.join(",,\n");
    vec![
        file(
            &format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"),
        ),
        file(&format!("{info}/WHEEL"), format!("Wheel-Version: 1.0\n{wheel}")),
        file(&format!("{info}/RECORD"), record),
    ]
}

/// The head of a `.pyc` of CPython 3.13, then something.
fn pyc(magic: u16, flags: u32, rest: [u8; 8]) -> Vec<u8> {
    let magic = magic.to_le_bytes();
    [&magic[..], b"\r\n", &flags.to_le_bytes(), &rest, b"code"].concat()
}

const MAGIC_313: u16 = 3571;

/// A function whose ZIP has a member of its own, and what has to be said about it.
struct Case {
    name: &'static str,
    members: Vec<Member>,
    arguments: &'static [&'static str],
    finding: (&'static str, &'static str, &'static str),
}

fn case(name: &'static str, members: Vec<Member>, finding: (&'static str, &'static str, &'static str)) -> Case {
    Case { name, members, arguments: &[], finding }
}

fn app(more: impl IntoIterator<Item = Member>) -> Vec<Member> {
    [file("app.py", APP)].into_iter().chain(more).collect()
}

/// A function that loads the extension module of a distribution.
fn compiled(tag: &str, suffix: &str) -> Vec<Member> {
    let module = format!("lib/fast.{suffix}.so");
    let wheel = format!("Root-Is-Purelib: false\nTag: {tag}\n");
    let files = [
        file("app.py", format!("import lib\n{APP}")),
        file("lib/__init__.py", "from .fast import x\n"),
        file(&module, [0; 64]),
    ];
    let lib = distribution("lib", "1.0", "", &wheel, &["lib/__init__.py", &module]);
    files.into_iter().chain(lib).collect()
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn broken() -> Vec<Case> {
    let mode = |mode: u32, name: &str| Member { mode, ..file(name, "x = 1\n") };
    let with = |arguments: &'static [&'static str], case: Case| Case { arguments, ..case };
    vec![
        with(
            &["--handler", "main.handler"],
            case("handler in no module", app([]), ("error", "handler", "main.py is not in the artifact")),
        ),
        with(
            &["--handler", "app.main"],
            case(
                "handler not defined",
                app([]),
                ("error", "handler", "/var/task/app.py handler app.main: app.py does not define main"),
            ),
        ),
        with(&["--handler", "app"], case("handler without a dot", app([]), ("error", "handler", "it has no dot"))),
        case("no handler", vec![file("lib.py", "x = 1\n")], ("warning", "handler", "no handler was named")),
        case("mode 0600", app([mode(0o100_600, "data.py")]), ("error", "mode", "/var/task/data.py its mode is 0600")),
        case("no mode at all", app([mode(0, "data.py")]), ("error", "mode", "its mode is 0000")),
        case(
            "folder nobody may enter",
            app([Member { mode: 0o040_700, ..file("pkg/", "") }, file("pkg/a.py", "")]),
            ("error", "mode", "/var/task/pkg the folder's mode is 0700"),
        ),
        case(
            "shadowed module, imported by a library",
            vec![
                file("app.py", format!("import lib\n{APP}")),
                file("random.py", "x = 1\n"),
                file("lib/__init__.py", "import random\n"),
            ]
            .into_iter()
            .chain(distribution("lib", "1.0", "", "", &["lib/__init__.py"]))
            .collect(),
            (
                "error",
                "shadows-stdlib",
                "/var/task/random.py it takes the place of the standard library's random, which /var/task/lib/__init__.py imports",
            ),
        ),
        case(
            "a module that imports what it shadows",
            vec![file("app.py", format!("import logging\n{APP}")), file("logging.py", "import logging\n")],
            ("error", "shadows-stdlib", "it imports logging, which is itself"),
        ),
        case("a name that only shadows", app([file("queue.py", "x = 1\n")]), ("warning", "shadows-stdlib", "queue")),
        case(
            "a name that cannot shadow",
            app([file("time.py", "x = 1\n")]),
            ("warning", "shadows-stdlib", "never imported"),
        ),
        case(
            "the SDK shadowed by the function",
            vec![file("app.py", format!("import boto3.session\n{APP}")), file("boto3.py", "x = 1\n")],
            ("error", "shadows-dependency", "the runtime's boto3"),
        ),
        case(
            "a file beside a package of its name",
            app([file("pkg.py", ""), file("pkg/__init__.py", "")]),
            ("warning", "shadows-dependency", "the folder pkg beside it is found first"),
        ),
        case(
            "import that nothing ships",
            vec![file("app.py", format!("import helper\n{APP}")), file("helper.py", "import requests\n")],
            ("error", "import-missing", "/var/task/helper.py it imports requests"),
        ),
        case(
            "import that nothing ships, from a place that the source adds",
            vec![file("app.py", format!("import sys\nsys.path.insert(0, '/mnt/lib')\nimport torch\n{APP}"))],
            ("warning", "import-missing", "/var/task/app.py it imports torch"),
        ),
        case(
            "shadowed module, imported by a function that may never run",
            vec![file("app.py", format!("import lib\n{APP}")), file("code.py", "x = 1\n")]
                .into_iter()
                .chain([file("lib/__init__.py", "def debug():\n    import code\n")])
                .chain(distribution("lib", "1.0", "", "", &["lib/__init__.py"]))
                .collect(),
            ("warning", "shadows-stdlib", "it takes the place of the standard library's code"),
        ),
        case(
            "import of a folder that is elsewhere",
            vec![file("app.py", format!("import requests\n{APP}")), file("vendor/requests/__init__.py", "")],
            ("warning", "import-missing", "but there is /var/task/vendor/requests/__init__.py"),
        ),
        case(
            "Requires-Dist missing and imported",
            [file("app.py", format!("import lib\n{APP}")), file("lib/__init__.py", "import other\n")]
                .into_iter()
                .chain(distribution("lib", "1.0", "Requires-Dist: other>=2\n", "", &["lib/__init__.py"]))
                .collect(),
            (
                "error",
                "requires-dist",
                "lib 1.0 requires other, which is not here, and /var/task/lib/__init__.py imports other",
            ),
        ),
        case(
            "Requires-Dist missing and unused",
            app(distribution(
                "lib",
                "1.0",
                "Requires-Dist: other>=2\nRequires-Dist: never; sys_platform == 'win32'\nRequires-Dist: boto3\n",
                "",
                &[],
            )),
            ("warning", "requires-dist", "lib 1.0 requires other, which is not here"),
        ),
        case(
            "Requires-Dist of another version",
            app(distribution("lib", "1.0", "Requires-Dist: other>=2\n", "", &[]).into_iter().chain(distribution(
                "other",
                "1.5",
                "",
                "",
                &[],
            ))),
            ("warning", "requires-dist", "lib 1.0 requires other>=2, but other 1.5 is here"),
        ),
        case(
            "Requires-Python unsatisfied",
            app(distribution("lib", "1.0", "Requires-Python: <3.12\n", "", &[])),
            ("error", "requires-python", "lib 1.0 is for Python <3.12, not for 3.13"),
        ),
        case(
            "wheel of another system",
            compiled("cp313-cp313-macosx_11_0_arm64", "cpython-313-darwin"),
            ("error", "wheel-tag", "lib 1.0 was built for cp313-cp313-macosx_11_0_arm64"),
        ),
        with(
            &["--python", "3.13"],
            case(
                "wheel of another Python",
                compiled("cp312-cp312-manylinux_2_28_x86_64", "cpython-312-x86_64-linux-gnu"),
                ("error", "wheel-tag", "cp312-cp312-manylinux_2_28_x86_64"),
            ),
        ),
        case(
            "wheel of musl",
            compiled("cp313-cp313-musllinux_1_2_x86_64", "cpython-313-x86_64-linux-musl"),
            ("error", "wheel-tag", "musllinux"),
        ),
        case(
            "a distribution twice",
            app(distribution("lib", "1.0", "", "", &[]).into_iter().chain(distribution("lib", "1.1", "", "", &[]))),
            ("warning", "distribution-twice", "lib is here twice"),
        ),
        case(
            "case collision",
            app([file("Pkg/a.py", ""), file("pkg/b.py", "")]),
            ("warning", "name-case", "differ only by case"),
        ),
        case(
            "file and folder of one name",
            app([file("pkg", ""), file("pkg/b.py", "")]),
            ("error", "name-collision", "/var/task/pkg it is a file and a folder"),
        ),
        case(
            "a name twice",
            app([file("app.py", "")]),
            ("error", "archive", "/var/task/app.py it is in the ZIP twice"),
        ),
        case(
            "a path that no Linux takes",
            app([file(&"a/".repeat(32_000), ""), file(&format!("{}b", "0/".repeat(30_000)), "")]),
            ("error", "archive", "it is longer than 4096 bytes"),
        ),
        case(
            "a path that climbs out",
            app([file("../evil.py", "")]),
            ("error", "archive", "\"../evil.py\" is not a path inside the archive (it climbs out)"),
        ),
        case(
            "a broken member",
            app([Member { crc: Some(1), ..file("data.bin", "abc") }]),
            (
                "error",
                "archive",
                "/var/task/data.bin data.bin does not unpack to what the archive says (its CRC differs)",
            ),
        ),
        case(
            "a bomb that lies about its size",
            app([Member { claims: Some(1 << 30), ..file("bomb", [0; 100]) }]),
            ("error", "archive", "its sizes are impossible"),
        ),
        case(
            "a symbolic link to nothing",
            app([Member { mode: LINK, ..file("lib.so", "/usr/lib/x.so") }]),
            ("error", "symbolic-link", "which is not in the archive"),
        ),
        case(
            "a symbolic link",
            app([Member { mode: LINK, ..file("main.py", "app.py") }]),
            ("warning", "symbolic-link", "AWS does not say"),
        ),
        case(
            "foreign bytecode",
            app([file("__pycache__/app.cpython-312.pyc", pyc(3531, 0, [0; 8]))]),
            ("warning", "bytecode", "of another Python than 3.13: dead weight"),
        ),
        case(
            "foreign bytecode without a source",
            vec![file("app.py", format!("import lib\n{APP}")), file("lib.pyc", pyc(3531, 0, [0; 8]))],
            ("error", "bytecode", "/var/task/lib.pyc it is not bytecode of Python 3.13"),
        ),
        case(
            "stale bytecode by size",
            app([file("__pycache__/app.cpython-313.pyc", pyc(MAGIC_313, 0, [0, 0, 0, 0, 1, 0, 0, 0]))]),
            ("warning", "bytecode", "older than the source"),
        ),
        case(
            "stale bytecode by time",
            app([
                file("lib.py", "x = 1\n"),
                file("__pycache__/lib.cpython-313.pyc", pyc(MAGIC_313, 0, [0, 0, 0, 0, 6, 0, 0, 0])),
            ]),
            ("warning", "bytecode", "older than the source"),
        ),
        case(
            "unchecked bytecode of another source",
            app([file("__pycache__/app.cpython-313.pyc", pyc(MAGIC_313, 1, *b"otherone"))]),
            ("error", "bytecode", "Python will run it without looking"),
        ),
        case(
            "bytecode without a source",
            app([file("__pycache__/gone.cpython-313.pyc", pyc(MAGIC_313, 1, *b"otherone"))]),
            ("warning", "bytecode", "without a source: never loaded"),
        ),
        case("a secret by name", app([file(".env", "KEY=1\n")]), ("warning", "secret", "/var/task/.env")),
        case(
            "a secret by content",
            app([file("key.pem", "-----BEGIN RSA PRIVATE KEY-----\n")]),
            ("warning", "secret", "it is a private key"),
        ),
        case(
            "version control",
            app([file(".git/HEAD", ""), file(".git/objects/a", "")]),
            ("warning", "leftover", "/var/task/.git 2 files"),
        ),
        with(
            &["--strict"],
            case("a warning taken as an error", app([file(".env", "KEY=1\n")]), ("error", "secret", "/var/task/.env")),
        ),
    ]
}

#[test]
fn what_is_broken_on_purpose_is_found() {
    let pack = Pack::new();
    for Case { name, members, arguments, finding: (severity, check_name, gist) } in broken() {
        pack.write("app.zip", zip(&members));
        let (outcome, report) = check(&pack, &[&["app.zip"], arguments].concat());
        assert_found(name, &outcome, &report, severity, check_name, gist);
    }
}

#[test]
fn a_good_function_gives_nothing() {
    let pack = Pack::new();
    let good = [
        file(
            "app.py",
            "import json, boto3\nfrom pkg import tool\ntry:\n    import ujson\nexcept ImportError:\n    pass\n\ndef lambda_handler(event, context):\n    import lazy\n",
        ),
        file("pkg/__init__.py", "from . import tool\nfrom .tool import x\n"),
        file("pkg/tool.py", "x = 1\n"),
        file(
            "pkg/__pycache__/tool.cpython-313.pyc",
            pyc(MAGIC_313, 1, [0xe7, 0x86, 0xe2, 0x89, 0x36, 0x51, 0x12, 0x0e]),
        ),
        file("lib/__init__.py", "import other\n"),
        file("other.py", ""),
        file("certifi/cacert.pem", "-----BEGIN CERTIFICATE-----\n"),
        file("tests/key.txt", ""),
    ];
    let lib = distribution(
        "lib",
        "1.0",
        "Requires-Python: >=3.9,!=3.9.7\nRequires-Dist: other>=2\nRequires-Dist: extra; extra == 'x'\nRequires-Dist: boto3\n",
        "Root-Is-Purelib: false\nTag: cp310-abi3-manylinux_2_17_x86_64\n",
        &["lib/__init__.py"],
    );
    let other = distribution("other", "2.0.post1", "", "Root-Is-Purelib: true\nTag: py3-none-any\n", &["other.py"]);
    pack.write("app.zip", zip(&[&good[..], &lib, &other].concat()));
    let outcome = pack.command(["check", "app.zip"]).run();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(outcome.stdout, @r#"
    app.zip: checked for python3.13-x86_64 (Python by default, architecture from the compiled files)
    handler: app.lambda_handler
    0 errors, 0 warnings in 14 files
    "#);
}

#[test]
fn the_text_says_what_where_why_and_what_to_do() {
    let pack = Pack::new();
    pack.write("app.zip", zip(&app([Member { mode: 0o100_600, ..file("secret.py", "") }, file(".env", "A=1\n")])));
    let outcome = pack.command(["check", "app.zip", "--python", "3.12", "--handler", "app.main"]).run();
    assert_eq!(outcome.status, 1);
    insta::assert_snapshot!(outcome.stdout, @r#"
    app.zip: checked for python3.12-x86_64 (Python as given, architecture by default)
    handler: app.main

    errors
      /var/task/app.py  [handler]
        handler app.main: app.py does not define main
        hint: a handler is MODULE.FUNCTION, with the module's path from the function's folder; app.py defines handler
      /var/task/secret.py  [mode]
        its mode is 0600: Lambda's user cannot read it (EACCES)
        hint: chmod -R a+rX on what is packed; with Python's zipfile, set external_attr to 0o644 << 16

    warnings
      /var/task/.env  [secret]
        it may hold secrets, and everyone who may read the function's code reads it
        hint: leave it out (.packignore), and read secrets from Secrets Manager or from the environment

    2 errors, 1 warning in 3 files
    "#);
    let quiet = pack.command(["check", "app.zip", "-q"]).run();
    assert!(quiet.stdout.starts_with("errors\n"), "{}", quiet.stdout);
}

#[test]
fn layers_lie_below_opt_and_are_searched_after_the_function() {
    let pack = Pack::new();
    pack.write("app.zip", zip(&[file("app.py", format!("import shared, deep\n{APP}"))]));
    pack.write(
        "layer.zip",
        zip(&[file("python/shared.py", ""), file("python/lib/python3.12/site-packages/deep.py", "")]),
    );
    let (outcome, report) = check(&pack, &["app.zip", "layer.zip"]);
    assert_eq!(outcome.status, 0, "{report:#}");
    assert_eq!(report["python"], "3.12", "the layer says for which Python it is");
    assert_eq!(report["parts"][1]["role"], "layer");
    let (outcome, report) = check(&pack, &["app.zip", "layer.zip", "--python", "3.13"]);
    assert_found("a layer of another Python", &outcome, &report, "warning", "import-missing", "deep");
    let (outcome, report) = check(&pack, &["app.zip", "--provided", "shared", "--provided", "deep"]);
    assert_eq!(outcome.status, 0, "{report:#}");
    let (outcome, report) = check(&pack, &["layer.zip"]);
    assert_eq!((outcome.status, report["findings"].as_array().unwrap().len()), (0, 0), "{report:#}");
    let two = pack.command(["check", "app.zip", "app.zip"]).run();
    assert_eq!(two.status, 2);
    assert!(two.stderr.contains("are both functions"), "{}", two.stderr);
    let layers: Vec<String> = (0..6)
        .map(|number| {
            pack.write(&format!("l{number}.zip"), zip(&[file(&format!("python/m{number}.py"), "")]));
            format!("l{number}.zip")
        })
        .collect();
    let names: Vec<&str> = layers.iter().map(String::as_str).collect();
    let (outcome, report) = check(&pack, &names);
    assert_found("six layers", &outcome, &report, "error", "too-many-layers", "6 layers; a function takes 5");
}

#[test]
fn a_shadow_over_a_layers_package_is_found() {
    let pack = Pack::new();
    pack.write("app.zip", zip(&[file("app.py", format!("import numpy.linalg\n{APP}")), file("numpy.py", "")]));
    pack.write("layer.zip", zip(&[file("python/numpy/__init__.py", ""), file("python/numpy/linalg.py", "")]));
    let (outcome, report) = check(&pack, &["app.zip", "layer.zip"]);
    assert_found("numpy.py", &outcome, &report, "error", "shadows-dependency", "/opt/python/numpy/__init__.py");
    pack.write("app.zip", zip(&[file("app.py", format!("import numpy\n{APP}")), file("numpy/__init__.py", "")]));
    let (outcome, report) = check(&pack, &["app.zip", "layer.zip"]);
    let said = "the package takes the place of /opt/python/numpy/__init__.py: /var/task comes before /opt";
    assert_found("numpy/", &outcome, &report, "warning", "shadows-dependency", said);
}

#[test]
fn a_folder_is_checked_as_it_would_be_packed() {
    let pack = Pack::new();
    pack.write("app-python3.12-arm64/app.py", APP);
    pack.write("app-python3.12-arm64/big.bin", vec![0; 100]);
    let (_, report) = check(&pack, &["app-python3.12-arm64"]);
    assert_eq!((&report["python"], &report["architecture"]), (&json!("3.12"), &json!("arm64")));
    assert_eq!(report["unpacked"], APP.len() + 100);
    let big = std::fs::File::create(pack.path("app-python3.12-arm64/big.bin")).unwrap();
    big.set_len(262_144_000).unwrap();
    let (outcome, report) = check(&pack, &["app-python3.12-arm64"]);
    assert_found(
        "over the limit",
        &outcome,
        &report,
        "error",
        "too-large",
        "Unzipped size must be smaller than 262144000 bytes",
    );
    std::os::unix::fs::symlink(".", pack.path("app-python3.12-arm64/loop")).unwrap();
    let (outcome, report) = check(&pack, &["app-python3.12-arm64"]);
    assert_found("a loop", &outcome, &report, "error", "unreadable", "a link to a folder that it is in");
}

#[test]
fn what_is_no_archive_is_a_finding_and_what_is_not_there_is_wrong_usage() {
    let pack = Pack::new();
    let whole = zip(&app([]));
    pack.write("cut.zip", &whole[..whole.len() - 30]);
    let (outcome, report) = check(&pack, &["cut.zip"]);
    assert_found("a ZIP cut short", &outcome, &report, "error", "archive", "cut.zip it is not a whole ZIP");
    let missing = pack.command(["check", "none.zip"]).run();
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("there is no none.zip"), "{}", missing.stderr);
    assert_eq!(pack.command(["check"]).run().status, 2);
}

#[test]
fn an_image_is_one_root_file_system() {
    let pack = Pack::new();
    let layout = Layout { pack: &pack, folder: "image" };
    let base = layer(&[
        ENTRYPOINT,
        ("usr/lib64/libc.so.6", ""),
        ("lib64->", "usr/lib64"),
        ("var/lang/lib/python3.12/os.py", ""),
        ("var/lang/lib/python3.12/site-packages/boto3.py", ""),
        ("var/task/old.py", ""),
        ("etc/shadow", ""),
    ]);
    let app_source = format!("import boto3, helper\n{APP}");
    let function = layer(&[
        ("var/task/.wh.old.py", ""),
        ("var/task/app.py", &app_source),
        ("var/task/helper.py->", "/opt/h.py"),
        ("opt/h.py", ""),
    ]);
    layout.write(&[base.clone(), function.clone()], "arm64", GZIP);
    let (outcome, report) = check(&pack, &["image"]);
    assert_eq!(outcome.status, 0, "{report:#}");
    assert_eq!((&report["python"], &report["architecture"]), (&json!("3.12"), &json!("arm64")));
    assert_eq!((&report["handler"], &report["known"]), (&json!("app.handler"), &json!("from the image")));
    assert_eq!(report["unpacked"], base.len() + function.len());

    // The same as one tar.
    let mut tar = tar::Builder::new(std::fs::File::create(pack.path("image.tar")).unwrap());
    tar.append_dir_all(".", pack.path("image")).unwrap();
    tar.into_inner().unwrap();
    let (outcome, same) = check(&pack, &["image.tar"]);
    assert_eq!((outcome.status, &same["files"]), (0, &report["files"]), "{same:#}");

    // The file that the whiteout removes is gone.
    let gone = pack.command(["check", "image", "--handler", "old.handler"]).run();
    assert!(gone.stdout.contains("old.py is not in the artifact"), "{}", gone.stdout);
    let together = pack.command(["check", "image", "image.tar"]).run();
    assert_eq!(together.status, 2);
}

type Make<'a> = Box<dyn Fn(&Layout) + 'a>;

#[test]
#[allow(clippy::too_many_lines, reason = "one case after the other")]
fn broken_images_are_found() {
    let good = || layer(&[("var/task/app.py", APP)]);
    let cases: Vec<(&str, Make<'_>, &str, &str)> = vec![
        (
            "a layer that is not the one that was named",
            Box::new(|layout| {
                layout.write(&[good()], "amd64", GZIP);
                let blobs = layout.pack.path("image/blobs/sha256");
                for blob in std::fs::read_dir(blobs).unwrap().flatten() {
                    let bytes = std::fs::read(blob.path()).unwrap();
                    if bytes.starts_with(&[0x1f, 0x8b]) {
                        std::fs::write(blob.path(), [&bytes[..], b"x"].concat()).unwrap();
                    }
                }
            }),
            "image",
            "it is not the layer that its manifest names",
        ),
        (
            "another architecture",
            Box::new(|layout| layout.write(&[good()], "riscv64", GZIP)),
            "image",
            "it is for linux/riscv64",
        ),
        (
            "zstd",
            Box::new(|layout| layout.write(&[good()], "amd64", "application/vnd.oci.image.layer.v1.tar+zstd")),
            "image-layer",
            "packed with zstd",
        ),
        (
            "an unpacked layer of Docker's kind",
            Box::new(|layout| layout.write(&[good()], "amd64", "application/vnd.docker.image.rootfs.diff.tar")),
            "image-layer",
            "UnsupportedImageLayerDetected",
        ),
        (
            "a folder that is no entry",
            Box::new(|layout| {
                let mut tar = tar::Builder::new(Vec::new());
                let mut header = tar::Header::new_gnu();
                header.set_mode(0o644);
                header.set_size(0);
                tar.append_data(&mut header, "var/task/app.py", std::io::empty()).unwrap();
                layout.write(&[tar.into_inner().unwrap()], "amd64", GZIP);
            }),
            "image-layer",
            "MissingParentDirectory",
        ),
        (
            "a path that climbs out",
            Box::new(|layout| {
                let mut bytes = layer(&[("xx/evil", "")]);
                let at = bytes.windows(7).position(|window| window == b"xx/evil").unwrap();
                bytes[at..at + 7].copy_from_slice(b"../evil");
                // The checksum of the header counts its bytes.
                let start = at / 512 * 512;
                bytes[start + 148..start + 156].fill(b' ');
                let sum: u32 = bytes[start..start + 512].iter().map(|byte| u32::from(*byte)).sum();
                bytes[start + 148..start + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                layout.write(&[bytes], "amd64", GZIP);
            }),
            "image",
            "climbs out of the image",
        ),
        (
            "a layer that is no tar",
            Box::new(|layout| layout.write(&[vec![b'x'; 2000]], "amd64", GZIP)),
            "image",
            "it is not a whole tar",
        ),
        (
            "links in circles",
            Box::new(|layout| {
                layout.write(&[layer(&[("a->", "b"), ("b->", "a")]), layer(&[("a/x", "")])], "amd64", GZIP);
            }),
            "image",
            "its links go in circles",
        ),
        (
            "two images",
            Box::new(|layout| {
                layout.write(&[good()], "amd64", GZIP);
                let path = layout.pack.path("image/index.json");
                let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                let mut other = index["manifests"][0].clone();
                other["digest"] = format!("sha256:{}", "0".repeat(64)).into();
                index["manifests"].as_array_mut().unwrap().push(other);
                std::fs::write(path, index.to_string()).unwrap();
            }),
            "image",
            "its index names 2 images",
        ),
        (
            "a digest that is a path",
            Box::new(|layout| {
                layout.write(&[good()], "amd64", GZIP);
                layout.pack.write("image/index.json", r#"{"manifests": [{"digest": "sha256:../../../etc/passwd"}]}"#);
            }),
            "image",
            "is not a SHA-256 digest",
        ),
    ];
    for (name, write, check_name, gist) in cases {
        let pack = Pack::new();
        write(&Layout { pack: &pack, folder: "image" });
        let (outcome, report) = check(&pack, &["image"]);
        assert_found(name, &outcome, &report, "error", check_name, gist);
    }
}

#[test]
fn a_build_is_checked_before_it_takes_its_place() {
    let pack = Pack::new();
    pack.wheel(&WheelBuilder::new("lib", "1.0").file("lib/__init__.py", b"import random\n"));
    pack.function("app", &format!("import lib\n{APP}"), &["lib"]);
    assert_eq!(pack.zip("app").run().status, 0);
    let before = std::fs::read(pack.artifact("app")).unwrap();
    pack.write("functions/app/random.py", "x = 1\n");
    let outcome = pack.zip("app").run();
    assert_eq!(outcome.status, 1);
    insta::assert_snapshot!(outcome.stderr, @r#"
    error: app would not work on Lambda
      /var/task/random.py  [shadows-stdlib]
        it takes the place of the standard library's random, which /var/task/lib/__init__.py imports
        hint: rename it: random is a name of Python's own
    hint: nothing was written; --no-check builds it all the same
    "#);
    assert!(before == std::fs::read(pack.artifact("app")).unwrap(), "the artifact before stays");
    let anyway = pack.zip("app").arg("--no-check").run();
    assert_eq!(anyway.status, 0, "{}", anyway.stderr);

    pack.function("warned", APP, &[]);
    pack.write("functions/warned/queue.py", "x = 1\n");
    let warned = pack.zip("warned").arg("--json").run();
    let report = warned.json(0);
    assert_eq!(report["findings"][0]["check"], "shadows-stdlib");
    assert!(warned.stderr.contains("warning: /var/task/queue.py: it takes the place of"), "{}", warned.stderr);

    pack.function("layered", &format!("import from_a_layer\n{APP}"), &[]);
    assert_eq!(pack.zip("layered").run().status, 1);
    assert_eq!(pack.zip("layered").arg("--provided").arg("from_a_layer").run().status, 0);
}

/// What `pack zip` makes of real wheels, with bytecode, has no findings at all.
#[test]
fn a_real_function_with_numpy_is_good() {
    let pack = Pack::new();
    pack.function("app", &format!("import numpy as np\nimport requests\n{APP}"), &["numpy", "requests"]);
    let built = pack.with_the_index(["zip", "app", "-q"]).run();
    if built.status != 0 {
        return skip(&format!("numpy could not be built: {}", built.stderr));
    }
    let path = built.stdout.trim().to_owned();
    assert!(Path::new(&pack.path(&path)).exists());
    let (outcome, report) = check(&pack, &[&path]);
    assert_eq!((outcome.status, report["findings"].as_array().unwrap().len()), (0, 0), "{report:#}");
    assert_eq!(report["known"], "from the file's name");
    let (outcome, report) = check(&pack, &[&path, "--python", "3.12"]);
    assert_found("another Python", &outcome, &report, "error", "wheel-tag", "numpy");
}
