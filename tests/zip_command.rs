//! Proves what `pack zip` promises on its command line: what it takes, what it prints and where, what it leaves out and
//! why, how it fails, and that the same input gives the same bytes.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{
    Outcome, Pack, ReadOnly, WheelBuilder, assert_done, assert_fails, compile_interpreter, paths, sha256, skip, unzip,
};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// A project with a function `app` that needs the wheel `pkg`.
fn project() -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["pkg"]);
    pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 1\n"));
    pack
}

/// What a report says was taken out, by rule.
fn removed(report: &Value) -> BTreeMap<String, Vec<String>> {
    let mut by_rule: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for removal in report["removed"].as_array().unwrap() {
        let text = |key: &str| removal[key].as_str().unwrap().to_owned();
        by_rule.entry(text("rule")).or_default().push(text("path"));
    }
    by_rule
}

fn warnings(report: &Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap()).collect()
}

#[test]
#[allow(clippy::too_many_lines, reason = "as long as the help")]
fn help_says_what_can_be_said() {
    let outcome = Pack::new().command(["zip", "--help"]).run();
    assert_done(&outcome);
    // Lines that clap ends with spaces, and the folder of this very run.
    let text: Vec<&str> =
        outcome.stdout.lines().map(str::trim_end).filter(|line| !line.contains("PACK_CACHE_DIR")).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    Build the deployment package (ZIP) of functions

    Usage: pack zip [OPTIONS] [FUNCTION]...

    Arguments:
      [FUNCTION]...
              A name under functions/ or in pack.toml, or the path of a folder or .py file; all
              functions if none is given

    Options:
          --python <VERSION>
              Python version of the Lambda runtime [default: those of the matrix in pack.toml, else
              3.13]

          --arch <ARCH>
              Architecture of the function [default: those of the matrix in pack.toml, else 64-bit x86]

              Possible values:
              - x86_64: 64-bit x86
              - arm64:  64-bit Arm (Graviton)

          --packaging <NAME>
              Only this packaging of pack.toml [default: every one with the method zip or layers]

      -r, --requirement <FILE>
              What the function requires: a requirements file as pip understands it, pyproject.toml,
              pylock.toml, uv.lock, poetry.lock or Pipfile.lock; may be repeated [default: as pack.toml
              says, else requirements/<FUNCTION>.txt, or the first of requirements.txt, pylock.toml,
              uv.lock, poetry.lock, Pipfile.lock and pyproject.toml beside the function's sources]

          --extra <NAME>
              An extra of pyproject.toml or of a lock file, beside its dependencies; may be repeated

          --group <NAME>
              A dependency group of pyproject.toml or of a lock file (of Pipfile.lock: a category),
              beside its dependencies; may be repeated

      -o, --output <PATH>
              Where to write the ZIP; a folder for several [default:
              dist/<FUNCTION>-python<VERSION>-<ARCH>.zip, with the packaging's name after the function's
              if it is not zip]

          --handler <HANDLER>
              The handler, MODULE.FUNCTION, which has to be in the artifact

          --layer <PATH>
              The ZIP of a layer that the function has; may be repeated, in Lambda's order (at most 5).
              Distributions that it has are taken in its versions and left out of the function

          --allow-shadow
              Where the requirements do not go together with a layer's version of a distribution, bundle
              another one: Python imports that, since /var/task comes before /opt. Without this it is an
              error

          --region <REGION>
              The AWS Region [default: as pack.toml says, else AWS_REGION, else the profile's]

          --profile <NAME>
              The profile of AWS's configuration files whose credentials are taken [default: what AWS's
              own chain finds: variables, AWS_PROFILE, a role]

          --slim <SLIM>
              How much to leave out [default: as pack.toml says, else standard]

              Possible values:
              - none:     Nothing but stale bytecode
              - standard: What no function can need: tests, documentation, sources and headers, stubs,
                symbols, what the runtime ships
              - deep:     Also optional parts of distributions that nothing in the artifact imports

          --bytecode <BYTECODE>
              Which bytecode to ship [default: as pack.toml says, else compiled]

              Possible values:
              - compiled: Beside the sources: a fast cold start, and source lines in tracebacks
              - none:     None: the smallest, and every cold start compiles
              - only:     In place of the dependencies' sources: as fast, smaller than `compiled`, no
                source lines of theirs in tracebacks

          --keep <GLOB>
              Never slim what matches this glob (path in the ZIP, or a folder); may be repeated

          --exclude <GLOB>
              Leave out what matches this glob (path in the ZIP, or a folder); may be repeated

          --aws-services <SERVICES>
              With --slim deep: AWS services whose definitions in botocore stay, beside those that the
              code names (s3,sqs)

          --bundle-sdk
              Ship boto3 and what it needs, even if they only came along with something else

          --no-bundle-sdk
              Leave boto3 and what it needs to the runtime, even if the requirements name them

          --provided <MODULE>
              A top-level module that the artifact need not have, since it comes from elsewhere (a layer
              that the function has as well, a mounted file system); may be repeated

          --no-check
              Do not check whether Lambda will load the artifact

          --no-import-test
              Build without the import test, which runs the import code of the handler and of every
              package: in a read-only copy, without network, without variables of yours. On by default
              where the runtime's Python runs here; what an import turns out to need is put back

          --import-command <COMMAND>
              A Python for the import test where the runtime's does not run here: an emulator with its
              options (qemu-aarch64-static -L SYSROOT SYSROOT/usr/bin/python3.13)

              [env: PACK_IMPORT_COMMAND]

          --import-env <NAME=VALUE>
              A variable that the function needs when it is imported, for the import test; may be
              repeated

          --dry-run
              Show what would be built, and build nothing

          --json
              Write the report (or the plan) as JSON

          --sbom
              Write the SBOM (CycloneDX 1.6, JSON) beside each artifact, as ARTIFACT.cdx.json: every
              distribution with version, licence and the SHA-256 of its wheel

          --offline
              Use no network: resolve from the wheels in the cache

          --locked
              Fail if pack.lock, which is kept beside pack.toml, is out of date; without this it is
              brought up to date

          --python-executable <PATH>
              The Python that runs pip [default: the runtime's version on PATH, in pyenv's or uv's
              folders, else any]

          --cache-dir <DIR>
              Where wheels are kept between builds [default: pack in the user's cache folder]


      -j, --jobs <N>
              Threads to use [default: one a processor]

      -q, --quiet
              Print only the artifact's path

      -v, --verbose
              Say more: every removal, every library left as it was

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      pack zip workload                     functions/workload with requirements/workload.txt
      pack zip                              every function, as the matrix of pack.toml says
      pack zip src/report -r reqs.txt       any folder, with its requirements
      pack zip src/report -r uv.lock        a lock or pyproject.toml; --extra and --group choose from it
      pack zip job.py --python 3.12 --arch arm64 --output job.zip
      pack zip workload --layer data.zip    without what the layer data.zip has
      pack zip workload --dry-run           what would be built, from which wheels
      pack zip workload --json | jq .unpacked

    A .packignore (in the format of .gitignore) keeps files of the function out. Version control,
    virtual environments, __pycache__, .env, its own tests and editors' files stay out anyway.

    Of the methods in pack.toml, this builds zip and layers: the layers of the project first, then the
    functions without what these have. Layers of others (public, arn) are taken in the version that
    pack.lock says, from the cache or from AWS, which takes credentials and a pack with the cargo
    feature aws. Where one cannot be had, the packaging is passed over; --layer builds it with ZIPs
    that you have. pack image builds images.
    ");
}

#[test]
fn wrong_usage_says_what_to_do() {
    let pack = project();
    pack.function("other", HANDLER, &[]);
    pack.write("notes.txt", "");
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["Usage: pack <COMMAND>"]),
        (&["zip", "ap"], &["error: there is no function \"ap\"", "hint: functions here: app, other; or give the path"]),
        (&["zip", "notes.txt"], &["error: notes.txt is not a Python file", "hint: a function is a folder or a single"]),
        (&["zip", "app", "-r", "none.txt"], &["error: there is no file none.txt", "hint: -r takes the path"]),
        (&["zip", "app", "--python", "3.8"], &["--python", "runtimes known to pack: 3.10, 3.11, 3.12, 3.13, 3.14"]),
        (&["zip", "app", "--arch", "mips"], &["--arch", "x86_64, arm64"]),
        (&["zip", "app", "--keep", "a["], &["error: --keep: ", "hint: example: --keep 'pandas/tests/**'"]),
        (&["zip", "app", "-q", "-v"], &["'--quiet' cannot be used with '--verbose'"]),
        (&["zip", "app", "--jobs", "0"], &["--jobs"]),
        (
            &["zip", "app", "other", "--output", "one.zip"],
            &["error: two functions would be written to one.zip", "hint: give a folder as --output"],
        ),
        (
            &["zip", "app", "--python-executable", "/nonexistent/python"],
            &["error: /nonexistent/python cannot be used: ", "hint: --python-executable takes the path"],
        ),
    ];
    for (arguments, said) in cases {
        assert_fails(&pack.command(*arguments).run(), 2, said);
    }
    let said = &["error: there is no functions/ folder with functions here", "hint: name the folder or .py file"];
    assert_fails(&Pack::new().command(["zip"]).run(), 2, said);
    assert_eq!(Pack::files(&pack.path("dist")), [""; 0], "nothing was written");
}

#[test]
fn a_function_is_a_name_a_folder_or_a_file() {
    let pack = project();
    pack.write("elsewhere/job/main.py", HANDLER);
    pack.write("elsewhere/job/lib/__init__.py", "");
    pack.write("elsewhere/job/requirements.txt", "pkg\n");
    pack.write("scripts/tiny.py", HANDLER);
    pack.write("scripts/unrelated.py", "");
    let cases = [
        ("app", "dist/app-python3.13-x86_64.zip", "app.handler", &["app.py"][..], true),
        ("elsewhere/job", "dist/job-python3.13-x86_64.zip", "main.handler", &["lib/__init__.py", "main.py"], true),
        ("scripts/tiny.py", "dist/tiny-python3.13-x86_64.zip", "tiny.handler", &["tiny.py"], false),
    ];
    for (function, path, handler, own, has_pkg) in cases {
        let report = pack.zip(function).arg("--json").run().json(0);
        assert_eq!((&report["path"], &report["handler"]), (&json!(path), &json!(handler)));
        let paths = paths(&pack.path(path));
        let of_the_function: Vec<&String> = paths.iter().filter(|path| !path.starts_with("pkg")).collect();
        assert_eq!(of_the_function, own, "{function}");
        assert_eq!(paths.contains(&"pkg/__init__.py".to_owned()), has_pkg, "{function}");
    }
    let pinned = pack.zip("scripts/tiny.py").arg("-r").arg("elsewhere/job/requirements.txt").arg("--json").run();
    assert_eq!(pinned.json(0)["parts"].as_array().unwrap().len(), 2, "-r gives a file its requirements");
}

#[test]
fn a_handler_that_is_not_there_is_an_error() {
    let pack = project();
    let outcome = pack.zip("app").arg("--handler").arg("app.main").run();
    let said = ["error: app would not work on Lambda", "handler app.main: app.py does not define main", "--no-check"];
    assert_fails(&outcome, 1, &said);
    assert_eq!(Pack::files(&pack.path("dist")), [""; 0]);
}

#[test]
fn several_functions_are_built_one_after_the_other() {
    let pack = project();
    pack.function("other", HANDLER, &["pkg"]);
    let all = pack.command(["zip", "--bytecode", "none", "--json"]).run().json(0);
    let names: Vec<&Value> = all.as_array().unwrap().iter().map(|report| &report["function"]).collect();
    assert_eq!(names, ["app", "other"]);
    let outcome = pack.command(["zip", "other", "app", "--bytecode", "none", "-q", "--output", "out/"]).run();
    assert_done(&outcome);
    assert_eq!(outcome.stdout, "out/other-python3.13-x86_64.zip\nout/app-python3.13-x86_64.zip\n");
    assert_eq!(pack.artifacts_in("out"), ["app-python3.13-x86_64.zip", "other-python3.13-x86_64.zip"]);
}

#[test]
fn output_is_a_file_or_a_folder() {
    let pack = project();
    fs::create_dir(pack.path("existing")).unwrap();
    for (output, path) in [
        ("deep/er/job.zip", "deep/er/job.zip"),
        ("existing", "existing/app-python3.12-arm64.zip"),
        ("new/", "new/app-python3.12-arm64.zip"),
    ] {
        let run = pack.zip("app").arg("--python").arg("3.12").arg("--arch").arg("arm64");
        let outcome = run.arg("--output").arg(output).arg("-q").run();
        assert_done(&outcome);
        assert_eq!(outcome.stdout, format!("{path}\n"));
        assert!(pack.path(path).is_file());
    }
}

#[test]
fn quiet_prints_the_path_and_nothing_else() {
    let outcome = project().zip("app").arg("-q").run();
    let expected = (0, "dist/app-python3.13-x86_64.zip\n", "");
    assert_eq!((outcome.status, outcome.stdout.as_str(), outcome.stderr.as_str()), expected);
}

#[test]
fn a_dry_run_says_what_would_be_built_and_builds_nothing() {
    let pack = project();
    pack.wheel(&WheelBuilder::new("pkg", "2.0").file("pkg/__init__.py", b"").requires("helper>=1"));
    pack.wheel(&WheelBuilder::new("helper", "1.5").file("helper.py", b""));
    let outcome = pack.command(["zip", "app", "--dry-run"]).run();
    assert_done(&outcome);
    let text: Vec<String> = outcome
        .stdout
        .lines()
        .map(|line| match line.split_once(char::is_whitespace) {
            Some((key @ ("pip" | "bytecode"), _)) => format!("{key} …"),
            _ => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    function      app (functions/app, 1 file)
      app.py
    target        python3.13-x86_64 (wheels up to manylinux_2_34_x86_64)
    requirements  requirements/app.txt
    pip …
    bytecode …
    output        dist/app-python3.13-x86_64.zip
    wheels        2
      fetch  helper-1.5-py3-none-any.whl  (dependency)
      fetch  pkg-2.0-py3-none-any.whl
    ");
    let plan = pack.command(["zip", "app", "--dry-run", "--json"]).run().json(0);
    assert_eq!(plan["newest_platform_tag"], "manylinux_2_34_x86_64");
    assert_eq!(plan["function_files"], json!(["app.py"]));
    let digest = sha256(&fs::read(pack.path("wheels/pkg-2.0-py3-none-any.whl")).unwrap());
    let wheel = json!({
        "name": "pkg", "version": "2.0", "requested": true, "file": "pkg-2.0-py3-none-any.whl", "sha256": digest,
        "cached": false,
    });
    assert_eq!(plan["wheels"][1], wheel);
    assert_eq!(Pack::files(&pack.path("dist")), [""; 0]);
    assert_eq!(Pack::files(&pack.cache()), [""; 0]);
    assert_done(&pack.zip("app").run());
    let plan = pack.command(["zip", "app", "--dry-run", "--json"]).run().json(0);
    assert_eq!(plan["wheels"][1]["cached"], true);
}

#[test]
fn the_json_report_adds_up() {
    let pack = rich_project();
    let report = pack.zip("app").arg("--json").run().json(0);
    let sum = |list: &str, key: &str| -> u64 {
        report[list].as_array().unwrap().iter().map(|part| part[key].as_u64().unwrap()).sum()
    };
    let zip = pack.artifact("app");
    let files = unzip(&zip);
    let bytes = fs::read(&zip).unwrap();
    assert_eq!(report["sha256"], sha256(&bytes));
    assert_eq!(report["packed"], bytes.len());
    assert_eq!(report["unpacked"], files.values().map(|file| file.bytes.len()).sum::<usize>());
    assert_eq!(report["unpacked"], sum("parts", "unpacked"));
    assert!(sum("parts", "packed") < report["packed"].as_u64().unwrap(), "the ZIP's own headers are nobody's part");
    assert_eq!(files.len() as u64, sum("parts", "files"));
    assert_eq!(sum("slimmed", "bytes"), sum("removed", "bytes"));
    assert_eq!(sum("slimmed", "files"), report["removed"].as_array().unwrap().len() as u64);
    assert_eq!(report["unpacked_limit"], 262_144_000);
    assert_eq!((&report["over_limit"], &report["needs_s3"]), (&json!(false), &json!(false)));
    assert_eq!((&report["python"], &report["architecture"]), (&json!("3.13"), &json!("x86_64")));
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let expected = [
        "architecture",
        "bytecode",
        "function",
        "handler",
        "imports",
        "over_limit",
        "packed",
        "parts",
        "path",
        "phases",
        "python",
        "removed",
        "requirements",
        "resolved",
        "runtime",
        "sha256",
        "bytecode_interpreter",
        "slim",
        "slimmed",
        "uncompiled",
        "unpacked",
        "unpacked_limit",
        "unstripped",
        "needs_s3",
        "findings",
        "kept",
        "layers",
        "unpacked_with_layers",
        "warnings",
    ];
    assert_eq!(keys.iter().map(|key| key.as_str()).collect::<BTreeSet<_>>(), expected.into());
}

#[test]
fn the_report_reads_well() {
    let outcome = rich_project().zip("app").run();
    assert_done(&outcome);
    let text: Vec<String> = outcome
        .stdout
        .lines()
        .map(|line| match line.split_once("  ") {
            Some(("time", _)) => "time  …".to_owned(),
            _ if line.starts_with("  SHA-256") => "  SHA-256   …".to_owned(),
            _ if line.starts_with("  bytecode") => "  bytecode  …".to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    dist/app-python3.13-x86_64.zip
      unpacked      978 B  [........................................]  0.0 % of 262,144,000
      packed       2.8 kB
      exact     978 bytes unpacked, 2,841 packed
      SHA-256   …
      bytecode  …
      handler   app.handler
      imports   not tested: --no-import-test

    largest distributions                 unpacked    packed
      careful 2.0                            576 B     424 B
      sample 1.0                             360 B     263 B
      function                                42 B      42 B

    left out                                1.6 kB     files
      installer leftovers in dist-info      1.5 kB         2
      command-line scripts                    41 B         1
      tests                                   14 B         2
      C, C++ and Cython sources, headers      14 B         2
      documentation and examples              12 B         1
      static libraries                         8 B         1
      type stubs                               7 B         2
      installers' bytecode (stale)             5 B         1

    time  …
    ");
}

/// What every slimming rule but those for libraries takes out, and beside each what it has to leave.
fn rich_project() -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["sample", "careful"]);
    pack.wheel(
        &WheelBuilder::new("sample", "1.0")
            .file("sample/__init__.py", b"")
            .file("sample/__init__.pyi", b"x: int\n")
            .file("sample/py.typed", b"")
            .file("sample/__pycache__/__init__.cpython-313.pyc", b"stale")
            .file("sample/tests/__init__.py", b"")
            .file("sample/tests/test_sample.py", b"import sample\n")
            .file("sample/docs/guide.rst", b"Guide\n=====\n")
            .file("sample/_speed.c", b"int x;\n")
            .file("sample/include/speed.h", b"int x;\n")
            .file("sample/lib/libspeed.a", b"!<arch>\n")
            .file("sample-1.0.data/scripts/sample", b"#!python\nimport sample\n")
            .file("sample-1.0.dist-info/licenses/LICENSE", b"Free\n")
            .file("sample-1.0.dist-info/entry_points.txt", b"[console_scripts]\nsample = sample:main\n"),
    );
    pack.wheel(
        &WheelBuilder::new("careful", "2.0")
            .file("careful/__init__.py", b"import lazy_loader\nlazy_loader.attach_stub(__name__, __file__)\n")
            .file("careful/__init__.pyi", b"from . import core\n")
            .file("careful/core.py", b"from careful.tests import fixture\nopen('docs/schema.json')\nopen('kernel.h')\n")
            .file("careful/tests/__init__.py", b"fixture = 1\n")
            .file("careful/docs/schema.json", b"{}\n")
            .file("careful/kernel.h", b"int y;\n")
            .file("careful/model.a", b"no archive of objects\n"),
    );
    pack
}

#[test]
fn every_rule_takes_its_own_and_says_so() {
    let pack = rich_project();
    let report = pack.zip("app").arg("--json").run().json(0);
    let expected: BTreeMap<String, Vec<String>> = [
        ("documentation", &["sample/docs/guide.rst"][..]),
        ("installed-bytecode", &["sample/__pycache__/__init__.cpython-313.pyc"]),
        ("installer-files", &["careful-2.0.dist-info/RECORD", "sample-1.0.dist-info/RECORD"]),
        ("scripts", &["bin/sample"]),
        ("sources", &["sample/_speed.c", "sample/include/speed.h"]),
        ("static-libraries", &["sample/lib/libspeed.a"]),
        ("tests", &["sample/tests/__init__.py", "sample/tests/test_sample.py"]),
        ("type-stubs", &["sample/__init__.pyi", "sample/py.typed"]),
    ]
    .into_iter()
    .map(|(rule, paths)| (rule.to_owned(), paths.iter().map(|path| (*path).to_owned()).collect()))
    .collect();
    assert_eq!(removed(&report), expected);
    let left = [
        "app.py",
        "careful-2.0.dist-info/METADATA",
        "careful-2.0.dist-info/RECORD",
        "careful-2.0.dist-info/WHEEL",
        "careful/__init__.py",
        "careful/__init__.pyi",
        "careful/core.py",
        "careful/docs/schema.json",
        "careful/kernel.h",
        "careful/model.a",
        "careful/tests/__init__.py",
        "sample-1.0.dist-info/METADATA",
        "sample-1.0.dist-info/RECORD",
        "sample-1.0.dist-info/WHEEL",
        "sample-1.0.dist-info/entry_points.txt",
        "sample-1.0.dist-info/licenses/LICENSE",
        "sample/__init__.py",
    ];
    assert_eq!(paths(&pack.artifact("app")), left);
}

#[test]
fn without_slimming_only_stale_bytecode_goes() {
    let pack = rich_project();
    let report = pack.zip("app").arg("--slim").arg("none").arg("--json").run().json(0);
    assert_eq!(removed(&report).into_keys().collect::<Vec<_>>(), ["installed-bytecode"]);
    let script = &unzip(&pack.artifact("app"))["bin/sample"];
    assert_eq!(script.text(), "#!/var/lang/bin/python3.13\nimport sample\n");
    assert!(script.executable);
}

#[test]
fn keep_and_exclude_win_over_every_rule() {
    let pack = rich_project();
    let keeps = ["sample/tests", "**/*.h", "bin/*", "sample/docs/**", "**/RECORD", "**/py.typed", "**/*.a", "**/*.pyc"];
    let mut run = pack.zip("app").arg("--json");
    for keep in keeps {
        run = run.arg("--keep").arg(keep);
    }
    let report = run.arg("--exclude").arg("careful/core.py").arg("--exclude").arg("*-2.0.dist-info").run().json(0);
    let removed = removed(&report);
    assert_eq!(removed["type-stubs"], ["sample/__init__.pyi"]);
    assert_eq!(removed["sources"], ["sample/_speed.c"]);
    let excluded = ["METADATA", "WHEEL"].map(|name| format!("careful-2.0.dist-info/{name}"));
    assert_eq!(removed["excluded"], [&excluded[..], &["careful/core.py".to_owned()]].concat());
    // What only the excluded source needed is needed no longer.
    assert!(removed["tests"].contains(&"careful/tests/__init__.py".to_owned()));
    let paths = paths(&pack.artifact("app"));
    for kept in ["sample/tests/test_sample.py", "sample/include/speed.h", "bin/sample", "sample/docs/guide.rst"] {
        assert!(paths.contains(&kept.to_owned()), "{kept}: {removed:?}");
    }
    let function_file = pack.zip("app").arg("--exclude").arg("app.py").arg("--json").run().json(0);
    assert_eq!(function_file["handler"], Value::Null, "--exclude holds for the function's own files too");
}

#[test]
fn copies_of_a_library_and_symbols_are_taken_out() {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["native"]);
    pack.write("x.c", "int answer(void) { return 42; }\n");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-g", "-nostdlib", "-Wl,-soname,libx.so.1", "-o", "libx.so", "x.c"]);
    match compiler.current_dir(pack.path("")).status() {
        Ok(status) if status.success() => {}
        _ => {
            skip("no C compiler to make a shared library with");
            return;
        }
    }
    let library = fs::read(pack.path("libx.so")).unwrap();
    pack.wheel(
        &WheelBuilder::new("native", "1.0")
            .file("native/__init__.py", b"")
            .file("native/libx.so", &library)
            .file("native/libx.so.1", &library)
            .file("native/libx.so.1.2", &library),
    );
    let report = pack.zip("app").arg("--json").run().json(0);
    let removed = removed(&report);
    assert_eq!(removed["library-copies"], ["native/libx.so", "native/libx.so.1.2"]);
    assert_eq!(removed["symbols"], ["native/libx.so.1"]);
    let stripped = &unzip(&pack.artifact("app"))["native/libx.so.1"].bytes;
    assert!(stripped.len() < library.len(), "{} of {}", stripped.len(), library.len());
    assert!(pack.zip("app").arg("--keep").arg("native/libx.so.1").run().status == 0);
    assert!(unzip(&pack.artifact("app"))["native/libx.so.1"].bytes == library, "what is kept is not stripped");

    // A name that is put together when the library is opened.
    pack.wheel(
        &WheelBuilder::new("native", "1.0.1")
            .file("native/__init__.py", b"import ctypes\ndef load(name): return ctypes.CDLL(f\"lib{name}.so\")\n")
            .file("native/libx.so", &library)
            .file("native/libx.so.1", &library)
            .file("native/libx.so.1.2", &library),
    );
    let report = pack.zip("app").arg("--json").run().json(0);
    assert_eq!(self::removed(&report)["library-copies"], ["native/libx.so.1.2"]);

    // Whose bytes somebody may sum up.
    pack.write("functions/app/own.so", &library);
    pack.wheel(
        &WheelBuilder::new("native", "1.1")
            .file("native/__init__.py", b"")
            .file("native/libx.so", &library)
            .file("native/.libx.so.hmac", b"sum")
            .file("native/_pytransform.so", &[library.as_slice(), b"\0"].concat()),
    );
    let report = pack.zip("app").arg("--json").run().json(0);
    let left = unzip(&pack.artifact("app"));
    assert!(left["own.so"].bytes == library && left["native/libx.so"].bytes == library, "{report:#}");
    assert!(left["native/_pytransform.so"].bytes.starts_with(&library), "{report:#}");
}

#[test]
fn the_aws_sdk_is_left_to_the_runtime_unless_it_is_asked_for() {
    let pack = Pack::new();
    pack.function("traced", HANDLER, &["tracer"]);
    pack.function("direct", HANDLER, &["boto3"]);
    pack.wheel(&WheelBuilder::new("tracer", "1.0").file("tracer.py", b"").requires("botocore>=1.0"));
    pack.wheel(&WheelBuilder::new("boto3", "1.44").file("boto3/__init__.py", b"").requires("botocore<2,>=1"));
    pack.wheel(&WheelBuilder::new("botocore", "1.44").file("botocore/__init__.py", b"").requires("urllib3"));
    pack.wheel(&WheelBuilder::new("urllib3", "2.0").file("urllib3/__init__.py", b""));
    let decisions = |function: &str, flag: Option<&str>| -> Vec<String> {
        let run = pack.zip(function).arg("--json");
        let report = flag.into_iter().fold(run, support::Run::arg).run().json(0);
        let bundled = paths(&pack.artifact(function));
        let runtime = report["runtime"].as_array().unwrap().clone();
        let describe = |decision: Value| {
            let name = decision["name"].as_str().unwrap();
            let verb = if decision["bundled"] == true { "bundled" } else { "left out" };
            let is_there = bundled.contains(&format!("{name}/__init__.py"));
            assert_eq!(is_there, decision["bundled"] == true, "{name}");
            format!("{name} {verb}: {}", decision["reason"].as_str().unwrap())
        };
        runtime.into_iter().map(describe).collect()
    };
    assert_eq!(
        decisions("traced", None),
        [
            "botocore left out: came along only (tracer needs botocore>=1.0)",
            "urllib3 left out: only needed by what the runtime ships"
        ]
    );
    assert_eq!(
        decisions("traced", Some("--bundle-sdk")),
        ["botocore", "urllib3"].map(|name| format!("{name} bundled: --bundle-sdk"))
    );
    assert_eq!(
        decisions("direct", None),
        [
            "boto3 bundled: named in the requirements",
            "botocore bundled: boto3 needs botocore>=1, <2",
            "urllib3 bundled: botocore needs urllib3"
        ]
    );
    assert!(
        decisions("direct", Some("--no-bundle-sdk")).iter().all(|line| line.ends_with("left out: --no-bundle-sdk"))
    );
    let text = pack.zip("traced").run().stdout;
    assert!(text.contains("left out  botocore 1.44: came along only"), "{text}");
    assert!(text.contains("--bundle-sdk, to ship your own version"), "{text}");
}

#[test]
fn above_the_limit_the_artifact_gets_another_name() {
    let pack = project();
    assert_done(&pack.zip("app").run());
    let good = fs::read(pack.artifact("app")).unwrap();
    pack.wheel(&WheelBuilder::new("pkg", "2.0").file("pkg/zeros.bin", &vec![0; 263_000_000]));
    let outcome = pack.zip("app").run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    for words in [
        "dist/app-python3.13-x86_64.over-limit.zip\n",
        "error: too large for Lambda by 856.",
        "\"Unzipped size must be smaller than 262144000 bytes\"",
        "hint: the largest are pkg (263.0 MB)",
        "hint: --exclude GLOB leaves out what your function never imports",
    ] {
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
    assert_eq!(outcome.stderr.matches("error: ").count(), 1, "{}", outcome.stderr);
    assert_eq!(fs::read(pack.artifact("app")).unwrap(), good, "the last good artifact stays");
    let report = pack.zip("app").arg("--json").run().json(1);
    assert_eq!(
        (&report["over_limit"], &report["path"]),
        (&json!(true), &json!("dist/app-python3.13-x86_64.over-limit.zip"))
    );
}

#[test]
fn quiet_still_says_why_it_fails() {
    let pack = Pack::new();
    pack.function("app", HANDLER, &[]);
    fs::File::create(pack.path("functions/app/zeros.bin")).unwrap().set_len(263_000_000).unwrap();
    let quiet = pack.zip("app").arg("-q").run();
    assert_eq!((quiet.status, quiet.stdout.as_str()), (1, "dist/app-python3.13-x86_64.over-limit.zip\n"));
    assert!(quiet.stderr.contains("too large for Lambda"), "{:?}", quiet.stderr);
}

/// A function and a dependency that say where their code comes from.
fn compiled_project() -> Pack {
    let pack = Pack::new();
    pack.function("app", "import pkg\n\ndef handler(event, context):\n    return pkg.where()\n", &["pkg"]);
    pack.wheel(
        &WheelBuilder::new("pkg", "1.0")
            .file("pkg/__init__.py", b"from .inner import where\n")
            .file("pkg/inner.py", b"def where():\n    return where.__code__.co_filename\n")
            .file("pkg/template.py", b"class {{ name }}:\n")
            .file("pkg/__pycache__/inner.cpython-313.pyc", &[0; 16]),
    );
    pack
}

/// Prints where Python found the bytecode of two modules, and the path that the bytecode itself has.
const SAY_WHERE: &str = "\
import app, marshal
inner = app.pkg.inner
with open(inner.__cached__, 'rb') as file:
    code = marshal.loads(file.read()[16:])
print(app.__cached__, inner.__cached__, code.co_filename)
";

/// Imports an artifact's modules out of a folder that nobody may write to.
fn run_read_only(zip: &Path, folder: &Path, python: &Path) -> String {
    let task = ReadOnly::unpack(zip, folder);
    let mut command = Command::new(python);
    command.args(["-S", "-s", "-c", SAY_WHERE]).env("PYTHONPATH", folder).env_remove("PYTHONDONTWRITEBYTECODE");
    let output = command.output().unwrap();
    task.assert_unchanged();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace(folder.to_str().unwrap(), "ROOT")
}

#[test]
fn bytecode_is_fresh_unchecked_and_shows_the_task_root() {
    let pack = compiled_project();
    let Some(python) = compile_interpreter(&pack, "app") else { return };
    let cases = [
        (
            "compiled",
            &[
                "__pycache__/app.cpython-313.pyc",
                "app.py",
                "pkg/__init__.py",
                "pkg/__pycache__/__init__.cpython-313.pyc",
                "pkg/__pycache__/inner.cpython-313.pyc",
                "pkg/inner.py",
                "pkg/template.py",
            ][..],
            "ROOT/__pycache__/app.cpython-313.pyc ROOT/pkg/__pycache__/inner.cpython-313.pyc /var/task/pkg/inner.py\n",
        ),
        (
            "only",
            &["__pycache__/app.cpython-313.pyc", "app.py", "pkg/__init__.pyc", "pkg/inner.pyc", "pkg/template.py"],
            "ROOT/__pycache__/app.cpython-313.pyc ROOT/pkg/inner.pyc /var/task/pkg/inner.py\n",
        ),
    ];
    for (policy, expected, said) in cases {
        let report = pack.command(["zip", "app", "--bytecode", policy, "--json"]).run().json(0);
        assert_eq!(report["bytecode"], policy);
        let files = unzip(&pack.artifact("app"));
        let own: Vec<&String> = files.keys().filter(|path| !path.contains(".dist-info/")).collect();
        assert_eq!(own, expected, "{policy}");
        for (path, file) in files.iter().filter(|(path, _)| path.ends_with(".pyc")) {
            // PEP 552: bit 0 says that a hash follows, bit 1 that it is to be checked.
            assert_eq!(file.bytes[4..8], [1, 0, 0, 0], "{path} is no unchecked-hash .pyc");
        }
        assert_eq!(run_read_only(&pack.artifact("app"), &pack.path(policy), &python), said);
    }
    let only = pack.command(["zip", "app", "--bytecode", "only", "--json"]).run().json(0);
    assert_eq!(removed(&only)["compiled-sources"], ["pkg/__init__.py", "pkg/inner.py"]);
    let kept = pack.command(["zip", "app", "--bytecode", "only", "--keep", "pkg/inner.py", "--json"]).run().json(0);
    assert_eq!(removed(&kept)["compiled-sources"], ["pkg/__init__.py"]);
    assert_done(&pack.zip("app").run());
    assert!(!paths(&pack.artifact("app")).iter().any(|path| path.ends_with(".pyc")), "--bytecode none has none");
}

#[test]
fn without_an_interpreter_of_that_version_there_is_no_bytecode_but_a_warning() {
    let pack = compiled_project();
    // Whatever this machine has: only one Python is to be seen, of another version than the target's.
    let plan = pack.zip("app").arg("--dry-run").arg("--json").run().json(0);
    fs::create_dir(pack.path("bin")).unwrap();
    std::os::unix::fs::symlink(plan["pip_interpreter"].as_str().unwrap(), pack.path("bin/python3")).unwrap();
    let version = Command::new(pack.path("bin/python3")).arg("--version").output().unwrap();
    let target = if version.stdout.starts_with(b"Python 3.12") { "3.13" } else { "3.12" };
    let run = || {
        pack.command(["zip", "app", "--python", target])
            .env("PATH", pack.path("bin"))
            .env("PYENV_ROOT", "/nonexistent")
            .env("UV_PYTHON_INSTALL_DIR", "/nonexistent")
    };
    let report = run().arg("--json").run().json(0);
    assert_eq!(report["bytecode"], "none");
    let warning = warnings(&report)[0];
    for words in
        [&format!("no CPython {target} was found"), "every cold start compiles", "pyenv install", "--bytecode none"]
    {
        assert!(warning.contains(words), "{warning}");
    }
    let text = run().run().stderr;
    assert!(text.contains(&format!("warning: no CPython {target} was found")), "{text}");
}

/// `--offline` with a pip configuration full of places in a network, and whether any of them was asked.
fn offline(pack: &Pack, function: &str) -> (Outcome, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    let mut run = pack.zip(function).arg("--offline");
    run.command.env_remove("PIP_NO_INDEX");
    for variable in ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "HTTP_PROXY", "HTTPS_PROXY"] {
        run = run.env(variable, &place);
    }
    let outcome = run.env("PIP_TIMEOUT", "1").env("PIP_RETRIES", "0").run();
    (outcome, listener.accept().is_ok())
}

#[test]
fn offline_builds_from_the_cache_and_touches_no_network() {
    let pack = project();
    assert_done(&pack.zip("app").run());
    let online = fs::read(pack.artifact("app")).unwrap();
    fs::remove_dir_all(pack.path("wheels")).unwrap();
    let (outcome, asked) = offline(&pack, "app");
    assert_done(&outcome);
    assert_eq!(fs::read(pack.artifact("app")).unwrap(), online);
    assert!(!asked, "a place in the network was asked");
    // Never resolved before, though the cache has what it takes.
    pack.function("pinned", HANDLER, &["pkg==1.0"]);
    let (outcome, asked) = offline(&pack, "pinned");
    assert_done(&outcome);
    assert!(!asked, "a place in the network was asked to resolve anew");
}

#[test]
fn offline_says_what_the_cache_lacks() {
    let pack = project();
    assert_done(&pack.zip("app").run());
    pack.function("more", HANDLER, &["absent"]);
    let (outcome, _) = offline(&pack, "more");
    assert_fails(&outcome, 1, &["absent", "--offline", "cache"]);
    assert!(!outcome.stderr.contains("pkg-1.0"), "a wheel of something else is no help:\n{}", outcome.stderr);
}

#[test]
fn no_wheel_for_the_target_names_the_wheels_that_exist() {
    let pack = project();
    fs::remove_file(pack.path("wheels/pkg-1.0-py3-none-any.whl")).unwrap();
    for tags in ["cp313-cp313-win_amd64", "cp312-cp312-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_39_x86_64"] {
        pack.wheel(&WheelBuilder::new("pkg", "1.0").tags(tags));
    }
    let said = [
        "error: no wheel of pkg fits python3.13-x86_64 (its newest platform tag is manylinux_2_34_x86_64)",
        "pkg-1.0-cp313-cp313-win_amd64.whl",
        "pkg-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
        "pkg-1.0-cp313-cp313-manylinux_2_39_x86_64.whl",
        "choose another --python or --arch",
    ];
    assert_fails(&pack.zip("app").run(), 1, &said);
    pack.wheel(&WheelBuilder::new("pkg", "1.0").tags("cp313-cp313-manylinux_2_28_aarch64"));
    assert_done(&pack.zip("app").arg("--arch").arg("arm64").run());
}

#[test]
fn what_does_not_exist_is_told_from_what_does_not_fit() {
    let pack = project();
    pack.write("requirements/app.txt", "pkg>=7\n");
    assert_fails(&pack.zip("app").run(), 1, &["error: pip found no version of pkg>=7", "versions that exist: 1.0"]);
    pack.write("requirements/app.txt", "no-such-thing\n");
    assert_fails(&pack.zip("app").run(), 1, &["error: pip found no version of no-such-thing", "check the name"]);
}

#[test]
fn hashes_in_requirements_hold() {
    let pack = project();
    let digest = sha256(&fs::read(pack.path("wheels/pkg-1.0-py3-none-any.whl")).unwrap());
    pack.write("requirements/app.txt", format!("pkg==1.0 --hash=sha256:{digest}\n"));
    assert_done(&pack.zip("app").run());
    pack.write("requirements/app.txt", format!("pkg==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    let wrong = pack.zip("app").run();
    assert_fails(&wrong, 1, &["pkg==1.0", "DO NOT MATCH THE HASHES", "hint: "]);
}

#[test]
fn hashes_for_some_requirements_only_are_an_error_that_says_so() {
    let pack = project();
    let digest = sha256(&fs::read(pack.path("wheels/pkg-1.0-py3-none-any.whl")).unwrap());
    pack.write("requirements/app.txt", format!("pkg==1.0 --hash=sha256:{digest}\nother\n"));
    pack.wheel(&WheelBuilder::new("other", "1.0"));
    assert_fails(&pack.zip("app").run(), 1, &["hash", "hint: hash mode is all or nothing"]);
}

#[test]
fn markers_are_judged_for_the_target() {
    let pack = Pack::new();
    let requirements = [
        "old; python_version < '3.11'",
        "new; python_version >= '3.11'",
        "arm; platform_machine == 'aarch64'",
        "mac; sys_platform == 'darwin'",
    ];
    pack.function("app", HANDLER, &requirements);
    for name in ["old", "new", "arm", "mac"] {
        pack.wheel(&WheelBuilder::new(name, "1.0").file(&format!("{name}.py"), b""));
    }
    for (python, architecture, expected) in
        [("3.10", "x86_64", &["old"][..]), ("3.13", "x86_64", &["new"]), ("3.10", "arm64", &["arm", "old"])]
    {
        let run = pack.zip("app").arg("--dry-run").arg("--json").arg("--python").arg(python);
        let plan = run.arg("--arch").arg(architecture).run().json(0);
        let names: Vec<&Value> = plan["wheels"].as_array().unwrap().iter().map(|wheel| &wheel["name"]).collect();
        assert_eq!(names, expected, "Python {python} on {architecture}");
    }
}

#[test]
fn requirement_files_include_and_constrain() {
    let pack = project();
    pack.wheel(&WheelBuilder::new("pkg", "2.0").file("pkg/__init__.py", b"VALUE = 2\n"));
    pack.wheel(&WheelBuilder::new("more", "1.0").file("more.py", b""));
    pack.write("requirements/app.txt", "-r common/base.txt\n");
    pack.write("requirements/common/base.txt", "# shared\npkg\n-r more.txt\n-c ../limits.txt\n");
    pack.write("requirements/common/more.txt", "more\n");
    pack.write("requirements/limits.txt", "pkg<2\nunused==7\n");
    pack.write("requirements/extra.txt", "pkg>=1\n");
    let report = pack.zip("app").arg("--json").run().json(0);
    let parts: BTreeSet<String> = report["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| format!("{} {}", part["name"].as_str().unwrap(), part["version"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(parts, ["function -", "more 1.0", "pkg 1.0"].map(str::to_owned).into());
    let run = pack.zip("app").arg("-r").arg("requirements/app.txt").arg("-r").arg("requirements/extra.txt");
    assert_done(&run.run());
}

#[test]
fn requirements_that_contradict_each_other_are_an_error_of_the_input() {
    let pack = project();
    pack.wheel(&WheelBuilder::new("user", "1.0").requires("pkg<1"));
    pack.write("requirements/app.txt", "pkg>=1\nuser\n");
    let said = ["error: resolving the requirements with pip failed", "hint: the requirements contradict each other"];
    assert_fails(&pack.zip("app").run(), 1, &said);
}

/// Serves one file to whoever gives the right name and password, until the test ends. Returns its port.
fn serve_privately(name: &'static str, body: Vec<u8>, credentials: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let expected = format!("Basic {}", data_encoding::BASE64.encode(credentials.as_bytes()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let Some(first) = request.first() else { continue };
            let authorised = request.iter().any(|line| {
                line.split_once(": ")
                    .is_some_and(|(key, value)| key.eq_ignore_ascii_case("authorization") && value == expected)
            });
            let (status, sent): (_, &[u8]) = match first.split(' ').nth(1) {
                _ if !authorised => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"wheels\"", b""),
                Some(path) if path == format!("/{name}") => ("200 OK", &body),
                _ => ("404 Not Found", b""),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", sent.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
        }
    });
    port
}

#[test]
fn a_password_in_a_url_is_used_and_shown_nowhere() {
    const FILE: &str = "secretive-1.0-py3-none-any.whl";
    let wheel = WheelBuilder::new("secretive", "1.0").file("secretive.py", b"");
    let port = serve_privately(FILE, wheel.build(), "someone:open-sesame");
    let pack = Pack::new();
    pack.function("app", HANDLER, &[&format!("secretive @ http://someone:open-sesame@127.0.0.1:{port}/{FILE}")]);
    pack.function("missing", HANDLER, &[&format!("secretive @ http://someone:open-sesame@127.0.0.1:{port}/no-{FILE}")]);
    pack.function("locked", HANDLER, &[&format!("secretive @ http://someone:wrong-sesame@127.0.0.1:{port}/{FILE}")]);
    let cases: &[(&[&str], i32)] = &[
        (&["app", "--dry-run"], 0),
        (&["app", "--dry-run", "--json"], 0),
        (&["app", "-v"], 0),
        (&["app", "--json"], 0),
        (&["missing"], 1),
        (&["locked", "-v"], 1),
    ];
    for (arguments, status) in cases {
        let run = pack.zip(arguments[0]).env("NO_PROXY", "127.0.0.1").env("PIP_CACHE_DIR", pack.tmp().join("pip"));
        let outcome = arguments[1..].iter().fold(run, support::Run::arg).run();
        assert_eq!(outcome.status, *status, "{arguments:?}: {}", outcome.stderr);
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains("sesame"), "{arguments:?}: {text}");
        }
    }
    assert!(paths(&pack.artifact("app")).contains(&"secretive.py".to_owned()));
    let secret = data_encoding::BASE64.encode(b"someone:open-sesame");
    for folder in [pack.cache(), pack.path("dist"), pack.tmp()] {
        for file in Pack::files(&folder) {
            let bytes = fs::read(folder.join(&file)).unwrap();
            let has = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
            assert!(!has("open-sesame") && !has(&secret), "the password is in {file}");
        }
    }
    for file in unzip(&pack.artifact("app")).values() {
        assert!(!String::from_utf8_lossy(&file.bytes).contains("sesame"));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    struct Surroundings<'a> {
        what: &'a str,
        umask: &'a str,
        variables: &'a [(&'a str, &'a str)],
        jobs: &'a str,
    }
    let project = || {
        let pack = compiled_project();
        pack.write("requirements/app.txt", "numpy==2.3.5\n./wheels/pkg-1.0-py3-none-any.whl\n");
        pack
    };
    let build = |pack: &Pack, surroundings: &Surroundings<'_>| {
        let Surroundings { what, umask, variables, jobs } = surroundings;
        let mut run = pack.with_the_index([] as [&str; 0]);
        let binary = run.command.get_program().to_owned();
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("umask {umask} && exec \"$@\"")).arg("sh").arg(binary);
        shell.args(["zip", "app", "--json", "--jobs", jobs]).current_dir(pack.path(""));
        shell.envs(run.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("PACK_CACHE_DIR", pack.cache()).envs(variables.iter().copied());
        run.command = shell;
        let report = run.run().json(0);
        assert_eq!(warnings(&report), [""; 0], "{what}");
        report["sha256"].as_str().unwrap().to_owned()
    };
    let home = std::env::home_dir().unwrap();
    let (pyenv, uv) = (home.join(".pyenv"), home.join(".local/share/uv/python"));
    let (first, second) = (project(), project());
    let elsewhere = second.tmp();
    // The interpreters stay in sight, wherever HOME is.
    let moved = [
        ("HOME", elsewhere.to_str().unwrap()),
        ("PYENV_ROOT", pyenv.to_str().unwrap()),
        ("UV_PYTHON_INSTALL_DIR", uv.to_str().unwrap()),
        ("TZ", "Asia/Tokyo"),
        ("LC_ALL", "C"),
    ];
    let plain = Surroundings { what: "cold cache, two threads", umask: "022", variables: &[], jobs: "2" };
    let expected = build(&first, &plain);
    let zoned = [("TZ", "America/New_York"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")];
    for (pack, surroundings) in [
        (&first, Surroundings { what: "warm cache, one thread", umask: "022", variables: &zoned, jobs: "1" }),
        (&second, Surroundings { what: "all else, cold cache", umask: "077", variables: &moved, jobs: "1" }),
        (&second, Surroundings { what: "all else, warm cache", umask: "002", variables: &moved, jobs: "2" }),
    ] {
        assert_eq!(build(pack, &surroundings), expected, "{}", surroundings.what);
    }
}

/// pip before 24.2 judged it by the Python that runs pip; this machine's `python3` may have such a one.
#[test]
fn requires_python_is_judged_for_the_target() {
    let pack = project();
    pack.wheel(&WheelBuilder::new("pkg", "2.0").requires_python(">=3.12").file("pkg/__init__.py", b"VALUE = 2\n"));
    for (python, version) in [("3.11", "1.0"), ("3.13", "2.0")] {
        let run = pack.zip("app").args(["--json", "--python", python, "--python-executable", "python3"]);
        let report = run.run().json(0);
        let part = report["parts"].as_array().unwrap().iter().find(|part| part["name"] == "pkg").unwrap();
        assert_eq!(part["version"], version, "{python}");
    }
}

#[test]
fn an_index_that_does_not_answer_is_said_so() {
    let pack = project();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = pack.zip("app").env("PIP_NO_INDEX", "0").env("PIP_FIND_LINKS", "").env("PIP_RETRIES", "1");
    let outcome = run.env("PIP_INDEX_URL", format!("http://127.0.0.1:{free}/simple")).run();
    assert_fails(&outcome, 1, &["error: pip cannot reach the index for pkg: ", "Connection refused", "--offline"]);
}

#[cfg(unix)]
#[test]
fn only_files_are_replaced() {
    let pack = project();
    fs::create_dir_all(pack.path("real")).unwrap();
    pack.write("real/old.zip", "old");
    std::os::unix::fs::symlink("real/old.zip", pack.path("link.zip")).unwrap();
    assert_done(&pack.zip("app").args(["--output", "link.zip"]).run());
    assert!(pack.path("link.zip").is_symlink());
    assert!(paths(&pack.path("real/old.zip")).contains(&"pkg/__init__.py".to_owned()));
    assert!(Command::new("mkfifo").arg(pack.path("pipe")).status().unwrap().success());
    let outcome = pack.zip("app").args(["--output", "pipe"]).run();
    assert_fails(&outcome, 2, &["error: pipe is there and is not a regular file", "hint: name a file"]);
}

#[test]
fn several_functions_go_to_a_folder_that_is_not_there_yet() {
    let pack = project();
    pack.function("other", HANDLER, &["pkg"]);
    assert_done(&pack.zip("app").args(["other", "--output", "built"]).run());
    assert_eq!(pack.artifacts_in("built"), ["app-python3.13-x86_64.zip", "other-python3.13-x86_64.zip"]);
    let outcome = pack.zip("app").args(["other", "--output", "one.zip"]).run();
    assert_fails(&outcome, 2, &["two functions would be written to one.zip"]);
}
