//! The repository's own workload: a project with it, the Python that its checks need, and a local S3 that it writes to.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;

use super::engine::Engine;
use super::{Pack, kept_folder, succeed};

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A project with some of the repository's own files.
pub(crate) fn with(paths: &[&str]) -> Pack {
    let pack = Pack::new();
    for entry in paths.iter().flat_map(|path| walkdir::WalkDir::new(repository().join(path))) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() && !entry.path().components().any(|part| part.as_os_str() == "__pycache__") {
            let path = entry.path().strip_prefix(repository()).unwrap().to_str().unwrap();
            pack.write(path, std::fs::read(entry.path()).unwrap());
        }
    }
    pack
}

/// What tests/workload/ needs: `scripts/test` names one that it made; else one is made here, once.
pub(crate) fn virtual_environment(python: &str) -> PathBuf {
    if let Some(venv) = std::env::var_os("PACK_TEST_VENV") {
        return venv.into();
    }
    let venv = kept_folder("workload-venv");
    // Tests in several processes may want it at once: one makes it, the others wait.
    let lock = std::fs::File::create(venv.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !venv.join("ready").exists() {
        succeed(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv));
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "-r", "tests/workload/requirements.txt"]);
        succeed(pip.current_dir(repository()));
        std::fs::write(venv.join("ready"), "").unwrap();
    }
    venv
}

/// Runs an image with the workload in it, as Lambda would, and fails unless its Parquet files arrive in a local S3. What the container
/// wrote comes back.
pub(crate) fn assert_workload_runs(engine: &Arc<Engine>, image: &str, python: &str) -> String {
    let (s3, environment, events) = LocalS3::start(python);
    let mut start = engine.container(image);
    for (name, value) in environment.as_object().unwrap() {
        start = start.env(name, value.as_str().unwrap());
    }
    let container = start.run();
    let answers: Vec<Value> = events.as_array().unwrap().iter().map(|event| container.invoke(event)).collect();
    let logs = container.logs();
    s3.assert_stored(&answers, &logs);
    assert!(logs.contains("\"cold start\""), "{logs}");
    logs
}

/// `tests/workload/local_s3.py`, which ends with this.
struct LocalS3 {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl LocalS3 {
    /// With the environment that leads a function to it, and the events that it expects.
    fn start(python: &str) -> (Self, Value, Value) {
        let mut command = Command::new(virtual_environment(python).join("bin/python"));
        command.arg(repository().join("tests/workload/local_s3.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut s3 = Self { child, stdout };
        let hello = s3.line();
        let mut hello: Value = serde_json::from_str(&hello).unwrap_or_else(|error| panic!("{error}: {}", s3.errors()));
        (s3, hello["environment"].take(), hello["events"].take())
    }

    fn assert_stored(mut self, answers: &[Value], logs: &str) {
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.write_all((Value::from(answers).to_string() + "\n").as_bytes()).unwrap();
        drop(stdin);
        let said = self.line();
        assert_eq!(said, "ok\n", "{}\n{logs}", self.errors());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn errors(&mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for LocalS3 {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
