//! Any bytes as the files of a function: no panic, and the same findings twice.
#![no_main]

use std::cell::OnceCell;
use std::path::Path;

use pack::check::{Question, check, sources};

/// What lies in a function's folder and is read by some check. The input is cut at `CUT` into their contents.
const NAMES: [&str; 9] = [
    "app.py",
    "lib-1.0.dist-info/METADATA",
    "lib-1.0.dist-info/RECORD",
    "lib-1.0.dist-info/WHEEL",
    "lib-1.0.dist-info/top_level.txt",
    "lib/__init__.py",
    "lib/__init__.pyc",
    "lib/fast.cpython-313-x86_64-linux-gnu.so",
    "lib/libx.so.1",
];

const CUT: &[u8] = b"\n--8<--\n";

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(CUT.len()).position(|window| window == CUT) {
        parts.push(&rest[..at]);
        rest = &rest[at + CUT.len()..];
    }
    parts.push(rest);
    parts
}

fn findings(folder: &Path) -> String {
    let opened = sources::open(&[folder.to_owned()], &[], None, None).expect("a folder can be opened");
    let target = pack::lambda::Target { python: "3.13".parse().unwrap(), architecture: pack::lambda::Architecture::X86_64 };
    let mut question = Question::new(target, opened.shape);
    question.handler = Some("app.handler".into());
    format!("{:?}", check(&opened.files, &question).expect("its files can be read"))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            for name in ["lib", "lib-1.0.dist-info"] {
                std::fs::create_dir(folder.path().join(name)).expect("a folder in it");
            }
            folder
        });
        let parts = parts(bytes);
        for (index, name) in NAMES.iter().enumerate() {
            let path = folder.path().join(name);
            match parts.get(index) {
                Some(part) => std::fs::write(&path, part).expect("a file in it"),
                None => drop(std::fs::remove_file(&path)),
            }
        }
        assert_eq!(findings(folder.path()), findings(folder.path()));
    });
});
