//! What was taken out, why, and how many bytes it had.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::Owner;

/// Why something was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The user's `--exclude`.
    Excluded,
    /// `.pyc` as an installer wrote it: fixed file times make it stale.
    InstalledBytecode,
    /// The Lambda runtime ships it.
    RuntimeProvides,
    /// A layer of the function has it, in the same version.
    LayerProvides,
    /// A test folder that nothing shipped imports.
    Tests,
    /// A folder of documentation or examples that nothing imports or names.
    Documentation,
    /// Sources and headers of compiled parts.
    Sources,
    /// Libraries for linking.
    StaticLibraries,
    /// Stubs for type checkers.
    TypeStubs,
    /// What only an installer reads.
    InstallerFiles,
    /// Command-line scripts.
    Scripts,
    /// A copy of a shared library that nothing names.
    LibraryCopies,
    /// A part that a recipe knows, and that nothing in the artifact needs.
    Component,
    /// An entry by which a library named one of a part that is gone, without using it; the file stays.
    NeededEntries,
    /// Symbols and debug sections of a shared library; the file stays.
    Symbols,
    /// A source whose bytecode is shipped in its place.
    CompiledSources,
}

impl Rule {
    /// As JSON names it.
    pub fn id(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
    }

    /// As a report names it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Excluded => "excluded by --exclude",
            Self::InstalledBytecode => "installers' bytecode (stale)",
            Self::RuntimeProvides => "provided by the Lambda runtime",
            Self::LayerProvides => "provided by layers",
            Self::Tests => "tests",
            Self::Documentation => "documentation and examples",
            Self::Sources => "C, C++ and Cython sources, headers",
            Self::StaticLibraries => "static libraries",
            Self::TypeStubs => "type stubs",
            Self::InstallerFiles => "installer leftovers in dist-info",
            Self::Scripts => "command-line scripts",
            Self::LibraryCopies => "copies of one shared library",
            Self::Component => "parts that nothing needs",
            Self::NeededEntries => "names of libraries that are gone",
            Self::Symbols => "symbols and debug sections",
            Self::CompiledSources => "sources shipped as bytecode only",
        }
    }
}

/// What a rule does to one distribution: it can be put back as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Restoration {
    /// The rule.
    pub rule: Rule,
    /// The distribution's normalised name.
    pub distribution: String,
    /// The part, where a recipe took it out: parts are put back one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
}

/// What is put back of a build's removals, since an import needs it.
pub type Restored = BTreeSet<Restoration>;

/// One file taken out, or the part of it that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Its path.
    pub path: String,
    /// Why.
    pub rule: Rule,
    /// How many bytes less.
    pub bytes: u64,
    /// Whose it was.
    pub owner: Owner,
    /// The part of its distribution that it belongs to, where a recipe took it out.
    pub component: Option<String>,
}

/// Whose part, and its name.
pub type PartOf<'a> = (Owner, &'a str);

/// All removals of a build.
#[derive(Debug, Default)]
pub struct Ledger {
    removals: Vec<Removal>,
}

impl Ledger {
    /// Writes one down.
    pub fn add(&mut self, removal: Removal) {
        self.removals.push(removal);
    }

    /// Every removal, by path.
    pub fn removals(&self) -> Vec<&Removal> {
        let mut removals: Vec<_> = self.removals.iter().collect();
        removals.sort_by(|left, right| (&left.path, left.rule).cmp(&(&right.path, right.rule)));
        removals
    }

    /// Files and bytes of each rule; of each part, where it is one that recipes know.
    pub fn totals(&self) -> BTreeMap<(Rule, Option<PartOf<'_>>), (u64, u64)> {
        let mut totals = BTreeMap::new();
        for removal in &self.removals {
            let part = removal.component.as_deref().map(|component| (removal.owner, component));
            let (files, bytes) = totals.entry((removal.rule, part)).or_insert((0, 0));
            *files += 1;
            *bytes += removal.bytes;
        }
        totals
    }
}
