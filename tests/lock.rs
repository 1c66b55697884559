//! Proves what `pack.lock` promises: builds go by it and ask nobody, what changed is found and said, what need not change
//! stays, nothing of it is lost to two builds at once or to a kill, and no secret gets into it.
//!
//! The moments of kills are random: a failure prints the seed, which `PACK_TEST_SEED` takes back.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use support::moments::{self, Random};
use support::{Outcome, Pack, Run, WheelBuilder, sha256, unzip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// A project with a `pack.toml`, a function `app` that needs `pkg`, which needs `helper`, and two versions of both.
fn project() -> Pack {
    let pack = Pack::new();
    pack.write("pack.toml", "");
    pack.function("app", HANDLER, &["pkg"]);
    for version in ["1.0", "2.0"] {
        wheel(&pack, "pkg", version, &["helper"]);
        wheel(&pack, "helper", version, &[]);
    }
    pack
}

/// A wheel whose one module says which it is. Every wheel brings `shared.py` too: the order of installation shows in it.
fn wheel(pack: &Pack, name: &str, version: &str, requires: &[&str]) {
    let text = format!("WHICH = '{name} {version}'\n");
    let wheel = WheelBuilder::new(name, version)
        .file(&format!("{name}.py"), text.as_bytes())
        .file("shared.py", text.as_bytes());
    pack.wheel(&requires.iter().fold(wheel, |wheel, requirement| wheel.requires(requirement)));
}

fn hide(pack: &Pack, wheel: &str) {
    fs::remove_file(pack.path("wheels").join(wheel)).unwrap();
}

#[track_caller]
fn done(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}

#[track_caller]
fn fails(outcome: &Outcome, status: i32, said: &[&str]) {
    assert_eq!(outcome.status, status, "{}{}", outcome.stdout, outcome.stderr);
    for words in said {
        assert!(outcome.stderr.contains(words), "{words:?} is not in:\n{}", outcome.stderr);
    }
}

fn lock(pack: &Pack) -> String {
    fs::read_to_string(pack.path("pack.lock")).unwrap()
}

/// `name version` of every wheel of the lock, in its order.
fn versions(lock: &str) -> Vec<String> {
    let wheels = lock.lines().filter(|line| line.starts_with("    { name = "));
    wheels.map(|line| line.split('"').skip(1).step_by(2).take(2).collect::<Vec<_>>().join(" ")).collect()
}

fn artifact(pack: &Pack) -> Vec<u8> {
    fs::read(pack.artifact("app")).unwrap()
}

/// A Python that writes down what pip it is asked for, and is no pip if `refuses`.
fn python(pack: &Pack, refuses: bool) -> (PathBuf, PathBuf) {
    let (script, log) = (pack.tmp().join("python"), pack.tmp().join("asked"));
    let python = ["python3.13", "python3"]
        .iter()
        .find_map(|name| {
            let output = Command::new(name).args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
            let path = String::from_utf8(output.stdout).unwrap().trim().to_owned();
            (output.status.success() && !path.is_empty()).then_some(path)
        })
        .unwrap();
    let refusal = if refuses { "exit 9" } else { ":" };
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in *--disable-pip-version-check*) echo pip >>{}; {refusal};; esac\nexec {python} \"$@\"\n",
        log.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&log, "").unwrap();
    (script, log)
}

#[test]
fn the_first_build_writes_it_and_the_next_ones_ask_nobody() {
    let pack = project();
    let first = pack.zip("app").run();
    done(&first);
    assert!(first.stderr.contains("pack.lock: app (python3.13-x86_64), 2 wheels"), "{}", first.stderr);
    let (built, text) = (artifact(&pack), lock(&pack));
    let digest = |path: &str| sha256(&fs::read(pack.path(path)).unwrap());
    assert_eq!(
        text,
        format!(
            "# Made by pack: the exact wheels of each set of requirements. Commit this file; do not edit it.\n\
             # `pack lock` brings it up to date, `pack lock --upgrade` takes the newest of everything.\n\
             version = 1\n\n[[set]]\nname = \"app\"\npython = \"3.13\"\narchitecture = \"x86_64\"\ninputs = [\n    \
             {{ path = \"requirements/app.txt\", sha256 = \"{}\" }},\n]\nwheels = [\n    \
             {{ name = \"helper\", version = \"2.0\", file = \"helper-2.0-py3-none-any.whl\", sha256 = \"{}\" }},\n    \
             {{ name = \"pkg\", version = \"2.0\", file = \"pkg-2.0-py3-none-any.whl\", sha256 = \"{}\", requested = true }},\n]\n",
            digest("requirements/app.txt"),
            digest("wheels/helper-2.0-py3-none-any.whl"),
            digest("wheels/pkg-2.0-py3-none-any.whl"),
        )
    );
    let (python, log) = python(&pack, true);
    wheel(&pack, "pkg", "3.0", &[]);
    for arguments in [&[][..], &["--offline"], &["--locked"], &["--locked", "--offline", "--dry-run"]] {
        let outcome = pack.zip("app").arg("--python-executable").arg(&python).args(arguments).run();
        done(&outcome);
        assert!(
            artifact(&pack) == built,
            "{arguments:?}: pip's order of installation comes from the wheels themselves"
        );
        assert_eq!((lock(&pack), fs::read_to_string(&log).unwrap()), (text.clone(), String::new()), "{arguments:?}");
    }
    assert_eq!(unzip(&pack.artifact("app"))["shared.py"].text(), "WHICH = 'pkg 2.0'\n");
}

#[test]
fn who_needs_what_is_known_from_the_wheels() {
    let pack = Pack::new();
    pack.write("pack.toml", "");
    pack.function("app", HANDLER, &["pkg[fast]"]);
    pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg.py", b"").extra("fast", "boto3>=1"));
    pack.wheel(&WheelBuilder::new("boto3", "1.40.0").file("boto3/__init__.py", b""));
    let runtime = || {
        let report = pack.zip("app").arg("--json").run().json(0);
        report["runtime"].clone()
    };
    let first = runtime();
    assert!(first.to_string().contains("pkg"), "{first}");
    assert_eq!(runtime(), first);
    assert!(lock(&pack).contains("extras = [\"fast\"]"), "{}", lock(&pack));
}

#[test]
fn what_need_not_change_stays() {
    let pack = project();
    hide(&pack, "pkg-2.0-py3-none-any.whl");
    hide(&pack, "helper-2.0-py3-none-any.whl");
    done(&pack.zip("app").run());
    wheel(&pack, "pkg", "2.0", &["helper"]);
    wheel(&pack, "helper", "2.0", &[]);
    wheel(&pack, "other", "1.0", &[]);
    pack.write("requirements/app.txt", "pkg\nother\n");
    done(&pack.zip("app").run());
    assert_eq!(versions(&lock(&pack)), ["helper 1.0", "other 1.0", "pkg 1.0"]);
    // What is in the way moves, and what it brings along; nothing else.
    wheel(&pack, "other", "2.0", &[]);
    wheel(&pack, "pkg", "3.0", &["helper>=2"]);
    pack.write("requirements/app.txt", "pkg==3.0\nother\n");
    done(&pack.zip("app").run());
    assert_eq!(versions(&lock(&pack)), ["helper 2.0", "other 1.0", "pkg 3.0"]);
    pack.write("requirements/app.txt", "other\n");
    done(&pack.zip("app").run());
    assert_eq!(versions(&lock(&pack)), ["other 1.0"]);
}

#[test]
fn requirements_that_contradict_each_other_are_named() {
    let pack = project();
    wheel(&pack, "strict", "1.0", &["pkg==1.0"]);
    pack.write("requirements/app.txt", "strict\npkg>1\n");
    fails(&pack.zip("app").run(), 1, &["strict 1.0 depends on pkg==1.0", "The user requested pkg>1", "hint: "]);
    assert!(!pack.path("pack.lock").exists());
}

#[test]
fn other_forms_of_requirements_are_locked_by_their_own_files() {
    let pack = project();
    fs::remove_file(pack.path("requirements/app.txt")).unwrap();
    let project = |dependencies: &str| {
        pack.write(
            "functions/app/pyproject.toml",
            format!(
                "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [{dependencies}]\n\
                 [project.optional-dependencies]\nmore = [\"helper\"]\n"
            ),
        );
    };
    project("\"pkg==1.0\"");
    done(&pack.zip("app").run());
    let text = lock(&pack);
    let digest = sha256(&fs::read(pack.path("functions/app/pyproject.toml")).unwrap());
    let input = format!("{{ path = \"functions/app/pyproject.toml\", sha256 = \"{digest}\" }}");
    assert!(text.contains(&input), "{text}");
    assert_eq!(versions(&text), ["helper 2.0", "pkg 1.0"]);
    done(&pack.zip("app").arg("--locked").run());
    // What is chosen on the command line is not the project's.
    fails(&pack.zip("app").args(["--extra", "more", "--locked"]).run(), 2, &["cannot be used with"]);
    project("\"pkg==2.0\"");
    done(&pack.zip("app").args(["--extra", "more"]).run());
    assert_eq!(lock(&pack), text);
    let said = ["functions/app/pyproject.toml changed", "pkg 1.0: ==2.0 is required"];
    fails(&pack.zip("app").arg("--locked").run(), 1, &said);
}

#[test]
fn a_layer_has_a_set_of_its_own() {
    let pack = project();
    pack.write("layers/app.txt", "helper\n");
    let layer = |arguments: &[&str]| {
        pack.command(["layer", "app", "--bytecode", "none", "--no-import-test"]).args(arguments).run()
    };
    fails(&layer(&["--locked"]), 1, &["out of date for layer:app (python3.13-x86_64)"]);
    done(&layer(&[]));
    done(&pack.zip("app").run());
    done(&layer(&["--locked"]));
    let text = lock(&pack);
    assert!(text.contains("name = \"app\"") && text.contains("name = \"layer:app\""), "{text}");
    let outcome = pack.command(["lock"]).run();
    done(&outcome);
    assert_eq!((outcome.stdout.as_str(), lock(&pack)), ("pack.lock is up to date\n", text));
}

#[test]
fn an_included_file_counts() {
    let pack = project();
    pack.write("requirements/app.txt", "-r ../common.txt\n-c pins.txt\n");
    pack.write("common.txt", "pkg\n");
    pack.write("requirements/pins.txt", "pkg==1.0\n");
    done(&pack.zip("app").run());
    done(&pack.zip("app").arg("--locked").run());
    pack.write("requirements/pins.txt", "pkg==2.0\n");
    fails(&pack.zip("app").arg("--locked").run(), 1, &["requirements/pins.txt changed"]);
    done(&pack.zip("app").run());
    assert_eq!(versions(&lock(&pack)), ["helper 2.0", "pkg 2.0"]);
    fs::remove_file(pack.path("requirements/pins.txt")).unwrap();
    pack.write("requirements/app.txt", "-r ../common.txt\n");
    let said = ["requirements/app.txt changed", "requirements/pins.txt is no longer there or no longer belongs to it"];
    fails(&pack.zip("app").arg("--locked").run(), 1, &said);
}

#[test]
fn locked_says_what_is_out_of_date_and_writes_nothing() {
    let pack = project();
    let said = ["pack.lock is out of date for app (python3.13-x86_64)", "it is not in the lock yet", "hint: pack lock"];
    fails(&pack.zip("app").arg("--locked").run(), 1, &said);
    assert!(!pack.path("pack.lock").exists() && !pack.path("dist").exists());
    done(&pack.zip("app").run());
    let text = lock(&pack);
    pack.write("requirements/app.txt", "pkg<2  # why\nidna; python_version < '3'\nhelper>=1\nmore\n");
    let locked = pack.zip("app").arg("--locked").run();
    let said = ["requirements/app.txt changed", "pkg 2.0: <2 is required", "+ more: not in the lock"];
    fails(&locked, 1, &said);
    assert!(!locked.stderr.contains("idna") && !locked.stderr.contains("helper"), "{}", locked.stderr);
    fails(&pack.zip("app").arg("--locked").arg("--dry-run").run(), 1, &said);
    fails(&pack.command(["lock", "--check"]).run(), 1, &said);
    fails(&pack.zip("app").arg("--locked").arg("--arch").arg("arm64").run(), 1, &["app (python3.13-arm64)"]);
    pack.write("requirements/app.txt", "helper\n");
    fails(&pack.command(["lock", "--check"]).run(), 1, &["- pkg: no longer required by name"]);
    assert_eq!(lock(&pack), text);
    done(&pack.zip("app").arg("--dry-run").run());
    assert_eq!(lock(&pack), text, "a dry run writes nothing either");
}

#[test]
fn without_a_project_file_or_with_r_there_is_no_lock() {
    let pack = project();
    done(&pack.zip("app").arg("-r").arg("requirements/app.txt").run());
    assert!(!pack.path("pack.lock").exists());
    fs::remove_file(pack.path("pack.toml")).unwrap();
    done(&pack.zip("app").run());
    assert!(!pack.path("pack.lock").exists());
    fails(&pack.zip("app").arg("--locked").run(), 2, &["there is none here", "hint: run it where pack.toml is"]);
    fails(&pack.command(["lock"]).run(), 2, &["there is no pack.toml here"]);
    fails(&pack.zip("app").args(["--locked", "-r", "requirements/app.txt"]).run(), 2, &["cannot be used with"]);
}

#[test]
fn a_wheel_that_changed_or_is_gone_is_an_error() {
    let pack = project();
    done(&pack.zip("app").run());
    let (built, text) = (artifact(&pack), lock(&pack));
    fs::remove_dir_all(pack.cache()).unwrap();
    let fake = WheelBuilder::new("helper", "2.0").file("helper.py", b"import os\n");
    pack.wheel(&fake);
    let outcome = pack.zip("app").run();
    fails(&outcome, 1, &["a file is not the one that pack.lock has", "DO NOT MATCH THE HASHES", "pack lock --upgrade"]);
    hide(&pack, "helper-2.0-py3-none-any.whl");
    let said = ["pack.lock has helper==2.0, which pip does not find any more", "hint: ", "pack lock --upgrade helper"];
    fails(&pack.zip("app").run(), 1, &said);
    let said = ["pack.lock has helper==2.0, whose wheel is not in the cache", "hint: build once without --offline"];
    fails(&pack.zip("app").arg("--offline").run(), 1, &said);
    assert!(artifact(&pack) == built && lock(&pack) == text);
    // As good as said.
    done(&pack.command(["lock", "--upgrade", "helper"]).run());
    done(&pack.zip("app").arg("--locked").run());
    assert_eq!(versions(&lock(&pack)), ["helper 1.0", "pkg 2.0"]);
}

#[test]
fn a_lock_that_cannot_be_read_stops_the_build() {
    let pack = project();
    done(&pack.zip("app").run());
    let text = lock(&pack);
    for (old, new, said) in [
        ("version = 1", "version = 7", "pack.lock has format 7, and this pack knows 1"),
        ("helper-2.0", "../helper-2.0", "pack.lock, line 13, column 5: "),
        ("[[set]]", "<<<<<<< HEAD\n[[set]]", "pack.lock, line 5, column 9: "),
    ] {
        let broken = text.replacen(old, new, 1);
        pack.write("pack.lock", &broken);
        for run in [pack.zip("app"), pack.command(["lock"]), pack.command(["lock", "--check"])] {
            fails(&run.run(), 1, &[said, "hint: "]);
        }
        assert_eq!(lock(&pack), broken);
    }
}

#[test]
fn pack_lock_says_what_changes() {
    let pack = project();
    let run = |arguments: &[&str]| {
        let outcome = pack.command(["lock"]).args(arguments).run();
        done(&outcome);
        outcome.stdout
    };
    hide(&pack, "pkg-2.0-py3-none-any.whl");
    assert_eq!(run(&[]), "app (python3.13-x86_64)\n  + helper 2.0\n  + pkg 1.0\n");
    assert!(!pack.path("dist").exists(), "nothing is built");
    wheel(&pack, "pkg", "2.0", &["other"]);
    wheel(&pack, "other", "1.0", &[]);
    assert_eq!(run(&[]), "pack.lock is up to date\n");
    let stays = "helper stays: it is the newest that the requirements and the versions of the others allow\n";
    assert_eq!(run(&["--upgrade", "helper"]), stays);
    wheel(&pack, "helper", "3.0", &[]);
    assert_eq!(run(&["--upgrade", "Helper"]), "app (python3.13-x86_64)\n  helper 2.0 → 3.0\n");
    let upgraded = run(&["--upgrade"]);
    assert_eq!(upgraded, "app (python3.13-x86_64)\n  - helper 3.0\n  + other 1.0\n  pkg 1.0 → 2.0\n");
    assert_eq!(run(&["--check"]), "");
    done(&pack.zip("app").arg("--locked").run());
    fails(&pack.command(["lock", "--upgrade", "numpy"]).run(), 2, &["pack.lock has no numpy that could be upgraded"]);
    // Several functions and targets, and what is no longer there.
    pack.function("job", HANDLER, &["other"]);
    let targets = run(&["--python", "3.12", "--python", "3.13", "--arch", "arm64"]);
    let expected = "app (python3.12-arm64)\n  + other 1.0\n  + pkg 2.0\napp (python3.13-arm64)\n  + other 1.0\n  + pkg 2.0\n\
                    job (python3.12-arm64)\n  + other 1.0\njob (python3.13-arm64)\n  + other 1.0\n";
    assert_eq!(targets, expected, "and what was there for other targets stays");
    fs::remove_dir_all(pack.path("functions/app")).unwrap();
    fails(&pack.command(["lock", "--check"]).run(), 1, &["app (python3.12-arm64): the project has no such set"]);
    let expected = "- app (python3.12-arm64)\n- app (python3.13-x86_64)\n- app (python3.13-arm64)\n- job (python3.12-arm64)\n\
                    - job (python3.13-arm64)\njob (python3.13-x86_64)\n  + other 1.0\n";
    assert_eq!(run(&[]), expected);
    assert_eq!(run(&["-q"]), "");
}

/// A project that builds itself without an index: its wheel lies ready in it.
fn source(pack: &Pack, folder: &str, wheel: &WheelBuilder) {
    let _ = fs::remove_dir_all(pack.path(folder));
    pack.write(
        &format!("{folder}/pyproject.toml"),
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\
         [project]\nname = \"local\"\nversion = \"1.0\"\n",
    );
    pack.write(&format!("{folder}/PKG-INFO"), "Metadata-Version: 2.1\nName: local\nVersion: 1.0\n");
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

#[test]
fn a_folder_is_built_each_time_and_may_not_need_more_than_it_did() {
    let pack = project();
    let local =
        |version: &str| WheelBuilder::new("local", version).file("local.py", version.as_bytes()).requires("helper");
    source(&pack, "libs/local", &local("1.0"));
    pack.function("app", HANDLER, &["./libs/local"]);
    done(&pack.zip("app").run());
    let text = lock(&pack);
    assert!(
        text.contains("{ name = \"local\", version = \"1.0\", path = \"libs/local\", requested = true }"),
        "{text}"
    );
    source(&pack, "libs/local", &local("1.1"));
    done(&pack.zip("app").arg("--locked").run());
    assert_eq!(unzip(&pack.artifact("app"))["local.py"].text(), "1.1");
    assert_eq!(lock(&pack), text, "its version decides nothing");
    source(&pack, "libs/local", &local("1.2").requires("pkg<2"));
    fails(&pack.zip("app").arg("--locked").run(), 1, &["out of date", "local requires pkg now", "hint: pack lock"]);
    assert_eq!(lock(&pack), text);
    done(&pack.zip("app").run());
    assert_eq!(versions(&lock(&pack)), ["helper 2.0", "local 1.2", "pkg 1.0"]);
    source(&pack, "libs/local", &local("1.2").requires("pkg>=2"));
    fails(&pack.zip("app").arg("--locked").run(), 1, &["local requires another pkg than 1.0 now"]);
    let outcome = pack.command(["lock"]).run();
    done(&outcome);
    assert_eq!(outcome.stdout, "app (python3.13-x86_64)\n  pkg 1.0 → 2.0\n");
    done(&pack.zip("app").arg("--locked").run());
}

#[test]
fn a_source_that_is_built_is_named_with_its_digest() {
    let pack = project();
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        support::skip("this machine is no Linux x86_64, which the target is");
        return;
    }
    source(&pack, "sources/local-1.0", &WheelBuilder::new("local", "1.0").file("local.py", b""));
    let mut tar = Command::new("tar");
    tar.args(["-czf", "../wheels/local-1.0.tar.gz", "local-1.0"]).current_dir(pack.path("sources"));
    support::succeed(&mut tar);
    pack.function("app", HANDLER, &["local"]);
    let plan = pack.command(["zip", "app", "--dry-run", "--json"]).run();
    if plan.status != 0 {
        support::skip("no CPython 3.13 on this machine");
        return;
    }
    done(&pack.zip("app").run());
    let digest = sha256(&fs::read(pack.path("wheels/local-1.0.tar.gz")).unwrap());
    let line = format!(
        "{{ name = \"local\", version = \"1.0\", source = \"local-1.0.tar.gz\", sha256 = \"{digest}\", requested = true }}"
    );
    assert!(lock(&pack).contains(&line), "{}", lock(&pack));
    let (python, log) = python(&pack, false);
    let again = || pack.zip("app").arg("--locked").arg("--python-executable").arg(&python).run();
    done(&again());
    assert_eq!(fs::read_to_string(&log).unwrap(), "", "what was built once is kept");
    fs::remove_dir_all(pack.cache()).unwrap();
    let outcome = again();
    done(&outcome);
    assert!(outcome.stderr.contains("building a wheel of local 1.0"), "{}", outcome.stderr);
}

#[test]
fn a_commit_stays_though_its_branch_moves() {
    let pack = project();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]);
        support::succeed(git.args(arguments).current_dir(pack.path("repo")));
    };
    let commit = |text: &[u8]| {
        source(&pack, "repo/python", &WheelBuilder::new("local", "1.0").file("local.py", text));
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "a state"]);
    };
    fs::create_dir(pack.path("repo")).unwrap();
    git(&["init", "-q", "-b", "main"]);
    commit(b"first");
    let repo = pack.path("repo");
    pack.write("requirements/app.txt", format!("local @ git+file://{}@main#subdirectory=python\n", repo.display()));
    done(&pack.zip("app").run());
    let text = lock(&pack);
    assert!(text.contains("commit = \"") && text.contains("subdirectory = \"python\""), "{text}");
    commit(b"second");
    fs::remove_dir_all(pack.cache()).unwrap();
    done(&pack.zip("app").arg("--locked").run());
    assert_eq!(unzip(&pack.artifact("app"))["local.py"].text(), "first");
    done(&pack.command(["lock", "--upgrade"]).run());
    assert_ne!(lock(&pack), text);
    done(&pack.zip("app").arg("--locked").run());
    assert_eq!(unzip(&pack.artifact("app"))["local.py"].text(), "second");
}

/// Serves the files of a folder, with a page of links for each name, to whoever gives the right name and password. Files
/// under `token/` are for those who have a token in their query instead. Returns its port.
fn serve_privately(wheels: PathBuf, credentials: &'static str, token: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let expected = format!("Basic {}", data_encoding::BASE64.encode(credentials.as_bytes()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let Some(path) = request.first().and_then(|line| line.split(' ').nth(1)) else { continue };
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let authorised = query == token
                || request.iter().any(|line| {
                    line.split_once(": ")
                        .is_some_and(|(key, value)| key.eq_ignore_ascii_case("authorization") && value == expected)
                });
            let file = path.rsplit('/').next().unwrap();
            let sent = if let Some(name) = path.strip_prefix("/simple/").and_then(|name| name.strip_suffix('/')) {
                let mut page = String::new();
                for file in Pack::files(&wheels).iter().filter(|file| file.starts_with(&format!("{name}-"))) {
                    page.extend(["<a href=\"/files/", file, "\">", file, "</a>"]);
                }
                Some(page.into_bytes())
            } else {
                fs::read(wheels.join(file)).ok()
            };
            let (status, sent) = match sent {
                _ if !authorised => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"wheels\"", Vec::new()),
                Some(bytes) => ("200 OK\r\nContent-Type: text/html", bytes),
                None => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", sent.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&sent));
        }
    });
    port
}

#[test]
fn credentials_are_used_and_written_nowhere() {
    let pack = project();
    wheel(&pack, "direct", "1.0", &[]);
    wheel(&pack, "signed", "1.0", &[]);
    let port = serve_privately(pack.path("wheels"), "someone:open-sesame", "signature=sesame-too");
    let host = format!("someone:open-sesame@127.0.0.1:{port}");
    pack.write(
        "requirements/app.txt",
        format!(
            "--index-url http://{host}/simple/\npkg==1.0\n\
             direct @ http://{host}/files/direct-1.0-py3-none-any.whl\n\
             signed @ http://127.0.0.1:{port}/token/signed-1.0-py3-none-any.whl?signature=sesame-too\n"
        ),
    );
    let run = |run: Run| {
        let mut run = run.env("NO_PROXY", "127.0.0.1").env("PIP_CACHE_DIR", pack.tmp().join("pip"));
        run.command.env_remove("PIP_NO_INDEX").env_remove("PIP_FIND_LINKS");
        let outcome = run.run();
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains("sesame"), "{text}");
        }
        outcome
    };
    done(&run(pack.command(["lock"])));
    let text = lock(&pack);
    let plain = format!("url = \"http://127.0.0.1:{port}/files/direct-1.0-py3-none-any.whl\"");
    assert!(text.contains(&plain), "{text}");
    assert_eq!(versions(&text), ["direct 1.0", "helper 2.0", "pkg 1.0", "signed 1.0"]);
    assert!(!text.contains("sesame") && !text.contains("someone") && !text.contains("simple"), "{text}");
    // The lock does not say who may fetch it from where; the requirement files do, and pip reads that there.
    done(&run(pack.zip("app").arg("--locked").arg("-v")));
    fs::remove_dir_all(pack.cache()).unwrap();
    done(&run(pack.zip("app").arg("--json")));
    assert_eq!(lock(&pack), text);
    let secret = data_encoding::BASE64.encode(b"someone:open-sesame");
    for folder in [pack.cache(), pack.path("dist"), pack.tmp()] {
        for file in Pack::files(&folder) {
            let bytes = fs::read(folder.join(&file)).unwrap();
            let has = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
            assert!(!has("sesame") && !has(&secret), "the password is in {file}");
        }
    }
    // An index that gives no digest: the lock has it from the file.
    assert_eq!(text.matches("sha256 = ").count(), 5);
}

#[test]
fn two_builds_at_once_lose_nothing() {
    let pack = project();
    let names = ["one", "two", "three"];
    for name in names {
        pack.function(name, HANDLER, &["pkg"]);
    }
    // Many sets of others make reading and writing take longer.
    done(&pack.zip("one").run());
    let crowd = crowd(&lock(&pack), 300);
    for round in 0..4 {
        pack.write("pack.lock", if round % 2 == 0 { "version = 1\n" } else { &crowd });
        let outcomes = std::thread::scope(|scope| {
            let runs = names.map(|name| scope.spawn(|| pack.zip(name).run()));
            runs.map(|run| run.join().unwrap())
        });
        outcomes.iter().for_each(done);
        let text = lock(&pack);
        for name in names {
            assert_eq!(text.matches(&format!("name = \"{name}\"\n")).count(), 1, "{name} in round {round}");
            done(&pack.zip(name).arg("--locked").run());
        }
        let others = text.matches("name = \"other").count();
        assert_eq!(others, if round % 2 == 0 { 0 } else { 300 });
        assert_eq!(leftovers(&pack), [""; 0]);
    }
}

/// The first set of a lock under many other names.
fn crowd(lock: &str, count: usize) -> String {
    let (head, set) = lock.split_once("[[set]]").unwrap();
    let set = set.split("[[set]]").next().unwrap();
    let others = (0..count).map(|number| {
        let (before, after) = set.split_once("name = \"").unwrap();
        let (_, after) = after.split_once('"').unwrap();
        format!("[[set]]{before}name = \"other{number:04}\"{after}\n")
    });
    head.to_owned() + others.collect::<String>().trim_end() + "\n"
}

fn leftovers(pack: &Pack) -> Vec<String> {
    let files = fs::read_dir(pack.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter(|name| name.ends_with(".partial")).collect()
}

/// Kills, half of them at any moment of a build, the others while it writes.
const KILLS: u64 = 24;

#[test]
fn a_killed_build_leaves_the_lock_as_it_was_or_as_it_should_be() {
    let pack = project();
    done(&pack.zip("app").run());
    let crowd = crowd(&lock(&pack), 1000);
    let write = |version: u64| pack.write("requirements/app.txt", format!("pkg=={}.0\n", version + 1));
    let mut expected = Vec::new();
    for version in 0..2 {
        write(version);
        pack.write("pack.lock", &crowd);
        done(&pack.zip("app").run());
        expected.push(lock(&pack));
    }
    let partial = || !leftovers(&pack).is_empty();
    write(0);
    let (before_writing, writing) = moments::durations(&pack.zip("app"), partial);
    let seed = moments::seed();
    println!("PACK_TEST_SEED={seed}; a build takes {before_writing:?} until it writes the lock and then {writing:?}");
    let mut random = Random(seed);
    let mut replaced = 0;
    for round in 0..KILLS {
        let version = round % 2;
        write(version);
        let before = lock(&pack);
        let run = pack.zip("app");
        let child = if round % 4 < 2 { moments::start(&run) } else { moments::start_until(&run, partial) };
        std::thread::sleep(random.within(if round % 4 < 2 { before_writing + writing } else { writing }));
        moments::kill(child);
        let now = lock(&pack);
        let new = &expected[usize::try_from(version).unwrap()];
        assert!(now == before || now == *new, "kill {round} broke the lock");
        replaced += u64::from(now != before);
    }
    println!("after {KILLS} kills: {replaced} times a new lock");
    write(0);
    done(&pack.zip("app").run());
    assert!(lock(&pack) == expected[0]);
    assert_eq!(leftovers(&pack), [""; 0]);
}

#[test]
fn real_distributions_are_locked_for_targets_that_differ() {
    let pack = Pack::new();
    pack.write("pack.toml", "");
    pack.function(
        "app",
        HANDLER,
        &["requests[socks]", "six", "idna", "numpy==2.2.6", "tomli; python_version < '3.11'"],
    );
    let arguments = ["lock", "--python", "3.10", "--python", "3.13", "--arch", "x86_64", "--arch", "arm64"];
    done(&pack.with_the_index(arguments).run());
    let text = lock(&pack);
    assert_eq!(text.matches("[[set]]").count(), 4);
    assert_eq!(text.matches("name = \"tomli\"").count(), 2, "{text}");
    for words in ["cp310-cp310-manylinux", "cp313-cp313-manylinux", "aarch64.whl", "x86_64.whl", "name = \"pysocks\""] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(!text.contains("://") && !text.contains("macosx"), "{text}");
    done(&pack.with_the_index(arguments).arg("--check").run());
    let build = || {
        let outcome =
            pack.with_the_index(["zip", "app", "--bytecode", "none", "--no-import-test"]).arg("--locked").run();
        done(&outcome);
        artifact(&pack)
    };
    let first = build();
    let (python, log) = python(&pack, true);
    let run = pack.with_the_index(["zip", "app", "--bytecode", "none", "--no-import-test", "--locked", "--offline"]);
    done(&run.arg("--python-executable").arg(python).run());
    assert!(artifact(&pack) == first && fs::read_to_string(log).unwrap().is_empty());
    // The same as without a lock.
    done(
        &pack
            .with_the_index(["zip", "app", "--bytecode", "none", "--no-import-test", "-r", "requirements/app.txt"])
            .run(),
    );
    assert!(artifact(&pack) == first);
}
