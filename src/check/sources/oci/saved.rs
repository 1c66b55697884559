//! What `docker save`, `podman save` and skopeo's `docker-archive:` write, read as the layout that it stands for:
//! `manifest.json` names a configuration and its layers as they are unpacked; index and manifest are made here.
//!
//! What must stay true: a name leads only to what the archive has; a blob has its own digest, of a plain layer the one
//! that the configuration says, which is compared when the layer is read. Sources: Docker's image specification 1.2
//! (<https://github.com/moby/moby/blob/4fb59c20a4fb54f944fe170d0ff1d00eb4a24d6f/image/spec/v1.2.md>, "Combined Image JSON");
//! for links and packed layers, which it says nothing of, `docker/internal/tarfile` of containers/image.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::listed::Listed;
use super::store::{self, Checked, Hashing, Packing, Part, Store};
use super::{Configuration, too_large};
use crate::error::{Error, Result};
use crate::lambda::Architecture;
use crate::registry::{Platform, Reference};

/// What names the images of the archive.
pub(super) const MANIFEST: &str = "manifest.json";

/// How many images an error names.
const NAMED: usize = 5;

/// An image of the archive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// A file of the archive, where it is.
type Place = (u64, u64);

struct Archive<'a> {
    path: &'a Path,
    listed: Listed,
}

/// The one image of an archive, or the one for an architecture.
pub(super) fn layout(path: &Path, listed: Listed, architecture: Option<Architecture>) -> Result<Checked<Store>> {
    let archive = Archive { path, listed };
    let image = match archive.images()? {
        Ok(images) => archive.choose(images, architecture)?,
        Err(reason) => return Ok(Err(reason)),
    };
    match image {
        Ok(image) => archive.layout(&image),
        Err(reason) => Ok(Err(reason)),
    }
}

impl Archive<'_> {
    /// All images. One that has two entries is one image.
    fn images(&self) -> Result<Checked<Vec<Saved>>> {
        let bytes = match self.listed.place(MANIFEST) {
            Ok(place) => self.small(MANIFEST, place)?,
            Err(reason) => Err(reason),
        };
        let images: Checked<Vec<Saved>> = bytes.and_then(|bytes| store::parse(MANIFEST, &bytes));
        Ok(images.map(|images| {
            let mut known = BTreeSet::new();
            let is_new = |image: &Saved| match self.listed.place(&image.config) {
                Ok((offset, _)) => known.insert(offset),
                Err(_) => true,
            };
            images.into_iter().filter(is_new).collect()
        }))
    }

    fn choose(&self, mut images: Vec<Saved>, architecture: Option<Architecture>) -> Result<Checked<Saved>> {
        let names = |images: &[Saved]| {
            let mut names: Vec<String> = images.iter().take(NAMED).map(Saved::name).collect();
            if let Some(more @ 1..) = images.len().checked_sub(NAMED) {
                names.push(format!("{more} more"));
            }
            names.join(", ")
        };
        let alone = "save one alone: docker save NAME -o FILE.tar";
        if let (2.., Some(architecture)) = (images.len(), architecture) {
            let wanted = Platform::of(architecture);
            let mut fitting = Vec::new();
            let all = names(&images);
            for image in images {
                match self.platform(&image)? {
                    Ok(platform) if platform.serves(&wanted) => fitting.push(image),
                    Ok(_) => {}
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            if fitting.is_empty() {
                return Ok(Err(format!("it has several images ({all}), and none for {wanted}")));
            }
            images = fitting;
        }
        let number = images.len();
        Ok(match (images.pop(), architecture) {
            (None, _) => Err(format!("its {MANIFEST} names no image")),
            (Some(only), _) if number == 1 => Ok(only),
            (Some(last), architecture) => {
                images.push(last);
                let names = names(&images);
                Err(match architecture {
                    Some(architecture) => format!("it has {number} images for {architecture} ({names}); {alone}"),
                    None => {
                        format!("it has {number} images ({names}); {alone}, or say --arch where only one is for it")
                    }
                })
            }
        })
    }

    fn platform(&self, image: &Saved) -> Result<Checked<Platform>> {
        Ok(self.config(image)?.map(|(_, _, Configuration { os, architecture, .. })| Platform {
            os,
            architecture,
            variant: None,
        }))
    }

    /// The configuration of an image: its digest, its bytes' place, and what it says.
    fn config(&self, image: &Saved) -> Result<Checked<(String, Place, Configuration)>> {
        let place = match self.listed.place(&image.config) {
            Ok(place) => place,
            Err(reason) => return Ok(Err(format!("its configuration {reason}"))),
        };
        let bytes = match self.small("its configuration", place)? {
            Ok(bytes) => bytes,
            Err(reason) => return Ok(Err(reason)),
        };
        let actual = HEXLOWER.encode(&Sha256::digest(&bytes));
        // Docker and skopeo name it by its digest; others may call it config.json.
        if let Some(said) = digest_in(&image.config).filter(|said| *said != actual) {
            return Ok(Err(format!("its configuration has SHA-256 {actual}, and by its name {said}")));
        }
        Ok(store::parse("its configuration", &bytes).map(|config| (actual, place, config)))
    }

    /// An image as a layout.
    fn layout(self, image: &Saved) -> Result<Checked<Store>> {
        let (config, place, Configuration { rootfs, .. }) = match self.config(image)? {
            Ok(config) => config,
            Err(reason) => return Ok(Err(reason)),
        };
        let names = image.layers.as_deref().unwrap_or_default();
        let ids = &rootfs.diff_ids;
        if names.len() != ids.len() {
            let (layers, ids) = (names.len(), ids.len());
            return Ok(Err(format!("its {MANIFEST} has {layers} layers and its configuration {ids}")));
        }
        let places: Vec<Place> = match names.iter().map(|name| self.listed.place(name)).collect() {
            Ok(places) => places,
            Err(reason) => return Ok(Err(format!("its layer {reason}"))),
        };
        // What is too much is not read.
        if let Some(reason) = too_large(places.iter().map(|(_, length)| *length)) {
            return Ok(Err(reason));
        }
        let mut blobs = BTreeMap::new();
        let mut layers = Vec::new();
        for (place, diff_id) in places.into_iter().zip(ids) {
            let digest = self.digest(place)?.unwrap_or_else(|| diff_id.clone());
            match store::blob(&digest) {
                Ok(name) => blobs.insert(name, place),
                Err(reason) => return Ok(Err(format!("in its configuration {reason}"))),
            };
            let media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
            layers.push(json!({"mediaType": media_type, "digest": digest, "size": place.1}));
        }
        let config_digest = format!("sha256:{config}");
        blobs.insert(format!("blobs/sha256/{config}"), place);
        let media_type = "application/vnd.docker.container.image.v1+json";
        let config = json!({"mediaType": media_type, "digest": config_digest, "size": place.1});
        let media_type = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
        let manifest = manifest.to_string().into_bytes();
        let digest = HEXLOWER.encode(&Sha256::digest(&manifest));
        let descriptor = json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": manifest.len()});
        let index = json!({"schemaVersion": 2, "manifests": [descriptor]}).to_string().into_bytes();
        let made = [("index.json".into(), index), (format!("blobs/sha256/{digest}"), manifest)].into();
        let blobs = Store::Tar { path: self.path.to_owned(), file: self.listed.file, places: blobs };
        Ok(Ok(Store::Saved { made, blobs: Box::new(blobs) }))
    }

    /// The digest of a layer that is packed; a plain one is known by what the configuration says.
    fn digest(&self, (at, left): Place) -> Result<Option<String>> {
        let inner = Part { file: Arc::clone(&self.listed.file), at, left };
        let mut part = Hashing { inner, hasher: Sha256::new() };
        let mut magic = [0; 4];
        store::read_up_to(&mut part, &mut magic).map_err(Error::io("read", self.path))?;
        if Packing::of(magic) == Packing::None {
            return Ok(None);
        }
        io::copy(&mut part, &mut io::sink()).map_err(Error::io("read", self.path))?;
        Ok(Some(format!("sha256:{}", HEXLOWER.encode(&part.hasher.finalize()))))
    }

    fn small(&self, what: &str, (at, left): Place) -> Result<Checked<Vec<u8>>> {
        if let Some(reason) = store::too_long(what, left) {
            return Ok(Err(reason));
        }
        let mut bytes = Vec::new();
        let mut part = Part { file: Arc::clone(&self.listed.file), at, left };
        part.read_to_end(&mut bytes).map_err(Error::io("read", self.path))?;
        Ok(Ok(bytes))
    }
}

impl Saved {
    /// What a person calls it, where that is a name.
    fn name(&self) -> String {
        let tags = self.repo_tags.iter().flatten();
        let mut names = tags.filter(|tag| tag.parse::<Reference>().is_ok());
        names.next().cloned().unwrap_or_else(|| "one without a name".into())
    }
}

/// `HEX.json`, `sha256:HEX` or `blobs/sha256/HEX` → HEX.
fn digest_in(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".json").unwrap_or(name);
    let name = name.strip_prefix("sha256:").unwrap_or(name);
    store::blob(&format!("sha256:{name}")).ok().map(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_from_the_names_that_writers_give() {
        let hex = "0123456789abcdef".repeat(4);
        for name in ["HEX.json", "sha256:HEX", "blobs/sha256/HEX", "./HEX.json"] {
            assert_eq!(digest_in(&name.replace("HEX", &hex)), Some(hex.as_str()), "{name}");
        }
        for name in ["config.json", "HEX.tar", "HEX0", ""] {
            assert_eq!(digest_in(&name.replace("HEX", &hex)), None, "{name}");
        }
    }

    #[test]
    fn an_image_is_called_by_its_first_name_that_is_one() {
        let name = |text: &str| serde_json::from_str::<Saved>(text).unwrap().name();
        assert_eq!(name(r#"{"Config": "c", "RepoTags": ["\u001b[2J", "team/job:1", "job:2"]}"#), "team/job:1");
        assert_eq!(name(r#"{"Config": "c", "RepoTags": null, "Layers": null, "Parent": "x"}"#), "one without a name");
        assert_eq!(name(r#"{"Config": "c"}"#), "one without a name");
    }
}
