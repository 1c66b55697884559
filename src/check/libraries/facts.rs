//! What is kept of each binary file, read once: a few names, and eight bytes for each symbol.
//!
//! Symbols are kept as hashes, as there may be a million; where a finding has to name one, the file is read again. Two
//! names with one hash would hide a missing symbol, never invent one.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::name;
use crate::check::files::{File, Files, LARGE_BYTES, Origin};
use crate::elf::dynamic::{self, Dynamic, Kind, Machine};
use crate::elf::symbols::Symbol;
use crate::error::Result;
use crate::lambda::system::is_versioned;

/// Names in `DT_NEEDED` beyond which the rest is passed over; a library with a hundred is rare.
const MOST_NEEDED: usize = 4096;

/// A file that some system runs.
#[derive(Debug, Deserialize, Serialize)]
pub enum Binary {
    /// For Linux, or whatever else uses ELF.
    Elf(Box<Library>),
    /// ELF by its magic and header, but the rest cannot be read.
    Broken(Machine, Kind),
    /// For Windows, by the magic of PE.
    Windows,
    /// For macOS, by the magics of Mach-O and of its universal form.
    Mac,
}

impl Binary {
    /// The name of the question what a file is.
    pub const FACT: &str = "binary";

    /// What a file is by its first bytes, and what an ELF file says.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let word = |place: usize| bytes.get(place..place + 4).and_then(|word| word.try_into().ok());
        match magic(bytes)? {
            Magic::Elf => match dynamic::read(bytes) {
                Some(dynamic) => Some(Binary::Elf(Box::new(Library::of(&dynamic)))),
                None => dynamic::machine(bytes).map(|(machine, kind)| Binary::Broken(machine, kind)),
            },
            Magic::Mac => Some(Binary::Mac),
            // A class goes on with its version, 45 or more; a universal file with the number of its machines.
            Magic::MacOrJava => (u32::from_be_bytes(word(4)?) < 45).then_some(Binary::Mac),
            Magic::Windows => {
                let header = usize::try_from(u32::from_le_bytes(word(0x3c)?)).ok()?;
                (bytes.get(header..)?.starts_with(b"PE\0\0")).then_some(Binary::Windows)
            }
        }
    }
}

/// What is kept of an ELF file.
#[derive(Debug, Deserialize, Serialize)]
pub struct Library {
    pub(super) machine: Machine,
    pub(super) kind: Kind,
    pub(super) is_program: bool,
    /// The name that others need it by.
    pub soname: Option<String>,
    /// The names of what it needs, in the order in which the loader looks for them.
    pub needed: Vec<String>,
    pub(super) rpath: Option<String>,
    pub(super) runpath: Option<String>,
    /// Library → the versions that it cannot do without.
    pub(super) version_needs: Vec<(String, Vec<String>)>,
    pub(super) version_definitions: BTreeSet<String>,
    /// Init functions of Python modules.
    pub modules: Vec<String>,
    /// Symbols it defines; sorted.
    pub(super) defined: Vec<u64>,
    /// Symbols it takes from elsewhere if they are there, weak ones too, but for those of the C and C++ libraries, which
    /// are known by their versions; sorted.
    pub(super) wanted: Vec<u64>,
    /// Those among them that it cannot do without, that ask for no version, and that Python does not define; sorted.
    pub(super) plain: Vec<u64>,
}

impl Library {
    /// What matters of a file that was read.
    pub fn of(dynamic: &Dynamic) -> Self {
        let owned = |name: &Option<std::borrow::Cow<str>>| name.as_deref().map(str::to_owned);
        let hashes = |select: &dyn Fn(&Symbol) -> bool| {
            let selected = dynamic.symbols.iter().filter(|symbol| select(symbol));
            let mut hashes: Vec<u64> = selected.map(|symbol| hash(symbol.name)).collect();
            hashes.sort_unstable();
            hashes.dedup();
            hashes
        };
        let needs = dynamic.version_needs.iter().map(|need| {
            let versions = need.versions.iter().filter(|(_, weak)| !weak);
            (need.library.clone().into_owned(), versions.map(|(name, _)| name.clone().into_owned()).collect())
        });
        Self {
            machine: dynamic.machine,
            kind: dynamic.kind,
            is_program: dynamic.kind == Kind::Executable || dynamic.interpreter.is_some(),
            soname: owned(&dynamic.soname),
            needed: needed(dynamic),
            rpath: owned(&dynamic.rpath),
            runpath: owned(&dynamic.runpath),
            version_needs: needs.collect(),
            version_definitions: dynamic.version_definitions.iter().map(|name| name.clone().into_owned()).collect(),
            modules: dynamic.init_functions().map(str::to_owned).collect(),
            defined: hashes(&|symbol| symbol.defined),
            wanted: hashes(&|symbol| {
                let library = symbol.wanted_of.map(|place| &dynamic.version_needs[place].library);
                !symbol.defined && !library.is_some_and(|library| is_versioned(library))
            }),
            plain: hashes(&is_plain),
        }
    }
}

/// Each name once, and no more than any real file has.
fn needed(dynamic: &Dynamic) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = dynamic.needed.iter().map(AsRef::as_ref).filter(|name: &&str| seen.insert(*name));
    names.take(MOST_NEEDED).map(str::to_owned).collect()
}

/// Wanted for sure, without a version, and none of Python's own.
pub(super) fn is_plain(symbol: &Symbol) -> bool {
    let of_python = symbol.name.starts_with(b"Py") || symbol.name.starts_with(b"_Py");
    !symbol.defined && !symbol.weak && symbol.wanted_of.is_none() && !of_python
}

pub(super) fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    hasher.finish()
}

/// Every binary among the files, by path.
#[derive(Debug, Default)]
pub struct Survey {
    pub(super) binaries: BTreeMap<String, Binary>,
    /// Whether the files are a whole root file system, its C library among them, which need not be glibc.
    pub(super) is_image: bool,
}

impl Survey {
    /// Reads every file that may be a binary.
    pub fn of(files: &Files) -> Result<Self> {
        let candidates: Vec<(&String, &File)> =
            files.files.iter().filter(|(path, file)| may_be_binary(path, file.size)).collect();
        let (large, small): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|(_, file)| file.size > LARGE_BYTES);
        // Unequal tasks: without a limit of one, the largest library would wait at the end of somebody's share.
        let read = small.into_par_iter().with_max_len(1).map(|(path, file)| {
            let binary = files.said(file, Binary::FACT, Binary::of)?;
            Ok(binary.map(|binary| (path.clone(), binary)))
        });
        let mut read: Vec<Option<(String, Binary)>> = read.collect::<Result<_>>()?;
        // The largest are often data, which their beginning shows; of a tree's files that costs as much as the whole.
        for (path, file) in large {
            if matches!(file.origin, Origin::Tree(_)) || magic(&files.start(file, MAGIC_BYTES)?).is_some() {
                read.push(files.said(file, Binary::FACT, Binary::of)?.map(|binary| (path.clone(), binary)));
            }
        }
        Ok(read.into_iter().flatten().collect())
    }

    /// The same of bytes at hand, by path in Lambda. The bytes may go as soon as the next ones are asked for.
    pub fn of_bytes<B: AsRef<[u8]>>(files: impl IntoIterator<Item = (String, B)>) -> Self {
        files.into_iter().filter_map(|(path, bytes)| Some((path, Binary::of(bytes.as_ref())?))).collect()
    }

    /// Forgets those whose path does not hold.
    pub fn retain(&mut self, holds: impl Fn(&str) -> bool) {
        self.binaries.retain(|path, _| holds(path));
    }

    /// What an ELF file says.
    pub fn library(&self, path: &str) -> Option<&Library> {
        match self.binaries.get(path) {
            Some(Binary::Elf(library)) => Some(library),
            _ => None,
        }
    }
}

impl FromIterator<(String, Binary)> for Survey {
    fn from_iter<I: IntoIterator<Item = (String, Binary)>>(binaries: I) -> Self {
        Self { binaries: binaries.into_iter().collect(), is_image: false }
    }
}

/// Kinds of files that no loader opens and wheels have by the thousand. A file of any other name is judged by its magic.
const NEVER: &str = "py pyc pyi pyx pxd pxi txt md rst json xml html css js ts map csv tsv gz bz2 xz zip whl png jpg jpeg gif svg ico \
    ttf otf afm woff woff2 h hpp hh c cc cpp cu cuh f f90 a lib o pem crt yml yaml toml cfg ini typed parquet \
    feather arrow orc npz npy pkl mat sav dat po mo pot tcl msg cmake pc jinja proto thrift fbs sql sh bat ps1 onnx \
    pb pt safetensors jar class pdf wav mp3 mp4 avi tif tiff wasm";

/// Whether a file of that path and size is worth a look.
pub fn may_be_binary(path: &str, size: u64) -> bool {
    let name = name(path);
    let known = name
        .rsplit_once('.')
        .is_some_and(|(stem, ending)| !stem.is_empty() && NEVER.split_ascii_whitespace().any(|word| word == ending));
    size >= 32 && !known && !path.contains(".dist-info/")
}

/// What a binary begins with.
const MAGIC_BYTES: usize = 4;

/// What a file may be by its first bytes.
enum Magic {
    Elf,
    Mac,
    /// Universal files of macOS and Java classes have one magic.
    MacOrJava,
    Windows,
}

fn magic(bytes: &[u8]) -> Option<Magic> {
    match bytes.get(..MAGIC_BYTES)? {
        [0x7f, b'E', b'L', b'F'] => Some(Magic::Elf),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] => Some(Magic::Mac),
        [0xca, 0xfe, 0xba, 0xbe | 0xbf] => Some(Magic::MacOrJava),
        [b'M', b'Z', ..] => Some(Magic::Windows),
        _ => None,
    }
}
