//! A container engine of this test's own: Debian's dockerd, which neither touches this machine's network nor another engine.
//!
//! Containers share the host's network and take free ports of 127.0.0.1. Everything ends with the test, even when that is killed:
//! a shell beside the daemon waits for the end of a pipe.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::base_image::has_program;
use super::nodes::{Nodes, nodes_of_tar};
use super::scratch::scratch;
use super::unpacked::{is_root, to_docker_archive};
use super::{skip, succeed};

/// Starts the daemon, waits for the test's end or for the end of its pipe, and takes everything away.
const GUARD: &str = r#"
folder=$1; shift
dockerd "$@" >"$folder/log" 2>&1 &
daemon=$!
read -r _ || :
kill "$daemon"
wait "$daemon"
while read -r _ mount _; do
    case $mount in "$folder"/*) umount -l "$mount" ;; esac
done </proc/mounts
rm -rf --one-file-system "$folder"
"#;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What every container gets, beside devices.
const ADDED: [&str; 5] = ["/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf"];

/// A running daemon.
pub(crate) struct Engine {
    folder: TempDir,
    guard: Child,
}

/// One for all tests of a process that run at the same time.
static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

impl Engine {
    /// The process's engine, started if there is none; says so when there can be none here.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let missing: Vec<&str> =
            ["dockerd", "docker", "skopeo"].into_iter().filter(|program| !has_program(program)).collect();
        if !missing.is_empty() {
            skip(&format!("no {} (Debian: apt install docker.io skopeo)", missing.join(", ")));
            return None;
        }
        if !is_root() {
            skip("a container engine takes root");
            return None;
        }
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = shared.upgrade() {
            return Some(engine);
        }
        let engine = Arc::new(Self::start());
        if !engine.is_ready() {
            let log = fs::read_to_string(engine.folder.path().join("log")).unwrap_or_default();
            let last = log.lines().last().unwrap_or("no word of it").to_owned();
            skip(&format!("dockerd does not start here: {last}"));
            return None;
        }
        *shared = Arc::downgrade(&engine);
        Some(engine)
    }

    fn start() -> Self {
        let folder = scratch();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("config.json"), "{}").unwrap();
        let namespace = format!("pack-test-{}", std::process::id());
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(folder.path());
        for (option, value) in [
            ("--config-file", path("config.json")),
            ("--data-root", path("data")),
            ("--exec-root", path("exec")),
            ("--pidfile", path("pid")),
            ("--host", format!("unix://{}", path("socket"))),
            ("--containerd-namespace", namespace.clone()),
            ("--containerd-plugins-namespace", namespace + "-plugins"),
        ] {
            guard.args([option, &value]);
        }
        // moto names the host in every container.
        guard.args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--host-gateway-ip=127.0.0.1"]);
        // A group of its own: an interrupt from the keyboard is not for it, the pipe's end is.
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let guard = guard.spawn().unwrap();
        Self { folder, guard }
    }

    fn is_ready(&self) -> bool {
        within(PATIENCE, || {
            let pid = self.folder.path().join("pid");
            let is_there = self.docker(["version"]).output().unwrap().status.success();
            is_there.then_some(true).or_else(|| has_failed(&self.folder.path().join("log"), &pid).then_some(false))
        })
        .unwrap_or(false)
    }

    /// `docker ARGUMENTS`, with this daemon and without the user's own settings.
    pub(crate) fn docker(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new("docker");
        command.args(arguments).env("DOCKER_HOST", self.host());
        command.env("DOCKER_CONFIG", self.folder.path()).env_remove("DOCKER_CONTEXT");
        command
    }

    /// What `DOCKER_HOST` has to be for other programs to use this engine.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }

    /// `docker load` of an archive; the name, or the ID, of what was loaded.
    pub(crate) fn load(&self, archive: &Path) -> String {
        let said = self.said(self.docker(["load", "--quiet", "--input"]).arg(archive));
        let (_, name) = said.trim().split_once(": ").unwrap();
        name.to_owned()
    }

    /// Loads a layout by way of skopeo, under a name.
    pub(crate) fn load_layout(&self, layout: &Path, name: &str) -> String {
        let archive = self.folder.path().join(format!("{}.tar", name.replace([':', '/'], "-")));
        to_docker_archive(layout, &archive, name);
        let loaded = self.load(&archive);
        fs::remove_file(archive).unwrap();
        loaded
    }

    /// An image's root file system as this engine sees it, without what it adds itself.
    pub(crate) fn nodes(&self, image: &str) -> Nodes {
        let id = self.said(&mut self.docker(["create", image, "app.handler"]));
        let mut export = self.docker(["export", id.trim()]);
        let mut child = export.stdout(Stdio::piped()).spawn().unwrap();
        let mut nodes = nodes_of_tar(child.stdout.take().unwrap());
        assert!(child.wait().unwrap().success());
        succeed(&mut self.docker(["rm", id.trim()]));
        nodes.retain(|path, _| !ADDED.contains(&path.as_str()) && !path.starts_with("/dev/"));
        nodes
    }

    /// A container as Lambda would have it: the root read-only, 1,024 MB, `/tmp`, not root.
    pub(crate) fn container(self: &Arc<Self>, image: &str) -> Start {
        let mut arguments: Vec<String> = ["run", "--detach", "--network", "host", "--read-only"].map(Into::into).into();
        for (option, value) in [("--memory", "1024m"), ("--tmpfs", "/tmp"), ("--user", "993:990")] {
            arguments.extend([option.to_owned(), value.to_owned()]);
        }
        Start { engine: Arc::clone(self), image: image.to_owned(), arguments, command: Vec::new(), emulator: false }
    }

    fn said(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}:\n{error}\n{}", self.folder.path().display());
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Whether the daemon wrote something and is no more.
fn has_failed(log: &Path, pid: &Path) -> bool {
    let is_fatal = |log: String| log.lines().any(|line| line.contains("failed to start daemon"));
    !pid.exists() && fs::read_to_string(log).is_ok_and(is_fatal)
}

/// A container that is being described.
pub(crate) struct Start {
    engine: Arc<Engine>,
    image: String,
    arguments: Vec<String>,
    command: Vec<String>,
    /// Whether the entrypoint is the emulator itself.
    emulator: bool,
}

impl Start {
    /// Adds options of `docker run`.
    pub(crate) fn args<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.arguments.extend(arguments.map(Into::into));
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(self, name: &str, value: &str) -> Self {
        self.args(["--env", &format!("{name}={value}")])
    }

    /// Another command than the image's: the handler.
    pub(crate) fn command(mut self, words: &[&str]) -> Self {
        self.command = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Puts the emulator in front of an image that has none, as AWS tells its users to. The words are the image's own entrypoint
    /// and command, which an option of `docker run` takes away.
    pub(crate) fn emulator(mut self, emulator: &Path, words: &[&str]) -> Self {
        self.emulator = true;
        let inside = "/aws-lambda-rie";
        let volume = format!("{}:{inside}:ro", emulator.display());
        self.args(["--volume", &volume, "--entrypoint", inside]).command(words)
    }

    /// Starts it and waits until its emulator listens: [`Start::emulator`], or one of the image's own that the entrypoint
    /// gives `RIE_ARGUMENTS`, as the stand-in's does.
    pub(crate) fn run(self) -> Container {
        let [port, api] = free_ports();
        let addresses =
            format!("--runtime-interface-emulator-address 127.0.0.1:{port} --runtime-api-address 127.0.0.1:{api}");
        let start = self.env("RIE_ARGUMENTS", &addresses);
        let mut docker = start.engine.docker(&start.arguments);
        docker.arg(&start.image).args(addresses.split(' ').filter(|_| start.emulator)).args(&start.command);
        let id = start.engine.said(&mut docker).trim().to_owned();
        let container = Container { engine: start.engine, id, port };
        let listens = within(PATIENCE, || {
            let is_open = TcpStream::connect(("127.0.0.1", port)).is_ok();
            is_open.then_some(true).or_else(|| (!container.is_running()).then_some(false))
        });
        assert_eq!(listens, Some(true), "the container does not listen:\n{}", container.logs());
        container
    }
}

/// A running container; it is removed when this goes.
pub(crate) struct Container {
    engine: Arc<Engine>,
    /// Its ID.
    pub(crate) id: String,
    /// Where the emulator listens.
    pub(crate) port: u16,
}

impl Container {
    /// Invokes the function; an exception of the handler is an answer with `errorType`.
    pub(crate) fn invoke(&self, event: &Value) -> Value {
        let body = event.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE * 5)).unwrap();
        // HTTP/1.0: the answer comes in one piece and ends with the connection.
        let head = format!(
            "POST /2015-03-31/functions/function/invocations HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}\n{}", self.logs()));
        assert!(head.contains(" 200 "), "{answer}\n{}", self.logs());
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:?}\n{}", self.logs()))
    }

    /// What it wrote so far, to both streams.
    pub(crate) fn logs(&self) -> String {
        let output = self.engine.docker(["logs", &self.id]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// The standard output of a program that runs in it.
    pub(crate) fn exec<const N: usize>(&self, command: [&str; N]) -> String {
        self.engine.said(self.engine.docker(["exec", &self.id]).args(command))
    }

    fn is_running(&self) -> bool {
        let inspect = ["inspect", "--format", "{{.State.Running}}", &self.id];
        self.engine.docker(inspect).output().unwrap().stdout == b"true\n"
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.engine.docker(["rm", "--force", "--volumes", &self.id]).output();
    }
}

/// Two ports that nobody listens at now.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Asks until there is an answer, or the time is over.
fn within<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}
