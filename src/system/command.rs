//! Child processes: the only place that starts one and waits for it.
//!
//! A failure keeps the arguments, the status and the last lines of what the child said.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Lines of a child's messages that an error keeps.
const LINES_KEPT: usize = 12;

/// A child process that could not be started or did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It ended with a failure.
    #[error("{what} failed ({status}):\n{last_lines}\nthe command was: {argv}")]
    Failed {
        /// What it was to do, in words.
        what: String,
        /// The command line.
        argv: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its messages.
        last_lines: String,
        /// All its messages.
        messages: String,
        /// All its data.
        stdout: String,
    },
    /// It was ended, since it took too long.
    #[error("{what} was given up after {} s\nthe command was: {argv}", limit.as_secs())]
    Late {
        /// What it was to do, in words.
        what: String,
        /// The command line.
        argv: String,
        /// How long it had.
        limit: Duration,
    },
}

impl CommandError {
    /// All that the child said on its standard error.
    pub fn messages(&self) -> &str {
        match self {
            Self::Start { .. } | Self::Late { .. } => "",
            Self::Failed { messages, .. } => messages,
        }
    }

    /// All that the child wrote, for where its words are searched.
    pub fn all_output(&self) -> String {
        match self {
            Self::Start { .. } | Self::Late { .. } => String::new(),
            Self::Failed { messages, stdout, .. } => format!("{messages}{stdout}"),
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let said = |words: &[&str]| words.iter().any(|word| self.messages().contains(word));
        if said(&[
            "Temporary failure in name resolution",
            "NewConnectionError",
            "Connection refused",
            "Max retries exceeded",
        ]) {
            Some("pip could not reach its index: check the network, the proxy and `pip config list`; --offline builds from wheels that are already cached".into())
        } else if said(&["401 Client Error", "403 Client Error", "404 Client Error"]) {
            Some("the index refused: check its URL and credentials in pip's configuration (`pip config list`)".into())
        } else if said(&["THESE PACKAGES DO NOT MATCH THE HASHES"]) {
            Some("the file is not the one that the requirements pin: update its --hash if you changed the version, and otherwise do not use it".into())
        } else if said(&["In --require-hashes mode", "Hashes are required in --require-hashes mode"]) {
            Some("hash mode is all or nothing: give every requirement, dependencies too, a --hash; `pip-compile --generate-hashes` or `uv export` write such files".into())
        } else if said(&["ResolutionImpossible"]) {
            Some("the requirements contradict each other: loosen one of the versions pip names above".into())
        } else {
            None
        }
    }
}

/// What a child that succeeded wrote.
#[derive(Debug)]
pub struct Output {
    /// Its data.
    pub stdout: Vec<u8>,
    /// Its messages.
    pub stderr: String,
}

/// Runs a command to its end with `stdin` as its input; `what` says in words what it does, and `argv` is shown instead
/// of the real arguments (which may hold a script or a credential).
pub fn run(command: Command, stdin: &[u8], what: &str, argv: &str) -> Result<Output, CommandError> {
    run_within(command, stdin, what, argv, None)
}

/// The same; it is killed after that time.
pub fn run_within(
    mut command: Command,
    stdin: &[u8],
    what: &str,
    argv: &str,
    limit: Option<Duration>,
) -> Result<Output, CommandError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = |source| CommandError::Start { program: program.clone(), source };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    let mut pipe = child.stdin.take();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (ended, end) = mpsc::channel::<()>();
    let (output, is_late) = std::thread::scope(|scope| {
        // A child that ends without reading its input breaks the pipe; its status says the rest.
        scope.spawn(move || pipe.take().map(|mut pipe| pipe.write_all(stdin)));
        let watch = limit.map(|limit| {
            scope.spawn(move || {
                // The sender is dropped as soon as the child has ended.
                let is_late = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
                if let Some(pid) = pid.filter(|_| is_late) {
                    let _ = kill_process(pid, Signal::KILL);
                }
                is_late
            })
        });
        let output = child.wait_with_output();
        drop(ended);
        (output, watch.is_some_and(|watch| watch.join().unwrap_or_default()))
    });
    let output = output.map_err(start)?;
    if let (true, Some(limit)) = (is_late && !output.status.success(), limit) {
        return Err(CommandError::Late { what: what.into(), argv: argv.into(), limit });
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(Output { stdout: output.stdout, stderr });
    }
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let last_lines = lines[lines.len().saturating_sub(LINES_KEPT)..].join("\n");
    Err(CommandError::Failed {
        what: what.into(),
        argv: argv.into(),
        status: output.status,
        last_lines,
        messages: stderr,
        stdout,
    })
}

/// Bytes that a child may say where little is expected of it.
const LITTLE: u64 = 1 << 20;

/// Runs a child that is asked something small and may hang: how it ended and what it wrote, or None if it had to be
/// killed after `limit`. Its messages go nowhere.
pub fn ask(mut command: Command, stdin: &[u8], limit: Duration) -> io::Result<Option<(ExitStatus, Vec<u8>)>> {
    let deadline = Instant::now() + limit;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (sender, answer) = mpsc::channel();
    let question = stdin.to_vec();
    // Not joined: what the child leaves behind may keep the pipes open after it was killed.
    std::thread::spawn(move || {
        // A child that ends without reading its input breaks the pipe; its status says the rest.
        let _ = input.map(|mut pipe| pipe.write_all(&question));
        let mut said = Vec::new();
        let read = output.map_or(Ok(0), |pipe| pipe.take(LITTLE).read_to_end(&mut said));
        let _ = sender.send(read.map(|_| said));
    });
    let left = || deadline.saturating_duration_since(Instant::now());
    let said = answer.recv_timeout(left());
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if left().is_zero() => break None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if let (Some(status), Ok(said)) = (status, said) {
        return Ok(Some((status, said?)));
    }
    let _ = child.kill();
    child.wait()?;
    Ok(None)
}

/// Every executable file of that name on PATH, in its order.
pub fn find_on_path(name: &str) -> Vec<PathBuf> {
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute() && folder.file_name() != Some(OsStr::new("shims")))
        .map(|folder| folder.join(name))
        .filter(|file| file.is_file())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_child_that_takes_too_long_is_killed() {
        let limit = Some(Duration::from_millis(200));
        let start = Instant::now();
        let late = run_within(shell("exec sleep 30"), b"", "sleeping", "sleep", limit).unwrap_err();
        assert!(matches!(late, CommandError::Late { .. }) && start.elapsed() < Duration::from_secs(20), "{late}");
        let done = run_within(shell("cat"), b"x", "reading", "cat", Some(Duration::from_mins(1))).unwrap();
        assert_eq!(done.stdout, b"x");
        let failed = run_within(shell("exit 3"), b"", "failing", "exit", Some(Duration::from_mins(1))).unwrap_err();
        assert!(matches!(failed, CommandError::Failed { .. }));
    }

    #[test]
    fn a_child_answers_or_is_killed() {
        let (status, said) = ask(shell("cat; exit 3"), b"x", Duration::from_secs(20)).unwrap().unwrap();
        assert_eq!((status.code(), said.as_slice()), (Some(3), &b"x"[..]));
        let start = Instant::now();
        assert!(ask(shell("sleep 30"), b"", Duration::from_millis(200)).unwrap().is_none());
        assert!(ask(shell("exec >&-; sleep 30"), b"", Duration::from_millis(200)).unwrap().is_none());
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(ask(Command::new("/nowhere/at-all"), b"", Duration::from_secs(1)).is_err());
    }
}
