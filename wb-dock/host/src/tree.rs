//! Directories of this machine as [`Tree`]s, and back.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use wb_manifest::{RelPath, Tree};
use wb_registry::MAX_DEPTH;

use crate::atomic::{self, Durability, Mode};
use crate::error::{Error, ErrorKind};

/// Version control and installed packages: never part of a source tree.
const SKIPPED: [&str; 5] = [".git", ".hg", ".jj", ".svn", "node_modules"];

/// How large a source tree may be.
///
/// The defaults leave room for any hand-written project with its vendored
/// libraries; they stop a walk that was started in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLimits {
    /// Files in the tree.
    pub files: usize,
    /// Bytes of all files together.
    pub total: u64,
    /// Directories below each other.
    pub depth: usize,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self {
            files: 20_000,
            total: 256 << 20,
            depth: MAX_DEPTH,
        }
    }
}

/// Reads the directory `root` into memory.
///
/// Symbolic links are refused wherever they lead, also as `root`'s last
/// component's children, so that the tree holds nothing that lies elsewhere.
/// `.git` and its like and `node_modules` are passed over.
///
/// # Errors
///
/// [`ErrorKind::Symlink`], [`ErrorKind::NotRegular`] and [`ErrorKind::BadName`]
/// name the entry, [`ErrorKind::TooLarge`] the limit, [`ErrorKind::NotFound`] a
/// missing `root`.
pub fn read(root: &Path, limits: TreeLimits) -> Result<Tree, Error> {
    let mut walk = Walk {
        limits,
        tree: Tree::new(),
        total: 0,
    };
    let shown = root.file_name().unwrap_or(root.as_os_str());
    let canonical = root
        .canonicalize()
        .map_err(|error| Error::io("read", shown.to_string_lossy(), error))?;
    walk.directory(&canonical, "", 0)?;
    Ok(walk.tree)
}

/// A walk in progress.
struct Walk {
    limits: TreeLimits,
    tree: Tree,
    total: u64,
}

impl Walk {
    /// Adds what is in `dir`, whose path in the tree is `prefix`.
    fn directory(&mut self, dir: &Path, prefix: &str, depth: usize) -> Result<(), Error> {
        if depth > self.limits.depth {
            return Err(too_large("nesting of directories", self.limits.depth));
        }
        let shown = if prefix.is_empty() { "." } else { prefix };
        let fail = |error| Error::io("list", shown, error);
        for entry in fs::read_dir(dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(bad_name(&name.to_string_lossy(), "not UTF-8"));
            };
            if SKIPPED.contains(&name) {
                continue;
            }
            let path = if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}/{name}")
            };
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_symlink() {
                return Err(ErrorKind::Symlink { name: path }.into());
            } else if kind.is_dir() {
                self.directory(&entry.path(), &path, depth + 1)?;
            } else if kind.is_file() {
                self.file(&entry.path(), &path)?;
            } else {
                return Err(ErrorKind::NotRegular { name: path }.into());
            }
        }
        Ok(())
    }

    /// Adds the file at `host`, whose path in the tree is `path`.
    fn file(&mut self, host: &Path, path: &str) -> Result<(), Error> {
        if self.tree.len() == self.limits.files {
            return Err(too_large("the number of files", self.limits.files));
        }
        let left = self.limits.total - self.total;
        let bytes = read_regular(host, left).map_err(|error| Error::io("read", path, error))?;
        let Some(bytes) = bytes else {
            let limit = format!("{} MiB", self.limits.total >> 20);
            let what = "the size of all files".to_owned();
            return Err(ErrorKind::TooLarge { what, limit }.into());
        };
        self.total += bytes.len() as u64;
        let rel: RelPath = path
            .parse()
            .map_err(|reason| bad_name(path, &format!("{reason}")))?;
        self.tree.insert(rel, bytes);
        Ok(())
    }
}

/// Reads a regular file of at most `limit` bytes; `None` if it has more.
///
/// The entry may have been swapped for a link since it was listed: the file is
/// opened without following one, and a pipe cannot block the walk.
fn read_regular(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if meta.len() > limit {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Reads one file of at most `limit` bytes; messages call it by its last component.
///
/// # Errors
///
/// As [`read_named`].
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let name = path.file_name().unwrap_or_default();
    read_named(path, &name.to_string_lossy(), limit)
}

/// Reads one file of at most `limit` bytes, called `shown` in messages.
///
/// # Errors
///
/// [`ErrorKind::NotFound`], [`ErrorKind::TooLarge`], or what the system said.
pub fn read_named(path: &Path, shown: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let fail = |error| Error::io("read", shown, error);
    let file = File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        let what = format!("`{shown}`");
        return Err(too_large_bytes(what, limit));
    }
    Ok(bytes)
}

/// The directory `inner` of `root`, with every link on the way resolved.
///
/// # Errors
///
/// [`ErrorKind::Outside`] if it leads out of `root`, [`ErrorKind::NotFound`] if
/// it is not there.
pub fn confined(root: &Path, inner: &str) -> Result<PathBuf, Error> {
    let fail = |error| Error::io("read", inner, error);
    let root = root.canonicalize().map_err(fail)?;
    let path = root.join(inner).canonicalize().map_err(fail)?;
    if path.starts_with(&root) {
        Ok(path)
    } else {
        Err(ErrorKind::Outside { name: inner.into() }.into())
    }
}

/// Writes `tree` as the new directory `dest`: all of it or, on a failure, nothing.
///
/// # Errors
///
/// [`ErrorKind::Exists`] if `dest` is there, [`ErrorKind::DiskFull`], or what the system said.
pub fn write_new(tree: &Tree, dest: &Path, mode: Mode) -> Result<(), Error> {
    let name = dest.file_name().unwrap_or_default().to_string_lossy();
    let fail = |error| Error::io("write", &*name, error);
    let parent = dest.parent().unwrap_or(Path::new("."));
    // A rename over an empty directory would succeed.
    if dest.symlink_metadata().is_ok() {
        return Err(ErrorKind::Exists { name: name.into() }.into());
    }
    let aside = atomic::scratch_dir(parent, mode).map_err(fail)?;
    for (path, bytes) in tree {
        atomic::write_aside(&aside.path().join(path.as_path()), bytes, mode)
            .map_err(|error| Error::io("write", path.as_str(), error))?;
    }
    atomic::sync_all(aside.path()).map_err(fail)?;
    open_to_others(aside.path(), mode).map_err(fail)?;
    fs::rename(aside.path(), dest).map_err(fail)?;
    // Renamed: there is nothing left to remove.
    let _ = aside.keep();
    atomic::sync_dir(parent).map_err(fail)
}

/// Writes the files of `tree` over those in `dest`, each in one step; other files stay.
///
/// # Errors
///
/// [`ErrorKind::Symlink`] if a directory on the way is a link,
/// [`ErrorKind::DiskFull`], or what the system said.
pub fn write_over(tree: &Tree, dest: &Path, mode: Mode) -> Result<(), Error> {
    for (path, _) in tree {
        let mut dir = dest.to_owned();
        for component in path.as_path().parent().into_iter().flatten() {
            dir.push(component);
            let link = dir.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
            if link {
                let name = component.to_owned();
                return Err(ErrorKind::Symlink { name }.into());
            }
        }
    }
    for (path, bytes) in tree {
        let host = dest.join(path.as_path());
        atomic::write(&host, bytes, mode, Durability::Synced)
            .map_err(|error| Error::io("write", path.as_str(), error))?;
    }
    Ok(())
}

/// Temporary directories are private; one that becomes the user's own is as their umask says.
fn open_to_others(dir: &Path, mode: Mode) -> io::Result<()> {
    #[cfg(unix)]
    if mode == Mode::Shared {
        use std::os::unix::fs::PermissionsExt as _;
        let bits = 0o777 & !atomic::umask();
        fs::set_permissions(dir, fs::Permissions::from_mode(bits))?;
    }
    #[cfg(not(unix))]
    let _ = (dir, mode);
    Ok(())
}

fn too_large(what: &str, limit: usize) -> Error {
    let (what, limit) = (what.to_owned(), limit.to_string());
    ErrorKind::TooLarge { what, limit }.into()
}

fn too_large_bytes(what: String, limit: u64) -> Error {
    let limit = format!("{} MiB", limit >> 20);
    ErrorKind::TooLarge { what, limit }.into()
}

fn bad_name(name: &str, reason: &str) -> Error {
    let (name, reason) = (name.to_owned(), reason.to_owned());
    ErrorKind::BadName { name, reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &'static str)]) -> Tree {
        let files = files.iter();
        files
            .map(|&(path, text)| (path.parse().unwrap(), text.into()))
            .collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let source = tree(&[
            ("manifest.org", "* t"),
            ("src/lib/a.c", "int a;"),
            ("e", ""),
        ]);
        let dest = dir.path().join("toolkits/t");
        write_new(&source, &dest, Mode::Shared).unwrap();
        assert_eq!(read(&dest, TreeLimits::default()).unwrap(), source);
        let again = write_new(&source, &dest, Mode::Shared).unwrap_err();
        assert_eq!(again.code(), "host/exists");
        assert_eq!(
            fs::read_dir(dir.path().join("toolkits")).unwrap().count(),
            1
        );
    }

    #[test]
    fn writing_over_keeps_what_is_not_in_the_tree() {
        let dir = tempfile::tempdir().unwrap();
        write_over(&tree(&[("a", "1"), ("b", "2")]), dir.path(), Mode::Shared).unwrap();
        write_over(&tree(&[("b", "3")]), dir.path(), Mode::Shared).unwrap();
        let found = read(dir.path(), TreeLimits::default()).unwrap();
        assert_eq!(found, tree(&[("a", "1"), ("b", "3")]));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_wherever_they_lead() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("t");
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("here"), "inside").unwrap();
        for target in ["/etc/passwd", "../here", "missing", ".."] {
            let link = root.join("src/link");
            symlink(target, &link).unwrap();
            let error = read(&root, TreeLimits::default()).unwrap_err();
            assert_eq!(error.code(), "host/symlink", "{target}");
            assert!(
                error
                    .to_string()
                    .starts_with("`src/link` is a symbolic link")
            );
            fs::remove_file(link).unwrap();
        }
        symlink(dir.path(), root.join("out")).unwrap();
        let over = write_over(&tree(&[("out/x", "1")]), &root, Mode::Shared).unwrap_err();
        assert_eq!(over.code(), "host/symlink");
        assert!(!dir.path().join("x").exists());
        assert_eq!(confined(&root, "out").unwrap_err().code(), "host/outside");
        assert_eq!(confined(&root, "..").unwrap_err().code(), "host/outside");
        assert_eq!(confined(&root, "no").unwrap_err().code(), "host/not-found");
        assert!(confined(&root, "src").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_refused_and_a_swapped_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        let error = read(dir.path(), TreeLimits::default()).unwrap_err();
        assert_eq!(error.code(), "host/not-regular");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
        assert!(read_regular(&link, 1 << 20).is_err());
    }

    #[test]
    fn limits_stop_a_walk_that_started_in_the_wrong_place() {
        let dir = tempfile::tempdir().unwrap();
        write_over(
            &tree(&[("a/b/c", "123"), ("d", "45")]),
            dir.path(),
            Mode::Shared,
        )
        .unwrap();
        let ample = TreeLimits::default();
        let refused = |limits| read(dir.path(), limits).unwrap_err().to_string();
        assert_eq!(
            refused(TreeLimits { files: 1, ..ample }),
            "the number of files is over the limit of 1"
        );
        assert!(refused(TreeLimits { total: 4, ..ample }).starts_with("the size of all files"));
        assert!(refused(TreeLimits { depth: 1, ..ample }).starts_with("nesting of directories"));
        assert!(read_file(&dir.path().join("a/b/c"), 2).is_err());
    }

    #[test]
    fn version_control_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let all = tree(&[
            (".git/HEAD", "x"),
            ("node_modules/m/i.js", "x"),
            ("kept", "x"),
        ]);
        write_over(&all, dir.path(), Mode::Shared).unwrap();
        let found = read(dir.path(), TreeLimits::default()).unwrap();
        assert_eq!(found, tree(&[("kept", "x")]));
    }

    #[test]
    fn a_missing_root_is_named_without_its_path() {
        let error = read(Path::new("/nowhere/at/all"), TreeLimits::default()).unwrap_err();
        assert_eq!(error.to_string(), "no such file: `all`");
    }
}
