//! Strip against the libraries of real wheels: does everything that loaded before still load?
//!
//! For every ELF file of the wheels: the stripped file loads the same bytes at the same addresses, says the same to the
//! dynamic loader, and stripping it again removes nothing. Then each file is loaded with `LD_BIND_NOW=1` in a process of
//! its own (libraries by `dlopen`, programs by running them), as it was, as `pack` strips it and as GNU strip does, with
//! the folders of its wheel's libraries on `LD_LIBRARY_PATH`: many packages load those first. What does not load before
//! is not counted, and listed.
//!
//! `subset` runs with all tests. `scripts/wheel-corpus` runs `whole`, and says what it needs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's own set-up has nobody to report to")]

#[path = "support/segments.rs"]
mod segments;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pack::elf::dynamic;
use pack::elf::strip::{Unstripped, is_elf, strip};
use pack::lambda::{Architecture, Target};
use segments::difference;
use support::skip;
use walkdir::WalkDir;

const LOADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wheel_corpus/load_libraries.py");

/// The wheels of some distributions for one target.
struct Corpus {
    target: Target,
    distributions: Vec<&'static str>,
    /// What runs a Python script for the target.
    python: Option<Vec<String>>,
    folder: PathBuf,
}

/// What became of one distribution's libraries.
#[derive(Default, Clone)]
struct Row {
    files: usize,
    bytes: u64,
    stripped: u64,
    gnu: u64,
    loads: usize,
    broken: usize,
    gnu_broken: usize,
}

/// What became of all.
#[derive(Default)]
struct Outcome {
    rows: BTreeMap<String, Row>,
    has_gnu: bool,
    time: Duration,
    /// What was left as it was, and what did not load before.
    notes: Vec<String>,
    wrong: Vec<String>,
}

#[test]
fn subset() {
    let distributions = lines(include_str!("wheel_corpus/subset.txt"));
    for architecture in [Architecture::X86_64, Architecture::Arm64] {
        let Some(outcome) = Corpus::new(architecture, distributions.clone(), None).run() else { return };
        assert_eq!(outcome.wrong, Vec::<String>::new());
    }
}

#[test]
#[ignore = "downloads and unpacks some gigabytes: scripts/wheel-corpus --all"]
fn whole() {
    let all = lines(include_str!("wheel_corpus/all.txt"));
    let mut corpora: Vec<Corpus> = [Architecture::X86_64, Architecture::Arm64]
        .into_iter()
        .map(|architecture| Corpus::new(architecture, all.clone(), None))
        .collect();
    match std::env::var("PACK_CORPUS_ARM64_PYTHON") {
        Ok(command) => {
            let command = command.split_whitespace().map(str::to_owned).collect();
            let ten = lines(include_str!("wheel_corpus/arm64.txt"));
            corpora.push(Corpus::new(Architecture::Arm64, ten, Some(command)));
        }
        Err(_) => skip("loading on arm64: PACK_CORPUS_ARM64_PYTHON names no Python for it"),
    }
    let mut wrong = Vec::new();
    for corpus in corpora {
        let outcome = corpus.run().expect("the wheels");
        let throughput = outcome.throughput();
        if !cfg!(debug_assertions) && throughput < 1.0 {
            wrong.push(format!("{}: {throughput:.2} GB/s", corpus.target));
        }
        wrong.extend(outcome.wrong);
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn lines(text: &'static str) -> Vec<&'static str> {
    text.lines().collect()
}

impl Corpus {
    fn new(architecture: Architecture, distributions: Vec<&'static str>, emulated: Option<Vec<String>>) -> Self {
        let native = std::env::consts::OS == "linux" && std::env::consts::ARCH == architecture.machine();
        let python = emulated.or_else(|| native.then(native_python).flatten());
        let version = python.as_deref().and_then(version_of).unwrap_or_else(|| "3.13".into());
        let target = Target { python: version.parse().unwrap(), architecture };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/wheel-corpus");
        Self { target, distributions, python, folder }
    }

    /// `None` when there are no wheels to be had.
    fn run(&self) -> Option<Outcome> {
        let wheels = self.wheels();
        if wheels.is_empty() {
            skip("no wheels: pip cannot download any here");
            return None;
        }
        let trees = tempfile::tempdir_in(&self.folder).unwrap();
        let [before, after, gnu] = ["before", "after", "gnu"].map(|name| trees.path().join(name));
        let mut outcome = Outcome::default();
        for (distribution, wheel) in &wheels {
            for (path, bytes) in libraries(wheel) {
                let path = Path::new(distribution).join(path);
                let row = outcome.rows.entry(distribution.clone()).or_default();
                row.files += 1;
                row.bytes += bytes.len() as u64;
                let started = processor_time();
                let result = strip(&bytes);
                outcome.time += processor_time().saturating_sub(started);
                write(&before.join(&path), &bytes);
                write(&gnu.join(&path), &bytes);
                outcome.wrong.extend(wrong(&bytes, &result).map(|what| format!("{}: {what}", path.display())));
                outcome.notes.extend(left_alone(&result).map(|why| format!("{}: {why}", path.display())));
                let stripped = result.map_or(bytes, |stripped| stripped.bytes);
                row.stripped += stripped.len() as u64;
                write(&after.join(&path), &stripped);
            }
        }
        let files: Vec<PathBuf> = files(&before);
        outcome.has_gnu = gnu_strip(self.target.architecture, &gnu, &files);
        for path in &files {
            outcome.row(path).gnu += fs::metadata(gnu.join(path)).unwrap().len();
        }
        if let Some(python) = &self.python {
            let [loads, after, gnu] = [&before, &after, &gnu].map(|tree| load(python, tree, &files));
            for (index, path) in files.iter().enumerate() {
                if loads[index] != "ok" {
                    outcome.notes.push(format!("{}: did not load before: {}", path.display(), loads[index]));
                    continue;
                }
                outcome.row(path).loads += 1;
                outcome.row(path).gnu_broken += usize::from(gnu[index] != "ok");
                if after[index] != "ok" {
                    outcome.row(path).broken += 1;
                    outcome.wrong.push(format!("{}: {}", path.display(), after[index]));
                }
            }
        }
        let total = outcome.total();
        if outcome.has_gnu && total.stripped > total.gnu {
            outcome.wrong.push(format!("{}: GNU strip saves more", self.target));
        }
        let _ = std::io::stderr().write_all(outcome.table(self).as_bytes());
        Some(outcome)
    }

    /// The newest wheel of each distribution that the target can load, by the distribution's name.
    fn wheels(&self) -> BTreeMap<String, PathBuf> {
        let folder = self.folder.join("wheels").join(self.target.to_string());
        fs::create_dir_all(&folder).unwrap();
        let missing = |folder: &Path| -> Vec<&str> {
            let there: BTreeSet<String> = downloaded(folder).into_keys().collect();
            self.distributions.iter().copied().filter(|name| !there.contains(&normal(name))).collect()
        };
        if !missing(&folder).is_empty() && !self.download(&folder, &missing(&folder)) {
            for distribution in missing(&folder) {
                if !self.download(&folder, &[distribution]) {
                    skip(&format!("{distribution} has no wheel for {}", self.target));
                }
            }
        }
        let wanted: BTreeSet<String> = self.distributions.iter().map(|name| normal(name)).collect();
        downloaded(&folder).into_iter().filter(|(name, _)| wanted.contains(name)).collect()
    }

    fn download(&self, folder: &Path, distributions: &[&str]) -> bool {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--implementation=cp"]);
        pip.arg(format!("--python-version={}", self.target.python)).arg("--dest").arg(folder);
        pip.args(self.target.platform_tags().iter().map(|tag| format!("--platform={tag}")));
        pip.args(distributions).stdout(Stdio::null()).stderr(Stdio::null());
        pip.status().is_ok_and(|status| status.success())
    }
}

impl Outcome {
    fn row(&mut self, path: &Path) -> &mut Row {
        let distribution = path.iter().next().unwrap().to_str().unwrap();
        self.rows.get_mut(distribution).unwrap()
    }

    fn total(&self) -> Row {
        self.rows.values().fold(Row::default(), |total, row| Row {
            files: total.files + row.files,
            bytes: total.bytes + row.bytes,
            stripped: total.stripped + row.stripped,
            gnu: total.gnu + row.gnu,
            loads: total.loads + row.loads,
            broken: total.broken + row.broken,
            gnu_broken: total.gnu_broken + row.gnu_broken,
        })
    }

    /// Gigabytes of input for each second of one core.
    fn throughput(&self) -> f64 {
        self.total().bytes as f64 / self.time.as_secs_f64() / 1e9
    }

    fn table(&self, corpus: &Corpus) -> String {
        let gnu = |row: &Row| if self.has_gnu { row.gnu.to_string() } else { "-".into() };
        let loads = |row: &Row| {
            let broken_by_gnu = if self.has_gnu { row.gnu_broken.to_string() } else { "-".into() };
            match corpus.python {
                Some(_) => format!("{:>5} {:>6} {broken_by_gnu:>6}", row.loads, row.broken),
                None => format!("{:>5} {:>6} {:>6}", "-", "-", "-"),
            }
        };
        let mut text = format!(
            "\n{:<26} {:>5} {:>13} {:>13} {:>13} {:>5} {:>6} {:>6}\n",
            corpus.target.to_string(),
            "files",
            "bytes",
            "stripped",
            "GNU strip",
            "load",
            "broken",
            "by GNU"
        );
        let total = self.total();
        for (name, row) in self.rows.iter().map(|(name, row)| (name.as_str(), row)).chain([("total", &total)]) {
            let (files, bytes, stripped) = (row.files, row.bytes, row.stripped);
            let _ = writeln!(text, "{name:<26} {files:>5} {bytes:>13} {stripped:>13} {:>13} {}", gnu(row), loads(row));
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        let _ = writeln!(text, "{:.2} GB/s on one core", self.throughput());
        text
    }
}

/// What is wrong with a stripped file, if anything is.
fn wrong(bytes: &[u8], result: &Result<pack::elf::strip::Stripped, Unstripped>) -> Option<String> {
    let stripped = match result {
        Ok(stripped) => stripped,
        Err(Unstripped::Malformed(_) | Unstripped::Doubt(_)) => return Some(format!("{result:?}")),
        Err(_) => return None,
    };
    if let Some(what) = difference(bytes, &stripped.bytes) {
        return Some(what);
    }
    if dynamic::read(bytes) != dynamic::read(&stripped.bytes) {
        return Some("what the dynamic loader reads".into());
    }
    let again = strip(&stripped.bytes).map(|again| again.bytes.len());
    let idempotent = match again {
        Err(Unstripped::NothingToRemove) => true,
        Err(Unstripped::GapsKept(_)) => stripped.gaps_kept.is_some(),
        _ => false,
    };
    (!idempotent).then(|| format!("stripped again: {again:?}"))
}

/// Why a file, or a part of it, was not stripped though there may be something to strip.
fn left_alone(result: &Result<pack::elf::strip::Stripped, Unstripped>) -> Option<String> {
    match result {
        Ok(stripped) => stripped.gaps_kept.map(|why| format!("gaps stay because of {why}")),
        Err(Unstripped::NothingToRemove) => None,
        Err(reason) => Some(reason.to_string()),
    }
}

/// `PACK_CORPUS_PYTHON`, or a Python whose version wheels are downloaded for.
fn native_python() -> Option<Vec<String>> {
    let home = std::env::var("PYENV_ROOT").unwrap_or_else(|_| std::env::var("HOME").unwrap_or_default() + "/.pyenv");
    let installed = fs::read_dir(Path::new(&home).join("versions")).into_iter().flatten().flatten();
    let mut installed: Vec<String> =
        installed.map(|version| version.path().join("bin/python3.13").display().to_string()).collect();
    installed.sort();
    let mut candidates: Vec<String> = std::env::var("PACK_CORPUS_PYTHON").into_iter().collect();
    candidates.push("python3.13".into());
    candidates.extend(installed);
    candidates.push("python3".into());
    let known = |python: &String| version_of(std::slice::from_ref(python)).is_some();
    candidates.into_iter().find(known).map(|python| vec![python])
}

/// The version of a Python that Lambda has a runtime for.
fn version_of(python: &[String]) -> Option<String> {
    let version = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"];
    let output = Command::new(&python[0]).args(&python[1..]).args(version).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    version.parse::<pack::lambda::PythonVersion>().ok().map(|_| version)
}

fn normal(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}

fn downloaded(folder: &Path) -> BTreeMap<String, PathBuf> {
    let wheels = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let named = |wheel: PathBuf| Some((normal(wheel.file_name()?.to_str()?.split('-').next()?), wheel));
    wheels.filter_map(named).collect()
}

/// The ELF files of a wheel.
fn libraries(wheel: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(fs::File::open(wheel).unwrap()).unwrap();
    let mut libraries = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        let mut bytes = vec![0; 4];
        if member.read_exact(&mut bytes).is_ok() && is_elf(&bytes) {
            member.read_to_end(&mut bytes).unwrap();
            libraries.push((member.enclosed_name().unwrap().to_str().unwrap().to_owned(), bytes));
        }
    }
    libraries
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn files(tree: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(tree).sort_by_file_name().into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.path().strip_prefix(tree).unwrap().to_owned()).collect()
}

/// Runs binutils' strip over a tree; false where there is none for the architecture.
fn gnu_strip(architecture: Architecture, tree: &Path, files: &[PathBuf]) -> bool {
    let cross = format!("{}-linux-gnu-strip", architecture.machine());
    let native = std::env::consts::ARCH == architecture.machine();
    let program = if native { "strip" } else { &cross };
    // A file that it refuses stays as it was.
    let ran = |files: &[PathBuf]| {
        let mut strip = Command::new(program);
        strip.args(files).current_dir(tree).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let there = files.chunks(100).all(ran);
    if !there {
        skip(&format!("no comparison with GNU strip: there is no {program}"));
    }
    there
}

/// What loading each file of a tree said; files of one distribution stand together.
fn load(python: &[String], tree: &Path, files: &[PathBuf]) -> Vec<String> {
    let same = |one: &PathBuf, other: &PathBuf| one.iter().next() == other.iter().next();
    files.chunk_by(same).flat_map(|files| load_distribution(python, tree, files)).collect()
}

fn load_distribution(python: &[String], tree: &Path, files: &[PathBuf]) -> Vec<String> {
    let folders: BTreeSet<String> =
        files.iter().map(|file| tree.join(file).parent().unwrap().display().to_string()).collect();
    let mut child = Command::new(&python[0])
        .args(&python[1..])
        .arg(LOADER)
        .env("LD_BIND_NOW", "1")
        .env("LD_LIBRARY_PATH", folders.into_iter().collect::<Vec<_>>().join(":"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut names = String::new();
    for file in files {
        let _ = writeln!(names, "{}", tree.join(file).display());
    }
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(names.as_bytes()));
    let answers = child.wait_with_output().unwrap();
    // It fails where Python did not start, because of a library on its path.
    let _ = writer.join().unwrap();
    let mut answers: Vec<String> = String::from_utf8_lossy(&answers.stdout).lines().map(str::to_owned).collect();
    answers.resize(files.len(), "Python stopped".into());
    answers
}

/// What this thread has used of a processor; on a system that does not tell, the time of day.
fn processor_time() -> Duration {
    // Linux brings the number up to date when it is about to run another thread.
    std::thread::yield_now();
    let used = fs::read_to_string("/proc/thread-self/schedstat");
    let used = used.ok().and_then(|text| text.split(' ').next()?.parse().ok());
    used.map_or_else(
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default(),
        Duration::from_nanos,
    )
}
