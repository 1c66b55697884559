//! A real registry: Debian's `docker-registry` on 127.0.0.1, on request with a password and TLS of an authority of its own.

use std::fmt::Write;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::base_image::has_program;
use super::{skip, succeed};

/// Who may do anything, where a password is asked for.
pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "lovelace";

/// A private registry of ECR, which its certificate is for as well.
pub(crate) const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
/// The password that moto's `GetAuthorizationToken` gives for it; the user is AWS.
pub(crate) const ECR_PASSWORD: &str = "123456789012-auth-token";

/// `htpasswd -nbB ada lovelace`, and the same of AWS and its password.
const HTPASSWD: &str = "ada:$2y$05$RGLIXVdbPGOAa35vn8qqleNifjF1Ie8DD91CWX8MOep.4MkYfzeUy\n\
                        AWS:$2y$05$yK46wFOH9O5OSunMUjlw1OE0Iw.PCnMWEB9IAMpdP/ODF4opHu3Au\n";

/// A registry in a folder of its own, ended with the test.
pub(crate) struct RegistryServer {
    folder: TempDir,
    /// `127.0.0.1:PORT`, which references begin with.
    pub(crate) address: String,
    child: Child,
}

impl RegistryServer {
    /// Starts one; says so where there is none on this machine.
    pub(crate) fn start(tls: bool, with_password: bool) -> Option<Self> {
        for program in ["docker-registry", "openssl"] {
            if !has_program(program) {
                skip(&format!("{program} is not there (Debian: apt install {program})"));
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \"{}\"}}}}\nhttp:\n  addr: {address}\n",
            path("data")
        );
        if tls {
            certificates(folder.path());
            let (certificate, key) = (path("server.pem"), path("server.key"));
            writeln!(config, "  tls: {{certificate: \"{certificate}\", key: \"{key}\"}}").unwrap();
        }
        if with_password {
            fs::write(path("htpasswd"), HTPASSWD).unwrap();
            writeln!(config, "auth: {{htpasswd: {{realm: here, path: \"{}\"}}}}", path("htpasswd")).unwrap();
        }
        fs::write(path("config.yml"), config).unwrap();
        let mut serve = Command::new("docker-registry");
        serve.args(["serve", &path("config.yml")]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: serve.spawn().unwrap(), folder, address };
        let start = Instant::now();
        while TcpStream::connect(&server.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// The certificate of its authority, which nobody trusts by itself; it has none without TLS.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        Some(self.folder.path().join("ca.pem")).filter(|path| path.exists())
    }

    /// What skopeo calls an image here; it takes `--src-tls-verify=false` or `--dest-tls-verify=false` beside.
    pub(crate) fn skopeo_name(&self, image: &str) -> String {
        format!("docker://{}/{image}", self.address)
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority (`ca.pem`), and a certificate of it for this machine (`server.pem`, `server.key`).
pub(crate) fn certificates(folder: &Path) {
    let openssl = |arguments: &str| succeed(Command::new("openssl").args(arguments.split(' ')).current_dir(folder));
    let extensions = format!("subjectAltName=IP:127.0.0.1,DNS:{ECR}\nbasicConstraints=CA:FALSE\n");
    fs::write(folder.join("extensions"), extensions).unwrap();
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
    );
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=registry",
    );
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile extensions",
    );
}
