//! What a registry has to do, in memory: blobs, sessions that are good for one PUT, manifests whose blobs are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use pack::registry::Digest;

use super::server::{Question, Reply};

/// The state of a registry. Repositories share nothing but what `mounts` allows.
#[derive(Default)]
pub(crate) struct Store {
    state: Mutex<State>,
    /// Whether a blob of another repository is taken over.
    pub(crate) mounts: bool,
    /// Whether ranges are answered.
    pub(crate) ranges: bool,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<(String, String), Vec<u8>>,
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    sessions: BTreeSet<String>,
    made: usize,
}

impl Store {
    pub(crate) fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.state.lock().unwrap().blobs.insert((repository.into(), digest.to_string()), bytes.to_vec());
        digest
    }

    /// Changes the first byte of a blob that keeps its name.
    pub(crate) fn spoil(&self, repository: &str, digest: &str) {
        let mut state = self.state.lock().unwrap();
        state.blobs.get_mut(&(repository.into(), digest.into())).unwrap()[0] ^= 1;
    }

    pub(crate) fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let mut state = self.state.lock().unwrap();
        for name in [tag.to_owned(), digest.to_string()] {
            state.manifests.insert((repository.into(), name), (media_type.into(), bytes.to_vec()));
        }
        digest
    }

    pub(crate) fn manifest(&self, repository: &str, tag: &str) -> Option<Vec<u8>> {
        let state = self.state.lock().unwrap();
        state.manifests.get(&(repository.into(), tag.into())).map(|(_, bytes)| bytes.clone())
    }

    pub(crate) fn answer(&self, question: &Question) -> Reply {
        let Some(rest) = question.path().strip_prefix("/v2/") else { return Reply::error(404, "PAGE", "") };
        if rest.is_empty() {
            return Reply::new(200, &[], "{}");
        }
        for kind in ["/blobs/uploads/", "/blobs/", "/manifests/"] {
            if let Some((repository, name)) = rest.split_once(kind) {
                return match (kind, question.method.as_str()) {
                    ("/blobs/uploads/", "POST") => self.begin(question, repository),
                    ("/blobs/uploads/", "PUT") => self.end(question, repository, name),
                    ("/blobs/", "GET" | "HEAD") => self.get_blob(question, repository, name),
                    ("/manifests/", "GET" | "HEAD") => self.get_manifest(repository, name),
                    ("/manifests/", "PUT") => self.take_manifest(question, repository, name),
                    _ => Reply::error(405, "UNSUPPORTED", ""),
                };
            }
        }
        Reply::error(404, "PAGE", "")
    }

    fn begin(&self, question: &Question, repository: &str) -> Reply {
        let mut state = self.state.lock().unwrap();
        if let (true, Some(digest), Some(from)) = (self.mounts, question.query("mount"), question.query("from"))
            && let Some(bytes) = state.blobs.get(&(from, digest.clone())).cloned()
        {
            state.blobs.insert((repository.into(), digest), bytes);
            return Reply::new(201, &[], "");
        }
        state.made += 1;
        let session = format!("s{}", state.made);
        state.sessions.insert(session.clone());
        Reply::new(202, &[("location", &format!("/v2/{repository}/blobs/uploads/{session}?_state=a%2Fb%3D"))], "")
    }

    fn end(&self, question: &Question, repository: &str, session: &str) -> Reply {
        let mut state = self.state.lock().unwrap();
        if !state.sessions.remove(session) {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "session lost");
        }
        let digest = question.query("digest").unwrap();
        if !question.target.contains("?_state=a%2Fb%3D&") || digest != Digest::of(&question.body).to_string() {
            return Reply::error(400, "DIGEST_INVALID", "");
        }
        state.blobs.insert((repository.into(), digest.clone()), question.body.clone());
        Reply::new(201, &[("docker-content-digest", &digest)], "")
    }

    fn get_blob(&self, question: &Question, repository: &str, digest: &str) -> Reply {
        let state = self.state.lock().unwrap();
        let Some(bytes) = state.blobs.get(&(repository.into(), digest.into())) else {
            return Reply::error(404, "BLOB_UNKNOWN", "");
        };
        let offset =
            question.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        match offset {
            Some(offset) if self.ranges => {
                let range = format!("bytes {offset}-{}/{}", bytes.len() - 1, bytes.len());
                Reply::new(206, &[("content-range", &range)], &bytes[offset..])
            }
            _ => Reply::new(200, &[("docker-content-digest", digest)], bytes),
        }
    }

    fn get_manifest(&self, repository: &str, name: &str) -> Reply {
        let state = self.state.lock().unwrap();
        match state.manifests.get(&(repository.into(), name.into())) {
            Some((media_type, bytes)) => {
                let digest = Digest::of(bytes).to_string();
                Reply::new(200, &[("content-type", media_type), ("docker-content-digest", &digest)], bytes)
            }
            None => Reply::error(404, "MANIFEST_UNKNOWN", "no such tag"),
        }
    }

    fn take_manifest(&self, question: &Question, repository: &str, name: &str) -> Reply {
        let manifest: serde_json::Value = serde_json::from_slice(&question.body).unwrap();
        let named = manifest["layers"].as_array().into_iter().flatten().chain([&manifest["config"]]);
        {
            let state = self.state.lock().unwrap();
            for blob in named {
                let digest = blob["digest"].as_str().unwrap_or_default().to_owned();
                if !state.blobs.contains_key(&(repository.into(), digest)) {
                    return Reply::error(404, "MANIFEST_BLOB_UNKNOWN", "a blob is missing");
                }
            }
        }
        let media_type = question.header("content-type").unwrap();
        let digest = self.put_manifest(repository, name, media_type, &question.body);
        Reply::new(201, &[("docker-content-digest", &digest.to_string())], "")
    }
}
