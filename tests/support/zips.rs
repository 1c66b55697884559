//! ZIPs as nobody should write them.

/// A regular file that everyone may read.
pub(crate) const FILE: u32 = 0o100_644;

/// A symbolic link.
pub(crate) const LINK: u32 = 0o120_777;

/// One member of a ZIP, written as it is asked for, whatever it breaks.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) mode: u32,
    /// What the directory says of the unpacked size, if that is a lie.
    pub(crate) claims: Option<u32>,
    pub(crate) crc: Option<u32>,
}

/// A regular file.
pub(crate) fn file(name: &str, bytes: impl AsRef<[u8]>) -> Member {
    Member { name: name.into(), bytes: bytes.as_ref().to_vec(), mode: FILE, claims: None, crc: None }
}

/// A ZIP of stored members.
pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = u32::try_from(bytes.len()).unwrap();
        let length = u32::try_from(member.bytes.len()).unwrap();
        let claims = member.claims.unwrap_or(length);
        let method: u16 = if member.claims.is_some() { 8 } else { 0 };
        let mut common = Vec::new();
        common.extend([20, 0, 0, 8]);
        common.extend(method.to_le_bytes());
        common.extend([0, 0, 0x21, 0x5b]);
        for number in [member.crc.unwrap_or_else(|| libdeflater::crc32(&member.bytes)), length, claims] {
            common.extend(number.to_le_bytes());
        }
        common.extend(u16::try_from(member.name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(member.name.as_bytes());
        bytes.extend(&member.bytes);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((member.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(member.name.as_bytes());
    }
    let start = u32::try_from(bytes.len()).unwrap();
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}
