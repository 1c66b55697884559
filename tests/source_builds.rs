//! Proves what happens to requirements that are no wheels: folders, archives of sources, extensions in C. What a wheel is built
//! from stays as it was.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::process::Command;

use support::{Pack, WheelBuilder, assert_done, assert_fails, compile_interpreter, paths, skip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// A project that builds itself, without anything from an index: its backend writes the wheel as it is told.
fn write_source(pack: &Pack, folder: &str, name: &str, wheel_tags: &str) {
    pack.write(
        &format!("{folder}/pyproject.toml"),
        format!(
            "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\
             [project]\nname = \"{name}\"\nversion = \"1.0\"\n"
        ),
    );
    pack.write(&format!("{folder}/PKG-INFO"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"));
    let wheel = WheelBuilder::new(name, "1.0").tags(wheel_tags).file(&format!("{name}.py"), b"VALUE = 7\n");
    pack.write(&format!("{folder}/ready/{}", wheel.filename()), wheel.build());
    pack.write(
        &format!("{folder}/backend.py"),
        "import pathlib, shutil\n\
         def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):\n    \
             wheel, = (pathlib.Path(__file__).parent / 'ready').iterdir()\n    \
             shutil.copy(wheel, wheel_directory)\n    \
             return wheel.name\n",
    );
}

fn can_build_natively() -> bool {
    let native = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    if !native {
        skip("this machine is no Linux x86_64, which the target is");
    }
    native
}

#[test]
fn a_folder_or_an_archive_of_sources_is_built() {
    let pack = Pack::new();
    write_source(&pack, "lib", "locallib", "py3-none-any");
    pack.function("app", HANDLER, &["./lib"]);
    // A pure wheel serves every target, wherever it is built.
    for architecture in ["x86_64", "arm64"] {
        let outcome = pack.zip("app").arg("--arch").arg(architecture).run();
        assert_done(&outcome);
        assert!(outcome.stderr.contains("building a wheel of locallib 1.0"), "{}", outcome.stderr);
        assert!(paths(&pack.path(format!("dist/app-python3.13-{architecture}.zip"))).contains(&"locallib.py".into()));
    }
    if compile_interpreter(&pack, "app").is_none() || !can_build_natively() {
        return;
    }
    write_source(&pack, "sources/archived-1.0", "archived", "cp313-cp313-linux_x86_64");
    let mut tar = Command::new("tar");
    tar.args(["-czf", "../wheels/archived-1.0.tar.gz", "archived-1.0"]).current_dir(pack.path("sources"));
    assert!(tar.status().unwrap().success());
    pack.function("archive", HANDLER, &["archived"]);
    let first = pack.zip("archive").run();
    assert_done(&first);
    assert!(paths(&pack.artifact("archive")).contains(&"archived.py".into()));
    assert!(first.stderr.contains("building a wheel of archived 1.0"), "{}", first.stderr);
    let again = pack.zip("archive").run();
    assert!(!again.stderr.contains("building"), "what was built once is kept: {}", again.stderr);
    let said = ["error: no wheel of archived fits python3.13-arm64", "built from source only on Linux aarch64"];
    assert_fails(&pack.zip("archive").arg("--arch").arg("arm64").run(), 1, &said);
    write_source(&pack, "native", "nativelib", "cp313-cp313-linux_x86_64");
    pack.function("native", HANDLER, &["./native"]);
    assert_done(&pack.zip("native").run());
    let said =
        ["nativelib-1.0-cp313-cp313-linux_x86_64.whl was built on this machine and does not fit python3.13-arm64"];
    assert_fails(&pack.zip("native").arg("--arch").arg("arm64").run(), 1, &said);
}

#[test]
fn an_extension_in_c_is_built_by_setuptools_from_the_index() {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["./ext"]);
    pack.write("ext/setup.py", "from setuptools import Extension, setup\nsetup(name='ext', version='1.0', ext_modules=[Extension('ext', ['ext.c'])])\n");
    pack.write(
        "ext/pyproject.toml",
        "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n",
    );
    pack.write(
        "ext/ext.c",
        "#include <Python.h>\n\
         static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, \"ext\"};\n\
         PyMODINIT_FUNC PyInit_ext(void) { return PyModule_Create(&module); }\n",
    );
    let has_compiler = Command::new("cc").arg("--version").output().is_ok_and(|output| output.status.success());
    let plan = pack.with_the_index(["zip", "app", "--dry-run", "--json"]).run().json(0);
    if !has_compiler || plan["compile_interpreter"].is_null() || !can_build_natively() {
        skip("it takes a C compiler and a CPython 3.13 of the target's kind");
        return;
    }
    // What an earlier build by somebody else left there, of a module that is gone.
    pack.write("ext/build/lib.linux-x86_64-cpython-313/gone.py", "");
    let source = || {
        let files = Pack::files(&pack.path("ext")).into_iter();
        files.map(|file| (fs::read(pack.path("ext").join(&file)).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = source();
    let outcome = pack.with_the_index(["zip", "app", "--bytecode", "none"]).run();
    assert_done(&outcome);
    let files = paths(&pack.artifact("app"));
    assert!(files.contains(&"ext.cpython-313-x86_64-linux-gnu.so".into()), "{files:?}");
    assert!(!files.contains(&"gone.py".into()), "{files:?}");
    assert_eq!(source().len(), before.len(), "{:?}", Pack::files(&pack.path("ext")));
    assert!(source() == before, "the source is not as it was");
    let outcome = pack.with_the_index(["zip", "app", "--bytecode", "none", "--arch", "arm64"]).run();
    assert_fails(&outcome, 1, &["was built on this machine and does not fit python3.13-arm64", "hint: build it on"]);
}
