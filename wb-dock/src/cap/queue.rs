use bytes::Bytes;

use super::{Failure, Principal};

/// Messages from one program to another, in order, each delivered once.
///
/// A topic is 1 to 128 bytes of UTF-8, a message at most 256 KiB.
pub trait Queue: Send + Sync {
    /// Appends a message to `topic`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Limit`](super::FailureKind::Limit) when the topic is full.
    fn publish(&self, who: &Principal<'_>, topic: &str, message: Bytes) -> Result<(), Failure>;

    /// Takes the oldest message of `topic`, or nothing; does not wait.
    ///
    /// # Errors
    ///
    /// When the queue cannot be reached.
    fn poll(&self, who: &Principal<'_>, topic: &str) -> Result<Option<Bytes>, Failure>;
}
