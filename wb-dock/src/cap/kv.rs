use bytes::Bytes;

use super::{Failure, Principal};

/// Keys and values that outlive a run.
///
/// A key is 1 to 512 bytes of UTF-8 and a value at most 1 MiB: larger ones do not
/// reach the service. The grant's scope names the keys in reach.
pub trait Kv: Send + Sync {
    /// The value of `key`, or nothing.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure>;

    /// Sets the value of `key`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the tenant has as many keys as it may.
    fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure>;

    /// Removes `key`; false when there was none.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure>;

    /// The keys that start with `prefix`, in order, at most 10,000.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn list(&self, who: &Principal<'_>, prefix: &str) -> Result<Vec<String>, Failure>;
}
