//! `pack plan`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{nothing_here, print, to_json, warn};
use crate::error::Result;
use crate::lambda::{Architecture, Day, PythonVersion};
use crate::lock;
use crate::project::{Build, Builds, Finding, LayerBuild, Method, Project, Selection, sizes_shown};
use crate::published;
use crate::size::human;

const EXAMPLES: &str = "\
Examples:
  pack plan                             the whole matrix
  pack plan report --packaging layers   one function, packaged in one way
  pack plan --python 3.14               as it would be, if the matrix had that version
  pack plan --json | jq '.builds[].output'

It asks no index and no AWS: it reads pack.toml and pack.lock, and looks at what is in the folders.
pack zip --dry-run also says which wheels would be taken.";

/// Show what is built: each artifact of the matrix, what it is made of, and why.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Plan {
    /// A name under functions/ or in pack.toml, or the path of a folder or .py file; all functions if none is given
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// Only this packaging of pack.toml
    #[arg(long, value_name = "NAME")]
    packaging: Option<String>,

    /// Only this Python version of the Lambda runtime
    #[arg(long, value_name = "VERSION")]
    python: Option<PythonVersion>,

    /// Only this architecture
    #[arg(long, value_name = "ARCH")]
    arch: Option<Architecture>,

    /// Write the plan as JSON
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Path::new("");
        let mut project = Project::load(root)?;
        let functions = self.functions.iter().map(|name| project.function(root, name)).collect::<Result<_>>()?;
        let selection =
            Selection { functions, packaging: self.packaging, python: self.python, architecture: self.arch };
        let mut builds = project.builds(&selection)?;
        published::fill(&mut builds.functions, &project, &lock::load(&root.join(lock::FILE))?);
        if builds.functions.is_empty() && builds.layers.is_empty() {
            return Err(nothing_here(
                "there is nothing to build here: no functions/, no layers/, and no pack.toml that names any",
                "pack init writes a project to begin with; or write functions/NAME/, or name the folder or .py file of a function",
            ));
        }
        let findings = builds.findings(&project, Day::today());
        if self.json {
            let plan = json!({
                "project": project.name,
                "builds": to_json(&builds.functions)?,
                "layers": to_json(&builds.layers)?,
                "findings": to_json(&findings)?,
            });
            print(&format!("{plan:#}\n"))?;
        } else {
            print(&text(&project.name, &builds))?;
        }
        for Finding { is_error, message, hint } in &findings {
            let kind = if *is_error { "error" } else { "warning" };
            warn(&format!("{kind}: {message}\nhint: {hint}\n"));
        }
        Ok(ExitCode::from(u8::from(findings.iter().any(|finding| finding.is_error))))
    }
}

/// The plan for a person: builds that differ in their target only are told together.
fn text(project: &str, builds: &Builds) -> String {
    let Builds { functions, layers } = builds;
    let mut text = format!("{project}: {}", counted(functions.len(), "artifact"));
    let names: std::collections::BTreeSet<_> = functions.iter().map(|build| &build.function).collect();
    let _ = write!(text, " of {}", counted(names.len(), "function"));
    if !layers.is_empty() {
        let _ = write!(text, ", {} of layers", layers.len());
    }
    text.push('\n');
    for alike in functions.chunk_by(|one, other| one.function == other.function && one.packaging == other.packaging) {
        function(&mut text, alike);
    }
    for alike in layers.chunk_by(|one, other| one.layer == other.layer) {
        layer(&mut text, alike);
    }
    text
}

fn function(text: &mut String, alike: &[Build]) {
    let [first, ..] = alike else { return };
    let how = match (first.method, first.layers.is_empty()) {
        (Method::Zip, _) => "all in one ZIP",
        (Method::Layers, false) => "a ZIP, and layers",
        (Method::Layers, true) => "a ZIP; it has no layers",
        (Method::Image, _) => "a container image",
    };
    let _ = writeln!(text, "\n{} as {}: {how}", first.function, first.packaging);
    let from = |setting| {
        let origin = first.why.iter().find(|origin| origin.setting == setting);
        origin.map_or_else(String::new, |origin| format!(" ({})", origin.from))
    };
    line(text, "source", &format!("{}{}", first.source.display(), from("source")));
    line(text, "requirements", &format!("{}{}", paths(&first.requirements), from("requirements")));
    let same_memory = alike.iter().all(|build| build.memory == first.memory);
    let is_told = |setting| setting == "source" || setting == "requirements" || (setting == "memory" && !same_memory);
    for origin in first.why.iter().filter(|origin| !is_told(origin.setting)) {
        line(text, origin.setting, &format!("{} ({})", origin.value, origin.from));
    }
    for build in alike {
        let memory = if same_memory { String::new() } else { format!("  {}", sizes_shown(&build.memory)) };
        line(text, &build.target.to_string(), &format!("{}{memory}", build.output.display()));
        for layer in &build.layers {
            let size = layer.locked.map_or("unknown size".into(), |size| format!("{} unpacked", human(size.unpacked)));
            let place = match (&layer.output, &layer.arn) {
                (Some(output), _) => output.display().to_string(),
                (None, Some(arn)) => format!("{arn} ({size})"),
                (None, None) => format!("{} of a Region that is not known ({size})", layer.name),
            };
            line(text, "", &format!("+ {place}"));
        }
    }
}

fn layer(text: &mut String, alike: &[LayerBuild]) {
    let [first, ..] = alike else { return };
    let _ = writeln!(text, "\nlayer {}", first.layer);
    if !first.requirements.is_empty() {
        line(text, "requirements", &paths(&first.requirements));
    }
    if let Some(files) = &first.files {
        line(text, "files", &files.display().to_string());
    }
    let users: std::collections::BTreeSet<_> = alike.iter().flat_map(|build| &build.functions).collect();
    let users = users.into_iter().cloned().collect::<Vec<_>>().join(", ");
    line(text, "of", if users.is_empty() { "no function here" } else { &users });
    for origin in &first.why {
        line(text, origin.setting, &format!("{} ({})", origin.value, origin.from));
    }
    for build in alike {
        line(text, &build.target.to_string(), &build.output.display().to_string());
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<18} {value}");
}

fn paths(paths: &[PathBuf]) -> String {
    match paths {
        [] => "none".into(),
        paths => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}

fn counted(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
