//! What package code can reach while it is imported, beside the network: files that it could write, and the builder's own
//! that it could read.
//!
//! Each test runs `pack` in namespaces of its own, where it mounts what a machine may have mounted.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{Pack, Run, skip};

const HANDLER: &str = "\n\ndef handler(event, context):\n    return 1\n";

/// A function that says what it found by raising it.
fn function(pack: &Pack, source: &str) {
    pack.write("built/app.py", format!("{source}\nraise RuntimeError(repr(found)){HANDLER}"));
}

/// What the function in `built` found, after commands of a shell that may mount things; none, and said so, where this
/// machine has no namespaces or no Python for it.
fn found(pack: &Pack, mounts: &str) -> Option<String> {
    let unshare = ["-r", "-m"];
    if !Command::new("unshare").args(unshare).arg("true").status().is_ok_and(|status| status.success()) {
        skip("there are no namespaces here");
        return None;
    }
    let inner = pack.command(["check", "built", "--import", "--json"]).command;
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-ec", &format!("{mounts}\nexec \"$0\" \"$@\"")]);
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(pack.path(""));
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let outcome = Run { command }.run();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    if let Some(reason) = report["imports"]["skipped_reason"].as_str() {
        skip(reason);
        return None;
    }
    let findings = report["findings"].as_array().unwrap().iter();
    let raised = findings.clone().find(|finding| finding["check"] == "import-handler");
    Some(raised.unwrap_or_else(|| panic!("{report:#}"))["reason"].as_str().unwrap().to_owned())
}

#[test]
fn nothing_that_is_mounted_can_be_written_to() {
    let pack = Pack::new();
    let other = pack.path("other");
    std::fs::create_dir(&other).unwrap();
    let source = format!(
        r"
import ctypes, os
def attempt(path):
    try:
        open(path, 'w').close()
    except OSError:
        return False
    return True
places = ['{0}', '{0}/below', '/dev', '/dev/shm', '/sys/fs/cgroup', '/proc/sys/kernel', '/var/tmp', '/run', '/', os.getcwd()]
libc = ctypes.CDLL(None)
# Root may not undo it.
again = [libc.mount(None, place.encode(), None, 32 | 4096, None) for place in ('/', '{0}')]
found = [place for place in places if attempt(place + '/pack_test')], again, libc.umount2(b'/tmp', 2), attempt('/dev/null')
",
        other.display()
    );
    function(&pack, &source);
    let below =
        format!("mount -t tmpfs none '{0}'; mkdir '{0}/below'; mount -t tmpfs none '{0}/below'", other.display());
    let Some(found) = found(&pack, &below) else { return };
    insta::assert_snapshot!(found, @"the handler app.handler raises RuntimeError: ([], [-1, -1], -1, True)");
}

#[test]
fn the_temporary_folder_is_the_copys_own_wherever_the_copy_lies() {
    for mounts in ["", "mount -o remount,bind,noexec /dev/shm", "mount -t tmpfs none /tmp/pack-none || true"] {
        let pack = Pack::new();
        // The project, TMPDIR and so the copy lie below /tmp on most machines.
        let name = format!("pack-test-{}", pack.path("").parent().unwrap().file_name().unwrap().to_string_lossy());
        function(
            &pack,
            &format!(
                "import os, tempfile\nopen('/tmp/{name}', 'w').close()\ntempfile.TemporaryFile()\nfound = os.path.exists('/tmp/{name}'), len(os.listdir('/tmp')) < 3, os.path.exists({:?})",
                pack.path("built").display().to_string()
            ),
        );
        let Some(found) = found(&pack, mounts) else { return };
        assert!(found.contains("raises RuntimeError: (True, True, False)"), "{mounts}: {found}");
        assert!(!std::path::Path::new("/tmp").join(&name).exists(), "{mounts}");
    }
}

#[test]
fn the_builders_packages_and_files_are_out_of_sight() {
    let pack = Pack::new();
    function(
        &pack,
        r"
import os, pwd, site, sys
site.main()
names = []
for name in ('pip', 'setuptools', 'wheel'):
    try:
        __import__(name)
        names.append(name)
    except ImportError:
        pass
# Of a home, only what leads to an interpreter in it.
home = pwd.getpwuid(os.getuid()).pw_dir
seen = [name for name in os.listdir(home) if not sys.prefix.startswith(os.path.join(home, name))] if os.path.isdir(home) else []
found = names, seen, os.listdir('/run') if os.path.isdir('/run') else [], 'shm' in os.listdir('/dev'), [name for name in os.listdir('/dev') if name.startswith(('sd', 'vd', 'nvme'))]
",
    );
    let Some(found) = found(&pack, "mount -o remount,bind,noexec /dev/shm") else { return };
    assert!(found.contains("raises RuntimeError: ([], [], [], False, [])"), "{found}");
}
