//! Strip, bytes to bytes: drops what no segment covers.
//!
//! Invariant: every byte that a segment loads stays as it is, where it is, but for the three ELF header fields that
//! point at the section header table. A loader looks at segments only, so what it sees does not change; debuggers and
//! patchelf look at sections, so the allocated ones keep their headers. On any doubt the file is left as it was.
//!
//! Section indices stay too: where a dropped section stood before an allocated one (patchelf leaves that order), an
//! inactive `SHT_NULL` header takes its place. `st_shndx` in `.dynsym` is a loaded byte and could not follow a new
//! numbering.
//!
//! Format: System V gABI, chapters 4 (ELF header, sections) and 5 (program header).

use std::fmt;

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, ProgramHeader64, SectionHeader64};
use object::endian::{U16, U32, U64};
use object::pod::{Pod, bytes_of, bytes_of_slice, slice_from_bytes};
use object::read::elf::{FileHeader, SectionHeader};

use self::Unstripped::{Doubt, Malformed};

type Header = FileHeader64<LE>;
type Segment = ProgramHeader64<LE>;
type Section = SectionHeader64<LE>;

/// Bytes of a section's name beyond which the file is refused: real ones stay below a hundred, and without a limit
/// 65,000 sections could each have us walk the same gigabyte.
const LONGEST_NAME: usize = 4096;

/// Zeros after the image, in bytes, that are taken for padding to a page rather than for somebody's data.
const MOST_PADDING: usize = 4096;

/// Whether the bytes start with the ELF magic: a file is ELF by its magic, not its name.
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(&elf::ELFMAG)
}

/// Why a file was left as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unstripped {
    /// Not ELF, or of a class or byte order that Lambda does not run.
    Foreign,
    /// An object file (`.o`, a kernel module): its sections are what a linker will read.
    Relocatable,
    /// A core dump, or a file without a loadable segment.
    NotLoadable,
    /// Counts that do not fit the ELF header and overflow into section 0.
    ExtendedNumbering,
    /// Bytes after the image: a self-extracting archive's payload, the footer of a database's extension.
    Overlay(usize),
    /// A section that belongs to the application, by its name: `pydata` is a whole Python program, read by its own launcher.
    Payload(String),
    /// Already stripped, or too small to gain.
    NothingToRemove,
    /// The headers contradict the file or each other.
    Malformed(&'static str),
    /// The stripped image, read again, differed from the original.
    Doubt(&'static str),
}

impl fmt::Display for Unstripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a 64-bit little-endian ELF"),
            Self::Relocatable => f.write_str("a relocatable object"),
            Self::NotLoadable => f.write_str("nothing in it is loaded"),
            Self::ExtendedNumbering => f.write_str("more sections or segments than the ELF header counts"),
            Self::Overlay(size) => write!(f, "data appended after the ELF image ({size} bytes)"),
            Self::Payload(name) => write!(f, "section {name:?} may be the application's own data"),
            Self::NothingToRemove => f.write_str("nothing to remove"),
            Self::Malformed(what) => write!(f, "malformed: {what}"),
            Self::Doubt(what) => write!(f, "stripping would change {what}"),
        }
    }
}

impl std::error::Error for Unstripped {}

/// The file without what no segment covers, always shorter than `bytes`; stripping it again is `NothingToRemove`.
pub fn strip(bytes: &[u8]) -> Result<Vec<u8>, Unstripped> {
    let image = Image::parse(bytes)?;
    image.refuse_overlay(bytes)?;
    image.refuse_payload()?;
    let (sections, names) = image.kept_sections()?;

    let table = (image.kept + names.len()).next_multiple_of(8);
    let size = table + size_of_val(sections.as_slice());
    if size >= bytes.len() {
        return Err(Unstripped::NothingToRemove);
    }
    let mut stripped = Vec::with_capacity(size);
    let header = image.header_with(table, sections.len())?;
    stripped.extend_from_slice(bytes_of(&header));
    stripped.extend_from_slice(&bytes[size_of::<Header>()..image.kept]);
    stripped.extend_from_slice(&names);
    stripped.resize(table, 0);
    stripped.extend_from_slice(bytes_of_slice(&sections));

    compare(&image, bytes, &stripped)?;
    Ok(stripped)
}

/// A linked ELF file's headers, checked: every range they give lies inside the file.
struct Image<'a> {
    header: &'a Header,
    segments: &'a [Segment],
    sections: &'a [Section],
    /// The section name string table.
    names: &'a [u8],
    /// Where the last byte ends that a segment or the headers before it need.
    kept: usize,
    /// Where the last byte ends that any header speaks of.
    described: usize,
}

impl<'a> Image<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Unstripped> {
        let header = Header::parse(bytes).map_err(|_| Unstripped::Foreign)?;
        if !header.is_little_endian() {
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
        if !segments.iter().any(|segment| segment.p_type.get(LE) == elf::PT_LOAD) {
            return Err(Unstripped::NotLoadable);
        }
        let mut kept = size_of::<Header>().max(end(bytes, phoff, size_of_val(segments) as u64).unwrap_or_default());
        for segment in segments {
            let (offset, size) = (segment.p_offset.get(LE), segment.p_filesz.get(LE));
            // A PT_LOAD without file bytes (.bss alone) still has the page at its offset mapped.
            let covers = match segment.p_type.get(LE) {
                elf::PT_NULL => false,
                elf::PT_LOAD => true,
                _ => size != 0,
            };
            if covers {
                kept = kept.max(end(bytes, offset, size).ok_or(Malformed("a segment ends after the file"))?);
            }
        }

        let sections: &[Section] =
            table(bytes, shoff, shnum, header.e_shentsize).ok_or(Malformed("the section headers"))?;
        let mut described = kept.max(end(bytes, shoff, size_of_val(sections) as u64).unwrap_or_default());
        for section in sections {
            let Some((offset, size)) = section.file_range(LE).filter(|&(_, size)| size != 0) else { continue };
            if section.sh_type.get(LE) == elf::SHT_NULL {
                continue;
            }
            let end = end(bytes, offset, size).ok_or(Malformed("a section ends after the file"))?;
            if is_allocated(section) && end > kept {
                return Err(Malformed("an allocated section lies outside the segments"));
            }
            described = described.max(end);
        }
        let names = section_names(bytes, sections, strings.0).ok_or(Malformed("the section names"))?;
        Ok(Self { header, segments, sections, names, kept, described })
    }

    fn name(&self, section: &Section) -> Result<&'a [u8], Unstripped> {
        let start = usize::try_from(section.sh_name.get(LE)).unwrap_or(usize::MAX);
        let rest = self.names.get(start..).ok_or(Malformed("a section's name"))?;
        let length = rest.iter().take(LONGEST_NAME).position(|&byte| byte == 0).ok_or(Malformed("a section's name"))?;
        Ok(&rest[..length])
    }

    fn refuse_overlay(&self, bytes: &[u8]) -> Result<(), Unstripped> {
        let rest = &bytes[self.described..];
        if rest.len() < MOST_PADDING && rest.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        Err(Unstripped::Overlay(rest.len()))
    }

    /// The gABI reserves names with a leading dot for the system: `.debug_info`, `.comment`, `.gnu_debuglink`. A
    /// program may look for a section of its own in its file, so one without the dot is an overlay with a header.
    fn refuse_payload(&self) -> Result<(), Unstripped> {
        for section in self.sections {
            if section.sh_type.get(LE) == elf::SHT_PROGBITS && !is_allocated(section) {
                let name = self.name(section)?;
                if !name.starts_with(b".") {
                    return Err(Unstripped::Payload(String::from_utf8_lossy(name).into_owned()));
                }
            }
        }
        Ok(())
    }

    /// The new section headers, all but the place of the last in the file, and the string table that they name.
    fn kept_sections(&self) -> Result<(Vec<Section>, Vec<u8>), Unstripped> {
        let count = self.sections.iter().rposition(is_allocated).ok_or(Unstripped::NothingToRemove)? + 1;
        let is_kept = |index: u32| {
            usize::try_from(index).ok().and_then(|index| self.sections[..count].get(index)).is_some_and(is_allocated)
        };
        let mut names = vec![0];
        let mut sections = Vec::with_capacity(count + 1);
        for (index, section) in self.sections[..count].iter().enumerate() {
            if index == 0 || !is_allocated(section) {
                sections.push(section_header(elf::SHT_NULL));
                continue;
            }
            let mut section = *section;
            append_name(&mut names, self.name(&section)?, &mut section);
            if !is_kept(section.sh_link.get(LE)) {
                section.sh_link.set(LE, 0);
            }
            if info_is_index(&section) && !is_kept(section.sh_info.get(LE)) {
                section.sh_info.set(LE, 0);
            }
            sections.push(section);
            // Names may overlap on purpose; what is gained is the limit to what they may cost.
            if names.len() > self.described - self.kept {
                return Err(Unstripped::NothingToRemove);
            }
        }
        let mut strings = section_header(elf::SHT_STRTAB);
        append_name(&mut names, b".shstrtab", &mut strings);
        strings.sh_offset.set(LE, self.kept as u64);
        strings.sh_size.set(LE, names.len() as u64);
        strings.sh_addralign.set(LE, 1);
        sections.push(strings);
        Ok((sections, names))
    }

    /// The ELF header for `count` section headers at `table`, the last of which is the name string table.
    fn header_with(&self, table: usize, count: usize) -> Result<Header, Unstripped> {
        let count = u16::try_from(count).ok().filter(|&count| count < elf::SHN_LORESERVE);
        let count = count.ok_or(Unstripped::ExtendedNumbering)?;
        let mut header = *self.header;
        header.e_shoff.set(LE, table as u64);
        header.e_shnum.set(LE, count);
        header.e_shstrndx.set(LE, elf::SymbolSection(count - 1));
        Ok(header)
    }
}

/// Reads the result again. All that is kept is compared in one pass, because segments may overlap: compared one by one,
/// 65,000 of them over the same gigabyte would never end.
fn compare(before: &Image, bytes: &[u8], stripped: &[u8]) -> Result<(), Unstripped> {
    let after = Image::parse(stripped).map_err(|_| Doubt("the headers"))?;
    if bytes_of_slice(before.segments) != bytes_of_slice(after.segments) || before.kept != after.kept {
        return Err(Doubt("the program headers"));
    }
    let mut header = *after.header;
    header.e_shoff = before.header.e_shoff;
    header.e_shnum = before.header.e_shnum;
    header.e_shstrndx = before.header.e_shstrndx;
    let loaded = size_of::<Header>()..before.kept;
    if bytes_of(&header) != bytes_of(before.header) || bytes.get(loaded.clone()) != stripped.get(loaded) {
        return Err(Doubt("a loaded byte"));
    }
    let allocated = |image: &Image| image.sections.iter().filter(|section| is_allocated(section)).count();
    if allocated(before) != allocated(&after) {
        return Err(Doubt("the allocated sections"));
    }
    for (old, new) in before.sections.iter().zip(after.sections).filter(|(old, _)| is_allocated(old)) {
        let mut same = *new;
        (same.sh_name, same.sh_link, same.sh_info) = (old.sh_name, old.sh_link, old.sh_info);
        if bytes_of(&same) != bytes_of(old) || before.name(old)? != after.name(new)? {
            return Err(Doubt("the allocated sections"));
        }
    }
    Ok(())
}

fn is_allocated(section: &Section) -> bool {
    section.sh_type.get(LE) != elf::SHT_NULL && section.sh_flags.get(LE).contains(elf::SHF_ALLOC)
}

/// In a dynamic symbol table, `sh_info` counts local symbols; in a version table, entries.
fn info_is_index(section: &Section) -> bool {
    section.has_info_link(LE) || matches!(section.sh_type.get(LE), elf::SHT_REL | elf::SHT_RELA)
}

fn section_header(sh_type: elf::SectionType) -> Section {
    let (word, long) = (U32::new(LE, 0), U64::new(LE, 0));
    Section {
        sh_name: word,
        sh_type: U32::new(LE, sh_type),
        sh_flags: U64::new(LE, elf::SectionFlags(0)),
        sh_addr: long,
        sh_offset: long,
        sh_size: long,
        sh_link: word,
        sh_info: word,
        sh_addralign: long,
        sh_entsize: long,
    }
}

fn append_name(names: &mut Vec<u8>, name: &[u8], section: &mut Section) {
    // At most 65,280 names of 4,096 bytes: far below what 32 bits hold.
    section.sh_name.set(LE, u32::try_from(names.len()).unwrap_or(0));
    names.extend_from_slice(name);
    names.push(0);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        assert_eq!(strip(&bytes), Err(Doubt("the program headers")));
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
                prop_assert_eq!(strip(&stripped), Err(Unstripped::NothingToRemove));
                let (before, after) = (Image::parse(&bytes).unwrap(), Image::parse(&stripped).unwrap());
                for (old, new) in before.segments.iter().zip(after.segments) {
                    prop_assert_eq!(bytes_of(old), bytes_of(new));
                    let start = usize::try_from(old.p_offset.get(LE)).unwrap().max(0x40);
                    let end = end(&bytes, old.p_offset.get(LE), old.p_filesz.get(LE)).unwrap_or(0);
                    prop_assert_eq!(bytes.get(start..end), stripped.get(start..end));
                }
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
}
