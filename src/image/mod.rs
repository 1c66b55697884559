//! Container images that Lambda takes: a base, layers of dependencies, and the function, without Docker.
//!
//! An image is made of the ZIP that `pack zip` would write: the same files, slimmed, compiled, checked and imported, put
//! into layers. What must stay true: one manifest for one platform; the media types are those of the base's family;
//! layers are gzipped; nothing of the base is taken away; the same input gives the same digest.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>; OCI image specification 1.1.

mod base;
mod config;
mod deployed;
mod gzip;
mod layer;
mod layout;
mod left_out;
mod look;
mod packing;
mod provided;
mod pulled;
mod push;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use base::{Base, is_layout};
pub(crate) use config::timestamp;
pub use deployed::{layout_digest, layout_digest_and_bytes, push_layout};
pub use look::{Question, Seen, look, recall};
pub use provided::{CLIENT, Provided};
pub use push::{Amount, Pushed};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::archive::{Archive, Member};
use crate::aws;
use crate::cache::Cache;
use crate::check::libraries::{self, Binary, Graph};
use crate::check::sources::{Store, Unpacked, Which, python_of};
use crate::error::{Error, Result};
use crate::lambda::{PythonVersion, TASK, Target};
use crate::lock::BaseId;
use crate::progress::{Progress, Verbosity};
use crate::registry::{self, Client, Descriptor, Digest, MediaType, Reference};

/// AWS's own base image.
pub const BASE: &str = "public.ecr.aws/lambda/python:{python}";

/// The base's name for a target: what the project says, else AWS's own.
pub fn base_name(said: Option<&str>, target: Target) -> String {
    said.unwrap_or(BASE).replace("{python}", &target.python.to_string())
}

/// What the lock calls a base; nothing where it is a layout, or named by its digest.
pub fn base_id(said: Option<&str>, target: Target) -> Result<Option<BaseId>> {
    let name = base_name(said, target);
    if base::is_layout(&name) {
        return Ok(None);
    }
    let reference = base::reference_of(&name)?;
    Ok(reference.digest().is_none().then_some((reference, target.architecture)))
}

/// What an image is made of besides the function.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Plan {
    /// The base: a reference, or the path of an OCI layout.
    pub base: String,
    /// What a lock says of it.
    pub pin: Pin,
    /// What was seen in it.
    pub seen: Seen,
    /// What the user says that starts the handler; else it is the base, or what was seen.
    pub entrypoint: Option<Vec<String>>,
    /// Labels beside the base's.
    pub labels: BTreeMap<String, String>,
    /// What an engine calls it.
    pub tag: String,
    /// Where it is pushed.
    pub push: Option<Reference>,
    /// Whether it is loaded into an engine of this machine.
    pub load: bool,
    /// Whether it is written to the build's output.
    pub write: bool,
    /// Whether, instead of writing and pushing it, it is compared with what is there.
    pub verify: bool,
    /// Whether registries on other machines may speak plain HTTP.
    pub insecure: bool,
    /// The profile of AWS's configuration files that is asked for ECR's passwords.
    pub profile: Option<String>,
    /// Whether the network is off limits.
    pub offline: bool,
}

/// What a project's lock says of a base.
#[derive(Clone, Debug)]
pub enum Pin {
    /// It is no matter of a lock.
    None,
    /// Its digest.
    Locked(Digest),
    /// Nothing yet: what is found goes into that lock.
    Record(PathBuf, BaseId),
}

impl Plan {
    /// The digest that a base in a registry has to have.
    pub fn digest(&self) -> Option<Digest> {
        match self.pin {
            Pin::Locked(digest) => Some(digest),
            Pin::None | Pin::Record(..) => None,
        }
    }

    /// What its base is asked.
    pub fn question(&self, target: Target) -> Question<'_> {
        let (name, entrypoint) = (self.base.as_str(), self.entrypoint.as_deref());
        Question { name, digest: self.digest(), entrypoint, target, offline: self.offline }
    }

    /// What starts the handler; none where the base says it.
    pub fn start(&self) -> Option<&[String]> {
        self.entrypoint.as_deref().or(self.seen.provided.entrypoint.as_deref())
    }

    /// Everything that an image depends on besides the function, as one word; none where it does more than to write it, where it is
    /// compared, or where only a registry knows. `found` is the digest that a base which no lock had yet turned out to have.
    pub fn key(&self, found: Option<Digest>) -> Result<Option<String>> {
        let base = match &self.pin {
            _ if self.verify || !self.write || self.load || self.push.is_some() => None,
            Pin::Locked(digest) => Some(*digest),
            Pin::None => base::index_digest(&self.base)?,
            Pin::Record(..) => found,
        };
        let time = source_date_epoch()?.unwrap_or_default();
        let starts = (&self.entrypoint, &self.seen.provided.entrypoint);
        Ok(base.map(|base| format!("{base} {} {starts:?} {:?} {} {time}", self.base, self.labels, self.tag)))
    }

    /// Refuses what cannot be made without a network: all that it needs of a base in a registry has to be in the cache.
    pub fn refuse_network(&self, target: Target, cache: &Cache) -> Result<()> {
        if let Some(to) = &self.push {
            return Err(Error::usage(
                format!("--offline uses no network, and the push to {to} would"),
                "leave --push away: what is written can be pushed later",
            ));
        }
        if base::is_layout(&self.base) {
            return Ok(());
        }
        let base = Base::find(&self.question(target), &self.client()?, cache, &Progress::new(Verbosity::Quiet))?;
        if (self.write || self.load) && !self.verify { base.refuse_missing_layers() } else { Ok(()) }
    }

    /// A client for its registries, with the user's credentials.
    pub fn client(&self) -> Result<Arc<Client>> {
        let credentials = aws::registry_credentials(self.profile.as_deref());
        let options = registry::Options { insecure: self.insecure, credentials, ..registry::Options::default() };
        Ok(Arc::new(Client::new(options)?))
    }
}

/// The function's files.
#[derive(Debug)]
pub struct Payload<'a> {
    /// The ZIP.
    pub archive: &'a Archive,
    /// Which distribution has brought a file, by its path in the ZIP.
    pub owners: &'a BTreeMap<String, Arc<Bringer>>,
}

/// The layers that are put above a base.
#[derive(Debug)]
pub struct OwnLayers {
    /// Each with what is in it, the lowest first.
    layers: Vec<(layer::Layer, String)>,
    /// Distributions, with their versions, that the base has, so that they are in none.
    pub left_out: BTreeSet<String>,
}

impl Payload<'_> {
    /// Packs the layers, or takes those that an earlier build packed. `base_has` is asked for name and version of a distribution.
    pub fn layers(&self, target: Target, base_has: &dyn Fn(&str, &str) -> bool, cache: &Cache) -> Result<OwnLayers> {
        let left_out = self.left_out(target, base_has)?;
        let layers = own_layers(self, &left_out, source_date_epoch()?.unwrap_or_default(), cache)?;
        Ok(OwnLayers { layers, left_out })
    }

    /// The distributions that a base has, so that nothing of them has to be added.
    fn left_out(&self, target: Target, base_has: &dyn Fn(&str, &str) -> bool) -> Result<BTreeSet<String>> {
        let has = |owner: &str| owner.rsplit_once(' ').is_some_and(|(name, version)| base_has(name, version));
        let labels: BTreeSet<&str> = self.owners.values().map(|bringer| bringer.label.as_str()).collect();
        let had: BTreeSet<&str> = labels.into_iter().filter(|label| has(label)).collect();
        if had.is_empty() {
            return Ok(BTreeSet::new());
        }
        let label = |name: &str| self.owners.get(name).map(|bringer| bringer.label.as_str());
        let files =
            self.archive.members().iter().map(|entry| (entry.name.as_str(), label(&entry.name).map(str::to_owned)));
        let is_library = |entry: &Member| libraries::may_be_binary(&entry.name, entry.size);
        let is_had = |entry: &Member| label(&entry.name).is_some_and(|label| had.contains(label));
        // Libraries only matter where one might be left out.
        let members = self.archive.members();
        let needs = if members.iter().any(|entry| is_had(entry) && is_library(entry)) {
            self.needs(target)?
        } else {
            Vec::new()
        };
        let needs: Vec<(&str, &str)> = needs.iter().map(|(one, other)| (one.as_str(), other.as_str())).collect();
        Ok(left_out::left_out(&files.collect(), &needs, &has))
    }

    /// Pairs of libraries, by their paths in the ZIP, of which one needs the other.
    fn needs(&self, target: Target) -> Result<Vec<(String, String)>> {
        let members = self.archive.members().par_iter().enumerate().with_max_len(1);
        let libraries = members.filter(|(_, entry)| libraries::may_be_binary(&entry.name, entry.size));
        let libraries = libraries.map(|(member, entry)| {
            let failed = |error| Error::io("read", self.archive.path())(io::Error::other(error));
            let read = self.archive.read(member).map_err(failed)?;
            Ok(Binary::of(&read).map(|binary| (format!("{TASK}/{}", entry.name), binary)))
        });
        let libraries: libraries::Survey = libraries.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        let in_zip = |path: &str| path.strip_prefix(TASK).map_or(path, |path| path.trim_start_matches('/')).to_owned();
        Ok(Graph::of(&libraries, target).pairs().map(|(one, other)| (in_zip(one), in_zip(other))).collect())
    }
}

impl OwnLayers {
    /// Reads those back, and compares them with their digests, that nobody has looked into yet.
    pub fn unpack(&self, is_known: &(dyn Fn(Digest) -> bool + Sync)) -> Result<Unpacked> {
        let new = self.layers.par_iter().with_max_len(1).filter(|(layer, _)| !is_known(layer.blob.digest));
        Unpacked::own(new.map(|(layer, _)| (layer.blob.digest, layer.diff_id, layer.blob.path.as_path())))
    }
}

/// A distribution that has brought files.
#[derive(Debug)]
pub struct Bringer {
    /// Its name and version.
    pub label: String,
    /// SHA-256 of its wheel.
    pub wheel: String,
}

/// An image, whole but for its place.
pub struct Image {
    base: Arc<Base>,
    manifest: (Descriptor, Vec<u8>),
    config: (Descriptor, Vec<u8>),
    layers: Vec<ImageLayer>,
}

#[derive(Debug)]
struct ImageLayer {
    descriptor: Descriptor,
    /// Where it is; none for the base's.
    file: Option<PathBuf>,
    /// What is in it.
    what: String,
    /// Bytes of its tar; not known of the base's.
    unpacked: Option<u64>,
}

/// What a report says of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The manifest's digest: what names the image.
    pub digest: String,
    /// The manifest's media type.
    pub media_type: String,
    /// The base as it was named.
    pub base: String,
    /// The digest of the base's manifest.
    pub base_digest: String,
    /// The layers, the lowest first.
    pub layers: Vec<ReportLayer>,
    /// Bytes of what a registry with the base lacks: own layers, configuration, manifest.
    pub own: u64,
    /// Names that it has now: in a registry, with its digest, and in an engine.
    pub names: Vec<String>,
    /// What a push of it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Pushed>,
    /// Distributions, with their versions, that the base has, so that they are not added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_base: Vec<String>,
    /// What starts the handler, where the base has nothing that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Places where it was found to be what is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLayer {
    /// Its digest.
    pub digest: String,
    /// Its bytes, gzipped.
    pub packed: u64,
    /// Bytes of its tar; not known of the base's.
    pub unpacked: Option<u64>,
    /// What is in it.
    pub what: String,
    /// Whether it is the base's.
    pub of_base: bool,
}

impl Image {
    /// Puts layers above the base.
    pub fn make(
        plan: &Plan,
        target: Target,
        handler: &str,
        own: OwnLayers,
        client: &Arc<Client>,
        cache: &Cache,
        progress: &mut Progress,
    ) -> Result<Self> {
        let time = source_date_epoch()?.unwrap_or_default();
        let base = progress.phase("base", |progress| match &plan.seen.base {
            Some(base) => Ok(base.clone()),
            None => Base::find(&plan.question(target), client, cache, progress).map(Arc::new),
        })?;
        if plan.start().is_none() && config::entrypoint(&base.config.0).is_none() {
            let reason = "it has no entrypoint: nothing in it would start the handler; --entrypoint names what does";
            return Err(Error::Base { name: base.name.clone(), reason: reason.into() });
        }
        let own = own.layers;
        let added: Vec<config::Added> =
            own.iter().map(|(layer, what)| config::Added { diff_id: layer.diff_id, what: what.clone() }).collect();
        let settings = config::Settings {
            handler,
            labels: &plan.labels,
            entrypoint: plan.start(),
            is_in_task: plan.entrypoint.is_none() && plan.seen.provided.entrypoint.is_some(),
            created: time,
        };
        let config = config::above(base.config.0.clone(), &added, &settings);
        let (config_type, layer_type, manifest_type) = if base.is_docker() {
            (MediaType::DockerConfig, MediaType::DockerLayer, MediaType::DockerManifest)
        } else {
            (MediaType::OciConfig, MediaType::OciLayer, MediaType::OciManifest)
        };
        let of_base = base.manifest.layers.iter().map(|descriptor| ImageLayer {
            descriptor: Descriptor::new(descriptor.media_type.clone(), descriptor.digest, descriptor.size),
            file: None,
            what: "the base".into(),
            unpacked: None,
        });
        let own = own.into_iter().map(|(layer, what)| ImageLayer {
            descriptor: Descriptor::new(layer_type.clone(), layer.blob.digest, layer.blob.size),
            file: Some(layer.blob.path),
            what,
            unpacked: Some(layer.unpacked),
        });
        let layers: Vec<ImageLayer> = of_base.chain(own).collect();
        let config = (Descriptor::of(config_type, &config), config);
        let descriptors: Vec<&Descriptor> = layers.iter().map(|layer| &layer.descriptor).collect();
        let manifest =
            json!({"schemaVersion": 2, "mediaType": manifest_type, "config": config.0, "layers": descriptors});
        let manifest = manifest.to_string().into_bytes();
        Ok(Self { base, manifest: (Descriptor::of(manifest_type, &manifest), manifest), config, layers })
    }

    /// Pushes it, and says what that took.
    pub fn push(&self, to: &Reference, client: &Arc<Client>, cache: &Cache, progress: &Progress) -> Result<Pushed> {
        push::push(self, to, client, cache, progress)
    }

    /// Loads it into the engine of this machine.
    pub fn load(&self, tag: &str, cache: &Cache, progress: &Progress) -> Result<String> {
        push::load(self, tag, cache, progress)
    }

    /// Writes it: a tar where the path ends in `.tar`, else a folder.
    pub fn write(&self, target: &Path, tag: &str, progress: &Progress) -> Result<()> {
        if is_tar(target) { layout::tar(self, target, tag, progress) } else { layout::folder(self, target, progress) }
    }

    /// The image as a layout that is not written yet.
    pub fn store(&self) -> Store {
        layout::store(self)
    }

    /// What can be read of it without fetching anything: the base's layers only where they are in a layout.
    pub fn which(&self, target: Target) -> Which {
        let is_elsewhere = |layer: &&ImageLayer| layer.file.is_none() && self.base.layout().is_none();
        let unread = self.layers.iter().filter(is_elsewhere).map(|layer| (layer.descriptor.digest.to_string(), None));
        let base_layers = Some(self.base.manifest.layers.len());
        Which { architecture: Some(target.architecture), unread: unread.collect(), base_layers }
    }

    /// The digests of the layers above the base's, with their unpacked bytes.
    pub fn own_layers(&self) -> impl Iterator<Item = (Digest, Option<u64>)> {
        let own = self.layers.iter().filter(|layer| layer.file.is_some());
        own.map(|layer| (layer.descriptor.digest, layer.unpacked))
    }

    /// The base as it was named, and the Python that its name says.
    pub fn base(&self) -> (&str, Option<PythonVersion>) {
        (&self.base.name, self.base.reference().and_then(python_of))
    }

    /// Compares it with what a layout has.
    pub fn verify_layout(&self, place: &Path, target: Target) -> Result<String> {
        verify::layout(self, place, target)
    }

    /// Compares it with what a name in a registry leads to.
    pub fn verify_pushed(&self, place: &Reference, client: &Arc<Client>, progress: &Progress) -> Result<String> {
        verify::pushed(self, place, client, progress)
    }

    /// The digest of the base's manifest.
    pub fn base_digest(&self) -> Digest {
        self.base.descriptor().digest
    }

    /// What a report says of it.
    pub fn report(&self) -> Report {
        let layers = self.layers.iter().map(|layer| ReportLayer {
            digest: layer.descriptor.digest.to_string(),
            packed: layer.descriptor.size,
            unpacked: layer.unpacked,
            what: layer.what.clone(),
            of_base: layer.file.is_none(),
        });
        let layers: Vec<ReportLayer> = layers.collect();
        let packed: u64 = layers.iter().filter(|layer| !layer.of_base).map(|layer| layer.packed).sum();
        Report {
            digest: self.manifest.0.digest.to_string(),
            media_type: self.manifest.0.media_type.to_string(),
            base: self.base.name.clone(),
            base_digest: self.base.descriptor().digest.to_string(),
            layers,
            own: packed + self.config.0.size + self.manifest.0.size,
            names: Vec::new(),
            pushed: None,
            in_base: Vec::new(),
            entrypoint: None,
            verified: Vec::new(),
        }
    }
}

/// Whether an image is to be written as a tar.
pub fn is_tar(target: &Path) -> bool {
    target.extension().is_some_and(|end| end == "tar")
}

/// The function's layers, with what is in each.
fn own_layers(
    payload: &Payload<'_>,
    left_out: &BTreeSet<String>,
    time: u64,
    cache: &Cache,
) -> Result<Vec<(layer::Layer, String)>> {
    let mut parts: BTreeMap<packing::Owner, u64> = BTreeMap::new();
    let mut files: BTreeMap<packing::Owner, Vec<layer::File>> = BTreeMap::new();
    let mut wheels: BTreeMap<&str, &str> = BTreeMap::new();
    for (member, entry) in payload.archive.members().iter().enumerate() {
        let bringer = payload.owners.get(&entry.name);
        let owner = bringer.map(|bringer| bringer.label.clone());
        if owner.as_ref().is_some_and(|owner| left_out.contains(owner)) {
            continue;
        }
        wheels.extend(bringer.map(|bringer| (bringer.label.as_str(), bringer.wheel.as_str())));
        *parts.entry(owner.clone()).or_default() += entry.size;
        let path = format!("{}/{}", TASK.trim_start_matches('/'), entry.name);
        files.entry(owner).or_default().push(layer::File { path, executable: entry.executable, member });
    }
    let contents = packing::groups(&parts).into_iter().map(|group| {
        let content = layer::Content {
            archive: payload.archive,
            files: group.iter().flat_map(|owner| files.remove(owner).unwrap_or_default()).collect(),
            wheels: group.iter().flatten().filter_map(|owner| wheels.get(owner.as_str()).copied()).collect(),
            time,
        };
        let what: Vec<&str> = group.iter().map(|owner| owner.as_deref().unwrap_or("the function")).collect();
        (content, what.join(", "))
    });
    let contents: Vec<(layer::Content<'_>, String)> = contents.collect();
    let known = contents.par_iter().map(|(content, _)| content.recall(cache)).collect::<Result<Vec<_>>>()?;
    let layers = contents.into_iter().zip(known).map(|((content, what), known)| {
        // One at a time: it takes all processors, and memory for each.
        let layer = known.map_or_else(|| content.write(cache, rayon::current_num_threads()), Ok)?;
        Ok((layer, what))
    });
    layers.collect()
}

/// The time of entries and of the image, in seconds, where somebody says one (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub(crate) fn source_date_epoch() -> Result<Option<u64>> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    // What a ustar header can hold.
    let seconds = value.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds < 1 << 33);
    seconds.map(Some).ok_or_else(|| {
        Error::usage("SOURCE_DATE_EPOCH is not a number of seconds since 1970", "unset it, or give a whole number")
    })
}
