use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use wb_dock::fs::{Files, ImageEntry, Mount};

use crate::jail::NOBODY;
use crate::undo::Undo;

/// Most files that come back from a scratch directory.
const MOST_FILES: usize = 10_000;

/// Most entries that are looked at for these.
const MOST_ENTRIES: usize = 100_000;

/// The longest path that is followed: well below the longest that the system takes.
const LONGEST_PATH: usize = 3072;

/// Bytes of a block, in which `stat(2)` counts what a file takes.
const BLOCK: u64 = 512;

/// What an entry of a directory takes at least.
const PAGE: u64 = 4096;

/// The directory of one native run.
pub(super) struct Scratch {
    root: PathBuf,
    given: Vec<(String, Bytes)>,
    /// Removes it.
    removal: Undo,
}

impl Scratch {
    /// A directory with everything in `mounts`.
    pub(super) fn new(mounts: &[Mount]) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("wb-scratch-").tempdir()?;
        let directory = directory.keep();
        let removed = directory.clone();
        let removal = Undo::new(move || remove(&removed))?;
        // The outer one is closed to other users but can be passed through.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711))?;
        let root = directory.join("work");
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
            root,
            given,
            removal,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// How many bytes over `room` it holds, as the disk counts them and a page for each
    /// entry at least; 0 while there is room. Stops counting where it is over, which it
    /// also is where nobody can look: in a directory that was closed, or lies too deep.
    pub(super) fn over(&self, room: u64) -> u64 {
        let mut taken = 0_u64;
        let mut open = vec![self.root.clone()];
        while let Some(directory) = open.pop() {
            let is_deep = directory.as_os_str().len() > LONGEST_PATH;
            let entries = match fs::read_dir(directory) {
                Err(error) if is_deep || error.kind() == io::ErrorKind::PermissionDenied => {
                    return PAGE;
                }
                Ok(_) if is_deep => return PAGE,
                // What is gone by now takes no room.
                entries => entries,
            };
            for entry in entries.into_iter().flatten().flatten() {
                // Of the link itself where it is one.
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
        let mut seen = 0;
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                seen += 1;
                if seen > MOST_ENTRIES {
                    open.clear();
                    break;
                }
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
        drop(self.removal);
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

/// Removes `directory` with everything in it, however deep it lies and whatever rights
/// were taken away: directories are moved up before they are emptied, so that no path
/// becomes long.
fn remove(directory: &Path) {
    let ours = || fs::Permissions::from_mode(0o700);
    let _ = fs::set_permissions(directory, ours());
    let mut moved = 0_u64;
    // Twice: what a program that is just ending writes may come after the first look.
    for _ in 0..2 {
        let below = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut open: Vec<_> = below.map(|entry| entry.path()).collect();
        while let Some(path) = open.pop() {
            let _ = fs::set_permissions(&path, ours());
            for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    let _ = fs::remove_file(entry.path());
                    continue;
                }
                // To move it, its own entry for what is above has to be writable.
                let _ = fs::set_permissions(entry.path(), ours());
                moved += 1;
                let up = directory.join(moved.to_string());
                if fs::rename(entry.path(), &up).is_ok() {
                    open.push(up);
                }
            }
            let _ = fs::remove_dir(path);
        }
        if fs::remove_dir(directory).is_ok() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{Mode, OFlags};

    use super::*;

    /// Nests `depth` directories below `top`, as a program does that enters each.
    fn nest(top: &Path, depth: usize) {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        let mut at = rustix::fs::open(top, flags, Mode::empty()).unwrap();
        let name = "d".repeat(100);
        for _ in 0..depth {
            rustix::fs::mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, &name, flags, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn nothing_stays_of_deep_or_closed_directories() {
        let scratch = Scratch::new(&[]).unwrap();
        let (root, above) = (scratch.root.clone(), scratch.root.parent().unwrap());
        let above = above.to_owned();
        let closed = root.join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "content").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
        // Deeper than descriptors and the longest path allow.
        nest(&root, 2000);
        assert_eq!(scratch.over(1 << 30), PAGE);
        drop(scratch);
        assert!(!above.exists());
    }
}
