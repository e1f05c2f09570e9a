use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wb_dock::fs::{Files, Image, ImageEntry, Mount};

use super::list;

/// A mount with everything in it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireMount {
    at: String,
    writable: bool,
    entries: Vec<(String, WireEntry)>,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireEntry {
    File(Bytes),
    Directory,
    Symlink(String),
}

impl From<&Mount> for WireMount {
    fn from(mount: &Mount) -> Self {
        let entries = mount.image().entries().into_iter().map(|(path, entry)| {
            let entry = match entry {
                ImageEntry::File(content) => WireEntry::File(content.clone()),
                ImageEntry::Directory => WireEntry::Directory,
                ImageEntry::Symlink(target) => WireEntry::Symlink(target.to_owned()),
            };
            (path, entry)
        });
        Self {
            at: mount.at().to_owned(),
            writable: mount.is_writable(),
            entries: entries.collect(),
        }
    }
}

impl TryFrom<WireMount> for Mount {
    type Error = wb_dock::Error;

    fn try_from(wire: WireMount) -> Result<Self, wb_dock::Error> {
        let mut image = Image::builder();
        for (path, entry) in wire.entries {
            match entry {
                WireEntry::File(content) => image.file(&path, content)?,
                WireEntry::Directory => image.directory(&path)?,
                WireEntry::Symlink(target) => image.symlink(&path, &target)?,
            };
        }
        let image = image.finish();
        Ok(if wire.writable {
            Self::writable(wire.at, image)
        } else {
            Self::read_only(wire.at, image)
        })
    }
}

/// The writable files a run left: path, content, whether it was changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct WireFiles(
    #[serde(deserialize_with = "list::at_most::<_, _, { list::FILES }>")]
    pub(crate)  Vec<(String, Bytes, bool)>,
);

impl From<&Files> for WireFiles {
    fn from(files: &Files) -> Self {
        // Both lists are in the order of paths.
        let mut changed = files.changed().into_iter().map(|(path, _)| path).peekable();
        let all = files.all().into_iter().map(|(path, content)| {
            let is_changed = changed.next_if(|next| *next == path).is_some();
            (path, content, is_changed)
        });
        Self(all.collect())
    }
}

impl From<WireFiles> for Files {
    fn from(wire: WireFiles) -> Self {
        Self::listed(wire.0)
    }
}
