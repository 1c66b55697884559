//! Any bytes as Python source: no panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = pack::python::source::scan(bytes);
    let _ = pack::python::source::mentions(bytes, "attach_stub");
});
