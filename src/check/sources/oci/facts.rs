//! What of a base decides what a function needs beside it: where its Pythons are, which distributions lie where, what starts it.
//!
//! Layers pass by and are kept nowhere: of most files only the path is looked at. What must stay true: nothing counts unless the
//! digests of all layers were right; what upper layers take away is gone; what hostile layers can cost is bounded.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::links::{self, Links, Patience};
use super::store::Hashing;
use super::{Configuration, Run, layer, python};
use crate::check::Origin;
use crate::error::{Error, Result};
use crate::lambda::{self, PythonVersion};
use crate::python::metadata;

/// Of METADATA name and version are in the first lines.
const METADATA_BYTES: u64 = 64 << 10;

/// The largest program whose bytes are looked at: a script, or a small executable.
const PROGRAM_BYTES: u64 = 1 << 20;

/// All texts that are kept.
const TEXT_BYTES: usize = 64 << 20;

/// Files that are kept, all together.
const FILES: usize = 200_000;

/// What stands for a file of which only the path is known.
const NO_TEXT: u64 = u64::MAX;

/// A file that matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Its permissions.
    pub mode: u32,
    /// What of its text matters; nothing where only the path does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The files and links of an image that matter; paths have no leading slash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What its configuration starts.
    pub entrypoint: Vec<String>,
    /// Its PATH.
    pub path: Option<String>,
    /// Where its Pythons look first.
    pub python_path: Option<String>,
    /// Executables of Python, what says where its library is, METADATA of distributions, and the program that starts.
    pub files: BTreeMap<String, Fact>,
    /// Every symbolic link.
    pub links: BTreeMap<String, String>,
}

impl Facts {
    /// Reads an image's configuration, and its layers as `open` gives them, packed, by their digests; the lowest is the first.
    pub fn read<'r>(
        config: &[u8],
        layers: &[String],
        open: &mut dyn FnMut(usize) -> Result<std::result::Result<Box<dyn Read + 'r>, String>>,
    ) -> Result<std::result::Result<Self, String>> {
        let config: Configuration = match serde_json::from_slice(config) {
            Ok(config) => config,
            Err(error) => return Ok(Err(format!("its configuration cannot be read: {error}"))),
        };
        let run = config.config.unwrap_or_default();
        let mut facts = Self::of(&run);
        let programs: Vec<String> = facts.entrypoint.iter().map(|word| name_of(word).to_owned()).collect();
        let mut root = layer::Root::default();
        let mut texts = Texts::default();
        // Every file is said to be one of this, and none is read from it.
        let nothing = Arc::new(tempfile::tempfile().map_err(Error::io("write", std::env::temp_dir()))?);
        let mut left = lambda::IMAGE_BYTES;
        for (number, (digest, diff_id)) in layers.iter().zip(&config.rootfs.diff_ids).enumerate() {
            let reader = match open(number)? {
                Ok(reader) => reader,
                Err(reason) => return Ok(Err(reason)),
            };
            let mut keep = |path: &str, size: u64, file: &mut dyn Read| texts.keep(path, size, file, &programs);
            let passed = pass(reader, (digest, diff_id), &mut left, &mut |stream| {
                root.apply_passing(stream, &nothing, &mut keep)
            })?;
            if let Err(reason) = passed {
                return Ok(Err(format!("layer {digest}: {reason}")));
            }
        }
        let layer::Root { files, links, .. } = root;
        for (path, file) in files.into_iter().filter(|(path, _)| matters(path, &programs)) {
            if facts.files.len() >= FILES {
                return Ok(Err(format!("more than {FILES} of its files are Pythons or distributions")));
            }
            let Origin::Part { offset, .. } = file.origin else { continue };
            let text = usize::try_from(offset).ok().and_then(|index| texts.all.get(index).cloned());
            facts.files.insert(path, Fact { mode: file.mode, text });
        }
        facts.links = links;
        Ok(Ok(facts))
    }

    fn of(run: &Run) -> Self {
        let variable = |name: &str| {
            let pairs = run.env.iter().flatten().filter_map(|line| line.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next_back()
        };
        Self {
            entrypoint: run.entrypoint.clone().unwrap_or_default(),
            path: variable("PATH"),
            python_path: variable("PYTHONPATH"),
            ..Self::default()
        }
    }

    /// The version that the name of an executable or of its folder of modules says: `usr/bin/python3.12`.
    pub fn version_in(path: &str) -> Option<PythonVersion> {
        python::version_in(path)
    }

    /// Whether a word of a command is a Python, with or without a path before it.
    pub fn is_python(word: &str) -> bool {
        python::is_python(word)
    }

    /// Where the Python of that path is installed: what `bin` is in.
    pub fn prefix(executable: &str) -> Option<&str> {
        python::prefix(executable)
    }

    /// Where a path leads.
    pub fn resolve(&self, path: &str) -> Option<String> {
        links::resolve(path, &self.links as &Links, &mut Patience::default()).ok()
    }

    /// The file at a path, through links, with its own path.
    pub fn file(&self, path: &str) -> Option<(String, &Fact)> {
        let path = self.resolve(path)?;
        self.files.get(&path).map(|fact| (path, fact))
    }
}

/// The last part of a path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a path says something; `programs` are names of what the entrypoint may start.
fn matters(path: &str, programs: &[String]) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder_name = name_of(folder);
    is_metadata(folder_name, name)
        || name == "pyvenv.cfg"
        || (folder_name == "bin" && python::is_python(name))
        || (matches!(name, "os.py" | "os.pyc") && python::is_python(folder_name))
        || (folder_name == "awslambdaric" && matches!(name, "__main__.py" | "__main__.pyc"))
        || programs.iter().any(|program| program == name)
        || path == "etc/debian_version"
}

fn is_metadata(folder: &str, name: &str) -> bool {
    name == "METADATA" && folder.ends_with(".dist-info")
}

/// Texts of files, by number.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    bytes: usize,
}

impl Texts {
    /// Takes a text of a file that passes, if its path says that it matters, and gives its number.
    fn keep(&mut self, path: &str, size: u64, file: &mut dyn Read, programs: &[String]) -> Result<u64, String> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_metadata = is_metadata(name_of(folder), name);
        let limit = match name {
            _ if is_metadata => METADATA_BYTES,
            "pyvenv.cfg" if size <= python::CONFIGURATION_BYTES => size,
            _ if programs.iter().any(|program| program == name) && size <= PROGRAM_BYTES => size,
            _ => return Ok(NO_TEXT),
        };
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(|error| format!("it is not a whole tar ({error})"))?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if is_metadata {
            let fields = metadata::headers(&text);
            let line = |field: &str| metadata::values(&fields, field).next().unwrap_or_default().to_owned();
            text = format!("Name: {}\nVersion: {}\n", line("name"), line("version"));
        }
        self.bytes += text.len();
        if self.bytes > TEXT_BYTES {
            return Err(format!("what says its distributions has more than {TEXT_BYTES} bytes"));
        }
        self.all.push(text);
        Ok(self.all.len() as u64 - 1)
    }
}

/// Hands the tar of a packed layer on, and compares both of its digests; `left` is how much all layers may still unpack to.
fn pass(
    reader: Box<dyn Read + '_>,
    (digest, diff_id): (&str, &str),
    left: &mut u64,
    apply: &mut dyn FnMut(&mut dyn Read) -> Result<(), String>,
) -> Result<std::result::Result<(), String>> {
    let mut packed = Hashing { inner: Blob { inner: reader, failure: None }, hasher: Sha256::new() };
    let outcome = unpack(&mut packed, (digest, diff_id), left, apply);
    // Whatever was made of it then: what gave out says why.
    match packed.inner.failure {
        Some(failure) => Err(why(failure)),
        None => Ok(outcome),
    }
}

/// A blob that keeps why it could not be read.
struct Blob<'r> {
    inner: Box<dyn Read + 'r>,
    failure: Option<io::Error>,
}

impl Read for Blob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                // The first says most.
                self.failure.get_or_insert(error);
                Err(io::Error::other("it cannot be read"))
            }
            outcome => outcome,
        }
    }
}

/// A registry's error is in the one that its reader gave.
fn why(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::io("read", "a layer of the base")(error),
    }
}

fn unpack(
    packed: &mut Hashing<Blob<'_>>,
    (digest, diff_id): (&str, &str),
    left: &mut u64,
    apply: &mut dyn FnMut(&mut dyn Read) -> Result<(), String>,
) -> Result<(), String> {
    let gzip = MultiGzDecoder::new(BufReader::with_capacity(1 << 17, &mut *packed));
    let mut tar = Hashing { inner: gzip.take(left.saturating_add(1)), hasher: Sha256::new() };
    let outcome = apply(&mut tar);
    // What follows the end of the tar is part of it.
    let rest = if outcome.is_ok() { io::copy(&mut tar, &mut io::sink()).map(drop) } else { Ok(()) };
    let unread = tar.inner.limit();
    let unpacked = HEXLOWER.encode(&tar.hasher.finalize());
    // What cannot be unpacked may not be the layer at all, and then that is to be told.
    io::copy(packed, &mut io::sink()).map_err(|error| error.to_string())?;
    let actual = HEXLOWER.encode(&packed.hasher.clone().finalize());
    if digest.strip_prefix("sha256:") != Some(&actual) {
        return Err(format!("it has SHA-256 {actual}: it is not the layer that its manifest names"));
    }
    if unread == 0 {
        return Err("with it the image unpacks to more than 10 GB (SizeLimitExceeded)".into());
    }
    outcome?;
    rest.map_err(|error| format!("it cannot be unpacked ({error})"))?;
    if diff_id.strip_prefix("sha256:") != Some(&unpacked) {
        return Err(format!("it unpacks to SHA-256 {unpacked}, its configuration says {diff_id}"));
    }
    *left = unread - 1;
    Ok(())
}
