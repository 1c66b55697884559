//! What a linked file says to the dynamic loader: its own name, those it needs, where to look, versions and symbols.
//!
//! Invariant: read as the loader reads it, through `PT_DYNAMIC` and the addresses found there, so a file without
//! section headers answers the same. Any class, byte order and machine; time and memory are bounded by the file's size,
//! and names are borrowed from it.
//!
//! Format: System V gABI, chapter 5 (dynamic linking); `DT_GNU_HASH`, which no specification has, as `object` reads it.

use std::borrow::Cow;

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader};
use serde::{Deserialize, Serialize};

use super::image::Image;
use super::symbols::{self, Symbol};
use super::versions::{self, Need};

/// What a library says to the dynamic loader; the lists are empty for a static executable or an object file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dynamic<'a> {
    /// `e_machine`, `EI_CLASS` and `EI_DATA`: what it runs on.
    pub machine: Machine,
    /// `e_type`: a library is `ET_DYN`, and so are today's executables.
    pub kind: Kind,
    /// The loader that an executable asks the kernel for.
    pub interpreter: Option<Cow<'a, str>>,
    /// The name that other libraries ask for it by.
    pub soname: Option<Cow<'a, str>>,
    /// The libraries it asks for, in the order in which the loader looks for them.
    pub needed: Vec<Cow<'a, str>>,
    /// Where to look before `LD_LIBRARY_PATH`, unless there is a `runpath`; colons between folders.
    pub rpath: Option<Cow<'a, str>>,
    /// Where to look after `LD_LIBRARY_PATH`; colons between folders.
    pub runpath: Option<Cow<'a, str>>,
    /// The versions it asks of other libraries.
    pub version_needs: Vec<Need<'a>>,
    /// The versions it defines, without the one that is its own name.
    pub version_definitions: Vec<Cow<'a, str>>,
    /// Its dynamic symbols but for the local ones.
    pub symbols: Vec<Symbol<'a>>,
}

/// What a file runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub struct Machine {
    /// `e_machine` (62 is x86-64, 183 is 64-bit Arm).
    pub number: u16,
    /// 64-bit.
    pub wide: bool,
    /// Most significant byte first.
    pub big_endian: bool,
}

/// `e_type`, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub enum Kind {
    /// A library or a position-independent executable.
    Shared,
    /// An executable.
    Executable,
    /// An object file, a core dump.
    #[default]
    Other,
}

impl Dynamic<'_> {
    /// The exported functions that make it a Python module, by PEP 489 and PEP 793: `PyInit_*`, `PyInitU_*` (names in
    /// punycode), `PyModExport_*`, `PyModExportU_*`.
    pub fn init_functions(&self) -> impl Iterator<Item = &str> {
        let exported = self.symbols.iter().filter(|symbol| symbol.defined);
        exported.filter_map(|symbol| std::str::from_utf8(symbol.name).ok()).filter(|name| {
            ["PyInit_", "PyInitU_", "PyModExport_", "PyModExportU_"].iter().any(|prefix| name.starts_with(prefix))
        })
    }
}

/// `None` when the bytes are no ELF or contradict themselves.
pub fn read(bytes: &[u8]) -> Option<Dynamic<'_>> {
    if let Ok(header) = FileHeader64::<Endianness>::parse(bytes) {
        return read_class(header, bytes);
    }
    read_class(FileHeader32::<Endianness>::parse(bytes).ok()?, bytes)
}

/// The part of [`read`] that the ELF header alone answers, for files whose tables contradict each other.
pub fn machine(bytes: &[u8]) -> Option<(Machine, Kind)> {
    if let Ok(header) = FileHeader64::<Endianness>::parse(bytes) {
        return header_of(header);
    }
    header_of(FileHeader32::<Endianness>::parse(bytes).ok()?)
}

fn header_of<Elf: FileHeader>(header: &Elf) -> Option<(Machine, Kind)> {
    let endian = header.endian().ok()?;
    let machine = Machine {
        number: header.e_machine(endian).0,
        wide: header.is_class_64(),
        big_endian: !header.is_little_endian(),
    };
    let kind = match header.e_type(endian) {
        elf::ET_DYN => Kind::Shared,
        elf::ET_EXEC => Kind::Executable,
        _ => Kind::Other,
    };
    Some((machine, kind))
}

fn read_class<'a, Elf: FileHeader>(header: &'a Elf, bytes: &'a [u8]) -> Option<Dynamic<'a>> {
    let image = Image::parse(header, bytes)?;
    let (machine, kind) = header_of(image.header)?;
    let interpreter = image.interpreter().map(String::from_utf8_lossy);
    let mut dynamic = Dynamic { machine, kind, interpreter, ..Dynamic::default() };
    let mut strings = image.strings()?;
    for entry in image.entries {
        let mut name = || strings.get(entry.d_val(image.endian).into()).map(String::from_utf8_lossy);
        match entry.d_tag(image.endian) {
            elf::DT_SONAME => dynamic.soname = Some(name()?),
            elf::DT_NEEDED => dynamic.needed.push(name()?),
            elf::DT_RPATH => dynamic.rpath = Some(name()?),
            elf::DT_RUNPATH => dynamic.runpath = Some(name()?),
            _ => {}
        }
    }
    let versions = versions::read(&image, &mut strings)?;
    dynamic.symbols = symbols::read(&image, &mut strings, &versions)?;
    dynamic.version_needs = versions.needs;
    dynamic.version_definitions = versions.definitions;
    Some(dynamic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::{BASE, Sample, SampleSymbol, defines, wants};
    use super::*;

    fn library() -> Sample {
        Sample {
            soname: Some("libown.so"),
            needed: vec!["libm.so.6", "libc.so.6"],
            rpath: Some("$ORIGIN/../libs"),
            runpath: Some("$ORIGIN"),
            needs: vec![
                ("libc.so.6", vec![("GLIBC_2.2.5", false), ("GLIBC_2.34", true)]),
                ("libm.so.6", vec![("GLIBC_2.29", false)]),
            ],
            definitions: vec!["OWN_1", "OWN_2"],
            symbols: vec![
                SampleSymbol { name: "PyInit_local", bind: 0, defined: true, version: None },
                wants("PyInit_used"),
                SampleSymbol { name: "exp", bind: 1, defined: false, version: Some("GLIBC_2.29") },
                SampleSymbol { name: "__gmon_start__", bind: 2, defined: false, version: None },
                defines("PyInit_fast"),
                SampleSymbol { name: "other", bind: 1, defined: true, version: Some("OWN_2") },
            ],
            ..Sample::default()
        }
    }

    #[test]
    fn reads_either_class_and_byte_order_without_sections() {
        for (wide, big) in [(true, false), (true, true), (false, false), (false, true)] {
            let bytes = Sample { wide, big, ..library() }.build();
            let read = read(&bytes).unwrap();
            assert_eq!(read.machine, Machine { number: 62, wide, big_endian: big });
            assert_eq!((read.kind, read.interpreter.as_deref()), (Kind::Shared, None));
            assert_eq!(read.soname.as_deref(), Some("libown.so"));
            assert_eq!(read.needed, ["libm.so.6", "libc.so.6"]);
            assert_eq!(read.rpath.as_deref(), Some("$ORIGIN/../libs"));
            assert_eq!(read.runpath.as_deref(), Some("$ORIGIN"));
            assert_eq!(read.version_needs[0].library, "libc.so.6");
            assert_eq!(read.version_needs[0].versions, [("GLIBC_2.2.5".into(), false), ("GLIBC_2.34".into(), true)]);
            assert_eq!(read.version_needs[1].versions, [("GLIBC_2.29".into(), false)]);
            assert_eq!(read.version_definitions, ["OWN_1", "OWN_2"]);
            assert_eq!(read.init_functions().collect::<Vec<_>>(), ["PyInit_fast"]);
            let symbol = |name: &'static str, defined, weak, wanted_of| Symbol {
                name: name.as_bytes(),
                defined,
                weak,
                wanted_of,
            };
            assert_eq!(
                read.symbols,
                [
                    symbol("PyInit_used", false, false, None),
                    symbol("exp", false, false, Some(1)),
                    symbol("__gmon_start__", false, true, None),
                    symbol("PyInit_fast", true, false, None),
                    symbol("other", true, false, None),
                ]
            );
        }
    }

    /// Where the value of an entry is, in the file.
    fn place_of(bytes: &[u8], tag: u64) -> usize {
        (176..).step_by(16).find(|&place| bytes[place..place + 8] == tag.to_le_bytes()).unwrap() + 8
    }

    #[test]
    fn counts_symbols_by_the_gnu_hash_table_too() {
        let mut bytes =
            Sample { symbols: vec![wants("a"), defines("PyInit_fast"), defines("b")], ..Sample::default() }.build();
        let place = place_of(&bytes, 4);
        bytes[place - 8..place].copy_from_slice(&0x6fff_fef5_u64.to_le_bytes());
        // One bucket from symbol 2 on, one 64-bit bloom word, and two chain values, the second of which ends it.
        let words = [1, 2, 1, 0, !0, !0, 2, 2, 1u32];
        let end = bytes.len() as u64 + BASE;
        bytes[place..place + 8].copy_from_slice(&end.to_le_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let size = bytes.len() as u64;
        for field in [64 + 32, 64 + 40] {
            bytes[field..field + 8].copy_from_slice(&size.to_le_bytes());
        }
        let read = read(&bytes).unwrap();
        assert_eq!(read.init_functions().collect::<Vec<_>>(), ["PyInit_fast"]);
        assert_eq!(read.symbols.len(), 3);
    }

    #[test]
    fn a_file_without_a_dynamic_section_needs_nothing() {
        let mut bytes = library().build();
        bytes[64 + 56] = 4;
        let empty = Dynamic { machine: Machine { number: 62, wide: true, big_endian: false }, ..Dynamic::default() };
        assert_eq!(read(&bytes), Some(Dynamic { kind: Kind::Shared, ..empty }));
    }

    #[test]
    fn what_contradicts_itself_is_not_read() {
        assert_eq!(read(b""), None);
        assert_eq!(read(b"\x7fELF"), None);
        let sound = library().build();
        for (tag, value) in [
            (1, 0xffff),
            (5, 0x9_0000),
            (10, 0xffff),
            (6, 0),
            (4, u64::MAX),
            (0x6fff_fffe, 1),
            (0x6fff_fffd, 900),
            (0x6fff_fff0, 7),
        ] {
            let mut bytes = sound.clone();
            let place = place_of(&bytes, tag);
            bytes[place..place + 8].copy_from_slice(&value.to_le_bytes());
            // The list of definitions ends by itself, whatever its count says.
            assert_eq!(read(&bytes).is_none(), tag != 0x6fff_fffd, "entry {tag:x}");
        }
    }

    #[test]
    fn a_dynamic_section_at_two_places_is_not_read() {
        let mut bytes = library().build();
        let sound = read(&bytes).is_some();
        bytes[64 + 56 + 16] ^= 16;
        assert_eq!((sound, read(&bytes)), (true, None));
    }

    #[test]
    fn names_together_longer_than_the_file_are_not_read() {
        let name: &'static str = "a name that is long, asked for again and again";
        let few = Sample { needed: vec![name; 10], ..Sample::default() }.build();
        assert_eq!(read(&few).map(|dynamic| dynamic.needed.len()), Some(10));
        assert_eq!(read(&Sample { needed: vec![name; 40], ..Sample::default() }.build()), None);
    }

    #[test]
    fn truncated_anywhere_it_does_not_panic() {
        let bytes = library().build();
        for length in 0..bytes.len() {
            let _ = read(&bytes[..length]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn damage_never_panics(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            (wide, big) in any::<(bool, bool)>(),
        ) {
            let mut bytes = Sample { wide, big, ..library() }.build();
            for (index, value) in damage {
                let index = index.index(bytes.len());
                bytes[index] = value;
            }
            if let Some(dynamic) = read(&bytes) {
                let names: usize = dynamic.symbols.iter().map(|symbol| symbol.name.len()).sum();
                prop_assert!(names <= bytes.len());
            }
        }
    }
}
