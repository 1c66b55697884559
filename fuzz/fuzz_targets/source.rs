//! Any bytes as Python source: no panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = pack::python::source::scan_texts(bytes, &pack::python::source::Words::new(["attach_stub", "s3://"]));
});
