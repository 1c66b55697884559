//! Any text as pack.lock: no panic, nothing that could leave its place in a line for pip or a path, and what is read is
//! written so that it reads the same.
#![no_main]

use pack::lock::{Origin, Place};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let path = std::path::Path::new("pack.lock");
    let Ok(lock) = pack::lock::parse(text, path) else { return };
    assert!(pack::lock::parse(&lock.text(), path).expect("a lock of our own") == lock);
    for layer in lock.layers() {
        assert!(layer.sha256.len() == 64 && !layer.sha256.contains('/') && layer.arn.version.is_some());
        assert!(layer.distributions.iter().all(|one| !format!("{}{}", one.name, one.version).contains(char::is_whitespace)));
    }
    for wheel in lock.sets().iter().flat_map(|set| &set.wheels) {
        let plain = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        assert!(plain(&wheel.name) && plain(&wheel.version) && wheel.extras.iter().all(|extra| plain(extra)));
        match &wheel.origin {
            Origin::File { file, sha256, place, .. } => {
                assert!(plain(file) && !file.contains('/') && sha256.len() == 64 && !sha256.contains('/'));
                assert!(!matches!(place, Place::Url(url) if !plain(url)));
            }
            Origin::Repository { url, commit, .. } => assert!(plain(url) && plain(commit)),
            Origin::Folder { path } => assert!(!path.starts_with('/')),
        }
    }
});
