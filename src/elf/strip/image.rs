//! The headers of a linked ELF file, checked: every range that they give lies inside the file.
//!
//! Here too is what makes a file not ours to strip: data that no header speaks of, and sections of the application.
//!
//! Format: System V gABI, chapters 4 (ELF header, sections) and 5 (program header).

use object::LittleEndian as LE;
use object::elf;
use object::endian::U16;
use object::pod::{Pod, slice_from_bytes};
use object::read::elf::{FileHeader, SectionHeader};

use super::super::image as linked;
use super::Unstripped::{self, Malformed};
use super::unknown::unknown;
use super::{Header, Section, Segment};

/// Bytes of a section's name beyond which the file is refused: real ones stay below a hundred, and without a limit
/// 65,000 sections could each have us walk the same gigabyte.
const LONGEST_NAME: usize = 4096;

/// How sections begin that compilers, linkers and debuggers write for each other, and nothing reads when it runs.
const TOOLS: &[&str] = &[
    ".debug",
    ".zdebug",
    ".comment",
    ".gnu_debug",
    ".gdb_index",
    ".stab",
    ".annobin",
    ".gnu.build.attributes",
    ".GCC.command.line",
    ".gnu.lto_",
    ".gnu.warning",
    ".llvm",
    ".ctf",
    ".BTF",
    ".ident",
    ".linker-options",
    ".deplibs",
    ".SUNW",
    ".gnu.attributes",
    ".gnu.liblist",
    ".gnu.conflict",
    ".ARM.attributes",
];

/// Notes of tools, which need not be loaded; any other note may be the application's. Binutils, gold, `SystemTap`, Go,
/// Crashpad, Android and the BSDs write them.
const NOTES: &[&str] = &[
    ".note.gnu.",
    ".note.GNU-stack",
    ".note.ABI-tag",
    ".note.stapsdt",
    ".note.go.",
    ".note.crashpad.",
    ".note.android.",
    ".note.netbsd.",
    ".note.openbsd.",
    ".note.freebsd.",
    ".note.package",
    ".note.dlopen",
];

/// Zeros after the image, in bytes, that are taken for padding to a page rather than for somebody's data.
pub(super) const MOST_PADDING: usize = 4096;

pub(super) struct Image<'a> {
    pub(super) header: &'a Header,
    pub(super) segments: &'a [Segment],
    pub(super) sections: &'a [Section],
    /// The section name string table.
    names: &'a [u8],
    /// Where the last byte ends that a segment or the headers before it need.
    pub(super) kept: usize,
    /// Where the last byte ends that any header speaks of.
    described: usize,
    /// Whether Linux itself may load it, rather than a loader in user space.
    pub(super) is_program: bool,
}

impl<'a> Image<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unstripped> {
        let header = Header::parse(bytes).map_err(|_| Unstripped::Foreign)?;
        // Code for a GPU is ELF too, and is read by its sections.
        let machine = header.e_machine.get(LE);
        if !header.is_little_endian() || (machine != elf::EM_X86_64 && machine != elf::EM_AARCH64) {
            return Err(Unstripped::Foreign);
        }
        match header.e_type.get(LE) {
            elf::ET_DYN | elf::ET_EXEC => {}
            elf::ET_REL => return Err(Unstripped::Relocatable),
            _ => return Err(Unstripped::NotLoadable),
        }
        let (phoff, shoff) = (header.e_phoff.get(LE), header.e_shoff.get(LE));
        let (phnum, shnum) = (header.e_phnum.get(LE), header.e_shnum.get(LE));
        let strings = header.e_shstrndx.get(LE);
        if phnum == elf::PN_XNUM || strings == elf::SHN_XINDEX || (shnum == 0 && shoff != 0) {
            return Err(Unstripped::ExtendedNumbering);
        }

        let segments: &[Segment] =
            table(bytes, phoff, phnum, header.e_phentsize).ok_or(Malformed("the program headers"))?;
        if !segments.iter().any(is_load) {
            return Err(Unstripped::NotLoadable);
        }
        let mut kept = size_of::<Header>().max(end(bytes, phoff, size_of_val(segments) as u64).unwrap_or_default());
        for segment in segments.iter().filter(|segment| covers(segment)) {
            let range = end(bytes, segment.p_offset.get(LE), segment.p_filesz.get(LE));
            kept = kept.max(range.ok_or(Malformed("a segment ends after the file"))?);
        }

        let sections: &[Section] =
            table(bytes, shoff, shnum, header.e_shentsize).ok_or(Malformed("the section headers"))?;
        let mut described = kept.max(end(bytes, shoff, size_of_val(sections) as u64).unwrap_or_default());
        for section in sections {
            let Some((offset, size)) = file_range(section) else { continue };
            let end = end(bytes, offset, size).ok_or(Malformed("a section ends after the file"))?;
            if is_allocated(section) && end > kept {
                return Err(Malformed("an allocated section lies outside the segments"));
            }
            described = described.max(end);
        }
        let names = section_names(bytes, sections, strings.0).ok_or(Malformed("the section names"))?;
        let is_program = is_program(header, segments, bytes);
        Ok(Self { header, segments, sections, names, kept, described, is_program })
    }

    /// The range of the file that the program headers lie in.
    pub(super) fn program_headers(&self) -> (u64, u64) {
        let start = self.header.e_phoff.get(LE);
        (start, start + size_of_val(self.segments) as u64)
    }

    pub(super) fn name(&self, section: &Section) -> Result<&'a [u8], Unstripped> {
        let start = usize::try_from(section.sh_name.get(LE)).unwrap_or(usize::MAX);
        let rest = self.names.get(start..).ok_or(Malformed("a section's name"))?;
        let length = rest.iter().take(LONGEST_NAME).position(|&byte| byte == 0).ok_or(Malformed("a section's name"))?;
        Ok(&rest[..length])
    }

    pub(super) fn refuse_overlay(&self, bytes: &[u8]) -> Result<(), Unstripped> {
        let rest = &bytes[self.described..];
        if rest.len() < MOST_PADDING && rest.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        Err(Unstripped::Overlay(rest.len()))
    }

    /// What goes has to be known, by a type that only linkers and debuggers use or by its name: a program may look for a
    /// section of its own in its file (`pydata`, `.staticx.archive` of `StaticX`, `.rackboot` of Racket), and that is an
    /// overlay with a header.
    pub(super) fn refuse_payload(&self) -> Result<(), Unstripped> {
        for section in self.sections.iter().filter(|section| !is_allocated(section)) {
            let names = match section.sh_type.get(LE) {
                elf::SHT_NULL
                | elf::SHT_NOBITS
                | elf::SHT_SYMTAB
                | elf::SHT_SYMTAB_SHNDX
                | elf::SHT_STRTAB
                | elf::SHT_REL
                | elf::SHT_RELA
                | elf::SHT_GROUP => continue,
                elf::SHT_NOTE => [NOTES, TOOLS],
                _ => [TOOLS, &[]],
            };
            let name = self.name(section)?;
            if !names.concat().iter().any(|prefix| name.starts_with(prefix.as_bytes())) {
                return Err(Unstripped::Payload(String::from_utf8_lossy(name).into_owned()));
            }
        }
        Ok(())
    }

    /// Behind the last segment every byte has to belong to a section or to the section headers, or be zero.
    pub(super) fn refuse_unknown_bytes(&self, bytes: &[u8]) -> Result<(), Unstripped> {
        match unknown(bytes, self.described_ranges(), self.kept..self.described.max(self.kept)) {
            Some(range) => Err(Unstripped::Overlay(range.len())),
            None => Ok(()),
        }
    }

    /// Where the sections and their headers lie in the file.
    pub(super) fn described_ranges(&self) -> Vec<(u64, u64)> {
        let table = self.header.e_shoff.get(LE);
        let sections = self.sections.iter().filter_map(file_range).map(|(offset, size)| (offset, offset + size));
        sections.chain([(table, table + size_of_val(self.sections) as u64)]).collect()
    }
}

/// An executable, one that says so (`DF_1_PIE`: a static one has no loader), or a loader, which starts by itself and needs
/// nothing. Old linkers give libraries an entry too, but those need the C library.
fn is_program(header: &Header, segments: &[Segment], bytes: &[u8]) -> bool {
    let has_loader = segments.iter().any(|segment| segment.p_type.get(LE) == elf::PT_INTERP);
    if has_loader || header.e_type.get(LE) == elf::ET_EXEC {
        return true;
    }
    let Some(linked) = linked::Image::parse(header, bytes) else { return true };
    let flags = linked.value(elf::DT_FLAGS_1).unwrap_or_default();
    let starts = header.e_entry.get(LE) != 0 && linked.value(elf::DT_NEEDED).is_none();
    flags & elf::DF_1_PIE.0 != 0 || starts
}

pub(super) fn is_load(segment: &Segment) -> bool {
    segment.p_type.get(LE) == elf::PT_LOAD
}

/// Whether a segment needs its place in the file. A `PT_LOAD` without file bytes (.bss alone) does: the page at its
/// offset is mapped all the same.
pub(super) fn covers(segment: &Segment) -> bool {
    match segment.p_type.get(LE) {
        elf::PT_NULL => false,
        elf::PT_LOAD => true,
        _ => segment.p_filesz.get(LE) != 0,
    }
}

pub(super) fn is_allocated(section: &Section) -> bool {
    section.sh_type.get(LE) != elf::SHT_NULL && section.sh_flags.get(LE).contains(elf::SHF_ALLOC)
}

/// Offset and size of a section that has bytes in the file.
pub(super) fn file_range(section: &Section) -> Option<(u64, u64)> {
    let is_null = section.sh_type.get(LE) == elf::SHT_NULL;
    section.file_range(LE).filter(|&(_, size)| size != 0 && !is_null)
}

/// The end of a range of the file, in bytes; `None` where the file is shorter.
fn end(bytes: &[u8], offset: u64, size: u64) -> Option<usize> {
    usize::try_from(offset.checked_add(size)?).ok().filter(|&end| end <= bytes.len())
}

/// `count` headers at `offset`, each of the size that the ELF header states.
fn table<T: Pod>(bytes: &[u8], offset: u64, count: u16, entry: U16<LE>) -> Option<&[T]> {
    if count == 0 {
        return Some(&[]);
    }
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let (entries, _) = slice_from_bytes(rest, count.into()).ok()?;
    (usize::from(entry.get(LE)) == size_of::<T>()).then_some(entries)
}

fn section_names<'a>(bytes: &'a [u8], sections: &[Section], index: u16) -> Option<&'a [u8]> {
    if sections.is_empty() {
        return Some(&[]);
    }
    let section = sections.get(usize::from(index)).filter(|section| section.sh_type.get(LE) == elf::SHT_STRTAB)?;
    let start = section.sh_offset.get(LE);
    bytes.get(usize::try_from(start).ok()?..end(bytes, start, section.sh_size.get(LE))?)
}
