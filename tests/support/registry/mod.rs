//! A registry in this process, whose every answer a test may replace; and what goes into one.

#![allow(unused_imports, reason = "each test file uses a part")]

mod server;
mod store;

use std::time::Duration;

use pack::progress::{Progress, Verbosity};
use pack::registry::{
    Client, Credential, Credentials, Descriptor, MediaType, Options, Patience, Reference, Repository, Sent, Source,
    Upload,
};

pub(crate) use server::{Question, Reply, Server};
pub(crate) use store::Store;

/// As little patience as lets a test see that there is some.
pub(crate) fn options() -> Options {
    let patience = Patience {
        attempts: 5,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(4),
        asked: Duration::from_millis(600),
    };
    Options { patience, ..Options::default() }
}

pub(crate) fn quiet() -> Progress {
    Progress::new(Verbosity::Quiet)
}

pub(crate) fn client(options: Options) -> Client {
    Client::new(options).unwrap()
}

pub(crate) fn password(user: &str, password: &str) -> Credentials {
    Credentials::given(Credential::Password { user: user.into(), password: password.to_owned().into() })
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// An image whose layers are any bytes: nothing here looks into them.
pub(crate) struct Image {
    pub(crate) config: Vec<u8>,
    pub(crate) layers: Vec<Vec<u8>>,
    pub(crate) descriptors: Vec<Descriptor>,
    pub(crate) manifest: Vec<u8>,
}

impl Image {
    pub(crate) fn new(layers: &[&[u8]]) -> Self {
        let config =
            br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}}"#.to_vec();
        let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.to_vec()).collect();
        let mut descriptors: Vec<_> = layers.iter().map(|layer| Descriptor::of(MediaType::OciLayer, layer)).collect();
        let config_descriptor = Descriptor::of(MediaType::OciConfig, &config);
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OciManifest,
            "config": config_descriptor,
            "layers": descriptors,
        });
        descriptors.push(config_descriptor);
        Self { config, layers, descriptors, manifest: serde_json::to_vec(&manifest).unwrap() }
    }

    /// Layers, then the configuration.
    pub(crate) fn uploads(&self) -> Vec<Upload<'_>> {
        let blobs = self.layers.iter().chain([&self.config]);
        let source = |(descriptor, bytes)| Upload { descriptor, source: Source::Bytes(bytes), mount_from: None };
        self.descriptors.iter().zip(blobs.map(Vec::as_slice)).map(source).collect()
    }

    pub(crate) fn push(&self, repository: &Repository<'_>, tag: &str) -> pack::error::Result<Vec<Sent>> {
        let sent = repository.push_blobs(&self.uploads())?;
        let asked = pack::registry::Asked::Tag(tag.into());
        repository.push_manifest(&asked, &MediaType::OciManifest, &self.manifest)?;
        Ok(sent)
    }
}

/// An error with all that is ever shown of it.
pub(crate) fn shown(error: &pack::error::Error) -> String {
    format!("{error}\nhint: {}\n{error:?}", error.hint().unwrap_or_default())
}
