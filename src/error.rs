//! Every way a build can fail, each a sentence that says what happened and where, with a hint at what to do next.
//!
//! Nothing here may carry a secret: URLs are redacted before they enter an error, and a child's output is pip's own,
//! which redacts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::check::{Finding, Severity};
use crate::lambda::Target;
use crate::project::Mistakes;
use crate::python::WheelError;
use crate::registry::RegistryError;
use crate::system::CommandError;

/// The result of every stage.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Each finding that is an error, on lines of its own.
fn listed(findings: &[Finding]) -> String {
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .fold("\n".to_owned(), |text, finding| text + &finding.text())
        .trim_end()
        .to_owned()
}

/// What stopped a build.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A project file says something that cannot be.
    #[error(transparent)]
    Project(Box<Mistakes>),
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A symbolic link of the function leads nowhere.
    #[error("{} is a symbolic link to {}, which is not there", path.display(), target.display())]
    DanglingLink {
        /// The link.
        path: PathBuf,
        /// What it names.
        target: PathBuf,
    },
    /// The lock cannot be used, or does not say what is needed.
    #[error("{message}")]
    Lock {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A folder that the lock names requires something that the lock does not have.
    #[error("pack.lock is out of date: {0}")]
    FolderChanged(String),
    /// A file that says what is required cannot be used.
    #[error("{}: {reason}", file.display())]
    Requirements {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// A recipe of our own cannot be read.
    #[error("the recipe of {name} cannot be read: {reason}")]
    Recipe {
        /// The distribution.
        name: String,
        /// The parser's reason.
        reason: String,
    },
    /// A child process failed.
    #[error(transparent)]
    Command(Box<CommandError>),
    /// No Python on this machine has a pip that can resolve.
    #[error("no Python with pip {minimum} or newer was found")]
    NoPip {
        /// The oldest pip that writes the report that is read.
        minimum: &'static str,
        /// What was looked at, and why it does not serve.
        seen: Vec<String>,
    },
    /// The interpreter named on the command line does not serve.
    #[error("{} cannot be used: {reason}", path.display())]
    Interpreter {
        /// The interpreter.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// pip wrote something that is not the report it documents.
    #[error("pip's report cannot be read: {0}")]
    PipReport(String),
    /// pip broke down over a file.
    #[error("pip cannot read {file}: {reason}")]
    Unreadable {
        /// The file that it read last.
        file: String,
        /// The last line of its traceback.
        reason: String,
    },
    /// pip succeeded and left no wheel.
    #[error("pip fetched no wheel of {0}")]
    NotFetched(String),
    /// No wheel of a requirement fits the target.
    #[error("no wheel of {requirement} fits {target} (its newest platform tag is {})", target.newest_tag())]
    NoWheel {
        /// The requirement as pip names it.
        requirement: String,
        /// What the build is for.
        target: Target,
        /// Wheels that do exist, newest first.
        wheels: Vec<String>,
        /// Why it was not built from source.
        not_built: String,
    },
    /// pip knows no distribution of that name at all.
    #[error("pip found no version of {requirement} that satisfies the requirements")]
    NoDistribution {
        /// The requirement as pip names it.
        requirement: String,
        /// Versions that do exist, newest first.
        versions: Vec<String>,
        /// Whether only the cache was asked.
        offline: bool,
        /// What an index answered instead of a list of versions.
        refused: Option<String>,
    },
    /// Files of requirements lead to two versions of one distribution.
    #[error("{sources} ask for {name} {} and {name} {}", versions[0], versions[1])]
    TwoVersions {
        /// The distribution.
        name: String,
        /// The versions.
        versions: [String; 2],
        /// The files.
        sources: String,
    },
    /// The index that pip asks does not answer.
    #[error("pip cannot reach the index for {requirement}: {reason}")]
    IndexUnreachable {
        /// The requirement as pip names it.
        requirement: String,
        /// What pip says of the connection.
        reason: String,
    },
    /// A wheel that pip built only runs elsewhere.
    #[error("{wheel} was built on this machine and does not fit {target}")]
    BuiltForElsewhere {
        /// The wheel's file name.
        wheel: String,
        /// What the build is for.
        target: Target,
    },
    /// A downloaded file is not the one that was resolved.
    #[error("{file} has SHA-256 {actual}, but {expected} was resolved")]
    Digest {
        /// The file's name.
        file: String,
        /// The digest that the index or the requirement gives.
        expected: String,
        /// The digest of what came.
        actual: String,
    },
    /// A wheel breaks the format or tries to break out of it.
    #[error("{wheel} is not a wheel that can be trusted")]
    Wheel {
        /// The wheel's file name.
        wheel: String,
        /// What is wrong with it.
        source: Box<WheelError>,
    },
    /// One path would have to be a file and a folder.
    #[error("{path} is a file in {file_owner} and a folder in {folder_owner}")]
    FileAndFolder {
        /// The path in the artifact.
        path: String,
        /// Who brings the file.
        file_owner: String,
        /// Who brings the folder.
        folder_owner: String,
    },
    /// An image cannot be built above a base.
    #[error("{name} cannot be the base: {reason}")]
    Base {
        /// As it was named.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No engine of this machine took an image.
    #[error("no engine of this machine loaded the image:\n  {}", failures.join("\n  "))]
    Load {
        /// What each said, a line each.
        failures: Vec<String>,
    },
    /// What was to be measured cannot be read whole.
    #[error("{path} cannot be measured: {reason}")]
    Measure {
        /// As it was named.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something cannot be compared.
    #[error("{path} cannot be compared: {reason}")]
    Compare {
        /// As it was named.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What is there is not what is built (`--verify`).
    #[error("{place} is not what is built now: it has {there}, and {built} is built")]
    Differs {
        /// Where it is.
        place: String,
        /// The digest that is there, or what is there instead.
        there: String,
        /// The digest that is built.
        built: String,
        /// What to do.
        hint: String,
    },
    /// A ZIP that was given as a layer is none.
    #[error("{path} cannot be taken as a layer: {}", reasons.join("\n  "))]
    Layer {
        /// The ZIP.
        path: String,
        /// What is wrong with it, a line each.
        reasons: Vec<String>,
    },
    /// A function and its layers want different versions.
    #[error("the function and its layers have different versions:\n  {}", conflicts.join("\n  "))]
    LayerConflict {
        /// A sentence for each distribution.
        conflicts: Vec<String>,
    },
    /// AWS cannot be asked, or its answer is not what was hoped for.
    #[error("{message}")]
    Aws {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
        /// Whether nobody can be asked from here: no feature, no network, no credentials, no Region.
        is_out_of_reach: bool,
    },
    /// A worker that compiles bytecode failed (not: a source with a syntax error).
    #[error("compiling bytecode with {} failed: {reason}", interpreter.display())]
    Bytecode {
        /// The interpreter.
        interpreter: PathBuf,
        /// What happened.
        reason: String,
    },
    /// What was built would not work on Lambda.
    #[error("{name} would not work on Lambda{}", listed(findings))]
    Check {
        /// The function or layer.
        name: String,
        /// What was found, warnings as well.
        findings: Vec<Finding>,
    },
    /// The import test could not be carried out.
    #[error("the import test with {command} failed: {reason}")]
    ImportTest {
        /// The interpreter's command.
        command: String,
        /// What happened.
        reason: String,
    },
    /// A registry of images.
    #[error(transparent)]
    Registry(Box<RegistryError>),
    /// What was named is neither here nor an image that a registry gives.
    #[error("there is no {}, and no image of that name was had", path.display())]
    Neither {
        /// As it was named.
        path: PathBuf,
        /// Why the image was not had.
        source: Box<Error>,
    },
    /// A module that has to load does not.
    #[error("{module} {reason}")]
    Import {
        /// The module, as a message names it.
        module: String,
        /// What happened, as the rest of the sentence.
        reason: String,
        /// What to do.
        hint: String,
    },
}

impl From<CommandError> for Error {
    fn from(error: CommandError) -> Self {
        Self::Command(Box::new(error))
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        Self::Project(Box::new(mistakes))
    }
}

impl Error {
    /// A file system error.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// A wheel that breaks the format.
    pub fn wheel(wheel: &impl ToString, source: impl Into<WheelError>) -> Self {
        Self::Wheel { wheel: wheel.to_string(), source: Box::new(source.into()) }
    }

    /// A wrong use of the command line, with what to do about it.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// AWS cannot be asked from here.
    pub fn out_of_reach(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Aws { message: message.into(), hint: hint.into(), is_out_of_reach: true }
    }

    /// AWS can be asked, and does not give what is wanted.
    pub fn aws(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Aws { message: message.into(), hint: hint.into(), is_out_of_reach: false }
    }

    /// A file of requirements that cannot be used, with what to do about it.
    pub fn requirements(file: &Path, reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Requirements { file: file.to_owned(), reason: reason.into(), hint: hint.into() }
    }

    /// What to do next, if there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Project(mistakes) => mistakes.hint(),
            Self::NoPip { seen, .. } => Some(format!(
                "install one (Debian: apt install python3-pip; or: pyenv install 3.13) or name it with --python-executable{}",
                if seen.is_empty() { String::new() } else { format!("; looked at: {}", seen.join("; ")) }
            )),
            Self::Interpreter { .. } => Some("--python-executable takes the path of a CPython with pip".into()),
            Self::FolderChanged(_) => Some("pack lock brings it up to date; commit the result".into()),
            Self::Recipe { .. } => Some("this is a fault of pack itself; --slim none does without recipes".into()),
            Self::PipReport(_) => Some("upgrade pip: python -m pip install --upgrade pip".into()),
            Self::NoWheel { wheels, not_built, .. } => Some(format!(
                "{}; {not_built}; ask for a version that has a wheel for this target, choose another --python or --arch, or build \
                 the wheel yourself and give it with --find-links in the requirements file",
                if wheels.is_empty() {
                    "no wheel of it was seen, only source".to_owned()
                } else {
                    format!("wheels that exist: {}", wheels.join(", "))
                }
            )),
            Self::NoDistribution { offline: true, .. } => {
                Some("with --offline only wheels in the cache are taken, and none of them fits: build once without --offline".into())
            }
            Self::NoDistribution { refused: Some(answer), .. } => Some(format!(
                "an index answered \"{answer}\": check its URL, and the user and password in pip's configuration (pip config list, \
                 netrc, or the URL itself)"
            )),
            Self::NoDistribution { versions, .. } => Some(format!(
                "{}; check the name, the version bounds and the index that pip is configured to use (pip config list)",
                if versions.is_empty() {
                    "no version is known".to_owned()
                } else {
                    format!("newest versions that exist: {}", versions.join(", "))
                }
            )),
            Self::IndexUnreachable { .. } => Some(
                "check the network, the proxy and pip's configuration (pip config list); --offline builds from the wheels in \
                 the cache"
                    .into(),
            ),
            Self::TwoVersions { .. } => Some(
                "a lock file is taken as it is, beside what other files require: name one of them only, or make them agree".into(),
            ),
            Self::DanglingLink { .. } => {
                Some("mend or remove the link, or keep it out with a line in .packignore".into())
            }
            Self::BuiltForElsewhere { .. } => {
                Some("build it on a machine of the target's kind, or publish a manylinux wheel of it".into())
            }
            Self::Digest { .. } => Some(
                "the file changed at its source or on the way: do not use it; pip cache purge, then try again".into(),
            ),
            Self::Wheel { .. } | Self::Unreadable { .. } => {
                Some("do not install it; tell its authors, and pin a version that is well-formed".into())
            }
            Self::Command(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::Neither { source, .. } => source.hint(),
            Self::Check { .. } => Some("nothing was written; --no-check builds it all the same".into()),
            Self::Load { .. } => {
                Some("start one of them; or write a file with --output FILE.tar, and load it elsewhere".into())
            }
            Self::Compare { .. } | Self::Measure { .. } => Some("pack check says more of what is on this machine".into()),
            Self::Layer { .. } => Some("a layer is a ZIP as pack layer makes it; pack check says more of one".into()),
            Self::Base { .. } => Some("--base takes an image for Lambda's Python: a reference in a registry, or an OCI layout".into()),
            Self::LayerConflict { .. } => Some(
                "let both have one version: name it in the function's requirements, or build the layer again; or bundle the \
                 function's own with --allow-shadow: Python then imports that one"
                    .into(),
            ),
            Self::ImportTest { .. } => Some("name another Python with --import-command, or leave the import test out".into()),
            Self::Lock { hint, .. } | Self::Differs { hint, .. } | Self::Aws { hint, .. } | Self::Import { hint, .. } | Self::Requirements { hint, .. } => Some(hint.clone()),
            Self::NotFetched(_) | Self::FileAndFolder { .. } | Self::Io { .. } | Self::Bytecode { .. } => None,
        }
    }

    /// 1 for an expected failure of the input, 2 for wrong usage, 3 for what should not happen.
    pub fn status(&self) -> u8 {
        match self {
            Self::Neither { source, .. } => source.status(),
            Self::Usage { .. } | Self::Project(_) | Self::Interpreter { .. } => 2,
            Self::Io { .. } | Self::Bytecode { .. } | Self::PipReport(_) | Self::Recipe { .. } => 3,
            _ => 1,
        }
    }

    /// [`Self::status`], as a process ends with it.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status())
    }
}
