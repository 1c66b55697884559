//! A stand-in for `public.ecr.aws/lambda/python:3.13`, made by `tests/images/base_image.py` and kept until that changes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::unpacked::Unpacked;
use super::{Pack, compile_interpreter, kept_folder, sha256, skip, succeed};

/// Whose media types an image has.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Oci,
    Docker,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Oci => "oci",
            Self::Docker => "docker",
        }
    }
}

/// The layout of a base image for x86-64, tagged `latest`; says so when it cannot be made here.
pub(crate) fn base_image(format: Format) -> Option<PathBuf> {
    made(&format!("{}-amd64", format.name()), &["--format", format.name()])
}

/// The same for arm64, with a root file system that nothing could run.
pub(crate) fn arm64_base_image(format: Format) -> Option<PathBuf> {
    made(&format!("{}-arm64", format.name()), &["--format", format.name(), "--arch", "arm64"])
}

/// A base of somebody's own: Python in /usr/local, and nothing that talks with Lambda.
pub(crate) fn own_base_image(format: Format) -> Option<PathBuf> {
    made(&format!("{}-own", format.name()), &["--format", format.name(), "--own"])
}

/// An index of both, with an attestation beside each.
pub(crate) fn base_index(format: Format) -> Option<PathBuf> {
    made(&format!("{}-index", format.name()), &["--format", format.name(), "--index"])
}

fn made(name: &str, arguments: &[&str]) -> Option<PathBuf> {
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        skip("the stand-in for AWS's base image takes Linux x86_64");
        return None;
    }
    if !has_program("busybox") {
        skip("no busybox for the base image (Debian: apt install busybox-static)");
        return None;
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images");
    let kept = kept_folder(&format!("base-image-{}", &digest(&scripts)[..12]));
    let layout = kept.join(name);
    if layout.exists() {
        return Some(layout);
    }
    let pack = Pack::new();
    pack.function("app", "def handler(event, context):\n    return 1\n", &[]);
    let python = compile_interpreter(&pack, "app")?;
    // Tests in several processes may want it at once: one makes it, the others wait.
    let lock = File::create(kept.join("lock")).unwrap();
    lock.lock().unwrap();
    if !layout.exists() {
        remove_older(&kept);
        let partial = tempfile::tempdir_in(&kept).unwrap();
        let mut script = Command::new(python);
        script.arg(scripts.join("base_image.py")).args(arguments).arg("--layers").arg(kept.join("layers"));
        succeed(script.arg(partial.path().join(name)).env("PYTHONDONTWRITEBYTECODE", "1"));
        fs::rename(partial.path().join(name), &layout).unwrap();
    }
    Some(layout)
}

/// AWS's emulator, out of the base image: for images that have none.
pub(crate) fn emulator() -> Option<PathBuf> {
    let base = base_image(Format::Oci)?;
    let kept = base.with_file_name("aws-lambda-rie");
    if !kept.exists() {
        let partial = tempfile::tempdir_in(base.parent().unwrap()).unwrap();
        let copy = partial.path().join("aws-lambda-rie");
        fs::copy(Unpacked::of(&base).root().join("usr/local/bin/aws-lambda-rie"), &copy).unwrap();
        fs::rename(copy, &kept).unwrap();
    }
    Some(kept)
}

/// What the scripts and their files are.
fn digest(scripts: &Path) -> String {
    let files = Pack::files(scripts).into_iter().filter(|path| !path.contains("__pycache__"));
    let digests: Vec<String> =
        files.map(|path| path.clone() + &sha256(&fs::read(scripts.join(path)).unwrap())).collect();
    sha256(digests.concat().as_bytes())
}

fn remove_older(kept: &Path) {
    for entry in fs::read_dir(kept.parent().unwrap()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("base-image-") && entry.path() != kept {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}

/// Whether there is a program of that name on `PATH`.
pub(crate) fn has_program(name: &str) -> bool {
    !pack::system::find_on_path(name).is_empty()
}
