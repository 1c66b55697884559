//! A ZIP whose bytes depend on its entries and nothing else.
//!
//! What must stay true: no time but 1980-01-01, no owner, modes 644 and 755, sizes in the local headers (so that
//! streaming readers need no data descriptor), zip64 only where a number asks for it. Format: APPNOTE 6.3.10.
//!
//! Own code because no ZIP crate takes members that another compressor packed and writes their sizes up front: `zip`
//! packs itself, `rawzip` writes data descriptors.

use std::io::{self, Write};

use super::deflate::Packed;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// 1980-01-01 00:00:00, the first moment a ZIP can name.
const DOS_DATE: u16 = 1 << 5 | 1;
const DOS_TIME: u16 = 0;
/// Bit 11: the name is UTF-8.
const UTF8: u16 = 1 << 11;
const UNIX: u16 = 3 << 8;
const VERSION_PLAIN: u16 = 20;
const VERSION_ZIP64: u16 = 45;
const REGULAR_FILE: u32 = 0o100_000;

/// Writes entries in the order in which they come.
#[derive(Debug)]
pub struct ZipWriter<W> {
    output: W,
    offset: u64,
    entries: u64,
    directory: Vec<u8>,
}

impl<W: Write> ZipWriter<W> {
    /// Starts an archive.
    pub fn new(output: W) -> Self {
        Self { output, offset: 0, entries: 0, directory: Vec::new() }
    }

    /// Writes a file: mode 755 if it is executable, else 644.
    pub fn add(&mut self, path: &str, executable: bool, packed: &Packed) -> io::Result<()> {
        self.add_noted(path, executable, packed, "")
    }

    /// The same with a comment beside it.
    pub fn add_noted(&mut self, path: &str, executable: bool, packed: &Packed, note: &str) -> io::Result<()> {
        let note_length =
            u16::try_from(note.len()).map_err(|_| io::Error::other("a comment longer than 65,535 bytes"))?;
        let name = u16::try_from(path.len()).map_err(|_| io::Error::other("a path longer than 65,535 bytes"))?;
        let sizes = (u32::try_from(packed.size), u32::try_from(packed.bytes.len()));
        let (Ok(size), Ok(packed_size)) = sizes else {
            return Err(io::Error::other(format!("{path} has more than 4 GiB")));
        };
        let flags = if path.is_ascii() { 0 } else { UTF8 };
        let method = if packed.deflated { DEFLATED } else { STORED };
        let mut common = Vec::with_capacity(24);
        put16(&mut common, &[flags, method, DOS_TIME, DOS_DATE]);
        put32(&mut common, &[packed.crc, packed_size, size]);
        put16(&mut common, &[name]);

        let mut header = b"PK\x03\x04".to_vec();
        put16(&mut header, &[VERSION_PLAIN]);
        header.extend(&common);
        put16(&mut header, &[0]);
        header.extend(path.as_bytes());
        self.output.write_all(&header)?;
        self.output.write_all(&packed.bytes)?;

        // An offset that does not fit goes into an extra field, and its place says so.
        let short_offset = u32::try_from(self.offset).ok().filter(|offset| *offset != u32::MAX);
        let version = if short_offset.is_some() { VERSION_PLAIN } else { VERSION_ZIP64 };
        let mode = REGULAR_FILE | if executable { 0o755 } else { 0o644 };
        self.directory.extend(b"PK\x01\x02");
        put16(&mut self.directory, &[UNIX | version, version]);
        self.directory.extend(&common);
        put16(&mut self.directory, &[if short_offset.is_some() { 0 } else { 12 }, note_length, 0, 0]);
        put32(&mut self.directory, &[mode << 16, short_offset.unwrap_or(u32::MAX)]);
        self.directory.extend(path.as_bytes());
        if short_offset.is_none() {
            put16(&mut self.directory, &[1, 8]);
            put64(&mut self.directory, &[self.offset]);
        }
        self.directory.extend(note.as_bytes());
        self.offset += header.len() as u64 + packed.bytes.len() as u64;
        self.entries += 1;
        Ok(())
    }

    /// Writes the directory and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        let start = self.offset;
        let length = self.directory.len() as u64;
        self.output.write_all(&self.directory)?;
        let short = (u16::try_from(self.entries), u32::try_from(length), u32::try_from(start));
        let mut end = Vec::with_capacity(98);
        let (entries, short_length, short_start) = match short {
            (Ok(entries), Ok(length), Ok(start)) if entries != u16::MAX && length != u32::MAX && start != u32::MAX => {
                (entries, length, start)
            }
            _ => {
                end.extend(b"PK\x06\x06");
                put64(&mut end, &[44]);
                put16(&mut end, &[UNIX | VERSION_ZIP64, VERSION_ZIP64]);
                put32(&mut end, &[0, 0]);
                put64(&mut end, &[self.entries, self.entries, length, start]);
                end.extend(b"PK\x06\x07");
                put32(&mut end, &[0]);
                put64(&mut end, &[start + length]);
                put32(&mut end, &[1]);
                (u16::MAX, u32::MAX, u32::MAX)
            }
        };
        end.extend(b"PK\x05\x06");
        put16(&mut end, &[0, 0, entries, entries]);
        put32(&mut end, &[short_length, short_start]);
        put16(&mut end, &[0]);
        self.output.write_all(&end)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

fn put16(bytes: &mut Vec<u8>, numbers: &[u16]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put32(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put64(bytes: &mut Vec<u8>, numbers: &[u64]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use proptest::prelude::*;

    use super::super::deflate::pack;
    use super::*;

    fn written(files: &[(String, bool, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Vec::new());
        for (path, executable, bytes) in files {
            writer.add(path, *executable, &pack(bytes.clone())).unwrap();
        }
        writer.finish().unwrap()
    }

    proptest! {
        #[test]
        fn another_reader_reads_what_was_written(files in prop::collection::btree_map("[a-zé]{1,8}(/[a-z]{1,8}){0,2}", (any::<bool>(), prop::collection::vec(any::<u8>(), 0..2000)), 0..8)) {
            let files: Vec<_> = files.into_iter().map(|(path, (executable, bytes))| (path, executable, bytes)).collect();
            let mut archive = zip::ZipArchive::new(Cursor::new(written(&files))).unwrap();
            prop_assert_eq!(archive.len(), files.len());
            for (index, (path, executable, bytes)) in files.iter().enumerate() {
                let mut member = archive.by_index(index).unwrap();
                prop_assert_eq!(&member.name().unwrap(), path);
                prop_assert_eq!(member.unix_mode(), Some(if *executable { 0o100_755 } else { 0o100_644 }));
                let mut read = Vec::new();
                member.read_to_end(&mut read).unwrap();
                prop_assert_eq!(&read, bytes);
            }
        }
    }

    #[test]
    fn more_entries_than_sixteen_bits_count() {
        let files: Vec<_> = (0..70_000).map(|number| (format!("{number:06}"), false, Vec::new())).collect();
        let archive = zip::ZipArchive::new(Cursor::new(written(&files))).unwrap();
        assert_eq!(archive.len(), 70_000);
    }

    /// An output of which only the end is kept, as if the archive lay 5 GiB into its file.
    #[test]
    fn offsets_beyond_four_gib_are_written_as_zip64() {
        const FAR: u64 = 5 << 30;
        let mut writer = ZipWriter { output: Vec::new(), offset: FAR, entries: 0, directory: Vec::new() };
        writer.add("far", false, &pack(b"x".to_vec())).unwrap();
        let bytes = writer.finish().unwrap();
        let at = |signature: &[u8; 4]| bytes.windows(4).position(|window| window == signature).unwrap();
        let number = |position: usize| u64::from_le_bytes(bytes[position..position + 8].try_into().unwrap());
        let entry = at(b"PK\x01\x02");
        assert_eq!(number(entry + 46 + 3 + 4), FAR);
        let end = at(b"PK\x06\x06");
        assert_eq!(number(end + 48), FAR + entry as u64, "the directory's own offset");
    }
}
