//! What a project file says: `pack.toml`, and `layers/NAME.toml`.
//!
//! Three steps: TOML with places (the `toml` crate's spans), its shape against the keys (`shape.rs`), the values (`values.rs`).
//! What a value means beside others, whether a file or a layer exists, is for `project/load.rs` to say, with the same places.

mod keys;
mod nearest;
mod place;
mod schema;
mod shape;
mod values;
mod versions;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

pub use nearest::suggestion;
pub use place::{At, Mistake, Mistakes, Place, Source};
pub use schema::schema;
pub use versions::Versions;

use self::shape::Shape;
use self::values::Reader;
use crate::build::Policy;
use crate::error::{Error, Result};
use crate::lambda::{Architecture, LayerArn, PublicLayer, PythonVersion};
use crate::size::Budgets;
use crate::slim::Level;

/// The file's name.
pub const FILE: &str = "pack.toml";

/// The largest project file that is read.
const MOST_BYTES: u64 = 1 << 20;

/// A project file.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The project's name.
    pub name: Option<At<String>>,
    /// The AWS Region.
    pub region: Option<At<String>>,
    /// What holds where nothing else is said.
    pub defaults: Settings,
    /// Functions by name.
    pub functions: BTreeMap<String, FunctionEntry>,
    /// Layers by name.
    pub layers: BTreeMap<String, LayerEntry>,
    /// Packagings by name.
    pub packagings: BTreeMap<String, PackagingEntry>,
    /// What images have in common.
    pub image: ImageEntry,
    /// What no artifact may exceed.
    pub budgets: Budgets,
    /// What is built.
    pub matrix: MatrixEntry,
    /// What is made of it on AWS.
    pub deploy: DeployEntry,
}

/// What can be set for functions.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `MODULE.FUNCTION`.
    pub handler: Option<At<String>>,
    /// Requirement files.
    pub requirements: Option<At<Vec<At<PathBuf>>>>,
    /// Extras of them.
    pub extras: Option<At<Vec<String>>>,
    /// Dependency groups of them.
    pub groups: Option<At<Vec<String>>>,
    /// Layers by name.
    pub layers: Option<At<Vec<At<String>>>>,
    /// Environment variables.
    pub environment: BTreeMap<String, At<String>>,
    /// MB.
    pub memory: Option<At<u32>>,
    /// Seconds.
    pub timeout: Option<At<u32>>,
    /// MB.
    pub ephemeral_storage: Option<At<u32>>,
    /// How much is slimmed.
    pub slim: Option<At<Level>>,
    /// Which bytecode is shipped.
    pub bytecode: Option<At<Policy>>,
    /// Globs of what stays.
    pub keep: Option<At<Vec<String>>>,
    /// Globs of what goes.
    pub exclude: Option<At<Vec<String>>>,
    /// Services that stay in botocore.
    pub aws_services: Option<At<Vec<String>>>,
    /// Modules that come from elsewhere.
    pub provided: Option<At<Vec<String>>>,
    /// Whether boto3 is shipped.
    pub bundle_sdk: Option<At<bool>>,
    /// Tags.
    pub tags: BTreeMap<String, At<String>>,
}

/// `[functions.NAME]`.
#[derive(Clone, Debug)]
pub struct FunctionEntry {
    /// Its name.
    pub place: Place,
    /// Its folder or file.
    pub source: Option<At<PathBuf>>,
    /// Its settings.
    pub settings: Settings,
    /// What it may not exceed.
    pub budgets: Budgets,
}

/// `[layers.NAME]`, or `layers/NAME.toml`.
#[derive(Clone, Debug)]
pub struct LayerEntry {
    /// Its name, or the beginning of its file.
    pub place: Place,
    /// Requirement files.
    pub requirements: Option<At<Vec<At<PathBuf>>>>,
    /// A folder of files.
    pub files: Option<At<PathBuf>>,
    /// Its settings; a layer has only some of them.
    pub settings: Settings,
    /// Whether modules lie in a folder of their Python version.
    pub versioned: Option<At<bool>>,
    /// A public layer.
    pub public: Option<At<PublicLayer>>,
    /// Somebody's layer.
    pub arn: Option<At<LayerArn>>,
    /// The version of either.
    pub version: Option<At<Versions>>,
    /// What it may not exceed.
    pub budgets: Option<At<Budgets>>,
}

/// `[packaging.NAME]`.
#[derive(Clone, Debug)]
pub struct PackagingEntry {
    /// Its name.
    pub place: Place,
    /// How.
    pub method: Option<At<Method>>,
    /// How much is slimmed.
    pub slim: Option<At<Level>>,
    /// Which bytecode is shipped.
    pub bytecode: Option<At<Policy>>,
    /// Layers by name.
    pub layers: Option<At<Vec<At<String>>>>,
    /// The base image.
    pub base: Option<At<String>>,
    /// What starts the handler, where the base has nothing that does.
    pub entrypoint: Option<At<Vec<String>>>,
}

/// How a function is packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// All in one ZIP.
    Zip,
    /// A ZIP, and layers.
    Layers,
    /// A container image.
    Image,
}

impl Method {
    /// The word in `pack.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Layers => "layers",
            Self::Image => "image",
        }
    }
}

/// `[image]`.
#[derive(Clone, Debug, Default)]
pub struct ImageEntry {
    /// The base image.
    pub base: Option<At<String>>,
    /// What starts the handler, where the base has nothing that does.
    pub entrypoint: Option<At<Vec<String>>>,
    /// Labels.
    pub labels: BTreeMap<String, At<String>>,
}

/// `[matrix]`.
#[derive(Clone, Debug, Default)]
pub struct MatrixEntry {
    /// Packagings by name.
    pub packaging: Option<Vec<At<String>>>,
    /// Python versions.
    pub python: Option<Vec<At<PythonVersion>>>,
    /// Architectures.
    pub architectures: Option<Vec<At<Architecture>>>,
    /// Memory sizes in MB.
    pub memory: Option<Vec<At<u32>>>,
    /// What is left out.
    pub exclude: Vec<Row>,
    /// What is added.
    pub include: Vec<Row>,
}

/// `[deploy]`.
#[derive(Clone, Debug, Default)]
pub struct DeployEntry {
    /// The template of function names.
    pub name: Option<At<String>>,
    /// The bucket of the ZIPs.
    pub artifacts: Option<At<String>>,
    /// The bucket that functions write to.
    pub data: Option<At<String>>,
    /// The repository of the images.
    pub repository: Option<At<String>>,
    /// The ARN of a role that is there.
    pub role: Option<At<String>>,
    /// Days that logs are kept.
    pub log_retention: Option<At<u32>>,
    /// Messages of an event.
    pub batch_size: Option<At<u32>>,
    /// Executions that the queue starts at once.
    pub maximum_concurrency: Option<At<u32>>,
    /// Whether X-Ray traces.
    pub tracing: Option<At<bool>>,
    /// Whether versions start from a snapshot.
    pub snap_start: Option<At<bool>>,
    /// The alias of the newest version.
    pub alias: Option<At<String>>,
}

/// A row of `include` or `exclude`: what it does not name, it leaves open.
#[derive(Clone, Debug)]
pub struct Row {
    /// The whole row.
    pub place: Place,
    /// Functions by name.
    pub function: Option<Vec<At<String>>>,
    /// Packagings by name.
    pub packaging: Option<Vec<At<String>>>,
    /// Python versions.
    pub python: Option<Vec<At<PythonVersion>>>,
    /// Architectures.
    pub architecture: Option<Vec<At<Architecture>>>,
    /// Memory sizes in MB.
    pub memory: Option<Vec<At<u32>>>,
}

/// Reads the project file of a folder; none if there is none.
pub fn read(folder: &Path) -> Result<Option<Manifest>> {
    let Some(source) = open(&folder.join(FILE))? else { return Ok(None) };
    Ok(Some(parse(&Arc::new(source))?))
}

/// Reads a layer's own file; none if there is none.
pub fn read_layer(path: &Path) -> Result<Option<LayerEntry>> {
    let Some(source) = open(path)? else { return Ok(None) };
    Ok(Some(parse_layer(&Arc::new(source))?))
}

/// Parses a project file.
pub fn parse(source: &Arc<Source>) -> Result<Manifest, Mistakes> {
    let table = document(source)?;
    Mistakes::refuse(Shape::mistakes(source, &table, keys::ROOT, ""))?;
    Ok(Reader::new(&table, source).manifest())
}

/// Parses a layer's own file.
pub fn parse_layer(source: &Arc<Source>) -> Result<LayerEntry, Mistakes> {
    let table = document(source)?;
    Mistakes::refuse(Shape::mistakes(source, &table, keys::LAYER, "a layer's file"))?;
    Ok(Reader::new(&table, source).layer(Place::new(source, 0..0)))
}

fn document(source: &Arc<Source>) -> Result<DeTable<'_>, Mistakes> {
    DeTable::parse(&source.text).map(toml::Spanned::into_inner).map_err(|error| {
        let message = format!("this is not TOML: {}", error.message().lines().collect::<Vec<_>>().join("; "));
        let hint = match error.message() {
            "duplicate key" => "each table and each key is written once: put them together",
            _ => "strings are in quotes, tables in [brackets]; see https://toml.io",
        };
        Place::new(source, error.span().unwrap_or(0..0)).mistake(message, hint).into()
    })
}

fn open(path: &Path) -> Result<Option<Source>> {
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(Error::io("read", path))?,
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    let wrong = |what| Error::usage(format!("{} {what}", path.display()), "pack plan shows what a project file makes");
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong("is larger than 1 MiB: it is no project file"));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))?;
    Ok(Some(Source { path: path.to_owned(), text }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::keys::{Kind, LAYER, ROOT};
    use super::*;
    use crate::size::{Amount, Budget, Key};

    fn parsed(text: &str) -> Result<Manifest, Mistakes> {
        parse(&Arc::new(Source { path: FILE.into(), text: text.into() }))
    }

    /// A file for each key, with its example where it belongs.
    fn examples(keys: &[keys::Key], table: &str, check: &mut impl FnMut(&str)) {
        for key in keys {
            match key.kind {
                Kind::Table(keys) if table.is_empty() => examples(keys, key.example, check),
                Kind::Named(keys) => examples(keys, key.example, check),
                _ => check(&format!("{table}\n{}\n", key.example)),
            }
        }
    }

    #[test]
    fn every_example_is_right() {
        let mut seen = 0;
        examples(ROOT, "", &mut |text| {
            seen += 1;
            if let Err(mistakes) = parsed(text) {
                panic!("{text}: {mistakes}");
            }
        });
        assert!(seen > 60, "{seen}");
    }

    #[test]
    fn every_key_of_a_layer_may_be_in_its_own_file() {
        for key in LAYER {
            let source = Arc::new(Source { path: "layers/x.toml".into(), text: key.example.into() });
            assert!(parse_layer(&source).is_ok(), "{}", key.example);
        }
    }

    #[test]
    fn values_have_their_places() {
        let manifest = parsed("[functions.a]\nmemory = 0x200\nrequirements = 'one.txt'\n").unwrap();
        let settings = &manifest.functions["a"].settings;
        assert_eq!(settings.memory.as_ref().unwrap().value, 512);
        assert_eq!(settings.requirements.as_ref().unwrap().value[0].value, Path::new("one.txt"));
        let mistake = settings.memory.as_ref().unwrap().place.mistake("it is", "");
        assert!(mistake.to_string().starts_with("pack.toml:2:10: it is\n  2 | memory = 0x200\n"));
    }

    #[test]
    fn sizes_are_bytes_or_text() {
        let manifest = parsed("[budgets]\npacked = 5\nunpacked = '250 MiB'\n").unwrap();
        let text = Budget::text(Key::Unpacked, "250 MiB", FILE).unwrap();
        assert_eq!(text.most, Amount::Bytes(262_144_000));
        assert_eq!(manifest.budgets, [Budget::bytes(Key::Packed, 5, FILE), text].into_iter().collect());
    }

    #[test]
    fn depth_has_an_end() {
        for (open, close) in [("[", "]"), ("{a=", "}")] {
            assert!(parsed(&format!("x = {}1{}", open.repeat(100_000), close.repeat(100_000))).is_err());
        }
        assert!(parsed(&format!("{}x = 1", "a.".repeat(100_000))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|(\\[?\\[?(functions|layers|matrix|defaults)(\\.[a-z\"]*)?\\]?\n?|(memory|python|slim|keep|arn|exclude) ?= ?[\\[{\"0-9a-z:.=,}\\]]*\n)*") {
            if let Err(mistakes) = parsed(&text) {
                let said = mistakes.to_string();
                prop_assert!(said.contains("pack.toml:"));
                prop_assert!(mistakes.hint().is_some());
            }
        }
    }
}
