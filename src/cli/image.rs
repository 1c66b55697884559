//! `pack image`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::account::Profile;
use super::options::{Chosen, Options, Otherwise, Runtime, SetName, output};
use super::{nothing_here, variable};
use crate::build::{BuildPlan, Product};
use crate::error::{Error, Result};
use crate::image::{self, Pin, Seen};
use crate::lambda::{Architecture, Target};
use crate::lock::{self, SetId};
use crate::project::{Build, Method, Project, Selection};
use crate::registry::Reference;
use crate::size::SizeReport;
use crate::slim::SdkPolicy;
use crate::system;

const EXAMPLES: &str = "\
Examples:
  pack image workload                       the image of functions/workload, as an OCI layout in dist/
  pack image                                every image of the matrix in pack.toml
  pack image workload --base ./base         above an OCI layout that is at hand
  pack image workload --base python:3.13-slim
                                            above any image with that Python: awslambdaric comes along
  pack image workload --push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs:1.4
  pack image workload --load                into the local docker or podman
  pack image workload --output job.tar      one file; docker load -i job.tar takes it
  pack image workload --arch arm64          for arm64, on any machine; --platform linux/arm64 says the same
  pack image workload --verify              is what is in dist/ what is built now? With --push: what is pushed

Nothing of Docker is needed. The image has the files that pack zip would ship, in layers: large
distributions alone, small ones together, the function's own on top, so that a changed handler
changes a few kilobytes. The same input gives the same digest. What Lambda would refuse is not
written, loaded or pushed (--no-check does it all the same); of a base in a registry no layer is
fetched to know that. A base that is not AWS's is read once for each digest: what it has in the
version that the function takes is not added again.";

/// Build the container image of functions.
#[derive(Args, Default)]
#[command(after_help = EXAMPLES)]
pub(super) struct Image {
    /// A name under functions/ or in pack.toml, or the path of a folder or .py file; all functions if none is given
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    #[command(flatten)]
    runtime: Runtime,

    /// The architecture in Docker's words: linux/amd64 or linux/arm64 [default: as for --arch]
    #[arg(long, value_name = "PLATFORM", value_parser = platform, conflicts_with = "arch")]
    platform: Option<Architecture>,

    /// Only this packaging of pack.toml [default: every one with the method image]
    #[arg(long, value_name = "NAME")]
    packaging: Option<String>,

    /// What the function requires, in any form that pack zip takes; may be repeated [default: as for pack zip]
    #[arg(short, long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,

    #[command(flatten)]
    chosen: Chosen,

    /// The image below: a reference in a registry, or an OCI layout (a folder, or a tar of it); {python} stands for the
    /// Python version [default: as pack.toml says, else public.ecr.aws/lambda/python:{python}]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,

    /// The program that starts the handler, with its arguments; the AWS SDK is then in the image unless --no-bundle-sdk leaves
    /// it out [default: as pack.toml says, else the base's; where the base has none that asks Lambda for events, its Python
    /// with awslambdaric, which is added where the base lacks it]
    #[arg(long, value_name = "WORDS")]
    entrypoint: Option<String>,

    /// A label of the image, beside the base's and those of pack.toml; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = variable)]
    labels: Vec<(String, String)>,

    /// What an engine calls the image that it loads, with the same words in braces as --push [default: <FUNCTION>:python<VERSION>-<ARCH>]
    #[arg(long, value_name = "NAME[:TAG]")]
    tag: Option<String>,

    /// Push the image to a registry, with the credentials of docker login or podman login (for ECR else with AWS's own, in a
    /// pack with the cargo feature aws); {function}, {python} and {arch} stand for what they say. What is there already is
    /// not sent again
    #[arg(long, value_name = "REFERENCE")]
    push: Option<String>,

    /// Load the image into docker on this machine, or into podman where docker is not there or not running
    #[arg(long)]
    load: bool,

    /// Write and push nothing: build it, and compare its digest with what is there, in the output or with --push under that
    /// name. Another digest is an error. What pack.lock says has to hold
    #[arg(long, conflicts_with = "load")]
    verify: bool,

    /// Registries on other machines may speak plain HTTP
    #[arg(long)]
    insecure: bool,

    /// Where to write the image: the folder of an OCI layout, or a file that ends in .tar; a folder for several [default:
    /// dist/<FUNCTION>-image-python<VERSION>-<ARCH>, with the packaging's name for image; with --push or --load nowhere]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// The handler, MODULE.FUNCTION, which has to be in the image
    #[arg(long, value_name = "HANDLER")]
    handler: Option<String>,

    #[command(flatten)]
    profile: Profile,

    #[command(flatten)]
    options: Options,
}

impl Image {
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Path::new("");
        let mut project = Project::load(root)?;
        let implied = project.image_packaging();
        let builds = self.builds(&mut project, root, implied.as_deref())?;
        let several = builds.len() > 1;
        let images = builds.into_iter().map(|build| Ok((self.image(&build, implied.is_some())?, build)));
        let images = images.collect::<Result<Vec<_>>>()?;
        refuse_one_name(images.iter().map(|(image, _)| image))?;
        let is_implied = implied.is_some();
        self.options.build_after(&[], |_, failed| self.plans(images, is_implied, several, failed))
    }

    /// The images of some functions of a project, as layouts, for a command that goes on with them.
    pub(super) fn reports(
        project: &mut Project,
        functions: Vec<String>,
        options: Options,
        profile: Profile,
    ) -> Result<Vec<(PathBuf, SizeReport)>> {
        let image = Self { functions, profile, options, ..Self::default() };
        let builds = image.builds(project, Path::new(""), None)?;
        let several = builds.len() > 1;
        let images = builds.into_iter().map(|build| Ok((image.image(&build, false)?, build)));
        let images = images.collect::<Result<Vec<_>>>()?;
        image.options.reports_after(&[], |_, failed| image.plans(images, false, several, failed))
    }

    fn plans(
        &self,
        images: Vec<(image::Plan, Build)>,
        is_implied: bool,
        several: bool,
        failed: &mut BTreeSet<PathBuf>,
    ) -> Result<Vec<BuildPlan>> {
        let mut plans = Vec::new();
        for (image, build) in images {
            let output = build.output.clone();
            match self.plan(build, image, is_implied, several) {
                Ok(plan) => plans.push(plan),
                // The others have other bases.
                Err(error @ (Error::Base { .. } | Error::Registry(_))) if several => {
                    self.options.fail(&output, &error);
                    failed.insert(output);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(plans)
    }

    /// The builds that the command line and the project file mean: those of the method image. Where the project has no
    /// packaging of that method, a function that is named becomes one all the same.
    fn builds(&self, project: &mut Project, root: &Path, implied: Option<&str>) -> Result<Vec<Build>> {
        let functions =
            self.functions.iter().map(|name| project.function(root, name)).collect::<Result<Vec<String>>>()?;
        if project.functions.is_empty() {
            return Err(nothing_here(
                "there is no functions/ folder with functions here",
                "name the folder or .py file of your function: pack image PATH; or begin a project: pack init",
            ));
        }
        let selection = Selection {
            functions,
            packaging: self.packaging.clone().or(implied.map(str::to_owned)),
            python: self.runtime.python,
            architecture: self.runtime.arch.or(self.platform),
        };
        let mut builds = project.builds(&selection)?.functions;
        builds.retain(|build| build.method == Method::Image);
        if builds.is_empty() {
            return Err(Error::usage(
                "nothing here is packaged as an image",
                "--packaging names one with method = \"image\"; pack plan shows all",
            ));
        }
        Ok(builds)
    }

    /// What the project's lock says of the base.
    fn pin(&self, build: &Build, name: &str) -> Result<Pin> {
        let file = Path::new(lock::FILE);
        if self.base.is_some() || build.is_argument || !Path::new("pack.toml").is_file() {
            return Ok(Pin::None);
        }
        let Some(id) = image::base_id(build.base.as_deref(), build.target)? else { return Ok(Pin::None) };
        match lock::load(file)?.base(&id) {
            Some(digest) => Ok(Pin::Locked(digest)),
            None if self.options.is_locked() || self.verify => Err(Error::Lock {
                message: format!("{} has no digest of the base {}, which {name} is built on", lock::FILE, id.0),
                hint: "pack lock brings it up to date; commit the result".into(),
            }),
            None => Ok(Pin::Record(file.to_owned(), id)),
        }
    }

    /// Where an image goes. A folder that is there is meant to hold it, unless it is an image itself.
    fn place(&self, otherwise: &Path, several: bool) -> Result<PathBuf> {
        let given = self.output.as_deref();
        let is_image = given.is_some_and(|path| path.join("oci-layout").is_file());
        let place = match given {
            Some(path) if is_image && !several => path.to_owned(),
            _ => output(given, otherwise, several),
        };
        if image::is_tar(&place) { system::destination(&place) } else { Ok(place) }
    }

    fn plan(&self, build: Build, mut image: image::Plan, is_implied: bool, several: bool) -> Result<BuildPlan> {
        let (function, target) = (build.function(), build.target);
        let mut requirements =
            self.chosen.requirements(&self.requirements, &function.requirements, &function.choice, target)?;
        self.look(&mut image, target)?;
        if image.seen.provided.lacks_client {
            requirements = lock::with_added(requirements, image::CLIENT)?;
        }
        let output = self.place(&build.output, several)?;
        if !build.layers_left_out.is_empty() {
            self.options.warn(&format!(
                "an image has no layers: {} of {} are left out; what the function needs of them belongs into its requirements",
                build.layers_left_out.join(", "),
                build.function
            ));
        }
        let mut otherwise = Otherwise::from(build.settings);
        // Only AWS's own images have the SDK.
        if otherwise.sdk == SdkPolicy::Auto && (image.entrypoint.is_some() || !image.seen.provided.is_of_aws) {
            otherwise.sdk = SdkPolicy::Bundle;
        }
        otherwise.handler = self.handler.clone().or(otherwise.handler);
        let is_locked = !build.is_argument && self.chosen.are_the_projects(&self.requirements);
        let set = is_locked.then(|| SetName { name: function.name.clone(), packaging: None });
        // What the base lacks is in a set of the packaging's own. Another base than the project's may lack it alone.
        let (set, near) = match set {
            Some(set) if !requirements.added.is_empty() => {
                let own = SetId { name: set.name.clone(), packaging: Some(build.packaging), target };
                let lock = lock::load(Path::new(lock::FILE))?;
                let is_projects = !is_implied && self.base.is_none() && self.entrypoint.is_none();
                let near = lock.set(&own).or(lock.set(&SetId { packaging: None, ..own.clone() })).cloned();
                let has_it = lock.set(&own).is_some_and(|set| set.added == requirements.added);
                let set = (is_projects || has_it).then_some(SetName { packaging: own.packaging, ..set });
                (set, near)
            }
            set => (set, None),
        };
        let build = self.options.plan(Product::Function(function), target, requirements, &output, otherwise)?;
        let mut build = BuildPlan { near, ..self.options.with_lock(build, set)? };
        if let Some(entry) = build.lock.as_mut().filter(|_| self.verify) {
            entry.frozen = true;
        }
        Ok(BuildPlan { image: Some(image), ..build })
    }

    /// Looks into the base.
    fn look(&self, image: &mut image::Plan, target: Target) -> Result<()> {
        let (client, cache) = (image.client()?, self.options.cache()?);
        image.seen = image::look(&image.question(target), &client, &cache, &self.options.progress())?;
        Ok(())
    }

    /// What makes an image of a build.
    fn image(&self, build: &Build, is_implied: bool) -> Result<image::Plan> {
        let base = image::base_name(self.base.as_deref().or(build.base.as_deref()), build.target);
        let (python, architecture) = (build.target.python.to_string(), build.target.architecture.to_string());
        let named = |text: &str| {
            text.replace("{function}", &build.function).replace("{python}", &python).replace("{arch}", &architecture)
        };
        let push = self.push.as_deref().map(|reference| pushed(&named(reference)));
        let words = |text: &String| text.split_whitespace().map(str::to_owned).collect();
        // Engines take no capital letters.
        let own_tag = || format!("{}:{}", build.function, build.target).to_lowercase();
        let tag = self.tag.as_deref().map_or_else(own_tag, named);
        if let Err(reason) = tag.parse::<Reference>() {
            return Err(Error::usage(format!("--tag {tag}: {reason}"), "example: --tag team/job:1.4"));
        }
        let plan = image::Plan {
            // What pack.toml does not have is no matter of the lock either.
            pin: if is_implied { Pin::None } else { self.pin(build, &build.function)? },
            base,
            seen: Seen::default(),
            entrypoint: self.entrypoint.as_ref().map(words).or_else(|| build.entrypoint.clone()),
            labels: build.labels.clone().into_iter().chain(self.labels.iter().cloned()).collect(),
            tag,
            push: push.transpose()?,
            load: self.load,
            write: self.output.is_some() || !(self.load || self.push.is_some()),
            verify: self.verify,
            insecure: self.insecure,
            profile: self.profile.name.clone(),
            offline: self.options.is_offline(),
        };
        if plan.offline {
            plan.refuse_network(build.target, &self.options.cache()?)?;
        }
        Ok(plan)
    }
}

/// What Docker calls an architecture; `v8` is the only arm64 that there is.
fn platform(text: &str) -> Result<Architecture, String> {
    match text {
        "linux/amd64" => Ok(Architecture::X86_64),
        "linux/arm64" | "linux/arm64/v8" => Ok(Architecture::Arm64),
        _ => Err("Lambda runs linux/amd64 and linux/arm64".into()),
    }
}

/// Where an image is pushed. Lambda takes images of ECR alone, so that a name without a registry is a slip.
fn pushed(name: &str) -> Result<Reference> {
    let wrong = |reason: String| {
        Error::usage(format!("--push {name}: {reason}"), "example: --push registry.example.com/team/job:1.4")
    };
    if name.contains(['{', '}']) {
        return Err(wrong("{function}, {python} and {arch} are the words in braces that stand for something".into()));
    }
    let reference: Reference = name.parse().map_err(wrong)?;
    if reference.digest().is_some() {
        return Err(wrong("the digest is that of what is built: name a tag".into()));
    }
    if reference.registry() == "docker.io" && !name.starts_with("docker.io/") {
        return Err(wrong("it names no registry; for Docker Hub write docker.io/ before it".into()));
    }
    Ok(reference)
}

/// Of two images with one name, one would take it from the other.
fn refuse_one_name<'p>(plans: impl Iterator<Item = &'p image::Plan>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for plan in plans {
        let pushed = plan.push.iter().map(ToString::to_string);
        let name = pushed.chain(plan.load.then(|| plan.tag.clone())).find(|name| !seen.insert(name.clone()));
        if let Some(name) = name {
            return Err(Error::usage(
                format!("two images would be called {name}"),
                "put {function}, {python} or {arch} into the name, or build them one by one",
            ));
        }
    }
    Ok(())
}
