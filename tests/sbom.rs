//! Proves what `--sbom` promises: what is in an artifact, as CycloneDX that the official schema takes and that others read,
//! the same bytes for the same artifact, and nothing hostile or secret in it.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::image::{GZIP, Layout, layer};
use support::index::Index;
use support::zips::{file, zip};
use support::{Pack, WheelBuilder, assert_done, assert_fails, sha256, skip};

const ZIP: &str = "dist/app-python3.13-x86_64.zip";
const SBOM: &str = "dist/app-python3.13-x86_64.zip.cdx.json";
const HANDLER: &str = "import mid\n\n\ndef handler(event, context):\n    return mid.VALUE\n";

/// Validates by the official schema, and gives what another reader lists: names, versions and package URLs.
const READER: &str = r#"
import json, sys
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from lib4sbom.parser import SBOMParser
from packageurl import PackageURL

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    text = file.read()
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
assert error is None, error
bom = Bom.from_json(json.loads(text))
bom.validate()
for component in bom.components:
    assert component.purl.type == "pypi", component
    plain = json.loads(text)["components"]
    assert component.purl.to_string() in [one["purl"] for one in plain], component.purl
parser = SBOMParser()
parser.parse_file(path)
root = json.loads(text)["metadata"]["component"]["name"]
print(json.dumps(sorted([one["name"], one.get("version", "")] for one in parser.get_packages() if one["name"] != root)))
"#;

fn python() -> Option<PathBuf> {
    let python = std::env::var_os("PACK_TEST_SBOM").map(|folder| Path::new(&folder).join("bin/python"));
    let python = python.filter(|python| python.is_file());
    if python.is_none() {
        skip("nothing is here that reads SBOMs: scripts/test installs it and names it in PACK_TEST_SBOM");
    }
    python
}

/// An SBOM that the official schema takes, and of which another reader lists the same.
#[track_caller]
fn sbom(path: &Path) -> Value {
    let sbom: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let components = sbom["components"].as_array().unwrap();
    let mut listed: Vec<[String; 2]> =
        components.iter().map(|one| [text(&one["name"]), text(&one["version"])]).collect();
    listed.sort();
    if let Some(python) = python() {
        let output = Command::new(python).args(["-c", READER]).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read: Vec<[String; 2]> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(read, listed);
    }
    sbom
}

fn component<'s>(sbom: &'s Value, purl: &str) -> &'s Value {
    let all = sbom["components"].as_array().unwrap();
    all.iter().find(|one| one["purl"] == purl).unwrap_or_else(|| panic!("{purl} is not in {all:#?}"))
}

fn purls(sbom: &Value) -> Vec<&str> {
    sbom["components"].as_array().unwrap().iter().map(|one| one["purl"].as_str().unwrap()).collect()
}

fn depends_on<'s>(sbom: &'s Value, reference: &str) -> &'s Value {
    let all = sbom["dependencies"].as_array().unwrap();
    &all.iter().find(|one| one["ref"] == reference).unwrap_or_else(|| panic!("{reference} is not in {all:#?}"))["dependsOn"]
}

fn properties(component: &Value, name: &str) -> Vec<String> {
    let all = component["properties"].as_array().unwrap();
    let named = all.iter().filter(|one| one["name"] == name);
    named.map(|one| one["value"].as_str().unwrap().to_owned()).collect()
}

fn licence(id: &str) -> Value {
    json!([{"license": {"id": id, "acknowledgement": "declared"}}])
}

fn words(name: &str) -> Value {
    json!([{"license": {"name": name, "acknowledgement": "declared"}}])
}

/// A function `app` of `mid`, which needs distributions with odd names, versions and licences, and of boto3, which stays out.
fn project() -> Pack {
    let pack = Pack::new();
    for wheel in wheels() {
        pack.wheel(&wheel);
    }
    pack.function("app", HANDLER, &["Mid.Dle", "fast[extra]"]);
    pack
}

fn wheels() -> Vec<WheelBuilder> {
    let text = format!("License: BSD{}", "\n        Copyright \u{1b}[31m(c)\u{7} all of us".repeat(20_000));
    vec![
        WheelBuilder::new("Mid_Dle", "1!2.1+local.3")
            .field("License-Expression: Apache-2.0 WITH LLVM-exception OR MIT")
            .requires("hostile")
            .requires("o-d_d.name; python_version >= '3.9'")
            .requires("gone; python_version < '3.9'")
            .requires("boto3")
            .file("mid/__init__.py", b"VALUE = 1\n")
            .file("mid/tests/__init__.py", b"")
            .file("mid/tests/test_mid.py", b"# a test\n"),
        WheelBuilder::new("hostile", "1.0").field(&text).file("hostile.py", b""),
        WheelBuilder::new("O.d_d_Name", "0.1rc1")
            .field("License-Expression: MIT OR (")
            .field("Classifier: License :: OSI Approved :: MIT License")
            .field("Classifier: License :: OSI Approved :: BSD License")
            .file("odd.py", b""),
        WheelBuilder::new("fast", "3")
            .field("License: The MIT License")
            .extra("extra", "more")
            .extra("other", "hostile")
            .file("fast.py", b""),
        WheelBuilder::new("more", "1.0.post1").file("more.py", b""),
        WheelBuilder::new("boto3", "1.40.0").field("License: Apache-2.0").file("boto3/__init__.py", b""),
    ]
}

#[test]
fn what_is_built_has_a_bill_that_others_read() {
    let pack = project();
    let done = pack.zip("app").arg("--sbom").run();
    assert_done(&done);
    assert!(done.stderr.contains(&format!("SBOM: {SBOM}")), "{}", done.stderr);
    let sbom = sbom(&pack.path(SBOM));
    let digest = sha256(&fs::read(pack.path(ZIP)).unwrap());
    let root = &sbom["metadata"]["component"];
    assert_eq!(
        (&root["type"], &root["name"], &root["version"]),
        (&json!("application"), &json!("app"), &json!(format!("sha256:{digest}")))
    );
    assert_eq!(root["hashes"], json!([{"alg": "SHA-256", "content": digest}]));
    assert_eq!(sbom["metadata"]["tools"]["components"][0]["name"], "pack");
    assert_eq!(sbom["metadata"].get("timestamp"), None);
    let (mid, odd) = ("pkg:pypi/mid-dle@1%212.1%2Blocal.3", "pkg:pypi/o-d-d-name@0.1rc1");
    let (fast, hostile, more) = ("pkg:pypi/fast@3", "pkg:pypi/hostile@1.0", "pkg:pypi/more@1.0.post1");
    assert_eq!(purls(&sbom), [fast, hostile, mid, more, odd]);
    // The wheels are those that were there, by their bytes.
    for (purl, wheel) in [mid, hostile, odd, fast, more].iter().zip(wheels()) {
        let bytes = fs::read(pack.path("wheels").join(wheel.filename())).unwrap();
        let reference = &component(&sbom, purl)["externalReferences"][0];
        assert_eq!((&reference["type"], &reference["url"]), (&json!("distribution"), &json!(wheel.filename())));
        assert_eq!(reference["hashes"], json!([{"alg": "SHA-256", "content": sha256(&bytes)}]));
    }
    let licences = |purl: &str| component(&sbom, purl)["licenses"].clone();
    let expression = "Apache-2.0 WITH LLVM-exception OR MIT";
    assert_eq!(licences(mid), json!([{"expression": expression, "acknowledgement": "declared"}]));
    assert_eq!(licences(fast), licence("MIT"));
    assert_eq!(licences(more), Value::Null);
    let mut both = licence("MIT");
    both.as_array_mut().unwrap().extend(words("BSD License").as_array().unwrap().clone());
    assert_eq!(licences(odd), both);
    let name = licences(hostile)[0]["license"]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("BSD Copyright [31m(c) all of us") && name.chars().count() <= 101, "{name:?}");
    // Who needs whom: markers and extras as in the target.
    assert_eq!(depends_on(&sbom, "artifact"), &json!([fast, mid]));
    assert_eq!(depends_on(&sbom, mid), &json!([hostile, odd]));
    assert_eq!(depends_on(&sbom, fast), &json!([more]));
    assert_eq!(depends_on(&sbom, odd), &json!([]));
    assert_eq!(properties(component(&sbom, mid), "pack:requested"), ["true"]);
    assert_eq!(properties(component(&sbom, odd), "pack:requested"), ["false"]);
    assert_eq!(properties(component(&sbom, mid), "pack:slimmed"), ["tests,installer-files"]);
}

#[test]
fn the_same_artifact_has_the_same_bytes_of_it() {
    let (one, other) = (project(), project());
    let build = |pack: &Pack| {
        assert_done(&pack.zip("app").arg("--sbom").run());
        fs::read(pack.path(SBOM)).unwrap()
    };
    let first = build(&one);
    assert_eq!(first, build(&other));
    // Of a build that found nothing to do, and of the artifact as it is.
    one.write("pack.toml", "[functions.app]\n");
    for _ in 0..2 {
        fs::remove_file(one.path(SBOM)).unwrap();
        assert_eq!(first, build(&one));
    }
    fs::remove_file(one.path(SBOM)).unwrap();
    assert_done(&one.command(["report", ZIP, "--sbom", "--format", "json=size.json"]).run());
    assert_eq!(first, fs::read(one.path(SBOM)).unwrap());
    assert_done(&one.command(["report", ZIP, "--sbom=other/../other.json"]).run());
    assert_eq!(first, fs::read(one.path("other.json")).unwrap());
    // The time is that which somebody says, and else none.
    let timed = one.command(["report", ZIP, "--sbom=timed.json"]).env("SOURCE_DATE_EPOCH", "1700000000").run();
    assert_done(&timed);
    assert_eq!(sbom(&one.path("timed.json"))["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    let odd = one.command(["report", ZIP, "--sbom=odd.json"]).env("SOURCE_DATE_EPOCH", "today").run();
    assert_fails(&odd, 2, &["SOURCE_DATE_EPOCH is not a number"]);
    // A build that fails leaves the old one.
    one.write("functions/app/app.py", "import nothing_of_that_name\n\n\ndef handler(event, context):\n    pass\n");
    assert_ne!(one.zip("app").arg("--sbom").run().status, 0);
    assert_eq!(first, fs::read(one.path(SBOM)).unwrap());
}

#[test]
fn a_function_with_layers_has_what_they_have() {
    let pack = project();
    pack.write("layers/data.txt", "Mid.Dle\nmore\n");
    let run = pack.command(["layer", "data", "--bytecode", "none", "--no-import-test", "--sbom"]).run();
    assert_done(&run);
    let of_layer = "dist/layers/data-python3.13-x86_64.zip";
    let layers = sbom(&pack.path(format!("{of_layer}.cdx.json")));
    assert_eq!(properties(&layers["metadata"]["component"], "pack:kind"), ["layer"]);
    assert_done(&pack.zip("app").args(["--layer", of_layer, "--sbom"]).run());
    let sbom = sbom(&pack.path(SBOM));
    assert_eq!(purls(&sbom).len(), 5);
    let mid = component(&sbom, "pkg:pypi/mid-dle@1%212.1%2Blocal.3");
    assert_eq!(properties(mid, "pack:layer"), ["data-python3.13-x86_64.zip"]);
    assert_eq!(mid["licenses"], component(&layers, mid["purl"].as_str().unwrap())["licenses"]);
    assert_eq!(mid["externalReferences"], component(&layers, mid["purl"].as_str().unwrap())["externalReferences"]);
    assert_eq!(properties(component(&sbom, "pkg:pypi/fast@3"), "pack:layer"), [""; 0]);
    // It names the layer's own bill.
    let link = sbom["metadata"]["component"]["externalReferences"][0]["url"].as_str().unwrap();
    let serial = layers["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    assert_eq!(link, format!("urn:cdx:{serial}/1"));
}

#[test]
fn an_image_has_what_its_base_has_too() {
    let pack = project();
    let files = [
        ("var/lang/lib/python3.13/os.py", ""),
        ("lambda-entrypoint.sh", "#!/bin/sh\n"),
        (
            "var/lang/lib/python3.13/site-packages/pip-25.0.dist-info/METADATA",
            "Name: pip\nVersion: 25.0\nLicense: MIT\n",
        ),
    ];
    Layout { pack: &pack, folder: "base" }.write(&[layer(&files)], "amd64", GZIP);
    let image = ["image", "app", "--base", "base", "--bytecode", "none", "--no-import-test", "--sbom"];
    assert_done(&pack.command(image).run());
    let path = "dist/app-image-python3.13-x86_64";
    let sbom = sbom(&pack.path(format!("{path}.cdx.json")));
    assert_eq!(sbom["metadata"]["component"]["type"], "container");
    let pip = component(&sbom, "pkg:pypi/pip@25.0");
    assert_eq!((properties(pip, "pack:base"), &pip["licenses"]), (vec!["true".to_owned()], &licence("MIT")));
    assert_eq!(properties(component(&sbom, "pkg:pypi/fast@3"), "pack:base"), [""; 0]);
    let written = fs::read(pack.path(format!("{path}.cdx.json"))).unwrap();
    assert_done(&pack.command(["report", &format!("{path}/"), "--sbom"]).run());
    assert_eq!(written, fs::read(pack.path(format!("{path}.cdx.json"))).unwrap());
    // One in a registry has nothing beside it.
    let pushed = pack.command(["report", "127.0.0.1:9/team/app:1", "--sbom"]).run();
    assert_fails(&pushed, 2, &["127.0.0.1:9/team/app:1", "not on this machine", "--sbom=FILE"]);
}

#[test]
fn a_foreign_artifact_has_what_its_metadata_says() {
    let pack = Pack::new();
    let metadata = |name: &str, rest: &str| format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{rest}\n");
    let long = "x".repeat(3 << 20);
    pack.write(
        "foreign.zip",
        zip(&[
            file("app.py", HANDLER),
            file(
                "Good-1.0.dist-info/METADATA",
                metadata("Good", "License: BSD\nRequires-Dist: other>=1\nRequires-Dist: good"),
            ),
            file(
                "other-1.0.dist-info/METADATA",
                metadata("other", "License-Expression: MIT\nRequires-Dist: good; extra == 'x'"),
            ),
            // Names, versions and fields that mean something elsewhere.
            file("evil-2.dist-info/METADATA", "Name: ../a/b?c#d@e f\u{1F600}\nVersion: 1@2/3\u{202e}?x\n"),
            file("version-2.dist-info/METADATA", "Name: version\nVersion: 1@2/3?x#y\n"),
            file("control-2.0.dist-info/METADATA", "Name: con\u{1b}trol\nVersion: 1\u{0}0\n"),
            file("bytes-2.0.dist-info/METADATA", b"Name: bytes\nLicense: \xff\xfe\n"),
            file(
                "long-2.0.dist-info/METADATA",
                format!("Name: long\nLicense: {long}\nVersion: 9\nRequires-Dist: {long}\n"),
            ),
            file("none-2.0.dist-info/METADATA", ""),
            file("old-3.0.egg-info/PKG-INFO", metadata("old", "License: UNKNOWN")),
        ]),
    );
    assert_done(&pack.command(["report", "foreign.zip", "--sbom"]).run());
    let sbom = sbom(&pack.path("foreign.zip.cdx.json"));
    assert_eq!(sbom["metadata"]["component"]["name"], "foreign.zip");
    let (good, other) = ("pkg:pypi/good@1.0", "pkg:pypi/other@1.0");
    assert_eq!(
        purls(&sbom),
        [
            "pkg:pypi/bytes@2.0",
            "pkg:pypi/control@2.0",
            good,
            "pkg:pypi/long@2.0",
            "pkg:pypi/none@2.0",
            "pkg:pypi/old@1.0",
            other,
            "pkg:pypi/version",
        ]
    );
    assert_eq!(component(&sbom, good)["licenses"], words("BSD"));
    assert_eq!(component(&sbom, good).get("externalReferences"), None);
    assert_eq!(component(&sbom, "pkg:pypi/old@1.0")["licenses"], Value::Null);
    assert_eq!(depends_on(&sbom, good), &json!([other]));
    assert_eq!(depends_on(&sbom, other), &json!([]));
    // One file is for one artifact.
    assert_fails(
        &pack.command(["report", "foreign.zip", "foreign.zip", "--sbom=x.json"]).run(),
        2,
        &["several artifacts"],
    );
}

#[test]
fn an_index_with_a_password_is_not_in_it() {
    let pack = project();
    pack.write("functions/app/app.py", "import fast\n\n\ndef handler(event, context):\n    return fast\n");
    let index = Index::serve(&pack.path("wheels"), Some("user:geheim"));
    let url = index.url(Some("user:geheim"));
    pack.write("requirements/app.txt", format!("--index-url {url}\nfast[extra]\n"));
    let run = pack.zip("app").arg("--sbom").env("PIP_NO_INDEX", "0").env("PIP_FIND_LINKS", "");
    assert_done(&run.run());
    for path in [SBOM, &format!("{ZIP}.pack.json")] {
        let text = fs::read_to_string(pack.path(path)).unwrap();
        assert!(!text.contains("geheim") && !text.contains("127.0.0.1"), "{text}");
    }
}

/// Wheels as their authors made them.
#[test]
fn real_distributions_have_the_licences_that_they_name() {
    let pack = Pack::new();
    let wanted = ["idna==3.10", "six==1.17.0", "packaging==25.0", "typing-extensions==4.15.0", "certifi==2025.8.3"];
    pack.function("app", "import idna\n\n\ndef handler(event, context):\n    pass\n", &wanted);
    let run = pack.with_the_index(["zip", "app", "--bytecode", "none", "--no-import-test", "--sbom"]);
    assert_done(&run.run());
    let sbom = sbom(&pack.path(SBOM));
    let licences = |purl: &str| component(&sbom, purl)["licenses"].clone();
    assert_eq!(licences("pkg:pypi/six@1.17.0"), licence("MIT"));
    assert_eq!(licences("pkg:pypi/certifi@2025.8.3"), licence("MPL-2.0"));
    assert_eq!(licences("pkg:pypi/idna@3.10"), words("BSD License"));
    let expression = json!([{"expression": "PSF-2.0", "acknowledgement": "declared"}]);
    assert_eq!(licences("pkg:pypi/typing-extensions@4.15.0"), expression);
    let mut both = words("Apache Software License");
    both.as_array_mut().unwrap().extend(words("BSD License").as_array().unwrap().clone());
    assert_eq!(licences("pkg:pypi/packaging@25.0"), both);
}
