//! Bytecode compiled by the target's own Python, the same bytes each time.
//!
//! What must stay true: a `.pyc` depends on its source, its path in Lambda and the compiling interpreter's
//! version, and on nothing else. CPython's own output also depends on what the process did before, so it is
//! normalised (see `marshal`). Format: PEP 552, unchecked hash: Python loads it without looking at the source's time,
//! which a package does not keep.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use super::interpreter::Interpreter;
use super::marshal;
use crate::error::{Error, Result};
use crate::lambda::PythonVersion;

const WORKER: &str = include_str!("compile_worker.py");

/// Magic number, flags and source hash before the code.
const HEADER: usize = 16;

/// The most that an answer may have: a source of 16 MiB compiles to less.
const ANSWER_BYTES: u32 = 256 << 20;

/// `pkg/a.py` → `pkg/__pycache__/a.cpython-313.pyc`.
pub fn cache_path(source: &str, python: PythonVersion) -> String {
    let (folder, name) = source.rsplit_once('/').map_or(("", source), |(folder, name)| (folder, name));
    let stem = name.strip_suffix(".py").unwrap_or(name);
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}__pycache__/{stem}.cpython-3{}.pyc", python.minor())
}

/// What became of a source.
#[derive(Debug)]
pub enum Compiled {
    /// A whole `.pyc`.
    Bytecode(Vec<u8>),
    /// Python refused it, as it refuses templates and sources of other versions.
    Refused(String),
}

/// Workers of one interpreter, started when they are needed.
#[derive(Debug)]
pub struct Compiler {
    interpreter: PathBuf,
    python: PythonVersion,
    is_limited: bool,
    idle: Mutex<Vec<Worker>>,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Compiler {
    /// Compiles with an interpreter of the target's minor version.
    pub fn new(interpreter: &Interpreter, python: PythonVersion) -> Self {
        Self { interpreter: interpreter.path.clone(), python, is_limited: false, idle: Mutex::new(Vec::new()) }
    }

    /// The same for sources that somebody else made: what takes seconds or gigabytes to compile ends the worker.
    pub fn limited(interpreter: &Interpreter, python: PythonVersion) -> Self {
        Self { interpreter: interpreter.path.clone(), python, is_limited: true, idle: Mutex::new(Vec::new()) }
    }

    /// Compiles one source, shown in tracebacks under its path in Lambda. May be called from any thread.
    pub fn compile(&self, path: &str, source: &[u8]) -> Result<Compiled> {
        let answer = match self.try_once(path, source)? {
            Some(answer) => answer,
            // The worker died, of this source or of something else (a lack of memory): one more try with a new one.
            None => self.try_once(path, source)?.ok_or_else(|| Error::Bytecode {
                interpreter: self.interpreter.clone(),
                reason: format!("the interpreter ended while it compiled {path}, twice"),
            })?,
        };
        let code = match answer {
            Ok(code) => code,
            Err(reason) => return Ok(Compiled::Refused(reason)),
        };
        let failed = |reason: String| Error::Bytecode { interpreter: self.interpreter.clone(), reason };
        let (header, body) = code.split_at_checked(HEADER).ok_or_else(|| failed("a short answer".into()))?;
        let body = marshal::normalise(body, self.python.minor()).map_err(|error| failed(format!("{path}: {error}")))?;
        Ok(Compiled::Bytecode([header, &body].concat()))
    }
}

impl Compiler {
    /// The answer of a worker; none if it ended instead.
    fn try_once(&self, path: &str, source: &[u8]) -> Result<Option<Result<Vec<u8>, String>>> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut worker = match idle {
            Some(worker) => worker,
            None => Worker::start(&self.interpreter, self.is_limited)?,
        };
        let Ok(answer) = worker.ask(path, source) else {
            worker.stop();
            return Ok(None);
        };
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(worker);
        }
        Ok(Some(answer))
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        if let Ok(idle) = self.idle.get_mut() {
            for worker in idle.drain(..) {
                worker.stop();
            }
        }
    }
}

impl Worker {
    fn start(interpreter: &Path, is_limited: bool) -> Result<Self> {
        let failed = |reason: String| Error::Bytecode { interpreter: interpreter.to_owned(), reason };
        let mut command = Command::new(interpreter);
        // No site-packages, no writing; not -I, which would also ignore the fixed hash seed.
        command.args(["-s", "-S", "-B", "-c", WORKER]);
        if is_limited {
            command.arg("limited");
        }
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PYTHON") {
                command.env_remove(variable);
            }
        }
        command.env("PYTHONHASHSEED", "0").env("PYTHONSAFEPATH", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(requests), Some(answers)) => Ok(Self { child, requests, answers: BufReader::new(answers) }),
            _ => Err(failed("it has no pipes".into())),
        }
    }

    /// The inner result is the interpreter's verdict, the outer one whether it answered.
    fn ask(&mut self, path: &str, source: &[u8]) -> std::io::Result<Result<Vec<u8>, String>> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(std::io::Error::other);
        let mut request = Vec::with_capacity(8 + path.len() + source.len());
        request.extend(length(path.as_bytes())?.to_le_bytes());
        request.extend(length(source)?.to_le_bytes());
        request.extend(path.as_bytes());
        request.extend(source);
        self.requests.write_all(&request)?;
        self.requests.flush()?;
        let mut header = [0; 5];
        self.answers.read_exact(&mut header)?;
        let [status, size @ ..] = header;
        let size = u32::from_le_bytes(size);
        if size > ANSWER_BYTES {
            return Err(std::io::Error::other("the answer is too large"));
        }
        let mut answer = vec![0; size as usize];
        self.answers.read_exact(&mut answer)?;
        Ok(if status == 0 { Ok(answer) } else { Err(String::from_utf8_lossy(&answer).into_owned()) })
    }

    fn stop(mut self) {
        // Closing its input ends a worker; one that hangs is killed.
        drop(self.requests);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytecode_lies_where_python_looks() {
        let python = "3.13".parse().unwrap();
        assert_eq!(cache_path("pkg/a.py", python), "pkg/__pycache__/a.cpython-313.pyc");
        assert_eq!(cache_path("app.py", python), "__pycache__/app.cpython-313.pyc");
    }
}
