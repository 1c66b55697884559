//! The places of the matrix: a product with rows taken away, and then added.

use std::collections::BTreeSet;

use super::Selection;
use crate::lambda::{Architecture, PythonVersion};
use crate::project::load::Project;
use crate::project::manifest::{At, Mistake, Row};

/// The most combinations that a matrix may have: far more than Lambda's 1,000 concurrent executions could ever compare.
const MOST_CELLS: usize = 10_000;

/// A place in the matrix, in the order of builds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell<'a> {
    pub(super) function: &'a str,
    /// Its index in the project.
    pub(super) packaging: usize,
    pub(super) python: PythonVersion,
    pub(super) architecture: Architecture,
    pub(super) memory: Option<u32>,
}

/// What each side of the matrix has.
pub(super) struct Axes<'a> {
    pub(super) functions: Vec<&'a str>,
    pub(super) packagings: Vec<usize>,
    pub(super) pythons: Vec<PythonVersion>,
    pub(super) architectures: Vec<Architecture>,
    /// Instead of the sizes that hold for each function.
    pub(super) memory: Option<Vec<u32>>,
}

impl Project {
    /// Rows of the matrix that do nothing, and what makes it too large.
    pub(in crate::project) fn matrix_mistakes(&self) -> Vec<Mistake> {
        let matrix = &self.manifest.matrix;
        let mut mistakes = Vec::new();
        let axes = self.axes();
        let size = |axes: &Axes<'_>| {
            let memory = axes.memory.as_ref().or(None).map_or_else(|| self.most_memory(), Vec::len);
            [axes.functions.len(), axes.packagings.len(), axes.pythons.len(), axes.architectures.len(), memory.max(1)]
                .into_iter()
                .fold(1_usize, usize::saturating_mul)
        };
        let mut total = size(&axes);
        for row in &matrix.include {
            total = total.saturating_add(size(&self.axes_of_row(row)));
        }
        if total > MOST_CELLS {
            let place = matrix.memory.iter().flatten().map(|memory| &memory.place).next();
            let place = place.or_else(|| matrix.include.first().map(|row| &row.place));
            let place = place.or_else(|| self.manifest.functions.values().next().map(|entry| &entry.place));
            let place = place.or_else(|| self.packagings.iter().find_map(|one| Some(&one.entry.as_ref()?.place)));
            mistakes.extend(place.map(|place| {
                place.mistake(
                    format!("the matrix has {total} combinations; {MOST_CELLS} are the most"),
                    "take fewer memory sizes or packagings, or make a project of its own for a part",
                )
            }));
            return mistakes;
        }
        let mut cells = self.product(&axes);
        if cells.is_empty() {
            return mistakes;
        }
        for row in &matrix.exclude {
            let before = cells.len();
            let whole = self.product(&axes);
            if !whole.iter().any(|cell| self.fits(cell, row)) {
                mistakes.push(row.place.mistake(
                    "this excludes nothing: no combination of the matrix fits it",
                    "pack plan shows the matrix",
                ));
            }
            cells.retain(|cell| !self.fits(cell, row));
            if cells.is_empty() && before > 0 {
                mistakes.push(row.place.mistake(
                    "after this, nothing is left of the matrix",
                    "name what is to be left out: function, packaging, python, architecture, memory",
                ));
            }
        }
        for row in &matrix.include {
            let added = self.product(&self.axes_of_row(row));
            if added.iter().all(|cell| cells.contains(cell)) {
                mistakes.push(row.place.mistake(
                    "this includes nothing that the matrix does not have already",
                    "name what is to be added: function, packaging, python, architecture, memory",
                ));
            }
            cells.extend(added);
        }
        mistakes
    }

    pub(super) fn packaging(&self, name: &str) -> Option<usize> {
        self.packagings.iter().position(|packaging| packaging.name == name)
    }

    pub(super) fn axes(&self) -> Axes<'_> {
        let matrix = &self.manifest.matrix;
        let packagings = match &matrix.packaging {
            Some(names) => names.iter().filter_map(|name| self.packaging(&name.value)).collect(),
            None => (0..self.packagings.len()).collect(),
        };
        Axes {
            functions: self.functions.keys().map(String::as_str).collect(),
            packagings,
            pythons: values(matrix.python.as_ref()).unwrap_or_else(|| vec![PythonVersion::DEFAULT]),
            architectures: values(matrix.architectures.as_ref()).unwrap_or_else(|| vec![Architecture::X86_64]),
            memory: None,
        }
    }

    /// What a row of `include` adds: as the matrix, but for what it names.
    pub(super) fn axes_of_row<'a>(&'a self, row: &'a Row) -> Axes<'a> {
        let axes = self.axes();
        let functions = row.function.as_ref().map(|names| names.iter().map(|name| name.value.as_str()).collect());
        let packagings =
            row.packaging.as_ref().map(|names| names.iter().filter_map(|name| self.packaging(&name.value)).collect());
        Axes {
            functions: functions.unwrap_or(axes.functions),
            packagings: packagings.unwrap_or(axes.packagings),
            pythons: values(row.python.as_ref()).unwrap_or(axes.pythons),
            architectures: values(row.architecture.as_ref()).unwrap_or(axes.architectures),
            memory: values(row.memory.as_ref()),
        }
    }

    /// What the command line names, and the matrix for the rest.
    pub(super) fn axes_of<'a>(&'a self, selection: &'a Selection) -> Axes<'a> {
        let axes = self.axes();
        let functions = selection.functions.iter().map(String::as_str).collect::<Vec<_>>();
        Axes {
            functions: if functions.is_empty() { axes.functions } else { functions },
            packagings: selection
                .packaging
                .as_ref()
                .map_or(axes.packagings, |name| self.packaging(name).into_iter().collect()),
            pythons: selection.python.map_or(axes.pythons, |python| vec![python]),
            architectures: selection.architecture.map_or(axes.architectures, |architecture| vec![architecture]),
            memory: None,
        }
    }

    pub(super) fn cells(&self) -> BTreeSet<Cell<'_>> {
        let matrix = &self.manifest.matrix;
        let mut cells = self.product(&self.axes());
        cells.retain(|cell| !matrix.exclude.iter().any(|row| self.fits(cell, row)));
        for row in &matrix.include {
            cells.extend(self.product(&self.axes_of_row(row)));
        }
        cells
    }

    pub(super) fn product<'a>(&'a self, axes: &Axes<'a>) -> BTreeSet<Cell<'a>> {
        let mut cells = BTreeSet::new();
        for function in &axes.functions {
            let sizes = axes.memory.clone().unwrap_or_else(|| self.memory(function).0);
            let sizes: Vec<_> = if sizes.is_empty() { vec![None] } else { sizes.into_iter().map(Some).collect() };
            for (packaging, python) in
                axes.packagings.iter().flat_map(|packaging| axes.pythons.iter().map(move |python| (packaging, python)))
            {
                for (architecture, memory) in axes
                    .architectures
                    .iter()
                    .flat_map(|architecture| sizes.iter().map(move |size| (architecture, size)))
                {
                    cells.insert(Cell {
                        function,
                        packaging: *packaging,
                        python: *python,
                        architecture: *architecture,
                        memory: *memory,
                    });
                }
            }
        }
        cells
    }

    /// The memory sizes of a function, and which table says so: its own, the matrix's, those of [defaults].
    pub(super) fn memory(&self, function: &str) -> (Vec<u32>, String) {
        let entry = self.functions.get(function).and_then(|member| member.entry.as_ref());
        if let Some(memory) = entry.and_then(|entry| entry.settings.memory.as_ref()) {
            return (vec![memory.value], format!("[functions.{function}]"));
        }
        if let Some(sizes) = values(self.manifest.matrix.memory.as_ref()) {
            return (sizes, "[matrix]".into());
        }
        let all = self.manifest.defaults.memory.as_ref();
        (all.map(|memory| memory.value).into_iter().collect(), "[defaults]".into())
    }

    pub(super) fn most_memory(&self) -> usize {
        self.manifest.matrix.memory.as_ref().map_or(1, Vec::len)
    }

    pub(super) fn fits(&self, cell: &Cell<'_>, row: &Row) -> bool {
        fn names<T, U: PartialEq<T> + ?Sized>(list: Option<&Vec<At<T>>>, value: &U) -> bool {
            list.is_none_or(|list| list.iter().any(|item| *value == item.value))
        }
        names(row.function.as_ref(), cell.function)
            && names(row.packaging.as_ref(), self.packagings[cell.packaging].name.as_str())
            && names(row.python.as_ref(), &cell.python)
            && names(row.architecture.as_ref(), &cell.architecture)
            && row.memory.as_ref().is_none_or(|sizes| sizes.iter().any(|size| cell.memory == Some(size.value)))
    }

    pub(super) fn is_meant(&self, cell: &Cell<'_>, selection: &Selection) -> bool {
        let Selection { functions, packaging, python, architecture } = selection;
        (functions.is_empty() || functions.iter().any(|name| name == cell.function))
            && packaging.as_ref().is_none_or(|name| *name == self.packagings[cell.packaging].name)
            && python.is_none_or(|python| python == cell.python)
            && architecture.is_none_or(|architecture| architecture == cell.architecture)
    }
}

fn values<T: Copy>(list: Option<&Vec<At<T>>>) -> Option<Vec<T>> {
    list.map(|list| list.iter().map(|item| item.value).collect())
}
