//! Dynamic symbols: what a library defines for others, and what it wants from them.
//!
//! Format: System V gABI, chapter 4 (symbol table); `DT_VERSYM` as the Linux Standard Base has it.

use object::elf;
use object::pod;
use object::read::elf::{FileHeader, Sym};

use super::image::{Image, Strings};
use super::versions::Versions;

/// A dynamic symbol that is not local.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// As it is written, without a version. C++ names are as the compiler mangles them.
    pub name: &'a [u8],
    /// Defined here, else wanted from elsewhere.
    pub defined: bool,
    /// A definition that may be overridden, or a wish that may stay unfulfilled.
    pub weak: bool,
    /// A wish for a version: the place of the library in [`super::dynamic::Dynamic::version_needs`].
    pub wanted_of: Option<usize>,
}

pub(super) fn read<'a, Elf: FileHeader>(
    image: &Image<'a, Elf>,
    strings: &mut Strings<'a>,
    versions: &Versions,
) -> Option<Vec<Symbol<'a>>> {
    let Some(address) = image.value(elf::DT_SYMTAB) else { return Some(Vec::new()) };
    let count = image.symbol_count()?;
    if count == 0 {
        return Some(Vec::new());
    }
    let (table, _) = pod::slice_from_bytes::<Elf::Sym>(image.at(address)?, count).ok()?;
    let mut symbols = Vec::with_capacity(count);
    for (index, symbol) in table.iter().enumerate() {
        if symbol.is_local() {
            continue;
        }
        let defined = !symbol.is_undefined(image.endian);
        symbols.push(Symbol {
            name: strings.get(symbol.st_name(image.endian).into())?,
            defined,
            weak: symbol.is_weak(),
            wanted_of: if defined { None } else { versions.library_of(index) },
        });
    }
    Some(symbols)
}
