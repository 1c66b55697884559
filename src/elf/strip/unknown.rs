//! Bytes that no header speaks of: somebody's data, perhaps, which then stays.

use std::ops::Range;

use object::LittleEndian as LE;
use object::elf;
use object::pod::{bytes_of, slice_from_bytes};
use object::read::elf::SectionHeader;

use super::Section;
use super::layout::power_of_two;

/// The first bytes within a range of the file that are in none of the known ones, and neither zeros nor a section header
/// table that was left behind.
pub(super) fn unknown(bytes: &[u8], mut known: Vec<(u64, u64)>, within: Range<usize>) -> Option<Range<usize>> {
    known.push((within.end as u64, within.end as u64));
    known.sort_unstable();
    let mut seen = within.start;
    for (start, end) in known {
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(within.end);
        if start > seen && !is_zero(&bytes[seen..start]) && !is_former_table(bytes, seen..start) {
            return Some(seen..start);
        }
        seen = seen.max(usize::try_from(end).unwrap_or(usize::MAX));
    }
    None
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// patchelf writes a new section header table and leaves the linker's where it was, between the segments: headers from
/// the next multiple of 8, the first of them empty, and zeros.
fn is_former_table(bytes: &[u8], gap: Range<usize>) -> bool {
    let start = gap.start.next_multiple_of(8).min(gap.end);
    let Ok((headers, rest)) = slice_from_bytes::<Section>(&bytes[start..gap.end], (gap.end - start) / 64) else {
        return false;
    };
    let could_be_header = |section: &Section| {
        if section.sh_type.get(LE) == elf::SHT_NULL {
            return is_zero(bytes_of(section));
        }
        let (offset, size) = section.file_range(LE).unwrap_or_default();
        offset.checked_add(size).is_some_and(|end| end <= bytes.len() as u64)
            && section.sh_link.get(LE) < elf::SHN_LORESERVE.into()
            && power_of_two(section.sh_addralign.get(LE)).is_ok()
    };
    is_zero(&bytes[gap.start..start])
        && headers.first().is_some_and(|first| is_zero(bytes_of(first)))
        && headers.iter().all(could_be_header)
        && is_zero(rest)
}
