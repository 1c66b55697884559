//! `pack export`.

use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::account::region;
use super::deployment::Deployment;
use super::{nothing_here, print, to_json};
use crate::error::{Error, Result};
use crate::export::{self, Manifest};
use crate::lock;
use crate::project::{Project, Selection};
use crate::system::{AtomicFile, destination};

const EXAMPLES: &str = "\
Examples:
  pack zip && pack export terraform --output infra/main.tf.json
  terraform -chdir=infra init && terraform -chdir=infra apply
                                        uploads the ZIPs from where they were built
  terraform -chdir=infra apply -target=aws_ecr_repository.images
                                        first, where there are images; then pack image --push them

  pack export cloudformation --region eu-west-1 --output stack.json
  aws cloudformation deploy --template-file stack.json --stack-name jobs \\
      --capabilities CAPABILITY_NAMED_IAM --parameter-overrides WithFunctions=false
                                        the buckets and the repository, to upload to:
  pack export manifest | jq -r '.artifacts[] | select(.s3_key) | \"\\(.path) \\(.s3_key)\"' |
      while read -r path key; do aws s3 cp \"$path\" \"s3://BUCKET/$key\"; done
                                        then the same deploy with WithFunctions=true

  pack export manifest --output dist/artifacts.json

Nothing is built and nobody is asked: artifacts are taken as they lie in dist/, so build first (what
is unchanged takes no time). What Terraform or CloudFormation make of it is theirs: pack deploy,
status and destroy do not touch it, while pack send, invoke and cold know its names.";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A main.tf.json for Terraform or OpenTofu, with the AWS provider 5.77 or newer
    Terraform,
    /// A template for CloudFormation, in JSON
    Cloudformation,
    /// What was built, with digests and sizes, as JSON (docs/artifacts.md)
    Manifest,
}

/// Write what pack deploy would make, of artifacts that are built, for those who deploy with something else.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// What is written
    #[arg(value_enum)]
    format: Format,

    /// Write to a file, which appears whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The AWS Region [default: as pack.toml says]
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<String>,
}

impl Export {
    pub(super) fn run(self) -> Result<ExitCode> {
        let deployment = self.deployment()?;
        deployment.refuse_findings()?;
        let artifacts = export::artifacts(&deployment.builds)?;
        if self.format == Format::Manifest {
            let Deployment { project, builds, lock } = deployment;
            let manifest = to_json(&Manifest::of(&project, builds, &lock, &artifacts)?)?;
            self.write(|_| Ok(format!("{manifest:#}\n")))?;
            return Ok(ExitCode::SUCCESS);
        }
        let Some(region) = &deployment.project.region else {
            return Err(Error::usage(
                "nobody says for which AWS Region",
                "add --region eu-west-1, or region in [project] of pack.toml",
            ));
        };
        let desired = deployment.desired(&artifacts, &export::place(region))?;
        self.write(|folder| match self.format {
            Format::Terraform => export::configuration(&desired, &|path| from(folder, path)),
            Format::Cloudformation | Format::Manifest => export::template(&desired),
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn deployment(&self) -> Result<Deployment> {
        let mut project = Project::load(Path::new(""))?;
        if let Some(region) = &self.region {
            project.region = Some(region.clone());
        }
        if project.functions.is_empty() {
            return Err(nothing_here(
                "there is no project with functions here",
                "run it where pack.toml is; pack init writes one to begin with",
            ));
        }
        let builds = project.builds(&Selection::default())?;
        Ok(Deployment { project, builds, lock: lock::load(Path::new(lock::FILE))? })
    }

    /// Writes what is made for a folder, that of the file: seen from here, or the whole path where it lies elsewhere.
    fn write(&self, make: impl FnOnce(&Path) -> Result<String>) -> Result<()> {
        let Some(output) = &self.output else { return print(&make(Path::new(""))?) };
        let mut file = AtomicFile::create(&destination(output)?)?;
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(Error::io("find", folder))?;
        file.write_all(make(&folder)?.as_bytes()).map_err(Error::io("write", output))?;
        file.persist()
    }
}

/// A path as it is seen from a folder; the empty folder is this one.
fn from(folder: &Path, path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let whole = here.join(path);
    let folder = here.join(folder);
    let same = folder.components().zip(whole.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(same).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(whole.components().skip(same)).collect();
    way.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_the_folder_of_the_file() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(from(Path::new(""), Path::new("dist/a.zip")), "dist/a.zip");
        assert_eq!(from(&here.join("infra/aws"), Path::new("dist/a.zip")), "../../dist/a.zip");
        assert_eq!(from(&here.join("dist"), Path::new("dist/a.zip")), "a.zip");
    }
}
