//! DEFLATE by libdeflate: whole buffers, one fixed level, so that the same bytes always pack to the same bytes.

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor, crc32};

/// Smaller than `zip -9` and many times faster; higher levels cost much and save little.
const LEVEL: i32 = 6;

/// Changes with the level and with every version of libdeflate that packs differently.
pub const DEFLATE_VERSION: &str = "6-libdeflate1";

/// A file as a ZIP holds it.
#[derive(Debug)]
pub struct Packed {
    /// The packed bytes.
    pub bytes: Vec<u8>,
    /// Whether they are packed with DEFLATE; else they are stored.
    pub deflated: bool,
    /// CRC-32 of the unpacked bytes.
    pub crc: u32,
    /// Unpacked bytes.
    pub size: u64,
}

thread_local! {
    /// Its tables take more memory than most files; nothing of one file remains in them for the next.
    static COMPRESSOR: RefCell<Compressor> =
        RefCell::new(Compressor::new(CompressionLvl::new(LEVEL).unwrap_or_default()));
}

/// Packs a file; one that would not get smaller is stored.
pub fn pack(bytes: Vec<u8>) -> Packed {
    let (crc, size) = (crc32(&bytes), bytes.len() as u64);
    // A buffer of the input's size: what does not fit in it is not smaller.
    let mut packed = vec![0; bytes.len()];
    match COMPRESSOR.with_borrow_mut(|compressor| compressor.deflate_compress(&bytes, &mut packed)) {
        Ok(length) if length < bytes.len() => {
            packed.truncate(length);
            packed.shrink_to_fit();
            Packed { bytes: packed, deflated: true, crc, size }
        }
        _ => Packed { bytes, deflated: false, crc, size },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_get_smaller_is_stored() {
        assert!(!pack(Vec::new()).deflated);
        assert!(!pack(b"abc".to_vec()).deflated);
        let packed = pack(vec![7; 10_000]);
        assert!(packed.deflated && packed.bytes.len() < 100);
        assert_eq!((packed.crc, packed.size), (crc32(&[7; 10_000]), 10_000));
    }
}
