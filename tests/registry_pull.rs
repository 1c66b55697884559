//! Pulling from registries that lie, never end, lead elsewhere or break off.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fmt::Write as _;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pack::lambda::Architecture;
use pack::progress::Progress;
use pack::registry::{Asked, Client, Descriptor, Digest, Document, MediaType, Repository};
use support::registry::{Image, Question, Reply, Server, Store, client, options, password, quiet, reference, shown};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn registry(quirk: impl Fn(&Question) -> Option<Reply> + Send + Sync + 'static) -> (Server, Arc<Store>) {
    let mut store = Store::default();
    store.ranges = true;
    let store = Arc::new(store);
    let kept = Arc::clone(&store);
    (Server::start(move |question| quirk(question).unwrap_or_else(|| store.answer(question))), kept)
}

fn always(line: &'static str, reply: Reply) -> impl Fn(&Question) -> Option<Reply> + Send + Sync {
    move |question| question.line().starts_with(line).then(|| reply.clone())
}

fn repository<'a>(client: &'a Client, server: &Server, progress: &'a Progress) -> Repository<'a> {
    client.repository(&reference(&format!("{}/team/base:1", server.address)), progress).unwrap()
}

fn tag() -> Asked {
    Asked::Tag("1".into())
}

/// Everything of an image, as a build pulls it.
fn pull(client: &Client, server: &Server) -> pack::error::Result<Vec<Vec<u8>>> {
    let progress = quiet();
    let repository = repository(client, server, &progress);
    repository.head(&tag())?;
    let manifest = repository.image(&tag(), Architecture::X86_64)?;
    let mut blobs = vec![repository.config(&manifest)?];
    let folder = tempfile::tempdir().unwrap();
    for layer in &manifest.layers {
        let path = folder.path().join(layer.digest.hex());
        let outcome = repository.download(layer, &path);
        assert_eq!(path.exists(), outcome.is_ok(), "a file is there whole or not at all");
        assert!(outcome.is_ok() || std::fs::read_dir(folder.path()).unwrap().count() == blobs.len() - 1);
        outcome?;
        blobs.push(std::fs::read(path).unwrap());
    }
    Ok(blobs)
}

fn image() -> Image {
    Image::new(&[vec![3; 300_000].as_slice(), b"second"])
}

fn fill(store: &Store, image: &Image) {
    for blob in image.layers.iter().chain([&image.config]) {
        store.blob("team/base", blob);
    }
    let digest = store.put_manifest("team/base", "amd64", OCI, &image.manifest);
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [
        {"mediaType": OCI, "digest": Digest::of(b"attestation"), "size": 9, "platform": {"os": "unknown", "architecture": "unknown"},
         "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {"mediaType": OCI, "digest": digest, "size": image.manifest.len(), "platform": {"os": "linux", "architecture": "amd64"}},
    ]});
    store.put_manifest("team/base", "1", INDEX, index.to_string().as_bytes());
}

#[test]
fn an_index_leads_to_the_image_of_an_architecture() {
    let (server, store) = registry(|_| None);
    let image = image();
    fill(&store, &image);
    let client = client(options());
    let blobs = pull(&client, &server).unwrap();
    assert_eq!(blobs, [image.config.clone(), image.layers[0].clone(), image.layers[1].clone()]);
    let progress = quiet();
    let repository = repository(&client, &server, &progress);
    let text = shown(&repository.image(&tag(), Architecture::Arm64).unwrap_err());
    assert!(text.contains("has no image for linux/arm64; it has linux/amd64"), "{text}");
    assert_eq!(repository.image(&tag(), Architecture::X86_64).unwrap().raw, image.manifest);
    let missing = repository.head(&Asked::Tag("2".into())).unwrap();
    assert_eq!(missing, None);
    let text = shown(&repository.manifest(&Asked::Tag("2".into())).unwrap_err());
    assert!(
        text.contains("refused the manifest 2 of team/base: 404 Not Found, MANIFEST_UNKNOWN: no such tag"),
        "{text}"
    );
}

#[test]
fn one_fault_anywhere_is_overcome() {
    let short = format!("HTTP/1.1 200 OK\r\ncontent-type: {OCI}\r\ncontent-length: 9999999\r\n\r\n{{");
    let faults = [
        Reply::Drop,
        Reply::error(503, "UNAVAILABLE", ""),
        Reply::new(429, &[("retry-after", "0")], ""),
        Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        Reply::Raw(short.into_bytes()),
    ];
    for fault in faults {
        for at in 0..6 {
            let (seen, fault) = (AtomicUsize::new(0), fault.clone());
            let (server, store) = registry(move |question| {
                (question.path() != "/v2/" && seen.fetch_add(1, Ordering::SeqCst) == at).then(|| fault.clone())
            });
            fill(&store, &image());
            pull(&client(options()), &server).unwrap_or_else(|error| panic!("at {at}: {}", shown(&error)));
        }
    }
}

/// A blob whose connections each bring some bytes and break.
#[test]
fn a_blob_goes_on_where_it_broke() {
    for ranges in [true, false] {
        let bytes: Vec<u8> = (0..400_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut store = Store::default();
        store.ranges = ranges;
        let descriptor = Descriptor::new(MediaType::OciLayer, store.blob("team/base", &bytes), bytes.len() as u64);
        let breaks = AtomicUsize::new(0);
        let server = Server::start(move |question| match store.answer(question) {
            Reply::Answer(status, headers, body)
                if question.path().contains("/blobs/") && breaks.fetch_add(1, Ordering::SeqCst) < 3 =>
            {
                let mut text = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    let _ = write!(text, "{name}: {value}\r\n");
                }
                let half = body.len() / 2;
                Reply::Raw([text.as_bytes(), b"\r\n", &body[..half]].concat())
            }
            reply => reply,
        });
        let (client, progress) = (client(options()), quiet());
        let mut read = Vec::new();
        repository(&client, &server, &progress).blob(&descriptor).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes, "ranges: {ranges}");
        let resumed = server.questions().iter().filter(|question| question.header("range").is_some()).count();
        assert_eq!(resumed, 3);
    }
}

#[test]
fn blobs_that_are_not_what_they_should_be_leave_no_file() {
    let right = b"right".to_vec();
    let descriptor = Descriptor::of(MediaType::OciLayer, &right);
    let line = "GET /v2/team/base/blobs/";
    let header = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (reply, reason) in [
        (Reply::new(200, &[], b"wrong"), Some("has the digest sha256:")),
        (Reply::new(200, &[], b"<html>Please log in</html>"), Some("has the digest sha256:")),
        (Reply::new(200, &[], b"rig"), Some("too early")),
        (Reply::new(200, &[], b""), Some("too early")),
        (Reply::Endless(header.as_bytes().to_vec()), Some("has the digest sha256:")),
        (Reply::Endless(format!("{header}5\r\nright\r\n").into_bytes()), None),
        (Reply::new(200, &[], b"right and more"), None),
        (Reply::new(204, &[], b""), Some("204 No Content")),
        (Reply::new(206, &[], b"right"), Some("206 Partial Content")),
        (Reply::error(404, "BLOB_UNKNOWN", "gone"), Some("404 Not Found, BLOB_UNKNOWN: gone")),
        (
            Reply::Raw([b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &vec![b'x'; 200_000]].concat()),
            Some("its headers have more than"),
        ),
    ] {
        let (server, _) = registry(always(line, reply));
        let (client, progress, folder) = (client(options()), quiet(), tempfile::tempdir().unwrap());
        let path = folder.path().join("blob");
        let outcome = repository(&client, &server, &progress).download(&descriptor, &path);
        match reason {
            None => {
                outcome.unwrap();
                assert_eq!(std::fs::read(&path).unwrap(), right);
            }
            Some(reason) => {
                let text = shown(&outcome.unwrap_err());
                assert!(
                    text.contains(reason) && text.contains(&server.address) && text.contains("team/base"),
                    "{reason}: {text}"
                );
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            }
        }
    }
}

#[test]
fn manifests_that_are_not_what_they_should_be_are_refused() {
    let line = "GET /v2/team/base/manifests/";
    let header = format!("HTTP/1.1 200 OK\r\ncontent-type: {OCI}\r\ntransfer-encoding: chunked\r\n\r\n");
    let wrong = Digest::of(b"other").to_string();
    for (reply, reason) in [
        (Reply::Endless(header.into_bytes()), "more than 4194304 bytes"),
        (
            Reply::new(200, &[("content-type", "text/html")], "<html>"),
            "it is not a manifest (expected value at line 1 column 1; Content-Type: text/html)",
        ),
        (Reply::new(200, &[("content-type", OCI)], "[".repeat(1 << 20)), "it is not a manifest"),
        (
            Reply::new(200, &[("content-type", OCI), ("docker-content-digest", &wrong)], image().manifest),
            "instead of sha256:",
        ),
        (
            Reply::new(
                200,
                &[],
                image().manifest.iter().map(|byte| if *byte == b'5' { b'6' } else { *byte }).collect::<Vec<_>>(),
            ),
            "sha266 digests are not supported, only sha256",
        ),
        (Reply::new(200, &[("content-type", INDEX)], image().manifest), "it says that it is"),
        (Reply::new(302, &[("location", "/v2/team/base/manifests/1")], ""), "it redirects more than 5 times"),
        (Reply::new(302, &[("location", "file:///etc/passwd")], ""), "not on the web"),
        (Reply::new(302, &[], ""), "302 Found"),
        (Reply::new(200, &[("content-type", OCI), ("content-encoding", "gzip")], "no gzip"), "no answer"),
        (Reply::new(403, &[], "\u{1b}[31m<html>"), "403 Forbidden"),
    ] {
        let (server, _) = registry(always(line, reply));
        let (client, progress) = (client(options()), quiet());
        let text = shown(&repository(&client, &server, &progress).manifest(&tag()).unwrap_err());
        assert!(text.contains(reason) && text.contains("the manifest 1"), "{reason}: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains("passwd"), "{text}");
    }
}

#[test]
fn an_index_that_lies_is_refused() {
    let image = image();
    let descriptor = |digest: Digest, size: usize, media_type: &str| {
        let entry = serde_json::json!({"mediaType": media_type, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": "amd64"}});
        serde_json::json!({"schemaVersion": 2, "manifests": [entry]}).to_string()
    };
    let (server, store) = registry(|_| None);
    let digest = store.put_manifest("team/base", "x", OCI, &image.manifest);
    let (client, progress) = (client(options()), quiet());
    let repository = repository(&client, &server, &progress);
    let inner = descriptor(digest, image.manifest.len(), OCI);
    let nested = store.put_manifest("team/base", "y", INDEX, inner.as_bytes());
    for (index, reason) in [
        (descriptor(digest, 1, OCI), "its size is another than the index says"),
        (descriptor(nested, inner.len(), INDEX), "it is an index in an index"),
        (r#"{"schemaVersion":2,"manifests":[]}"#.into(), "it has none at all"),
    ] {
        store.put_manifest("team/base", "1", INDEX, index.as_bytes());
        let text = shown(&repository.image(&tag(), Architecture::X86_64).unwrap_err());
        assert!(text.contains(reason), "{text}");
    }
    assert!(matches!(repository.manifest(&tag()).unwrap(), Document::Index(_)));
}

#[test]
fn a_registry_without_head_is_asked_in_full() {
    for reply in [Reply::error(405, "UNSUPPORTED", ""), Reply::new(200, &[], "")] {
        let (server, store) = registry(always("HEAD /v2/team/base/manifests/", reply));
        fill(&store, &image());
        let (client, progress) = (client(options()), quiet());
        let expected = store.manifest("team/base", "1").map(|raw| Digest::of(&raw));
        assert_eq!(repository(&client, &server, &progress).head(&tag()).unwrap(), expected);
    }
}

/// Blobs often lie elsewhere, where the registry's password is nobody's business.
#[test]
fn redirects_take_no_authorization_along() {
    let bytes = b"layer";
    let elsewhere = Server::start(move |_| Reply::new(200, &[], bytes));
    let target = format!("http://{}/bucket/blob?X-Amz-Signature=s3cret", elsewhere.address);
    let store = Store::default();
    let descriptor = Descriptor::new(MediaType::OciLayer, store.blob("team/base", bytes), 5);
    let there = descriptor.digest;
    let server = Server::start(move |question| {
        if question.header("authorization") != Some("Basic dTpwYXNzdzByZA==") {
            return Reply::new(401, &[("www-authenticate", "Basic realm=x")], "");
        }
        match question.path() {
            "/v2/team/base/blobs/near" => {
                store.answer(&Question { target: format!("/v2/team/base/blobs/{there}"), ..question.clone() })
            }
            path if path.contains("/blobs/") => Reply::new(307, &[("location", &target)], ""),
            _ => Reply::new(307, &[("location", "near")], ""),
        }
    });
    let mut with_password = options();
    with_password.credentials = password("u", "passw0rd");
    let (client, progress) = (client(with_password), quiet());
    let mut read = Vec::new();
    repository(&client, &server, &progress).blob(&descriptor).unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, bytes);
    let asked = elsewhere.questions();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].headers.iter().all(|(_, value)| !value.contains("dTpw")), "{asked:?}");
}

/// Somebody else's 401 must not learn the registry's password.
#[test]
fn a_challenge_from_elsewhere_is_not_answered() {
    let tokens = Server::start(|_| Reply::new(200, &[], r#"{"token":"t"}"#));
    let challenge = format!("Bearer realm=\"http://{}/token\"", tokens.address);
    let elsewhere = Server::start(move |_| Reply::new(401, &[("www-authenticate", &challenge)], ""));
    let target = format!("http://{}/blob", elsewhere.address);
    let (server, _) = registry(move |question| {
        question.path().contains("/blobs/").then(|| Reply::new(307, &[("location", &target)], ""))
    });
    let mut with_password = options();
    with_password.credentials = password("u", "passw0rd");
    let (client, progress) = (client(with_password), quiet());
    let descriptor = Descriptor::of(MediaType::OciLayer, b"x");
    let error = repository(&client, &server, &progress).blob(&descriptor).map(|_| ()).unwrap_err();
    assert!(shown(&error).contains("401 Unauthorized"), "{}", shown(&error));
    assert!(tokens.questions().is_empty());
}

/// The question whether a registry speaks plain HTTP is one that a connection may break at.
#[test]
fn the_first_question_may_break_too() {
    let seen = AtomicUsize::new(0);
    let (server, store) = registry(move |_| (seen.fetch_add(1, Ordering::SeqCst) == 0).then_some(Reply::Drop));
    fill(&store, &image());
    pull(&client(options()), &server).unwrap();
}

#[test]
fn what_a_redirect_is_signed_with_is_not_shown() {
    let elsewhere = Server::start(|_| Reply::error(403, "AccessDenied", "no"));
    let target = format!("http://{}/bucket?X-Amz-Signature=s3cret", elsewhere.address);
    let (server, _) = registry(move |question| {
        question.path().contains("/blobs/").then(|| Reply::new(307, &[("location", &target)], ""))
    });
    let (client, progress) = (client(options()), quiet());
    let descriptor = Descriptor::of(MediaType::OciLayer, b"x");
    let error = repository(&client, &server, &progress).blob(&descriptor).map(|_| ()).unwrap_err();
    assert!(!shown(&error).contains("s3cret"), "{}", shown(&error));
}

#[test]
fn nobody_at_home() {
    let (client, progress) = (client(options()), quiet());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let repository = client.repository(&reference(&format!("{address}/a")), &progress).unwrap();
    let text = shown(&repository.manifest(&tag()).unwrap_err());
    assert!(text.contains("connection refused") && text.contains("check the network"), "{text}");
}
