//! The own files of a function or layer: everything in its folder but what does not belong into an artifact.
//!
//! `.packignore` has the format of `.gitignore` and comes after the defaults, so that a `!line` takes one back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use walkdir::WalkDir;

use crate::error::{Error, Result};
use crate::python::source;

/// What no function ships: version control, environments, caches, editors' files, its own tests, its requirements,
/// and files that hold secrets.
const DEFAULTS: &str = "\
.git
.gitignore
.gitattributes
.hg
.svn
.packignore
.venv
venv/
.tox
.nox
node_modules/
__pycache__/
*.py[cod]
*.egg-info/
.pytest_cache
.mypy_cache
.ruff_cache
.ipynb_checkpoints
.coverage
htmlcov/
.idea
.vscode
*.swp
*~
.#*
\\#*#
.DS_Store
Thumbs.db
.env
.env.*
.envrc
.netrc
.pypirc
.npmrc
.aws
.aws-sam
.serverless
.terraform
/dist/
/pack.toml
/pack.lock
/requirements*.txt
";

/// What describes the project, its requirements and where it runs, at the top of the folder: of use to tools, not to a
/// function. What one of its sources names stays.
const PROJECT: &str = "\
/pyproject.toml
/pylock.toml
/pylock.*.toml
/uv.lock
/uv.toml
/poetry.lock
/poetry.toml
/Pipfile
/Pipfile.lock
/Makefile
/Dockerfile
/.dockerignore
/.github
/.gitlab-ci.yml
/.pre-commit-config.yaml
/template.yaml
/template.yml
/samconfig.toml
/serverless.yml
/serverless.yaml
/*.tf
/*.tfvars
/.terraform.lock.hcl
/terraform.tfstate
/terraform.tfstate.backup
";

/// The function's own tests; what its other sources import stays.
const TESTS: &str = "\
/tests/
/test/
test_*.py
conftest.py
";

/// One file of a function or layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFile {
    /// Its path in the artifact.
    pub path: String,
    /// Its path on this machine.
    pub source: PathBuf,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Its size in bytes.
    pub size: u64,
}

/// The files that a folder ships, or one file, by path, without what a build writes to `output`. Symbolic links are
/// followed: what they lead to is shipped.
pub fn collect(root: &Path, output: &Path) -> Result<Vec<FunctionFile>> {
    if root.is_file() {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![file(name, root)?]);
    }
    let (ignored, project, tests) = (rules(root, DEFAULTS)?, rules(root, PROJECT)?, rules(root, TESTS)?);
    let is_ignored = |path: &Path, folder| ignored.matched_path_or_any_parents(path, folder).is_ignore();
    let mut files = Vec::new();
    let walk = WalkDir::new(root).follow_links(true).min_depth(1).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !ignored.matched(entry.path(), entry.file_type().is_dir()).is_ignore()) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere is an error before the filter sees it.
            Err(error) if error.path().is_some_and(|path| is_ignored(path, false)) => continue,
            Err(error) => return Err(unreadable(&error, root)),
        };
        if entry.file_type().is_file() && !is_output(entry.path(), output) {
            files.push(file(path_in(root, entry.path())?, entry.path())?);
        }
    }
    without_tests(without_project(files, &project)?, &tests)
}

/// Leaves out what describes the project, except what a source of the function names.
fn without_project(files: Vec<FunctionFile>, project: &Gitignore) -> Result<Vec<FunctionFile>> {
    let is_project = |file: &FunctionFile| project.matched_path_or_any_parents(&file.source, false).is_ignore();
    let (candidates, mut shipped): (Vec<_>, Vec<_>) = files.into_iter().partition(is_project);
    let mut named = vec![false; candidates.len()];
    for file in shipped.iter().filter(|file| !candidates.is_empty() && file.path.ends_with(".py")) {
        let text = std::fs::read(&file.source).map_err(Error::io("read", &file.source))?;
        for (candidate, named) in candidates.iter().zip(&mut named) {
            let name = candidate.path.rsplit('/').next().unwrap_or_default();
            *named |= memchr::memmem::find(&text, name.as_bytes()).is_some();
        }
    }
    shipped.extend(candidates.into_iter().zip(named).filter(|(_, named)| *named).map(|(file, _)| file));
    shipped.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(shipped)
}

fn unreadable(error: &walkdir::Error, root: &Path) -> Error {
    let path = error.path().unwrap_or(root);
    match std::fs::read_link(path) {
        Ok(target) => Error::DanglingLink { path: path.to_owned(), target },
        Err(_) => Error::Io { action: "read", path: path.to_owned(), source: std::io::Error::other(error.to_string()) },
    }
}

/// What this build, or an earlier one, wrote into the function's own folder.
fn is_output(path: &Path, output: &Path) -> bool {
    let same_folder = || {
        let folder = |path: &Path| {
            path.parent()
                .map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent }.canonicalize().ok())
        };
        folder(path) == folder(output)
    };
    let (Some(name), Some(stem)) = (path.file_name(), output.file_stem()) else { return false };
    let (name, stem) = (name.to_string_lossy(), stem.to_string_lossy());
    // What is kept beside an artifact is of its name.
    let whole = [".pack.json", ".cdx.json"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let ours = Some(whole) == output.file_name().map(|name| name.to_string_lossy()).as_deref()
        || whole == format!("{stem}.over-limit.zip")
        || (name.starts_with(&format!(".{stem}.")) && name.ends_with(".partial"));
    ours && same_folder()
}

/// Leaves out the function's own tests, except those that its other sources import.
fn without_tests(files: Vec<FunctionFile>, tests: &Gitignore) -> Result<Vec<FunctionFile>> {
    let is_test = |file: &FunctionFile| tests.matched_path_or_any_parents(&file.source, false).is_ignore();
    let (candidates, mut shipped): (Vec<_>, Vec<_>) = files.into_iter().partition(is_test);
    if candidates.is_empty() {
        return Ok(shipped);
    }
    let mut imported = BTreeSet::new();
    for file in shipped.iter().filter(|file| file.path.ends_with(".py")) {
        let text = std::fs::read(&file.source).map_err(Error::io("read", &file.source))?;
        for import in source::scan(&text).imports {
            imported.extend(import.module.split('.').chain(import.name.as_deref()).map(str::to_owned));
        }
    }
    shipped.extend(candidates.into_iter().filter(|file| {
        let top = file.path.split('/').next().unwrap_or_default();
        let module = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".py"));
        imported.contains(top) || module.is_some_and(|module| imported.contains(module))
    }));
    shipped.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(shipped)
}

/// Rules of ours, then those of `.packignore`.
fn rules(root: &Path, defaults: &str) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new(root);
    let wrong = |error: ignore::Error| {
        Error::usage(format!("a rule of .packignore cannot be read: {error}"), "its format is that of .gitignore")
    };
    for line in defaults.lines() {
        builder.add_line(None, line).map_err(wrong)?;
    }
    let own = root.join(".packignore");
    if own.is_file()
        && let Some(error) = builder.add(&own)
    {
        return Err(wrong(error));
    }
    builder.build().map_err(wrong)
}

fn path_in(root: &Path, path: &Path) -> Result<String> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let components: Option<Vec<&str>> = relative.iter().map(|component| component.to_str()).collect();
    components.map(|components| components.join("/")).filter(|path| !path.chars().any(char::is_control)).ok_or_else(
        || {
            Error::usage(
                format!("{} has a name that is not plain UTF-8", path.display()),
                "rename it, or keep it out with a line in .packignore",
            )
        },
    )
}

fn file(path: String, source: &Path) -> Result<FunctionFile> {
    let metadata = source.metadata().map_err(Error::io("read", source))?;
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0;
    #[cfg(not(unix))]
    let executable = false;
    Ok(FunctionFile { path, source: source.to_owned(), executable, size: metadata.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        collect(root.path(), Path::new("dist/f.zip")).unwrap().into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn what_does_not_belong_stays_out() {
        let files = [
            ("app.py", ""),
            ("lib/tests/data.json", ""),
            ("tests/test_app.py", ""),
            ("test_app.py", ""),
            ("__pycache__/app.cpython-313.pyc", ""),
            (".git/config", ""),
            (".env", "SECRET=1"),
            ("requirements.txt", ""),
            ("lib/requirements.txt", ""),
        ];
        assert_eq!(shipped(&files), ["app.py", "lib/requirements.txt", "lib/tests/data.json"]);
    }

    #[test]
    fn what_describes_the_project_stays_out_unless_a_source_names_it() {
        let files = [
            ("app.py", "import tomllib\nVERSION = tomllib.load(open('pyproject.toml', 'rb'))\n"),
            ("pyproject.toml", ""),
            ("pylock.report.toml", ""),
            ("uv.lock", ""),
            ("Pipfile", ""),
            ("main.tf", ""),
            ("template.yaml", ""),
            (".github/workflows/ci.yml", ""),
            ("lib/template.yaml", ""),
            ("lib/uv.lock", ""),
            ("templates/mail.yaml", ""),
        ];
        let kept = ["app.py", "lib/template.yaml", "lib/uv.lock", "pyproject.toml", "templates/mail.yaml"];
        assert_eq!(shipped(&files), kept);
        let files =
            [("app.py", ""), ("template.yaml", ""), ("serverless.yml", ""), (".packignore", "!template.yaml\n")];
        assert_eq!(shipped(&files), ["app.py", "template.yaml"]);
    }

    #[test]
    fn tests_that_the_function_imports_stay() {
        let files = [
            ("app.py", "from test_data import rows\nimport ab_test\n"),
            ("test_data.py", ""),
            ("ab_test.py", ""),
            ("test_app.py", ""),
            ("tests/a.py", ""),
        ];
        assert_eq!(shipped(&files), ["ab_test.py", "app.py", "test_data.py"]);
    }

    #[test]
    fn a_build_does_not_pack_what_it_wrote() {
        let root = tempfile::tempdir().unwrap();
        let written = ["job.zip", "job.over-limit.zip", ".job.zip.x.partial"];
        let beside =
            ["job.zip.pack.json", "job.zip.cdx.json", "job.over-limit.zip.pack.json", ".job.zip.pack.json.x.partial"];
        for name in written.iter().chain(&beside).chain(&["app.py", "data.zip"]) {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let files = collect(root.path(), &root.path().join("job.zip")).unwrap();
        assert_eq!(files.into_iter().map(|file| file.path).collect::<Vec<_>>(), ["app.py", "data.zip"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_stops_the_build_unless_it_is_ignored() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join(".#app.py")).unwrap();
        assert!(collect(root.path(), Path::new("f.zip")).unwrap().is_empty());
        std::os::unix::fs::symlink("nowhere", root.path().join("lib.py")).unwrap();
        let error = collect(root.path(), Path::new("f.zip")).unwrap_err();
        assert!(error.to_string().ends_with("lib.py is a symbolic link to nowhere, which is not there"), "{error}");
    }

    #[test]
    fn packignore_adds_and_takes_back() {
        let files = [("app.py", ""), (".env", ""), ("big.csv", ""), (".packignore", "*.csv\n!.env\n")];
        assert_eq!(shipped(&files), [".env", "app.py"]);
    }
}
