//! A blob as a stream: verified, and gone on with where a connection broke.
//!
//! What must stay true: what is handed on is at most what the descriptor announces, and never its end unless the digest
//! is right, however many connections it took. `Content-Length` decides nothing. Source: RFC 9110, 14 (ranges).

use std::io::{self, Read};

use ureq::http::Method;
use ureq::http::header::{HeaderValue, RANGE};

use super::descriptor::Descriptor;
use super::digest::Verified;
use super::http::{Body, Request, failure};
use super::repository::{Place, Repository, Trouble};
use crate::error::{Error, Result};

/// A connection that brought so much before it broke counts as the first one again.
const PROGRESS: u64 = 1 << 20;

type Connection = Box<dyn Read + Send>;

/// Reads a blob.
pub struct BlobReader<'a> {
    repository: Repository<'a>,
    descriptor: Descriptor,
    inner: Verified<Connection>,
    breaks: u32,
    /// Bytes that were missing at the last break.
    left: u64,
    failed: bool,
}

impl<'a> BlobReader<'a> {
    pub(super) fn open(repository: &Repository<'a>, descriptor: &Descriptor) -> Result<Self> {
        let connection = repository.retrying(|| connect(repository, descriptor, 0))?;
        Ok(Self {
            repository: repository.clone(),
            descriptor: descriptor.clone(),
            inner: Verified::new(connection, descriptor.digest, descriptor.size),
            breaks: 0,
            left: descriptor.size,
            failed: false,
        })
    }

    fn asked(&self) -> String {
        format!("the blob {}", self.descriptor.digest)
    }

    /// Another connection, from where the last one broke.
    fn resume(&mut self, error: io::Error) -> Result<()> {
        if self.left - self.inner.left() >= PROGRESS {
            self.breaks = 0;
        }
        self.left = self.inner.left();
        self.breaks += 1;
        let place = &self.repository.place;
        let reason = failure(&ureq::Error::from(error));
        let error = place.unreachable(&self.asked(), reason.reason());
        let Some(delay) = self.repository.client.options.patience.delay(self.breaks, None) else {
            return Err(error.into());
        };
        self.repository.progress.say(&format!("{error}; going on in {:.1} s", delay.as_secs_f32()));
        std::thread::sleep(delay);
        let offset = self.descriptor.size - self.left;
        let connection = self.repository.retrying(|| connect(&self.repository, &self.descriptor, offset))?;
        self.inner.replace(connection);
        Ok(())
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.failed {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the blob could not be read"));
            }
            let error = match self.inner.read(buffer) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let outcome = if self.inner.left() == 0 {
                Err(self.repository.place.wrong(&self.asked(), &error.to_string()).into())
            } else {
                self.resume(error)
            };
            if let Err(error) = outcome {
                self.failed = true;
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

/// The error that a [`BlobReader`] gave, which `io::Error` wraps.
pub(super) fn into_error(error: io::Error, place: &Place) -> Error {
    let reason = error.to_string();
    match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Error>) {
        Some(Ok(error)) => *error,
        _ => place.unreachable("a blob", &reason).into(),
    }
}

fn connect(repository: &Repository<'_>, descriptor: &Descriptor, offset: u64) -> Result<Connection, Trouble> {
    let place = &repository.place;
    let asked = format!("the blob {}", descriptor.digest);
    let mut request = Request::new(Method::GET, place.url(&format!("blobs/{}", descriptor.digest))?, Body::None);
    request.bytes = descriptor.size;
    if offset > 0 {
        let range = HeaderValue::from_str(&format!("bytes={offset}-"));
        request.headers.push((RANGE, range.map_err(|_| place.wrong(&asked, "it has no such part"))?));
    }
    let reply = repository.once(request, &asked, &repository.pull_scope())?;
    match reply.answer.status {
        200 => {
            let mut reader = reply.answer.into_reader();
            // The whole again: what was handed on already is passed over. The digest is over what was handed on.
            let passed = io::copy(&mut (&mut reader).take(offset), &mut io::sink());
            let passed = passed.map_err(|error| place.failed(&asked, &failure(&ureq::Error::from(error))))?;
            if passed < offset {
                return Err(Trouble::again(place.unreachable(&asked, "it ended too early")));
            }
            Ok(Box::new(reader))
        }
        206 if offset > 0 => {
            let range = reply.answer.header("content-range").unwrap_or_default();
            if !range.starts_with(&format!("bytes {offset}-")) {
                return Err(place.wrong(&asked, "it sends another part than was asked for").into());
            }
            Ok(Box::new(reply.answer.into_reader()))
        }
        _ => Err(reply.into_refusal(place, &asked).into()),
    }
}
