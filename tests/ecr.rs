//! Proves where credentials for ECR come from: AWS's API, where neither Docker's nor Podman's files have any; that a push with them
//! arrives; and that they are neither shown nor kept.
//!
//! The registry is Debian's, behind TLS and a password, and reached by ECR's name through a proxy of the test's; the API is a
//! stand-in that answers as AWS does, or moto where that is installed.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use data_encoding::BASE64;
use serde_json::json;
use support::image::{ENTRYPOINT, GZIP, Layout, layer};
use support::moto::Moto;
use support::proxy::Proxy;
use support::registry::{Reply, Server};
use support::registry_server::{ECR, ECR_PASSWORD, RegistryServer};
use support::{Outcome, Pack, assert_done, assert_fails, skip};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A function `app`, a base in `base`, and what stands for ECR.
struct Team {
    pack: Pack,
    registry: RegistryServer,
    proxy: Proxy,
}

impl Team {
    fn new() -> Option<Self> {
        let registry = RegistryServer::start(true, true)?;
        let pack = Pack::new();
        pack.function("app", "def handler(event, context):\n    return 1\n", &[]);
        let layer = layer(&[ENTRYPOINT, ("var/lang/lib/python3.13/os.py", "")]);
        Layout { pack: &pack, folder: "base" }.write(&[layer], "amd64", GZIP);
        let proxy = Proxy::to(&registry.address);
        Some(Self { pack, registry, proxy })
    }

    /// Runs it with keys of AWS, and looks for what nobody may see.
    fn run(&self, api: &str, arguments: &[&str]) -> Outcome {
        self.run_with(
            api,
            arguments,
            &[("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)],
        )
    }

    fn run_with(&self, api: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut run = self.pack.command(arguments);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
            run.command.env_remove(proxy);
        }
        for (name, value) in variables {
            run = run.env(name, value);
        }
        let outcome = run
            .env("HTTPS_PROXY", self.proxy.url())
            .env("SSL_CERT_FILE", self.registry.authority().unwrap())
            .env("HOME", self.pack.tmp())
            .env("AWS_ENDPOINT_URL_ECR", api)
            .env("AWS_REGION", "us-east-1")
            .env("RUST_LOG", "trace")
            .run();
        let kept = ["project", "cache", "tmp"].map(|folder| self.pack.path("..").join(folder));
        let files = kept.iter().flat_map(|folder| Pack::files(folder).into_iter().map(|file| folder.join(file)));
        let texts = files.map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned());
        for text in texts.chain([outcome.stdout.clone(), outcome.stderr.clone()]) {
            for secret in [SECRET, ECR_PASSWORD, &BASE64.encode(format!("AWS:{ECR_PASSWORD}").as_bytes())] {
                assert!(!text.contains(secret), "{secret} is in:\n{text}");
            }
        }
        outcome
    }

    fn push(&self, api: &str) -> Outcome {
        let to = format!("{ECR}/team/app:1");
        self.run(api, &["image", "app", "--base", "base", "--bytecode", "none", "--no-import-test", "--push", &to])
    }
}

/// AWS's API, which answers so.
fn api(reply: Reply) -> Server {
    Server::start(move |_| reply.clone())
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// What `GetAuthorizationToken` answers.
fn token(user_and_password: &str) -> Reply {
    let body = json!({"authorizationData": [{
        "authorizationToken": BASE64.encode(user_and_password.as_bytes()),
        "expiresAt": 1_795_000_000.5,
        "proxyEndpoint": "https://not-asked.example.com",
    }]});
    Reply::new(200, &[("content-type", "application/x-amz-json-1.1")], body.to_string())
}

fn refusal(status: u16, name: &str, message: &str) -> Reply {
    let body = json!({"__type": name, "message": message}).to_string();
    Reply::new(status, &[("content-type", "application/x-amz-json-1.1")], body)
}

#[test]
fn a_push_asks_aws_for_the_password() {
    let Some(team) = Team::new() else { return };
    let api = api(token(&format!("AWS:{ECR_PASSWORD}")));
    let outcome = team.push(&url(&api));
    assert_done(&outcome);
    assert!(outcome.stdout.contains(&format!("{ECR}/team/app:1@sha256:")), "{}", outcome.stdout);
    let asked = api.questions();
    assert_eq!(asked.len(), 1, "once for the whole push");
    assert_eq!(asked[0].header("x-amz-target"), Some("AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"));
    let signed = asked[0].header("authorization").unwrap();
    assert!(signed.contains("/eu-west-1/ecr/aws4_request"), "the Region is the host's: {signed}");
    let places = team.proxy.asked();
    assert!(!places.is_empty() && places.iter().all(|place| *place == format!("{ECR}:443")), "{places:?}");
    // The others that talk with registries.
    let name = format!("{ECR}/team/app:1");
    assert_done(&team.run(&url(&api), &["check", &name]));
    assert_done(&team.run(&url(&api), &["diff", &name, "base"]));
}

#[test]
fn a_profile_of_the_command_line_goes_before_variables() {
    let Some(team) = Team::new() else { return };
    let api = api(token(&format!("AWS:{ECR_PASSWORD}")));
    assert_done(&team.push(&url(&api)));
    let key = |id: &str| format!("aws_access_key_id = {id}\naws_secret_access_key = {SECRET}\n");
    team.pack.write("../aws.cfg", format!("[default]\n{}[profile team]\n{}", key("AKIADEFAULT"), key("AKIATEAM")));
    let name = format!("{ECR}/team/app:1");
    let config = team.pack.path("../aws.cfg").display().to_string();
    let variables = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIAVARIABLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ];
    let push = format!("{ECR}/team/app:2");
    let image = [
        "image",
        "app",
        "--base",
        "base",
        "--bytecode",
        "none",
        "--no-import-test",
        "--push",
        &push,
        "--profile",
        "team",
    ];
    for arguments in [&["check", &name, "--profile", "team"][..], &["diff", &name, "base", "--profile", "team"], &image]
    {
        let before = api.questions().len();
        assert_done(&team.run_with(&url(&api), arguments, &variables));
        let signed = api.questions().split_off(before);
        let signed = signed.iter().map(|question| question.header("authorization").unwrap());
        assert!(signed.clone().count() > 0 && signed.clone().all(|words| words.contains("Credential=AKIATEAM/")));
    }
    let outcome = team.run_with(&url(&api), &["check", &name, "--profile", "nobody"], &variables);
    assert_fails(&outcome, 1, &["the AWS profile \"nobody\" gives no credentials"]);
}

#[test]
fn what_docker_keeps_goes_before_aws() {
    let Some(team) = Team::new() else { return };
    let api = api(token("AWS:another"));
    let auth = BASE64.encode(b"ada:lovelace");
    let config = team.pack.tmp().join(".docker/config.json");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(&config, format!(r#"{{"auths":{{"{ECR}":{{"auth":"{auth}"}}}}}}"#)).unwrap();
    assert_done(&team.push(&url(&api)));
    assert_eq!(api.questions().len(), 0);
    // What AWS gives and the registry does not take is an error of the registry.
    std::fs::write(&config, "{}").unwrap();
    assert_fails(&team.push(&url(&api)), 1, &["401 Unauthorized", "aws ecr get-login-password --region eu-west-1"]);
}

#[test]
fn why_aws_gave_none_is_said() {
    let Some(team) = Team::new() else { return };
    let login = "hint: aws ecr get-login-password --region eu-west-1 | docker login --username AWS";
    let none = format!("{ECR} wants credentials for team/app, and none were found (AWS's SDK gave none: ");
    let denied = "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: ecr:GetAuthorizationToken";
    for (reply, why) in [
        (
            refusal(400, "AccessDeniedException", denied),
            format!("AWS does not allow ecr:GetAuthorizationToken: {denied})"),
        ),
        (refusal(400, "ExpiredTokenException", SECRET), "AWS refuses the credentials (ExpiredTokenException))".into()),
        (refusal(400, "InvalidParameterException", SECRET), "AWS answers InvalidParameterException to".into()),
        (Reply::new(200, &[], "{}"), "AWS answers with no password that can be sent)".into()),
        (token("AWS:a\nb"), "AWS answers with no password that can be sent)".into()),
        (Reply::new(200, &[], "<html>"), "AWS cannot be reached: what answers is not AWS (status 200))".into()),
    ] {
        let outcome = team.push(&url(&api(reply)));
        assert_fails(&outcome, 1, &[&none, &why, login]);
    }
    let outcome = team.push("http://127.0.0.1:1");
    assert_fails(&outcome, 1, &[&none, "AWS cannot be reached: connection refused)", login]);
    let outcome = team.run_with("http://127.0.0.1:1", &["check", &format!("{ECR}/team/app:1")], &[]);
    assert_fails(&outcome, 1, &[&none, "there are no AWS credentials here)", login]);
    assert_eq!(team.proxy.asked(), [""; 0], "the registry is not asked by nobody");
}

#[test]
fn moto_gives_a_password_too() {
    let (Some(team), Some(moto)) = (Team::new(), Moto::start()) else {
        return skip("moto is not here: scripts/test installs it and names it in PACK_TEST_MOTO");
    };
    assert_done(&team.push(&format!("http://{}", moto.place)));
}
