//! Images of registries: fetched into a temporary layout, but for layers that are known already.
//!
//! What must stay true: the registry's client has compared every digest; no more is fetched than the largest image that
//! Lambda takes.

use crate::aws;
use crate::check::sources::{Contents, Unpacked, contents, fetch_image};
use crate::error::{Error, Result};
use crate::lambda::{Architecture, IMAGE_BYTES};
use crate::progress::Progress;
use crate::registry::{Client, Options, Reference};

/// How registries are asked.
pub struct Registries<'a> {
    /// The command that asks, as messages name it.
    pub command: &'static str,
    /// Which image of an index is meant, or of an archive with several.
    pub architecture: Architecture,
    /// Whether registries on other machines may speak plain HTTP.
    pub insecure: bool,
    /// The profile of AWS's configuration files that is asked for ECR's passwords.
    pub profile: Option<&'a str>,
    /// Who tells what goes on.
    pub progress: &'a Progress,
}

impl Registries<'_> {
    /// What the image that a reference names has.
    pub(super) fn contents(&self, name: &str, unpacked: &mut Unpacked) -> Result<Contents> {
        let reference: Reference = name.parse().map_err(|reason| {
            Error::usage(format!("{name}: {reason}"), "example: registry.example.com/team/job:1.4")
        })?;
        let credentials = aws::registry_credentials(self.profile);
        let client = Client::new(Options { insecure: self.insecure, credentials, ..Options::default() })?;
        let repository = client.repository(&reference, self.progress)?;
        let manifest = repository.image(&reference.asked(), self.architecture)?;
        let packed = manifest.layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
        if packed > IMAGE_BYTES {
            let reason = format!("its layers have {packed} bytes; an image of Lambda has at most {IMAGE_BYTES}");
            return Err(Error::Compare { path: name.to_owned(), reason });
        }
        let folder = tempfile::tempdir().map_err(Error::io("write", std::env::temp_dir()))?;
        fetch_image(&repository, &manifest, &|digest| unpacked.has(digest), folder.path(), self.progress)?;
        contents(folder.path(), Some(self.architecture), unpacked).map_err(|error| match error {
            Error::Compare { reason, .. } => Error::Compare { path: name.to_owned(), reason },
            error => error,
        })
    }
}
