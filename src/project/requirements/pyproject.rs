//! `pyproject.toml`: `[project]` with its extras, and `[dependency-groups]` (PEP 735).
//! Sources: <https://packaging.python.org/en/latest/specifications/pyproject-toml/> and
//! <https://packaging.python.org/en/latest/specifications/dependency-groups/>.
//!
//! Nothing is run: what a build backend would compute (`dynamic`), and what only one tool understands, is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::groups::{self, Groups};
use super::{Choice, document, line};
use crate::error::{Error, Result};
use crate::lambda::Target;
use crate::python::{markers, normalise, requirement};

/// What is read of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PyProject {
    project: Option<Project>,
    #[serde(default)]
    dependency_groups: Groups,
    #[serde(default)]
    tool: Tool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    name: Option<String>,
    requires_python: Option<String>,
    dependencies: Option<Vec<String>>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    dynamic: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Tool {
    poetry: Option<Poetry>,
    #[serde(default)]
    uv: Uv,
    setuptools: Option<Setuptools>,
}

#[derive(Debug, Default, Deserialize)]
struct Poetry {
    name: Option<String>,
    dependencies: Option<toml::Table>,
    #[serde(default)]
    group: BTreeMap<String, PoetryGroup>,
}

#[derive(Debug, Default, Deserialize)]
struct PoetryGroup {
    #[serde(default)]
    dependencies: toml::Table,
}

#[derive(Debug, Default, Deserialize)]
struct Uv {
    #[serde(default)]
    sources: BTreeMap<String, toml::Value>,
    workspace: Option<Workspace>,
}

#[derive(Debug, Default, Deserialize)]
struct Workspace {
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Setuptools {
    #[serde(default)]
    dynamic: BTreeMap<String, toml::Value>,
}

impl PyProject {
    pub(super) fn read(path: &Path) -> Result<Self> {
        document::toml(path)
    }

    /// Whether it says what is required, rather than only how tools are set.
    pub(super) fn has_requirements(&self) -> bool {
        let project = self.project.as_ref();
        project.is_some_and(|project| project.dependencies.is_some() || project.is_dynamic("dependencies"))
            || self.is_poetrys()
    }

    /// Whether only poetry reads its dependencies.
    pub(super) fn is_poetrys(&self) -> bool {
        let standard = self.project.as_ref().is_some_and(|project| project.dependencies.is_some());
        !standard && self.tool.poetry.as_ref().is_some_and(|poetry| poetry.dependencies.is_some())
    }

    /// The project's name.
    pub(super) fn name(&self) -> Option<&str> {
        let poetrys = || self.tool.poetry.as_ref().and_then(|poetry| poetry.name.as_deref());
        self.project.as_ref().and_then(|project| project.name.as_deref()).or_else(poetrys)
    }

    /// The versions of Python that it is for.
    pub(super) fn python(self) -> Option<String> {
        self.project?.requires_python
    }

    /// Its lines for pip, with the chosen extras and groups.
    pub(super) fn lines(&self, path: &Path, choice: &Choice, target: Target) -> Result<Vec<String>> {
        let project = self.project.as_ref();
        if project.is_none() && choice.groups.is_empty() {
            return Err(Error::requirements(
                path,
                "it has no [project] with dependencies",
                "add them, choose a dependency group with --group NAME, or name another file with -r",
            ));
        }
        if let Some(project) = project {
            project.check(path, target, !choice.extras.is_empty(), self.tool.setuptools.as_ref())?;
        }
        let lines = self.selected(path, choice, target)?;
        let sourced =
            |text: &&String| requirement::parse(text).is_some_and(|found| self.has_source(found.name.as_ref()));
        if let Some(text) = lines.iter().find(sourced) {
            let name = text.split(|character: char| !(character.is_alphanumeric() || "-_.".contains(character))).next();
            return Err(Error::requirements(
                path,
                format!("{} has its place in [tool.uv.sources], which only uv reads", name.unwrap_or(text)),
                "run `uv lock`, and name uv.lock with -r",
            ));
        }
        Ok(lines)
    }

    /// The normalised names of what the choice requires itself, as far as it can be read here.
    pub(super) fn direct(&self, path: &Path, choice: &Choice, target: Target) -> Option<BTreeSet<String>> {
        if self.project.as_ref().is_some_and(|project| project.is_dynamic("dependencies")) {
            return None;
        }
        let known =
            |names: &[String], has: &dyn Fn(&str) -> bool| names.iter().filter(|name| has(name)).cloned().collect();
        let chosen = Choice {
            extras: known(&choice.extras, &|name| self.extra(name).is_some()),
            groups: known(&choice.groups, &|name| groups::has(&self.dependency_groups, name)),
        };
        let lines = self.selected(path, &chosen, target).ok()?;
        let mut names: BTreeSet<String> = lines
            .iter()
            .filter_map(|text| requirement::parse(text))
            .map(|requirement| normalise(requirement.name.as_ref()))
            .collect();
        if let Some(poetry) = &self.tool.poetry {
            let tables = poetry
                .dependencies
                .iter()
                .chain(choice.groups.iter().filter_map(|name| poetry.group.get(name)).map(|group| &group.dependencies));
            names.extend(tables.flat_map(toml::Table::keys).map(|name| normalise(name)));
        }
        Some(names)
    }

    fn selected(&self, path: &Path, choice: &Choice, target: Target) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        if let Some(project) = &self.project {
            for text in project.dependencies.iter().flatten() {
                lines.push(checked(path, "[project] dependencies", text)?);
            }
        }
        let mut seen = BTreeSet::new();
        for extra in &choice.extras {
            self.expand(path, extra, target, &mut seen, &mut lines)?;
        }
        for group in &choice.groups {
            for text in groups::expand(&self.dependency_groups, group).map_err(|wrong| wrong.of(path))? {
                lines.push(checked(path, "[dependency-groups]", text)?);
            }
        }
        let mut unique = BTreeSet::new();
        lines.retain(|line| unique.insert(line.clone()));
        Ok(lines)
    }

    /// An extra's requirements. What names the project itself (`project[other]`) stands for that other extra.
    fn expand(
        &self,
        path: &Path,
        extra: &str,
        target: Target,
        seen: &mut BTreeSet<String>,
        lines: &mut Vec<String>,
    ) -> Result<()> {
        let own = self.project.as_ref().and_then(|project| project.name.as_deref()).map(normalise);
        let mut pending = vec![extra.to_owned()];
        while let Some(extra) = pending.pop() {
            if !seen.insert(normalise(&extra)) {
                continue;
            }
            let texts = self.extra(&extra).ok_or_else(|| {
                let extras = self.project.as_ref().map(|project| &project.optional_dependencies);
                let known: Vec<&str> = extras.into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect();
                Error::requirements(path, format!("it has no extra {extra:?}"), listed("extras", &known))
            })?;
            for text in texts {
                let text = checked(path, "[project.optional-dependencies]", text)?;
                match requirement::parse(&text) {
                    Some(named) if Some(normalise(named.name.as_ref())) == own => {
                        if named.evaluate_markers(&markers::environment(target), &[]) {
                            pending.extend(named.extras.iter().map(ToString::to_string));
                        }
                    }
                    _ => lines.push(text),
                }
            }
        }
        Ok(())
    }

    fn extra(&self, name: &str) -> Option<&Vec<String>> {
        let extras = &self.project.as_ref()?.optional_dependencies;
        extras.iter().find(|(key, _)| normalise(key) == normalise(name)).map(|(_, texts)| texts)
    }

    /// Whether uv takes it from a folder, a repository or a URL.
    fn has_source(&self, name: &str) -> bool {
        let is_place = |value: &toml::Value| value.as_table().is_none_or(|table| !table.contains_key("index"));
        self.tool.uv.sources.iter().any(|(key, value)| {
            normalise(key) == normalise(name)
                && value.as_array().map_or_else(|| is_place(value), |several| several.iter().any(is_place))
        })
    }

    /// Whether it is a uv workspace's root, and a folder is one of its members (a path relative to it).
    pub(super) fn has_member(&self, folder: &Path) -> bool {
        let matches = |globs: &[String]| {
            globs
                .iter()
                .filter_map(|glob| {
                    globset::GlobBuilder::new(glob.trim_end_matches('/')).literal_separator(true).build().ok()
                })
                .any(|glob| glob.compile_matcher().is_match(folder))
        };
        self.tool.uv.workspace.as_ref().is_some_and(|space| matches(&space.members) && !matches(&space.exclude))
    }
}

impl Project {
    fn is_dynamic(&self, field: &str) -> bool {
        self.dynamic.iter().any(|name| name == field)
    }

    fn check(&self, path: &Path, target: Target, extras: bool, setuptools: Option<&Setuptools>) -> Result<()> {
        let fields: &[&str] = if extras { &["dependencies", "optional-dependencies"] } else { &["dependencies"] };
        if let Some(field) = fields.iter().find(|field| self.is_dynamic(field)) {
            let files =
                setuptools.and_then(|setuptools| setuptools.dynamic.get(*field)).and_then(|value| value.get("file"));
            let file = match files {
                Some(toml::Value::String(file)) => Some(file.as_str()),
                Some(toml::Value::Array(files)) => files.first().and_then(toml::Value::as_str),
                _ => None,
            };
            return Err(Error::requirements(
                path,
                format!("its build backend computes {field} (dynamic), and nothing is run to read it"),
                match file {
                    Some(file) => format!("setuptools reads them from {file}: name that file with -r"),
                    None => "write them to a file, `uv pip compile pyproject.toml -o requirements.txt` or \
                             `pip-compile pyproject.toml`, and name that with -r"
                        .into(),
                },
            ));
        }
        match &self.requires_python {
            Some(bounds) => requires_python(path, bounds, target),
            None => Ok(()),
        }
    }
}

/// Refuses a target whose Python is out of bounds.
pub(super) fn requires_python(path: &Path, bounds: &str, target: Target) -> Result<()> {
    match line::takes(bounds, &target.python.full()) {
        Some(true) => Ok(()),
        Some(false) => Err(Error::requirements(
            path,
            format!("requires-python is {bounds:?}, and the runtime has Python {}", target.python.full()),
            "choose another --python, or widen requires-python",
        )),
        None => Err(Error::requirements(
            path,
            format!("requires-python is {bounds:?}, which are no versions"),
            "write it like \">=3.12\"",
        )),
    }
}

fn checked(path: &Path, place: &str, text: &str) -> Result<String> {
    line::plain(text).map(str::to_owned).ok_or_else(|| {
        Error::requirements(
            path,
            format!("{place} has {}, which is no requirement", shown(text)),
            "write it like \"name>=1.2\" (PEP 508)",
        )
    })
}

/// Text of the file for an error: short, and nothing of a URL, which could hold a credential.
fn shown(text: &str) -> String {
    let before = text.split(['@', '/']).next().unwrap_or_default();
    let short: String = before.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

/// `extras here: a, b`
pub(super) fn listed(what: &str, known: &[&str]) -> String {
    if known.is_empty() { format!("it has no {what} at all") } else { format!("its {what}: {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lambda::Architecture;

    fn target() -> Target {
        Target { python: "3.13".parse().unwrap(), architecture: Architecture::X86_64 }
    }

    fn lines(text: &str, extras: &[&str], groups: &[&str]) -> Result<Vec<String>> {
        let path = Path::new("pyproject.toml");
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let choice = Choice { extras: owned(extras), groups: owned(groups) };
        document::parse_toml::<PyProject>(path, text)?.lines(path, &choice, target())
    }

    const PROJECT: &str = r#"
        [project]
        name = "My.Job"
        requires-python = ">=3.11"
        dependencies = ["numpy>=2", "my-lib @ https://host/my_lib-1.0-py3-none-any.whl"]
        [project.optional-dependencies]
        S3 = ["boto3"]
        old = ["tomli"]
        all = ["my_job[s3]", "my-job[old]; python_version < '3.11'", "my-job[all]", "httpx[http2]>=0.27"]
        [dependency-groups]
        base = ["six"]
        Dev_Tools = [{include-group = "base"}, "pytest>=8", "numpy>=2"]
    "#;

    #[test]
    fn dependencies_extras_and_groups_are_read() {
        let base = ["numpy>=2", "my-lib @ https://host/my_lib-1.0-py3-none-any.whl"];
        assert_eq!(lines(PROJECT, &[], &[]).unwrap(), base);
        assert_eq!(lines(PROJECT, &["all"], &[]).unwrap(), [base[0], base[1], "httpx[http2]>=0.27", "boto3"]);
        assert_eq!(lines(PROJECT, &["s3"], &["dev-tools"]).unwrap(), [base[0], base[1], "boto3", "six", "pytest>=8"]);
        assert_eq!(lines("[dependency-groups]\na = ['six']", &[], &["a"]).unwrap(), ["six"]);
    }

    #[test]
    fn what_cannot_be_read_says_what_to_do() {
        let cases = [
            ("", "it has no [project] with dependencies"),
            ("[project]\ndynamic = ['dependencies']", "its build backend computes dependencies (dynamic)"),
            (
                "[project]\nrequires-python = '>=3.14'",
                "requires-python is \">=3.14\", and the runtime has Python 3.13.",
            ),
            ("[project]\nrequires-python = 'new'", "requires-python is \"new\", which are no versions"),
            ("[project]\ndependencies = 'numpy'", "line 2, column 16: invalid type"),
            ("[project]\ndependencies = ['a==']", "[project] dependencies has \"a==\", which is no requirement"),
            (
                "[project]\ndependencies = ['a @ https://u:p@h/x --pre']",
                "[project] dependencies has \"a \"…, which is no requirement",
            ),
            ("[project]\ndependencies = ['a\\n-r x']", "which is no requirement"),
            (
                "[project]\ndependencies = ['a']\n[tool.uv.sources]\nA = {path = '../a'}",
                "a has its place in [tool.uv.sources]",
            ),
        ];
        for (text, message) in cases {
            let error = lines(text, &[], &[]).unwrap_err();
            assert!(error.to_string().contains(message), "{text}: {error}");
            assert!(error.hint().is_some(), "{text}");
        }
        let error = lines(PROJECT, &["s4"], &[]).unwrap_err();
        assert_eq!(error.hint().unwrap(), "its extras: S3, all, old");
        let files =
            "[project]\ndynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies = {file = ['reqs.in']}";
        assert_eq!(
            lines(files, &[], &[]).unwrap_err().hint().unwrap(),
            "setuptools reads them from reqs.in: name that file with -r"
        );
    }

    #[test]
    fn an_index_of_uv_is_no_place() {
        let text = "[project]\ndependencies = ['a']\n[tool.uv.sources]\na = {index = 'private'}";
        assert_eq!(lines(text, &[], &[]).unwrap(), ["a"]);
    }

    #[test]
    fn direct_requirements_are_told_from_what_comes_along() {
        let path = Path::new("pyproject.toml");
        let direct = |text: &str, groups: &[&str]| {
            let groups = groups.iter().map(|name| (*name).to_owned()).collect();
            let choice = Choice { extras: vec!["unknown".into()], groups };
            let project: PyProject = document::parse_toml(path, text).unwrap();
            project.direct(path, &choice, target()).map(|names| names.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(direct(PROJECT, &["base"]).unwrap(), ["my-lib", "numpy", "six"]);
        let poetry =
            "[tool.poetry.dependencies]\npython = '^3.12'\nNum_Py = '*'\n[tool.poetry.group.x.dependencies]\nsix = '*'";
        assert_eq!(direct(poetry, &["x"]).unwrap(), ["num-py", "python", "six"]);
        assert_eq!(direct("[project]\ndynamic = ['dependencies']", &[]), None);
    }

    #[test]
    fn only_a_file_that_says_what_is_required_counts() {
        let counts = |text: &str| document::parse_toml::<PyProject>(Path::new("x"), text).unwrap().has_requirements();
        assert!(
            counts(PROJECT)
                && counts("[tool.poetry.dependencies]\nsix = '*'")
                && counts("[project]\ndependencies = []")
        );
        assert!(!counts("[tool.ruff]\nline-length = 100") && !counts("[project]\nname = 'x'"));
    }

    #[test]
    fn members_of_a_workspace_are_known() {
        let text = "[tool.uv.workspace]\nmembers = ['packages/*', 'apps/one/']\nexclude = ['packages/old']";
        let project: PyProject = document::parse_toml(Path::new("x"), text).unwrap();
        let member = |path: &str| project.has_member(Path::new(path));
        assert!(member("packages/a") && member("apps/one"));
        assert!(!member("packages/a/b") && !member("packages/old") && !member("x"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = lines(&text, &["a"], &["b"]);
            let _ = lines(&format!("[project]\ndependencies = [{text:?}]\nrequires-python = {text:?}"), &[], &[]);
            let _ = lines(&format!("[dependency-groups]\nb = [{text:?}, {{include-group = {text:?}}}]"), &[], &["b"]);
        }
    }
}
