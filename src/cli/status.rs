//! `pack status`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::deployment::{Asking, Deployment, Format};
use super::{print, to_json};
use crate::deploy::{Action, Change, DIGEST_TAG, Desired, Kind, Observed, Owner, Plan};
use crate::error::Result;

const EXAMPLES: &str = "\
Examples:
  pack status                           what is deployed, of which bytes, and what is not as pack.toml says
  pack status --format json | jq '.functions[] | {name, code}'

It only reads, and builds nothing: the code of a function is compared with the artifact in dist/, if there is
one. It ends with 1 where something is missing or differs.";

/// Show what is deployed: each function with the digest of its artifact, and what is not as it is to be.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Status {
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    #[command(flatten)]
    asking: Asking,
}

impl Status {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut deployment = Deployment::load(&self.asking.who)?;
        let account = deployment.connect(&self.asking)?;
        let desired = deployment.desired(&deployment.artifacts_there()?, account.place())?;
        let observed = account.read(&desired, &None)?;
        let mut plan = Plan::new(&desired, &observed, &None)?;
        // Of what is not known here, a digest would be another one.
        for change in &mut plan.changes {
            let is_digest = |name: &str| name == format!("tags.{DIGEST_TAG}") || name == "serves";
            if change.kind == Kind::Function || change.kind == Kind::Alias {
                change.fields.retain(|field| !is_digest(&field.name));
                if change.fields.is_empty() && change.action == Action::Update {
                    change.action = Action::Unchanged;
                }
            }
        }
        plan.changes.retain(|change| !matches!(change.kind, Kind::Object | Kind::Image));
        match self.format {
            Format::Text => print(&text(&desired, &observed, &plan))?,
            Format::Json => print(&format!("{:#}\n", json(&desired, &observed, &plan)?))?,
        }
        Ok(ExitCode::from(u8::from(!plan.is_empty())))
    }
}

/// One word for a resource.
fn state(change: &Change) -> &'static str {
    match change.action {
        Action::Create => "missing",
        Action::Update | Action::Replace => "differs",
        Action::Unchanged => "as it is to be",
        Action::Delete => "not in pack.toml",
    }
}

fn text(desired: &Desired, observed: &Observed, plan: &Plan) -> String {
    let place = &desired.place;
    let mut text = format!("{} in {} ({})\n", desired.project, place.region, place.account);
    for change in plan.changes.iter().filter(|change| change.kind == Kind::Function) {
        let code = observed.get(Kind::Function, &change.name).and_then(|found| found.state["code"].as_str());
        let code = code.map(|code| format!("  {}", &code[..code.len().min(12)])).unwrap_or_default();
        let _ = writeln!(text, "  {:<64} {}{code}", change.name, state(change));
    }
    text.push('\n');
    text.push_str(&plan.text());
    text
}

fn json(desired: &Desired, observed: &Observed, plan: &Plan) -> Result<Value> {
    let functions = plan.changes.iter().filter(|change| change.kind == Kind::Function).map(|change| {
        let found = observed.get(Kind::Function, &change.name).filter(|found| found.owner == Owner::Ours);
        let row = desired.functions.iter().find(|function| function.name == change.name).map(|function| &function.row);
        json!({
            "name": change.name,
            "state": change.action,
            "row": row,
            "code": found.map(|found| &found.state["code"]),
            "digest": found.and_then(|found| found.tags.get(DIGEST_TAG)),
        })
    });
    Ok(json!({
        "project": desired.project,
        "place": desired.place,
        "functions": functions.collect::<Vec<_>>(),
        "changes": to_json(&plan.changes)?,
    }))
}
