//! An image as files: an OCI image layout (OCI image specification 1.1, image-layout.md) in a folder or in a tar.
//!
//! The tar has a `manifest.json` beside it, as `docker save` writes it: `docker load` and `podman load` read it, and
//! whoever reads layouts passes over it. What must stay true: a folder or tar that is there stays until the new one is
//! whole; no other folder is ever replaced; the bytes depend on the image alone.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;
use tar::{Builder, Header};

use super::Image;
use crate::check::sources::{Piece, Store};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::registry::{Descriptor, Document, MediaType};
use crate::system::{AtomicFile, AtomicFolder};

const MARK: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// Writes the layout where nothing is, or where an older one is.
pub(super) fn folder(image: &Image, target: &Path, progress: &Progress) -> Result<()> {
    if target.exists() && !is_one_image(target) {
        return Err(Error::usage(
            format!("{} is there and is not one image and nothing else", target.display()),
            "name a folder that is not there yet, or FILE.tar",
        ));
    }
    let folder = AtomicFolder::create(target)?;
    let write = |name: &str, fill: &dyn Fn(&mut dyn Write) -> Result<()>| {
        let path = folder.path().join(name);
        let parent = path.parent().unwrap_or(folder.path());
        fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
        let file = File::create(&path).map_err(Error::io("write", &path))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        fill(&mut file)?;
        let file = file.into_inner().map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.sync_all().map_err(Error::io("write", &path))
    };
    for (name, _, content) in files(image) {
        write(&name, &|out| content.write(image, out, progress))?;
    }
    folder.persist()
}

/// Whether nothing is lost when a folder is replaced: it is empty, or the layout of a single image without anything beside it.
fn is_one_image(folder: &Path) -> bool {
    let names: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    if names.is_empty() {
        return folder.is_dir();
    }
    let is_known = names.iter().all(|name| name == "oci-layout" || name == "index.json" || name == "blobs");
    let index = fs::read(folder.join("index.json")).ok().and_then(|raw| Document::parse(raw, None).ok());
    is_known
        && folder.join("oci-layout").is_file()
        && matches!(index, Some(Document::Index(index)) if index.manifests.len() <= 1)
}

/// Writes a tar of the layout that engines load as well.
pub(super) fn tar(image: &Image, target: &Path, tag: &str, progress: &Progress) -> Result<()> {
    let failed = |error| Error::io("write", target)(error);
    let mut builder = Builder::new(BufWriter::with_capacity(1 << 20, AtomicFile::create(target)?));
    let blob = |descriptor: &Descriptor| format!("blobs/sha256/{}", descriptor.digest.hex());
    let saved = json!([{
        "Config": blob(&image.config.0),
        "Layers": image.layers.iter().map(|layer| blob(&layer.descriptor)).collect::<Vec<_>>(),
        "RepoTags": [tag],
    }]);
    let mut all = files(image);
    let saved = saved.to_string().into_bytes();
    all.push(("manifest.json".into(), saved.len() as u64, Content::Bytes(saved)));
    for (name, size, content) in all {
        let mut header = Header::new_ustar();
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_size(size);
        header.set_path(&name).map_err(failed)?;
        header.set_cksum();
        let out = builder.get_mut();
        out.write_all(header.as_bytes()).map_err(failed)?;
        content.write(image, out, progress)?;
        let rest = usize::try_from(size % 512).unwrap_or_default();
        if rest > 0 {
            out.write_all(&[0; 512][rest..]).map_err(failed)?;
        }
    }
    let out = builder.into_inner().map_err(failed)?;
    out.into_inner().map_err(|error| failed(error.into_error()))?.persist()
}

/// The layout as it would be, for who looks into it before it is written.
pub(super) fn store(image: &Image) -> Store {
    let piece = |content: Content<'_>| match content {
        Content::Bytes(bytes) => Some(Piece::Bytes(bytes)),
        Content::Own(path) => Some(Piece::File(path.to_owned())),
        Content::Base(_) => None,
    };
    let pieces = files(image).into_iter().filter_map(|(name, _, content)| Some((name, piece(content)?))).collect();
    Store::Made { pieces, below: image.base.layout().cloned().map(Box::new) }
}

/// What a file has.
enum Content<'a> {
    Bytes(Vec<u8>),
    /// A layer that was packed here.
    Own(&'a Path),
    /// A layer of the base.
    Base(&'a Descriptor),
}

impl Content<'_> {
    fn write(&self, image: &Image, mut out: &mut dyn Write, progress: &Progress) -> Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes).map_err(Error::io("write", "an image")),
            Self::Own(path) => {
                let mut file = File::open(path).map_err(Error::io("read", *path))?;
                io::copy(&mut file, &mut out).map(drop).map_err(Error::io("write", "an image"))
            }
            Self::Base(descriptor) => image.base.copy(descriptor, out, progress),
        }
    }
}

/// The files of a layout with their sizes, in order. A blob that an image has twice is there once.
fn files(image: &Image) -> Vec<(String, u64, Content<'_>)> {
    let mut named = image.manifest.0.clone();
    // Readers that ask for a tag (umoci) find one.
    named.annotations.insert("org.opencontainers.image.ref.name".into(), "latest".into());
    let index = json!({
        "manifests": [named],
        "mediaType": MediaType::OciIndex,
        "schemaVersion": 2,
    });
    let text = |name: &str, bytes: Vec<u8>| (name.to_owned(), bytes.len() as u64, Content::Bytes(bytes));
    let mut blobs: Vec<(&Descriptor, Content<'_>)> = vec![
        (&image.config.0, Content::Bytes(image.config.1.clone())),
        (&image.manifest.0, Content::Bytes(image.manifest.1.clone())),
    ];
    blobs.extend(image.layers.iter().map(|layer| {
        let content = layer.file.as_deref().map_or(Content::Base(&layer.descriptor), Content::Own);
        (&layer.descriptor, content)
    }));
    blobs.sort_by_key(|(descriptor, _)| descriptor.digest);
    blobs.dedup_by_key(|(descriptor, _)| descriptor.digest);
    let mut files = vec![text("oci-layout", MARK.into()), text("index.json", index.to_string().into_bytes())];
    files.extend(
        blobs.into_iter().map(|(descriptor, content)| {
            (format!("blobs/sha256/{}", descriptor.digest.hex()), descriptor.size, content)
        }),
    );
    files
}
