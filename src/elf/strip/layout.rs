//! Where each part of the file goes.
//!
//! A loader maps a segment by pages: its address in memory and its offset in the file have to agree modulo the page,
//! and nothing else ties them. So what the headers need is taken as runs of the file (blocks), and each block moves
//! down by whole pages into the gap before it. All that lies in a block moves with it, so that whatever agrees inside of
//! a block still does, and addresses never change. Blocks keep their order.
//!
//! Which page: 4,096 bytes on x86-64, where no other exists, and on arm64, because Lambda has no other: Firecracker's
//! guest kernels for arm64 are built with `CONFIG_ARM64_4K_PAGES`. Wheels for arm64 ask for 64 KiB, and keeping that
//! costs 7 % of all their libraries, since patchelf then leaves up to 64 KiB before each segment that it adds. A Linux
//! with larger pages refuses such a library ("alignment not page-aligned") rather than misread it.
//!
//! A `p_align` above the page (2 MiB from old linkers on x86-64) is lowered where the segment moved by less. No section
//! may ask for more than its segment then has: an aligned section makes the step larger instead.

use object::LittleEndian as LE;
use object::elf;

use super::image::{Image, covers, file_range, is_allocated, is_load};
use super::unknown::unknown;
use super::{Segment, filler};

/// The page of both machines in Lambda.
const PAGE: u64 = 4096;

/// A run of the file that moves as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Its first byte's offset.
    pub(super) start: usize,
    /// The offset after its last byte.
    pub(super) end: usize,
    /// How far down it moves.
    down: usize,
}

impl Block {
    /// Where it starts in the new file.
    pub(super) fn new_start(&self) -> usize {
        self.start - self.down
    }
}

/// The blocks in the order of the file; the first has the ELF header.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) blocks: Vec<Block>,
    /// Each segment's size in the new file.
    sizes: Vec<u64>,
    /// What blocks move by: a power of two.
    step: u64,
}

impl Layout {
    /// Everything up to the end of the last segment stays where it is.
    pub(super) fn unmoved(image: &Image) -> Self {
        let sizes = image.segments.iter().map(|segment| segment.p_filesz.get(LE)).collect();
        Self { blocks: vec![Block { start: 0, end: image.kept, down: 0 }], sizes, step: PAGE }
    }

    /// The gaps closed as far as whole pages allow, or why that is not safe.
    pub(super) fn closed(image: &Image, bytes: &[u8]) -> Result<Self, &'static str> {
        let step = step(image)?;
        let sizes = filler::sizes(image, bytes);
        let mut blocks = blocks(image, &sizes);
        let mut end = 0;
        for block in &mut blocks {
            let gap = block.start - end;
            block.down = gap - gap % usize::try_from(step).unwrap_or(usize::MAX);
            end = block.end - block.down;
        }
        let layout = Self { blocks, sizes, step };
        if layout.changes(image) {
            layout.refuse_shared_pages(image, PAGE)?;
            layout.refuse_changed_headers(image)?;
            layout.refuse_unknown_bytes(image, bytes)?;
        }
        Ok(layout)
    }

    /// Whether anything changes its place or size.
    pub(super) fn changes(&self, image: &Image) -> bool {
        let shrinks = |(segment, size): (&Segment, &u64)| segment.p_filesz.get(LE) != *size;
        self.blocks.iter().any(|block| block.down != 0) || image.segments.iter().zip(&self.sizes).any(shrinks)
    }

    /// Where the last block ends in the new file.
    pub(super) fn end(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.end - block.down)
    }

    fn block(&self, offset: u64) -> &Block {
        let after = self.blocks.partition_point(|block| block.start as u64 <= offset);
        // The first block starts at 0.
        &self.blocks[after.max(1) - 1]
    }

    /// The new offset of a byte; of one in a gap, that of its distance from the block before.
    pub(super) fn moved(&self, offset: u64) -> u64 {
        offset - self.down(offset)
    }

    fn down(&self, offset: u64) -> u64 {
        self.block(offset).down as u64
    }

    /// Whether one block has the whole range.
    pub(super) fn keeps(&self, offset: u64, size: u64) -> bool {
        offset.checked_add(size).is_some_and(|end| end <= self.block(offset).end as u64)
    }

    /// The program headers of the new file.
    pub(super) fn segments(&self, image: &Image) -> Vec<Segment> {
        image.segments.iter().zip(&self.sizes).map(|(segment, &size)| self.segment(segment, size)).collect()
    }

    fn segment(&self, segment: &Segment, size: u64) -> Segment {
        let mut new = *segment;
        new.p_filesz.set(LE, size);
        if segment.p_type.get(LE) != elf::PT_NULL {
            let down = self.down(segment.p_offset.get(LE));
            new.p_offset.set(LE, segment.p_offset.get(LE) - down);
            if is_load(segment) && !down.is_multiple_of(segment.p_align.get(LE).max(1)) {
                new.p_align.set(LE, self.step);
            }
        }
        new
    }

    /// Where two segments share a page of memory, the later one brings the bytes of both: they must stay neighbours.
    fn refuse_shared_pages(&self, image: &Image, page: u64) -> Result<(), &'static str> {
        let mut loads: Vec<&Segment> = image.segments.iter().filter(|segment| is_load(segment)).collect();
        loads.sort_by_key(|load| load.p_vaddr.get(LE));
        let mut furthest = (0, 0);
        for load in loads {
            let (start, size) = (load.p_vaddr.get(LE), load.p_filesz.get(LE).max(load.p_memsz.get(LE)));
            let end = start.checked_add(size).and_then(|end| end.checked_next_multiple_of(page));
            let end = end.ok_or("a segment's address")?;
            let down = self.down(load.p_offset.get(LE));
            if start - start % page < furthest.0 && down != furthest.1 {
                return Err("two segments share a page of memory");
            }
            if end > furthest.0 {
                furthest = (end, down);
            }
        }
        Ok(())
    }

    /// Program headers may move in a library, whose loader goes by `PT_PHDR`. A program's are found by Linux before 5.18
    /// through `e_phoff` and the first segment. And where headers change, no section may be.
    fn refuse_changed_headers(&self, image: &Image) -> Result<(), &'static str> {
        let (start, end) = image.program_headers();
        let first = image.segments.iter().find(|segment| is_load(segment)).map(|load| load.p_offset.get(LE));
        if image.is_program && first.map(|first| self.down(first)) != Some(self.down(start)) {
            return Err("a program's headers");
        }
        let elf_header = size_of_val(image.header) as u64;
        for section in image.sections.iter().filter(|section| is_allocated(section)) {
            if let Some((offset, size)) = file_range(section)
                && (offset < elf_header || (offset < end && offset.saturating_add(size) > start))
            {
                return Err("a section over the headers");
            }
        }
        Ok(())
    }

    /// What goes between blocks has to be known: a section that is not loaded, the section headers, or zeros. The rest
    /// may be somebody's data, as behind the image.
    fn refuse_unknown_bytes(&self, image: &Image, bytes: &[u8]) -> Result<(), &'static str> {
        let mut known = image.described_ranges();
        known.extend(image.segments.iter().zip(&self.sizes).filter(|(segment, _)| covers(segment)).map(
            |(segment, size)| {
                let start = segment.p_offset.get(LE);
                (start + size, start + segment.p_filesz.get(LE))
            },
        ));
        known.extend(self.blocks.iter().map(|block| (block.start as u64, block.end as u64)));
        match unknown(bytes, known, 0..image.kept) {
            Some(_) => Err("bytes between the segments that no header speaks of"),
            None => Ok(()),
        }
    }
}

/// The ranges of the file that are needed, those that overlap as one.
fn blocks(image: &Image, sizes: &[u64]) -> Vec<Block> {
    let range = |start: u64, end: u64| Some((usize::try_from(start).ok()?, usize::try_from(end).ok()?));
    let segments = image.segments.iter().zip(sizes).filter(|(segment, _)| covers(segment)).map(|(segment, size)| {
        let start = segment.p_offset.get(LE);
        (start, start + size)
    });
    let headers = [(0, size_of_val(image.header) as u64), image.program_headers()];
    let mut ranges: Vec<(usize, usize)> =
        headers.into_iter().chain(segments).filter_map(|(start, end)| range(start, end)).collect();
    ranges.sort_unstable();
    let mut blocks: Vec<Block> = Vec::new();
    for (start, end) in ranges {
        match blocks.last_mut() {
            Some(last) if start < last.end => last.end = last.end.max(end),
            _ => blocks.push(Block { start, end, down: 0 }),
        }
    }
    blocks
}

/// The page, or what an allocated section asks for beyond it.
fn step(image: &Image) -> Result<u64, &'static str> {
    for segment in image.segments.iter().filter(|segment| is_load(segment)) {
        power_of_two(segment.p_align.get(LE))?;
    }
    let mut step = PAGE;
    for section in image.sections.iter().filter(|section| is_allocated(section)) {
        step = step.max(power_of_two(section.sh_addralign.get(LE))?);
    }
    Ok(step)
}

/// An alignment; 0 and 1 both stand for none.
pub(super) fn power_of_two(alignment: u64) -> Result<u64, &'static str> {
    let alignment = alignment.max(1);
    alignment.is_power_of_two().then_some(alignment).ok_or("an alignment that is no power of two")
}
