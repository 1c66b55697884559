//! Which Python an image runs and where that one looks for modules, images that are wrapped oddly, and what Lambda does
//! not take of them.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use serde_json::{Value, json};
use support::Pack;
use support::check::{assert_found, check};
use support::image::{ENTRYPOINT, GZIP, Layout, layer};

const APP: &str = "def handler(event, context):\n    return 1\n";

/// An image of one layer, run by a command from a working directory.
fn image(pack: &Pack, files: &[(&str, &str)], command: &[&str], folder: &str, variables: &[&str]) {
    let run = json!({"Env": variables, "Entrypoint": command, "Cmd": ["app.handler"], "WorkingDir": folder});
    let program = (command[0].trim_start_matches('/'), "#!");
    Layout { pack, folder: "image" }.write_with(&[layer(&[&[program], files].concat())], "amd64", GZIP, &run);
}

const LIBRARY: &str = "usr/local/lib/python3.12/os.py";

#[test]
fn the_python_is_the_one_that_the_command_runs() {
    let pack = Pack::new();
    let source = format!("import dep\n{APP}");
    let app = ("function/app.py", source.as_str());
    // A system's own Python beside it, as Debian's images have; conda's; a virtual environment without a library of its own.
    let cases: [(&[(&str, &str)], &str); 3] = [
        (
            &[
                ("usr/lib/python3.11/os.py", ""),
                (LIBRARY, ""),
                ("usr/local/lib/python3.12/site-packages/dep/x.cpython-312-x86_64-linux-gnu.so", ""),
                ("usr/local/lib/python3.12/site-packages/dep/__init__.py", ""),
            ],
            "/usr/local/bin/python",
        ),
        (
            &[
                ("opt/conda/lib/python3.12/os.py", ""),
                ("opt/conda/lib/python3.12/site-packages/dep/x.cpython-312-x86_64-linux-gnu.so", ""),
                ("opt/conda/lib/python3.12/site-packages/dep/__init__.py", ""),
            ],
            "/opt/conda/bin/python",
        ),
        (
            &[(LIBRARY, ""), ("usr/lib/python3.11/os.py", ""), ("app/.venv/lib/python3.12/site-packages/dep.py", "")],
            "/app/.venv/bin/python",
        ),
    ];
    for (files, python) in cases {
        image(&pack, &[files, &[app]].concat(), &[python, "-m", "awslambdaric"], "/function", &["PATH=/usr/bin"]);
        let (outcome, report) = check(&pack, &["image"]);
        assert_eq!((outcome.status, &report["python"]), (0, &json!("3.12")), "{python}: {report:#}");
        assert_eq!(report["known"], "from the image", "{python}");
    }
}

#[test]
fn a_handler_may_be_in_an_environments_packages() {
    let pack = Pack::new();
    let files = [(LIBRARY, ""), ("opt/venv/lib/python3.12/site-packages/app.py", APP)];
    image(&pack, &files, &["/opt/venv/bin/python", "-m", "awslambdaric"], "/function", &[]);
    let (outcome, report) = check(&pack, &["image"]);
    assert_eq!((outcome.status, report["findings"].as_array().unwrap().len()), (0, 0), "{report:#}");
}

#[test]
fn an_image_with_two_tags_is_one_image() {
    let pack = Pack::new();
    Layout { pack: &pack, folder: "image" }.write(&[layer(&[ENTRYPOINT, ("var/task/app.py", APP)])], "amd64", GZIP);
    let path = pack.path("image/index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for tag in ["v1", "v2"] {
        let mut descriptor = index["manifests"][0].clone();
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        index["manifests"].as_array_mut().unwrap().push(descriptor);
    }
    std::fs::write(path, index.to_string()).unwrap();
    let (outcome, report) = check(&pack, &["image"]);
    assert_eq!(outcome.status, 0, "{report:#}");
}

#[test]
fn a_tar_that_is_no_image_is_told() {
    let pack = Pack::new();
    pack.write("saved.tar", layer(&[("manifest.txt", "[]"), ("0123/layer.tar", "")]));
    let (outcome, report) = check(&pack, &["saved.tar"]);
    assert_found("a tar", &outcome, &report, "error", "archive", "saved.tar it is a tar, and no OCI layout");
}

#[test]
fn names_that_linux_does_not_take() {
    let pack = Pack::new();
    let component = "c".repeat(256);
    let path = format!("{}x", "folder/".repeat(600));
    let target = "t".repeat(4097);
    for (files, gist) in [
        (vec![(component.as_str(), "")], "a name in it has 256 bytes; Linux takes 255"),
        (vec![(path.as_str(), "")], "a path in it has 4101 bytes; Linux takes 4096"),
        (vec![("link->", target.as_str())], "a path in it has 4097 bytes"),
    ] {
        Layout { pack: &pack, folder: "image" }.write(&[layer(&files)], "amd64", GZIP);
        let (outcome, report) = check(&pack, &["image"]);
        assert_found(gist, &outcome, &report, "error", "image", gist);
    }
}

#[test]
fn an_image_is_imported_from_where_its_modules_are() {
    let pack = Pack::new();
    let library = "usr/local/lib/python3.13/os.py";
    let python: &[&str] = &["/usr/local/bin/python", "-m", "awslambdaric"];
    let packages = "usr/local/lib/python3.13/site-packages";
    let source = format!(
        "import dep, os\nassert os.environ['MODEL'] == 'm' and dep.__file__.endswith('/{packages}/dep.py')\n{APP}"
    );
    let dep = format!("{packages}/dep.py");
    let files = [(library, ""), (dep.as_str(), ""), ("function/app.py", source.as_str())];
    image(&pack, &files, python, "/function", &["MODEL=m", "PYTHONHOME=/nowhere"]);
    let (outcome, report) = check(&pack, &["image", "--import"]);
    if report["imports"]["skipped_reason"].is_string() {
        return support::skip("there is no CPython 3.13 here");
    }
    assert_eq!((outcome.status, &report["imports"]["tested"]), (0, &2.into()), "{report:#}");
    // What the image has elsewhere, this machine has not.
    let opens = format!("open('/etc/app/settings.ini')\n{APP}");
    let files = [(library, ""), ("etc/app/settings.ini", ""), ("function/app.py", opens.as_str())];
    image(&pack, &files, python, "/function", &[]);
    let (outcome, report) = check(&pack, &["image", "--import"]);
    assert_eq!(outcome.status, 0, "{report:#}");
    let reason = report["imports"]["undecided"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "it opens /etc/app/settings.ini, which is there in Lambda and not on this machine");
    // AWS's base image, with packages in its own Python.
    let dep = "var/lang/lib/python3.13/site-packages/dep.py";
    let imports = format!("import dep\n{APP}");
    let files = [ENTRYPOINT, ("var/lang/lib/python3.13/os.py", ""), (dep, ""), ("var/task/app.py", imports.as_str())];
    Layout { pack: &pack, folder: "image" }.write(&[layer(&files)], "amd64", GZIP);
    let (outcome, report) = check(&pack, &["image", "--import"]);
    assert_eq!((outcome.status, report["findings"].as_array().unwrap().len()), (0, 0), "{report:#}");
}

/// What Lambda's base for Python has, as far as it is looked at, and a function above it.
fn above_aws(pack: &Pack, function: &[(&str, &str)]) {
    let base =
        [ENTRYPOINT, ("var/lang/lib/python3.13/os.py", ""), ("var/runtime/bootstrap", "#!"), ("etc/os-release", "")];
    let layout = Layout { pack, folder: "image" };
    layout.write(&[layer(&base), layer(&[&[("var/task/app.py", APP)], function].concat())], "amd64", GZIP);
}

type Change = fn(&mut Value, &mut Value, &mut Vec<Vec<u8>>);

/// A case, how its image differs from a good one, and what is found: severity, check and gist.
type Sin = (&'static str, Change, &'static str, &'static str, &'static str);

#[test]
#[allow(clippy::too_many_lines, reason = "one case after the other")]
fn one_thing_is_wrong_with_each() {
    let sins: &[Sin] = &[
        (
            "families",
            |manifest, _, _| manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json"),
            "warning",
            "image",
            "it mixes media types of Docker and of OCI",
        ),
        (
            "history",
            |_, config, _| config["history"] = json!([{"created_by": "a"}, {"empty_layer": true}]),
            "warning",
            "image-history",
            "its history has 1 layers and its manifest 2",
        ),
        (
            "no entrypoint",
            |_, config, _| config["config"] = json!({"Entrypoint": null}),
            "warning",
            "image-command",
            "neither an entrypoint nor a command",
        ),
        (
            "no command",
            |_, config, _| config["config"]["Cmd"] = json!([]),
            "warning",
            "image-command",
            "entrypoint requires the handler name to be the first argument",
        ),
        (
            "an entrypoint that is not there",
            |_, config, _| config["config"]["Entrypoint"] = json!(["/start.sh"]),
            "error",
            "image-command",
            "/start.sh it is the entrypoint and not there: \"no such file or directory\"",
        ),
        (
            "an entrypoint that PATH has not",
            |_, config, _| config["config"]["Entrypoint"] = json!(["python", "-m", "awslambdaric"]),
            "error",
            "image-command",
            "its entrypoint python is in no folder of PATH",
        ),
        (
            "an entrypoint that is no program",
            |_, config, _| config["config"]["Entrypoint"] = json!(["/etc/os-release"]),
            "error",
            "image-command",
            "has mode 0644: \"permission denied\"",
        ),
        (
            "an attestation",
            |manifest, _, _| manifest["layers"][1]["mediaType"] = json!("application/vnd.in-toto+json"),
            "error",
            "image-layer",
            "it is an attestation, and no image: \"The image manifest, config or layer media type",
        ),
        (
            "an artifact",
            |manifest, _, _| manifest["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json"),
            "error",
            "image",
            "its configuration has the media type application/vnd.oci.empty.v1+json",
        ),
        (
            "gzip by name only",
            |_, _, layers| layers[1] = support::image::layer(&[("var/task/app.py", APP)]),
            "error",
            "image-layer",
            "is not packed: UnsupportedImageLayerDetected",
        ),
        (
            "plain and said to be so",
            |manifest, _, layers| {
                layers[1] = support::image::layer(&[("var/task/app.py", APP)]);
                manifest["layers"][1]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar");
            },
            "warning",
            "image-layer",
            "is not packed: a push sends all of it",
        ),
        (
            "zstd that is called gzip",
            |_, _, layers| layers[1] = b"\x28\xb5\x2f\xfd and more".to_vec(),
            "error",
            "image",
            "it is packed with zstd, which Lambda does not unpack",
        ),
        (
            "another size",
            |manifest, _, _| manifest["layers"][1]["size"] = json!(7),
            "error",
            "image",
            "its manifest says 7",
        ),
        (
            "more than 10 GB",
            |manifest, _, _| manifest["layers"][1]["size"] = json!(11_u64 << 30),
            "error",
            "image",
            "packed already; Lambda takes 10737418240 unpacked (SizeLimitExceeded)",
        ),
        (
            "another number of layers",
            |_, config, _| drop(config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop()),
            "error",
            "image",
            "its manifest has 2 layers and its configuration 1",
        ),
    ];
    for (name, change, severity, check_name, gist) in sins {
        let pack = Pack::new();
        above_aws(&pack, &[]);
        let (good, report) = check(&pack, &["image"]);
        assert_eq!((good.status, &report["findings"]), (0, &json!([])), "{report:#}");
        Layout { pack: &pack, folder: "image" }.edit(change);
        let (outcome, report) = check(&pack, &["image"]);
        assert_found(name, &outcome, &report, severity, check_name, gist);
    }
}

#[test]
fn what_is_wrong_within_layers() {
    let pack = Pack::new();
    for (taken, gist) in [
        (("etc/os-release", "x"), "/etc/os-release layers above the base write it again or take it away"),
        (("var/lang/.wh.lib", ""), "/var/lang/lib/python3.13/os.py layers above"),
        (("var/runtime/.wh..wh..opq", ""), "/var/runtime/bootstrap layers above"),
    ] {
        above_aws(&pack, &[taken]);
        let (outcome, report) = check(&pack, &["image"]);
        assert_found(gist, &outcome, &report, "warning", "image-base", gist);
    }
    above_aws(&pack, &[("var/task/app.py", APP)]);
    let (outcome, report) = check(&pack, &["image"]);
    assert_found("twice", &outcome, &report, "warning", "image-layer", "/var/task/app.py layer sha256:");

    let mut secret = layer(&[("var/task/app.py", APP)]);
    let at = secret.windows(8).position(|window| window == b"0000644\0").unwrap();
    secret[at..at + 8].copy_from_slice(b"0000600\0");
    let start = at / 512 * 512;
    secret[start + 148..start + 156].fill(b' ');
    let sum: u32 = secret[start..start + 512].iter().map(|byte| u32::from(*byte)).sum();
    secret[start + 148..start + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let layout = Layout { pack: &pack, folder: "image" };
    layout.write(&[layer(&[ENTRYPOINT]), secret], "amd64", GZIP);
    let (outcome, report) = check(&pack, &["image"]);
    assert_found("0600", &outcome, &report, "error", "mode", "/var/task/app.py its mode is 0600");

    let many: Vec<Vec<u8>> = (0..128).map(|_| layer(&[])).collect();
    layout.write(&[vec![layer(&[ENTRYPOINT, ("var/task/app.py", APP)])], many].concat(), "amd64", GZIP);
    let (outcome, report) = check(&pack, &["image"]);
    assert_found("129 layers", &outcome, &report, "warning", "image", "it has 129 layers; engines stack 127");
}

#[test]
fn a_target_that_the_image_is_not_for() {
    let pack = Pack::new();
    above_aws(&pack, &[]);
    let (outcome, report) = check(&pack, &["image", "--python", "3.12"]);
    let gist = "it runs Python 3.13, and the function is for Python 3.12";
    assert_found("Python", &outcome, &report, "error", "image-python", gist);
    let (outcome, report) = check(&pack, &["image", "--arch", "arm64"]);
    assert_found("machine", &outcome, &report, "error", "image-architecture", "exec format error");
}

#[test]
fn of_an_index_one_image_is_looked_into() {
    let pack = Pack::new();
    above_aws(&pack, &[]);
    Layout { pack: &pack, folder: "image" }.wrap();
    let (outcome, report) = check(&pack, &["image"]);
    let gist = "it is an image index, with attestations; Lambda takes one manifest";
    assert_found("an index", &outcome, &report, "error", "image-index", gist);
    assert_found(
        "which",
        &outcome,
        &report,
        "error",
        "image",
        "its index names 2 images; Lambda takes one (--arch says",
    );
    let (outcome, report) = check(&pack, &["image", "--arch", "x86_64"]);
    assert_found("an index", &outcome, &report, "error", "image-index", gist);
    assert_eq!((&report["errors"], &report["handler"]), (&json!(1), &json!("app.handler")), "{report:#}");
}
