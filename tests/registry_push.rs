//! Pushing to a registry that is slow, forgetful, strict or broken, as ECR and proxies are now and then.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pack::registry::{Asked, Client, Descriptor, MediaType, Sent, Source, Upload};
use support::registry::{Image, Question, Reply, Server, Store, client, options, quiet, reference, shown};

fn image() -> Image {
    Image::new(&[vec![1; 300_000].as_slice(), b"second", b""])
}

/// A registry that answers itself where `quirk` does not.
fn registry(quirk: impl Fn(&Question) -> Option<Reply> + Send + Sync + 'static) -> (Server, Arc<Store>) {
    let store = Arc::new(Store::default());
    let kept = Arc::clone(&store);
    (Server::start(move |question| quirk(question).unwrap_or_else(|| store.answer(question))), kept)
}

/// The reply for the first `times` questions that begin so.
fn first(times: usize, line: &'static str, reply: Reply) -> impl Fn(&Question) -> Option<Reply> + Send + Sync {
    let seen = AtomicUsize::new(0);
    move |question| {
        (question.line().starts_with(line) && seen.fetch_add(1, Ordering::SeqCst) < times).then(|| reply.clone())
    }
}

fn push(client: &Client, server: &Server, image: &Image) -> pack::error::Result<Vec<Sent>> {
    let progress = quiet();
    let repository = client.repository(&reference(&format!("{}/team/app:1", server.address)), &progress)?;
    image.push(&repository, "1")
}

#[test]
fn blobs_go_in_one_put_each_and_only_once() {
    let (server, store) = registry(|_| None);
    let (client, image) = (client(options()), image());
    assert_eq!(push(&client, &server, &image).unwrap(), [Sent::Sent; 4]);
    assert_eq!(store.manifest("team/app", "1").unwrap(), image.manifest);
    assert_eq!((server.count("POST"), server.count("PUT"), server.count("PATCH")), (4, 5, 0));
    for put in server.questions().iter().filter(|question| question.method == "PUT") {
        assert_eq!(put.header("content-length"), Some(put.body.len().to_string().as_str()), "{}", put.target);
        assert_eq!(put.header("transfer-encoding"), None);
    }
    assert!(
        server
            .questions()
            .iter()
            .filter(|question| question.method == "POST")
            .all(|post| post.header("content-length") == Some("0"))
    );
    assert_eq!(push(&client, &server, &image).unwrap(), [Sent::There; 4]);
    assert_eq!((server.count("POST"), server.count("PUT")), (4, 6), "the second time only the manifest");
}

#[test]
fn a_blob_that_is_named_twice_is_sent_once() {
    let (server, _) = registry(|_| None);
    let image = Image::new(&[b"same", b"same"]);
    push(&client(options()), &server, &image).unwrap();
    assert_eq!(server.count("POST"), 2);
}

/// A fault at each request in turn, at most one time: the push succeeds, and no manifest is there before its blobs.
#[test]
fn one_fault_anywhere_is_overcome() {
    let faults = [
        Reply::Drop,
        Reply::error(503, "UNAVAILABLE", ""),
        Reply::error(500, "UNKNOWN", ""),
        Reply::new(408, &[], ""),
        Reply::new(429, &[("retry-after", "0")], ""),
        Reply::new(502, &[], "<html>Bad Gateway</html>"),
        Reply::Raw(b"HTTP/1.1 2".to_vec()),
        Reply::Raw(b"SMTP ready\r\n\r\n".to_vec()),
    ];
    for fault in faults {
        for at in 0..13 {
            let seen = AtomicUsize::new(0);
            let fault = fault.clone();
            let (server, store) = registry(move |question| {
                (question.path() != "/v2/" && seen.fetch_add(1, Ordering::SeqCst) == at).then(|| fault.clone())
            });
            let image = image();
            push(&client(options()), &server, &image).unwrap_or_else(|error| panic!("at {at}: {}", shown(&error)));
            assert_eq!(store.manifest("team/app", "1").unwrap(), image.manifest);
            assert_eq!(server.count("PATCH"), 0);
        }
    }
}

#[test]
fn an_upload_that_is_cut_off_begins_anew() {
    let store = Arc::new(Store::default());
    let kept = Arc::clone(&store);
    let server = Server::start_cutting(3, move |question| store.answer(question));
    let image = Image::new(&[vec![5; 20_000_000].as_slice()]);
    push(&client(options()), &server, &image).unwrap();
    assert_eq!(kept.manifest("team/app", "1").unwrap(), image.manifest);
    assert_eq!((server.count("POST"), server.count("PATCH")), (5, 0));
}

#[test]
fn a_retry_begins_a_session_of_its_own() {
    for fault in [
        Reply::Drop,
        Reply::error(503, "", ""),
        Reply::error(404, "BLOB_UPLOAD_UNKNOWN", ""),
        Reply::error(400, "DIGEST_INVALID", ""),
        Reply::error(416, "", ""),
    ] {
        let (server, _) = registry(first(2, "PUT /v2/team/app/blobs", fault));
        push(&client(options()), &server, &Image::new(&[])).unwrap();
        let mut sessions: Vec<_> =
            server.lines().into_iter().filter(|line| line.starts_with("PUT /v2/team/app/blobs")).collect();
        assert_eq!(sessions.len(), 3);
        sessions.dedup();
        assert_eq!(sessions.len(), 3, "{sessions:?}");
    }
}

#[test]
fn what_arrived_though_the_answer_did_not_is_not_sent_again() {
    let store = Arc::new(Store::default());
    let puts = AtomicUsize::new(0);
    let server = Server::start(move |question| {
        let reply = store.answer(question);
        let is_first =
            question.line().starts_with("PUT /v2/team/app/blobs") && puts.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first { Reply::Drop } else { reply }
    });
    push(&client(options()), &server, &Image::new(&[])).unwrap();
    assert_eq!(server.count("PUT /v2/team/app/blobs"), 1);
}

#[test]
fn patience_ends_with_what_the_registry_said() {
    let (server, store) = registry(first(99, "POST", Reply::error(503, "UNAVAILABLE", "try later")));
    let error = push(&client(options()), &server, &Image::new(&[])).unwrap_err();
    let text = shown(&error);
    for part in [
        server.address.as_str(),
        "team/app",
        "the upload of sha256:",
        "503 Service Unavailable, UNAVAILABLE: try later",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(server.count("POST"), 5);
    assert!(store.manifest("team/app", "1").is_none());
}

#[test]
fn retry_after_is_waited_for_within_bounds() {
    let (server, _) = registry(first(1, "HEAD", Reply::new(429, &[("retry-after", "3600")], "")));
    let start = Instant::now();
    push(&client(options()), &server, &Image::new(&[])).unwrap();
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(600) && waited < Duration::from_mins(1), "{waited:?}");
}

#[test]
fn an_immutable_tag_with_the_same_image_is_a_success() {
    for (status, code) in
        [(400, "TAG_INVALID"), (400, "ImageTagAlreadyExistsException"), (403, "DENIED"), (409, "CONFLICT")]
    {
        let message = "The image tag '1' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable.";
        let (server, store) = registry(first(2, "PUT /v2/team/app/manifests", Reply::error(status, code, message)));
        let image = image();
        store.put_manifest("team/app", "1", MediaType::OciManifest.as_str(), &image.manifest);
        push(&client(options()), &server, &image).unwrap();
        store.put_manifest("team/app", "1", MediaType::OciManifest.as_str(), b"{}");
        let text = shown(&push(&client(options()), &server, &image).unwrap_err());
        assert!(text.contains("cannot be overwritten") && text.contains("choose a new one"), "{text}");
    }
}

#[test]
fn a_manifest_waits_for_blobs_that_are_not_seen_yet() {
    for lag in [
        Reply::error(404, "MANIFEST_BLOB_UNKNOWN", ""),
        Reply::error(400, "MANIFEST_BLOB_UNKNOWN", ""),
        Reply::new(404, &[], ""),
    ] {
        let (server, store) = registry(first(3, "PUT /v2/team/app/manifests", lag));
        push(&client(options()), &server, &image()).unwrap();
        assert!(store.manifest("team/app", "1").is_some());
    }
    let (server, _) =
        registry(first(99, "PUT /v2/team/app/manifests", Reply::error(404, "MANIFEST_BLOB_UNKNOWN", "sha256:1")));
    let text = shown(&push(&client(options()), &server, &image()).unwrap_err());
    assert!(text.contains("MANIFEST_BLOB_UNKNOWN"), "{text}");
}

#[test]
fn a_missing_repository_has_to_be_created() {
    for missing in [Reply::error(404, "NAME_UNKNOWN", "no such repository"), Reply::new(404, &[], "")] {
        let (server, _) = registry(first(99, "POST", missing));
        let text = shown(&push(&client(options()), &server, &image()).unwrap_err());
        assert!(text.contains("create the repository team/app on 127.0.0.1"), "{text}");
        assert!(server.count("POST") <= 4, "it is not asked again");
    }
    let (server, _) = registry(first(99, "", Reply::Drop));
    let text = shown(&push(&client(options()), &server, &image()).unwrap_err());
    assert!(text.contains("gave no answer to the"), "{text}");
}

#[test]
fn mounts_are_taken_or_done_without() {
    let (descriptor, bytes) = (Descriptor::of(MediaType::OciLayer, b"layer"), b"layer");
    let upload = Upload { descriptor: &descriptor, source: Source::Bytes(bytes), mount_from: Some("team/base") };
    for (mounts, refused, expected, posts) in [
        (true, None, Sent::Mounted, 1),
        (false, None, Sent::Sent, 1),
        (false, Some(Reply::error(403, "DENIED", "")), Sent::Sent, 2),
        (false, Some(Reply::error(404, "BLOB_UNKNOWN", "")), Sent::Sent, 2),
    ] {
        let mut store = Store::default();
        store.mounts = mounts;
        store.blob("team/base", bytes);
        let server = Server::start(move |question| match (&refused, question.query("mount")) {
            (Some(refused), Some(_)) => refused.clone(),
            _ => store.answer(question),
        });
        let (client, progress) = (client(options()), quiet());
        let repository = client.repository(&reference(&format!("{}/team/app", server.address)), &progress).unwrap();
        assert_eq!(repository.push_blob(&upload).unwrap(), expected);
        assert_eq!(server.count("POST"), posts, "a declined mount is a session");
        let asked = server.questions().into_iter().find(|question| question.method == "POST").unwrap();
        assert_eq!(asked.query("from").as_deref(), Some("team/base"));
    }
}

#[test]
fn a_mount_that_breaks_is_asked_for_once_more() {
    let (descriptor, bytes) = (Descriptor::of(MediaType::OciLayer, b"layer"), b"layer");
    let upload = Upload { descriptor: &descriptor, source: Source::Bytes(bytes), mount_from: Some("team/base") };
    for (times, expected) in [(1, Sent::Mounted), (9, Sent::Sent)] {
        let mut store = Store::default();
        store.mounts = true;
        store.blob("team/base", bytes);
        let seen = AtomicUsize::new(0);
        let server = Server::start(move |question| {
            let is_broken = question.query("mount").is_some() && seen.fetch_add(1, Ordering::SeqCst) < times;
            if is_broken { Reply::error(500, "UNKNOWN", "") } else { store.answer(question) }
        });
        let (client, progress) = (client(options()), quiet());
        let repository = client.repository(&reference(&format!("{}/team/app", server.address)), &progress).unwrap();
        assert_eq!(repository.push_blob(&upload).unwrap(), expected);
    }
}

#[test]
fn a_blob_goes_from_registry_to_registry() {
    let (from, store) = registry(|_| None);
    let (to, _) = registry(|_| None);
    let bytes = vec![7; 1 << 20];
    let descriptor = Descriptor::new(MediaType::OciLayer, store.blob("base", &bytes), bytes.len() as u64);
    let (client, progress) = (client(options()), quiet());
    let base = client.repository(&reference(&format!("{}/base", from.address)), &progress).unwrap();
    let app = client.repository(&reference(&format!("{}/app", to.address)), &progress).unwrap();
    let upload = Upload { descriptor: &descriptor, source: Source::Blob(&base), mount_from: None };
    assert_eq!(app.push_blob(&upload).unwrap(), Sent::Sent);
    assert!(app.has_blob(&descriptor.digest).unwrap());
    assert!(to.questions().iter().all(|question| question.query("mount").is_none()));
}

#[test]
fn a_file_that_changed_is_not_sent_to_its_end() {
    let descriptor = Descriptor::of(MediaType::OciLayer, &vec![1; 200_000]);
    for (content, reason) in
        [(vec![2; 200_000], "has the digest"), (vec![1; 1000], "too early"), (vec![1; 200_001], "")]
    {
        let (server, _) = registry(|_| None);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&content).unwrap();
        let (client, progress) = (client(options()), quiet());
        let repository = client.repository(&reference(&format!("{}/app", server.address)), &progress).unwrap();
        let outcome = repository.push_blob(&Upload {
            descriptor: &descriptor,
            source: Source::File(file.path()),
            mount_from: None,
        });
        if reason.is_empty() {
            outcome.unwrap();
        } else {
            let text = shown(&outcome.unwrap_err());
            assert!(text.contains("cannot be sent") && text.contains(reason), "{text}");
            assert_eq!(server.count("PUT"), 0, "no whole PUT arrived");
            assert_eq!(server.count("POST"), 1, "it would be no better the next time");
        }
    }
}

#[test]
fn another_digest_in_the_answer_is_an_error() {
    let wrong = pack::registry::Digest::of(b"other").to_string();
    let (server, _) =
        registry(first(9, "PUT /v2/team/app/manifests", Reply::new(201, &[("docker-content-digest", &wrong)], "")));
    let text = shown(&push(&client(options()), &server, &image()).unwrap_err());
    assert!(text.contains("names another digest"), "{text}");
}

#[test]
fn wrong_locations_are_refused_in_words() {
    for location in ["", "file:///etc/passwd", "https://u:p@127.0.0.1/", "http://[", "//"] {
        let (server, _) = registry(first(9, "POST", Reply::new(202, &[("location", location)], "")));
        let text = shown(&push(&client(options()), &server, &Image::new(&[])).unwrap_err());
        assert!(text.contains("the upload of"), "{location}: {text}");
    }
    let (server, _) = registry(first(9, "POST", Reply::new(202, &[], "")));
    let text = shown(&push(&client(options()), &server, &Image::new(&[])).unwrap_err());
    assert!(text.contains("it names no Location"), "{text}");
}

#[test]
fn tags_and_digests_name_a_manifest() {
    let (server, store) = registry(|_| None);
    let (client, image, progress) = (client(options()), image(), quiet());
    let repository = client.repository(&reference(&format!("{}/a", server.address)), &progress).unwrap();
    repository.push_blobs(&image.uploads()).unwrap();
    let digest = pack::registry::Digest::of(&image.manifest);
    let pushed = repository.push_manifest(&Asked::Digest(digest), &MediaType::OciManifest, &image.manifest).unwrap();
    assert_eq!(pushed, digest);
    assert!(store.manifest("a", &digest.to_string()).is_some());
}
