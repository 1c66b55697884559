//! One gzip member (RFC 1952) of what is written, packed on all processors.
//!
//! What must stay true: the bytes depend on the input alone, not on threads nor on the sizes of writes. The input is cut
//! into blocks of a fixed size; each is packed by itself, with the end of the one before as its dictionary, and ends on a
//! byte (a sync flush, RFC 1951 3.2.4), so that they can be put behind each other. One member and not several, since not
//! every reader of images reads on after the first.

use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use rayon::prelude::*;

/// Changes with the bytes that come out.
pub(super) const GZIP_VERSION: u32 = 1;

/// Input bytes of a block.
const BLOCK: usize = 1 << 20;

/// How far back DEFLATE looks.
const WINDOW: usize = 32 << 10;

/// Blocks that are packed at once.
const BATCH: usize = 16;

/// Level 6: higher ones cost much and save little.
const LEVEL: u32 = 6;

/// No time, no name, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty last block.
const END: [u8; 2] = [0x03, 0x00];

pub(super) struct Gzip<W: Write> {
    inner: W,
    /// The window before, then what is not packed yet.
    buffer: Vec<u8>,
    /// Bytes of the window.
    window: usize,
    crc: Crc,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(mut inner: W) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        Ok(Self { inner, buffer: Vec::with_capacity(WINDOW + BATCH * BLOCK), window: 0, crc: Crc::new() })
    }

    /// Writes what is left and the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.pack()?;
        self.inner.write_all(&END)?;
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        self.inner.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.inner)
    }

    fn pack(&mut self) -> io::Result<()> {
        let (all, start) = (&self.buffer, self.window);
        self.crc.update(&all[start..]);
        let starts: Vec<usize> = (start..all.len()).step_by(BLOCK).collect();
        let blocks: Vec<io::Result<Vec<u8>>> = starts
            .into_par_iter()
            .map(|at| deflate(&all[at.saturating_sub(WINDOW)..at], &all[at..all.len().min(at + BLOCK)]))
            .collect();
        for block in blocks {
            self.inner.write_all(&block?)?;
        }
        self.window = self.buffer.len().min(WINDOW);
        self.buffer.drain(..self.buffer.len() - self.window);
        Ok(())
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.window + BATCH * BLOCK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == self.window + BATCH * BLOCK {
            self.pack()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn deflate(window: &[u8], block: &[u8]) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::new(LEVEL), false);
    if !window.is_empty() {
        compress.set_dictionary(window).map_err(io::Error::other)?;
    }
    let mut packed = Vec::with_capacity(block.len() / 2 + 64);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(block.len());
        let status =
            compress.compress_vec(&block[read..], &mut packed, FlushCompress::Sync).map_err(io::Error::other)?;
        let is_read = compress.total_in() == block.len() as u64;
        // Room that is left says that nothing is held back.
        if is_read && packed.len() < packed.capacity() {
            return Ok(packed);
        }
        if status == Status::BufError && packed.len() < packed.capacity() {
            return Err(io::Error::other("DEFLATE makes no progress"));
        }
        packed.reserve(block.len() / 4 + 64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;
    use crate::registry::Digest;

    fn gzip(bytes: &[u8], step: usize) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new()).unwrap();
        for part in bytes.chunks(step) {
            gzip.write_all(part).unwrap();
        }
        gzip.finish().unwrap()
    }

    /// Text that repeats itself over block borders, and noise.
    fn sample(bytes: usize) -> Vec<u8> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 24
        };
        (0..bytes)
            .map(|at| if at % 4096 < 1024 { u8::try_from(next()).unwrap() } else { b"packaging"[at % 9] })
            .collect()
    }

    #[test]
    fn the_bytes_do_not_depend_on_writes_or_threads() {
        let bytes = sample(3 * BATCH * BLOCK / 2 + 77);
        let whole = gzip(&bytes, bytes.len());
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| gzip(&bytes, 65_536));
        assert!(whole == one && whole == gzip(&bytes, 999_983));
        let mut back = Vec::new();
        // Not the reader that goes on with a second member.
        flate2::read::GzDecoder::new(whole.as_slice()).read_to_end(&mut back).unwrap();
        assert!(back == bytes);
    }

    /// What an upgrade of the library must not change unseen: digests of images would change with it.
    #[test]
    fn the_bytes_are_what_they_were() {
        assert_eq!(Digest::of(&gzip(&sample(BLOCK * 2 + 5), 4096)).short(), "af8e654a35fc");
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..5000), step in 1_usize..700) {
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(gzip(&bytes, step).as_slice()).read_to_end(&mut back).unwrap();
            prop_assert_eq!(back, bytes);
        }
    }
}
