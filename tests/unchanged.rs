//! A second build of the same inputs makes nothing, and whatever an artifact depends on makes it again.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;

use support::{Pack, WheelBuilder};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

fn project() -> Pack {
    let pack = Pack::new();
    pack.write("pack.toml", "");
    pack.function("app", HANDLER, &["pkg"]);
    pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg.py", b"x = 1\n"));
    pack
}

/// Whether a build made its artifact; `pack zip app` with arguments.
#[track_caller]
fn makes(pack: &Pack, arguments: &[&str]) -> bool {
    let report = pack.zip("app").arg("--json").args(arguments).run().json(0);
    !report["phases"].as_array().unwrap().is_empty()
}

#[test]
fn the_same_inputs_make_nothing() {
    let pack = project();
    assert!(makes(&pack, &[]));
    let report = |pack: &Pack| pack.zip("app").arg("--json").run().json(0);
    let (built, again) = (fs::read(pack.artifact("app")).unwrap(), report(&pack));
    assert_eq!(again["phases"], serde_json::json!([]));
    assert_eq!(again["parts"].as_array().unwrap().len(), 2, "the report is whole");
    assert!(fs::read(pack.artifact("app")).unwrap() == built);
    let text = pack.zip("app").run();
    assert!(text.stdout.ends_with("unchanged: an earlier build made it of the same inputs\n"), "{}", text.stdout);
}

#[test]
fn whatever_it_depends_on_makes_it_again() {
    let pack = project();
    assert!(makes(&pack, &[]));
    for (what, change) in [
        ("a source", (|pack| pack.write("functions/app/app.py", format!("import pkg\n{HANDLER}"))) as fn(&Pack)),
        ("another file", |pack| pack.write("functions/app/data.json", "{}")),
        ("the artifact", |pack| fs::write(pack.artifact("app"), "broken").unwrap()),
        ("no artifact", |pack| fs::remove_file(pack.artifact("app")).unwrap()),
        ("a requirement", |pack| {
            pack.wheel(&WheelBuilder::new("more", "1.0").file("more.py", b""));
            pack.write("requirements/app.txt", "pkg\nmore\n");
        }),
        ("no lock", |pack| fs::remove_file(pack.path("pack.lock")).unwrap()),
    ] {
        change(&pack);
        assert!(makes(&pack, &[]), "{what}");
        assert!(!makes(&pack, &[]), "{what}, and then nothing");
    }
    for arguments in [
        &["--slim", "none"][..],
        &["--keep", "pkg.py"],
        &["--handler", "app.handler"],
        &["--no-check"],
        &["--import-env", "A=b"],
        &["--bundle-sdk"],
    ] {
        assert!(makes(&pack, arguments), "{arguments:?}");
        assert!(!makes(&pack, arguments), "{arguments:?}");
    }
}

#[test]
fn a_folder_that_is_required_can_change_unseen() {
    let pack = project();
    pack.write("libs/mine/pyproject.toml", "[project]\nname = 'mine'\nversion = '1'\n[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n");
    pack.write(
        "libs/mine/backend.py",
        "import base64, hashlib, zipfile\ndef build_wheel(folder, config_settings=None, metadata_directory=None):\n    name = 'mine-1-py3-none-any.whl'\n    files = {'mine.py': '', 'mine-1.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: mine\\nVersion: 1\\n', 'mine-1.dist-info/WHEEL': 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}\n    digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()\n    record = ''.join(f'{path},sha256={digest(text)},{len(text)}\\n' for path, text in files.items())\n    files['mine-1.dist-info/RECORD'] = record + 'mine-1.dist-info/RECORD,,\\n'\n    with zipfile.ZipFile(folder + '/' + name, 'w') as wheel:\n        for path, text in files.items():\n            wheel.writestr(path, text)\n    return name\n",
    );
    pack.write("requirements/app.txt", "./libs/mine\n");
    let outcome = pack.zip("app").arg("--json").run();
    let unbuilt = outcome.status != 0 && outcome.stderr.contains("it is built from source only on");
    if unbuilt {
        return support::skip("pip here is not of the target's kind, so that nothing is built");
    }
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(makes(&pack, &[]));
}
