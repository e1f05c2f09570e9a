use wb_dock::cap::{Failure, Principal};
use wb_policy::Origin;
use zeroize::Zeroizing;

/// Puts secrets into what leaves the host. The vault implements it; guests cannot reach it.
pub trait Fill: Send + Sync {
    /// `text` with each `{{secret:NAME}}` replaced by the secret of `who`'s tenant.
    ///
    /// A secret is filled only where `origin` is one of the hosts that it is bound to; one that is
    /// bound to none is never sent.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Refused`](wb_dock::cap::FailureKind::Refused) without the capability `secrets`,
    /// outside of its scope, or for another origin than the secret is bound to;
    /// [`FailureKind::NotFound`](wb_dock::cap::FailureKind::NotFound) when there is none of this name,
    /// [`FailureKind::Limit`](wb_dock::cap::FailureKind::Limit) when the filled text would have more
    /// than 16 MiB, [`FailureKind::Unavailable`](wb_dock::cap::FailureKind::Unavailable) when the
    /// vault cannot be read.
    fn fill(&self, who: &Principal<'_>, origin: &Origin, text: &[u8]) -> Result<Filled, Failure>;
}

/// A text with its secrets in place.
#[derive(Clone, Default)]
pub struct Filled {
    /// What is sent.
    pub text: Zeroizing<Vec<u8>>,
    /// The values that were put in, so that a response can be cleared of them.
    pub values: Vec<Zeroizing<Vec<u8>>>,
}

/// The keys of the host itself, for example to a language model. No guest can name one.
pub trait Keys: Send + Sync {
    /// The key called `name`, to be shown to `origin`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Unavailable`](wb_dock::cap::FailureKind::Unavailable) when there is none of this
    /// name or the vault cannot be read, [`FailureKind::Refused`](wb_dock::cap::FailureKind::Refused)
    /// when it is not for `origin`.
    fn key(&self, name: &str, origin: &Origin) -> Result<Zeroizing<Vec<u8>>, Failure>;
}

impl<F> Keys for F
where
    F: Fn(&str, &Origin) -> Result<Zeroizing<Vec<u8>>, Failure> + Send + Sync,
{
    fn key(&self, name: &str, origin: &Origin) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self(name, origin)
    }
}
