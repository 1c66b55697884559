//! What patchelf left behind at the end of a segment.
//!
//! When patchelf moves a section (auditwheel has it rename libraries and set their paths, often several times), it
//! writes it into a new segment and overwrites the old place with one letter: `writeReplacedSections` in patchelf.cc,
//! `X` in older versions, `Z` in newer ones. At the end of a segment that is writable those bytes need not be in
//! the file: the segment keeps its size in memory, and a loader fills the rest with zeros, as it does for .bss. patchelf
//! run again leaves whole segments of filler. Such a segment has no byte in the file any more, if it starts with a page:
//! else a loader would have to read the file for what is before it in its page.
//!
//! This is the one place where memory may differ afterwards: zeros in place of filler, in what no section and no other
//! segment covers. Programs are left alone, because Linux itself loads them, and its older versions knew one .bss only.

use object::LittleEndian as LE;
use object::elf;

use super::Segment;
use super::image::{Image, covers, file_range, is_allocated, is_load};

/// Whether nothing but filler and padding is in these bytes.
pub(super) fn is_filler(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, 0 | b'X' | b'Z'))
}

/// Whether a segment's last bytes may be left to the loader.
pub(super) fn may_shrink(image: &Image, segment: &Segment) -> bool {
    is_load(segment)
        && !image.is_program
        && segment.p_flags.get(LE).contains(elf::PF_W)
        && segment.p_filesz.get(LE) <= segment.p_memsz.get(LE)
}

/// Whether a segment need not have a byte in the file.
pub(super) fn may_be_empty(segment: &Segment) -> bool {
    segment.p_vaddr.get(LE).is_multiple_of(segment.p_align.get(LE).max(4096))
}

/// Each segment's size in the file without the filler at its end.
pub(super) fn sizes(image: &Image, bytes: &[u8]) -> Vec<u64> {
    let mut sizes: Vec<u64> = image.segments.iter().map(|segment| segment.p_filesz.get(LE)).collect();
    let needed = Needed::new(image);
    for index in alone(image.segments) {
        let segment = &image.segments[index];
        let (start, end) = range(segment);
        let shorter = needed.end_before(end).max(start);
        let cut = usize::try_from(shorter).and_then(|from| Ok(from..usize::try_from(end)?));
        if may_shrink(image, segment)
            && (shorter > start || may_be_empty(segment))
            && cut.is_ok_and(|cut| bytes.get(cut).is_some_and(is_filler))
        {
            sizes[index] = shorter - start;
        }
    }
    sizes
}

fn range(segment: &Segment) -> (u64, u64) {
    let start = segment.p_offset.get(LE);
    (start, start + segment.p_filesz.get(LE))
}

/// The loaded segments that share no byte of the file with another; so each byte is looked at once.
fn alone(segments: &[Segment]) -> Vec<usize> {
    let mut loads: Vec<usize> = (0..segments.len()).filter(|&index| is_load(&segments[index])).collect();
    loads.sort_by_key(|&index| range(&segments[index]));
    let mut before = 0;
    let mut alone = Vec::new();
    for (place, &index) in loads.iter().enumerate() {
        let (start, end) = range(&segments[index]);
        let next = loads.get(place + 1).map_or(u64::MAX, |&next| segments[next].p_offset.get(LE));
        if before <= start && end <= next {
            alone.push(index);
        }
        before = before.max(end);
    }
    alone
}

/// Ranges of the file that headers speak of, sorted by their starts, each with the furthest end up to it.
struct Needed(Vec<(u64, u64)>);

impl Needed {
    fn new(image: &Image) -> Self {
        let segments = image.segments.iter().filter(|segment| covers(segment) && !is_load(segment)).map(range);
        let sections = image.sections.iter().filter(|section| is_allocated(section)).filter_map(file_range);
        let headers = [(0, size_of_val(image.header) as u64), image.program_headers()];
        let mut ranges: Vec<(u64, u64)> = headers.into_iter().chain(segments).collect();
        ranges.extend(sections.map(|(offset, size)| (offset, offset + size)));
        ranges.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut ranges {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self(ranges)
    }

    /// Where the last needed byte before `limit` ends.
    fn end_before(&self, limit: u64) -> u64 {
        let after = self.0.partition_point(|&(start, _)| start < limit);
        after.checked_sub(1).map_or(0, |last| self.0[last].1.min(limit))
    }
}
