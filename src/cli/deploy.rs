//! `pack deploy`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::deployment::{Asking, Deployment, Format, confirmed};
use super::image::Image;
use super::options::Building;
use super::zip::Zip;
use super::{print, to_json, warn};
use crate::aws::{self, Account, Stage};
use crate::deploy::{self, Artifacts, Code, Desired, Kind, Only, Place, Plan};
use crate::error::{Error, Result};
use crate::image;
use crate::progress::Progress;
use crate::project::Method;
use crate::registry::{self, Client, Reference};

const EXAMPLES: &str = "\
Examples:
  pack deploy --dry-run                 what would be made and changed; it only reads
  pack deploy                           build what is not built, and deploy the whole matrix
  pack deploy --only report             one function of pack.toml, in all rows of its matrix
  pack deploy --yes                     in CI, where nobody can be asked
  pack deploy --dry-run --format json | jq '.changes[] | select(.action != \"unchanged\")'
  pack deploy --print-policy            what whoever deploys has to be allowed

It makes a bucket for the ZIPs, one for data (BUCKET_NAME in the functions' environment), a repository for
images, a role, a log group for each function, the functions, one queue with a dead letter queue that all
functions take from, and a dashboard. [deploy] in pack.toml says what they are called, and more.

There is no state file: what is there is found by its name, and known by the tag pack:project. What is not
of this project is never touched. A deploy that was interrupted is gone on with by the next one.";

/// Deploy the functions of the matrix to AWS: upload what is new, create or update what differs.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Deploy {
    /// Only this function of pack.toml, with what it needs; may be repeated. Nothing is deleted then
    #[arg(long, value_name = "FUNCTION")]
    only: Vec<String>,

    /// Show what would be done, and do nothing: AWS is only read
    #[arg(long)]
    dry_run: bool,

    /// Do not ask before something is replaced or deleted
    #[arg(long)]
    yes: bool,

    /// How the plan is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Print the least policy that whoever deploys, looks and destroys needs, and do nothing
    #[arg(long, conflicts_with_all = ["only", "dry_run", "yes"])]
    print_policy: bool,

    /// Registries on other machines may speak plain HTTP
    #[arg(long)]
    insecure: bool,

    #[command(flatten)]
    asking: Asking,

    #[command(flatten)]
    building: Building,
}

impl Deploy {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut deployment = Deployment::load(&self.asking.who)?;
        let only = self.only(&deployment)?;
        if self.print_policy {
            return self.policy(&mut deployment);
        }
        deploy::refuse_project(&deployment.project.name)?;
        deployment.refuse_findings()?;
        let account = deployment.connect(&self.asking)?;
        // What is wrong with names is said before anything is built.
        deployment.desired(&Artifacts::new(), account.place())?;
        let artifacts = self.build(&mut deployment, &only)?;
        let desired = deployment.desired(&artifacts, account.place())?;
        refuse_unbuilt(&desired, &only)?;
        let observed = account.read(&desired, &only)?;
        let plan = Plan::new(&desired, &observed, &only)?;
        refuse_without_room(&account, &plan, &desired)?;
        if self.dry_run {
            self.show(&plan, &desired, false)?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.format == Format::Text {
            print(&plan.text())?;
        }
        let grave = plan.grave().count();
        if grave > 0 {
            let what = format!("{grave} of these are replaced or deleted");
            if !confirmed(self.yes, &format!("{what}. Go on?"), &what)? {
                warn("nothing was changed\n");
                return Ok(ExitCode::from(1));
            }
        }
        if !plan.is_empty() {
            let progress = Arc::new(self.building.options().progress());
            account.apply(&plan, &desired, &observed, Stage::Places, &progress)?;
            self.push(&plan, &desired, &progress)?;
            account.apply(&plan, &desired, &observed, Stage::Functions, &progress)?;
        }
        match self.format {
            Format::Json => self.show(&plan, &desired, true)?,
            Format::Text => print(&links(&desired, &only))?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The functions that are meant.
    fn only(&self, deployment: &Deployment) -> Result<Only> {
        let known = &deployment.project.functions;
        if let Some(name) = self.only.iter().find(|name| !known.contains_key(*name)) {
            let hint = crate::project::manifest::suggestion(name, known.keys().map(String::as_str), "functions here");
            return Err(Error::usage(format!("there is no function {name:?}"), hint));
        }
        Ok((!self.only.is_empty()).then(|| self.only.iter().cloned().collect()))
    }

    /// Builds what is meant: ZIPs with their layers, and images.
    fn build(&self, deployment: &mut Deployment, only: &Only) -> Result<Artifacts> {
        let is_meant = |function: &String| only.as_ref().is_none_or(|only| only.contains(function));
        let builds = deployment.builds.functions.iter().filter(|build| is_meant(&build.function));
        let (images, zips): (Vec<_>, Vec<_>) = builds.partition(|build| build.method == Method::Image);
        let names = |builds: Vec<&crate::project::Build>| -> Vec<String> {
            let names: BTreeSet<&String> = builds.into_iter().map(|build| &build.function).collect();
            names.into_iter().cloned().collect()
        };
        let (images, zips) = (names(images), names(zips));
        let (who, options) = (&self.asking.who, self.building.options());
        let mut reports = Vec::new();
        if !zips.is_empty() {
            reports.extend(Zip::reports(&mut deployment.project, zips, options.clone(), who.clone())?);
        }
        if !images.is_empty() {
            reports.extend(Image::reports(&mut deployment.project, images, options, who.profile_only())?);
        }
        // The lock may say more now than before.
        deployment.lock = crate::lock::load(std::path::Path::new(crate::lock::FILE))?;
        deployment.artifacts(&reports)
    }

    /// Pushes the images that are new. Each is one push: what two of them have in common is then there for the second.
    fn push(&self, plan: &Plan, desired: &Desired, progress: &Progress) -> Result<()> {
        let images: BTreeSet<&str> =
            plan.effective().filter(|change| change.kind == Kind::Image).map(|change| change.name.as_str()).collect();
        if images.is_empty() {
            return Ok(());
        }
        let credentials = aws::registry_credentials(self.asking.who.profile());
        let options = registry::Options { insecure: self.insecure, credentials, ..registry::Options::default() };
        let client = Arc::new(Client::new(options)?);
        let mut done = BTreeSet::new();
        for function in &desired.functions {
            let Code::Image { artifact: Some(artifact), repository, tag, .. } = &function.code else { continue };
            let name = format!("{repository}@sha256:{}", artifact.sha256);
            if !images.contains(name.as_str()) || !done.insert(name.clone()) {
                continue;
            }
            let to: Reference = format!("{repository}:{tag}").parse().map_err(|reason| {
                Error::usage(
                    format!("the repository {repository}: {reason}"),
                    "repository in [deploy] of pack.toml names it",
                )
            })?;
            let pushed = image::push_layout(&artifact.path, function.row.target, &to, &client, progress)?;
            progress.say(&format!("{} image {name}", if pushed.is_some() { "pushed" } else { "found" }));
        }
        Ok(())
    }

    fn show(&self, plan: &Plan, desired: &Desired, applied: bool) -> Result<()> {
        match self.format {
            Format::Text => print(&plan.text()),
            Format::Json => {
                let functions = desired.functions.iter().map(
                    |function| json!({ "name": function.name, "row": function.row, "sha256": function.state.code }),
                );
                let answer = json!({
                    "project": desired.project,
                    "place": desired.place,
                    "applied": applied,
                    "changes": to_json(&plan.changes)?,
                    "functions": functions.collect::<Vec<_>>(),
                });
                print(&format!("{answer:#}\n"))
            }
        }
    }

    /// Where nobody knows the account yet, every account is meant.
    fn policy(&self, deployment: &mut Deployment) -> Result<ExitCode> {
        let place = match deployment.connect(&self.asking) {
            Ok(account) => account.place().clone(),
            Err(error @ Error::Aws { is_out_of_reach: true, .. }) => match deployment.project.region.clone() {
                Some(region) => {
                    warn(&format!("warning: the account is not known, and * stands for it: {error}\n"));
                    Place { partition: "aws".into(), account: "*".into(), region, has_tls: true }
                }
                None => return Err(error),
            },
            Err(error) => return Err(error),
        };
        let desired = deployment.desired(&Artifacts::new(), &place)?;
        let policy = deploy::policy(&desired);
        print(&format!("{policy:#}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Everything that is meant has to be there before anything is changed.
fn refuse_unbuilt(desired: &Desired, only: &Only) -> Result<()> {
    let is_meant =
        |function: &&deploy::Function| only.as_ref().is_none_or(|only| only.contains(&function.row.function));
    let mut missing: Vec<String> = desired
        .functions
        .iter()
        .filter(is_meant)
        .filter(|function| !desired.is_known(function))
        .map(|function| function.code.output().display().to_string())
        .collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::usage(
        format!("not built, and so not deployed: {}", missing.join(", ")),
        "what is told above says why; nothing was changed; rows that cannot be built can be left out of [matrix]",
    ))
}

/// What is new has to have room. Who may not ask is told so, and goes on.
fn refuse_without_room(account: &Account, plan: &Plan, desired: &Desired) -> Result<()> {
    let added = deploy::code_added(plan, desired);
    if added == 0 {
        return Ok(());
    }
    match account.code_storage() {
        Ok(storage) => storage.refuse(added),
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            warn(&format!("warning: whether Lambda has room for the code is not known: {error}\nhint: {hint}\n"));
            Ok(())
        }
    }
}

/// Where a person looks next.
fn links(desired: &Desired, only: &Only) -> String {
    let (region, names) = (&desired.place.region, &desired.names);
    let mut text = String::new();
    if desired.place.partition != "aws" {
        return text;
    }
    let console = format!("https://{region}.console.aws.amazon.com");
    for function in &desired.functions {
        if only.as_ref().is_none_or(|only| only.contains(&function.row.function)) {
            let _ = writeln!(text, "{console}/lambda/home?region={region}#/functions/{}", function.name);
        }
    }
    let _ = writeln!(text, "{console}/cloudwatch/home?region={region}#dashboards/dashboard/{}", names.dashboard);
    text
}
