//! The new section header table: the allocated sections, at their new offsets, and a string table of their names.
//!
//! Section indices stay: where a dropped section stood before an allocated one (patchelf leaves that order), an inactive
//! `SHT_NULL` header takes its place. `st_shndx` in `.dynsym` is a loaded byte and could not follow a new numbering.

use object::LittleEndian as LE;
use object::elf;
use object::endian::{U32, U64};
use object::read::elf::SectionHeader;

use super::image::{Image, file_range, is_allocated};
use super::layout::Layout;
use super::{Section, Unstripped};

/// The section headers, the last of which is the string table right after the segments, and that table. `limit` is
/// what may be spent on names, in bytes: names may overlap on purpose, and then their copies cost more than is gained.
pub(super) fn kept(image: &Image, layout: &Layout, limit: usize) -> Result<(Vec<Section>, Vec<u8>), Unstripped> {
    let count = image.sections.iter().rposition(is_allocated).ok_or(Unstripped::NothingToRemove)? + 1;
    let is_kept = |index: u32| {
        usize::try_from(index).ok().and_then(|index| image.sections[..count].get(index)).is_some_and(is_allocated)
    };
    let mut names = vec![0];
    let mut sections = Vec::with_capacity(count + 1);
    for (index, section) in image.sections[..count].iter().enumerate() {
        if index == 0 || !is_allocated(section) {
            sections.push(section_header(elf::SHT_NULL));
            continue;
        }
        let mut section = *section;
        append_name(&mut names, image.name(&section)?, &mut section);
        if file_range(&section).is_some_and(|(offset, size)| !layout.keeps(offset, size)) {
            return Err(Unstripped::Doubt("an allocated section"));
        }
        section.sh_offset.set(LE, layout.moved(section.sh_offset.get(LE)));
        if !is_kept(section.sh_link.get(LE)) {
            section.sh_link.set(LE, 0);
        }
        if info_is_index(&section) && !is_kept(section.sh_info.get(LE)) {
            section.sh_info.set(LE, 0);
        }
        sections.push(section);
        if names.len() > limit {
            return Err(Unstripped::NothingToRemove);
        }
    }
    let mut strings = section_header(elf::SHT_STRTAB);
    append_name(&mut names, b".shstrtab", &mut strings);
    strings.sh_offset.set(LE, layout.end() as u64);
    strings.sh_size.set(LE, names.len() as u64);
    strings.sh_addralign.set(LE, 1);
    sections.push(strings);
    Ok((sections, names))
}

/// In a dynamic symbol table, `sh_info` counts local symbols; in a version table, entries.
fn info_is_index(section: &Section) -> bool {
    section.has_info_link(LE) || matches!(section.sh_type.get(LE), elf::SHT_REL | elf::SHT_RELA)
}

pub(super) fn section_header(sh_type: elf::SectionType) -> Section {
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

pub(super) fn append_name(names: &mut Vec<u8>, name: &[u8], section: &mut Section) {
    // At most 65,280 names of 4,096 bytes: far below what 32 bits hold.
    section.sh_name.set(LE, u32::try_from(names.len()).unwrap_or(0));
    names.extend_from_slice(name);
    names.push(0);
}
