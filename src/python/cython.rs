//! The texts of an extension module that Cython made: the names that it imports among them.
//!
//! Until 3.1 they lie in the file as they are. Since 3.2 one text of all of them is packed by zlib, since 3.3 by a method
//! of Cython's own (`lzss_compress` in LZSS.py, `__pyx_lzss_decompress` in StringTools.c of Cython 3.3.1). Nothing says
//! where it begins, but whatever is unpacked from anywhere else soon stops being text. One name follows the other
//! without anything in between.

use std::io::Read;

use flate2::read::ZlibDecoder;
use memchr::memmem;

/// What modules say that have such a text, when it cannot be unpacked.
const PACKED_BY_ZLIB: &[u8] = b"String compression was configured with the C macro";
const PACKED_BY_LZSS: &[u8] = b"LZSS string data decompression failed";

/// The most that is unpacked of one file, in bytes; the largest known text has 200 kB.
const MOST: usize = 8 << 20;
/// What is shorter came about by chance, in bytes.
const LEAST: usize = 64;

/// The packed texts of a file; none for what Cython did not make.
pub fn texts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let says = |message: &[u8]| memmem::find(bytes, message).is_some();
    if says(PACKED_BY_LZSS) {
        // The first references need something to refer to.
        return unpacked(bytes, |packed| packed[0] & 0x0f == 0x0f, lzss, 4 << 20);
    }
    if says(PACKED_BY_ZLIB) {
        return unpacked(bytes, |packed| matches!(packed, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]), zlib, 10_000);
    }
    Vec::new()
}

/// Tries every place that could be a beginning, up to a number; gives each text, and goes on behind it.
fn unpacked(
    bytes: &[u8],
    may_begin: impl Fn(&[u8]) -> bool,
    unpack: impl Fn(&[u8]) -> (Vec<u8>, usize),
    mut tries: usize,
) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let (mut place, mut left) = (0, MOST);
    while place < bytes.len() && left > 0 && tries > 0 {
        let rest = &bytes[place..];
        place += 1;
        if may_begin(rest) {
            tries -= 1;
            let (mut text, length) = unpack(rest);
            if text.len() >= LEAST {
                text.truncate(left);
                left -= text.len();
                texts.push(text);
                place += length.saturating_sub(1);
            }
        }
    }
    texts
}

/// What can be read as text, and the packed bytes that it took.
fn zlib(packed: &[u8]) -> (Vec<u8>, usize) {
    let mut decoder = ZlibDecoder::new(packed);
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = decoder.read(&mut buffer) {
        let readable = buffer[..count].iter().take_while(|byte| is_text(**byte)).count();
        text.extend_from_slice(&buffer[..readable]);
        if readable < count || text.len() >= MOST {
            break;
        }
    }
    (text, usize::try_from(decoder.total_in()).unwrap_or(packed.len()))
}

/// The same. Eight flags in a byte say whether a byte follows or two or three that refer back.
fn lzss(packed: &[u8]) -> (Vec<u8>, usize) {
    let mut text = Vec::new();
    let mut at = 0;
    // Only whole groups count, so that what is cut off in the middle of one needs no care.
    'groups: while let Some((&flags, group)) = packed.get(at..).and_then(<[u8]>::split_first) {
        let mut group = group.iter().copied();
        let before = group.len();
        for bit in 0..8 {
            let Some(first) = group.next() else { break 'groups };
            if flags & 1 << bit != 0 {
                if !is_text(first) {
                    break 'groups;
                }
                text.push(first);
                continue;
            }
            let Some(second) = group.next() else { break 'groups };
            let (low, high) = (usize::from(first & 0x7f), usize::from(second));
            let (distance, length) = match (first & 0x80, second & 0x80) {
                (0, _) => (low, high),
                (_, 0) => (0x80 + (high << 2 & 0x180 | low), high & 0x1f),
                _ => {
                    let Some(third) = group.next() else { break 'groups };
                    (0x80 + ((high & 0x7f) << 7 | low), usize::from(third))
                }
            };
            let length = length + 3;
            let Some(start) = text.len().checked_sub(distance + length) else { break 'groups };
            text.extend_from_within(start..start + length);
        }
        at += 1 + before - group.len();
        if text.len() >= MOST {
            break;
        }
    }
    (text, at)
}

/// Tables of Cython's hold names and documentation; the bytes objects come after all of them.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const NAMES: &str = "Docs of a function that is long enough to count.pyarrow._s3fsS3FileSystem__name__pyarrow.lib\
                         pyarrow._s3fspyarrow.libpyarrow.flight";

    /// By Cython's own `lzss_compress`, shortened to what it takes: bytes, and references to the latest occurrence.
    fn lzss_packed(text: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let (mut at, mut flags_at, mut bit) = (0, 0, 8);
        while at < text.len() {
            if bit == 8 {
                (flags_at, bit) = (packed.len(), 0);
                packed.push(0);
            }
            let reference = (4..40).rev().find_map(|length| {
                let wanted = text.get(at..at + length)?;
                let start = memmem::rfind(&text[..at], wanted)?;
                Some((at - start - length, length))
            });
            match reference {
                Some((distance, length)) if distance < 0x80 => {
                    packed.extend([u8::try_from(distance).unwrap(), u8::try_from(length - 3).unwrap()]);
                    at += length;
                }
                Some((distance, length)) => {
                    let distance = distance - 0x80;
                    let sevens = [distance & 0x7f, distance >> 7].map(|part| u8::try_from(part).unwrap() | 0x80);
                    packed.extend(sevens);
                    packed.push(u8::try_from(length - 3).unwrap());
                    at += length;
                }
                None => {
                    packed[flags_at] |= 1 << bit;
                    packed.push(text[at]);
                    at += 1;
                }
            }
            bit += 1;
        }
        packed
    }

    fn module(message: &[u8], packed: &[u8]) -> Vec<u8> {
        [b"\x7fELF\x02\x01\0\0\xff\x0f\0\0\0\x0f" as &[u8], message, b"\0\0\0", packed, &[0; 40], b"other\0"].concat()
    }

    #[test]
    fn packed_names_are_found() {
        let far =
            format!("{NAMES}{}{NAMES}", (0..200).map(|number| format!(" {number:x}")).collect::<Vec<_>>().concat());
        for names in [NAMES, &far] {
            let found = texts(&module(PACKED_BY_LZSS, &lzss_packed(names.as_bytes())));
            let found = String::from_utf8(found.concat()).unwrap();
            // Nothing says where it ends either.
            assert!(found.starts_with(names), "{found}");
        }
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(NAMES.as_bytes()).unwrap();
        let found = texts(&module(PACKED_BY_ZLIB, &encoder.finish().unwrap()));
        assert_eq!(found, [NAMES.as_bytes()], "by zlib");
    }

    #[test]
    fn what_cython_did_not_make_has_none() {
        assert!(texts(&module(b"", &lzss_packed(NAMES.as_bytes()))).is_empty());
        assert!(texts(b"").is_empty());
    }

    #[test]
    fn a_table_without_end_stays_bounded() {
        // Each reference makes 258 bytes of three.
        let mut packed = b"\xffabcdefgh".to_vec();
        packed.extend([b"\x00" as &[u8], &[0x00, 0xff].repeat(8)].concat().repeat(100_000));
        let total: usize = texts(&module(PACKED_BY_LZSS, &packed)).iter().map(Vec::len).sum();
        assert!(total <= MOST);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for message in [PACKED_BY_LZSS, PACKED_BY_ZLIB] {
                texts(&module(message, &bytes));
            }
        }
    }
}
