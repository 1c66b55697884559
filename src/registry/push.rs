//! Pushing: blobs with what they cost least, several at a time, then the manifest that names them.
//!
//! What must stay true: a blob that is there is not sent; one that has to be is one PUT in a session of its own, which is
//! never gone on with (ECR's ranges cannot be relied on); nothing is held in memory; a manifest counts as pushed only if
//! the registry names the same digest. Sources: OCI distribution specification 1.1, "Push"; for the rest of ECR's ways
//! (immutable tags, blobs that are not seen at once), <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html>.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ureq::http::Method;
use ureq::http::header::{CONTENT_TYPE, HeaderValue};
use url::Url;

use super::descriptor::Descriptor;
use super::digest::{Digest, Verified};
use super::error::RegistryError;
use super::http::{Body, Request};
use super::location;
use super::media_type::MediaType;
use super::pull::DIGEST;
use super::reference::Asked;
use super::repository::{Reply, Repository, Trouble, header};
use crate::error::{Error, Result};
use crate::size::human;

/// Where a blob's bytes are.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// In memory: a configuration.
    Bytes(&'a [u8]),
    /// In a file: a layer.
    File(&'a Path),
    /// In another repository, of this registry or another one.
    Blob(&'a Repository<'a>),
}

/// A blob that the repository is to have.
#[derive(Clone, Copy)]
pub struct Upload<'a> {
    /// What it is.
    pub descriptor: &'a Descriptor,
    /// Its bytes.
    pub source: Source<'a>,
    /// A repository of the same registry that may have it.
    pub mount_from: Option<&'a str>,
}

/// How a blob came there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was there.
    There,
    /// The registry took it from another repository.
    Mounted,
    /// It was sent.
    Sent,
}

/// How an upload begins.
enum Begun {
    Mounted,
    At(Url),
}

/// Codes for an upload that has to begin anew, or that was spoiled on the way.
const SPOILED: &[&str] =
    &["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "DIGEST_INVALID", "SIZE_INVALID", "RANGE_INVALID"];
/// Codes for blobs that are not seen yet.
const LAGGING: &[&str] = &["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "LayersNotFoundException"];
const MISSING: &[&str] = &["NAME_UNKNOWN", "NAME_INVALID", "RepositoryNotFoundException"];

impl Repository<'_> {
    /// Pushes blobs, as many at a time as the client's options say; the answers are in the order of the uploads. The
    /// first error ends it; what was sent stays there, and the next push finds it.
    pub fn push_blobs(&self, uploads: &[Upload<'_>]) -> Result<Vec<Sent>> {
        let mut seen = BTreeSet::new();
        let once: Vec<usize> = (0..uploads.len()).filter(|at| seen.insert(uploads[*at].descriptor.digest)).collect();
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let results = Mutex::new(Vec::new());
        let work = || {
            while !stopped.load(Ordering::Relaxed)
                && let Some(at) = once.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let result = self.push_blob(&uploads[*at]);
                stopped.fetch_or(result.is_err(), Ordering::Relaxed);
                results.lock().unwrap_or_else(PoisonError::into_inner).push((*at, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.client.options.parallel.min(once.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(at, _)| *at);
        let mut sent = vec![Sent::There; uploads.len()];
        for (at, result) in results {
            sent[at] = result?;
        }
        Ok(sent)
    }

    /// Pushes one blob.
    pub fn push_blob(&self, upload: &Upload<'_>) -> Result<Sent> {
        // Asked for twice at most, so that a registry that breaks down over mounts gets the blob all the same.
        let mut mounts: Vec<&str> = self.mount_of(upload).filter(|from| *from != self.name()).into_iter().collect();
        mounts.extend_from_within(..);
        let sent = self.retrying(|| self.push_blob_once(upload, &mut mounts))?;
        let (digest, registry) = (upload.descriptor.digest.short(), self.registry());
        match sent {
            Sent::There => self.progress.detail(|| format!("{digest} is on {registry}")),
            Sent::Mounted => self.progress.detail(|| format!("{digest} was mounted on {registry}")),
            Sent::Sent => self.progress.say(&format!("pushed {digest} ({})", human(upload.descriptor.size))),
        }
        Ok(sent)
    }

    fn mount_of<'b>(&self, upload: &Upload<'b>) -> Option<&'b str> {
        upload.mount_from.or(match upload.source {
            Source::Blob(repository) if repository.registry() == self.registry() => Some(repository.name()),
            _ => None,
        })
    }

    fn push_blob_once(&self, upload: &Upload<'_>, mounts: &mut Vec<&str>) -> Result<Sent, Trouble> {
        let digest = &upload.descriptor.digest;
        match self.has_blob_once(digest, &self.push_scope()) {
            Ok(true) => return Ok(Sent::There),
            Ok(false) => {}
            // HEAD has no body, so that a POST says more of why not.
            Err(Trouble::Fatal(Error::Registry(error))) if matches!(*error, RegistryError::Refused { .. }) => {}
            Err(trouble) => return Err(trouble),
        }
        match self.begin(digest, mounts)? {
            Begun::Mounted => Ok(Sent::Mounted),
            Begun::At(location) => self.send(upload, location).map(|()| Sent::Sent),
        }
    }

    /// A session for an upload, if the blob cannot be mounted.
    fn begin(&self, digest: &Digest, mounts: &mut Vec<&str>) -> Result<Begun, Trouble> {
        let asked = format!("the upload of {digest}");
        let url = self.place.url("blobs/uploads/")?;
        if let Some(from) = mounts.pop() {
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
            let scopes = [self.push_scope(), vec![format!("repository:{from}:pull")]].concat();
            let answered = self.once(post(url), &asked, &scopes);
            if !matches!(answered, Err(Trouble::Again(..))) {
                mounts.clear();
            }
            match answered {
                Ok(reply) if reply.answer.status == 201 => return Ok(Begun::Mounted),
                Ok(reply) if reply.answer.status == 202 => return self.session(&reply, &asked),
                // A registry that does not mount may say so in any way.
                Ok(_) | Err(Trouble::Fatal(_)) => {}
                Err(again) => return Err(again),
            }
        }
        let reply = self.once(post(url), &asked, &self.push_scope())?;
        match reply.answer.status {
            202 => self.session(&reply, &asked),
            _ => Err(reply.into_refusal(&self.place, &asked).into()),
        }
    }

    fn session(&self, reply: &Reply, asked: &str) -> Result<Begun, Trouble> {
        let location =
            reply.answer.header("location").ok_or_else(|| self.place.wrong(asked, "it names no Location"))?;
        let url = location::resolve(&reply.answer.url, location).map_err(|reason| self.place.wrong(asked, &reason))?;
        Ok(Begun::At(url))
    }

    fn send(&self, upload: &Upload<'_>, location: Url) -> Result<(), Trouble> {
        let descriptor = upload.descriptor;
        let asked = format!("the upload of {}", descriptor.digest);
        let reader = open(upload).map_err(Trouble::Fatal)?;
        let reader =
            self.progress.counted(|| format!("pushing {}", descriptor.digest.short()), descriptor.size, reader);
        let mut watched = Watched { inner: Verified::new(reader, descriptor.digest, descriptor.size), error: None };
        let url = location::with_digest(location, &descriptor.digest);
        let mut request = Request::new(Method::PUT, url, Body::Stream(&mut watched, descriptor.size));
        request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")));
        request.bytes = descriptor.size;
        let reply = self.once(request, &asked, &self.push_scope());
        if let Some(error) = watched.error {
            return Err(Trouble::Fatal(source_error(upload, error)));
        }
        let reply = reply?;
        match reply.answer.status {
            200..=204 => self.compare(&reply, &descriptor.digest, &asked),
            status => {
                let error = reply.into_refusal(&self.place, &asked);
                let RegistryError::Refused { refusal, .. } = &error else { return Err(error.into()) };
                // The session is gone, or the token was while the blob was on its way.
                let is_lost = matches!(status, 401 | 404 | 416) && !refusal.has(MISSING) || refusal.has(SPOILED);
                if is_lost { Err(Trouble::again(error)) } else { Err(error.into()) }
            }
        }
    }

    /// Pushes a manifest or index as it is, under a tag or its digest.
    pub fn push_manifest(&self, asked: &Asked, media_type: &MediaType, raw: &[u8]) -> Result<Digest> {
        let digest = Digest::of(raw);
        self.retrying(|| self.push_manifest_once(asked, media_type, raw, digest))?;
        Ok(digest)
    }

    fn push_manifest_once(
        &self,
        asked: &Asked,
        media_type: &MediaType,
        raw: &[u8],
        digest: Digest,
    ) -> Result<(), Trouble> {
        let what = format!("the push of the manifest {asked}");
        let mut request = Request::new(Method::PUT, self.place.url(&format!("manifests/{asked}"))?, Body::Bytes(raw));
        request.headers.push(header(CONTENT_TYPE, media_type.as_str(), &self.place)?);
        request.bytes = raw.len() as u64;
        let reply = self.once(request, &what, &self.push_scope())?;
        let status = reply.answer.status;
        if matches!(status, 200..=204) {
            return self.compare(&reply, &digest, &what);
        }
        let error = reply.into_refusal(&self.place, &what);
        let RegistryError::Refused { refusal, .. } = &error else { return Err(error.into()) };
        if refusal.has(MISSING) {
            return Err(error.into());
        }
        if status == 404 || refusal.has(LAGGING) {
            return Err(Trouble::again(error));
        }
        // A tag that cannot be moved, and is where it should be.
        if matches!(status, 400 | 403 | 409 | 412)
            && self.head_once(asked, &self.push_scope()).is_ok_and(|there| there == Some(digest))
        {
            return Ok(());
        }
        Err(error.into())
    }

    /// The registry may name another digest than that of what was sent: then something else lies there.
    fn compare(&self, reply: &Reply, expected: &Digest, asked: &str) -> Result<(), Trouble> {
        match reply.answer.header(DIGEST) {
            Some(named) if named.parse::<Digest>().as_ref() != Ok(expected) => {
                Err(self.place.wrong(asked, &format!("it names another digest than {expected}")).into())
            }
            _ => Ok(()),
        }
    }
}

/// An empty body, so that `Content-Length: 0` is sent: some proxies want to see it.
fn post(url: Url) -> Request<'static> {
    Request::new(Method::POST, url, Body::Bytes(&[]))
}

fn open<'a>(upload: &'a Upload<'a>) -> Result<Box<dyn Read + 'a>> {
    Ok(match upload.source {
        Source::Bytes(bytes) => Box::new(bytes),
        Source::File(path) => {
            let file = File::open(path).map_err(Error::io("read", path))?;
            Box::new(BufReader::with_capacity(1 << 17, file))
        }
        Source::Blob(repository) => Box::new(repository.blob(upload.descriptor)?),
    })
}

/// Tells what the source did wrong from what the connection did.
struct Watched<R> {
    inner: R,
    error: Option<io::Error>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            let copy = io::Error::new(error.kind(), "the source cannot be read");
            if error.kind() != io::ErrorKind::Interrupted {
                self.error = Some(error);
            }
            copy
        })
    }
}

fn source_error(upload: &Upload<'_>, error: io::Error) -> Error {
    let blob = match upload.source {
        Source::File(path) => path.display().to_string(),
        Source::Bytes(_) | Source::Blob(_) => upload.descriptor.digest.to_string(),
    };
    let reason = error.to_string();
    match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Error>) {
        Some(Ok(error)) => *error,
        _ => RegistryError::Source { blob, reason }.into(),
    }
}
