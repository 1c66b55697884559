//! Any text as a reference, a challenge, a digest and a manifest: no panic; a reference comes back as it was written.
#![no_main]

use pack::registry::{Challenge, Digest, Document, Reference};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Document::parse(bytes.to_vec(), None);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse(), Ok(reference));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    for challenge in Challenge::parse(text) {
        if let Challenge::Bearer { realm, service, scope } = challenge {
            let length = realm.len() + service.map_or(0, |service| service.len()) + scope.map_or(0, |scope| scope.len());
            assert!(length <= text.len());
        }
    }
});
