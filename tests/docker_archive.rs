//! Images as `docker save` and skopeo's `docker-archive:` write them: read as the layouts that they are of, in every shape that
//! writers give them, and refused with a reason where something is wrong with them.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::io::Write;

use serde_json::{Value, json};
use support::check::{assert_found, check};
use support::image::{ENTRYPOINT, GZIP, Layout, layer};
use support::unpacked::{has_image_tools, to_docker_archive};
use support::{Pack, assert_done, assert_fails, sha256};

const APP: &str = "def handler(event, context):\n    return 1\n";

/// The layers of an image that Lambda takes.
fn layers() -> [Vec<u8>; 2] {
    let base = [ENTRYPOINT, ("var/lang/lib/python3.13/os.py", ""), ("var/runtime/bootstrap", "#!")];
    [layer(&base), layer(&[("var/task/app.py", APP)])]
}

fn config(layers: &[Vec<u8>], architecture: &str) -> String {
    let ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", sha256(layer))).collect();
    let run = json!({"Entrypoint": ["/lambda-entrypoint.sh"], "Cmd": ["app.handler"]});
    let rootfs = json!({"type": "layers", "diff_ids": ids});
    json!({"architecture": architecture, "os": "linux", "config": run, "rootfs": rootfs}).to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Names with what they have, or lead to.
type Entries<'a> = &'a [(&'a str, &'a [u8])];

/// An archive, entry by entry: names that end with `->` are symbolic links, with `=>` hard links.
fn archive(entries: Entries<'_>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o444);
        let links = [("->", tar::EntryType::Symlink), ("=>", tar::EntryType::Link)];
        if let Some((path, kind)) = links.iter().find_map(|(end, kind)| Some((path.strip_suffix(end)?, kind))) {
            header.set_entry_type(*kind);
            header.set_size(0);
            tar.append_link(&mut header, path, std::str::from_utf8(bytes).unwrap()).unwrap();
        } else {
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, *bytes).unwrap();
        }
    }
    tar.into_inner().unwrap()
}

fn manifest(config: &str, layers: &[&str]) -> String {
    json!([{"Config": config, "RepoTags": ["job:1"], "Layers": layers}]).to_string()
}

#[test]
fn what_skopeo_writes_is_the_layout_that_it_was() {
    if !has_image_tools() {
        return;
    }
    let pack = Pack::new();
    Layout { pack: &pack, folder: "image" }.write(&layers(), "amd64", GZIP);
    to_docker_archive(&pack.path("image"), &pack.path("saved.tar"), "team/job:1");
    let (outcome, report) = check(&pack, &["saved.tar"]);
    assert_eq!((outcome.status, &report["findings"]), (0, &json!([])), "{report:#}");
    assert_eq!((&report["python"], &report["handler"]), (&json!("3.13"), &json!("app.handler")));
    for [before, after] in [["saved.tar", "image"], ["image", "saved.tar"], ["saved.tar", "saved.tar"]] {
        let outcome = pack.command(["diff", before, after, "--exit-code"]).run();
        assert_done(&outcome);
        assert_eq!(outcome.stdout, format!("{before} and {after} have the same files and configuration\n"));
    }
    let report = pack.command(["diff", "image", "saved.tar", "--json"]).run().json(0);
    assert_eq!((&report["sends"], &report["after"]["digest"]), (&Value::Null, &Value::Null), "{report:#}");
    for layer in report["layers"].as_array().unwrap() {
        assert_eq!((&layer["whose"], &layer["packed"]), (&json!("both"), &layer["unpacked"]), "{report:#}");
    }
    // A registry that the archive was pushed to has its configuration, and layers that somebody else packed.
    Layout { pack: &pack, folder: "image" }.edit(|_, config, _| config["config"]["Cmd"] = json!(["app.other"]));
    let report = pack.command(["diff", "saved.tar", "image", "--json"]).run().json(0);
    assert_eq!((&report["same"], &report["configuration"]), (&json!(false), &json!(["config.Cmd"])));
    assert_eq!(report["sends"]["blobs"].as_array().unwrap().len(), 4, "{report:#}");
}

#[test]
fn every_writer_has_names_of_its_own() {
    let pack = Pack::new();
    let [base, app] = layers();
    let config = config(&layers(), "amd64");
    let image = sha256(config.as_bytes());
    let (packed_base, packed_app) = (gzip(&base), gzip(&app));
    let (json, bytes) = (format!("{image}.json"), config.as_bytes());
    let (plain, prefixed) = (manifest(&json, &["1/layer.tar", "2/layer.tar"]), format!("sha256:{image}"));
    let packed = manifest(&prefixed, &["a.tar.gz", "b.tar.gz"]);
    let other = r#"[{"Config": "config.json", "RepoTags": null, "Layers": ["./base.tar", "app.tar"], "Parent": ""}]"#;
    let cases: [(&str, Entries<'_>); 5] = [
        (
            "docker",
            &[("1/layer.tar", &base), ("2/layer.tar", &app), (&json, bytes), ("manifest.json", plain.as_bytes())],
        ),
        (
            "links to other images",
            &[
                ("3/layer.tar", &base),
                ("1/layer.tar->", b"../3/layer.tar"),
                ("2/layer.tar->", b"/app.tar"),
                ("app.tar", &app),
                (&json, bytes),
                ("manifest.json", plain.as_bytes()),
            ],
        ),
        (
            "links of a tar that was made again",
            &[
                ("./base.tar", &base),
                ("./1/layer.tar=>", b"./base.tar"),
                ("./2/layer.tar", &app),
                ("./manifest.json", plain.as_bytes()),
                (&json, bytes),
            ],
        ),
        (
            "packed layers",
            &[
                ("a.tar.gz", &packed_base),
                ("b.tar.gz", &packed_app),
                (&prefixed, bytes),
                ("manifest.json", packed.as_bytes()),
            ],
        ),
        (
            "a configuration without a digest",
            &[("base.tar", &base), ("app.tar", &app), ("config.json", bytes), ("manifest.json", other.as_bytes())],
        ),
    ];
    Layout { pack: &pack, folder: "image" }.write(&layers(), "amd64", GZIP);
    for (name, entries) in cases {
        pack.write("saved.tar", archive(entries));
        let (outcome, report) = check(&pack, &["saved.tar"]);
        assert_eq!((outcome.status, &report["findings"]), (0, &json!([])), "{name}: {report:#}");
        let report = pack.command(["diff", "image", "saved.tar", "--json"]).run().json(0);
        assert_eq!(report["files"]["unchanged"], 4, "{name}: {report:#}");
        let whose = report["layers"].as_array().unwrap().iter().map(|layer| &layer["whose"]);
        assert!(whose.clone().all(|whose| whose == "both") && whose.count() == 2, "{name}: {report:#}");
        assert!(report["sends"].is_null(), "{name}: {report:#}");
    }
}

#[test]
fn of_several_images_one_is_named() {
    let pack = Pack::new();
    let [base, app] = layers();
    let images = ["amd64", "arm64"].map(|architecture| config(&layers(), architecture));
    let names = images.clone().map(|config| format!("{}.json", sha256(config.as_bytes())));
    let entry = |number: usize, tags: Value| json!({"Config": names[number], "RepoTags": tags, "Layers": ["b", "a"]});
    let write = |entries: Value| {
        let manifest = entries.to_string();
        pack.write(
            "saved.tar",
            archive(&[
                ("b", &base),
                ("a", &app),
                (&names[0], images[0].as_bytes()),
                (&names[1], images[1].as_bytes()),
                ("manifest.json", manifest.as_bytes()),
            ]),
        );
    };
    write(json!([entry(0, json!(["job:1", "job:2"])), entry(1, json!(["\u{1b}[2J"]))]));
    let (outcome, report) = check(&pack, &["saved.tar"]);
    let gist = "it has 2 images (job:1, one without a name); save one alone: docker save NAME";
    assert_found("two", &outcome, &report, "error", "image", gist);
    let (outcome, report) = check(&pack, &["saved.tar", "--arch", "arm64"]);
    assert_eq!((outcome.status, &report["architecture"]), (0, &json!("arm64")), "{report:#}");
    // pack diff means x86_64, unless it is told.
    let same = |arguments: &[&str]| pack.command(["diff", "saved.tar", "image"].iter().chain(arguments)).run().stdout;
    Layout { pack: &pack, folder: "image" }.write(&layers(), "amd64", GZIP);
    assert!(!same(&[]).contains("architecture") && same(&["--arch", "arm64"]).contains("architecture"));

    write(json!([entry(1, json!(["one:1"])), entry(1, json!(["two:1"]))]));
    let (outcome, report) = check(&pack, &["saved.tar"]);
    assert_eq!((outcome.status, &report["architecture"]), (0, &json!("arm64")), "one image, twice: {report:#}");

    let many = (0..7).map(|number| json!({"Config": format!("{number}.json"), "RepoTags": [format!("job:{number}")]}));
    write(many.collect());
    let (outcome, report) = check(&pack, &["saved.tar"]);
    assert_found(
        "many",
        &outcome,
        &report,
        "error",
        "image",
        "it has 7 images (job:0, job:1, job:2, job:3, job:4, 2 more)",
    );
    let (outcome, report) = check(&pack, &["saved.tar", "--arch", "arm64"]);
    assert_found("not there", &outcome, &report, "error", "image", "its configuration \"0.json\" is missing");
}

#[test]
fn an_archive_that_is_a_layout_too_is_a_layout() {
    let pack = Pack::new();
    Layout { pack: &pack, folder: "image" }.write(&layers(), "amd64", GZIP);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all(".", pack.path("image")).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o444);
    header.set_size(2);
    tar.append_data(&mut header, "manifest.json", &b"[]"[..]).unwrap();
    pack.write("both.tar", tar.into_inner().unwrap());
    let outcome = pack.command(["diff", "image", "both.tar"]).run();
    assert!(outcome.stdout.starts_with("image and both.tar are the same: sha256:"), "{}", outcome.stdout);
}

#[test]
#[allow(clippy::too_many_lines, reason = "one case after the other")]
fn what_is_wrong_with_an_archive_is_said() {
    let pack = Pack::new();
    let [base, app] = layers();
    let text = config(&layers(), "amd64");
    let (name, bytes) = (format!("{}.json", sha256(text.as_bytes())), text.as_bytes());
    let good = manifest(&name, &["b", "a"]);
    let good = good.as_bytes();
    let named = |layers: &[&str]| manifest(&name, layers).into_bytes();
    let said = |gist: &str, file: Vec<u8>| {
        pack.write("saved.tar", file);
        let (outcome, report) = check(&pack, &["saved.tar"]);
        assert_found(gist, &outcome, &report, "error", "image", gist);
        let outcome = pack.command(["diff", "saved.tar", "saved.tar"]).run();
        assert_fails(&outcome, 1, &["saved.tar cannot be compared: ", gist]);
    };
    let long = vec![b' '; (4 << 20) + 1];
    let deep = "[".repeat(100_000);
    let other = format!("{}.json", "0".repeat(64));
    let other_manifest = manifest(&other, &["b", "a"]);
    let wrong_ids = text.replace("sha256:", "sha512:");
    let wrong_ids_manifest = manifest("config.json", &["b", "a"]);
    let windows = text.replace("linux", "windows");
    let zstd = [b"\x28\xb5\x2f\xfd", &app[..]].concat();
    let cases: [(&str, Entries<'_>); 15] = [
        ("its manifest.json names no image", &[("manifest.json", b"[]")]),
        ("manifest.json cannot be read: ", &[("manifest.json", b"{}")]),
        ("manifest.json cannot be read: ", &[("manifest.json", deep.as_bytes())]),
        ("manifest.json has 4194305 bytes; at most 4194304 are read", &[("manifest.json", &long)]),
        ("its configuration \"", &[("manifest.json", good)]),
        (
            "its configuration cannot be read: ",
            &[("config.json", b"{}"), ("manifest.json", wrong_ids_manifest.as_bytes())],
        ),
        ("its configuration has SHA-256 ", &[(&other, bytes), ("manifest.json", other_manifest.as_bytes())]),
        ("its layer \"b\" is missing", &[("a", &app), (&name, bytes), ("manifest.json", good)]),
        (
            "the links of \"b\" go in circles",
            &[("a", &app), ("b->", b"c"), ("c->", b"b"), (&name, bytes), ("manifest.json", good)],
        ),
        (
            "its layer \"b\" is missing",
            &[("a", &app), ("b->", b"../../../../etc/passwd"), (&name, bytes), ("manifest.json", good)],
        ),
        (
            "its layer \"../../etc/passwd\" is missing",
            &[("a", &app), (&name, bytes), ("manifest.json", &named(&["../../etc/passwd", "a"]))],
        ),
        (
            "its manifest.json has 1 layers and its configuration 2",
            &[("b", &base), (&name, bytes), ("manifest.json", &named(&["b"]))],
        ),
        (
            "in its configuration \"sha512:",
            &[
                ("a", &app),
                ("b", &base),
                ("config.json", wrong_ids.as_bytes()),
                ("manifest.json", wrong_ids_manifest.as_bytes()),
            ],
        ),
        (
            "it is for windows/amd64",
            &[
                ("a", &app),
                ("b", &base),
                ("config.json", windows.as_bytes()),
                ("manifest.json", wrong_ids_manifest.as_bytes()),
            ],
        ),
        (
            "it is packed with zstd, which Lambda does not unpack",
            &[("a", &zstd), ("b", &base), (&name, bytes), ("manifest.json", good)],
        ),
    ];
    for (gist, entries) in cases {
        said(gist, archive(entries));
    }
    let swapped = archive(&[("a", &base), ("b", &app), (&name, bytes), ("manifest.json", good)]);
    said("it is not the layer that its configuration names", swapped);
    let packed = gzip(b"another");
    let packed = archive(&[("a", &app), ("b", &packed), (&name, bytes), ("manifest.json", good)]);
    said("its configuration says sha256:", packed);
    let mut cut = archive(&[(&name, bytes), ("manifest.json", good), ("b", &base), ("a", &app)]);
    cut.truncate(cut.len() - 2048);
    said("it ends inside of a file", cut);
}

#[test]
fn what_is_more_than_lambda_takes_is_not_read() {
    let pack = Pack::new();
    let layers = vec![b"\x1f\x8b".to_vec(); 11];
    let text = config(&layers, "amd64");
    let mut header = tar::Header::new_gnu();
    header.set_path("layer.tar").unwrap();
    header.set_mode(0o444);
    header.set_size(1 << 30);
    header.set_cksum();
    let first = archive(&[
        ("config.json", text.as_bytes()),
        ("manifest.json", manifest("config.json", &["layer.tar"; 11]).as_bytes()),
    ]);
    let first = &first[..first.len() - 1024];
    pack.write("saved.tar", [first, header.as_bytes(), b"\x1f\x8b"].concat());
    let file = std::fs::File::options().write(true).open(pack.path("saved.tar")).unwrap();
    file.set_len(first.len() as u64 + 512 + (1 << 30) + 1024).unwrap();
    let (outcome, report) = check(&pack, &["saved.tar"]);
    assert_found("sparse", &outcome, &report, "error", "image", "its layers have 11811160064 bytes packed already");
}
