//! One gzip member (RFC 1952), made of pieces that were packed on their own.
//!
//! What must stay true: the bytes depend on the pieces alone. A piece that is DEFLATE already (RFC 1951), as a ZIP holds its members, is
//! not packed again: its last block is told not to be the last, and an empty stored block behind it ends on a byte (3.2.4), so
//! that the next piece can be put there. One member and not several, since not every reader of images reads on after the first.

use std::io::{self, Write};

use flate2::Crc;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};

use crate::artifact::Packed;

/// Changes with the bytes that come out, also with how `layer.rs` divides a tar into pieces.
pub(super) const GZIP_VERSION: u32 = 3;

/// No time, no name, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty last block.
const END: [u8; 2] = [0x03, 0x00];

/// An empty stored block, behind the three bits that begin it.
const EMPTY: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The most that one stored block has.
const STORED_BYTES: usize = 0xffff;

/// A part of the input: packed blocks that are not the last ones and end on a byte.
pub(super) struct Piece {
    blocks: Vec<u8>,
    crc: Crc,
}

impl Piece {
    /// The piece, and what it unpacks to.
    pub(super) fn of(packed: Packed) -> io::Result<(Self, Vec<u8>)> {
        let size = usize::try_from(packed.size).map_err(io::Error::other)?;
        let (blocks, plain) =
            if packed.deflated { open_ended(packed.bytes, size)? } else { (stored(&packed.bytes), packed.bytes) };
        let mut crc = Crc::new();
        crc.update(&plain);
        if crc.sum() != packed.crc {
            return Err(io::Error::other("a packed file has another CRC than is said of it"));
        }
        Ok((Self { blocks, crc }, plain))
    }
}

pub(super) struct Gzip<W: Write> {
    inner: W,
    crc: Crc,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(mut inner: W) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        Ok(Self { inner, crc: Crc::new() })
    }

    pub(super) fn add(&mut self, piece: &Piece) -> io::Result<()> {
        self.crc.combine(&piece.crc);
        self.inner.write_all(&piece.blocks)
    }

    /// Writes the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&END)?;
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        self.inner.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.inner)
    }
}

fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(bytes.len() + bytes.len() / STORED_BYTES * 5 + 5);
    for part in bytes.chunks(STORED_BYTES) {
        // As many as the chunk has: it fits.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        blocks.push(0);
        blocks.extend(length.to_le_bytes());
        blocks.extend((!length).to_le_bytes());
        blocks.extend(part);
    }
    blocks
}

/// A whole DEFLATE stream as one that goes on, and what it unpacks to. Where its last block begins is found by unpacking it.
fn open_ended(mut stream: Vec<u8>, size: usize) -> io::Result<(Vec<u8>, Vec<u8>)> {
    const FLAGS: u32 = TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let broken = || io::Error::other("a packed file is no whole DEFLATE stream");
    let mut plain = vec![0; size];
    let (mut read, mut written) = (0, 0);
    let mut unpacking = DecompressorOxide::new();
    let mut state = BlockBoundaryState::default();
    loop {
        // The next block's first bit says whether it is the last one.
        let bit = read * 8 - usize::from(state.num_bits);
        let first = stream.get_mut(bit / 8).ok_or_else(broken)?;
        let is_last = *first >> (bit % 8) & 1 == 1;
        *first &= !(1 << (bit % 8));
        if is_last && state.num_bits > 0 {
            state.bit_buf &= !1;
            unpacking = DecompressorOxide::from_block_boundary_state(&state);
        }
        let (status, taken, made) = decompress(&mut unpacking, &stream[read..], &mut plain, written, FLAGS);
        (read, written) = (read + taken, written + made);
        state = match (status, unpacking.block_boundary_state()) {
            (TINFLStatus::BlockBoundary, Some(state)) => state,
            _ => return Err(broken()),
        };
        if is_last {
            break;
        }
    }
    if written != size {
        return Err(broken());
    }
    let end = read * 8 - usize::from(state.num_bits);
    stream.truncate(end.div_ceil(8));
    if let (Some(last), used @ 1..) = (stream.last_mut(), end % 8) {
        *last &= (1 << used) - 1;
    }
    if (end + 3).div_ceil(8) > stream.len() {
        stream.push(0);
    }
    stream.extend(EMPTY);
    Ok((stream, plain))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;
    use crate::artifact::pack;
    use crate::registry::Digest;

    fn gzip<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new()).unwrap();
        for part in parts {
            let (piece, plain) = Piece::of(pack(part.to_vec())).unwrap();
            assert!(plain == part);
            gzip.add(&piece).unwrap();
        }
        gzip.finish().unwrap()
    }

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        // Not the reader that goes on with a second member.
        flate2::read::GzDecoder::new(packed).read_to_end(&mut back).unwrap();
        back
    }

    /// Text that repeats itself, and noise.
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

    /// What an upgrade of the library must not change unseen: digests of images would change with it.
    #[test]
    fn the_bytes_are_what_they_were() {
        let bytes = sample((2 << 20) + 5);
        let packed = gzip(bytes.chunks(700_000));
        assert!(unpacked(&packed) == bytes);
        assert_eq!(Digest::of(&packed).short(), "4951efea8211");
    }

    #[test]
    fn noise_is_stored_in_blocks() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56).to_le_bytes()[0]
        })
        .take(3 * STORED_BYTES)
        .collect();
        assert!(!pack(noise.clone()).deflated);
        assert!(unpacked(&gzip([noise.as_slice(), b"end"])) == [noise.as_slice(), b"end"].concat());
    }

    #[test]
    fn what_is_no_stream_or_another_one_is_refused() {
        let good = || pack(sample(10_000));
        let cut = |bytes| Packed { bytes, ..good() };
        let length = good().bytes.len();
        assert!(good().deflated && Piece::of(good()).is_ok());
        assert!(Piece::of(cut(Vec::new())).is_err());
        assert!(Piece::of(cut(good().bytes[..length - 5].to_vec())).is_err());
        assert!(Piece::of(Packed { size: 9_999, ..good() }).is_err());
        assert!(Piece::of(Packed { size: 10_001, ..good() }).is_err());
        assert!(Piece::of(Packed { crc: 1, ..good() }).is_err());
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(parts in proptest::collection::vec("[a-f]{0,400}", 0..9), seed in 0_usize..90_000) {
            let large = sample(seed);
            let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).chain([large.as_slice()]).collect();
            prop_assert!(unpacked(&gzip(parts.iter().copied())) == parts.concat());
        }

        #[test]
        fn hostile_streams_end(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 0_u64..5_000) {
            let _ = Piece::of(Packed { bytes, deflated: true, crc: 0, size });
        }
    }
}
