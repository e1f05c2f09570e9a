use std::fmt;

use ed25519_dalek::SigningKey;
use wb_dock::cap::Failure;
use wb_policy::{HostPattern, Origin, Pattern as _};
use zeroize::Zeroizing;

use super::VaultError;

/// The most bytes of a token.
const MAX_TOKEN: usize = 64 << 10;

/// A value that guests may use and never read.
///
/// A token is put into requests only to hosts named with [`only_to`](Self::only_to):
/// one that names none does not leave the host, and serves for HMAC.
#[derive(Clone)]
pub struct Secret {
    pub(super) content: Content,
    pub(super) hosts: Vec<HostPattern>,
}

#[derive(Clone)]
pub(super) enum Content {
    Token(Zeroizing<Vec<u8>>),
    /// The seed of RFC 8032.
    SigningKey(Zeroizing<[u8; 32]>),
}

/// What a secret is, and so what it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretKind {
    /// Bytes: for HMAC, and to be put into requests.
    Token,
    /// An Ed25519 key: for signing.
    SigningKey,
}

impl Secret {
    /// A token, password or key: 1 byte to 64 KiB.
    pub fn token(value: impl Into<Vec<u8>>) -> Self {
        Self::of(Content::Token(Zeroizing::new(value.into())))
    }

    /// An Ed25519 key by its seed (RFC 8032): 32 bytes of good randomness.
    pub fn signing_key(seed: [u8; 32]) -> Self {
        Self::of(Content::SigningKey(Zeroizing::new(seed)))
    }

    fn of(content: Content) -> Self {
        Self {
            content,
            hosts: Vec::new(),
        }
    }

    /// Permits the secret to be sent to `host`, in addition to those before.
    #[must_use]
    pub fn only_to(mut self, host: HostPattern) -> Self {
        self.hosts.push(host);
        self
    }

    /// What it is.
    pub const fn kind(&self) -> SecretKind {
        match self.content {
            Content::Token(_) => SecretKind::Token,
            Content::SigningKey(_) => SecretKind::SigningKey,
        }
    }

    pub(super) fn public_key(&self) -> Option<[u8; 32]> {
        match &self.content {
            Content::Token(_) => None,
            Content::SigningKey(seed) => {
                Some(SigningKey::from_bytes(seed).verifying_key().to_bytes())
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), VaultError> {
        match &self.content {
            Content::Token(value) if value.is_empty() || value.len() > MAX_TOKEN => {
                Err(VaultError::BadValue(value.len()))
            }
            _ => Ok(()),
        }
    }

    /// The value, to be sent to `origin` under `name`.
    pub(super) fn for_origin(
        &self,
        name: &str,
        origin: &Origin,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let Content::Token(value) = &self.content else {
            return Err(Failure::refused(format!(
                "the secret `{name}` is a signing key, which is never sent"
            )));
        };
        if self.hosts.iter().any(|host| host.permits(origin)) {
            return Ok(value.clone());
        }
        Err(Failure::refused(if self.hosts.is_empty() {
            format!("the secret `{name}` is bound to no host, so it is never sent")
        } else {
            format!("the secret `{name}` is bound to other hosts than `{origin}`")
        }))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("kind", &self.kind())
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token",
            Self::SigningKey => "signing key",
        })
    }
}
