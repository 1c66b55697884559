//! What a base gives a function: the Python that runs it, the distributions that this Python imports, and what starts the handler.
//!
//! Pure, of what was read of the base. What must stay true: a distribution counts only where that very Python imports it, in one
//! version, and everybody may read it, since it is left out of the image then; where it is not known which Python runs,
//! nothing counts. Source: CPython's `Modules/getpath.py` and `Lib/site.py`, as they are and as Debian has them.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::pep440_rs::Version;

use crate::check::sources::{Fact, Facts};
use crate::lambda::{LAYERS, PythonVersion, TASK};
use crate::python::{is_same_version, normalise, requirement};

/// The distribution that asks Lambda for events and calls the handler.
pub const CLIENT: &str = "awslambdaric";

/// What AWS's images start.
const AWS_ENTRYPOINT: &str = "lambda-entrypoint.sh";

/// The variable that every runtime of one's own reads.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// Where AWS's images have Python.
const AWS_PREFIX: &str = "var/lang";

/// What a shell takes for PATH where nobody sets it, then AWS's own place.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/lang/bin";

/// What only does as it is told.
const SHELLS: &[&str] = &["sh", "bash", "dash"];

/// Words of commands, and entries of PATH, that are looked at.
const WORDS: usize = 256;

/// Pythons that an error names.
const SHOWN: usize = 4;

/// What a base gives to a function for one Python.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provided {
    /// Whether it has the AWS SDK as AWS's images have it.
    pub is_of_aws: bool,
    /// What starts the handler, where the base has nothing that does.
    pub entrypoint: Option<Vec<String>>,
    /// The base's own entrypoint, where another one has to take its place.
    pub replaced: Option<Vec<String>>,
    /// The base's own entrypoint, which stays though nobody saw that it asks Lambda for events.
    pub unseen: Option<Vec<String>>,
    /// Whether the runtime interface client is wanted, and not there.
    pub lacks_client: bool,
    /// The versions of each distribution, by name; mostly one.
    distributions: BTreeMap<String, Found>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    versions: BTreeSet<String>,
    /// Whether it lies where the function's files go.
    in_task: bool,
}

/// A Python of a base.
struct Interpreter {
    /// As it is started, with a slash before it.
    path: String,
    /// Where it looks for modules beside its own library.
    folders: Vec<String>,
}

impl Provided {
    /// What is known of AWS's own images.
    pub fn of_aws() -> Self {
        Self { is_of_aws: true, ..Self::default() }
    }

    /// Judges what was read of a base. `given` is what the user says that starts the handler. The error is the rest of a sentence about
    /// the base.
    pub fn by(facts: &Facts, given: Option<&[String]>, python: PythonVersion) -> Result<Self, String> {
        let own = facts.entrypoint.as_slice();
        let words = given.unwrap_or(own);
        let (script, is_read) = facts.programs(words);
        let mentions = |what: &str| words.iter().any(|word| word.contains(what)) || script.contains(what);
        let is_of_aws = mentions(AWS_ENTRYPOINT);
        let starts = given.is_some() || is_of_aws || mentions(CLIENT) || script.contains(RUNTIME_API);
        let unseen = || (!starts && !own.is_empty()).then(|| own.to_vec());
        if !starts && !is_read {
            return Ok(Self { unseen: unseen(), ..Self::default() });
        }
        let named = words.iter().map(String::as_str).chain([script.as_str()]).flat_map(str::split_whitespace);
        let mut named = named
            .map(|word| word.trim_matches(['"', '\'', '#', '!']))
            .filter(|word| Facts::is_python(word))
            .take(WORDS);
        let interpreter = if is_of_aws {
            facts.python_at(&format!("{AWS_PREFIX}/bin/python{python}"), python)
        } else {
            let named = named.find_map(|word| facts.python_named(word, python));
            // A script that names none starts something that does.
            named.or_else(|| if starts { None } else { facts.python_on_path(python) })
        };
        let Some(interpreter) = interpreter else {
            return if own.is_empty() && given.is_none() {
                Err(facts.no_python(python))
            } else {
                Ok(Self { is_of_aws, unseen: unseen(), ..Self::default() })
            };
        };
        let distributions = facts.distributions(&facts.search_path(&interpreter, is_of_aws, python));
        let has_client = distributions.contains_key(CLIENT)
            || facts.search_path(&interpreter, is_of_aws, python).iter().any(|folder| facts.has_client_in(folder));
        let wants_client = given.is_none() && !is_of_aws && (!starts || mentions(CLIENT));
        let entrypoint = || vec![interpreter.path.clone(), "-m".to_owned(), CLIENT.to_owned()];
        Ok(Self {
            is_of_aws,
            entrypoint: (!starts).then(entrypoint),
            replaced: unseen(),
            unseen: None,
            lacks_client: wants_client && !has_client,
            distributions,
        })
    }

    /// Whether it has a distribution in this very version.
    pub fn has(&self, name: &str, version: &str) -> bool {
        let Some(found) = self.distributions.get(name) else { return false };
        found.versions.len() == 1 && found.versions.iter().all(|other| is_same_version(other, version))
    }

    /// What it means that it has another version of a distribution that the function has; nothing where it has not.
    pub fn shadowed(&self, name: &str, version: &str, base: &str) -> Option<String> {
        let found = self.distributions.get(name).filter(|_| !self.has(name, version))?;
        let others = found.versions.iter().cloned().collect::<Vec<_>>().join(" and ");
        Some(if found.in_task {
            format!(
                "the base {base} has {name} {others} in {TASK}, where {version} of the function lies over it: files of both are \
                 there; take the base's version, or install it elsewhere in the base"
            )
        } else {
            format!("{name} {version} of the function is imported, not {others} of the base {base}: {TASK} comes first")
        })
    }
}

impl Facts {
    /// What the programs of a command have in them, and whether that is all of it: what starts, and what its other words lead to. A
    /// Python or a shell has nothing of its own to say.
    fn programs(&self, words: &[String]) -> (String, bool) {
        let mut said = String::new();
        let mut is_read = true;
        for (number, word) in words.iter().take(WORDS).enumerate() {
            let is_known = Self::is_python(word) || SHELLS.iter().any(|shell| word.rsplit('/').next() == Some(shell));
            if is_known || (number > 0 && !word.contains('/')) {
                continue;
            }
            let file = self.executable(word).and_then(|path| self.file(&path)).map(|(_, fact)| fact);
            match file.and_then(|fact| fact.text.as_deref()) {
                Some(text) => said += text,
                None => is_read = false,
            }
        }
        (said, is_read)
    }

    /// Entries of PATH.
    fn bins(&self) -> impl Iterator<Item = &str> {
        self.path.as_deref().unwrap_or(PATH).split(':').filter(|folder| folder.starts_with('/')).take(WORDS)
    }

    /// The path of a word of a command.
    fn executable(&self, word: &str) -> Option<String> {
        if word.contains('/') {
            return Some(word.to_owned());
        }
        self.bins()
            .map(|folder| format!("{}/{word}", folder.trim_end_matches('/')))
            .find(|path| self.file(path).is_some())
    }

    fn python_named(&self, word: &str, python: PythonVersion) -> Option<Interpreter> {
        self.python_at(&self.executable(word)?, python)
    }

    fn python_on_path(&self, python: PythonVersion) -> Option<Interpreter> {
        let own = [AWS_PREFIX, "usr/local", "usr"].map(|prefix| format!("/{prefix}/bin"));
        let bins = self.bins().map(|folder| folder.trim_end_matches('/').to_owned()).chain(own);
        let names = [format!("python{python}"), "python3".to_owned(), "python".to_owned()];
        bins.flat_map(|folder| names.clone().map(|name| format!("{folder}/{name}")))
            .find_map(|path| self.python_at(&path, python))
    }

    /// The Python at a path, if it is of that version, has its library, and anybody may start it.
    fn python_at(&self, path: &str, python: PythonVersion) -> Option<Interpreter> {
        let path = path.trim_start_matches('/');
        let (real, fact) = self.file(path)?;
        if fact.mode & 0o001 == 0 || Self::version_in(&real).is_some_and(|version| version != python) {
            return None;
        }
        let own = Self::prefix(path)?;
        let environment = self.file(&format!("{own}/pyvenv.cfg")).and_then(|(_, fact)| fact.text.as_deref());
        let value = |key: &str| {
            let pairs = environment?.lines().filter_map(|line| line.split_once('='));
            pairs.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next_back()
        };
        let home = value("home").and_then(|home| self.resolve(home));
        let home = home.as_deref().and_then(|bin| bin.strip_suffix("bin")?.strip_suffix('/'));
        let installed = home.or_else(|| Self::prefix(&real))?;
        let folders = self.installed(installed, python)?;
        let folders = if environment.is_some() {
            let own = ["lib", "lib64"].map(|lib| format!("{own}/{lib}/python{python}/site-packages"));
            let is_open = value("include-system-site-packages").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            own.into_iter().chain(if is_open { folders } else { Vec::new() }).collect()
        } else {
            folders
        };
        Some(Interpreter { path: format!("/{path}"), folders })
    }

    /// Where the Python that is installed below a prefix has its packages; nothing where its library is not there.
    fn installed(&self, prefix: &str, python: PythonVersion) -> Option<Vec<String>> {
        let has_library = |lib: &str, python: PythonVersion| {
            ["py", "pyc"].iter().any(|end| self.file(&format!("{prefix}/{lib}/python{python}/os.{end}")).is_some())
        };
        let libs: Vec<&str> = ["lib", "lib64"].into_iter().filter(|lib| has_library(lib, python)).collect();
        if libs.is_empty() {
            return None;
        }
        // Debian's own Python looks elsewhere; another one beside it does not.
        if prefix == "usr" && self.file("etc/debian_version").is_some() {
            return Some(vec![
                format!("usr/local/lib/python{python}/dist-packages"),
                "usr/lib/python3/dist-packages".to_owned(),
                format!("usr/lib/python{python}/dist-packages"),
            ]);
        }
        let both = if libs.contains(&"lib64") { vec!["lib64", "lib"] } else { vec!["lib"] };
        Some(both.into_iter().map(|lib| format!("{prefix}/{lib}/python{python}/site-packages")).collect())
    }

    /// The folders that a Python imports from within Lambda, beside its own library.
    fn search_path(&self, interpreter: &Interpreter, is_of_aws: bool, python: PythonVersion) -> BTreeSet<String> {
        let python_path = self.python_path.iter().flat_map(|path| path.split(':')).filter(|path| path.starts_with('/'));
        let of_aws = [
            format!("{LAYERS}/python/lib/python{python}/site-packages"),
            format!("{LAYERS}/python"),
            "/var/runtime".into(),
        ];
        let mut folders: Vec<&str> = vec![TASK];
        folders.extend(python_path.take(WORDS));
        folders.extend(interpreter.folders.iter().map(String::as_str));
        folders.extend(of_aws.iter().map(String::as_str).filter(|_| is_of_aws));
        folders.into_iter().filter_map(|folder| self.resolve(folder)).collect()
    }

    /// The distributions that lie in folders.
    fn distributions(&self, folders: &BTreeSet<String>) -> BTreeMap<String, Found> {
        let task = self.resolve(TASK);
        let mut all: BTreeMap<String, Found> = BTreeMap::new();
        for folder in folders {
            let start = format!("{folder}/");
            let below = self.files.range(start.clone()..).take_while(|(path, _)| path.starts_with(&start));
            let inside = below.filter(|(path, _)| path[start.len()..].matches('/').count() == 1);
            for (name, version) in inside.filter_map(|(path, fact)| described(path, fact)) {
                let found = all.entry(name).or_default();
                found.versions.insert(version);
                found.in_task |= Some(folder) == task.as_ref();
            }
        }
        all
    }

    fn has_client_in(&self, folder: &str) -> bool {
        ["py", "pyc"].iter().any(|end| self.files.contains_key(&format!("{folder}/{CLIENT}/__main__.{end}")))
    }

    /// Why nothing in it would run the handler.
    fn no_python(&self, python: PythonVersion) -> String {
        let is_versioned = |path: &str| {
            let minor = path.rsplit('/').next().and_then(|name| name.strip_prefix("python3."));
            is_executable(path) && minor.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let found = self.files.keys().filter(|path| is_versioned(path)).take(SHOWN);
        let found: Vec<String> = found.map(|path| format!("/{}", path.escape_debug())).collect();
        let there = if found.is_empty() { "no Python that could be seen".into() } else { found.join(", ") };
        format!(
            "it has no entrypoint: nothing in it would start the handler. With awslambdaric among the requirements a Python {python} \
             would, and it has {there}. Take a base with Python {python}, or build for the Python that it has (--python); \
             --entrypoint names what starts the handler, as in '/usr/local/bin/python -m awslambdaric'"
        )
    }
}

fn is_executable(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, _)| folder == "bin" || folder.ends_with("/bin"))
}

/// The distribution that a METADATA describes, if it is one that anybody may read.
fn described(path: &str, fact: &Fact) -> Option<(String, String)> {
    let text = fact.text.as_deref().filter(|_| path.ends_with(".dist-info/METADATA") && fact.mode & 0o004 != 0)?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let name = value("Name: ").filter(|name| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        name.bytes().all(is_part) && requirement::parse(name).is_some()
    })?;
    let version = value("Version: ").filter(|version| version.parse::<Version>().is_ok())?;
    Some((normalise(name), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python() -> PythonVersion {
        "3.13".parse().unwrap()
    }

    /// Facts with these files; what has a text is `path=text`, and what lies in `bin` can be run.
    fn facts(files: &[&str], links: &[(&str, &str)], entrypoint: &[&str]) -> Facts {
        let file = |line: &&str| {
            let (path, text) = line.split_once('=').map_or((*line, None), |(path, text)| (path, Some(text)));
            let mode = if path.contains("bin/") { 0o755 } else { 0o644 };
            let text = match text.and_then(|text| text.split_once(' ')) {
                Some((name, version)) if path.ends_with("METADATA") => {
                    Some(format!("Name: {name}\nVersion: {version}\n"))
                }
                _ => text.map(str::to_owned),
            };
            (path.to_owned(), Fact { mode, text })
        };
        let links = links.iter().map(|(path, target)| ((*path).to_owned(), (*target).to_owned())).collect();
        let entrypoint = entrypoint.iter().map(|word| (*word).to_owned()).collect();
        Facts { entrypoint, files: files.iter().map(file).collect(), links, ..Facts::default() }
    }

    const LOCAL: [&str; 3] = [
        "usr/local/bin/python3.13",
        "usr/local/lib/python3.13/os.py",
        "usr/local/lib/python3.13/site-packages/numpy-2.0.dist-info/METADATA=NumPy 2.0",
    ];

    #[test]
    fn what_the_base_has_not_is_made() {
        let provided = Provided::by(&facts(&LOCAL, &[], &[]), None, python()).unwrap();
        assert_eq!(provided.entrypoint.as_deref().unwrap(), ["/usr/local/bin/python3.13", "-m", "awslambdaric"]);
        assert!(provided.lacks_client && provided.replaced.is_none() && !provided.is_of_aws);
        assert!(provided.has("numpy", "2.0.0") && !provided.has("numpy", "2.1") && !provided.has("six", "1"));
        assert!(provided.shadowed("numpy", "2.1", "b").unwrap().contains("not 2.0 of the base b"));
        assert_eq!(provided.shadowed("numpy", "2.0", "b"), None);
        let client = ["usr/local/lib/python3.13/site-packages/awslambdaric/__main__.py"];
        let with = Provided::by(&facts(&[&LOCAL[..], &client].concat(), &[], &[]), None, python()).unwrap();
        assert!(!with.lacks_client && with.entrypoint.is_some());
    }

    #[test]
    fn what_starts_a_client_stays() {
        let of = |entrypoint: &[&str], script: &str| {
            let script = format!("run.sh={script}");
            let files = [&LOCAL[..], &[script.as_str()]].concat();
            let provided = Provided::by(&facts(&files, &[], entrypoint), None, python()).unwrap();
            (provided.entrypoint.is_some(), provided.lacks_client, provided.has("numpy", "2.0"))
        };
        assert_eq!(of(&["/usr/local/bin/python3.13", "-m", "awslambdaric"], ""), (false, true, true));
        assert_eq!(of(&["/run.sh"], "exec /usr/local/bin/python3.13 -m awslambdaric $@"), (false, true, true));
        assert_eq!(
            of(&["/run.sh"], "echo $AWS_LAMBDA_RUNTIME_API"),
            (false, false, false),
            "which Python, nobody knows"
        );
        assert_eq!(of(&["/run.sh"], "exec \"$@\""), (true, true, true));
        // A script around another one, and what was not read.
        assert_eq!(of(&["/run.sh", "--", "/run.sh"], "exec \"$@\""), (true, true, true));
        assert_eq!(of(&["/missing.sh"], ""), (false, false, false));
        assert_eq!(of(&["/run.sh", "--", "/missing.sh"], "exec \"$@\""), (false, false, false));
        let unseen = Provided::by(&facts(&LOCAL, &[], &["/missing.sh"]), None, python()).unwrap().unseen;
        assert_eq!(unseen, Some(vec!["/missing.sh".to_owned()]));
        // The first that is meant is not there, the next is.
        assert_eq!(of(&["/run.sh"], "# python\nexec /usr/local/bin/python3.13 -m awslambdaric"), (false, true, true));
        let given = ["/usr/local/bin/python3.13".to_owned()];
        let provided = Provided::by(&facts(&LOCAL, &[], &[]), Some(&given), python()).unwrap();
        assert!(!provided.lacks_client && provided.entrypoint.is_none() && provided.has("numpy", "2.0"));
    }

    #[test]
    fn awss_own_need_nothing() {
        let files = [
            "lambda-entrypoint.sh=exec /var/runtime/bootstrap",
            "var/lang/bin/python3.13",
            "var/lang/lib/python3.13/os.py",
            "var/runtime/boto3-1.40.0.dist-info/METADATA=boto3 1.40.0",
            "var/task/six-1.dist-info/METADATA=six 1",
        ];
        let provided = Provided::by(&facts(&files, &[], &["/lambda-entrypoint.sh"]), None, python()).unwrap();
        assert!(provided.is_of_aws && provided.entrypoint.is_none() && !provided.lacks_client);
        assert!(
            provided.has("boto3", "1.40.0") && provided.shadowed("six", "2", "b").unwrap().contains("files of both")
        );
    }

    #[test]
    fn only_what_its_python_imports_counts() {
        let debian = [
            "etc/debian_version",
            "usr/bin/python3.13",
            "usr/lib/python3.13/os.py",
            "usr/lib/python3/dist-packages/six-1.dist-info/METADATA=six 1",
            "opt/venv/pyvenv.cfg=home = /usr/bin\ninclude-system-site-packages = false\n",
            "opt/venv/lib/python3.13/site-packages/rich-1.dist-info/METADATA=rich 1",
        ];
        let links = [("opt/venv/bin/python", "/usr/bin/python3.13"), ("bin", "usr/bin")];
        let has = |facts: &Facts, given: Option<&str>| {
            let given = given.map(|word| vec![word.to_owned()]);
            let provided = Provided::by(facts, given.as_deref(), python()).unwrap();
            (provided.has("six", "1"), provided.has("rich", "1"))
        };
        let own = facts(&debian, &links, &[]);
        assert_eq!(has(&own, None), (true, false));
        assert_eq!(has(&own, Some("/opt/venv/bin/python")), (false, true));
        assert_eq!(has(&own, Some("/run")), (false, false));
        // The Python that Docker's images have in /usr/local does not see what Debian's has.
        let docker = facts(&[&debian[..], &LOCAL].concat(), &links, &[]);
        assert_eq!(has(&docker, None), (false, false));
        let open =
            [&debian[..4], &debian[5..], &["opt/venv/pyvenv.cfg=home = /bin\ninclude-system-site-packages = true\n"]];
        let open = facts(&open.concat(), &links, &["/opt/venv/bin/python", "-m", "awslambdaric"]);
        assert_eq!(has(&open, None), (true, true));
    }

    #[test]
    fn another_python_is_none() {
        let files = ["usr/bin/python3.11", "usr/lib/python3.11/os.py", "usr/local/lib/python3.13/os.py"];
        let reason = Provided::by(&facts(&files, &[], &[]), None, python()).unwrap_err();
        assert!(reason.contains("it has /usr/bin/python3.11. Take a base with Python 3.13"), "{reason}");
        let kept = Provided::by(&facts(&files, &[], &["/tini", "--"]), None, python()).unwrap();
        let unseen = Some(vec!["/tini".to_owned(), "--".to_owned()]);
        assert_eq!(kept, Provided { unseen, ..Provided::default() });
    }

    #[test]
    fn two_versions_and_odd_names_count_for_none() {
        let more = [
            "var/task/numpy-1.0.dist-info/METADATA=numpy 1.0",
            "var/task/odd-1.dist-info/METADATA=odd\u{1b}[31m 1",
            "var/task/deep/x-1.dist-info/METADATA=x 1",
        ];
        let provided = Provided::by(&facts(&[&LOCAL[..], &more].concat(), &[], &[]), None, python()).unwrap();
        assert!(!provided.has("numpy", "2.0") && !provided.has("numpy", "1.0") && !provided.has("x", "1"));
        assert_eq!(provided.distributions.len(), 1, "{:?}", provided.distributions);
    }
}
