//! The stripped file, read again and held against the original.
//!
//! What has to agree: the ELF header but for the places of its tables; each segment's type, flags, addresses, sizes and
//! bytes; each allocated section's header, name and bytes; and what the file says to the dynamic loader, read by
//! address as the loader does: libraries, paths, versions, symbols. Notes are segments, compared where they say they lie.

use object::LittleEndian as LE;
use object::pod::bytes_of;

use super::Unstripped::{self, Doubt};
use super::filler::{is_filler, may_be_empty, may_shrink};
use super::image::{Image, covers, file_range, is_allocated, is_load};
use super::{Header, Segment};
use crate::elf::dynamic;

pub(super) fn compare(before: &Image, bytes: &[u8], stripped: &[u8]) -> Result<(), Unstripped> {
    let after = Image::parse(stripped).map_err(|_| Doubt("the headers"))?;
    compare_headers(before, &after)?;
    let mut ranges = compare_segments(before, &after, bytes)?;
    ranges.extend(compare_sections(before, &after)?);

    let (start, end) = before.program_headers();
    let headers = [(0, size_of::<Header>() as u64), (start, end)];
    for range in merged(ranges)? {
        for part in without(range, headers) {
            if !part.is_same(bytes, stripped) {
                return Err(Doubt("a loaded byte"));
            }
        }
    }
    if dynamic::read(bytes) != dynamic::read(stripped) {
        return Err(Doubt("what the dynamic loader reads"));
    }
    Ok(())
}

fn compare_headers(before: &Image, after: &Image) -> Result<(), Unstripped> {
    let mut header = *after.header;
    header.e_phoff = before.header.e_phoff;
    header.e_shoff = before.header.e_shoff;
    header.e_shnum = before.header.e_shnum;
    header.e_shstrndx = before.header.e_shstrndx;
    if bytes_of(&header) != bytes_of(before.header) {
        return Err(Doubt("the ELF header"));
    }
    Ok(())
}

/// Compares the program headers, and says where the bytes are that have to be equal.
fn compare_segments(before: &Image, after: &Image, bytes: &[u8]) -> Result<Vec<Range>, Unstripped> {
    if before.segments.len() != after.segments.len() {
        return Err(Doubt("the program headers"));
    }
    let moved = before.segments.iter().zip(after.segments).any(|(old, new)| old.p_offset != new.p_offset);
    let mut ranges = Vec::new();
    for (old, new) in before.segments.iter().zip(after.segments) {
        let mut same = *new;
        same.p_offset = old.p_offset;
        same.p_align = old.p_align;
        same.p_filesz = old.p_filesz;
        let allowed = (old.p_align == new.p_align || is_lowered(old, new))
            && (old.p_filesz == new.p_filesz || lost_filler(before, old, new, bytes));
        if bytes_of(&same) != bytes_of(old) || !allowed {
            return Err(Doubt("the program headers"));
        }
        if moved && is_load(new) && !is_congruent(new) {
            return Err(Doubt("a segment's place in its page"));
        }
        if covers(old) {
            let (start, size) = (old.p_offset.get(LE), new.p_filesz.get(LE));
            ranges.push(Range { start, end: start + size, new_start: new.p_offset.get(LE) });
        }
    }
    Ok(ranges)
}

fn is_lowered(old: &Segment, new: &Segment) -> bool {
    is_load(old) && (4096..old.p_align.get(LE)).contains(&new.p_align.get(LE))
}

/// Whether a segment became shorter, and by filler only. What a section or another segment has of it is compared there.
fn lost_filler(before: &Image, old: &Segment, new: &Segment, bytes: &[u8]) -> bool {
    let start = old.p_offset.get(LE);
    let cut = slice(bytes, start + new.p_filesz.get(LE), start + old.p_filesz.get(LE));
    may_shrink(before, old) && cut.is_some_and(is_filler) && (new.p_filesz.get(LE) > 0 || may_be_empty(old))
}

/// What every loader checks, older ones against `p_align`, newer ones against the page.
fn is_congruent(load: &Segment) -> bool {
    let alignment = load.p_align.get(LE).max(4096);
    load.p_vaddr.get(LE).wrapping_sub(load.p_offset.get(LE)).is_multiple_of(alignment)
}

/// Compares the allocated sections' headers, and says where the bytes are that have to be equal.
fn compare_sections(before: &Image, after: &Image) -> Result<Vec<Range>, Unstripped> {
    let allocated = |image: &Image| image.sections.iter().filter(|section| is_allocated(section)).count();
    if allocated(before) != allocated(after) {
        return Err(Doubt("the allocated sections"));
    }
    let mut ranges = Vec::new();
    for (old, new) in before.sections.iter().zip(after.sections).filter(|(old, _)| is_allocated(old)) {
        let mut same = *new;
        same.sh_offset = old.sh_offset;
        (same.sh_name, same.sh_link, same.sh_info) = (old.sh_name, old.sh_link, old.sh_info);
        if bytes_of(&same) != bytes_of(old) || before.name(old)? != after.name(new)? {
            return Err(Doubt("the allocated sections"));
        }
        if let Some((start, size)) = file_range(old) {
            ranges.push(Range { start, end: start + size, new_start: new.sh_offset.get(LE) });
        }
    }
    Ok(ranges)
}

/// A range of the original, and where it starts in the stripped file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    start: u64,
    end: u64,
    new_start: u64,
}

impl Range {
    fn is_same(&self, bytes: &[u8], stripped: &[u8]) -> bool {
        let old = slice(bytes, self.start, self.end);
        old.is_some() && old == slice(stripped, self.new_start, self.new_start + (self.end - self.start))
    }

    fn starting_at(self, start: u64) -> Self {
        Self { start, new_start: self.new_start + (start - self.start), ..self }
    }
}

fn slice(bytes: &[u8], start: u64, end: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// Each byte once, because segments may overlap: compared one by one, 65,000 of them over the same gigabyte would never
/// end. Where two overlap they must have moved alike, or one byte would be in two places.
fn merged(mut ranges: Vec<Range>) -> Result<Vec<Range>, Unstripped> {
    ranges.sort_unstable();
    let mut merged: Vec<Range> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => {
                if last.starting_at(range.start).new_start != range.new_start {
                    return Err(Doubt("two parts of one segment"));
                }
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    Ok(merged)
}

/// A range without the headers in it, which were compared field by field.
fn without(range: Range, headers: [(u64, u64); 2]) -> Vec<Range> {
    let mut parts = vec![range];
    for (start, end) in headers {
        parts = parts
            .into_iter()
            .flat_map(|part| {
                let before = Range { end: part.end.min(start.max(part.start)), ..part };
                let after = part.starting_at(part.start.max(end.min(part.end)));
                [before, after]
            })
            .filter(|part| part.start < part.end)
            .collect();
    }
    parts
}
