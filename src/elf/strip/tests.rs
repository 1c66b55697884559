//! The tail, the guards and damage; what concerns gaps is in `gap_tests`.

use object::LittleEndian as LE;
use object::elf;
use object::pod::bytes_of_slice;
use object::read::elf::FileHeader;
use proptest::prelude::*;

use super::image::{Image, MOST_PADDING};
use super::sections::{append_name, section_header};
use super::segments::difference;
use super::{Header, Section, Unstripped, is_elf};

/// The bytes of a stripped file.
fn strip(bytes: &[u8]) -> Result<Vec<u8>, Unstripped> {
    super::strip(bytes).map(|stripped| stripped.bytes)
}

/// Where the sample's segments end, in bytes; what follows is to be dropped.
const LOADED: usize = 0x200;
const PROGRAM_HEADERS: usize = 0x40;

/// `(name, type, flags, offset, size, link, info)` of a section.
type Row = (&'static str, elf::SectionType, elf::SectionFlags, u64, u64, u32, u32);

const NO_FLAGS: elf::SectionFlags = elf::SectionFlags(0);
const ALLOC: elf::SectionFlags = elf::SHF_ALLOC;

/// A shared library as a linker lays it out, with a symbol table and a comment behind its two segments.
fn rows() -> Vec<Row> {
    vec![
        ("", elf::SHT_NULL, NO_FLAGS, 0, 0, 0, 0),
        (".dynsym", elf::SHT_DYNSYM, ALLOC, 0x100, 0x20, 2, 6),
        (".dynstr", elf::SHT_STRTAB, ALLOC, 0x120, 0x20, 0, 0),
        (".rela.plt", elf::SHT_RELA, ALLOC, 0x140, 0x20, 6, 7),
        (".data", elf::SHT_PROGBITS, ALLOC, 0x180, 0x80, 0, 0),
        (".bss", elf::SHT_NOBITS, ALLOC, 0x9_0000, 0x1000, 0, 0),
        (".symtab", elf::SHT_SYMTAB, NO_FLAGS, 0x200, 0x400, 7, 1),
        (".comment", elf::SHT_PROGBITS, NO_FLAGS, 0x600, 0x100, 0, 0),
    ]
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

fn segment(p_type: u32, offset: u64, size: u64) -> Vec<u8> {
    let words = [offset, offset, offset, size, size, 0x1000];
    let mut bytes = [p_type.to_le_bytes(), 4u32.to_le_bytes()].concat();
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// An ELF file with these sections and a name table; the bytes without a meaning are a pattern, none of them zero.
fn sample(rows: &[Row]) -> Vec<u8> {
    let end = rows.iter().filter(|row| row.1 != elf::SHT_NOBITS).map(|row| row.3 + row.4).max();
    let mut bytes: Vec<u8> = (0..end.unwrap().max(LOADED as u64)).map(|i| (i % 251) as u8 | 1).collect();
    let mut names = vec![0];
    let mut table: Vec<Section> = Vec::new();
    for (index, &(name, sh_type, flags, offset, size, link, info)) in rows.iter().enumerate() {
        let mut section = section_header(sh_type);
        match rows[..index].iter().position(|row| row.0 == name) {
            Some(same) => section.sh_name = table[same].sh_name,
            None => append_name(&mut names, name.as_bytes(), &mut section),
        }
        section.sh_flags.set(LE, flags);
        section.sh_offset.set(LE, offset);
        section.sh_size.set(LE, size);
        section.sh_link.set(LE, link);
        section.sh_info.set(LE, info);
        table.push(section);
    }
    let mut strings = section_header(elf::SHT_STRTAB);
    append_name(&mut names, b".shstrtab", &mut strings);
    strings.sh_offset.set(LE, bytes.len() as u64);
    strings.sh_size.set(LE, names.len() as u64);
    table.push(strings);
    bytes.extend(names);
    bytes.resize(bytes.len().next_multiple_of(8), 0);

    let shoff = bytes.len() as u64;
    put(&mut bytes, 0, b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0");
    put(&mut bytes, 0x18, &[0; 8]);
    put(&mut bytes, 0x20, &(PROGRAM_HEADERS as u64).to_le_bytes());
    put(&mut bytes, 0x28, &shoff.to_le_bytes());
    put(&mut bytes, 0x30, &[0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0]);
    put(&mut bytes, 0x3c, &u16::try_from(table.len()).unwrap().to_le_bytes());
    put(&mut bytes, 0x3e, &u16::try_from(table.len() - 1).unwrap().to_le_bytes());
    put(&mut bytes, PROGRAM_HEADERS, &segment(1, 0, 0x180));
    put(&mut bytes, PROGRAM_HEADERS + 56, &segment(1, 0x180, 0x80));
    bytes.extend(bytes_of_slice(&table));
    bytes
}

fn library() -> Vec<u8> {
    sample(&rows())
}

fn patched(offset: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = library();
    put(&mut bytes, offset, value);
    bytes
}

fn reason(bytes: &[u8]) -> String {
    strip(bytes).unwrap_err().to_string()
}

/// Name, type, link and info of each section.
fn sections(bytes: &[u8]) -> Vec<(String, elf::SectionType, u32, u32)> {
    let image = Image::parse(bytes).unwrap();
    let row = |section: &Section| {
        let name = String::from_utf8(image.name(section).unwrap().to_vec()).unwrap();
        (name, section.sh_type.get(LE), section.sh_link.get(LE), section.sh_info.get(LE))
    };
    image.sections.iter().map(row).collect()
}

#[test]
fn drops_what_follows_the_segments() {
    let bytes = library();
    let stripped = strip(&bytes).unwrap();
    assert_eq!(stripped[..0x28], bytes[..0x28]);
    assert_eq!(stripped[0x30..0x3c], bytes[0x30..0x3c]);
    assert_eq!(stripped[0x40..LOADED], bytes[0x40..LOADED]);
    let names = b"\0.dynsym\0.dynstr\0.rela.plt\0.data\0.bss\0.shstrtab\0";
    assert_eq!(&stripped[LOADED..LOADED + names.len()], names);
    assert_eq!(stripped.len(), (LOADED + names.len()).next_multiple_of(8) + 7 * 64);
}

#[test]
fn references_to_dropped_sections_become_zero_and_counts_stay() {
    let expected = [
        ("", elf::SHT_NULL, 0, 0),
        (".dynsym", elf::SHT_DYNSYM, 2, 6),
        (".dynstr", elf::SHT_STRTAB, 0, 0),
        (".rela.plt", elf::SHT_RELA, 0, 0),
        (".data", elf::SHT_PROGBITS, 0, 0),
        (".bss", elf::SHT_NOBITS, 0, 0),
        (".shstrtab", elf::SHT_STRTAB, 0, 0),
    ];
    let expected = expected.map(|(name, sh_type, link, info)| (name.to_owned(), sh_type, link, info));
    assert_eq!(sections(&strip(&library()).unwrap()), expected);
}

#[test]
fn a_dropped_section_before_an_allocated_one_keeps_its_index() {
    let mut rows = rows();
    let comment = rows.pop().unwrap();
    rows.insert(1, comment);
    rows[2].5 = 3;
    let stripped = sections(&strip(&sample(&rows)).unwrap());
    assert_eq!(stripped[1], (String::new(), elf::SHT_NULL, 0, 0));
    assert_eq!(stripped[2], (".dynsym".into(), elf::SHT_DYNSYM, 3, 6));
    assert_eq!(stripped[3].0, ".dynstr");
}

#[test]
fn a_section_header_table_inside_a_segment_stays_as_bytes() {
    let mut bytes = library();
    let shoff = usize::try_from(Header::parse(&*bytes).unwrap().e_shoff.get(LE)).unwrap();
    let table = bytes.split_off(shoff);
    put(&mut bytes, PROGRAM_HEADERS + 56, &segment(1, 0x180, 0x80 + table.len() as u64));
    let mut moved = bytes[..LOADED].to_vec();
    moved.extend(&table);
    moved.extend(&bytes[LOADED..]);
    put(&mut moved, 0x28, &(LOADED as u64).to_le_bytes());
    let shift = table.len() as u64;
    for row in [6, 7, 8] {
        let field = LOADED + row * 64 + 24;
        let offset = u64::from_le_bytes(moved[field..field + 8].try_into().unwrap());
        put(&mut moved, field, &(offset + shift).to_le_bytes());
    }
    let stripped = strip(&moved).unwrap();
    let kept = LOADED + table.len();
    assert_eq!(stripped[0x40..kept], moved[0x40..kept]);
    assert_eq!(sections(&stripped).len(), 7);
    assert_eq!(strip(&stripped), Err(Unstripped::NothingToRemove));
}

#[test]
fn a_stripped_file_has_nothing_to_remove() {
    let stripped = strip(&library()).unwrap();
    assert_eq!(strip(&stripped), Err(Unstripped::NothingToRemove));
}

#[test]
fn any_alignment_in_memory_will_do() {
    let shifted = [b"x".as_slice(), &library()].concat();
    assert_eq!(strip(&shifted[1..]), strip(&library()));
}

#[test]
fn only_64_bit_little_endian() {
    assert_eq!(reason(b""), "not a 64-bit little-endian ELF");
    assert_eq!(reason(b"#!/bin/sh\n"), "not a 64-bit little-endian ELF");
    assert_eq!(strip(&patched(4, &[1])), Err(Unstripped::Foreign));
    assert_eq!(strip(&patched(5, &[2])), Err(Unstripped::Foreign));
    assert!(is_elf(&library()) && !is_elf(b"\x7fEL"));
}

#[test]
fn only_what_a_linker_finished() {
    assert_eq!(reason(&patched(0x10, &[1])), "a relocatable object");
    assert_eq!(reason(&patched(0x10, &[4])), "nothing in it is loaded");
    assert!(strip(&patched(0x10, &[2])).is_ok());
}

#[test]
fn a_file_without_loadable_segments_is_refused() {
    let mut bytes = patched(PROGRAM_HEADERS, &[4]);
    put(&mut bytes, PROGRAM_HEADERS + 56, &[4]);
    assert_eq!(strip(&bytes), Err(Unstripped::NotLoadable));
    assert_eq!(strip(&patched(0x38, &[0, 0])), Err(Unstripped::NotLoadable));
}

#[test]
fn extended_numbering_is_refused() {
    for (field, value) in [(0x38, [0xff; 2]), (0x3c, [0; 2]), (0x3e, [0xff; 2])] {
        assert_eq!(strip(&patched(field, &value)), Err(Unstripped::ExtendedNumbering));
    }
}

#[test]
fn a_file_without_sections_has_nothing_to_remove() {
    let mut bytes = patched(0x28, &[0; 8]);
    put(&mut bytes, 0x3c, &[0; 4]);
    bytes.truncate(LOADED);
    assert_eq!(strip(&bytes), Err(Unstripped::NothingToRemove));
}

#[test]
fn appended_data_is_refused_but_padding_is_not() {
    let mut bytes = library();
    bytes.extend([0; 100]);
    assert_eq!(strip(&bytes), strip(&library()));
    bytes.push(b'!');
    assert_eq!(reason(&bytes), "data appended after the ELF image (101 bytes)");
    let zeros = [library(), vec![0; MOST_PADDING]].concat();
    assert_eq!(strip(&zeros), Err(Unstripped::Overlay(MOST_PADDING)));
}

#[test]
fn a_section_of_the_application_is_refused() {
    let mut rows = rows();
    rows[7].0 = "pydata";
    assert_eq!(reason(&sample(&rows)), "section \"pydata\" may be the application's own data");
}

#[test]
fn ranges_outside_the_file_are_refused() {
    assert_eq!(reason(&patched(0x20, &[0xff; 8])), "malformed: the program headers");
    assert_eq!(reason(&patched(0x28, &[0xff; 8])), "malformed: the section headers");
    assert_eq!(reason(&patched(0x3a, &[63])), "malformed: the section headers");
    assert_eq!(reason(&patched(0x3e, &[0])), "malformed: the section names");
    assert_eq!(reason(&patched(PROGRAM_HEADERS + 8, &[0xff; 8])), "malformed: a segment ends after the file");
    assert_eq!(reason(&patched(PROGRAM_HEADERS + 32, &[0xff; 8])), "malformed: a segment ends after the file");
}

#[test]
fn an_allocated_section_outside_the_segments_is_refused() {
    let mut rows = rows();
    rows[4].3 = 0x181;
    assert_eq!(reason(&sample(&rows)), "malformed: an allocated section lies outside the segments");
    rows[4].4 = 0;
    assert!(strip(&sample(&rows)).is_ok());
}

#[test]
fn program_headers_over_the_changed_fields_are_refused() {
    // The first program header starts inside the ELF header, so its p_filesz is e_shoff; the second is a PT_LOAD.
    let mut bytes = patched(0x20, &8u64.to_le_bytes());
    put(&mut bytes, 64, &segment(1, 0, LOADED as u64));
    assert_eq!(strip(&bytes), Err(Unstripped::Doubt("the headers")));
}

#[test]
fn names_that_share_their_bytes_may_not_cost_more_than_is_gained() {
    const LONG: &str = ".a_name_so_long_that_a_hundred_copies_of_it_are_more_than_what_is_dropped";
    let with = |count| {
        let mut rows = rows();
        rows.splice(1..1, vec![(LONG, elf::SHT_PROGBITS, ALLOC, 0, 0, 0, 0); count]);
        strip(&sample(&rows))
    };
    assert!(with(5).is_ok());
    assert_eq!(with(100), Err(Unstripped::NothingToRemove));
}

#[test]
fn truncated_anywhere_it_is_left_alone() {
    let bytes = library();
    for length in 0..bytes.len() {
        assert!(strip(&bytes[..length]).is_err(), "{length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn damage_never_panics_and_never_changes_a_loaded_byte(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_headers in any::<bool>(),
    ) {
        let mut bytes = library();
        let limit = if in_headers { 0x40 + 2 * 56 } else { bytes.len() };
        for (index, value) in damage {
            bytes[index.index(limit)] = value;
        }
        if let Ok(stripped) = strip(&bytes) {
            prop_assert!(stripped.len() < bytes.len());
            let again = strip(&stripped).unwrap_err();
            prop_assert!(matches!(again, Unstripped::NothingToRemove | Unstripped::GapsKept(_)), "{}", again);
            prop_assert_eq!(difference(&bytes, &stripped), None);
        }
    }

    #[test]
    fn noise_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = strip(&bytes);
        if bytes.len() > 18 {
            put(&mut bytes, 0, b"\x7fELF\x02\x01\x01");
            put(&mut bytes, 16, &[3, 0]);
        }
        let _ = strip(&bytes);
    }
}
