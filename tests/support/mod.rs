//! What the integration tests share: the `pack` binary in a project of its own, and wheels made in memory.
//!
//! A test writes files and wheels into a [`Pack`], runs it and looks at the [`Outcome`] and at what is in the project:
//! ```ignore
//! let pack = Pack::new();
//! pack.function("app", "import pkg\n\ndef handler(event, context):\n    return 1\n", &["pkg"]);
//! pack.wheel(&WheelBuilder::new("pkg", "1.0").file("pkg/__init__.py", b""));
//! let outcome = pack.zip("app").run();
//! assert_eq!(outcome.status, 0, "{}", outcome.stderr);
//! ```
//! Nothing here reaches a network or the user's pip configuration: wheels come from the project's folder `wheels`,
//! which `PIP_FIND_LINKS` names.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

pub(crate) mod base_image;
pub(crate) mod between;
pub(crate) mod browser;
pub(crate) mod cbor;
pub(crate) mod census;
pub(crate) mod check;
pub(crate) mod counting;
pub(crate) mod derived;
pub(crate) mod engine;
pub(crate) mod git;
pub(crate) mod image;
pub(crate) mod index;
pub(crate) mod lambda;
pub(crate) mod moments;
pub(crate) mod moto;
pub(crate) mod nodes;
pub(crate) mod proxy;
pub(crate) mod registry;
pub(crate) mod registry_server;
pub(crate) mod scratch;
pub(crate) mod sizes;
pub(crate) mod unpacked;
pub(crate) mod workload;
pub(crate) mod zips;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

/// A project with its own cache and temporary folder, all of it removed at the end of the test.
pub(crate) struct Pack {
    folder: TempDir,
}

impl Pack {
    /// An empty project.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["project/wheels", "cache", "tmp"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// A path in the project, which is the working directory of every run.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join("project").join(relative)
    }

    /// `PACK_CACHE_DIR`.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// `TMPDIR`.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Writes a file of the project, with its folders.
    pub(crate) fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes `functions/NAME/app.py` and `requirements/NAME.txt`.
    pub(crate) fn function(&self, name: &str, source: &str, requirements: &[&str]) {
        self.write(&format!("functions/{name}/app.py"), source);
        self.write(&format!("requirements/{name}.txt"), requirements.join("\n") + "\n");
    }

    /// Puts a wheel into `wheels` under its own file name.
    pub(crate) fn wheel(&self, wheel: &WheelBuilder) {
        self.write(&format!("wheels/{}", wheel.filename()), wheel.build());
    }

    /// `pack ARGUMENTS`, in this project.
    pub(crate) fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pack"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["PIP_", "PACK_", "PYTHON", "AWS_"].iter().any(|prefix| text.starts_with(prefix))
                || text == "SOURCE_DATE_EPOCH"
            {
                command.env_remove(&name);
            }
        }
        command
            .args(arguments)
            .current_dir(self.path(""))
            .env("PACK_CACHE_DIR", self.cache())
            .env("TMPDIR", self.tmp())
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.path("wheels"))
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        Run { command }
    }

    /// `pack zip FUNCTION --bytecode none --no-import-test`: quick, and it needs no particular Python.
    pub(crate) fn zip(&self, function: &str) -> Run {
        self.command(["zip", function, "--bytecode", "none", "--no-import-test"])
    }

    /// The ZIP that [`Pack::zip`] makes of a function.
    pub(crate) fn artifact(&self, function: &str) -> PathBuf {
        self.path(format!("dist/{function}-python3.13-x86_64.zip"))
    }

    /// What builds wrote into `dist`, without the records beside them.
    pub(crate) fn artifacts(&self) -> Vec<String> {
        self.artifacts_in("dist")
    }

    /// The same of another folder of the project.
    pub(crate) fn artifacts_in(&self, folder: &str) -> Vec<String> {
        let mut files = Self::files(&self.path(folder));
        files.retain(|file| !file.ends_with(".pack.json"));
        files
    }

    /// Every file below a folder, relative to it and sorted; none when there is no such folder.
    pub(crate) fn files(folder: &Path) -> Vec<String> {
        let mut files: Vec<String> = walkdir::WalkDir::new(folder)
            .into_iter()
            .flatten()
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| entry.path().strip_prefix(folder).unwrap().display().to_string())
            .collect();
        files.sort();
        files
    }
}

/// One run of the binary.
pub(crate) struct Run {
    /// For what the methods below do not cover.
    pub(crate) command: Command,
}

impl Run {
    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Outcome {
        let output = self.command.output().unwrap();
        Outcome {
            status: code(output.status),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; -1 for a signal.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// A file's SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// A pure wheel (`py3-none-any` unless [`WheelBuilder::tags`] says otherwise) that is well-formed until it is broken.
#[derive(Clone)]
pub(crate) struct WheelBuilder {
    name: String,
    version: String,
    tags: String,
    requires: Vec<String>,
    requires_python: Option<String>,
    fields: Vec<String>,
    wheel_version: String,
    files: Vec<(String, Vec<u8>)>,
    without: Vec<String>,
    record: fn(&str, &[u8]) -> String,
}

impl WheelBuilder {
    /// A wheel with metadata and nothing else; the name is written as in the file name (`my_pkg`).
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            tags: "py3-none-any".into(),
            requires: Vec::new(),
            requires_python: None,
            fields: Vec::new(),
            wheel_version: "1.0".into(),
            files: Vec::new(),
            without: Vec::new(),
            record: |_, bytes| format!("sha256={}", BASE64URL_NOPAD.encode(&Sha256::digest(bytes))),
        }
    }

    /// Adds a file, listed in RECORD.
    pub(crate) fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.push((path.into(), bytes.into()));
        self
    }

    /// Adds a `Requires-Dist`.
    pub(crate) fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.into());
        self
    }

    /// Sets `Requires-Python`.
    pub(crate) fn requires_python(mut self, versions: &str) -> Self {
        self.requires_python = Some(versions.into());
        self
    }

    /// Adds a line to METADATA: `License: MIT`.
    pub(crate) fn field(mut self, line: &str) -> Self {
        self.fields.push(format!("{line}\n"));
        self
    }

    /// `cp313-cp313-manylinux_2_17_x86_64`.
    pub(crate) fn tags(mut self, tags: &str) -> Self {
        self.tags = tags.into();
        self
    }

    /// Another `Wheel-Version` than 1.0.
    pub(crate) fn wheel_version(mut self, version: &str) -> Self {
        self.wheel_version = version.into();
        self
    }

    /// Leaves out `METADATA`, `WHEEL` or `RECORD`.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.without.push(name.into());
        self
    }

    /// Writes RECORD's hashes in another way: path and bytes → `sha256=…`.
    pub(crate) fn record(mut self, hash: fn(&str, &[u8]) -> String) -> Self {
        self.record = hash;
        self
    }

    /// Its file name.
    pub(crate) fn filename(&self) -> String {
        format!("{}-{}-{}.whl", self.name, self.version, self.tags)
    }

    /// Every member in order, RECORD last: for a test that writes the archive itself.
    pub(crate) fn members(&self) -> Vec<(String, Vec<u8>)> {
        let Self { name, version, tags, wheel_version, .. } = self;
        let info = format!("{name}-{version}.dist-info");
        let requires: Vec<String> = self.requires.iter().map(|line| format!("Requires-Dist: {line}\n")).collect();
        let requires = requires.concat();
        let python = self.requires_python.iter().map(|versions| format!("Requires-Python: {versions}\n"));
        let python: String = python.collect();
        let fields = self.fields.concat();
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{python}{fields}{requires}");
        let wheel = format!("Wheel-Version: {wheel_version}\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tags}\n");
        let mut members = self.files.clone();
        members.push((format!("{info}/METADATA"), metadata.into()));
        members.push((format!("{info}/WHEEL"), wheel.into()));
        let mut record = csv::Writer::from_writer(Vec::new());
        for (path, bytes) in &members {
            record.write_record([path, &(self.record)(path, bytes), &bytes.len().to_string()]).unwrap();
        }
        record.write_record([&format!("{info}/RECORD"), "", ""]).unwrap();
        members.push((format!("{info}/RECORD"), record.into_inner().unwrap()));
        members.retain(|(path, _)| !self.without.iter().any(|name| path == &format!("{info}/{name}")));
        members
    }

    /// The wheel, written by the `zip` crate, which refuses most of what is hostile.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in self.members() {
            zip.start_file(path, SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
            zip.write_all(&bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

/// One file as it is installed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether its owner may execute it.
    pub(crate) executable: bool,
}

impl Installed {
    /// Its bytes as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

/// A ZIP's files by path.
pub(crate) fn unzip(path: &Path) -> BTreeMap<String, Installed> {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        let executable = member.unix_mode().unwrap() & 0o100 != 0;
        files.insert(member.name().unwrap().into_owned(), Installed { bytes, executable });
    }
    files
}

/// What the tests keep between runs, below cargo's target folder: wheels that were downloaded once.
pub(crate) fn kept_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// boto3 alone, as in /var/runtime. Tests in several processes may want it at once.
pub(crate) fn runtime_folder(python: &str) -> PathBuf {
    let runtime = kept_folder("").join("runtime");
    if !runtime.join("boto3").exists() {
        let made = tempfile::tempdir_in(kept_folder("")).unwrap();
        succeed(Command::new(python).args(["-m", "pip", "install", "--quiet", "boto3", "--target"]).arg(made.path()));
        if fs::rename(made.path(), &runtime).is_ok() {
            let _ = made.keep();
        }
        assert!(runtime.join("boto3").exists());
    }
    runtime
}

/// Runs a command that has to succeed.
pub(crate) fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

impl Pack {
    /// `pack ARGUMENTS` with pip as this machine configures it, and a cache that is kept between runs.
    pub(crate) fn with_the_index(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let mut run = self.command(arguments);
        run.command.env_remove("PIP_NO_INDEX").env_remove("PIP_FIND_LINKS").env_remove("PIP_CONFIG_FILE");
        run.command.envs(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PIP_")));
        run.env("PACK_CACHE_DIR", kept_folder("cache"))
    }
}

impl Outcome {
    /// The JSON on standard output of a run that has to end with this status.
    pub(crate) fn json(&self, status: i32) -> serde_json::Value {
        assert_eq!(self.status, status, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

#[track_caller]
pub(crate) fn assert_done(outcome: &Outcome) {
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}

/// A failure with this status, these words and no data.
#[track_caller]
pub(crate) fn assert_fails(outcome: &Outcome, status: i32, said: &[&str]) {
    assert_eq!(outcome.status, status, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "", "a failure writes no data");
    for words in said {
        assert!(outcome.stderr.contains(words), "{words:?} is not in:\n{}", outcome.stderr);
    }
}

/// The paths of a ZIP.
pub(crate) fn paths(zip: &Path) -> Vec<String> {
    unzip(zip).into_keys().collect()
}

/// The interpreter of the target's version, by `--dry-run`; says so when there is none and the test is skipped.
pub(crate) fn compile_interpreter(pack: &Pack, function: &str) -> Option<PathBuf> {
    let plan = pack.zip(function).arg("--dry-run").arg("--json").run().json(0);
    let found = plan["compile_interpreter"].as_str().map(PathBuf::from);
    if found.is_none() {
        skip("no CPython 3.13 on this machine");
    }
    found
}

impl WheelBuilder {
    /// Adds an extra and what comes with it.
    pub(crate) fn extra(self, extra: &str, requirement: &str) -> Self {
        self.requires(&format!("{requirement}; extra == '{extra}'\nProvides-Extra: {extra}"))
    }
}

/// An artifact unpacked into a folder that nobody may write to, as /var/task is. For root that is no obstacle:
/// [`ReadOnly::assert_unchanged`] shows what would have been written.
pub(crate) struct ReadOnly {
    folder: PathBuf,
    files: BTreeMap<String, String>,
}

impl ReadOnly {
    /// Unpacks a ZIP.
    pub(crate) fn unpack(zip: &Path, folder: &Path) -> Self {
        Self::unpack_all(&[zip], folder)
    }

    /// Unpacks ZIPs over each other, as layers are.
    pub(crate) fn unpack_all(zips: &[&Path], folder: &Path) -> Self {
        let files: BTreeMap<String, Installed> = zips.iter().flat_map(|zip| unzip(zip)).collect();
        for (path, file) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, file.bytes).unwrap();
            set_mode(&path, if file.executable { 0o555 } else { 0o444 });
        }
        for entry in walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_dir()) {
            set_mode(entry.path(), 0o555);
        }
        Self { folder: folder.to_owned(), files: digests(folder) }
    }

    /// Fails if a file appeared, vanished or changed.
    pub(crate) fn assert_unchanged(&self) {
        assert!(digests(&self.folder) == self.files, "something was written into {}", self.folder.display());
    }
}

impl Drop for ReadOnly {
    /// Lets the folder be removed.
    fn drop(&mut self) {
        for entry in
            walkdir::WalkDir::new(&self.folder).into_iter().flatten().filter(|entry| entry.file_type().is_dir())
        {
            set_mode(entry.path(), 0o755);
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

fn digests(folder: &Path) -> BTreeMap<String, String> {
    let digest = |path: String| (path.clone(), sha256(&fs::read(folder.join(path)).unwrap()));
    Pack::files(folder).into_iter().map(digest).collect()
}

/// Says that something is not tested here, and why; past the test harness, which hides what passing tests print.
pub(crate) fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(std::io::stderr(), "skipped in {test}: {reason}");
}
