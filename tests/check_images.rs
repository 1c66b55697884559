//! Which Python an image runs and where that one looks for modules, and images that are wrapped oddly.

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
fn a_tar_that_is_no_layout_says_what_makes_one() {
    let pack = Pack::new();
    pack.write("saved.tar", layer(&[("manifest.json", "[]"), ("0123/layer.tar", "")]));
    let (outcome, report) = check(&pack, &["saved.tar"]);
    assert_found("docker save", &outcome, &report, "error", "archive", "saved.tar it is a tar, and no OCI layout");
    let hint = report["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "archive").unwrap();
    assert!(hint["hint"].as_str().unwrap().contains("skopeo copy docker-archive:FILE.tar"));
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
