//! Caches kept within bounds: what was used least recently goes first.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How much of a cache stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of all files together.
    pub(crate) bytes: u64,
    /// How long a file may lie unused: long enough that no other version of the
    /// program that shares the cache is still in use.
    pub(crate) unused: Duration,
}

/// What went, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trimmed {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// Removes files below `root` until it is within `bounds`; with `dry_run` it only counts.
///
/// A cache: what cannot be read or removed only keeps its place, and whoever
/// misses a file makes it again.
pub(crate) fn trim(root: &Path, bounds: Bounds, now: SystemTime, dry_run: bool) -> Trimmed {
    let mut files = Vec::new();
    collect(root, &mut files);
    // The newest first: they are those that stay.
    files.sort_unstable_by(|a, b| (b.used, &b.path).cmp(&(a.used, &a.path)));
    let mut kept = 0_u64;
    let mut trimmed = Trimmed::default();
    for file in files {
        let age = now.duration_since(file.used).unwrap_or_default();
        if age <= bounds.unused && kept.saturating_add(file.bytes) <= bounds.bytes {
            kept += file.bytes;
        } else if dry_run || fs::remove_file(&file.path).is_ok() {
            trimmed.files += 1;
            trimmed.bytes += file.bytes;
        }
    }
    if trimmed.files > 0 && !dry_run {
        remove_empty(root);
    }
    trimmed
}

struct Cached {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

fn collect(dir: &Path, files: &mut Vec<Cached>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => collect(&entry.path(), files),
            Ok(meta) if meta.is_file() => files.push(Cached {
                path: entry.path(),
                used: used(&meta),
                bytes: meta.len(),
            }),
            _ => {}
        }
    }
}

/// When a file was last read, as far as the file system keeps that, or written.
fn used(meta: &Metadata) -> SystemTime {
    let times = [meta.accessed(), meta.modified()];
    let latest = times.into_iter().filter_map(Result::ok).max();
    latest.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Removes the directories below `dir` that hold nothing.
fn remove_empty(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
            // Fails where something is left, as it should.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn put(root: &Path, name: &str, bytes: usize, used: SystemTime) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![0; bytes]).unwrap();
        let times = fs::FileTimes::new().set_accessed(used).set_modified(used);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_times(times).unwrap();
    }

    #[test]
    fn the_least_recently_used_go_first_and_the_old_always() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let now = SystemTime::now();
        put(root, "new/a", 10, now);
        put(root, "new/b", 10, now - DAY);
        put(root, "new/c", 10, now - 2 * DAY);
        put(root, "other-engine/d", 1, now - 40 * DAY);
        let bounds = Bounds {
            bytes: 25,
            unused: 30 * DAY,
        };
        let gone = Trimmed {
            files: 2,
            bytes: 11,
        };
        assert_eq!(trim(root, bounds, now, true), gone);
        assert!(root.join("other-engine/d").exists(), "a dry run");
        assert_eq!(trim(root, bounds, now, false), gone);
        assert!(root.join("new/a").exists() && root.join("new/b").exists());
        assert!(!root.join("new/c").exists() && !root.join("other-engine").exists());
        assert_eq!(trim(root, bounds, now, false), Trimmed::default());
        assert_eq!(
            trim(&root.join("none"), bounds, now, false),
            Trimmed::default()
        );
    }
}
