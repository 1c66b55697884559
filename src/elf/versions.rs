//! Symbol versions: those a file asks of libraries (`DT_VERNEED`), and those it defines (`DT_VERDEF`).
//!
//! What must stay true: a list cannot be walked for longer than the file could hold it. Both are linked lists of lists,
//! so that without a limit a small file could describe a very long walk. Format: Linux Standard Base Core 5.0, chapter
//! 10.7 (symbol versioning).

use std::borrow::Cow;
use std::collections::HashMap;

use object::elf::{self, Verdaux, Verdef, Vernaux, Verneed};
use object::endian::U16;
use object::pod::{self, Pod};
use object::read::elf::FileHeader;

use super::image::{Image, Strings};

/// The bit of a version index that hides a symbol from those that ask for no version.
const HIDDEN: u16 = 0x8000;

/// The versions asked of one library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need<'a> {
    /// By the name in `DT_NEEDED`.
    pub library: Cow<'a, str>,
    /// Name, and whether the file can do without it.
    pub versions: Vec<(Cow<'a, str>, bool)>,
}

#[derive(Default)]
pub(super) struct Versions<'a> {
    pub(super) needs: Vec<Need<'a>>,
    pub(super) definitions: Vec<Cow<'a, str>>,
    /// Version index → place in `needs`.
    libraries: HashMap<u16, usize>,
    /// The version index of each symbol.
    indices: Vec<u16>,
}

impl Versions<'_> {
    pub(super) fn library_of(&self, symbol: usize) -> Option<usize> {
        self.libraries.get(&(self.indices.get(symbol)? & !HIDDEN)).copied()
    }
}

pub(super) fn read<'a, Elf: FileHeader>(image: &Image<'a, Elf>, strings: &mut Strings<'a>) -> Option<Versions<'a>> {
    let endian = image.endian;
    let mut versions = Versions::default();
    if let Some(address) = image.value(elf::DT_VERNEED) {
        let mut list = image.at(address)?;
        // Entries cannot overlap in a real file, so their bytes together are fewer than those they lie in.
        let mut left = list.len();
        for _ in 0..image.value(elf::DT_VERNEEDNUM)? {
            let need: &Verneed<Elf::Endian> = take(list, &mut left)?;
            let mut entries = list.get(offset(need.vn_aux.get(endian))?..)?;
            let mut asked = Vec::new();
            for _ in 0..need.vn_cnt.get(endian) {
                let entry: &Vernaux<Elf::Endian> = take(entries, &mut left)?;
                let name = strings.get(entry.vna_name.get(endian).into())?;
                let weak = entry.vna_flags.get(endian).contains(elf::VER_FLG_WEAK);
                asked.push((String::from_utf8_lossy(name), weak));
                versions.libraries.insert(entry.vna_other.get(endian).0 & !HIDDEN, versions.needs.len());
                match entry.vna_next.get(endian) {
                    0 => break,
                    next => entries = entries.get(offset(next)?..)?,
                }
            }
            let library = String::from_utf8_lossy(strings.get(need.vn_file.get(endian).into())?);
            versions.needs.push(Need { library, versions: asked });
            match need.vn_next.get(endian) {
                0 => break,
                next => list = list.get(offset(next)?..)?,
            }
        }
    }
    if let Some(address) = image.value(elf::DT_VERDEF) {
        let mut list = image.at(address)?;
        let mut left = list.len();
        for _ in 0..image.value(elf::DT_VERDEFNUM)? {
            let definition: &Verdef<Elf::Endian> = take(list, &mut left)?;
            // The first name is the version's own; any others are those it inherits from.
            let first = list.get(offset(definition.vd_aux.get(endian))?..)?;
            let entry: &Verdaux<Elf::Endian> = take(first, &mut left)?;
            if !definition.vd_flags.get(endian).contains(elf::VER_FLG_BASE) {
                let name = strings.get(entry.vda_name.get(endian).into())?;
                versions.definitions.push(String::from_utf8_lossy(name));
            }
            match definition.vd_next.get(endian) {
                0 => break,
                next => list = list.get(offset(next)?..)?,
            }
        }
    }
    if !versions.needs.is_empty()
        && let Some(address) = image.value(elf::DT_VERSYM)
    {
        let count = image.symbol_count()?;
        let (indices, _) = pod::slice_from_bytes::<U16<Elf::Endian>>(image.at(address)?, count).ok()?;
        versions.indices = indices.iter().map(|index| index.get(endian)).collect();
    }
    Some(versions)
}

fn take<'a, T: Pod>(bytes: &'a [u8], left: &mut usize) -> Option<&'a T> {
    *left = left.checked_sub(size_of::<T>())?;
    pod::from_bytes(bytes).ok().map(|(value, _)| value)
}

fn offset(value: u32) -> Option<usize> {
    usize::try_from(value).ok()
}
