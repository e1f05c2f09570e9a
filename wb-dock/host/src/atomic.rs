//! Files that are either the old one or the new one, whole, whatever happens in between.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What a file written aside is called until it is whole.
const PREFIX: &str = ".wb-tmp-";

/// A leftover younger than this may belong to a write in progress.
const STALE: Duration = Duration::from_hours(1);

/// How a written file may be used afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Read and written by its owner only (0600).
    Private,
    /// Read by its owner only (0400): the file is named by its content.
    Sealed,
    /// Source text in the user's own directories: as their umask says.
    Shared,
}

/// How much a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: the file and its name are on the disk when the call returns.
    Synced,
    /// The file may be lost; it is a cache and is checked before it is used.
    Cache,
}

/// Replaces `path` by `bytes` in one step.
///
/// A reader, a `kill -9` or a full disk sees the old file or the new one, never
/// a part. Missing parent directories are made, private to the user.
///
/// # Errors
///
/// What the system said; the old file is untouched then.
pub fn write(path: &Path, bytes: &[u8], mode: Mode, durability: Durability) -> io::Result<()> {
    let dir = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_dir(dir, mode)?;
    let mut file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(dir)?;
    file.write_all(bytes)?;
    set_mode(file.as_file(), mode)?;
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|failed| failed.error)?;
    if durability == Durability::Synced {
        sync_dir(dir)?;
    }
    Ok(())
}

/// Writes the file `path`, which nobody else knows of yet, without waiting for the disk.
///
/// For what is written aside as a whole: [`sync_all`] before the rename that
/// publishes it is one wait instead of one a file.
///
/// # Errors
///
/// What the system said; a file that is there already is not touched.
pub fn write_aside(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let dir = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_dir(dir, mode)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    set_mode(&file, mode)
}

/// Puts everything below `dir` on the disk: files, their names and `dir` itself.
///
/// # Errors
///
/// What the system said.
pub fn sync_all(dir: &Path) -> io::Result<()> {
    // One call for the whole file system, where there is one.
    #[cfg(target_os = "linux")]
    {
        rustix::fs::syncfs(File::open(dir)?).map_err(io::Error::from)
    }
    #[cfg(not(target_os = "linux"))]
    {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                sync_all(&entry.path())?;
            } else {
                File::open(entry.path())?.sync_all()?;
            }
        }
        sync_dir(dir)
    }
}

/// Creates `dir` and its missing parents: private (0700) unless the mode is [`Mode::Shared`].
///
/// # Errors
///
/// What the system said.
pub fn create_dir(dir: &Path, mode: Mode) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    if mode != Mode::Shared {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(dir)
}

/// Puts the names in `dir` on the disk, so that a rename survives a crash.
///
/// # Errors
///
/// What the system said. Systems without a way to do it count as done.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(dir)?.sync_all() {
        // Some network file systems cannot sync a directory.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
        other => return other,
    }
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

/// Removes what writes that were killed have left in `dir`, and counts it.
///
/// Only files an hour old go: a younger one may still be written to.
///
/// # Errors
///
/// What the system said when it listed `dir`; a missing `dir` holds nothing.
pub fn sweep(dir: &Path) -> io::Result<usize> {
    sweep_older(dir, STALE)
}

/// As [`sweep`], for a `dir` where whoever writes holds the lock that the caller holds:
/// every leftover is somebody's who was killed.
///
/// # Errors
///
/// As [`sweep`].
pub fn sweep_locked(dir: &Path) -> io::Result<usize> {
    sweep_older(dir, Duration::ZERO)
}

fn sweep_older(dir: &Path, least: Duration) -> io::Result<usize> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let meta = entry.metadata()?;
        let age = SystemTime::now().duration_since(meta.modified()?);
        // A time to come is a clock that was set back, and says nothing.
        if age.map_or(least.is_zero(), |age| age >= least) {
            let gone = if meta.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed += usize::from(gone.is_ok());
        }
    }
    Ok(removed)
}

/// A new private directory in `dir`, with the name that [`sweep`] knows.
///
/// # Errors
///
/// What the system said.
pub fn scratch_dir(dir: &Path, mode: Mode) -> io::Result<tempfile::TempDir> {
    create_dir(dir, mode)?;
    tempfile::Builder::new().prefix(PREFIX).tempdir_in(dir)
}

/// Gives `file` the permissions of `mode`.
fn set_mode(file: &File, mode: Mode) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let bits = match mode {
            // `tempfile` creates 0600.
            Mode::Private => return Ok(()),
            Mode::Sealed => 0o400,
            Mode::Shared => 0o666 & !umask(),
        };
        file.set_permissions(fs::Permissions::from_mode(bits))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, mode);
        Ok(())
    }
}

/// The bits that the user's shell takes from new files.
#[cfg(unix)]
pub(crate) fn umask() -> u32 {
    use std::sync::OnceLock;
    static UMASK: OnceLock<u32> = OnceLock::new();
    // The mask can only be read by setting it, which other threads would see;
    // Linux also tells it, and elsewhere the usual one has to do.
    *UMASK.get_or_init(|| {
        fs::read_to_string("/proc/self/status")
            .ok()
            .and_then(|status| {
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix("Umask:"))?;
                u32::from_str_radix(line.trim(), 8).ok()
            })
            .unwrap_or(0o022)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/registry.json");
        write(&path, b"one", Mode::Private, Durability::Synced).unwrap();
        write(&path, b"two", Mode::Private, Durability::Cache).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = dir.path().join("nexus/key");
        write(&path, b"", Mode::Private, Durability::Cache).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        write(&path, b"", Mode::Sealed, Durability::Cache).unwrap();
        assert_eq!(mode(&path), 0o400);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        // A directory in the way: the rename at the end fails.
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(write(&path, b"new", Mode::Private, Durability::Synced).is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_old_leftovers_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".wb-tmp-old", ".wb-tmp-new", "kept"] {
            fs::write(dir.path().join(name), b"half").unwrap();
        }
        let old = File::options()
            .write(true)
            .open(dir.path().join(".wb-tmp-old"))
            .unwrap();
        old.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        assert_eq!(sweep(dir.path()).unwrap(), 1);
        assert!(dir.path().join(".wb-tmp-new").exists());
        assert!(dir.path().join("kept").exists());
        assert_eq!(sweep(&dir.path().join("missing")).unwrap(), 0);
        fs::create_dir(dir.path().join(".wb-tmp-dir")).unwrap();
        assert_eq!(sweep_locked(dir.path()).unwrap(), 2);
        assert!(dir.path().join("kept").exists());
    }
}
