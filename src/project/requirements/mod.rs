//! What a function requires, in every form that teams keep it in, as questions for pip.
//!
//! A requirements file goes to pip as it is. All other forms become lines in a file of a temporary folder that lives as
//! long as the [`Requirements`]. What must stay true: hashes are kept, nothing of a form becomes an option of pip's, and
//! a lock file is taken as it is: nothing is resolved again.

mod beside;
mod described;
mod document;
mod exported;
mod groups;
mod index;
mod line;
mod locked;
mod pipfile;
mod pylock;
mod pyproject;
mod workspace;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use beside::{beside, named};
pub(super) use described::Described;
use locked::Locked;
use pyproject::PyProject;
use serde::Serialize;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::python::exporter;
use crate::python::pip::Question;

/// What is taken beside the dependencies themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Extras (optional dependencies).
    pub extras: Vec<String>,
    /// Dependency groups; of Pipfile.lock, categories.
    pub groups: Vec<String>,
}

impl Choice {
    /// Whether nothing is taken beside them.
    pub fn is_empty(&self) -> bool {
        self.extras.is_empty() && self.groups.is_empty()
    }

    /// The same in one order, as a lock has it.
    fn in_order(&self) -> Self {
        let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        Self { extras: sorted(&self.extras), groups: sorted(&self.groups) }
    }
}

/// `extras a, b; groups c`.
impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [("extras", &self.extras), ("groups", &self.groups)];
        let parts = named.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<String> = parts.map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
        formatter.write_str(&if parts.is_empty() { "no extras and no groups".into() } else { parts.join("; ") })
    }
}

/// What is required.
#[derive(Clone, Debug, Default)]
pub struct Requirements {
    /// The files that it was read from.
    pub sources: Vec<PathBuf>,
    /// Files beside them that were read as well: what they say of what is required itself.
    beside: Vec<PathBuf>,
    /// What of them is taken.
    pub choice: Choice,
    /// What pip is asked.
    pub questions: Vec<Question>,
    /// Of what a lock lists, the normalised names that are required themselves, as far as they are known.
    pub direct: BTreeSet<String>,
    /// Distributions that no file names and that are wanted all the same.
    pub added: Vec<String>,
    /// What tells these requirements from others: paths of files that pip reads as they are, texts of all others.
    identity: Vec<String>,
    /// Where the files lie that were made for pip.
    folder: Option<Arc<TempDir>>,
}

/// How requirements are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    PyProject,
    Pylock,
    Uv,
    Poetry,
    Pipfile,
}

impl Form {
    /// By the file's name, as the tools themselves know it.
    fn of(path: &Path) -> Self {
        match path.file_name().unwrap_or_default().to_string_lossy().as_ref() {
            "pyproject.toml" => Self::PyProject,
            "uv.lock" => Self::Uv,
            "poetry.lock" => Self::Poetry,
            "Pipfile.lock" | "Pipfile" => Self::Pipfile,
            name if pylock_name(name).is_some() => Self::Pylock,
            _ => Self::Text,
        }
    }
}

/// `NAME` of `pylock.NAME.toml`; nothing of `pylock.toml`.
fn pylock_name(file: &str) -> Option<&str> {
    let name = file.strip_prefix("pylock.")?;
    if name == "toml" {
        Some("")
    } else {
        name.strip_suffix(".toml").filter(|name| !name.is_empty() && !name.contains('.'))
    }
}

impl Requirements {
    /// Reads files in the form that their names say, for a target.
    pub fn read(paths: &[PathBuf], choice: &Choice, target: Target) -> Result<Self> {
        let mut requirements = Self { choice: choice.in_order(), ..Self::default() };
        let mut open = Question::default();
        let mut takes_selection = false;
        for path in paths {
            if !path.is_file() {
                return Err(Error::usage(
                    format!("there is no file {}", path.display()),
                    "-r takes the path of requirements.txt, pyproject.toml, pylock.toml, uv.lock, poetry.lock or Pipfile.lock",
                ));
            }
            if Form::of(path) == Form::Text {
                requirements.sources.push(path.clone());
                requirements
                    .identity
                    .push(std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string());
                open.files.push(path.clone());
            } else {
                takes_selection = true;
                requirements.add(path, choice, target, &mut open)?;
            }
        }
        if !open.files.is_empty() {
            requirements.questions.insert(0, open);
        }
        let chosen = choice.extras.iter().chain(&choice.groups).next();
        match chosen.filter(|_| !takes_selection) {
            Some(name) => Err(Error::usage(
                format!("there are no extras or dependency groups here to take {name:?} from"),
                "extras and groups are those of pyproject.toml or of a lock file; a requirements file has neither",
            )),
            None => Ok(requirements),
        }
    }

    /// Whether nothing says what is required (not: that nothing is required).
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.added.is_empty()
    }

    /// The same with a distribution that the files do not name, and what holds for all that it needs, as lines of constraints.
    pub fn with(mut self, distribution: &str, constraints: Vec<String>) -> Result<Self> {
        let file = self.write("added", &format!("{distribution}\n"))?;
        match self.questions.iter_mut().find(|question| !question.locked) {
            Some(question) => {
                question.files.push(file);
                question.constraints.extend(constraints);
            }
            None => self.questions.push(Question { files: vec![file], constraints, ..Question::default() }),
        }
        self.added.push(distribution.to_owned());
        Ok(self)
    }

    /// All that it was read from.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let beside = self.beside.iter().filter(|file| !self.sources.contains(file));
        self.sources.iter().chain(beside).cloned().collect()
    }

    /// The files that pip reads.
    pub fn files(&self) -> Vec<PathBuf> {
        self.questions.iter().flat_map(|question| &question.files).cloned().collect()
    }

    /// Those of them that are the user's own.
    pub fn own_files(&self) -> Vec<PathBuf> {
        self.files().into_iter().filter(|file| self.sources.contains(file)).collect()
    }

    /// What tells them from other requirements, whatever pip answers. May hold a credential: only for hashing.
    pub fn identity(&self) -> &[String] {
        &self.identity
    }

    fn add(&mut self, path: &Path, choice: &Choice, target: Target, open: &mut Question) -> Result<()> {
        match Form::of(path) {
            Form::Text => {}
            Form::PyProject => {
                let project = PyProject::read(path)?;
                let folder = folder_of(path);
                if project.is_poetrys() {
                    let lock = folder.join("poetry.lock");
                    if !lock.is_file() {
                        return Err(Error::requirements(
                            path,
                            "it keeps its dependencies in [tool.poetry], which only poetry reads",
                            "run `poetry lock`: poetry.lock beside it is then taken",
                        ));
                    }
                    return self.add_poetry(&lock, choice, target);
                }
                if let Some(lock) = workspace::lock_of(&folder) {
                    return self.add_uv(&lock, &folder, choice, target);
                }
                let lines = project.lines(path, choice, target)?;
                self.sources.push(path.to_owned());
                if !lines.is_empty() {
                    open.files.push(self.write("pyproject.toml", &(lines.join("\n") + "\n"))?);
                }
            }
            Form::Pylock => {
                let mut locked = pylock::read(path, choice, target)?;
                locked.direct = self.direct(&folder_of(path), choice, target);
                self.add_locked(path, locked)?;
            }
            Form::Uv => self.add_uv(path, &folder_of(path), choice, target)?,
            Form::Poetry => self.add_poetry(path, choice, target)?,
            Form::Pipfile => {
                let lock = path.with_file_name("Pipfile.lock");
                if !lock.is_file() {
                    return Err(Error::requirements(path, "there is no Pipfile.lock beside it", "run `pipenv lock`"));
                }
                let locked = pipfile::read(&lock, choice, target)?;
                self.add_locked(&lock, locked)?;
            }
        }
        Ok(())
    }

    fn add_uv(&mut self, lock: &Path, folder: &Path, choice: &Choice, target: Target) -> Result<()> {
        let text = exporter::uv(lock, folder, &choice.extras, &choice.groups)?;
        self.add_export(lock, folder, &text, choice, target)
    }

    fn add_poetry(&mut self, lock: &Path, choice: &Choice, target: Target) -> Result<()> {
        let text = exporter::poetry(lock, &folder_of(lock), &choice.extras, &choice.groups)?;
        self.add_export(lock, &folder_of(lock), &text, choice, target)
    }

    fn add_export(&mut self, lock: &Path, project: &Path, text: &str, choice: &Choice, target: Target) -> Result<()> {
        let file = project.join("pyproject.toml");
        if let Some(bounds) = PyProject::read(&file).ok().and_then(PyProject::python) {
            pyproject::requires_python(&file, &bounds, target)?;
        }
        let mut locked = exported::read(text, &folder_of(lock));
        locked.direct = self.direct(project, choice, target);
        self.add_locked(lock, locked)
    }

    /// What the project in a folder requires itself, as far as its pyproject.toml says it.
    fn direct(&mut self, folder: &Path, choice: &Choice, target: Target) -> BTreeSet<String> {
        let file = folder.join("pyproject.toml");
        if file.is_file() {
            self.beside.push(file.clone());
        }
        PyProject::read(&file).ok().and_then(|project| project.direct(&file, choice, target)).unwrap_or_default()
    }

    fn add_locked(&mut self, source: &Path, locked: Locked) -> Result<()> {
        self.sources.push(source.to_owned());
        let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (kind, text) in locked.texts() {
            let file = self.write(&format!("{name}{kind}"), &text)?;
            self.questions.push(Question { files: vec![file], locked: true, ..Question::default() });
        }
        self.direct.extend(locked.direct);
        Ok(())
    }

    /// Puts a text where pip can read it, under a name that pip's errors then show.
    fn write(&mut self, name: &str, text: &str) -> Result<PathBuf> {
        let folder = if let Some(folder) = &self.folder {
            folder.clone()
        } else {
            let folder = tempfile::Builder::new().prefix("pack-").tempdir();
            Arc::new(folder.map_err(Error::io("create a folder in", std::env::temp_dir()))?)
        };
        let path = folder.path().join(format!("{}-{name}.txt", self.identity.len()));
        std::fs::write(&path, text).map_err(Error::io("write", &path))?;
        self.folder = Some(folder);
        self.identity.push(text.to_owned());
        Ok(path)
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Architecture;

    fn read(files: &[(&str, &str)], named: &[&str], extras: &[&str]) -> Result<Vec<(bool, String)>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let target = Target { python: "3.13".parse().unwrap(), architecture: Architecture::X86_64 };
        let choice = Choice { extras: extras.iter().map(|name| (*name).to_owned()).collect(), groups: Vec::new() };
        let paths: Vec<PathBuf> = named.iter().map(|name| folder.path().join(name)).collect();
        let requirements = Requirements::read(&paths, &choice, target)?;
        Ok(requirements
            .questions
            .iter()
            .map(|question| {
                let texts: Vec<String> =
                    question.files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
                (question.locked, texts.join("|"))
            })
            .collect())
    }

    #[test]
    fn forms_are_known_by_name() {
        for (name, form) in [
            ("a/requirements.txt", Form::Text),
            ("pyproject.toml", Form::PyProject),
            ("pylock.toml", Form::Pylock),
            ("x/pylock.report.toml", Form::Pylock),
            ("pylock.a.b.toml", Form::Text),
            ("uv.lock", Form::Uv),
            ("poetry.lock", Form::Poetry),
            ("Pipfile", Form::Pipfile),
            ("my-pyproject.toml", Form::Text),
        ] {
            assert_eq!(Form::of(Path::new(name)), form, "{name}");
        }
    }

    #[test]
    fn what_is_resolved_is_asked_at_once_and_locks_by_themselves() {
        let pylock = "lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = '1'\nsdist = {url = 'https://h/a', hashes = {sha256 = 'aa'}}";
        let files = [
            ("pylock.toml", pylock),
            ("requirements.txt", "# kept\nsix\n"),
            ("pyproject.toml", "[project]\ndependencies = ['numpy']"),
        ];
        let questions = read(&files, &["pylock.toml", "requirements.txt", "pyproject.toml"], &[]).unwrap();
        let open = "# kept\nsix\n|numpy\n".to_owned();
        assert_eq!(questions, [(false, open), (true, "a==1 --hash=sha256:aa\n".into())]);
        let nothing = [("pyproject.toml", "[project]\ndependencies = []")];
        assert_eq!(read(&nothing, &["pyproject.toml"], &[]).unwrap(), []);
    }

    #[test]
    fn a_selection_needs_something_to_choose_from() {
        let error = read(&[("requirements.txt", "six")], &["requirements.txt"], &["x"]).unwrap_err();
        assert!(error.to_string().contains("no extras or dependency groups here to take \"x\" from"), "{error}");
        assert!(read(&[], &["requirements.txt"], &[]).unwrap_err().hint().unwrap().contains("uv.lock"));
    }

    #[test]
    fn what_only_poetry_reads_needs_its_lock() {
        let files = [("pyproject.toml", "[tool.poetry.dependencies]\nsix = '*'"), ("Pipfile", "")];
        let error = read(&files, &["pyproject.toml"], &[]).unwrap_err();
        assert!(error.hint().unwrap().contains("poetry lock"), "{error}");
        assert_eq!(read(&files, &["Pipfile"], &[]).unwrap_err().hint().unwrap(), "run `pipenv lock`");
    }
}
