//! Digests of blobs and manifests: SHA-256 alone, which is all that registries use and the only algorithm that every
//! reader has to know (OCI image specification 1.1, descriptor.md#digests).

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Without `sha256:`.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The first twelve digits, for a line that a person reads.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

impl From<[u8; 32]> for Digest {
    fn from(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((algorithm, hex)) = text.split_once(':') else {
            return Err("a digest is sha256: and 64 hexadecimal digits".into());
        };
        if algorithm != "sha256" {
            let is_name = algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte));
            let named = if is_name && (1..=32).contains(&algorithm.len()) { algorithm } else { "such" };
            return Err(format!("{named} digests are not supported, only sha256"));
        }
        let bytes = HEXLOWER.decode(hex.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| "after sha256: there have to be 64 lower-case hexadecimal digits".into())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads exactly so many bytes, and hands on the last of them only if the digest of all is right.
pub(super) struct Verified<R> {
    inner: R,
    hasher: Sha256,
    expected: Digest,
    left: u64,
    done: bool,
}

impl<R: Read> Verified<R> {
    pub(super) fn new(inner: R, expected: Digest, bytes: u64) -> Self {
        Self { inner, hasher: Sha256::new(), expected, left: bytes, done: false }
    }

    /// Takes the rest from another reader, after the first broke.
    pub(super) fn replace(&mut self, inner: R) {
        self.inner = inner;
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    fn compare(&mut self) -> io::Result<()> {
        let actual = Digest(self.hasher.clone().finalize().into());
        if actual != self.expected {
            let reason = format!("it has the digest {actual} instead of {}", self.expected);
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        self.done = true;
        Ok(())
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        let mut read = 0;
        if self.left > 0 {
            let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            read = self.inner.read(&mut buffer[..length])?;
            if read == 0 {
                let reason = format!("it ends {} bytes too early", self.left);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
            }
            self.hasher.update(&buffer[..read]);
            self.left -= read as u64;
        }
        if self.left == 0 {
            self.compare()?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sha256_in_its_one_spelling() {
        let digest = Digest::of(b"");
        assert_eq!(digest.to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for wrong in ["", "sha256", "sha256:", "sha256:E3b0", &digest.to_string().to_uppercase(), &digest.hex()] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
        let sha512 = format!("sha512:{}", "0".repeat(128));
        assert_eq!(sha512.parse::<Digest>(), Err("sha512 digests are not supported, only sha256".into()));
    }

    #[test]
    fn the_last_bytes_come_only_if_all_are_right() {
        let read = |bytes: &[u8], expected: &[u8], size: u64| {
            let mut out = Vec::new();
            let result = Verified::new(bytes, Digest::of(expected), size).read_to_end(&mut out);
            (result.map_err(|error| error.kind()), out)
        };
        assert_eq!(read(b"right", b"right", 5), (Ok(5), b"right".to_vec()));
        assert_eq!(read(b"", b"", 0), (Ok(0), vec![]));
        assert_eq!(read(b"right and more", b"right", 5).0, Ok(5), "what follows belongs to nobody");
        assert_eq!(read(b"wrong", b"right", 5), (Err(io::ErrorKind::InvalidData), vec![]));
        assert_eq!(read(b"", b"right", 0).0, Err(io::ErrorKind::InvalidData));
        assert_eq!(read(b"rig", b"right", 5).0, Err(io::ErrorKind::UnexpectedEof));
    }
}
