//! Any bytes under a wheel's name: no panic, and every place stays inside the target folder.
#![no_main]

use std::cell::OnceCell;

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
        let path = folder.path().join("a-1-py3-none-any.whl");
        std::fs::write(&path, bytes).expect("a file in it");
        let Ok(wheel) = pack::python::Wheel::open(&path) else { return };
        let _ = wheel.verify();
        for place in wheel.placed().unwrap_or_default() {
            assert!(!place.path.starts_with('/') && !place.path.split('/').any(|part| part == ".." || part.is_empty()));
        }
    });
});
