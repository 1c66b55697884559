//! Which Python an image runs, and in which folders that one looks for modules.
//!
//! The image's command names it, or PATH finds it; an image may have several, of which the system's own is not meant.
//! Paths have no leading slash here.

use std::collections::BTreeMap;

use super::super::links::{self, Links, Patience};
use crate::check::{File, Files};
use crate::lambda::PythonVersion;

/// Where a Python is looked for if nothing names one: AWS's base images, Docker's official ones, a distribution's own.
const USUAL: [&str; 3] = ["var/lang", "usr/local", "usr"];

/// What a shell takes for PATH where nobody sets it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Entries of PATH and words of a command that are looked at.
const WORDS: usize = 64;

/// The most that `pyvenv.cfg` may have.
pub(super) const CONFIGURATION_BYTES: u64 = 1 << 16;

/// An image's files.
pub(super) struct Root<'a> {
    pub files: &'a BTreeMap<String, File<'static>>,
    pub links: &'a Links,
}

/// What an image's command runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Python {
    /// Its version, if that is a runtime's and can be told.
    pub version: Option<PythonVersion>,
    /// Its folders for modules beside its own library, in its order, with a leading slash.
    pub folders: Vec<String>,
}

/// Finds what a command runs, with its PATH.
pub(super) fn find(root: &Root, command: &[&str], path: Option<&str>) -> Python {
    let words = command.iter().flat_map(|part| part.split_whitespace()).take(WORDS);
    let named = words.filter(|word| is_python(word)).find_map(|word| root.executable(word, path));
    // A script runs what PATH has.
    let found = named.or_else(|| ["python3", "python"].iter().find_map(|name| root.executable(name, path)));
    let mut prefixes = Vec::new();
    if let Some(executable) = &found {
        prefixes.extend(prefix(executable).map(str::to_owned));
        let real = root.resolve(executable);
        prefixes.extend(real.as_deref().and_then(prefix).map(str::to_owned));
        // A virtual environment has its own packages, and another Python's library.
        let home = prefixes.first().and_then(|prefix| root.home_of(prefix));
        prefixes.extend(home.and_then(|home| Some(prefix(&format!("{home}/python"))?.to_owned())));
    }
    let by_name = found.as_deref().and_then(|executable| root.resolve(executable)).and_then(|real| version_in(&real));
    let version = by_name
        .or_else(|| prefixes.iter().find_map(|prefix| root.version_below(prefix)))
        .or_else(|| USUAL.iter().find_map(|prefix| root.version_below(prefix)));
    prefixes.extend(USUAL.map(str::to_owned));
    let mut folders = Vec::new();
    for prefix in prefixes {
        for folder in version.map_or_else(Vec::new, |version| package_folders(&prefix, version)) {
            if root.has_folder(&folder) && !folders.contains(&format!("/{folder}")) {
                folders.push(format!("/{folder}"));
            }
        }
    }
    Python { version, folders }
}

/// `python`, `python3`, `python3.12`, with or without a path before it.
pub(super) fn is_python(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    name.strip_prefix("python").is_some_and(|rest| rest.is_empty() || rest == "3" || rest.starts_with("3."))
}

/// The version in the name of an executable: `usr/bin/python3.12`.
pub(super) fn version_in(executable: &str) -> Option<PythonVersion> {
    executable.rsplit('/').next()?.strip_prefix("python")?.parse().ok()
}

/// Where a Python is installed: what `bin` is in.
pub(super) fn prefix(executable: &str) -> Option<&str> {
    executable.rsplit_once('/')?.0.strip_suffix("bin")?.strip_suffix('/')
}

/// Where packages are, below a prefix; `dist-packages` is Debian's.
fn package_folders(prefix: &str, version: PythonVersion) -> Vec<String> {
    vec![
        format!("{prefix}/lib/python{version}/site-packages"),
        format!("{prefix}/lib64/python{version}/site-packages"),
        format!("{prefix}/lib/python{version}/dist-packages"),
        format!("{prefix}/lib/python3/dist-packages"),
    ]
}

impl Root<'_> {
    fn resolve(&self, path: &str) -> Option<String> {
        links::resolve(path, self.links, &mut Patience::default()).ok()
    }

    /// The file at a path, through links.
    pub(super) fn file(&self, path: &str) -> Option<&File<'static>> {
        self.files.get(&self.resolve(path)?)
    }

    fn has_folder(&self, path: &str) -> bool {
        let Some(path) = self.resolve(path) else { return false };
        let start = format!("{path}/");
        self.files.range(start.clone()..).next().is_some_and(|(path, _)| path.starts_with(&start))
    }

    /// A command's path, whether it is a file of the image or not; a name without a path is looked for.
    pub(super) fn executable(&self, word: &str, path: Option<&str>) -> Option<String> {
        if word.contains('/') {
            return Some(word.trim_start_matches('/').to_owned());
        }
        let folders = path.unwrap_or(PATH).split(':').take(WORDS);
        let places = folders.map(|folder| format!("{}/{word}", folder.trim_matches('/')));
        places.into_iter().find(|place| self.file(place).is_some())
    }

    /// The folder of the Python that a virtual environment was made with.
    fn home_of(&self, prefix: &str) -> Option<String> {
        let file = self.file(&format!("{prefix}/pyvenv.cfg")).filter(|file| file.size <= CONFIGURATION_BYTES)?;
        let text = Files::default().read(file).ok()?;
        let text = String::from_utf8_lossy(&text);
        let home = text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == "home"))?.1;
        Some(home.trim().trim_matches('/').to_owned())
    }

    /// The version of the only Python, or the only packages, below a prefix.
    fn version_below(&self, prefix: &str) -> Option<PythonVersion> {
        let only = |is_there: &dyn Fn(&str) -> bool| {
            let mut found = PythonVersion::all().filter(|version| {
                ["lib", "lib64"].iter().any(|lib| is_there(&format!("{prefix}/{lib}/python{version}")))
            });
            found.next().filter(|_| found.next().is_none())
        };
        let library = only(&|folder| self.file(&format!("{folder}/os.py")).is_some());
        library.or_else(|| only(&|folder| self.has_folder(&format!("{folder}/site-packages"))))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::check::Origin;

    fn found(files: &[&str], links: &[(&str, &str)], command: &[&str], path: Option<&str>) -> (String, Vec<String>) {
        let file = File { size: 1, mode: 0o755, origin: Origin::Disk(PathBuf::new()) };
        let files = files.iter().map(|path| ((*path).to_owned(), file.clone())).collect();
        let links = links.iter().map(|(path, target)| ((*path).to_owned(), (*target).to_owned())).collect();
        let Python { version, folders } = find(&Root { files: &files, links: &links }, command, path);
        (version.map(|version| version.to_string()).unwrap_or_default(), folders)
    }

    const RIC: [&str; 3] = ["-m", "awslambdaric", "app.handler"];

    #[test]
    fn the_commands_python_counts_before_the_systems_own() {
        let files = [
            "usr/bin/python3.11",
            "usr/lib/python3.11/os.py",
            "usr/local/bin/python3.12",
            "usr/local/lib/python3.12/os.py",
            "usr/local/lib/python3.12/site-packages/a.py",
            "usr/lib/python3/dist-packages/apt.py",
        ];
        let links = [("usr/local/bin/python", "python3.12"), ("usr/bin/python3", "python3.11")];
        let folders =
            vec!["/usr/local/lib/python3.12/site-packages".to_owned(), "/usr/lib/python3/dist-packages".to_owned()];
        for command in ["/usr/local/bin/python", "python", "/usr/local/bin/python3.12"] {
            let whole = [&[command], &RIC[..]].concat();
            assert_eq!(found(&files, &links, &whole, None), ("3.12".into(), folders.clone()), "{command}");
        }
        let shell = ["sh", "-c", "exec /usr/bin/python3 -m awslambdaric app.handler"];
        assert_eq!(found(&files, &links, &shell, None).0, "3.11");
        assert_eq!(found(&files, &links, &["/run.sh"], Some("/usr/bin:/usr/local/bin")).0, "3.11");
        assert_eq!(found(&files, &links, &["/run.sh"], Some("/none")).0, "3.12", "the usual places, in their order");
    }

    #[test]
    fn environments_and_other_places() {
        let files = [
            "usr/local/lib/python3.12/os.py",
            "usr/lib/python3.11/os.py",
            "opt/venv/lib/python3.12/site-packages/app.py",
            "opt/conda/lib/python3.10/os.py",
            "opt/conda/lib/python3.10/site-packages/a.py",
        ];
        let venv = [&["/opt/venv/bin/python"], &RIC[..]].concat();
        let folders = vec!["/opt/venv/lib/python3.12/site-packages".to_owned()];
        assert_eq!(found(&files, &[], &venv, None), ("3.12".into(), folders));
        let conda = [&["/opt/conda/bin/python"], &RIC[..]].concat();
        assert_eq!(found(&files, &[], &conda, None).0, "3.10");
        let two = ["usr/lib/python3.11/os.py", "usr/lib/python3.12/os.py"];
        assert_eq!(found(&two, &[], &["/usr/bin/python3"], None).0, "", "which of them, nothing says");
        assert_eq!(found(&two, &[("usr/bin/python3", "python3.11")], &["/usr/bin/python3"], None).0, "3.11");
    }
}
