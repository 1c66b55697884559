//! From places of the matrix to builds of functions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::cells::Cell;
use super::layers::layer_output;
use super::{Build, FOLDER, UsedLayer, sizes_shown};
use crate::lambda::{Architecture, LayerArn, PythonVersion, Target};
use crate::project::function::Function;
use crate::project::layers::{Content, ProjectLayer};
use crate::project::load::{Member, Packaging, Project};
use crate::project::manifest::Method;
use crate::project::settings::{Origins, of_function};

impl Project {
    pub(super) fn builds_of(&self, cells: &BTreeSet<Cell<'_>>) -> Vec<Build> {
        let mut sizes: BTreeMap<(&str, usize, PythonVersion, Architecture), Vec<u32>> = BTreeMap::new();
        for cell in cells {
            let key = (cell.function, cell.packaging, cell.python, cell.architecture);
            sizes.entry(key).or_default().extend(cell.memory);
        }
        let build = |((function, packaging, python, architecture), memory): (_, Vec<u32>)| {
            let target = Target { python, architecture };
            Some(self.build(self.functions.get(function)?, self.packagings.get::<usize>(packaging)?, target, memory))
        };
        sizes.into_iter().filter_map(build).collect()
    }

    pub(super) fn build(&self, member: &Member, packaging: &Packaging, target: Target, memory: Vec<u32>) -> Build {
        let Function { name, source, requirements, choice } = &member.function;
        let mut origins = Origins::default();
        if member.entry.as_ref().is_some_and(|entry| entry.source.is_some()) {
            origins.note("source", source.display().to_string(), &format!("[functions.{name}]"));
        }
        if let Some(from) = &member.requirements_from {
            origins.note("requirements", shown(requirements), from);
        }
        if !choice.is_empty() {
            origins.note("beside them", choice.to_string(), &format!("[functions.{name}]"));
        }
        if !memory.is_empty() {
            let (sizes, from) = self.memory(name);
            let from = if sizes == memory { from } else { "[matrix]".into() };
            origins.note("memory", sizes_shown(&memory), &from);
        }
        let (listed, from) = self.layers_of(member, packaging);
        let listed = listed.unwrap_or_default();
        let unwritten = if listed.is_empty() { Method::Zip } else { Method::Layers };
        let method = packaging.method.unwrap_or(unwritten);
        let layers: Vec<UsedLayer> = match method {
            Method::Layers => {
                listed.iter().filter_map(|name| Some(self.used(self.layers.get(*name)?, target))).collect()
            }
            Method::Zip | Method::Image => Vec::new(),
        };
        if !layers.is_empty() {
            origins.note("layers", listed.join(", "), &from);
        }
        let layers_left_out: Vec<String> = match method {
            Method::Image => listed.iter().map(|name| (*name).to_owned()).collect(),
            Method::Zip | Method::Layers => Vec::new(),
        };
        if !layers_left_out.is_empty() {
            origins.note(
                "layers",
                format!("none: an image has no layers, so {} are left out", listed.join(", ")),
                &from,
            );
        }
        let settings = of_function(self, member, packaging, &mut origins);
        let base = (method == Method::Image).then(|| {
            let own = packaging.entry.as_ref().and_then(|entry| entry.base.as_ref());
            let (base, from) = match own {
                Some(base) => (base, format!("[packaging.{}]", packaging.name)),
                None => (self.manifest.image.base.as_ref()?, "[image]".to_owned()),
            };
            origins.note("base", base.value.clone(), &from);
            Some(base.value.clone())
        });
        let entrypoint = packaging.entry.as_ref().and_then(|entry| entry.entrypoint.as_ref());
        let entrypoint = entrypoint.or(self.manifest.image.entrypoint.as_ref());
        let entrypoint = entrypoint.filter(|_| method == Method::Image).map(|words| words.value.clone());
        let labels = self.manifest.image.labels.iter().map(|(name, text)| (name.clone(), text.value.clone())).collect();
        Build {
            is_argument: member.is_argument,
            function: name.clone(),
            packaging: packaging.name.clone(),
            method,
            target,
            memory,
            source: source.clone(),
            requirements: requirements.clone(),
            choice: choice.clone(),
            layers,
            layers_left_out,
            base: base.flatten(),
            entrypoint,
            labels: if method == Method::Image { labels } else { BTreeMap::new() },
            output: Path::new(FOLDER).join(file_name(name, &packaging.name, method, target)),
            settings,
            why: origins.0,
        }
    }

    pub(super) fn used(&self, layer: &ProjectLayer, target: Target) -> UsedLayer {
        let (output, arn) = match &layer.content {
            Content::Own { .. } => (Some(layer_output(&layer.name, target)), None),
            Content::Published(published) => {
                (None, published.arn(self.region.as_deref(), target).as_ref().map(LayerArn::to_string))
            }
        };
        UsedLayer { name: layer.name.clone(), output, arn, locked: None }
    }
}

/// `FUNCTION-python3.13-x86_64.zip` for the packaging `zip`, `FUNCTION-PACKAGING-python3.13-x86_64.zip` for others; an image is
/// a folder.
fn file_name(function: &str, packaging: &str, method: Method, target: Target) -> String {
    let packaging = if packaging == "zip" { String::new() } else { format!("-{packaging}") };
    let end = if method == Method::Image { "" } else { ".zip" };
    format!("{function}{packaging}-{target}{end}")
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
