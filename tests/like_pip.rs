//! Proves that the tree of an artifact, before slimming, is what `pip install --target --no-compile` lays down: for real
//! requirement sets (`requirement_sets/`) with the real pip and the real index, and for wheels that bring one path twice.
//!
//! What must differ: scripts in bin/ name another interpreter, and pip writes some files of dist-info anew.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Installed, Pack, WheelBuilder, sha256, skip, unzip};

/// What pip adds to a wheel's dist-info or writes anew.
const WRITTEN_BY_PIP: &[&str] = &["INSTALLER", "REQUESTED", "direct_url.json", "RECORD"];

/// A path's digest and executable bit.
type Listing = BTreeMap<String, (String, bool)>;

/// Wheels by name, each with what it requires; `bb for x` is what comes with its extra `x`.
type Wheels<'a> = &'a [(&'a str, &'a [&'a str])];

fn requirement_set(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requirement_sets").join(format!("{name}.txt"))
}

/// Builds a set with `pack` and with pip, and compares the two.
fn compare(set: &str, architecture: &str) {
    let pack = Pack::new();
    pack.write("function/app.py", "");
    let requirements = requirement_set(set);
    let arguments = [
        "zip",
        "function",
        "--arch",
        architecture,
        "--slim",
        "none",
        "--bytecode",
        "none",
        "--no-import-test",
        "--json",
    ];
    let run = || pack.with_the_index(arguments).arg("-r").arg(&requirements).arg("--output").arg("out.zip");
    let plan = run().arg("--dry-run").run().json(0);
    if architecture == "x86_64" {
        assert_eq!(versions(&plan), versions_of_native_pip(&pack, &plan, &requirements), "{set}: name==version");
    }
    let outcome = run().run();
    // Some sets are above Lambda's limit until they are slimmed; the artifact is then kept under another name.
    let report = outcome.json(outcome.status.clamp(0, 1));
    let zip = pack.path(report["path"].as_str().unwrap());
    let ours = unzip(&zip);
    let pips = installed_by_pip(&pack, &plan, architecture);
    assert!(ours.len() > 3, "{set}: there is something to compare");
    let (ours_listed, pips_listed) = (listing(&ours), listing(&pips));
    let differences: Vec<String> = ours_listed
        .keys()
        .chain(pips_listed.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|path| ours_listed.get(*path) != pips_listed.get(*path))
        .map(|path| format!("{path}: pack {:?}, pip {:?}", ours_listed.get(path), pips_listed.get(path)))
        .collect();
    assert!(
        differences.is_empty(),
        "{set} on {architecture}: {} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    for (path, script) in ours.iter().filter(|(path, _)| path.starts_with("bin/")) {
        assert!(script.executable, "{set}: {path} is executable");
        assert_eq!(after_the_interpreter(&script.bytes), after_the_interpreter(&pips[path].bytes), "{set}: {path}");
    }
}

/// The files that have to be equal.
fn listing(files: &BTreeMap<String, Installed>) -> Listing {
    let compared = |path: &str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_pips_own = folder.ends_with(".dist-info") && !folder.contains('/') && WRITTEN_BY_PIP.contains(&name);
        path != "app.py" && !path.starts_with("bin/") && !is_pips_own
    };
    files
        .iter()
        .filter(|(path, _)| compared(path))
        .map(|(path, file)| (path.clone(), (sha256(&file.bytes), file.executable)))
        .collect()
}

/// A script without its first line, where that names a Python.
fn after_the_interpreter(script: &[u8]) -> &[u8] {
    let line = script.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let is_python = script.starts_with(b"#!") && script[..line].windows(6).any(|window| window == b"python");
    if is_python { &script[line..] } else { script }
}

fn versions(plan: &Value) -> BTreeSet<String> {
    let text = |wheel: &Value, key: &str| wheel[key].as_str().unwrap().to_owned();
    let wheels = plan["wheels"].as_array().unwrap();
    wheels.iter().map(|wheel| format!("{}=={}", text(wheel, "name"), text(wheel, "version"))).collect()
}

/// What pip would install here, by the interpreter of the runtime's version. Where this machine is no such place, what
/// the plan says.
fn versions_of_native_pip(pack: &Pack, plan: &Value, requirements: &Path) -> BTreeSet<String> {
    let python = plan["compile_interpreter"].as_str();
    let Some(python) = python.filter(|_| cfg!(all(target_os = "linux", target_arch = "x86_64"))) else {
        skip("no comparison with a native resolution, this is no Linux x86_64 with a CPython 3.13");
        return versions(plan);
    };
    let mut pip = pip(pack, python);
    pip.args(["install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-", "--requirement"]);
    let report: Value = serde_json::from_slice(&run(pip.arg(requirements))).unwrap();
    let install = report["install"].as_array().unwrap();
    let metadata = install.iter().map(|item| &item["metadata"]);
    metadata
        .map(|data| {
            let name = data["name"].as_str().unwrap().to_lowercase().replace(['_', '.'], "-");
            format!("{name}=={}", data["version"].as_str().unwrap())
        })
        .collect()
}

/// What `pip install --target` makes of the plan's wheels.
fn installed_by_pip(pack: &Pack, plan: &Value, architecture: &str) -> BTreeMap<String, Installed> {
    let pins: Vec<String> = plan["wheels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wheel| {
            let text = |key: &str| wheel[key].as_str().unwrap();
            format!("{}=={} --hash=sha256:{}\n", text("name"), text("version"), text("sha256"))
        })
        .collect();
    pack.write("pins.txt", pins.concat());
    let mut pip = pip(pack, plan["pip_interpreter"].as_str().unwrap());
    pip.args(["install", "--quiet", "--no-compile", "--no-deps", "--require-hashes", "--requirement"])
        .arg(pack.path("pins.txt"))
        .args(["--only-binary=:all:", "--python-version", "3.13", "--implementation", "cp", "--target"])
        .arg(pack.path("target"));
    let machine = if architecture == "arm64" { "aarch64" } else { architecture };
    for minor in (5..=34).rev() {
        pip.args(["--platform", &format!("manylinux_2_{minor}_{machine}")]);
    }
    for legacy in ["manylinux2014", "manylinux2010", "manylinux1"] {
        pip.args(["--platform", &format!("{legacy}_{machine}")]);
    }
    run(&mut pip);
    files_below(&pack.path("target"))
}

fn pip(pack: &Pack, python: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]).env("TMPDIR", pack.tmp());
    command
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn files_below(folder: &Path) -> BTreeMap<String, Installed> {
    use std::os::unix::fs::PermissionsExt;
    let file = |path: &str| {
        let path = folder.join(path);
        let executable = path.metadata().unwrap().permissions().mode() & 0o100 != 0;
        Installed { bytes: std::fs::read(path).unwrap(), executable }
    };
    Pack::files(folder).into_iter().map(|path| (path.clone(), file(&path))).collect()
}

macro_rules! sets {
    ($($test:ident: $set:literal $architecture:literal,)*) => {
        $(#[test]
        fn $test() {
            compare($set, $architecture);
        })*

        /// A set that no test names would prove nothing.
        #[test]
        fn every_requirement_set_is_compared() {
            let compared: BTreeSet<String> = [$(format!("{}.txt", $set)),*].into();
            let files = Pack::files(requirement_set("any").parent().unwrap());
            assert_eq!(compared, files.into_iter().collect());
        }
    };
}

sets! {
    awswrangler_on_x86_64: "awswrangler" "x86_64",
    boto3_requests_on_x86_64: "boto3-requests" "x86_64",
    cryptography_on_x86_64: "cryptography" "x86_64",
    fastapi_mangum_on_x86_64: "fastapi-mangum" "x86_64",
    jmespath_on_x86_64: "jmespath" "x86_64",
    jupyterlab_widgets_on_x86_64: "jupyterlab-widgets" "x86_64",
    lxml_pillow_on_x86_64: "lxml-pillow" "x86_64",
    matplotlib_on_x86_64: "matplotlib" "x86_64",
    namespace_packages_on_x86_64: "namespace-packages" "x86_64",
    opentelemetry_jsonschema_on_x86_64: "opentelemetry-jsonschema" "x86_64",
    polars_duckdb_on_x86_64: "polars-duckdb" "x86_64",
    pydantic_httpx_on_x86_64: "pydantic-httpx" "x86_64",
    scikit_learn_on_x86_64: "scikit-learn" "x86_64",
    sqlalchemy_greenlet_on_x86_64: "sqlalchemy-greenlet" "x86_64",
    workload_on_x86_64: "workload" "x86_64",

    cryptography_on_arm64: "cryptography" "arm64",
    lxml_pillow_on_arm64: "lxml-pillow" "arm64",
    matplotlib_on_arm64: "matplotlib" "arm64",
    pydantic_httpx_on_arm64: "pydantic-httpx" "arm64",
    sqlalchemy_greenlet_on_arm64: "sqlalchemy-greenlet" "arm64",
}

/// Builds local wheels, each with `shared/owner.txt`, with `pack` and with pip.
/// Gives whose file pip and `pack` have, and the warnings.
fn owner_of_shared_file(wheels: Wheels<'_>, requirements: &[&str]) -> (String, String, Vec<String>) {
    let pack = Pack::new();
    pack.function("f", "", requirements);
    for (name, requires) in wheels {
        let wheel = WheelBuilder::new(name, "1.0").file("shared/owner.txt", name.as_bytes());
        pack.wheel(&requires.iter().fold(wheel, |wheel, needed| match needed.split_once(" for ") {
            Some((needed, extra)) => wheel.extra(extra, needed),
            None => wheel.requires(needed),
        }));
    }
    let report = pack.zip("f").arg("--json").run().json(0);
    let ours = unzip(&pack.artifact("f"))["shared/owner.txt"].text().to_owned();
    let plan = pack.zip("f").arg("--dry-run").arg("--json").run().json(0);
    let mut pip = pip(&pack, plan["pip_interpreter"].as_str().unwrap());
    pip.args(["install", "--quiet", "--no-compile", "--no-index", "--find-links"])
        .arg(pack.path("wheels"))
        .args(["--requirement", "requirements/f.txt", "--target", "target"])
        .current_dir(pack.path(""));
    run(&mut pip);
    let pips = files_below(&pack.path("target"))["shared/owner.txt"].text().to_owned();
    let warnings = report["warnings"].as_array().unwrap();
    (pips, ours, warnings.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect())
}

#[test]
fn one_path_twice_with_different_bytes_is_reported_and_resolved_as_pip_does() {
    let independent: Wheels<'_> = &[("aa", &[]), ("bb", &[])];
    let cases: &[(&str, Wheels<'_>, &[&str])] = &[
        ("independent", independent, &["aa", "bb"]),
        ("independent, the other way round", independent, &["bb", "aa"]),
        ("the later name needs the earlier one", &[("aa", &[]), ("bb", &["aa"])], &["bb"]),
        ("the earlier name needs the later one", &[("aa", &["bb"]), ("bb", &[])], &["aa"]),
        ("both named, one needs the other", &[("aa", &["bb"]), ("bb", &[])], &["bb", "aa"]),
        ("a chain", &[("bb", &["cc"]), ("cc", &["aa"]), ("aa", &[])], &["bb"]),
        (
            "a chain and an independent one",
            &[("bb", &["cc"]), ("cc", &[]), ("aa", &[]), ("dd", &[])],
            &["aa", "bb", "dd"],
        ),
        ("two ways to one", &[("aa", &["bb", "cc"]), ("bb", &["dd"]), ("cc", &[]), ("dd", &[])], &["aa"]),
        ("through an extra", &[("aa", &["bb for x"]), ("bb", &[]), ("cc", &[])], &["aa[x]", "cc"]),
        ("an extra of a dependency", &[("cc", &["bb[x]"]), ("bb", &["aa for x"]), ("aa", &[])], &["cc"]),
    ];
    for (case, wheels, requirements) in cases {
        let (pips, ours, warnings) = owner_of_shared_file(wheels, requirements);
        assert_eq!(ours, pips, "{case}: pack has the file of {ours}, pip that of {pips}");
        assert_eq!(warnings.len(), wheels.len() - 1, "{case}: {warnings:?}");
        let last = warnings.last().unwrap();
        assert!(last.starts_with("shared/owner.txt is in "), "{case}: {last}");
        assert!(last.ends_with(&format!("the artifact has the one of {pips} 1.0, as pip would")), "{case}: {last}");
    }
}

#[test]
fn circles_of_requirements_are_installed_in_pips_order() {
    let cases: &[(Wheels<'_>, &[&str])] = &[
        (&[("aa", &["bb"]), ("bb", &["aa"])], &["aa"]),
        (&[("aa", &["bb"]), ("bb", &["aa"])], &["bb"]),
        (&[("aa", &["bb"]), ("bb", &["cc"]), ("cc", &["aa"])], &["bb"]),
        (&[("aa", &["cc"]), ("bb", &["aa"]), ("cc", &["bb"])], &["bb", "cc"]),
    ];
    for (wheels, requirements) in cases {
        let (pips, ours, _) = owner_of_shared_file(wheels, requirements);
        assert_eq!(ours, pips, "{wheels:?}, {requirements:?}: pack has the file of {ours}, pip that of {pips}");
    }
}

#[test]
fn one_path_twice_with_the_same_bytes_is_fine() {
    let pack = Pack::new();
    pack.function("f", "", &["aa", "bb"]);
    for name in ["aa", "bb"] {
        pack.wheel(&WheelBuilder::new(name, "1.0").file("shared/__init__.py", b"# a namespace\n"));
    }
    let report = pack.zip("f").arg("--json").run().json(0);
    assert_eq!(report["warnings"], serde_json::json!([]));
    assert_eq!(unzip(&pack.artifact("f"))["shared/__init__.py"].text(), "# a namespace\n");
}

#[test]
fn the_functions_own_file_wins_over_a_wheels_and_is_reported() {
    let pack = Pack::new();
    pack.function("f", "# the function's\n", &["aa"]);
    pack.wheel(&WheelBuilder::new("aa", "1.0").file("app.py", b"# the wheel's\n"));
    let report = pack.zip("f").arg("--json").run().json(0);
    assert_eq!(unzip(&pack.artifact("f"))["app.py"].text(), "# the function's\n");
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("app.py is in aa 1.0 and in the function;"), "{warning}");
}
