//! Reading a ZIP that may be hostile.
//!
//! What must stay true: an [`Archive`] that opened has only relative, portable, distinct UTF-8 names, regular files,
//! and members whose declared sizes were checked against limits before a byte was allocated for them. Format: APPNOTE
//! 6.3.10, as PEP 427 narrows it.

mod names;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use names::{COMPONENT_BYTES, Collision, PATH_BYTES, collisions};

use flate2::read::DeflateDecoder;
use libdeflater::{DecompressionError, Decompressor, crc32};
use names::Fault;
use rawzip::time::{UtcDateTime, ZipDateTimeKind};
use rawzip::{CompressionMethod, CreatorSystem, FileReader, ZipArchive, ZipArchiveEntryWayfinder, ZipFileHeaderRecord};

/// The most that one member may unpack to: it is held in memory as a whole.
const MEMBER_BYTES: u64 = 2 << 30;

/// The most that one archive may unpack to. The largest wheels that exist (machine learning with GPU code) unpack to
/// about 2 GiB; Lambda's largest artifact, an image, ends at 10 GB.
const ARCHIVE_BYTES: u64 = 6 << 30;

/// DEFLATE cannot do better than 1,032 to 1: a member that claims more lies about its size.
const DEFLATE_RATIO: u64 = 1_032;

const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// What makes an archive unfit to read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It could not be opened or read.
    #[error("it cannot be read")]
    Read(#[from] std::io::Error),
    /// Its structure is broken.
    #[error("it is not a whole ZIP: {0}")]
    Zip(#[from] rawzip::Error),
    /// A name that is not UTF-8.
    #[error("a member's name is not UTF-8: {0}")]
    Name(String),
    /// A name that would leave the folder it is unpacked into, or mean different files on different systems.
    #[error("{name:?} is not a path inside the archive ({reason})")]
    Path {
        /// The member.
        name: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// A name that Linux can make a file of, and not every system.
    #[error("{name:?} is not a path inside the archive ({reason})")]
    Portability {
        /// The member.
        name: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// Something other than a file or a folder.
    #[error("{name} is a {kind}; a wheel holds files only")]
    Kind {
        /// The member.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// Two members of one name.
    #[error("{name} is in it twice")]
    Duplicate {
        /// Both.
        name: String,
        /// Whether they are the same in all else too.
        same: bool,
    },
    /// Two names that differ only by case.
    #[error("{0} and {1} differ only by case")]
    Case(String, String),
    /// A name that is both a file and a folder.
    #[error("{0} is both a file and a folder in it")]
    FileAndFolder(String),
    /// More than can be meant.
    #[error("{name} claims to unpack to at least {bytes} bytes (at most {limit} are taken)")]
    TooLarge {
        /// The member, or "it".
        name: String,
        /// What it claims.
        bytes: u64,
        /// What is taken.
        limit: u64,
    },
    /// A method other than stored and DEFLATE, or encryption.
    #[error("{name} is packed in a way that wheels do not use ({method})")]
    Method {
        /// The member.
        name: String,
        /// How it is packed.
        method: String,
    },
    /// The central directory and the member's own header disagree.
    #[error("{0} has another name in its own header: two readers would see two archives")]
    HeaderName(String),
    /// The packed bytes do not unpack to what the archive says.
    #[error("{name} does not unpack to what the archive says ({reason})")]
    Corrupt {
        /// The member.
        name: String,
        /// What differs.
        reason: &'static str,
    },
}

/// When a member was last changed, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modified {
    /// To the second.
    Exactly(i64),
    /// In an unknown time zone, rounded down to two seconds.
    Locally(i64),
}

/// One regular file of an archive.
#[derive(Debug)]
pub struct Member {
    /// Its path, with `/` between components.
    pub name: String,
    /// Whether the archive marks it as executable.
    pub executable: bool,
    /// The permission bits it gets when a UNIX unpacks it; 644 where the archive was made by a system without any.
    pub mode: u32,
    /// Whether it is a symbolic link, whose bytes are its target: only in an archive that was opened by
    /// [`Archive::inspect`].
    pub link: bool,
    /// Its time.
    pub modified: Modified,
    /// Unpacked bytes.
    pub size: u64,
    /// Packed bytes.
    pub packed: u64,
    /// CRC-32 of the unpacked bytes.
    pub crc: u32,
    /// Whether it is packed with DEFLATE; else it is stored.
    pub deflated: bool,
    /// The comment beside it.
    pub note: Box<str>,
    wayfinder: ZipArchiveEntryWayfinder,
}

impl Member {
    /// Whether whoever unpacks both may take either.
    fn is_the_same(&self, other: &Self) -> bool {
        let facts = |member: &Self| (member.size, member.crc, member.mode, member.link);
        facts(self) == facts(other)
    }
}

/// An open archive. Members can be read from several threads at once.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    zip: ZipArchive<FileReader>,
    members: Vec<Member>,
    index: HashMap<String, usize>,
}

/// An archive as someone else may have made it, with what is odd about it.
#[derive(Debug)]
pub struct Inspected {
    /// Its files and symbolic links, without the members that are odd.
    pub archive: Archive,
    /// Folders that are members of their own, with their permission bits.
    pub folders: Vec<(String, u32)>,
    /// Why members were left out. Names that only Linux has files of, or that collide by case or by being a file and a
    /// folder, are left in.
    pub odd: Vec<ArchiveError>,
}

impl Archive {
    /// Reads and checks the directory of an archive.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        Self::load(path, Err).map(|(archive, _)| archive)
    }

    /// Reads the directory of an archive that need not be as strict as a wheel: one odd member is no reason to know
    /// nothing of the others. An archive that hides something in itself (members that overlap) is refused here too.
    pub fn inspect(path: &Path) -> Result<Inspected, ArchiveError> {
        let mut odd = Vec::new();
        let (archive, folders) = Self::load(path, |error| {
            odd.push(error);
            Ok(())
        })?;
        Ok(Inspected { archive, folders, odd })
    }

    /// `odd` is asked what to do about a member that a wheel must not have: go on without it, or stop.
    fn load(
        path: &Path,
        mut odd: impl FnMut(ArchiveError) -> Result<(), ArchiveError>,
    ) -> Result<(Self, Vec<(String, u32)>), ArchiveError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let zip = ZipArchive::from_file(file, &mut buffer)?;
        let mut members: Vec<Member> = Vec::new();
        let mut folders = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        let mut ranges: Vec<(u64, u64, String)> = Vec::new();
        let mut unpacked = 0_u64;
        let mut entries = zip.entries(&mut buffer);
        let mut headers = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        while let Some(entry) = entries.next_entry()? {
            let local = zip.get_entry(entry.wayfinder())?;
            let raw = entry.file_path();
            let (start, end) = local.compressed_data_range();
            let shown = String::from_utf8_lossy(raw.as_ref()).escape_debug().to_string();
            if end > length {
                return Err(ArchiveError::Corrupt { name: shown, reason: "it ends after the archive" });
            }
            ranges.push((entry.local_header_offset().min(start), end, shown));
            // First of all, so that no message below shows a name that was not looked at.
            let Some((name, is_folder)) = read_name(raw.as_ref(), &mut odd)? else { continue };
            if local.local_header(&mut headers)?.file_path().as_ref() != raw.as_ref() {
                odd(ArchiveError::HeaderName(name))?;
                continue;
            }
            if is_folder {
                if (entry.external_attributes() >> 16) & S_IFMT == S_IFLNK {
                    odd(ArchiveError::Kind { name: format!("{name}/"), kind: "symbolic link" })?;
                } else {
                    folders.push((name, permissions(&entry).unwrap_or(0o755)));
                }
                continue;
            }
            let member = match read_member(&entry, name) {
                Ok(member) => member,
                Err(error @ ArchiveError::TooLarge { .. }) => return Err(error),
                Err(error) => {
                    odd(error)?;
                    continue;
                }
            };
            if member.link {
                odd(ArchiveError::Kind { name: member.name.clone(), kind: "symbolic link" })?;
            }
            match index.entry(member.name.clone()) {
                Entry::Vacant(place) => drop(place.insert(members.len())),
                Entry::Occupied(first) => {
                    let same = member.is_the_same(&members[*first.get()]);
                    odd(ArchiveError::Duplicate { name: member.name, same })?;
                    continue;
                }
            }
            unpacked = unpacked.saturating_add(member.size);
            if unpacked > ARCHIVE_BYTES {
                return Err(ArchiveError::TooLarge { name: "it".into(), bytes: unpacked, limit: ARCHIVE_BYTES });
            }
            members.push(member);
        }
        let paths = members.iter().map(|member| (member.name.as_str(), false));
        for collision in collisions(paths.chain(folders.iter().map(|(folder, _)| (folder.as_str(), true)))) {
            odd(match collision {
                Collision::Case(one, other) => ArchiveError::Case(one.to_owned(), other.to_owned()),
                Collision::FileAndFolder(path) => ArchiveError::FileAndFolder(path.to_owned()),
            })?;
        }
        ranges.sort_unstable();
        if let Some(pair) = ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            return Err(ArchiveError::Corrupt { name: pair[1].2.clone(), reason: "it overlaps another member" });
        }
        Ok((Self { path: path.to_owned(), zip, members, index }, folders))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its files, in the archive's order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// A member's bytes as they are packed.
    pub fn packed(&self, index: usize) -> Result<Vec<u8>, ArchiveError> {
        let member = &self.members[index];
        let corrupt = |reason| ArchiveError::Corrupt { name: member.name.clone(), reason };
        let mut bytes = vec![0; usize::try_from(member.packed).map_err(|_| corrupt("it is too large"))?];
        self.zip.get_entry(member.wayfinder)?.reader().read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The first bytes of a member, or what can be unpacked of them, without the rest; nothing is compared.
    pub fn start(&self, index: usize, length: usize) -> Result<Vec<u8>, ArchiveError> {
        const PACKED: u64 = 1 << 16;
        let member = &self.members[index];
        let mut packed = Vec::new();
        self.zip.get_entry(member.wayfinder)?.reader().take(PACKED).read_to_end(&mut packed)?;
        if !member.deflated {
            packed.truncate(length);
            return Ok(packed);
        }
        let mut bytes = vec![0; length];
        let mut unpacking = DeflateDecoder::new(packed.as_slice());
        let mut filled = 0;
        // Data that ends early, or is broken, ends here; whoever reads the member as a whole says so.
        while let Ok(read @ 1..) = unpacking.read(&mut bytes[filled..]) {
            filled += read;
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// A member's bytes, unpacked and compared with the size and CRC that the archive gives.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, ArchiveError> {
        let member = &self.members[index];
        let corrupt = |reason| ArchiveError::Corrupt { name: member.name.clone(), reason };
        let packed = self.packed(index)?;
        let bytes = if member.deflated {
            let mut bytes = vec![0; usize::try_from(member.size).map_err(|_| corrupt("it is too large"))?];
            let written = Decompressor::new().deflate_decompress(&packed, &mut bytes).map_err(|error| match error {
                DecompressionError::BadData => corrupt("the packed data is broken"),
                DecompressionError::InsufficientSpace => corrupt("it is larger than it says"),
            })?;
            if written != bytes.len() {
                return Err(corrupt("it is smaller than it says"));
            }
            bytes
        } else {
            packed
        };
        if crc32(&bytes) != member.crc {
            return Err(corrupt("its CRC differs"));
        }
        Ok(bytes)
    }
}

/// A member's path, and whether it is a folder; nothing for what is none.
fn read_name(
    raw: &[u8],
    mut odd: impl FnMut(ArchiveError) -> Result<(), ArchiveError>,
) -> Result<Option<(String, bool)>, ArchiveError> {
    let Ok(written) = std::str::from_utf8(raw) else {
        odd(ArchiveError::Name(String::from_utf8_lossy(raw).escape_debug().to_string()))?;
        return Ok(None);
    };
    let (name, is_folder) = written.strip_suffix('/').map_or((written, false), |folder| (folder, true));
    let shown = || names::shown(name).into_owned();
    match names::check(name) {
        Ok(()) => Ok(Some((name.to_owned(), is_folder))),
        Err(Fault::Everywhere(reason)) => odd(ArchiveError::Path { name: shown(), reason }).map(|()| None),
        Err(Fault::Elsewhere(reason)) => {
            odd(ArchiveError::Portability { name: shown(), reason })?;
            Ok(Some((names::normal(name), is_folder)).filter(|(name, _)| !name.is_empty()))
        }
    }
}

/// A file or a link as the directory describes it.
fn read_member(entry: &ZipFileHeaderRecord<'_>, name: String) -> Result<Member, ArchiveError> {
    let unix_mode = entry.external_attributes() >> 16;
    let kind = unix_mode & S_IFMT;
    if kind != 0 && kind != S_IFREG && kind != S_IFLNK {
        return Err(ArchiveError::Kind { name, kind: "special file" });
    }
    let (size, packed) = (entry.uncompressed_size_hint(), entry.compressed_size_hint());
    let method = entry.compression_method();
    if entry.flags().is_encrypted() {
        return Err(ArchiveError::Method { name, method: "encrypted".into() });
    }
    if method != CompressionMethod::STORE && method != CompressionMethod::DEFLATE {
        return Err(ArchiveError::Method { name, method: method.to_string() });
    }
    if size > MEMBER_BYTES {
        return Err(ArchiveError::TooLarge { name, bytes: size, limit: MEMBER_BYTES });
    }
    if method == CompressionMethod::STORE && size != packed {
        return Err(ArchiveError::Corrupt { name, reason: "a stored member's two sizes differ" });
    }
    if size > packed.saturating_mul(DEFLATE_RATIO).saturating_add(DEFLATE_RATIO) {
        return Err(ArchiveError::Corrupt { name, reason: "its sizes are impossible" });
    }
    let modified = match entry.last_modified() {
        ZipDateTimeKind::Utc(time) => Modified::Exactly(time.to_unix()),
        ZipDateTimeKind::Local(time) => Modified::Locally(
            UtcDateTime::from_components(
                time.year(),
                time.month(),
                time.day(),
                time.hour(),
                time.minute(),
                time.second(),
                0,
            )
            .map_or(0, |time| time.to_unix()),
        ),
    };
    Ok(Member {
        executable: kind == S_IFREG && unix_mode & 0o111 != 0,
        mode: permissions(entry).unwrap_or(0o644),
        link: kind == S_IFLNK,
        modified,
        size,
        packed,
        crc: entry.crc32(),
        deflated: method == CompressionMethod::DEFLATE,
        note: String::from_utf8_lossy(entry.comment().as_bytes()).into(),
        wayfinder: entry.wayfinder(),
        name,
    })
}

/// Permission bits, unless the archive comes from a system that has none and does not write any.
fn permissions(entry: &ZipFileHeaderRecord<'_>) -> Option<u32> {
    let unix_mode = entry.external_attributes() >> 16;
    let system = entry.version_made_by().creator_system();
    let has_modes = system == CreatorSystem::UNIX || system == CreatorSystem::MACOS;
    (has_modes || unix_mode != 0).then_some(unix_mode & 0o7777)
}
