//! Proves what `pack report --baseline git:REF` says of a branch: one that adds a distribution, one that upgrades one, one that removes one;
//! that budgets break where they should and nowhere before; and that a repository stays as it is.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};
use support::git::{Repository, git};
use support::image::{GZIP, Layout, layer};
use support::{Outcome, Pack, WheelBuilder, assert_done};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";
const ZIP: &str = "dist/job-python3.13-x86_64.zip";

/// `pandas` with so many bytes of code and of tests, which slimming takes out.
fn pandas(version: &str, code: usize, tests: usize) -> WheelBuilder {
    WheelBuilder::new("pandas", version)
        .file("pandas/__init__.py", b"")
        .file("pandas/lib.bin", &vec![0; code])
        .file("pandas/tests/test_frame.py", b"def test():\n    pass\n")
        .file("pandas/tests/data.bin", &vec![0; tests])
}

/// A repository whose branch `main` has pandas 3.1.1 and old.
fn project() -> (Pack, Repository) {
    let pack = Pack::new();
    pack.write("pack.toml", "[defaults]\nbytecode = \"none\"\n");
    pack.function("job", HANDLER, &["pandas==3.1.1", "old"]);
    pack.wheel(&pandas("3.1.1", 1_000_000, 15_000_000));
    pack.wheel(&pandas("3.2.0", 5_100_000, 15_400_000));
    pack.wheel(&WheelBuilder::new("old", "0.9").file("old.py", b"OLD = 1\n"));
    let learn = WheelBuilder::new("scikit_learn", "1.9.0").requires("joblib").file("sklearn/__init__.py", b"");
    pack.wheel(&learn.file("sklearn/lib.bin", &vec![0; 30_000_000]).file("sklearn/tests/test_all.py", b"# nothing\n"));
    pack.wheel(&WheelBuilder::new("joblib", "1.6").file("joblib.py", b"JOBS = 1\n"));
    let repository = Repository::of(&pack);
    (pack, repository)
}

/// Writes other requirements on a branch, and builds them.
fn branch(pack: &Pack, repository: &Repository, name: &str, requirements: &[&str]) {
    repository.branch(name, "main");
    pack.function("job", HANDLER, requirements);
    repository.commit(name);
    build(pack);
}

fn build(pack: &Pack) {
    assert_done(&pack.command(["zip", "--no-import-test", "--quiet"]).run());
}

fn report(pack: &Pack, arguments: &[&str]) -> Outcome {
    pack.command(["report"]).args(arguments).run()
}

/// Runs a report against main.
fn since_main(pack: &Pack, arguments: &[&str]) -> Outcome {
    let outcome = report(pack, &[&["--baseline", "git:main"], arguments].concat());
    Outcome { stdout: same_commit(outcome.stdout), ..outcome }
}

/// The names of commits are others on every day.
fn same_commit(mut text: String) -> String {
    while let Some(at) = text.find("git:main (").map(|at| at + "git:main".len()) {
        text.replace_range(at..at + " (0123456789ab)".len(), " at its commit");
    }
    text
}

/// What of a report is about what changed.
struct Told {
    text: String,
    markdown: String,
    /// Without digests and packed bytes.
    json: Value,
    /// Packed and unpacked bytes more.
    grown: (i64, i64),
}

fn told(pack: &Pack) -> Told {
    let (markdown, json) = (pack.path("../size.md"), pack.path("../size.json"));
    let formats = [format!("markdown={}", markdown.display()), format!("json={}", json.display())];
    let outcome = since_main(pack, &["--format", "text", "--format", &formats[0], "--format", &formats[1]]);
    assert_done(&outcome);
    let text = &outcome.stdout;
    let text = text[text.find("\nsince").unwrap()..text.find("\nby distribution").unwrap()].trim().to_owned();
    let markdown = same_commit(std::fs::read_to_string(markdown).unwrap());
    let json = same_commit(std::fs::read_to_string(json).unwrap());
    let mut artifact = serde_json::from_str::<Value>(&json).unwrap()["artifacts"][0].take();
    let mut change = artifact["change"].take();
    let grown = |key: &str| artifact[key].as_i64().unwrap() - change["before"][key].as_i64().unwrap();
    let grown = (grown("packed"), grown("unpacked"));
    change["before"]["digest"].take();
    without_packed(&mut change);
    let end = markdown.find("<details><summary>What is in").unwrap();
    Told { text, markdown: markdown[..end].to_owned(), json: change, grown }
}

fn without_packed(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("packed");
            map.values_mut().for_each(without_packed);
        }
        Value::Array(list) => list.iter_mut().for_each(without_packed),
        _ => {}
    }
}

/// The JSON on lines that a person can read.
fn pretty(change: &Value) -> String {
    let mut lines = vec![format!("before {}", change["before"])];
    for list in ["parts", "files"] {
        lines.extend(change[list].as_array().unwrap().iter().map(|one| format!("{list} {one}")));
    }
    lines.join("\n")
}

#[test]
fn a_branch_that_adds_scikit_learn() {
    let (pack, repository) = project();
    branch(&pack, &repository, "learn", &["pandas==3.1.1", "old", "scikit-learn"]);
    let before = repository.state();
    let Told { text, markdown, json, grown } = told(&pack);
    assert_eq!(repository.state(), before, "the repository stays as it is");
    assert_eq!(Pack::files(&pack.cache().join("tmp")), [""; 0], "and nothing is left");
    insta::assert_snapshot!(text, @r"
    since git:main at its commit: 1.0 MB → 31.0 MB (+30.0 MB)
      + scikit-learn 1.9.0                             +30.0 MB  of which tests 0 (10 B pruned)
      + joblib 1.6                                       +236 B
      9 files have another size, came or went; the largest differences:
      +   +30.0 MB  sklearn/lib.bin
      +     +155 B  scikit_learn-1.9.0.dist-info/RECORD
      +     +103 B  joblib-1.6.dist-info/RECORD
      +      +78 B  scikit_learn-1.9.0.dist-info/METADATA
      +      +76 B  joblib-1.6.dist-info/WHEEL
      +      +76 B  scikit_learn-1.9.0.dist-info/WHEEL
      +      +48 B  joblib-1.6.dist-info/METADATA
      +       +9 B  joblib.py
      +       ±0 B  sklearn/__init__.py
    ");
    insta::assert_snapshot!(markdown, @r"
    <!-- pack report -->
    ### Size of what goes to Lambda

    | artifact | unpacked | of the limit | packed | change |
    |---|--:|--:|--:|--:|
    | <code>dist/job-python3.13-x86_64.zip</code> | 31.0 MB | 11.8 % | 34.5 kB | +30.0 MB |

    **<code>dist/job-python3.13-x86_64.zip</code>**: 1.0 MB → 31.0 MB (+30.0 MB) since <code>git:main at its commit</code>

    - new: scikit-learn 1.9.0: +30.0 MB, of which tests 0 (10 B pruned)
    - new: joblib 1.6: +236 B

    <details><summary>What changed in <code>dist/job-python3.13-x86_64.zip</code></summary>

    | part | before | now | difference |
    |---|--:|--:|--:|
    | + scikit-learn 1.9.0 |  | 30,000,309 | +30.0 MB |
    | + joblib 1.6 |  | 236 | +236 B |

    | file | before | now | difference |
    |---|--:|--:|--:|
    | <code>sklearn/lib.bin</code> |  | 30,000,000 | +30.0 MB |
    | <code>scikit_learn-1.9.0.dist-info/RECORD</code> |  | 155 | +155 B |
    | <code>joblib-1.6.dist-info/RECORD</code> |  | 103 | +103 B |
    | <code>scikit_learn-1.9.0.dist-info/METADATA</code> |  | 78 | +78 B |
    | <code>joblib-1.6.dist-info/WHEEL</code> |  | 76 | +76 B |
    | <code>scikit_learn-1.9.0.dist-info/WHEEL</code> |  | 76 | +76 B |
    | <code>joblib-1.6.dist-info/METADATA</code> |  | 48 | +48 B |
    | <code>joblib.py</code> |  | 9 | +9 B |
    | <code>sklearn/&#95;&#95;init&#95;&#95;.py</code> |  | 0 | ±0 B |

    </details>
    ");
    insta::assert_snapshot!(pretty(&json), @r#"
    before {"digest":null,"files":10,"name":"git:main at its commit","unpacked":1000523,"unpacked_with_layers":null}
    parts {"after":{"files":5,"unpacked":30000309,"version":"1.9.0"},"before":null,"kind":"distribution","name":"scikit-learn","removed":[{"after":293,"before":0,"rule":"installer-files"},{"after":10,"before":0,"rule":"tests"}]}
    parts {"after":{"files":4,"unpacked":236,"version":"1.6"},"before":null,"kind":"distribution","name":"joblib","removed":[{"after":155,"before":0,"rule":"installer-files"}]}
    files {"after":30000000,"before":null,"path":"sklearn/lib.bin"}
    files {"after":155,"before":null,"path":"scikit_learn-1.9.0.dist-info/RECORD"}
    files {"after":103,"before":null,"path":"joblib-1.6.dist-info/RECORD"}
    files {"after":78,"before":null,"path":"scikit_learn-1.9.0.dist-info/METADATA"}
    files {"after":76,"before":null,"path":"joblib-1.6.dist-info/WHEEL"}
    files {"after":76,"before":null,"path":"scikit_learn-1.9.0.dist-info/WHEEL"}
    files {"after":48,"before":null,"path":"joblib-1.6.dist-info/METADATA"}
    files {"after":9,"before":null,"path":"joblib.py"}
    files {"after":0,"before":null,"path":"sklearn/__init__.py"}
    "#);
    // To the byte, of both sizes.
    let (packed, unpacked) = grown;
    let budget = |key: &str, most: i64| format!("--budget={key}={most}");
    let at = since_main(&pack, &[&budget("packed-growth", packed), &budget("unpacked-growth", unpacked)]);
    assert_eq!(at.status, 0, "{}", at.stdout);
    for (key, most) in [("packed-growth", packed - 1), ("unpacked-growth", unpacked - 1)] {
        let below = since_main(&pack, &[&budget(key, most), "--format", "github"]);
        assert_eq!(below.status, 1);
        for words in ["::error title=", " 1 more than the ", "scikit-learn 1.9.0"] {
            assert!(below.stdout.contains(words), "{words}: {}", below.stdout);
        }
    }
    // Budgets of the project on the branch hold as well.
    pack.write(
        "pack.toml",
        format!("[defaults]\nbytecode = \"none\"\n[budgets]\nunpacked-growth = {}\n", unpacked - 1),
    );
    let outcome = since_main(&pack, &[]);
    assert_eq!(outcome.status, 1);
    insta::assert_snapshot!(outcome.stdout.lines().find(|line| line.contains("budget")).unwrap(), @r"  budget      over budget: unpacked it grew by 30,000,545 bytes, 1 more than the 30,000,544 of pack.toml; what grew most (unpacked): scikit-learn 1.9.0 new +30,000,309; joblib 1.6 new +236");
    assert_eq!(since_main(&pack, &[&budget("unpacked-growth", unpacked)]).status, 0, "--budget goes over them");
}

#[test]
fn a_branch_that_upgrades_pandas() {
    let (pack, repository) = project();
    branch(&pack, &repository, "upgrade", &["pandas==3.2.0", "old"]);
    let Told { text, markdown, json, grown } = told(&pack);
    insta::assert_snapshot!(text, @r"
    since git:main at its commit: 1.0 MB → 5.1 MB (+4.1 MB)
      ~ pandas 3.1.1 → 3.2.0                            +4.1 MB  of which tests 0 (15.4 MB pruned)
      7 files have another size, came or went; the largest differences:
      ~    +4.1 MB  pandas/lib.bin
      -     -135 B  pandas-3.1.1.dist-info/RECORD
      +     +135 B  pandas-3.2.0.dist-info/RECORD
      -      -76 B  pandas-3.1.1.dist-info/WHEEL
      +      +76 B  pandas-3.2.0.dist-info/WHEEL
      -      -50 B  pandas-3.1.1.dist-info/METADATA
      +      +50 B  pandas-3.2.0.dist-info/METADATA
    ");
    insta::assert_snapshot!(markdown, @r"
    <!-- pack report -->
    ### Size of what goes to Lambda

    | artifact | unpacked | of the limit | packed | change |
    |---|--:|--:|--:|--:|
    | <code>dist/job-python3.13-x86_64.zip</code> | 5.1 MB | 1.9 % | 6.8 kB | +4.1 MB |

    **<code>dist/job-python3.13-x86_64.zip</code>**: 1.0 MB → 5.1 MB (+4.1 MB) since <code>git:main at its commit</code>

    - pandas 3.1.1 → 3.2.0: +4.1 MB, of which tests 0 (15.4 MB pruned)

    <details><summary>What changed in <code>dist/job-python3.13-x86_64.zip</code></summary>

    | part | before | now | difference |
    |---|--:|--:|--:|
    | ~ pandas 3.1.1 → 3.2.0 | 1,000,261 | 5,100,261 | +4.1 MB |

    | file | before | now | difference |
    |---|--:|--:|--:|
    | <code>pandas/lib.bin</code> | 1,000,000 | 5,100,000 | +4.1 MB |
    | <code>pandas-3.1.1.dist-info/RECORD</code> | 135 |  | -135 B |
    | <code>pandas-3.2.0.dist-info/RECORD</code> |  | 135 | +135 B |
    | <code>pandas-3.1.1.dist-info/WHEEL</code> | 76 |  | -76 B |
    | <code>pandas-3.2.0.dist-info/WHEEL</code> |  | 76 | +76 B |
    | <code>pandas-3.1.1.dist-info/METADATA</code> | 50 |  | -50 B |
    | <code>pandas-3.2.0.dist-info/METADATA</code> |  | 50 | +50 B |

    </details>
    ");
    insta::assert_snapshot!(pretty(&json), @r#"
    before {"digest":null,"files":10,"name":"git:main at its commit","unpacked":1000523,"unpacked_with_layers":null}
    parts {"after":{"files":5,"unpacked":5100261,"version":"3.2.0"},"before":{"files":5,"unpacked":1000261,"version":"3.1.1"},"kind":"distribution","name":"pandas","removed":[{"after":15400021,"before":15000021,"rule":"tests"},{"after":375,"before":375,"rule":"installer-files"}]}
    files {"after":5100000,"before":1000000,"path":"pandas/lib.bin"}
    files {"after":null,"before":135,"path":"pandas-3.1.1.dist-info/RECORD"}
    files {"after":135,"before":null,"path":"pandas-3.2.0.dist-info/RECORD"}
    files {"after":null,"before":76,"path":"pandas-3.1.1.dist-info/WHEEL"}
    files {"after":76,"before":null,"path":"pandas-3.2.0.dist-info/WHEEL"}
    files {"after":null,"before":50,"path":"pandas-3.1.1.dist-info/METADATA"}
    files {"after":50,"before":null,"path":"pandas-3.2.0.dist-info/METADATA"}
    "#);
    assert_eq!(grown.1, 4_100_000);
    let part = json["parts"][0]["after"]["unpacked"].as_u64().unwrap();
    let budgets = |growth: u64, part: u64| {
        let budgets = [format!("--budget=unpacked-growth={growth}"), format!("--budget=distributions.pandas={part}")];
        since_main(&pack, &[&budgets[0], &budgets[1]])
    };
    let at = budgets(4_100_000, part);
    assert_eq!(at.status, 0, "{}", at.stdout);
    for (growth, part) in [(4_099_999, part), (4_100_000, part - 1)] {
        let below = budgets(growth, part);
        assert_eq!((below.status, below.stdout.matches("over budget").count()), (1, 1), "{}", below.stdout);
    }
}

#[test]
fn a_branch_that_removes_a_distribution() {
    let (pack, repository) = project();
    branch(&pack, &repository, "less", &["pandas==3.1.1"]);
    let Told { text, markdown, json, .. } = told(&pack);
    insta::assert_snapshot!(text, @r"
    since git:main at its commit: 1.0 MB → 1.0 MB (-220 B)
      - old 0.9                                          -220 B
      4 files have another size, came or went; the largest differences:
      -      -91 B  old-0.9.dist-info/RECORD
      -      -76 B  old-0.9.dist-info/WHEEL
      -      -45 B  old-0.9.dist-info/METADATA
      -       -8 B  old.py
    ");
    insta::assert_snapshot!(markdown, @r"
    <!-- pack report -->
    ### Size of what goes to Lambda

    | artifact | unpacked | of the limit | packed | change |
    |---|--:|--:|--:|--:|
    | <code>dist/job-python3.13-x86_64.zip</code> | 1.0 MB | 0.4 % | 2.0 kB | -220 B |

    **<code>dist/job-python3.13-x86_64.zip</code>**: 1.0 MB → 1.0 MB (-220 B) since <code>git:main at its commit</code>

    - gone: old 0.9: -220 B

    <details><summary>What changed in <code>dist/job-python3.13-x86_64.zip</code></summary>

    | part | before | now | difference |
    |---|--:|--:|--:|
    | - old 0.9 | 220 |  | -220 B |

    | file | before | now | difference |
    |---|--:|--:|--:|
    | <code>old-0.9.dist-info/RECORD</code> | 91 |  | -91 B |
    | <code>old-0.9.dist-info/WHEEL</code> | 76 |  | -76 B |
    | <code>old-0.9.dist-info/METADATA</code> | 45 |  | -45 B |
    | <code>old.py</code> | 8 |  | -8 B |

    </details>
    ");
    insta::assert_snapshot!(pretty(&json), @r#"
    before {"digest":null,"files":10,"name":"git:main at its commit","unpacked":1000523,"unpacked_with_layers":null}
    parts {"after":null,"before":{"files":4,"unpacked":220,"version":"0.9"},"kind":"distribution","name":"old","removed":[{"after":0,"before":155,"rule":"installer-files"}]}
    files {"after":null,"before":91,"path":"old-0.9.dist-info/RECORD"}
    files {"after":null,"before":76,"path":"old-0.9.dist-info/WHEEL"}
    files {"after":null,"before":45,"path":"old-0.9.dist-info/METADATA"}
    files {"after":null,"before":8,"path":"old.py"}
    "#);
    // What shrinks keeps a budget of nothing.
    let outcome = since_main(&pack, &["--budget", "unpacked-growth=0", "--budget", "packed-growth=0"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stdout);
}

#[test]
fn layers_images_and_what_is_new_in_a_folder_of_a_repository() {
    let pack = Pack::new();
    let run = json!({ "Env": ["LAMBDA_TASK_ROOT=/var/task"], "Entrypoint": ["/lambda-entrypoint.sh"] });
    let files = [("var/lang/lib/python3.13/os.py", ""), ("lambda-entrypoint.sh", "#!/bin/sh\n")];
    Layout { pack: &pack, folder: "team/base" }.write_with(&[layer(&files)], "amd64", GZIP, &run);
    // What lies beside the project's folder is there as well; what no archive would have, too.
    pack.write("shared/tool.txt", "tool==1.0\n");
    pack.write(".gitattributes", "*.txt export-ignore\n");
    let matrix = "[packaging.layers]\nmethod = \"layers\"\nlayers = [\"tools\"]\n[packaging.image]\nmethod = \"image\"\nbase = \"base\"\n";
    pack.write("team/pack.toml", format!("[defaults]\nbytecode = \"none\"\n{matrix}"));
    pack.write("team/functions/job/app.py", HANDLER);
    pack.write("team/layers/tools.txt", "-r ../../shared/tool.txt\n");
    for (version, bytes) in [("1.0", 1000), ("2.0", 3000)] {
        pack.wheel(&WheelBuilder::new("tool", version).file("tool.py", b"").file("tool.bin", &vec![0; bytes]));
    }
    let repository = Repository::of(&pack);
    // A hook that runs, and an index that is somebody's, would show.
    pack.write(".git/hooks/post-index-change", "#!/bin/sh\ntouch \"$(git rev-parse --git-dir)/ran\"\n");
    std::fs::set_permissions(pack.path(".git/hooks/post-index-change"), Permissions::from_mode(0o755)).unwrap();
    pack.write("shared/tool.txt", "tool==2.0\n");
    pack.write("team/functions/job/more.py", "MORE = 1\n");
    pack.write("team/functions/second/app.py", HANDLER);
    let team = |arguments: &[&str]| {
        let mut run = pack.command(arguments);
        run.command.current_dir(pack.path("team")).env("GIT_INDEX_FILE", "/nowhere/index");
        run.run()
    };
    for command in ["zip", "image"] {
        assert_done(&team(&[command, "--no-import-test", "--quiet"]));
    }
    let before = repository.state();
    let outcome = team(&["report", "--baseline", "git:HEAD", "--format", "json"]);
    assert_done(&outcome);
    assert_eq!(repository.state(), before);
    assert_eq!(outcome.stderr.matches("git:HEAD has nothing of dist/second-").count(), 2, "{}", outcome.stderr);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let mut told = Vec::new();
    for artifact in json["artifacts"].as_array().unwrap() {
        let parts = artifact["change"]["parts"].as_array();
        let names = parts.map(|parts| {
            parts
                .iter()
                .map(|part| format!("{} {}", part["name"].as_str().unwrap(), part["after"]["version"]))
                .collect::<Vec<_>>()
                .join(", ")
        });
        told.push(format!("{}: {}", artifact["name"].as_str().unwrap(), names.unwrap_or_else(|| "new".into())));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    dist/job-layers-python3.13-x86_64.zip: function null
    dist/job-image-python3.13-x86_64: function null
    dist/second-layers-python3.13-x86_64.zip: new
    dist/second-image-python3.13-x86_64: new
    dist/layers/tools-python3.13-x86_64.zip: tool "2.0"
    "#);
}

#[test]
fn a_commit_that_nobody_would_deploy_is_compared_all_the_same() {
    let pack = Pack::new();
    pack.function("job", "import nowhere\n", &[]);
    pack.write(
        "pack.toml",
        "[defaults]\nbytecode = \"none\"\n[functions.job]\nhandler = \"app.handler\"\n[budgets]\nunpacked = 1\n",
    );
    // Not what the build is to leave.
    pack.write(ZIP, "somebody's");
    let repository = Repository::of(&pack);
    repository.git(&["add", "--force", ZIP]);
    repository.commit("with an artifact");
    pack.write("functions/job/app.py", HANDLER);
    pack.write("pack.toml", "[defaults]\nbytecode = \"none\"\n");
    build(&pack);
    let outcome = since_main(&pack, &["--format", "json"]);
    assert_done(&outcome);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["artifacts"][0]["change"]["before"]["unpacked"], json!("import nowhere\n".len()));
}

#[test]
fn where_links_of_a_commit_lead_stays_as_it_is() {
    let pack = Pack::new();
    let project = |folder: &str| {
        pack.write(&format!("{folder}/pack.toml"), "[defaults]\nbytecode = \"none\"\n");
        pack.write(&format!("{folder}/functions/job/app.py"), HANDLER);
        pack.write(&format!("{folder}/requirements/job.txt"), "old\n");
    };
    pack.wheel(&WheelBuilder::new("old", "0.9").file("old.py", b"OLD = 1\n"));
    for folder in [".", "../mine"] {
        project(folder);
    }
    pack.write(&format!("../mine/{ZIP}"), "somebody's");
    // The folder of artifacts, and one with a project.
    for (name, there) in [("dist", "../mine/dist"), ("team", "../mine")] {
        symlink(pack.path(there), pack.path(name)).unwrap();
    }
    let before = Pack::files(&pack.path("../mine"));
    Repository::of(&pack);
    for name in ["dist", "team"] {
        std::fs::remove_file(pack.path(name)).unwrap();
    }
    project("team");
    for (folder, is_there) in [(".", true), ("team", false)] {
        let in_folder = |arguments: &[&str]| {
            // A cache that is named from the working directory is the same one for the build there.
            let mut run = pack.command(arguments).env("PACK_CACHE_DIR", "kept");
            run.command.current_dir(pack.path(folder));
            run.run()
        };
        assert_done(&in_folder(&["zip", "--no-import-test", "--quiet"]));
        std::fs::remove_dir_all(pack.path(folder).join("kept")).unwrap();
        let outcome = in_folder(&["report", "--baseline", "git:main"]);
        assert_done(&outcome);
        assert_eq!(outcome.stdout.contains("since git:main ("), is_there, "{}{}", outcome.stdout, outcome.stderr);
        let kept = Pack::files(&pack.path(folder).join("kept"));
        assert_eq!(kept.iter().any(|file| file.starts_with("wheels-")), is_there, "{kept:?}");
    }
    assert_eq!(Pack::files(&pack.path("../mine")), before);
    assert_eq!(std::fs::read_to_string(pack.path(format!("../mine/{ZIP}"))).unwrap(), "somebody's");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (pack, repository) = project();
    let fails = |arguments: &[&str], words: &[&str]| {
        let outcome = report(&pack, arguments);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{}", outcome.stderr);
        for word in words {
            assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
        }
    };
    build(&pack);
    for name in ["nope", "--help", "-x", "", "main --x", "main:pack.toml", "$(touch ran)"] {
        fails(&["--baseline", &format!("git:{name}")], &["there is no commit", "git fetch origin"]);
    }
    assert!(!pack.path("ran").exists());
    std::fs::copy(pack.path(ZIP), pack.path("other.zip")).unwrap();
    fails(&["other.zip", "--baseline", "git:main"], &["nothing of the project is written to other.zip", "pack plan"]);
    std::fs::remove_file(pack.path("other.zip")).unwrap();
    // A commit whose project is broken, one that cannot be built, and one without any.
    pack.write("pack.toml", "[defaults]\nbytecode = 3\n");
    repository.commit("broken");
    pack.write("pack.toml", "[defaults]\nbytecode = \"none\"\n");
    pack.function("job", HANDLER, &["nowhere==1.0"]);
    repository.commit("nowhere");
    repository.git(&["rm", "-r", "--quiet", "functions", "requirements", "pack.toml"]);
    repository.commit("nothing");
    pack.write("pack.toml", "[defaults]\nbytecode = \"none\"\n");
    pack.function("job", HANDLER, &["pandas==3.1.1", "old"]);
    repository.commit("again");
    fails(&["--baseline", "git:HEAD~3"], &["the project at git:HEAD~3 (", "pack.toml", "bytecode"]);
    let outcome = report(&pack, &["--baseline", "git:HEAD~2"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{}", outcome.stderr);
    for word in
        ["building dist/job-python3.13-x86_64.zip as it is at git:HEAD~2 (", "nowhere==1.0", "pack zip --packaging zip"]
    {
        assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
    let outcome = report(&pack, &["--baseline", "git:HEAD~1"]);
    assert_done(&outcome);
    assert!(outcome.stderr.contains("git:HEAD~1 has nothing of dist/job-"), "{}", outcome.stderr);
    // A submodule is told; so is a clone that has the newest commit alone.
    let head = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},vendored", head.trim())]);
    repository.git(&["commit", "--quiet", "-m", "submodule"]);
    let outcome = report(&pack, &["--baseline", "git:HEAD"]);
    assert_done(&outcome);
    assert!(
        outcome.stderr.contains("has submodules, whose files are not in the baseline: vendored"),
        "{}",
        outcome.stderr
    );
    let clone = pack.path("../clone");
    git(
        &pack.path(""),
        &["clone", "--quiet", "--depth=1", &format!("file://{}", pack.path("").display()), clone.to_str().unwrap()],
    );
    let mut shallow = pack.command(["report", pack.path(ZIP).to_str().unwrap(), "--baseline", "git:origin/release"]);
    shallow.command.current_dir(&clone);
    let outcome = shallow.run();
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.stderr.contains("fetch-depth: 0") && outcome.stderr.contains("origin release:"),
        "{}",
        outcome.stderr
    );
    std::fs::rename(pack.path(".git"), pack.path("../git")).unwrap();
    fails(&["--baseline", "git:main"], &["there is none", "run it in a clone"]);
    let outcome = pack.command(["report", "--baseline", "git:main"]).env("PATH", "").run();
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("git, which is not on PATH"), "{}", outcome.stderr);
}
