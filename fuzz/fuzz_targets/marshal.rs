//! Any bytes: no panic; a normal form is its own normal form.
#![no_main]

use pack::python::marshal::normalise;

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let minor = 9 + input.0 % 7;
    if let Ok(normal) = normalise(input.1, minor) {
        assert_eq!(normalise(&normal, minor).as_deref(), Ok(normal.as_slice()));
    }
});
