//! What `pack deploy`, `pack destroy` and `pack status` have in common: the project, the account, and what the one is to have in the other.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::account::Account as Who;
use super::warn;
use crate::aws::Account;
use crate::deploy::{Artifact, Artifacts, Desired, Place};
use crate::error::{Error, Result};
use crate::image;
use crate::lambda::Day;
use crate::lock::{self, Lock};
use crate::project::{Builds, Method, Project, Selection};
use crate::size::SizeReport;
use crate::system;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a program.
    Json,
}

/// How AWS is asked.
#[derive(Args)]
pub(super) struct Asking {
    /// How many calls of AWS's API are made at once; Lambda's are no more than 15 a second all the same
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(super) concurrency: u8,

    #[command(flatten)]
    pub(super) who: Who,
}

/// A project, and its whole matrix.
pub(super) struct Deployment {
    pub(super) project: Project,
    pub(super) builds: Builds,
    pub(super) lock: Lock,
}

impl Deployment {
    /// The project of this folder, which has to have functions.
    pub(super) fn load(who: &Who) -> Result<Self> {
        let mut project = Project::load(Path::new(""))?;
        who.set_region(&mut project);
        if !project.has_file || project.functions.is_empty() {
            return Err(super::nothing_here(
                "there is no pack.toml with functions here",
                "pack init writes a project to begin with; pack deploy deploys the functions of its matrix",
            ));
        }
        let builds = project.builds(&Selection::default())?;
        Ok(Self { project, builds, lock: lock::load(Path::new(lock::FILE))? })
    }

    /// Refuses what Lambda would not take, and tells what it will not take for long.
    pub(super) fn refuse_findings(&self) -> Result<()> {
        for finding in self.builds.findings(&self.project, Day::today()) {
            if finding.is_error {
                return Err(Error::aws(finding.message, finding.hint));
            }
            warn(&format!("warning: {}\nhint: {}\n", finding.message, finding.hint));
        }
        Ok(())
    }

    /// The account that it is deployed to; its Region is the project's from then on.
    pub(super) fn connect(&mut self, asking: &Asking) -> Result<Account> {
        let account = Account::connect(&asking.who.access_for(&self.project), asking.concurrency.into())?;
        self.set_region(&account.place().region)?;
        Ok(account)
    }

    /// Has the project mean a Region where it says none.
    pub(super) fn set_region(&mut self, region: &str) -> Result<()> {
        if self.project.region.as_deref() != Some(region) {
            self.project.region = Some(region.to_owned());
            self.builds = self.project.builds(&Selection::default())?;
        }
        Ok(())
    }

    /// What the project is to have there.
    pub(super) fn desired(&self, artifacts: &Artifacts, place: &Place) -> Result<Desired> {
        Desired::of(&self.project, self.builds.clone(), &self.lock, artifacts, place)
    }

    /// Artifacts as reports tell of them, by the paths that the project gives them.
    pub(super) fn artifacts(&self, reports: &[(PathBuf, SizeReport)]) -> Result<Artifacts> {
        let outputs = self.builds.functions.iter().map(|build| (&build.output, build.method == Method::Image));
        let outputs = outputs.chain(self.builds.layers.iter().map(|build| (&build.output, false)));
        let mut artifacts = Artifacts::new();
        for (output, is_image) in outputs {
            let place = if is_image { output.clone() } else { system::destination(output)? };
            let Some((_, report)) = reports.iter().find(|(path, _)| *path == place) else { continue };
            let artifact = Artifact {
                path: place,
                sha256: report.sha256.clone(),
                packed: report.packed,
                unpacked: report.unpacked,
                handler: report.handler.clone(),
            };
            artifacts.insert(output.clone(), artifact);
        }
        Ok(artifacts)
    }

    /// Artifacts that were built at some time, as far as they are there: to compare with, and no more.
    pub(super) fn artifacts_there(&self) -> Result<Artifacts> {
        let mut artifacts = Artifacts::new();
        let mut add = |output: &Path, sha256: String, handler: Option<String>| {
            let artifact = Artifact { path: output.to_owned(), sha256, packed: 0, unpacked: 0, handler };
            artifacts.insert(output.to_owned(), artifact);
        };
        for build in self.builds.functions.iter().filter(|build| build.output.exists()) {
            // What is found in the sources is not known without building; an image says it itself.
            let handler = build.settings.handler.clone();
            if build.method == Method::Image {
                add(&build.output, image::layout_digest(&build.output, build.target)?.hex(), Some(String::new()));
            } else if handler.is_some() {
                add(&build.output, system::sha256_of(&build.output)?, handler);
            }
        }
        for build in self.builds.layers.iter().filter(|build| build.output.is_file()) {
            add(&build.output, system::sha256_of(&build.output)?, None);
        }
        Ok(artifacts)
    }
}

/// Asks a person; where there is none, only `--yes` counts.
pub(super) fn confirmed(yes: bool, question: &str, what: &str) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Error::usage(
            format!("{what}, and there is no terminal to ask on"),
            "--yes says that it is meant; nothing was changed",
        ));
    }
    warn(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(Error::io("read", "standard input"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
