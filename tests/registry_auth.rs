//! Tokens, passwords and the files that they come from; and that nobody else sees them.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pack::registry::{Asked, Credential, Credentials, Options};
use support::registry::{Image, Question, Reply, Server, Store, client, options, password, quiet, reference, shown};

const PASSWORD: &str = "c0rrect-horse";
const TOKEN: &str = "t0ken-of-the-realm";

/// A registry that wants a token, and gives them out at its own `/token`. `give` answers there.
fn registry(give: impl Fn(&Question, usize) -> Reply + Send + Sync + 'static) -> Server {
    let store = Store::default();
    let (address, given) = (Arc::new(std::sync::OnceLock::<String>::new()), AtomicUsize::new(0));
    let own = Arc::clone(&address);
    let server = Server::start(move |question| {
        if question.path() == "/token" {
            return give(question, given.fetch_add(1, Ordering::SeqCst));
        }
        let is_let_in =
            question.header("authorization").is_some_and(|value| value.starts_with(&format!("Bearer {TOKEN}")));
        if is_let_in {
            return store.answer(question);
        }
        let repository = question.path().trim_start_matches("/v2/").split("/blobs").next().unwrap().to_owned();
        let realm = own.get().unwrap();
        let challenge = format!(
            "Bearer realm=\"http://{realm}/token?x=1\",service=\"the service\",scope=\"repository:{repository}:pull\""
        );
        Reply::new(401, &[("www-authenticate", &challenge)], r#"{"errors":[{"code":"UNAUTHORIZED","message":"who?"}]}"#)
    });
    address.set(server.address.clone()).unwrap();
    server
}

fn give(field: &str, token: &str, seconds: u64) -> Reply {
    Reply::new(
        200,
        &[("content-type", "application/json")],
        format!(r#"{{"{field}":"{token}","expires_in":{seconds}}}"#),
    )
}

fn push(server: &Server, options: Options) -> pack::error::Result<()> {
    let (client, progress) = (client(options), quiet());
    let repository = client.repository(&reference(&format!("{}/team/app", server.address)), &progress)?;
    let layers: Vec<Vec<u8>> = (0..8).map(|byte| vec![byte; 1000]).collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    Image::new(&layers).push(&repository, "1").map(|_| ())
}

fn with(credentials: Credentials) -> Options {
    Options { credentials, ..options() }
}

fn tokens(server: &Server) -> Vec<Question> {
    server.questions().into_iter().filter(|question| question.path() == "/token").collect()
}

#[test]
fn one_token_is_enough_for_a_push_of_many_threads() {
    for field in ["token", "access_token"] {
        let server = registry(move |_, _| give(field, TOKEN, 300));
        push(&server, with(password("ada", PASSWORD))).unwrap();
        let asked = tokens(&server);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].method, "GET");
        assert_eq!(asked[0].query("x").as_deref(), Some("1"));
        assert_eq!(asked[0].query("service").as_deref(), Some("the+service"));
        assert_eq!(asked[0].query("scope").as_deref(), Some("repository:team/app:pull,push"));
        assert_eq!(asked[0].query("account").as_deref(), Some("ada"));
        assert_eq!(asked[0].header("authorization"), Some("Basic YWRhOmMwcnJlY3QtaG9yc2U="));
    }
}

#[test]
fn nobody_asks_for_a_token_as_nobody() {
    let server = registry(|_, _| give("token", TOKEN, 300));
    push(&server, options()).unwrap();
    assert_eq!(tokens(&server)[0].header("authorization"), None);
    assert_eq!(tokens(&server)[0].query("account"), None);
}

#[test]
fn a_token_that_is_no_longer_good_is_replaced() {
    // Good for a tenth of a second less than one: each takes part of the push.
    let server = registry(|_, _| give("token", TOKEN, 1));
    let (client, progress) = (client(options()), quiet());
    let repository = client.repository(&reference(&format!("{}/team/app", server.address)), &progress).unwrap();
    let has = || repository.has_blob(&pack::registry::Digest::of(b"")).unwrap();
    has();
    has();
    assert_eq!(tokens(&server).len(), 1);
    std::thread::sleep(std::time::Duration::from_millis(950));
    has();
    assert_eq!(tokens(&server).len(), 2);
}

#[test]
fn an_identity_token_is_exchanged_by_post() {
    let server = registry(|_, _| give("access_token", TOKEN, 300));
    push(&server, with(Credentials::given(Credential::Identity("refresh/me".to_owned().into())))).unwrap();
    let asked = tokens(&server);
    assert_eq!((asked.len(), asked[0].method.as_str()), (1, "POST"));
    assert_eq!(
        String::from_utf8_lossy(&asked[0].body),
        "grant_type=refresh_token&client_id=pack&service=the+service&scope=repository%3Ateam%2Fapp%3Apull%2Cpush&refresh_token=refresh%2Fme"
    );
    assert_eq!(asked[0].header("authorization"), None);
}

#[test]
fn a_token_server_that_repeats_the_refresh_token_shows_it_to_nobody() {
    let echo = r#"{"error":"invalid_grant","error_description":"refresh token hunter2-refresh has expired"}"#;
    let server = registry(move |_, _| Reply::new(400, &[], echo));
    let identity = Credential::Identity("hunter2-refresh".to_owned().into());
    let error = shown(&push(&server, with(Credentials::given(identity))).unwrap_err());
    assert!(error.contains("has expired") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_registry_token_is_sent_as_it_is() {
    let server = registry(|_, _| Reply::Drop);
    push(&server, with(Credentials::given(Credential::Token(TOKEN.to_owned().into())))).unwrap();
    assert_eq!(tokens(&server).len(), 0);
}

#[test]
fn a_token_server_in_trouble_is_asked_again() {
    let server = registry(|_, nth| match nth {
        0 => Reply::error(503, "", ""),
        1 => Reply::Drop,
        2 => Reply::new(429, &[("retry-after", "0")], ""),
        _ => give("token", TOKEN, 300),
    });
    push(&server, options()).unwrap();
    assert_eq!(tokens(&server).len(), 4);
}

#[test]
fn what_is_no_token_is_an_error_that_shows_no_secret() {
    let echo = format!(r#"{{"errors":[{{"code":"DENIED","message":"wrong: {PASSWORD} YWRhOmMwcnJlY3QtaG9yc2U="}}]}}"#);
    for (reply, reason) in [
        (Reply::new(401, &[], &echo), "401 Unauthorized, DENIED: wrong: *** ***"),
        (
            Reply::new(403, &[], r#"{"details":"incorrect username or password","error":"denied"}"#),
            "denied: incorrect username or password",
        ),
        (Reply::new(200, &[], "<html>"), "something else than JSON"),
        (Reply::new(200, &[], format!(r#"{{"token":["{PASSWORD}"]}}"#)), "something else than JSON"),
        (Reply::new(200, &[], "{}"), "gave none"),
        (Reply::new(200, &[], r#"{"token":"a\r\nX-Evil: 1"}"#), "gave none"),
        (Reply::new(200, &[], format!(r#"{{"token":"{}"}}"#, "x".repeat(100_000))), "gave none"),
        (Reply::new(200, &[], format!(r#"{{"token":"{}"}}"#, "x".repeat(2 << 20))), "more than 1048576 bytes"),
        (give("token", "wr0ng-token", 300), "401 Unauthorized, UNAUTHORIZED: who?"),
    ] {
        let server = registry(move |_, _| reply.clone());
        let text = shown(&push(&server, with(password("ada", PASSWORD))).unwrap_err());
        assert!(text.contains(reason), "{reason}: {text}");
        for secret in [PASSWORD, "YWRhOmMwcnJlY3QtaG9yc2U=", "wr0ng-token"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_realm_has_to_be_safe() {
    for realm in ["http://example.org/token", "ftp://example.org/", "token", "https://u:p@example.org/", ""] {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let server = Server::start(move |_| Reply::new(401, &[("www-authenticate", &challenge)], ""));
        let text = shown(&push(&server, with(password("ada", PASSWORD))).unwrap_err());
        let expected = if realm.is_empty() { "401 Unauthorized" } else { "a token for the use of team/app" };
        assert!(text.contains(expected), "{realm}: {text}");
    }
}

#[test]
fn a_password_is_sent_when_it_is_asked_for() {
    let store = Store::default();
    let server = Server::start(move |question| match question.header("authorization") {
        Some("Basic YWRhOmMwcnJlY3QtaG9yc2U=") => store.answer(question),
        seen => {
            let message = format!("saw {}", seen.unwrap_or_default());
            let headers = [("www-authenticate", "Negotiate"), ("www-authenticate", "Basic realm=\"x\"")];
            Reply::new(401, &headers, format!(r#"{{"errors":[{{"code":"UNAUTHORIZED","message":"{message}"}}]}}"#))
        }
    });
    push(&server, with(password("ada", PASSWORD))).unwrap();
    let refused = server.questions().iter().filter(|question| question.header("authorization").is_none()).count();
    assert!(refused <= 5, "once it is known it is sent at once");
    let text = shown(&push(&server, with(password("ada", "wr0ng-password"))).unwrap_err());
    assert!(text.contains("401 Unauthorized, UNAUTHORIZED: saw Basic ***") && text.contains("docker login"), "{text}");
    assert!(!text.contains("wr0ng"), "{text}");
    let text = shown(&push(&server, options()).unwrap_err());
    assert!(text.contains("wants credentials for team/app, and none were found"), "{text}");
}

/// A password for one repository of a host, and another that anybody may read.
#[test]
fn repositories_of_a_host_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let store = Store::default();
    store.put_manifest("open/base", "1", "application/vnd.oci.image.manifest.v1+json", b"{}");
    let server = Server::start(move |question| {
        let is_let_in = question.path().contains("/open/") || question.header("authorization").is_some();
        if is_let_in { store.answer(question) } else { Reply::new(401, &[("www-authenticate", "Basic")], "") }
    });
    std::fs::write(&path, format!(r#"{{"auths":{{"{}/team":{{"auth":"YWRhOng="}}}}}}"#, server.address)).unwrap();
    let (client, progress) = (client(with(Credentials::from_files(vec![path]))), quiet());
    for (name, expected) in [("team/app", false), ("open/base", true), ("team/app", false)] {
        let repository = client.repository(&reference(&format!("{}/{name}", server.address)), &progress).unwrap();
        assert_eq!(repository.head(&Asked::Tag("1".into())).unwrap().is_some(), expected);
    }
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let text = format!("{:?}", with(password("ada", PASSWORD)));
    assert!(text.contains("ada") && !text.contains(PASSWORD), "{text}");
}

#[test]
fn ecr_without_credentials_names_the_command() {
    let (client, progress) = (client(options()), quiet());
    let name = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1";
    let text = shown(&client.repository(&reference(name), &progress).map(|_| ()).unwrap_err());
    assert!(text.contains("aws ecr get-login-password --region eu-west-1 | docker login --username AWS"), "{text}");
}

/// Run by the tests below in an environment of its own: what is found for `host.org/team/app` goes to standard output.
#[test]
#[ignore = "a part of other tests"]
fn find_in_this_environment() {
    match Credentials::from_environment().find("host.org", "team/app") {
        Ok(Some(Credential::Password { user, .. })) => println!("found {user}<end>"),
        Ok(other) => println!("found {other:?}<end>"),
        Err(error) => println!("found {}<end>", shown(&error)),
    }
}

/// A folder as home, with helpers on PATH that are shell scripts.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn helper(&self, script: &str) {
        self.write("bin/docker-credential-mine", &format!("#!/bin/sh\n{script}\n"));
    }

    fn find(&self) -> String {
        let home = self.0.path();
        let path = format!("{}:/usr/bin:/bin", home.join("bin").display());
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "find_in_this_environment", "--ignored", "--nocapture"])
            .env_clear()
            .envs([("HOME", home.as_os_str()), ("PATH", path.as_ref())])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let found = text.split_once("found ").and_then(|(_, found)| found.split_once("<end>")).map(|(found, _)| found);
        found.unwrap_or(&text).to_owned()
    }
}

#[test]
fn files_and_helpers_of_a_home() {
    let home = Home::new();
    assert_eq!(home.find(), "None");
    home.write(".docker/config.json", r#"{"credsStore":"mine","auths":{"host.org":{}}}"#);
    home.helper(r#"read -r server; [ "$1 $server" = "get host.org" ] && echo '{"ServerURL":"host.org","Username":"stored","Secret":"s3cret"}'"#);
    assert_eq!(home.find(), "stored");
    home.write(".config/containers/auth.json", r#"{"auths":{"host.org/team":{"auth":"cG9kbWFuOng="}}}"#);
    assert_eq!(home.find(), "podman", "Podman's file goes before Docker's");
    home.write(
        ".config/containers/auth.json",
        r#"{"auths":{"other.org":{"auth":"cG9kbWFuOng="}},"credHelpers":{"host.org":"mine"}}"#,
    );
    assert_eq!(home.find(), "stored");
    home.helper(r#"echo '{"Username":"<token>","Secret":"s3cret"}'"#);
    assert_eq!(home.find(), "Some(Identity(***))");
    home.helper("echo 'credentials not found in native keychain'; exit 1");
    assert_eq!(home.find(), "None");
    for script in ["echo s3cret; echo s3cret >&2; exit 1", r#"echo '{"Username":"s3cret"}'"#, "kill -9 $$"] {
        home.helper(script);
        let text = home.find();
        assert!(
            text.contains("docker-credential-mine gave no credentials for host.org") && !text.contains("s3cret"),
            "{text}"
        );
        assert!(text.contains("echo host.org | docker-credential-mine get"), "{text}");
    }
    for name in ["../evil", "none", "a b"] {
        home.write(".config/containers/auth.json", &format!(r#"{{"credsStore":"{name}"}}"#));
        assert!(home.find().contains("gave no credentials"), "{name}");
    }
}

#[test]
fn tags_may_be_asked_for_by_anybody_who_may_pull() {
    let server = registry(|question, _| {
        assert_eq!(question.query("scope").as_deref(), Some("repository:team/app:pull"));
        give("token", TOKEN, 300)
    });
    let (client, progress) = (client(options()), quiet());
    let repository = client.repository(&reference(&format!("{}/team/app", server.address)), &progress).unwrap();
    assert_eq!(repository.head(&Asked::Tag("1".into())).unwrap(), None);
}
