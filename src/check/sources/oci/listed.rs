//! A tar whose files are looked up by name: that of a layout, or what `docker save` writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::super::links::{self, Astray, Links, Patience};
use super::layer::{self, Kind};
use super::store::{Checked, is_tar};
use crate::error::{Error, Result};

/// Where each file's bytes are in it.
#[derive(Debug)]
pub(super) struct Listed {
    /// Open.
    pub file: Arc<File>,
    /// Offset and length by path.
    pub places: BTreeMap<String, (u64, u64)>,
    links: Links,
}

impl Listed {
    /// The tar at a path, or why it is none; nothing of what does not begin as one.
    pub(super) fn of(path: &Path) -> Result<Option<Checked<Self>>> {
        if !is_tar(path)? {
            return Ok(None);
        }
        let file = Arc::new(File::open(path).map_err(Error::io("read", path))?);
        let entries = match layer::entries(&file, &mut layer::Room::default()) {
            Ok(entries) => entries,
            Err(reason) => return Ok(Some(Err(reason))),
        };
        let (mut places, mut links) = (BTreeMap::new(), Links::new());
        // Of two entries the later one counts, as where it is unpacked.
        for entry in entries {
            places.remove(&entry.path);
            links.remove(&entry.path);
            match entry.kind {
                Kind::File { offset, size, .. } => drop(places.insert(entry.path, (offset, size))),
                Kind::Link { target } => drop(links.insert(entry.path, target)),
                Kind::HardLink { target } => drop(links.insert(entry.path, format!("/{target}"))),
                Kind::Folder { .. } | Kind::Other => {}
            }
        }
        Ok(Some(Ok(Self { file, places, links })))
    }

    /// The file that a path of the tar leads to.
    pub(super) fn place(&self, path: &str) -> Checked<(u64, u64)> {
        let shown: String = path.chars().take(200).collect();
        let target = links::resolve(path, &self.links, &mut Patience::default()).map_err(|astray| match astray {
            Astray::Circle => format!("the links of {shown:?} go in circles, or get too long"),
            Astray::Exhausted => format!("the links of {shown:?} are too many to follow"),
        })?;
        self.places.get(&target).copied().ok_or_else(|| format!("{shown:?} is missing"))
    }
}
