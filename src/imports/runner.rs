//! Which Python imports: the target's own where it runs natively, or the command that the user gives.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::python::interpreter::Interpreter;
use crate::system;

/// What runs the driver.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The interpreter's command.
    pub(super) command: Vec<OsString>,
    /// A native Python that makes the sandbox before it becomes the command.
    pub(super) sandbox: Option<PathBuf>,
    /// How much longer than natively things take.
    pub(super) patience: u32,
    /// What a result depends on: the interpreter's version, or the command.
    identity: String,
}

/// Why nothing can be imported on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Runner {
    /// What a result depends on.
    pub fn identity(&self) -> &str {
        &self.identity
    }
}

/// The interpreter itself, if it is the target's and runs natively.
fn native(interpreter: Option<&Interpreter>, target: Target) -> Result<Runner, Unavailable> {
    let Some(interpreter) = interpreter else {
        return Err(Unavailable(format!("there is no CPython {} on this machine", target.python)));
    };
    if !interpreter.builds_for(target) {
        return Err(Unavailable(format!(
            "Linux {} does not run here ({}); --import-command names an emulator",
            target.architecture.machine(),
            interpreter.describe_kind()
        )));
    }
    Ok(Runner {
        command: vec![interpreter.path.clone().into()],
        sandbox: Some(interpreter.path.clone()),
        patience: 1,
        identity: format!("CPython {}", interpreter.version()),
    })
}

/// The one that the user names, else the native one.
pub fn runner(
    command: Option<&str>,
    interpreter: Option<&Interpreter>,
    target: Target,
) -> Result<Result<Runner, Unavailable>> {
    match command {
        Some(command) => emulator(command, interpreter).map(Ok),
        None => Ok(native(interpreter, target)),
    }
}

/// The user's own command, split at blanks: an emulator with its options and the interpreter.
fn emulator(command: &str, native: Option<&Interpreter>) -> Result<Runner> {
    let mut words = command.split_whitespace();
    let missing = |name: &str| {
        Error::usage(
            format!("--import-command: there is no program {name}"),
            "example: --import-command 'qemu-aarch64-static -L SYSROOT SYSROOT/usr/bin/python3.13'",
        )
    };
    let program = words.next().ok_or_else(|| missing("in it"))?;
    let path = if program.contains('/') {
        std::path::absolute(program).ok().filter(|path| path.is_file())
    } else {
        system::find_on_path(program).into_iter().next()
    };
    let path = path.ok_or_else(|| missing(program))?;
    // The command starts in the copy: a path that is meant from here has to be whole.
    let whole = |word: &str| {
        let here = Path::new(word);
        if here.exists() { std::path::absolute(here).map_or_else(|_| word.into(), Into::into) } else { word.into() }
    };
    Ok(Runner {
        command: std::iter::once(path.into()).chain(words.map(whole)).collect(),
        sandbox: native.filter(|_| cfg!(target_os = "linux")).map(|interpreter| interpreter.path.clone()),
        patience: 10,
        identity: command.to_owned(),
    })
}
