//! What a loader sees of an ELF file before and after strip, read without the crate's own reader.
//!
//! Used by strip's unit tests, by the wheel corpus and by the fuzz target.

const PT_NULL: u64 = 0;
const PT_LOAD: u64 = 1;
const WRITABLE: u64 = 2;

/// The fields of a program header, in the order of the file.
struct Segment {
    kind: u64,
    flags: u64,
    offset: u64,
    address: u64,
    physical: u64,
    file_size: u64,
    memory_size: u64,
    alignment: u64,
}

/// The first difference that a loader could see, or none.
pub(crate) fn difference(before: &[u8], after: &[u8]) -> Option<String> {
    let (old, new) = (segments(before), segments(after));
    if old.len() != new.len() {
        return Some(format!("{} segments became {}", old.len(), new.len()));
    }
    let (before, after) = (without_changed_fields(before), without_changed_fields(after));
    for (index, (old, new)) in old.iter().zip(&new).enumerate() {
        if let Some(what) = segment_difference(old, new, &before, &after) {
            return Some(format!("segment {index}: {what}"));
        }
    }
    None
}

fn segment_difference(old: &Segment, new: &Segment, before: &[u8], after: &[u8]) -> Option<&'static str> {
    let identity =
        |segment: &Segment| (segment.kind, segment.flags, segment.address, segment.physical, segment.memory_size);
    let is_load = old.kind == PT_LOAD;
    if identity(old) != identity(new) {
        return Some("type, flags, address or size in memory");
    }
    if new.alignment != old.alignment && !(is_load && new.alignment >= 4096 && new.alignment < old.alignment) {
        return Some("alignment");
    }
    let fits = |segment: &Segment, page: u64| segment.address.wrapping_sub(segment.offset).is_multiple_of(page.max(1));
    if is_load && ((fits(old, 4096) && !fits(new, 4096)) || (fits(old, old.alignment) && !fits(new, new.alignment))) {
        return Some("place in its page");
    }
    if old.kind == PT_NULL || (old.file_size == 0 && !is_load) {
        return None;
    }
    if new.file_size > old.file_size {
        return Some("size in the file");
    }
    let part = |bytes: &[u8], start: u64, size: u64| {
        let start = usize::try_from(start).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(size).ok()?)?).map(<[u8]>::to_vec)
    };
    let kept = part(before, old.offset, new.file_size);
    if kept.is_none() || kept != part(after, new.offset, new.file_size) {
        return Some("bytes");
    }
    let cut = part(before, old.offset + new.file_size, old.file_size - new.file_size)?;
    let starts_a_page = old.address.is_multiple_of(old.alignment.max(4096));
    if is_load && new.file_size == 0 && old.file_size != 0 && !starts_a_page {
        return Some("an empty segment in the middle of a page");
    }
    let may_be_cut = is_load && old.flags & WRITABLE != 0 && cut.iter().all(|byte| b"\0XZ".contains(byte));
    (!cut.is_empty() && !may_be_cut).then_some("bytes at its end")
}

fn number(bytes: &[u8], offset: usize, size: usize) -> u64 {
    bytes[offset..offset + size].iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Where the program headers start, in a file that strip accepted.
fn program_headers(bytes: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let start = usize::try_from(number(bytes, 0x20, 8)).expect("an offset in the file");
    (0..usize::try_from(number(bytes, 0x38, 2)).expect("16 bits")).map(move |index| start + index * 56)
}

fn segments(bytes: &[u8]) -> Vec<Segment> {
    let segment = |start: usize| Segment {
        kind: number(bytes, start, 4),
        flags: number(bytes, start + 4, 4),
        offset: number(bytes, start + 8, 8),
        address: number(bytes, start + 16, 8),
        physical: number(bytes, start + 24, 8),
        file_size: number(bytes, start + 32, 8),
        memory_size: number(bytes, start + 40, 8),
        alignment: number(bytes, start + 48, 8),
    };
    program_headers(bytes).map(segment).collect()
}

/// Strip changes `e_phoff`, `e_shoff`, `e_shnum`, `e_shstrndx`, and each `p_offset`, `p_filesz` and `p_align`.
fn without_changed_fields(bytes: &[u8]) -> Vec<u8> {
    let mut blank = bytes.to_vec();
    blank[0x20..0x30].fill(0);
    blank[0x3c..0x40].fill(0);
    for start in program_headers(bytes) {
        for field in [8, 32, 48] {
            blank[start + field..start + field + 8].fill(0);
        }
    }
    blank
}
