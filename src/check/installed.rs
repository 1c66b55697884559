//! Which distributions are in the files: their dist-info folders, and whose a file is.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Files, Question, TASK};
use crate::error::Result;
use crate::python::{metadata, normalise};
use crate::tree;

/// Larger metadata is passed over; the largest known RECORD has 3 MB.
const METADATA_BYTES: u64 = 16 << 20;

/// Requirements of one distribution that are looked at; apache-airflow has 600 with all its extras.
pub(super) const MOST_REQUIREMENTS: usize = 4096;

/// Bytes of a field that is looked at: no requirement that can be parsed is longer.
const FIELD_BYTES: usize = 2 << 10;

/// A distribution.
#[derive(Debug)]
pub(super) struct Installed {
    /// Normalised name.
    pub name: String,
    /// Version, as it writes it.
    pub version: String,
    /// Its dist-info folder.
    pub info: String,
    /// The folder that is in.
    pub folder: String,
    /// METADATA's fields that a check asks for.
    pub metadata: Vec<(String, String)>,
    /// WHEEL's fields.
    pub wheel: Vec<(String, String)>,
    /// The files that RECORD lists; none if there is no RECORD.
    record: Option<Vec<String>>,
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// The function's own.
    Function,
    /// A distribution's, by its name.
    Distribution(&'a str),
    /// One of the two.
    Unknown,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Installation<'a> {
    files: &'a Files<'a>,
    /// In the order of the search path.
    pub distributions: Vec<Installed>,
    recorded: HashMap<String, usize>,
    /// Whether each file of a distribution is known.
    complete: bool,
}

impl<'a> Installation<'a> {
    pub(super) fn new(files: &'a Files<'a>, question: &Question) -> Result<Self> {
        let mut places: Vec<(&str, String)> = Vec::new();
        for folder in &question.search_path {
            for (path, _) in files.below(folder) {
                let inside = &path[folder.len() + 1..];
                if let Some((info, "METADATA")) = inside.split_once('/')
                    && info.ends_with(".dist-info")
                {
                    places.push((folder, format!("{folder}/{info}")));
                }
            }
        }
        let mut distributions: Vec<Installed> = places
            .into_par_iter()
            .map(|(folder, info)| read(files, folder, info))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        let complete = distributions.iter().all(|distribution| distribution.record.is_some());
        let mut recorded = HashMap::new();
        for (index, distribution) in distributions.iter_mut().enumerate() {
            for path in distribution.record.take().unwrap_or_default() {
                recorded.insert(path, index);
            }
        }
        Ok(Self { files, distributions, recorded, complete })
    }

    /// Whose a file is.
    pub(super) fn owner(&self, path: &str) -> Owner<'_> {
        if let Some(owner) = self.files.files.get(path).and_then(|file| self.files.owner(file)) {
            return match owner {
                tree::Owner::Function => Owner::Function,
                tree::Owner::Distribution(_) => Owner::Distribution(self.files.distribution(owner).unwrap_or_default()),
            };
        }
        if let Some(index) = self.recorded.get(path) {
            return Owner::Distribution(&self.distributions[*index].name);
        }
        if !path.starts_with(TASK) {
            return Owner::Unknown;
        }
        // Without RECORD a folder of a distribution's own name is all that can be known.
        let top = path[TASK.len()..].trim_start_matches('/').split(['/', '.']).next().unwrap_or_default();
        match self
            .distributions
            .iter()
            .find(|distribution| distribution.folder == TASK && distribution.name == normalise(top))
        {
            Some(distribution) => Owner::Distribution(&distribution.name),
            None if self.complete => Owner::Function,
            None => Owner::Unknown,
        }
    }
}

fn read(files: &Files, folder: &str, info: String) -> Result<Option<Installed>> {
    let text = |name: &str| {
        let file = files.files.get(&format!("{info}/{name}")).filter(|file| file.size <= METADATA_BYTES);
        file.map(|file| files.read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())).transpose()
    };
    // The description is most of it, and a small archive may have gigabytes of it.
    let mut requirements = 0;
    let mut metadata = metadata::headers(&text("METADATA")?.unwrap_or_default());
    metadata.retain(|(field, value)| {
        requirements += usize::from(field == "requires-dist");
        value.len() <= FIELD_BYTES
            && match field.as_str() {
                "requires-dist" => requirements <= MOST_REQUIREMENTS + 1,
                field => matches!(field, "name" | "version" | "requires-python"),
            }
    });
    metadata.shrink_to_fit();
    let wheel = metadata::headers(&text("WHEEL")?.unwrap_or_default());
    let value = |name: &str| metadata::values(&metadata, name).next().map(str::to_owned);
    let (Some(name), Some(version)) = (value("name"), value("version")) else { return Ok(None) };
    let record = text("RECORD")?.map(|text| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        reader.records().flatten().filter_map(|row| Some(format!("{folder}/{}", row.get(0)?))).collect()
    });
    let folder = folder.to_owned();
    Ok(Some(Installed { name: normalise(&name), version, info, folder, metadata, wheel, record }))
}
