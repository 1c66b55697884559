//! Strip, bytes to bytes: drops what no segment covers, behind the segments and between them.
//!
//! Invariant: every byte that a segment loads stays as it is, at the address where it is; only its offset in the file may
//! change. What changes inside of loaded bytes is in the headers alone: where the tables lie (ELF header), and `p_offset`
//! and `p_align` (program headers). A loader looks at segments only, so what it sees does not change; debuggers and
//! patchelf look at sections, so the allocated ones keep their headers. On any doubt about the gaps only the tail is
//! dropped, and on any other the file is left as it was.
//!
//! Format: System V gABI, chapters 4 (ELF header, sections) and 5 (program header).

mod compare;
mod filler;
mod image;
mod layout;
mod sections;
mod unknown;

#[cfg(test)]
mod gap_tests;
#[cfg(test)]
mod sample;
#[cfg(test)]
#[path = "../../../tests/support/segments.rs"]
mod segments;
#[cfg(test)]
mod tests;

use std::fmt;

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, ProgramHeader64, SectionHeader64};
use object::pod::{bytes_of, bytes_of_slice};

use self::image::Image;
use self::layout::Layout;

type Header = FileHeader64<LE>;
type Segment = ProgramHeader64<LE>;
type Section = SectionHeader64<LE>;

/// Whether the bytes start with the ELF magic: a file is ELF by its magic, not its name.
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(&elf::ELFMAG)
}

/// A file without what no segment covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripped {
    /// The file, always shorter than the original. Stripping it again removes nothing.
    pub bytes: Vec<u8>,
    /// Why the gaps between its segments stayed, where they had to.
    pub gaps_kept: Option<&'static str>,
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
    /// Nothing to remove but gaps between segments, and those have to stay.
    GapsKept(&'static str),
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
            Self::GapsKept(what) => write!(f, "the gaps between its segments stay because of {what}"),
            Self::Malformed(what) => write!(f, "malformed: {what}"),
            Self::Doubt(what) => write!(f, "stripping would change {what}"),
        }
    }
}

impl std::error::Error for Unstripped {}

/// The file without what no segment covers.
pub fn strip(bytes: &[u8]) -> Result<Stripped, Unstripped> {
    let image = Image::parse(bytes)?;
    image.refuse_overlay(bytes)?;
    image.refuse_payload()?;
    image.refuse_unknown_bytes(bytes)?;
    let tail = Layout::unmoved(&image);
    let why = match Layout::closed(&image, bytes) {
        Ok(layout) if layout.changes(&image) => match write(&image, bytes, &layout) {
            Err(Unstripped::Doubt(what)) => what,
            result => return result.map(|bytes| Stripped { bytes, gaps_kept: None }),
        },
        Ok(_) => return write(&image, bytes, &tail).map(|bytes| Stripped { bytes, gaps_kept: None }),
        Err(what) => what,
    };
    match write(&image, bytes, &tail) {
        Ok(bytes) => Ok(Stripped { bytes, gaps_kept: Some(why) }),
        Err(Unstripped::NothingToRemove) => Err(Unstripped::GapsKept(why)),
        Err(reason) => Err(reason),
    }
}

fn write(image: &Image, bytes: &[u8], layout: &Layout) -> Result<Vec<u8>, Unstripped> {
    let gain = bytes.len() - layout.end();
    let (sections, names) = sections::kept(image, layout, gain)?;
    let table = (layout.end() + names.len()).next_multiple_of(8);
    let size = table + size_of_val(sections.as_slice());
    if size >= bytes.len() {
        return Err(Unstripped::NothingToRemove);
    }
    let count = u16::try_from(sections.len()).ok().filter(|&count| count < elf::SHN_LORESERVE);
    let count = count.ok_or(Unstripped::ExtendedNumbering)?;

    let mut header = *image.header;
    let program_headers = layout.moved(header.e_phoff.get(LE));
    header.e_phoff.set(LE, program_headers);
    header.e_shoff.set(LE, table as u64);
    header.e_shnum.set(LE, count);
    header.e_shstrndx.set(LE, elf::SymbolSection(count - 1));
    let segments = layout.segments(image);

    let mut stripped = Vec::with_capacity(size);
    for block in &layout.blocks {
        stripped.resize(block.new_start(), 0);
        stripped.extend_from_slice(&bytes[block.start..block.end]);
    }
    put(&mut stripped, 0, bytes_of(&header))?;
    put(&mut stripped, program_headers, bytes_of_slice(&segments))?;
    stripped.extend_from_slice(&names);
    stripped.resize(table, 0);
    stripped.extend_from_slice(bytes_of_slice(&sections));

    compare::compare(image, bytes, &stripped)?;
    Ok(stripped)
}

fn put(bytes: &mut [u8], offset: u64, value: &[u8]) -> Result<(), Unstripped> {
    let place = usize::try_from(offset).ok().and_then(|start| bytes.get_mut(start..start.checked_add(value.len())?));
    place.ok_or(Unstripped::Doubt("the headers"))?.copy_from_slice(value);
    Ok(())
}
