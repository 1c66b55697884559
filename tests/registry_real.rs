//! A real registry: Debian's `docker-registry` with passwords and TLS of an authority of its own; read again by `skopeo`.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use pack::lambda::Architecture;
use pack::registry::{Asked, Client, Credentials, Descriptor, Digest, MediaType, Options, Sent, Source, Upload};
use support::registry::{Image, client, options, password, quiet, reference, shown};
use support::registry_server::{PASSWORD, RegistryServer, USER};
use support::skip;

fn is_there(program: &str) -> bool {
    !pack::system::find_on_path(program).is_empty()
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn client_of(registry: &RegistryServer, credentials: Credentials) -> Client {
    client(Options { ca_file: registry.authority(), credentials, ..options() })
}

fn image_of(registry: &RegistryServer, name: &str) -> pack::registry::Reference {
    reference(&format!("{}/{name}", registry.address))
}

fn ada() -> Credentials {
    password(USER, PASSWORD)
}

#[test]
fn what_is_pushed_is_pulled_mounted_and_not_sent_again() {
    let Some(registry) = RegistryServer::start(true, true) else { return };
    let (client, progress) = (client_of(&registry, ada()), quiet());
    let layers: Vec<Vec<u8>> = (1..=6)
        .map(|seed: u8| (0..=u8::MAX).cycle().take(2_000_000).map(|byte| byte.wrapping_mul(seed)).collect())
        .collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let image = Image::new(&layers);
    let app = client.repository(&image_of(&registry, "team/app:1"), &progress).unwrap();
    assert_eq!(image.push(&app, "1").unwrap(), [Sent::Sent; 7]);
    assert_eq!(image.push(&app, "2").unwrap(), [Sent::There; 7]);

    let digest = Digest::of(&image.manifest);
    assert_eq!(app.head(&Asked::Tag("2".into())).unwrap(), Some(digest));
    assert_eq!(app.head(&Asked::Tag("3".into())).unwrap(), None);
    let pulled = app.image(&Asked::Digest(digest), Architecture::X86_64).unwrap();
    assert_eq!(pulled.raw, image.manifest);
    assert_eq!(app.config(&pulled).unwrap(), image.config);
    let folder = tempfile::tempdir().unwrap();
    for (descriptor, layer) in pulled.layers.iter().zip(&image.layers) {
        let path = folder.path().join("layer");
        app.download(descriptor, &path).unwrap();
        assert!(fs::read(&path).unwrap() == *layer);
    }

    let other = client.repository(&image_of(&registry, "team/other"), &progress).unwrap();
    let uploads: Vec<Upload> =
        image.uploads().iter().map(|upload| Upload { mount_from: Some("team/app"), ..*upload }).collect();
    assert_eq!(other.push_blobs(&uploads).unwrap(), [Sent::Mounted; 7]);
    let from = Upload { descriptor: &pulled.config, source: Source::Blob(&app), mount_from: None };
    let third = client.repository(&image_of(&registry, "team/third"), &progress).unwrap();
    assert_eq!(third.push_blob(&from).unwrap(), Sent::Mounted);
    let missing =
        Upload { descriptor: &pulled.config, source: Source::Bytes(&image.config), mount_from: Some("team/none") };
    let fourth = client.repository(&image_of(&registry, "team/fourth"), &progress).unwrap();
    assert_eq!(fourth.push_blob(&missing).unwrap(), Sent::Sent, "a mount that is declined");

    let error =
        shown(&third.push_manifest(&Asked::Tag("1".into()), &MediaType::OciManifest, &image.manifest).unwrap_err());
    assert!(error.contains("MANIFEST_BLOB_UNKNOWN"), "{error}");
    assert_eq!(third.head(&Asked::Tag("1".into())).unwrap(), None);

    if !is_there("skopeo") {
        return skip("skopeo is not there (Debian: apt install skopeo)");
    }
    let name = format!("docker://{}/team/app:1", registry.address);
    let arguments = ["inspect", "--tls-verify=false", "--creds=ada:lovelace", &name];
    let seen: serde_json::Value = serde_json::from_str(&run("skopeo", &arguments, folder.path())).unwrap();
    assert_eq!(seen["Digest"], digest.to_string());
    assert_eq!(seen["Architecture"], "amd64");
    let expected: Vec<String> = pulled.layers.iter().map(|layer| layer.digest.to_string()).collect();
    assert_eq!(seen["Layers"], serde_json::json!(expected));
}

#[test]
fn wrong_passwords_and_unknown_authorities_are_refused() {
    let Some(registry) = RegistryServer::start(true, true) else { return };
    let progress = quiet();
    let ask = |client: &Client| {
        let repository = client.repository(&image_of(&registry, "team/app"), &progress).unwrap();
        shown(&repository.manifest(&Asked::Tag("1".into())).unwrap_err())
    };
    let text = ask(&client_of(&registry, password("ada", "byr0n-wr0ng")));
    assert!(text.contains("401 Unauthorized") && text.contains("docker login") && !text.contains("byr0n"), "{text}");
    let text = ask(&client_of(&registry, Credentials::none()));
    assert!(text.contains("wants credentials for team/app"), "{text}");
    let text = ask(&client(Options { credentials: ada(), ..options() }));
    assert!(text.contains("certificate") && text.contains("SSL_CERT_FILE"), "{text}");
    let text = ask(&client_of(&registry, ada()));
    assert!(text.contains("404 Not Found"), "{text}");
}

#[test]
fn a_registry_of_this_machine_may_speak_plain_http() {
    let Some(registry) = RegistryServer::start(false, false) else { return };
    let (client, progress) = (client_of(&registry, Credentials::none()), quiet());
    let repository = client.repository(&image_of(&registry, "app"), &progress).unwrap();
    let image = Image::new(&[b"layer"]);
    image.push(&repository, "1").unwrap();
    assert_eq!(repository.image(&Asked::Tag("1".into()), Architecture::X86_64).unwrap().raw, image.manifest);
}

/// Pushes a layer out of a file that is larger than what this process may use.
#[test]
#[cfg(target_os = "linux")]
fn large_files_are_not_held_in_memory() {
    let Some(registry) = RegistryServer::start(false, false) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    let file = fs::File::create(&path).unwrap();
    file.set_len(300 << 20).unwrap();
    let digest: Digest = format!("sha256:{}", pack::system::sha256_of(&path).unwrap()).parse().unwrap();
    let descriptor = Descriptor::new(MediaType::OciLayer, digest, 300 << 20);
    let (client, progress) = (client_of(&registry, Credentials::none()), quiet());
    let repository = client.repository(&image_of(&registry, "app"), &progress).unwrap();
    let upload = Upload { descriptor: &descriptor, source: Source::File(&path), mount_from: None };
    assert_eq!(repository.push_blobs(&[upload]).unwrap(), [Sent::Sent]);
    repository.download(&descriptor, &folder.path().join("copy")).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    assert!(peak.unwrap() < 100_000, "{peak:?} kB");
}

/// Run by the test below with `SSL_CERT_FILE`; says what it found.
#[test]
#[ignore = "a part of another test"]
fn ask_with_this_environment() {
    let address = std::env::var("PACK_TEST_REGISTRY").unwrap();
    let (client, progress) = (client(Options { credentials: ada(), ..options() }), quiet());
    let repository = client.repository(&reference(&format!("{address}/app")), &progress).unwrap();
    assert_eq!(repository.head(&Asked::Tag("1".into())).unwrap(), None);
}

#[test]
fn an_authority_of_the_machine_is_trusted() {
    let Some(registry) = RegistryServer::start(true, true) else { return };
    let asks = |authority: &Path| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "ask_with_this_environment", "--ignored", "--nocapture"]);
        command.env("PACK_TEST_REGISTRY", &registry.address).env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
        command.output().unwrap()
    };
    let output = asks(&registry.authority().unwrap());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let output = asks(Path::new("nowhere.pem"));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Certificates { from: \"SSL_CERT_FILE\""), "{said}");
}
