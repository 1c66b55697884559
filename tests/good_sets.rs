//! Proves that what data engineers build works: every requirement set in `good_sets/` has a handler that uses its
//! libraries without a network, and `case.json` has an event and the answer that is known for it. Each is built,
//! checked and run from the unpacked artifact.
//!
//! Every run covers Python 3.13 on `x86_64`, and for some small sets the static checks of 3.12 and arm64.
//! Small sets are built `standard` and `deep`, the others `standard`.
//! `PACK_GOOD_SETS=all` builds all sets at both levels, runs them for 3.12 as well, and checks all of them for arm64;
//! that takes several gigabytes.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]
#![allow(clippy::print_stdout, reason = "sizes, for who asks the harness to show them")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Pack, ReadOnly, runtime_folder, skip, unzip};

/// What `--slim` can do without taking anything that these functions use.
const LEVELS: &[&str] = &["standard", "deep"];

/// Small to download for a second target.
const CHECKED_FOR_OTHER_TARGETS: &[&str] =
    &["databases", "events", "frames", "scraping", "streams", "thumbnails", "web_api"];

macro_rules! good_sets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            good_set(stringify!($name));
        })*

        #[test]
        fn every_folder_is_tested() {
            let listed = [$(stringify!($name)),*, "boosting_lightgbm"];
            let folders = std::fs::read_dir(sources("")).unwrap().map(|entry| entry.unwrap().path());
            let names = folders.filter(|path| path.is_dir()).map(|path| path.file_name().unwrap().to_owned());
            for name in names {
                assert!(listed.contains(&name.to_str().unwrap()), "{} has no test", name.display());
            }
        }
    };
}

good_sets! {
    boosting_xgboost
    chart_report
    classifier
    data_quality
    databases
    events
    excel_reports
    frames
    geo
    kernels
    lakehouse
    language
    onnx_inference
    parquet_etl
    scraping
    sql_on_parquet
    statistics
    streams
    thumbnails
    vision
    web_api
    wrangler
}

/// The wheels of `lightgbm` load `libgomp.so.1` and bring none, and Lambda has none: a data engineer puts one into `lib/`.
/// Here it is scikit-learn's.
#[test]
fn boosting_lightgbm() {
    let pack = Pack::new();
    for file in ["app.py", "requirements.txt"] {
        pack.write(&format!("booster/{file}"), std::fs::read(sources("boosting_lightgbm").join(file)).unwrap());
    }
    let donor = Build { pack: &pack, function: &sources("classifier"), python: "3.13", arch: "x86_64" };
    let (zip, _) = donor.zip("standard");
    let (_, libgomp) = unzip(&zip).into_iter().find(|(path, _)| path.contains("libs/libgomp")).unwrap();
    pack.write("booster/lib/libgomp.so.1", libgomp.bytes);
    let build = Build { pack: &pack, function: &pack.path("booster"), python: "3.13", arch: "x86_64" };
    build.check_and_run(&sources("boosting_lightgbm").join("case.json"));
}

fn sources(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good_sets").join(set)
}

fn everything() -> bool {
    std::env::var_os("PACK_GOOD_SETS").is_some_and(|value| value == "all")
}

fn good_set(name: &str) {
    let pack = Pack::new();
    let all = everything();
    let function = sources(name);
    let build = |python, arch| Build { pack: &pack, function: &function, python, arch };
    build("3.13", "x86_64").check_and_run(&function.join("case.json"));
    if all {
        build("3.12", "x86_64").check_and_run(&function.join("case.json"));
    } else if CHECKED_FOR_OTHER_TARGETS.contains(&name) {
        build("3.12", "x86_64").check();
    }
    if all || CHECKED_FOR_OTHER_TARGETS.contains(&name) {
        build("3.13", "arm64").check();
    }
}

/// One function for one target.
struct Build<'a> {
    pack: &'a Pack,
    function: &'a Path,
    python: &'a str,
    arch: &'a str,
}

impl Build<'_> {
    /// `pack zip` or what else takes its arguments, for this target.
    fn command(&self, arguments: &[&str]) -> support::Run {
        let target = ["--python", self.python, "--arch", self.arch];
        self.pack.with_the_index(["zip"]).arg(self.function).args(target).arg("--json").args(arguments)
    }

    /// Both levels for a small set, or if everything is asked for; else the time goes to `standard`.
    fn levels(&self) -> &'static [&'static str] {
        let small = CHECKED_FOR_OTHER_TARGETS.iter().any(|name| self.function.ends_with(name));
        if small || everything() { LEVELS } else { &LEVELS[..1] }
    }

    /// Builds, and finds nothing to say about it.
    fn zip(&self, level: &str) -> (PathBuf, Value) {
        let zip = self.pack.path(format!("{}-{}-{level}.zip", self.python, self.arch));
        let report = self.command(&["--slim", level, "--output"]).arg(&zip).run().json(0);
        let name = self.function.file_name().unwrap().display();
        println!("{name} {}: {} bytes unpacked, {} packed", zip.display(), report["unpacked"], report["packed"]);
        assert_eq!(report["warnings"], serde_json::json!([]), "{name}");
        (zip, report)
    }

    /// Builds for a target that may not run here, and checks what can be seen without running it.
    fn check(&self) {
        for level in self.levels() {
            std::fs::remove_file(self.zip(level).0).unwrap();
        }
    }

    /// Builds, checks, and calls the handler from the unpacked artifact.
    fn check_and_run(&self, case: &Path) {
        let Some(python) = self.interpreter() else {
            skip(&format!("running takes Linux x86_64 and a CPython {}", self.python));
            return self.check();
        };
        let runtime = runtime_folder(&python);
        let wanted: Value = serde_json::from_slice(&std::fs::read(case).unwrap()).unwrap();
        for level in self.levels() {
            let (zip, _) = self.zip(level);
            let folder = self.pack.path("task");
            let task = ReadOnly::unpack(&zip, &folder);
            let answer = self.call(&python, &folder, &runtime, case);
            assert_eq!(answer, wanted["answer"], "{}", zip.display());
            task.assert_unchanged();
            drop(task);
            std::fs::remove_dir_all(folder).unwrap();
            std::fs::remove_file(zip).unwrap();
        }
    }

    /// The interpreter of the target's version, if artifacts for the target run here.
    fn interpreter(&self) -> Option<String> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || self.arch != "x86_64" {
            return None;
        }
        self.pack.write("empty/app.py", "");
        let run = self.pack.command(["zip", "empty", "--python", self.python, "--dry-run", "--json"]).run();
        run.json(0)["compile_interpreter"].as_str().map(str::to_owned)
    }

    /// Calls the handler in a new process with Lambda's environment, as far as libraries look at it.
    fn call(&self, python: &str, task: &Path, runtime: &Path, case: &Path) -> Value {
        let output = Command::new(python)
            .args(["-I", "-S"])
            .arg(sources("bootstrap.py"))
            .args([task, runtime, case])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "en_US.UTF-8")
            .env("TZ", ":UTC")
            // Lambda's user has no home either.
            .env("HOME", "/dev/null/home")
            .env("TMPDIR", self.pack.tmp())
            .env("LD_LIBRARY_PATH", format!("{}:{}/lib", task.display(), task.display()))
            .env("LAMBDA_TASK_ROOT", task)
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output()
            .unwrap();
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{:?} in {}:\n{said}{complained}", output.status, task.display());
        let answer = said.lines().find_map(|line| line.strip_prefix("answer: ")).unwrap();
        serde_json::from_str(answer).unwrap()
    }
}
