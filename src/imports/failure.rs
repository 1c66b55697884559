//! What went wrong in an import, and what was missing.
//!
//! Words of CPython and of glibc's loader are matched here and nowhere else; what is not recognised is shown as it is.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::check::{LAYERS, TASK};
use crate::lambda::system::{Presence, System};
use crate::lambda::{self, PythonVersion};

/// One exception of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Raised {
    /// Its type: `ModuleNotFoundError`, `pkg.errors.Broken`.
    pub r#type: String,
    /// Its words.
    pub message: String,
    /// The module or file that it is about, if it says so.
    pub about: String,
    /// Whether `about` is of the standard library.
    pub standard: bool,
    /// The innermost module in which it happened.
    pub module: String,
    /// That module's file.
    pub file: String,
    /// Where that module is Python's own: the line of the artifact that led there, as `FILE:LINE`.
    pub line: String,
}

impl Raised {
    /// Reads a chain, outermost first, with its texts as they may be shown.
    pub(super) fn read(json: &str, shown: impl Fn(&str) -> String) -> Vec<Self> {
        let mut chain: Vec<Self> = serde_json::from_str(json).unwrap_or_default();
        for raised in &mut chain {
            for text in [&mut raised.message, &mut raised.about, &mut raised.file, &mut raised.line] {
                *text = shown(text);
            }
        }
        if chain.is_empty() {
            chain.push(Self { r#type: "an exception that cannot be read".into(), ..Self::default() });
        }
        chain
    }

    /// Whether a module of the standard library is missing because of how this machine's Python was built, and not because
    /// nobody has it: `_tkinter`, but not `json.nothing`, nor `email.mime` beside somebody's own `email.py`.
    fn is_of_this_python(&self) -> bool {
        // Debian has packages of their own for a part of these.
        const SPLIT: [&str; 2] = ["distutils.", "test."];
        let is_whole = !self.about.contains('.') || SPLIT.iter().any(|start| self.about.starts_with(start));
        self.standard && is_whole && !self.message.contains("is not a package")
    }

    /// `ModuleNotFoundError: No module named 'x'`; of a long message its last line.
    fn line(&self) -> String {
        let last = self.message.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        if last.is_empty() { self.r#type.clone() } else { format!("{}: {last}", self.r#type) }
    }
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an exception and its causes, outermost first.
    Raised(Vec<Raised>),
    /// The process ended, with this wait status.
    Died(i32),
    /// It did not end within so many seconds.
    Late(u32),
}

/// A module that did not load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The module, or the handler as it was given.
    pub module: String,
    /// Whether it is the handler.
    pub is_handler: bool,
    /// How it ended.
    pub ending: Ending,
    /// The last that it wrote to its standard output and error.
    pub output: String,
}

/// Something that an import looked for in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A module, by its dotted name.
    Module(String),
    /// A file or folder, by its path in Lambda.
    File(String),
    /// A shared library, by its name.
    Library(String),
    /// Something in a library: the file that could not be loaded, by its path in Lambda.
    Loadable(String),
    /// A distribution's metadata, by its name.
    Metadata(String),
}

/// glibc's words for a library that is not there.
const NO_LIBRARY: &str = ": cannot open shared object file";

/// glibc's words for a library that is there and does not load.
const NOT_LOADABLE: &[&str] = &[
    ": undefined symbol: ",
    ": symbol lookup error: ",
    ": invalid ELF header",
    ": file too short",
    ": ELF load command",
    ": ELF file",
    ": cannot read file data",
    ": object file has no",
    ": failed to map segment",
];

impl Failure {
    /// What was missing, innermost cause first.
    pub fn missing(&self) -> Vec<Missing> {
        let Ending::Raised(chain) = &self.ending else { return Vec::new() };
        let mut found: Vec<Missing> = chain.iter().rev().filter_map(missing).collect();
        found.dedup();
        found
    }

    /// Whether a slimming rule could have to do with it: not where it just takes too long, or ran out of memory.
    pub fn may_be_slimming(&self) -> bool {
        const SIGKILL: i32 = 9;
        match self.ending {
            Ending::Raised(_) => true,
            Ending::Died(status) => status & 0x7f != SIGKILL,
            Ending::Late(_) => false,
        }
    }

    /// Whether this machine cannot tell: what is missing here is there in Lambda, or comes from elsewhere.
    pub fn inconclusive(&self, provided: &BTreeSet<String>, python: PythonVersion) -> Option<String> {
        let Ending::Raised(chain) = &self.ending else { return None };
        let cause = chain.last()?;
        let top = cause.about.split('.').next().unwrap_or_default();
        if cause.r#type == "ModuleNotFoundError" && provided.contains(top) {
            return Some(format!("it needs {top}, which is said to come from elsewhere"));
        }
        if cause.r#type == "ModuleNotFoundError" && lambda::is_runtime_module(top) {
            return Some(format!("it needs {top}, which the Lambda runtime ships and this artifact does not"));
        }
        if cause.r#type == "ModuleNotFoundError" && cause.is_of_this_python() {
            return Some(format!("this machine's Python was built without {}", cause.about));
        }
        if let Some(Missing::Library(name)) = missing(cause)
            && System::of(python).has(&name, python) != Presence::Absent
        {
            return Some(format!("this machine has no {name}, and Lambda may have"));
        }
        (cause.message.contains("version `GLIBC_") && cause.message.contains("' not found"))
            .then(|| format!("this machine's glibc is too old for it ({})", cause.line()))
    }

    /// The module of somebody else that it wants, if that is why it failed and the artifact never had it: an optional
    /// part of a distribution whose extra is not installed. `has` says whether the artifact's sources have a module.
    pub fn optional(&self, has: impl Fn(&str) -> bool) -> Option<&str> {
        let Ending::Raised(chain) = &self.ending else { return None };
        let cause = chain.last().filter(|cause| cause.r#type == "ModuleNotFoundError" && !self.is_handler)?;
        if cause.standard {
            return None;
        }
        let top = cause.about.split('.').next().filter(|top| !top.is_empty())?;
        (!has(top)).then_some(top)
    }

    /// Whether a library does not load: so it is for everyone who uses the package.
    pub fn is_unloadable(&self) -> bool {
        self.missing().iter().any(|missing| matches!(missing, Missing::Library(_) | Missing::Loadable(_)))
    }

    /// Whether what failed is a library, a symbol or a file of the artifact rather than something optional.
    pub fn is_broken(&self) -> bool {
        match self.ending {
            Ending::Raised(_) => self.missing().iter().any(|missing| match missing {
                Missing::Module(_) => false,
                Missing::File(path) => [TASK, LAYERS].iter().any(|root| path.starts_with(&format!("{root}/"))),
                Missing::Library(_) | Missing::Loadable(_) | Missing::Metadata(_) => true,
            }),
            Ending::Died(status) => status & 0x7f != 0,
            Ending::Late(_) => false,
        }
    }

    /// The type of the innermost exception, without its module.
    pub fn kind(&self) -> &str {
        match &self.ending {
            Ending::Raised(chain) => chain.last().and_then(|cause| cause.r#type.rsplit('.').next()).unwrap_or_default(),
            _ => "",
        }
    }

    /// What happened, as the end of a sentence that begins with the module.
    pub fn reason(&self) -> String {
        match &self.ending {
            Ending::Late(seconds) => format!("was not imported within {seconds} s"),
            Ending::Died(status) => self.describe_death(*status),
            Ending::Raised(chain) => {
                let (Some(first), Some(cause)) = (chain.first(), chain.last()) else {
                    return "raises an exception".into();
                };
                let place = if cause.module.is_empty() || self.module.starts_with(&cause.module) {
                    String::new()
                } else if cause.line.is_empty() {
                    format!(" (in {})", cause.module)
                } else {
                    format!(" (in {}, from {})", cause.module, cause.line)
                };
                if first == cause || first.line() == cause.line() {
                    format!("raises {}{place}", cause.line())
                } else {
                    format!("raises {}, because of {}{place}", first.r#type, cause.line())
                }
            }
        }
    }

    fn describe_death(&self, status: i32) -> String {
        let signal = status & 0x7f;
        if signal == 0 {
            return format!("ends the process while it is imported (exit status {})", status >> 8 & 0xff);
        }
        let name = match signal {
            4 => "SIGILL",
            6 => "SIGABRT",
            7 => "SIGBUS",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            31 => "SIGSYS",
            _ => "a signal",
        };
        // What faulthandler prints: the innermost frame first.
        let frame = self.output.lines().map(str::trim).find(|line| line.starts_with("File \""));
        let place = frame.map(|frame| format!(" at {}", frame.trim_start_matches("File "))).unwrap_or_default();
        format!("crashes while it is imported ({name}, {signal}){place}")
    }
}

fn missing(raised: &Raised) -> Option<Missing> {
    let message = raised.message.as_str();
    let kind = raised.r#type.rsplit('.').next().unwrap_or_default();
    if kind == "PackageNotFoundError" {
        return (!raised.about.is_empty()).then(|| Missing::Metadata(raised.about.clone()));
    }
    if let Some((before, _)) = message.split_once(NO_LIBRARY) {
        let name = before.rsplit([' ', '/', '\n', '(']).next().unwrap_or(before);
        return Some(Missing::Library(name.to_owned()));
    }
    if let Some((before, _)) = NOT_LOADABLE.iter().find_map(|words| message.split_once(words)) {
        let start = before.find("/var/").or_else(|| before.find("/opt/"))?;
        return Some(Missing::Loadable(before[start..].to_owned()));
    }
    match kind {
        "ModuleNotFoundError" if !raised.about.is_empty() => Some(Missing::Module(raised.about.clone())),
        // cannot import name 'x' from 'a.b' (…); partially initialized modules are said the same way.
        "ImportError" => {
            let mut quoted = message.strip_prefix("cannot import name ")?.split('\'');
            let (name, module) = (quoted.nth(1)?, quoted.nth(1)?);
            Some(Missing::Module(format!("{module}.{name}")))
        }
        // module 'a.b' has no attribute 'x'
        "AttributeError" => {
            let mut quoted = message.strip_prefix("module ")?.split('\'');
            let (module, name) = (quoted.nth(1)?, quoted.nth(1)?);
            Some(Missing::Module(format!("{module}.{name}")))
        }
        _ if raised.about.starts_with('/') => Some(Missing::File(raised.about.clone())),
        // Messages of packages' own that name a file of theirs.
        _ => {
            let start = message.find("/var/task/").or_else(|| message.find("/opt/"))?;
            let end = message[start..].find(['\'', '"', '\n', ')', ',', ';']).map_or(message.len(), |end| start + end);
            Some(Missing::File(message[start..end].trim_end_matches(['.', ' ', ':']).to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(r#type: &str, message: &str, about: &str) -> Raised {
        Raised { r#type: r#type.into(), message: message.into(), about: about.into(), ..Raised::default() }
    }

    fn failure(chain: Vec<Raised>) -> Failure {
        Failure { module: "pkg".into(), is_handler: false, ending: Ending::Raised(chain), output: String::new() }
    }

    #[test]
    fn what_is_missing_is_read_from_what_python_and_the_loader_say() {
        let said = [
            (raised("ModuleNotFoundError", "No module named 'a.tests'", "a.tests"), Missing::Module("a.tests".into())),
            (
                raised("ImportError", "cannot import name 'tests' from 'a' (/var/task/a/__init__.py)", "a"),
                Missing::Module("a.tests".into()),
            ),
            (
                raised("AttributeError", "module 'a.b' has no attribute 'tests'", ""),
                Missing::Module("a.b.tests".into()),
            ),
            (
                raised("FileNotFoundError", "[Errno 2] No such file…", "/var/task/a/docs/x"),
                Missing::File("/var/task/a/docs/x".into()),
            ),
            (
                raised("ImportError", "libx.so.1: cannot open shared object file: No such file or directory", "a._c"),
                Missing::Library("libx.so.1".into()),
            ),
            (
                raised("ImportError", "/var/task/a/_c.so: undefined symbol: f", "a._c"),
                Missing::Loadable("/var/task/a/_c.so".into()),
            ),
            (
                raised("ValueError", "Cannot load imports from non-existent stub '/var/task/a/__init__.pyi'", ""),
                Missing::File("/var/task/a/__init__.pyi".into()),
            ),
            (
                raised("importlib.metadata.PackageNotFoundError", "No package metadata was found for a", "a"),
                Missing::Metadata("a".into()),
            ),
        ];
        for (raised, missing) in said {
            assert_eq!(failure(vec![raised]).missing(), [missing]);
        }
    }

    #[test]
    fn the_cause_counts_before_its_consequence() {
        let failure = failure(vec![
            raised("ImportError", "IMPORTANT: PLEASE READ THIS\n\nadvice\n", ""),
            raised("ImportError", "libx.so: cannot open shared object file: No such file or directory", "a"),
        ]);
        assert_eq!(failure.missing(), [Missing::Library("libx.so".into())]);
        insta::assert_snapshot!(failure.reason(), @"raises ImportError, because of ImportError: libx.so: cannot open shared object file: No such file or directory");
        assert!(failure.is_broken());
    }

    #[test]
    fn what_the_runtime_ships_is_no_failure_of_the_artifact() {
        let boto3 = failure(vec![raised("ModuleNotFoundError", "No module named 'boto3'", "boto3")]);
        insta::assert_snapshot!(boto3.inconclusive(&BTreeSet::new(), PythonVersion::DEFAULT).unwrap(), @"it needs boto3, which the Lambda runtime ships and this artifact does not");
        assert!(
            failure(vec![raised("ModuleNotFoundError", "No module named 'x'", "x")])
                .inconclusive(&BTreeSet::new(), PythonVersion::DEFAULT)
                .is_none()
        );
    }

    #[test]
    fn a_module_of_the_standard_library_is_missing_here_only_if_it_could_be_elsewhere() {
        let says = |message: &str, about: &str| {
            let raised = Raised { standard: true, ..raised("ModuleNotFoundError", message, about) };
            let failure = failure(vec![raised]);
            assert_eq!(failure.optional(|_| false), None, "{about} is nobody's optional distribution");
            failure.inconclusive(&BTreeSet::new(), PythonVersion::DEFAULT).is_some()
        };
        assert!(says("No module named '_tkinter'", "_tkinter"));
        assert!(says("No module named 'distutils.core'", "distutils.core"), "Debian splits it");
        assert!(!says("No module named 'json.nothing'", "json.nothing"));
        assert!(!says("No module named 'email.mime'; 'email' is not a package", "email.mime"));
    }

    #[test]
    fn a_library_that_the_runtime_has_decides_nothing() {
        let wants = |name: &str| {
            let message = format!("{name}: cannot open shared object file: No such file or directory");
            let failure = failure(vec![raised("ImportError", &message, "a")]);
            failure.inconclusive(&BTreeSet::new(), PythonVersion::DEFAULT).is_some()
        };
        assert!(wants("libz.so.1") && wants("libsqlite3.so.0"));
        assert!(!wants("libX11.so.6"));
    }

    #[test]
    fn a_crash_says_where() {
        let output = "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n  File \"/var/task/a.py\", line 3 in <module>\n  File \"<frozen importlib._bootstrap>\", line 1 in f\n";
        let crash = Failure { module: "a".into(), is_handler: false, ending: Ending::Died(11), output: output.into() };
        insta::assert_snapshot!(crash.reason(), @r#"crashes while it is imported (SIGSEGV, 11) at "/var/task/a.py", line 3 in <module>"#);
        let exit = Failure { ending: Ending::Died(7 << 8), ..crash };
        insta::assert_snapshot!(exit.reason(), @"ends the process while it is imported (exit status 7)");
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_a_package_says_breaks_the_reader(message in ".{0,200}", about in ".{0,40}", kind in "ImportError|AttributeError|OSError|ValueError") {
            let _ = failure(vec![raised(&kind, &message, &about)]).missing();
            let words = format!("cannot import name '{message}");
            let _ = failure(vec![raised("ImportError", &words, &about)]).missing();
            let _ = Raised::read(&message, str::to_owned);
        }
    }
}
