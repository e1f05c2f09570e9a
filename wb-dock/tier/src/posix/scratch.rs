use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;
use wb_dock::fs::{Files, ImageEntry, Mount};

use crate::jail::NOBODY;

/// Most files that come back from a scratch directory.
const MOST_FILES: usize = 10_000;

/// Bytes of a block, in which `stat(2)` counts what a file takes.
const BLOCK: u64 = 512;

/// What an entry of a directory takes at least.
const PAGE: u64 = 4096;

/// The directory of one native run.
pub(super) struct Scratch {
    directory: TempDir,
    root: PathBuf,
    given: Vec<(String, Bytes)>,
}

impl Scratch {
    /// A directory with everything in `mounts`.
    pub(super) fn new(mounts: &[Mount]) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("wb-scratch-").tempdir()?;
        // The outer one is closed to other users but can be passed through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711))?;
        let root = directory.path().join("work");
        fs::create_dir(&root)?;
        let mut given = Vec::new();
        for mount in mounts {
            let at = mount.at().trim_matches('/');
            for (path, entry) in mount.image().entries() {
                // Paths of images have no `..` in them; links could lead out and are
                // left away.
                let inside = format!("{at}/{path}").trim_matches('/').to_owned();
                match entry {
                    ImageEntry::Directory => fs::create_dir_all(root.join(&inside))?,
                    ImageEntry::File(content) => {
                        let path = root.join(&inside);
                        fs::create_dir_all(path.parent().unwrap_or(&root))?;
                        fs::write(path, content)?;
                        given.push((format!("/{inside}"), content.clone()));
                    }
                    ImageEntry::Symlink(_) => {}
                }
            }
        }
        if rustix::process::geteuid().is_root() {
            give_away(&root)?;
        }
        Ok(Self {
            directory,
            root,
            given,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// How many bytes over `room` it holds, as the disk counts them and a page for each
    /// entry at least; 0 while there is room. Stops counting where it is over.
    pub(super) fn over(&self, room: u64) -> u64 {
        let mut taken = 0_u64;
        let mut open = vec![self.root.clone()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                // Of the link itself where it is one. What is gone by now takes no room.
                let Ok(data) = entry.metadata() else {
                    continue;
                };
                let bytes = data.blocks().saturating_mul(BLOCK);
                taken = taken.saturating_add(bytes.max(PAGE));
                if taken > room {
                    return taken - room;
                }
                if data.is_dir() {
                    open.push(entry.path());
                }
            }
        }
        0
    }

    /// The files that are in it, of `room` bytes at most. Links are not followed.
    pub(super) fn into_files(self, room: u64) -> Files {
        let mut found = Vec::new();
        let mut room = room;
        let mut open = vec![self.root.clone()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                let path = entry.path();
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_file()
                    && let Ok(size) = entry.metadata().map(|data| data.len())
                    && size <= room
                    && found.len() < MOST_FILES
                    && let Ok(content) = fs::read(&path)
                    && let Some(name) = path.strip_prefix(&self.root).ok().and_then(Path::to_str)
                {
                    room -= size;
                    let (name, content) = (format!("/{name}"), Bytes::from(content));
                    let held = self.given.iter().find(|(path, _)| *path == name);
                    let is_changed = held.is_none_or(|(_, before)| *before != content);
                    found.push((name, content, is_changed));
                }
            }
        }
        drop(self.directory);
        Files::listed(found)
    }
}

/// The binary runs as another user than the superuser.
fn give_away(path: &Path) -> io::Result<()> {
    chown(path, Some(NOBODY), Some(NOBODY))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            give_away(&entry?.path())?;
        }
    }
    Ok(())
}
