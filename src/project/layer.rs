//! Which layer is meant: `layers/NAME.txt` has its requirements, `layers/NAME/` what it has beside them.
//!
//! A layer's folder is laid out as Lambda unpacks it to /opt: `python/` has modules, `lib/` libraries, `bin/` programs. Where
//! `layers/` has no requirements of the name (`NAME.txt`, `pylock.NAME.toml`), those in the folder are taken, in any form.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::requirements;
use crate::error::{Error, Result};

/// What a layer is made of, on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What its artifacts are called.
    pub name: String,
    /// The folder of its own files.
    pub files: Option<PathBuf>,
    /// The requirement files that belong to it by convention.
    pub requirements: Vec<PathBuf>,
}

/// The layer that an argument names: a name under `layers/`, or the path of a requirements file or of a folder.
pub fn find_layer(root: &Path, argument: &str) -> Result<Layer> {
    let plain = !argument.contains(['/', '\\']) && !matches!(argument, "" | "." | "..");
    if plain {
        let name = argument.strip_suffix(".txt").unwrap_or(argument);
        if let Some(layer) = at(&root.join("layers"), name) {
            return Ok(layer);
        }
    }
    let path = root.join(argument);
    let is_requirements = path.is_file() && path.extension().is_some_and(|end| end == "txt");
    if !argument.is_empty() && (path.is_dir() || is_requirements) {
        let real = path.canonicalize().map_err(Error::io("read", &path))?;
        let stem = if real.is_dir() { real.file_name() } else { real.file_stem() };
        let name = stem.unwrap_or_default().to_string_lossy().into_owned();
        // However it was named: what lies in a folder `layers` has a file and a folder of one name.
        let is_in_layers = real.parent().and_then(Path::file_name).is_some_and(|folder| folder == "layers");
        if is_in_layers && let Some(layer) = path.parent().and_then(|folder| at(folder, &name)) {
            return Ok(layer);
        }
        let name = if name.is_empty() { "layer".to_owned() } else { name };
        return Ok(if path.is_dir() {
            let requirements = requirements::beside(&path).into_iter().collect();
            Layer { name, files: Some(path), requirements }
        } else {
            Layer { name, files: None, requirements: vec![path] }
        });
    }
    let known: Vec<String> = all_layers(root).into_iter().map(|layer| layer.name).collect();
    Err(Error::usage(
        format!("there is no layer {argument:?}"),
        match known.as_slice() {
            [] => "give the path of a requirements file or of a folder, or -r FILE --name NAME; names are looked up under \
                   layers/, which has none here"
                .into(),
            names => {
                format!("layers here: {}; or give the path of a requirements file or of a folder", names.join(", "))
            }
        },
    ))
}

/// Every layer under `layers/`, by name.
pub fn all_layers(root: &Path) -> Vec<Layer> {
    let folder = root.join("layers");
    let names: BTreeSet<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let stem = if entry.path().is_dir() { Some(name.as_str()) } else { stem(&name) }?;
            (!stem.starts_with(['.', '_']) && !stem.is_empty()).then(|| stem.to_owned())
        })
        .collect();
    names.iter().filter_map(|name| at(&folder, name)).collect()
}

/// The name of the layer whose requirements are in a file of that name.
fn stem(file: &str) -> Option<&str> {
    file.strip_suffix(".txt").or_else(|| file.strip_prefix("pylock.")?.strip_suffix(".toml"))
}

/// The layer of that name in a folder of layers.
fn at(folder: &Path, name: &str) -> Option<Layer> {
    let files = Some(folder.join(name)).filter(|files| files.is_dir());
    let requirements = required(folder, name, files.as_deref());
    let is_there = files.is_some() || !requirements.is_empty();
    is_there.then(|| Layer { name: name.to_owned(), files, requirements })
}

/// The requirement files that belong to a layer by convention, in a folder of layers.
pub(super) fn required(folder: &Path, name: &str, files: Option<&Path>) -> Vec<PathBuf> {
    requirements::named(folder, name).or_else(|| requirements::beside(files?)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["layers/tools/bin", "layers/data/python", "layers/.git", "elsewhere/more", "elsewhere/layers"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in [
            "layers/data.txt",
            "layers/data/requirements.txt",
            "layers/pandas.txt",
            "layers/notes.md",
            "elsewhere/reqs.txt",
            "elsewhere/more/requirements.txt",
            "elsewhere/layers/x.txt",
            "layers/pylock.exact.toml",
            "layers/tools/uv.lock",
            "layers/tools/pyproject.toml",
            "layers/settings.toml",
        ] {
            std::fs::write(root.path().join(file), "").unwrap();
        }
        root
    }

    #[test]
    fn a_name_is_looked_up_under_layers() {
        let root = project();
        let path = |path: &str| root.path().join(path);
        let data = Layer {
            name: "data".into(),
            files: Some(path("layers/data")),
            requirements: vec![path("layers/data.txt")],
        };
        for argument in ["data", "data.txt", "layers/data", "./layers/data.txt"] {
            let found = find_layer(root.path(), argument).unwrap();
            let real = |path: &PathBuf| path.canonicalize().unwrap();
            assert_eq!(found.name, "data");
            assert_eq!(found.files.as_ref().map(real), data.files.as_ref().map(real), "{argument}");
            assert_eq!(found.requirements.iter().map(real).collect::<Vec<_>>(), [real(&data.requirements[0])]);
        }
        let names: Vec<String> = all_layers(root.path()).into_iter().map(|layer| layer.name).collect();
        assert_eq!(names, ["data", "exact", "pandas", "tools"]);
        assert_eq!(find_layer(root.path(), "exact").unwrap().requirements, [path("layers/pylock.exact.toml")]);
        assert_eq!(find_layer(root.path(), "tools").unwrap().requirements, [path("layers/tools/uv.lock")]);
        std::fs::remove_file(path("layers/tools/uv.lock")).unwrap();
        std::fs::write(path("layers/tools/pyproject.toml"), "[tool.ruff]").unwrap();
        assert!(find_layer(root.path(), "tools").unwrap().requirements.is_empty());
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let root = project();
        let folder = find_layer(root.path(), "elsewhere/more").unwrap();
        assert_eq!((folder.name.as_str(), folder.requirements.len()), ("more", 1));
        let file = find_layer(root.path(), "elsewhere/reqs.txt").unwrap();
        assert_eq!((file.name.as_str(), file.files), ("reqs", None));
    }

    #[test]
    fn what_is_not_there_names_what_is() {
        let root = project();
        for argument in ["numpy", "", "layers/notes.md", "layers/numpy"] {
            let hint = find_layer(root.path(), argument).unwrap_err().hint().unwrap();
            assert!(hint.starts_with("layers here: data, exact, pandas, tools; or give"), "{hint}");
        }
    }
}
