//! Proves that `action.yml` does in a workflow of GitHub what docs/ci.md says: its own scripts run as a runner would run them, on a pull
//! request of a real repository, with a `gh` that remembers what it was asked. And the snippets of docs/ci.md for other CIs.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::git::{Repository, git};
use support::{Pack, WheelBuilder, skip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// GitHub's side of `gh api`: comments in a file, one a line. Only what the action asks for; anything else is an error.
const GH: &str = r#"#!/usr/bin/env bash
set -eu
printf '%s\n' "$*" >>"$GH_CALLS"
if [ -n "${GH_REFUSES:-}" ]; then echo "gh: Resource not accessible by integration (HTTP 403)" >&2; exit 1; fi
case "$2 $3" in
"--paginate repos/me/it/issues/7/comments?per_page=100")
    [ "$4" = --jq ] && [[ $5 == *'select(.user.type == "Bot" and (.body | startswith(env.MARKER))) | .id' ]]
    [ ! -f "$GH_COMMENTS/41" ] || [ "$(head -n1 "$GH_COMMENTS/41")" != "$MARKER" ] || echo 41 ;;
"--method POST") [ "$4" = repos/me/it/issues/7/comments ] && cp "${6#body=@}" "$GH_COMMENTS/41" ;;
"--method PATCH") [ "$4" = repos/me/it/issues/comments/41 ] && cp "${6#body=@}" "$GH_COMMENTS/41" ;;
*) exit 9 ;;
esac
"#;

fn tool(name: &str) -> Option<PathBuf> {
    let tool = std::env::var_os("PACK_TEST_CI").map(|folder| Path::new(&folder).join("bin").join(name));
    let tool = tool.filter(|tool| tool.is_file());
    if tool.is_none() {
        skip(&format!("{name} is not here: scripts/test installs it and names it in PACK_TEST_CI"));
    }
    tool
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A YAML file as JSON.
fn yaml(text: &str) -> Option<Value> {
    let mut command = Command::new(tool("python")?);
    command.args(["-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])))", text]);
    Some(serde_json::from_slice(&command.output().unwrap().stdout).unwrap())
}

/// The blocks of a language in docs/ci.md.
fn documented(language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest[..rest.find("```").unwrap()].to_owned()).collect()
}

/// A clone of a repository as a CI has it, and everything around it.
struct Runner {
    pack: Pack,
    clone: PathBuf,
    inputs: BTreeMap<&'static str, String>,
    base: String,
}

/// What came of a run of the action.
struct Ran {
    status: i32,
    /// Standard output of all steps.
    log: String,
    summary: String,
    /// What gh was asked, a line each.
    calls: Vec<String>,
}

impl Runner {
    /// A branch that adds a distribution of a megabyte, cloned without history. `base` is what it goes to.
    fn new(base: &str) -> Self {
        let pack = Pack::new();
        pack.write("pack.toml", "[defaults]\nbytecode = \"none\"\n");
        pack.function("job", HANDLER, &["small"]);
        pack.wheel(&WheelBuilder::new("small", "1.0").file("small.py", b""));
        pack.wheel(&WheelBuilder::new("large", "2.0").file("large.bin", &vec![0; 1_000_000]));
        let repository = Repository::of(&pack);
        if base != "main" {
            repository.git(&["branch", "--", base]);
        }
        repository.branch("topic", "main");
        pack.function("job", HANDLER, &["small", "large"]);
        repository.commit("large");
        let clone = pack.path("../clone");
        let origin = format!("file://{}", pack.path("").display());
        git(&pack.path(""), &["clone", "--quiet", "--depth=1", "--branch=topic", &origin, clone.to_str().unwrap()]);
        let bin = pack.path("../bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(pack.path("../comments")).unwrap();
        fs::write(bin.join("gh"), GH).unwrap();
        fs::set_permissions(bin.join("gh"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pack"), bin.join("pack")).unwrap();
        let inputs = BTreeMap::from([
            ("working-directory", ".".to_owned()),
            ("build", "pack zip --no-import-test --quiet".to_owned()),
            ("artifacts", String::new()),
            ("baseline", String::new()),
            ("budgets", String::new()),
            ("comment", "true".to_owned()),
            ("artifact", "pack-report".to_owned()),
            ("token", "secret-token".to_owned()),
        ]);
        Self { pack, clone, inputs, base: base.to_owned() }
    }

    /// What the other branch gets after this one began.
    fn main_without_requirements(&self) {
        let origin = self.pack.path("");
        git(&origin, &["switch", "--quiet", "main"]);
        self.pack.function("job", HANDLER, &[]);
        git(&origin, &["commit", "--quiet", "--all", "-m", "without small"]);
    }

    fn comment(&self) -> String {
        fs::read_to_string(self.pack.path("../comments/41")).unwrap_or_default()
    }

    /// What an expression of the action means here.
    fn value(&self, expression: &str, outputs: &BTreeMap<String, String>) -> String {
        if let Some(input) = expression.strip_prefix("inputs.") {
            return self.inputs[input].clone();
        }
        if let Some(output) = expression.strip_prefix("steps.") {
            return outputs.get(output).cloned().unwrap_or_default();
        }
        match expression {
            "github.base_ref" => self.base.clone(),
            "github.repository" => "me/it".into(),
            "github.event.pull_request.number" => "7".into(),
            other => panic!("{other} is not known"),
        }
    }

    /// A text with its expressions replaced.
    fn filled(&self, text: &str, outputs: &BTreeMap<String, String>) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${{") {
            let (expression, after) = behind.split_once("}}").unwrap();
            filled += before;
            filled += &self.value(expression.trim(), outputs);
            rest = after;
        }
        filled + rest
    }

    /// Runs the action's own scripts, one after the other, as a runner does.
    fn run(&self, more: &[(&str, &str)]) -> Option<Ran> {
        let action = yaml(&fs::read_to_string(root().join("action.yml")).unwrap())?;
        let at = |name: &str| self.pack.path("..").join(name);
        let (output, summary, calls) = (at("output"), at("summary"), at("calls"));
        for file in [&output, &summary, &calls] {
            fs::write(file, "").unwrap();
        }
        let mut outputs = BTreeMap::new();
        let mut ran = Ran { status: 0, log: String::new(), summary: String::new(), calls: Vec::new() };
        for step in action["runs"]["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else { continue };
            let is_wanted = match step["if"].as_str() {
                None => true,
                Some(condition) if condition.contains("outputs.found != 'true'") => {
                    outputs.get("pack.outputs.found").is_none_or(|found| found != "true")
                }
                Some(condition) if condition.contains("inputs.comment == 'true'") => self.inputs["comment"] == "true",
                Some(other) => panic!("{other} is not known"),
            };
            if !is_wanted {
                continue;
            }
            let folder =
                step["working-directory"].as_str().map(|folder| self.clone.join(self.filled(folder, &outputs)));
            // As `shell: bash` is run.
            let mut run = self.pack.command([""; 0]);
            let path = format!("{}:{}", at("bin").canonicalize().unwrap().display(), std::env::var("PATH").unwrap());
            let mut command = Command::new("bash");
            command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
            for (name, value) in run.command.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            run.command = command;
            for (name, value) in step["env"].as_object().into_iter().flatten() {
                run = run.env(name, self.filled(value.as_str().unwrap(), &outputs));
            }
            for (name, value) in [
                ("PATH", Path::new(&path)),
                ("GITHUB_OUTPUT", &output),
                ("GITHUB_STEP_SUMMARY", &summary),
                ("GITHUB_PATH", &at("path")),
                ("GITHUB_ACTION_PATH", root()),
                ("RUNNER_TEMP", &self.pack.tmp()),
                ("GH_CALLS", &calls),
                ("GH_COMMENTS", &at("comments")),
            ] {
                run = run.env(name, value);
            }
            for (name, value) in more {
                run = run.env(name, value);
            }
            run.command.current_dir(folder.unwrap_or_else(|| self.clone.clone()));
            let outcome = run.run();
            ran.log += &outcome.stdout;
            ran.log += &outcome.stderr;
            let id = step["id"].as_str().unwrap_or_default();
            for line in fs::read_to_string(&output).unwrap().lines() {
                let (name, value) = line.split_once('=').unwrap();
                outputs.insert(format!("{id}.outputs.{name}"), value.to_owned());
            }
            fs::write(&output, "").unwrap();
            ran.status = outcome.status;
            if outcome.status != 0 {
                break;
            }
        }
        ran.summary = fs::read_to_string(&summary).unwrap();
        ran.calls = fs::read_to_string(&calls).unwrap().lines().map(str::to_owned).collect();
        Some(ran)
    }
}

#[test]
fn a_pull_request_gets_its_report_and_one_comment() {
    let mut runner = Runner::new("main");
    let Some(first) = runner.run(&[]) else { return };
    assert_eq!(first.status, 0, "{}", first.log);
    for words in ["### Size of what goes to Lambda", "new: large 2.0: +1.0 MB", "since <code>git:origin/main ("] {
        assert!(first.summary.contains(words), "{words}: {}", first.summary);
        assert!(runner.comment().contains(words), "{words}: {}", runner.comment());
    }
    assert_eq!(runner.comment().lines().next(), Some("<!-- pack report of . -->"));
    assert!(!first.log.contains("::error") && first.log.contains("large 2.0"), "{}", first.log);
    assert_eq!(first.calls.len(), 2, "{:?}", first.calls);
    assert!(first.calls[1].starts_with("api --method POST"), "{:?}", first.calls);
    // A budget that holds, and one that breaks: everything is shown, then the step fails.
    runner.inputs.insert("budgets", "\n  unpacked-growth=2MB  \n".into());
    assert_eq!(runner.run(&[]).unwrap().status, 0);
    runner.inputs.insert("budgets", "unpacked=50%\nunpacked-growth=1MB\n".into());
    let broken = runner.run(&[]).unwrap();
    assert_eq!(broken.status, 1, "{}", broken.log);
    let annotations: Vec<&str> = broken.log.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(annotations.len(), 1, "{}", broken.log);
    assert!(annotations[0].contains("1000000") || annotations[0].contains("1,000,000"), "{annotations:?}");
    assert!(broken.summary.contains("❌ 1 of 2 broken"), "{}", broken.summary);
    assert!(broken.calls[1].starts_with("api --method PATCH repos/me/it/issues/comments/41"), "{:?}", broken.calls);
    assert!(runner.comment().contains("❌ 1 of 2 broken"), "the comment is brought up to date");
    assert_eq!(fs::read_dir(runner.pack.path("../comments")).unwrap().count(), 1);
    // A budget of the project that the build itself fails over.
    runner.inputs.insert("budgets", String::new());
    fs::write(runner.clone.join("pack.toml"), "[defaults]\nbytecode = \"none\"\n[budgets]\nunpacked = 1000\n").unwrap();
    let broken = runner.run(&[]).unwrap();
    assert_eq!((broken.status, broken.summary.contains("❌ 1 of 1 broken")), (1, true), "{}", broken.log);
}

#[test]
fn what_the_other_branch_got_since_is_no_change() {
    let runner = Runner::new("main");
    let (origin, clone) = (runner.pack.path(""), &runner.clone);
    // As actions/checkout has a pull request: its merge, without history.
    git(&origin, &["switch", "--quiet", "--create", "merge", "main"]);
    git(&origin, &["merge", "--quiet", "--no-ff", "-m", "merge", "topic"]);
    git(clone, &["fetch", "--quiet", "--depth=1", "origin", "merge"]);
    git(clone, &["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
    let merge = git(clone, &["rev-parse", "HEAD"]);
    runner.main_without_requirements();
    let Some(ran) = runner.run(&[("GITHUB_SHA", merge.trim())]) else { return };
    assert_eq!(ran.status, 0, "{}", ran.log);
    assert!(ran.log.contains("since git:HEAD^1 (") && ran.summary.contains("new: large 2.0"), "{}", ran.log);
    assert!(!ran.summary.contains("new: small"), "{}", ran.summary);
    // Another commit that was checked out: what its first parent is, is no matter.
    let ran = runner.run(&[("GITHUB_SHA", "0123456789012345678901234567890123456789")]).unwrap();
    assert_eq!(ran.status, 0, "{}", ran.log);
    assert!(ran.log.contains("since git:origin/main (") && ran.summary.contains("new: small"), "{}", ran.log);
}

#[test]
fn another_pack_on_path_is_not_taken() {
    let runner = Runner::new("main");
    let bin = runner.pack.path("../bin");
    fs::remove_file(bin.join("pack")).unwrap();
    for (name, script) in [
        ("pack", "#!/bin/sh\necho \"Error: unknown command\" >&2\nexit 1\n"),
        ("cargo", "#!/bin/sh\necho \"cargo $*\"\nexit 9\n"),
    ] {
        fs::write(bin.join(name), script).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let Some(ran) = runner.run(&[]) else { return };
    assert_eq!(ran.status, 9, "{}", ran.log);
    assert!(ran.log.contains("cargo install --locked --path"), "{}", ran.log);
}

#[test]
fn what_a_token_may_not_write_is_told_and_no_failure() {
    let mut runner = Runner::new("main");
    let Some(refused) = runner.run(&[("GH_REFUSES", "1")]) else { return };
    assert_eq!(refused.status, 0, "{}", refused.log);
    assert!(refused.log.contains("::notice title=pack report::No comment"), "{}", refused.log);
    assert!(refused.summary.contains("new: large 2.0"), "{}", refused.summary);
    assert!(!refused.log.contains("secret-token"));
    runner.inputs.insert("comment", "false".into());
    // A commit that is not there, and a build that fails: the step says why, and fails.
    for (input, value, status, words) in [
        ("baseline", "git:origin/nowhere", 2, "there is no commit \"origin/nowhere\""),
        ("artifacts", "nowhere.zip", 2, "nowhere.zip"),
        ("baseline", "none", 0, "large 2.0"),
    ] {
        let before = runner.inputs.insert(input, value.into()).unwrap();
        let ran = runner.run(&[]).unwrap();
        runner.inputs.insert(input, before);
        assert_eq!(ran.status, status, "{value}: {}", ran.log);
        assert!(ran.log.contains(words), "{words}: {}", ran.log);
        assert!(ran.calls.is_empty() && !ran.summary.is_empty(), "{value}");
    }
}

#[test]
fn nothing_that_others_name_is_run() {
    let hostile = "x$(touch${IFS}ran)`touch${IFS}ran`;touch${IFS}ran;'\"";
    let mut runner = Runner::new(hostile);
    let Some(ran) = runner.run(&[]) else { return };
    assert_eq!(ran.status, 0, "{}", ran.log);
    assert!(ran.summary.contains("new: large 2.0"), "{}", ran.summary);
    for input in ["artifacts", "baseline", "budgets", "token"] {
        let words = format!("{hostile}\n--save=ran\n::error::x\n$(touch ran)");
        let before = runner.inputs.insert(input, words).unwrap();
        let ran = runner.run(&[]).unwrap();
        assert_eq!(ran.status, if input == "token" { 0 } else { 2 }, "{input}: {}", ran.log);
        runner.inputs.insert(input, before);
    }
    let folder = "a$(touch ran)`touch ran`\"; touch ran; -->";
    fs::create_dir(runner.clone.join(folder)).unwrap();
    for entry in ["pack.toml", "functions", "requirements"] {
        std::os::unix::fs::symlink(runner.clone.join(entry), runner.clone.join(folder).join(entry)).unwrap();
    }
    runner.inputs.insert("working-directory", folder.into());
    let ran = runner.run(&[]).unwrap();
    assert_eq!(ran.status, 0, "{}", ran.log);
    assert_eq!(
        runner.comment().lines().next(),
        Some("<!-- pack report of a__touch_ran__touch_ran____touch_ran_____ -->")
    );
    let found: Vec<_> = walkdir::WalkDir::new(runner.pack.path("..")).into_iter().flatten().collect();
    assert!(found.iter().all(|entry| entry.file_name() != "ran"), "something was run");
    // No script has an expression in it.
    let action = yaml(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
    }
}

#[test]
fn the_shell_of_docs_is_that_of_other_cis() {
    let runner = Runner::new("main");
    let bin = runner.pack.path("../bin").canonicalize().unwrap();
    let began = git(&runner.pack.path(""), &["rev-parse", "topic~1"]);
    let run = |script: &str| {
        let run = runner.pack.command([""; 0]);
        let mut command = Command::new("bash");
        command.args(["-eo", "pipefail", "-c", script]).current_dir(&runner.clone);
        for (name, value) in run.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        command.env("CI_MERGE_REQUEST_DIFF_BASE_SHA", began.trim()).env_remove("CI_MERGE_REQUEST_TARGET_BRANCH_SHA");
        let output = command.output().unwrap();
        (
            output.status.code().unwrap(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    // The last block of shell is for any CI.
    let (status, said) = run(documented("sh").last().unwrap());
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("since git:origin/main (") && said.contains("large 2.0"), "{said}");
    fs::write(runner.clone.join("pack.toml"), "[defaults]\nbytecode = \"none\"\n[budgets]\nunpacked-growth = 999\n")
        .unwrap();
    let Some(gitlab) = yaml(&documented("yaml")[1]) else { return };
    let script: Vec<&str> =
        gitlab["size"]["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    runner.main_without_requirements();
    let (status, said) = run(&script.join("\n"));
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("+ large 2.0") && !said.contains("+ small"), "{said}");
    for file in gitlab["size"]["artifacts"]["paths"].as_array().unwrap() {
        assert!(runner.clone.join(file.as_str().unwrap()).is_file(), "{file}");
    }
    assert!(said.contains("unpacked it grew by"), "{said}");
}

#[test]
fn the_files_of_cis_are_as_their_schemas_say() {
    let Some(check) = tool("check-jsonschema") else { return };
    let folder = tempfile::tempdir().unwrap();
    let blocks = documented("yaml");
    for (name, block) in ["github.yml", "gitlab.yml"].iter().zip(&blocks) {
        fs::write(folder.path().join(name), block).unwrap();
    }
    for (schema, file) in [
        ("vendor.github-actions", root().join("action.yml")),
        ("vendor.github-workflows", root().join(".github/workflows/size.yml")),
        ("vendor.github-workflows", folder.path().join("github.yml")),
        ("vendor.gitlab-ci", folder.path().join("gitlab.yml")),
    ] {
        let output = Command::new(&check).args(["--builtin-schema", schema]).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", file.display());
    }
    // Every input is documented, and only those.
    let action = yaml(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
    let text = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    for input in action["inputs"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("| `{input}` |")), "{input} is not in docs/ci.md");
    }
}
