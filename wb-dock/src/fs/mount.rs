use wb_policy::Budget;

use super::image::{Image, components};
use super::node::{Body, Directory, FileType, NodeRef};
use super::tree::{FileSystem, MountedImage, ROOT};
use crate::error::{Error, ErrorKind};

/// An [`Image`] at a place in the file system of a guest.
///
/// The place is a path from the root of the guest, with or without `/` before it. A mount
/// below another covers a part of it; two at one place are
/// [`BadPath`](crate::ErrorKind::BadPath) when the guest is started.
#[derive(Clone, Debug)]
pub struct Mount {
    at: String,
    image: Image,
    writable: bool,
}

impl Mount {
    /// Shows `image` at the path `at`; writing there fails with `EROFS`.
    pub fn read_only(at: impl Into<String>, image: Image) -> Self {
        Self {
            at: at.into(),
            image,
            writable: false,
        }
    }

    /// Shows `image` at the path `at` as the start of a tree the guest may change.
    ///
    /// The image stays as it is; the changed tree comes back in the outcome.
    pub fn writable(at: impl Into<String>, image: Image) -> Self {
        Self {
            at: at.into(),
            image,
            writable: true,
        }
    }

    /// Where it is.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// What is there.
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Whether the guest may change it.
    pub const fn is_writable(&self) -> bool {
        self.writable
    }
}

impl FileSystem {
    /// Mounts everything into one tree; without mounts there is no tree at all.
    pub(crate) fn new(mounts: Vec<Mount>, budget: &Budget) -> Result<Self, Error> {
        let mut fs = Self::empty(budget);
        if mounts.is_empty() {
            return Ok(fs);
        }
        fs.allocate(Body::Directory(Directory::new(ROOT)), false, 0)?;
        fs.nodes[ROOT as usize].links = 1;
        fs.nodes[ROOT as usize].mounted = true;
        let mut mounts = mounts;
        // The outer mount comes first, so that the inner one covers a part of it.
        mounts.sort_by_key(|mount| components(&mount.at).map_or(0, |parts| parts.len()));
        for mount in mounts {
            fs.mount(mount)?;
        }
        Ok(fs)
    }

    fn mount(&mut self, mount: Mount) -> Result<(), Error> {
        let bad = |reason: &'static str| {
            Error::from(ErrorKind::BadPath {
                path: mount.at.clone(),
                reason: reason.into(),
            })
        };
        let parts = components(&mount.at).map_err(bad)?;
        let mut at = ROOT;
        for part in &parts {
            let child = self.directory(at).and_then(|directory| directory.get(part));
            at = match child {
                Some(node) if self.filetype(node) == FileType::Directory => {
                    self.adopt(at, part, node)?
                }
                Some(_) => return Err(bad("a part of it is a file")),
                None => {
                    let writable = self.nodes[at as usize].writable;
                    let new = self.allocate(Body::Directory(Directory::new(at)), writable, 0)?;
                    self.link_entry(at, part, NodeRef::Own(new))?;
                    new
                }
            };
        }
        let occupied = self.images.iter().any(|mounted| mounted.root == at)
            || self
                .directory(at)
                .is_some_and(|entries| !entries.is_empty());
        if occupied {
            return Err(bad("something is mounted there already"));
        }
        // The way to a mount cannot be moved away from under it.
        let mut up = at;
        while up != ROOT {
            self.nodes[up as usize].mounted = true;
            up = self
                .directory(up)
                .map_or(ROOT, |directory| directory.parent);
        }
        self.nodes[at as usize].writable = mount.writable;
        let image = self.images.len() as u32;
        self.images.push(MountedImage {
            image: mount.image,
            root: at,
        });
        let parent = self
            .directory(at)
            .map_or(ROOT, |directory| directory.parent);
        self.fill_directory(at, parent, image, 0)?;
        Ok(())
    }
}
