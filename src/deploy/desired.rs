//! The desired state: what a project is to have in an account and Region, computed from the project alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::names::{self, Names};
use super::state::{
    AliasState, BucketState, DashboardState, DeadLetters, FunctionState, Kind, LayerState, LogGroupState, MappingState,
    QueueState, RepositoryState, Resource, RoleState,
};
use super::{DIGEST_TAG, PROJECT_TAG, Place, dashboard, policies};
use crate::error::{Error, Result};
use crate::lambda::{self, Target};
use crate::lock::Lock;
use crate::project::{Build, Builds, Method, Project, UsedLayer};
use crate::published;

/// What Lambda takes where a project says nothing.
const MEMORY: u32 = 128;
const TIMEOUT: u32 = 3;
const STORAGE: u32 = 512;

/// What holds where `[deploy]` says nothing.
const LOG_RETENTION: u32 = 30;
const BATCH_SIZE: u32 = 10;
const SNAP_START_ALIAS: &str = "live";

/// A message is visible again after so many times the function's timeout, as AWS asks for.
const VISIBILITY: u32 = 6;
const MOST_VISIBILITY: u32 = 43_200;

/// Seconds that messages are kept: four days, and fourteen where somebody has to look at them.
const KEPT: u32 = 345_600;
const KEPT_DEAD: u32 = 1_209_600;

/// So many times a message fails before it goes to the others that failed.
const RECEIVES: u32 = 5;

/// An artifact as it was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// The ZIP, or the folder of an image.
    pub path: PathBuf,
    /// SHA-256 of the ZIP, or of the image's manifest, in hexadecimal.
    pub sha256: String,
    /// Bytes of the ZIP; of an image those above its base.
    pub packed: u64,
    /// Bytes that it unpacks to.
    pub unpacked: u64,
    /// The handler, if it was given or found.
    pub handler: Option<String>,
}

/// Artifacts by the path that the project gives them ([`Build::output`]).
pub type Artifacts = BTreeMap<PathBuf, Artifact>;

/// Everything that a project is to have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Desired {
    /// The project's name.
    pub project: String,
    /// Where.
    pub place: Place,
    /// What the things are called of which there is one.
    pub names: Names,
    /// The bucket of the ZIPs.
    pub artifacts: BucketState,
    /// The bucket that the functions write to.
    pub data: BucketState,
    /// The queue.
    pub queue: QueueState,
    /// The queue of what failed too often.
    pub dead_letters: QueueState,
    /// The role of the functions.
    pub role: Role,
    /// Where images are, if there are any.
    pub repository: Option<Repository>,
    /// Layers of the project's own, by name.
    pub layers: Vec<Layer>,
    /// Functions, in the order of the matrix.
    pub functions: Vec<Function>,
    /// The dashboard.
    pub dashboard: DashboardState,
}

/// The role of the functions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One that is made, and called as the names say.
    Own(RoleState),
    /// One that is there, by its ARN.
    Given(String),
}

/// Where images are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repository {
    /// One in ECR, which is made.
    Own(RepositoryState),
    /// One in somebody else's registry, which is only pushed to.
    Given,
}

/// A layer for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Its name on Lambda.
    pub name: String,
    /// What the project calls it.
    pub layer: String,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// Where its ZIP is built.
    pub output: PathBuf,
    /// The ZIP, once it is built.
    pub artifact: Option<Artifact>,
    /// What its versions describe themselves as, so that they are known again.
    pub description: String,
}

/// A layer of a function, in Lambda's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerRef {
    /// One of [`Desired::layers`], by its name on Lambda.
    Own(String),
    /// The version of somebody else's, by its ARN.
    Published(String),
}

/// The row of the matrix that a function is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The function in the project.
    pub function: String,
    /// The packaging.
    pub packaging: String,
    /// How.
    pub method: Method,
    /// What for.
    #[serde(flatten)]
    pub target: Target,
    /// MB.
    pub memory: u32,
}

/// The code of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A ZIP.
    Zip {
        /// Where it is built.
        output: PathBuf,
        /// The ZIP, once it is built.
        artifact: Option<Artifact>,
    },
    /// An image.
    Image {
        /// Where its layout is built.
        output: PathBuf,
        /// The layout, once it is built.
        artifact: Option<Artifact>,
        /// `HOST/REPOSITORY`
        repository: String,
        /// What it is called there, beside its digest.
        tag: String,
    },
}

/// A function with what belongs to it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Its name on Lambda.
    pub name: String,
    /// Its row of the matrix.
    pub row: Row,
    /// Its code.
    pub code: Code,
    /// Its layers.
    pub layers: Vec<LayerRef>,
    /// Its configuration; its layers are those of [`Function::layers`], of which nobody knows the version yet.
    pub state: FunctionState,
    /// Its own tags, beside those of `pack`.
    pub tags: BTreeMap<String, String>,
    /// Its log group, `/aws/lambda/NAME`.
    pub log_group: LogGroupState,
    /// The alias of its newest version, if versions are published.
    pub alias: Option<String>,
    /// From the queue to it.
    pub mapping: MappingState,
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, packaging, target, memory, .. } = self;
        write!(formatter, "{function} as {packaging} for {target} with {memory} MB")
    }
}

impl Code {
    /// Where it is built.
    pub fn output(&self) -> &PathBuf {
        match self {
            Self::Zip { output, .. } | Self::Image { output, .. } => output,
        }
    }

    /// What was built.
    pub fn artifact(&self) -> Option<&Artifact> {
        match self {
            Self::Zip { artifact, .. } | Self::Image { artifact, .. } => artifact.as_ref(),
        }
    }
}

/// The key of a ZIP in the bucket of artifacts.
pub fn object_key(sha256: &str) -> String {
    format!("sha256/{sha256}.zip")
}

/// SHA-256 of something as JSON, in hexadecimal.
pub(super) fn digest(value: &impl Serialize) -> String {
    // A value in memory with names for keys cannot fail to be JSON.
    let json = serde_json::to_vec(value).unwrap_or_default();
    data_encoding::HEXLOWER.encode(&Sha256::digest(json))
}

impl Function {
    /// `/aws/lambda/NAME`
    pub fn log_group_name(&self) -> String {
        format!("/aws/lambda/{}", self.name)
    }

    /// What invoking it means: its ARN, or that of its alias.
    pub fn invoked(&self) -> &str {
        &self.mapping.invokes
    }
}

impl Desired {
    /// What a project is to have in a place. `builds` is its whole matrix; what is not among the artifacts is not built yet, and its
    /// digest not known.
    pub fn of(
        project: &Project,
        mut builds: Builds,
        lock: &Lock,
        artifacts: &Artifacts,
        place: &Place,
    ) -> Result<Self> {
        published::fill(&mut builds.functions, project, lock);
        let (names, deploy) = (Names::of(project, place), &project.manifest.deploy);
        let tracing = deploy.tracing.as_ref().is_none_or(|tracing| tracing.value);
        let rows = rows(project, &builds);
        names::refuse(&rows.iter().map(|(name, row, _)| (name.clone(), row.clone())).collect::<Vec<_>>())?;
        let role_arn = match &deploy.role {
            Some(arn) => arn.value.clone(),
            None => place.iam(&format!("role/{}", names.role)),
        };
        let queue_arn = place.arn("sqs", &names.queue);
        let maker = Maker { project, artifacts, place, names: &names, role: &role_arn, tracing };
        let functions =
            rows.into_iter().map(|(name, row, build)| maker.function(name, row, build)).collect::<Result<Vec<_>>>()?;
        let names_of: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
        let role = match &deploy.role {
            Some(arn) => Role::Given(arn.value.clone()),
            None => Role::Own(RoleState {
                trust: policies::trust(),
                policy: policies::role(place, &names_of, &names.data, &queue_arn, tracing),
            }),
        };
        let has_images = functions.iter().any(|function| matches!(function.code, Code::Image { .. }));
        let repository = has_images.then(|| match lambda::host_of(&names.repository) {
            Some(_) => Repository::Given,
            None => Repository::Own(RepositoryState {
                policy: policies::repository(place),
                lifecycle: policies::lifecycle(),
            }),
        });
        let slowest = functions.iter().map(|function| function.state.timeout).max().unwrap_or(TIMEOUT);
        let bucket = |name: &str| BucketState {
            encryption: "AES256".into(),
            versioning: true,
            blocks_public_access: true,
            policy: if place.has_tls { policies::tls_only(place, name) } else { Value::Null },
        };
        Ok(Self {
            project: project.name.clone(),
            place: place.clone(),
            artifacts: bucket(&names.artifacts),
            data: bucket(&names.data),
            queue: QueueState {
                visibility_timeout: (slowest * VISIBILITY).min(MOST_VISIBILITY),
                retention: KEPT,
                encrypted: true,
                dead_letters: Some(DeadLetters { queue: place.arn("sqs", &names.dead_letters), after: RECEIVES }),
            },
            dead_letters: QueueState {
                visibility_timeout: 30,
                retention: KEPT_DEAD,
                encrypted: true,
                dead_letters: None,
            },
            role,
            repository,
            layers: maker.layers(&builds),
            dashboard: DashboardState { body: dashboard::body(&project.name, place, &names, &functions) },
            functions,
            names,
        })
    }

    /// Where artifacts are to be that are not built; empty if all are.
    pub fn not_built(&self) -> BTreeSet<PathBuf> {
        let functions = self.functions.iter().filter(|function| function.code.artifact().is_none());
        let layers = self.layers.iter().filter(|layer| layer.artifact.is_none());
        functions
            .map(|function| function.code.output().clone())
            .chain(layers.map(|layer| layer.output.clone()))
            .collect()
    }

    /// `HOST/REPOSITORY` of the images.
    pub fn image_repository(&self) -> String {
        image_repository(&self.names, &self.place)
    }

    /// The digest of a function's desired state, with its layers by what is in them.
    pub fn function_digest(&self, function: &Function) -> String {
        digest(&(&function.state, self.layers_of(function), &function.tags))
    }

    /// The digest of what a published version is made of: Lambda publishes none where nothing else changed.
    pub fn version_digest(&self, function: &Function) -> String {
        digest(&(FunctionState { retries: 0, ..function.state.clone() }, self.layers_of(function)))
    }

    fn layers_of(&self, function: &Function) -> Vec<String> {
        let layers: Vec<String> = function
            .layers
            .iter()
            .map(|layer| match layer {
                LayerRef::Published(arn) => arn.clone(),
                LayerRef::Own(name) => {
                    let layer = self.layers.iter().find(|layer| layer.name == *name);
                    let artifact = layer.and_then(|layer| layer.artifact.as_ref());
                    format!("{name}@{}", artifact.map(|artifact| artifact.sha256.as_str()).unwrap_or_default())
                }
            })
            .collect();
        layers
    }

    /// Every resource that it has and that is found by its name, in the order in which they are made. The versions of layers are
    /// `versions`, by the layers' names; without one, `NAME:new` stands for the version that is going to be.
    pub fn resources(&self, versions: &BTreeMap<String, String>) -> Vec<Resource> {
        let mut all = vec![
            self.resource(Kind::Bucket, &self.names.artifacts, &self.artifacts),
            self.resource(Kind::Bucket, &self.names.data, &self.data),
            self.resource(Kind::Queue, &self.names.dead_letters, &self.dead_letters),
            self.resource(Kind::Queue, &self.names.queue, &self.queue),
        ];
        if let Role::Own(state) = &self.role {
            all.push(self.resource(Kind::Role, &self.names.role, state));
        }
        for function in &self.functions {
            all.push(self.resource(Kind::LogGroup, &function.log_group_name(), &function.log_group));
        }
        if let Some(Repository::Own(state)) = &self.repository {
            all.push(self.resource(Kind::Repository, &self.names.repository, state));
        }
        all.extend(self.layers.iter().map(|layer| without_tags(Kind::Layer, &layer.name, &layer.state())));
        for function in &self.functions {
            let digest = self.function_digest(function);
            let mut tags = function.tags.clone();
            tags.extend(self.tags(digest));
            let state = FunctionState { layers: self.layer_arns(function, versions), ..function.state.clone() };
            all.push(Resource { tags, ..without_tags(Kind::Function, &function.name, &state) });
        }
        for function in &self.functions {
            if let Some(alias) = &function.alias {
                let known = self.is_known(function).then(|| self.version_digest(function));
                all.push(without_tags(
                    Kind::Alias,
                    &format!("{}:{alias}", function.name),
                    &AliasState { serves: known },
                ));
            }
        }
        // Both its ends have tags: there is nothing else that could say whose it is.
        let mapping = |function: &Function| without_tags(Kind::Mapping, &function.name, &function.mapping);
        all.extend(self.functions.iter().map(mapping));
        all.push(without_tags(Kind::Dashboard, &self.names.dashboard, &self.dashboard));
        all
    }

    /// Whether everything that its digest is of is built.
    pub fn is_known(&self, function: &Function) -> bool {
        let is_built = |name: &String| self.layers.iter().any(|layer| layer.name == *name && layer.artifact.is_some());
        let layers = function.layers.iter().all(|layer| match layer {
            LayerRef::Own(name) => is_built(name),
            LayerRef::Published(_) => true,
        });
        layers && function.code.artifact().is_some()
    }

    /// The layers of a function by their ARNs.
    pub fn layer_arns(&self, function: &Function, versions: &BTreeMap<String, String>) -> Vec<String> {
        let arn = |layer: &LayerRef| match layer {
            LayerRef::Published(arn) => arn.clone(),
            LayerRef::Own(name) => match versions.get(name) {
                Some(arn) => arn.clone(),
                None => self.place.arn("lambda", &format!("layer:{name}:new")),
            },
        };
        function.layers.iter().map(arn).collect()
    }

    fn resource(&self, kind: Kind, name: &str, state: &impl Serialize) -> Resource {
        Resource { tags: self.tags(digest(state)), ..without_tags(kind, name, state) }
    }

    fn tags(&self, digest: String) -> BTreeMap<String, String> {
        BTreeMap::from([(PROJECT_TAG.to_owned(), self.project.clone()), (DIGEST_TAG.to_owned(), digest)])
    }
}

impl Layer {
    /// The state of the version that is to be.
    pub fn state(&self) -> LayerState {
        LayerState {
            sha256: self.artifact.as_ref().map(|artifact| artifact.sha256.clone()),
            runtimes: vec![runtime(self.target)],
            architectures: vec![self.target.architecture.to_string()],
        }
    }

    /// How the versions of a project's layers describe themselves: what else says whose they are, since they take no tags?
    pub fn marker(project: &str) -> String {
        format!("{PROJECT_TAG}={project}")
    }
}

fn without_tags(kind: Kind, name: &str, state: &impl Serialize) -> Resource {
    let state = serde_json::to_value(state).unwrap_or(Value::Null);
    Resource { kind, name: name.to_owned(), state, tags: BTreeMap::new() }
}

fn runtime(target: Target) -> String {
    format!("python{}", target.python)
}

fn image_repository(names: &Names, place: &Place) -> String {
    match lambda::host_of(&names.repository) {
        Some(_) => names.repository.clone(),
        None => format!("{}/{}", place.registry(), names.repository),
    }
}

/// Each function with its name, one for each memory size of a build.
fn rows<'a>(project: &Project, builds: &'a Builds) -> Vec<(String, Row, &'a Build)> {
    let template = names::template(project);
    let mut rows = Vec::new();
    for build in &builds.functions {
        let sizes = if build.memory.is_empty() { vec![MEMORY] } else { build.memory.clone() };
        for memory in sizes {
            let row = Row {
                function: build.function.clone(),
                packaging: build.packaging.clone(),
                method: build.method,
                target: build.target,
                memory,
            };
            rows.push((names::function(&template, &project.name, build, memory), row, build));
        }
    }
    rows
}

/// What all functions of a project are made with.
struct Maker<'a> {
    project: &'a Project,
    artifacts: &'a Artifacts,
    place: &'a Place,
    names: &'a Names,
    role: &'a str,
    tracing: bool,
}

impl Maker<'_> {
    fn function(&self, name: String, row: Row, build: &Build) -> Result<Function> {
        let deploy = &self.project.manifest.deploy;
        let (output, settings) = (build.output.clone(), &build.settings);
        let artifact = self.artifacts.get(&output).cloned();
        let handler = settings.handler.clone().or_else(|| artifact.as_ref()?.handler.clone());
        let is_image = build.method == Method::Image;
        if artifact.is_some() && handler.is_none() {
            return Err(Error::usage(
                format!("nobody knows the handler of {}", build.function),
                format!("name it: handler = \"MODULE.FUNCTION\" in [functions.{}] of pack.toml", build.function),
            ));
        }
        let snap_start = deploy.snap_start.as_ref().is_some_and(|snap_start| snap_start.value);
        if snap_start {
            refuse_snap_start(&row, settings.ephemeral_storage)?;
        }
        let code = artifact.as_ref().map(|artifact| artifact.sha256.clone());
        let state = FunctionState {
            package: if is_image { "Image" } else { "Zip" }.into(),
            code,
            runtime: (!is_image).then(|| runtime(row.target)),
            handler: handler.filter(|_| !is_image),
            architecture: row.target.architecture.to_string(),
            memory: row.memory,
            timeout: settings.timeout.unwrap_or(TIMEOUT),
            ephemeral_storage: settings.ephemeral_storage.unwrap_or(STORAGE),
            environment: self.environment(build)?,
            // `Function::layers` says them.
            layers: Vec::new(),
            role: self.role.to_owned(),
            tracing: self.tracing,
            snap_start,
            description: FunctionState::description(&self.project.name),
            retries: 0,
        };
        let alias = deploy.alias.as_ref().map(|alias| alias.value.clone());
        let alias = alias.or_else(|| snap_start.then(|| SNAP_START_ALIAS.to_owned()));
        let invokes = match &alias {
            Some(alias) => self.place.arn("lambda", &format!("function:{name}:{alias}")),
            None => self.place.arn("lambda", &format!("function:{name}")),
        };
        let mapping = MappingState {
            invokes,
            batch_size: deploy.batch_size.as_ref().map_or(BATCH_SIZE, |size| size.value),
            maximum_concurrency: deploy.maximum_concurrency.as_ref().map_or(0, |most| most.value),
            reports_failures: true,
            enabled: true,
        };
        let layers = build.layers.iter().map(|used| self.layer(used, build)).collect::<Result<Vec<_>>>()?;
        let code = match build.method {
            Method::Image => Code::Image {
                artifact,
                repository: image_repository(self.names, self.place),
                tag: output.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                output,
            },
            Method::Zip | Method::Layers => Code::Zip { output, artifact },
        };
        let retention = deploy.log_retention.as_ref().map_or(LOG_RETENTION, |days| days.value);
        let tags = settings.tags.clone();
        Ok(Function { name, row, code, layers, state, tags, log_group: LogGroupState { retention }, alias, mapping })
    }

    /// What the function finds in its environment: what pack knows, under what the project says.
    fn environment(&self, build: &Build) -> Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::from([
            ("BUCKET_NAME".to_owned(), self.names.data.clone()),
            ("POWERTOOLS_SERVICE_NAME".to_owned(), build.function.clone()),
            ("POWERTOOLS_METRICS_NAMESPACE".to_owned(), self.project.name.clone()),
        ]);
        all.extend(build.settings.environment.clone());
        let bytes = lambda::environment_bytes(&all);
        if bytes > lambda::ENVIRONMENT_BYTES {
            return Err(Error::usage(
                format!(
                    "the environment of {} has {bytes} bytes with what pack adds (BUCKET_NAME, POWERTOOLS_…); Lambda takes {}",
                    build.function,
                    lambda::ENVIRONMENT_BYTES
                ),
                "ship long values as a file",
            ));
        }
        Ok(all)
    }

    fn layer(&self, used: &UsedLayer, build: &Build) -> Result<LayerRef> {
        if used.output.is_some() {
            return Ok(LayerRef::Own(names::layer(&self.project.name, &used.name, build.target)));
        }
        // Who asks for names only need not have a lock.
        if self.artifacts.is_empty() && used.arn.is_none() {
            return Ok(LayerRef::Published(format!("{} (of a version that nobody knows)", used.name)));
        }
        let arn = used.arn.as_ref().and_then(|arn| arn.parse::<lambda::LayerArn>().ok());
        let Some(arn) = arn.filter(|arn| arn.version.is_some()) else {
            return Err(Error::Lock {
                message: format!("pack.lock has no version of the layer {} for {}", used.name, build.target),
                hint: "pack lock looks for it, with AWS credentials; commit the result".into(),
            });
        };
        if arn.region != self.place.region {
            return Err(Error::usage(
                format!(
                    "the layer {arn} is of another Region than {}, and Lambda takes it only there",
                    self.place.region
                ),
                "region in [project] of pack.toml and --region have to be one; pack lock then finds the layer of that Region",
            ));
        }
        Ok(LayerRef::Published(arn.to_string()))
    }

    /// The project's own layers that its functions have.
    fn layers(&self, builds: &Builds) -> Vec<Layer> {
        let is_used = |name: &str, target| {
            let builds = builds.functions.iter().filter(|build| build.target == target);
            builds.flat_map(|build| &build.layers).any(|used| used.name == name)
        };
        let layers = builds.layers.iter().filter(|build| is_used(&build.layer, build.target));
        let layer = |build: &crate::project::LayerBuild| Layer {
            name: names::layer(&self.project.name, &build.layer, build.target),
            layer: build.layer.clone(),
            target: build.target,
            output: build.output.clone(),
            artifact: self.artifacts.get(&build.output).cloned(),
            description: Layer::marker(&self.project.name),
        };
        layers.map(layer).collect()
    }
}

/// What AWS says of `SnapStart`: <https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes>.
fn refuse_snap_start(row: &Row, storage: Option<u32>) -> Result<()> {
    let reason = if row.method == Method::Image {
        "it is an image"
    } else if row.target.python.minor() < 12 {
        "its Python is older than 3.12"
    } else if storage.is_some_and(|storage| storage > STORAGE) {
        "its /tmp has more than 512 MB"
    } else {
        return Ok(());
    };
    Err(Error::usage(
        format!("snap-start is not for {row}: {reason}"),
        "leave such rows out of the matrix, or snap-start out of [deploy]",
    ))
}
