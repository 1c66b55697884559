//! Pulling: manifests by tag or digest, the image for an architecture, configurations and blobs.
//!
//! Source: OCI distribution specification 1.1, "Pull".

use std::io::{Read, Write};
use std::path::Path;

use ureq::http::Method;
use ureq::http::header::{ACCEPT, HeaderValue};

use super::blob::{BlobReader, into_error};
use super::descriptor::{Descriptor, Platform};
use super::digest::Digest;
use super::error::RegistryError;
use super::http::{Body, Request};
use super::manifest::{Document, Index, MANIFEST_BYTES, Manifest};
use super::media_type::MANIFESTS;
use super::reference::Asked;
use super::repository::{Reply, Repository, Trouble};
use crate::error::{Error, Result};
use crate::lambda::Architecture;
use crate::system::AtomicFile;

/// The header in which a registry names what it sends.
pub(super) const DIGEST: &str = "docker-content-digest";

impl<'a> Repository<'a> {
    /// The manifest or index that a tag or digest names.
    pub fn manifest(&self, asked: &Asked) -> Result<Document> {
        self.retrying(|| self.manifest_once(asked, &self.pull_scope()))
    }

    /// The digest of what a tag or digest names, or None if there is nothing.
    pub fn head(&self, asked: &Asked) -> Result<Option<Digest>> {
        self.retrying(|| self.head_once(asked, &self.pull_scope()))
    }

    /// The image that a tag or digest names, of an index the one for this architecture.
    pub fn image(&self, asked: &Asked, architecture: Architecture) -> Result<Manifest> {
        self.image_with_index(asked, architecture).map(|(_, manifest)| manifest)
    }

    /// The same, with the index that led to it.
    pub fn image_with_index(&self, asked: &Asked, architecture: Architecture) -> Result<(Option<Index>, Manifest)> {
        let index = match self.manifest(asked)? {
            Document::Image(manifest) => return Ok((None, manifest)),
            Document::Index(index) => index,
        };
        let wanted = Platform::of(architecture);
        let chosen = index.choose(&wanted).map_err(|there| RegistryError::NoPlatform {
            image: match asked {
                Asked::Tag(tag) => format!("{}/{}:{tag}", self.registry(), self.name()),
                Asked::Digest(digest) => format!("{}/{}@{digest}", self.registry(), self.name()),
            },
            wanted: wanted.to_string(),
            there,
        })?;
        let asked = Asked::Digest(chosen.digest);
        let wrong = |reason: &str| Error::from(self.place.wrong(&format!("the manifest {asked}"), reason));
        match self.manifest(&asked)? {
            Document::Image(manifest) if manifest.descriptor.size == chosen.size => Ok((Some(index), manifest)),
            Document::Image(_) => Err(wrong("its size is another than the index says")),
            Document::Index(_) => Err(wrong("it is an index in an index")),
        }
    }

    /// An image's configuration, as it is.
    pub fn config(&self, manifest: &Manifest) -> Result<Vec<u8>> {
        if manifest.config.size > MANIFEST_BYTES {
            let reason = format!("it has {} bytes; at most {MANIFEST_BYTES} are read", manifest.config.size);
            return Err(self.place.wrong("the configuration", &reason).into());
        }
        let mut bytes = Vec::new();
        self.twice(|| {
            bytes.clear();
            let mut reader = self.blob(&manifest.config)?;
            reader.read_to_end(&mut bytes).map_err(|error| into_error(error, &self.place))?;
            Ok(())
        })?;
        Ok(bytes)
    }

    /// A blob. The reader fails instead of handing on the last bytes of one that is not what the descriptor names:
    /// whoever writes it down must not keep it then.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<BlobReader<'a>> {
        BlobReader::open(self, descriptor)
    }

    /// Writes a blob to a file, which is there whole and right or not at all.
    pub fn download(&self, descriptor: &Descriptor, target: &Path) -> Result<()> {
        self.twice(|| self.download_once(descriptor, target))
    }

    /// What was spoiled on the way may come whole the second time; a third time would only send gigabytes again.
    fn twice(&self, mut read: impl FnMut() -> Result<()>) -> Result<()> {
        match read() {
            Err(Error::Registry(error)) if matches!(*error, RegistryError::Wrong { .. }) => {
                self.progress.say(&format!("{error}; trying again"));
                read()
            }
            outcome => outcome,
        }
    }

    fn download_once(&self, descriptor: &Descriptor, target: &Path) -> Result<()> {
        let reader = self.blob(descriptor)?;
        let what = || format!("fetching {}", descriptor.digest.short());
        let mut reader = self.progress.counted(what, descriptor.size, reader);
        let mut file = AtomicFile::create(target)?;
        let mut buffer = vec![0; 1 << 17];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return file.persist_unsynced(),
                Ok(read) => file.write_all(&buffer[..read]).map_err(Error::io("write", target))?,
                Err(error) => return Err(into_error(error, &self.place)),
            }
        }
    }

    /// Whether the repository has a blob.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool> {
        self.retrying(|| self.has_blob_once(digest, &self.pull_scope()))
    }

    pub(super) fn has_blob_once(&self, digest: &Digest, scopes: &[String]) -> Result<bool, Trouble> {
        let asked = format!("the blob {digest}");
        let request = Request::new(Method::HEAD, self.place.url(&format!("blobs/{digest}"))?, Body::None);
        let reply = self.once(request, &asked, scopes)?;
        match reply.answer.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(reply.into_refusal(&self.place, &asked).into()),
        }
    }

    pub(super) fn manifest_once(&self, asked: &Asked, scopes: &[String]) -> Result<Document, Trouble> {
        let what = format!("the manifest {asked}");
        let reply = self.ask_manifest(Method::GET, asked, scopes)?;
        if reply.answer.status != 200 {
            return Err(reply.into_refusal(&self.place, &what).into());
        }
        let media_type = reply.answer.header("content-type").map(str::to_owned);
        let named = reply.answer.header(DIGEST).map(str::to_owned);
        let raw = reply.answer.bytes(MANIFEST_BYTES).map_err(|failure| self.place.failed(&what, &failure))?;
        let document =
            Document::parse(raw, media_type.as_deref()).map_err(|reason| self.place.wrong(&what, &reason))?;
        let expected = match asked {
            Asked::Digest(digest) => Some(*digest),
            Asked::Tag(_) => named.and_then(|named| named.parse().ok()),
        };
        let actual = document.digest();
        match expected {
            // What spoiled it on the way may not do so again.
            Some(expected) if expected != actual => {
                let reason = format!("it has the digest {actual} instead of {expected}");
                Err(Trouble::again(self.place.wrong(&what, &reason)))
            }
            _ => Ok(document),
        }
    }

    pub(super) fn head_once(&self, asked: &Asked, scopes: &[String]) -> Result<Option<Digest>, Trouble> {
        let reply = self.ask_manifest(Method::HEAD, asked, scopes)?;
        let named = reply.answer.header(DIGEST).and_then(|named| named.parse().ok());
        match (reply.answer.status, named) {
            (200, Some(digest)) => Ok(Some(digest)),
            (404, _) => Ok(None),
            // Neither the method nor the header is there everywhere.
            (200 | 405, _) => self.manifest_once(asked, scopes).map(|document| Some(document.digest())),
            _ => Err(reply.into_refusal(&self.place, &format!("the manifest {asked}")).into()),
        }
    }

    fn ask_manifest(&self, method: Method, asked: &Asked, scopes: &[String]) -> Result<Reply, Trouble> {
        let mut request = Request::new(method, self.place.url(&format!("manifests/{asked}"))?, Body::None);
        request.headers.push((ACCEPT, HeaderValue::from_static(MANIFESTS)));
        self.once(request, &format!("the manifest {asked}"), scopes)
    }
}
