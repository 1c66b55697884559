//! Images as two other programs read them: skopeo takes a layout, umoci unpacks it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::base_image::has_program;
use super::nodes::{Nodes, nodes_of_folder};
use super::scratch::scratch;
use super::{skip, succeed};

/// Whether skopeo and umoci are there; says so when they are not.
pub(crate) fn has_image_tools() -> bool {
    let missing: Vec<&str> = ["skopeo", "umoci"].into_iter().filter(|name| !has_program(name)).collect();
    if !missing.is_empty() {
        skip(&format!("no {} (Debian: apt install skopeo umoci)", missing.join(", ")));
    }
    missing.is_empty()
}

/// A root file system in a temporary folder.
pub(crate) struct Unpacked {
    folder: TempDir,
}

impl Unpacked {
    /// Unpacks the one image of a layout, of whichever media types and with or without a tag.
    pub(crate) fn of(layout: &Path) -> Self {
        let folder = scratch();
        // umoci knows OCI's media types only, and takes a tag.
        let plain = folder.path().join("layout");
        let target = format!("oci:{}:latest", plain.display());
        succeed(skopeo(["copy", "--format", "oci"]).arg(format!("oci:{}", layout.display())).arg(target));
        let mut umoci = Command::new("umoci");
        umoci.args(["unpack", "--image"]).arg(format!("{}:latest", plain.display()));
        if !is_root() {
            umoci.arg("--rootless");
        }
        succeed(umoci.arg(folder.path().join("bundle")));
        std::fs::remove_dir_all(plain).unwrap();
        Self { folder }
    }

    /// The root file system.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("bundle/rootfs")
    }

    /// Everything in it; owners as root only.
    pub(crate) fn nodes(&self) -> Nodes {
        nodes_of_folder(&self.root(), is_root())
    }
}

/// `skopeo ARGUMENTS` without the policy and the credentials of this machine.
pub(crate) fn skopeo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "--override-os", "linux", "--override-arch", "amd64"]).args(arguments);
    command
}

/// `skopeo inspect` of a layout; its configuration with `--config`.
pub(crate) fn inspect(layout: &Path, arguments: &[&str]) -> Value {
    let mut command = skopeo(["inspect"]);
    let output = command.args(arguments).arg(format!("oci:{}", layout.display())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Copies a layout into an archive for `docker load`, under a name.
pub(crate) fn to_docker_archive(layout: &Path, archive: &Path, name: &str) {
    let target = format!("docker-archive:{}:{name}", archive.display());
    succeed(skopeo(["copy"]).arg(format!("oci:{}", layout.display())).arg(target));
}

/// What [`Unpacked::nodes`] says of a layout that is kept (a base image's), remembered beside it: each image is compared with it.
pub(crate) fn kept_nodes(layout: &Path) -> Nodes {
    let file = layout.with_extension(if is_root() { "root.json" } else { "rootless.json" });
    if let Ok(known) = std::fs::read(&file) {
        return serde_json::from_slice(&known).unwrap();
    }
    let nodes = Unpacked::of(layout).nodes();
    let partial = tempfile::NamedTempFile::new_in(layout.parent().unwrap()).unwrap();
    std::fs::write(partial.path(), serde_json::to_vec(&nodes).unwrap()).unwrap();
    partial.persist(file).unwrap();
    nodes
}

/// Whether this user can give files to others.
pub(crate) fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}
