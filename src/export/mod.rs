//! What other tools deploy from: Terraform's JSON, a template of CloudFormation, and the manifest of artifacts.
//!
//! What must stay true: all of it is made of the desired state that `pack deploy` goes by, and of artifacts that are there. Nobody is
//! asked, so the account is not known: [`place`] has a stand-in for it, which each format writes in its own words. What is exported is the
//! other tool's: it has neither the tags nor the descriptions by which `pack deploy` and `pack destroy` know what is theirs.

mod built;
mod cloudformation;
mod manifest;
mod terraform;

pub use built::artifacts;
pub use cloudformation::template;
pub use manifest::{Manifest, VERSION};
pub use terraform::configuration;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;

use crate::deploy::{Desired, Place, dashboard_marker};
use crate::error::{Error, Result};

/// Stands for the account's twelve digits. It is as long as they are, as names are shortened by their length; nothing that a project
/// says has it, and JSON writes it as it is.
const ACCOUNT: &str = "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}";

/// A Region of an account that nobody knows yet.
pub fn place(region: &str) -> Place {
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    Place { partition: partition.into(), account: ACCOUNT.into(), region: region.into(), has_tls: true }
}

/// How exported functions and layers describe themselves.
fn description(project: &str) -> String {
    format!("{project}, exported by pack")
}

/// The dashboard's body as text, without the line by which `pack destroy` knows a dashboard of its own.
fn dashboard(desired: &Desired) -> String {
    let marker = dashboard_marker(&desired.project);
    let mut body = desired.dashboard.body.clone();
    for widget in body["widgets"].as_array_mut().into_iter().flatten() {
        if let Some(Value::String(text)) = widget.pointer_mut("/properties/markdown") {
            let ours = text.replace("Deployed by pack", "Exported by pack").replace(&marker, "");
            ours.trim_end().clone_into(text);
        }
    }
    body.to_string()
}

/// SHA-256 as Lambda reports it (`CodeSha256`): in base64.
fn base64(hex: &str) -> String {
    HEXLOWER.decode(hex.as_bytes()).map(|bytes| BASE64.encode(&bytes)).unwrap_or_default()
}

/// Text as JSON for a person, with an end of line.
fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The error that something is exported before it is built, with the commands that build it.
fn refuse_unbuilt(desired: &Desired) -> Result<()> {
    let missing: Vec<String> = desired.not_built().iter().map(|path| path.display().to_string()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let is_image = |function: &&crate::deploy::Function| matches!(function.code, crate::deploy::Code::Image { .. });
    let unbuilt = || desired.functions.iter().filter(|function| function.code.artifact().is_none());
    Err(not_built(
        &missing,
        desired.layers.iter().any(|layer| layer.artifact.is_none()),
        unbuilt().any(|function| !is_image(&function)),
        unbuilt().any(|function| is_image(&function)),
    ))
}

fn not_built(missing: &[String], layers: bool, zips: bool, images: bool) -> Error {
    // A function's ZIP is built with its layers.
    let commands = [(layers && !zips, "pack layer"), (zips, "pack zip"), (images, "pack image")];
    let commands: Vec<&str> = commands.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, name)| name).collect();
    let verb = if commands.len() == 1 { "builds" } else { "build" };
    Error::usage(
        format!("not built yet, and so not exported: {}", missing.join(", ")),
        format!("{} {verb} what is missing", commands.join(" && ")),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::deploy::{Artifact, Artifacts};
    use crate::lock::Lock;
    use crate::project::{Project, Selection};

    /// A project of one function, with a layer and an image, as if all were built.
    fn desired() -> Desired {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("functions/job/app.py", "def handler(event, context): pass\n");
        write("layers/tools.txt", "tool\n");
        write(
            "pack.toml",
            "[project]\nname = \"reports\"\nregion = \"eu-west-1\"\n[functions.job]\nhandler = \"app.handler\"\n\
             [functions.job.environment]\nTEMPLATE = \"${a} %{b}\"\n[packaging.layers]\nmethod = \"layers\"\nlayers = [\"tools\"]\n\
             [packaging.image]\nmethod = \"image\"\n",
        );
        let project = Project::load(folder.path()).unwrap();
        let builds = project.builds(&Selection::default()).unwrap();
        let outputs = builds.functions.iter().map(|build| &build.output);
        let outputs = outputs.chain(builds.layers.iter().map(|build| &build.output));
        let artifacts: Artifacts = outputs
            .zip(["a", "b", "c"])
            .map(|(output, digit)| {
                let artifact = Artifact {
                    path: output.clone(),
                    sha256: digit.repeat(64),
                    packed: 1,
                    unpacked: 2,
                    handler: Some("app.handler".into()),
                };
                (output.clone(), artifact)
            })
            .collect();
        Desired::of(&project, builds, &Lock::default(), &artifacts, &place("eu-west-1")).unwrap()
    }

    #[test]
    fn both_exports_of_a_small_project() {
        let source = |path: &Path| format!("../{}", path.display());
        let exports = (configuration(&desired(), &source).unwrap(), template(&desired()).unwrap());
        // Else `pack destroy` would take it for its own.
        assert!(!exports.0.contains(crate::deploy::PROJECT_TAG) && !exports.1.contains(crate::deploy::PROJECT_TAG));
        insta::assert_snapshot!("terraform", exports.0);
        insta::assert_snapshot!("cloudformation", exports.1);
    }

    #[test]
    fn what_lambda_reports_is_base64() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(base64(empty), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn the_stand_in_is_as_long_as_an_account_and_json_keeps_it() {
        assert_eq!(ACCOUNT.len(), 12);
        assert!(serde_json::json!(ACCOUNT).to_string().contains(ACCOUNT));
        assert_eq!(place("cn-north-1").partition, "aws-cn");
        assert_eq!(place("us-gov-west-1").partition, "aws-us-gov");
        assert_eq!(place("us-east-1").partition, "aws");
    }
}
