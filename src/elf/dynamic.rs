//! The dynamic section: a library's own name, those it needs, and the Python modules it defines.
//!
//! Invariant: read as the loader reads it, through `PT_DYNAMIC` and the addresses found there, so a file without
//! section headers answers the same. Any class, byte order and machine; time and memory are bounded by the file's size.
//!
//! Format: System V gABI, chapter 5 (dynamic linking); `DT_GNU_HASH`, which no specification has, as `object` reads it.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, GnuHashTable, HashTable, ProgramHeader, Sym};
use object::{Endianness, pod};

/// What a library says to the dynamic loader; empty for a static executable or an object file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dynamic {
    /// The name that other libraries ask for it by.
    pub soname: Option<String>,
    /// The libraries it asks for, in the order in which the loader looks for them.
    pub needed: Vec<String>,
    /// Its exported symbols named `PyInit_*`, one for each Python module that it can be imported as.
    pub init_functions: Vec<String>,
}

/// `None` when the bytes are no ELF or contradict themselves.
pub fn read(bytes: &[u8]) -> Option<Dynamic> {
    if let Ok(header) = FileHeader64::<Endianness>::parse(bytes) {
        return read_class(header, bytes);
    }
    read_class(FileHeader32::<Endianness>::parse(bytes).ok()?, bytes)
}

fn read_class<Elf: FileHeader>(header: &Elf, bytes: &[u8]) -> Option<Dynamic> {
    let endian = header.endian().ok()?;
    let segments = Segments::<Elf> { endian, bytes, headers: header.program_headers(endian, bytes).ok()? };
    let entries = segments.dynamic()?;
    let value = |tag| {
        entries.iter().find(|entry: &&Elf::Dyn| entry.d_tag(endian) == tag).map(|entry| entry.d_val(endian).into())
    };

    let strings = match value(elf::DT_STRTAB) {
        Some(address) => segments.at(address)?.get(..usize::try_from(value(elf::DT_STRSZ)?).ok()?)?,
        None => &[],
    };
    let mut strings = Strings { table: strings, left: bytes.len() };
    let mut dynamic = Dynamic::default();
    for entry in entries {
        match entry.d_tag(endian) {
            elf::DT_SONAME => dynamic.soname = Some(strings.get(entry.d_val(endian).into())?),
            elf::DT_NEEDED => dynamic.needed.push(strings.get(entry.d_val(endian).into())?),
            _ => {}
        }
    }

    let Some(address) = value(elf::DT_SYMTAB) else { return Some(dynamic) };
    let hashes = (value(elf::DT_GNU_HASH), value(elf::DT_HASH));
    let count = segments.symbol_count(hashes.0, hashes.1)?;
    let (symbols, _) = pod::slice_from_bytes::<Elf::Sym>(segments.at(address)?, count).ok()?;
    for symbol in symbols {
        let name = u64::from(symbol.st_name(endian));
        if !symbol.is_undefined(endian) && !symbol.is_local() && strings.rest(name)?.starts_with(b"PyInit_") {
            dynamic.init_functions.push(strings.get(name)?);
        }
    }
    Some(dynamic)
}

struct Segments<'a, Elf: FileHeader> {
    endian: Elf::Endian,
    bytes: &'a [u8],
    headers: &'a [Elf::ProgramHeader],
}

impl<'a, Elf: FileHeader> Segments<'a, Elf> {
    /// The dynamic entries before `DT_NULL`; none for a file that is not linked dynamically.
    fn dynamic(&self) -> Option<&'a [Elf::Dyn]> {
        for header in self.headers {
            if let Some(entries) = header.dynamic(self.endian, self.bytes).ok()? {
                let end = entries.iter().position(|entry| entry.d_tag(self.endian) == elf::DT_NULL);
                return Some(&entries[..end.unwrap_or(entries.len())]);
            }
        }
        Some(&[])
    }

    /// The file's bytes from a virtual address to the end of its segment.
    fn at(&self, address: u64) -> Option<&'a [u8]> {
        self.headers.iter().filter(|header| header.p_type(self.endian) == elf::PT_LOAD).find_map(|header| {
            let skipped = address.checked_sub(header.p_vaddr(self.endian).into())?;
            let data = header.data(self.endian, self.bytes).ok()?;
            data.get(usize::try_from(skipped).ok()?..).filter(|rest| !rest.is_empty())
        })
    }

    /// Nothing states how many dynamic symbols there are, but a hash table reaches all that are exported. The GNU one is
    /// asked first: the other has entries of 64 bits on some machines (s390x).
    fn symbol_count(&self, gnu_hash: Option<u64>, hash: Option<u64>) -> Option<usize> {
        let mut count = None;
        if let Some(address) = gnu_hash {
            count = GnuHashTable::<Elf>::parse(self.endian, self.at(address)?).ok()?.symbol_table_length(self.endian);
        }
        if let (None, Some(address)) = (count, hash) {
            count = Some(HashTable::<Elf>::parse(self.endian, self.at(address)?).ok()?.symbol_table_length());
        }
        // No table, or one that reaches no symbol: nothing is exported.
        usize::try_from(count.unwrap_or(0)).ok()
    }
}

/// The dynamic string table, and how many bytes of names may still be taken from it. Names of a real file together are
/// shorter than the file; a thousand entries for one long string are not.
struct Strings<'a> {
    table: &'a [u8],
    left: usize,
}

impl<'a> Strings<'a> {
    fn rest(&self, offset: u64) -> Option<&'a [u8]> {
        self.table.get(usize::try_from(offset).ok()?..)
    }

    fn get(&mut self, offset: u64) -> Option<String> {
        let rest = self.rest(offset)?;
        let length = rest.iter().take(self.left).position(|&byte| byte == 0)?;
        self.left = self.left.checked_sub(length + 1)?;
        Some(String::from_utf8_lossy(&rest[..length]).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRINGS: &[u8] = b"\0libm.so.6\0libc.so.6\0libown.so\0PyInit_fast\0PyInit_local\0PyInit_used\0other\0";
    /// Where the tables are, in the file and, plus `BASE`, in memory.
    const TABLES: [usize; 4] = [0x100, 0x200, 0x300, 0x400];
    const BASE: u64 = 0x1000;

    fn offset_of(name: &str) -> u64 {
        let bytes = [b"\0", name.as_bytes(), b"\0"].concat();
        STRINGS.windows(bytes.len()).position(|window| window == bytes).unwrap() as u64 + 1
    }

    /// A library without section headers, of either class and byte order.
    struct Sample {
        wide: bool,
        big: bool,
        bytes: Vec<u8>,
    }

    impl Sample {
        fn number(&mut self, size: usize, value: u64) {
            let bytes = value.to_le_bytes();
            let bytes = bytes[..size].iter().copied();
            if self.big { self.bytes.extend(bytes.rev()) } else { self.bytes.extend(bytes) }
        }

        fn words(&mut self, values: &[u64]) {
            let size = if self.wide { 8 } else { 4 };
            for &value in values {
                self.number(size, value);
            }
        }

        fn segment(&mut self, p_type: u64, offset: u64, size: u64) {
            self.number(4, p_type);
            if self.wide {
                self.number(4, 4);
            }
            self.words(&[offset, offset + BASE, offset + BASE, size, size]);
            if !self.wide {
                self.number(4, 4);
            }
            self.words(&[8]);
        }

        fn symbol(&mut self, name: &str, bind: u64, section: u64) {
            self.number(4, if name.is_empty() { 0 } else { offset_of(name) });
            if !self.wide {
                self.words(&[0, 0]);
            }
            self.number(1, bind << 4);
            self.number(1, 0);
            self.number(2, section);
            if self.wide {
                self.words(&[0, 0]);
            }
        }

        fn build(wide: bool, big: bool, dynamic: &[(u64, u64)]) -> Vec<u8> {
            let mut s = Self { wide, big, bytes: b"\x7fELF".to_vec() };
            s.bytes.extend([1 + u8::from(wide), 1 + u8::from(big), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            s.number(2, 3);
            s.number(2, 62);
            s.number(4, 1);
            let (header, program) = if wide { (64, 56) } else { (52, 32) };
            s.words(&[0, header, 0]);
            s.number(4, 0);
            for half in [header, program, 2, 0, 0, 0] {
                s.number(2, half);
            }
            let word = if wide { 16 } else { 8 };
            s.segment(1, 0, 0x500);
            s.segment(2, TABLES[0] as u64, dynamic.len() as u64 * word);

            s.bytes.resize(TABLES[0], 0);
            for &(tag, value) in dynamic {
                s.words(&[tag, value]);
            }
            s.bytes.resize(TABLES[1], 0);
            s.bytes.extend(STRINGS);
            s.bytes.resize(TABLES[2], 0);
            s.symbol("", 0, 0);
            s.symbol("PyInit_local", 0, 1);
            s.symbol("PyInit_used", 1, 0);
            s.symbol("PyInit_fast", 1, 1);
            s.symbol("other", 1, 1);
            s.bytes.resize(TABLES[3], 0);
            for word in [1, 5, 3, 0, 0, 0, 0, 0] {
                s.number(4, word);
            }
            s.bytes.resize(0x500, 0);
            s.bytes
        }
    }

    fn entries() -> Vec<(u64, u64)> {
        vec![
            (1, offset_of("libm.so.6")),
            (1, offset_of("libc.so.6")),
            (14, offset_of("libown.so")),
            (5, TABLES[1] as u64 + BASE),
            (10, STRINGS.len() as u64),
            (6, TABLES[2] as u64 + BASE),
            (4, TABLES[3] as u64 + BASE),
            (0, 0),
            // After DT_NULL nothing counts.
            (1, 0xffff),
        ]
    }

    fn library() -> Vec<u8> {
        Sample::build(true, false, &entries())
    }

    #[test]
    fn reads_either_class_and_byte_order_without_sections() {
        let expected = Dynamic {
            soname: Some("libown.so".into()),
            needed: vec!["libm.so.6".into(), "libc.so.6".into()],
            init_functions: vec!["PyInit_fast".into()],
        };
        for (wide, big) in [(true, false), (true, true), (false, false), (false, true)] {
            assert_eq!(read(&Sample::build(wide, big, &entries())), Some(expected.clone()), "{wide} {big}");
        }
    }

    #[test]
    fn counts_symbols_by_the_gnu_hash_table_too() {
        let mut entries = entries();
        entries[6].0 = 0x6fff_fef5;
        let mut bytes = Sample::build(true, false, &entries);
        // One bucket from symbol 3 on, one 64-bit bloom word, and two chain values, the second of which ends it.
        let words = [1, 3, 1, 0, !0, !0, 3, 2, 1u32];
        let table: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes[TABLES[3]..TABLES[3] + table.len()].copy_from_slice(&table);
        assert_eq!(read(&bytes).unwrap().init_functions, ["PyInit_fast"]);
    }

    #[test]
    fn a_file_without_a_dynamic_section_needs_nothing() {
        let mut bytes = library();
        bytes[0x40 + 56] = 4;
        assert_eq!(read(&bytes), Some(Dynamic::default()));
    }

    #[test]
    fn what_contradicts_itself_is_not_read() {
        assert_eq!(read(b""), None);
        assert_eq!(read(b"\x7fELF"), None);
        for (index, value) in [(0, 0xffff), (3, 0x9_0000), (4, 0xffff), (5, 0), (6, u64::MAX)] {
            let mut entries = entries();
            entries[index].1 = value;
            assert_eq!(read(&Sample::build(true, false, &entries)), None, "entry {index}");
        }
    }

    #[test]
    fn names_together_longer_than_the_file_are_not_read() {
        let many = 13;
        let mut entries = vec![(5, TABLES[1] as u64 + BASE), (10, 0x100)];
        entries.extend(vec![(1, 1); many]);
        let mut bytes = Sample::build(true, false, &entries);
        assert_eq!(read(&bytes).map(|dynamic| dynamic.needed.len()), Some(many));
        bytes[TABLES[1]..TABLES[1] + 0xff].fill(b'a');
        assert_eq!(read(&bytes), None);
    }

    #[test]
    fn truncated_anywhere_it_does_not_panic() {
        let bytes = library();
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
            let mut bytes = Sample::build(wide, big, &entries());
            for (index, value) in damage {
                let index = index.index(bytes.len());
                bytes[index] = value;
            }
            if let Some(dynamic) = read(&bytes) {
                let names = dynamic.needed.iter().chain(&dynamic.init_functions).chain(&dynamic.soname);
                // A byte that is no UTF-8 becomes three.
                prop_assert!(names.map(String::len).sum::<usize>() <= 3 * bytes.len());
            }
        }
    }
}
