//! Artifacts by the hash of their bytes.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wb_manifest::Digest;

/// A place that keeps bytes under their digest.
///
/// Putting the same bytes twice keeps one copy. Nothing is ever overwritten,
/// so whoever holds a digest holds the content.
pub trait Store: Send + Sync {
    /// Keeps `bytes` and returns their name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backend`] when the place does not take them.
    fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError>;

    /// The bytes called `digest`, hashed again before they are handed out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] and [`StoreError::Corrupt`].
    fn get(&self, digest: &Digest) -> Result<Bytes, StoreError>;

    /// Whether there are bytes called `digest`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backend`].
    fn contains(&self, digest: &Digest) -> Result<bool, StoreError>;

    /// Deletes the bytes called `digest`; nothing happens if there are none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backend`].
    fn remove(&self, digest: &Digest) -> Result<(), StoreError>;

    /// Every digest there is, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backend`].
    fn list(&self) -> Result<Vec<Digest>, StoreError>;
}

/// A store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing is kept under the digest.
    #[error("no artifact `{0}` in the store")]
    Missing(Digest),
    /// What is kept under the digest is not what was put there.
    #[error("artifact `{wanted}` is damaged: its bytes have the sha256 `{found}`")]
    Corrupt {
        /// The name of the artifact.
        wanted: Digest,
        /// The digest of the bytes found.
        found: Digest,
    },
    /// The place itself failed: a full disk, a refused permission.
    #[error("the artifact store failed: {0}")]
    Backend(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// An error of the place behind the store.
    pub fn backend(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Backend(source.into())
    }

    /// The stable code of the error, for example `registry/artifact-missing`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "registry/artifact-missing",
            Self::Corrupt { .. } => "registry/artifact-corrupt",
            Self::Backend(_) => "registry/store-failed",
        }
    }
}

/// The bytes, if they are the ones called `wanted`.
///
/// For implementations of [`Store::get`]: what a place kept is a claim until it
/// is hashed again.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when they are not.
pub fn check_artifact(wanted: &Digest, bytes: Bytes) -> Result<Bytes, StoreError> {
    let found = Digest::of(&bytes);
    if found == *wanted {
        Ok(bytes)
    } else {
        Err(StoreError::Corrupt {
            wanted: *wanted,
            found,
        })
    }
}

/// A store that lives as long as the process.
///
/// # Examples
///
/// ```
/// use wb_registry::{MemoryStore, Store};
///
/// let store = MemoryStore::default();
/// let digest = store.put(b"\0asm")?;
/// assert_eq!(store.get(&digest)?, b"\0asm"[..]);
/// # Ok::<(), wb_registry::StoreError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    artifacts: Mutex<BTreeMap<Digest, Bytes>>,
}

impl MemoryStore {
    /// A thread that panicked has left the map whole, since each change is one call.
    fn artifacts(&self) -> MutexGuard<'_, BTreeMap<Digest, Bytes>> {
        self.artifacts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.artifacts()
            .entry(digest)
            .or_insert_with(|| Bytes::copy_from_slice(bytes));
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Bytes, StoreError> {
        let found = self.artifacts().get(digest).cloned();
        check_artifact(digest, found.ok_or(StoreError::Missing(*digest))?)
    }

    fn contains(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.artifacts().contains_key(digest))
    }

    fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        self.artifacts().remove(digest);
        Ok(())
    }

    fn list(&self) -> Result<Vec<Digest>, StoreError> {
        Ok(self.artifacts().keys().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_once_under_their_hash() {
        let store = MemoryStore::default();
        let digest = store.put(b"one").unwrap();
        assert_eq!(store.put(b"one").unwrap(), digest);
        assert_eq!(store.list().unwrap(), [digest]);
        assert!(store.contains(&digest).unwrap());
        store.remove(&digest).unwrap();
        store.remove(&digest).unwrap();
        assert_eq!(
            store.get(&digest).unwrap_err().code(),
            "registry/artifact-missing"
        );
    }

    #[test]
    fn damaged_bytes_are_not_handed_out() {
        let store = MemoryStore::default();
        let digest = store.put(b"one").unwrap();
        store.artifacts().insert(digest, Bytes::from_static(b"two"));
        let error = store.get(&digest).unwrap_err();
        assert_eq!(error.code(), "registry/artifact-corrupt");
        assert!(error.to_string().contains(&Digest::of(b"two").to_string()));
    }
}
