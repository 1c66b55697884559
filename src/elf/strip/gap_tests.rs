//! Gaps between segments, each special case as a file made by hand.

use object::LittleEndian as LE;
use object::elf;
use object::read::elf::FileHeader;
use proptest::prelude::*;

use super::image::Image;
use super::sample::{Sample, allocated, comment, load, segment, writable};
use super::sections::section_header;
use super::segments::difference;
use super::{Header, Stripped, Unstripped, strip};

/// Strips a file, and checks what has to be true of every result.
fn stripped(bytes: &[u8]) -> Stripped {
    let stripped = strip(bytes).unwrap();
    assert_eq!(difference(bytes, &stripped.bytes), None);
    let again = strip(&stripped.bytes).unwrap_err();
    match stripped.gaps_kept {
        None => assert_eq!(again, Unstripped::NothingToRemove),
        Some(_) => assert!(matches!(again, Unstripped::GapsKept(_)), "{again}"),
    }
    stripped
}

/// The offsets of the segments after stripping, none of the gaps being in doubt.
fn offsets(sample: &Sample) -> Vec<u64> {
    let stripped = stripped(&sample.build());
    assert_eq!(stripped.gaps_kept, None);
    segments(&stripped.bytes, |segment| segment.p_offset.get(LE))
}

fn segments(bytes: &[u8], field: impl Fn(&super::Segment) -> u64) -> Vec<u64> {
    Image::parse(bytes).unwrap().segments.iter().map(field).collect()
}

/// Why the gaps stay although the tail goes.
fn doubt(sample: &Sample) -> &'static str {
    stripped(&sample.build()).gaps_kept.unwrap()
}

#[test]
fn a_segment_moves_down_by_whole_pages() {
    assert_eq!(offsets(&Sample::with_a_gap()), [0, 0x2000]);
}

#[test]
fn what_lies_in_a_segment_moves_with_it_and_so_do_its_sections() {
    let mut sample = Sample::with_a_gap();
    sample.segments.push(segment(elf::PT_DYNAMIC, 0x5010, 0x9010, 0x40, 8));
    sample.segments.push(segment(elf::PT_NOTE, 0x5050, 0x9050, 0x20, 4));
    sample.segments.push(segment(elf::PT_GNU_STACK, 0, 0, 0, 16));
    sample.segments.push(segment(elf::PT_TLS, 0x5100, 0x9100, 0, 8));
    let (_, mut bss) = allocated("", 0x5100, 0x9100, 0x400);
    bss.sh_type.set(LE, elf::SHT_NOBITS);
    sample.sections.push((".bss", bss));
    assert_eq!(offsets(&sample), [0, 0x2000, 0x2010, 0x2050, 0, 0x2100]);
    let stripped = strip(&sample.build()).unwrap().bytes;
    let image = Image::parse(&stripped).unwrap();
    let section = |index: usize| (image.sections[index].sh_offset.get(LE), image.sections[index].sh_type.get(LE));
    assert_eq!(section(2), (0, elf::SHT_NULL));
    assert_eq!(section(3), (0x2000, elf::SHT_PROGBITS));
    assert_eq!(section(4), (0x2100, elf::SHT_NOBITS));
    assert_eq!(image.name(&image.sections[4]).unwrap(), b".bss");
}

#[test]
fn the_address_decides_the_place_in_the_page() {
    let mut sample = Sample::with_a_gap();
    sample.segments[1] = writable(load(0x5900, 0x9900, 0x100, 0x1000));
    sample.sections[2] = allocated(".data", 0x5900, 0x9900, 0x100);
    assert_eq!(offsets(&sample), [0, 0x1900]);
}

#[test]
fn two_segments_may_share_a_page_of_the_file_but_not_of_memory() {
    let mut sample = Sample::with_a_gap();
    sample.segments.push(writable(load(0x7100, 0xa100, 0x10, 0x1000)));
    assert_eq!(offsets(&sample), [0, 0x2000, 0x2100]);
    sample.segments[2] = writable(load(0x7100, 0x9100, 0x10, 0x1000));
    assert_eq!(doubt(&sample), "two segments share a page of memory");
    // They may if they move alike.
    sample.segments[2] = writable(load(0x5100, 0x9100, 0x10, 0x1000));
    assert_eq!(offsets(&sample), [0, 0x2000, 0x2100]);
    // .bss counts.
    sample.segments[1].p_memsz.set(LE, 0x2000);
    sample.segments[2] = writable(load(0x7100, 0xa100, 0x10, 0x1000));
    assert_eq!(doubt(&sample), "two segments share a page of memory");
}

#[test]
fn segments_that_overlap_in_the_file_move_together() {
    let mut sample = Sample::with_a_gap();
    sample.segments.push(load(0x50c0, 0xb0c0, 0x2000, 0x1000));
    sample.segments.push(load(0x8000, 0xf000, 0x10, 0x1000));
    assert_eq!(offsets(&sample), [0, 0x2000, 0x20c0, 0x5000]);
}

#[test]
fn the_order_of_addresses_need_not_be_that_of_offsets() {
    let mut sample = Sample::with_a_gap();
    sample.segments.push(load(0x8000, 0x4000, 0x10, 0x1000));
    assert_eq!(offsets(&sample), [0, 0x2000, 0x3000]);
}

#[test]
fn a_segment_without_file_bytes_keeps_a_place() {
    let mut sample = Sample::with_a_gap();
    let mut bss = writable(load(0x7400, 0xc400, 0, 0x1000));
    bss.p_memsz.set(LE, 0x3000);
    sample.segments.push(bss);
    assert_eq!(offsets(&sample), [0, 0x2000, 0x2400]);
}

#[test]
fn program_headers_in_a_segment_of_their_own_move_in_a_library_only() {
    let mut sample = Sample::with_a_gap();
    sample.program_headers = 0x8000;
    sample.segments.push(load(0x8000, 0xc000, 0x100, 0x1000));
    sample.segments.push(segment(elf::PT_PHDR, 0x8000, 0xc000, 4 * 56, 8));
    assert_eq!(offsets(&sample), [0, 0x2000, 0x3000, 0x3000]);
    let moved = strip(&sample.build()).unwrap().bytes;
    assert_eq!(Header::parse(&*moved).unwrap().e_phoff.get(LE), 0x3000);
    sample.program = true;
    assert_eq!(doubt(&sample), "a program's headers");
    sample.program = false;
    sample.segments[3] = segment(elf::PT_INTERP, 0x1000, 0x1000, 4, 1);
    assert_eq!(doubt(&sample), "a program's headers");
}

#[test]
fn what_starts_without_a_loader_is_a_program() {
    let mut sample = Sample::with_a_gap();
    sample.program_headers = 0x8000;
    sample.segments.push(load(0x8000, 0xc000, 0x100, 0x1000));
    sample.segments.push(segment(elf::PT_DYNAMIC, 0x5010, 0x9010, 0x30, 8));
    let with = |entry: u8, dynamic: &[(elf::DynamicTag, u64)]| {
        let mut bytes = sample.build();
        bytes[0x18] = entry;
        let entries = dynamic.iter().chain(&[(elf::DT_NULL, 0); 2]);
        let words = entries.flat_map(|(tag, value)| [u64::try_from(tag.0).unwrap(), *value]);
        let words: Vec<u8> = words.flat_map(u64::to_le_bytes).take(0x30).collect();
        bytes[0x5010..0x5040].copy_from_slice(&words);
        stripped(&bytes).gaps_kept
    };
    let program = Some("a program's headers");
    // A static one, which needs nobody; a loader, which has a name; a library of an old linker.
    assert_eq!(with(0, &[(elf::DT_FLAGS_1, elf::DF_1_PIE.0)]), program);
    assert_eq!(with(1, &[(elf::DT_SONAME, 1)]), program);
    assert_eq!(with(1, &[(elf::DT_NEEDED, 1)]), None);
    assert_eq!(with(0, &[(elf::DT_SONAME, 1)]), None);
}

#[test]
fn a_program_with_its_headers_in_front_is_as_good_as_a_library() {
    let mut sample = Sample::with_a_gap();
    sample.program = true;
    assert_eq!(offsets(&sample), [0, 0x2000]);
}

#[test]
fn a_note_outside_of_what_is_loaded_is_kept() {
    let mut sample = Sample::with_a_gap();
    sample.segments.push(segment(elf::PT_NOTE, 0x9004, 0, 0x20, 4));
    assert_eq!(offsets(&sample), [0, 0x2000, 0x3004]);
}

#[test]
fn alignment_is_lowered_to_the_page_where_a_segment_moved_by_less() {
    let mut sample = Sample::with_a_gap();
    sample.segments[0].p_align.set(LE, 0x20_0000);
    sample.segments[1] = writable(load(0x20_0000, 0x40_0000, 0x100, 0x20_0000));
    sample.sections[2] = allocated(".data", 0x20_0000, 0x40_0000, 0x100);
    for machine in [elf::EM_X86_64, elf::EM_AARCH64] {
        sample.machine = machine;
        assert_eq!(offsets(&sample), [0, 0x2000]);
        let stripped = strip(&sample.build()).unwrap().bytes;
        assert_eq!(segments(&stripped, |segment| segment.p_align.get(LE)), [0x20_0000, 0x1000]);
    }
    // What a section asks for stays.
    sample.sections[2].1.sh_addralign.set(LE, 0x4000);
    assert_eq!(offsets(&sample), [0, 0x4000]);
}

#[test]
fn a_section_that_no_tool_knows_is_somebodys_data() {
    for name in [".staticx.archive", ".rackboot", "pydata"] {
        let mut sample = Sample::with_a_gap();
        sample.sections[1].0 = name;
        assert_eq!(strip(&sample.build()).unwrap_err(), Unstripped::Payload(name.into()));
    }
}

#[test]
fn a_section_of_a_type_that_no_tool_has_is_somebodys_data() {
    let with = |name: &'static str, kind: elf::SectionType| {
        let mut sample = Sample::with_a_gap();
        sample.sections[1].0 = name;
        sample.sections[1].1.sh_type.set(LE, kind);
        strip(&sample.build())
    };
    let user = elf::SectionType(elf::SHT_LOUSER + 1);
    for (name, kind) in [(".mydata", user), (".mydata", elf::SHT_HASH), (".note.mine", elf::SHT_NOTE)] {
        assert_eq!(with(name, kind).unwrap_err(), Unstripped::Payload(name.into()));
    }
    let tools = [
        (".strtab.x", elf::SHT_STRTAB),
        (".rela.debug_info", elf::SHT_RELA),
        (".group", elf::SHT_GROUP),
        (".note.stapsdt", elf::SHT_NOTE),
        (".gnu.build.attributes", elf::SHT_NOTE),
        (".llvm_addrsig", elf::SectionType(0x6fff_4c03)),
        (".gnu.attributes", elf::SectionType(0x6fff_fff5)),
    ];
    for (name, kind) in tools {
        assert!(with(name, kind).is_ok(), "{name}");
    }
}

#[test]
fn bytes_behind_the_last_segment_that_no_header_speaks_of_are_somebodys_data() {
    let mut bytes = Sample::with_a_gap().build();
    let table = usize::try_from(Header::parse(&*bytes).unwrap().e_shoff.get(LE)).unwrap();
    bytes.splice(table..table, [b'P'; 8192]);
    bytes[0x28..0x30].copy_from_slice(&(table as u64 + 8192).to_le_bytes());
    assert!(matches!(strip(&bytes).unwrap_err(), Unstripped::Overlay(8192..8200)));
}

#[test]
fn code_for_a_gpu_is_left_alone() {
    let mut sample = Sample::with_a_gap();
    sample.machine = elf::EM_CUDA;
    assert_eq!(strip(&sample.build()).unwrap_err(), Unstripped::Foreign);
}

#[test]
fn an_alignment_that_is_none_is_a_doubt() {
    let mut sample = Sample::with_a_gap();
    sample.sections[2].1.sh_addralign.set(LE, 3);
    assert_eq!(doubt(&sample), "an alignment that is no power of two");
}

#[test]
fn a_segment_that_no_loader_would_take_is_a_doubt() {
    let mut sample = Sample::with_a_gap();
    sample.segments[1].p_vaddr.set(LE, 0x9008);
    assert_eq!(doubt(&sample), "a segment's place in its page");
    sample.segments[1].p_vaddr.set(LE, u64::MAX - 0x80);
    assert_eq!(doubt(&sample), "a segment's address");
}

#[test]
fn bytes_that_no_header_speaks_of_are_a_doubt() {
    let mut bytes = Sample::with_a_gap().build();
    bytes[0x3000] = 1;
    let why = "bytes between the segments that no header speaks of";
    assert_eq!(stripped(&bytes).gaps_kept, Some(why));
    let tail_gone = strip(&bytes).unwrap().bytes;
    let reason = strip(&tail_gone).unwrap_err().to_string();
    assert_eq!(reason, format!("the gaps between its segments stay because of {why}"));
}

#[test]
fn a_section_header_table_that_patchelf_left_behind_is_no_data() {
    let mut bytes = Sample::with_a_gap().build();
    let mut former = section_header(elf::SHT_PROGBITS);
    former.sh_offset.set(LE, 0x1000);
    former.sh_size.set(LE, 0x800);
    former.sh_addralign.set(LE, 16);
    // An empty header first, from the next multiple of 8 on.
    let start = 0x1840 + 64;
    bytes[start..start + 64].copy_from_slice(object::bytes_of(&former));
    assert_eq!(stripped(&bytes).gaps_kept, None);
    bytes[start + 42] = 1;
    assert!(stripped(&bytes).gaps_kept.is_some(), "sh_link");
}

#[test]
fn a_loaded_section_between_segments_is_a_doubt() {
    let mut sample = Sample::with_a_gap();
    sample.sections[1] = allocated(".init", 0x1800, 0x1800, 0x40);
    assert_eq!(doubt(&sample), "an allocated section");
}

#[test]
fn a_loaded_section_over_the_headers_is_a_doubt() {
    for offset in [0x20, 0x40, 0x60] {
        let mut sample = Sample::with_a_gap();
        sample.sections.push(allocated(".text", offset, offset, 0x10));
        assert_eq!(doubt(&sample), "a section over the headers");
    }
}

#[test]
fn filler_at_the_end_of_a_writable_segment_goes() {
    let mut sample = Sample::with_a_gap();
    sample.segments[1] = writable(load(0x5000, 0x9000, 0x3000, 0x1000));
    sample.segments.push(load(0x8000, 0xd000, 0x10, 0x1000));
    let mut bytes = sample.build();
    bytes[0x5100..0x7000].fill(b'X');
    bytes[0x7000..0x7f00].fill(b'Z');
    bytes[0x7f00..0x8000].fill(0);
    let result = stripped(&bytes);
    assert_eq!(result.gaps_kept, None);
    assert_eq!(segments(&result.bytes, |segment| segment.p_filesz.get(LE)), [0x1800, 0x100, 0x10]);
    assert_eq!(segments(&result.bytes, |segment| segment.p_memsz.get(LE)), [0x1800, 0x3000, 0x10]);
    assert_eq!(segments(&result.bytes, |segment| segment.p_offset.get(LE)), [0, 0x2000, 0x3000]);

    let size = |bytes: &[u8]| segments(&stripped(bytes).bytes, |segment| segment.p_filesz.get(LE))[1];
    // Up to what is no filler, which then stays whole.
    bytes[0x5800] = b'Y';
    assert_eq!(size(&bytes), 0x3000);
    // What another segment has of it stays.
    sample.segments.push(segment(elf::PT_GNU_RELRO, 0x5000, 0x9000, 0x200, 1));
    let mut bytes = sample.build();
    bytes[0x5200..0x8000].fill(b'X');
    assert_eq!(size(&bytes), 0x200);
    // Memory that nobody can write to is not for the loader to fill.
    sample.segments[1].p_flags.set(LE, elf::PF_R);
    let mut bytes = sample.build();
    bytes[0x5200..0x8000].fill(b'X');
    assert_eq!(size(&bytes), 0x3000);
}

#[test]
fn a_segment_of_filler_alone_leaves_the_file_if_it_starts_a_page() {
    let mut sample = Sample::with_a_gap();
    sample.segments.push(writable(load(0x6000, 0xb000, 0x1100, 0x1000)));
    sample.segments.push(writable(load(0x8000, 0xd000, 0x10, 0x1000)));
    let mut bytes = sample.build();
    bytes[0x6000..0x7100].fill(b'X');
    let result = stripped(&bytes);
    assert_eq!(result.gaps_kept, None);
    assert_eq!(segments(&result.bytes, |segment| segment.p_filesz.get(LE)), [0x1800, 0x100, 0, 0x10]);
    assert_eq!(segments(&result.bytes, |segment| segment.p_memsz.get(LE)), [0x1800, 0x100, 0x1100, 0x10]);
    assert_eq!(segments(&result.bytes, |segment| segment.p_offset.get(LE)), [0, 0x2000, 0x3000, 0x3000]);

    let size = |sample: &Sample| {
        let mut bytes = sample.build();
        bytes[0x6100..0x7100].fill(b'X');
        segments(&stripped(&bytes).bytes, |segment| segment.p_filesz.get(LE))[2]
    };
    sample.segments[2] = writable(load(0x6100, 0xb100, 0x1000, 0x1000));
    assert_eq!(size(&sample), 0x1000);
    sample.segments[2] = writable(load(0x6100, 0xb100, 0x1000, 0x100));
    assert_eq!(size(&sample), 0x1000);
}

#[test]
fn many_segments_over_the_same_bytes_take_no_longer_than_few() {
    let mut sample = Sample::with_a_gap();
    sample.segments.truncate(1);
    sample.sections = vec![allocated(".text", 0x1000, 0x1000, 0x800), comment(0x20_0000, 0x1000)];
    sample.segments[0] = load(0, 0, 0x20_0000, 0x1000);
    let bytes = sample.build();
    // 60,000 program headers behind the file, each of the whole image.
    let mut many = bytes.clone();
    let shoff = usize::try_from(Header::parse(&*bytes).unwrap().e_shoff.get(LE)).unwrap();
    let table = many.split_off(shoff);
    let headers = many.len() as u64;
    let mut one = sample.segments[0];
    for index in 0..60_000_u64 {
        one.p_vaddr.set(LE, index << 32);
        many.extend_from_slice(object::bytes_of(&one));
    }
    let sections = many.len() as u64;
    many.extend(table);
    many[0x20..0x28].copy_from_slice(&headers.to_le_bytes());
    many[0x28..0x30].copy_from_slice(&sections.to_le_bytes());
    many[0x38..0x3a].copy_from_slice(&60_000_u16.to_le_bytes());
    let started = std::time::Instant::now();
    let stripped = strip(&many).expect("a file that can be read");
    // Compared one by one these would be 120 GB.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert!(stripped.bytes.len() < many.len(), "{} of {}", stripped.bytes.len(), many.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn damage_never_changes_what_is_loaded(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        place in 0..4_usize,
        machine in any::<bool>(),
    ) {
        let mut sample = Sample::with_a_gap();
        sample.segments.push(segment(elf::PT_DYNAMIC, 0x5010, 0x9010, 0x40, 8));
        sample.segments.push(writable(load(0x8000, 0xc000, 0x200, 0x1_0000)));
        sample.sections.push(allocated(".dynstr", 0x8000, 0xc000, 0x80));
        if machine {
            sample.machine = elf::EM_AARCH64;
        }
        let mut bytes = sample.build();
        bytes[0x8080..0x8200].fill(b'X');
        let shoff = usize::try_from(Header::parse(&*bytes).unwrap().e_shoff.get(LE)).unwrap();
        let range = [0..bytes.len(), 0x10..64, 64..64 + 4 * 56, shoff..bytes.len()][place].clone();
        for (index, value) in damage {
            bytes[range.start + index.index(range.len())] = value;
        }
        if let Ok(stripped) = strip(&bytes) {
            prop_assert!(stripped.bytes.len() < bytes.len());
            prop_assert_eq!(difference(&bytes, &stripped.bytes), None);
            let again = strip(&stripped.bytes).unwrap_err();
            let gaps_kept_again = matches!(again, Unstripped::GapsKept(_)) && stripped.gaps_kept.is_some();
            prop_assert!(gaps_kept_again || again == Unstripped::NothingToRemove, "{}", again);
        }
    }
}
