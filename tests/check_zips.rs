//! What `pack check` says of ZIPs that are odd and may well work: links, and names that only Linux has files of.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use serde_json::Value;
use support::Pack;
use support::check::{assert_found, check};
use support::zips::{LINK, Member, file, zip};

const APP: &str = "def handler(event, context):\n    return 1\n";

fn link(name: &str, target: &str) -> Member {
    Member { mode: LINK, ..file(name, target) }
}

/// The severities and reasons of the findings about a path.
fn said<'a>(report: &'a Value, path: &str) -> Vec<(&'a str, &'a str)> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["path"] == path);
    findings.map(|finding| (finding["severity"].as_str().unwrap(), finding["reason"].as_str().unwrap())).collect()
}

#[test]
fn links_lead_to_where_things_lie_in_lambda() {
    const KEPT: &str = "AWS does not say that symbolic links in a ZIP are kept";
    let pack = Pack::new();
    let function = [
        file("app.py", format!("import helper\n{APP}")),
        file("a/b.txt", "b"),
        Member { mode: 0o040_755, ..file("d/", "") },
        link("lib/libx.so", "/opt/lib/libx.so"),
        link("absolute", "/var/task/a/b.txt"),
        link("folder", "d"),
        link("helper.py", "../../opt/python/helper.py"),
    ];
    pack.write("app.zip", zip(&function));
    pack.write("layer.zip", zip(&[file("python/helper.py", ""), file("lib/libx.so", "")]));
    let (outcome, report) = check(&pack, &["app.zip", "layer.zip"]);
    assert_eq!(outcome.status, 0, "{report:#}");
    for path in ["lib/libx.so", "absolute", "folder", "helper.py"] {
        assert_eq!(said(&report, &format!("/var/task/{path}")), [("warning", KEPT)], "{path}");
    }
    assert_eq!(
        (&report["files"], &report["unpacked"]),
        (&4.into(), &(APP.len() + 14 + 1).into()),
        "links are no files"
    );
    // The layer may have it, and is not at hand.
    let (_, report) = check(&pack, &["app.zip", "--provided", "helper"]);
    let missing = [("warning", "it is a symbolic link to \"/opt/lib/libx.so\", which is not in the archive")];
    assert_eq!(said(&report, "/var/task/lib/libx.so"), missing);
}

#[test]
fn a_link_to_nothing_is_an_error_where_something_loads_it_and_nothing_else_can_be_there() {
    let pack = Pack::new();
    let severity = |members: &[Member]| {
        pack.write("app.zip", zip(members));
        let (_, report) = check(&pack, &["app.zip"]);
        let findings = report["findings"].as_array().unwrap().iter();
        let of_links: Vec<String> = findings
            .filter(|finding| finding["check"] == "symbolic-link")
            .map(|finding| finding["severity"].as_str().unwrap().to_owned())
            .collect();
        of_links.join(" ")
    };
    let app = |link: Member| severity(&[file("app.py", APP), link]);
    assert_eq!(app(link("pkg/m.py", "gone.py")), "error");
    assert_eq!(app(link("circle.py", "circle.py")), "error");
    assert_eq!(app(link("libx.so", "/usr/lib64/libx.so.1")), "error");
    assert_eq!(app(link("libz.so", "/usr/lib64/libz.so.1")), "warning", "the runtime has it");
    assert_eq!(app(link("bin/python", "/usr/bin/python3")), "warning");
    assert_eq!(app(link("docs", "../docs")), "warning", "nothing loads it");
    assert_eq!(app(link("libx.so", "/mnt/efs/libx.so")), "warning");
    let layer = [file("python/a.py", ""), link("python/b.py", "/var/task/b.py")];
    assert_eq!(severity(&layer), "warning", "a function may have it");
}

#[test]
fn names_that_only_linux_has_files_of_are_no_error_and_their_files_are_checked() {
    let pack = Pack::new();
    let odd = [
        file("./app.py", format!("import nowhere_to_be_found\n{APP}")),
        file("data//c:x.json", ""),
        file("a:b", ""),
        file("Icon\r", ""),
        Member { mode: 0o040_755, ..file("./", "") },
    ];
    pack.write("odd.zip", zip(&odd));
    let (outcome, report) = check(&pack, &["odd.zip"]);
    assert_found(
        "its code is read",
        &outcome,
        &report,
        "error",
        "import-missing",
        "/var/task/app.py it imports nowhere",
    );
    assert_eq!(
        (&report["handler"], &report["files"], &report["errors"]),
        (&"app.handler".into(), &4.into(), &1.into())
    );
    let reasons: Vec<&str> =
        report["findings"].as_array().unwrap()[1..].iter().map(|finding| finding["reason"].as_str().unwrap()).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    "./app.py", and 2 more: not every system has files of such names (it has an empty component)
    "Icon\r": not every system has files of such names (it has a backslash or a control character)
    "a:b": not every system has files of such names (it begins with a drive)
    "#);
    // Where a name goes to the terminal, it does not steer it.
    let text = pack.command(["check", "odd.zip"]).run().stdout;
    assert!(!text.contains('\r'), "{text:?}");
}

#[test]
fn a_member_that_is_there_twice_matters_where_the_two_differ() {
    let pack = Pack::new();
    pack.write("app.zip", zip(&[file("app.py", APP), file("app.py", APP)]));
    let (outcome, report) = check(&pack, &["app.zip"]);
    assert_found(
        "the same twice",
        &outcome,
        &report,
        "warning",
        "archive",
        "it is in the ZIP twice, with the same content",
    );
    let other = Member { mode: 0o100_755, ..file("app.py", APP) };
    for differing in [file("app.py", APP.replace('1', "2")), other] {
        pack.write("app.zip", zip(&[file("app.py", APP), differing]));
        let (outcome, report) = check(&pack, &["app.zip"]);
        assert_found("two of one name", &outcome, &report, "error", "archive", "which one is unpacked depends on");
    }
}
