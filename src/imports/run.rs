//! Runs the driver over a throw-away copy and reads what it says, one line a module.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::copy::ThrowAway;
use super::environment;
use super::failure::{Ending, Failure, Raised};
use super::report::Undecided;
use super::runner::Runner;
use crate::check::TASK;
use crate::error::{Error, Result};
use crate::lambda::{self, Target};

const SANDBOX: &str = include_str!("sandbox.py");
const DRIVER: &str = include_str!("driver.py");

/// The longest import that is waited for.
const SECONDS: u32 = 60;

/// Values of variables that are shorter say nothing, and occur in every text.
const SHORTEST_SECRET: usize = 5;

/// What the driver may be late by before it is given up.
const GRACE: Duration = Duration::from_secs(30);

/// The most that one line may have: the driver keeps a result within 64 KiB, escaped twice.
const LINE_BYTES: u64 = 4 << 20;

/// What to import.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// For which runtime.
    pub target: Target,
    /// With what.
    pub runner: &'a Runner,
    /// Folders in which modules are looked for, the function's own first.
    pub search_path: &'a [String],
    /// `MODULE.FUNCTION`, imported first.
    pub handler: Option<&'a str>,
    /// Top-level modules, the most promising first: what one of them loads is not tried again.
    pub modules: &'a [String],
    /// The function's own files, by their paths in Lambda.
    pub own: &'a [String],
    /// Variables that the function needs beside Lambda's own.
    pub variables: &'a BTreeMap<String, String>,
    /// How many at once.
    pub threads: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Imports {
    /// How many were tried, the handler included.
    pub tested: usize,
    /// Those that did not load, the handler first, then as they were asked for.
    pub failures: Vec<Failure>,
    /// Those that loaded a library of this machine which the runtime does not have, with its name.
    foreign: Vec<(String, String)>,
    /// The modules that loaded without the handler and without any of the function's own files.
    pub alone: BTreeSet<String>,
    /// What the kernel allowed: `namespaces`, `writable`, `network` or `hook`.
    pub sandbox: String,
}

impl Imports {
    /// Modules that loaded here with something that Lambda does not have. Whether they do without it nobody knows: Pillow does.
    pub fn foreign(&self) -> Vec<Undecided> {
        let said = |(module, library): &(String, String)| {
            let reason = format!(
                "loads {library} of this machine, which Lambda's runtime does not have: there it fails, or does without; \
                 ship the library in lib/, or a distribution that brings it"
            );
            Undecided { module: module.clone(), reason }
        };
        self.foreign.iter().map(said).collect()
    }
}

#[derive(Deserialize)]
struct Hello {
    sandbox: String,
    version: String,
    implementation: String,
    machine: String,
}

#[derive(Deserialize)]
struct Line {
    index: usize,
    ending: String,
    #[serde(default)]
    raised: String,
    #[serde(default)]
    status: i32,
    #[serde(default)]
    libraries: String,
    #[serde(default)]
    alone: bool,
    output: String,
}

/// Imports everything that is asked for, from a sealed copy.
pub fn run(copy: &ThrowAway, question: &Question<'_>) -> Result<Imports> {
    copy.list_own(question.own)?;
    copy.seal();
    let mut child = Running(start(copy, question)?);
    let outcome = listen(&mut child.0, question);
    drop(child);
    copy.unseal();
    let (hello, lines) = outcome?;
    let root = copy.root().to_string_lossy().into_owned();
    let name = |index: usize| match index {
        0 => Some(question.handler.unwrap_or_default().to_owned()),
        index => question.modules.get(index - 1).cloned(),
    };
    let mut foreign: Vec<(usize, String)> = lines
        .iter()
        .flat_map(|line| line.libraries.split_whitespace().map(|file| (line.index, soname(file))))
        .filter(|(_, library)| !lambda::system::may_have(library, question.target.python))
        .collect();
    foreign.sort_unstable();
    let foreign = foreign.into_iter().filter_map(|(index, library)| Some((name(index)?, library))).collect();
    let alone = lines.iter().filter(|line| line.index > 0 && line.alone).filter_map(|line| name(line.index)).collect();
    let mut failures: Vec<(usize, Failure)> = lines
        .into_iter()
        .filter_map(|line| {
            let name = name(line.index)?;
            let ending = match line.ending.as_str() {
                "loaded" => return None,
                "raised" => Ending::Raised(Raised::read(&line.raised, |text| hide(question, &text.replace(&root, "")))),
                "late" => Ending::Late(SECONDS * question.runner.patience),
                _ => Ending::Died(line.status),
            };
            let output = hide(question, &line.output.replace(&root, ""));
            Some((line.index, Failure { module: name, is_handler: line.index == 0, ending, output }))
        })
        .collect();
    failures.sort_by_key(|(index, _)| *index);
    Ok(Imports {
        tested: question.modules.len() + usize::from(question.handler.is_some()),
        failures: failures.into_iter().map(|(_, failure)| failure).collect(),
        foreign,
        alone,
        sandbox: hello.sandbox,
    })
}

/// A text without the values of the user's variables, which may be secrets: it goes into reports and into the cache.
fn hide(question: &Question<'_>, text: &str) -> String {
    let long = question.variables.iter().filter(|(_, value)| value.len() >= SHORTEST_SECRET);
    long.fold(text.to_owned(), |text, (name, value)| text.replace(value.as_str(), &format!("${{{name}}}")))
}

/// What a file is asked for as: `libz.so.1` for `libz.so.1.2.13`.
fn soname(file: &str) -> String {
    match file.split_once(".so.") {
        Some((name, version)) => format!("{name}.so.{}", version.split('.').next().unwrap_or_default()),
        None => file.to_owned(),
    }
}

/// A child that does not outlive its question.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn failed(runner: &Runner, reason: impl Into<String>) -> Error {
    let command: Vec<_> = runner.command.iter().map(|word| word.to_string_lossy()).collect();
    Error::ImportTest { command: command.join(" "), reason: reason.into() }
}

fn start(copy: &ThrowAway, question: &Question<'_>) -> Result<Child> {
    let Question { runner, target, .. } = question;
    let libraries = environment::libraries(&copy.root());
    let task = question.search_path.first().map_or(TASK, String::as_str);
    let start = environment::below(&copy.root(), task);
    // Isolated: no variables, no site-packages, no bytecode written, nothing beside the script on the path. A crash
    // prints where it happened.
    let mut interpreter = runner.command.clone();
    interpreter.extend(["-I", "-S", "-B", "-X", "faulthandler", "-c", DRIVER].map(Into::into));
    let mut command = if let Some(sandbox) = &runner.sandbox {
        let mut command = Command::new(sandbox);
        command.args(["-I", "-S", "-B", "-c", SANDBOX]).arg(copy.folder()).arg(&start).arg(&libraries);
        command.arg(interpreter.len().to_string()).args(&interpreter).env_clear();
        command
    } else {
        let mut command = Command::new(&interpreter[0]);
        command.args(&interpreter[1..]).arg("hook").env_clear().env("LD_LIBRARY_PATH", &libraries);
        command.current_dir(&start);
        command
    };
    command.arg(copy.folder()).arg(environment::places(question.search_path)).arg(question.threads.max(1).to_string());
    command.arg((SECONDS * runner.patience).to_string()).arg(question.handler.unwrap_or_default());
    command.args(question.modules);
    command.envs(environment::variables(&copy.root(), &copy.tmp(), task, *target, question.handler));
    command.envs(question.variables);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| failed(runner, error.to_string()))
}

/// Reads the greeting and a line for each module; waits for none longer than the driver itself would.
fn listen(child: &mut Child, question: &Question<'_>) -> Result<(Hello, Vec<Line>)> {
    let runner = question.runner;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed(runner, "it has no pipes"));
    };
    let wait = Duration::from_secs(u64::from(SECONDS * runner.patience)) + GRACE;
    let mut expected = question.modules.len() + usize::from(question.handler.is_some());
    let (send, receive) = channel();
    // Both end with the child, which is killed when this returns.
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while matches!(reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line), Ok(read) if read > 0) {
            if send.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    let messages = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.take(1 << 16).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut hello: Option<Hello> = None;
    let mut lines = Vec::new();
    while hello.is_none() || expected > 0 {
        let start = Instant::now();
        let line = match receive.recv_timeout(wait) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                return Err(failed(runner, format!("it said nothing for {} s", start.elapsed().as_secs())));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let said = messages.join().unwrap_or_default();
                let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it ended early");
                return Err(failed(runner, last));
            }
        };
        let unreadable = |error: serde_json::Error| failed(runner, format!("its answer cannot be read: {error}"));
        if hello.is_none() {
            let said: Hello = serde_json::from_slice(&line).map_err(unreadable)?;
            check_kind(&said, question)?;
            hello = Some(said);
        } else {
            lines.push(serde_json::from_slice(&line).map_err(unreadable)?);
            expected -= 1;
        }
    }
    hello.map(|hello| (hello, lines)).ok_or_else(|| failed(runner, "it said nothing"))
}

/// The user's command may name any Python; only the target's says something about the target.
fn check_kind(hello: &Hello, question: &Question<'_>) -> Result<()> {
    let Target { python, architecture } = question.target;
    let (minor, machine) = (format!("{python}."), architecture.machine());
    if hello.implementation == "cpython" && hello.version.starts_with(&minor) && hello.machine == machine {
        return Ok(());
    }
    let Hello { implementation, version, machine: runs_on, .. } = hello;
    let wanted = format!("and the target is CPython {python} on {machine}");
    Err(failed(question.runner, format!("it is {implementation} {version} on {runs_on}, {wanted}")))
}
