//! Packages whose wheel is for any system: what they have for one is an extra that they can do without.

use std::collections::BTreeSet;

use super::{folder, name};
use crate::check::files::Files;
use crate::error::Result;

/// The folders of such packages, by the distribution's name: `/var/task/debugpy`. A package of another name than its
/// distribution's is not found, and then judged as if it were not pure.
pub(super) fn packages(files: &Files) -> Result<BTreeSet<String>> {
    let mut pure = BTreeSet::new();
    for (path, file) in &files.files {
        let Some(distribution) = folder(path).strip_suffix(".dist-info").filter(|_| name(path) == "WHEEL") else {
            continue;
        };
        let text = files.read(file)?;
        let tags: Vec<&[u8]> = text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"Tag:")).collect();
        if !tags.is_empty() && tags.iter().all(|tag| tag.trim_ascii_end().ends_with(b"-any")) {
            let of = name(distribution).split('-').next().unwrap_or_default();
            pure.insert(format!("{}/{}", folder(distribution), of.to_ascii_lowercase()));
        }
    }
    Ok(pure)
}
