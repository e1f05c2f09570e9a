use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::closure;
use crate::undo::Undo;

/// A root file system with one binary and what it needs, removed when dropped.
#[derive(Debug)]
pub(crate) struct Root {
    /// Holds the root, and beside it what a runtime keeps for itself.
    scratch: PathBuf,
    /// The binary's path inside.
    binary: String,
    /// Removes it.
    _removal: Undo,
}

/// Where a container finds its scratch directory, if it has one.
pub(crate) const SCRATCH: &str = "/scratch";

impl Root {
    /// Copies `binary` to `inside`, which is absolute, and its libraries to where its
    /// loader looks.
    ///
    /// # Errors
    ///
    /// `InvalidData` for what is no ELF file; `NotFound` for a library that is nowhere.
    pub(crate) fn new(binary: &Path, inside: String) -> io::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("wb-container-").tempdir()?;
        let scratch = scratch.keep();
        let removed = scratch.clone();
        let removal = Undo::new(move || drop(fs::remove_dir_all(removed)))?;
        let root = Self {
            scratch,
            binary: inside,
            _removal: removal,
        };
        for directory in ["proc", "dev", "lib", "tmp", "scratch"] {
            fs::create_dir_all(root.path().join(directory))?;
        }
        // Runtimes give what they mount there the mode of what they find.
        fs::set_permissions(root.path().join("tmp"), Permissions::from_mode(0o1777))?;
        root.copy(binary, Path::new(&root.binary))?;
        for (inside, here) in closure::of(binary)? {
            root.copy(&here, &inside)?;
        }
        Ok(root)
    }

    /// The directory that becomes `/`.
    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.join("root")
    }

    /// A directory for what a runtime keeps beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// The binary's path inside.
    pub(crate) fn binary(&self) -> &str {
        &self.binary
    }

    /// Copies a file as one that everybody may run: the user in the container is
    /// another.
    fn copy(&self, from: &Path, inside: &Path) -> io::Result<()> {
        let to = self.path().join(inside.strip_prefix("/").unwrap_or(inside));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, &to)?;
        fs::set_permissions(to, Permissions::from_mode(0o755))
    }
}
