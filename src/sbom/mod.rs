//! The SBOM of an artifact: CycloneDX 1.6 as JSON, with every distribution that is in it. `a.zip` has it in `a.zip.cdx.json`.
//!
//! `found.rs` reads METADATA in the artifact, `make.rs` joins it with pack's record; [`model`](self::model) is the format. What
//! must stay true: it names its artifact by digest, and the same artifact with the same record has the same bytes of it on any
//! machine; no URL of an index and no path of this machine is in it. Source: <https://cyclonedx.org/docs/1.6/json/>.

mod found;
mod make;
mod model;
mod purl;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use make::bom;
pub use model::Bom;

use crate::check::sources::Contents;
use crate::error::{Error, Result};
use crate::report::Measured;

/// Where that of an artifact is.
pub fn beside(artifact: &Path) -> PathBuf {
    // `folder/` is `folder`; `.` is called as the folder is.
    let path = artifact.components().as_path();
    let own = if path.file_name().is_none() { path.canonicalize().ok() } else { None };
    let mut name = OsString::from(own.as_deref().unwrap_or(path));
    name.push(".cdx.json");
    name.into()
}

/// That of an artifact, as text.
pub fn json(measured: &Measured, contents: &Contents) -> Result<String> {
    let text = serde_json::to_string_pretty(&bom(measured, contents)?)
        .map_err(|error| Error::io("write", "JSON")(error.into()))?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_beside_whatever_the_folder_is_called() {
        assert_eq!(beside(Path::new("dist/app.zip")), Path::new("dist/app.zip.cdx.json"));
        assert_eq!(beside(Path::new("dist/folder/")), Path::new("dist/folder.cdx.json"));
        let here = Path::new(".").canonicalize().unwrap();
        for path in [".", "./", "src/.."] {
            assert_eq!(beside(Path::new(path)), PathBuf::from(format!("{}.cdx.json", here.display())), "{path}");
        }
    }
}
