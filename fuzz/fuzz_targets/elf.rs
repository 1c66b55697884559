//! Any bytes: no panic; what was stripped is shorter, loads the same, and stripping it again changes nothing.
#![no_main]

use pack::elf::strip::{Unstripped, strip};

#[path = "../../tests/support/segments.rs"]
mod segments;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = pack::elf::dynamic::read(bytes);
    if let Ok(stripped) = strip(bytes) {
        assert!(stripped.bytes.len() < bytes.len());
        assert_eq!(segments::difference(bytes, &stripped.bytes), None);
        match strip(&stripped.bytes) {
            Err(Unstripped::NothingToRemove) => {}
            Err(Unstripped::GapsKept(_)) if stripped.gaps_kept.is_some() => {}
            again => panic!("stripped again: {again:?}"),
        }
        assert_eq!(pack::elf::dynamic::read(bytes), pack::elf::dynamic::read(&stripped.bytes));
    }
});
