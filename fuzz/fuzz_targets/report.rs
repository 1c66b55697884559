//! Any bytes as pip's report: no panic, and a digest is never a path.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = pack::python::report::parse(bytes) else { return };
    for item in report.install {
        let _ = (item.filename(), item.line());
        assert!(item.sha256().is_none_or(|digest| digest.len() == 64 && !digest.contains('/')));
    }
});
