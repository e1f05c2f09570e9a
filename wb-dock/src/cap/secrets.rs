use bytes::Bytes;

use super::{Failure, Principal};

/// Uses secrets on a guest's behalf. There is deliberately no way to read one.
///
/// The template `{{secret:NAME}}` in a request's headers or body is filled where the
/// request leaves the host, by the service behind [`Net`](super::Net).
pub trait Secrets: Send + Sync {
    /// Whether the tenant has a secret called `name`.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn present(&self, who: &Principal<'_>, name: &str) -> Result<bool, Failure>;

    /// The Ed25519 signature of `data` by the key called `name`: 64 bytes (RFC 8032).
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is none,
    /// [`FailureKind::BadRequest`](super::FailureKind::BadRequest) when it is not a signing key.
    fn sign(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure>;

    /// The HMAC-SHA256 of `data` under the secret called `name`: 32 bytes (RFC 2104).
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`](super::FailureKind::NotFound) when there is none.
    fn hmac(&self, who: &Principal<'_>, name: &str, data: &[u8]) -> Result<Bytes, Failure>;
}
