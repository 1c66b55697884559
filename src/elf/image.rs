//! A linked file as the loader sees it: segments, the dynamic entries, and tables by their address in memory.
//!
//! What must stay true: nothing is found through section headers, which a loader never reads; every slice lies inside
//! the file. Format: System V gABI, chapter 5.

use object::elf;
use object::elf::DynamicTag;
use object::pod::{self, Pod};
use object::read::elf::{Dyn, FileHeader, GnuHashTable, HashTable, ProgramHeader, Rel, Rela};

pub(super) struct Image<'a, Elf: FileHeader> {
    pub(super) endian: Elf::Endian,
    pub(super) header: &'a Elf,
    /// The dynamic entries before `DT_NULL`; none for a file that is not linked dynamically.
    pub(super) entries: &'a [Elf::Dyn],
    headers: &'a [Elf::ProgramHeader],
    bytes: &'a [u8],
}

impl<'a, Elf: FileHeader> Image<'a, Elf> {
    pub(super) fn parse(header: &'a Elf, bytes: &'a [u8]) -> Option<Self> {
        let endian = header.endian().ok()?;
        let headers = header.program_headers(endian, bytes).ok()?;
        let mut image = Self { endian, header, entries: &[], headers, bytes };
        if let Some(section) = image.dynamic() {
            let entries: &[Elf::Dyn] = image.array(section)?;
            let end = entries.iter().position(|entry| entry.d_tag(endian) == elf::DT_NULL);
            image.entries = &entries[..end.unwrap_or(entries.len())];
        }
        Some(image)
    }

    fn dynamic(&self) -> Option<&'a Elf::ProgramHeader> {
        self.headers.iter().find(|header| header.p_type(self.endian) == elf::PT_DYNAMIC)
    }

    /// The dynamic section, at its address as the loader takes it. Its file offset has to say the same: other tools go by
    /// that, and a file in which the two differ was made to be misread.
    fn array<T: Pod>(&self, section: &Elf::ProgramHeader) -> Option<&'a [T]> {
        let bytes = section.data(self.endian, self.bytes).ok()?;
        let loaded = self.at(section.p_vaddr(self.endian).into()).unwrap_or_default();
        if !bytes.is_empty() && bytes.as_ptr() != loaded.as_ptr() {
            return None;
        }
        pod::slice_from_bytes(bytes, bytes.len() / size_of::<T>()).ok().map(|(entries, _)| entries)
    }

    /// The value of the first entry with that tag.
    pub(super) fn value(&self, tag: DynamicTag) -> Option<u64> {
        self.entries.iter().find(|entry| entry.d_tag(self.endian) == tag).map(|entry| entry.d_val(self.endian).into())
    }

    /// The file's bytes from a virtual address to the end of its segment.
    pub(super) fn at(&self, address: u64) -> Option<&'a [u8]> {
        self.headers.iter().filter(|header| header.p_type(self.endian) == elf::PT_LOAD).find_map(|header| {
            let skipped = address.checked_sub(header.p_vaddr(self.endian).into())?;
            let data = header.data(self.endian, self.bytes).ok()?;
            data.get(usize::try_from(skipped).ok()?..).filter(|rest| !rest.is_empty())
        })
    }

    pub(super) fn interpreter(&self) -> Option<&'a [u8]> {
        self.headers.iter().find_map(|header| header.interpreter(self.endian, self.bytes).ok().flatten())
    }

    pub(super) fn strings(&self) -> Option<Strings<'a>> {
        let table = match self.value(elf::DT_STRTAB) {
            Some(address) => self.at(address)?.get(..usize::try_from(self.value(elf::DT_STRSZ)?).ok()?)?,
            None => &[],
        };
        Some(Strings { table, left: self.bytes.len() })
    }

    /// Nothing states how many dynamic symbols there are, but a hash table reaches all that are exported, and the others
    /// stand before them. The GNU one is asked first: the other has entries of 64 bits on some machines (s390x).
    pub(super) fn symbol_count(&self) -> Option<usize> {
        let mut count = None;
        if let Some(address) = self.value(elf::DT_GNU_HASH) {
            count = GnuHashTable::<Elf>::parse(self.endian, self.at(address)?).ok()?.symbol_table_length(self.endian);
        }
        if let (None, Some(address)) = (count, self.value(elf::DT_HASH)) {
            count = Some(HashTable::<Elf>::parse(self.endian, self.at(address)?).ok()?.symbol_table_length());
        }
        match count {
            Some(count) if count > 0 => usize::try_from(count).ok(),
            // No table, or one that reaches no symbol: nothing is exported. What is imported is relocated.
            _ => Some(self.relocated()),
        }
    }

    /// One more than the highest symbol that a relocation names.
    fn relocated(&self) -> usize {
        let tables = [(elf::DT_RELA, elf::DT_RELASZ), (elf::DT_REL, elf::DT_RELSZ), (elf::DT_JMPREL, elf::DT_PLTRELSZ)];
        let with_addends = |tag| match tag {
            elf::DT_JMPREL => self.value(elf::DT_PLTREL) == u64::try_from(elf::DT_RELA.0).ok(),
            tag => tag == elf::DT_RELA,
        };
        let highest = tables.into_iter().filter_map(|(tag, size)| {
            let size = usize::try_from(self.value(size)?).ok()?;
            let bytes = self.at(self.value(tag)?)?;
            let bytes = bytes.get(..size).unwrap_or(bytes);
            if with_addends(tag) {
                let entries = pod::slice_from_bytes::<Elf::Rela>(bytes, bytes.len() / size_of::<Elf::Rela>()).ok()?.0;
                entries.iter().map(|entry| entry.r_sym(self.endian, false)).max()
            } else {
                let entries = pod::slice_from_bytes::<Elf::Rel>(bytes, bytes.len() / size_of::<Elf::Rel>()).ok()?.0;
                entries.iter().map(|entry| entry.r_sym(self.endian)).max()
            }
        });
        highest.max().and_then(|highest| usize::try_from(highest).ok()?.checked_add(1)).unwrap_or(0)
    }
}

/// The dynamic string table, and how many bytes of names may still be taken from it. Names of a real file together are
/// shorter than the file; a thousand entries for one long string are not.
pub(super) struct Strings<'a> {
    table: &'a [u8],
    left: usize,
}

impl<'a> Strings<'a> {
    pub(super) fn get(&mut self, offset: u64) -> Option<&'a [u8]> {
        let rest = self.table.get(usize::try_from(offset).ok()?..)?;
        let longest = rest.len().min(self.left);
        let length = rest[..longest].iter().position(|&byte| byte == 0)?;
        self.left -= length + 1;
        Some(&rest[..length])
    }
}
