//! A wheel that breaks the format, or tries to break out of it, ends a build with one clear error and status 1, and
//! leaves nothing behind: the artifact of an earlier build stays as it was, and the cache takes nothing in.
//!
//! Most of these archives cannot be made with a ZIP library: [`Member`] and [`archive`] write the structures by hand
//! (APPNOTE 6.3.10), without a check. Where pip stumbles first, its words are its own and only the gist is asserted.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64URL_NOPAD;
use insta::assert_snapshot;
use libdeflater::{CompressionLvl, Compressor, crc32};
use pack::python::{Wheel, WheelError};
use sha2::{Digest, Sha256};
use support::{Outcome, Pack, Run, WheelBuilder, sha256};

const WHEEL: &str = "pkg-1.0-py3-none-any.whl";
const HANDLER: &str = "import pkg\n\n\ndef handler(event, context):\n    return pkg.VALUE\n";
const EARLIER: &[u8] = b"the artifact of an earlier build";

const DEFLATE: u16 = 8;
const UTF8: u16 = 1 << 11;
const REGULAR: u32 = 0o100_644;

// ---------------------------------------------------------------------------------------------------- the archives

/// A member as both of its headers describe it, true or not.
#[derive(Clone)]
struct Member {
    name: Vec<u8>,
    /// The name in its own header, where that is another one.
    header_name: Option<Vec<u8>>,
    flags: u16,
    method: u16,
    mode: u32,
    crc: u32,
    size: u64,
    packed: Vec<u8>,
}

impl Member {
    fn stored(name: impl Into<Vec<u8>>, bytes: &[u8]) -> Self {
        Self {
            name: name.into(),
            header_name: None,
            flags: UTF8,
            method: 0,
            mode: REGULAR,
            crc: crc32(bytes),
            size: bytes.len() as u64,
            packed: bytes.into(),
        }
    }

    /// `size` zeros in a thousandth of the space. The CRC is not right: nothing should come to compare it.
    fn zeros(name: &str, size: u64) -> Self {
        Self { method: DEFLATE, size, packed: deflated_zeros(size), crc: 0, ..Self::stored(name, b"") }
    }

    /// The sizes of both headers, as 32 bits where they fit.
    fn size32(&self) -> u32 {
        u32::try_from(self.size).unwrap_or(u32::MAX)
    }

    fn header(&self) -> Vec<u8> {
        let name = self.header_name.as_ref().unwrap_or(&self.name);
        let mut header = b"PK\x03\x04".to_vec();
        header.extend(words(&[20, self.flags, self.method, 0, 0x21]));
        header.extend(longs(&[self.crc, length(&self.packed), self.size32()]));
        header.extend(words(&[short(name), 0]));
        header.extend(name);
        header
    }

    fn directory_entry(&self, offset: usize) -> Vec<u8> {
        let mut zip64 = Vec::new();
        if self.size32() == u32::MAX {
            zip64.extend(words(&[1, 8]));
            zip64.extend(self.size.to_le_bytes());
        }
        let mut entry = b"PK\x01\x02".to_vec();
        entry.extend(words(&[0x031E, 20, self.flags, self.method, 0, 0x21]));
        entry.extend(longs(&[self.crc, length(&self.packed), self.size32()]));
        entry.extend(words(&[short(&self.name), short(&zip64), 0, 0, 0]));
        entry.extend(longs(&[self.mode << 16, u32::try_from(offset).unwrap()]));
        entry.extend(&self.name);
        entry.extend(zip64);
        entry
    }
}

/// An archive of these members.
fn archive(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        directory.extend(member.directory_entry(bytes.len()));
        bytes.extend(member.header());
        bytes.extend(&member.packed);
    }
    finish(bytes, &directory, members.len())
}

/// Members' bytes, then the directory, then where it is.
fn finish(mut bytes: Vec<u8>, directory: &[u8], members: usize) -> Vec<u8> {
    let start = length(&bytes);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06");
    let members = u16::try_from(members).unwrap();
    bytes.extend(words(&[0, 0, members, members]));
    bytes.extend(longs(&[length(directory), start]));
    bytes.extend(words(&[0]));
    bytes
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn longs(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

fn short(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

/// A DEFLATE stream of about `size` zeros, made without packing them: in the stream of a few, the longest run of one
/// byte is four matches of 258 zeros a byte, and can be made as long as one likes.
fn deflated_zeros(size: u64) -> Vec<u8> {
    const FEW: usize = 100_000;
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut few = vec![0; compressor.deflate_compress_bound(FEW)];
    let written = compressor.deflate_compress(&vec![0; FEW], &mut few).unwrap();
    few.truncate(written);
    let run = few.chunk_by(|left, right| left == right).max_by_key(|run| run.len()).unwrap();
    let (byte, at) = (run[0], run.as_ptr() as usize - few.as_ptr() as usize);
    let more = usize::try_from(size).unwrap().saturating_sub(FEW) / (4 * 258);
    let mut stream = few[..at].to_vec();
    stream.resize(at + more, byte);
    stream.extend(&few[at..]);
    stream
}

fn well_formed() -> WheelBuilder {
    WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b"VALUE = 1\n").file("pkg/data.txt", b"data\n")
}

/// The members of a well-formed wheel.
fn members() -> Vec<Member> {
    well_formed().members().iter().map(|(name, bytes)| Member::stored(name.as_str(), bytes)).collect()
}

/// A well-formed wheel with more members.
fn wheel_with(more: impl IntoIterator<Item = Member>) -> Vec<u8> {
    let mut members = members();
    members.extend(more);
    archive(&members)
}

// -------------------------------------------------------------------------------------------------------- the runs

/// A project whose function needs the wheel, and which was built before.
fn project(wheel: &[u8]) -> Pack {
    let pack = Pack::new();
    pack.function("app", HANDLER, &["pkg"]);
    pack.write(&format!("wheels/{WHEEL}"), wheel);
    fs::create_dir_all(pack.path("dist")).unwrap();
    fs::write(pack.artifact("app"), EARLIER).unwrap();
    pack
}

/// Asserts that a build failed as an expected failure does, and that it left nothing.
fn assert_nothing_left(pack: &Pack, outcome: &Outcome) {
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    assert_eq!(fs::read(pack.artifact("app")).unwrap(), EARLIER);
    assert_eq!(pack.artifacts(), ["app-python3.13-x86_64.zip"]);
    assert_eq!(Pack::files(&pack.cache()), [""; 0]);
    for folder in [pack.cache().join("tmp"), pack.tmp()] {
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{} is not empty", folder.display());
    }
}

/// Why `pack` refuses a wheel: the line between the error that names the wheel and the hint.
fn refusal(wheel: &[u8]) -> String {
    refusal_of(&project(wheel), |run| run)
}

fn refusal_of(pack: &Pack, change: impl FnOnce(Run) -> Run) -> String {
    let outcome = change(pack.zip("app")).run();
    assert_nothing_left(pack, &outcome);
    let [fetching, error, because, hint] = outcome.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("four lines were expected:\n{}", outcome.stderr);
    };
    assert_eq!(fetching, "fetching 1 wheel");
    assert_eq!(error, format!("error: {WHEEL} is not a wheel that can be trusted"));
    assert_eq!(hint, "hint: do not install it; tell its authors, and pin a version that is well-formed");
    because.strip_prefix("  because: ").unwrap().to_owned()
}

/// A wheel that pip refuses already: its message has to name the distribution and what is wrong. Returns what `pack`
/// would say, were pip more patient.
fn refused_by_pip(wheel: &[u8], gist: &str) -> String {
    let pack = project(wheel);
    let outcome = pack.zip("app").run();
    assert_nothing_left(&pack, &outcome);
    let said =
        ["error: resolving the requirements with pip failed", "error: pip cannot read pkg-1.0-py3-none-any.whl: "];
    assert!(said.iter().any(|words| outcome.stderr.starts_with(words)), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Traceback") && !outcome.stderr.contains("  File \""), "{}", outcome.stderr);
    for part in ["pkg", gist] {
        assert!(outcome.stderr.contains(part), "no {part:?} in:\n{}", outcome.stderr);
    }
    match check(&pack.path("wheels").join(WHEEL)) {
        Ok(_) => "it is good".into(),
        Err(error) => error.to_string(),
    }
}

/// The library's check of a wheel, as it is made before one comes into the cache.
fn check(path: &Path) -> Result<Vec<String>, WheelError> {
    let wheel = Wheel::open(path)?;
    wheel.verify()?;
    wheel.unlisted()
}

/// The same run with that much address space, pip's included.
fn within(kibibytes: u64, run: &Run) -> Run {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {kibibytes} && exec \"$0\" \"$@\"")]);
    command.arg(run.command.get_program()).args(run.command.get_args());
    command.current_dir(run.command.get_current_dir().unwrap());
    for (name, value) in run.command.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Run { command }
}

// ----------------------------------------------------------------------------------------------------------- names

#[test]
fn the_wheel_is_good_before_it_is_broken() {
    for wheel in [well_formed().build(), archive(&members())] {
        let pack = project(&wheel);
        let outcome = pack.zip("app").run();
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        assert_ne!(fs::read(pack.artifact("app")).unwrap(), EARLIER);
    }
}

#[test]
fn without_an_earlier_build_there_is_no_folder_either() {
    let pack = project(&wheel_with([Member::stored("../outside.py", b"")]));
    fs::remove_dir_all(pack.path("dist")).unwrap();
    assert_eq!(pack.zip("app").run().status, 1);
    assert!(!pack.path("dist").exists());
    assert!(!pack.path("outside.py").exists());
}

#[test]
fn absolute_path() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("/etc/outside.py", b"")])), @r#""/etc/outside.py" is not a path inside the archive (it is absolute)"#);
}

#[test]
fn path_that_climbs_out() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("pkg/../../outside.py", b"")])), @r#""pkg/../../outside.py" is not a path inside the archive (it climbs out)"#);
}

#[test]
fn path_with_a_backslash() {
    assert_snapshot!(refusal(&wheel_with([Member::stored(r"pkg\..\..\outside.py", b"")])), @r#""pkg\\..\\..\\outside.py" is not a path inside the archive (it has a backslash or a control character)"#);
}

#[test]
fn path_with_a_drive() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("C:/outside.py", b"")])), @r#""C:/outside.py" is not a path inside the archive (it begins with a drive)"#);
}

#[test]
fn path_with_a_nul() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("pkg/a.py\0.txt", b"")])), @r#""pkg/a.py\0.txt" is not a path inside the archive (it has a backslash or a control character)"#);
}

#[test]
fn folder_that_climbs_out() {
    assert_snapshot!(refusal(&wheel_with([Member { mode: 0o040_755, ..Member::stored("../outside/", b"") }])), @r#""../outside" is not a path inside the archive (it climbs out)"#);
}

#[test]
fn name_that_is_not_utf8() {
    let member = Member { flags: 0, ..Member::stored(*b"pkg/caf\xe9.py", b"") };
    assert_snapshot!(refusal(&wheel_with([member])), @"a member's name is not UTF-8: pkg/caf�.py");
}

#[test]
fn name_that_says_utf8_and_is_not() {
    let wheel = wheel_with([Member::stored(*b"pkg/caf\xe9.py", b"")]);
    assert_snapshot!(refused_by_pip(&wheel, "codec can't decode"), @"a member's name is not UTF-8: pkg/caf�.py");
}

#[test]
fn names_that_collide_by_case() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("pkg/DATA.txt", b"")])), @"pkg/data.txt and pkg/DATA.txt differ only by case");
}

#[test]
fn folders_that_collide_by_case() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("PKG/other.txt", b"")])), @"pkg and PKG differ only by case");
}

#[test]
fn file_and_folder_of_one_name() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("pkg/data.txt/inside.txt", b"")])), @"pkg/data.txt is both a file and a folder in it");
}

#[test]
fn duplicate_member() {
    assert_snapshot!(refusal(&wheel_with([Member::stored("pkg/__init__.py", b"VALUE = 2\n")])), @"pkg/__init__.py is in it twice");
}

#[test]
fn member_with_another_name_in_its_own_header() {
    let member = Member { header_name: Some(b"pkg/innocent.py".into()), ..Member::stored("pkg/hostile.py", b"") };
    assert_snapshot!(refusal(&wheel_with([member])), @"pkg/hostile.py has another name in its own header: two readers would see two archives");
}

/// Names are shown; they must not steer the terminal that shows them.
#[test]
fn names_with_escape_sequences() {
    let plain = Member::stored("pkg/\x1b[2Jcleared", b"");
    let link = Member { mode: 0o120_777, ..plain.clone() };
    let other_header = Member { header_name: Some(b"pkg/other".into()), ..plain.clone() };
    for member in [plain, link, other_header] {
        let reason = refusal(&wheel_with([member]));
        assert!(!reason.contains('\x1b'), "{reason:?}");
    }
}

// ----------------------------------------------------------------------------------------------------------- kinds

#[test]
fn symbolic_link() {
    let member = Member { mode: 0o120_777, ..Member::stored("pkg/link.py", b"/etc/passwd") };
    assert_snapshot!(refusal(&wheel_with([member])), @"pkg/link.py is a symbolic link; a wheel holds files only");
}

#[test]
fn symbolic_link_that_says_it_is_a_folder() {
    let member = Member { mode: 0o120_777, ..Member::stored("pkg/link/", b"/etc") };
    assert_snapshot!(refusal(&wheel_with([member])), @"pkg/link/ is a symbolic link; a wheel holds files only");
}

#[test]
fn special_files() {
    for (kind, mode) in [("fifo", 0o010_644), ("device", 0o020_644), ("socket", 0o140_644), ("folder", 0o040_755)] {
        let member = Member { mode, ..Member::stored(format!("pkg/{kind}"), b"") };
        assert_eq!(refusal(&wheel_with([member])), format!("pkg/{kind} is a special file; a wheel holds files only"));
    }
}

// ---------------------------------------------------------------------------------------------------------- RECORD

#[test]
fn wrong_hash_in_record() {
    let wheel = well_formed().record(|_, bytes| {
        let other = if bytes == b"data\n" { b"DATA\n" } else { bytes };
        format!("sha256={}", BASE64URL_NOPAD.encode(&Sha256::digest(other)))
    });
    assert_snapshot!(refusal(&wheel.build()), @"pkg/data.txt is not the file that RECORD lists (its sha256 is Zmey0aq2oAyqWu5a-K2fFGXlZ6vxwgnRVyfVez6Pbl8, RECORD says du4vkqJSZxCOwdUNgdTrMLMO-UhBvM8hFb5WOc83Xqo)");
}

#[test]
fn md5_in_record() {
    let wheel = well_formed().record(|_, _| "md5=1B2M2Y8AsgTpgAmY7PhCfg".into());
    assert_snapshot!(one_of_several(&refusal(&wheel.build())), @"[member] is not the file that RECORD lists (the format does not allow md5)");
}

#[test]
fn no_hash_in_record() {
    let wheel = well_formed().record(|_, _| String::new());
    assert_snapshot!(one_of_several(&refusal(&wheel.build())), @r#"[member] is not the file that RECORD lists (its hash is "")"#);
}

/// Members are compared in parallel: which is named first is open.
fn one_of_several(reason: &str) -> String {
    let (member, rest) = reason.split_once(' ').unwrap();
    assert!(well_formed().members().iter().any(|(name, _)| name == member), "{reason}");
    format!("[member] {rest}")
}

#[test]
fn record_that_is_no_text() {
    let mut members = members();
    *members.last_mut().unwrap() = Member::stored("pkg-1.0.dist-info/RECORD", b"\xff\xfe");
    assert_snapshot!(refusal(&archive(&members)), @"pkg-1.0.dist-info/RECORD cannot be read: it is not UTF-8");
}

#[test]
fn no_record() {
    assert_snapshot!(refusal(&well_formed().without("RECORD").build()), @"pkg-1.0.dist-info/RECORD is missing");
}

// -------------------------------------------------------------------------------------------------------- the wheel

#[test]
fn no_wheel_file() {
    assert_snapshot!(refused_by_pip(&well_formed().without("WHEEL").build(), "dist-info/WHEEL"), @"pkg-1.0.dist-info/WHEEL is missing");
}

#[test]
fn no_metadata() {
    refused_by_pip(&well_formed().without("METADATA").build(), "metadata");
}

#[test]
fn later_wheel_version() {
    assert_snapshot!(refused_by_pip(&well_formed().wheel_version("2.0").build(), "Wheel-Version (2.0)"), @"WHEEL cannot be read: Wheel-Version is 2.0, known is 1");
}

#[test]
fn two_dist_info_folders() {
    let wheel = well_formed().file("other-1.0.dist-info/METADATA", b"").build();
    assert_snapshot!(refused_by_pip(&wheel, "multiple .dist-info"), @"it has other-1.0.dist-info, pkg-1.0.dist-info instead of one folder pkg-1.0.dist-info");
}

#[test]
fn dist_info_of_another_distribution() {
    let wheel = WheelBuilder::new("other", "1.0").file("pkg/__init__.py", b"").build();
    assert_snapshot!(refused_by_pip(&wheel, "does not start with"), @"it has other-1.0.dist-info instead of one folder pkg-1.0.dist-info");
}

#[test]
fn unknown_scheme() {
    assert_snapshot!(refusal(&well_formed().file("pkg-1.0.data/config/a.ini", b"").build()), @"pkg-1.0.data/config/a.ini is in a scheme that the wheel format does not have");
}

#[test]
fn file_outside_every_scheme() {
    assert_snapshot!(refusal(&well_formed().file("pkg-1.0.data/a.ini", b"").build()), @"pkg-1.0.data/a.ini is in a scheme that the wheel format does not have");
}

// -------------------------------------------------------------------------------------------------------- the bytes

#[test]
fn not_a_zip() {
    assert_snapshot!(refused_by_pip(b"<!DOCTYPE html><title>404</title>", "is invalid"), @"it is not a whole ZIP: Missing end of central directory");
}

#[test]
fn truncated() {
    let whole = well_formed().build();
    for kept in [0, whole.len() / 2, whole.len() - 1] {
        assert!(refused_by_pip(&whole[..kept], "is invalid").starts_with("it is not a whole ZIP"));
    }
}

/// What the binary does with three lengths, the library does with every one.
#[test]
fn truncated_at_every_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(WHEEL);
    let whole = well_formed().build();
    fs::write(&path, &whole).unwrap();
    assert_eq!(check(&path).unwrap(), [""; 0]);
    for kept in 0..whole.len() {
        fs::write(&path, &whole[..kept]).unwrap();
        assert!(check(&path).is_err(), "{kept} of {} bytes are no wheel", whole.len());
    }
}

/// Any byte may be another one: the check ends with an answer, and a wheel that passes has the files it had.
#[test]
fn any_byte_flipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(WHEEL);
    let whole = well_formed().build();
    let contents = |path: &Path| {
        let wheel = Wheel::open(path).ok()?;
        let unlisted = wheel.verify().and_then(|()| wheel.unlisted()).ok()?;
        let archive = &wheel.archive;
        let files =
            archive.members().iter().enumerate().map(|(at, member)| (member.name.clone(), archive.read(at).unwrap()));
        unlisted.is_empty().then(|| files.collect::<Vec<_>>())
    };
    fs::write(&path, &whole).unwrap();
    let good = contents(&path).unwrap();
    for at in 0..whole.len() {
        for bit in [1, 128] {
            let mut flipped = whole.clone();
            flipped[at] ^= bit;
            fs::write(&path, &flipped).unwrap();
            let Some(files) = contents(&path) else { continue };
            assert_eq!(files.len(), good.len());
            for ((name, bytes), (good_name, good_bytes)) in files.iter().zip(&good) {
                // RECORD vouches for the others, and for itself only the wheel's digest does.
                let same = bytes == good_bytes || name.ends_with("/RECORD");
                assert!(name == good_name && same, "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn wrong_crc() {
    let member = Member { crc: 1, ..Member::stored("pkg/other.txt", b"other") };
    assert_snapshot!(refusal(&wheel_with([member])), @"pkg/other.txt does not unpack to what the archive says (its CRC differs)");
}

#[test]
fn broken_deflate() {
    let member = Member { method: DEFLATE, ..Member::stored("pkg/other.txt", b"\xff\xff\xff\xff") };
    assert_snapshot!(refusal(&wheel_with([member])), @"pkg/other.txt does not unpack to what the archive says (the packed data is broken)");
}

#[test]
fn encrypted() {
    let member = Member { flags: UTF8 | 1, ..Member::stored("pkg/other.txt", b"other") };
    assert_snapshot!(refusal(&wheel_with([member])), @"pkg/other.txt is packed in a way that wheels do not use (encrypted)");
}

#[test]
fn unsupported_method() {
    let member = Member { method: 12, ..Member::stored("pkg/other.txt", b"other") };
    assert_snapshot!(refusal(&wheel_with([member])), @"pkg/other.txt is packed in a way that wheels do not use (12 (BZIP2))");
}

// ----------------------------------------------------------------------------------------------------------- bombs

/// Address space for `pack` and for pip, each, in KiB: little beside what the bombs hold.
const MEMORY: u64 = 768 << 10;

fn defused(wheel: &[u8]) -> String {
    refusal_of(&project(wheel), |run| within(MEMORY, &run))
}

#[test]
fn bomb_of_ten_gigabytes_in_one_member() {
    assert_snapshot!(defused(&wheel_with([Member::zeros("pkg/zeros.bin", 10_000_000_000)])), @"pkg/zeros.bin claims to unpack to at least 10000000000 bytes (at most 2147483648 are taken)");
}

#[test]
fn bomb_of_ten_gigabytes_in_five_members() {
    let zeros = Member::zeros("", 2_000_000_000);
    let part = |number| Member { name: format!("pkg/zeros{number}.bin").into(), ..zeros.clone() };
    assert_snapshot!(defused(&wheel_with((0..5).map(part))), @"it claims to unpack to at least 8000000458 bytes (at most 6442450944 are taken)");
}

#[test]
fn member_that_says_ten_bytes_and_is_a_gigabyte() {
    let member = Member { size: 10, ..Member::zeros("pkg/zeros.bin", 1_000_000_000) };
    assert_snapshot!(defused(&wheel_with([member])), @"pkg/zeros.bin does not unpack to what the archive says (it is larger than it says)");
}

#[test]
fn member_that_says_two_gigabytes_and_is_ten_bytes() {
    let member = Member { size: 2_000_000_000, ..Member::zeros("pkg/zeros.bin", 10) };
    assert_snapshot!(defused(&wheel_with([member])), @"pkg/zeros.bin does not unpack to what the archive says (its sizes are impossible)");
}

/// Ten bytes that both headers call two gigabytes, packed and unpacked.
#[test]
fn member_that_says_it_is_larger_than_the_wheel() {
    let name = "pkg/large.bin";
    let mut wheel = wheel_with([Member::stored(name, b"ten bytes.")]);
    let places: Vec<usize> = (0..wheel.len()).filter(|&place| wheel[place..].starts_with(name.as_bytes())).collect();
    let (header, entry) = (places[0], places[places.len() - 1]);
    for sizes in [header - 12, entry - 26] {
        wheel[sizes..sizes + 8].copy_from_slice(&longs(&[2_000_000_000; 2]));
    }
    assert_snapshot!(defused(&wheel), @"pkg/large.bin does not unpack to what the archive says (it ends after the archive)");
}

/// A wheel whose members share one megabyte: each member's stream quotes the header of the next as stored bytes and
/// goes on with the next one's stream (David Fifield, "A better zip bomb", 2019).
fn quoting(members: usize, plain: &[Member], unused: &[u8]) -> Vec<u8> {
    let mut unpacked = vec![0; 1 << 20];
    let mut packed: Vec<u8> = unpacked.chunks(0x8000).flat_map(|chunk| stored_block(0, chunk)).collect();
    packed.extend(stored_block(1, b""));
    let mut quoted: Vec<Member> = Vec::new();
    for number in (0..members).rev() {
        if let Some(next) = quoted.last() {
            let header = next.header();
            packed = [stored_block(0, &header), next.packed.clone()].concat();
            unpacked = [header, unpacked].concat();
        }
        let name = format!("pkg/quoted{number:02}.bin");
        quoted.push(Member { method: DEFLATE, packed: packed.clone(), ..Member::stored(name, &unpacked) });
    }
    let (mut bytes, mut directory) = (unused.to_vec(), Vec::new());
    for member in plain.iter().chain(quoted.last()) {
        directory.extend(member.directory_entry(bytes.len()));
        bytes.extend(member.header());
        bytes.extend(&member.packed);
    }
    for member in quoted.iter().rev().skip(1) {
        directory.extend(member.directory_entry(bytes.len() - member.packed.len() - member.header().len()));
    }
    finish(bytes, &directory, plain.len() + members)
}

/// A block of DEFLATE that is not packed.
fn stored_block(last: u8, bytes: &[u8]) -> Vec<u8> {
    [&[last][..], &words(&[short(bytes), !short(bytes)]), bytes].concat()
}

#[test]
fn overlapping_members() {
    assert_snapshot!(defused(&quoting(20, &members(), b"")), @"pkg/quoted01.bin does not unpack to what the archive says (it overlaps another member)");
}

/// Bytes that belong to no member must not make room for overlaps.
#[test]
fn overlapping_members_beside_unused_bytes() {
    let unused = vec![1; 25 << 20];
    assert_snapshot!(defused(&quoting(20, &members(), &unused)), @"pkg/quoted01.bin does not unpack to what the archive says (it overlaps another member)");
}

// -------------------------------------------------------------------------------------------- digests and the cache

/// A Python for `--python-executable` that does something before or after pip's `download`.
fn python_that(pack: &Pack, before: &str, after: &str) {
    let script = format!(
        "#!/bin/sh\nfor word; do case $previous in --dest) dest=$word;; esac; previous=$word; done\n\
         test -z \"$dest\" && exec python3 \"$@\"\n{before}\npython3 \"$@\" || exit\n{after}\n"
    );
    pack.write("python", script);
    fs::set_permissions(pack.path("python"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn wheel_that_changes_after_it_was_fetched() {
    let (resolved, fetched) = (well_formed().build(), well_formed().file("pkg/more.py", b"").build());
    let pack = project(&resolved);
    pack.write("other.whl", &fetched);
    python_that(&pack, "", &format!("cp other.whl \"$dest/{WHEEL}\""));
    let outcome = pack.zip("app").arg("--python-executable").arg(pack.path("python")).run();
    assert_nothing_left(&pack, &outcome);
    let said = outcome.stderr.replace(&sha256(&resolved), "[resolved]").replace(&sha256(&fetched), "[fetched]");
    assert_snapshot!(said, @"
    fetching 1 wheel
    error: pkg-1.0-py3-none-any.whl has SHA-256 [fetched], but [resolved] was resolved
    hint: the file changed at its source or on the way: do not use it; pip cache purge, then try again
    ");
}

#[test]
fn wheel_that_changes_before_it_is_fetched() {
    let pack = project(&well_formed().build());
    pack.write("other.whl", well_formed().file("pkg/more.py", b"").build());
    python_that(&pack, &format!("cp other.whl \"wheels/{WHEEL}\""), "");
    let outcome = pack.zip("app").arg("--python-executable").arg(pack.path("python")).run();
    assert_nothing_left(&pack, &outcome);
    assert!(outcome.stderr.contains("THESE PACKAGES DO NOT MATCH THE HASHES"), "{}", outcome.stderr);
}

#[test]
fn wheel_without_the_hash_that_the_requirements_give() {
    let pack = project(&well_formed().build());
    pack.write("requirements/app.txt", format!("pkg==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    let outcome = pack.zip("app").run();
    assert_nothing_left(&pack, &outcome);
    assert!(outcome.stderr.contains("THESE PACKAGES DO NOT MATCH THE HASHES"), "{}", outcome.stderr);
}

/// The cached file whose path ends so.
fn cached(pack: &Pack, end: &str) -> PathBuf {
    let files = Pack::files(&pack.cache());
    let found = files.iter().find(|file| file.ends_with(end));
    pack.cache().join(found.unwrap_or_else(|| panic!("no {end} in {files:?}")))
}

#[test]
fn wheel_tampered_with_in_the_cache_is_fetched_again() {
    let pack = project(&well_formed().build());
    assert_eq!(pack.zip("app").run().status, 0);
    let built = fs::read(pack.artifact("app")).unwrap();
    let wheel = cached(&pack, ".whl");
    let good = fs::read(&wheel).unwrap();
    let other = well_formed().file("pkg/more.py", b"import os\n").build();
    for bad in [other.as_slice(), &good[..good.len() / 2], b""] {
        fs::write(&wheel, bad).unwrap();
        let outcome = pack.zip("app").run();
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, "fetching 1 wheel\n"));
        assert_eq!(fs::read(&wheel).unwrap(), good);
        assert_eq!(fs::read(pack.artifact("app")).unwrap(), built);
    }
}

/// A cache that cannot be read is one that is not there: stripped files and bytecode are made again.
#[test]
fn broken_cache_of_members_is_made_again() {
    let pack = project(&well_formed().build());
    let build = || {
        let outcome = pack.command(["zip", "app"]).run();
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        fs::read(pack.artifact("app")).unwrap()
    };
    let expected = build();
    for kept in Pack::files(&pack.cache()).iter().filter(|file| file.starts_with("members-v2")) {
        let path = pack.cache().join(kept);
        let good = fs::read(&path).unwrap();
        let middle_of_first_member = 30 + usize::from(good[26]) + usize::from(good[28]) + 8;
        let end = good.len() - 1;
        for at in [0, middle_of_first_member, end] {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            fs::write(&path, &bad).unwrap();
            assert_eq!(build(), expected, "byte {at} of {kept}");
        }
        fs::write(&path, &good[..good.len() / 2]).unwrap();
        assert_eq!(build(), expected, "half of {kept}");
    }
}

// ----------------------------------------------------------------------------------------------- the function's own

#[test]
fn symbolic_link_of_the_function_that_leads_nowhere() {
    let pack = project(&well_formed().build());
    symlink("nowhere.py", pack.path("functions/app/link.py")).unwrap();
    let outcome = pack.zip("app").run();
    assert_nothing_left(&pack, &outcome);
    assert!(outcome.stderr.contains("functions/app/link.py"), "{}", outcome.stderr);
}
