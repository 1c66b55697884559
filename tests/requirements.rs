//! Requirements in every form that teams keep them in, through the binary: locks are made by the real tools, from an index
//! on this machine. The tools are in the virtual environment that `scripts/test` makes; without it their tests are skipped.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::index::Index;
use support::{Pack, Run, WheelBuilder, assert_done, assert_fails, sha256, skip, succeed, unzip};

const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// A project whose index has `alpha`, which needs `beta`, and others; nothing else is configured.
struct Team {
    pack: Pack,
    index: Index,
}

impl Team {
    fn new() -> Self {
        let pack = Pack::new();
        let index = Index::serve(&pack.path("wheels"), None);
        let team = Self { pack, index };
        team.wheel("alpha", "1.0", &["beta>=1"]);
        team.wheel("beta", "1.0", &[]);
        team.wheel("beta", "1.5", &[]);
        team.wheel("gamma", "1.0", &[]);
        team.wheel("delta", "1.0", &[]);
        team
    }

    fn wheel(&self, name: &str, version: &str, requires: &[&str]) {
        let module = format!("VERSION = '{version}'\n");
        let wheel = WheelBuilder::new(name, version).file(&format!("{name}.py"), module.as_bytes());
        self.pack.wheel(&requires.iter().fold(wheel.requires_python(">=3.9"), |wheel, needed| wheel.requires(needed)));
    }

    /// A folder that builds itself into a wheel, without anything from an index.
    fn library(&self, folder: &str, name: &str, requires: &[&str], text: &str) {
        let backend = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
        let project = format!("[project]\nname = \"{name}\"\nversion = \"1.0\"\ndependencies = {requires:?}\n");
        self.pack.write(&format!("{folder}/pyproject.toml"), format!("{backend}{project}"));
        self.pack.write(&format!("{folder}/{name}.py"), text);
        self.pack.write(&format!("{folder}/backend.py"), BACKEND);
    }

    /// `pack zip ARGUMENTS`, with the index and the tools.
    fn zip(&self, arguments: &[&str]) -> Run {
        let mut run = self.pack.command(["zip", "--bytecode", "none", "--no-import-test"]).args(arguments);
        run.command.env_remove("PIP_NO_INDEX").env_remove("PIP_FIND_LINKS");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(tools().into_iter().chain(std::env::split_paths(&path))).unwrap();
        run.env("PIP_INDEX_URL", self.index.url(None)).env("PATH", path)
    }

    /// Runs a tool in a folder of the project; it has to succeed.
    fn tool(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(tools().unwrap().join(arguments[0]));
        let home = self.pack.tmp().join("home");
        command.args(&arguments[1..]).current_dir(self.pack.path(folder)).env("HOME", &home).env("UV_CACHE_DIR", &home);
        command.env("PIPENV_IGNORE_VIRTUALENVS", "1").env("PIPENV_VENV_IN_PROJECT", "1").env_remove("VIRTUAL_ENV");
        let python = find_python();
        command.env("UV_PYTHON", &python).env("PIPENV_DEFAULT_PYTHON_VERSION", &python);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}:\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The modules and other files at the top of a function's artifact, its metadata aside.
    fn shipped(&self, function: &str) -> Vec<String> {
        let files = unzip(&self.pack.artifact(function)).into_keys();
        files.filter(|path| !path.contains(".dist-info/")).collect()
    }

    fn text(&self, function: &str, path: &str) -> String {
        unzip(&self.pack.artifact(function))[path].text().to_owned()
    }
}

/// Makes a wheel of the one module, whose requirements are those of pyproject.toml.
const BACKEND: &str = r#"
import base64, hashlib, pathlib, re, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    folder = pathlib.Path(__file__).parent
    text = (folder / "pyproject.toml").read_text()
    name = re.search('name = "(.*)"', text)[1]
    requires = re.findall('"([^"]+)"', re.search(r"\ndependencies = \[(.*)\]", text)[1])
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {it}\n" for it in requires)
    files = {
        f"{name}.py": (folder / f"{name}.py").read_text(),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    record = "".join(f"{path},sha256={digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    file = f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / file, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return file
"#;

/// The folder of uv, poetry and pipenv.
fn tools() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("PACK_TEST_EXPORTERS")?).join("bin");
    folder.join("uv").is_file().then_some(folder)
}

fn find_python() -> PathBuf {
    tools().unwrap().join("python").canonicalize().unwrap()
}

fn have_tools() -> bool {
    if tools().is_none() {
        skip(
            "uv, poetry and pipenv are not installed: scripts/test installs them and names them in PACK_TEST_EXPORTERS",
        );
    }
    tools().is_some()
}

#[test]
fn pyproject_is_read_without_any_tool() {
    let team = Team::new();
    team.pack.write("job/app.py", HANDLER);
    team.pack.write(
        "job/pyproject.toml",
        "[project]\nname = 'job'\nversion = '1'\ndependencies = ['alpha']\n\
         [project.optional-dependencies]\nmore = ['gamma']\nall = ['job[more]']\n\
         [dependency-groups]\nfixed = ['beta<1.5']\ndev = ['delta', {include-group = 'fixed'}]\n",
    );
    assert_done(&team.zip(&["job"]).run());
    assert_eq!(team.shipped("job"), ["alpha.py", "app.py", "beta.py"]);
    assert_eq!(team.text("job", "beta.py"), "VERSION = '1.5'\n");
    assert_done(&team.zip(&["job", "--extra", "all", "--group", "Dev"]).run());
    assert_eq!(team.shipped("job"), ["alpha.py", "app.py", "beta.py", "delta.py", "gamma.py"]);
    assert_eq!(team.text("job", "beta.py"), "VERSION = '1.0'\n");
    assert_fails(&team.zip(&["job", "--extra", "mor"]).run(), 1, &["no extra \"mor\"", "hint: its extras: all, more"]);
    // What the project says once, every build and the lock go by.
    team.pack.write("pack.toml", "[functions.job]\nsource = 'job'\nextras = ['all']\ngroups = ['Dev']\n");
    assert_done(&team.zip(&["job"]).run());
    assert_eq!(team.shipped("job"), ["alpha.py", "app.py", "beta.py", "delta.py", "gamma.py"]);
    assert_done(&team.zip(&["job", "--locked"]).run());
    assert_done(&team.zip(&["job", "--extra", "more"]).run());
    assert_eq!(team.shipped("job"), ["alpha.py", "app.py", "beta.py", "gamma.py"], "the command line goes over it");
    team.pack.write("pack.toml", "[functions.job]\nsource = 'job'\nextras = ['more']\n");
    team.pack.write("pack.toml", "[functions.job]\nsource = 'job'\nextras = ['all', 'more']\n");
    assert_done(&team.zip(&["job"]).run());
    team.pack.write("pack.toml", "[functions.job]\nsource = 'job'\nextras = ['more', 'all']\n");
    assert_done(&team.zip(&["job", "--locked"]).run());
    team.pack.write("pack.toml", "[functions.job]\nsource = 'job'\nextras = ['all']\ngroups = ['Dev']\n");
    assert_done(&team.zip(&["job"]).run());
    team.pack.write("pack.toml", "[functions.job]\nsource = 'job'\nextras = ['more']\n");
    let said = ["it has extras all; groups Dev, and extras more are to be taken"];
    assert_fails(&team.zip(&["job", "--locked"]).run(), 1, &said);
    fs::remove_file(team.pack.path("pack.toml")).unwrap();
    let plan = team.zip(&["job", "--dry-run", "--json"]).run().json(0);
    assert_eq!(plan["requirements"], serde_json::json!(["job/pyproject.toml"]));
    assert_eq!(plan["function_files"], serde_json::json!(["app.py"]));
    team.pack.write("job/requirements.txt", "gamma\n");
    assert_done(&team.zip(&["job"]).run());
    assert_eq!(team.shipped("job"), ["app.py", "gamma.py"], "what was written for pip comes first");
    assert_fails(&team.zip(&["job", "--group", "dev"]).run(), 2, &["a requirements file has neither"]);
    assert!(Pack::files(&team.pack.tmp()).is_empty(), "nothing is left behind");
}

const UV_ROOT: &str = "[project]\nname = 'root'\nversion = '1'\nrequires-python = '>=3.11'\ndependencies = []\n\
    [tool.uv]\nindex-url = 'INDEX'\n[tool.uv.workspace]\nmembers = ['apps/*', 'libs/*']\n";

const UV_APP: &str = "[project]\nname = 'report'\nversion = '1'\nrequires-python = '>=3.11'\ndependencies = ['shared', 'gamma']\n\
    [project.optional-dependencies]\nmore = ['delta']\n\
    [dependency-groups]\ndev = ['beta<1.5']\n\
    [tool.uv.sources]\nshared = {workspace = true}\n";

/// A workspace with a function, `apps/report`, and a library that it uses.
fn workspace(team: &Team) {
    team.pack.write("pyproject.toml", UV_ROOT.replace("INDEX", &team.index.url(None)));
    team.library("libs/shared", "shared", &["alpha"], "WORDS = 'first'\n");
    team.pack.write("apps/report/pyproject.toml", UV_APP.replace("[dependency-groups]\ndev = ['beta<1.5']\n", ""));
    team.pack.write("apps/report/app.py", HANDLER);
    team.tool("", &["uv", "lock"]);
}

#[test]
fn a_uv_workspace_is_built_from_its_lock() {
    if !have_tools() {
        return;
    }
    let team = Team::new();
    workspace(&team);
    // The lock has it, not the newest.
    team.wheel("gamma", "2.0", &[]);
    let first = team.zip(&["apps/report", "--json"]).run().json(0);
    assert_eq!(team.shipped("report"), ["alpha.py", "app.py", "beta.py", "gamma.py", "shared.py"]);
    assert_eq!(team.text("report", "gamma.py"), "VERSION = '1.0'\n");
    assert_eq!(first["warnings"], serde_json::json!([]));
    let plan = team.zip(&["apps/report", "--dry-run", "--json"]).run().json(0);
    assert_eq!(plan["requirements"].as_array().unwrap().len(), 1);
    assert!(plan["requirements"][0].as_str().unwrap().ends_with("uv.lock"), "{plan}");
    let requested = |name: &str| {
        let wheels = plan["wheels"].as_array().unwrap();
        wheels.iter().find(|wheel| wheel["name"] == name).unwrap()["requested"] == true
    };
    assert!(requested("gamma") && requested("shared") && !requested("alpha") && !requested("beta"));
    // A member is built from what it has now.
    team.pack.write("libs/shared/shared.py", "WORDS = 'second'\n");
    assert_done(&team.zip(&["apps/report"]).run());
    assert_eq!(team.text("report", "shared.py"), "WORDS = 'second'\n");
    // Any folder, with the lock of a member; and an extra of it.
    team.pack.write("elsewhere/app.py", HANDLER);
    assert_done(&team.zip(&["elsewhere", "-r", "apps/report/pyproject.toml", "--extra", "more"]).run());
    assert!(team.shipped("elsewhere").contains(&"delta.py".into()));
    assert_fails(
        &team.zip(&["apps/report", "--extra", "most"]).run(),
        1,
        &["exporting", "uv.lock with uv failed", "most"],
    );
    // The hash that the lock has holds.
    team.pack.wheel(&WheelBuilder::new("gamma", "1.0").file("gamma.py", b"VERSION = 'forged'\n"));
    fs::remove_dir_all(team.pack.cache()).unwrap();
    assert_fails(&team.zip(&["apps/report"]).run(), 1, &["DO NOT MATCH THE HASHES"]);
    assert!(Pack::files(&team.pack.tmp()).iter().all(|path| path.starts_with("home")), "nothing is left behind");
}

#[test]
fn pylock_of_uv_is_read_without_uv() {
    if !have_tools() {
        return;
    }
    let team = Team::new();
    let tagged = |tags: &str| {
        let wheel = WheelBuilder::new("tagged", "1.0").tags(tags).requires_python(">=3.9");
        team.pack.wheel(&wheel.file("tagged.py", tags.as_bytes()));
    };
    for tags in ["py3-none-manylinux_2_17_x86_64", "py3-none-manylinux_2_28_x86_64", "py3-none-manylinux_2_17_aarch64"]
    {
        tagged(tags);
    }
    team.pack.write(
        "job/pyproject.toml",
        format!(
            "[project]\nname = 'job'\nversion = '1'\nrequires-python = '>=3.10'\n\
             dependencies = ['alpha', 'tagged', \"gamma; python_version < '3.12'\"]\n[tool.uv]\nindex-url = '{}'\n",
            team.index.url(None)
        ),
    );
    team.pack.write("job/app.py", HANDLER);
    team.tool("job", &["uv", "lock"]);
    team.tool(
        "job",
        &["uv", "export", "--frozen", "--no-emit-project", "--format", "pylock.toml", "-o", "pylock.toml"],
    );
    for file in ["job/uv.lock", "job/pyproject.toml"] {
        fs::remove_file(team.pack.path(file)).unwrap();
    }
    let without = team.pack.tmp().join("empty");
    fs::create_dir(&without).unwrap();
    let python = find_python();
    for (python_version, arch, tags, modules) in [
        ("3.13", "x86_64", "py3-none-manylinux_2_28_x86_64", 4),
        ("3.11", "x86_64", "py3-none-manylinux_2_17_x86_64", 5),
        ("3.13", "arm64", "py3-none-manylinux_2_17_aarch64", 4),
    ] {
        let output = team.pack.path("out.zip");
        let arguments = ["job", "--python", python_version, "--arch", arch, "--output", "out.zip"];
        let run = team.zip(&arguments).arg("--python-executable").arg(&python).env("PATH", &without);
        assert_done(&run.run());
        let files = unzip(&output);
        assert_eq!(files["tagged.py"].text(), tags);
        assert_eq!(files.keys().filter(|path| path.ends_with(".py")).count(), modules, "{python_version} {arch}");
    }
    assert_fails(&team.zip(&["job", "--extra", "x"]).run(), 1, &["job/pylock.toml: it has no extra \"x\""]);
}

#[test]
fn a_poetry_project_is_built_from_its_lock() {
    if !have_tools() {
        return;
    }
    let team = Team::new();
    team.library("job/libs/one", "one", &["alpha"], "NUMBER = 1\n");
    team.library("job/libs/two", "two", &[], "NUMBER = 2\n");
    let project = format!(
        "[project]\nname = 'job'\nversion = '1'\nrequires-python = '>=3.11,<4'\ndependencies = ['gamma', 'one', 'two']\n\
         [project.optional-dependencies]\nmore = ['delta']\n\
         [tool.poetry]\npackage-mode = false\n\
         [tool.poetry.dependencies]\none = {{path = 'libs/one', develop = true}}\ntwo = {{path = 'libs/two'}}\n\
         [tool.poetry.group.fixed.dependencies]\nbeta = '<1.5'\n\
         [[tool.poetry.source]]\nname = 'own'\nurl = '{}'\npriority = 'primary'\n",
        team.index.url(None)
    );
    team.pack.write("job/pyproject.toml", &project);
    team.pack.write("job/app.py", HANDLER);
    team.pack.write("job/.packignore", "/libs/\n");
    team.tool("job", &["poetry", "lock", "--no-interaction"]);
    team.wheel("gamma", "2.0", &[]);
    let run = team.zip(&["job"]).run();
    assert_done(&run);
    assert_eq!(team.shipped("job"), ["alpha.py", "app.py", "beta.py", "gamma.py", "one.py", "two.py"]);
    assert_eq!(team.text("job", "gamma.py"), "VERSION = '1.0'\n");
    assert_done(&team.zip(&["job", "--extra", "more", "--group", "fixed"]).run());
    assert!(team.shipped("job").contains(&"delta.py".into()));
    // What poetry says of a lock that no longer fits its project.
    team.pack.write("job/pyproject.toml", project.replace("'gamma'", "'gamma', 'delta'"));
    assert_fails(&team.zip(&["job"]).run(), 1, &["exporting job/poetry.lock with poetry failed", "poetry lock"]);
}

#[test]
fn a_pipenv_project_is_built_from_its_lock() {
    if !have_tools() {
        return;
    }
    let team = Team::new();
    team.pack.write(
        "job/Pipfile",
        format!(
            "[[source]]\nname = 'own'\nurl = '{}'\nverify_ssl = false\n[packages]\nalpha = '*'\ngamma = '<2'\n[dev-packages]\ndelta = '*'\n",
            team.index.url(None)
        ),
    );
    team.pack.write("job/app.py", HANDLER);
    team.tool("job", &["pipenv", "lock"]);
    let exported = team.tool("job", &["pipenv", "requirements", "--hash"]);
    team.wheel("gamma", "1.1", &[]);
    let plan = team.zip(&["job", "--dry-run", "--json"]).run().json(0);
    assert_eq!(plan["requirements"], serde_json::json!(["job/Pipfile.lock"]));
    let ours: Vec<String> = plan["wheels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wheel| format!("{}=={}", wheel["name"].as_str().unwrap(), wheel["version"].as_str().unwrap()))
        .collect();
    let mut theirs: Vec<&str> = exported
        .lines()
        .filter(|line| line.contains("=="))
        .map(|line| line.split([';', ' ']).next().unwrap())
        .collect();
    theirs.sort_unstable();
    assert_eq!(ours, theirs, "what pipenv's own exporter says");
    assert_done(&team.zip(&["job", "-r", "job/Pipfile", "--group", "develop"]).run());
    assert_eq!(team.shipped("job"), ["alpha.py", "app.py", "beta.py", "delta.py", "gamma.py"]);
}

#[test]
fn an_exporter_that_is_missing_is_named() {
    let team = Team::new();
    let project = "[project]\nname = 'job'\nversion = '1'\ndependencies = ['gamma']\n";
    team.pack.write("job/app.py", HANDLER);
    team.pack.write("job/pyproject.toml", project);
    team.pack.write("bin/none", "");
    let run = |team: &Team| team.zip(&["job"]).env("PATH", team.pack.path("bin")).run();
    team.pack.write("job/poetry.lock", "");
    let words = [
        "job/poetry.lock: only poetry reads it, and poetry is not installed",
        "pipx inject poetry poetry-plugin-export",
    ];
    assert_fails(&run(&team), 1, &words);
    // The words of poetry 2 without its plugin.
    team.pack.write("bin/poetry", "#!/bin/sh\necho\necho 'The requested command export does not exist.' >&2\nexit 1\n");
    succeed(Command::new("chmod").arg("+x").arg(team.pack.path("bin/poetry")));
    assert_fails(&run(&team), 1, &["poetry-plugin-export, which is not installed", "hint: install it: pipx inject"]);
    team.pack.write("job/uv.lock", "");
    assert_fails(&run(&team), 1, &["job/uv.lock: only uv reads it, and uv is not installed", "pip install uv"]);
}

/// A lock with the wheels of a team's index, as they are.
fn pylock(team: &Team, wheels: &[&str]) -> String {
    let package = |wheel: &&str| {
        let (name, version) = wheel.split_once('-').unwrap();
        let file = format!("{wheel}-py3-none-any.whl");
        let digest = sha256(&fs::read(team.pack.path("wheels").join(&file)).unwrap());
        format!(
            "[[packages]]\nname = '{name}'\nversion = '{version}'\nwheels = [{{name = '{file}', url = 'https://nowhere.invalid/{file}', hashes = {{sha256 = '{digest}'}}}}]\n"
        )
    };
    let packages: Vec<String> = wheels.iter().map(package).collect();
    format!("lock-version = '1.0'\n{}", packages.concat())
}

#[test]
fn a_layer_takes_a_lock() {
    let team = Team::new();
    team.pack.write("pylock.toml", pylock(&team, &["alpha-1.0", "beta-1.0"]));
    let arguments = ["layer", "-r", "pylock.toml", "--name", "data", "--bytecode", "none", "--no-import-test"];
    let outcome = team.pack.command(arguments).run();
    assert_done(&outcome);
    let files = unzip(&team.pack.path("dist/layers/data-python3.13-x86_64.zip"));
    assert_eq!(files["python/beta.py"].text(), "VERSION = '1.0'\n");
}

#[test]
fn a_lock_is_taken_as_it_is() {
    let team = Team::new();
    team.wheel("picky", "1.0", &["beta<1.2", "not-locked"]);
    team.pack.write("job/app.py", HANDLER);
    team.pack.write("job/pylock.toml", pylock(&team, &["picky-1.0", "beta-1.5"]));
    assert_done(&team.zip(&["job", "--no-check"]).run());
    assert_eq!(team.text("job", "beta.py"), "VERSION = '1.5'\n");
    // Beside it, other requirements may not want another version.
    team.pack.write("more.txt", "beta<1.5\n");
    let both = team.zip(&["job", "-r", "job/pylock.toml", "-r", "more.txt"]).run();
    assert_fails(&both, 1, &["ask for beta 1.0 and beta 1.5", "hint: a lock file is taken as it is"]);
    team.pack.write("more.txt", "beta==1.5\ngamma\n");
    assert_done(&team.zip(&["job", "-r", "job/pylock.toml", "-r", "more.txt", "--no-check"]).run());
    assert_eq!(team.shipped("job"), ["app.py", "beta.py", "gamma.py", "picky.py"]);
}

#[test]
fn what_only_came_along_in_a_lock_is_known() {
    let team = Team::new();
    team.wheel("boto3", "1.40.0", &[]);
    team.wheel("needy", "1.0", &["boto3"]);
    team.pack.write("job/app.py", HANDLER);
    team.pack.write("job/pylock.toml", pylock(&team, &["needy-1.0", "boto3-1.40.0"]));
    assert_done(&team.zip(&["job"]).run());
    assert_eq!(team.shipped("job"), ["app.py", "needy.py"], "the runtime has boto3");
    team.pack.write("job/pyproject.toml", "[project]\ndependencies = ['needy', 'boto3']\n");
    assert_done(&team.zip(&["job"]).run());
    assert_eq!(team.shipped("job"), ["app.py", "boto3.py", "needy.py"], "the project names it");
}

#[test]
fn a_folder_in_a_lock_is_built_beside_hashes() {
    let team = Team::new();
    team.library("libs/own", "own", &["alpha"], "NUMBER = 1\n");
    let folder = "[[packages]]\nname = 'own'\n[packages.directory]\npath = 'libs/own'\neditable = true\n";
    team.pack.write("pylock.toml", pylock(&team, &["alpha-1.0", "beta-1.0"]) + folder);
    team.pack.write("job/app.py", HANDLER);
    assert_done(&team.zip(&["job", "-r", "pylock.toml"]).run());
    assert_eq!(team.shipped("job"), ["alpha.py", "app.py", "beta.py", "own.py"]);
    team.pack.write("libs/own/own.py", "NUMBER = 2\n");
    assert_done(&team.zip(&["job", "-r", "pylock.toml"]).run());
    assert_eq!(team.text("job", "own.py"), "NUMBER = 2\n");
}

const USER: &str = "deploy";
const SECRET: &str = "s3cr3t%40token-4711";

/// Every byte that may not hold the secret: in any spelling.
fn assert_no_secret(what: &str, bytes: &[u8]) {
    let whole = data_encoding::BASE64.encode(format!("{USER}:s3cr3t@token-4711").as_bytes());
    for secret in ["s3cr3t", "token-4711", &whole] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{what} has {secret:?}:\n{}", String::from_utf8_lossy(bytes));
    }
}

fn assert_no_secret_below(folder: &Path) {
    for path in Pack::files(folder) {
        assert_no_secret(&path, path.as_bytes());
        assert_no_secret(&path, &fs::read(folder.join(&path)).unwrap_or_default());
    }
}

#[test]
fn a_private_index_serves_and_its_password_is_nowhere() {
    let team = Team::new();
    let index = Index::serve(&team.pack.path("wheels"), Some("deploy:s3cr3t@token-4711"));
    let url = index.url(Some(&format!("{USER}:{SECRET}")));
    let hashed = |name: &str, version: &str| {
        let wheel = team.pack.path(format!("wheels/{name}-{version}-py3-none-any.whl"));
        format!("{name}=={version} --hash=sha256:{}\n", sha256(&fs::read(wheel).unwrap()))
    };
    let pins = hashed("alpha", "1.0") + &hashed("beta", "1.0");
    let home = team.pack.tmp().join("home");
    fs::create_dir(&home).unwrap();
    let run = |arguments: &[&str], configured: &str| {
        let outcome =
            team.zip(arguments).env("PIP_INDEX_URL", configured).env("HOME", &home).env("PIP_RETRIES", "0").run();
        assert_no_secret("standard output", outcome.stdout.as_bytes());
        assert_no_secret("standard error", outcome.stderr.as_bytes());
        outcome
    };
    team.pack.write("functions/app/app.py", HANDLER);
    // What else pip is told to ask has nothing.
    let nothing = Index::serve(&team.pack.path("functions"), None);
    let elsewhere = nothing.url(None);
    let lock = pylock(&team, &["alpha-1.0", "beta-1.0"]);
    // Where the URL may stand: in a requirements file, in pip's configuration, in a lock.
    let cases = [
        ("requirements/app.txt", format!("--index-url {url}\n{pins}"), elsewhere.as_str()),
        ("requirements/app.txt", pins.clone(), url.as_str()),
        ("requirements/app.txt", format!("--extra-index-url {url}\nalpha\n"), elsewhere.as_str()),
        (
            "requirements/pylock.app.toml",
            lock.replace("version = '1.0'\nw", &format!("version = '1.0'\nindex = '{url}'\nw")),
            elsewhere.as_str(),
        ),
    ];
    for (place, text, configured) in &cases {
        let _ = fs::remove_dir_all(team.pack.path("requirements"));
        let _ = fs::remove_dir_all(team.pack.cache());
        team.pack.write(place, text);
        for arguments in [&["app", "-v"][..], &["app", "--json"], &["app", "--dry-run"], &["app", "--offline", "-v"]] {
            assert_done(&run(arguments, configured));
        }
        assert!(team.shipped("app").contains(&"beta.py".into()));
        // What goes wrong says it without the URL's secret.
        let _ = fs::remove_dir_all(team.pack.cache());
        for (text, configured) in [
            (text.replace("sha256", "sha512"), (*configured).to_owned()),
            (text.replace("alpha", "absent"), (*configured).to_owned()),
            (text.replace("deploy", "nobody"), configured.replace("deploy", "nobody")),
            (text.replace("127.0.0.1", "127.0.0.2"), configured.replace("127.0.0.1", "127.0.0.2")),
            (text.replace("http:", "htp:"), configured.replace("http:", "htp:")),
            (text.replace("alpha", "alpha=="), (*configured).to_owned()),
        ] {
            team.pack.write(place, &text);
            let outcome = run(&["app", "-v"], &configured);
            if text.contains("nobody") || configured.contains("nobody") {
                assert_fails(&outcome, 1, &["an index answered \"401", "check its URL, and the user and password"]);
            }
        }
        team.pack.write(place, "--index-url ");
        let _ = run(&["app", "-v"], configured);
        for folder in [team.pack.cache(), team.pack.tmp(), team.pack.path("dist")] {
            assert_no_secret_below(&folder);
        }
    }
    assert!(index.refused() > 0, "it does ask for the password");
}
