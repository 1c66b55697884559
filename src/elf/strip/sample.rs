//! ELF files made by hand for the tests: segments and sections at chosen places, and a pattern between them.

use object::LittleEndian as LE;
use object::elf;
use object::endian::{U32, U64};
use object::pod::{bytes_of, bytes_of_slice};

use super::sections::{append_name, section_header};
use super::{Header, Section, Segment};

/// The size of the symbol table behind everything.
const TAIL: u64 = 0x400;

/// A library for x86-64.
pub(super) struct Sample {
    pub(super) program: bool,
    pub(super) machine: elf::Machine,
    pub(super) program_headers: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) sections: Vec<(&'static str, Section)>,
}

pub(super) fn load(offset: u64, address: u64, size: u64, align: u64) -> Segment {
    segment(elf::PT_LOAD, offset, address, size, align)
}

pub(super) fn segment(kind: elf::ProgramType, offset: u64, address: u64, size: u64, align: u64) -> Segment {
    Segment {
        p_type: U32::new(LE, kind),
        p_flags: U32::new(LE, elf::PF_R),
        p_offset: U64::new(LE, offset),
        p_vaddr: U64::new(LE, address),
        p_paddr: U64::new(LE, address),
        p_filesz: U64::new(LE, size),
        p_memsz: U64::new(LE, size),
        p_align: U64::new(LE, align),
    }
}

pub(super) fn writable(mut segment: Segment) -> Segment {
    segment.p_flags.set(LE, elf::PF_R | elf::PF_W);
    segment
}

/// A section that is loaded.
pub(super) fn allocated(name: &'static str, offset: u64, address: u64, size: u64) -> (&'static str, Section) {
    let mut section = section_header(elf::SHT_PROGBITS);
    section.sh_flags.set(LE, elf::SHF_ALLOC);
    section.sh_addr.set(LE, address);
    section.sh_offset.set(LE, offset);
    section.sh_size.set(LE, size);
    (name, section)
}

/// A section that is not.
pub(super) fn comment(offset: u64, size: u64) -> (&'static str, Section) {
    let (_, mut section) = allocated("", offset, 0, size);
    section.sh_flags.set(LE, elf::SectionFlags(0));
    (".comment", section)
}

impl Sample {
    /// Text, then a comment in a gap of three pages and a half, then data.
    pub(super) fn with_a_gap() -> Self {
        Self {
            program: false,
            machine: elf::EM_X86_64,
            program_headers: 64,
            segments: vec![load(0, 0, 0x1800, 0x1000), writable(load(0x5000, 0x9000, 0x100, 0x1000))],
            sections: vec![
                allocated(".text", 0x1000, 0x1000, 0x800),
                comment(0x1800, 0x40),
                allocated(".data", 0x5000, 0x9000, 0x100),
            ],
        }
    }

    pub(super) fn build(&self) -> Vec<u8> {
        let ranges = self.segments.iter().map(|segment| (segment.p_offset.get(LE), segment.p_filesz.get(LE)));
        let sections = self.sections.iter().filter(|(_, section)| section.sh_type.get(LE) != elf::SHT_NOBITS);
        let ranges: Vec<(usize, usize)> = ranges
            .chain(sections.map(|(_, section)| (section.sh_offset.get(LE), section.sh_size.get(LE))))
            .map(|(offset, size)| (usize::try_from(offset).unwrap(), usize::try_from(offset + size).unwrap()))
            .collect();
        let headers = usize::try_from(self.program_headers).unwrap();
        let headers_end = headers + 56 * self.segments.len();
        let mut bytes = vec![0; ranges.iter().map(|&(_, end)| end).max().unwrap().max(headers_end)];
        for &(start, end) in &ranges {
            for (place, byte) in bytes[start..end].iter_mut().enumerate() {
                *byte = u8::try_from((start + place) % 251).unwrap() | 1;
            }
        }
        let mut names = vec![0];
        let mut table = vec![section_header(elf::SHT_NULL)];
        for (name, section) in &self.sections {
            let mut section = *section;
            append_name(&mut names, name.as_bytes(), &mut section);
            table.push(section);
        }
        let (_, mut tail) = comment(bytes.len() as u64, TAIL);
        append_name(&mut names, b".debug_info", &mut tail);
        table.push(tail);
        bytes.resize(bytes.len() + usize::try_from(TAIL).unwrap(), b'*');
        let mut strings = section_header(elf::SHT_STRTAB);
        append_name(&mut names, b".shstrtab", &mut strings);
        strings.sh_offset.set(LE, bytes.len() as u64);
        strings.sh_size.set(LE, names.len() as u64);
        table.push(strings);
        bytes.extend(names);
        bytes.resize(bytes.len().next_multiple_of(8), 0);

        let mut header = [0; size_of::<Header>()];
        header[..0x14].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
        header[0x10] = if self.program { 2 } else { 3 };
        header[0x12..0x14].copy_from_slice(&self.machine.0.to_le_bytes());
        header[0x14] = 1;
        header[0x20..0x28].copy_from_slice(&self.program_headers.to_le_bytes());
        header[0x28..0x30].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        header[0x34..0x3c].copy_from_slice(&[64, 0, 56, 0, u8::try_from(self.segments.len()).unwrap(), 0, 64, 0]);
        header[0x3c] = u8::try_from(table.len()).unwrap();
        header[0x3e] = header[0x3c] - 1;
        bytes[..64].copy_from_slice(&header);
        bytes[headers..headers_end].copy_from_slice(bytes_of_slice(&self.segments));
        bytes.extend(table.iter().flat_map(|section| bytes_of(section).to_vec()));
        bytes
    }
}
