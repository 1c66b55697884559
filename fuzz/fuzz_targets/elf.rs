//! Any bytes: no panic; what was stripped is shorter, and stripping it again changes nothing.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = pack::elf::dynamic::read(bytes);
    if let Ok(stripped) = pack::elf::strip::strip(bytes) {
        assert!(stripped.len() < bytes.len());
        assert!(pack::elf::strip::strip(&stripped).is_err());
        assert_eq!(pack::elf::dynamic::read(bytes), pack::elf::dynamic::read(&stripped));
    }
});
