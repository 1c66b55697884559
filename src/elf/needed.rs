//! Takes libraries out of what a file needs, in place: the file keeps its size, and nothing but the dynamic section changes.
//!
//! The loader opens every library that `DT_NEEDED` names before it looks at a symbol, so a library that is no longer
//! there stops a file that never used it. Later entries move up over the one that goes, in their order, and `DT_NULL`
//! fills the end, as linkers leave spare entries there.
//!
//! What must stay true: a file is refused if it asks a version of the library (glibc looks for it among what is
//! loaded and fails an assertion, `_dl_check_map_versions`), or if it has an entry that speaks of other entries by
//! their place. Whether a symbol of the library is used is the caller's question: `check::libraries::Graph::losses`
//! answers it.

use std::fmt;

use object::LittleEndian as LE;
use object::elf::{self, Dyn64, FileHeader64};
use object::pod::{bytes_of_slice, slice_from_bytes};
use object::read::elf::FileHeader;

use super::dynamic;
use super::image::Image;

/// Why a file was left as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undropped {
    /// Not ELF, or of a class or byte order that Lambda does not run, or its tables contradict each other.
    Foreign,
    /// It needs no library of these names.
    NotNeeded,
    /// It asks a version of this library.
    Versioned(String),
    /// An entry whose meaning depends on the place of others.
    Positional,
    /// The changed file, read again, differed in more than what it needs.
    Doubt(&'static str),
}

impl fmt::Display for Undropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a 64-bit little-endian ELF that can be read"),
            Self::NotNeeded => f.write_str("it does not need them"),
            Self::Versioned(library) => write!(f, "it asks for a version of {library}"),
            Self::Positional => f.write_str("its dynamic section has an entry that others must stay beside"),
            Self::Doubt(what) => write!(f, "the change would touch {what}"),
        }
    }
}

impl std::error::Error for Undropped {}

/// The file without the `DT_NEEDED` entries of these names; of the same size, and other names are none of its business.
pub fn drop(bytes: &[u8], names: &[&str]) -> Result<Vec<u8>, Undropped> {
    let header = FileHeader64::<LE>::parse(bytes).map_err(|_| Undropped::Foreign)?;
    if !header.is_little_endian() {
        return Err(Undropped::Foreign);
    }
    let before = dynamic::read(bytes).ok_or(Undropped::Foreign)?;
    if !before.needed.iter().any(|name| names.contains(&&**name)) {
        return Err(Undropped::NotNeeded);
    }
    if let Some(need) = before.version_needs.iter().find(|need| names.contains(&&*need.library)) {
        return Err(Undropped::Versioned(need.library.clone().into_owned()));
    }

    let image = Image::parse(header, bytes).ok_or(Undropped::Foreign)?;
    let mut strings = image.strings().ok_or(Undropped::Foreign)?;
    let mut kept: Vec<Dyn64<LE>> = Vec::with_capacity(image.entries.len());
    for entry in image.entries {
        let tag = entry.d_tag.get(LE);
        // These index entries (DT_SYMINFO), speak of the next one (DT_POSFLAG_1) or are followed from their own address
        // (MIPS); the loaders of Lambda's machines know none of them.
        if [elf::DT_SYMINFO, elf::DT_POSFLAG_1, elf::DT_MIPS_RLD_MAP_REL].contains(&tag) {
            return Err(Undropped::Positional);
        }
        let goes = tag == elf::DT_NEEDED
            && strings
                .get(entry.d_val.get(LE))
                .is_some_and(|name| names.iter().any(|wanted| wanted.as_bytes() == name));
        if !goes {
            kept.push(*entry);
        }
    }
    let place = bytes_of_slice(image.entries).as_ptr_range();
    let start = place.start as usize - bytes.as_ptr() as usize;
    let end = place.end as usize - bytes.as_ptr() as usize;
    // Where it lies over the headers, a change to it would be one to them.
    let headers = header.e_phoff.get(LE).saturating_add(u64::from(header.e_phnum.get(LE)) * 56);
    if (start as u64) < headers.max(64) {
        return Err(Undropped::Doubt("the headers"));
    }
    let mut changed = bytes.to_vec();
    changed[start..end].fill(0);
    let moved = bytes_of_slice(&kept);
    changed[start..start + moved.len()].copy_from_slice(moved);

    compare(bytes, &changed, start..end, names)?;
    Ok(changed)
}

/// Reads the result again: the same file but for what it needs.
fn compare(bytes: &[u8], changed: &[u8], section: std::ops::Range<usize>, names: &[&str]) -> Result<(), Undropped> {
    if changed.len() != bytes.len()
        || changed[..section.start] != bytes[..section.start]
        || changed[section.end..] != bytes[section.end..]
    {
        return Err(Undropped::Doubt("more than the dynamic section"));
    }
    let mut expected = dynamic::read(bytes).ok_or(Undropped::Foreign)?;
    expected.needed.retain(|name| !names.contains(&&**name));
    if dynamic::read(changed).as_ref() != Some(&expected) {
        return Err(Undropped::Doubt("what the loader reads"));
    }
    let entries = |bytes: &[u8]| -> Option<Vec<(elf::DynamicTag, u64)>> {
        let (entries, _) = slice_from_bytes::<Dyn64<LE>>(bytes, section.len() / size_of::<Dyn64<LE>>()).ok()?;
        let entries = entries.iter().map(|entry| (entry.d_tag.get(LE), entry.d_val.get(LE)));
        Some(entries.filter(|(tag, _)| ![elf::DT_NEEDED, elf::DT_NULL].contains(tag)).collect())
    };
    if entries(&bytes[section.clone()]) != entries(&changed[section.clone()]) {
        return Err(Undropped::Doubt("another dynamic entry"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::{Sample, defines, wants};
    use super::*;

    fn module() -> Sample {
        Sample {
            soname: Some("m.so"),
            needed: vec!["liba.so.1", "libb.so.1", "libc.so.6"],
            runpath: Some("$ORIGIN"),
            needs: vec![("libc.so.6", vec![("GLIBC_2.2.5", false)])],
            symbols: vec![wants("used"), defines("PyInit_m")],
            ..Sample::default()
        }
    }

    #[test]
    fn the_others_stay_in_their_order() {
        let bytes = module().build();
        for (names, left) in [
            (&["liba.so.1"][..], &["libb.so.1", "libc.so.6"][..]),
            (&["libb.so.1"], &["liba.so.1", "libc.so.6"]),
            (&["liba.so.1", "libb.so.1", "libz.so.1"], &["libc.so.6"]),
        ] {
            let changed = drop(&bytes, names).unwrap();
            assert_eq!(changed.len(), bytes.len());
            assert_eq!(dynamic::read(&changed).unwrap().needed, left);
            assert_eq!(drop(&changed, names), Err(Undropped::NotNeeded));
        }
    }

    #[test]
    fn what_cannot_be_dropped_soundly_is_refused() {
        let refused = |sample: Sample, names: &[&str]| drop(&sample.build(), names).unwrap_err();
        assert_eq!(refused(module(), &["libz.so.1"]), Undropped::NotNeeded);
        assert_eq!(refused(module(), &["libc.so.6"]), Undropped::Versioned("libc.so.6".into()));
        let positional = Sample { entries: vec![(0x6fff_feff, 0)], ..module() };
        assert_eq!(refused(positional, &["liba.so.1"]), Undropped::Positional);
        assert_eq!(refused(Sample { wide: false, ..module() }, &["liba.so.1"]), Undropped::Foreign);
        assert_eq!(refused(Sample { big: true, ..module() }, &["liba.so.1"]), Undropped::Foreign);
        assert_eq!(drop(b"#!/bin/sh", &["liba.so.1"]), Err(Undropped::Foreign));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn damage_never_panics_or_grows(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = module().build();
            for (index, value) in damage {
                let index = index.index(bytes.len());
                bytes[index] = value;
            }
            if let Ok(changed) = drop(&bytes, &["liba.so.1"]) {
                prop_assert_eq!(changed.len(), bytes.len());
                prop_assert!(drop(&changed, &["liba.so.1"]).is_err());
            }
        }
    }
}
