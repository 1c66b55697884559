//! From a document whose shape is right to typed values with their places.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    At, DeployEntry, FunctionEntry, ImageEntry, LayerEntry, Manifest, MatrixEntry, Method, PackagingEntry, Place, Row,
    Settings, Source, Versions, shape, versions,
};
use crate::lambda::PythonVersion;
use crate::python::normalise;
use crate::size::{Budget, Budgets, Key};

/// A table that is read.
pub(super) struct Reader<'a> {
    table: &'a DeTable<'a>,
    source: &'a Arc<Source>,
}

type Value<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Reader<'a> {
    pub(super) fn new(table: &'a DeTable<'a>, source: &'a Arc<Source>) -> Self {
        Self { table, source }
    }

    pub(super) fn manifest(&self) -> Manifest {
        let project = self.table("project");
        let matrix = self.table("matrix");
        let image = self.table("image");
        Manifest {
            name: project.as_ref().and_then(|project| project.text("name")),
            region: project.as_ref().and_then(|project| project.text("region")),
            defaults: self.table("defaults").map(|defaults| defaults.settings()).unwrap_or_default(),
            functions: self.named("functions", |place, function| FunctionEntry {
                place,
                source: function.text("source").map(|source| source.map(PathBuf::from)),
                settings: function.settings(),
                budgets: function.budgets().map(|budgets| budgets.value).unwrap_or_default(),
            }),
            layers: self.named("layers", |place, layer| layer.layer(place)),
            packagings: self.named("packaging", |place, packaging| PackagingEntry {
                place,
                method: packaging.get("method", |value| method(text(value)?)),
                slim: packaging.word("slim"),
                bytecode: packaging.word("bytecode"),
                layers: packaging.list("layers", owned),
                base: packaging.text("base"),
                entrypoint: packaging.strings("entrypoint"),
            }),
            image: image
                .map(|image| ImageEntry {
                    base: image.text("base"),
                    entrypoint: image.strings("entrypoint"),
                    labels: image.texts("labels"),
                })
                .unwrap_or_default(),
            budgets: self.budgets().map(|budgets| budgets.value).unwrap_or_default(),
            matrix: matrix.map(|matrix| matrix.matrix()).unwrap_or_default(),
            deploy: self.table("deploy").map(|deploy| deploy.deploy()).unwrap_or_default(),
        }
    }

    pub(super) fn layer(&self, place: Place) -> LayerEntry {
        LayerEntry {
            place,
            requirements: self.list("requirements", path),
            files: self.text("files").map(|files| files.map(PathBuf::from)),
            settings: self.settings(),
            versioned: self.flag("versioned"),
            public: self.get("public", |value| text(value)?.parse().ok()),
            arn: self.get("arn", |value| text(value)?.parse().ok()),
            version: self.get("version", versions),
            budgets: self.budgets(),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            handler: self.text("handler"),
            requirements: self.list("requirements", path),
            extras: self.strings("extras"),
            groups: self.strings("groups"),
            layers: self.list("layers", owned),
            environment: self.texts("environment"),
            memory: self.number("memory"),
            timeout: self.number("timeout"),
            ephemeral_storage: self.number("ephemeral-storage"),
            slim: self.word("slim"),
            bytecode: self.word("bytecode"),
            keep: self.strings("keep"),
            exclude: self.strings("exclude"),
            aws_services: self.strings("aws-services"),
            provided: self.strings("provided"),
            bundle_sdk: self.flag("bundle-sdk"),
            tags: self.texts("tags"),
        }
    }

    fn matrix(&self) -> MatrixEntry {
        let values = |list: Option<At<Vec<_>>>| list.map(|list| list.value);
        MatrixEntry {
            packaging: values(self.list("packaging", owned)),
            python: self.list("python", python).map(|list| list.value),
            architectures: self.list("architectures", |value| shape::architecture(text(value)?)).map(|list| list.value),
            memory: self.list("memory", number).map(|list| list.value),
            exclude: self.rows("exclude"),
            include: self.rows("include"),
        }
    }

    fn deploy(&self) -> DeployEntry {
        DeployEntry {
            name: self.text("name"),
            artifacts: self.text("artifacts"),
            data: self.text("data"),
            repository: self.text("repository"),
            role: self.text("role"),
            log_retention: self.number("log-retention"),
            batch_size: self.number("batch-size"),
            maximum_concurrency: self.number("maximum-concurrency"),
            tracing: self.flag("tracing"),
            snap_start: self.flag("snap-start"),
            alias: self.text("alias"),
        }
    }

    fn rows(&self, key: &str) -> Vec<Row> {
        let Some(DeValue::Array(rows)) = self.find(key).map(Spanned::get_ref) else { return Vec::new() };
        rows.iter()
            .filter_map(|row| {
                let reader = Reader::new(row.get_ref().as_table()?, self.source);
                Some(Row {
                    place: self.place(row),
                    function: reader.list("function", owned).map(|list| list.value),
                    packaging: reader.list("packaging", owned).map(|list| list.value),
                    python: reader.list("python", python).map(|list| list.value),
                    architecture: reader
                        .list("architecture", |value| shape::architecture(text(value)?))
                        .map(|list| list.value),
                    memory: reader.list("memory", number).map(|list| list.value),
                })
            })
            .collect()
    }

    fn budgets(&self) -> Option<At<Budgets>> {
        let from = self.source.path.display().to_string();
        self.get("budgets", |value| {
            let table = value.get_ref().as_table()?;
            let plain = Key::PLAIN.iter().filter_map(|key| budget(key.clone(), table.get(key.word())?, &from));
            let distributions = table.get("distributions").and_then(|value| value.get_ref().as_table());
            let distributions = distributions
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| budget(Key::Distribution(normalise(name.get_ref())), value, &from));
            Some(plain.chain(distributions).collect())
        })
    }

    fn find(&self, key: &str) -> Option<Value<'a>> {
        self.table.get(key)
    }

    fn place(&self, value: Value<'_>) -> Place {
        Place::new(self.source, value.span())
    }

    fn get<T>(&self, key: &str, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<At<T>> {
        let value = self.find(key)?;
        Some(At { value: read(value)?, place: self.place(value) })
    }

    fn text(&self, key: &str) -> Option<At<String>> {
        self.get(key, owned)
    }

    fn flag(&self, key: &str) -> Option<At<bool>> {
        self.get(key, |value| value.get_ref().as_bool())
    }

    fn number(&self, key: &str) -> Option<At<u32>> {
        self.get(key, number)
    }

    /// A word of the command line's.
    fn word<T: clap::ValueEnum>(&self, key: &str) -> Option<At<T>> {
        self.get(key, |value| T::from_str(text(value)?, false).ok())
    }

    /// One value counts as a list of it.
    fn list<T>(&self, key: &str, read: impl Fn(Value<'a>) -> Option<T>) -> Option<At<Vec<At<T>>>> {
        let at = |value| Some(At { value: read(value)?, place: self.place(value) });
        self.get(key, |value| match value.get_ref() {
            DeValue::Array(items) => Some(items.iter().filter_map(at).collect()),
            _ => Some(at(value).into_iter().collect()),
        })
    }

    fn strings(&self, key: &str) -> Option<At<Vec<String>>> {
        self.list(key, owned).map(|list| list.map(|items| items.into_iter().map(|item| item.value).collect()))
    }

    fn texts(&self, key: &str) -> BTreeMap<String, At<String>> {
        let table = self.find(key).and_then(|value| value.get_ref().as_table());
        let texts = table.into_iter().flatten().filter_map(|(name, value)| {
            Some((name.get_ref().to_string(), At { value: owned(value)?, place: Place::new(self.source, name.span()) }))
        });
        texts.collect()
    }

    fn table(&self, key: &str) -> Option<Reader<'a>> {
        Some(Reader::new(self.find(key)?.get_ref().as_table()?, self.source))
    }

    fn named<T>(&self, key: &str, read: impl Fn(Place, &Reader<'a>) -> T) -> BTreeMap<String, T> {
        let table = self.find(key).and_then(|value| value.get_ref().as_table());
        let tables = table.into_iter().flatten().filter_map(|(name, value)| {
            let reader = Reader::new(value.get_ref().as_table()?, self.source);
            Some((name.get_ref().to_string(), read(Place::new(self.source, name.span()), &reader)))
        });
        tables.collect()
    }
}

fn text(value: Value<'_>) -> Option<&str> {
    value.get_ref().as_str()
}

fn owned(value: Value<'_>) -> Option<String> {
    text(value).map(str::to_owned)
}

fn path(value: Value<'_>) -> Option<PathBuf> {
    text(value).map(PathBuf::from)
}

fn python(value: Value<'_>) -> Option<PythonVersion> {
    PythonVersion::from_str(text(value)?).ok()
}

fn number(value: Value<'_>) -> Option<u32> {
    let number = value.get_ref().as_integer()?;
    u32::from_str_radix(number.as_str(), number.radix()).ok()
}

fn versions(value: Value<'_>) -> Option<Versions> {
    match value.get_ref() {
        DeValue::Table(table) => {
            let each = table.iter().filter_map(|(key, value)| Some((versions::key(key.get_ref())?, number(value)?)));
            Some(Versions::Each(each.collect()))
        }
        _ => number(value).map(Versions::One),
    }
}

fn budget(key: Key, value: Value<'_>, from: &str) -> Option<Budget> {
    match value.get_ref() {
        DeValue::Integer(number) => {
            let bytes = u64::from_str_radix(number.as_str(), number.radix()).ok()?;
            Some(Budget::bytes(key, bytes, from))
        }
        DeValue::String(text) => Budget::text(key, text, from),
        _ => None,
    }
}

fn method(text: &str) -> Option<Method> {
    match text {
        "zip" => Some(Method::Zip),
        "layers" => Some(Method::Layers),
        "image" => Some(Method::Image),
        _ => None,
    }
}
