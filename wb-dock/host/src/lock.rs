use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::atomic::{self, Mode};

/// An advisory lock on a file, held until it is dropped.
///
/// The system releases it when the process ends, however it ends, so a killed
/// writer never leaves the nexus locked. The lock file itself stays: removing it
/// would let two processes lock two different files of one name.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else holds the lock at `path`.
    ///
    /// # Errors
    ///
    /// What the system said when it opened or locked the file.
    pub fn exclusive(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(Self { _file: file })
    }

    /// Waits until nobody holds the lock at `path` exclusively.
    ///
    /// # Errors
    ///
    /// As [`Lock::exclusive`].
    pub fn shared(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock_shared()?;
        Ok(Self { _file: file })
    }

    /// Takes the lock at `path` if nobody holds it; `None` if somebody does.
    ///
    /// # Errors
    ///
    /// As [`Lock::exclusive`].
    pub fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Opens the lock file, private to the user, creating it if need be.
fn open(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        atomic::create_dir(dir, Mode::Private)?;
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nexus/lock");
        let held = Lock::exclusive(&path).unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_exclusive(&path).unwrap().is_some());
        let (_one, _two) = (Lock::shared(&path).unwrap(), Lock::shared(&path).unwrap());
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
    }
}
