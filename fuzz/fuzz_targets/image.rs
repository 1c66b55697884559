//! Any bytes as a part of an image that is whole otherwise, as a layout or as `docker save` writes it: no panic, and every
//! path stays inside of the image.
#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use pack::check::{Question, check, sources};
use sha2::{Digest, Sha256};

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a blob under its digest.
fn blob(folder: &Path, bytes: &[u8]) -> String {
    let digest = digest(bytes);
    fs::write(folder.join("blobs/sha256").join(&digest), bytes).expect("a blob");
    digest
}

/// An image of one layer, with the bytes in place of the layer, the configuration, the manifest or the index.
fn image(folder: &Path, place: u8, bytes: &[u8]) {
    drop(fs::remove_dir_all(folder.join("blobs")));
    fs::create_dir_all(folder.join("blobs/sha256")).expect("a folder for blobs");
    fs::write(folder.join("oci-layout"), b"{\"imageLayoutVersion\":\"1.0.0\"}").expect("a layout");
    let layer = blob(folder, if place == 0 { bytes } else { b"" });
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["app.handler"],"Env":["PATH=/bin"]}},"rootfs":{{"type":"layers","diff_ids":["sha256:{layer}"]}}}}"#
    );
    let config = blob(folder, if place == 1 { bytes } else { config.as_bytes() });
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{config}"}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{layer}"}}]}}"#
    );
    let manifest = blob(folder, if place == 2 { bytes } else { manifest.as_bytes() });
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"sha256:{manifest}"}}]}}"#);
    fs::write(folder.join("index.json"), if place == 3 { bytes } else { index.as_bytes() }).expect("an index");
}

/// The same as `docker save` writes it, with the bytes in place of the layer, the configuration, `manifest.json` or all of it.
fn archive(file: &Path, place: u8, bytes: &[u8]) {
    let layer = if place == 0 { bytes } else { b"" };
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["app.handler"]}},"rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}}}}"#,
        digest(layer)
    );
    let config = if place == 1 { bytes } else { config.as_bytes() };
    let manifest: &[u8] = br#"[{"Config":"config.json","RepoTags":["job:1"],"Layers":["1/layer.tar"]}]"#;
    let manifest = if place == 2 { bytes } else { manifest };
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in [("2/layer.tar", layer), ("config.json", config), ("manifest.json", manifest)] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o444);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes).expect("an entry");
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "1/layer.tar", "../2/layer.tar").expect("a link");
    let whole = tar.into_inner().expect("a tar");
    fs::write(file, if place == 3 { bytes } else { &whole }).expect("an archive");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((place, bytes)) = bytes.split_first() else { return };
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path();
        let path = if place & 4 == 0 {
            image(folder, place % 4, bytes);
            folder.to_owned()
        } else {
            let file = folder.join("saved.tar");
            archive(&file, place % 4, bytes);
            file
        };
        let opened = sources::open(&[path], &[], None, None).expect("what is wrong with an image is a finding");
        for path in opened.files.files.keys() {
            assert!(path.starts_with('/') && !path[1..].split('/').any(|part| matches!(part, "" | "." | "..")), "{path}");
        }
        let target = pack::lambda::Target { python: "3.13".parse().unwrap(), architecture: pack::lambda::Architecture::X86_64 };
        check(&opened.files, &Question::new(target, opened.shape)).expect("its files can be read");
    });
});
